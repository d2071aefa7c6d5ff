//! What holds in all channels of an app.

use parlor_platform::db::TenantTx;
use parlor_platform::{Error, Result};
use parlor_protocol::ErrorCode;
use parlor_protocol::limits::UNDELETE_MINUTES_MOST;
use parlor_protocol::token::{AppSettings, UpdateApp};

use super::store;
use crate::validate;

/// Changes what the request names.
pub async fn update(tx: &TenantTx, request: UpdateApp) -> Result<()> {
    let old = store::lock_settings(tx).await?;
    let new = changed(old, request)?;
    if new == old { Ok(()) } else { store::set_settings(tx, &new).await }
}

fn changed(old: AppSettings, request: UpdateApp) -> Result<AppSettings> {
    let mut new = old;
    new.undelete_minutes = request.undelete_minutes.unwrap_or(new.undelete_minutes);
    if new.undelete_minutes > UNDELETE_MINUTES_MOST {
        return Err(Error::with(ErrorCode::InvalidRequest, "`undelete_minutes` is 0 to 1,440."));
    }
    let (days, asked) = (&mut new.retention_days, request.retention_days.unwrap_or_default());
    asked.messaging.apply(&mut days.messaging);
    asked.livestream.apply(&mut days.livestream);
    asked.team.apply(&mut days.team);
    asked.commerce.apply(&mut days.commerce);
    [days.messaging, days.livestream, days.team, days.commerce]
        .into_iter()
        .try_for_each(validate::retention)?;
    Ok(new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_a_request_leaves_out_stays() {
        let parse = |body| serde_json::from_value::<UpdateApp>(body).unwrap();
        let set = json!({ "retention_days": { "team": 30, "livestream": 1 }, "undelete_minutes": 0 });
        let old = changed(AppSettings::default(), parse(set)).unwrap();
        assert_eq!((old.retention_days.team, old.undelete_minutes), (Some(30), 0));
        let new = changed(old, parse(json!({ "retention_days": { "team": null } }))).unwrap();
        assert_eq!((new.retention_days.team, new.retention_days.livestream), (None, Some(1)));
        for (minutes, fits) in [(1_440, true), (1_441, false)] {
            assert_eq!(changed(old, parse(json!({ "undelete_minutes": minutes }))).is_ok(), fits);
        }
        for (days, fits) in [(0, false), (1, true), (3_650, true), (3_651, false)] {
            let request = parse(json!({ "retention_days": { "commerce": days } }));
            assert_eq!(changed(old, request).is_ok(), fits, "{days}");
        }
    }
}
