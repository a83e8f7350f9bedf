use std::fs::File;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};

use flatstream::{Error, ReadOptions, Reader, Result, TIME_NONE};

use super::beginning::Beginning;
use super::{Facts, Scan, differences, times_between};
use crate::outcome::Failure;
use crate::progress::{self, Shown};

pub(crate) fn options() -> ReadOptions {
    // As long as the stream itself allows.
    ReadOptions::new().max_message_len(0)
}

pub(super) fn of_file(path: PathBuf, file: File, scan: bool) -> std::result::Result<Facts, Failure> {
    let bytes = file.metadata().map_err(|error| Failure::file(&path, "read", &error))?.len();
    let open = |file| Reader::with_options(file, options()).map_err(|error| Failure::reading(&path, &error));
    let mut reader = open(file)?;
    let mut error = reader.seek_to_end().err();
    let mut facts = of_reader(path.clone(), &mut reader, bytes);
    if error.is_none() {
        let found = times(&mut reader).and_then(|times| Ok((times, rates(&path, times, &facts)?)));
        match found {
            Ok((times, rates)) => (facts.times, facts.rates) = (times, rates),
            Err(found) => error = Some(found),
        }
    }
    if scan {
        let file = File::open(&path).map_err(|error| Failure::file(&path, "opened", &error))?;
        let shown = Shown::new(file, progress::bar(bytes, "reading"));
        let mut reader = Reader::with_options(shown, options()).map_err(|error| Failure::reading(&path, &error))?;
        let (scan, found) = scan_all(&mut reader);
        if found.is_some() {
            // What lies behind damage isn't counted.
            let scanned = of_reader(path, &mut reader, bytes);
            facts = Facts { times: facts.times, rates: facts.rates, ..scanned };
        }
        facts.scan = Some(scan);
        error = found.or(error);
    }
    facts.error = error;
    Ok(facts)
}

pub(super) fn of_pipe(path: PathBuf, source: Box<dyn Read>) -> std::result::Result<Facts, Failure> {
    let mut reader = Reader::with_options(source, options()).map_err(|error| Failure::reading(&path, &error))?;
    let mut times: Option<(i64, i64)> = None;
    let mut scan = Scan::default();
    let error = loop {
        let next = match reader.next_message() {
            Ok(Some(message)) => {
                scan.add(message);
                None
            }
            Ok(None) => Some(None),
            Err(error) => Some(Some(error)),
        };
        if let Some(time) = reader.last_sync().map(|sync| sync.time).filter(|&time| time != TIME_NONE) {
            times = Some((times.map_or(time, |(first, _)| first), time));
        }
        if let Some(error) = next {
            break error;
        }
    };
    let position = reader.position();
    let facts = of_reader(path, &mut reader, position);
    Ok(Facts { times, error, scan: Some(scan), ..facts })
}

/// What a reader knows that stands at the end.
fn of_reader<R: Read>(path: PathBuf, reader: &mut Reader<R>, bytes: u64) -> Facts {
    Facts {
        path,
        header: reader.header().clone(),
        stream_id: reader.stream_id(),
        log: None,
        first_sequence: 0,
        messages: reader.sequence(),
        times: None,
        rates: Vec::new(),
        bytes,
        epochs: reader.last_sync().map(|sync| u64::from(sync.epoch) + 1),
        dropped: reader.dropped(),
        durable: reader.durable_position(),
        is_all_durable: is_all_durable(reader),
        end: reader.end().ok(),
        error: None,
        scan: None,
    }
}

/// Whether the last sync frame says that what lies before it is durable, and no message lies behind it.
pub(super) fn is_all_durable<R: Read>(reader: &Reader<R>) -> bool {
    reader.last_sync().is_some_and(|sync| sync.durable >= sync.position && sync.sequence == reader.sequence())
}

fn scan_all<R: Read>(reader: &mut Reader<R>) -> (Scan, Option<flatstream::Error>) {
    let mut scan = Scan::default();
    loop {
        match reader.next_message() {
            Ok(Some(message)) => scan.add(message),
            Ok(None) => return (scan, None),
            Err(error) => return (scan, Some(error)),
        }
    }
}

/// The times of the first and the last sync frame that have one; the reader stands at the end.
pub(super) fn times<R: Read + Seek>(reader: &mut Reader<R>) -> Result<Option<(i64, i64)>> {
    let Some(last) = reader.last_sync().map(|sync| sync.time).filter(|&time| time != TIME_NONE) else {
        return Ok(None);
    };
    // Where the application gives the times, the first sync frame has none, and the second is an interval away.
    const BYTES_MAX: u64 = 16 << 20;
    reader.seek_to_start()?;
    loop {
        let is_over = reader.next_message()?.is_none();
        match reader.last_sync().map(|sync| sync.time) {
            Some(first) if first != TIME_NONE => return Ok(Some((first, last.max(first)))),
            _ if is_over || Reader::position(reader) > BYTES_MAX => return Ok(Some((last, last))),
            _ => {}
        }
    }
}

fn rates(path: &Path, times: Option<(i64, i64)>, facts: &Facts) -> Result<Vec<u64>> {
    let end = facts.end.map_or(facts.bytes, |end| end.position);
    let times = times.map(|times| times_between(times, &facts.header, end)).unwrap_or_default();
    if times.is_empty() {
        return Ok(Vec::new());
    }
    let file = File::open(path).map_err(|error| Error::file(path, "opened", error))?;
    let mut reader = Reader::with_options(Beginning::of(file, end), options())?;
    let mut places = vec![0];
    for time in times {
        places.push(reader.seek_to_time(time)?.sequence);
    }
    places.push(facts.messages);
    Ok(differences(&places))
}
