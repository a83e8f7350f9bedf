use std::path::{Path, PathBuf};

use flatstream_io::{Error, ErrorKind};

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
}

impl Problem {
    pub(crate) fn no_segment(path: &Path, key: &'static str, expected: &str, found: Option<&str>) -> Self {
        let (expected, found) = (expected.to_owned(), found.map(str::to_owned));
        Self::NoSegment { path: path.to_owned(), key, expected, found }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::Locked(_) => ErrorKind::Locked,
            Self::NoStream { .. } | Self::NoSegment { .. } | Self::Renamed { .. } => ErrorKind::WrongSegment,
            Self::Taken(_) => ErrorKind::WrongSegment,
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

pub(crate) const HEADER: &str =
    "each segment of a log has a header of its own, with its place in the log: a log's options can't give a ready one";
