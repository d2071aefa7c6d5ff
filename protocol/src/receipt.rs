//! Receipts: who has read a message, who has got it.
//!
//! Both follow from pointers, one of each kind for a member of a channel, and are told only in channels of at most as many
//! members as the fan-out limit says. Who does not want others to know is left out.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{ChannelId, MessageId, UserRef};

/// One who has read a message.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::read_receipt))]
pub struct ReadReceipt {
    /// Who.
    pub user: UserRef,
    /// When their read pointer last moved, at or past the message.
    pub read_at: DateTime<Utc>,
}

/// One whose devices have got a message.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::delivery_receipt))]
pub struct DeliveryReceipt {
    /// Who.
    pub user: UserRef,
    /// When their pointer last moved, at or past the message.
    pub delivered_at: DateTime<Utc>,
}

/// How far a member's devices have got a channel's messages. It only moves forward; reading moves it, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::delivery_state))]
pub struct DeliveryState {
    /// `seq` of the newest message that arrived; 0 before the first.
    pub delivered_seq: i64,
    /// When it last moved.
    pub delivered_at: Option<DateTime<Utc>>,
}

/// Says that a message has arrived.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::mark_delivered))]
#[serde(deny_unknown_fields)]
pub struct MarkDelivered {
    /// All up to and including this message; up to the newest if left out. Never moves backwards.
    #[serde(default)]
    pub message_id: Option<MessageId>,
}

/// Says that messages of several channels have arrived.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::mark_many_delivered))]
#[serde(deny_unknown_fields)]
pub struct MarkManyDelivered {
    /// 1 to 100 channels, each once.
    pub channels: Vec<DeliveredIn>,
}

/// What has arrived in a channel.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DeliveredIn {
    /// The channel.
    pub channel_id: ChannelId,
    /// All up to and including this message; up to the newest if left out.
    #[serde(default)]
    pub message_id: Option<MessageId>,
}

/// The pointers after that, by channel.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::delivered_channels))]
pub struct DeliveredChannels {
    /// Those of the channels that the user is in. Others, and messages that are not there, are left out.
    pub channels: Vec<ChannelDelivery>,
}

/// The pointer in one channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct ChannelDelivery {
    /// The channel.
    pub channel_id: ChannelId,
    /// The pointer.
    #[serde(flatten)]
    pub delivered: DeliveryState,
}

/// What was read at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::read_everything))]
pub struct ReadEverything {
    /// Channels that had something unread.
    pub channels: usize,
    /// Threads that had something unread.
    pub threads: usize,
}
