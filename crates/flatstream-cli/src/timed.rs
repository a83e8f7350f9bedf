//! Messages with the times at which they were recorded, as far as sync frames tell.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use flatstream::log::{LogReader, Segment, segments};
use flatstream::replay::{BySyncTimes, Replay};
use flatstream::{Error, ErrorKind, Header, Message, ReadOptions, Reader, Result};

use crate::input::Input;
use crate::messages::say_torn_end;
use crate::outcome::Failure;

/// The messages of a FILE argument, from first to last; a message without a time has `TIME_NONE`.
pub(crate) struct Timed {
    pub(crate) path: PathBuf,
    pub(crate) header: Header,
    /// The stream's id, or the log's.
    pub(crate) id: Option<u64>,
    messages: Box<dyn Iterator<Item = Result<(i64, Message)>>>,
}

impl Timed {
    pub(crate) fn open(path: &Path) -> std::result::Result<Self, Failure> {
        let failed = |error: Error| Failure::reading(path, &error);
        match Input::open(path)? {
            Input::File { path, file } => Self::of_reader(path, file).map_err(failed),
            Input::Pipe { path, source } => Self::of_reader(path, source).map_err(failed),
            Input::Log(folder) => Self::of_log(folder).map_err(failed),
        }
    }

    fn of_reader(path: PathBuf, source: impl Read + 'static) -> Result<Self> {
        let mut reader = Reader::with_options(source, options())?;
        // The first sync frame tells the id; if it can't be read, that is said with the first message.
        let _ = reader.peek();
        let (header, id) = (reader.header().clone(), reader.stream_id());
        let messages = OfStream { path: path.clone(), messages: Some(Replay::by_sync_times(reader).into_inner()) };
        Ok(Self { path, header, id, messages: Box::new(messages) })
    }

    fn of_log(folder: PathBuf) -> Result<Self> {
        let reader = LogReader::with_options(&folder, options())?;
        let no_header = || Error::of_kind(ErrorKind::NotAStream, "the log's oldest segment has no header");
        let (header, id) = (reader.header().ok_or_else(no_header)?.clone(), reader.log_id());
        let messages = OfLog { next: segments(&folder)?.into(), current: None };
        Ok(Self { path: folder, header, id, messages: Box::new(messages) })
    }
}

impl Iterator for Timed {
    type Item = std::result::Result<(i64, Message), Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.messages.next()?;
        Some(next.map_err(|error| Failure::reading(&self.path, &error)))
    }
}

fn options() -> ReadOptions {
    ReadOptions::new().max_message_len(0)
}

/// A stream, until it has ended.
struct OfStream<R: Read> {
    path: PathBuf,
    messages: Option<BySyncTimes<R>>,
}

impl<R: Read> Iterator for OfStream<R> {
    type Item = Result<(i64, Message)>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.messages.as_mut()?.next();
        if next.is_none()
            && let Some(messages) = self.messages.take()
        {
            say_torn_end(&self.path, messages.into_inner().end().ok());
        }
        next
    }
}

/// One segment after the other.
struct OfLog {
    next: VecDeque<Segment>,
    current: Option<Current>,
}

struct Current {
    messages: BySyncTimes<File>,
    /// The number of the next message.
    sequence: u64,
}

impl OfLog {
    fn begin(&mut self) -> Result<bool> {
        let Some(segment) = self.next.pop_front() else { return Ok(false) };
        let file = File::open(&segment.path).map_err(|error| Error::file(&segment.path, "opened", error))?;
        let reader = Reader::with_options(file, options())?;
        let messages = Replay::by_sync_times(reader).into_inner();
        self.current = Some(Current { messages, sequence: segment.first_sequence });
        Ok(true)
    }

    fn next_message(&mut self) -> Result<Option<(i64, Message)>> {
        loop {
            let until = self.next.front().map(|next| next.first_sequence);
            if let Some(current) = &mut self.current {
                // A segment that its writer did not close may hold more than counts.
                if until.is_none_or(|until| current.sequence < until)
                    && let Some(next) = current.messages.next()
                {
                    current.sequence += 1;
                    return next.map(Some);
                }
                if let Some(until) = until.filter(|&until| until > current.sequence) {
                    let what = format!("the messages from number {} to {} are missing", current.sequence, until - 1);
                    return Err(Error::of_kind(ErrorKind::Damaged, what));
                }
                self.current = None;
            }
            if !self.begin()? {
                return Ok(None);
            }
        }
    }
}

impl Iterator for OfLog {
    type Item = Result<(i64, Message)>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_message().transpose()
    }
}
