//! The wire format: Centrifugo's client protocol in JSON.
//!
//! A frame holds one or more commands (client to server) or replies (server to client), separated by
//! `\n`. Payloads of applications are passed through as the bytes they came in, never parsed.

pub(crate) mod command;
pub(crate) mod message;
pub(crate) mod reply;
