//! What changed of what belongs to the user alone: rows of several kinds, in the order of the user's own `seq`.
//!
//! Each kind is a list of its own, cut where it does not fit; the page ends where the first of them was cut, and the next
//! one goes on from there. A new kind is one more list here, and one more field of [`OwnChanges`].

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use futures_util::try_join;
use parlor_platform::Result;
use parlor_platform::db::TenantTx;
use parlor_protocol::limits::SYNC_CHANNELS;
use parlor_protocol::sync::OwnChanges;
use parlor_protocol::{InviteState, MessageId, UserId};
use uuid::Uuid;

use super::store::Membership;
use crate::changes::cut;
use crate::messages::view;
use crate::web::one_more;
use crate::{drafts, invites, pending, reminders, scheduled, stars, threads, users};

/// A page of it.
pub struct OwnPage {
    pub changes: OwnChanges,
    /// Channels whose membership changed.
    pub memberships: Vec<Uuid>,
    /// Roots of threads that the user did something to.
    pub roots: Vec<Uuid>,
    /// The user's own `seq` up to which this is all.
    pub seq: i64,
    pub more: bool,
}

/// Which part of it.
pub struct Request<'a> {
    /// All memberships of the user.
    pub memberships: &'a [Membership],
    /// Those of which changes are told.
    pub changed: &'a [Membership],
    /// The user's own `seq` that the device holds, and that of now.
    pub since: i64,
    pub until: i64,
    /// Rows of each kind.
    pub limit: usize,
    /// Whether the device holds nothing: then nothing is told of what is over.
    pub begins: bool,
}

/// At most `limit` of each kind after `since`, up to the user's `seq` of now.
pub async fn page(
    tx: &TenantTx,
    user: &UserId,
    request: &Request<'_>,
    now: DateTime<Utc>,
) -> Result<OwnPage> {
    let Request { memberships, changed, since, until, limit, begins } = *request;
    let mut page = OwnPage {
        changes: OwnChanges::default(),
        memberships: Vec::new(),
        roots: Vec::new(),
        seq: until,
        more: false,
    };
    if since >= until && !begins {
        return Ok(page);
    }
    let most = one_more(limit);
    let (drafts, scheduled, reminders, invites, threads, stars, settings) = try_join!(
        drafts::store::changed_since(tx, user, since, most),
        scheduled::store::changed_since(tx, user, since, most),
        reminders::store::changed_since(tx, user, since, most),
        invites::store::changed_since(tx, user, since, most),
        threads::store::changed_since(tx, user, since, most),
        stars::store::changed_since(tx, user, since, most),
        users::store::settings(tx, user),
    )?;
    let mut joined: Vec<(i64, Uuid)> = changed
        .iter()
        .filter(|membership| membership.user_seq > since)
        .map(|membership| (membership.user_seq, membership.channel))
        .collect();
    joined.sort_unstable();
    let ends = [
        cut(drafts.iter().map(|(seq, _, _)| *seq), limit),
        cut(scheduled.iter().map(|row| row.user_seq), limit),
        cut(reminders.iter().map(|row| row.user_seq), limit),
        cut(invites.iter().map(|row| row.user_seq), limit),
        cut(threads.iter().map(|(_, seq)| *seq), limit),
        cut(stars.iter().map(|(seq, _)| *seq), limit),
        cut(joined.iter().map(|(seq, _)| *seq), SYNC_CHANNELS),
    ];
    if let Some(end) = ends.into_iter().flatten().min() {
        page.seq = end.min(until);
        page.more = true;
    }
    let end = page.seq;
    let is_member: HashSet<Uuid> = memberships.iter().map(|membership| membership.channel).collect();
    for (_, place, draft) in drafts.into_iter().filter(|(seq, _, _)| *seq <= end) {
        match draft {
            // It is there again when the user is.
            Some(draft) if is_member.contains(&draft.channel_id.0) => page.changes.drafts.push(draft),
            Some(_) => {}
            None => page.changes.deleted_drafts.push(place),
        }
    }
    for row in scheduled.into_iter().filter(|row| row.user_seq <= end) {
        page.changes.scheduled_messages.push(row.into_scheduled()?);
    }
    let reminders: Vec<_> = reminders.into_iter().filter(|row| row.user_seq <= end).collect();
    let wanted: Vec<(&str, Uuid)> = reminders
        .iter()
        .filter(|row| row.deleted_at.is_none())
        .map(|row| (row.user_id.as_str(), row.message_id))
        .collect();
    let mut messages = reminders::store::messages(tx, &wanted).await?;
    for row in reminders {
        if row.deleted_at.is_some() {
            page.changes.deleted_reminders.push(MessageId(row.message_id));
        } else {
            let message = messages.remove(&(row.user_id.clone(), row.message_id));
            let message = message.map(|message| view::as_of(message, now));
            page.changes.reminders.push(row.into_reminder(message)?);
        }
    }
    for row in invites.into_iter().filter(|row| row.user_seq <= end) {
        page.changes.invites.push(row.into_invite(now)?);
    }
    page.changes.stars = stars.into_iter().filter(|(seq, _)| *seq <= end).map(|(_, star)| star).collect();
    if begins || (since < settings.user_seq && settings.user_seq <= end) {
        page.changes.settings = Some(settings);
    }
    if !page.more {
        page.changes.pending_messages = Some(pending::store::of_user(tx, user).await?);
    }
    page.roots = threads.into_iter().filter(|(_, seq)| *seq <= end).map(|(root, _)| root).collect();
    page.memberships =
        joined.into_iter().filter(|(seq, _)| *seq <= end).map(|(_, channel)| channel).collect();
    if begins {
        forget_what_is_over(&mut page.changes);
    }
    Ok(page)
}

fn forget_what_is_over(changes: &mut OwnChanges) {
    changes.deleted_drafts.clear();
    changes.deleted_reminders.clear();
    changes.scheduled_messages.retain(|message| message.content.is_some());
    changes.invites.retain(|invite| invite.state == InviteState::Pending);
    changes.stars.retain(|star| star.starred);
}
