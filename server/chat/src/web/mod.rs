//! Between HTTP and the operations: who calls, what they send, where a list goes on.

mod body;
mod caller;
mod cursor;
mod idempotency;
pub mod named;
mod params;
mod store;

pub use body::{LargeJson, LinesBody, NoBody, ValidJson, has_nul};
pub use caller::{Caller, ClientAddress, ServerCaller, TypingCaller, UserCaller, api_key, caller_budget};
pub use cursor::{decode, encode, limit, one_more};
pub use idempotency::{IdempotencyKey, REPLAYED};
pub use params::{ChannelRef, Id, Params, segment};
