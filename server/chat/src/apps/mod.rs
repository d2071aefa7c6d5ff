//! Apps: the tenants, their keys, and the tokens of their users.

pub mod admin;
mod guests;
pub mod routes;
mod settings;
pub mod store;
mod tokens;
