//! Wire types of Parlor, one definition each, shared by the server and the SDKs.
//!
//! JSON is snake_case, times are RFC 3339 in UTC, ids are UUID text except for users, whose id is
//! whatever string the customer's own system calls them. Requests refuse unknown fields; responses
//! may grow fields, so clients must ignore those that they don't know. Nothing here does I/O.
#![warn(missing_docs)]

pub mod attachment;
pub mod channel;
pub mod content;
mod custom;
pub mod deletion;
pub mod draft;
pub mod error;
pub mod event;
#[cfg(feature = "utoipa")]
pub mod event_data;
#[cfg(feature = "utoipa")]
mod examples;
pub mod group;
pub mod id;
pub mod invite;
pub mod job;
pub mod limits;
pub mod member;
pub mod membership;
pub mod message;
pub mod page;
pub mod patch;
pub mod pending;
pub mod pin;
pub mod poll;
pub mod presence;
pub mod query;
pub mod reaction;
pub mod receipt;
pub mod reminder;
pub mod scheduled;
pub mod search;
pub mod sync;
pub mod task;
pub mod thread;
pub mod token;
pub mod transfer;
pub mod user;

pub use channel::{Channel, ChannelConfig, ChannelType};
pub use content::{Content, ContentType, GroupMentions};
pub use custom::Custom;
pub use draft::Draft;
pub use error::{ErrorBody, ErrorCode};
pub use event::{Envelope, EventType, Publication};
pub use group::{UserGroup, UserGroupMember};
pub use id::{
    AppId, ChannelId, DeletionId, EventId, ExportId, ImportId, InvalidUserId, JobId, MessageId, TaskId,
    UserGroupId, UserId,
};
pub use invite::{Invite, InviteState};
pub use job::Job;
pub use member::{Capability, Member, Role};
pub use membership::Notifications;
pub use message::{EphemeralMessage, Message};
pub use page::Page;
pub use patch::Patch;
pub use pending::PendingMessage;
pub use pin::Pin;
pub use poll::Poll;
pub use presence::{Device, Presence, Status};
pub use reaction::{Reaction, ReactionCount};
pub use reminder::Reminder;
pub use scheduled::ScheduledMessage;
pub use task::Task;
pub use thread::{Thread, ThreadSummary};
pub use transfer::Import;
pub use user::{User, UserRef};
