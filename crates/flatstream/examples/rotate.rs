//! A stream that never ends, in a folder that doesn't grow: segments, retention, and one sequence over all of them.
//!
//! `cargo run --release --example rotate --features log`
//!
//! The program writes 100,000 events into a log of small segments that keeps the newest ten; a hook archives each
//! segment before it goes. It reads what is kept as one sequence, seeks in it by number, time and key, and reads an
//! archived segment: a complete stream of its own. Then it follows the log while that goes on, over its borders.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use flatbuffers::FlatBufferBuilder;
use flatstream::log::{LogFollowOptions, LogFollower, LogOptions, LogReader, LogStart, LogWriter, segments};
use flatstream::{Clock, End, Reader, WriteOptions};
use telemetry_schema::telemetry::{TelemetryEvent, TelemetryEventArgs, root_as_telemetry_event};

const EVENTS: u64 = 100_000;
/// Of events: one each millisecond.
const TICK: u64 = 1_000_000;

fn main() -> io::Result<()> {
    let folder = std::env::temp_dir().join(format!("flatstream-rotate-{}", std::process::id()));
    let (log, archive) = (folder.join("log"), folder.join("archive"));
    fs::create_dir_all(&archive)?;
    write(&log, &archive)?;
    read(&log)?;
    read_archive(&archive)?;
    follow(&log, &archive)?;
    fs::remove_dir_all(&folder)
}

fn open(folder: &Path, archive: &Path) -> io::Result<LogWriter> {
    let archive = archive.to_owned();
    let options = LogOptions::new()
        .write_options(WriteOptions::new().message_type("Telemetry.TelemetryEvent").event_times(Clock::Unspecified))
        .segment_bytes(200_000)
        .keep_segments(10)
        .before_removal(move |segment| {
            // An error would keep it, and the hook would be asked again when the next segment begins.
            let name = segment.path.file_name().unwrap_or_default();
            fs::copy(&segment.path, archive.join(name)).map(drop)
        });
    Ok(LogWriter::open(folder, options)?)
}

fn write(folder: &Path, archive: &Path) -> io::Result<()> {
    let mut log = open(folder, archive)?;
    let mut builder = FlatBufferBuilder::new();
    for number in 0..EVENTS {
        let event = event(&mut builder, number);
        assert_eq!(log.append_at((number * TICK) as i64, event)?, number);
    }
    let kept = log.segments()?;
    assert_eq!(kept.len(), 10);
    let bytes: u64 = kept.iter().map(|segment| segment.bytes).sum();
    println!(
        "{} events written, {} kept: {} kB in {} segments",
        log.sequence(),
        EVENTS - log.first_sequence(),
        bytes / 1000,
        kept.len()
    );
    log.finish()?;
    Ok(())
}

fn read(folder: &Path) -> io::Result<()> {
    let mut reader = LogReader::open(folder)?;
    let oldest = reader.first_sequence();
    let mut next = oldest;
    while let Some(message) = reader.next_message()? {
        assert_eq!(number_of(message), next);
        next += 1;
    }
    assert_eq!(next, EVENTS);
    println!("read as one sequence: {oldest} to {}, none missing; {}", next - 1, reader.end()?);

    let wanted = EVENTS - 5000;
    assert_eq!(reader.seek_to_sequence(wanted)?.sequence, wanted);
    assert_eq!(reader.partition_point(|message| number_of(message) < wanted)?.sequence, wanted);
    // No event of that time or later is skipped; up to one interval between two sync frames may come first.
    let landing = reader.seek_to_time((wanted * TICK) as i64)?;
    assert!((oldest..=wanted).contains(&landing.sequence));
    assert_eq!(reader.backwards().count() as u64, EVENTS - oldest);
    println!("event {wanted} found by number and key, and {} before it by time", wanted - landing.sequence);
    Ok(())
}

fn read_archive(archive: &Path) -> io::Result<()> {
    let archived = segments(archive)?;
    let newest = archived.last().expect("segments went");
    let mut reader = Reader::new(File::open(&newest.path)?)?;
    let mut next = newest.first_sequence;
    while let Some(message) = reader.next_message()? {
        assert_eq!(number_of(message), next);
        next += 1;
    }
    assert!(reader.end()?.is_closed());
    println!("{} segments archived; the newest is a stream of {} events", archived.len(), next - newest.first_sequence);
    Ok(())
}

/// Each event is seen as soon as it was flushed, whatever segment it is in. In another process it would be the same.
fn follow(folder: &Path, archive: &Path) -> io::Result<()> {
    let mut log = open(folder, archive)?;
    let mut follower = LogFollower::open(folder, LogFollowOptions::new().from(LogStart::End))?;
    let mut builder = FlatBufferBuilder::new();
    let mut borders = 0;
    let mut segment = None;
    for number in EVENTS..EVENTS + 10_000 {
        log.append_at((number * TICK) as i64, event(&mut builder, number))?;
        log.flush()?;
        let Some(message) = follower.next_message()? else { unreachable!("the log isn't closed") };
        assert_eq!(number_of(message), number);
        let now = follower.segment().map(Path::to_owned);
        borders += u64::from(segment.is_some() && segment != now);
        segment = now;
    }
    let cursor = follower.cursor().expect("events were seen");
    log.finish()?;
    assert!(follower.next_message()?.is_none() && follower.end().is_some_and(End::is_closed));
    assert!(borders > 0);
    println!("10000 events followed live over {borders} borders, up to {cursor}");
    Ok(())
}

fn event<'a>(builder: &'a mut FlatBufferBuilder<'_>, number: u64) -> &'a [u8] {
    builder.reset();
    let source_id = Some(builder.create_string("pump-1"));
    let args = TelemetryEventArgs { timestamp_ns: number * TICK, source_id, value: number as f64 };
    let event = TelemetryEvent::create(builder, &args);
    builder.finish(event, None);
    builder.finished_data()
}

fn number_of(message: &[u8]) -> u64 {
    root_as_telemetry_event(message).expect("an event").value() as u64
}
