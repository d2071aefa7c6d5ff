//! Joining by a code.

use chrono::{DateTime, Duration, Utc};
use parlor_platform::{Error, Result};
use parlor_protocol::limits::ACCESS_CODE_TRIES;
use parlor_protocol::member::NewMember;
use parlor_protocol::{Channel, ChannelId, ErrorCode, Role};

use super::{store, typed};
use crate::Chat;
use crate::channels::{store as channels, view};
use crate::members::{self, Past, store as member_rows};
use crate::web::UserCaller;

/// Becomes a member of the channel that has this code. Who is one already stays as they are.
pub async fn join(chat: &Chat, caller: &UserCaller, code: &str) -> Result<Channel> {
    let id = find(chat, caller, &typed(code)).await?;
    chat.change(caller.app, async |tx, entries, now| {
        // Again under the lock: the code may have been changed meanwhile.
        channels::lock(tx, id).await?.ok_or(ErrorCode::AccessCodeUnknown)?;
        if store::channel_of(tx, &typed(code)).await? != Some(id) {
            return Err(ErrorCode::AccessCodeUnknown.into());
        }
        if member_rows::find(tx, id, &caller.user).await?.is_none() {
            let member = NewMember { user_id: caller.user.clone(), role: Role::Member };
            members::enter(tx, id, &[member], Past::AsBefore, entries, now).await?;
        }
        let row = channels::find(tx, id).await?.ok_or(ErrorCode::AccessCodeUnknown)?;
        view::channel(tx, Some(&caller.user), row, now).await
    })
    .await
}

/// The channel of a code, in a transaction of its own, because a wrong one is noted though the request is refused. The row
/// of tries is held meanwhile, so that guesses at the same moment count like guesses after each other.
async fn find(chat: &Chat, caller: &UserCaller, code: &str) -> Result<ChannelId> {
    let now = chat.clock.now();
    let tx = chat.db.tenant(caller.app).await?;
    let tries = store::lock_tries(&tx, &caller.user).await?;
    let recent = recent(tries, now);
    if let (Some(first), true) = (recent.first(), recent.len() >= ACCESS_CODE_TRIES) {
        let wait = u32::try_from((*first + HOUR - now).num_seconds()).unwrap_or(0) + 1;
        return Err(Error::with(ErrorCode::RateLimited, "Too many wrong codes.").retry_after(wait));
    }
    let channel = store::channel_of(&tx, code).await?;
    if channel.is_none() {
        store::note_tries(&tx, &caller.user, &[recent, vec![now]].concat()).await?;
    }
    tx.commit().await?;
    channel.ok_or_else(|| ErrorCode::AccessCodeUnknown.into())
}

const HOUR: Duration = Duration::hours(1);

/// The tries that still count, oldest first.
fn recent(tries: Vec<DateTime<Utc>>, now: DateTime<Utc>) -> Vec<DateTime<Utc>> {
    tries.into_iter().filter(|tried| *tried > now - HOUR).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_try_counts_for_an_hour() {
        let now = DateTime::UNIX_EPOCH + Duration::days(1);
        let tries = vec![now - HOUR, now - HOUR + Duration::seconds(1), now];
        assert_eq!(recent(tries.clone(), now), tries[1..]);
    }
}
