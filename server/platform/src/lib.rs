//! What every part of the server stands on. Nothing in here knows what a message is.
//!
//! PostgreSQL is the only truth ([`db`]). A request writes rows and outbox entries in one transaction
//! ([`outbox`]) and touches no other system; realtime ([`realtime`]) and jobs ([`broker`]) are consumers of
//! the outbox that may die at any moment and be started again.

pub mod broker;
pub mod clock;
pub mod config;
pub mod crypto;
pub mod db;
pub mod error;
pub mod http;
pub mod keys;
pub mod outbox;
pub mod rate_limit;
pub mod realtime;
pub mod schema;
pub mod task;
pub mod telemetry;
pub mod tls;
pub mod token;

pub use error::{Error, Result};
