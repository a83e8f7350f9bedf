use std::fmt;
use std::str::FromStr;

use flatstream_format::layout::ALIGNMENT;
use flatstream_format::{Algorithm, Checksum};

use crate::error::{Error, Result};

/// What a cursor's text begins with: its first version.
const VERSION: &str = "c1";

/// A place in a stream: directly behind a message that was read. [`Follower`](crate::Follower) and
/// [`Reader`](crate::Reader) give one, and a later follower goes on exactly there, in another process too.
///
/// It prints as one word of letters, digits and dashes that a double click selects whole or nearly so, and that checks
/// itself: a text that was mangled on its way is refused.
///
/// ```
/// use flatstream_io::{Cursor, Reader, WriteOptions, Writer};
///
/// let mut writer = Writer::new(Vec::new(), WriteOptions::new().stream_id(0xF1A7))?;
/// writer.append(b"one")?;
/// writer.append(b"two")?;
/// let bytes = writer.finish()?;
///
/// let mut reader = Reader::new(&bytes[..])?;
/// reader.next_message()?;
/// let cursor = reader.cursor().expect("a message was read");
/// assert_eq!((cursor.stream_id(), cursor.epoch(), cursor.sequence()), (0xF1A7, 0, 1));
///
/// let text = cursor.to_string();
/// assert!(text.starts_with("c1-000000000000f1a7-0-1-"));
/// assert_eq!(text.parse::<Cursor>()?, cursor);
/// assert!(text[..text.len() - 1].parse::<Cursor>().is_err());
/// # Ok::<(), flatstream_io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cursor {
    stream_id: u64,
    epoch: u32,
    sequence: u64,
    position: u64,
}

impl Cursor {
    /// For flatstream-log.
    #[doc(hidden)]
    #[must_use]
    pub const fn new(stream_id: u64, epoch: u32, sequence: u64, position: u64) -> Self {
        Self { stream_id, epoch, sequence, position }
    }

    /// The identity of the stream.
    #[must_use]
    pub const fn stream_id(&self) -> u64 {
        self.stream_id
    }

    /// The epoch of the message before it.
    #[must_use]
    pub const fn epoch(&self) -> u32 {
        self.epoch
    }

    /// How many messages of the stream lie before it: the sequence number of the next.
    #[must_use]
    pub const fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Where it is, in bytes from the start of the stream.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// Its parts as texts, of which it isn't known yet that they are written as they should be.
    #[doc(hidden)]
    pub fn from_parts<'a>(parts: &mut impl Iterator<Item = &'a str>) -> Option<Self> {
        let cursor = Self {
            stream_id: u64::from_str_radix(parts.next()?, 16).ok()?,
            epoch: parts.next()?.parse().ok()?,
            sequence: parts.next()?.parse().ok()?,
            position: parts.next()?.parse().ok()?,
        };
        Some(cursor).filter(|cursor| cursor.stream_id != 0 && cursor.position.is_multiple_of(ALIGNMENT as u64))
    }

    /// Its parts as one text.
    #[doc(hidden)]
    #[must_use]
    pub fn parts(&self) -> String {
        let Self { stream_id, epoch, sequence, position } = self;
        format!("{stream_id:016x}-{epoch}-{sequence}-{position}")
    }
}

/// `c1-STREAM-EPOCH-SEQUENCE-POSITION-CHECK`: the stream's id in hexadecimal digits, the check the CRC-32C of the text
/// before it.
impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&with_check(&format!("{VERSION}-{}", self.parts())))
    }
}

impl FromStr for Cursor {
    type Err = Error;

    /// Takes what `Display` printed, with white space around it.
    ///
    /// # Errors
    /// Of the kind `Usage`, for any other text.
    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim();
        let found = text.split_once('-').and_then(|(_, parts)| Self::from_parts(&mut parts.split('-')));
        found.filter(|cursor| cursor.to_string() == text).ok_or_else(|| Error::not_a_cursor(text))
    }
}

/// A body, and the check by which a mangled one is told.
#[doc(hidden)]
#[must_use]
pub fn with_check(body: &str) -> String {
    let check = Algorithm::CRC32C.digest(body.as_bytes());
    format!("{body}-{check:08x}")
}
