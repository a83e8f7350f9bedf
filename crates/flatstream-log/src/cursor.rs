use std::fmt;
use std::str::FromStr;

use flatstream_io::{Cursor, Error, Result, with_check};

use crate::problem::Problem;

/// What a cursor's text begins with: its first version.
const VERSION: &str = "l1";

/// A place in a log: directly behind a message that was read. [`LogFollower`](crate::LogFollower) and
/// [`LogReader`](crate::LogReader) give one, and a later follower goes on exactly there, in another process too.
///
/// It prints as one word of letters, digits and dashes that checks itself: a text that was mangled on its way is
/// refused.
///
/// ```
/// use flatstream_log::{LogCursor, LogOptions, LogReader, LogWriter};
///
/// # let folder = std::env::temp_dir().join(format!("flatstream-log-cursor-{}", std::process::id()));
/// let mut log = LogWriter::open(&folder, LogOptions::new())?;
/// log.append(b"one")?;
/// log.rotate()?;
/// log.append(b"two")?;
/// log.finish()?;
///
/// let mut reader = LogReader::open(&folder)?;
/// assert_eq!(reader.nth(1).transpose()?.as_deref(), Some(&b"two"[..]));
/// let cursor = reader.cursor().expect("a message was read");
/// assert_eq!((cursor.log_id(), cursor.segment(), cursor.sequence()), (reader.log_id().unwrap(), 1, 2));
///
/// let text = cursor.to_string();
/// assert_eq!(text.parse::<LogCursor>()?, cursor);
/// assert!(text[..text.len() - 1].parse::<LogCursor>().is_err());
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LogCursor {
    log_id: u64,
    segment: u64,
    in_segment: Cursor,
}

impl LogCursor {
    pub(crate) const fn new(log_id: u64, segment: u64, in_segment: Cursor) -> Self {
        Self { log_id, segment, in_segment }
    }

    /// The identity of the log.
    #[must_use]
    pub const fn log_id(&self) -> u64 {
        self.log_id
    }

    /// The segment with the message before it: the number of that one's first message, by which its file is named.
    #[must_use]
    pub const fn segment(&self) -> u64 {
        self.segment
    }

    /// How many messages were appended to the log before it: the number of the next.
    #[must_use]
    pub const fn sequence(&self) -> u64 {
        self.segment.saturating_add(self.in_segment.sequence())
    }

    /// The place as one of its segment, where messages are counted from that one's first.
    #[must_use]
    pub const fn in_segment(&self) -> Cursor {
        self.in_segment
    }
}

/// `l1-LOG-SEGMENT-STREAM-EPOCH-SEQUENCE-POSITION-CHECK`: log and stream by their ids in hexadecimal digits, sequence
/// number and position as those of the segment, the check the CRC-32C of the text before it.
impl fmt::Display for LogCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { log_id, segment, in_segment } = self;
        f.pad(&with_check(&format!("{VERSION}-{log_id:016x}-{segment}-{}", in_segment.parts())))
    }
}

impl FromStr for LogCursor {
    type Err = Error;

    /// Takes what `Display` printed, with white space around it.
    ///
    /// # Errors
    /// Of the kind `Usage`, for any other text.
    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim();
        let not_one = || Problem::NotACursor(text.chars().take(160).collect()).into();
        parse(text).filter(|cursor| cursor.to_string() == text).ok_or_else(not_one)
    }
}

/// What it says, of which it isn't known yet that it is written as it should be.
fn parse(text: &str) -> Option<LogCursor> {
    let mut parts = text.split('-').skip(1);
    Some(LogCursor {
        log_id: u64::from_str_radix(parts.next()?, 16).ok()?,
        segment: parts.next()?.parse().ok()?,
        in_segment: Cursor::from_parts(&mut parts)?,
    })
}
