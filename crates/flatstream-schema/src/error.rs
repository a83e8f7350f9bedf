use alloc::string::String;

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
