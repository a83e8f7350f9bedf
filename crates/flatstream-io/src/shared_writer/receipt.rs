use std::fmt;

use super::queue::Queue;
use super::sync::Arc;
use crate::error::{Error, Result};

/// What [`SharedWriter::append`](crate::SharedWriter::append) gives for a message: whoever wants to know waits until it
/// is durable, whoever doesn't drops it.
///
/// ```
/// # use std::io::{self, Write};
/// # use flatstream_io::Durable;
/// # struct Disk;
/// # impl Write for Disk {
/// #     fn write(&mut self, bytes: &[u8]) -> io::Result<usize> { Ok(bytes.len()) }
/// #     fn flush(&mut self) -> io::Result<()> { Ok(()) }
/// # }
/// # impl Durable for Disk { fn sync(&mut self) -> io::Result<()> { Ok(()) } }
/// # let disk = Disk;
/// use flatstream_io::{SharedOptions, SharedWriter, WriteOptions, Writer};
///
/// let writer = SharedWriter::new(Writer::new_durable(disk, WriteOptions::new())?, SharedOptions::new())?;
/// let receipts = [writer.append(b"debit")?, writer.append(b"credit")?];
/// assert_eq!(receipts[1].sequence(), Some(1));
/// for receipt in &receipts {
///     receipt.wait()?; // one sync serves both
/// }
/// assert!(receipts[1].is_durable());
/// # Ok::<(), flatstream_io::Error>(())
/// ```
#[derive(Clone)]
pub struct Receipt {
    queue: Arc<Queue>,
    sequence: Option<u64>,
}

impl Receipt {
    pub(super) fn new(queue: &Arc<Queue>, sequence: Option<u64>) -> Self {
        Self { queue: Arc::clone(queue), sequence }
    }

    /// The message's sequence number in the stream; `None` if it was dropped ([`OnFull::Drop`](crate::OnFull::Drop)).
    #[must_use]
    pub fn sequence(&self) -> Option<u64> {
        self.sequence
    }

    /// Returns once the message is durable. It may be called again, by any thread, and after the writer was finished.
    ///
    /// Where syncs take less than a millisecond, the thread lets others run 32 times before it sleeps: if many wait,
    /// most are still awake when the sync ends, which is cheaper than waking them.
    ///
    /// # Errors
    /// Of the kind `Io` if the sink failed before; the error names the first failure. Of the kind `Full` if the message
    /// was dropped. Of the kind `Usage` if the last `SharedWriter` was dropped before anybody waited.
    pub fn wait(&self) -> Result<()> {
        let sequence = self.sequence.ok_or_else(Error::dropped)?;
        self.queue.wait(sequence)
    }

    /// Whether the message is durable by now. It doesn't ask for a sync.
    #[must_use]
    pub fn is_durable(&self) -> bool {
        self.sequence.is_some_and(|sequence| self.queue.is_durable(sequence))
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receipt")
            .field("sequence", &self.sequence)
            .field("is_durable", &self.is_durable())
            .finish_non_exhaustive()
    }
}
