use std::fmt;
use std::io::{Read, Seek};
use std::ops::{Bound, RangeBounds};

use crate::error::Result;
use crate::message::Message;
use crate::reader::Reader;

/// The messages of a range of sequence numbers or times: made by [`Reader::sequences`] and [`Reader::times`]. An
/// iterator of owned messages; [`next_message`](Self::next_message) lends. The reader then stands behind the range.
pub struct Window<'r, R> {
    reader: &'r mut Reader<R>,
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

impl<R: Read + Seek> Reader<R> {
    /// The messages with these sequence numbers, as far as there are any. [Between damage and the next sync
    /// frame](Message::sequence), where numbers aren't known, a recovering reader gives all that may be meant.
    ///
    /// ```
    /// use std::io::Cursor;
    ///
    /// use flatstream_io::{Reader, WriteOptions, Writer};
    ///
    /// let mut writer = Writer::new(Vec::new(), WriteOptions::new())?;
    /// for number in 0..1000u32 {
    ///     writer.append(&number.to_le_bytes())?;
    /// }
    /// let mut reader = Reader::new(Cursor::new(writer.finish()?))?;
    /// for message in reader.sequences(200..300)? {
    ///     assert!((200..300).contains(&message?.sequence().unwrap()));
    /// }
    /// # Ok::<(), flatstream_io::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`seek_to_sequence`](Self::seek_to_sequence).
    pub fn sequences(&mut self, range: impl RangeBounds<u64>) -> Result<Window<'_, R>> {
        let (first, until) = sides(&range, |sequence: u64| sequence.checked_add(1));
        self.seek_to_sequence(first.unwrap_or_default())?;
        Ok(Window { reader: self, until: until.map_or(Until::End, Until::Sequence), is_done: false })
    }

    /// The messages that were appended in this range of times, in nanoseconds of the header's
    /// [clock](crate::Header::clock), by the times of the sync frames around them: none is missing, and at either end
    /// up to one interval between two sync frames of others may be among them. It ends at the first sync frame that
    /// isn't earlier than the range's end: where times decrease behind that, because the stream was reopened (another
    /// clock, a clock set back), what was appended there in this range of times is not among them.
    ///
    /// # Errors
    /// As [`seek_to_time`](Self::seek_to_time).
    pub fn times(&mut self, range: impl RangeBounds<i64>) -> Result<Window<'_, R>> {
        let (first, until) = sides(&range, |time: i64| time.checked_add(1));
        match first {
            Some(first) => self.seek_to_time(first)?,
            None => self.seek_to_start()?,
        };
        Ok(Window { reader: self, until: until.map_or(Until::End, Until::Time), is_done: false })
    }
}

/// The first in a range and the first behind it; `None` where it has no such side. For flatstream-log.
#[doc(hidden)]
pub fn sides<T: Copy>(range: &impl RangeBounds<T>, next: impl Fn(T) -> Option<T>) -> (Option<T>, Option<T>) {
    let first = match range.start_bound() {
        Bound::Included(&first) => Some(first),
        Bound::Excluded(&before) => next(before).or(Some(before)),
        Bound::Unbounded => None,
    };
    let until = match range.end_bound() {
        Bound::Included(&last) => next(last),
        Bound::Excluded(&until) => Some(until),
        Bound::Unbounded => None,
    };
    (first, until)
}

impl<R: Read> Window<'_, R> {
    /// The next message, lent until the next call; `None` behind the last of the range.
    ///
    /// # Errors
    /// As [`Reader::next_message`].
    pub fn next_message(&mut self) -> Result<Option<&[u8]>> {
        if self.is_next_inside()? { self.reader.next_message() } else { Ok(None) }
    }

    /// The reader, to ask where it stands.
    #[must_use]
    pub fn reader(&self) -> &Reader<R> {
        self.reader
    }

    fn is_next_inside(&mut self) -> Result<bool> {
        let Some((_, sequence)) = self.reader.peek()? else { return Ok(false) };
        Ok(match self.until {
            Until::Sequence(until) => sequence.is_none_or(|sequence| sequence < until),
            Until::Time(until) if sequence.is_some() => self.reader.last_sync().is_none_or(|sync| sync.time < until),
            Until::Time(_) | Until::End => true,
        })
    }
}

/// An error comes once, then `None`.
impl<R: Read> Iterator for Window<'_, R> {
    type Item = Result<Message>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_done {
            return None;
        }
        let next = match self.is_next_inside() {
            Ok(true) => self.reader.next(),
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        };
        self.is_done = match &next {
            Some(Ok(_)) => false,
            Some(Err(error)) => !error.is_retryable(),
            None => true,
        };
        next
    }
}

impl<R> fmt::Debug for Window<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Window").field("until", &self.until).finish_non_exhaustive()
    }
}
