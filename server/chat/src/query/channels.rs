//! Which channels are found.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use parlor_platform::Result;
use parlor_platform::db::TenantTx;
use parlor_protocol::limits::{QUERY_CHANNELS, QUERY_MEMBERS, QUERY_MESSAGES};
use parlor_protocol::query::{ChannelState, Order, QueryChannels};
use parlor_protocol::{Page, UserId};
use uuid::Uuid;

use super::compile::{Bind, Binds, keys, users};
use super::fields::CHANNELS;
use super::filter::invalid;
use super::page::Asked;
use super::unservable;
use crate::channels::state::{Wanted, states};
use crate::channels::store as channels;

/// Channels of a row `m` of members.
const OF_MEMBER: &str = "CROSS JOIN LATERAL (SELECT * FROM channels WHERE app_id = m.app_id AND id = m.channel_id \
     AND deleted_at IS NULL OFFSET 0) c";

/// One page.
pub async fn page(
    tx: &TenantTx,
    reader: Option<&UserId>,
    query: &QueryChannels,
    now: DateTime<Utc>,
) -> Result<Page<ChannelState>> {
    let size = query.limit.unwrap_or(QUERY_CHANNELS);
    let wanted = Wanted {
        messages: query.messages.unwrap_or(1),
        members: query.members.unwrap_or(QUERY_MEMBERS),
        pinned: query.pinned,
    };
    if !(1..=QUERY_CHANNELS).contains(&size) {
        return Err(invalid(format!("`limit` is 1 to {QUERY_CHANNELS}.")));
    }
    if !(1..=QUERY_MESSAGES).contains(&wanted.messages) || wanted.members > QUERY_MEMBERS {
        return Err(invalid(format!("`messages` is 1 to {QUERY_MESSAGES}, `members` 0 to {QUERY_MEMBERS}.")));
    }
    let anchored = reader.is_some() || !query.filter.0.is_empty();
    let usual = if anchored { [("active_at", Order::Desc)] } else { [("id", Order::Desc)] };
    let cursor = query.cursor.as_deref();
    let asked = Asked::read(&CHANNELS, &query.filter, &query.sort, &usual, size as usize, cursor)?;
    let mut binds = Binds::default();
    let from = match reader {
        Some(user) => of_user(tx, user, &mut binds),
        None => of_app(tx, &asked, &mut binds)?,
    };
    let page = asked.run(tx, "c.id", &from, binds).await?;
    let ids: Vec<Uuid> = page.items.iter().filter_map(|found| found.id.parse().ok()).collect();
    let mut rows: HashMap<Uuid, _> =
        channels::of(tx, &ids).await?.into_iter().map(|row| (row.id, row)).collect();
    let rows = ids.iter().filter_map(|id| rows.remove(id)).collect();
    Ok(Page { items: states(tx, reader, rows, wanted, now).await?, next: page.next })
}

/// The channels that a user is in.
fn of_user(tx: &TenantTx, user: &UserId, binds: &mut Binds) -> String {
    let (app, user) = (binds.push(Bind::Id(tx.app())), binds.push(Bind::Text(user.as_str().to_owned())));
    format!(
        "channel_members m {OF_MEMBER} WHERE m.app_id = {app} AND m.user_id = {user} AND m.removed_at IS NULL"
    )
}

/// For the server: by ids, cids or members, or all by id.
fn of_app(tx: &TenantTx, asked: &Asked, binds: &mut Binds) -> Result<String> {
    let conditions = asked.filter.conditions();
    let own = conditions.iter().map(|is| is.field).chain(asked.keys.iter().map(|key| key.field));
    if let Some(field) = own.into_iter().find(|field| field.own) {
        return Err(unservable(format!(
            "`{}` is of a user's own membership, and the server has none.",
            field.name
        )));
    }
    let app = binds.push(Bind::Id(tx.app()));
    let musts = asked.filter.musts();
    let by = |name: &str| musts.iter().find(|is| is.field.name == name);
    for (name, column) in [("id", "c.id"), ("cid", "c.cid")] {
        if let Some(keys) = by(name).and_then(|is| keys(is)) {
            let keys = binds.push(keys);
            return Ok(format!(
                "channels c WHERE c.app_id = {app} AND {column} = ANY({keys}) AND c.deleted_at IS NULL"
            ));
        }
    }
    if let Some(users) = by("members").and_then(|is| users(&is.test)) {
        let users = binds.push(Bind::Texts(users));
        return Ok(format!(
            "(SELECT DISTINCT app_id, channel_id FROM channel_members WHERE app_id = {app} \
                 AND user_id = ANY({users}) AND removed_at IS NULL) m {OF_MEMBER} WHERE true"
        ));
    }
    match (conditions.first(), asked.by_unique()) {
        (None, true) => Ok(format!("channels c WHERE c.app_id = {app} AND c.deleted_at IS NULL")),
        (Some(is), _) => Err(unservable(format!(
            "No index finds the app's channels by `{}` alone: add `id`, `cid` or `members` with `$eq` or `$in`.",
            is.field.name
        ))),
        (None, false) => Err(unservable(
            "All channels of the app are sorted by `id` alone: add `id`, `cid` or `members` with `$eq` or `$in`.",
        )),
    }
}
