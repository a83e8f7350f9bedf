/// How much memory a [`SharedWriter`](crate::SharedWriter) takes, and what it does when that is full.
///
/// ```
/// use flatstream_io::{OnFull, SharedOptions};
///
/// let options = SharedOptions::new().memory(8 << 20).on_full(OnFull::Drop);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct SharedOptions {
    memory: usize,
    on_full: OnFull,
}

impl Default for SharedOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl SharedOptions {
    /// 64 MiB of memory; at that bound `append` waits.
    pub fn new() -> Self {
        Self { memory: 64 << 20, on_full: OnFull::Wait }
    }

    /// How many bytes of messages may wait for the sink. A message counts for what it takes in the stream: 8 bytes and
    /// its length, rounded up to a multiple of 8. The default is 64 MiB.
    ///
    /// The writer's block comes on top, and up to 2 MiB of memory that is kept for the next messages; messages from 4
    /// to 16 KiB may leave a quarter of their memory unused.
    pub fn memory(mut self, bytes: usize) -> Self {
        self.memory = bytes;
        self
    }

    /// What `append` does when the memory is full. The default is [`OnFull::Wait`].
    pub fn on_full(mut self, on_full: OnFull) -> Self {
        self.on_full = on_full;
        self
    }

    pub(super) fn chosen_memory(&self) -> usize {
        self.memory
    }

    pub(super) fn chosen_on_full(&self) -> OnFull {
        self.on_full
    }
}

/// What [`SharedWriter::append`](crate::SharedWriter::append) does when the memory is full of messages that the sink
/// hasn't taken yet.
///
/// ```
/// use flatstream_io::{OnFull, SharedOptions};
///
/// // A control loop must never wait for a disk; what was lost is in the stream.
/// let options = SharedOptions::new().on_full(OnFull::Drop);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnFull {
    /// It waits until there is room. Threads get room in the order in which they came.
    #[default]
    Wait,
    /// It fails with an error of the kind [`Full`](crate::ErrorKind::Full), which gives the message back.
    Refuse,
    /// It counts the message, and forgets it. The stream says how many were lost and where: see
    /// [`Reader::dropped`](crate::Reader::dropped).
    Drop,
}
