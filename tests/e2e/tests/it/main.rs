//! The story of two people who chat, and of everything that can go wrong, on both pairs of implementations.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bad_input;
mod changes;
mod channel_lists;
mod channels;
mod conversation;
mod dev;
mod examples;
mod faults;
mod forward;
mod http;
mod jwt;
mod later;
mod matrix;
mod members;
mod membership;
mod messages;
mod operator;
mod pins;
mod polls;
mod quotes;
mod reactions;
mod reads;
mod realtime;
mod retries;
mod search;
mod sessions;
mod snapshots;
mod stars;
mod tasks;
mod thread_model;
mod threads;
mod timeline;
mod traces;
mod unread_model;
mod users;
