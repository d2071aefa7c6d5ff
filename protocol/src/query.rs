//! Queries: lists that the caller describes by a filter and an order. `docs/query.md` says what can be asked.

use serde::{Deserialize, Serialize};

use crate::{Channel, Custom, Member, Message};

/// One key of an order.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SortKey {
    /// A field that can be sorted by.
    pub field: String,
    /// `asc` unless given. What has no value comes last either way.
    #[serde(default)]
    pub order: Order,
}

/// Which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The smallest first.
    #[default]
    Asc,
    /// The largest first.
    Desc,
}

/// Which users, members or messages, and in which order.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::query))]
#[serde(default, deny_unknown_fields)]
pub struct Query {
    /// Conditions by field, all of which must hold: `{"name": "Ann"}`, `{"created_at": {"$gt": "2026-03-01T00:00:00Z"}}`,
    /// `{"$or": [{…}, {…}]}`. Everything if it is empty.
    pub filter: Custom,
    /// Up to three keys; the resource's own order unless given.
    pub sort: Vec<SortKey>,
    /// 1 to 100, 50 unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// From `next` of the page before, for the same filter and sort.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// Which channels, in which order, and how much of each.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::query_channels))]
#[serde(default, deny_unknown_fields)]
pub struct QueryChannels {
    /// Conditions by field, all of which must hold, such as `{"type": "messaging", "members": {"$in": ["ann"]}}`.
    pub filter: Custom,
    /// Up to three keys; the most recently active first unless given.
    pub sort: Vec<SortKey>,
    /// 1 to 30, 30 unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// From `next` of the page before, for the same filter and sort.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Newest messages of each, 1 to 25, one unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages: Option<u32>,
    /// First members of each by user id, with how far they have read: 0 to 30, 30 unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub members: Option<u32>,
    /// Whether to give the ten that were pinned last of each.
    pub pinned: bool,
}

/// A channel with what an app shows of it at its start.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::channel_state))]
pub struct ChannelState {
    /// The channel with the reader's own membership, unread count and newest message.
    pub channel: Channel,
    /// Its newest messages, oldest first.
    pub messages: Vec<Message>,
    /// Its first members by user id, each with how far they have read.
    pub members: Vec<Member>,
    /// The messages that were pinned last, newest pin first; left out unless they were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned: Option<Vec<Message>>,
}
