//! Channels.

pub mod access;
pub mod change;
mod counters;
pub mod create;
pub mod routes;
pub mod state;
pub mod store;
pub mod update;
pub mod view;

pub use create::distinct_key;
