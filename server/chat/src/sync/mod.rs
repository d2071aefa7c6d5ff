//! Sync: everything that a device missed, from one cursor.
//!
//! State based, as [`crate::changes`] is: rows as they are now, found by two kinds of numbers. Each channel that the device
//! holds has a `seq`, and what belongs to the user alone has the user's own. The cursor holds all of them, so the server
//! keeps nothing of a device, and any answer may be lost or asked for again.
//!
//! An answer is read in one snapshot. Whoever changes a channel holds its row while it takes the next `seq`, and whoever
//! changes what is a user's own holds the user's: a snapshot that sees a number sees everything up to it, so nothing is
//! missed between what was told and the cursor.
//!
//! A device holds the channels that it was told of. One that it does not hold begins anew, with its newest messages, once it
//! is joined, its membership changes, or something is said in it; the last is the one thing here that is found by a clock,
//! with a margin ([`SLACK`]). Who is too far behind begins anew as well: a channel after a thousand changes,
//! everything after [`SYNC_BEHIND_ALL`] or [`SYNC_DAYS`], when tombstones are gone.

mod cursor;
mod own;
mod plan;
pub mod routes;
mod store;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Duration, Utc};
use futures_util::try_join;
use parlor_platform::db::TenantTx;
use parlor_platform::{Error, Result};
use parlor_protocol::limits::{
    BATCH, QUERY_MEMBERS, QUERY_MESSAGES, SYNC_BEHIND_ALL, SYNC_CHANNELS, SYNC_DAYS, SYNC_HELD, SYNC_ROWS,
    SYNC_ROWS_MOST,
};
use parlor_protocol::query::ChannelState;
use parlor_protocol::sync::{SyncAnswer, SyncChannel, SyncRequest};
use parlor_protocol::{ChannelId, ErrorCode, User};
use uuid::Uuid;

use crate::changes::{self, Changed};
use crate::channels::state::{self, Wanted};
use crate::channels::store::{self as channels, ChannelRow};
use crate::channels::view;
use crate::validate;
use crate::web::UserCaller;
use crate::{drafts, query, reads, threads, users};
use cursor::Place;
use own::OwnPage;
use plan::Plan;
use store::Membership;

/// How far clocks of servers are apart at the most, and how long a transaction takes.
const SLACK: Duration = Duration::seconds(60);

/// One request, read in a snapshot.
struct Sync<'a> {
    tx: &'a TenantTx,
    caller: &'a UserCaller,
    /// Changed rows of an answer.
    rows: usize,
    /// How much of a channel that begins anew.
    wanted: Wanted,
    now: DateTime<Utc>,
    user_seq: i64,
    profile_at: DateTime<Utc>,
    memberships: Vec<Membership>,
}

/// What an answer tells of channels, and what else it tells.
struct Told {
    channels: Vec<SyncChannel>,
    /// Roots of threads among their messages.
    roots: Vec<Uuid>,
    /// Those of them that begin anew.
    fresh: Vec<Uuid>,
    more: bool,
    user: bool,
    unread: bool,
}

/// What the device does not know yet. `tx` must be a snapshot.
pub async fn answer(
    tx: &TenantTx,
    caller: &UserCaller,
    request: &SyncRequest,
    now: DateTime<Utc>,
) -> Result<SyncAnswer> {
    let (rows, wanted) = sizes(request)?;
    let hold = held(request)?;
    let user = &caller.user;
    let ((user_seq, profile_at), memberships) =
        try_join!(store::standing(tx, user), store::memberships(tx, user))?;
    let sync = Sync { tx, caller, rows, wanted, now, user_seq, profile_at, memberships };
    match sync.place(request).await? {
        Some(mut place) => {
            place.held.extend(hold);
            sync.go_on(place).await
        }
        None => sync.begin(hold).await,
    }
}

fn sizes(request: &SyncRequest) -> Result<(usize, Wanted)> {
    let rows = request.limit.unwrap_or(SYNC_ROWS);
    let messages = request.messages.unwrap_or(QUERY_MESSAGES);
    if !(1..=SYNC_ROWS_MOST).contains(&rows) {
        return refuse(&format!("`limit` is 1 to {SYNC_ROWS_MOST}."));
    }
    if !(1..=QUERY_MESSAGES).contains(&messages) {
        return refuse(&format!("`messages` is 1 to {QUERY_MESSAGES}."));
    }
    let wanted = Wanted { messages, members: QUERY_MEMBERS, pinned: false };
    Ok((usize::try_from(rows).map_err(Error::internal)?, wanted))
}

fn held(request: &SyncRequest) -> Result<BTreeMap<Uuid, i64>> {
    if request.hold.len() > BATCH {
        return Err(ErrorCode::BatchTooLarge.into());
    }
    if request.hold.iter().any(|channel| channel.seq < 0) {
        return refuse("A `seq` is 0 or more.");
    }
    Ok(request.hold.iter().map(|channel| (channel.id.0, channel.seq)).collect())
}

fn refuse<T>(why: &str) -> Result<T> {
    Err(Error::with(ErrorCode::InvalidRequest, why))
}

impl Sync<'_> {
    /// Where the device is, if it goes on from there.
    async fn place(&self, request: &SyncRequest) -> Result<Option<Place>> {
        let place = match (&request.cursor, request.last_synced_at) {
            (None, None) => return Ok(None),
            (Some(_), Some(_)) => return refuse("Give `cursor` or `last_synced_at`."),
            (Some(cursor), None) => Place::read(cursor, self.tx.app_id(), &self.caller.user)?,
            (None, Some(time)) => self.place_at(time).await?,
        };
        let is_near = place.at > self.now - Duration::days(SYNC_DAYS)
            && place.at < self.now + Duration::days(1)
            && place.user_seq <= self.user_seq
            && plan::behind(&place.held, &self.memberships) <= SYNC_BEHIND_ALL;
        Ok(is_near.then_some(place))
    }

    /// Where a device was at a time: no further than it was in any channel.
    async fn place_at(&self, time: DateTime<Utc>) -> Result<Place> {
        validate::readable_time(Some(&time), ErrorCode::InvalidRequest)?;
        let at = time.min(self.now);
        let most = i64::try_from(SYNC_HELD).map_err(Error::internal)?;
        let mut held = BTreeMap::new();
        if at > self.now - Duration::days(SYNC_DAYS) {
            let seqs = store::seqs_at(self.tx, &self.caller.user, at - SLACK, most).await?;
            held.extend(seqs.into_iter().map(|(channel, seq)| (channel, seq.unwrap_or(0))));
        }
        Ok(Place { user_seq: 0, at, held })
    }

    /// The first page of the channels, and the user's own from the beginning.
    async fn begin(&self, hold: BTreeMap<Uuid, i64>) -> Result<SyncAnswer> {
        let shown: Vec<&Membership> = self.memberships.iter().take(SYNC_CHANNELS).collect();
        let last = shown.last().filter(|_| self.memberships.len() > shown.len());
        let next = last.map(|last| query::after_active(last.active_at, last.channel)).transpose()?;
        let fresh: Vec<Uuid> = shown.iter().map(|channel| channel.channel).collect();
        let mut place = Place { user_seq: 0, at: self.now, held: hold };
        let own = self.own(0, true).await?;
        let rows = self.rows(&fresh).await?;
        let (channels, roots) = self.fresh(&fresh, rows, &mut place).await?;
        let told = Told { channels, roots, fresh, more: own.more, user: true, unread: true };
        let answer = self.finish(place, own, told).await?;
        Ok(SyncAnswer { reset: true, next_channels: next, ..answer })
    }

    /// What has changed since.
    async fn go_on(&self, mut place: Place) -> Result<SyncAnswer> {
        let own = self.own(place.user_seq, false).await?;
        let readable = self.readable(&place).await?;
        let floor = place.at - SLACK;
        let rows = i64::try_from(self.rows).map_err(Error::internal)?;
        let plan = plan::plan(&place.held, &readable, &own.memberships, floor, rows);
        let ids = plan.changed.iter().map(|(id, _)| id).chain(&plan.touched).chain(&plan.fresh);
        let mut rows = self.rows(&ids.copied().collect::<Vec<_>>()).await?;
        let (mut channels, mut roots) = self.changed(&plan, &readable, &mut rows, &mut place).await?;
        let (fresh, roots_of_fresh) = self.fresh(&plan.fresh, rows, &mut place).await?;
        let more = own.more || plan.more || channels.iter().any(|channel| channel.more);
        channels.extend(fresh);
        roots.extend(roots_of_fresh);
        for left in &plan.left {
            place.held.remove(left);
        }
        let released = plan::release(&mut place.held, &readable);
        let is_quiet = channels.is_empty() && plan.left.is_empty() && own.seq == place.user_seq;
        if !more {
            place.at = self.now;
        }
        let told = Told {
            channels,
            roots,
            fresh: plan.fresh,
            more,
            user: self.profile_at > floor,
            unread: !more && !is_quiet,
        };
        let answer = self.finish(place, own, told).await?;
        let ids = |ids: Vec<Uuid>| ids.into_iter().map(ChannelId).collect();
        Ok(SyncAnswer { left: ids(plan.left), released: ids(released), ..answer })
    }

    /// What changed of the user's own after `since`; of a device that `begins`, but for memberships, which are told with
    /// their channels.
    async fn own(&self, since: i64, begins: bool) -> Result<OwnPage> {
        let changed = if begins { &[][..] } else { &self.memberships };
        let request = own::Request {
            memberships: &self.memberships,
            changed,
            since,
            until: self.user_seq,
            limit: self.rows,
            begins,
        };
        own::page(self.tx, &self.caller.user, &request, self.now).await
    }

    /// The user's channels, and those that the device holds though the user is no member, which may be open to all.
    async fn readable(&self, place: &Place) -> Result<Vec<Membership>> {
        let known: BTreeSet<Uuid> = self.memberships.iter().map(|channel| channel.channel).collect();
        let others: Vec<Uuid> = place.held.keys().filter(|id| !known.contains(*id)).copied().collect();
        let mut readable = self.memberships.clone();
        if !others.is_empty() {
            readable.extend(store::open_to_all(self.tx, &others).await?);
        }
        Ok(readable)
    }

    async fn rows(&self, ids: &[Uuid]) -> Result<HashMap<Uuid, ChannelRow>> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        Ok(channels::of(self.tx, ids).await?.into_iter().map(|row| (row.id, row)).collect())
    }

    /// Channels that go on from what the device holds, and the roots of threads among what changed.
    async fn changed(
        &self,
        plan: &Plan,
        readable: &[Membership],
        rows: &mut HashMap<Uuid, ChannelRow>,
        place: &mut Place,
    ) -> Result<(Vec<SyncChannel>, Vec<Uuid>)> {
        let reader = Some(&self.caller.user);
        let since = plan::since(&plan.changed, readable);
        let mut changed = changes::of(self.tx, reader, &since, self.rows, self.now).await?;
        let going_on = plan.changed.iter().map(|(id, _)| id).chain(&plan.touched);
        let going_on: Vec<ChannelRow> = going_on.filter_map(|id| rows.remove(id)).collect();
        let (mut channels, mut roots) = (Vec::new(), Vec::new());
        if going_on.is_empty() {
            return Ok((channels, roots));
        }
        for channel in view::channels(self.tx, reader, going_on, self.now).await? {
            let held = place.held.get(&channel.id.0).copied().unwrap_or(0);
            let part = changed.remove(&channel.id.0).unwrap_or_else(|| Changed::none(held));
            let Changed { messages, members, tasks, roots: of_channel, seq, more } = part;
            roots.extend(of_channel);
            place.held.insert(channel.id.0, seq);
            channels.push(SyncChannel { reset: false, channel, messages, members, tasks, seq, more });
        }
        Ok((channels, roots))
    }

    /// Channels that begin anew, which the device holds from now on, and the roots of threads in them.
    async fn fresh(
        &self,
        ids: &[Uuid],
        mut rows: HashMap<Uuid, ChannelRow>,
        place: &mut Place,
    ) -> Result<(Vec<SyncChannel>, Vec<Uuid>)> {
        let rows: Vec<ChannelRow> = ids.iter().filter_map(|id| rows.remove(id)).collect();
        let (mut channels, mut roots) = (Vec::new(), Vec::new());
        if rows.is_empty() {
            return Ok((channels, roots));
        }
        for state in state::states(self.tx, Some(&self.caller.user), rows, self.wanted, self.now).await? {
            let ChannelState { channel, messages, members, pinned: _ } = state;
            let seq = channel.seq;
            roots.extend(messages.iter().filter(|message| message.thread.is_some()).map(|root| root.id.0));
            place.held.insert(channel.id.0, seq);
            channels.push(SyncChannel {
                reset: true,
                channel,
                messages,
                members,
                tasks: Vec::new(),
                seq,
                more: false,
            });
        }
        Ok((channels, roots))
    }

    /// What every answer has: drafts of channels that begin anew, threads, the user, unread counts, the cursor.
    async fn finish(&self, mut place: Place, own: OwnPage, told: Told) -> Result<SyncAnswer> {
        let (tx, user) = (self.tx, &self.caller.user);
        let OwnPage { mut changes, roots, seq, .. } = own;
        if !told.fresh.is_empty() {
            let known: BTreeSet<i64> = changes.drafts.iter().map(|draft| draft.user_seq).collect();
            let drafts = drafts::store::of_channels(tx, user, &told.fresh).await?;
            changes.drafts.extend(drafts.into_iter().filter(|draft| !known.contains(&draft.user_seq)));
        }
        let roots: BTreeSet<Uuid> = roots.into_iter().chain(told.roots).collect();
        if !roots.is_empty() {
            let roots: Vec<Uuid> = roots.into_iter().collect();
            changes.threads = threads::store::states(tx, user, &roots).await?;
        }
        let profile = if told.user { users::store::find(tx, user).await? } else { None };
        let unread = if told.unread { Some(reads::counts(tx, user, self.now).await?) } else { None };
        place.user_seq = seq;
        Ok(SyncAnswer {
            reset: false,
            user: profile.map(User::try_from).transpose()?,
            channels: told.channels,
            next_channels: None,
            left: Vec::new(),
            released: Vec::new(),
            own: changes,
            unread,
            cursor: place.write(tx.app_id(), user),
            more: told.more,
        })
    }
}
