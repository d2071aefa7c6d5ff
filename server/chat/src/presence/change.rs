//! What a user chooses to be shown as.

use chrono::{DateTime, Duration, Utc};
use parlor_platform::db::TenantTx;
use parlor_platform::outbox::Entries;
use parlor_platform::{Error, Result};
use parlor_protocol::limits::{AHEAD_DAYS, STATUS_TEXT_CHARS};
use parlor_protocol::presence::{OwnPresence, UpdatePresence};
use parlor_protocol::{ErrorCode, Patch, Status, UserId};

use super::{store, tell};

/// Changes what the request names. What changes nothing is told to nobody.
pub async fn change(
    tx: &TenantTx,
    user: &UserId,
    mut request: UpdatePresence,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<OwnPresence> {
    if request.status_text.value().is_some_and(String::is_empty) {
        request.status_text = Patch::Clear;
    }
    check(&request, now)?;
    let before = store::lock(tx, &[user.as_str()]).await?;
    let mut after = before.clone();
    let (_, row) = after.first_mut().ok_or(ErrorCode::UserNotFound)?;
    if names_something(&request) {
        row.choose(&request, now);
    }
    let own = OwnPresence { presence: row.own(), expires_at: row.status_expires_at };
    if before.first().is_some_and(|(_, old)| old.status_expires_at != own.expires_at) {
        store::put_end(tx, user.as_str(), own.expires_at).await?;
    }
    tell::write(tx, &before, &after, entries, now).await?;
    Ok(own)
}

fn names_something(request: &UpdatePresence) -> bool {
    let UpdatePresence { status, status_text, status_color, expires_at } = request;
    status.is_some() || !status_text.is_absent() || !status_color.is_absent() || expires_at.is_some()
}

fn check(request: &UpdatePresence, now: DateTime<Utc>) -> Result<()> {
    let text_fits = request.status_text.value().is_none_or(|text| text.chars().count() <= STATUS_TEXT_CHARS);
    let color_fits = request.status_color.value().is_none_or(|color| is_color(color));
    if request.status == Some(Status::Offline) || !text_fits || !color_fits {
        return Err(ErrorCode::InvalidStatus.into());
    }
    let in_time = |at: DateTime<Utc>| at > now && at <= now + Duration::days(AHEAD_DAYS);
    if !request.expires_at.is_none_or(in_time) {
        let why = format!("A status ends in the future, within {AHEAD_DAYS} days.");
        return Err(Error::with(ErrorCode::InvalidTime, why));
    }
    Ok(())
}

fn is_color(text: &str) -> bool {
    text.strip_prefix('#')
        .is_some_and(|digits| digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_can_be_chosen() {
        let now = DateTime::UNIX_EPOCH;
        let code = |body: serde_json::Value| {
            check(&serde_json::from_value(body).unwrap(), now).err().map(|error| error.code())
        };
        let in_days = |days| now + Duration::days(days);
        for good in [
            json!({}),
            json!({ "status": "invisible", "status_text": "é".repeat(100), "status_color": "#00FFaa" }),
            json!({ "status_text": null, "status_color": null, "expires_at": in_days(365) }),
        ] {
            assert_eq!(code(good.clone()), None, "{good}");
        }
        for bad in [
            json!({ "status": "offline" }),
            json!({ "status_text": "é".repeat(101) }),
            json!({ "status_color": "red" }),
            json!({ "status_color": "#12345" }),
            json!({ "status_color": "#12345g" }),
            json!({ "status_color": "" }),
        ] {
            assert_eq!(code(bad.clone()), Some(ErrorCode::InvalidStatus), "{bad}");
        }
        for bad in [now, in_days(365) + Duration::seconds(1)] {
            assert_eq!(code(json!({ "expires_at": bad })), Some(ErrorCode::InvalidTime));
        }
    }
}
