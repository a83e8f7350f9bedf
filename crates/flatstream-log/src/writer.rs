use std::fmt;
use std::io;
use std::mem;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use flatstream_io::format::Dropped;
use flatstream_io::storage::{Files, Folders, StorageFile};
use flatstream_io::{Appender, Error, ErrorKind, Header, Need, OpenReport, Result, WriteOptions, Writer};

use crate::identity::Identity;
use crate::name;
use crate::options::LogOptions;
use crate::problem::Problem;
use crate::retention::{Older, remove};
use crate::segment::{Listed, Listing, Segment, size_of};

/// After a segment couldn't be created, time alone doesn't make the writer try again sooner.
const RETRY_TIME_MIN: Duration = Duration::from_secs(1);

/// Appends messages to a log: a folder of segments, of which the newest is written.
///
/// `append`, `flush` and `sync` mean what they mean for a [`Writer`], and messages are counted over all segments. For
/// many threads, and for policies that are kept while nothing is appended, give it to a
/// [`SharedWriter`](flatstream_io::SharedWriter): its thread then waits for the disk when the next segment begins, and
/// nobody else does.
///
/// The next segment begins in three steps. All messages of this one are made durable; the next one is created, durable
/// under its name; this one is marked as closed. So wherever the process or the power ends, this segment is complete,
/// and the next one begins with the message behind its last one. It may not be marked as closed then, or there may be
/// half a mark behind its last message; opening the log again leaves that as it is.
///
/// If the next segment can't be created (the disk is full, say), the log goes on in this one, and tries again after as
/// many bytes, or as long a time, as a segment has; [`rotation_error`](Self::rotation_error) and
/// [`LogOptions::on_error`] say so. If this one can't be made durable, or it isn't certain that the next one doesn't
/// exist, the writer refuses everything from then on, as a [`Writer`] does: open the log again.
///
/// ```
/// use flatstream_log::{LogOptions, LogWriter};
///
/// # let folder = std::env::temp_dir().join(format!("flatstream-log-writer-{}", std::process::id()));
/// let mut log = LogWriter::open(&folder, LogOptions::new().segment_bytes(1000).keep_segments(3))?;
/// for number in 0..100 {
///     assert_eq!(log.append(&[7; 100])?, number);
/// }
/// assert_eq!(log.segments()?.len(), 3);
/// assert!(log.first_sequence() > 0); // the oldest went
/// log.finish()?;
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct LogWriter<S: Folders = Files> {
    /// Of the active segment. It goes before the lock: what it gathered is handed over while the log is this writer's.
    writer: Writer<S::File>,
    /// The active segment's first message, and its kept tails.
    active: Listed,
    /// From this position on `append` asks whether the next segment has to begin.
    ask_at: u64,
    /// It has to at this position, and at this time.
    due_at: u64,
    due_time: Option<Instant>,
    /// Whether time is looked at by `tick` alone.
    is_ticked: bool,
    older: Older<S>,
    options: LogOptions,
    log_id: u64,
    open_report: Option<OpenReport>,
    rotation_error: Option<Error>,
    retention_error: Option<Error>,
    /// After it nothing is done any more.
    failure: Option<Error>,
    _lock: S::File,
}

impl LogWriter {
    /// Opens the log in a folder and goes on in its newest segment, also if that was closed; creates folder and first
    /// segment if there are none.
    ///
    /// It takes an exclusive lock on the file `.lock` in the folder, lists the folder, and opens the newest segment as
    /// [`Writer::open`] does, so it takes as long for a long log as for a short one; [`LogOptions::keep_bytes`] asks
    /// for the sizes of the segments that are kept too. Then the next segment begins if this one is full, and old ones
    /// go if there are too many.
    ///
    /// What processes left that ended while they created a segment is removed: temporary files (`.NAME.….new`), and an
    /// empty file under the name of the newest segment, which is left where files can't have two names. A removal of
    /// old segments that was cut short (a mark `.removing-below-…` says so) is completed. Files with other names aren't
    /// touched.
    ///
    /// # Errors
    /// Of the kind `Locked` if another writer has the log open; `WrongSegment` if the newest segment's header says that
    /// it is another one, or none; `Usage` if the options choose a stream id, a ready header, or metadata that
    /// are the log's own; and as [`Writer::open`]. Nothing was changed in a segment then, except as said there.
    pub fn open(folder: impl AsRef<Path>, options: LogOptions) -> Result<Self> {
        Self::open_in(Files, folder, options)
    }
}

impl<S: Folders> LogWriter<S> {
    /// [`open`](LogWriter::open) in another storage than the system's files.
    ///
    /// # Errors
    /// As there.
    pub fn open_in(storage: S, folder: impl AsRef<Path>, options: LogOptions) -> Result<Self> {
        options.check()?;
        let folder = folder.as_ref();
        storage.create_folder(folder).map_err(|error| Error::file(folder, "created", error))?;
        let lock = lock(&storage, folder)?;
        let mut listing = Listing::read(&storage, folder)?;
        clear_away(&storage, folder, &listing);
        let mut active = newest(&storage, folder, &mut listing.segments)?;
        let segments = listing.half_removed.into_iter().chain(listing.segments).collect();
        let removal = listing.removals.last().copied();
        let older = Older { storage, folder: folder.to_owned(), segments, removal };
        let (writer, identity) = match &mut active {
            Some(active) => open_segment(&older, active, &options.write)?,
            None => create_first(&older, &options.write)?,
        };
        let mut log = Self {
            active: active.unwrap_or_else(|| Listed::new(0)),
            ask_at: 0,
            due_at: 0,
            due_time: None,
            is_ticked: false,
            older,
            log_id: identity.log_id,
            open_report: writer.open_report().cloned(),
            rotation_error: None,
            retention_error: None,
            failure: None,
            options,
            writer,
            _lock: lock,
        };
        log.note_begin(SystemTime::now().duration_since(identity.created).unwrap_or_default());
        if !log.rotate_if_due()? {
            log.retain_quietly();
        }
        Ok(log)
    }

    /// Appends a message; returns its number, counted over all segments.
    ///
    /// If it is time for the next segment, that begins first, and the message is in it.
    ///
    /// # Errors
    /// As [`Writer::append`]. If the next segment should have begun and couldn't, see there how it goes on:
    /// [`LogWriter`].
    #[inline]
    pub fn append(&mut self, message: &[u8]) -> Result<u64> {
        if self.writer.position() >= self.ask_at {
            self.rotate_if_due()?;
        }
        let sequence = self.writer.append(message)?;
        Ok(self.active.first_sequence.saturating_add(sequence))
    }

    /// Appends a message with a time of its own, as an import or a replay has them; returns its number, counted over
    /// all segments. `time` is in nanoseconds of the headers' clock. The log has to be one with
    /// [`event_times`](WriteOptions::event_times).
    ///
    /// As in one stream, messages may come out of order, and each sync frame carries the greatest time of those before
    /// it: those of a new segment begin with the greatest of the segments before.
    ///
    /// ```
    /// use flatstream_io::{Clock, WriteOptions};
    /// use flatstream_log::{LogOptions, LogReader, LogWriter};
    ///
    /// # let folder = std::env::temp_dir().join(format!("flatstream-log-times-{}", std::process::id()));
    /// let options = LogOptions::new().write_options(WriteOptions::new().event_times(Clock::UnixUtc));
    /// let mut log = LogWriter::open(&folder, options)?;
    /// log.append_at(1_500_000_000_000_000_000, b"from an old log")?;
    /// log.rotate()?;
    /// log.append_at(1_500_000_060_000_000_000, b"a minute later")?;
    /// log.finish()?;
    /// let landing = LogReader::open(&folder)?.seek_to_time(1_500_000_030_000_000_000)?;
    /// assert_eq!(landing.sequence, 1);
    /// # std::fs::remove_dir_all(&folder)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`append`](Self::append). Of the kind `Usage` if the log wasn't opened with `event_times`, or if the time is
    /// [`TIME_NONE`](flatstream_io::TIME_NONE). A message that is refused leaves the greatest time as it was.
    #[inline]
    pub fn append_at(&mut self, time: i64, message: &[u8]) -> Result<u64> {
        if self.writer.position() >= self.ask_at {
            self.rotate_if_due()?;
        }
        let sequence = self.writer.append_at(time, message)?;
        Ok(self.active.first_sequence.saturating_add(sequence))
    }

    /// Hands everything appended so far to the file: it survives this process, but not yet a power cut.
    ///
    /// # Errors
    /// As [`Writer::flush`].
    pub fn flush(&mut self) -> Result<()> {
        self.check_usable()?;
        self.writer.flush()
    }

    /// Makes everything appended so far durable; returns the number up to which all messages of the log are.
    ///
    /// # Errors
    /// As [`Writer::sync`].
    pub fn sync(&mut self) -> Result<u64> {
        self.check_usable()?;
        self.writer.sync()?;
        Ok(self.sequence())
    }

    /// Begins the next segment now, and removes old ones if there are too many. Nothing happens if this one holds no
    /// message yet.
    ///
    /// ```
    /// use flatstream_log::{LogOptions, LogWriter};
    ///
    /// # let folder = std::env::temp_dir().join(format!("flatstream-log-rotate-{}", std::process::id()));
    /// let mut log = LogWriter::open(&folder, LogOptions::new())?;
    /// log.append(b"the last before midnight")?;
    /// log.rotate()?;
    /// assert_eq!(log.segments()?[1].first_sequence, 1);
    /// # drop(log);
    /// # std::fs::remove_dir_all(&folder)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// That of the step that failed. If this segment couldn't be made durable, the writer refuses everything from now
    /// on. If the next one couldn't be created, the log goes on in this one. If this one couldn't be marked as closed,
    /// the log goes on in the next one and nothing is lost. In no case is it an error if old segments couldn't be
    /// removed.
    pub fn rotate(&mut self) -> Result<()> {
        self.check_usable()?;
        if self.writer.sequence() == 0 {
            return Ok(());
        }
        let result = self.begin_next();
        self.rotation_error = result.as_ref().err().cloned();
        if self.failure.is_none() {
            self.retain_quietly();
        }
        result
    }

    /// Removes the segments now that the options don't keep; returns how many. That is done anyway when a segment
    /// begins and when the log is opened.
    ///
    /// # Errors
    /// Of the kind `Io` if one couldn't be removed, or if [`LogOptions::before_removal`] said no. It and all newer ones
    /// are still there, and the log is as usable as before.
    pub fn retain(&mut self) -> Result<usize> {
        let active = (self.active.first_sequence, self.writer.position());
        let result = self.older.retain(&mut self.options.retention, active);
        self.retention_error = result.as_ref().err().cloned();
        result
    }

    /// Makes everything durable and marks the newest segment as closed. There being no other one behind it, that is the
    /// end of the log, until it is opened again.
    ///
    /// # Errors
    /// As [`Writer::finish`].
    pub fn finish(self) -> Result<()> {
        self.check_usable()?;
        self.writer.finish().map(drop)
    }

    /// The number of the next message: how many were ever appended to the log.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.active.first_sequence.saturating_add(self.writer.sequence())
    }

    /// The number of the oldest message that is kept.
    #[must_use]
    pub fn first_sequence(&self) -> u64 {
        self.older.segments.front().unwrap_or(&self.active).first_sequence
    }

    /// All segments, from the oldest to the one that is written, with the sizes of their files.
    ///
    /// # Errors
    /// Of the kind `Io`.
    pub fn segments(&self) -> Result<Vec<Segment>> {
        let mut segments = self.older.look()?;
        segments.extend(self.active.look(&self.older.storage, &self.older.folder)?);
        Ok(segments)
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.older.folder
    }

    /// The log's identity: a random number that each segment has in its header.
    #[must_use]
    pub fn log_id(&self) -> u64 {
        self.log_id
    }

    /// The header of the segment that is written.
    #[must_use]
    pub fn header(&self) -> &Header {
        self.writer.header()
    }

    /// The stream id of the segment that is written.
    #[must_use]
    pub fn stream_id(&self) -> u64 {
        self.writer.stream_id()
    }

    /// What opening found in the segment that was the newest; `None` if the log was created.
    #[must_use]
    pub fn open_report(&self) -> Option<&OpenReport> {
        self.open_report.as_ref()
    }

    /// Why the last attempt to begin a segment failed: it couldn't be created, or the one before couldn't be marked as
    /// closed. `None` after one that went well.
    #[must_use]
    pub fn rotation_error(&self) -> Option<&Error> {
        self.rotation_error.as_ref()
    }

    /// Why segments are still there that the options don't keep. `None` after all went well.
    #[must_use]
    pub fn retention_error(&self) -> Option<&Error> {
        self.retention_error.as_ref()
    }

    fn check_usable(&self) -> Result<()> {
        self.failure.as_ref().map_or(Ok(()), |first| Err(first.refused()))
    }

    /// Begins the next segment if it is time; whether it was. An error says that nothing more can be appended.
    #[cold]
    fn rotate_if_due(&mut self) -> Result<bool> {
        self.check_usable()?;
        let is_due = self.writer.position() >= self.due_at || self.due_time.is_some_and(|time| time <= Instant::now());
        if !is_due || self.writer.sequence() == 0 {
            return Ok(false);
        }
        let Err(error) = self.rotate() else { return Ok(true) };
        if self.failure.is_some() {
            return Err(error);
        }
        report(&mut self.options, &error);
        Ok(true)
    }

    /// The three steps. See [`LogWriter`].
    fn begin_next(&mut self) -> Result<()> {
        self.writer.sync().inspect_err(|error| self.fail(error))?;
        let next = self.create_next().inspect_err(|_| self.note_failed_begin())?;
        let next_listed = Listed::new(self.sequence());
        let previous = mem::replace(&mut self.writer, next);
        let mut listed = mem::replace(&mut self.active, next_listed);
        self.note_begin(Duration::ZERO);
        // The next one has begun, so its first time is the last that this one may say.
        let finished = previous.finish_at(self.writer.least_time());
        let is_size_known = listed.kept_tails.is_empty();
        listed.bytes = finished.as_ref().ok().filter(|_| is_size_known).and_then(|file| file.size().ok());
        self.older.segments.push_back(listed);
        finished.map(drop)
    }

    fn create_next(&mut self) -> Result<Writer<S::File>> {
        let identity = Identity::of_next(self.log_id, self.sequence(), self.stream_id());
        let path = self.folder().join(name::of_segment(identity.first_sequence));
        if size_of(&self.older.storage, &path)?.is_some() {
            return Err(Problem::Taken(path).into());
        }
        let options = identity.put_into(self.options.write.clone()).times_from(self.writer.least_time());
        let created = Writer::create_new_in(&self.older.storage, &path, options);
        let mut next = created.inspect_err(|error| self.take_back(&path, error))?;
        if self.is_ticked {
            next.begin()?;
        }
        Ok(next)
    }

    /// The log goes on in this segment only if it is certain that the next one is not there, and won't be after a power
    /// cut: it would begin with a number that this one is about to use.
    ///
    /// It wasn't there before. If it is now, and isn't this writer's, nobody knows who else writes here.
    fn take_back(&mut self, path: &Path, why: &Error) {
        let is_gone = !is_taken(why) && remove(&self.older.storage, path).is_ok();
        if !is_gone || self.older.sync_folder().is_err() {
            self.fail(why);
        }
    }

    fn fail(&mut self, first: &Error) {
        self.failure.get_or_insert_with(|| first.clone());
        self.note_due();
    }

    /// A segment begins, or began so long ago.
    fn note_begin(&mut self, age: Duration) {
        self.due_at = self.options.segment_bytes;
        let left = self.options.segment_time.map(|time| time.saturating_sub(age));
        self.due_time = left.and_then(|left| Instant::now().checked_add(left));
        self.note_due();
    }

    fn note_failed_begin(&mut self) {
        self.due_at = self.writer.position().saturating_add(self.options.segment_bytes.max(1));
        let wait = self.options.segment_time.map(|time| time.max(RETRY_TIME_MIN));
        self.due_time = wait.and_then(|wait| Instant::now().checked_add(wait));
        self.note_due();
    }

    fn note_due(&mut self) {
        let asks_always = self.failure.is_some() || (self.due_time.is_some() && !self.is_ticked);
        self.ask_at = if asks_always { 0 } else { self.due_at };
    }

    fn retain_quietly(&mut self) {
        if let Err(error) = self.retain() {
            report(&mut self.options, &error);
        }
    }
}

/// Tells whoever wants to hear of it what keeps nobody from appending.
fn report(options: &mut LogOptions, error: &Error) {
    if let Some(hook) = &mut options.on_error {
        hook(error);
    }
}

fn is_taken(error: &Error) -> bool {
    error.io_error().is_some_and(|error| error.kind() == io::ErrorKind::AlreadyExists)
}

/// The file that only one writer of the log can lock. It stays there, and is empty.
fn lock<S: Folders>(storage: &S, folder: &Path) -> Result<S::File> {
    let path = folder.join(name::LOCK);
    let file = loop {
        let opened = match storage.open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => storage.create_new(&path),
            result => result,
        };
        match opened {
            Ok(file) => break file,
            // Someone else was faster.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(Error::file(&path, "opened", error)),
        }
    };
    match file.try_lock() {
        Ok(true) => Ok(file),
        Ok(false) => Err(Problem::Locked(folder.to_owned()).into()),
        Err(error) => Err(Error::file(&path, "locked", error)),
    }
}

/// Removes what was left in the midst of something, unless it still says something. If it stays, it is in nobody's way.
fn clear_away<S: Folders>(storage: &S, folder: &Path, listing: &Listing) {
    for name in &listing.temporary {
        let _ = storage.remove(&folder.join(name));
    }
    // The last one says what the others say, and more.
    let outdated = listing.removals.split_last().map_or(&[][..], |(_, outdated)| outdated);
    for &below in outdated {
        let _ = storage.remove(&folder.join(name::of_removal(below)));
    }
}

/// The newest segment. An empty file under its name holds nothing: its creation ended early.
fn newest<S: Folders>(storage: &S, folder: &Path, segments: &mut Vec<Listed>) -> Result<Option<Listed>> {
    let Some(newest) = segments.pop() else { return Ok(None) };
    let path = newest.path(folder);
    if size_of(storage, &path)? != Some(0) {
        return Ok(Some(newest));
    }
    remove(storage, &path)?;
    Ok(segments.pop())
}

fn open_segment<S: Folders>(
    older: &Older<S>,
    active: &mut Listed,
    options: &WriteOptions,
) -> Result<(Writer<S::File>, Identity)> {
    let (path, expected) = (active.path(&older.folder), active.first_sequence);
    let of_check = path.clone();
    let options = options.clone().check_header(move |header| match header {
        Some(header) => Ok(Identity::of_named(header, &of_check, expected).map(drop)?),
        None => Err(Problem::NoStream { path: of_check.clone(), expected }.into()),
    });
    let writer = Writer::open_in(&older.storage, &path, options).map_err(|error| with_path(&path, error))?;
    let identity = Identity::of_named(writer.header(), &path, expected)?;
    let kept_at = writer.open_report().and_then(|report| report.kept_at.as_ref());
    active.kept_tails.extend(kept_at.and_then(|path| path.file_name()).map(ToOwned::to_owned));
    Ok((writer, identity))
}

/// What is wrong with a file's bytes is said without its name.
fn with_path(path: &Path, error: Error) -> Error {
    let is_named = error.kind() == ErrorKind::Io || error.to_string().contains(&*path.to_string_lossy());
    if is_named { error } else { Problem::Segment { path: path.to_owned(), error }.into() }
}

fn create_first<S: Folders>(older: &Older<S>, options: &WriteOptions) -> Result<(Writer<S::File>, Identity)> {
    let folder = &older.folder;
    // Whoever made it may have died before its name was durable.
    older.storage.sync_folder_of(folder).map_err(|error| Error::file(folder, "made durable", error))?;
    let identity = Identity::of_new_log()?;
    let path: PathBuf = folder.join(name::of_segment(0));
    let writer = Writer::create_new_in(&older.storage, &path, identity.put_into(options.clone()))?;
    Ok((writer, identity))
}

/// For [`SharedWriter`](flatstream_io::SharedWriter).
impl<S: Folders> Appender for LogWriter<S> {
    type Sink = ();

    fn begin(&mut self) -> Result<()> {
        self.is_ticked = true;
        self.note_due();
        self.writer.begin()
    }

    fn header(&self) -> &Header {
        self.header()
    }

    fn stream_id(&self) -> u64 {
        self.stream_id()
    }

    fn sequence(&self) -> u64 {
        self.sequence()
    }

    fn durable_sequence(&self) -> Option<u64> {
        let durable = Appender::durable_sequence(&self.writer)?;
        Some(self.active.first_sequence.saturating_add(durable))
    }

    fn taken(&self) -> u64 {
        self.writer.taken()
    }

    fn append(&mut self, message: &[u8]) -> Result<u64> {
        self.append(message)
    }

    fn note_dropped(&mut self, dropped: Dropped) -> Result<()> {
        self.check_usable()?;
        self.writer.note_dropped(dropped)
    }

    fn flush(&mut self) -> Result<()> {
        self.flush()
    }

    fn sync(&mut self) -> Result<u64> {
        self.sync()
    }

    fn tick(&mut self) -> Result<()> {
        self.check_usable()?;
        self.writer.tick()?;
        self.rotate_if_due().map(drop)
    }

    fn next_need(&self) -> Need {
        let mut need = self.writer.next_need();
        match self.due_time {
            Some(time) if self.writer.sequence() > 0 => need = need.at_latest(time),
            // The first message makes the time count.
            Some(_) => need.bytes = 1,
            None => {}
        }
        need
    }

    fn syncs_by_itself(&self) -> bool {
        self.writer.syncs_by_itself()
    }

    fn finish(self) -> Result<()> {
        self.finish()
    }
}

impl<S: Folders> fmt::Debug for LogWriter<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogWriter")
            .field("folder", &self.older.folder)
            .field("log_id", &format_args!("{:#018x}", self.log_id))
            .field("first_sequence", &self.first_sequence())
            .field("sequence", &self.sequence())
            .finish_non_exhaustive()
    }
}
