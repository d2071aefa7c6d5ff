//! Which messages of a channel are found.
//!
//! A walk through the timeline, or through a thread, looks at so many messages and gives what it found among them; the next
//! page goes on where it stopped, however little that was.

use std::collections::HashMap;

use chrono::{DateTime, Duration, Utc};
use parlor_platform::Result;
use parlor_platform::db::TenantTx;
use parlor_protocol::limits::QUERY_WINDOW;
use parlor_protocol::query::{Order, Query};
use parlor_protocol::{Capability, ChannelId, Message, MessageId, Page};
use serde_json::json;
use uuid::Uuid;

use super::compile::{Bind, Binds, keys};
use super::fields::MESSAGES;
use super::filter::{Condition, Test, Value};
use super::page::Asked;
use super::store::{self, Found};
use super::unservable;
use crate::channels::access;
use crate::messages::store::{self as messages, MessageRow};
use crate::messages::view;
use crate::search;
use crate::web::{Caller, limit};

/// One page.
pub async fn page(
    tx: &TenantTx,
    caller: &Caller,
    query: &Query,
    now: DateTime<Utc>,
) -> Result<Page<Message>> {
    let size = limit(query.limit)?;
    let usual = [("seq", Order::Desc)];
    let asked = Asked::read(&MESSAGES, &query.filter, &query.sort, &usual, size, query.cursor.as_deref())?;
    let channel = one(&asked, "channel_id").ok_or_else(|| {
        unservable(
            "Messages are found in one channel: add `channel_id` with `$eq`, outside of `$or` and `$nor`.",
        )
    })?;
    let access = access::require(tx, caller, ChannelId(channel), Capability::ReadChannel).await?;
    let scope = Scope { tx, caller, channel, first: access.history_from_seq() };
    let page = match scope.set(&asked, now).await? {
        Some((from, binds)) => asked.run(tx, "m.id", &from, binds).await?,
        None => scope.walk(&asked).await?,
    };
    let ids: Vec<Uuid> = page.items.iter().filter_map(|found| found.id.parse().ok()).collect();
    let found = messages::of(tx, &ids, caller.user()).await?;
    let found = found.into_iter().map(MessageRow::into_message).collect::<Result<_>>()?;
    let found = view::messages(tx, caller.user(), found, now).await?;
    let mut found: HashMap<MessageId, Message> =
        found.into_iter().map(|message| (message.id, message)).collect();
    let items = ids.iter().filter_map(|id| found.remove(&MessageId(*id))).collect();
    Ok(Page { items, next: page.next })
}

/// The one id that a field must have.
fn one(asked: &Asked, name: &str) -> Option<Uuid> {
    asked.filter.musts().iter().find_map(|is| match &is.test {
        Test::Eq(Value::Id(id)) if is.field.name == name => Some(*id),
        _ => None,
    })
}

struct Scope<'a> {
    tx: &'a TenantTx,
    caller: &'a Caller,
    channel: Uuid,
    /// Where the reader's history begins.
    first: i64,
}

impl Scope<'_> {
    /// Of messages `m`: those of the channel that the reader may see.
    fn visible(&self, binds: &mut Binds) -> String {
        let (app, channel) = (binds.push(Bind::Id(self.tx.app())), binds.push(Bind::Id(self.channel)));
        let readable = match self.caller.user() {
            Some(user) => {
                let user = binds.push(Bind::Text(user.as_str().to_owned()));
                format!(
                    " AND (NOT m.shadowed OR m.user_id = {user}) AND (m.visible_to IS NULL \
                     OR parlor_may_read(m.app_id, m.channel_id, m.user_id, m.visible_to, {user}))"
                )
            }
            None => String::new(),
        };
        let first = binds.push(Bind::Int(self.first));
        format!(
            "m.app_id = {app} AND m.channel_id = {channel} AND NOT m.erased AND m.seq >= {first}{readable}"
        )
    }

    /// Messages of some ids, or what a search finds: few enough for any order.
    async fn set(&self, asked: &Asked, now: DateTime<Utc>) -> Result<Option<(String, Binds)>> {
        let (musts, conditions) = (asked.filter.musts(), asked.filter.conditions());
        let is_words = |is: &&Condition| matches!(is.test, Test::Words(_));
        let words = conditions.iter().copied().filter(is_words).count();
        if words > 1 || words > musts.iter().copied().filter(is_words).count() {
            return Err(unservable("`text` is searched by `$q` once, and outside of `$or` and `$nor`."));
        }
        let typed = musts.iter().find_map(|is| match &is.test {
            Test::Words(typed) => Some(typed),
            _ => None,
        });
        let ids = match typed {
            Some(typed) => {
                let until = now + Duration::days(1);
                let part = (self.channel, self.first);
                let most = QUERY_WINDOW / 10;
                Some(Bind::Ids(
                    search::newest_in(self.tx, typed, self.caller.user(), part, until, most).await?,
                ))
            }
            None => musts.iter().find(|is| is.field.name == "id").and_then(|is| keys(is)),
        };
        let Some(ids) = ids else { return Ok(None) };
        let mut binds = Binds::default();
        let ids = binds.push(ids);
        let visible = self.visible(&mut binds);
        Ok(Some((format!("messages m WHERE m.id = ANY({ids}) AND {visible}"), binds)))
    }

    /// The next messages of the timeline, or of a thread, among which those are given that fit.
    async fn walk(&self, asked: &Asked) -> Result<Page<Found>> {
        let Some(key) = asked.keys.first().filter(|_| asked.by_unique()) else {
            let name = asked.keys.first().map_or("", |key| key.field.name);
            return Err(unservable(format!(
                "A channel's messages are sorted by `seq` alone, not by `{name}`: add `id` with `$in`, or `text` with `$q`."
            )));
        };
        let descending = key.order == Order::Desc;
        let mut binds = Binds::default();
        let window = self.window(asked, descending, &mut binds);
        let page = asked.run(self.tx, "m.id", &format!("({window}) m WHERE true"), binds).await?;
        if page.next.is_some() {
            return Ok(page);
        }
        let mut binds = Binds::default();
        let window = self.window(asked, descending, &mut binds);
        let last = if descending { "min" } else { "max" };
        let sql = format!("SELECT count(*) AS looked, {last}(m.seq) AS last FROM ({window}) m");
        let end = store::end(self.tx, sql, binds).await?;
        let next = end.last.filter(|_| end.looked >= QUERY_WINDOW);
        let next = next.map(|last| asked.cursor(&json!([last]))).transpose()?;
        Ok(Page { items: page.items, next })
    }

    fn window(&self, asked: &Asked, descending: bool, binds: &mut Binds) -> String {
        let visible = self.visible(binds);
        let list = match one(asked, "parent_id") {
            Some(root) => format!("m.parent_id = {}", binds.push(Bind::Id(root))),
            // As the partial index is written, so that it serves this.
            None => "m.in_timeline".to_owned(),
        };
        let (operator, way) = if descending { ("<", "DESC") } else { (">", "ASC") };
        let mut bounds = Vec::new();
        if let Some(after) = asked.after_number() {
            bounds.push(format!("m.seq {operator} {}", binds.push(Bind::Int(after))));
        }
        for is in asked.filter.musts() {
            if let Test::Order(operator, Value::Int(bound)) = &is.test
                && is.field.name == "seq"
            {
                bounds.push(format!("m.seq {operator} {}", binds.push(Bind::Int(*bound))));
            }
        }
        let bounds: String = bounds.into_iter().map(|bound| format!(" AND {bound}")).collect();
        let most = binds.push(Bind::Int(QUERY_WINDOW));
        format!(
            "SELECT m.* FROM messages m WHERE {visible} AND {list}{bounds} ORDER BY m.seq {way} LIMIT {most}"
        )
    }
}
