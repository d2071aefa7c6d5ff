//! Voting, adding an option, closing: changes of a poll's message.

use chrono::{DateTime, Utc};
use parlor_platform::Result;
use parlor_platform::db::TenantTx;
use parlor_platform::outbox::Entries;
use parlor_protocol::poll::{SuggestOption, Vote};
use parlor_protocol::{Capability, ErrorCode, EventType, Message, MessageId, Poll, UserRef};
use serde_json::{Value, json};

use super::{store, tally};
use crate::channels::change::Change;
use crate::messages::{access, store as messages, view};
use crate::permissions::{may, require_no_approval};
use crate::users::change::UserChange;
use crate::users::store as users;
use crate::web::Caller;

/// One request that changes a poll, and what it needs.
pub struct Action<'a> {
    pub tx: &'a TenantTx,
    pub caller: &'a Caller,
    pub id: MessageId,
    pub entries: &'a mut Entries,
    pub now: DateTime<Utc>,
}

impl Action<'_> {
    /// Votes, instead of what the user voted for before.
    pub async fn vote(self, request: Vote) -> Result<Message> {
        let user = self.caller.acts_for(request.user_id)?;
        let (_, message, poll) = self.locked(Capability::React).await?;
        let user = users::active(self.tx, &[user.as_str()]).await?.pop().ok_or(ErrorCode::UserUnknown)?;
        let old = store::of_user(self.tx, self.id, &user.id).await?;
        let Some(new) = tally::voted(&poll, &old, &request.options, self.now)? else {
            return self.seen(message).await;
        };
        let change = Change::begin(self.tx, message.channel_id, 0, self.now).await?;
        store::replace(self.tx, self.id, &user.id, &request.options, change.seq(), self.now).await?;
        let vote = if new.anonymous {
            let own = UserChange::begin(self.tx, &user.id, self.now).await?;
            let data = json!({ "message_id": self.id, "options": request.options });
            own.tell(self.entries, EventType::PollVoted, message.channel_id, data)?;
            None
        } else {
            Some((user, request.options))
        };
        self.show(message, new, change, vote).await
    }

    /// Adds an option. Authors may, everybody may where the poll says so.
    pub async fn suggest(self, request: SuggestOption) -> Result<Message> {
        let user = self.caller.acts_for(request.user_id)?;
        let (access, message, poll) = self.locked(Capability::React).await?;
        require_no_approval(access.actor, access.channel.kind, &access.channel.config)?;
        let author = user == message.user.id;
        if !author && !poll.suggestions {
            return Err(ErrorCode::Forbidden.into());
        }
        let user = users::active(self.tx, &[user.as_str()]).await?.pop().ok_or(ErrorCode::UserUnknown)?;
        let by = (!author).then_some(&user.id);
        let Some(new) = tally::suggested(&poll, &request.text, by, self.now)? else {
            return self.seen(message).await;
        };
        let change = Change::begin(self.tx, message.channel_id, 0, self.now).await?;
        self.show(message, new, change, None).await
    }

    /// Closes the poll. Its author may, moderators and the server.
    pub async fn close(self) -> Result<Message> {
        let (access, message, poll) = self.locked(Capability::ReadChannel).await?;
        let any =
            may(access.actor, Capability::DeleteAnyMessage, access.channel.kind, &access.channel.config);
        if !any && self.caller.user() != Some(&message.user.id) {
            return Err(ErrorCode::Forbidden.into());
        }
        if poll.is_closed(self.now) {
            return self.seen(message).await;
        }
        let change = Change::begin(self.tx, message.channel_id, 0, self.now).await?;
        let closed = Poll { closed_at: Some(self.now), ..poll };
        self.show(message, closed, change, None).await
    }

    async fn locked(
        &self,
        capability: Capability,
    ) -> Result<(crate::channels::access::Access, Message, Poll)> {
        let (access, message) = access::locked(self.tx, self.caller, self.id, capability).await?;
        if message.deleted_at.is_some() {
            return Err(ErrorCode::MessageDeleted.into());
        }
        let poll = message.poll.clone().ok_or(ErrorCode::PollNotFound)?;
        Ok((access, message, poll))
    }

    async fn seen(self, message: Message) -> Result<Message> {
        view::message(self.tx, self.caller.user(), message, self.now).await
    }

    async fn show(
        self,
        mut message: Message,
        poll: Poll,
        change: Change,
        vote: Option<(UserRef, Vec<String>)>,
    ) -> Result<Message> {
        messages::set_poll(self.tx, self.id, &poll, change.seq()).await?;
        let mut data = json!({ "message_id": self.id, "poll": poll, "updated_seq": change.seq() });
        if let (Some((user, options)), Value::Object(data)) = (vote, &mut data) {
            data.insert("vote".to_owned(), json!({ "user": user, "options": options }));
        }
        change.tell_of(self.tx, self.entries, &message, EventType::PollUpdated, data).await?;
        message.poll = Some(poll);
        message.updated_seq = change.seq();
        view::message(self.tx, self.caller.user(), message, self.now).await
    }
}
