use std::fmt;

use flatbuffers::InvalidFlatbuffer;
use flatstream_schema::ConformError;

use crate::error::ErrorKind;

/// Why a stream, or a message, isn't of the type that was asked for.
#[derive(Debug)]
pub(crate) enum TypeError {
    Untyped {
        expected: &'static str,
    },
    Name {
        expected: &'static str,
        found: String,
    },
    Identifier {
        expected: &'static str,
        found: String,
    },
    Schema {
        expected: &'static str,
        why: ConformError,
    },
    NotInItsSchema(&'static str),
    Message {
        expected: &'static str,
        position: u64,
        sequence: Option<u64>,
        why: BadMessage,
    },
    /// One that was to be appended.
    NotAppended {
        expected: &'static str,
        why: BadMessage,
    },
}

/// What is wrong with a message.
#[derive(Debug)]
pub(crate) enum BadMessage {
    Identifier { expected: &'static str, found: Vec<u8> },
    Verifier(InvalidFlatbuffer),
}

impl TypeError {
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            Self::NotInItsSchema(_) | Self::Schema { why: ConformError::New(_), .. } => ErrorKind::Usage,
            _ => ErrorKind::WrongType,
        }
    }

    pub(crate) fn position(&self) -> Option<u64> {
        match self {
            Self::Message { position, .. } => Some(*position),
            _ => None,
        }
    }

    pub(crate) fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Schema { why, .. } => Some(why),
            Self::Message { why: BadMessage::Verifier(why), .. }
            | Self::NotAppended { why: BadMessage::Verifier(why), .. } => Some(why),
            _ => None,
        }
    }
}

impl fmt::Display for TypeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Untyped { expected } => write!(
                f,
                "the stream doesn't say what its messages are, expected {expected} \
                 (TypedOptions::accept_untyped reads it all the same)"
            ),
            Self::Name { expected, found } => {
                write!(f, "wrong type: expected a stream of {expected}, found one of {found}")
            }
            Self::Identifier { expected, found } => {
                write!(f, "wrong type: expected a stream of messages with identifier {expected:?}, found {found:?}")
            }
            Self::Schema { expected, why: ConformError::New(why) } => {
                write!(f, "the schema given for {expected} is {why}")
            }
            Self::Schema { expected, why: ConformError::Old(why) } => {
                write!(f, "the stream's schema can't be compared with that of {expected}: it is {why}")
            }
            Self::Schema { expected, why } => {
                write!(f, "the stream's schema doesn't fit that of {expected}: {why}")
            }
            Self::NotInItsSchema(expected) => write!(f, "{expected} isn't a table of the schema that is given for it"),
            Self::Message { expected, position, sequence, why } => {
                write!(f, "the message at position {position}")?;
                if let Some(sequence) = sequence {
                    write!(f, ", sequence {sequence},")?;
                }
                write!(f, " isn't a {expected}: {why}")
            }
            Self::NotAppended { expected, why } => {
                write!(f, "the message isn't a {expected}: {why}; the stream is unharmed")
            }
        }
    }
}

impl fmt::Display for BadMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Identifier { expected, found } => {
                write!(f, "expected identifier {expected:?}, found \"{}\"", found.escape_ascii())
            }
            Self::Verifier(why) => one_line(&why.to_string(), f),
        }
    }
}

/// The verifier's words, which it spreads over lines.
fn one_line(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let lines = text.lines().map(|line| line.trim().trim_end_matches('.')).filter(|line| !line.is_empty());
    for (nth, line) in lines.enumerate() {
        let separator = if nth == 0 { "" } else { ", " };
        write!(f, "{separator}{line}")?;
    }
    Ok(())
}
