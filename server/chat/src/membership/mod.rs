//! What a channel is to one of its members alone: pinned, archived, muted, hidden, how much they want to hear of it, and
//! from where on they read it.
//!
//! A change of it is a change of the user, told on the user's own channel; other members never see it. What ends by itself
//! is computed and never written: a mute by the clock, hiding by the channel's next countable message. So sending writes
//! nothing here, however many have hidden the channel.
//!
//! Whoever clears a channel's history, or comes to one that hides what was before, reads from `history_from_seq` on.
//! `history_ordinal` says how many countable messages are before that, so that unread counts stay a subtraction.

pub mod routes;
mod store;
mod update;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use parlor_platform::schema::channel_members;
use parlor_platform::{Error, Result};
use parlor_protocol::membership::{Hidden, Hide, MemberSettings, Mute, Muted, UpdateMembership};
use parlor_protocol::{Notifications, Patch};

use crate::channels::store::ChannelRow;

/// What is stored of it.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, AsChangeset)]
#[diesel(table_name = channel_members, treat_none_as_null = true)]
pub struct Settings {
    pinned_at: Option<DateTime<Utc>>,
    archived_at: Option<DateTime<Utc>>,
    muted_at: Option<DateTime<Utc>>,
    muted_until: Option<DateTime<Utc>>,
    hidden_ordinal: Option<i64>,
    notifications: String,
    pub history_from_seq: i64,
    history_ordinal: i64,
}

/// The mute of these two times, if it is on.
pub fn muted(
    since: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Option<Muted> {
    since.filter(|_| until.is_none_or(|until| until > now)).map(|since| Muted { since, until })
}

impl Settings {
    /// Without what is over.
    fn at(self, now: DateTime<Utc>) -> Self {
        match muted(self.muted_at, self.muted_until, now) {
            Some(_) => self,
            None => Self { muted_at: None, muted_until: None, ..self },
        }
    }

    /// After a change that was checked, in a channel that is like this.
    fn changed(self, request: &UpdateMembership, channel: &ChannelRow, now: DateTime<Utc>) -> Self {
        let mut new = self;
        let switch = |since: Option<DateTime<Utc>>, on: Option<bool>| match on {
            None => since,
            Some(true) => since.or(Some(now)),
            Some(false) => None,
        };
        new.pinned_at = switch(new.pinned_at, request.pinned);
        new.archived_at = switch(new.archived_at, request.archived);
        match request.muted {
            Patch::Absent => {}
            Patch::Clear => (new.muted_at, new.muted_until) = (None, None),
            Patch::Set(Mute { until }) => {
                // As precise as what is stored, so that a repetition is one.
                let until = until.and_then(|until| DateTime::from_timestamp_micros(until.timestamp_micros()));
                (new.muted_at, new.muted_until) = (new.muted_at.or(Some(now)), until);
            }
        }
        match request.hidden {
            None => {}
            Some(Hidden::Switch(false)) => new.hidden_ordinal = None,
            Some(Hidden::Switch(true) | Hidden::Hide(Hide { clear_history: false })) => {
                new.hidden_ordinal = Some(channel.ordinal);
            }
            Some(Hidden::Hide(Hide { clear_history: true })) => {
                new.hidden_ordinal = Some(channel.ordinal);
                if new.history_from_seq <= channel.seq {
                    (new.history_from_seq, new.history_ordinal) = (channel.seq + 1, channel.ordinal);
                }
            }
        }
        if let Some(notifications) = request.notifications {
            notifications.as_str().clone_into(&mut new.notifications);
        }
        new
    }

    /// As the member sees it, in a channel with so many countable messages.
    pub fn view(&self, ordinal: i64, user_seq: i64, now: DateTime<Utc>) -> Result<MemberSettings> {
        let notifications = Notifications::parse(&self.notifications)
            .ok_or_else(|| Error::internal("a stored choice of notifications is unknown"))?;
        Ok(MemberSettings {
            pinned_at: self.pinned_at,
            archived_at: self.archived_at,
            muted: muted(self.muted_at, self.muted_until, now),
            hidden: self.hidden_ordinal.is_some_and(|hidden| ordinal <= hidden),
            notifications,
            history_from_seq: self.history_from_seq,
            history_ordinal: self.history_ordinal,
            user_seq,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::Duration;
    use serde_json::json;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + Duration::seconds(seconds)
    }

    fn fresh() -> Settings {
        Settings {
            pinned_at: None,
            archived_at: None,
            muted_at: None,
            muted_until: None,
            hidden_ordinal: None,
            notifications: "all".to_owned(),
            history_from_seq: 0,
            history_ordinal: 0,
        }
    }

    fn channel(seq: i64, ordinal: i64) -> ChannelRow {
        ChannelRow {
            id: uuid::Uuid::nil(),
            kind: "team".to_owned(),
            cid: "team:x".to_owned(),
            name: None,
            image: None,
            custom: json!({}),
            config: json!({}),
            created_by: None,
            seq,
            ordinal,
            member_count: 1,
            last_message_at: None,
            created_at: at(0),
            updated_at: at(0),
            tags: Vec::new(),
            truncated_seq: 0,
            truncated_ordinal: 0,
        }
    }

    fn change(settings: Settings, request: serde_json::Value, channel: &ChannelRow, now: i64) -> Settings {
        let request: UpdateMembership = serde_json::from_value(request).unwrap();
        settings.at(at(now)).changed(&request, channel, at(now))
    }

    #[test]
    fn a_repetition_keeps_the_first_time() {
        let request = json!({
            "pinned": true, "archived": true, "muted": { "until": at(50) }, "hidden": true, "notifications": "none",
        });
        let once = change(fresh(), request.clone(), &channel(5, 3), 10);
        assert_eq!(change(once.clone(), request, &channel(5, 3), 20), once);
        assert_eq!(change(once.clone(), json!({}), &channel(5, 3), 20), once);
        let undo = json!({ "pinned": false, "archived": false, "muted": null, "hidden": false, "notifications": "all" });
        assert_eq!(change(once, undo, &channel(5, 3), 30), fresh());
    }

    #[test]
    fn a_mute_ends_by_the_clock_and_hiding_by_a_message() {
        let set =
            change(fresh(), json!({ "muted": { "until": at(50) }, "hidden": true }), &channel(5, 3), 10);
        let view = |ordinal, now| set.view(ordinal, 1, at(now)).unwrap();
        assert_eq!((view(3, 49).muted.is_some(), view(3, 49).hidden), (true, true));
        assert_eq!((view(3, 50).muted.is_some(), view(4, 50).hidden), (false, false));
        let again = change(set, json!({ "muted": {} }), &channel(5, 3), 60);
        assert_eq!(
            muted(again.muted_at, again.muted_until, at(61)),
            Some(Muted { since: at(60), until: None })
        );
    }

    #[test]
    fn history_is_cleared_up_to_now_and_only_forwards() {
        let clear = json!({ "hidden": { "clear_history": true } });
        let once = change(fresh(), clear.clone(), &channel(5, 3), 10);
        assert_eq!((once.history_from_seq, once.history_ordinal), (6, 3));
        assert_eq!(change(once.clone(), clear.clone(), &channel(5, 3), 20), once);
        let later = change(once.clone(), clear, &channel(9, 3), 20);
        assert_eq!((later.history_from_seq, later.history_ordinal), (10, 3));
        let shown = change(once, json!({ "hidden": false }), &channel(5, 3), 20);
        assert_eq!(shown.history_from_seq, 6, "what was cleared does not come back");
    }
}
