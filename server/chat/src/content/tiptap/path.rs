//! Where in a document something is wrong.

use std::fmt;

use parlor_platform::Error;
use parlor_protocol::ErrorCode;

/// Where something stands: a JSON pointer, made only when it is told.
#[derive(Clone, Copy)]
pub(super) struct Path<'a> {
    pub(super) up: Option<&'a Path<'a>>,
    pub(super) step: Step<'a>,
}

#[derive(Clone, Copy)]
pub(super) enum Step<'a> {
    Root,
    Key(&'a str),
    Index(usize),
}

impl<'a> Path<'a> {
    pub(super) fn key(&'a self, key: &'a str) -> Self {
        Self { up: Some(self), step: Step::Key(key) }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(up) = self.up {
            up.fmt(f)?;
        }
        match self.step {
            Step::Root => Ok(()),
            // Keys may be anything and as long; the message is for a person.
            Step::Key(key) => write!(f, "/{}", key.chars().take(40).collect::<String>()),
            Step::Index(at) => write!(f, "/{at}"),
        }
    }
}

pub(super) fn wrong(path: Path<'_>, why: &str) -> Error {
    Error::with(ErrorCode::InvalidContent, format!("`content{path}`: {why}."))
}
