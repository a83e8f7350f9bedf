//! The messages of a FILE argument, or a window of them.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{Read, Seek};
use std::ops::Range;
use std::path::{Path, PathBuf};

use flatstream::format::Sync;
use flatstream::log::{LogMessage, LogReader, LogWindow};
use flatstream::{
    Dropped, End, EndState, Error, Header, Losses, Message, ReadOptions, Reader, Recovery, Result, TIME_NONE, Window,
};

use crate::arguments::{self, Reading};
use crate::input::Input;
use crate::interval;
use crate::key::{Key, Order};
use crate::outcome::Failure;
use crate::text::{finding, printable};

/// A message, and what is known of it.
pub(crate) struct Item {
    pub(crate) message: Message,
    /// `None` between damage and the next sync frame.
    pub(crate) sequence: Option<u64>,
    /// The sync frame before it.
    pub(crate) sync: Option<Sync>,
    /// What the writer dropped, of all that was read so far; of a log nobody counts it.
    pub(crate) dropped: Dropped,
    /// How many damaged ranges of bytes were skipped so far.
    pub(crate) damaged_ranges: u64,
}

impl Item {
    /// Of the sync frame before it; [`TIME_NONE`] if that has none.
    pub(crate) fn time(&self) -> i64 {
        self.sync.map_or(TIME_NONE, |sync| sync.time)
    }

    /// Which message it is, in words.
    pub(crate) fn place(&self) -> String {
        let position = self.message.position();
        match self.sequence {
            Some(sequence) => format!("message {sequence}, at position {position}"),
            None => format!("the message at position {position}"),
        }
    }
}

/// Whatever gives one item after the other.
pub(crate) trait Source {
    fn next_item(&mut self) -> Option<Result<Item>>;
}

/// A source whose sync frames are known beyond the messages.
trait SyncedSource: Source {
    fn sync(&self) -> Option<Sync>;
}

impl<R: Read> SyncedSource for Reader<R> {
    fn sync(&self) -> Option<Sync> {
        self.last_sync().copied()
    }
}

impl SyncedSource for LogReader {
    fn sync(&self) -> Option<Sync> {
        self.last_sync().copied()
    }
}

fn item<R: Read>(message: Message, reader: &Reader<R>) -> Item {
    let sync = reader.last_sync().copied();
    let damaged_ranges = reader.losses().ranges;
    Item { sequence: message.sequence(), message, sync, dropped: reader.dropped(), damaged_ranges }
}

fn item_of_log(message: LogMessage, reader: &LogReader) -> Item {
    let (sync, damaged_ranges) = (reader.last_sync().copied(), reader.losses().ranges);
    Item { sequence: message.sequence(), message: message.into(), sync, dropped: Dropped::default(), damaged_ranges }
}

impl<R: Read> Source for Reader<R> {
    fn next_item(&mut self) -> Option<Result<Item>> {
        let message = self.next()?;
        Some(message.map(|message| item(message, self)))
    }
}

impl<R: Read> Source for Window<'_, R> {
    fn next_item(&mut self) -> Option<Result<Item>> {
        let message = self.next()?;
        Some(message.map(|message| item(message, self.reader())))
    }
}

impl Source for LogReader {
    fn next_item(&mut self) -> Option<Result<Item>> {
        let message = self.next()?;
        Some(message.map(|message| item_of_log(message, self)))
    }
}

impl Source for LogWindow<'_> {
    fn next_item(&mut self) -> Option<Result<Item>> {
        let message = self.next()?;
        Some(message.map(|message| item_of_log(message, self.reader())))
    }
}

impl Source for VecDeque<Item> {
    fn next_item(&mut self) -> Option<Result<Item>> {
        self.pop_front().map(Ok)
    }
}

/// Which messages.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    All,
    Sequences(Range<u64>),
    Times(Range<i64>),
    Last(u64),
    /// `FIELD=A..B`
    Keys(String),
}

impl Place {
    pub(crate) fn of(window: &arguments::Window) -> std::result::Result<Self, Failure> {
        if let Some(text) = &window.sequences {
            return interval::sequences(text).map(Self::Sequences).map_err(Failure::Usage);
        }
        if let Some(text) = &window.times {
            return interval::times(text).map(Self::Times).map_err(Failure::Usage);
        }
        Ok(match (&window.keys, window.last) {
            (Some(text), _) => Self::Keys(text.clone()),
            (None, Some(count)) => Self::Last(count),
            (None, None) => Self::All,
        })
    }
}

/// What gives the messages.
pub(crate) struct Messages {
    path: PathBuf,
    reader: AnyReader,
}

enum AnyReader {
    File(Box<Reader<File>>),
    Pipe(Box<Reader<Box<dyn Read>>>),
    Log(Box<LogReader>),
}

impl Messages {
    pub(crate) fn open(path: &Path, reading: &Reading) -> std::result::Result<Self, Failure> {
        let mut options = ReadOptions::new().max_message_len(reading.max_message_len);
        if reading.recover {
            let recovery = Recovery::new();
            options = options.recovery(reading.stream_id.map_or(recovery, |id| recovery.stream_id(id)));
        }
        let input = Input::open(path)?;
        if matches!(input, Input::Log(_)) && reading.stream_id.is_some() {
            return Err(Failure::usage("--stream-id is for a file: each segment of a log is a stream of its own"));
        }
        let failed = |error: Error| Failure::reading(path, &error);
        let (path, reader) = match input {
            Input::File { path, file } => {
                (path, AnyReader::File(Box::new(Reader::with_options(file, options).map_err(failed)?)))
            }
            Input::Pipe { path, source } => {
                (path, AnyReader::Pipe(Box::new(Reader::with_options(source, options).map_err(failed)?)))
            }
            Input::Log(path) => {
                let reader = LogReader::with_options(&path, options).map_err(failed)?;
                (path, AnyReader::Log(Box::new(reader)))
            }
        };
        Ok(Self { path, reader })
    }

    /// Of a log, that of its oldest segment; `None` if that can't be read.
    pub(crate) fn header(&self) -> Option<&Header> {
        match &self.reader {
            AnyReader::File(reader) => Some(reader.header()),
            AnyReader::Pipe(reader) => Some(reader.header()),
            AnyReader::Log(reader) => reader.header(),
        }
    }

    /// Gives the messages of a place, as far as `take` says that it wants more.
    pub(crate) fn each(
        &mut self,
        place: &Place,
        key: Option<&Key>,
        mut take: impl FnMut(Item) -> std::result::Result<bool, Failure>,
    ) -> std::result::Result<(), Failure> {
        let path = &self.path;
        let failed = |error: Error| Failure::reading(path, &error);
        let mut order = key.map(|key| Order::new(path, key));
        let mut take_all = |source: &mut dyn Source| {
            while let Some(item) = source.next_item() {
                let item = item.map_err(failed)?;
                if let Some(order) = &mut order {
                    order.check(&item)?;
                }
                if !take(item)? {
                    break;
                }
            }
            Ok(())
        };
        let taken = match &mut self.reader {
            AnyReader::File(reader) => {
                let reader = &mut **reader;
                seek(reader, place, key).map_err(failed)?;
                match place {
                    Place::Sequences(range) => take_all(&mut reader.sequences(range.clone()).map_err(failed)?),
                    Place::Times(range) if has_many_epochs(reader).map_err(failed)? => {
                        take_all(&mut TimesOfEpochs::new(reader, range))
                    }
                    Place::Times(range) => take_all(&mut reader.times(range.clone()).map_err(failed)?),
                    _ => take_all(reader),
                }
            }
            AnyReader::Log(reader) => match place {
                Place::Sequences(range) => take_all(&mut reader.sequences(range.clone()).map_err(failed)?),
                Place::Times(range) => take_all(&mut TimesOfEpochs::new(&mut **reader, range)),
                Place::Last(count) => {
                    reader.seek_to_last(*count).map_err(failed)?;
                    take_all(&mut **reader)
                }
                Place::Keys(_) => {
                    if let Some(key) = key {
                        reader.partition_point(|message| key.is_before(message)).map_err(failed)?;
                    }
                    take_all(&mut **reader)
                }
                Place::All => take_all(&mut **reader),
            },
            AnyReader::Pipe(reader) => match place {
                Place::Last(count) => {
                    let mut last = VecDeque::new();
                    while let Some(item) = reader.next_item() {
                        last.push_back(item.map_err(failed)?);
                        if last.len() as u64 > *count {
                            last.pop_front();
                        }
                    }
                    take_all(&mut last)
                }
                _ => take_all(&mut Filtered { reader, place, key, held: VecDeque::new(), is_begun: false }),
            },
        };
        if taken.is_ok() {
            self.say_torn_end();
        }
        taken
    }

    fn say_torn_end(&mut self) {
        match &mut self.reader {
            AnyReader::File(reader) => say_torn_end(&self.path, reader.end().ok()),
            AnyReader::Pipe(reader) => say_torn_end(&self.path, reader.end().ok()),
            // `verify` tells it of a log.
            AnyReader::Log(_) => {}
        }
    }

    /// The last sync frame that was read.
    pub(crate) fn last_sync(&self) -> Option<Sync> {
        match &self.reader {
            AnyReader::File(reader) => reader.last_sync().copied(),
            AnyReader::Pipe(reader) => reader.last_sync().copied(),
            AnyReader::Log(reader) => reader.last_sync().copied(),
        }
    }

    /// Reads on to the first sync frame behind this one, if there is one that can be reached.
    pub(crate) fn sync_behind(&mut self, sync: Option<Sync>) -> Option<Sync> {
        loop {
            if let Some(last) = self.last_sync().filter(|last| Some(*last) != sync) {
                return Some(last);
            }
            let is_over = match &mut self.reader {
                AnyReader::File(reader) => !matches!(reader.next_message(), Ok(Some(_))),
                AnyReader::Pipe(reader) => !matches!(reader.next_message(), Ok(Some(_))),
                AnyReader::Log(reader) => !matches!(reader.next_message(), Ok(Some(_))),
            };
            if is_over {
                return self.last_sync().filter(|last| Some(*last) != sync);
            }
        }
    }

    /// The stream's id, or the log's.
    pub(crate) fn id(&self) -> Option<u64> {
        match &self.reader {
            AnyReader::File(reader) => reader.stream_id(),
            AnyReader::Pipe(reader) => reader.stream_id(),
            AnyReader::Log(reader) => reader.log_id(),
        }
    }

    /// What was noticed beside the messages, a line each.
    pub(crate) fn take_findings(&mut self) -> Vec<String> {
        match &mut self.reader {
            AnyReader::File(reader) => reader.take_findings().iter().map(finding).collect(),
            AnyReader::Pipe(reader) => reader.take_findings().iter().map(finding).collect(),
            AnyReader::Log(reader) => reader.take_findings().iter().map(ToString::to_string).collect(),
        }
    }

    pub(crate) fn losses(&self) -> Losses {
        match &self.reader {
            AnyReader::File(reader) => *reader.losses(),
            AnyReader::Pipe(reader) => *reader.losses(),
            AnyReader::Log(reader) => reader.losses(),
        }
    }
}

/// A torn end is no error, and yet a message may have begun there: whoever makes something of this stream is told.
/// Where not all of it was read, there is no end to be told of.
pub(crate) fn say_torn_end(path: &Path, end: Option<End>) {
    if let Some(end) = end.filter(|end| end.state == EndState::Torn) {
        eprintln!("{}: {end}", printable(&path.display().to_string()));
    }
}

/// Whether a stream was reopened: then its clock may have gone back, and times can't be bisected.
fn has_many_epochs<R: Read + Seek>(reader: &mut Reader<R>) -> Result<bool> {
    reader.seek_to_last(1)?;
    let last = reader.last_sync().map(|sync| sync.epoch);
    reader.seek_to_sequence(0)?;
    Ok(last != reader.last_sync().map(|sync| sync.epoch))
}

/// A window of times where these may decrease from one epoch to the next: everything is read, and the messages between
/// two sync frames are wanted if any of them can be of the window. Behind the last sync frame of an epoch nobody knows
/// how late they are.
struct TimesOfEpochs<'a, S> {
    source: &'a mut S,
    range: &'a Range<i64>,
    /// Those behind a sync frame before the window, until the next one tells.
    held: VecDeque<Item>,
    ready: VecDeque<Item>,
    is_over: bool,
}

impl<'a, S: SyncedSource> TimesOfEpochs<'a, S> {
    fn new(source: &'a mut S, range: &'a Range<i64>) -> Self {
        Self { source, range, held: VecDeque::new(), ready: VecDeque::new(), is_over: false }
    }

    /// What is held was appended before this sync frame.
    fn decide(&mut self, next: Option<Sync>) {
        let Some(sync) = self.held.back().map(|item| item.sync) else { return };
        if next == sync && !self.is_over {
            return;
        }
        let session = |sync: &Sync| (sync.stream_id, sync.epoch);
        let is_same_epoch =
            |next: &Sync| sync.is_some_and(|sync| session(&sync) == session(next)) && Some(*next) != sync;
        let is_before = next.filter(is_same_epoch).is_some_and(|next| next.time < self.range.start);
        if is_before {
            self.held.clear();
        }
        self.ready.append(&mut self.held);
    }
}

impl<S: SyncedSource> Source for TimesOfEpochs<'_, S> {
    fn next_item(&mut self) -> Option<Result<Item>> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Some(Ok(item));
            }
            match self.source.next_item() {
                Some(Ok(item)) => {
                    self.decide(item.sync);
                    match item.time() {
                        time if time >= self.range.end => {}
                        time if time >= self.range.start => self.ready.push_back(item),
                        _ => self.held.push_back(item),
                    }
                }
                Some(Err(error)) => return Some(Err(error)),
                None if self.is_over => return None,
                None => {
                    self.is_over = true;
                    self.decide(self.source.sync());
                }
            }
        }
    }
}

/// Goes to where windows that have no iterator of their own begin.
fn seek<R: Read + Seek>(reader: &mut Reader<R>, place: &Place, key: Option<&Key>) -> Result<()> {
    match (place, key) {
        (Place::Last(count), _) => reader.seek_to_last(*count).map(drop),
        (Place::Keys(_), Some(key)) => reader.partition_point(|message| key.is_before(message)).map(drop),
        _ => Ok(()),
    }
}

/// What can't be sought is read from the beginning.
struct Filtered<'a> {
    reader: &'a mut Reader<Box<dyn Read>>,
    place: &'a Place,
    key: Option<&'a Key>,
    /// Of a window of times: those behind the last sync frame, as long as that is before the window.
    held: VecDeque<Item>,
    /// The window was reached; not for one of numbers.
    is_begun: bool,
}

impl Source for Filtered<'_> {
    fn next_item(&mut self) -> Option<Result<Item>> {
        match (self.place, self.key) {
            (Place::Times(range), _) => self.next_of_times(range),
            (Place::Sequences(range), _) => {
                let found = self.find(|item| item.sequence.is_none_or(|sequence| sequence >= range.start))?;
                match &found {
                    Ok(item) if item.sequence.is_some_and(|sequence| sequence >= range.end) => None,
                    _ => Some(found),
                }
            }
            (Place::Keys(_), Some(key)) if !self.is_begun => {
                self.is_begun = true;
                self.find(|item| !key.is_before(&item.message))
            }
            _ => self.reader.next_item(),
        }
    }
}

impl Filtered<'_> {
    fn find(&mut self, is_wanted: impl Fn(&Item) -> bool) -> Option<Result<Item>> {
        loop {
            match self.reader.next_item()? {
                Ok(item) if !is_wanted(&item) => {}
                found => return Some(found),
            }
        }
    }

    /// As a window of times begins where it can be sought: behind the last sync frame before it.
    fn next_of_times(&mut self, range: &Range<i64>) -> Option<Result<Item>> {
        while !self.is_begun {
            match self.reader.next_item() {
                Some(Ok(item)) => {
                    self.is_begun = item.time() >= range.start;
                    if !self.is_begun && self.held.back().is_some_and(|held| held.time() != item.time()) {
                        self.held.clear();
                    }
                    self.held.push_back(item);
                }
                Some(Err(error)) => return Some(Err(error)),
                None => {
                    self.is_begun = true;
                    // A sync frame at the very end may be the last one before the window.
                    if self.reader.last_sync().is_some_and(|sync| sync.sequence == self.reader.sequence()) {
                        self.held.clear();
                    }
                }
            }
        }
        let next = self.held.pop_front().map(Ok).or_else(|| self.reader.next_item())?;
        match &next {
            Ok(item) if item.time() >= range.end => None,
            _ => Some(next),
        }
    }
}
