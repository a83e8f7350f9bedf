use std::fs::File;
use std::path::{Path, PathBuf};

use flatstream::log::{LogReader, Segment, segments};
use flatstream::{Dropped, Reader, Result};

use super::stream::{is_all_durable, options, times};
use super::{Facts, LogFacts, Scan, differences, times_between};
use crate::outcome::Failure;
use crate::progress;

pub(super) fn of(folder: &Path, scan: bool) -> std::result::Result<Facts, Failure> {
    let failed = |error: flatstream::Error| Failure::reading(folder, &error);
    let segments = segments(folder).map_err(failed)?;
    let mut reader = LogReader::with_options(folder, options()).map_err(failed)?;
    let end = reader.seek_to_end();
    let newest = segments.last().ok_or_else(|| {
        failed(flatstream::Error::of_kind(flatstream::ErrorKind::NotAStream, "the folder holds no segment of a log"))
    })?;
    let mut facts = of_newest(folder.to_owned(), newest)?;
    facts.log = Some(LogFacts { id: reader.log_id(), segments: segments.len() });
    facts.bytes = segments.iter().map(|segment| segment.bytes).sum();
    facts.first_sequence = reader.first_sequence();
    let next = match end {
        Ok(landing) => landing.sequence,
        Err(error) => {
            facts.error = Some(error);
            newest.first_sequence
        }
    };
    facts.messages = next.saturating_sub(facts.first_sequence);
    if facts.error.is_none() {
        match times_and_rates(&mut reader, &segments, &facts) {
            Ok((times, rates)) => (facts.times, facts.rates) = (times, rates),
            Err(error) => facts.error = Some(error),
        }
    }
    if scan {
        let (scan, error) = scan_all(&mut reader, facts.bytes);
        facts.scan = Some(scan);
        facts.error = error.or(facts.error);
    }
    Ok(facts)
}

fn of_newest(folder: PathBuf, newest: &Segment) -> std::result::Result<Facts, Failure> {
    let path = &newest.path;
    let file = File::open(path).map_err(|error| Failure::file(path, "opened", &error))?;
    let mut reader = Reader::with_options(file, options()).map_err(|error| Failure::reading(path, &error))?;
    let error = reader.seek_to_end().err();
    Ok(Facts {
        path: folder,
        header: reader.header().clone(),
        stream_id: reader.stream_id(),
        log: None,
        first_sequence: 0,
        messages: 0,
        times: None,
        rates: Vec::new(),
        bytes: 0,
        epochs: None,
        dropped: Dropped::default(),
        durable: reader.durable_position(),
        is_all_durable: is_all_durable(&reader),
        end: reader.end().ok(),
        error,
        scan: None,
    })
}

/// The first and the last time, and the messages in parts of the time between.
type TimesAndRates = (Option<(i64, i64)>, Vec<u64>);

fn times_and_rates(reader: &mut LogReader, segments: &[Segment], facts: &Facts) -> Result<TimesAndRates> {
    let of_segment = |segment: &Segment| -> Result<Option<(i64, i64)>> {
        let file =
            File::open(&segment.path).map_err(|error| flatstream::Error::file(&segment.path, "opened", error))?;
        let mut reader = Reader::with_options(file, options())?;
        reader.seek_to_end()?;
        times(&mut reader)
    };
    let Some((oldest, newest)) = segments.first().zip(segments.last()) else { return Ok((None, Vec::new())) };
    let Some((first, last)) = of_segment(oldest)?.or(of_segment(newest)?) else { return Ok((None, Vec::new())) };
    let last = of_segment(newest)?.map_or(last, |(_, last)| last.max(first));
    let between = times_between((first, last), &facts.header, facts.bytes);
    if between.is_empty() {
        return Ok((Some((first, last)), Vec::new()));
    }
    let mut places = vec![facts.first_sequence];
    for time in between {
        places.push(reader.seek_to_time(time)?.sequence);
    }
    places.push(facts.first_sequence + facts.messages);
    Ok((Some((first, last)), differences(&places)))
}

fn scan_all(reader: &mut LogReader, bytes: u64) -> (Scan, Option<flatstream::Error>) {
    let bar = progress::bar(bytes, "reading");
    let mut scan = Scan::default();
    let error = reader.seek_to_start().err().or_else(|| {
        loop {
            match reader.next_message() {
                Ok(Some(message)) => {
                    scan.add(message);
                    bar.inc(message.len() as u64);
                }
                Ok(None) => return None,
                Err(error) => return Some(error),
            }
        }
    });
    bar.finish_and_clear();
    (scan, error)
}
