use std::fmt;
use std::io::{self, Write};
use std::num::NonZeroU64;

use flatstream_format::layout::ALIGNMENT;
use flatstream_format::{Checksum, Dropped, EncodeError, Encoder, Header, Session, SyncFlags, TIME_NONE};

use crate::durable::Durable;
use crate::error::{Error, Result};
use crate::hasher::Hasher;
use crate::open::OpenReport;
use crate::options::WriteOptions;
use crate::output::Output;
use crate::policy::{Due, Need, SyncPolicy};
use crate::storage::StorageFile;
use crate::times::Times;

/// Appends messages to a stream.
///
/// Messages are gathered in a block of 256 KiB, so no `BufWriter` is needed. Three words say how far a message got:
/// [`append`](Self::append) has accepted it, [`flush`](Self::flush) has handed it to the sink, [`sync`](Self::sync) has
/// made it durable: only then it survives a power cut.
///
/// A file is best left to the writer: [`create_new`](Writer::create_new), [`create`](Writer::create) and
/// [`open`](Writer::open) lock it and make its name durable. [`new`](Self::new) takes any `Write`.
///
/// After a failed write, flush or sync the writer refuses everything with an error that names the first failure,
/// because what the sink kept of the failed call is unknown. A writer that is dropped without [`finish`](Self::finish)
/// hands what it gathered to the sink; the stream then ends *open*, which a reader can tell from *closed*.
///
/// ```
/// use flatstream_io::{WriteOptions, Writer};
///
/// let mut writer = Writer::new(Vec::new(), WriteOptions::new())?;
/// assert_eq!(writer.append(b"the first message")?, 0);
/// assert_eq!(writer.append(b"the second")?, 1);
/// let bytes = writer.finish()?;
/// assert_eq!(&bytes[8..12], b"FLS1");
/// # Ok::<(), flatstream_io::Error>(())
/// ```
pub struct Writer<W: Write> {
    output: Output<W>,
    block: Box<[u8]>,
    /// How much of the block is filled. A failed writer's is full, so that `append` comes to the slow path.
    filled: usize,
    encoder: Encoder<Hasher>,
    header: Header,
    times: Times,
    sync_sink: Option<fn(&mut W) -> io::Result<()>>,
    sync_due: Due,
    flush_due: Due,
    /// When a sync frame is due by time.
    sync_frame_due: Due,
    /// Before this position no policy asks for anything: one comparison for `append`.
    policy_due_at: u64,
    /// Whether the policies are asked by `tick` alone.
    is_ticked: bool,
    open_report: Option<Box<OpenReport>>,
    /// What `append_with` builds in, while it isn't building.
    #[cfg(feature = "flatbuffers")]
    pub(crate) builder: Option<Box<flatbuffers::FlatBufferBuilder<'static>>>,
}

/// Where a stream that was reopened goes on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ResumePoint {
    pub(crate) stream_id: NonZeroU64,
    pub(crate) epoch: u32,
    pub(crate) position: u64,
    pub(crate) sequence: u64,
    /// Every byte below was known to be durable before.
    pub(crate) durable: u64,
    /// The time of the last sync frame that is kept.
    pub(crate) time: i64,
}

impl<W: Write> Writer<W> {
    /// A writer of a new stream. The header goes into the block; the sink isn't called yet, unless the header (with its
    /// schema) is larger than a block.
    ///
    /// # Errors
    /// Of the kind `Unsupported` if the checksum's feature is off or a private one has no hasher, `Limit` if schema and
    /// metadata exceed 1 MiB, `Usage` for other options that make no stream (stream id 0, a message identifier that
    /// doesn't have 4 bytes), `Io` if the system has no random number for the stream's id or the sink fails.
    #[expect(clippy::needless_pass_by_value, reason = "it reads best: `Writer::new(sink, WriteOptions::new())`")]
    pub fn new(sink: W, options: WriteOptions) -> Result<Self> {
        let header = options.build_header()?;
        Self::start(sink, &options, header, None)
    }

    fn start(
        sink: W,
        options: &WriteOptions,
        header: Header,
        sync_sink: Option<fn(&mut W) -> io::Result<()>>,
    ) -> Result<Self> {
        let session = Session { stream_id: options.choose_stream_id()?, epoch: 0 };
        let encoder = Encoder::new(header.essentials(), session, options.build_hasher(header.checksum())?);
        let mut writer = Self::with_encoder(sink, options, header, encoder, sync_sink)?;
        let region = writer.header.as_bytes().to_vec();
        writer.put(&region)?;
        writer.put_first_sync(options)?;
        Ok(writer)
    }

    fn with_encoder(
        sink: W,
        options: &WriteOptions,
        header: Header,
        encoder: Encoder<Hasher>,
        sync_sink: Option<fn(&mut W) -> io::Result<()>>,
    ) -> Result<Self> {
        let (sync_policy, flush_policy) = options.policies();
        if sync_sink.is_none() && sync_policy != SyncPolicy::Manual {
            return Err(Error::usage(CANNOT_SYNC));
        }
        let times = options.times(header.clock());
        let mut writer = Self {
            output: Output::new(sink),
            block: vec![0; options.chosen_block_size()].into_boxed_slice(),
            filled: 0,
            encoder,
            header,
            times,
            sync_sink,
            sync_due: Due::new(sync_policy),
            flush_due: Due::new(flush_policy),
            sync_frame_due: Due::new(options.sync_frame_pace()),
            policy_due_at: 0,
            is_ticked: false,
            open_report: None,
            #[cfg(feature = "flatbuffers")]
            builder: None,
        };
        writer.note_policies();
        Ok(writer)
    }

    /// Appends a message; returns its sequence number, counted from 0.
    ///
    /// A message longer than a block goes to the sink without being copied.
    ///
    /// # Errors
    /// Of the kind `Usage` for an empty message and `Limit` for one beyond `max_message_len`: the stream is unharmed
    /// and goes on. Of the kind `Io` if the sink fails: the writer then refuses everything.
    #[inline]
    pub fn append(&mut self, message: &[u8]) -> Result<u64> {
        self.append_and(message, |_| {})
    }

    /// Appends a message with a time of its own, as an import or a replay has them; returns its sequence number. `time`
    /// is in nanoseconds of the header's clock. The writer has to be one with
    /// [`event_times`](WriteOptions::event_times).
    ///
    /// The framing holds no time of each message: each sync frame carries the greatest time of those before it, and by
    /// these a stream is sought. So messages may come out of order; but one with a time far in the future is what all
    /// later sync frames say, and whoever then looks for a time behind it has to read from before it on.
    ///
    /// ```
    /// use flatstream_io::{Clock, Reader, WriteOptions, Writer};
    ///
    /// let options = WriteOptions::new().event_times(Clock::UnixUtc);
    /// let mut writer = Writer::new(Vec::new(), options)?;
    /// writer.append_at(1_500_000_000_000_000_000, b"from an old log")?;
    /// let bytes = writer.finish()?;
    ///
    /// let mut reader = Reader::new(&bytes[..])?;
    /// assert_eq!(reader.by_ref().count(), 1);
    /// assert_eq!(reader.last_sync().unwrap().time, 1_500_000_000_000_000_000);
    /// # Ok::<(), flatstream_io::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`append`](Self::append). Of the kind `Usage` if the writer wasn't made with `event_times`, or if the time is
    /// [`TIME_NONE`]. A message that is refused leaves the greatest time as it was.
    #[inline]
    pub fn append_at(&mut self, time: i64, message: &[u8]) -> Result<u64> {
        let greatest = self.greatest_with(time)?;
        self.append_and(message, |writer| writer.times = Times::Events { greatest })
    }

    /// The greatest event time, once a message of this time is appended.
    fn greatest_with(&self, time: i64) -> Result<i64> {
        match self.times {
            Times::Events { .. } if time == TIME_NONE => Err(Error::usage(NO_TIME)),
            Times::Events { greatest } => Ok(greatest.max(time)),
            _ => Err(Error::usage(NO_EVENT_TIMES)),
        }
    }

    /// `note` is done once the message is accepted, before the policies are kept.
    #[inline(always)]
    fn append_and(&mut self, message: &[u8], note: impl FnOnce(&mut Self)) -> Result<u64> {
        let sequence = self.encoder.sequence();
        if let Some(spare) = self.block.get_mut(self.filled..)
            && let Ok(len) = self.encoder.encode_message(message, spare)
        {
            self.filled += len;
            note(self);
            self.keep_policies_if_due()?;
            return Ok(sequence);
        }
        self.append_slowly(message.len() as u64, |writer| {
            let head = writer.encoder.message(message);
            let head = head.map_err(|error| writer.encode_error(error))?;
            writer.put(&head)?;
            writer.put(message)?;
            note(writer);
            Ok(())
        })
    }

    /// Appends a message that lies in pieces, as if they were put together; returns its sequence number.
    ///
    /// ```
    /// use flatstream_io::{Reader, WriteOptions, Writer};
    ///
    /// let mut writer = Writer::new(Vec::new(), WriteOptions::new())?;
    /// writer.append_parts(&[b"head ", b"and ", b"tail"])?;
    /// let bytes = writer.finish()?;
    /// let message = Reader::new(&bytes[..])?.next().unwrap()?;
    /// assert_eq!(&message[..], b"head and tail");
    /// # Ok::<(), flatstream_io::Error>(())
    /// ```
    ///
    /// With a checksum that can't digest parts, which only private ones can't, it gathers the message first.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub fn append_parts(&mut self, parts: &[&[u8]]) -> Result<u64> {
        let len = parts.iter().map(|part| part.len() as u64).sum();
        self.append_slowly(len, |writer| {
            let digest = match writer.encoder.hasher().digest_parts(parts) {
                Some(digest) => digest,
                None => writer.encoder.hasher().digest(&parts.concat()),
            };
            let head = writer.encoder.message_with_digest(len, digest);
            let head = head.map_err(|error| writer.encode_error(error))?;
            writer.put(&head)?;
            parts.iter().try_for_each(|part| writer.put(part))
        })
    }

    /// Whatever comes before and after a message that doesn't simply go into the block; `put` brings head and body.
    #[cold]
    fn append_slowly(&mut self, len: u64, put: impl FnOnce(&mut Self) -> Result<()>) -> Result<u64> {
        self.output.check_usable()?;
        // Before the sync frame: a message that is refused changes nothing.
        self.encoder.check_message_len(len).map_err(|error| self.encode_error(error))?;
        if self.encoder.sync_due() {
            self.put_sync(SyncFlags::NONE)?;
        }
        let sequence = self.encoder.sequence();
        put(self)?;
        let pad = len.next_multiple_of(ALIGNMENT as u64) - len;
        self.put(&[0; ALIGNMENT][..pad as usize])?;
        self.keep_policies_if_due()?;
        Ok(sequence)
    }

    #[inline]
    fn keep_policies_if_due(&mut self) -> Result<()> {
        if self.encoder.position() >= self.policy_due_at {
            return self.keep_policies();
        }
        Ok(())
    }

    /// Does what the policies ask for by now. A sync is a flush too.
    #[cold]
    fn keep_policies(&mut self) -> Result<()> {
        self.put_sync_if_due()?;
        let position = self.encoder.position();
        if self.sync_due.is_due(position) {
            self.sync_all()?;
        } else if self.flush_due.is_due(position) {
            self.flush()?;
        }
        Ok(())
    }

    /// Puts a sync frame if one is due by time. It comes behind what was appended last and not before it, so that this
    /// lies between two sync frames that are near in time.
    fn put_sync_if_due(&mut self) -> Result<()> {
        match self.sync_frame_due.is_due(self.encoder.position()) {
            true => self.put_sync(SyncFlags::NONE),
            false => Ok(()),
        }
    }

    fn note_policies(&mut self) {
        let dues = [self.sync_due, self.flush_due, self.sync_frame_due];
        self.policy_due_at = match self.is_ticked {
            true => u64::MAX,
            false => dues.iter().map(Due::not_before).min().unwrap_or(u64::MAX),
        };
    }

    /// Notes in the stream that messages were lost here: what a [`SharedWriter`](crate::SharedWriter) does when its
    /// memory is full and it may not wait. They take no sequence numbers; readers count them
    /// ([`Reader::dropped`](crate::Reader::dropped)).
    ///
    /// # Errors
    /// Of the kind `Io`: the writer then refuses everything.
    pub fn note_dropped(&mut self, dropped: Dropped) -> Result<()> {
        self.output.check_usable()?;
        let frame = self.encoder.dropped(dropped).map_err(|error| self.encode_error(error))?;
        self.put(&frame)?;
        self.keep_policies_if_due()
    }

    fn encode_error(&self, error: EncodeError) -> Error {
        Error::encode(error, self.encoder.position())
    }

    /// Hands everything appended so far to the sink and flushes it. What a file then holds survives this process, but
    /// not yet a power cut: for that, sync the file.
    ///
    /// ```no_run
    /// use std::fs::File;
    ///
    /// use flatstream_io::{WriteOptions, Writer};
    ///
    /// let mut writer = Writer::new(File::create("telemetry.fls")?, WriteOptions::new())?;
    /// writer.append(b"must not be lost")?;
    /// writer.flush()?;
    /// writer.get_ref().sync_data()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// Of the kind `Io`: the writer then refuses everything.
    pub fn flush(&mut self) -> Result<()> {
        self.output.check_usable()?;
        self.spill(Output::flush)?;
        self.flush_due.done(self.encoder.position());
        self.note_policies();
        Ok(())
    }

    /// Hands everything over and has the sink make it durable: safe against a power cut, by the sink's word. Returns
    /// the number of durable messages, which is the sequence up to which all are. The stream says so itself from its
    /// next sync frame on.
    ///
    /// ```
    /// use flatstream_io::{WriteOptions, Writer};
    ///
    /// # let folder = std::env::temp_dir().join(format!("flatstream-sync-{}", std::process::id()));
    /// # std::fs::create_dir_all(&folder)?;
    /// # let path = folder.join("events.fls");
    /// let mut writer = Writer::create_new(&path, WriteOptions::new())?;
    /// let sequence = writer.append(b"must not be lost")?;
    /// let durable = writer.sync()?;
    /// assert!(sequence < durable);
    /// # drop(writer);
    /// # std::fs::remove_dir_all(&folder)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// Of the kind `Io`: nobody knows then which bytes are durable. The writer refuses everything from now on, and does
    /// not sync again: open the file anew. Of the kind `Usage` if the writer wasn't told that its sink can sync.
    pub fn sync(&mut self) -> Result<u64> {
        self.output.check_usable()?;
        self.sync_all()?;
        Ok(self.encoder.sequence())
    }

    fn sync_all(&mut self) -> Result<()> {
        let sync_sink = self.sync_sink.ok_or_else(|| Error::usage(CANNOT_SYNC))?;
        let position = self.encoder.position();
        if position > self.encoder.durable() {
            self.spill(|output| {
                output.flush()?;
                output.sync(sync_sink)
            })?;
            self.encoder.set_durable(position);
        }
        self.sync_due.done(position);
        self.flush_due.done(position);
        self.note_policies();
        Ok(())
    }

    /// Marks the stream as closed, hands everything to the sink, flushes it and gives it back. A sink that can sync is
    /// synced: a file that the writer created or opened itself, or one of [`new_durable`](Self::new_durable).
    ///
    /// ```no_run
    /// use std::fs::File;
    ///
    /// use flatstream_io::{WriteOptions, Writer};
    ///
    /// let writer = Writer::new(File::create("telemetry.fls")?, WriteOptions::new())?;
    /// let file = writer.finish()?;
    /// file.sync_all()?; // through a power cut
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// Of the kind `Io`. The sink is dropped then.
    pub fn finish(self) -> Result<W> {
        let time = self.times.now();
        self.finish_at(time)
    }

    /// The same, by another clock. For flatstream-log: the next segment has begun by then, and times don't decrease
    /// from one segment to the next.
    ///
    /// # Errors
    /// As there.
    #[doc(hidden)]
    pub fn finish_at(mut self, time: i64) -> Result<W> {
        self.output.check_usable()?;
        // Twice, so that the last frame says that all before it is durable: opening the stream again then reads no
        // more.
        if self.sync_sink.is_some() {
            self.sync_all()?;
        }
        self.put_sync_at(time, SyncFlags::CLOSED)?;
        match self.sync_sink {
            Some(_) => self.sync_all()?,
            None => self.flush()?,
        }
        self.output.take().ok_or_else(|| Error::usage("the writer was finished before"))
    }

    /// The stream's header.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The stream's identity.
    #[must_use]
    pub fn stream_id(&self) -> u64 {
        self.encoder.session().stream_id.get()
    }

    /// How many messages were appended: the sequence number of the next.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.encoder.sequence()
    }

    /// The size of the stream so far in bytes, with what isn't flushed yet.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.encoder.position()
    }

    /// Every byte of the stream below this position was reported durable by the sink; 0 = none, or unknown.
    #[must_use]
    pub fn durable_position(&self) -> u64 {
        self.encoder.durable()
    }

    /// How often the stream was reopened for append.
    #[must_use]
    pub fn epoch(&self) -> u32 {
        self.encoder.session().epoch
    }

    /// No later sync frame of this epoch will say an earlier time; [`TIME_NONE`] if that isn't known of any. For
    /// flatstream-log.
    #[doc(hidden)]
    #[must_use]
    pub fn least_time(&self) -> i64 {
        match self.times {
            Times::Events { greatest } => greatest.max(self.encoder.time()),
            _ => self.encoder.time(),
        }
    }

    /// What [`open`](Writer::open) found; `None` if the stream was created.
    #[must_use]
    pub fn open_report(&self) -> Option<&OpenReport> {
        self.open_report.as_deref()
    }

    pub(crate) fn set_open_report(&mut self, report: OpenReport) {
        self.open_report = Some(Box::new(report));
    }

    pub(crate) fn take_open_report(&mut self) -> Option<OpenReport> {
        self.open_report.take().map(|report| *report)
    }

    /// From here on only `tick` asks the policies: for a thread that appends many messages at a time, and then keeps
    /// the policies once for all of them.
    pub(crate) fn leave_policies_to_tick(&mut self) {
        self.is_ticked = true;
        self.note_policies();
    }

    /// Does what the policies ask for by now, with nothing appended.
    pub(crate) fn tick(&mut self) -> Result<()> {
        self.output.check_usable()?;
        self.keep_policies()
    }

    /// What somebody has to wait for who appends many at a time: the next `tick`, or enough to fill the block.
    pub(crate) fn next_need(&self) -> Need {
        let need = Need::of(&[self.sync_due, self.flush_due, self.sync_frame_due], self.encoder.position());
        let room = (self.block.len() - self.filled).max(1);
        Need { bytes: need.bytes.min(room as u64), ..need }
    }

    /// How many bytes the sink has taken.
    pub(crate) fn taken(&self) -> u64 {
        self.output.taken()
    }

    /// How many messages are durable, if it is all; `None` if it isn't known of all.
    pub(crate) fn durable_sequence(&self) -> Option<u64> {
        (self.encoder.durable() == self.encoder.position()).then(|| self.encoder.sequence())
    }

    /// Whether the policies alone make messages durable sooner or later.
    pub(crate) fn syncs_by_itself(&self) -> bool {
        self.sync_due.not_before() != u64::MAX
    }

    pub(crate) fn can_sync(&self) -> bool {
        self.sync_sink.is_some()
    }

    /// The sink.
    #[must_use]
    pub fn get_ref(&self) -> &W {
        self.output.get_ref().expect("only finish takes the sink, and it takes the writer too")
    }

    fn put_first_sync(&mut self, options: &WriteOptions) -> Result<()> {
        self.put_sync_at(self.times.now().max(options.chosen_times_from()), SyncFlags::NONE)
    }

    fn put_sync(&mut self, flags: SyncFlags) -> Result<()> {
        self.put_sync_at(self.times.now(), flags)
    }

    fn put_sync_at(&mut self, time: i64, flags: SyncFlags) -> Result<()> {
        let frame = self.encoder.sync(time, flags).map_err(|error| self.encode_error(error))?;
        self.put(&frame)?;
        self.sync_frame_due.done(self.encoder.position());
        Ok(())
    }

    /// Puts bytes into the block, and full blocks into the sink. What fills whole blocks isn't copied.
    fn put(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            if bytes.len() >= self.block.len() {
                return self.spill(|output| output.write_all(bytes));
            }
            let spare = self.block.get_mut(self.filled..).unwrap_or_default();
            let (now, later) = bytes.split_at(bytes.len().min(spare.len()));
            spare[..now.len()].copy_from_slice(now);
            self.filled += now.len();
            bytes = later;
            if self.filled == self.block.len() {
                self.spill(|_| Ok(()))?;
            }
        }
        Ok(())
    }

    /// Hands the block to the sink, and then does what else there is to do with the sink. Until that has gone well, the
    /// block counts as full, so that nothing is accepted any more; even if the sink panics.
    fn spill(&mut self, then: impl FnOnce(&mut Output<W>) -> Result<()>) -> Result<()> {
        let filled = std::mem::replace(&mut self.filled, self.block.len());
        self.output.write_all(&self.block[..filled])?;
        then(&mut self.output)?;
        self.filled = 0;
        Ok(())
    }
}

impl<W: Durable> Writer<W> {
    /// As [`new`](Self::new), for a sink that can say when bytes are durable: the writer can [`sync`](Self::sync),
    /// keeps the [`SyncPolicy`], and syncs when it [finishes](Self::finish).
    ///
    /// For files there are [`create_new`](Writer::create_new), [`create`](Writer::create) and [`open`](Writer::open),
    /// which make the file's name durable too.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    #[expect(clippy::needless_pass_by_value, reason = "as `new`")]
    pub fn new_durable(sink: W, options: WriteOptions) -> Result<Self> {
        let header = options.build_header()?;
        Self::start(sink, &options, header, Some(W::sync))
    }

    /// Goes on in a stream whose good data end where the sink's next byte goes. The RESUMED sync frame is durable when
    /// it returns: that keeps frames out that were cut, should the disk bring them back.
    ///
    /// The encoder lets no time be less than the one before, so the first one holds down all of the epoch.
    pub(crate) fn resume(sink: W, options: &WriteOptions, header: Header, at: ResumePoint) -> Result<Self> {
        let hasher = options.build_hasher(header.checksum())?;
        let session = Session { stream_id: at.stream_id, epoch: at.epoch };
        let mut encoder = Encoder::resume(header.essentials(), session, hasher, at.position, at.sequence);
        encoder.set_durable(at.durable);
        let mut writer = Self::with_encoder(sink, options, header, encoder, Some(W::sync))?;
        writer.output.skip(at.position);
        let floor = writer.times.floor(at.time);
        writer.put_sync_at(writer.times.now().max(floor), SyncFlags::NONE)?;
        writer.sync_all()?;
        Ok(writer)
    }

    /// Starts a stream anew whose first sync frame never arrived: its header is there, nothing else.
    pub(crate) fn restart(sink: W, options: &WriteOptions, header: Header) -> Result<Self> {
        let session = Session { stream_id: options.choose_stream_id()?, epoch: 0 };
        let encoder = Encoder::new(header.essentials(), session, options.build_hasher(header.checksum())?);
        let position = encoder.position();
        let mut writer = Self::with_encoder(sink, options, header, encoder, Some(W::sync))?;
        writer.output.skip(position);
        writer.put_first_sync(options)?;
        writer.sync_all()?;
        Ok(writer)
    }
}

impl<W: StorageFile> Writer<W> {
    /// Cuts what the file holds behind the stream, durably.
    pub(crate) fn cut_behind(&mut self) -> Result<()> {
        let position = self.encoder.position();
        self.output.cut_at(position)?;
        self.output.sync(W::sync)
    }
}

const NO_EVENT_TIMES: &str =
    "this writer takes the times of its sync frames from a clock: make it with WriteOptions::event_times to append_at";

const NO_TIME: &str = "the least i64, TIME_NONE, means that there is no time, so nothing can be appended at it";

/// Why a policy or a call is refused.
pub(crate) const CANNOT_SYNC: &str =
    "this sink can't be told to sync: open files with Writer::create_new or Writer::open, or use Writer::new_durable";

impl<W: Write> Drop for Writer<W> {
    /// Hands what was gathered to the sink; no one hears of an error, and the stream isn't marked as closed.
    fn drop(&mut self) {
        if self.output.is_usable_on_drop() {
            let _ = self.spill(Output::flush);
        }
    }
}

impl<W: Write> fmt::Debug for Writer<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer")
            .field("stream_id", &format_args!("{:#018x}", self.stream_id()))
            .field("checksum", &self.header.checksum())
            .field("sequence", &self.sequence())
            .field("position", &self.position())
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn a_sync_frame_for_another_reason_leaves_the_time_running() {
        let hour = Duration::from_secs(3600);
        let options = WriteOptions::new().sync_interval(1024).sync_every(hour);
        let mut writer = Writer::new(Vec::new(), options).unwrap();
        // In the future: so it can be told whether it is set again.
        writer.sync_frame_due.last_time = Instant::now() + hour;
        let first = writer.position();
        writer.append(&[1; 1200]).unwrap();
        assert!(writer.sync_frame_due.last_time > Instant::now(), "no sync frame came yet");
        writer.append(&[1; 8]).unwrap();
        assert_eq!(writer.position(), first + 1208 + 64 + 16);
        assert!(writer.sync_frame_due.last_time <= Instant::now());
    }

    #[test]
    fn a_thread_waits_longer_than_until_a_sync_frame_is_due() {
        let hour = Duration::from_secs(3600);
        let mut writer = Writer::new(Vec::new(), WriteOptions::new().sync_every(hour)).unwrap();
        let need = writer.next_need();
        assert!(need.bytes == 1 && need.time.is_none(), "nothing was appended, and the first byte makes the time run");
        writer.append(b"message").unwrap();
        assert!(writer.next_need().time.is_some_and(|time| time <= Instant::now() + hour));
    }
}
