//! Read pointers, unread counts, and the flags of each user on each message.

mod mark;
pub mod routes;
pub mod store;
