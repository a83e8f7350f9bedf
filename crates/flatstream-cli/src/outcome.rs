//! How a command ends.

use std::fmt;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use flatstream::{Error, ErrorKind};

use crate::input::STANDARD_INPUT;
use crate::text::printable_lines;

/// What a command comes to that wasn't kept from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Done {
    /// All is well.
    Well,
    /// It did what it should, and something is missing in what it made.
    WithLoss,
    /// What it looked at is damaged, which it said.
    Damaged,
}

pub(crate) type Outcome = Result<Done, Failure>;

/// Why a command couldn't go on.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Nobody reads the output any more.
    NobodyReads,
    /// What the program was asked for makes no sense.
    Usage(String),
    Other {
        what: String,
        /// What to do next.
        advice: Option<String>,
    },
}

impl Failure {
    pub(crate) fn usage(what: impl Into<String>) -> Self {
        Self::Usage(what.into())
    }

    /// A stream can't be read, or not any further.
    pub(crate) fn reading(path: &Path, error: &Error) -> Self {
        Self::with_advice(path, error, advice(path, error))
    }

    /// The same, with other advice, or none.
    pub(crate) fn with_advice(path: &Path, error: &Error, advice: Option<String>) -> Self {
        let path = if path.as_os_str() == "-" { Path::new(STANDARD_INPUT) } else { path };
        let text = error.to_string();
        // Itself, or a file in it.
        let behind = text.strip_prefix(&*path.to_string_lossy());
        let names_it = behind.is_some_and(|behind| behind.starts_with([' ', ':', '/']));
        let what = if names_it { text } else { format!("{}: {text}", path.display()) };
        Self::Other { what, advice }
    }

    /// Without advice.
    pub(crate) fn what(&self) -> &str {
        match self {
            Self::NobodyReads => "nobody reads the output any more",
            Self::Usage(what) | Self::Other { what, .. } => what,
        }
    }

    pub(crate) fn file(path: &Path, action: &str, error: &io::Error) -> Self {
        Self::Other { what: format!("{} can't be {action}: {error}", path.display()), advice: None }
    }
}

fn advice(path: &Path, error: &Error) -> Option<String> {
    let is_file = path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() > 0);
    let path = path.display();
    Some(match error.kind() {
        ErrorKind::Damaged if is_file => format!(
            "`flatstream cat --recover {path}` shows the messages behind the damage, `flatstream recover {path} \
             --output NEW` writes all good ones into a new stream"
        ),
        ErrorKind::NotAStream if is_file => {
            format!("`flatstream recover {path} --output NEW` looks for messages all the same")
        }
        ErrorKind::Limit => "`--max-message-len BYTES` takes longer messages".to_owned(),
        ErrorKind::Locked => "the file is being written; it can be read meanwhile".to_owned(),
        _ => return None,
    })
}

/// Writing to the standard output failed.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::NobodyReads,
            _ => Self::Other { what: format!("the standard output can't be written: {error}"), advice: None },
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NobodyReads => Ok(()),
            Self::Usage(what) | Self::Other { what, advice: None } => write!(f, "error: {what}"),
            Self::Other { what, advice: Some(advice) } => write!(f, "error: {what}\n  next: {advice}"),
        }
    }
}

/// Says what there is to be said, and turns it into the exit code.
pub(crate) fn exit(outcome: Outcome) -> ExitCode {
    match outcome {
        Ok(Done::Well) | Err(Failure::NobodyReads) => ExitCode::SUCCESS,
        Ok(Done::Damaged) => ExitCode::FAILURE,
        Ok(Done::WithLoss) => ExitCode::from(3),
        Err(failure) => {
            eprintln!("{}", printable_lines(&failure.to_string()));
            ExitCode::from(if matches!(failure, Failure::Usage(_)) { 2 } else { 1 })
        }
    }
}
