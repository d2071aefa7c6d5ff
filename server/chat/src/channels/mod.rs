//! Channels.

pub mod access;
pub mod change;
mod changes;
pub mod create;
pub mod routes;
pub mod store;
mod update;
pub mod view;
