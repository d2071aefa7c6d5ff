//! Retention: messages that get older than their channel keeps them go, as if somebody truncated it up to that time.
//!
//! Every node looks now and then at the channels of the apps, a page at a time: at the oldest message of each, which is one
//! step into an index. Several may find the same channel; its floor is moved under its lock, and who comes second finds
//! nothing to do. The same look puts in again what is left to remove.

use chrono::{DateTime, Duration, Utc};
use parlor_platform::Result;
use parlor_protocol::token::AppSettings;
use parlor_protocol::{AppId, ChannelConfig, ChannelId, ChannelType};
use uuid::Uuid;

use super::truncate::{Until, remove};
use super::{PATIENCE, Step, TOPIC, store};
use crate::Chat;
use crate::apps::store as apps;
use crate::channels::store as channels;

/// Channels of one look.
const PAGE: i64 = 500;

/// Looks at all apps. What fails in one leaves the others alone.
pub async fn keep(chat: &Chat) -> Result<()> {
    let system = chat.db.system().await?;
    let ids = apps::ids(&system).await?;
    system.commit().await?;
    for app in ids {
        if let Err(error) = of_app(chat, app).await {
            tracing::warn!(?error, %app, "old messages were not removed");
        }
    }
    Ok(())
}

async fn of_app(chat: &Chat, app: AppId) -> Result<()> {
    sweep(chat, app).await?;
    let tx = chat.db.tenant_for_job(app).await?;
    let settings = apps::settings(&tx).await?;
    tx.commit().await?;
    let all = ChannelType::ALL.into_iter().any(|kind| settings.retention_days.of(kind).is_some());
    let mut after = Uuid::nil();
    loop {
        let tx = chat.db.tenant_for_job(app).await?;
        let page = store::oldest(&tx, all, after, PAGE).await?;
        tx.commit().await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.id;
        let now = chat.clock.now();
        for channel in page {
            let (Some(kind), config) =
                (ChannelType::parse(&channel.kind), channels::config(&channel.config)?)
            else {
                continue;
            };
            let end = end(&settings, kind, &config, now);
            if end.is_some_and(|end| channel.oldest.is_some_and(|oldest| oldest < end)) {
                of_channel(chat, app, channel.id.into(), &settings).await?;
            }
        }
    }
}

/// Looks again under the channel's lock: somebody may have changed how long it keeps messages.
async fn of_channel(chat: &Chat, app: AppId, id: ChannelId, settings: &AppSettings) -> Result<()> {
    chat.change(app, async |tx, entries, now| {
        let Some(row) = channels::lock(tx, id).await? else { return Ok(()) };
        match end(settings, row.kind()?, &row.config()?, now) {
            Some(end) => remove(tx, &row, Until::Time(end), entries, now).await,
            None => Ok(()),
        }
    })
    .await
}

/// Puts in what is left to remove: what a lost job did not do, and rows that were too young for it.
async fn sweep(chat: &Chat, app: AppId) -> Result<()> {
    loop {
        let found = chat
            .change(app, async |tx, entries, now| {
                let found = store::unswept(tx, now, now + PATIENCE, PAGE).await?;
                for (channel, upto) in &found {
                    entries.job(channel, TOPIC, &Step::first((*channel).into(), *upto))?;
                }
                Ok(found.len())
            })
            .await?;
        if found == 0 {
            return Ok(());
        }
    }
}

/// Messages sent before this are too old: as the channel says, or else as the app does for its type.
fn end(
    settings: &AppSettings,
    kind: ChannelType,
    config: &ChannelConfig,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let days = config.retention_days.or(settings.retention_days.of(kind))?;
    Some(now - Duration::days(i64::from(days)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use parlor_protocol::token::RetentionDays;

    #[test]
    fn a_channel_has_the_last_word_on_how_long_it_keeps_messages() {
        let now = DateTime::UNIX_EPOCH + Duration::days(1_000);
        let retention_days = RetentionDays { team: Some(30), ..RetentionDays::default() };
        let settings = AppSettings { retention_days, ..AppSettings::default() };
        let days = |kind, own| {
            let config = ChannelConfig { retention_days: own, ..ChannelConfig::default() };
            end(&settings, kind, &config, now).map(|end| (now - end).num_days())
        };
        assert_eq!(days(ChannelType::Team, None), Some(30));
        assert_eq!(days(ChannelType::Team, Some(90)), Some(90));
        assert_eq!(days(ChannelType::Commerce, None), None);
        assert_eq!(days(ChannelType::Commerce, Some(1)), Some(1));
    }
}
