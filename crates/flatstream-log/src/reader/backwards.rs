use std::fmt;

use flatstream_io::{BackwardSteps, Result};

use super::current::Current;
use super::{LogReader, Outcome};
use crate::finding::LogFinding;
use crate::message::LogMessage;

/// The messages of a log from the last to the first: made by [`LogReader::backwards`].
///
/// It goes back from segment to segment, and in each as [`Backwards`](flatstream_io::Backwards) does. A strict reader
/// ends with an error where messages are missing, damaged, or in a file that isn't the log's; a recovering one goes on
/// before that.
pub struct LogBackwards<'r> {
    reader: &'r mut LogReader,
    segment: Option<Segment>,
    /// Behind the messages that weren't given yet; `None` as long as none was.
    until: Option<u64>,
    is_done: bool,
}

struct Segment {
    current: Current,
    steps: BackwardSteps,
    is_end_checked: bool,
}

impl LogReader {
    /// The messages from the last to the first, as far as the log goes now. Afterwards the reader stands at the
    /// beginning.
    ///
    /// ```
    /// use flatstream_log::{LogOptions, LogReader, LogWriter};
    ///
    /// # let folder = std::env::temp_dir().join(format!("flatstream-log-backwards-{}", std::process::id()));
    /// let mut log = LogWriter::open(&folder, LogOptions::new().segment_bytes(1000))?;
    /// for number in 0..100u8 {
    ///     log.append(&[number])?;
    /// }
    /// log.finish()?;
    /// let mut reader = LogReader::open(&folder)?;
    /// let mut backwards = reader.backwards();
    /// assert_eq!(backwards.next().unwrap()?[..], [99]);
    /// assert_eq!(backwards.next().unwrap()?[..], [98]);
    /// # std::fs::remove_dir_all(&folder)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn backwards(&mut self) -> LogBackwards<'_> {
        self.leave();
        self.outcome = Outcome::Reading;
        self.at = self.first_sequence();
        LogBackwards { reader: self, segment: None, until: None, is_done: false }
    }
}

impl LogBackwards<'_> {
    fn step(&mut self) -> Result<Option<LogMessage>> {
        loop {
            let Some(segment) = &mut self.segment else {
                if !self.enter_before()? {
                    return Ok(None);
                }
                continue;
            };
            let first = segment.current.first;
            match segment.steps.next(&mut segment.current.reader) {
                Some(Ok(message)) => {
                    if self.is_end_right()? {
                        return Ok(Some(LogMessage::new(message, first)));
                    }
                }
                Some(Err(error)) => {
                    let why = segment.current.failed(error);
                    if !self.reader.is_recovering() {
                        return Err(why);
                    }
                    let path = segment.current.path.clone();
                    self.reader.findings.push(LogFinding::BrokenOff { path, why });
                    self.leave();
                }
                None => {
                    if self.is_end_right()? {
                        self.leave();
                    }
                }
            }
        }
    }

    /// The segment must reach to where the one behind it begins. If there turns out to be one in between, that comes
    /// first.
    fn is_end_right(&mut self) -> Result<bool> {
        let Some(segment) = self.segment.as_mut().filter(|segment| !segment.is_end_checked) else { return Ok(true) };
        segment.is_end_checked = true;
        let end = segment.current.sequence();
        let Some(until) = segment.current.until.filter(|&until| end < until) else { return Ok(true) };
        let is_lost = self.reader.is_lost(end, until)?;
        if !is_lost {
            self.segment = None;
        }
        Ok(is_lost)
    }

    fn leave(&mut self) {
        if let Some(segment) = self.segment.take() {
            self.until = Some(segment.current.first);
            segment.current.leave(&mut self.reader.findings);
        }
    }

    /// Whether there is one more.
    fn enter_before(&mut self) -> Result<bool> {
        if self.until.is_none() {
            self.reader.catalog.refresh_all()?;
        }
        loop {
            let catalog = &self.reader.catalog;
            let before = self.until.map_or_else(|| catalog.newest(), |until| catalog.before(until));
            let Some(before) = before else { return Ok(false) };
            if let Some(mut current) = self.reader.open_segment(before)? {
                current.until = self.until;
                let count = self.until.map_or(u64::MAX, |until| until - before);
                self.segment = Some(Segment { current, steps: BackwardSteps::before(count), is_end_checked: false });
                return Ok(true);
            }
        }
    }
}

/// An error comes once, then `None`.
impl Iterator for LogBackwards<'_> {
    type Item = Result<LogMessage>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_done {
            return None;
        }
        let step = self.step();
        self.is_done = !matches!(step, Ok(Some(_)));
        if self.is_done {
            self.leave();
        }
        step.transpose()
    }
}

impl fmt::Debug for LogBackwards<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogBackwards").field("until", &self.until).finish_non_exhaustive()
    }
}
