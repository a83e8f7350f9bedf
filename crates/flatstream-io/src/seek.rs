//! Seeking in sources: sync frames are bisected, and what lies behind the last one before the target is read.
//! Specification: section 10, "Seeking".

use std::io::{Read, Seek};

use flatstream_format::layout::ALIGNMENT;
use flatstream_format::limits::{self, SEEK_READ_MAX, SEEK_READ_MIN};
use flatstream_format::{Decoded, Decoder, Essentials, FoundSync, Landing, SearchStep, SyncSearch, TIME_NONE};

use crate::error::{Error, Result};
use crate::hasher::Hasher;
use crate::reader::Reader;
use crate::seek_source::{Held, SeekSource};

/// Seeking, in sources that can.
///
/// Nothing but the stream is needed: sync frames are bisected in whatever there is of it, also while it is being
/// written, after a crash, and behind damage. In 10 GB that takes about 20 reads of at most 128 KiB, in a small file
/// one or two; then at most one interval between two sync frames is read through. A stream whose `sync_interval` is 0
/// has no sync frames to bisect, and is read from its beginning on.
///
/// What lies before the place that is landed on isn't read, so damage there isn't noticed; and sync frames are
/// believed, which whoever knows the stream's id could have put into a message. Where messages come from people who
/// aren't trusted, read from the beginning.
///
/// After an error the reader may stand anywhere: seek again, or drop it. A reader with
/// [`Recovery::link`](crate::Recovery::link) doesn't seek.
impl<R: Read + Seek> Reader<R> {
    /// Goes back to the first message.
    ///
    /// # Errors
    /// Of the kind `Io`.
    pub fn seek_to_start(&mut self) -> Result<Landing> {
        self.seek(|_, start| Ok(start.behind(None)))
    }

    /// Goes to the message with this sequence number, or behind the last one if there are fewer. A recovering reader
    /// goes to the first message that isn't known to be before it, if it is lost.
    ///
    /// ```
    /// use std::io::Cursor;
    ///
    /// use flatstream_io::{Reader, WriteOptions, Writer};
    ///
    /// let mut writer = Writer::new(Vec::new(), WriteOptions::new())?;
    /// for number in 0..100_000u32 {
    ///     writer.append(&number.to_le_bytes())?;
    /// }
    /// let mut reader = Reader::new(Cursor::new(writer.finish()?))?; // or a File
    /// let landing = reader.seek_to_sequence(70_000)?;
    /// assert_eq!(landing.sequence, 70_000);
    /// assert_eq!(reader.next_message()?, Some(&70_000u32.to_le_bytes()[..]));
    /// # Ok::<(), flatstream_io::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`next_message`](Self::next_message), for what is read through.
    pub fn seek_to_sequence(&mut self, sequence: u64) -> Result<Landing> {
        self.seek(|source, start| {
            let found = bisect(source, start, AS_IT_IS, |_, found| Ok(Some(found.sync.sequence <= sequence)))?;
            Ok(start.behind(found.as_ref()))
        })?;
        self.skip_while(|_, at| at.is_some_and(|at| at < sequence))
    }

    /// Goes to the last sync frame whose time is before this one, in nanoseconds of the header's
    /// [clock](crate::Header::clock): no message that was appended at this time or later is skipped, and up to one
    /// interval between two sync frames of earlier ones may come first.
    /// [`WriteOptions::sync_every`](crate::WriteOptions::sync_every) bounds what that is for slow streams.
    ///
    /// Times don't decrease within an epoch, but they may where a stream was reopened (another clock, a clock set
    /// back). Then it is the sync frame before the *first* one in the stream that isn't earlier.
    /// What a session appended behind its last sync frame before it died may count as being of that frame's time.
    ///
    /// # Errors
    /// Of the kind `Usage` if no sync frame that was met has a time; as [`next_message`](Self::next_message), for what
    /// is read through.
    pub fn seek_to_time(&mut self, time: i64) -> Result<Landing> {
        self.seek(|source, start| {
            let mut has_times = false;
            let found = bisect(source, start, SyncSearch::by_epochs, |_, found| {
                has_times |= found.sync.time != TIME_NONE;
                Ok(Some(found.sync.time < time))
            })?;
            match found {
                Some(_) if !has_times => Err(Error::usage(NO_TIMES)),
                found => Ok(start.behind(found.as_ref())),
            }
        })
    }

    /// Goes to the first message for which `is_before` is false, or behind the last one: like the method of slices, it
    /// expects that `is_before` is true for all messages up to some place and false from there on. So it seeks by any
    /// key in the messages that doesn't decrease.
    ///
    /// `is_before` is asked about the first message behind a sync frame, some 20 times in 10 GB, and then about each
    /// message from the last sync frame before the place on.
    ///
    /// ```
    /// use std::io::Cursor;
    ///
    /// use flatstream_io::{Reader, WriteOptions, Writer};
    ///
    /// let mut writer = Writer::new(Vec::new(), WriteOptions::new())?;
    /// for number in 0..100_000u32 {
    ///     writer.append(&(3 * number).to_be_bytes())?;
    /// }
    /// let mut reader = Reader::new(Cursor::new(writer.finish()?))?;
    /// // Or a FlatBuffer's field: |message| timestamp_of(message) < wanted
    /// let landing = reader.partition_point(|message| message < &10_000u32.to_be_bytes()[..])?;
    /// assert_eq!(landing.sequence, 3334);
    /// # Ok::<(), flatstream_io::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`next_message`](Self::next_message), for what is read through.
    pub fn partition_point(&mut self, mut is_before: impl FnMut(&[u8]) -> bool) -> Result<Landing> {
        self.seek_before_partition_point(&mut is_before)?;
        self.skip_while(|message, _| is_before(message))
    }

    /// The first half of that: goes behind the last sync frame before the place. For flatstream-log.
    ///
    /// # Errors
    /// As [`next_message`](Self::next_message).
    #[doc(hidden)]
    pub fn seek_before_partition_point(&mut self, mut is_before: impl FnMut(&[u8]) -> bool) -> Result<Landing> {
        self.seek(|source, start| {
            let found = bisect(source, start, AS_IT_IS, |source, found| {
                ask_first_message(source, start.behind(Some(found)), &mut is_before)
            })?;
            Ok(start.behind(found.as_ref()))
        })
    }

    /// Goes behind the last message: [`Landing::sequence`] says how many there are.
    ///
    /// # Errors
    /// As [`next_message`](Self::next_message), for what is read through.
    pub fn seek_to_end(&mut self) -> Result<Landing> {
        self.seek(|source, start| Ok(start.behind(last_sync(source, start)?.as_ref())))?;
        self.skip_while(|_, _| true)
    }

    /// Goes so many messages before the end, or to the first if there are fewer: what follows are the last `count`. Of
    /// a damaged stream they are fewer where some of them are lost.
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
    /// reader.seek_to_last(100)?;
    /// assert_eq!(reader.count(), 100);
    /// # Ok::<(), flatstream_io::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`seek_to_end`](Self::seek_to_end).
    pub fn seek_to_last(&mut self, count: u64) -> Result<Landing> {
        let end = self.seek_to_end()?;
        self.seek_to_sequence(end.sequence.saturating_sub(count))
    }

    /// Goes on where `find` says.
    pub(crate) fn seek(
        &mut self,
        find: impl FnOnce(&mut SeekSource<'_, R>, &Start) -> Result<Decoder<Hasher>>,
    ) -> Result<Landing> {
        if self.is_on_link() {
            return Err(Error::usage("a reader of a link doesn't seek: its bytes needn't lie where they say"));
        }
        let start = Start::of(self);
        let (place, held) = self.find_in_source(&start, find).inspect_err(|error| self.fail(error.clone()))?;
        let data = held.from(place.position()).unwrap_or_default();
        self.restart(place, data);
        Ok(self.landing())
    }

    fn find_in_source(
        &mut self,
        start: &Start,
        find: impl FnOnce(&mut SeekSource<'_, R>, &Start) -> Result<Decoder<Hasher>>,
    ) -> Result<(Decoder<Hasher>, Held)> {
        let (source, base) = self.input_mut().source_and_base().map_err(|error| Error::read(error, 0))?;
        let mut source = SeekSource::new(source, base)?;
        let place = find(&mut source, start)?;
        let held = source.leave_at(place.position())?;
        Ok((place, held))
    }

    /// Passes over messages that lie before a place; the number of one is `None` where it isn't known.
    fn skip_while(&mut self, mut is_before: impl FnMut(&[u8], Option<u64>) -> bool) -> Result<Landing> {
        while let Some((message, sequence)) = self.peek()? {
            if !is_before(message, sequence) {
                break;
            }
            self.pass_over();
        }
        Ok(self.landing())
    }

    fn landing(&self) -> Landing {
        Landing { sequence: self.sequence(), position: self.position() }
    }
}

const AS_IT_IS: fn(SyncSearch) -> SyncSearch = |search| search;

pub(crate) const NO_TIMES: &str = "the stream's sync frames have no times to seek by";

/// The beginning of a stream, from which it is sought in.
pub(crate) struct Start {
    decoder: Decoder<Hasher>,
    /// With what the reader itself is willing to hold, and where the header is lost, with what is usual.
    essentials: Essentials,
}

impl Start {
    fn of<R: Read>(reader: &Reader<R>) -> Self {
        let (header, limit) = (reader.header(), reader.options().message_limit());
        let mut essentials = *header.essentials();
        let decoder = Decoder::new(&essentials, limit, reader.decoder().hasher().clone());
        if header.is_recovered() {
            essentials.sync_interval = limits::SYNC_INTERVAL;
        }
        let limit = if limit == 0 { essentials.message_limit() } else { limit };
        essentials.max_message_len = essentials.message_limit().min(limit);
        Self { decoder, essentials }
    }

    /// Where reading goes on.
    pub(crate) fn behind(&self, found: Option<&FoundSync>) -> Decoder<Hasher> {
        let mut decoder = self.decoder.clone();
        if let Some(found) = found {
            decoder.resume_behind(found);
        }
        decoder
    }

    /// The first sync frame that stands in its place; not further behind the header than the first ones lie.
    fn first_sync<R: Read + Seek>(&self, source: &mut SeekSource<'_, R>) -> Result<Option<FoundSync>> {
        let begin = self.decoder.position();
        let data = source.data_at(begin, SEEK_READ_MAX)?;
        let places = (0..data.len()).step_by(ALIGNMENT);
        let mut syncs = places.filter_map(|at| FoundSync::at_start_of(&data[at..], begin + at as u64));
        Ok(syncs.find(|found| found.is_in_place() && found.sync.header_check == self.essentials.header_check))
    }
}

/// The last sync frame that lies before the target; `None` if reading has to begin at the start.
fn bisect<R: Read + Seek>(
    source: &mut SeekSource<'_, R>,
    start: &Start,
    prepare: fn(SyncSearch) -> SyncSearch,
    mut is_before: impl FnMut(&mut SeekSource<'_, R>, &FoundSync) -> Result<Option<bool>>,
) -> Result<Option<FoundSync>> {
    let Some(first) = start.first_sync(source)? else { return Ok(None) };
    if is_before(source, &first)? != Some(true) {
        return Ok(None);
    }
    let mut search = prepare(SyncSearch::new(&start.essentials, &first.sync, first.end(), source.end()));
    loop {
        match search.step() {
            SearchStep::Read { position, len } => search.read(source.data_at(position, len)?),
            SearchStep::Judge(found) => search.judge(is_before(source, &found)?),
            SearchStep::Done => return Ok(Some(search.found().copied().unwrap_or(first))),
        }
    }
}

/// The last sync frame of all.
pub(crate) fn last_sync<R: Read + Seek>(source: &mut SeekSource<'_, R>, start: &Start) -> Result<Option<FoundSync>> {
    bisect(source, start, AS_IT_IS, |_, _| Ok(Some(true)))
}

/// Asks about the first message behind the place where the decoder is; `None` if there is none that is good.
fn ask_first_message<R: Read + Seek>(
    source: &mut SeekSource<'_, R>,
    mut decoder: Decoder<Hasher>,
    mut is_before: impl FnMut(&[u8]) -> bool,
) -> Result<Option<bool>> {
    let mut need = SEEK_READ_MIN;
    loop {
        let position = decoder.position();
        let data = source.data_at(position, need)?;
        match decoder.decode(data) {
            Ok(Decoded::Message(message)) => return Ok(Some(is_before(&message))),
            Ok(Decoded::NeedMore(more)) if more > need && data.len() >= need => need = more,
            Ok(Decoded::NeedMore(_)) | Err(_) => return Ok(None),
            Ok(_) => need = SEEK_READ_MIN,
        }
    }
}
