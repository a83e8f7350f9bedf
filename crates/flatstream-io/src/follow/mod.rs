//! Following a file that a writer in another process appends to.
//!
//! A follower sees what the writer has *flushed*: how soon after `append` that is, the writer's
//! [`FlushPolicy`](crate::FlushPolicy) says. It takes no lock, writes nothing, and the writer doesn't notice it.
//!
//! What it makes of the end of the file:
//!
//! | what is there | what the follower does |
//! |---|---|
//! | nothing, half a header, half a frame | waits |
//! | zeros or 0xFF: preallocated or erased | waits |
//! | bytes that are no frame, and nothing good behind them: a torn tail | waits until the next writer has cut it |
//! | the same, but good frames lie behind | an error of the kind [`Damaged`], once nobody will repair it: see below |
//! | the sync frame of a new epoch: a writer has reopened the stream | goes on |
//! | the mark that the writer finished | ends, or waits for the stream to be reopened ([`FollowOptions::reopening`]) |
//! | less than what was read, or something else in its place | an error of the kind [`Gone`] |
//! | another file has its name, or none | hands out the rest of this one, and ends |
//!
//! [`Damaged`]: crate::ErrorKind::Damaged
//! [`Gone`]: crate::ErrorKind::Gone
//!
//! Bad bytes are damage when they are still bad on being read again and a sync frame behind them says that they were
//! durable, or the writer of the same epoch has gone on behind them since, or good frames lie behind them for longer
//! than the follower's [patience](FollowOptions::patience).
//!
//! # Waiting
//!
//! On Linux a follower has the system tell it when the file changes, by inotify, and looks every second anyway. Where
//! that doesn't tell (file systems on a network, a writer that maps the file into memory, no inotify instance left) it
//! finds that out and looks by itself, at intervals that grow from 50 microseconds to 10 milliseconds, as on other
//! systems. A follower that never waits ([`Follower::poll`]) asks the system for nothing.
//!
//! How long after an append with a flush, in another process, its message was seen, and what part of a processor the
//! follower needed; three runs of `cargo run --release -p flatstream-benches --bin follow` on a machine with two
//! processors, least to greatest:
//!
//! | | p50 at 1000/s | p99 | processor | p50 at 10/s | p99 | processor, idle |
//! |---|---|---|---|---|---|---|
//! | inotify, as it is used here | 11 to 19 us | 48 to 92 us | 0.5 to 1.4 % | 59 to 109 us | 0.2 to 1.8 ms | 0.01 % |
//! | the `notify` crate | 23 to 45 us | 94 to 155 us | 2.1 to 3.1 % | 110 to 199 us | 0.4 to 4 ms | 0.002 % |
//! | looking, 50 us growing to 10 ms | 210 to 243 us | 0.5 to 1.6 ms | 7.0 to 7.8 % | 5 ms | 10 ms | 0.3 % |
//! | looking every ms | 0.5 ms | 1.1 ms | 2.2 % | 0.6 ms | 1.1 ms | 2.5 % |
//!
//! The `notify` crate has a thread of its own that tells the follower's, which is what it costs more; looking once a
//! second is what inotify alone would do without.

mod doubt;
mod events;
mod frames;
mod looking;
mod options;
mod start;
mod stream;
mod wait;

use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use flatstream_format::{Dropped, End, Header, HeaderError, Located, locate_header};

#[doc(hidden)]
pub use looking::Looking;
pub use options::{FollowOptions, Start};
use stream::{Look, Stream};
#[doc(hidden)]
pub use wait::Wait;

use crate::cursor::Cursor;
use crate::error::{Error, Result};
use crate::message::Message;
use crate::opening::is_damage;
use crate::storage::StorageFile;
use crate::walk::{is_blank, read_exactly};

/// Yields the messages of a file as a writer in another process appends them.
///
/// It is an iterator of owned [`Message`]s that waits for the next; [`next_message`](Self::next_message) lends it
/// instead, [`next_within`](Self::next_within) waits only so long, and [`poll`](Self::poll) not at all. It ends where
/// the writer has closed the stream, unless it is told to wait for that to be [reopened](FollowOptions::reopening). A
/// writer that dies ends nothing: the follower waits for the next one, which goes on in a new epoch.
///
/// ```
/// use flatstream_io::follow::Start;
/// use flatstream_io::{FollowOptions, Followed, Follower, WriteOptions, Writer};
///
/// # let folder = std::env::temp_dir().join(format!("flatstream-follow-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// # let path = folder.join("events.fls");
/// let mut writer = Writer::create_new(&path, WriteOptions::new())?;
/// let mut follower = Follower::open(&path, FollowOptions::new())?;
/// assert_eq!(follower.poll()?, Followed::Waiting);
///
/// writer.append(b"one")?;
/// writer.flush()?;
/// assert_eq!(follower.next_message()?, Some(&b"one"[..]));
/// let seen = follower.cursor().expect("a message was seen");
///
/// writer.append(b"two")?;
/// writer.finish()?;
/// let mut other = Follower::open(&path, FollowOptions::new().from(Start::Cursor(seen)))?;
/// assert_eq!(other.next().transpose()?.as_deref(), Some(&b"two"[..]));
/// assert!(other.next().is_none());
/// assert!(other.end().is_some_and(|end| end.is_closed()));
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Follower {
    path: PathBuf,
    options: FollowOptions,
    opening: Opening,
    stream: Option<Box<Stream>>,
    outcome: Outcome,
    wait: Wait,
}

/// What a follower has for the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Followed<T> {
    /// The next message.
    Message(T),
    /// Nothing yet.
    Waiting,
    /// Nothing any more.
    Ended,
}

impl<T> Followed<T> {
    /// The same, with something else made of the message.
    pub fn map<U>(self, make: impl FnOnce(T) -> U) -> Followed<U> {
        match self {
            Self::Message(message) => Followed::Message(make(message)),
            Self::Waiting => Followed::Waiting,
            Self::Ended => Followed::Ended,
        }
    }
}

impl Followed<()> {
    /// The same with the message that was found.
    #[doc(hidden)]
    pub fn filled<T>(self, message: impl FnOnce() -> Option<T>) -> Followed<T> {
        match self {
            Self::Message(()) => message().map_or(Followed::Waiting, Followed::Message),
            Self::Waiting => Followed::Waiting,
            Self::Ended => Followed::Ended,
        }
    }
}

/// A file whose header isn't there yet.
#[derive(Debug, Default)]
struct Opening {
    file: Option<Arc<File>>,
    /// Since when there is a whole header that is wrong.
    wrong_since: Option<Instant>,
    /// Whether the follower was opened before the header was there.
    is_late: bool,
}

#[derive(Debug)]
enum Outcome {
    Following,
    Ended(End),
    Failed { error: Error, is_told: bool },
}

impl Follower {
    /// Opens a file and finds the place to begin at, without waiting: the file may be empty, or hold half a header.
    ///
    /// Every place to begin at is found by sync frames, in a time that doesn't depend on the size of the file; where
    /// there are none (`sync_interval` 0) by reading from the beginning.
    ///
    /// # Errors
    /// Of the kind `Io`, with `NotFound` if there is none of that name and the follower isn't to
    /// [wait for it](FollowOptions::wait_for_file); `NotAStream`, `Unsupported`; `Gone` if the stream doesn't have the
    /// cursor's place, or isn't the cursor's; `Damaged` if what lies before the cursor is; `Usage` if a time is sought
    /// in a stream without times.
    pub fn open(path: impl AsRef<Path>, options: FollowOptions) -> Result<Self> {
        let wait = Wait::new(options.polling);
        let mut follower = Self {
            path: path.as_ref().to_path_buf(),
            options,
            opening: Opening::default(),
            stream: None,
            outcome: Outcome::Following,
            wait,
        };
        if !follower.open_stream()?
            && let Start::Cursor(cursor) = follower.options.start
        {
            let found = "the file has no header yet".to_owned();
            return Err(Error::gone(cursor.sequence(), cursor.position(), found));
        }
        follower.opening.is_late = true;
        Ok(follower)
    }

    /// The next message, lent until the next call; `None` once the follower has ended. It waits as long as it takes.
    ///
    /// # Errors
    /// Of the kind `Damaged` where the stream is, `Gone` if the file lost what was read, `Unsupported` at a frame that
    /// must be understood and isn't, `Limit` at a message beyond
    /// [`max_message_len`](crate::ReadOptions::max_message_len), `NotClosed` if that was required, `Io`. All are given
    /// again by the next call.
    pub fn next_message(&mut self) -> Result<Option<&[u8]>> {
        Ok(match self.wait_for(None)? {
            Followed::Message(()) => self.take_message(),
            Followed::Waiting | Followed::Ended => None,
        })
    }

    /// The next message, if it comes within this time.
    ///
    /// # Errors
    /// As [`next_message`](Self::next_message).
    pub fn next_within(&mut self, timeout: Duration) -> Result<Followed<&[u8]>> {
        let followed = self.wait_for(Some(timeout))?;
        Ok(followed.filled(|| self.take_message()))
    }

    /// The same, owned.
    ///
    /// # Errors
    /// As [`next_message`](Self::next_message).
    pub fn next_owned_within(&mut self, timeout: Duration) -> Result<Followed<Message>> {
        let followed = self.wait_for(Some(timeout))?;
        Ok(followed.filled(|| self.take_owned_message()))
    }

    /// The next message, if it is there now.
    ///
    /// # Errors
    /// As [`next_message`](Self::next_message).
    pub fn poll(&mut self) -> Result<Followed<&[u8]>> {
        self.next_within(Duration::ZERO)
    }

    /// How the stream ended, once the follower has; `None` before, and after an error that isn't `NotClosed`.
    #[must_use]
    pub fn end(&self) -> Option<&End> {
        match &self.outcome {
            Outcome::Ended(end) => Some(end),
            Outcome::Following | Outcome::Failed { .. } => None,
        }
    }

    /// The stream's header; `None` until it is there.
    #[must_use]
    pub fn header(&self) -> Option<&Header> {
        self.stream.as_ref().map(|stream| stream.header())
    }

    /// Directly behind the last message that was handed out: from there a later follower goes on. `None` until the
    /// first sync frame was read, which is before the first message is handed out.
    #[must_use]
    pub fn cursor(&self) -> Option<Cursor> {
        self.stream.as_ref().and_then(|stream| stream.cursor())
    }

    /// The sequence number of the next message, as far as is known; [`Start::Sequence`] may be far from it.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.stream.as_ref().map_or(0, |stream| stream.place().sequence)
    }

    /// Every byte below this position was reported durable, by the sync frames that were read so far.
    #[must_use]
    pub fn durable_position(&self) -> u64 {
        self.stream.as_ref().map_or(0, |stream| stream.durable())
    }

    /// How many messages the writer says it dropped, up to what was handed out and a little ahead of it. They have no
    /// sequence numbers.
    #[must_use]
    pub fn dropped(&self) -> Dropped {
        self.stream.as_ref().map_or_else(Dropped::default, |stream| stream.dropped())
    }

    /// Whether there is a message that needn't be looked for.
    #[doc(hidden)]
    #[must_use]
    pub fn has_message(&self) -> bool {
        self.stream.as_ref().is_some_and(|stream| stream.has_message())
    }

    /// The message that was found.
    #[doc(hidden)]
    pub fn take_message(&mut self) -> Option<&[u8]> {
        self.stream.as_mut().map(|stream| stream.take())
    }

    /// The same, owned.
    #[doc(hidden)]
    pub fn take_owned_message(&mut self) -> Option<Message> {
        self.stream.as_mut().map(|stream| stream.take_owned())
    }

    /// How the stream is closed, if that is the last thing that was found in it.
    #[doc(hidden)]
    #[must_use]
    pub fn closed(&self) -> Option<End> {
        self.stream.as_ref().and_then(|stream| stream.closed())
    }

    /// Something else says that all of the file is durable.
    #[doc(hidden)]
    pub fn note_all_durable(&mut self) {
        if let Some(stream) = &mut self.stream {
            stream.note_all_durable();
        }
    }

    /// Waits for a message, for the end, or until the time is over.
    fn wait_for(&mut self, timeout: Option<Duration>) -> Result<Followed<()>> {
        match self.has_message() {
            true => Ok(Followed::Message(())),
            false => self.look_within(timeout),
        }
    }

    fn look_at_file(&mut self) -> Result<Followed<()>> {
        if self.stream.is_none() && !self.open_stream()? {
            return Ok(Followed::Waiting);
        }
        let Some(stream) = &mut self.stream else { return Ok(Followed::Waiting) };
        match stream.look(&self.path, &self.options)? {
            Look::Message => Ok(Followed::Message(())),
            Look::Waiting => Ok(Followed::Waiting),
            Look::Ended(end) if self.options.reading.requires_closed() && !end.is_closed() => {
                Err(Error::not_closed(end))
            }
            Look::Ended(end) => {
                self.outcome = Outcome::Ended(end);
                Ok(Followed::Ended)
            }
        }
    }

    /// Whether the header is there.
    fn open_stream(&mut self) -> Result<bool> {
        loop {
            let Some(file) = self.open_file()? else { return Ok(false) };
            if let Some(header) = self.opening.read_header(&file, self.options.patience)? {
                // What came after the follower was opened is behind what was there then.
                let start = match self.options.start {
                    Start::End if self.opening.is_late => Start::Beginning,
                    start => start,
                };
                self.stream = Some(Box::new(Stream::begin(&file, header, start, &self.options)?));
                self.opening.file = None;
                return Ok(true);
            }
            if is_at(&file, &self.path)? {
                return Ok(false);
            }
            // A writer that finds half a header puts a new file in its place.
            self.opening.file = None;
            self.wait.forget_file();
        }
    }

    fn open_file(&mut self) -> Result<Option<Arc<File>>> {
        if let Some(file) = &self.opening.file {
            return Ok(Some(Arc::clone(file)));
        }
        let failed = |error| Error::file(&self.path, "followed", error);
        match File::open(&self.path) {
            Ok(file) if file.metadata().map_err(failed)?.is_file() => {
                Ok(Some(Arc::clone(self.opening.file.insert(Arc::new(file)))))
            }
            Ok(_) => Err(failed(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"))),
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.options.wait_for_file => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }
}

impl Opening {
    /// `None` while the header may still come: in an empty file, in blank storage, behind the beginning of one.
    fn read_header(&mut self, file: &File, patience: Duration) -> Result<Option<Header>> {
        const LEN_USUAL: u64 = 4 << 10;
        let mut data = read_exactly(file, 0, LEN_USUAL)?;
        if let Ok(Located::NeedMore(need)) = locate_header(&data)
            && need > data.len()
        {
            data = read_exactly(file, 0, need as u64)?;
        }
        let why = match locate_header(&data) {
            Ok(Located::NeedMore(_)) => return Ok(None),
            Ok(Located::Region(_)) => match Header::decode(&data) {
                Ok(header) => return Ok(Some(header)),
                Err(why) => why,
            },
            Err(_) if is_blank(file, 0, data.len() as u64)? => return Ok(None),
            Err(why) => return Err(why.into()),
        };
        // One that is wrong may be half written over blank storage.
        let since = *self.wrong_since.get_or_insert_with(Instant::now);
        if is_damage(&why) && !matches!(why, HeaderError::NotAStream { .. }) && since.elapsed() < patience {
            return Ok(None);
        }
        Err(why.into())
    }
}

/// Whether a file still has its name.
fn is_at(file: &File, path: &Path) -> Result<bool> {
    StorageFile::is_at(file, path).map_err(|error| Error::file(path, "followed", error))
}

/// Gives owned messages, and waits for them. An error comes once, then `None`.
impl Iterator for Follower {
    type Item = Result<Message>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Outcome::Failed { is_told: true, .. } = self.outcome {
            return None;
        }
        match self.wait_for(None) {
            Ok(Followed::Message(())) => self.take_owned_message().map(Ok),
            Ok(Followed::Waiting | Followed::Ended) => None,
            Err(error) => Some(Err(error)),
        }
    }
}

impl Looking for Follower {
    fn look(&mut self) -> Result<Followed<()>> {
        match &mut self.outcome {
            Outcome::Following => {}
            Outcome::Ended(_) => return Ok(Followed::Ended),
            Outcome::Failed { error, is_told } => {
                *is_told = true;
                return Err(error.clone());
            }
        }
        self.look_at_file().inspect_err(|error| {
            self.outcome = Outcome::Failed { error: error.clone(), is_told: true };
        })
    }

    fn waits(&mut self) -> (&mut Wait, &Path) {
        (&mut self.wait, &self.path)
    }
}

impl fmt::Debug for Follower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Follower")
            .field("path", &self.path)
            .field("sequence", &self.sequence())
            .field("outcome", &self.outcome)
            .finish_non_exhaustive()
    }
}
