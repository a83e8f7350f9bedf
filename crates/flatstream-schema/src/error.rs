use alloc::string::String;
use core::fmt;

use flatbuffers::InvalidFlatbuffer;

use crate::conform::Mismatch;

/// Why bytes are no binary schema.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// They don't have the file identifier of a binary schema, `BFBS`.
    #[error("not a binary schema: expected \"BFBS\" at position 4")]
    NotASchema,
    /// They are no good FlatBuffer.
    #[error("not a good binary schema: {0}")]
    Invalid(InvalidFlatbuffer),
    /// They are a good FlatBuffer, but what it says makes no schema.
    #[error("not a good binary schema: {path}: {what}")]
    Inconsistent {
        /// Which declaration, such as `Telemetry.TelemetryEvent.value`.
        path: String,
        /// What is wrong with it.
        what: &'static str,
    },
}

/// Why [`conform`](crate::conform()) says no.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConformError {
    /// The old schema can't be read.
    #[error("the old schema is {0}")]
    Old(SchemaError),
    /// The new schema can't be read.
    #[error("the new schema is {0}")]
    New(SchemaError),
    /// Both can, and they differ.
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
}

/// Why a message can't be decoded: something is wrong with it, it isn't of the schema, or a limit was hit.
///
/// It says so as `pose.position: the table would be at 70..74, and the message has 64 bytes`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageError {
    pub(crate) path: String,
    pub(crate) fault: MessageFault,
}

impl MessageError {
    /// Which part of the message, such as `items[2].name`; empty for the root table.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What is wrong with it.
    #[must_use]
    pub fn fault(&self) -> MessageFault {
        self.fault
    }
}

impl fmt::Display for MessageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => write!(f, "the root: {}", self.fault),
            path => write!(f, "{path}: {}", self.fault),
        }
    }
}

impl core::error::Error for MessageError {}

/// What is wrong with a part of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MessageFault {
    /// An offset or a length leads out of the message.
    #[error("{what} would be at {start}..{}, and the message has {len} bytes", end(*start, *size))]
    Outside {
        /// What should be there.
        what: &'static str,
        /// Its first byte.
        start: i64,
        /// How many bytes it has, or at least should have.
        size: usize,
        /// The message's length.
        len: usize,
    },
    /// The same inside of a nested FlatBuffer, which has to hold all it refers to.
    #[error(
        "{what} would be at {start}..{} of the nested FlatBuffer, which begins at {base} and has {len} bytes",
        end(*start, *size)
    )]
    OutsideNested {
        /// What should be there.
        what: &'static str,
        /// Its first byte, in the nested FlatBuffer.
        start: i64,
        /// How many bytes it has, or at least should have.
        size: usize,
        /// Where the nested FlatBuffer begins, in the message.
        base: usize,
        /// The nested FlatBuffer's length.
        len: usize,
    },
    /// Tables, unions and nested FlatBuffers are nested deeper than [`Walker::depth_max`](crate::Walker::depth_max).
    #[error("tables are nested deeper than {max}")]
    TooDeep {
        /// The limit.
        max: u32,
    },
    /// More tables than [`Walker::tables_max`](crate::Walker::tables_max); those that are shared count each time.
    #[error("more than {max} tables")]
    TooManyTables {
        /// The limit.
        max: u32,
    },
    /// Parts of the message are shared, and would unfold to more than
    /// [`Walker::shared_bytes_max`](crate::Walker::shared_bytes_max) allows.
    #[error("shared parts unfold to more than {max} bytes beyond the message's own")]
    UnfoldsTooFar {
        /// The limit.
        max: usize,
    },
    /// The JSON text is longer than [`JsonOptions::len_max`](crate::JsonOptions::len_max).
    #[error("its JSON is longer than {max} bytes")]
    JsonTooLong {
        /// The limit.
        max: usize,
    },
}

fn end(start: i64, size: usize) -> i64 {
    start.saturating_add_unsigned(size as u64)
}

/// Why [`Walker::walk`](crate::Walker::walk) stopped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WalkError<E> {
    /// The message can't be decoded.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// The visitor stopped the walk.
    #[error("{path}: {error}")]
    Visitor {
        /// Where it was, such as `items[2].name`; empty for the root table.
        path: String,
        /// Its error.
        error: E,
    },
}

/// Why a [`FieldPath`](crate::FieldPath) leads nowhere.
///
/// It says so as `pose.z: Robot.Pose has no field "z", only: position, heading`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {what}")]
pub struct PathError {
    pub(crate) path: String,
    pub(crate) part: String,
    pub(crate) what: String,
}

impl PathError {
    /// The path, up to and with the part that is wrong.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The part that is wrong: a name, or an index with its brackets.
    #[must_use]
    pub fn part(&self) -> &str {
        &self.part
    }

    /// What is wrong with it, and what there is instead.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.what
    }
}
