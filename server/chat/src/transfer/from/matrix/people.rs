//! Who is named in a room, and who is in it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use parlor_protocol::Role;
use parlor_protocol::transfer::{Line, MemberLine};
use serde_json::Value;

use super::{time, user_of};
use crate::transfer::from::{name, text, user};

/// All who are named, by the name that they had last.
pub fn people(events: &[&Value], creator: Option<&str>) -> Vec<Line> {
    let mut names: BTreeMap<&str, Option<&str>> = BTreeMap::new();
    for event in events {
        if let Some(sender) = text(event, "/sender") {
            names.entry(sender).or_default();
        }
        if text(event, "/type") == Some("m.room.member")
            && let Some(who) = text(event, "/state_key")
        {
            let shown = text(event, "/content/displayname");
            let known = names.entry(who).or_default();
            *known = shown.or(*known);
        }
    }
    if let Some(creator) = creator {
        names.entry(creator).or_default();
    }
    let line = |(id, shown): (&str, Option<&str>)| {
        let mut line = user(user_of(id));
        line.name = Some(name(shown.unwrap_or(id)));
        Line::User(line)
    };
    names.into_iter().map(line).collect()
}

/// Who is in the room at the end.
pub fn members(cid: &str, events: &[&Value], creator: Option<&str>) -> Vec<Line> {
    let mut joined: BTreeMap<&str, Option<DateTime<Utc>>> = BTreeMap::new();
    for event in events.iter().filter(|event| text(event, "/type") == Some("m.room.member")) {
        let Some(who) = text(event, "/state_key") else { continue };
        if text(event, "/content/membership") == Some("join") {
            joined.entry(who).or_insert(time(event));
        } else {
            joined.remove(who);
        }
    }
    let line = |(id, joined_at): (&str, _)| {
        let role = if creator == Some(id) { Role::Owner } else { Role::Member };
        Line::Member(MemberLine { channel: cid.to_owned(), user_id: user_of(id), role, joined_at })
    };
    joined.into_iter().map(line).collect()
}
