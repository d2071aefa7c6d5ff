//! Where members are, told as they move, until a time.
//!
//! A live location is an attachment of a message, with its end; see [`parlor_protocol::attachment`]. Each position is a
//! change of the message like any other, so whoever reads or pulls the message has the newest, and many positions that were
//! missed are one row. Because each takes the channel's `seq` there is a least time between two. What has ended keeps its
//! last position.

mod change;
pub mod routes;
