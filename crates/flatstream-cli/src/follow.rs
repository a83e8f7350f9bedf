//! Prints messages as a writer appends them.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use flatstream::follow::Start;
use flatstream::log::{LogFollowOptions, LogFollower, LogReader, LogStart};
use flatstream::{Dropped, Error, FollowOptions, Followed, Follower, Header, ReadOptions, Reader, Result};

use crate::arguments::{Cat, Selection};
use crate::filter::Filter;
use crate::input::Input;
use crate::key::Order;
use crate::messages::{Item, Place};
use crate::outcome::{Done, Failure, Outcome};
use crate::printer::Printer;

/// So many messages are printed at most before the cursor is saved, if there is always a next one.
const CURSOR_INTERVAL: u64 = 10_000;

/// Waits are made of these: an hour, as long as nothing else is to be done.
const WAIT: Duration = Duration::from_secs(3600);

/// A file or a log that is followed.
trait Following {
    fn next_within(&mut self, time: Duration) -> Result<Followed<Item>>;
    fn cursor_text(&self) -> Option<String>;
    fn header(&self) -> Option<&Header>;
}

impl Following for Follower {
    fn next_within(&mut self, time: Duration) -> Result<Followed<Item>> {
        let followed = self.next_owned_within(time)?;
        Ok(followed.map(|message| Item {
            sequence: message.sequence(),
            message,
            sync: None,
            dropped: Dropped::default(),
            damaged_ranges: 0,
        }))
    }

    fn cursor_text(&self) -> Option<String> {
        self.cursor().map(|cursor| cursor.to_string())
    }

    fn header(&self) -> Option<&Header> {
        self.header()
    }
}

impl Following for LogFollower {
    fn next_within(&mut self, time: Duration) -> Result<Followed<Item>> {
        let followed = self.next_owned_within(time)?;
        Ok(followed.map(|message| Item {
            sequence: message.sequence(),
            message: message.into(),
            sync: None,
            dropped: Dropped::default(),
            damaged_ranges: 0,
        }))
    }

    fn cursor_text(&self) -> Option<String> {
        self.cursor().map(|cursor| cursor.to_string())
    }

    fn header(&self) -> Option<&Header> {
        self.header()
    }
}

/// What a cursor file says; `None` if there is none yet. One that says something else isn't written over.
fn read_cursor(file: &Path) -> std::result::Result<Option<String>, Failure> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::file(file, "read as a cursor", &error)),
    }
}

/// Follows until the stream is closed.
pub(crate) fn run(path: &Path, options: &Cat, out: &mut impl Write) -> Outcome {
    let Selection { window, reading } = &options.selection;
    let place = &Place::of(window)?;
    let following = FollowOptions::new().reading(ReadOptions::new().max_message_len(reading.max_message_len));
    let saved = options.cursor_file.as_deref().map(read_cursor).transpose()?.flatten();
    let failed = |error: Error| Failure::reading(path, &error);
    match Input::open(path)? {
        Input::File { file, .. } => {
            let start = match &saved {
                Some(text) => Start::Cursor(text.parse().map_err(failed)?),
                None => start_in_file(path, file, options, place)?,
            };
            let mut follower = Follower::open(path, following.from(start)).map_err(failed)?;
            print_all(path, options, place, &mut follower, out)
        }
        Input::Log(folder) => {
            let start = match &saved {
                Some(text) => LogStart::Cursor(text.parse().map_err(failed)?),
                None => start_in_log(&folder, options, place)?,
            };
            let log_options = LogFollowOptions::new().from(start).following(following);
            let mut follower = LogFollower::open(folder, log_options).map_err(failed)?;
            print_all(path, options, place, &mut follower, out)
        }
        Input::Pipe { .. } => Err(Failure::usage("what comes through a pipe is followed anyway: leave --follow out")),
    }
}

fn start_in_file(path: &Path, file: fs::File, options: &Cat, place: &Place) -> std::result::Result<Start, Failure> {
    let failed = |error: Error| Failure::reading(path, &error);
    let reading = &options.selection.reading;
    let reader = || Reader::with_options(file, ReadOptions::new().max_message_len(reading.max_message_len));
    Ok(match place {
        Place::All => Start::Beginning,
        Place::Sequences(range) => Start::Sequence(range.start),
        Place::Times(range) => Start::Time(range.start),
        Place::Last(count) => {
            let landing = reader().and_then(|mut reader| reader.seek_to_last(*count));
            Start::Sequence(landing.map_err(failed)?.sequence)
        }
        Place::Keys(_) => {
            let mut reader = reader().map_err(failed)?;
            let filter = Filter::new(path, &reading.choice, place, Some(reader.header()))?;
            let landing = reader.partition_point(|message| filter.is_before(message));
            Start::Sequence(landing.map_err(failed)?.sequence)
        }
    })
}

fn start_in_log(folder: &Path, options: &Cat, place: &Place) -> std::result::Result<LogStart, Failure> {
    let failed = |error: Error| Failure::reading(folder, &error);
    let reading = &options.selection.reading;
    let reader = || LogReader::with_options(folder, ReadOptions::new().max_message_len(reading.max_message_len));
    Ok(match place {
        Place::All => LogStart::Beginning,
        Place::Sequences(range) => LogStart::Sequence(range.start),
        Place::Times(range) => LogStart::Time(range.start),
        Place::Last(count) => {
            let landing = reader().and_then(|mut reader| reader.seek_to_last(*count));
            LogStart::Sequence(landing.map_err(failed)?.sequence)
        }
        Place::Keys(_) => {
            let mut reader = reader().map_err(failed)?;
            let filter = Filter::new(folder, &reading.choice, place, reader.header())?;
            let landing = reader.partition_point(|message| filter.is_before(message));
            LogStart::Sequence(landing.map_err(failed)?.sequence)
        }
    })
}

fn print_all(
    path: &Path,
    options: &Cat,
    place: &Place,
    follower: &mut impl Following,
    out: &mut impl Write,
) -> Outcome {
    let mut printing: Option<(Printer, Filter, Option<Order<'_>>)> = None;
    let mut unsaved = 0;
    let mut wait = Duration::ZERO;
    loop {
        let item = match follower.next_within(wait).map_err(|error| Failure::reading(path, &error))? {
            Followed::Message(item) => item,
            Followed::Waiting => {
                save(options, follower, &mut unsaved, out)?;
                wait = WAIT;
                continue;
            }
            Followed::Ended => break,
        };
        wait = Duration::ZERO;
        unsaved += 1;
        let (printer, filter, order) = match &mut printing {
            Some(printing) => printing,
            None => {
                let header = follower.header();
                let reading = &options.selection.reading;
                let filter = Filter::new(path, &reading.choice, place, header)?;
                let printer = Printer::new(options.format, reading, header)?;
                out.write_all(printer.head())?;
                let order = filter.key.as_ref().map(|key| Order::new(path, key));
                printing.insert((printer, filter, order))
            }
        };
        if let Some(order) = order {
            order.check(&item)?;
        }
        if filter.is_behind(&item) {
            break;
        }
        if filter.holds(&item)? {
            out.write_all(printer.line(&item)?)?;
        }
        if unsaved >= CURSOR_INTERVAL {
            save(options, follower, &mut unsaved, out)?;
        }
    }
    save(options, follower, &mut unsaved, out)?;
    Ok(Done::Well)
}

/// Prints what is waiting to be, and then notes that it was.
fn save(
    options: &Cat,
    follower: &impl Following,
    unsaved: &mut u64,
    out: &mut impl Write,
) -> std::result::Result<(), Failure> {
    out.flush()?;
    let Some((file, text)) = options.cursor_file.as_deref().zip(follower.cursor_text()) else { return Ok(()) };
    if std::mem::take(unsaved) > 0 {
        let failed = |error| Failure::file(file, "written", &error);
        let new = file.with_added_extension("new");
        fs::write(&new, text + "\n").map_err(failed)?;
        fs::rename(&new, file).map_err(failed)?;
    }
    Ok(())
}
