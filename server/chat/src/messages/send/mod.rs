//! Sending: durable, ordered, and combined.
//!
//! A send is validated here, then given to a writer (by hash of its channel, so that two writers of this
//! node never wait for each other's rows). The writer takes all that is waiting ([`combiner`]), and writes it
//! in one transaction of two flights ([`batch`]): lock the channels and read what decides; decide
//! ([`plan`], pure); write and commit. So one commit carries many messages, and one hot channel is not
//! limited by a row lock that is held across an fsync. A lone send waits for nobody.
//!
//! Membership, ban, freeze and the message's id are checked inside the transaction, against the rows: no cache
//! can let a stale right through. When the commit's outcome is unknown the caller gets a retryable error, and
//! the retry with the same id finds out.

mod batch;
mod combiner;
mod plan;
mod store;
mod threads;
mod told;

use parlor_platform::crypto::sha256;
use parlor_platform::{Error, Result};
use parlor_protocol::message::{ForwardedFrom, SendMessage};
use parlor_protocol::{AppId, ChannelId, ContentType, ErrorCode, MessageId, UserId};
use serde::Serialize;

pub use combiner::Sender;

use crate::web::Caller;
use crate::{Chat, content, polls, validate};

/// A message on its way, with everything that needs no database checked.
#[derive(Clone, Debug)]
pub struct Item {
    pub app: AppId,
    pub channel: ChannelId,
    pub user: UserId,
    /// The customer's server speaks for the user: no membership is asked for.
    pub by_server: bool,
    pub id: MessageId,
    /// The rest of what was asked for. Its own `id` and `user_id` stand above, completed.
    pub content: SendMessage,
    /// Set if it is another one's words.
    pub forwarded_from: Option<ForwardedFrom>,
    /// A moderator has approved it: it waits for nobody's approval.
    pub approved: bool,
    /// What makes it this message and no other.
    pub fingerprint: i64,
}

impl Item {
    /// A message of this user, who may be spoken for.
    pub fn new(
        app: AppId,
        channel: ChannelId,
        user: UserId,
        by_server: bool,
        id: MessageId,
        content: SendMessage,
    ) -> Result<Self> {
        let mut item = Self {
            app,
            channel,
            user,
            by_server,
            id,
            content,
            forwarded_from: None,
            approved: false,
            fingerprint: 0,
        };
        item.fingerprint = item.told_apart_by()?;
        Ok(item)
    }

    fn told_apart_by(&self) -> Result<i64> {
        let SendMessage {
            id: _,
            text,
            content_type,
            content,
            attachments,
            mentions,
            group_mentions,
            custom,
            poll,
            parent_id,
            reply_to_id,
            show_in_channel,
            silent,
            visible_to,
            user_id: _,
        } = &self.content;
        let rest = (attachments, mentions, custom, poll, parent_id, reply_to_id, show_in_channel);
        let rest = (rest, content_type, content, group_mentions, silent, visible_to);
        fingerprint(self.channel, &self.user, text, &rest)
    }

    /// Whether it stands in the main timeline.
    pub fn in_timeline(&self) -> bool {
        self.content.parent_id.is_none() || self.content.show_in_channel
    }

    /// The users that it names, to mention them or to let them read it.
    pub fn named(&self) -> impl Iterator<Item = &UserId> {
        self.content.mentions.iter().chain(self.content.visible_to.iter().flatten())
    }

    /// Who may read it beside moderators, where not all may: those whom it names, and its author.
    pub fn readers(&self) -> impl Iterator<Item = &UserId> {
        let author = self.content.visible_to.is_some().then_some(&self.user);
        self.content.visible_to.iter().flatten().chain(author)
    }

    /// Whether it is unread for others, and has its share in the channel's `ordinal`.
    pub fn is_countable(&self) -> bool {
        self.in_timeline() && self.is_heard()
    }

    /// Whether it counts at all, in its channel or in its thread: it is for all, and not silent.
    pub fn is_heard(&self) -> bool {
        !self.content.silent && self.content.visible_to.is_none()
    }
}

/// A message that is durable.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The message as JSON: the body of the answer.
    pub json: String,
    /// `false` if this id was sent before.
    pub created: bool,
    /// It is none yet: it waits for approval, and the JSON says what waits.
    pub waits: bool,
}

/// Settles what may be a message, and refuses what can't, wherever it is to be sent.
pub fn check(request: &mut SendMessage, by_server: bool) -> Result<()> {
    content::settle(content::Parts::of(request))?;
    if request.content_type == Some(ContentType::System) {
        if !by_server {
            return Err(Error::with(
                ErrorCode::ServerOnly,
                "Only the customer's server tells what happened.",
            ));
        }
        request.silent = true;
    }
    validate::message(&request.text, &request.attachments, &request.mentions, &request.custom)?;
    request.poll.as_ref().map_or(Ok(()), polls::check)?;
    if let Some(named) = &request.visible_to {
        validate::visible_to(named)?;
        if !request.group_mentions.is_empty() {
            return Err(ErrorCode::InvalidVisibility.into());
        }
    }
    if request.show_in_channel && request.parent_id.is_none() {
        return Err(Error::with(ErrorCode::InvalidRequest, "Only a reply is shown in its channel as well."));
    }
    Ok(())
}

/// Sends a message and waits until it is durable.
pub async fn send(
    chat: &Chat,
    caller: &Caller,
    channel: ChannelId,
    derived_id: Option<MessageId>,
    mut request: SendMessage,
) -> Result<Sent> {
    check(&mut request, caller.is_server())?;
    write(chat, caller, channel, derived_id, request).await
}

/// The same of what tells what the caller did to the channel: a system message, unless it says that it is another.
pub async fn tell(
    chat: &Chat,
    caller: &Caller,
    channel: ChannelId,
    derived_id: Option<MessageId>,
    mut request: SendMessage,
) -> Result<Sent> {
    if request.content.is_none() && request.poll.is_none() {
        request.content_type.get_or_insert(ContentType::System);
    }
    check(&mut request, true)?;
    write(chat, caller, channel, derived_id, request).await
}

async fn write(
    chat: &Chat,
    caller: &Caller,
    channel: ChannelId,
    derived_id: Option<MessageId>,
    request: SendMessage,
) -> Result<Sent> {
    let user = caller.acts_for(request.user_id.clone())?;
    if !caller.is_server() {
        chat.presence.active(caller.app(), &user);
    }
    let id = request.id.or(derived_id).unwrap_or_default();
    let item = Item::new(caller.app(), channel, user, caller.is_server(), id, request)?;
    let key_names_it = item.content.id.is_none() && derived_id.is_some();
    chat.sender.send(item).await.map_err(|error| match error.code() {
        ErrorCode::MessageIdReused if key_names_it => ErrorCode::IdempotencyConflict.into(),
        _ => error,
    })
}

/// What makes a message this one and no other.
pub fn fingerprint(channel: ChannelId, user: &UserId, text: &str, rest: &impl Serialize) -> Result<i64> {
    let rest = serde_json::to_vec(rest).map_err(Error::internal)?;
    let hash = sha256(&[channel.0.as_bytes(), user.as_str().as_bytes(), text.as_bytes(), &rest]);
    hash.first_chunk().map(|bytes| i64::from_be_bytes(*bytes)).ok_or_else(|| Error::internal("no hash"))
}
