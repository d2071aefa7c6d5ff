//! Channels.

pub mod access;
pub mod change;
mod changes;
mod counters;
pub mod create;
pub mod routes;
pub mod store;
pub mod update;
pub mod view;
