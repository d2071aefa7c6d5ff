//! Groups of users, which the customer's server keeps and messages mention.

mod change;
pub mod routes;
pub mod store;
