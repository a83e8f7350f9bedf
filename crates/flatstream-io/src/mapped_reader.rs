use std::convert::Infallible;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::OnceLock;

use flatstream_format::{Decoder, End, FoundSync, Header, Landing, MessageRef, SliceReader, Sync, limits};

use crate::error::{Error, Result};
use crate::hasher::Hasher;
use crate::mapping::Mapping;
use crate::options::ReadOptions;
use crate::parallel::{Outcome, Verified, thread_count, verify_parts};
use crate::reopen::starting_point;
use crate::stream_file::{Place, StreamFile};

/// Reads a file that is mapped into memory, without copying: its messages live as long as it does. Strict.
///
/// It sees the stream as it was when it was opened: what is appended afterwards isn't there. A message is aligned to 8
/// bytes.
///
/// ```
/// use flatstream_io::{MappedReader, WriteOptions, Writer};
///
/// # let folder = std::env::temp_dir().join(format!("flatstream-mapped-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// # let path = folder.join("recording.fls");
/// let mut writer = Writer::create_new(&path, WriteOptions::new())?;
/// writer.append(b"first")?;
/// writer.append(b"second")?;
/// writer.finish()?;
///
/// let mapped = MappedReader::open(&path)?;
/// let messages = mapped.iter().collect::<flatstream_io::Result<Vec<_>>>()?; // nothing is copied
/// assert_eq!(messages[1].body(), b"second");
/// assert!(mapped.end().unwrap().is_closed());
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # What has to hold
///
/// The bytes of a mapped file are the file's own. While it is mapped, nobody may
///
/// - **make it shorter** than its good frames reach: reading what is gone ends the process by a signal (SIGBUS; an
///   exception on Windows, which mostly refuses to shorten a mapped file);
/// - **write over its frames**: a message that was verified, perhaps by the FlatBuffers verifier too, would change
///   while it is used, which may do anything.
///
/// Writers of this project do neither. They append, and when they reopen a file they cut the tail behind its good
/// frames, which is never read through the map: opening finds where the last whole frames end, and all that lies behind
/// is judged by ordinary reads. Where other programs may truncate or overwrite the file (`truncate`, `cp` onto it, a
/// network file system), use [`Reader`](crate::Reader): it copies, and gets an error or the end at most.
///
/// # What opening costs
///
/// It searches the last sync frame from the end, and reads strictly from the last one at or below what that says was
/// durable, as reopening for append does. A stream that was finished or synced by a [`Writer`](crate::Writer) that
/// opened its file itself is so opened by a few reads, whatever its size. Otherwise at most the last 64 MiB are read,
/// with what lies between two sync frames: a writer never cuts more. A stream without sync frames on the way, one with
/// `sync_interval` 0, is read through once.
pub struct MappedReader {
    stream: StreamFile,
    map: Mapping,
    /// How the file ended at opening. Where the last whole frames ended is how far the map is read.
    ending: Ending,
    /// How a reader that went through all of it found that it ended.
    found_end: OnceLock<Option<End>>,
}

impl MappedReader {
    /// Maps a file; [what has to hold](Self#what-has-to-hold) while it is mapped is the caller's to know.
    ///
    /// # Errors
    /// As [`Reader::new`](crate::Reader::new) for what is wrong with the header; of the kind `Io` where there is no
    /// such file, or one that can't be mapped. Damage behind the header is told when it is reached.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_with_options(path, &ReadOptions::new())
    }

    /// As [`open`](Self::open), with options. Recovery isn't used, and there are no blocks to have a size.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with_options(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Self> {
        let path = path.as_ref();
        let stream = StreamFile::open(path, options)?;
        let failed = |error| Error::file(path, "mapped", error);
        let len = usize::try_from(stream.size).map_err(|_| failed(io::ErrorKind::FileTooLarge.into()))?;
        let map = Mapping::new(&stream.file, len).map_err(failed)?;
        let mut decoder = stream.start.clone();
        // A writer that reopens the file finds damage above this position, or leaves what is behind it alone.
        let uncut = stream.size.saturating_sub(limits::SCATTERED_TAIL_MAX);
        if let Some(start) = starting_point(&*stream.file, &stream.header, stream.size, uncut)? {
            decoder.resume_behind(&start);
        }
        let ending = Ending::read(&stream, decoder);
        Ok(Self { stream, map, ending, found_end: OnceLock::new() })
    }

    /// The stream's header.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.stream.header
    }

    /// The messages, from the first on.
    #[must_use]
    pub fn iter(&self) -> MappedMessages<'_> {
        self.messages_at(Place { start: self.stream.start.clone(), border: None })
    }

    /// How the stream ended, once an iterator over [all of it](Self::iter) has given its last message, or an error for
    /// damage; `None` before, and where reading was refused for a reason that isn't the file's.
    #[must_use]
    pub fn end(&self) -> Option<End> {
        self.found_end.get().copied().flatten()
    }

    /// At most so many parts of about one size, in their order, each of which may go to a thread;
    /// [`SliceReader::split`] says what they give together, and what damage does.
    ///
    /// ```
    /// use flatstream_io::{MappedMessages, MappedReader};
    /// # use flatstream_io::{WriteOptions, Writer};
    ///
    /// # let folder = std::env::temp_dir().join(format!("flatstream-mapped-parts-{}", std::process::id()));
    /// # std::fs::create_dir_all(&folder)?;
    /// # let path = folder.join("recording.fls");
    /// # let mut writer = Writer::create_new(&path, WriteOptions::new().sync_interval(4096))?;
    /// # (0..5000u32).try_for_each(|number| writer.append(&number.to_le_bytes()).map(drop))?;
    /// # writer.finish()?;
    /// let mapped = MappedReader::open(&path)?;
    /// let count = std::thread::scope(|scope| {
    ///     let count = |mut part: MappedMessages<'_>| part.try_fold(0, |count, message| message.map(|_| count + 1));
    ///     let threads: Vec<_> = mapped.split(4).into_iter().map(|part| scope.spawn(move || count(part))).collect();
    ///     threads.into_iter().map(|thread| thread.join().unwrap()).sum::<flatstream_io::Result<usize>>()
    /// })?;
    /// assert_eq!(count, 5000);
    /// # std::fs::remove_dir_all(&folder)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn split(&self, parts: usize) -> Vec<MappedMessages<'_>> {
        let end = self.ending.position;
        let first = self.data(self.stream.start.position(), end);
        let Ok(places) = self.stream.places(first, end, parts, |borders| {
            let found = borders.position().and_then(|position| borders.search(self.data(position, end)));
            Ok::<_, Infallible>(found)
        });
        places.into_iter().map(|place| self.messages_at(place)).collect()
    }

    /// Verifies the whole stream on so many threads; 0 = as many as the machine runs at once.
    ///
    /// # Errors
    /// The one that a strict [`Reader`](crate::Reader) of the file gives.
    pub fn par_verify(&self, threads: usize) -> Result<Verified> {
        let (threads, parts) = thread_count(threads);
        verify_parts(self.split(parts), threads, MappedMessages::verify, || match self.iter().verify() {
            Outcome::Ended(verified) => verified,
            Outcome::Landed | Outcome::FalseBorder => Err(Error::usage("all of a stream has no border")),
        })
    }

    fn messages_at(&self, Place { start, border }: Place) -> MappedMessages<'_> {
        let is_whole = start.position() == self.stream.start.position() && border.is_none();
        let end = border.map_or(self.ending.position, |border| border.end());
        let data = self.data(start.position(), end);
        let (first_position, first_sequence) = (start.position(), start.sequence());
        let reader = SliceReader::resume(self.header().essentials(), start, data);
        MappedMessages {
            mapped: self,
            reader,
            border,
            first_position,
            first_sequence,
            is_whole,
            beyond: None,
            state: State::Reading,
        }
    }

    /// What is mapped between two positions.
    fn data(&self, from: u64, to: u64) -> &[u8] {
        let [from, to] = [from, to].map(|position| usize::try_from(position).unwrap_or(usize::MAX));
        self.map.get(from..to).unwrap_or_default()
    }
}

impl<'m> IntoIterator for &'m MappedReader {
    type Item = Result<MessageRef<'m>>;
    type IntoIter = MappedMessages<'m>;

    fn into_iter(self) -> MappedMessages<'m> {
        self.iter()
    }
}

impl fmt::Debug for MappedReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MappedReader").field("size", &self.stream.size).finish_non_exhaustive()
    }
}

/// What reading to the end of the file says.
#[derive(Clone, Debug)]
struct Ending {
    /// Where the good frames end.
    position: u64,
    error: Option<Error>,
    /// Unknown where reading was given up for a reason that isn't the file's.
    end: Option<End>,
    /// What the reader knew there.
    sequence: u64,
    last_sync: Option<Sync>,
}

impl Ending {
    /// Reads from where a decoder is to where the good frames end, and judges what lies behind.
    fn read(stream: &StreamFile, decoder: Decoder<Hasher>) -> Self {
        let mut reader = stream.reader(decoder, stream.size, &stream.options);
        let error = loop {
            match reader.next_message() {
                Ok(Some(_)) => {}
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        let end = reader.end().ok();
        let decoder = reader.decoder();
        let (position, sequence, last_sync) = (decoder.position(), decoder.sequence(), decoder.last_sync().copied());
        Self { position, error, end, sequence, last_sync }
    }

    /// Whether it is what a reader would find that got to where this decoder is.
    fn is_for(&self, decoder: &Decoder<Hasher>) -> bool {
        (self.position, self.sequence) == (decoder.position(), decoder.sequence())
            && self.last_sync.as_ref() == decoder.last_sync()
    }
}

/// The messages of a mapped file, or of a part of it: made by [`MappedReader::iter`] and [`MappedReader::split`]. After
/// an error nothing follows.
pub struct MappedMessages<'m> {
    mapped: &'m MappedReader,
    reader: SliceReader<'m, Hasher>,
    /// The sync frame that a part ends with.
    border: Option<FoundSync>,
    first_position: u64,
    first_sequence: u64,
    /// Whether this is all of the stream.
    is_whole: bool,
    /// How the file ends, where its good frames reach further than opening found, and from where on they do.
    beyond: Option<(u64, Ending)>,
    state: State,
}

enum State {
    Reading,
    /// At its border, or with an error that says nothing of the stream's end.
    Done,
    Ended(Option<End>),
}

/// What it means that a slice has no more messages.
enum Settled {
    /// There is another one.
    GoOn,
    /// Nothing follows, or an error.
    Over(Option<Error>),
}

impl<'m> MappedMessages<'m> {
    /// Where its first frame starts, in bytes from the start of the stream.
    #[must_use]
    pub fn first_position(&self) -> u64 {
        self.first_position
    }

    /// The sequence number of its first message: how many messages the parts before it have.
    #[must_use]
    pub fn first_sequence(&self) -> u64 {
        self.first_sequence
    }

    /// How the stream ended, as far as messages were read to there: `None` as long as some are left, for a part that
    /// isn't the last one, and where reading was refused for a reason that isn't the file's.
    #[must_use]
    pub fn end(&self) -> Option<End> {
        match self.state {
            State::Ended(end) => end,
            State::Reading | State::Done => None,
        }
    }

    /// Goes forward to the message with this sequence number, as [`SliceReader::seek_to_sequence`] does.
    ///
    /// ```
    /// use flatstream_io::{MappedReader, WriteOptions, Writer};
    ///
    /// # let folder = std::env::temp_dir().join(format!("flatstream-mapped-seek-{}", std::process::id()));
    /// # std::fs::create_dir_all(&folder)?;
    /// # let path = folder.join("recording.fls");
    /// # let mut writer = Writer::create_new(&path, WriteOptions::new())?;
    /// # (0..5000u32).try_for_each(|number| writer.append(&number.to_le_bytes()).map(drop))?;
    /// # writer.finish()?;
    /// let mapped = MappedReader::open(&path)?;
    /// let mut messages = mapped.iter();
    /// assert_eq!(messages.seek_to_sequence(3000)?.sequence, 3000);
    /// assert_eq!(messages.count(), 2000);
    /// # std::fs::remove_dir_all(&folder)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// As the iterator itself, for what is read through.
    pub fn seek_to_sequence(&mut self, sequence: u64) -> Result<Landing> {
        self.reader.seek_to_sync(|found, _| Some(found.sync.sequence <= sequence));
        self.skip_while(|message| message.sequence() < sequence)
    }

    /// Goes forward to the last sync frame whose time is before this one, as [`SliceReader::seek_to_time`] does.
    pub fn seek_to_time(&mut self, time: i64) -> Landing {
        self.reader.seek_to_time(time)
    }

    /// Goes forward to the first message for which `is_before` is false, as [`SliceReader::partition_point`] does.
    ///
    /// # Errors
    /// As the iterator itself, for what is read through.
    pub fn partition_point(&mut self, mut is_before: impl FnMut(&[u8]) -> bool) -> Result<Landing> {
        self.reader.seek_to_sync(|_, mut behind| behind.next()?.ok().map(|message| is_before(message.body())));
        self.skip_while(|message| is_before(message.body()))
    }

    fn skip_while(&mut self, mut is_before: impl FnMut(&MessageRef<'m>) -> bool) -> Result<Landing> {
        loop {
            let here = self.reader.clone();
            match self.reader.next() {
                Some(Ok(message)) if is_before(&message) => {}
                Some(Ok(_)) => {
                    self.reader = here;
                    break;
                }
                _ => match self.settle() {
                    Settled::GoOn => {}
                    Settled::Over(None) => break,
                    Settled::Over(Some(error)) => return Err(error),
                },
            }
        }
        let decoder = self.reader.decoder();
        Ok(Landing { sequence: decoder.sequence(), position: decoder.position() })
    }

    /// The slice has no more messages, or what follows isn't one.
    #[cold]
    fn next_behind_slice(&mut self) -> Option<Result<MessageRef<'m>>> {
        match self.settle() {
            Settled::GoOn => self.next(),
            Settled::Over(error) => error.map(Err),
        }
    }

    fn settle(&mut self) -> Settled {
        if !matches!(self.state, State::Reading) {
            return Settled::Over(None);
        }
        let decoder = self.reader.decoder();
        let stop = decoder.position();
        if let Some(border) = self.border {
            if border.is_where(decoder) {
                self.state = State::Done;
                return Settled::Over(None);
            }
            if stop > border.position {
                return self.false_border(border);
            }
        }
        let ending = self.ending_here();
        match self.border {
            _ if ending.position == stop => self.ended(ending),
            Some(border) => self.false_border(border),
            None => self.go_beyond(stop, ending),
        }
    }

    /// How the file ends, as whoever reads on from here without a map finds it. That is what opening found, unless this
    /// is in front of it, or a message misled it.
    fn ending_here(&self) -> Ending {
        let decoder = self.reader.decoder();
        let known = self.beyond.as_ref().map_or(&self.mapped.ending, |(_, beyond)| beyond);
        if known.is_for(decoder) { known.clone() } else { Ending::read(&self.mapped.stream, decoder.clone()) }
    }

    fn ended(&mut self, ending: Ending) -> Settled {
        self.state = State::Ended(ending.end);
        if self.is_whole {
            // Whoever came first found the same.
            let _ = self.mapped.found_end.set(ending.end);
        }
        Settled::Over(ending.error)
    }

    fn false_border(&mut self, border: FoundSync) -> Settled {
        self.state = State::Done;
        Settled::Over(Some(flatstream_format::Error::FalseBorder(border.position).into()))
    }

    /// Opening took an image of a sync frame in a message for one, and stopped somewhere in that message.
    fn go_beyond(&mut self, stop: u64, ending: Ending) -> Settled {
        if self.beyond.as_ref().is_some_and(|(from, _)| *from == stop) {
            self.state = State::Done;
            let error = io::Error::other("the file was changed while it was mapped");
            return Settled::Over(Some(Error::read(error, stop)));
        }
        let rest = self.mapped.data(stop, ending.position);
        self.reader = SliceReader::resume(self.mapped.header().essentials(), self.reader.decoder().clone(), rest);
        self.beyond = Some((stop, ending));
        Settled::GoOn
    }

    fn verify(mut self) -> Outcome {
        for message in &mut self {
            if let Err(error) = message {
                return Outcome::of_error(error);
            }
        }
        match self.end() {
            Some(end) => Outcome::Ended(Ok(Verified { messages: self.reader.decoder().sequence(), end })),
            None => Outcome::Landed,
        }
    }
}

impl<'m> Iterator for MappedMessages<'m> {
    type Item = Result<MessageRef<'m>>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match self.reader.next() {
            Some(Ok(message)) => Some(Ok(message)),
            _ => self.next_behind_slice(),
        }
    }
}

impl fmt::Debug for MappedMessages<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MappedMessages")
            .field("first_position", &self.first_position)
            .field("first_sequence", &self.first_sequence)
            .finish_non_exhaustive()
    }
}
