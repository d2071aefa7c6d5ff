//! `/messages/{id}/reads`, `/messages/{id}/deliveries`, and saying that messages have arrived.

use actix_web::web::Data;
use actix_web::{HttpResponse, get, post};
use chrono::Datelike;
use parlor_platform::Result;
use parlor_protocol::receipt::{
    DeliveredChannels, DeliveredIn, DeliveryReceipt, DeliveryState, MarkDelivered, MarkManyDelivered,
    ReadReceipt,
};
use parlor_protocol::{Capability, ErrorCode, MessageId, Page};
use serde::Deserialize;

use super::store::{self, Position, ReceiptRow};
use super::{Kind, delivered, require};
use crate::Chat;
use crate::channels::access as channels;
use crate::messages::access;
use crate::web::{Caller, ChannelRef, Id, Params, UserCaller, ValidJson, decode, encode, limit, one_more};

/// Adds the routes of this file.
pub fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config.service(reads).service(deliveries).service(mark_delivered).service(mark_many_delivered);
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    /// 1 to 100, 50 unless given.
    limit: Option<u32>,
    /// From `next` of the page before.
    cursor: Option<String>,
}

/// Who has read a message, its author left out, the last who did so first. In channels up to the fan-out limit.
#[utoipa::path(tag = "reads", params(("id" = String, Path,), ListQuery), responses((status = 200, body = Page<ReadReceipt>)))]
#[get("/messages/{id}/reads")]
async fn reads(
    chat: Data<Chat>,
    caller: Caller,
    id: Id<MessageId>,
    query: Params<ListQuery>,
) -> Result<HttpResponse> {
    let page = page(&chat, &caller, id.0, query.0, Kind::Reads).await?;
    let receipt = |row: ReceiptRow| -> Result<_> { Ok(ReadReceipt { read_at: row.at, user: row.user()? }) };
    Ok(HttpResponse::Ok().json(page.try_map(receipt)?))
}

/// Whose devices have got a message, its author left out, the last first. In channels up to the fan-out limit.
#[utoipa::path(tag = "reads", params(("id" = String, Path,), ListQuery), responses((status = 200, body = Page<DeliveryReceipt>)))]
#[get("/messages/{id}/deliveries")]
async fn deliveries(
    chat: Data<Chat>,
    caller: Caller,
    id: Id<MessageId>,
    query: Params<ListQuery>,
) -> Result<HttpResponse> {
    let page = page(&chat, &caller, id.0, query.0, Kind::Deliveries).await?;
    let receipt =
        |row: ReceiptRow| -> Result<_> { Ok(DeliveryReceipt { delivered_at: row.at, user: row.user()? }) };
    Ok(HttpResponse::Ok().json(page.try_map(receipt)?))
}

async fn page(
    chat: &Chat,
    caller: &Caller,
    id: MessageId,
    query: ListQuery,
    kind: Kind,
) -> Result<Page<ReceiptRow>> {
    let size = limit(query.limit)?;
    let list = match kind {
        Kind::Reads => "reads",
        Kind::Deliveries => "deliveries",
    };
    let before = decode::<Position>(list, query.cursor.as_deref())?;
    if before.as_ref().is_some_and(|(time, _)| !(1..=9999).contains(&time.year())) {
        return Err(ErrorCode::InvalidCursor.into());
    }
    let tx = chat.db.tenant(caller.app()).await?;
    let (access, message) = access::readable(&tx, caller, id).await?;
    require(&access, kind, chat.config.chat.fanout_members)?;
    let rows = match kind {
        Kind::Reads => store::readers(&tx, &message, before, one_more(size)).await?,
        Kind::Deliveries => store::recipients(&tx, &message, before, one_more(size)).await?,
    };
    tx.commit().await?;
    Page::of(rows, size, |row| encode(list, &(row.at, &row.user_id)))
}

/// Say that messages of a channel have arrived at a device: up to one, or all. The pointer never moves backwards.
#[utoipa::path(tag = "reads", params(("id" = String, Path,)), request_body = MarkDelivered, responses((status = 200, body = DeliveryState)))]
#[post("/channels/{id}/delivered")]
async fn mark_delivered(
    chat: Data<Chat>,
    caller: UserCaller,
    id: Id<ChannelRef>,
    body: ValidJson<MarkDelivered>,
) -> Result<HttpResponse> {
    let channel_id = id.0.resolve(&chat, caller.app).await?;
    let tx = chat.db.tenant(caller.app).await?;
    let as_caller = Caller::User(caller.clone());
    let access = channels::require(&tx, &as_caller, channel_id, Capability::ReadChannel).await?;
    access.membership.ok_or(ErrorCode::NotAMember)?;
    tx.commit().await?;
    let wanted = [DeliveredIn { channel_id, message_id: body.value.message_id }];
    let state = delivered::mark(&chat, &caller, &wanted).await?.pop().ok_or(ErrorCode::MessageNotFound)?;
    Ok(HttpResponse::Ok().json(state.delivered))
}

/// The same for up to 100 channels, as after being offline. Channels that one is not in are left out of the answer.
#[utoipa::path(tag = "reads", request_body = MarkManyDelivered, responses((status = 200, body = DeliveredChannels)))]
#[post("/channels/delivered")]
async fn mark_many_delivered(
    chat: Data<Chat>,
    caller: UserCaller,
    body: ValidJson<MarkManyDelivered>,
) -> Result<HttpResponse> {
    let wanted = body.value.channels;
    delivered::check(&wanted)?;
    let channels = delivered::mark(&chat, &caller, &wanted).await?;
    Ok(HttpResponse::Ok().json(DeliveredChannels { channels }))
}
