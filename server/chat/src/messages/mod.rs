//! Messages.

pub mod access;
mod delete;
mod edit;
pub mod list;
pub mod routes;
pub mod send;
pub mod store;
pub mod view;
