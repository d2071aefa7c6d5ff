//! A user's name, image and custom data, and who is told when they change.
//!
//! The user hears it on their own channel at once; those who share a channel with them hear it there, from a consumer
//! ([`crate::fanout::Profiles`]), because a user may be in many channels. What leaves the profile as it is is not
//! written and not told.

use chrono::{DateTime, Utc};
use parlor_platform::Result;
use parlor_platform::db::TenantTx;
use parlor_platform::outbox::{Command, Entries};
use parlor_protocol::user::{UpdateUser, UpsertUser};
use parlor_protocol::{AppId, ErrorCode, EventType, UserId, event};
use serde_json::{Value, json};

use super::store::{self, UserRow};
use crate::channels::change::hint;
use crate::fanout::{PROFILE_TOPIC, ProfileChanged};

/// Changes what the request names.
pub async fn update(
    tx: &TenantTx,
    id: &UserId,
    changes: UpdateUser,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<UserRow> {
    let mut row = store::lock(tx, &[id.as_str()]).await?.pop().ok_or(ErrorCode::UserNotFound)?;
    if apply(&mut row, changes, now) {
        store::write_profiles(tx, std::slice::from_ref(&row)).await?;
        tell(entries, tx.app_id(), &row, now)?;
    }
    Ok(row)
}

/// Puts the changes into the row; `false` if it is as it was.
pub fn apply(row: &mut UserRow, changes: UpdateUser, now: DateTime<Utc>) -> bool {
    let custom = changes.custom.into_change().map(|custom| Value::Object(custom.unwrap_or_default().0));
    let keeps = changes.name.keeps(row.name.as_ref())
        && changes.image.keeps(row.image.as_ref())
        && custom.as_ref().is_none_or(|custom| *custom == row.custom);
    if keeps {
        return false;
    }
    changes.name.apply(&mut row.name);
    changes.image.apply(&mut row.image);
    row.custom = custom.unwrap_or_else(|| std::mem::take(&mut row.custom));
    row.updated_at = now;
    true
}

/// What an upsert changes of a user who is registered.
pub fn changes_of(request: &UpsertUser) -> UpdateUser {
    UpdateUser { name: request.name.clone(), image: request.image.clone(), custom: request.custom.clone() }
}

/// Tells the user, and leaves the rest to the consumer.
pub fn tell(entries: &mut Entries, app: AppId, row: &UserRow, now: DateTime<Utc>) -> Result<()> {
    let user = row.clone().into_own()?;
    let envelope = hint(EventType::UserUpdated, None, now, json!({ "user": user }));
    entries.command(&user.id, Command::publish(event::user_topic(app, &user.id), &envelope)?);
    entries.job(&user.id, PROFILE_TOPIC, &ProfileChanged { user_id: user.id.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use parlor_protocol::Patch;

    #[test]
    fn only_a_difference_is_a_change() {
        let (then, now) = (DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH + chrono::Duration::seconds(1));
        let row = UserRow {
            id: "ann".into(),
            name: Some("Ann".into()),
            image: None,
            custom: json!({ "a": 1, "b": 2 }),
            guest: false,
            created_at: then,
            updated_at: then,
            deactivated_at: None,
            last_active_at: None,
            presence: crate::presence::state::PresenceRow::default(),
        };
        let parse = |body: Value| serde_json::from_value::<UpdateUser>(body).unwrap();
        for body in
            [json!({}), json!({ "name": "Ann", "image": null }), json!({ "custom": { "b": 2, "a": 1 } })]
        {
            let mut same = row.clone();
            assert!(!apply(&mut same, parse(body.clone()), now), "{body}");
            assert_eq!(same.updated_at, then);
        }
        for body in
            [json!({ "name": null }), json!({ "image": "https://a.example" }), json!({ "custom": null })]
        {
            let mut other = row.clone();
            assert!(apply(&mut other, parse(body.clone()), now), "{body}");
            assert_eq!(other.updated_at, now);
        }
        let mut partly = row.clone();
        let changes = UpdateUser { name: Patch::Set("Anna".into()), ..UpdateUser::default() };
        assert!(apply(&mut partly, changes, now));
        assert_eq!((partly.name.as_deref(), &partly.custom), (Some("Anna"), &row.custom));
    }
}
