//! Moving the pointer of what has arrived, in one channel or many.

use std::collections::HashSet;

use parlor_platform::{Error, Result};
use parlor_protocol::receipt::{ChannelDelivery, DeliveredIn, DeliveryState};
use parlor_protocol::{ChannelId, ChannelType, ErrorCode};

use super::store;
use crate::Chat;
use crate::channels::store as channels;
use crate::validate;
use crate::web::UserCaller;

/// Refuses what is no batch.
pub fn check(wanted: &[DeliveredIn]) -> Result<()> {
    validate::batch(wanted.len())?;
    let distinct: HashSet<_> = wanted.iter().map(|one| one.channel_id).collect();
    if distinct.len() == wanted.len() {
        return Ok(());
    }
    Err(Error::with(ErrorCode::InvalidRequest, "A channel is named twice."))
}

/// Moves the pointers forward and gives all of them; those that moved are told where the channel and the user let others
/// know.
pub async fn mark(chat: &Chat, caller: &UserCaller, wanted: &[DeliveredIn]) -> Result<Vec<ChannelDelivery>> {
    let now = chat.clock.now();
    let tx = chat.db.tenant(caller.app).await?;
    let rows = store::places(&tx, &caller.user, wanted).await?;
    let moved: Vec<_> = rows.iter().filter(|row| row.target > row.delivered_seq).collect();
    if !moved.is_empty() {
        store::set(&tx, &caller.user, &moved, now).await?;
    }
    tx.commit().await?;
    let mut all = Vec::with_capacity(rows.len());
    for row in rows {
        let channel_id = ChannelId(row.channel);
        let is_new = row.target > row.delivered_seq;
        let (delivered_seq, delivered_at) =
            if is_new { (row.target, Some(now)) } else { (row.delivered_seq, row.delivered_at) };
        let delivered = DeliveryState { delivered_seq, delivered_at };
        let small =
            row.members <= chat.config.chat.fanout_members && row.kind != ChannelType::Livestream.as_str();
        if is_new && small && !row.hidden && !channels::config(&row.config)?.delivery_receipts_disabled {
            chat.deliveries.add(channel_id, &caller.user, delivered);
        }
        all.push(ChannelDelivery { channel_id, delivered });
    }
    Ok(all)
}
