//! Guests: visitors with a user of their own and nothing else.

use parlor_platform::keys::Key;
use parlor_platform::{Error, Result};
use parlor_protocol::token::{CreateGuest, UserToken};
use parlor_protocol::user::UpsertUser;
use parlor_protocol::{ErrorCode, Patch, UserId};
use uuid::Uuid;

use crate::{Chat, users};

/// A guest's visit.
const LIFETIME_S: u32 = 24 * 3_600;

/// Lets a visitor in, each time as another guest: nothing would prove that a second request is the same visitor's.
pub async fn create(chat: &Chat, key: &Key, request: CreateGuest) -> Result<UserToken> {
    if !key.guests_enabled {
        return Err(ErrorCode::GuestsDisabled.into());
    }
    let id = UserId::new(format!("guest-{}", Uuid::now_v7())).map_err(Error::internal)?;
    let guest = UpsertUser {
        id,
        name: request.name.map_or(Patch::Absent, Patch::Set),
        image: Patch::Absent,
        custom: Patch::Absent,
    };
    let (user, now) = chat
        .change(key.app, async |tx, entries, now| {
            let user = users::upsert(tx, &[guest], true, entries, now).await?.pop();
            Ok((user.ok_or_else(|| Error::internal("no guest was made"))?, now))
        })
        .await?;
    super::tokens::sign(key, user, now, LIFETIME_S)
}
