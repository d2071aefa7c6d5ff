//! Editing one's own message.
//!
//! What it said before is kept ([`crate::edits`]) where text or attachments change. The sender's own fields may change
//! without: that is no edit for who reads the message.

use chrono::{DateTime, Utc};
use parlor_platform::db::TenantTx;
use parlor_platform::outbox::Entries;
use parlor_platform::{Error, Result};
use parlor_protocol::message::{SendMessage, UpdateMessage};
use parlor_protocol::{Capability, ContentType, ErrorCode, EventType, Message, MessageId};
use serde_json::json;

use super::store::{self, Edited};
use super::{access, view};
use crate::channels::access::Access;
use crate::channels::change::Change;
use crate::content::{self, Parts, attachments};
use crate::fanout::{MENTIONS_TOPIC, MentionsChanged};
use crate::permissions::require_no_approval;
use crate::scheduled::require_named;
use crate::web::Caller;
use crate::{edits, mentions, search, validate};

/// Changes what the request names. Authors edit their own messages, the server all. What leaves the message as it is
/// takes no `seq`, is told to nobody, and is no edit.
pub async fn edit(
    tx: &TenantTx,
    caller: &Caller,
    id: MessageId,
    request: UpdateMessage,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<Message> {
    let (access, old) = access::locked(tx, caller, id, Capability::UpdateOwnMessage).await?;
    if old.deleted_at.is_some() {
        return Err(ErrorCode::MessageDeleted.into());
    }
    if caller.user().is_some_and(|user| *user != old.user.id) {
        return Err(ErrorCode::Forbidden.into());
    }
    let was = said(&old);
    let mut says = was.clone();
    content::replace(&mut says, request)?;
    settle(caller, &old, &mut says)?;
    if says == was {
        return view::message(tx, caller.user(), old, now).await;
    }
    require_no_approval(access.actor, access.channel.kind, &access.channel.config)?;
    check(tx, &access, &was, &says).await?;
    let live = attachments::live_location(&says.attachments);
    let live_until = if live == attachments::live_location(&was.attachments) {
        live.map(|(_, end)| end).filter(|end| *end > now)
    } else {
        attachments::live_until(&says.attachments, now)?
    };
    let change = Change::begin(tx, old.channel_id, 0, now).await?;
    // The sender's own fields alone are no edit for who reads the message.
    let says_other = SendMessage { custom: was.custom.clone(), ..says.clone() } != was;
    if says_other {
        edits::store::keep(tx, id, change.seq(), caller.user(), now).await?;
    }
    let edited_at = if says_other { Some(now) } else { old.edited_at };
    store::update(tx, id, Edited { said: &says, live_until, edited_at }, change.seq()).await?;
    let message = access::find(tx, caller, id).await?;
    search::changed(entries, &message)?;
    if says.mentions != was.mentions || says.group_mentions != was.group_mentions {
        let called = !was.group_mentions.is_empty();
        let job = MentionsChanged { channel_id: old.channel_id, message_id: id, named: was.mentions, called };
        entries.job(&old.channel_id.0, MENTIONS_TOPIC, &job)?;
    }
    let data = json!({ "message": message });
    change.tell_of(tx, entries, &message, EventType::MessageUpdated, data).await?;
    view::message(tx, caller.user(), message, now).await
}

/// What of a message an edit may change.
fn said(message: &Message) -> SendMessage {
    SendMessage {
        text: message.text.clone(),
        content_type: Some(message.content_type)
            .filter(|kind| !matches!(kind, ContentType::Text | ContentType::Poll)),
        content: message.content.clone(),
        attachments: message.attachments.clone(),
        mentions: message.mentions.clone(),
        group_mentions: message.group_mentions.clone(),
        custom: message.custom.clone(),
        ..SendMessage::default()
    }
}

fn settle(caller: &Caller, old: &Message, says: &mut SendMessage) -> Result<()> {
    content::settle(Parts { is_poll: old.poll.is_some(), ..Parts::of(says) })?;
    let tells = |kind: Option<ContentType>| kind == Some(ContentType::System);
    match (tells(Some(old.content_type)), tells(says.content_type)) {
        (true, true) if !caller.is_server() => return Err(ErrorCode::ServerOnly.into()),
        (true, true) | (false, false) => {}
        // It would have to count from now on, or no longer.
        _ => {
            return Err(Error::with(
                ErrorCode::InvalidContent,
                "A message does not become one of the system, or cease to be.",
            ));
        }
    }
    if old.visible_to.is_some() && !says.group_mentions.is_empty() {
        return Err(ErrorCode::InvalidVisibility.into());
    }
    validate::message(&says.text, &says.attachments, &says.mentions, &says.custom)
}

/// Refuses to mention who does not exist, or whom the caller may not call.
async fn check(tx: &TenantTx, access: &Access, was: &SendMessage, says: &SendMessage) -> Result<()> {
    if says.mentions == was.mentions && says.group_mentions == was.group_mentions {
        return Ok(());
    }
    require_named(tx, says).await?;
    let (kind, config) = (access.channel.kind, &access.channel.config);
    if says.group_mentions == was.group_mentions {
        return Ok(());
    }
    mentions::allowed(access.actor, &says.group_mentions, kind, config, access.row.member_count)
}
