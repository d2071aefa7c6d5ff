//! Messages.

pub mod access;
pub mod delete;
mod edit;
mod forward;
pub mod list;
pub mod routes;
pub mod send;
pub mod store;
pub mod view;
