use std::collections::VecDeque;
use std::fmt;
use std::path::{Path, PathBuf};

use flatstream_io::{Error, Finding, Losses};

/// Something that was noticed beside the messages of a log.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum LogFinding {
    /// Inside a segment; positions and offsets are those of its file.
    InSegment {
        /// The segment's file.
        path: PathBuf,
        /// What was noticed.
        finding: Finding,
    },
    /// A file that has a segment's name was passed over.
    Skipped {
        /// The file.
        path: PathBuf,
        /// Why: its header is unreadable, it was renamed, it is of another log or of none.
        why: Error,
    },
    /// The rest of a segment couldn't be read.
    BrokenOff {
        /// The segment's file.
        path: PathBuf,
        /// Why.
        why: Error,
    },
    /// The log goes on behind messages that aren't there.
    Missing {
        /// The number of the first that is missing.
        from: u64,
        /// The number of the next that is there.
        to: u64,
    },
}

impl fmt::Display for LogFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InSegment { path, finding } => write!(f, "{}: {finding}", path.display()),
            Self::Skipped { path, why } => write!(f, "{} was skipped: {why}", path.display()),
            Self::BrokenOff { path, why } => write!(f, "the rest of {} was skipped: {why}", path.display()),
            Self::Missing { from, to } if to - from == 1 => write!(f, "message {from} is missing"),
            Self::Missing { from, to } => write!(f, "the messages from {from} to {} are missing", to - 1),
        }
    }
}

/// So many findings wait to be taken; later ones are only counted.
const FINDINGS_MAX: usize = 1024;

/// What was noticed and not yet taken, in bounded memory.
#[derive(Debug, Default)]
pub(crate) struct LogFindings {
    waiting: VecDeque<LogFinding>,
    left_out: u64,
    losses: Losses,
}

impl LogFindings {
    pub(crate) fn push(&mut self, finding: LogFinding) {
        if let LogFinding::Missing { from, to } = finding {
            self.losses.messages = self.losses.messages.saturating_add(to - from);
        }
        if self.waiting.len() < FINDINGS_MAX {
            self.waiting.push_back(finding);
        } else {
            self.left_out += 1;
        }
    }

    pub(crate) fn push_all(&mut self, path: &Path, findings: Vec<Finding>) {
        for finding in findings {
            self.push(LogFinding::InSegment { path: path.to_owned(), finding });
        }
    }

    /// A segment is left, in which so much was lost and so many findings were left out.
    pub(crate) fn add(&mut self, losses: &Losses, left_out: u64) {
        self.losses = sum(&self.losses, losses);
        self.left_out += left_out;
    }

    pub(crate) fn take(&mut self) -> Vec<LogFinding> {
        std::mem::take(&mut self.waiting).into()
    }

    pub(crate) fn left_out(&self) -> u64 {
        self.left_out
    }

    pub(crate) fn losses(&self) -> &Losses {
        &self.losses
    }
}

pub(crate) fn sum(a: &Losses, b: &Losses) -> Losses {
    let mut sum = *a;
    sum.messages = sum.messages.saturating_add(b.messages);
    sum.may_be_more |= b.may_be_more;
    sum.ranges += b.ranges;
    sum.bytes += b.bytes;
    sum
}
