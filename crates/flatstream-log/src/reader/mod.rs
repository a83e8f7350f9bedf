mod backwards;
mod current;
mod seek;
mod window;

use std::fmt;
use std::path::Path;

use flatstream_io::format::Sync;
use flatstream_io::{End, Error, ErrorKind, Header, Losses, ReadOptions, Result};

pub use backwards::LogBackwards;
pub(crate) use seek::segment_before_time;
pub use window::LogWindow;

use crate::catalog::{Catalog, Unopened};
use crate::cursor::LogCursor;
use crate::finding::{LogFinding, LogFindings, sum};
use crate::message::LogMessage;
use crate::problem::{self, Problem};
use current::Current;

/// Reads the messages of a log: all segments in one, counted over all of them.
///
/// It is an iterator of owned [`LogMessage`]s; [`next_message`](Self::next_message) lends. It takes no lock, so a log
/// may be written, rotated and shortened while it is read. It ends with what is there when it comes to the end of the
/// newest segment. Opening it lists the folder and looks at two headers, and reading never opens more than one segment,
/// however long the log is.
///
/// A segment that isn't marked as closed ends where the next one begins, whatever lies behind that.
///
/// What is wrong is an error that names the file, what was expected there and what was found:
///
/// | what is wrong | kind |
/// |---|---|
/// | a segment was removed by hand from between others | `Damaged` |
/// | the segments that come next were removed because they were old | `Gone` |
/// | a segment is damaged | as a [`Reader`](flatstream_io::Reader) says it |
/// | a segment's header is unreadable | `Damaged`, `NotAStream`, `Incomplete` or `Unsupported` |
/// | a file with a segment's name is another segment (it was renamed), of another log, or of none | `WrongSegment` |
///
/// After such an error [seeking](Self::seek_to_sequence) to what lies behind goes on there. With
/// [`recovery`](ReadOptions::recovery) none of these is an error: the reader goes on with the next message that is
/// there, and [`take_findings`](Self::take_findings) tells. A segment whose header is unreadable is then read as far as
/// its sync frames show the way, and its place is that of its name.
///
/// Which log it is, most segments say, if the oldest and the newest don't agree.
///
/// ```
/// use flatstream_log::{LogOptions, LogReader, LogWriter};
///
/// # let folder = std::env::temp_dir().join(format!("flatstream-log-reader-{}", std::process::id()));
/// let mut log = LogWriter::open(&folder, LogOptions::new().segment_bytes(10_000))?;
/// for number in 0..1000u64 {
///     log.append(&number.to_le_bytes())?;
/// }
/// log.finish()?;
///
/// let mut reader = LogReader::open(&folder)?;
/// assert_eq!(reader.by_ref().count(), 1000);
/// assert!(reader.end()?.is_closed());
///
/// reader.seek_to_sequence(700)?;
/// assert_eq!(reader.next_message()?, Some(&700u64.to_le_bytes()[..]));
/// assert_eq!(reader.sequences(100..200)?.count(), 100);
/// assert_eq!(reader.backwards().next().transpose()?.unwrap()[..], 999u64.to_le_bytes());
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct LogReader {
    catalog: Catalog,
    options: ReadOptions,
    /// Whether the end of the log must be closed. Segments before the newest needn't.
    requires_closed: bool,
    current: Option<Current>,
    /// The number of the next message, while there is no current segment.
    at: u64,
    outcome: Outcome,
    findings: LogFindings,
}

#[derive(Debug)]
enum Outcome {
    Reading,
    /// `None` if there is nothing that ended.
    Ended(Option<End>),
    Failed {
        error: Error,
        is_told: bool,
    },
}

/// Why the current segment gives no more.
enum Stopped {
    /// There is none.
    NoSegment,
    /// The next one begins.
    AtBorder,
    AtEnd,
    Failed(Error),
}

impl LogReader {
    /// Opens the log in a folder, at its oldest message.
    ///
    /// # Errors
    /// Of the kind `NotAStream` if there is no segment in the folder; `Io`; and if none of its segments says which log
    /// it is of, what is wrong with the oldest.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self> {
        Self::with_options(folder, ReadOptions::new())
    }

    /// The same, with options. [`require_closed`](ReadOptions::require_closed) is about the newest segment.
    ///
    /// # Errors
    /// As [`open`](Self::open); `Usage` with [`Recovery::link`](flatstream_io::Recovery::link).
    pub fn with_options(folder: impl AsRef<Path>, options: ReadOptions) -> Result<Self> {
        if options.chosen_recovery().is_some_and(|recovery| recovery.is_link()) {
            return Err(Error::of_kind(ErrorKind::Usage, problem::LINK));
        }
        let requires_closed = options.requires_closed();
        let options = options.require_closed(false);
        let catalog = Catalog::open(folder.as_ref(), &options)?;
        let mut reader = Self {
            at: catalog.oldest().unwrap_or_default(),
            catalog,
            options,
            requires_closed,
            current: None,
            outcome: Outcome::Reading,
            findings: LogFindings::default(),
        };
        if let Err(error) = reader.go_to_oldest() {
            reader.outcome = Outcome::Failed { error, is_told: false };
        }
        while reader.current.is_none() && matches!(reader.outcome, Outcome::Reading) {
            if let Err(error) = reader.go_on(Stopped::NoSegment) {
                reader.outcome = Outcome::Failed { error, is_told: false };
            }
        }
        Ok(reader)
    }

    /// The next message, lent until the next call, or `None` behind the last. It allocates nothing within a segment,
    /// unless a message is larger than a block (256 KiB).
    ///
    /// # Errors
    /// See [`LogReader`]; `NotClosed` if that was required; `Unsupported`, `Limit` and `Io` as
    /// [`Reader::next_message`](flatstream_io::Reader::next_message). All are given again by the next call.
    #[inline]
    pub fn next_message(&mut self) -> Result<Option<&[u8]>> {
        if !self.advance()? {
            return Ok(None);
        }
        match &mut self.current {
            Some(current) => current.reader.next_message(),
            None => Ok(None),
        }
    }

    /// The number of the next message, over all segments. A recovering reader doesn't know it between damage and the
    /// next sync frame; it then is what it was before the damage, or more.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.current.as_ref().map_or(self.at, Current::sequence)
    }

    /// The number of the oldest message that the log had when its folder was listed last.
    #[must_use]
    pub fn first_sequence(&self) -> u64 {
        self.catalog.oldest().unwrap_or_default()
    }

    /// Where the next message's frame, or a control frame before it, starts in its [segment](Self::segment).
    #[must_use]
    pub fn position(&self) -> u64 {
        self.current.as_ref().map_or(0, |current| current.reader.position())
    }

    /// Directly behind the last message that was read: from there a [`LogFollower`](crate::LogFollower) goes on. `None`
    /// where that isn't known: before the first message, behind damage, and if no header tells which log it is.
    #[must_use]
    pub fn cursor(&self) -> Option<LogCursor> {
        let current = self.current.as_ref()?;
        Some(LogCursor::new(self.log_id()?, current.first, current.reader.cursor()?))
    }

    /// The last sync frame that was read, of the segment that is read.
    #[must_use]
    pub fn last_sync(&self) -> Option<&Sync> {
        self.current.as_ref().and_then(|current| current.reader.last_sync())
    }

    /// The file of the segment that is read; `None` if none could be opened.
    #[must_use]
    pub fn segment(&self) -> Option<&Path> {
        self.current.as_ref().map(|current| &*current.path)
    }

    /// That one's header.
    #[must_use]
    pub fn header(&self) -> Option<&Header> {
        self.current.as_ref().map(|current| current.reader.header())
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.catalog.folder()
    }

    /// The log's identity; `None` if no header tells.
    #[must_use]
    pub fn log_id(&self) -> Option<u64> {
        self.catalog.log_id()
    }

    /// How the newest segment ended, once the last message was given.
    ///
    /// # Errors
    /// Of the kind `Usage` while messages may be left; the error again that ended reading; `NotAStream` if there is no
    /// segment.
    pub fn end(&self) -> Result<End> {
        match &self.outcome {
            Outcome::Reading => Err(Error::of_kind(ErrorKind::Usage, problem::NOT_YET_ENDED)),
            Outcome::Ended(Some(end)) => Ok(*end),
            Outcome::Ended(None) => Err(Problem::NoLog(self.folder().to_owned()).into()),
            Outcome::Failed { error, .. } => Err(error.clone()),
        }
    }

    /// What was noticed beside the messages since the last call: with [`recovery`](ReadOptions::recovery), all that
    /// would otherwise be an error; messages that the writer dropped in every case. At most 1,024 wait;
    /// [`losses`](Self::losses) counts all. What is read again, after seeking, is said again.
    pub fn take_findings(&mut self) -> Vec<LogFinding> {
        if let Some(current) = &mut self.current {
            self.findings.push_all(&current.path, current.reader.take_findings());
        }
        self.findings.take()
    }

    /// How many findings came while too many waited to be taken, and are counted only.
    #[must_use]
    pub fn findings_left_out(&self) -> u64 {
        let of_current = self.current.as_ref().map_or(0, |current| current.reader.findings_left_out());
        self.findings.left_out() + of_current
    }

    /// What was lost so far, in all segments, with the messages that are [missing](LogFinding::Missing).
    #[must_use]
    pub fn losses(&self) -> Losses {
        match &self.current {
            Some(current) => sum(self.findings.losses(), current.reader.losses()),
            None => *self.findings.losses(),
        }
    }

    fn is_recovering(&self) -> bool {
        self.options.chosen_recovery().is_some()
    }

    /// Whether there is a next message; the current segment's reader then has it.
    #[inline]
    fn advance(&mut self) -> Result<bool> {
        loop {
            if !matches!(self.outcome, Outcome::Reading) {
                return self.told();
            }
            let stopped = match &mut self.current {
                None => Stopped::NoSegment,
                Some(current) if current.is_at_border() => Stopped::AtBorder,
                Some(current) => match current.reader.peek() {
                    Ok(Some(_)) => return Ok(true),
                    Ok(None) => Stopped::AtEnd,
                    Err(error) => Stopped::Failed(error),
                },
            };
            if let Err(error) = self.go_on(stopped) {
                self.outcome = Outcome::Failed { error, is_told: false };
            }
        }
    }

    #[cold]
    fn told(&mut self) -> Result<bool> {
        match &mut self.outcome {
            Outcome::Failed { error, is_told } => {
                *is_told = true;
                Err(error.clone())
            }
            Outcome::Reading | Outcome::Ended(_) => Ok(false),
        }
    }

    /// The current segment gives no more: goes on in the next one, if there is one.
    #[cold]
    fn go_on(&mut self, stopped: Stopped) -> Result<()> {
        let is_newest = self.current.as_ref().is_none_or(|current| current.until.is_none());
        if is_newest && !matches!(stopped, Stopped::NoSegment) {
            self.catalog.refresh()?;
            self.note_border();
            return match &mut self.current {
                // What it ended in, or with, may have been complete before the next one began.
                Some(current) if current.until.is_some() => current.read_again(&self.options, &mut self.findings),
                _ => self.end_of_log(stopped),
            };
        }
        let is_recovering = self.is_recovering();
        if let (Stopped::Failed(error), Some(current)) = (stopped, &mut self.current) {
            let why = current.failed(error);
            if !is_recovering {
                return Err(why);
            }
            if !std::mem::replace(&mut current.is_broken_off, true) {
                self.findings.push(LogFinding::BrokenOff { path: current.path.clone(), why });
            }
        }
        self.enter_next()
    }

    /// Where the current segment ends, by what is listed.
    fn note_border(&mut self) {
        if let Some(current) = &mut self.current {
            current.until = self.catalog.after(current.first);
        }
    }

    fn end_of_log(&mut self, stopped: Stopped) -> Result<()> {
        let Some(current) = &mut self.current else {
            self.outcome = Outcome::Ended(None);
            return Ok(());
        };
        if let Stopped::Failed(error) = stopped {
            return Err(current.failed(error));
        }
        let end = current.reader.end().map_err(|error| Problem::reading(&current.path, error))?;
        if self.requires_closed && !end.is_closed() {
            return Err(Problem::NotClosed { path: current.path.clone(), end }.into());
        }
        self.outcome = Outcome::Ended(Some(end));
        Ok(())
    }

    /// Opens the next segment that is listed, or finds that it is none: then another one is the next.
    fn enter_next(&mut self) -> Result<()> {
        let at = self.sequence();
        let next = match &self.current {
            Some(current) => self.catalog.after(current.first),
            None => self.catalog.at_or_after(at),
        };
        let Some(next) = next else { return self.end_of_log(Stopped::NoSegment) };
        if let Some(opened) = self.open_segment(next)?
            && (next <= at || self.is_lost(at, next)?)
        {
            self.set_current(opened);
        }
        self.note_border();
        Ok(())
    }

    /// Goes to the oldest message that there is. Segments that are removed meanwhile aren't missed.
    fn go_to_oldest(&mut self) -> Result<()> {
        while let Some(oldest) = self.catalog.oldest() {
            self.at = oldest;
            if let Some(current) = self.open_segment(oldest)? {
                self.set_current(current);
                break;
            }
            // One that is there and can't be read is missed.
            if self.catalog.is_rejected(oldest) {
                break;
            }
        }
        Ok(())
    }

    fn set_current(&mut self, current: Current) {
        self.leave();
        self.current = Some(current);
    }

    fn leave(&mut self) {
        if let Some(current) = self.current.take() {
            self.at = current.sequence();
            current.leave(&mut self.findings);
        }
    }

    /// `None` if it isn't to be read: it is no longer listed then.
    fn open_segment(&mut self, first: u64) -> Result<Option<Current>> {
        match self.catalog.open_segment(first, &self.options) {
            Ok(opened) => return Ok(Some(Current::new(opened, self.catalog.after(first)))),
            Err(Unopened::Removed) => self.catalog.refresh()?,
            Err(Unopened::NotYet) => self.catalog.reject(first, true),
            Err(Unopened::Bad(why)) => {
                if !self.is_recovering() {
                    return Err(why);
                }
                self.findings.push(LogFinding::Skipped { path: self.catalog.path(first), why });
                self.catalog.reject(first, false);
            }
        }
        Ok(None)
    }

    /// By what is listed the messages before `to` aren't there, from `from` on. If they aren't, that is an error or a
    /// finding. But a folder isn't listed in one moment: of two segments that begin meanwhile, only the second may be
    /// in the listing.
    fn is_lost(&mut self, from: u64, to: u64) -> Result<bool> {
        self.catalog.refresh()?;
        if self.catalog.at_or_after(from).is_some_and(|found| found < to) {
            return Ok(false);
        }
        if self.is_recovering() {
            self.findings.push(LogFinding::Missing { from, to });
            return Ok(true);
        }
        let folder = self.folder().to_owned();
        Err(match self.catalog.oldest() {
            Some(oldest) if oldest > from => Problem::Gone { folder, from, to: oldest },
            _ => Problem::Missing { folder, from, to },
        }
        .into())
    }
}

/// Gives owned messages. An error that ends reading comes once, then `None`.
impl Iterator for LogReader {
    type Item = Result<LogMessage>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Outcome::Failed { is_told: true, .. } = self.outcome {
            return None;
        }
        match self.advance() {
            Ok(true) => {
                let current = self.current.as_mut()?;
                let first = current.first;
                current.reader.next().map(|message| message.map(|message| LogMessage::new(message, first)))
            }
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        }
    }
}

impl fmt::Debug for LogReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogReader")
            .field("folder", &self.folder())
            .field("segment", &self.segment())
            .field("sequence", &self.sequence())
            .field("outcome", &self.outcome)
            .finish_non_exhaustive()
    }
}
