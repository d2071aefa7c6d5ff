//! What the `data` of each event is, as types, and the JSON Schema of all events that is made of them.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::deletion::DeletionMode;
use crate::member::ReadState;
use crate::presence::UserPresence;
use crate::receipt::DeliveryState;
use crate::thread::ThreadRead;
use crate::user::UserSettings;
use crate::{
    Channel, ChannelId, Draft, EphemeralMessage, EventType, Invite, Member, Message, MessageId,
    PendingMessage, Poll, Reaction, ReactionCount, Reminder, ScheduledMessage, Task, ThreadSummary, User,
    UserId, UserRef,
};

/// Types of `data`; fields after the bar may be missing.
macro_rules! data {
    ($($(#[doc = $doc:literal])+ $name:ident { $($field:ident: $type:ty),* $(| $($maybe:ident: $optional:ty),+)? })+) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $(
                /// As the event's meaning says.
                pub $field: $type,
            )*
            $($(
                /// As the event's meaning says.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                pub $maybe: Option<$optional>,
            )+)?
        }
    )+};
}

data! {
    /// Nothing.
    Nothing {}
    /// A message that was sent, or is there again.
    MessageNewData { message: Message | thread: ThreadSummary }
    /// A message that changed.
    MessageData { message: Message }
    /// A message that was deleted.
    MessageDeletedData { message: Message, hard: bool | thread: ThreadSummary }
    /// What a message shows of its reactions.
    ReactedMessage { id: MessageId, reactions: Vec<ReactionCount>, updated_seq: i64 }
    /// A reaction that was given, changed or taken back.
    ReactionData { message_id: MessageId, reaction: Reaction, message: ReactedMessage | replaced: Vec<String> }
    /// How far a member has read.
    MessageReadData { user_id: UserId, read: ReadState }
    /// Who voted for what.
    VoteData { user: UserRef, options: Vec<String> }
    /// A poll that changed.
    PollData { message_id: MessageId, poll: Poll, updated_seq: i64 | vote: VoteData }
    /// The user's own votes.
    PollVotedData { message_id: MessageId, options: Vec<String> }
    /// What one user was shown.
    EphemeralData { message: EphemeralMessage }
    /// Up to where messages are gone.
    TruncatedData { truncated_seq: i64, truncated_ordinal: i64 }
    /// Who types, and in which thread.
    TypingData { user: UserRef | parent_id: MessageId }
    /// A member, and how many there are.
    MemberCountData { member: Member, member_count: i32 }
    /// A member.
    MemberData { member: Member }
    /// A channel.
    ChannelData { channel: Channel }
    /// A task.
    TaskData { task: Task }
    /// New messages of a channel.
    NewsData { channel_id: ChannelId, message_id: MessageId, seq: i64, unread: i64, muted: bool, total_unread: i64 }
    /// That a channel was read.
    MarkReadData { channel_id: ChannelId, unread: i64, read: ReadState }
    /// A channel's id.
    ChannelIdData { channel_id: ChannelId }
    /// What a channel is to the user.
    MembershipData { channel_id: ChannelId, membership: Member }
    /// An invitation.
    InviteData { invite: Invite }
    /// Where a message is.
    MessagePlaceData { message_id: MessageId, channel_id: ChannelId }
    /// A draft.
    DraftData { draft: Draft }
    /// Where a draft was.
    DraftPlaceData { channel_id: ChannelId | parent_id: MessageId }
    /// A message to be sent at a time.
    ScheduledData { scheduled_message: ScheduledMessage }
    /// What the user lets others know.
    SettingsData { settings: UserSettings }
    /// A message that waits for approval.
    PendingData { pending_message: PendingMessage }
    /// A message that was refused.
    RejectedData { pending_message: PendingMessage | reason: String }
    /// A reminder.
    ReminderData { reminder: Reminder }
    /// New replies of a thread.
    ThreadNewsData { channel_id: ChannelId, parent_id: MessageId, message_id: MessageId, seq: i64, unread: i64 }
    /// That a thread was read.
    ThreadReadData { channel_id: ChannelId, parent_id: MessageId, unread: i64, read: ThreadRead }
    /// Whether the user follows a thread.
    ThreadFollowData { channel_id: ChannelId, parent_id: MessageId, following: bool }
    /// A user.
    UserData { user: User }
    /// A user who is gone.
    UserDeletedData { user_id: UserId, mode: DeletionMode }
    /// What has become of people.
    PresenceData { users: Vec<UserPresence> }
    /// Who came or went, and how many watch.
    WatchingData { user: UserRef, watcher_count: i64 }
    /// What has arrived at whose devices.
    DeliveredData { deliveries: Vec<Delivery> }
}

/// How far one member's devices have got.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct Delivery {
    /// Whose.
    pub user_id: UserId,
    /// How far.
    #[serde(flatten)]
    pub delivered: DeliveryState,
}

type Schemas = Vec<(String, RefOr<Schema>)>;

/// Which type the `data` of an event is.
macro_rules! of {
    ($kind:expr, $($($event:ident)|+ => $type:ident,)+) => {
        match $kind {
            $($(EventType::$event)|+ => {
                let mut schemas = Schemas::new();
                <$type as ToSchema>::schemas(&mut schemas);
                (<$type as PartialSchema>::schema(), schemas)
            })+
        }
    };
}

fn data_of(kind: EventType) -> (RefOr<Schema>, Schemas) {
    of!(kind,
        MessageNew | MessageUndeleted => MessageNewData,
        MessageUpdated => MessageData,
        MessageDeleted => MessageDeletedData,
        ReactionNew | ReactionUpdated | ReactionDeleted => ReactionData,
        ChannelAdvanced | ChannelDeleted => Nothing,
        ChannelTruncated => TruncatedData,
        MessageEphemeral => EphemeralData,
        MessageRead => MessageReadData,
        MessageDelivered => DeliveredData,
        PollUpdated => PollData,
        PollVoted => PollVotedData,
        TypingStart | TypingStop => TypingData,
        MemberAdded | MemberRemoved => MemberCountData,
        MemberUpdated => MemberData,
        ChannelUpdated => ChannelData,
        TaskCreated | TaskUpdated | TaskDeleted => TaskData,
        NotificationMessageNew => NewsData,
        NotificationMarkRead => MarkReadData,
        NotificationAddedToChannel | NotificationRemovedFromChannel | NotificationPendingMessages => ChannelIdData,
        MembershipUpdated => MembershipData,
        SettingsUpdated => SettingsData,
        NotificationInvited | InviteRejected => InviteData,
        MessageStarred | MessageUnstarred | ReminderDeleted | PendingMessageDeleted | PendingMessageApproved
            => MessagePlaceData,
        DraftUpdated => DraftData,
        DraftDeleted => DraftPlaceData,
        ScheduledMessageCreated | ScheduledMessageUpdated | ScheduledMessageDeleted | ScheduledMessageSent
            | ScheduledMessagePending | ScheduledMessageFailed => ScheduledData,
        PendingMessageCreated | PendingMessageUpdated => PendingData,
        PendingMessageRejected => RejectedData,
        ReminderCreated | ReminderUpdated | ReminderDue => ReminderData,
        NotificationThreadReply => ThreadNewsData,
        NotificationThreadRead => ThreadReadData,
        NotificationThreadFollow => ThreadFollowData,
        UserUpdated => UserData,
        UserDeleted => UserDeletedData,
        UserPresenceChanged => PresenceData,
        UserWatchingStart | UserWatchingStop => WatchingData,
    )
}

/// Whether the event tells of a message that not all may read, to those who may.
fn is_of_a_message(kind: EventType) -> bool {
    use EventType as E;
    matches!(
        kind,
        E::MessageNew
            | E::MessageUpdated
            | E::MessageDeleted
            | E::MessageUndeleted
            | E::ReactionNew
            | E::ReactionUpdated
            | E::ReactionDeleted
            | E::PollUpdated
    )
}

/// The JSON Schema (2020-12) of all that is published: an event, under `$defs` each by its name, or a `frame` of several
/// ([`Publication`](crate::Publication)).
pub fn schema() -> serde_json::Result<Value> {
    let mut definitions = serde_json::Map::new();
    let mut all = Vec::new();
    for kind in EventType::ALL {
        let (data, parts) = data_of(*kind);
        for (name, part) in parts {
            definitions.insert(name, local(serde_json::to_value(part)?));
        }
        let mut required = vec!["id", "type", "created_at", "data"];
        let mut properties = json!({
            "id": { "type": "string", "format": "uuid" },
            "type": { "const": kind.as_str() },
            "channel_id": { "type": "string", "format": "uuid" },
            "created_at": { "type": "string", "format": "date-time" },
            "data": local(serde_json::to_value(data)?),
        });
        if kind.is_durable() {
            // Who may read what not all may is told it on their own channel, without these.
            if !is_of_a_message(*kind) {
                required.extend(["seq", "prev_seq"]);
            }
            properties["seq"] = json!({ "type": "integer", "minimum": 1 });
            properties["prev_seq"] = json!({ "type": "integer", "minimum": 0 });
        }
        let envelope = json!({
            "title": kind.as_str(), "description": kind.meaning(), "type": "object", "properties": properties,
            "required": required, "additionalProperties": false,
        });
        definitions.insert(kind.as_str().to_owned(), envelope);
        all.push(json!({ "$ref": format!("#/$defs/{}", kind.as_str()) }));
    }
    let frame = json!({
        "title": "frame",
        "description": "Several events of a busy channel, oldest first: to be taken one by one, as if each had come alone.",
        "type": "object",
        "properties": { "batch": { "type": "array", "minItems": 1, "items": { "oneOf": all } } },
        "required": ["batch"],
        "additionalProperties": false,
    });
    definitions.insert("frame".to_owned(), frame);
    all.push(json!({ "$ref": "#/$defs/frame" }));
    Ok(json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "What travels on a realtime channel of Parlor",
        "oneOf": all,
        "$defs": definitions,
    }))
}

/// A part of the API's document as a part of this one: references lead here, and examples stay there.
fn local(schema: Value) -> Value {
    match schema {
        Value::Object(fields) => fields
            .into_iter()
            .filter(|(key, _)| key != "example")
            .map(|(key, value)| match value {
                Value::String(to) if key == "$ref" => {
                    (key, to.replace("#/components/schemas/", "#/$defs/").into())
                }
                value => (key, local(value)),
            })
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Value::Array(items) => items.into_iter().map(local).collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_leads_somewhere() {
        fn references(value: &Value, found: &mut Vec<String>) {
            match value {
                Value::Object(fields) => {
                    if let Some(Value::String(to)) = fields.get("$ref") {
                        found.push(to.clone());
                    }
                    fields.values().for_each(|value| references(value, found));
                }
                Value::Array(items) => items.iter().for_each(|value| references(value, found)),
                _ => {}
            }
        }
        let document = schema().unwrap();
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > EventType::ALL.len());
        for to in found {
            let name = to.strip_prefix("#/$defs/").unwrap();
            assert!(document["$defs"].get(name).is_some(), "{to}");
        }
    }
}
