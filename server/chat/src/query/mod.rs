//! Queries: lists of channels, users, members and messages that the caller describes by a filter and an order.
//!
//! A filter is read into conditions on known fields ([`filter`], [`fields`]), made into SQL whose values are bound
//! ([`compile`]), and answered in pages ([`page`]). Row security keeps functions that are not leakproof from any index, so
//! what finds rows is chosen here, and the rest of the filter is looked at in what was found:
//!
//! - channels: of a user, those that they are in; for the server those of some ids, cids or members. Without a filter the
//!   server walks through all by id.
//! - users: those of some ids, or the likest names. Without a filter, all by id.
//! - members: those of one channel; of a large one only by user id.
//! - messages: those of one channel: of some ids, of a search, or a walk through the timeline or a thread, which looks at
//!   [`QUERY_WINDOW`](parlor_protocol::limits::QUERY_WINDOW) messages a page.
//!
//! What is bounded by none of these is refused with the field and what would make it servable.

mod channels;
mod compile;
#[cfg(test)]
mod docs;
mod fields;
mod filter;
mod members;
mod messages;
mod page;
mod routes;
mod store;
mod users;

use parlor_platform::Error;
use parlor_protocol::ErrorCode;

pub use page::after_active;
pub use routes::configure;

/// A reason to refuse what no index serves.
fn unservable(why: impl Into<String>) -> Error {
    Error::with(ErrorCode::QueryNotServable, why)
}
