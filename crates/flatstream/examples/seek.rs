//! Anywhere in a long recording without reading what lies before: by time, sequence number and key, and backwards.
//!
//! `cargo run --release --example seek`
//!
//! The program makes a recording of an hour, 100 events a second, with a fault in it; asks for the ten minutes before
//! the fault and a few other places; and counts how many bytes of the file were read for each. To find a place takes
//! some reads of at most 128 KiB: some 10 here, some 20 in a recording that is 1000 times as long.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::rc::Rc;

use flatbuffers::FlatBufferBuilder;
use flatstream::{Clock, Reader, WriteOptions, Writer};
use telemetry_schema::telemetry::{TelemetryEvent, TelemetryEventArgs, root_as_telemetry_event};

const SECOND: u64 = 1_000_000_000;
const MINUTE: u64 = 60 * SECOND;
const PER_SECOND: u64 = 100;
const EVENTS: u64 = 3600 * PER_SECOND;
/// 2026-01-01 in UTC.
const START: u64 = 1_767_225_600 * SECOND;
const FAULT: u64 = START + 57 * MINUTE;

fn main() -> io::Result<()> {
    let folder = std::env::temp_dir().join(format!("flatstream-seek-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let path = folder.join("recording.fls");
    record(&path)?;
    find(&path)?;
    std::fs::remove_dir_all(&folder)
}

fn time_of(number: u64) -> u64 {
    START + number * (SECOND / PER_SECOND)
}

fn record(path: &Path) -> io::Result<()> {
    // The events' own times go into the sync frames: one every 64 KiB, which is every ten seconds.
    let options = WriteOptions::new().event_times(Clock::UnixUtc).message_type("Telemetry.TelemetryEvent");
    let mut writer = Writer::create_new(path, options)?;
    let mut builder = FlatBufferBuilder::new();
    for number in 0..EVENTS {
        builder.reset();
        let timestamp_ns = time_of(number);
        let source_id = Some(builder.create_string("pump-1"));
        let value = if timestamp_ns == FAULT { 9000.0 } else { (number % 100) as f64 };
        let event = TelemetryEvent::create(&mut builder, &TelemetryEventArgs { timestamp_ns, source_id, value });
        builder.finish(event, None);
        writer.append_at(timestamp_ns as i64, builder.finished_data())?;
    }
    writer.finish().map(drop)?;
    Ok(())
}

fn find(path: &Path) -> io::Result<()> {
    let bytes = Rc::new(Cell::new(0));
    let mut reader = Reader::new(Counting { file: File::open(path)?, bytes: Rc::clone(&bytes) })?;
    println!("a recording of an hour: {EVENTS} events, {} kB", path.metadata()?.len() / 1000);
    let told = |what: &str| println!("  {:>6} kB read for {what}", bytes.replace(0) / 1000);

    // By time: none is missing, and up to one interval between two sync frames of others is at either end.
    let mut count = 0;
    let mut window = reader.times((FAULT - 10 * MINUTE) as i64..FAULT as i64)?;
    while let Some(message) = window.next_message()? {
        let time = event(message).timestamp_ns();
        count += u64::from((FAULT - 10 * MINUTE..FAULT).contains(&time));
    }
    assert_eq!(count, 600 * PER_SECOND);
    told("the ten minutes before the fault, all of them");

    // By a key in the messages that doesn't decrease: exactly.
    let landing = reader.partition_point(|message| event(message).timestamp_ns() < FAULT)?;
    assert_eq!(time_of(landing.sequence), FAULT);
    let fault = reader.next_message()?.map(|message| event(message).value());
    assert_eq!(fault, Some(9000.0));
    told("the event of the fault, by its timestamp");

    let landing = reader.seek_to_last(100)?;
    assert_eq!(landing.sequence, EVENTS - 100);
    assert_eq!(reader.by_ref().count(), 100);
    told("the last hundred events");

    let seen = EVENTS - 5000;
    assert_eq!(reader.seek_to_sequence(seen)?.sequence, seen);
    let since = reader.by_ref().try_fold(0, |count, message| message.map(|_| count + 1))?;
    assert_eq!(since, 5000);
    told(&format!("everything since number {seen}"));

    // From the end to the beginning.
    let high = reader.backwards().map(|message| message.map(|message| event(&message).value()));
    let count = high.take_while(|value| value.as_ref().is_ok_and(|value| *value < 9000.0)).count() as u64;
    assert_eq!(time_of(EVENTS - 1 - count), FAULT);
    told("the last value beyond 9000, backwards from the end");
    Ok(())
}

fn event(message: &[u8]) -> TelemetryEvent<'_> {
    root_as_telemetry_event(message).expect("an event")
}

/// A file that counts what is read of it.
struct Counting {
    file: File,
    bytes: Rc<Cell<u64>>,
}

impl Read for Counting {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.file.read(buffer)?;
        self.bytes.set(self.bytes.get() + len as u64);
        Ok(len)
    }
}

impl Seek for Counting {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}
