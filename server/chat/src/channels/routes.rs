//! `/channels`.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpResponse, delete, get, patch, post, put};
use chrono::Datelike;
use parlor_platform::{Error, Result};
use parlor_protocol::channel::{
    ChangeCounters, ChannelChanges, CreateChannel, ReplaceChannel, UpdateChannel,
};
use parlor_protocol::{Capability, Channel, ChannelType, ErrorCode, Page};
use serde::Deserialize;

use super::store::ChannelRow;
use super::{access, counters, create, store, update, view};
use crate::web::{
    Caller, ChannelRef, Id, IdempotencyKey, Params, ValidJson, decode, encode, limit, one_more,
};
use crate::{Chat, changes};

/// Adds the routes of this file.
pub fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config
        .service(create_one)
        .service(list)
        .service(get_one)
        .service(update_one)
        .service(replace_one)
        .service(change_counters)
        .service(delete_one)
        .service(get_changes);
}

/// Get or create a channel: by `type` and `id`, or, with `distinct`, by its members.
/// 201 if it is new, 200 if it existed. Users become owner of what they create. Not for guests.
#[utoipa::path(
    tag = "channels", request_body = CreateChannel,
    params(("Idempotency-Key" = Option<String>, Header, description = "For channels without `id`: the same key, the same channel")),
    responses((status = 201, body = Channel), (status = 200, body = Channel))
)]
#[post("/channels")]
async fn create_one(
    chat: Data<Chat>,
    caller: Caller,
    idempotency: IdempotencyKey,
    body: ValidJson<CreateChannel>,
) -> Result<HttpResponse> {
    caller.require_no_guest()?;
    let ValidJson { value, bytes } = body;
    chat.change(caller.app(), async |tx, entries, now| {
        let create = async || {
            let (channel, created) = create::get_or_create(tx, &caller, value, entries, now).await?;
            Ok((if created { StatusCode::CREATED } else { StatusCode::OK }, channel))
        };
        idempotency.once(tx, &caller, &bytes, now, create).await
    })
    .await
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    /// Only channels of this type.
    #[serde(rename = "type")]
    #[param(inline)]
    kind: Option<ChannelType>,
    /// Only channels that have this tag.
    tag: Option<String>,
    /// Of one's own: only pinned channels, or only others.
    pinned: Option<bool>,
    /// Of one's own: only archived channels, or only others; unless given, others, and with `hidden=true` both.
    archived: Option<bool>,
    /// Of one's own: only hidden channels, or, unless given, only others.
    hidden: Option<bool>,
    /// 1 to 100, 50 unless given.
    limit: Option<u32>,
    /// From `next` of the page before.
    cursor: Option<String>,
}

/// A user's channels, the most recently active first, without hidden and archived ones unless they are asked for; for the
/// server all of the app's, newest first.
#[utoipa::path(tag = "channels", params(ListQuery), responses((status = 200, body = Page<Channel>)))]
#[get("/channels")]
async fn list(chat: Data<Chat>, caller: Caller, query: Params<ListQuery>) -> Result<HttpResponse> {
    let ListQuery { kind, tag, pinned, archived, hidden, limit: asked, cursor } = query.0;
    let size = limit(asked)?;
    let cursor = cursor.as_deref();
    let tx = chat.db.tenant(caller.app()).await?;
    let page = match caller.user() {
        Some(user) => {
            let after = decode::<store::Position>("my-channels", cursor)?;
            if after.is_some_and(|(time, _)| !(1..=9999).contains(&time.year())) {
                return Err(ErrorCode::InvalidCursor.into());
            }
            let archived = archived.or((hidden != Some(true)).then_some(false));
            let which = store::Which { kind, tag, pinned, archived, hidden: hidden.or(Some(false)) };
            let rows = store::page_of_user(&tx, user, which, after, one_more(size)).await?;
            let place = |row: &ChannelRow| (row.last_message_at.unwrap_or(row.created_at), row.id);
            Page::of(rows, size, |row| encode("my-channels", &place(row)))?
        }
        None => {
            if [pinned, archived, hidden].iter().any(Option::is_some) {
                let why = "`pinned`, `archived` and `hidden` are a user's own; the server has none.";
                return Err(Error::with(ErrorCode::InvalidParameter, why));
            }
            let (after, asked) = (decode("channels", cursor)?, one_more(size));
            let rows = match &tag {
                Some(tag) => store::page_of_tag(&tx, tag, kind, after, asked).await?,
                None => store::page_of_app(&tx, kind, after, asked).await?,
            };
            Page::of(rows, size, |row| encode("channels", &row.id))?
        }
    };
    let items = view::channels(&tx, caller.user(), page.items, chat.clock.now()).await?;
    tx.commit().await?;
    Ok(HttpResponse::Ok().json(Page { items, next: page.next }))
}

/// One channel, by id or cid.
#[utoipa::path(tag = "channels", params(("id" = String, Path,)), responses((status = 200, body = Channel)))]
#[get("/channels/{id}")]
async fn get_one(chat: Data<Chat>, caller: Caller, id: Id<ChannelRef>) -> Result<HttpResponse> {
    let id = id.0.resolve(&chat, caller.app()).await?;
    let tx = chat.db.tenant(caller.app()).await?;
    let access = access::require(&tx, &caller, id, Capability::ReadChannel).await?;
    let channel = view::channel(&tx, caller.user(), access.row, chat.clock.now()).await?;
    tx.commit().await?;
    Ok(HttpResponse::Ok().json(channel))
}

/// Change name, image, custom data, tags, config (admins) or freeze (moderators). What changes nothing takes no `seq`.
#[utoipa::path(tag = "channels", params(("id" = String, Path,)), request_body = UpdateChannel, responses((status = 200, body = Channel)))]
#[patch("/channels/{id}")]
async fn update_one(
    chat: Data<Chat>,
    caller: Caller,
    id: Id<ChannelRef>,
    body: ValidJson<UpdateChannel>,
) -> Result<HttpResponse> {
    let id = id.0.resolve(&chat, caller.app()).await?;
    let channel = chat
        .change(caller.app(), async |tx, entries, now| {
            update::update(tx, &caller, id, body.value, entries, now).await
        })
        .await?;
    Ok(HttpResponse::Ok().json(channel))
}

/// Replace name, image, custom data, tags and config by what the request says; what it leaves out is cleared. For admins.
#[utoipa::path(tag = "channels", params(("id" = String, Path,)), request_body = ReplaceChannel, responses((status = 200, body = Channel)))]
#[put("/channels/{id}")]
async fn replace_one(
    chat: Data<Chat>,
    caller: Caller,
    id: Id<ChannelRef>,
    body: ValidJson<ReplaceChannel>,
) -> Result<HttpResponse> {
    let id = id.0.resolve(&chat, caller.app()).await?;
    let channel = chat
        .change(caller.app(), async |tx, entries, now| {
            update::update(tx, &caller, id, body.value.into(), entries, now).await
        })
        .await?;
    Ok(HttpResponse::Ok().json(channel))
}

/// Add to numbers in a channel's custom data, or set them where they are what one thinks: all operations or, with
/// `counter_mismatch`, none. For admins. What changes nothing takes no `seq`.
#[utoipa::path(
    tag = "channels", request_body = ChangeCounters,
    params(("id" = String, Path,), ("Idempotency-Key" = Option<String>, Header, description = "The same key adds once")),
    responses((status = 200, body = Channel))
)]
#[post("/channels/{id}/counters")]
async fn change_counters(
    chat: Data<Chat>,
    caller: Caller,
    id: Id<ChannelRef>,
    idempotency: IdempotencyKey,
    body: ValidJson<ChangeCounters>,
) -> Result<HttpResponse> {
    let id = id.0.resolve(&chat, caller.app()).await?;
    let ValidJson { value, bytes } = body;
    chat.change(caller.app(), async |tx, entries, now| {
        let count =
            async || Ok((StatusCode::OK, counters::change(tx, &caller, id, &value, entries, now).await?));
        idempotency.once(tx, &caller, &bytes, now, count).await
    })
    .await
}

/// Delete a channel for everybody. Members of channels up to the fan-out limit are told on their own channels.
#[utoipa::path(tag = "channels", params(("id" = String, Path,)), responses((status = 204)))]
#[delete("/channels/{id}")]
async fn delete_one(chat: Data<Chat>, caller: Caller, id: Id<ChannelRef>) -> Result<HttpResponse> {
    let id = id.0.resolve(&chat, caller.app()).await?;
    let told = chat.config.chat.fanout_members;
    chat.change(caller.app(), async |tx, entries, now| {
        update::delete(tx, &caller, id, told, entries, now).await
    })
    .await?;
    chat.forget_cids(caller.app());
    Ok(HttpResponse::NoContent().finish())
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ChangesQuery {
    /// The `seq` that the client holds; 0 for everything.
    #[param(minimum = 0)]
    since: i64,
    /// 1 to 100 messages, 50 unless given.
    limit: Option<u32>,
}

/// What changed after a `seq`. Repeat with the answer's `seq` while `more` is true.
#[utoipa::path(tag = "channels", params(("id" = String, Path,), ChangesQuery), responses((status = 200, body = ChannelChanges)))]
#[get("/channels/{id}/changes")]
async fn get_changes(
    chat: Data<Chat>,
    caller: Caller,
    id: Id<ChannelRef>,
    query: Params<ChangesQuery>,
) -> Result<HttpResponse> {
    let size = limit(query.0.limit)?;
    if query.0.since < 0 {
        return Err(Error::with(ErrorCode::InvalidParameter, "`since` is 0 or more."));
    }
    let id = id.0.resolve(&chat, caller.app()).await?;
    let tx = chat.db.tenant_snapshot(caller.app()).await?;
    let changes = changes::changes(&tx, &caller, id, query.0.since, size, chat.clock.now()).await?;
    tx.commit().await?;
    Ok(HttpResponse::Ok().json(changes))
}
