//! The WebSocket transport (RFC 6455, no extensions), written for many idle connections.
//!
//! A general library keeps a read buffer and a write buffer per connection; here an idle connection has
//! neither. Reads go into a buffer that a worker thread owns, and only an incomplete frame is copied out
//! of it; writes are vectored from the shared publications themselves.

pub(crate) mod connection;
pub(crate) mod frame;
pub(crate) mod handshake;
mod input;
