//! Receipts: who has read a message, whose devices have got it.
//!
//! Who has read it follows from the read pointers ([`crate::reads`]), and who has got it from pointers of the same kind that
//! clients move; nothing is stored for a message, so sending pays nothing, and a pointer that moves says it of all messages
//! before it. Both are answered for channels up to the configured size, livestreams left out, and where neither the channel
//! nor the member has switched them off. That a message arrived is told [gathered](tell), because in a channel of a hundred
//! a hundred devices say so at once.

mod delivered;
pub mod routes;
mod store;
mod tell;

pub use tell::Deliveries;

use parlor_platform::Result;
use parlor_protocol::{ChannelType, ErrorCode};

use crate::channels::access::Access;

/// Which receipts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Reads,
    Deliveries,
}

/// Refuses where a channel has none.
fn require(access: &Access, kind: Kind, most_members: i32) -> Result<()> {
    let config = &access.channel.config;
    let off = match kind {
        Kind::Reads => config.read_receipts_disabled,
        Kind::Deliveries => config.delivery_receipts_disabled,
    };
    let many = access.row.member_count > most_members || access.channel.kind == ChannelType::Livestream;
    if off || many { Err(ErrorCode::NoReceipts.into()) } else { Ok(()) }
}
