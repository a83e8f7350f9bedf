//! Seeking: segments are bisected by their names or by what they begin with, and then the one that it is.

use std::fs::File;
use std::sync::Arc;

use flatstream_io::{Error, ErrorKind, Landing, ReadOptions, Reader, Result, TIME_NONE};

use super::{LogReader, Outcome};
use crate::catalog::{Catalog, Opened, for_a_look};
use crate::problem;

/// Seeking, in a listing of the folder that is made for it.
///
/// Each names the segment by a bisection, of their names or of what they begin with, and seeks in that one as a
/// [`Reader`] does. What lies before the place isn't read, so it isn't noticed if something is wrong there. A
/// [`Landing`] has the number of the next message over all segments, and its position in its own
/// [segment](LogReader::segment).
///
/// After an error the reader gives that error until it seeks again.
impl LogReader {
    /// Goes back to the oldest message.
    ///
    /// # Errors
    /// As [`next_message`](Self::next_message).
    pub fn seek_to_start(&mut self) -> Result<Landing> {
        self.seek(Self::go_to_oldest)
    }

    /// Goes to the message with this number, or behind the last one if there are fewer. A recovering reader goes to the
    /// first message that isn't known to be before it, if it is lost.
    ///
    /// # Errors
    /// Of the kind `Gone` if it was removed because it was old, which a recovering reader notes as a finding; as
    /// [`next_message`](Self::next_message), for what is read through.
    pub fn seek_to_sequence(&mut self, sequence: u64) -> Result<Landing> {
        self.seek(|reader| reader.go_to_sequence(sequence))
    }

    /// Goes to the last sync frame whose time is before this one, in nanoseconds of the headers'
    /// [clock](flatstream_io::Header::clock): no message that was appended at this time or later is skipped, and up to
    /// one interval between two sync frames of earlier ones may come first.
    ///
    /// Within a segment that holds also where times decrease because the log was opened again. From one segment to the
    /// next they are taken not to decrease, by the first sync frame of each that has a time; a writer sees to that
    /// while it has the log open. If the clock was set back and the log opened again, so that times pass this one more
    /// than once and in more than one segment, it is before one of these places, which needn't be the first.
    ///
    /// # Errors
    /// Of the kind `Usage` if no sync frame that was met has a time; as [`next_message`](Self::next_message), for what
    /// is read through.
    pub fn seek_to_time(&mut self, time: i64) -> Result<Landing> {
        self.seek(|reader| {
            let Some(first) = segment_before_time(&reader.catalog, &reader.options, time)? else {
                return reader.go_to_oldest();
            };
            reader.go_into(first, |segment| segment.seek_to_time(time))
        })
    }

    /// Goes to the first message for which `is_before` is false, or behind the last one: like the method of slices, it
    /// expects that `is_before` is true for all messages up to some place and false from there on. So it seeks by any
    /// key in the messages that doesn't decrease.
    ///
    /// ```
    /// use flatstream_log::{LogOptions, LogReader, LogWriter};
    ///
    /// # let folder = std::env::temp_dir().join(format!("flatstream-log-partition-{}", std::process::id()));
    /// let mut log = LogWriter::open(&folder, LogOptions::new().segment_bytes(10_000))?;
    /// for number in 0..1000u32 {
    ///     log.append(&(3 * number).to_be_bytes())?;
    /// }
    /// log.finish()?;
    /// let mut reader = LogReader::open(&folder)?;
    /// // Or a FlatBuffer's field: |message| timestamp_of(message) < wanted
    /// let landing = reader.partition_point(|message| message < &1000u32.to_be_bytes()[..])?;
    /// assert_eq!(landing.sequence, 334);
    /// # std::fs::remove_dir_all(&folder)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`next_message`](Self::next_message), for what is read through.
    pub fn partition_point(&mut self, mut is_before: impl FnMut(&[u8]) -> bool) -> Result<Landing> {
        self.seek(|reader| {
            let first = segment_before(&reader.catalog, &reader.options, |segment, _| {
                segment.peek().ok().flatten().map(|(message, _)| is_before(message))
            });
            match first {
                Some(first) => reader.go_into(first, |segment| segment.seek_before_partition_point(&mut is_before))?,
                None => reader.go_to_oldest()?,
            }
            reader.skip_while(&mut is_before)
        })
    }

    /// Goes behind the last message: [`Landing::sequence`] says how many were ever appended.
    ///
    /// # Errors
    /// As [`next_message`](Self::next_message), for what is read through.
    pub fn seek_to_end(&mut self) -> Result<Landing> {
        self.seek(|reader| {
            while let Some(newest) = reader.catalog.newest() {
                if let Some(mut current) = reader.open_segment(newest)? {
                    let landing = current.reader.seek_to_end();
                    landing.map_err(|error| current.failed(error))?;
                    reader.set_current(current);
                    // The next one may have begun meanwhile.
                    reader.catalog.refresh()?;
                    if reader.catalog.newest() == Some(newest) {
                        break;
                    }
                }
            }
            Ok(())
        })
    }

    /// Goes so many messages before the end, or to the oldest if there are fewer: what follows are the last `count`. Of
    /// a damaged log they are fewer where some of them are lost.
    ///
    /// # Errors
    /// As [`seek_to_end`](Self::seek_to_end).
    pub fn seek_to_last(&mut self, count: u64) -> Result<Landing> {
        let end = self.seek_to_end()?;
        self.seek(|reader| {
            let wanted = end.sequence.saturating_sub(count);
            if wanted <= reader.first_sequence() { reader.go_to_oldest() } else { reader.go_to_sequence(wanted) }
        })
    }

    fn seek(&mut self, go: impl FnOnce(&mut Self) -> Result<()>) -> Result<Landing> {
        self.leave();
        self.outcome = Outcome::Reading;
        let result = self.catalog.refresh_all().and_then(|()| go(self));
        if let Err(error) = result {
            self.outcome = Outcome::Failed { error: error.clone(), is_told: true };
            return Err(error);
        }
        self.advance()?;
        Ok(Landing { sequence: self.sequence(), position: Self::position(self) })
    }

    fn go_to_sequence(&mut self, sequence: u64) -> Result<()> {
        self.at = sequence;
        while let Some(first) = self.catalog.at_or_before(sequence) {
            if let Some(mut current) = self.open_segment(first)? {
                let landing = current.reader.seek_to_sequence(sequence - first);
                landing.map_err(|error| current.failed(error))?;
                self.set_current(current);
                break;
            }
        }
        Ok(())
    }

    /// Seeks in this segment, or begins with the next if it isn't to be read any more.
    fn go_into(&mut self, first: u64, seek: impl FnOnce(&mut Reader<Arc<File>>) -> Result<Landing>) -> Result<()> {
        self.at = first;
        if let Some(mut current) = self.open_segment(first)? {
            seek(&mut current.reader).map_err(|error| current.failed(error))?;
            self.set_current(current);
        }
        Ok(())
    }

    fn skip_while(&mut self, mut is_before: impl FnMut(&[u8]) -> bool) -> Result<()> {
        while self.advance()? {
            let Some(current) = &mut self.current else { break };
            match current.reader.peek()? {
                Some((message, _)) if is_before(message) => current.reader.pass_over(),
                _ => break,
            }
        }
        Ok(())
    }
}

/// The segment in which the last sync frame before a time lies; `None` if there is no such frame.
pub(crate) fn segment_before_time(catalog: &Catalog, options: &ReadOptions, time: i64) -> Result<Option<u64>> {
    let mut has_times = false;
    let found = segment_before(catalog, options, |segment, until| {
        let first = first_time(segment, until)?;
        has_times = true;
        Some(first < time)
    });
    if has_times { Ok(found) } else { Err(Error::of_kind(ErrorKind::Usage, problem::NO_TIMES)) }
}

/// The time of the first sync frame that has one. Where the application gives the times, those before the log's first
/// message with a time have none.
fn first_time(segment: &mut Reader<Arc<File>>, until: Option<u64>) -> Option<i64> {
    let mut is_sought = false;
    while until.is_none_or(|until| segment.sequence() < until) {
        let is_at_end = segment.peek().ok()?.is_none();
        match segment.last_sync() {
            Some(sync) if sync.time != TIME_NONE => return Some(sync.time),
            Some(_) if !is_sought => {
                segment.seek_to_time(TIME_NONE + 1).ok()?;
                is_sought = true;
            }
            _ if is_at_end => return None,
            _ => segment.pass_over(),
        }
    }
    None
}

/// The last segment that is before a place; `None` if the oldest isn't. One that can't be judged, because it can't be
/// read, or holds nothing to judge it by, is taken to be as the next one that can.
fn segment_before(
    catalog: &Catalog,
    options: &ReadOptions,
    mut judge: impl FnMut(&mut Reader<Arc<File>>, Option<u64>) -> Option<bool>,
) -> Option<u64> {
    let options = for_a_look(options);
    let mut judged = |first: u64| {
        let Opened { mut reader, .. } = catalog.open_segment(first, &options).ok()?;
        judge(&mut reader, catalog.after(first).map(|next| next - first))
    };
    let firsts = catalog.firsts();
    let (mut low, mut high) = (0, firsts.len());
    let mut found = None;
    while low < high {
        let middle = low + (high - low) / 2;
        let known = (middle..high).find_map(|at| judged(firsts[at]).map(|is_before| (at, is_before)));
        match known {
            Some((at, true)) => (low, found) = (at + 1, Some(firsts[at])),
            Some((_, false)) | None => high = middle,
        }
    }
    found
}
