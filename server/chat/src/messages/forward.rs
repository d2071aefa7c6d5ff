//! Sending a message on to other channels.
//!
//! Each channel gets a message of its own, through the same writers as any other: what a send of the caller there would
//! be refused for refuses it, and says nothing about the others. Text and attachments are copied; mentions are
//! only text there, so that nobody is called twice.

use futures_util::future::join_all;
use parlor_platform::crypto::sha256;
use parlor_platform::error::REQUEST_ID;
use parlor_platform::{Error, Result};
use parlor_protocol::limits::FORWARD_CHANNELS;
use parlor_protocol::message::{ForwardMessage, ForwardResult, Forwarded, ForwardedFrom, SendMessage};
use parlor_protocol::{ChannelId, ContentType, Custom, ErrorCode, Message, MessageId, PendingMessage};
use uuid::Uuid;

use super::access;
use super::send::{Item, fingerprint};
use crate::web::{Caller, IdempotencyKey};
use crate::{Chat, content, validate};

/// Forwards a message and says what became of it in each channel.
pub async fn forward(
    chat: &Chat,
    caller: &Caller,
    id: MessageId,
    key: &IdempotencyKey,
    request: ForwardMessage,
) -> Result<Forwarded> {
    check(&request)?;
    let (user, by_server) = (caller.acts_for(request.user_id.clone())?, caller.is_server());
    let tx = chat.db.tenant(caller.app()).await?;
    let (_, source) = access::readable(&tx, caller, id).await?;
    tx.commit().await?;
    if source.deleted_at.is_some() {
        return Err(ErrorCode::MessageDeleted.into());
    }
    access::require_for_all(&source)?;
    let content = forwarded(&source, request.comment.as_deref())?;
    let from = source.forwarded_from.clone().unwrap_or_else(|| ForwardedFrom {
        message_id: source.id,
        user: source.user.clone(),
        created_at: source.created_at,
    });
    let named = request.ids.iter().flatten().copied().map(Some).chain(std::iter::repeat(None));
    let mut sends = Vec::with_capacity(request.channel_ids.len());
    for (channel, named) in request.channel_ids.iter().copied().zip(named) {
        let derived = key.derived_id(place(id, channel), caller).map(MessageId);
        // The same forward is the same message, whatever has become of the source since.
        let comment = request.comment.as_deref().unwrap_or_default();
        let item = Item {
            app: caller.app(),
            channel,
            user: user.clone(),
            by_server,
            id: named.or(derived).unwrap_or_default(),
            content: SendMessage { id: named, ..content.clone() },
            forwarded_from: Some(from.clone()),
            approved: false,
            fingerprint: fingerprint(channel, &user, comment, &("forward", id))?,
        };
        sends.push(one(chat, item, named.is_none() && derived.is_some()));
    }
    Ok(Forwarded { results: join_all(sends).await })
}

async fn one(chat: &Chat, item: Item, key_names_it: bool) -> ForwardResult {
    let channel_id = item.channel;
    let sent = chat.sender.send(item).await;
    let answer = sent.and_then(|sent| {
        let (mut message, mut pending) = (None, None);
        if sent.waits {
            pending =
                serde_json::from_str::<PendingMessage>(&sent.json).map(Some).map_err(Error::internal)?;
        } else {
            message = serde_json::from_str::<Message>(&sent.json).map(Some).map_err(Error::internal)?;
        }
        Ok(ForwardResult { channel_id, message, pending, error: None })
    });
    match answer {
        Ok(answer) => answer,
        Err(error) => {
            let error = match error.code() {
                ErrorCode::MessageIdReused if key_names_it => ErrorCode::IdempotencyConflict.into(),
                _ => error,
            };
            error.log();
            let request_id = REQUEST_ID.try_with(Clone::clone).unwrap_or_default();
            ForwardResult {
                channel_id,
                message: None,
                pending: None,
                error: Some(error.body(&request_id).error),
            }
        }
    }
}

fn check(request: &ForwardMessage) -> Result<()> {
    let channels = &request.channel_ids;
    if channels.is_empty() || channels.len() > FORWARD_CHANNELS {
        return Err(Error::with(ErrorCode::BatchTooLarge, "A message is forwarded to 1 to 10 channels."));
    }
    let mut once = channels.clone();
    once.sort_unstable();
    once.dedup();
    if once.len() != channels.len() {
        return Err(Error::with(ErrorCode::InvalidRequest, "A channel is named twice."));
    }
    if let Some(ids) = &request.ids
        && ids.len() != channels.len()
    {
        return Err(Error::with(ErrorCode::InvalidRequest, "`ids` has one id for each channel."));
    }
    Ok(())
}

/// What is said of a message elsewhere. With a comment above it a document goes on as its text; so does what has no words
/// of its own there: what the server told. Where one is shared live stays where it was shared: it goes on as a place.
fn forwarded(source: &Message, comment: Option<&str>) -> Result<SendMessage> {
    let text = with_comment(comment, &source.text);
    let as_it_is =
        text == source.text && !matches!(source.content_type, ContentType::System | ContentType::Poll);
    let mut content = SendMessage {
        text,
        attachments: source.attachments.iter().cloned().map(at_rest).collect(),
        ..SendMessage::default()
    };
    if as_it_is {
        content.content_type = Some(source.content_type);
        content.content.clone_from(&source.content);
    }
    if content.content_type == Some(ContentType::Tiptap) {
        // Nobody is called twice, neither now nor when it is edited.
        content.content = content.content.as_ref().map(content::uncalled);
    }
    content::settle(content::Parts::of(&mut content))?;
    validate::message(&content.text, &content.attachments, &[], &content.custom)?;
    Ok(content)
}

fn at_rest(mut attachment: Custom) -> Custom {
    if attachment.0.get("type").is_some_and(|kind| kind == "location") {
        attachment.0.remove("expires_at");
        attachment.0.remove("updated_at");
    }
    attachment
}

/// The comment above the text, which follows as a quotation; without a comment the text as it is.
fn with_comment(comment: Option<&str>, text: &str) -> String {
    let Some(comment) = comment.filter(|comment| !comment.trim().is_empty()) else { return text.to_owned() };
    if text.is_empty() {
        return comment.to_owned();
    }
    let quoted: Vec<String> = text.lines().map(|line| format!("> {line}").trim_end().to_owned()).collect();
    format!("{comment}\n\n{}", quoted.join("\n"))
}

/// What an `Idempotency-Key` is for: this message in that channel.
fn place(message: MessageId, channel: ChannelId) -> Uuid {
    let hash = sha256(&[message.0.as_bytes(), channel.0.as_bytes()]);
    let bytes: [u8; 16] = hash.first_chunk().copied().unwrap_or_default();
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_stands_above_what_it_is_about() {
        assert_eq!(with_comment(None, "a\nb"), "a\nb");
        assert_eq!(with_comment(Some(" "), "a"), "a");
        assert_eq!(with_comment(Some("look"), "a\n\nb"), "look\n\n> a\n>\n> b");
        assert_eq!(with_comment(Some("look"), ""), "look", "what has only attachments");
    }
}
