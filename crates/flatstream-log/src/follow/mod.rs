mod begin;
mod folder;
mod options;
mod segment;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use flatstream_io::follow::{Looking, Start, Wait};
use flatstream_io::{Dropped, End, Error, ErrorKind, Followed, Follower, Header, ReadOptions, Result};

use folder::Watched;
pub use options::{LogFollowOptions, LogStart};
use segment::{Coming, Segment};

use crate::catalog::Catalog;
use crate::cursor::LogCursor;
use crate::finding::{LogFinding, LogFindings};
use crate::message::LogMessage;
use crate::problem::Problem;

/// Yields the messages of a log as a writer in another process appends them, over all segments.
///
/// It is an iterator of owned [`LogMessage`]s that waits for the next; [`next_message`](Self::next_message) lends it
/// instead, [`next_within`](Self::next_within) waits only so long, and [`poll`](Self::poll) not at all. It takes no
/// lock, writes nothing, and holds one segment open. Each segment is followed as a
/// [`Follower`](flatstream_io::Follower) follows a file; in addition:
///
/// | what is there | what the follower does |
/// |---|---|
/// | the segment that begins with the next message | goes on there, whatever lies behind the last message of this one |
/// | this one is closed, and no later one is there | ends, or waits if it is told to |
/// | a power cut took messages that were seen, and others have their numbers | an error of the kind [`Gone`] |
/// | the next one was removed, being old | an error of the kind [`Gone`], or [a gap](LogFollowOptions::skip_gaps) |
/// | one was removed by hand from between others | an error of the kind [`Damaged`], or the same gap |
/// | a file with a segment's name is another one, or of another log | an error of the kind [`WrongSegment`] |
/// | half a header in the newest segment | waits where it is, in the one before |
/// | the same in another one, or a header that stays wrong | an error, as [`LogReader`](crate::LogReader) says it |
/// | the whole log was removed | hands out the rest of the segment it has open, and ends |
///
/// With [`durable_only`](flatstream_io::FollowOptions::durable_only) a segment is handed out to its end as soon as
/// there is a later one: the writer had made it durable before that.
///
/// [`Damaged`]: flatstream_io::ErrorKind::Damaged
/// [`Gone`]: flatstream_io::ErrorKind::Gone
/// [`WrongSegment`]: flatstream_io::ErrorKind::WrongSegment
///
/// ```
/// use flatstream_io::Followed;
/// use flatstream_log::{LogFollowOptions, LogFollower, LogOptions, LogStart, LogWriter};
///
/// # let folder = std::env::temp_dir().join(format!("flatstream-log-follower-{}", std::process::id()));
/// let mut log = LogWriter::open(&folder, LogOptions::new())?;
/// let mut follower = LogFollower::open(&folder, LogFollowOptions::new())?;
/// assert_eq!(follower.poll()?, Followed::Waiting);
///
/// log.append(b"one")?;
/// log.rotate()?;
/// log.append(b"two")?;
/// log.flush()?;
/// assert_eq!(follower.next_message()?, Some(&b"one"[..]));
/// let seen = follower.cursor().expect("a message was seen");
///
/// log.finish()?;
/// let mut other = LogFollower::open(&folder, LogFollowOptions::new().from(LogStart::Cursor(seen)))?;
/// assert_eq!(other.next().transpose()?.as_deref(), Some(&b"two"[..]));
/// assert!(other.next().is_none());
/// assert!(other.end().is_some_and(|end| end.is_closed()));
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct LogFollower {
    folder: Watched,
    options: LogFollowOptions,
    /// How each segment is read: whether one must be closed is asked of the newest alone.
    reading: ReadOptions,
    /// `None` until there is a segment to begin with.
    current: Option<Segment>,
    /// The newest segment while its header isn't whole.
    coming: Option<Coming>,
    /// Messages before this one aren't handed out.
    skip_below: u64,
    /// Behind the last message of the segments before.
    before: Option<LogCursor>,
    dropped_before: Dropped,
    /// Whether the follower was opened before there was a log.
    is_late: bool,
    outcome: Outcome,
    findings: LogFindings,
    wait: Wait,
}

#[derive(Debug)]
enum Outcome {
    Following,
    Ended(End),
    Failed { error: Error, is_told: bool },
}

impl LogFollower {
    /// Opens the log in a folder and finds the place to begin at, without waiting; in a time that hardly depends on the
    /// size of the log, as [`LogReader`](crate::LogReader) seeks.
    ///
    /// # Errors
    /// Of the kind `NotAStream` if there is no segment in the folder, and `Io` if there is no folder, if the follower
    /// isn't to [wait for them](flatstream_io::FollowOptions::wait_for_file); `Gone` if the log no longer has the
    /// message to begin with, doesn't have the cursor's place, or isn't the cursor's; `Usage` if a time is sought in a
    /// log without times; `WrongSegment`, `Damaged`, `Unsupported` as [`next_message`](Self::next_message).
    pub fn open(folder: impl AsRef<Path>, options: LogFollowOptions) -> Result<Self> {
        let wait = Wait::new(options.following.chosen_polling());
        let reading = options.following.chosen_reading().clone().require_closed(false);
        let mut follower = Self {
            folder: Watched::new(folder.as_ref()),
            skip_below: 0,
            reading,
            options,
            current: None,
            coming: None,
            before: None,
            dropped_before: Dropped::default(),
            is_late: false,
            outcome: Outcome::Following,
            findings: LogFindings::default(),
            wait,
        };
        if !follower.begin()?
            && let LogStart::Cursor(cursor) = follower.options.start
        {
            return Err(follower.cursor_gone(&cursor, "there is no whole segment for it yet".to_owned()));
        }
        follower.is_late = true;
        Ok(follower)
    }

    /// The next message, lent until the next call; `None` once the follower has ended. It waits as long as it takes.
    ///
    /// # Errors
    /// See [`LogFollower`]; and as [`Follower::next_message`](flatstream_io::Follower::next_message). All are given
    /// again by the next call.
    pub fn next_message(&mut self) -> Result<Option<&[u8]>> {
        Ok(match self.wait_for(None)? {
            Followed::Message(()) => self.take(),
            Followed::Waiting | Followed::Ended => None,
        })
    }

    /// The next message, if it comes within this time.
    ///
    /// # Errors
    /// As [`next_message`](Self::next_message).
    pub fn next_within(&mut self, timeout: Duration) -> Result<Followed<&[u8]>> {
        let followed = self.wait_for(Some(timeout))?;
        Ok(followed.filled(|| self.take()))
    }

    /// The same, owned.
    ///
    /// # Errors
    /// As [`next_message`](Self::next_message).
    pub fn next_owned_within(&mut self, timeout: Duration) -> Result<Followed<LogMessage>> {
        let followed = self.wait_for(Some(timeout))?;
        Ok(followed.filled(|| self.take_owned()))
    }

    /// The next message, if it is there now.
    ///
    /// # Errors
    /// As [`next_message`](Self::next_message).
    pub fn poll(&mut self) -> Result<Followed<&[u8]>> {
        self.next_within(Duration::ZERO)
    }

    /// How the newest segment ended, once the follower has; `None` before, and after an error.
    #[must_use]
    pub fn end(&self) -> Option<&End> {
        match &self.outcome {
            Outcome::Ended(end) => Some(end),
            Outcome::Following | Outcome::Failed { .. } => None,
        }
    }

    /// The number of the next message over all segments, as far as is known; [`LogStart::Sequence`] may be far from it.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.current.as_ref().map_or(0, Segment::sequence)
    }

    /// Directly behind the last message that was handed out: from there a later follower goes on. `None` until the
    /// first sync frame was read, which is before the first message is handed out.
    #[must_use]
    pub fn cursor(&self) -> Option<LogCursor> {
        let here = self.current.as_ref().and_then(|current| current.cursor(self.log_id()?));
        // A power cut may still take what a segment begins with, but not what was seen of the one before.
        let is_begun = |cursor: &LogCursor| cursor.sequence() > cursor.segment();
        here.filter(is_begun).or(self.before).or(here)
    }

    /// The file of the segment that is followed; `None` until there is one.
    #[must_use]
    pub fn segment(&self) -> Option<&Path> {
        self.current.as_ref().map(|current| &*current.path)
    }

    /// That one's header.
    #[must_use]
    pub fn header(&self) -> Option<&Header> {
        self.current.as_ref().and_then(|current| current.follower.header())
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The log's identity; `None` until a header tells.
    #[must_use]
    pub fn log_id(&self) -> Option<u64> {
        self.folder.catalog().and_then(Catalog::log_id)
    }

    /// How many messages the writer says it dropped, up to what was handed out and a little ahead of it, in the
    /// segments that were followed. They have no numbers.
    #[must_use]
    pub fn dropped(&self) -> Dropped {
        let here = self.current.as_ref().map(|current| current.follower.dropped());
        self.dropped_before.plus(here.unwrap_or_default())
    }

    /// The messages that were [missing](LogFinding::Missing) since the last call, if
    /// [gaps are skipped](LogFollowOptions::skip_gaps). At most 1,024 wait; later ones are left out.
    pub fn take_findings(&mut self) -> Vec<LogFinding> {
        self.findings.take()
    }

    /// Waits for a message, for the end, or until the time is over.
    fn wait_for(&mut self, timeout: Option<Duration>) -> Result<Followed<()>> {
        match &self.current {
            Some(current) if current.follower.has_message() => Ok(Followed::Message(())),
            _ => self.look_within(timeout),
        }
    }

    /// The message that was found.
    fn take(&mut self) -> Option<&[u8]> {
        self.current.as_mut().and_then(|current| current.follower.take_message())
    }

    fn take_owned(&mut self) -> Option<LogMessage> {
        let current = self.current.as_mut()?;
        current.follower.take_owned_message().map(|message| LogMessage::new(message, current.first))
    }

    fn look_at_log(&mut self) -> Result<Followed<()>> {
        loop {
            let Some(current) = &mut self.current else {
                if !self.begin()? {
                    return Ok(Followed::Waiting);
                }
                continue;
            };
            // One that was waited for may have been looked at before it was entered.
            let found =
                if current.follower.has_message() { Ok(Followed::Message(())) } else { current.follower.look() };
            if let Ok(Followed::Message(())) = found {
                return Ok(Followed::Message(()));
            }
            if let Some(followed) = self.go_on(found)? {
                return Ok(followed);
            }
        }
    }

    /// All was handed out that this segment has for the moment, or can be read of. `None` if there is more to be looked
    /// at.
    fn go_on(&mut self, found: Result<Followed<()>>) -> Result<Option<Followed<()>>> {
        let Some(current) = &self.current else { return Ok(None) };
        let (first, next) = (current.first, current.sequence());
        let (closed, is_complete) = (current.follower.closed(), current.is_complete);
        // Whoever began the next segment had made this one durable before: no message is missing then.
        if next > first
            && let Some(segment) = self.open_segment(next)?
        {
            if closed.is_none() || found.is_err() {
                self.check_what_was_seen()?;
            }
            self.enter(segment);
            return Ok(None);
        }
        if next == first
            && let Ok(Followed::Ended) = found
            && self.go_back()?
        {
            return Ok(None);
        }
        let is_over = is_complete || closed.is_some() || !matches!(found, Ok(Followed::Waiting));
        if self.folder.look_again(is_over)?
            && let Some(later) = self.folder.after(first)
            && later > next
        {
            return self.look_behind(later, found);
        }
        let is_next_wrong = self.coming.as_ref().is_some_and(|coming| coming.first == next && coming.is_wrong);
        match found {
            Err(error) => Err(self.failed(error)),
            Ok(_) if is_next_wrong => Ok(Some(Followed::Waiting)),
            Ok(Followed::Waiting) => match closed.filter(|_| !self.options.following.waits_for_reopening()) {
                Some(end) => self.ended(end).map(Some),
                None => Ok(Some(Followed::Waiting)),
            },
            Ok(_) => match self.current.as_ref().and_then(|current| current.follower.end().copied()) {
                Some(end) => self.ended(end).map(Some),
                None => Ok(Some(Followed::Ended)),
            },
        }
    }

    /// A segment that was entered is no longer there, and gave no message: the writer has taken it back if it couldn't
    /// make it durable, and goes on in the one before. Whether that is there.
    fn go_back(&mut self) -> Result<bool> {
        let Some(before) = self.before else { return Ok(false) };
        if self.current.as_ref().is_none_or(|current| current.path.exists()) {
            return Ok(false);
        }
        let place = Start::Cursor(before.in_segment());
        let Some(segment) = self.open_segment_at(before.segment(), place)? else { return Ok(false) };
        self.current = Some(segment);
        Ok(true)
    }

    /// A power cut may have taken what was seen of this segment, and the writer have gone on with other messages, up to
    /// the same number. Where the follower stands in the midst of these, it can't tell them from a torn tail.
    fn check_what_was_seen(&self) -> Result<()> {
        let Some(current) = &self.current else { return Ok(()) };
        let Some(cursor) = current.follower.cursor() else { return Ok(()) };
        let following = self.options.following.clone().reading(self.reading.clone()).wait_for_file(false);
        match Follower::open(&current.path, following.from(Start::Cursor(cursor))) {
            Err(error) if error.kind() == ErrorKind::Gone => Err(self.failed(error)),
            // It was removed meanwhile, being old; what else is wrong with it doesn't matter any more.
            _ => Ok(()),
        }
    }

    /// There is a later segment, but not the next.
    fn look_behind(&mut self, later: u64, found: Result<Followed<()>>) -> Result<Option<Followed<()>>> {
        let Some(segment) = self.open_segment(later)? else { return Ok(Some(Followed::Waiting)) };
        let Some(current) = &mut self.current else { return Ok(None) };
        if !current.is_complete {
            // All that comes before the later one is there now, and durable. It may not have been when it was read.
            current.is_complete = true;
            current.follower.note_all_durable();
            if found.is_ok() {
                return Ok(None);
            }
        }
        let next = current.sequence();
        if let Err(error) = found {
            return Err(self.failed(error));
        }
        self.skip(next, later)?;
        self.enter(segment);
        Ok(None)
    }

    /// The messages before `to` aren't there, from `from` on.
    fn skip(&mut self, from: u64, to: u64) -> Result<()> {
        // Those that weren't to be handed out aren't missed.
        let from = from.max(self.skip_below);
        if from >= to {
            return Ok(());
        }
        if self.options.skip_gaps {
            self.findings.push(LogFinding::Missing { from, to });
            return Ok(());
        }
        Err(self.folder.missing(from, to).into())
    }

    fn enter(&mut self, segment: Segment) {
        self.before = self.cursor();
        self.dropped_before = self.dropped();
        self.current = Some(segment);
    }

    fn failed(&self, error: Error) -> Error {
        match self.segment() {
            Some(path) => Problem::reading(path, error),
            None => error,
        }
    }

    fn ended(&mut self, end: End) -> Result<Followed<()>> {
        if self.options.following.chosen_reading().requires_closed() && !end.is_closed() {
            let path = self.segment().map(PathBuf::from).unwrap_or_default();
            return Err(Problem::NotClosed { path, end }.into());
        }
        self.outcome = Outcome::Ended(end);
        Ok(Followed::Ended)
    }
}

impl Looking for LogFollower {
    fn look(&mut self) -> Result<Followed<()>> {
        match &mut self.outcome {
            Outcome::Following => {}
            Outcome::Ended(_) => return Ok(Followed::Ended),
            Outcome::Failed { error, is_told } => {
                *is_told = true;
                return Err(error.clone());
            }
        }
        self.look_at_log().inspect_err(|error| {
            self.outcome = Outcome::Failed { error: error.clone(), is_told: true };
        })
    }

    fn waits(&mut self) -> (&mut Wait, &Path) {
        match &mut self.current {
            Some(current) => current.follower.waits(),
            None => (&mut self.wait, self.folder.path()),
        }
    }
}

/// Gives owned messages, and waits for them. An error comes once, then `None`.
impl Iterator for LogFollower {
    type Item = Result<LogMessage>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Outcome::Failed { is_told: true, .. } = self.outcome {
            return None;
        }
        match self.wait_for(None) {
            Ok(Followed::Message(())) => self.take_owned().map(Ok),
            Ok(Followed::Waiting | Followed::Ended) => None,
            Err(error) => Some(Err(error)),
        }
    }
}

impl fmt::Debug for LogFollower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogFollower")
            .field("folder", &self.folder())
            .field("segment", &self.segment())
            .field("sequence", &self.sequence())
            .field("outcome", &self.outcome)
            .finish_non_exhaustive()
    }
}
