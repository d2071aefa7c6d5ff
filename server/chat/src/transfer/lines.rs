//! Reading lines: what they are, whether they hold by themselves, and the ids that follow from them. Pure.

mod poll;

use std::mem::take;

use chrono::{DateTime, Datelike, Duration, Utc};
use parlor_platform::crypto::sha256;
use parlor_platform::{Error, Result};
use parlor_protocol::limits::{DISTINCT_MEMBERS, IMPORT_ID_BYTES};
use parlor_protocol::message::SendMessage;
use parlor_protocol::transfer::{ChannelLine, Line, MessageLine, OwnLine, UserLine};
use parlor_protocol::{AppId, ChannelId, ChannelType, ContentType, ErrorCode, MessageId, UserId};
use uuid::Uuid;

pub use poll::keeps_counts;

use crate::messages::send;
use crate::validate;

/// What a line is, in the order in which an import works them off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    User,
    Channel,
    Member,
    Message,
    Reaction,
    Read,
    /// What belongs to a user alone, which only exports have: an import passes over it.
    Own,
}

impl Kind {
    /// All kinds that are imported, in order.
    pub const ALL: [Self; 6] =
        [Self::User, Self::Channel, Self::Member, Self::Message, Self::Reaction, Self::Read];

    /// What is counted of it.
    pub fn plural(self) -> &'static str {
        match self {
            Self::User => "users",
            Self::Channel => "channels",
            Self::Member => "members",
            Self::Message => "messages",
            Self::Reaction => "reactions",
            Self::Read => "reads",
            Self::Own => "own",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Channel => "channel",
            Self::Member => "member",
            Self::Message => "message",
            Self::Reaction => "reaction",
            Self::Read => "read",
            Self::Own => "own",
        }
    }

    /// What a line is, by its first words, without reading all of it; `None` for what is no line of ours.
    pub fn of(line: &[u8]) -> Option<Self> {
        let rest = line.trim_ascii_start().strip_prefix(b"{")?.trim_ascii_start().strip_prefix(b"\"")?;
        let is =
            |name: &str| rest.strip_prefix(name.as_bytes()).is_some_and(|rest| rest.first() == Some(&b'"'));
        let own = || OwnLine::NAMES.into_iter().any(is).then_some(Self::Own);
        Self::ALL.into_iter().find(|kind| is(kind.name())).or_else(own)
    }
}

/// Reads a line and checks all that needs nothing but the line. What a message says is settled as on a send.
pub fn read(line: &[u8], now: DateTime<Utc>) -> Result<Line> {
    if crate::web::has_nul(line) {
        return Err(ErrorCode::NulByte.into());
    }
    let mut line: Line = serde_json::from_slice(line).map_err(|error| {
        let code = if error.is_data() { ErrorCode::InvalidRequest } else { ErrorCode::InvalidJson };
        Error::with(code, format!("The line does not fit: {error}."))
    })?;
    check(&mut line, now)?;
    Ok(line)
}

fn check(line: &mut Line, now: DateTime<Utc>) -> Result<()> {
    let times = match line {
        Line::User(user) => {
            check_user(user)?;
            [user.created_at, user.deactivated_at, None]
        }
        Line::Channel(channel) => {
            check_channel(channel)?;
            [channel.created_at, None, None]
        }
        Line::Member(member) => {
            kind_of_cid(&member.channel)?;
            [member.joined_at, None, None]
        }
        Line::Message(message) => {
            check_message(message)?;
            [Some(message.created_at), message.edited_at, message.deleted_at]
        }
        Line::Reaction(reaction) => {
            check_id(&reaction.message_id)?;
            validate::reaction(&reaction.kind, reaction.score)?;
            [reaction.created_at, None, None]
        }
        Line::Read(read) => {
            kind_of_cid(&read.channel)?;
            for id in [&read.message_id, &read.hidden_up_to].into_iter().flatten() {
                check_id(id)?;
            }
            [read.read_at, None, None]
        }
    };
    // A day's grace for clocks that differ.
    let wrong = |time: &DateTime<Utc>| time.year() < 1970 || *time > now + Duration::days(1);
    match times.iter().flatten().find(|time| wrong(time)) {
        Some(time) => Err(Error::with(
            ErrorCode::InvalidRequest,
            format!("The time {time} is before 1970 or still to come."),
        )),
        None => Ok(()),
    }
}

fn check_user(user: &UserLine) -> Result<()> {
    if UserId::RESERVED.contains(&user.id.as_str()) {
        return Err(ErrorCode::ReservedId.into());
    }
    validate::name(user.name.as_ref())?;
    validate::image(user.image.as_ref())?;
    validate::custom(&user.custom)
}

fn check_channel(channel: &ChannelLine) -> Result<()> {
    kind_of_cid(&channel.cid)?;
    validate::name(channel.name.as_ref())?;
    validate::image(channel.image.as_ref())?;
    validate::custom(&channel.custom)?;
    validate::tags(channel.tags.clone())?;
    validate::retention(channel.config.retention_days)?;
    let mut members: Vec<&UserId> = channel.distinct.iter().collect();
    members.sort_unstable();
    members.dedup();
    let all_are_told = members.len() == channel.distinct.len();
    let fits = members.is_empty() || (all_are_told && (2..=DISTINCT_MEMBERS).contains(&members.len()));
    if fits { Ok(()) } else { Err(ErrorCode::TooManyMembers.into()) }
}

fn check_message(message: &mut MessageLine) -> Result<()> {
    kind_of_cid(&message.channel)?;
    for id in
        [Some(&message.id), message.parent_id.as_ref(), message.reply_to_id.as_ref()].into_iter().flatten()
    {
        check_id(id)?;
    }
    if message.deleted_at.is_some() {
        validate::content(&message.text, &message.attachments, &message.mentions, &message.custom)?;
        message.visible_to.as_deref().map_or(Ok(()), validate::visible_to)?;
    } else {
        settle(message)?;
    }
    let (pin, poll) = (message.pinned.as_ref(), message.poll.as_ref());
    let times = [
        pin.map(|pin| &pin.at),
        pin.and_then(|pin| pin.expires_at.as_ref()),
        message.forwarded_from.as_ref().map(|from| &from.created_at),
        poll.and_then(|poll| poll.closes_at.as_ref()),
        poll.and_then(|poll| poll.closed_at.as_ref()),
    ];
    times.into_iter().try_for_each(|time| validate::readable_time(time, ErrorCode::InvalidRequest))?;
    if message.pinned.is_some() && message.parent_id.is_some() {
        return Err(ErrorCode::InvalidThread.into());
    }
    match &message.poll {
        Some(poll) => poll::check(poll, message),
        None if message.votes.is_empty() => Ok(()),
        None => Err(ErrorCode::PollNotFound.into()),
    }
}

/// Checks what is said as on a send by the customer's server.
fn settle(message: &mut MessageLine) -> Result<()> {
    let is_poll = message.poll.is_some() && message.content_type == Some(ContentType::Poll);
    let mut said = SendMessage {
        text: take(&mut message.text),
        // What follows from the poll is not noted.
        content_type: message.content_type.filter(|_| !is_poll),
        content: take(&mut message.content),
        attachments: take(&mut message.attachments),
        mentions: take(&mut message.mentions),
        group_mentions: take(&mut message.group_mentions),
        custom: take(&mut message.custom),
        parent_id: message.parent_id.as_deref().map(message_id),
        show_in_channel: message.show_in_channel,
        silent: message.silent,
        visible_to: take(&mut message.visible_to),
        ..SendMessage::default()
    };
    send::check(&mut said, true)?;
    (message.text, message.content_type, message.content) = (said.text, said.content_type, said.content);
    (message.attachments, message.custom) = (said.attachments, said.custom);
    (message.mentions, message.group_mentions) = (said.mentions, said.group_mentions);
    (message.silent, message.visible_to) = (said.silent, said.visible_to);
    Ok(())
}

fn check_id(id: &str) -> Result<()> {
    let fits = (1..=IMPORT_ID_BYTES).contains(&id.len()) && !id.chars().any(char::is_control);
    if fits { Ok(()) } else { Err(Error::with(ErrorCode::InvalidId, "An id has 1 to 200 bytes.")) }
}

/// The type of the channel that has this `cid`.
pub fn kind_of_cid(cid: &str) -> Result<ChannelType> {
    let (kind, slug) = cid.split_once(':').unwrap_or_default();
    ChannelType::parse(kind).filter(|_| validate::is_slug(slug)).ok_or_else(|| {
        Error::with(
            ErrorCode::InvalidId,
            format!("{cid:?} is no `cid`: `type:slug`, such as `team:general`."),
        )
    })
}

/// The message's id: the UUID that it is, or one that is always made of the same text.
pub fn message_id(text: &str) -> MessageId {
    match Uuid::try_parse(text) {
        Ok(id) if text.len() == 36 => id.into(),
        _ => hashed(&[b"message", text.as_bytes()]).into(),
    }
}

/// The id of a channel that is made for this `cid`. Nobody can choose it, because it names a realtime channel of all apps.
pub fn channel_id(app: AppId, cid: &str) -> ChannelId {
    hashed(&[b"channel", app.0.as_bytes(), cid.as_bytes()]).into()
}

fn hashed(parts: &[&[u8]]) -> Uuid {
    let hash = sha256(parts);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    pub fn code(line: Value) -> Option<ErrorCode> {
        let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        read(line.to_string().as_bytes(), now).err().map(|error| error.code())
    }

    pub fn message(more: Value) -> Value {
        let mut line = json!({ "id": "1", "channel": "team:a", "user_id": "ann", "text": "x", "created_at": "2020-01-01T00:00:00Z" });
        line.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "message": line })
    }

    #[test]
    fn a_line_says_first_what_it_is() {
        for (line, kind) in [
            (&b"{\"user\":{}}"[..], Some(Kind::User)),
            (b" { \"message\" : {}}", Some(Kind::Message)),
            (b"{\"draft\":{}}", Some(Kind::Own)),
            (b"{\"membership\":{}}", Some(Kind::Own)),
            (b"{\"member\":{}}", Some(Kind::Member)),
            (b"{\"users\":{}}", None),
            (b"[]", None),
            (b"{}", None),
            (b"", None),
        ] {
            assert_eq!(Kind::of(line), kind);
        }
    }

    #[test]
    fn a_line_that_does_not_hold_by_itself_is_refused() {
        use ErrorCode as E;
        for (line, expected) in [
            (message(json!({})), None),
            (message(json!({ "text": "" })), Some(E::EmptyMessage)),
            (message(json!({ "text": "", "deleted_at": "2020-01-02T00:00:00Z" })), None),
            (message(json!({ "text": "x".repeat(20_001) })), Some(E::TextTooLong)),
            (message(json!({ "channel": "general" })), Some(E::InvalidId)),
            (message(json!({ "id": "x".repeat(200) })), None),
            (message(json!({ "id": "x".repeat(201) })), Some(E::InvalidId)),
            (message(json!({ "created_at": "1969-12-31T23:59:59Z" })), Some(E::InvalidRequest)),
            (message(json!({ "created_at": "2024-01-01T00:00:00Z" })), Some(E::InvalidRequest)),
            (message(json!({ "show_in_channel": true })), Some(E::InvalidRequest)),
            (message(json!({ "votes": [{ "user_id": "a", "options": ["1"] }] })), Some(E::PollNotFound)),
            (message(json!({ "text": "a\u{0}" })), Some(E::NulByte)),
            (message(json!({ "content": { "type": "doc" } })), Some(E::InvalidContent)),
            (message(json!({ "content_type": "deleted" })), Some(E::InvalidContent)),
            (message(json!({ "content_type": "system" })), None),
            (message(json!({ "visible_to": [] })), Some(E::InvalidVisibility)),
            (message(json!({ "visible_to": ["a", "a"] })), Some(E::InvalidVisibility)),
            (
                message(json!({ "visible_to": ["a", "a"], "deleted_at": "2020-01-02T00:00:00Z" })),
                Some(E::InvalidVisibility),
            ),
            (message(json!({ "visible_to": ["a"] })), None),
            (message(json!({ "what": 1 })), Some(E::InvalidRequest)),
            (json!({ "user": { "id": "me" } }), Some(E::ReservedId)),
            (json!({ "user": { "id": "ann", "image": "x" } }), Some(E::InvalidUrl)),
            (json!({ "channel": { "cid": "team:a", "distinct": ["a"] } }), Some(E::TooManyMembers)),
            (json!({ "channel": { "cid": "team:a", "distinct": ["a", "a"] } }), Some(E::TooManyMembers)),
            (json!({ "channel": { "cid": "team:a", "distinct": ["a", "b"] } }), None),
            (
                json!({ "channel": { "cid": "team:a", "config": { "retention_days": 0 } } }),
                Some(E::InvalidRequest),
            ),
            (
                json!({ "reaction": { "message_id": "1", "user_id": "a", "type": "a b" } }),
                Some(E::InvalidReaction),
            ),
            (json!({ "nothing": {} }), Some(E::InvalidRequest)),
        ] {
            assert_eq!(code(line.clone()), expected, "{line}");
        }
    }

    #[test]
    fn what_a_message_says_is_settled_as_on_a_send() {
        let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let read = |more: Value| match read(message(more).to_string().as_bytes(), now).unwrap() {
            Line::Message(line) => *line,
            other => panic!("{other:?}"),
        };
        let node = json!({ "type": "mention", "attrs": { "id": "ben", "label": "Ben" } });
        let doc = json!({ "type": "doc", "content": [{ "type": "paragraph", "content": [node] }] });
        let line = read(json!({ "content": doc }));
        assert_eq!((line.text.as_str(), line.content_type), ("@Ben", Some(ContentType::Tiptap)));
        assert_eq!(json!(line.mentions), json!(["ben"]));
        assert!(read(json!({ "content_type": "system" })).silent);
        let mut written = json!(line);
        written["text"] = json!("other words");
        assert_eq!(read(written), line, "the document says what the text is");
    }

    #[test]
    fn ids_are_kept_or_always_the_same() {
        let uuid = "0198c0de-7f42-7a90-8c55-1e3b9d7a6c02";
        assert_eq!(message_id(uuid).to_string(), uuid);
        assert_eq!(message_id("1355517523.000005"), message_id("1355517523.000005"));
        assert_ne!(message_id("1"), message_id("2"));
        let (one, other) = (AppId::new(), AppId::new());
        assert_eq!(channel_id(one, "team:a"), channel_id(one, "team:a"));
        assert_ne!(channel_id(one, "team:a"), channel_id(other, "team:a"));
    }
}
