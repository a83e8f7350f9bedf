use std::fmt;
use std::ops::Deref;

use bytes::Bytes;
use flatstream_io::Message;

/// A message of a log, and its place there. Like the [`Message`] it holds it may outlive its reader, go to another
/// thread, and become [`Bytes`] without being copied.
///
/// ```
/// use flatstream_log::{LogOptions, LogReader, LogWriter};
///
/// # let folder = std::env::temp_dir().join(format!("flatstream-log-message-{}", std::process::id()));
/// let mut log = LogWriter::open(&folder, LogOptions::new())?;
/// log.append(b"one")?;
/// log.rotate()?;
/// log.append(b"two")?;
/// log.finish()?;
///
/// let message = LogReader::open(&folder)?.nth(1).unwrap()?;
/// assert_eq!(&message[..], b"two");
/// assert_eq!((message.sequence(), message.segment()), (Some(1), 1));
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct LogMessage {
    message: Message,
    segment: u64,
}

impl LogMessage {
    pub(crate) fn new(message: Message, segment: u64) -> Self {
        Self { message, segment }
    }

    /// How many messages were appended to the log before it; `None` where that isn't known, which is between damage and
    /// the next sync frame.
    #[must_use]
    pub fn sequence(&self) -> Option<u64> {
        self.message.sequence().map(|sequence| self.segment.saturating_add(sequence))
    }

    /// The segment it lies in: the number of that one's first message, by which its file is named.
    #[must_use]
    pub fn segment(&self) -> u64 {
        self.segment
    }

    /// The position of its frame, in bytes from the start of that file.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.message.position()
    }

    /// The message as one of its segment, where it is counted from that one's first.
    #[must_use]
    pub fn as_message(&self) -> &Message {
        &self.message
    }
}

impl Deref for LogMessage {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.message
    }
}

impl AsRef<[u8]> for LogMessage {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl From<LogMessage> for Message {
    fn from(message: LogMessage) -> Self {
        message.message
    }
}

impl From<LogMessage> for Bytes {
    fn from(message: LogMessage) -> Self {
        message.message.into()
    }
}

impl fmt::Debug for LogMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogMessage")
            .field("sequence", &self.sequence())
            .field("segment", &self.segment)
            .field("position", &self.position())
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
