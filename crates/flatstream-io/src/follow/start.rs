//! Finds the place where a follower begins.

use std::fs::File;
use std::sync::Arc;

use flatstream_format::{Decoder, Essentials, FoundSync, SearchStep, Stop, Sync, SyncSearch, TIME_NONE};

use super::doubt::{Behind, damage, first_sync, is_ours};
use super::frames::{Frames, Step};
use super::options::Start;
use crate::cursor::Cursor;
use crate::error::{Error, Result};
use crate::hasher::Hasher;
use crate::seek::NO_TIMES;
use crate::storage::StorageFile;
use crate::walk::{last_sync_before, read_exactly};

/// A stream's file, and a decoder behind its header.
pub(super) struct Opened<'a> {
    pub(super) file: &'a Arc<File>,
    pub(super) essentials: &'a Essentials,
    pub(super) decoder: Decoder<Hasher>,
    pub(super) block_size: usize,
}

impl Opened<'_> {
    /// Where frames are to be read from, and the sequence number below which they aren't handed out.
    pub(super) fn begin(&self, start: Start) -> Result<(Frames, u64)> {
        match start {
            Start::Beginning => Ok((self.at_beginning(), 0)),
            Start::End => Ok((self.behind_all()?, 0)),
            Start::Sequence(sequence) => Ok((self.before_sequence(sequence)?, sequence)),
            Start::Time(time) => Ok((self.before_time(time)?, 0)),
            Start::Cursor(cursor) => Ok((self.at_cursor(&cursor)?, 0)),
        }
    }

    fn at_beginning(&self) -> Frames {
        Frames::new(Arc::clone(self.file), self.decoder.clone(), self.block_size, 0)
    }

    fn behind(&self, found: &FoundSync) -> Frames {
        Frames::behind(Arc::clone(self.file), self.decoder.clone(), self.block_size, found)
    }

    fn header_len(&self) -> u64 {
        self.essentials.header_len.into()
    }

    fn size(&self) -> Result<u64> {
        StorageFile::size(&**self.file).map_err(|error| Error::read(error, 0))
    }

    /// The last sync frame of the stream that `first` begins, which ends at or before a position.
    fn last_sync(&self, first: &FoundSync, before: u64) -> Result<Option<FoundSync>> {
        let is_ours = |found: &FoundSync| is_ours(&found.sync, Some(&first.sync), self.essentials);
        last_sync_before(&**self.file, self.header_len(), before, is_ours)
    }

    fn behind_all(&self) -> Result<Frames> {
        let mut frames = self.at_beginning();
        if let Some(first) = first_sync(self.file, self.header_len())?
            && let Some(last) = self.last_sync(&first, self.size()?)?
        {
            frames = self.behind(&last);
        }
        loop {
            match frames.read(u64::MAX)? {
                Step::Messages => frames.skip_below(u64::MAX),
                Step::Sync => {}
                // If the file has just been cut, the next look says so.
                Step::Stopped(_) | Step::AtLimit | Step::Shorter(_) => return Ok(frames),
            }
        }
    }

    fn before_sequence(&self, sequence: u64) -> Result<Frames> {
        let found = self.bisect(|search| search, |sync| sync.sequence <= sequence)?;
        Ok(found.map_or_else(|| self.at_beginning(), |found| self.behind(&found)))
    }

    fn before_time(&self, time: i64) -> Result<Frames> {
        let mut has_times = false;
        let found = self.bisect(SyncSearch::by_epochs, |sync| {
            has_times |= sync.time != TIME_NONE;
            sync.time < time
        })?;
        match found {
            Some(_) if !has_times => Err(Error::usage(NO_TIMES)),
            Some(found) => Ok(self.behind(&found)),
            None => Ok(self.at_beginning()),
        }
    }

    /// The last sync frame before a target; `None` if there is none. A `Reader` that seeks finds the same.
    fn bisect(
        &self,
        prepare: fn(SyncSearch) -> SyncSearch,
        mut is_before: impl FnMut(&Sync) -> bool,
    ) -> Result<Option<FoundSync>> {
        let first = first_sync(self.file, self.header_len())?;
        let Some(first) = first.filter(|first| is_before(&first.sync)) else { return Ok(None) };
        let mut search = prepare(SyncSearch::new(self.essentials, &first.sync, first.end(), self.size()?));
        loop {
            match search.step() {
                SearchStep::Read { position, len } => search.read(&read_exactly(&**self.file, position, len as u64)?),
                SearchStep::Judge(found) => search.judge(Some(is_before(&found.sync))),
                SearchStep::Done => return Ok(Some(search.found().copied().unwrap_or(first))),
            }
        }
    }

    fn at_cursor(&self, cursor: &Cursor) -> Result<Frames> {
        let gone = |found| Err(Error::gone(cursor.sequence(), cursor.position(), found));
        let Some(first) = first_sync(self.file, self.header_len())? else {
            return gone("the file has no first sync frame".to_owned());
        };
        let [wanted, there] = [cursor.stream_id(), first.sync.stream_id];
        if wanted != there {
            return gone(format!("it is of stream {wanted:#018x}, and the file holds stream {there:#018x}"));
        }
        let size = self.size()?;
        if size < cursor.position() {
            return gone(format!("the file has only {size} bytes"));
        }
        let mut frames = match self.last_sync(&first, cursor.position())? {
            Some(found) => self.behind(&found),
            None => self.at_beginning(),
        };
        loop {
            match frames.read(cursor.position())? {
                Step::Messages => frames.skip_below(u64::MAX),
                Step::Sync => {}
                Step::AtLimit => break,
                Step::Stopped(Some(stop)) => return Err(self.stopped_before(cursor, &frames, stop, size)?),
                Step::Stopped(None) | Step::Shorter(_) => {
                    return gone(format!("the stream ends at position {}", frames.position()));
                }
            }
        }
        let epoch = frames.decoder().last_sync().map_or(0, |sync| sync.epoch);
        let (position, sequence) = (frames.position(), frames.decoder().sequence());
        if (position, sequence, epoch) == (cursor.position(), cursor.sequence(), cursor.epoch()) {
            return Ok(frames);
        }
        let wanted = cursor.epoch();
        gone(format!(
            "it is of epoch {wanted}, and in this file a frame ends at position {position} behind {sequence} messages, \
             in epoch {epoch}"
        ))
    }

    /// The bytes before the cursor aren't what was read then.
    fn stopped_before(&self, cursor: &Cursor, frames: &Frames, stop: Stop, size: u64) -> Result<Error> {
        let behind = Behind::look(self.file, frames.decoder(), self.essentials, &stop, size)?;
        let found = || format!("the stream is good only up to position {}", stop.position);
        Ok(match behind.evidence {
            Some(evidence) => damage(stop, size, evidence),
            None => Error::gone(cursor.sequence(), cursor.position(), found()),
        })
    }
}
