//! The embedded realtime hub: an in-process server that speaks Centrifugo's client protocol.
//!
//! One machine needs no second service for realtime. Clients cannot tell the hub from Centrifugo 5.4:
//! same tokens, commands, codes, recovery and transports (WebSocket, HTTP streaming, SSE), so growing
//! into a cluster changes a setting and nothing else. It is one node by design; what needs several is
//! Centrifugo's work.
//!
//! ```text
//!  publish ─► channel (one lock: stream + subscribers) ─► queue of each client ─► its task ─► socket
//!  command ─► client (one lock: user + subscriptions)  ─► queue of that client
//! ```
//!
//! * [`Hub`] is the server's side: publish, subscribe, disconnect, presence, history.
//! * `websocket/` and `http/` are the transports; `commands/` is the protocol, and knows neither.
//! * `channel/` holds order and recovery; read its documentation first.
//!
//! **Differences from Centrifugo 5.4**, all deliberate: JSON only (`centrifuge-protobuf` is refused with
//! 400), no delta and no WebSocket compression, HS256 only, no proxies, no `$` and `#` channels; a browser
//! of a foreign origin gets 403 from the HTTP transports too; the `ping` command of old clients is
//! answered; a refresh of a subscription with an expired token is error 109, so that the client fetches
//! another; positions of idle channels are forgotten after a day, not a month.
//!
//! **Failure.** Everything here is memory: after a restart every stream has a new epoch and clients are
//! told that they were not recovered, so they pull from the API. A client that does not read is cut off
//! (3008) and recovers when it returns. A panic ends one connection.

mod admin;
mod channel;
mod client;
mod clock;
mod codes;
mod commands;
mod config;
mod http;
mod hub;
mod outbound;
mod protocol;
mod registry;
mod serve;
mod shut;
mod stats;
mod task;
mod timer;
mod token;
mod websocket;

pub use admin::{ClientInfo, History, HistoryRange, PresenceStats, Publication, SubscribeOptions};
pub use channel::{PublishOptions, StreamPosition};
pub use clock::{Clock, ManualClock, SystemClock};
pub use codes::{CommandError, Disconnect, Unsubscribe};
pub use config::{HubConfig, Namespace, PresenceChange, PresenceHook};
pub use hub::{Hub, Info};
pub use serve::bind;
pub use stats::Stats;
