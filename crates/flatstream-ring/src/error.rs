use flatstream_format::EncodeError;

/// Why a ring can't be opened or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RingError<E> {
    /// The medium failed.
    #[error("the ring's memory failed")]
    Medium(E),
    /// The message can't be encoded; the ring is as it was.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The header has no `max_message_len`, or one whose frame isn't shorter than the ring without a page.
    #[error("the header allows messages of {found} bytes; the ring takes up to {limit} (0: no promise)")]
    MessageLen {
        /// What the header says in bytes.
        found: u32,
        /// The longest message in bytes that the ring can hold.
        limit: u32,
    },
    /// The buffer is shorter than the longest frame.
    #[error("the buffer has {found} bytes; expected {expected}, the longest frame")]
    Buffer {
        /// The least size in bytes.
        expected: usize,
        /// Its size in bytes.
        found: usize,
    },
    /// The medium failed before: nobody knows which bytes are there. Open the ring again.
    #[error("the ring's memory failed before: open it again")]
    Broken,
    /// The ring was opened 2^32 - 1 times: format it.
    #[error("the ring has had its last epoch: format it")]
    LastEpoch,
}
