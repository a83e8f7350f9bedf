use std::io;
use std::path::{Path, PathBuf};

use flatstream_io::{End, Error, ErrorKind};

/// What only a log can have wrong with it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    #[error("another writer has the log {} open", .0.display())]
    Locked(PathBuf),
    #[error(
        "{} holds nothing of a stream: expected the segment whose first message has number {expected}, and nothing was \
         changed",
        path.display()
    )]
    NoStream { path: PathBuf, expected: u64 },
    #[error(
        "{} is no segment of a log: expected {key} {expected} in its header, found {}, and nothing was changed",
        path.display(),
        found.as_ref().map_or("none".to_owned(), |found| format!("{found:?}"))
    )]
    NoSegment { path: PathBuf, key: &'static str, expected: String, found: Option<String> },
    #[error(
        "{} was renamed, or isn't of this log: by its name its first message has number {expected}, by its header \
         {found}, and nothing was changed",
        path.display()
    )]
    Renamed { path: PathBuf, expected: u64, found: u64 },
    #[error("{} can't be created: there is a file of that name, which isn't of this log", .0.display())]
    Taken(PathBuf),
    #[error("{}: {error}", path.display())]
    Segment { path: PathBuf, error: Error },
    #[error("{} holds no segment of a log", .0.display())]
    NoLog(PathBuf),
    #[error(
        "{} is a segment of another log: expected the log {expected:#018x}, found {found:#018x}",
        path.display()
    )]
    OfAnotherLog { path: PathBuf, expected: u64, found: u64 },
    #[error("the messages from {from} to {} are missing in {}, which goes on with {to}", to - 1, folder.display())]
    Missing { folder: PathBuf, from: u64, to: u64 },
    #[error(
        "the messages from {from} to {} are gone: the oldest that {} still has is {to}",
        to - 1,
        folder.display()
    )]
    Gone { folder: PathBuf, from: u64, to: u64 },
    #[error("the place behind {sequence} messages of the log in {} is gone: {found}", folder.display())]
    CursorGone { folder: PathBuf, sequence: u64, found: String },
    #[error("{0:?} is no cursor of a log, or not all of one: copy it as a whole")]
    NotACursor(String),
    #[error("the log ends in {}, which was not closed by its writer: {end}", path.display())]
    NotClosed { path: PathBuf, end: End },
}

impl Problem {
    pub(crate) fn no_segment(path: &Path, key: &'static str, expected: &str, found: Option<&str>) -> Self {
        let (expected, found) = (expected.to_owned(), found.map(str::to_owned));
        Self::NoSegment { path: path.to_owned(), key, expected, found }
    }

    /// What went wrong while this segment was read.
    pub(crate) fn reading(path: &Path, error: Error) -> Error {
        match error.io_error() {
            // So that whoever asks for the system's error gets it.
            Some(cause) => Error::file(path, "read", io::Error::new(cause.kind(), error)),
            None => Self::Segment { path: path.to_owned(), error }.into(),
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::Locked(_) => ErrorKind::Locked,
            Self::NoStream { .. } | Self::NoSegment { .. } | Self::Renamed { .. } => ErrorKind::WrongSegment,
            Self::Taken(_) | Self::OfAnotherLog { .. } => ErrorKind::WrongSegment,
            Self::NoLog(_) => ErrorKind::NotAStream,
            Self::Missing { .. } => ErrorKind::Damaged,
            Self::Gone { .. } | Self::CursorGone { .. } => ErrorKind::Gone,
            Self::NotACursor(_) => ErrorKind::Usage,
            Self::NotClosed { .. } => ErrorKind::NotClosed,
            Self::Segment { error, .. } => error.kind(),
        }
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::of_kind(problem.kind(), problem)
    }
}

pub(crate) const STREAM_ID: &str =
    "each segment of a log has a stream id of its own, by chance: a log's options can't choose one";

pub(crate) const METADATA: &str =
    "metadata with keys that begin with \"flatstream.log.\" say a segment's place in the log: options can't give any";

pub(crate) const LINK: &str = "a log is no link: its segments are files, which are read with Recovery::new()";

pub(crate) const NO_TIMES: &str = "the log's sync frames have no times to seek by";

pub(crate) const NOT_YET_ENDED: &str = "how the log ended is known only behind its last message";

pub(crate) const HEADER: &str =
    "each segment of a log has a header of its own, with its place in the log: a log's options can't give a ready one";
