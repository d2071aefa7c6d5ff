//! Realtime events. Every publication on a Parlor channel is one [`Envelope`].

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{ChannelId, EventId};

macro_rules! event_types {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:tt, durable: $durable:literal;)+) => {
        /// The name of an event.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
        pub enum EventType {
            $($(#[doc = $doc])+ #[serde(rename = $name)] $variant,)+
        }

        impl EventType {
            /// All events.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// Whether the event carries a `seq`: such an event is a durable change, and a gap must be pulled.
            pub fn is_durable(self) -> bool {
                match self { $(Self::$variant => $durable,)+ }
            }

            /// When it is told, to whom, and what its `data` is.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+).trim_ascii(),)+ }
            }
        }
    };
}

event_types! {
    /// A message was sent. `data` is `{message}`; of a reply `{message, thread}` with the thread as its root shows it from
    /// now on. The root's `updated_seq` is the event's `seq`.
    MessageNew = "message.new", durable: true;
    /// A message was edited, pinned or unpinned, or its pin has expired. `data` is `{message}`.
    MessageUpdated = "message.updated", durable: true;
    /// A message was deleted. `data` is `{message, hard}`; of a reply `{message, hard, thread}` with the thread as its root
    /// shows it from now on, `null` where no reply is left. The root's `updated_seq` is the event's `seq`. With `hard` it
    /// is erased: what it said is forgotten in the `quoted` of others, too.
    MessageDeleted = "message.deleted", durable: true;
    /// A deletion was taken back: the message is what it was. `data` is `{message}`; of a reply `{message, thread}` with the
    /// thread as its root shows it from now on. The root's `updated_seq` is the event's `seq`.
    MessageUndeleted = "message.undeleted", durable: true;
    /// Something changed in the channel that not everybody may read. `data` is `{}`. Who may read it is told the very event
    /// on their own channel, without a `seq`; moderators who want to know at once pull the changes.
    ChannelAdvanced = "channel.advanced", durable: true;
    /// On the user's channel: something that only this user is shown, and that is nowhere kept. `data` is `{message}`.
    MessageEphemeral = "message.ephemeral", durable: false;
    /// A user reacted to a message; older documents call it `reaction.added`. `data` is `{message_id, reaction, message}`,
    /// where `message` is the message's `{id, reactions, updated_seq}` after the change.
    ReactionNew = "reaction.new", durable: true;
    /// A user gave a reaction another score, or replaced others by it. `data` is `{message_id, reaction, replaced, message}`,
    /// where `replaced` lists the types that it replaced.
    ReactionUpdated = "reaction.updated", durable: true;
    /// A user took a reaction back; older documents call it `reaction.removed`. `data` is `{message_id, reaction, message}`.
    /// A deleted message loses its reactions without this event.
    ReactionDeleted = "reaction.deleted", durable: true;
    /// A member marked messages read or unread. `data` is `{user_id, read}`. Sending a message moves its author's own
    /// pointer silently, without this event. Read pointers carry no `seq`: the newest `read_at` counts.
    /// It also counts as a delivery. Where read receipts are off, it is not told.
    MessageRead = "message.read", durable: false;
    /// Messages have arrived at members' devices, gathered by each node for a quarter of a second. `data` is
    /// `{deliveries}`, each `{user_id, delivered_seq, delivered_at}`; the highest `delivered_seq` counts.
    MessageDelivered = "message.delivered", durable: false;
    /// Somebody voted in a poll, added an option or closed it. `data` is `{message_id, poll, updated_seq}`, and unless the
    /// poll is anonymous or it was no vote, `vote`: `{user, options}`, all that the user votes for now.
    PollUpdated = "poll.updated", durable: true;
    /// On the user's channel: the user voted in an anonymous poll, on some device. `data` is `{message_id, options}`.
    PollVoted = "poll.voted", durable: true;
    /// Somebody types; forget it after 6 seconds in which it was not repeated. `data` is `{user, parent_id}`, with the root
    /// of the thread or `null`. All subscribers hear it: a client passes over its own user.
    TypingStart = "typing.start", durable: false;
    /// Somebody stopped typing. `data` is `{user, parent_id}`.
    TypingStop = "typing.stop", durable: false;
    /// A member came. `data` is `{member, member_count}`.
    MemberAdded = "member.added", durable: true;
    /// A member's role changed. `data` is `{member}`.
    MemberUpdated = "member.updated", durable: true;
    /// A member went or was removed. `data` is `{member, member_count}`.
    MemberRemoved = "member.removed", durable: true;
    /// Name, image, custom data, tags or config changed, or messages and members were imported, of which no event tells each:
    /// then `prev_seq` is past what a client holds, so it pulls. `data` is `{channel}`, without what is the reader's own.
    ChannelUpdated = "channel.updated", durable: true;
    /// Messages are gone for good, because somebody truncated the channel or they were too old for it. `data` is
    /// `{truncated_seq, truncated_ordinal}`; what becomes of them is said there, at [`Channel`](crate::Channel).
    ChannelTruncated = "channel.truncated", durable: true;
    /// The channel was deleted. `data` is `{}`.
    ChannelDeleted = "channel.deleted", durable: true;
    /// A task was made of a message. `data` is `{task}`.
    TaskCreated = "task.created", durable: true;
    /// A task changed. `data` is `{task}`.
    TaskUpdated = "task.updated", durable: true;
    /// A task was deleted, or the message that it was made of was erased, or deleted and can't be taken back any more. `data` is `{task}`.
    TaskDeleted = "task.deleted", durable: true;
    /// On the user's channel: new messages in one of the user's channels, at most 4 a second.
    /// `data` is `{channel_id, unread, muted, total_unread, message_id, seq}`; muted channels are not in the total.
    NotificationMessageNew = "notification.message_new", durable: false;
    /// On the user's channel: a channel was read on some device. `data` is `{channel_id, unread, read}`.
    NotificationMarkRead = "notification.mark_read", durable: false;
    /// On the user's channel: the user was added to a channel. `data` is `{channel_id}`.
    NotificationAddedToChannel = "notification.added_to_channel", durable: false;
    /// On the user's channel: the user is no longer a member, or the channel was deleted. `data` is `{channel_id}`.
    /// Members of channels above the fan-out limit hear of a deletion on the channel only.
    NotificationRemovedFromChannel = "notification.removed_from_channel", durable: false;
    /// On the channels of a channel's moderators, of the first hundred if there are more: what waits for approval in it has
    /// changed. `data` is `{channel_id}`.
    NotificationPendingMessages = "notification.pending_messages", durable: false;
    /// On the user's channel, with the user's own `seq`: what a channel is to the user alone has changed.
    /// `data` is `{channel_id, membership}`.
    MembershipUpdated = "membership.updated", durable: true;
    /// On the user's channel, with the user's own `seq`: what the user lets others know has changed. `data` is `{settings}`.
    SettingsUpdated = "settings.updated", durable: true;
    /// On the user's channel, with the user's own `seq`: the user is invited to a channel; or has rejected the invitation
    /// on some device, or it was taken back, as its `state` says. `data` is `{invite}`.
    NotificationInvited = "notification.invited", durable: true;
    /// On the channel of who invited: the invitation was rejected. `data` is `{invite}`. One that is accepted is told as
    /// `member.added`.
    InviteRejected = "invite.rejected", durable: false;
    /// On the user's channel, with the user's `seq`: the user starred a message. `data` is `{message_id, channel_id}`.
    MessageStarred = "message.starred", durable: true;
    /// On the user's channel, with the user's `seq`: the user starred a message no longer. `data` is
    /// `{message_id, channel_id}`.
    MessageUnstarred = "message.unstarred", durable: true;
    /// On the user's channel, with the user's `seq`: a draft was written. `data` is `{draft}`.
    DraftUpdated = "draft.updated", durable: true;
    /// On the user's channel, with the user's `seq`: a draft was deleted. `data` is `{channel_id, parent_id}`.
    DraftDeleted = "draft.deleted", durable: true;
    /// On the user's channel, with the user's `seq`: a message is to be sent later. `data` is `{scheduled_message}`.
    ScheduledMessageCreated = "scheduled_message.created", durable: true;
    /// On the user's channel, with the user's `seq`: what is to be sent, or when, changed. `data` is `{scheduled_message}`.
    ScheduledMessageUpdated = "scheduled_message.updated", durable: true;
    /// On the user's channel, with the user's `seq`: a message will not be sent, or is no longer listed as failed.
    /// `data` is `{scheduled_message}`.
    ScheduledMessageDeleted = "scheduled_message.deleted", durable: true;
    /// On the user's channel, with the user's `seq`: a message was sent at its time. `data` is `{scheduled_message}`.
    ScheduledMessageSent = "scheduled_message.sent", durable: true;
    /// On the user's channel, with the user's `seq`: a message's time came, and it waits for approval now, as
    /// `pending_message.created` says with its content. `data` is `{scheduled_message}`.
    ScheduledMessagePending = "scheduled_message.pending", durable: true;
    /// On the user's channel, with the user's `seq`: a message could not be sent at its time; its `error` says why.
    /// `data` is `{scheduled_message}`.
    ScheduledMessageFailed = "scheduled_message.failed", durable: true;
    /// On the user's channel, with the user's `seq`: a message waits for approval. `data` is `{pending_message}`.
    PendingMessageCreated = "pending_message.created", durable: true;
    /// On the user's channel, with the user's `seq`: the user changed a message that waits. `data` is `{pending_message}`.
    PendingMessageUpdated = "pending_message.updated", durable: true;
    /// On the user's channel, with the user's `seq`: the user took a message back that waited.
    /// `data` is `{message_id, channel_id}`.
    PendingMessageDeleted = "pending_message.deleted", durable: true;
    /// On the user's channel, with the user's `seq`: a message was approved, and is in the channel now.
    /// `data` is `{message_id, channel_id}`.
    PendingMessageApproved = "pending_message.approved", durable: true;
    /// On the user's channel, with the user's `seq`: a message was refused. `data` is `{pending_message, reason}`.
    PendingMessageRejected = "pending_message.rejected", durable: true;
    /// On the user's channel, with the user's `seq`: a message was saved for later. `data` is `{reminder}`.
    ReminderCreated = "reminder.created", durable: true;
    /// On the user's channel, with the user's `seq`: time, note or state of a reminder changed. `data` is `{reminder}`.
    ReminderUpdated = "reminder.updated", durable: true;
    /// On the user's channel, with the user's `seq`: a reminder was deleted. `data` is `{message_id, channel_id}`.
    ReminderDeleted = "reminder.deleted", durable: true;
    /// On the user's channel, with the user's `seq`: it is time. `data` is `{reminder}` with its message.
    ReminderDue = "reminder.due", durable: true;
    /// On the user's channel: new replies in a thread that the user follows, at most 4 a second, in threads that at most as
    /// many follow as the fan-out limit says. `data` is `{channel_id, parent_id, message_id, seq, unread}`.
    NotificationThreadReply = "notification.thread_reply", durable: false;
    /// On the user's channel, with the user's own `seq`: a thread was read on some device.
    /// `data` is `{channel_id, parent_id, unread, read}`.
    NotificationThreadRead = "notification.thread_read", durable: true;
    /// On the user's channel, with the user's own `seq`: the user said that they follow a thread, or that they don't.
    /// `data` is `{channel_id, parent_id, following}`.
    NotificationThreadFollow = "notification.thread_follow", durable: true;
    /// Name, image or custom data of a user changed. `data` is `{user}`. On the user's own channel, and on the channels
    /// that the user shares with others, up to the fan-out limit.
    UserUpdated = "user.updated", durable: false;
    /// A user was deleted for good, and with that, messages of the channel were erased or are a nameless user's now. `data`
    /// is `{user_id, mode}`: forget what you know of the user. No event tells of each message: `prev_seq` is past what a
    /// client holds, so it pulls. Told after every few messages.
    UserDeleted = "user.deleted", durable: true;
    /// On the user's channel: people with whom the user shares a channel of a size up to the fan-out limit came, went,
    /// rested or chose another status; told while the user is online, at most 4 times a second, each person once in it.
    /// `data` is `{users}`, a list of `{user_id, online, status, status_text, status_color, last_seen_at, devices}`. To the
    /// user alone also what they chose themselves, on some device, as they see it.
    UserPresenceChanged = "user.presence.changed", durable: false;
    /// Somebody opened the channel, where its config has `watching_events`; within some seconds. `data` is
    /// `{user, watcher_count}`.
    UserWatchingStart = "user.watching.start", durable: false;
    /// Somebody no longer has the channel open. `data` is `{user, watcher_count}`.
    UserWatchingStop = "user.watching.stop", durable: false;
}

impl EventType {
    /// Names that older documents give to the event. The server sends none of them; who listens may use them.
    pub fn aliases(self) -> &'static [&'static str] {
        match self {
            Self::MessageNew => &["message.created"],
            Self::ReactionNew => &["reaction.added"],
            Self::ReactionDeleted => &["reaction.removed"],
            Self::MemberAdded => &["user.joined", "member.joined"],
            Self::MemberRemoved => &["user.left", "member.left"],
            Self::ChannelUpdated => &["room.updated"],
            Self::ChannelDeleted => &["room.deleted"],
            _ => &[],
        }
    }

    /// The event of this name, or of this older one.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|event| event.as_str() == name || event.aliases().contains(&name))
    }
}

/// What travels on a realtime channel.
///
/// A client that holds `seq` n applies the event if `prev_seq` is n, drops it if `seq` is not above n,
/// and else has missed something: it pulls `/channels/{id}/changes?since=n`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct Envelope<D = serde_json::Value> {
    /// Key by which a repetition is dropped.
    pub id: EventId,
    /// The event's name.
    #[serde(rename = "type")]
    pub kind: EventType,
    /// The channel it is about, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel_id: Option<ChannelId>,
    /// The channel's `seq` after this change, on a user's channel the user's; absent for what is not durable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<i64>,
    /// The same `seq` before this change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prev_seq: Option<i64>,
    /// When the server took the change.
    pub created_at: DateTime<Utc>,
    /// What the event's name says.
    pub data: D,
}

/// The `data` of a publication: an envelope, or, in a busy channel, a frame of several that came shortly after each other.
///
/// A client takes the envelopes of a frame one by one, in their order, as if each had come alone. Above so many
/// publications a second (20 unless the server says otherwise) a channel gets a frame every 50 to 100 ms; a channel that
/// is not so busy waits for nothing. History and recovery give frames as they were told.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Publication<D = serde_json::Value> {
    /// Several, oldest first.
    Batch {
        /// The envelopes.
        batch: Vec<Envelope<D>>,
    },
    /// One.
    Single(Envelope<D>),
}

impl<D> Publication<D> {
    /// The envelopes, oldest first.
    pub fn into_envelopes(self) -> Vec<Envelope<D>> {
        match self {
            Self::Batch { batch } => batch,
            Self::Single(envelope) => vec![envelope],
        }
    }
}

/// Name of the realtime channel of a chat channel.
pub fn channel_topic(channel: ChannelId) -> String {
    format!("chat:channel:{channel}")
}

/// Name of the realtime channel of a user; the app is in it because user ids are unique only in their app.
pub fn user_topic(app: crate::AppId, user: &crate::UserId) -> String {
    format!("chat:user:{app}:{}", user.percent_encoded())
}

/// The user's id on realtime: `{app_id}:{user_id}`, because realtime servers know one space of users.
pub fn realtime_user(app: crate::AppId, user: &crate::UserId) -> String {
    format!("{}{}", realtime_users(app), user.percent_encoded())
}

/// What the ids of an app's users on realtime begin with, and those of no other app.
pub fn realtime_users(app: crate::AppId) -> String {
    format!("{app}:")
}

/// Whose realtime id this is.
pub fn parse_realtime_user(id: &str) -> Option<(crate::AppId, crate::UserId)> {
    let (app, user) = id.split_once(':')?;
    let mut bytes = Vec::with_capacity(user.len());
    let mut rest = user.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    Some((app.parse().ok()?, crate::UserId::new(String::from_utf8(bytes).ok()?).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AppId, UserId};

    #[test]
    fn an_older_name_means_one_event_and_is_no_name_of_another() {
        assert_eq!(EventType::parse("message.created"), Some(EventType::MessageNew));
        assert_eq!(EventType::parse("reaction.new"), Some(EventType::ReactionNew));
        assert_eq!(EventType::parse("nothing"), None);
        let mut names: Vec<&str> = EventType::ALL
            .iter()
            .flat_map(|event| event.aliases().iter().copied().chain([event.as_str()]))
            .collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn a_realtime_id_is_read_back() {
        let app = AppId::new();
        for id in ["ann", "ann:#1 é", "100%", "a.b~c_d-e"] {
            let user = UserId::new(id).unwrap();
            assert_eq!(parse_realtime_user(&realtime_user(app, &user)), Some((app, user)));
        }
        for bad in ["", "ann", "x:ann", &format!("{app}:"), &format!("{app}:%4"), &format!("{app}:%ff")] {
            assert_eq!(parse_realtime_user(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_frame_is_read_as_its_envelopes() {
        let envelope = |seq: i64| {
            serde_json::json!({
                "id": EventId::new(), "type": "message.new", "seq": seq, "prev_seq": seq - 1,
                "created_at": "2026-03-02T10:15:00Z", "data": {},
            })
        };
        let seqs = |data: serde_json::Value| {
            let publication: Publication = serde_json::from_value(data).unwrap();
            publication.into_envelopes().into_iter().filter_map(|envelope| envelope.seq).collect::<Vec<_>>()
        };
        assert_eq!(seqs(envelope(7)), [7]);
        assert_eq!(seqs(serde_json::json!({ "batch": [envelope(7), envelope(8)] })), [7, 8]);
    }
}
