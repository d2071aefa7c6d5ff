//! What a user's presence is, and what others see of it: rules without I/O.

use chrono::{DateTime, Duration, Utc};
use diesel::prelude::*;
use parlor_platform::config;
use parlor_platform::schema::users;
use parlor_protocol::presence::UpdatePresence;
use parlor_protocol::{Patch, Presence, Status};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What is shown of who has chosen no other colour.
pub const COLOR: &str = "#22c55e";
/// `last_seen_at` is written no more often.
const MINUTE: Duration = Duration::seconds(60);

/// The columns of a user.
#[derive(Clone, Debug, PartialEq, Queryable, Selectable)]
#[diesel(table_name = users)]
pub struct PresenceRow {
    pub online: bool,
    pub status: String,
    pub resting: Option<String>,
    pub status_text: Option<String>,
    pub status_color: String,
    pub status_expires_at: Option<DateTime<Utc>>,
    pub status_before: Option<Value>,
    pub last_seen_at: Option<DateTime<Utc>>,
}

impl Default for PresenceRow {
    fn default() -> Self {
        Self {
            online: false,
            status: Status::Online.as_str().to_owned(),
            resting: None,
            status_text: None,
            status_color: COLOR.to_owned(),
            status_expires_at: None,
            status_before: None,
            last_seen_at: None,
        }
    }
}

/// What a choice with an end replaced.
#[derive(Serialize, Deserialize)]
struct Before {
    status: String,
    status_text: Option<String>,
    status_color: String,
}

impl PresenceRow {
    /// What the user chose.
    pub fn chosen(&self) -> Status {
        Status::parse(&self.status).unwrap_or_default()
    }

    pub fn is_invisible(&self) -> bool {
        self.chosen() == Status::Invisible
    }

    /// As the user sees it.
    pub fn own(&self) -> Presence {
        let rested = self.resting.as_deref().and_then(Status::parse);
        let status = match self.chosen() {
            Status::Online => rested.unwrap_or(Status::Online),
            chosen => chosen,
        };
        Presence {
            online: self.online,
            status,
            status_text: self.status_text.clone(),
            status_color: self.status_color.clone(),
            last_seen_at: self.last_seen_at,
        }
    }

    /// As others see it.
    pub fn shown(&self) -> Presence {
        let own = self.own();
        let online = own.online && !self.is_invisible();
        Presence { online, status: if online { own.status } else { Status::Offline }, ..own }
    }

    /// What may be shown of a time at which the user did something.
    pub fn hides_after(&self, time: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
        if self.is_invisible() { time.min(self.last_seen_at) } else { time }
    }

    /// A session began.
    pub fn came(&mut self, now: DateTime<Utc>) {
        let back = !self.online;
        self.online = true;
        if back && !self.is_invisible() {
            self.last_seen_at = Some(now);
        }
        self.active(now);
    }

    /// The user did something.
    pub fn active(&mut self, now: DateTime<Utc>) {
        let rested = self.resting.take().is_some();
        let is_old = self.last_seen_at.is_none_or(|seen| now - seen >= MINUTE);
        if (rested || is_old) && !self.is_invisible() {
            self.last_seen_at = Some(now);
        }
    }

    /// No session is left since then.
    pub fn left(&mut self, at: DateTime<Utc>) {
        if self.online && !self.is_invisible() {
            self.last_seen_at = self.last_seen_at.max(Some(at));
        }
        self.online = false;
        self.resting = None;
    }

    /// Time has passed without the user doing anything.
    pub fn rest(&mut self, now: DateTime<Utc>, rules: &config::Presence) {
        let still = self.last_seen_at.map_or(Duration::zero(), |seen| now - seen);
        let after = |seconds: u32| still >= Duration::seconds(i64::from(seconds));
        let rested = match self.chosen() {
            Status::Online if self.online && after(rules.away_s) => Some(Status::Away),
            Status::Online if self.online && after(rules.idle_s) => Some(Status::Idle),
            _ => None,
        };
        self.resting = rested.map(|status| status.as_str().to_owned());
    }

    /// The user chose. What changes nothing leaves all as it is, also when it ends.
    pub fn choose(&mut self, change: &UpdatePresence, now: DateTime<Utc>) {
        let mut next = self.clone();
        if let Some(status) = change.status {
            status.as_str().clone_into(&mut next.status);
        }
        change.status_text.clone().apply(&mut next.status_text);
        match &change.status_color {
            Patch::Absent => {}
            Patch::Clear => COLOR.clone_into(&mut next.status_color),
            Patch::Set(color) => next.status_color = color.to_lowercase(),
        }
        next.status_before = change.expires_at.map(|_| self.before());
        next.status_expires_at = change.expires_at;
        if next.chosen() != Status::Online {
            next.resting = None;
        }
        // Hiding looks like leaving, and showing oneself like coming.
        if next.is_invisible() != self.is_invisible() && self.online {
            next.last_seen_at = Some(now);
        }
        *self = next;
    }

    /// The choice has ended: back to what was before.
    pub fn expire(&mut self, now: DateTime<Utc>) {
        if self.status_expires_at.is_none_or(|at| at > now) {
            return;
        }
        let was_invisible = self.is_invisible();
        let before = self.status_before.take().and_then(|before| serde_json::from_value(before).ok());
        self.status_expires_at = None;
        if let Some(Before { status, status_text, status_color }) = before {
            (self.status, self.status_text, self.status_color) = (status, status_text, status_color);
        }
        if was_invisible != self.is_invisible() && self.online {
            self.last_seen_at = Some(now);
        }
    }

    /// What a choice with an end returns to: what was there before the first of them.
    fn before(&self) -> Value {
        self.status_before.clone().unwrap_or_else(|| {
            json!({ "status": self.status, "status_text": self.status_text, "status_color": self.status_color })
        })
    }
}

/// Whether others see a difference. That somebody was seen later is none.
pub fn differs(one: &Presence, other: &Presence) -> bool {
    Presence { last_seen_at: other.last_seen_at, ..one.clone() } != *other
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + Duration::seconds(seconds)
    }

    fn rules() -> config::Presence {
        config::Presence { grace_ms: 0, check_ms: 0, idle_s: 300, away_s: 1800, watching_members: 0 }
    }

    fn online(status: Status) -> PresenceRow {
        let mut row = PresenceRow { status: status.as_str().to_owned(), ..PresenceRow::default() };
        row.came(at(0));
        row
    }

    fn choose(row: &mut PresenceRow, change: Value, now: DateTime<Utc>) {
        row.choose(&serde_json::from_value(change).unwrap(), now);
    }

    #[test]
    fn others_see_who_is_there_and_what_they_chose() {
        for (chosen, shown) in [
            (Status::Online, Status::Online),
            (Status::Idle, Status::Idle),
            (Status::Away, Status::Away),
            (Status::Dnd, Status::Dnd),
            (Status::Invisible, Status::Offline),
        ] {
            let mut row = online(chosen);
            assert_eq!((row.shown().status, row.own().status), (shown, chosen));
            assert_eq!(row.shown().online, chosen != Status::Invisible);
            row.left(at(5));
            assert_eq!((row.shown().status, row.shown().online), (Status::Offline, false));
        }
    }

    #[test]
    fn who_does_nothing_rests_and_who_does_something_is_back() {
        let mut row = online(Status::Online);
        for (second, status) in
            [(299, Status::Online), (300, Status::Idle), (1799, Status::Idle), (1800, Status::Away)]
        {
            row.rest(at(second), &rules());
            assert_eq!(row.shown().status, status, "after {second} s");
        }
        row.active(at(1801));
        assert_eq!((row.shown().status, row.last_seen_at), (Status::Online, Some(at(1801))));
        let mut row = online(Status::Dnd);
        row.rest(at(5000), &rules());
        assert_eq!(row.shown().status, Status::Dnd, "their own word stands");
        let mut gone = online(Status::Online);
        gone.left(at(1));
        gone.rest(at(5000), &rules());
        assert_eq!(gone.resting, None);
    }

    #[test]
    fn last_seen_moves_once_a_minute_and_at_the_end() {
        let mut row = online(Status::Online);
        row.active(at(59));
        assert_eq!(row.last_seen_at, Some(at(0)));
        row.active(at(60));
        assert_eq!(row.last_seen_at, Some(at(60)));
        row.left(at(70));
        assert_eq!(row.last_seen_at, Some(at(70)));
        row.left(at(80));
        assert_eq!(row.last_seen_at, Some(at(70)), "they had left already");
    }

    #[test]
    fn hiding_is_as_leaving() {
        let mut hidden = online(Status::Online);
        let mut gone = hidden.clone();
        choose(&mut hidden, json!({ "status": "invisible" }), at(10));
        gone.left(at(10));
        for step in 0..4 {
            assert_eq!(hidden.shown(), gone.shown(), "step {step}");
            assert_eq!(hidden.hides_after(Some(at(500))), Some(at(10)));
            match step {
                0 => hidden.active(at(500)),
                1 => hidden.left(at(600)),
                2 => hidden.came(at(700)),
                _ => hidden.rest(at(9_000), &rules()),
            }
        }
        choose(&mut hidden, json!({ "status": "online" }), at(9_500));
        assert_eq!((hidden.shown().online, hidden.last_seen_at), (true, Some(at(9_500))));
    }

    #[test]
    fn a_choice_with_an_end_returns_to_what_was_before_the_first() {
        let mut row = online(Status::Online);
        choose(&mut row, json!({ "status_text": "here", "status_color": "#ABCDEF" }), at(1));
        let before = row.clone();
        choose(&mut row, json!({ "status": "dnd", "expires_at": at(100) }), at(2));
        choose(
            &mut row,
            json!({ "status_text": "lunch", "status_color": null, "expires_at": at(200) }),
            at(3),
        );
        assert_eq!((row.status.as_str(), row.status_color.as_str()), ("dnd", COLOR));
        row.expire(at(199));
        assert_eq!(row.status_text.as_deref(), Some("lunch"));
        row.expire(at(200));
        assert_eq!(row, before);
        // One without an end stays.
        choose(&mut row, json!({ "status": "away", "expires_at": at(300) }), at(201));
        choose(&mut row, json!({ "status": "idle" }), at(202));
        row.expire(at(400));
        assert_eq!(row.status, "idle");
    }

    #[test]
    fn being_seen_later_is_no_difference() {
        let row = online(Status::Online);
        let later = PresenceRow { last_seen_at: Some(at(500)), ..row.clone() };
        assert!(!differs(&row.shown(), &later.shown()));
        assert!(differs(&row.shown(), &online(Status::Dnd).shown()));
    }
}
