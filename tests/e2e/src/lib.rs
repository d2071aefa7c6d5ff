//! The binary, started as its users start it, with a database of its own: `Server::start(Mode::Embedded)`,
//! then `server.app("acme")`, `app.user("ann")`, and requests that read like the story.
//!
//! When a server is dropped, its outbox must be empty of what nobody told: see [`Server::settled`].

mod client;
mod dev;
mod realtime;
mod replica;
mod schema;
mod server;

pub use client::{Answer, App, Client, told};
pub use dev::DevServer;
pub use parlor_test_support::until;
pub use realtime::{Heard, Listener};
pub use replica::{Applied, Replica};
pub use reqwest::Method;
pub use schema::wrong_with;
pub use server::{Mode, Node, Server, Worker, parlor};
