use std::fmt;
use std::ops::RangeBounds;

use flatstream_io::{Result, sides};

use super::LogReader;
use crate::message::LogMessage;

/// The messages of a range of sequence numbers or times: made by [`LogReader::sequences`] and [`LogReader::times`]. An
/// iterator of owned messages; [`next_message`](Self::next_message) lends. The reader then stands behind the range.
pub struct LogWindow<'r> {
    reader: &'r mut LogReader,
    until: Until,
    is_done: bool,
}

/// The first that isn't in the range.
#[derive(Clone, Copy, Debug)]
enum Until {
    Sequence(u64),
    Time(i64),
    End,
}

impl LogReader {
    /// The messages with these numbers, as far as there are any. A range without a beginning begins with the oldest
    /// message that is kept. Between damage and the next sync frame, where numbers aren't known, a recovering reader
    /// gives all that may be meant.
    ///
    /// ```
    /// use flatstream_log::{LogOptions, LogReader, LogWriter};
    ///
    /// # let folder = std::env::temp_dir().join(format!("flatstream-log-sequences-{}", std::process::id()));
    /// let mut log = LogWriter::open(&folder, LogOptions::new().segment_bytes(1000))?;
    /// for number in 0..100u8 {
    ///     log.append(&[number])?;
    /// }
    /// log.finish()?;
    /// let mut reader = LogReader::open(&folder)?;
    /// for message in reader.sequences(40..60)? {
    ///     assert!((40..60).contains(&message?[0]));
    /// }
    /// # std::fs::remove_dir_all(&folder)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`seek_to_sequence`](Self::seek_to_sequence).
    pub fn sequences(&mut self, range: impl RangeBounds<u64>) -> Result<LogWindow<'_>> {
        let (first, until) = sides(&range, |sequence: u64| sequence.checked_add(1));
        match first {
            Some(first) => self.seek_to_sequence(first)?,
            None => self.seek_to_start()?,
        };
        Ok(LogWindow { reader: self, until: until.map_or(Until::End, Until::Sequence), is_done: false })
    }

    /// The messages that were appended in this range of times, in nanoseconds of the headers'
    /// [clock](flatstream_io::Header::clock), by the times of the sync frames around them: none is missing, as far as
    /// [`seek_to_time`](Self::seek_to_time) promises it, and at either end up to one interval between two sync frames
    /// of others may be among them. It ends at the first sync frame that isn't earlier than the range's end: where
    /// times decrease behind that, what was appended there in this range of times is not among them.
    ///
    /// # Errors
    /// As [`seek_to_time`](Self::seek_to_time).
    pub fn times(&mut self, range: impl RangeBounds<i64>) -> Result<LogWindow<'_>> {
        let (first, until) = sides(&range, |time: i64| time.checked_add(1));
        match first {
            Some(first) => self.seek_to_time(first)?,
            None => self.seek_to_start()?,
        };
        Ok(LogWindow { reader: self, until: until.map_or(Until::End, Until::Time), is_done: false })
    }
}

impl LogWindow<'_> {
    /// The next message, lent until the next call; `None` behind the last of the range.
    ///
    /// # Errors
    /// As [`LogReader::next_message`].
    pub fn next_message(&mut self) -> Result<Option<&[u8]>> {
        if self.is_next_inside()? { self.reader.next_message() } else { Ok(None) }
    }

    /// The reader, to ask where it stands.
    #[must_use]
    pub fn reader(&self) -> &LogReader {
        self.reader
    }

    fn is_next_inside(&mut self) -> Result<bool> {
        if let Until::Sequence(until) = self.until
            && self.reader.sequence() >= until
        {
            return Ok(false);
        }
        if !self.reader.advance()? {
            return Ok(false);
        }
        let Some(current) = &mut self.reader.current else { return Ok(false) };
        let first = current.first;
        let Some((_, sequence)) = current.reader.peek()? else { return Ok(false) };
        Ok(match self.until {
            Until::Sequence(until) => sequence.is_none_or(|sequence| first.saturating_add(sequence) < until),
            Until::Time(until) if sequence.is_some() => current.reader.last_sync().is_none_or(|sync| sync.time < until),
            Until::Time(_) | Until::End => true,
        })
    }
}

/// An error comes once, then `None`.
impl Iterator for LogWindow<'_> {
    type Item = Result<LogMessage>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_done {
            return None;
        }
        let next = match self.is_next_inside() {
            Ok(true) => self.reader.next(),
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        };
        self.is_done = !matches!(next, Some(Ok(_)));
        next
    }
}

impl fmt::Debug for LogWindow<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogWindow").field("until", &self.until).finish_non_exhaustive()
    }
}
