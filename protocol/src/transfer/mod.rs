//! Moving in and out: the lines of an import or export, and how far one is.
//!
//! The format is JSON lines: each line is an object with one field that says what it is. Lines of different kinds may
//! come in any order; among messages of a channel the order of the lines is the order of the timeline, so a message
//! comes after what it replies to or quotes.

mod line;
mod own;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use line::{ChannelLine, Line, MemberLine, MessageLine, ReactionLine, ReadLine, UserLine, VoteLine};
pub use own::{
    DraftLine, GroupLine, InviteLine, MembershipLine, OwnLine, OwnVoteLine, PendingLine, PresenceLine,
    ReminderLine, ScheduledLine, StarLine, TaskLine, ThreadLine, UserExportLine, VersionLine, VotedOption,
};

use crate::{ErrorCode, ImportId, UserId};

/// An import and how far it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::import))]
pub struct Import {
    /// The import's id.
    pub id: ImportId,
    /// Where it is.
    pub state: ImportState,
    /// Whether it only looks, or last looked, for errors.
    pub dry_run: bool,
    /// Which lines it is at: `users`, `channels`, `members`, `messages`, `reactions`, `reads`, `search`, in this order.
    pub phase: String,
    /// Lines of the file that were looked through in this phase.
    pub line: i64,
    /// What was written so far, or would be, by the same names. What was there already is not counted.
    pub counts: BTreeMap<String, i64>,
    /// Lines that were refused.
    pub failed: i64,
    /// The first 100 of them.
    pub errors: Vec<LineError>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// When it is forgotten, with what was uploaded for it.
    pub expires_at: DateTime<Utc>,
}

/// Where an import is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ImportState {
    /// Takes parts.
    Open,
    /// All lines are looked at, and nothing is written.
    Checking,
    /// Lines are written.
    Running,
    /// All lines were written, or refused.
    Done,
    /// Nothing was written: lines are wrong, as `errors` says. It takes parts again.
    Failed,
}

impl ImportState {
    /// All states.
    pub const ALL: [Self; 5] = [Self::Open, Self::Checking, Self::Running, Self::Done, Self::Failed];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Checking => "checking",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }

    /// The state of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

/// Why a line was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct LineError {
    /// Its number, from 1, counted through all parts.
    pub line: i64,
    /// Code of the error table.
    pub code: ErrorCode,
    /// For the developer, in English.
    pub reason: String,
}

/// How to start an import.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::start_import))]
#[serde(default, deny_unknown_fields)]
pub struct StartImport {
    /// Only looks for errors.
    pub dry_run: bool,
}

/// A part that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::import_part))]
pub struct ImportPart {
    /// Its number.
    pub number: i32,
    /// Lines in it.
    pub lines: i32,
    /// Bytes of it.
    pub bytes: i64,
}

/// An export of a user and how far it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::export))]
pub struct Export {
    /// The export's id.
    pub id: crate::ExportId,
    /// Whose.
    pub user_id: UserId,
    /// Where it is.
    pub state: ExportState,
    /// Parts that there are to download, numbered from 1; all of them together are the file.
    pub parts: i32,
    /// Lines in them.
    pub lines: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// When it is forgotten.
    pub expires_at: DateTime<Utc>,
}

/// Where an export is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ExportState {
    /// It is being made.
    Waiting,
    /// All parts are there.
    Done,
    /// It could not be made.
    Failed,
}

impl ExportState {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }

    /// The state of this name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Waiting, Self::Done, Self::Failed].into_iter().find(|state| state.as_str() == name)
    }
}
