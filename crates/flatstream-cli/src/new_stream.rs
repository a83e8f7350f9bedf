//! Makes a stream of messages of others: what it says of times is what they said.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::num::NonZeroU64;
use std::path::Path;

use flatstream::format::{Algorithm, Encoder, Session, Sync, SyncFlags};
use flatstream::{Checksum, Dropped, Header, HeaderBuilder, ReadOptions, Reader, TIME_NONE, WriteOptions, Writer};
use indicatif::ProgressBar;

use crate::messages::Item;
use crate::outcome::Failure;
use crate::progress;
use crate::unfinished::{Unfinished, check_absent};

/// So much is written at a time.
const BUFFER: usize = 128 << 10;

/// A stream that is being made. It appears under its name once it was read back and is as it was written; until then,
/// and if nothing comes of it, there is nothing under that name.
///
/// A `Writer` puts sync frames where the distance asks for them, with the time of its clock. Here that time is over: a
/// sync frame stands between the same two messages as in the source, because nowhere else is its time known.
pub(crate) struct NewStream {
    unfinished: Unfinished,
    file: BufWriter<File>,
    encoder: Encoder<Algorithm>,
    is_begun: bool,
    /// The sync frame of the source that was seen last.
    seen: Option<Sync>,
    /// What the source's writer had dropped before the last message; `None` before the first one.
    dropped: Option<Dropped>,
    /// The one that is to be written before the next message.
    pending: Option<Mark>,
    /// Of all messages that came with a time.
    greatest_time: i64,
    /// A sync frame comes before a message that is so much later than the last one, in nanoseconds.
    time_step: Option<i64>,
    contents: Contents,
    bar: ProgressBar,
}

#[derive(Clone, Copy, Debug)]
struct Mark {
    time: i64,
    is_resumed: bool,
}

/// What the finished stream is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Made {
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
}

/// Whether there may be a new stream of this name: said before anything is read.
pub(crate) fn check_name(path: &Path) -> Result<(), Failure> {
    if path.as_os_str() == "-" {
        return Err(Failure::usage("a new stream is read back before it counts, so it has to be a file"));
    }
    check_absent(path)
}

/// All that a header says, for one that says more. What a segment says about its place in its log isn't true of another
/// stream.
pub(crate) fn header_like(header: &Header) -> HeaderBuilder {
    let mut new = HeaderBuilder::new(header.checksum())
        .max_message_len(header.max_message_len())
        .sync_interval(header.sync_interval())
        .clock(header.clock());
    if let Some(name) = header.message_type() {
        new = new.message_type(name);
    }
    if let Some(identifier) = header.message_identifier() {
        new = new.message_identifier(identifier);
    }
    if let Some(bfbs) = header.schema() {
        new = new.schema(bfbs);
    }
    if let Some(writer) = header.writer() {
        new = new.writer(writer);
    }
    let metadata = header.metadata().filter(|(key, _)| !key.starts_with("flatstream.log."));
    metadata.fold(new, |new, (key, value)| new.metadata(key, value.unwrap_or_default()))
}

impl NewStream {
    pub(crate) fn create(path: &Path, header: &HeaderBuilder) -> Result<Self, Failure> {
        check_name(path)?;
        let cant = |error: &dyn std::fmt::Display| Failure::Other {
            what: format!("{} can't be made: {error}", path.display()),
            advice: None,
        };
        let header = header.build().map_err(|error| cant(&error))?;
        let hasher = Algorithm::new(header.checksum()).map_err(|error| cant(&error))?;
        // As the library chooses them.
        let id = Writer::new(io::sink(), WriteOptions::new()).map_err(|error| cant(&error))?.stream_id();
        let session = Session { stream_id: NonZeroU64::new(id).unwrap_or(NonZeroU64::MIN), epoch: 0 };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let (unfinished, file) = Unfinished::create(path)?;
        let mut new = Self {
            unfinished,
            file: BufWriter::with_capacity(BUFFER, file),
            encoder: Encoder::new(header.essentials(), session, hasher),
            is_begun: false,
            seen: None,
            dropped: None,
            pending: None,
            greatest_time: TIME_NONE,
            time_step: None,
            contents: Contents::default(),
            bar: progress::spinner(&format!("writing {name}")),
        };
        new.write(header.as_bytes())?;
        Ok(new)
    }

    /// Times of messages are told at least as exactly as this, in nanoseconds.
    pub(crate) fn with_time_step(mut self, step: i64) -> Self {
        self.time_step = Some(step);
        self
    }

    pub(crate) fn path(&self) -> &Path {
        self.unfinished.path()
    }

    /// The sync frame of the source before the last message.
    pub(crate) fn last_sync(&self) -> Option<Sync> {
        self.seen
    }

    pub(crate) fn messages(&self) -> u64 {
        self.contents.messages
    }

    /// How long the stream is so far.
    pub(crate) fn position(&self) -> u64 {
        self.encoder.position()
    }

    /// A message, behind the sync frame that it stands behind in its source.
    pub(crate) fn append(&mut self, item: &Item) -> Result<(), Failure> {
        if item.sync != self.seen {
            self.seen = item.sync;
            if let Some(sync) = item.sync {
                let is_resumed = sync.flags.is_resumed() || self.pending.is_some_and(|mark| mark.is_resumed);
                self.pending = Some(Mark { time: sync.time, is_resumed });
            }
        }
        if let Some(mark) = self.pending.take() {
            self.write_sync(mark)?;
        } else if self.encoder.sync_due() && self.encoder.time() == TIME_NONE {
            self.write_sync(Mark { time: TIME_NONE, is_resumed: false })?;
        }
        self.note_dropped(item.dropped)?;
        self.write_message(&item.message)
    }

    /// Says again what the source says was dropped between the last message and this one.
    fn note_dropped(&mut self, so_far: Dropped) -> Result<(), Failure> {
        let before = self.dropped.replace(so_far).unwrap_or(so_far);
        let dropped = Dropped {
            messages: so_far.messages.saturating_sub(before.messages),
            bytes: so_far.bytes.saturating_sub(before.bytes),
        };
        if dropped.messages > 0 {
            let frame = self.encoder.dropped(dropped).map_err(|error| self.refused(&error))?;
            self.write(&frame)?;
        }
        Ok(())
    }

    /// A message with a time of its own; sync frames say the greatest of all before them and of the
    /// next one.
    pub(crate) fn append_at(&mut self, time: i64, message: &[u8]) -> Result<(), Failure> {
        self.greatest_time = self.greatest_time.max(time);
        let later = self.greatest_time.saturating_sub(self.encoder.time());
        if self.encoder.sync_due() || self.time_step.is_some_and(|step| later >= step) {
            self.write_sync(Mark { time: self.greatest_time, is_resumed: false })?;
        }
        self.write_message(message)
    }

    /// Closes it with the time of what comes behind its last message, reads it back, and gives it its name.
    pub(crate) fn finish(mut self, time: i64) -> Result<Made, Failure> {
        let time = time.max(self.greatest_time);
        if !self.is_begun {
            self.write_sync(Mark { time, is_resumed: false })?;
        }
        self.make_durable()?;
        self.encoder.set_durable(self.encoder.position());
        let closed = self.encoder.sync(time, SyncFlags::CLOSED).map_err(|error| self.refused(&error))?;
        self.write(&closed)?;
        self.make_durable()?;
        self.compare()?;
        self.bar.finish_and_clear();
        self.unfinished.publish()?;
        Ok(Made { messages: self.contents.messages, bytes: self.encoder.position() })
    }

    fn write_sync(&mut self, mark: Mark) -> Result<(), Failure> {
        let Mark { time, is_resumed } = mark;
        // Within an epoch times don't decrease.
        let is_earlier = time != TIME_NONE && time < self.encoder.time();
        if self.is_begun && (is_resumed || is_earlier) {
            let next = self.encoder.session().epoch.saturating_add(1);
            self.encoder.start_epoch(next).map_err(|error| self.refused(&error))?;
        }
        self.is_begun = true;
        let frame = self.encoder.sync(time, SyncFlags::NONE).map_err(|error| self.refused(&error))?;
        self.contents.add_sync(self.contents.messages, self.encoder.time());
        self.write(&frame)
    }

    fn write_message(&mut self, message: &[u8]) -> Result<(), Failure> {
        const PAD: [u8; 7] = [0; 7];
        let head = self.encoder.message(message).map_err(|error| self.refused(&error))?;
        self.contents.add_message(message);
        self.write(&head)?;
        self.write(message)?;
        self.write(&PAD[..message.len().wrapping_neg() % 8])?;
        self.bar.inc((head.len() + message.len()) as u64);
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.file.write_all(bytes).map_err(|error| Failure::file(self.path(), "written", &error))
    }

    fn make_durable(&mut self) -> Result<(), Failure> {
        let made = self.file.flush().and_then(|()| self.file.get_ref().sync_all());
        made.map_err(|error| Failure::file(self.path(), "written", &error))
    }

    #[cold]
    fn refused(&self, error: &dyn std::fmt::Display) -> Failure {
        let what = format!("{}: message {} can't be written: {error}", self.path().display(), self.contents.messages);
        Failure::Other { what, advice: None }
    }

    fn compare(&self) -> Result<(), Failure> {
        let failed = |error: &flatstream::Error| Failure::with_advice(self.path(), error, None);
        let file =
            File::open(self.unfinished.temporary()).map_err(|error| Failure::file(self.path(), "read back", &error))?;
        let options = ReadOptions::new().max_message_len(0).require_closed(true);
        let mut reader = Reader::with_options(file, options).map_err(|error| failed(&error))?;
        let found = Contents::of(&mut reader).map_err(|error| failed(&error))?;
        if found == self.contents {
            return Ok(());
        }
        Err(Failure::Other {
            what: format!(
                "{} isn't what was written when it is read back: expected {} messages, found {}",
                self.path().display(),
                self.contents.messages,
                found.messages
            ),
            advice: Some("nothing was kept: look after the disk".to_owned()),
        })
    }
}

/// A stream in short: as many messages of these bytes in this order, with these times between them.
#[derive(Debug, Default, PartialEq, Eq)]
struct Contents {
    messages: u64,
    bytes: u64,
    digest: u64,
}

impl Contents {
    fn of(reader: &mut Reader<File>) -> flatstream::Result<Self> {
        let mut contents = Self::default();
        let mut last = None;
        while let Some(message) = reader.next() {
            let message = message?;
            if reader.last_sync().copied() != last {
                last = reader.last_sync().copied();
                contents.add_sync(contents.messages, last.map_or(TIME_NONE, |sync| sync.time));
            }
            contents.add_message(&message);
        }
        if last.is_none() {
            // Without a message, the first sync frame is the only one but for that which closes it.
            contents.add_sync(0, reader.last_sync().map_or(TIME_NONE, |sync| sync.time));
        }
        Ok(contents)
    }

    fn add_message(&mut self, message: &[u8]) {
        self.messages += 1;
        self.bytes += message.len() as u64;
        self.add(u64::from(Algorithm::CRC32C.digest(message)) << 32 | message.len() as u64);
    }

    fn add_sync(&mut self, sequence: u64, time: i64) {
        self.add(sequence ^ time.cast_unsigned().rotate_left(17));
    }

    fn add(&mut self, value: u64) {
        self.digest = (self.digest ^ value).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29);
    }
}
