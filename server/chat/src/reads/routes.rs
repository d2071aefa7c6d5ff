//! Reading, unread counts, flags.

use std::collections::HashMap;

use actix_web::web::Data;
use actix_web::{HttpResponse, get, post};
use parlor_platform::Result;
use parlor_protocol::member::{MarkRead, MarkUnread, ReadResult, UnreadCounts};
use parlor_protocol::message::UserMessage;
use parlor_protocol::receipt::ReadEverything;
use parlor_protocol::{ChannelId, Message, MessageId, Page};
use serde::Deserialize;
use uuid::Uuid;

use super::{all, mark, store};
use crate::Chat;
use crate::messages::{store as messages, view};
use crate::web::{ChannelRef, Id, NoBody, Params, UserCaller, ValidJson, decode, encode, limit, one_more};

/// Adds the routes of this file.
pub fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config
        .service(mark_read)
        .service(mark_everything)
        .service(mark_unread)
        .service(unread_counts)
        .service(flagged);
}

/// Read up to a message, or everything. The pointer never moves backwards.
#[utoipa::path(tag = "reads", params(("id" = String, Path,)), request_body = MarkRead, responses((status = 200, body = ReadResult)))]
#[post("/channels/{id}/read")]
async fn mark_read(
    chat: Data<Chat>,
    caller: UserCaller,
    id: Id<ChannelRef>,
    body: ValidJson<MarkRead>,
) -> Result<HttpResponse> {
    chat.presence.active(caller.app, &caller.user);
    let id = id.0.resolve(&chat, caller.app).await?;
    let result = chat
        .change(caller.app, async |tx, entries, now| {
            mark::read(tx, &caller.user, id, body.value.message_id, entries, now).await
        })
        .await?;
    Ok(HttpResponse::Ok().json(result))
}

/// Read all of one's channels, and all threads that one follows. What comes meanwhile stays unread.
#[utoipa::path(tag = "reads", responses((status = 200, body = ReadEverything)))]
#[post("/channels/read")]
async fn mark_everything(chat: Data<Chat>, caller: UserCaller, _body: NoBody) -> Result<HttpResponse> {
    Ok(HttpResponse::Ok().json(all::read(&chat, &caller).await?))
}

/// Make a message the first unread one.
#[utoipa::path(tag = "reads", params(("id" = String, Path,)), request_body = MarkUnread, responses((status = 200, body = ReadResult)))]
#[post("/channels/{id}/unread")]
async fn mark_unread(
    chat: Data<Chat>,
    caller: UserCaller,
    id: Id<ChannelRef>,
    body: ValidJson<MarkUnread>,
) -> Result<HttpResponse> {
    chat.presence.active(caller.app, &caller.user);
    let id = id.0.resolve(&chat, caller.app).await?;
    let result = chat
        .change(caller.app, async |tx, entries, now| {
            mark::unread(tx, &caller.user, id, body.value.message_id, entries, now).await
        })
        .await?;
    Ok(HttpResponse::Ok().json(result))
}

/// Unread counts of all of one's channels, the mentions in them, and of the threads that one follows. Muted and hidden
/// channels are listed and not in the totals.
#[utoipa::path(tag = "reads", responses((status = 200, body = UnreadCounts)))]
#[get("/unread")]
async fn unread_counts(chat: Data<Chat>, caller: UserCaller) -> Result<HttpResponse> {
    let tx = chat.db.tenant(caller.app).await?;
    let counts = super::counts(&tx, &caller.user, chat.clock.now()).await?;
    tx.commit().await?;
    Ok(HttpResponse::Ok().json(counts))
}

#[derive(Clone, Copy, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum With {
    Messages,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct FlaggedQuery {
    /// Which messages.
    #[param(inline)]
    flag: store::Flag,
    /// `messages`: each item has its message, as the reader may see it.
    #[param(inline)]
    with: Option<With>,
    /// 1 to 100, 50 unless given.
    limit: Option<u32>,
    /// From `next` of the page before.
    cursor: Option<String>,
}

/// One's unread, mentioning or starred messages, by id from the highest, from the flags that are kept per user: newest
/// first where ids are UUIDs of version 7, as those that the server makes. Flags follow the message within moments;
/// livestreams and channels above the configured size have none but for mentions, though their unread messages count.
#[utoipa::path(tag = "reads", params(FlaggedQuery), responses((status = 200, body = Page<UserMessage>)))]
#[get("/users/me/messages")]
async fn flagged(chat: Data<Chat>, caller: UserCaller, query: Params<FlaggedQuery>) -> Result<HttpResponse> {
    let size = limit(query.0.limit)?;
    let before = decode("flags", query.0.cursor.as_deref())?;
    // One moment for the list and its messages.
    let tx = chat.db.tenant_snapshot(caller.app).await?;
    let rows = store::flagged(&tx, &caller.user, query.0.flag, before, one_more(size)).await?;
    let page = Page::of(rows, size, |(_, message, _)| encode("flags", message))?;
    let mut shown: HashMap<Uuid, Message> = HashMap::new();
    if let Some(With::Messages) = query.0.with {
        let (reader, ids) = (Some(&caller.user), page.items.iter().map(|(_, message, _)| *message));
        let rows = messages::of(&tx, &ids.collect::<Vec<_>>(), reader).await?;
        let found = rows.into_iter().map(messages::MessageRow::into_message).collect::<Result<_>>()?;
        let found = view::messages(&tx, reader, found, chat.clock.now()).await?;
        shown.extend(found.into_iter().map(|message| (message.id.0, message)));
    }
    tx.commit().await?;
    let item = |(channel, message, flags): (Uuid, Uuid, i16)| -> Result<_> {
        Ok(UserMessage {
            message: shown.remove(&message),
            channel_id: ChannelId(channel),
            message_id: MessageId(message),
            read: flags & 1 != 0,
            mentioned: flags & 2 != 0,
            starred: flags & 4 != 0,
        })
    };
    Ok(HttpResponse::Ok().json(page.try_map(item)?))
}
