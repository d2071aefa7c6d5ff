//! Moving in.
//!
//! The lines are read kind by kind ([`Phase`]): first all users, then all channels, and so on, so that they may come in any
//! order. A [`source`] gives them in chunks of about a megabyte, from a file or from uploaded parts, so memory does not grow
//! with their number. Each chunk is a transaction: its rows, and the place where the next chunk begins. A process that is
//! killed leaves whole chunks behind, and whoever goes on begins after the last. What is there already is left as it is, so
//! the same lines again change nothing.
//!
//! First all lines are looked at ([`check`]), and nothing is written while one is wrong. What only shows when it is written
//! (an id that was given away meanwhile) is refused line by line.
//!
//! Messages take numbers of their channel as if they were sent now, in the order of the lines, and keep their old times.
//! Nobody is told of each: when all is written, [`finish`] moves the read pointers of those who had read everything before,
//! and tells the clients of each channel that was there already once, with `channel.updated`; they see the gap before it,
//! and pull. Messages are put into the index of the search ([`index`]) while those after them are written.

mod ahead;
pub mod check;
mod finish;
mod index;
mod messages;
mod ordinary;
mod people;
mod quotes;
mod reactions;
mod reads;
mod run;
mod source;
pub mod store;
mod threads;
mod write;

use parlor_protocol::ErrorCode;
use parlor_protocol::limits::IMPORT_ERRORS;
use parlor_protocol::transfer::LineError;

pub use run::{Beside, Importer};
pub use source::Source;

use super::lines::Kind;

/// What an import is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Lines of one kind.
    Lines(Kind),
    /// Channels that were written to.
    Finish,
    /// What is not in the index of the search yet.
    Search,
}

impl Phase {
    /// All phases, in order. Pointers move before the lines that say how far somebody has read.
    pub const ALL: [Self; 8] = [
        Self::Lines(Kind::User),
        Self::Lines(Kind::Channel),
        Self::Lines(Kind::Member),
        Self::Lines(Kind::Message),
        Self::Lines(Kind::Reaction),
        Self::Finish,
        Self::Lines(Kind::Read),
        Self::Search,
    ];

    /// Its number.
    pub fn number(self) -> i16 {
        let at = Self::ALL.iter().position(|phase| *phase == self);
        at.and_then(|at| i16::try_from(at).ok()).unwrap_or(i16::MAX)
    }

    /// The phase with this number.
    pub fn at(number: i16) -> Option<Self> {
        usize::try_from(number).ok().and_then(|at| Self::ALL.get(at)).copied()
    }

    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lines(kind) => kind.plural(),
            Self::Finish => "finish",
            Self::Search => "search",
        }
    }
}

/// Lines that were refused: all are counted, the first are kept.
#[derive(Debug, Default)]
pub struct Refused {
    pub count: i64,
    pub first: Vec<LineError>,
}

impl Refused {
    /// One more.
    pub fn line(&mut self, line: i64, code: ErrorCode, reason: impl Into<String>) {
        self.count += 1;
        if self.first.len() < IMPORT_ERRORS {
            // What a parser says may quote a line at any length.
            let reason: String = reason.into();
            self.first.push(LineError { line, code, reason: reason.chars().take(300).collect() });
        }
    }

    /// The same for an error.
    pub fn error(&mut self, line: i64, error: &parlor_platform::Error) {
        self.line(line, error.code(), error.message());
    }

    /// More of them.
    pub fn add(&mut self, more: Self) {
        self.count += more.count;
        let room = IMPORT_ERRORS.saturating_sub(self.first.len());
        self.first.extend(more.first.into_iter().take(room));
    }
}

/// A line with its number.
pub type Numbered<T> = (i64, T);
