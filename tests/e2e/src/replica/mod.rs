//! What a client holds of a channel: a snapshot by REST, brought forward by events.
//!
//! It knows the rule of [`Envelope`] and nothing else: an event whose `prev_seq` is what it holds is applied, one
//! whose `seq` is not newer is dropped, and any other means that something was missed.

mod hints;
mod rest;

use std::collections::{BTreeMap, BTreeSet};

use parlor_protocol::member::ReadState;
use parlor_protocol::message::Quoted;
use parlor_protocol::{
    Channel, Envelope, EventType, Member, Message, MessageId, Reaction, Task, TaskId, ThreadSummary,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It is part of the state now.
    Yes,
    /// It was before.
    Stale,
    /// Something before it is missing.
    Gap,
}

/// A channel as one reader knows it.
#[derive(Clone, Debug, Default)]
pub struct Replica {
    /// `None` once the channel was deleted.
    pub channel: Option<Channel>,
    pub members: BTreeMap<String, Member>,
    pub messages: BTreeMap<i64, Message>,
    pub tasks: BTreeMap<TaskId, Task>,
    /// The `seq` that it holds.
    pub seq: i64,
    /// Who reads.
    reader: String,
    /// Where each message is: none may be in two places.
    places: BTreeMap<MessageId, i64>,
    /// Where messages were erased that had been counted: they are counted no more.
    erased: BTreeSet<i64>,
}

impl PartialEq for Replica {
    /// Equal in what they show: a fresh snapshot does not know what was erased before.
    fn eq(&self, other: &Self) -> bool {
        (&self.channel, &self.members, &self.messages, &self.tasks, self.seq)
            == (&other.channel, &other.members, &other.messages, &other.tasks, other.seq)
    }
}

impl Replica {
    /// Takes an event in, or says why not.
    pub fn apply(&mut self, envelope: &Envelope) -> Applied {
        let (Some(seq), Some(prev_seq)) = (envelope.seq, envelope.prev_seq) else {
            self.hint(envelope);
            return Applied::Yes;
        };
        if seq <= self.seq {
            return Applied::Stale;
        }
        if prev_seq != self.seq {
            return Applied::Gap;
        }
        self.seq = seq;
        self.change(envelope);
        if let Some(channel) = &mut self.channel {
            channel.seq = seq;
        }
        self.forget_what_only_the_server_computes();
        Applied::Yes
    }

    fn change(&mut self, envelope: &Envelope) {
        let Some(channel) = &mut self.channel else {
            panic!("an event after the channel's end: {envelope:?}")
        };
        match envelope.kind {
            EventType::MessageNew => {
                let message: Message = part(envelope, "message");
                channel.ordinal = message.ordinal;
                channel.last_message_at = Some(message.created_at);
                if stands_in_channel(&message) {
                    let read = ReadState {
                        read_seq: message.seq,
                        read_ordinal: message.ordinal,
                        read_at: Some(message.created_at),
                        last_read_message_id: Some(message.id),
                    };
                    if let Some(sender) = self.members.get_mut(message.user.id.as_str()) {
                        sender.read = read;
                    }
                }
                assert!(!self.places.contains_key(&message.id), "a message was applied twice: {message:?}");
                self.thread_moved(envelope, &message);
                self.hear(message);
            }
            EventType::MessageUpdated => {
                let message: Message = part(envelope, "message");
                self.hear(message);
            }
            EventType::MessageUndeleted => {
                let message: Message = part(envelope, "message");
                self.thread_moved(envelope, &message);
                self.hear(message);
            }
            EventType::ChannelTruncated => {
                channel.truncated_seq = part(envelope, "truncated_seq");
                channel.truncated_ordinal = part(envelope, "truncated_ordinal");
                self.forget_truncated();
            }
            EventType::ReactionNew | EventType::ReactionUpdated | EventType::ReactionDeleted => {
                self.react(envelope);
            }
            EventType::PollUpdated => self.poll(envelope),
            EventType::MessageDeleted => {
                let message: Message = part(envelope, "message");
                self.thread_moved(envelope, &message);
                if part::<bool>(envelope, "hard") {
                    self.erase(&message);
                } else {
                    self.hear(message);
                }
            }
            EventType::MemberAdded | EventType::MemberRemoved => {
                channel.member_count = part(envelope, "member_count");
                self.place(part(envelope, "member"));
            }
            EventType::MemberUpdated => self.place(part(envelope, "member")),
            EventType::ChannelUpdated => *channel = part(envelope, "channel"),
            EventType::ChannelDeleted => {
                *self = Self::default();
            }
            EventType::TaskCreated | EventType::TaskUpdated | EventType::TaskDeleted => {
                self.note(part(envelope, "task"));
            }
            // What it says was pulled before it.
            EventType::UserDeleted => {}
            EventType::MessageRead
            | EventType::MessageDelivered
            | EventType::TypingStart
            | EventType::TypingStop
            | EventType::NotificationMessageNew
            | EventType::NotificationMarkRead
            | EventType::NotificationAddedToChannel
            | EventType::NotificationRemovedFromChannel
            | EventType::NotificationPendingMessages
            | EventType::NotificationThreadReply
            | EventType::NotificationThreadRead
            | EventType::NotificationThreadFollow
            | EventType::InviteRejected
            | EventType::UserUpdated
            | EventType::UserPresenceChanged
            | EventType::UserWatchingStart
            | EventType::UserWatchingStop => panic!("a hint with a seq: {envelope:?}"),
            // Something that this reader is not told on the channel.
            EventType::ChannelAdvanced => {}
            EventType::MessageStarred | EventType::MessageUnstarred | EventType::PollVoted => {
                panic!("what is a user's own, on a channel: {envelope:?}")
            }
            EventType::MembershipUpdated
            | EventType::SettingsUpdated
            | EventType::NotificationInvited
            | EventType::DraftUpdated
            | EventType::DraftDeleted
            | EventType::ScheduledMessageCreated
            | EventType::ScheduledMessageUpdated
            | EventType::ScheduledMessageDeleted
            | EventType::ScheduledMessageSent
            | EventType::ScheduledMessagePending
            | EventType::ScheduledMessageFailed
            | EventType::ReminderCreated
            | EventType::ReminderUpdated
            | EventType::ReminderDeleted
            | EventType::ReminderDue
            | EventType::MessageEphemeral
            | EventType::PendingMessageCreated
            | EventType::PendingMessageUpdated
            | EventType::PendingMessageDeleted
            | EventType::PendingMessageApproved
            | EventType::PendingMessageRejected => {
                panic!("an event of a user's own on a channel: {envelope:?}")
            }
        }
    }

    /// Holds a message of an event, which says nothing of the reader's own reactions: they are as they were.
    fn hear(&mut self, mut message: Message) {
        assert_eq!(
            message.own_reactions, None,
            "an event for everybody tells what is one reader's: {message:?}"
        );
        let held = self.messages.get(&message.seq).filter(|_| message.deleted_at.is_none());
        message.own_reactions = Some(held.and_then(|held| held.own_reactions.clone()).unwrap_or_default());
        let votes = held.and_then(|held| held.own_votes.clone()).unwrap_or_default();
        message.own_votes = message.poll.is_some().then_some(votes);
        self.hold(message);
    }

    fn poll(&mut self, envelope: &Envelope) {
        let id: MessageId = part(envelope, "message_id");
        let place = self.places.get(&id).copied();
        let Some(message) = place.and_then(|seq| self.messages.get_mut(&seq)) else { return };
        message.updated_seq = self.seq;
        message.poll = Some(part(envelope, "poll"));
        let vote = envelope.data.get("vote").filter(|vote| vote["user"]["id"] == self.reader.as_str());
        if let Some(vote) = vote {
            let options = vote["options"].as_array().into_iter().flatten();
            message.own_votes = Some(options.filter_map(Value::as_str).map(str::to_owned).collect());
        }
    }

    fn react(&mut self, envelope: &Envelope) {
        let (id, reaction): (MessageId, Reaction) =
            (part(envelope, "message_id"), part(envelope, "reaction"));
        let shown = envelope.data.get("message").cloned().unwrap_or_default();
        // Of a thread that was not read nothing is known.
        let place = self.places.get(&id).copied();
        let Some(message) = place.and_then(|seq| self.messages.get_mut(&seq)) else { return };
        assert_eq!(shown["updated_seq"], self.seq, "{envelope:?}");
        message.updated_seq = self.seq;
        message.reactions = match serde_json::from_value(shown["reactions"].clone()) {
            Ok(reactions) => reactions,
            Err(error) => panic!("{error}: {envelope:?}"),
        };
        if reaction.user.id.as_str() != self.reader {
            return;
        }
        let own = message.own_reactions.get_or_insert_default();
        if envelope.kind == EventType::ReactionUpdated {
            let replaced: Vec<String> = part(envelope, "replaced");
            own.retain(|kind| !replaced.contains(kind));
        }
        if envelope.kind == EventType::ReactionDeleted {
            own.retain(|kind| *kind != reaction.kind);
        } else if !own.contains(&reaction.kind) {
            own.push(reaction.kind);
        }
    }

    /// A reply, and the end of one, change what the root shows.
    fn thread_moved(&mut self, envelope: &Envelope, reply: &Message) {
        let Some(root) = reply.parent_id else { return };
        let thread: Option<ThreadSummary> = part(envelope, "thread");
        if let Some(root) = self.places.get(&root).and_then(|place| self.messages.get_mut(place)) {
            root.thread = thread;
            root.updated_seq = reply.updated_seq;
        }
    }

    fn note(&mut self, task: Task) {
        match task.deleted_at {
            Some(_) => self.tasks.remove(&task.id),
            None => self.tasks.insert(task.id, task),
        };
    }

    /// What was truncated is gone, with the tasks that were made of it, and the words that others quote.
    fn forget_truncated(&mut self) {
        let upto = self.channel.as_ref().map_or(0, |channel| channel.truncated_seq);
        let rest = self.messages.split_off(&(upto + 1));
        let gone = std::mem::replace(&mut self.messages, rest);
        for message in gone.values() {
            self.places.remove(&message.id);
            self.tasks.retain(|_, task| task.message_id != message.id);
        }
        let quotations = self.messages.values_mut().filter_map(|message| message.quoted.as_mut());
        quotations.filter(|quoted| quoted.seq <= upto).for_each(Quoted::forget);
    }

    fn hold(&mut self, message: Message) {
        let place = *self.places.entry(message.id).or_insert(message.seq);
        assert_eq!(place, message.seq, "a message is there twice: {message:?}");
        self.messages.insert(message.seq, message);
    }

    fn erase(&mut self, message: &Message) {
        self.messages.remove(&message.seq);
        self.places.remove(&message.id);
        if stands_in_channel(message) {
            self.erased.insert(message.seq);
        }
        // What it said is forgotten where others quote it, too.
        let quotations = self.messages.values_mut().filter_map(|other| other.quoted.as_mut());
        for quoted in quotations.filter(|quoted| quoted.id == message.id) {
            quoted.forget();
        }
    }

    fn place(&mut self, member: Member) {
        let id = member.user.id.as_str().to_owned();
        match member.removed_at {
            Some(_) => self.members.remove(&id),
            None => self.members.insert(id, member),
        };
    }

    /// Capabilities and the reader's own part of the channel are answers, not state: they follow from the rest.
    fn forget_what_only_the_server_computes(&mut self) {
        if let Some(channel) = &mut self.channel {
            channel.membership = None;
            channel.unread = 0;
            channel.capabilities.clear();
            channel.last_message = None;
        }
    }

    /// What a member has not read, by the subtraction that clients make.
    pub fn unread(&self, user: &str) -> i64 {
        let (Some(channel), Some(member)) = (&self.channel, self.members.get(user)) else { return 0 };
        let pointer = member.read.read_seq.max(channel.truncated_seq);
        let deleted = self.messages.values().filter(|message| {
            message.deleted_at.is_some() && stands_in_channel(message) && message.seq > pointer
        });
        let gone = deleted.count() + self.erased.range(pointer + 1..).count();
        let before = member.read.read_ordinal.max(channel.truncated_ordinal);
        channel.ordinal - before - i64::try_from(gone).unwrap_or(0)
    }
}

/// Whether it is in the main timeline, and counts there.
fn stands_in_channel(message: &Message) -> bool {
    let in_timeline = message.parent_id.is_none() || message.show_in_channel;
    in_timeline && !message.silent && message.visible_to.is_none()
}

fn part<T: DeserializeOwned>(envelope: &Envelope, name: &str) -> T {
    match serde_json::from_value(envelope.data.get(name).cloned().unwrap_or(Value::Null)) {
        Ok(part) => part,
        Err(error) => panic!("`{name}` of {envelope:?}: {error}"),
    }
}
