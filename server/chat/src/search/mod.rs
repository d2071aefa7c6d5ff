//! Search: messages by their words, users by any part of their name.
//!
//! The index is a table of its own, filled by a consumer, so that sending pays nothing for it. Words are found and
//! folded here ([`words`]) and not by PostgreSQL, which knows one language at a time: case and accents don't count, and
//! writing without spaces is cut into pairs of characters, whose places make a phrase of what stands together. What
//! filters a search (channel, author, day …) is in the index as words too ([`tags`]), so one look into one index
//! answers it; days come in four sizes, so that a search goes back in time in few steps and stops when its page is full.

mod index;
mod list;
mod people;
mod query;
mod routes;
mod snippet;
mod store;
mod tags;
mod vector;
mod words;

pub use index::{BINDING, ChangedEvent, Index, TOPIC_CHANGED, changed, put, write};
pub use list::newest_in;
pub use routes::configure;
pub use store::{Source, begin_many};
