//! Who is there.
//!
//! A user is online while they have a session: a connection that the client gave a name to, so that it stays the same
//! session over reconnects. What others see is made of that and of what the user has chosen ([`state`], pure).
//!
//! ```text
//!  connection came or went ─┐
//!  something was done       ├─► recorder: gathered, a few hundred users in one transaction ─► users, user_sessions
//!  goodbye                 ─┘                                                                  │
//!  watch (one process): asks realtime who is there, settles what has ended, lets users rest ───┤
//!                                                      job `chat.user.presence` ◄──────────────┘
//!                                                      told to those who share a small channel, coalesced
//! ```
//!
//! **How it is known.** The embedded hub tells of each connection. Centrifugo has no hook for the end of one, and asks no
//! proxy about a client that shows a token, as ours do; so there a session begins with the token, which every connection
//! and every renewal fetches, and ends when the client says goodbye, or when the [`watch`] asks who hears the user's own
//! channel and it is not among them. The watch does the same on the embedded hub, which makes good for what a process
//! that was killed could not note.
//!
//! **Calm.** The end of the last session is a fact only after a grace time ([`Presence::grace_ms`]), so that a page that
//! is loaded again, a restart, or a train in a tunnel is told to nobody. Coming is told at once.
//!
//! [`Presence::grace_ms`]: parlor_platform::config::Presence

mod change;
mod ends;
mod recorder;
pub mod routes;
mod sessions;
pub mod state;
pub mod store;
mod tell;
mod watch;
pub mod watchers;
mod watching;

pub use recorder::{Ground, Recorder};
pub use sessions::Info;
pub use tell::{BINDING, Presences};
pub use watch::Watch;
pub use watching::Listed;
