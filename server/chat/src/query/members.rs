//! Which members of a channel are found.

use std::collections::HashMap;

use parlor_platform::Result;
use parlor_platform::db::TenantTx;
use parlor_protocol::limits::QUERY_MEMBERS_ANY;
use parlor_protocol::query::{Order, Query};
use parlor_protocol::{Capability, ChannelId, Member, Page};

use super::compile::{Bind, Binds};
use super::fields::MEMBERS;
use super::page::Asked;
use super::unservable;
use crate::channels::access;
use crate::members::store::{self, MemberRow};
use crate::web::{Caller, limit};

/// One page.
pub async fn page(tx: &TenantTx, caller: &Caller, channel: ChannelId, query: &Query) -> Result<Page<Member>> {
    let size = limit(query.limit)?;
    let usual = [("user_id", Order::Asc)];
    let asked = Asked::read(&MEMBERS, &query.filter, &query.sort, &usual, size, query.cursor.as_deref())?;
    let access = access::require(tx, caller, channel, Capability::ReadChannel).await?;
    if access.row.member_count > QUERY_MEMBERS_ANY {
        let fields = asked.filter.conditions().into_iter().map(|is| is.field);
        let mut others =
            fields.chain(asked.keys.iter().map(|key| key.field)).filter(|field| field.name != "user_id");
        if let Some(field) = others.next() {
            return Err(unservable(format!(
                "No index finds or sorts members by `{}`, and a channel of more than {QUERY_MEMBERS_ANY} has too many to \
                 look at: ask by `user_id` alone.",
                field.name
            )));
        }
    }
    let mut binds = Binds::default();
    let (app, id) = (binds.push(Bind::Id(tx.app())), binds.push(Bind::Id(channel.0)));
    let from = format!(
        "channel_members m CROSS JOIN LATERAL (SELECT * FROM users WHERE app_id = m.app_id AND id = m.user_id OFFSET 0) u \
         WHERE m.app_id = {app} AND m.channel_id = {id} AND m.removed_at IS NULL"
    );
    let page = asked.run(tx, "m.user_id", &from, binds).await?;
    let ids: Vec<&str> = page.items.iter().map(|found| found.id.as_str()).collect();
    let mut rows: HashMap<String, MemberRow> =
        store::rows(tx, channel, &ids).await?.into_iter().map(|row| (row.user_id.clone(), row)).collect();
    let items = ids
        .iter()
        .filter_map(|id| rows.remove(*id))
        .map(|row| row.seen_by(caller.user()))
        .collect::<Result<_>>()?;
    Ok(Page { items, next: page.next })
}
