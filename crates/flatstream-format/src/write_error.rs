use crate::{EncodeError, HeaderError};

/// Why a stream can't be written to a sink.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
#[non_exhaustive]
pub enum WriteError<E> {
    /// The sink failed.
    #[error("the sink failed")]
    Sink(E),
    /// The sink took no bytes, and didn't say why.
    #[error("the sink took no bytes")]
    Stuck,
    /// The header region isn't one.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The message can't be encoded. Nothing was written.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The checksum takes a message in one piece only. Nothing was written.
    #[error("this checksum takes a message in one piece only")]
    Pieces,
    /// The sink failed before, or writing was given up in the middle of a frame: nobody knows which bytes are there.
    #[error("the sink failed before: begin a stream, or reopen this one")]
    Broken,
}
