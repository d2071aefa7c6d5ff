//! The platform against real PostgreSQL and RabbitMQ.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod broker;
mod database;
mod fakes;
mod outbox;
mod relay;
mod tenancy;
mod tls;
