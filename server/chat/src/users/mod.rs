//! Users: the customer's people, and when they were last there.

pub mod activity;
pub mod change;
mod profile;
pub mod routes;
pub mod settings;
pub mod store;
mod upsert;

pub use upsert::upsert;
