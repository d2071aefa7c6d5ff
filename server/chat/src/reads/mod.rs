//! Read pointers, unread counts, and the flags of each user on each message.

mod all;
pub mod mark;
pub mod routes;
pub mod store;
