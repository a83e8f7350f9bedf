//! What the tests of the program share: recordings that are always the same, and the program.
#![allow(dead_code, reason = "each test file uses some of it")]

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use flatbuffers::FlatBufferBuilder;
use flatstream::log::{LogOptions, LogWriter};
use flatstream::{Clock, WriteOptions, Writer};
use flatstream_testkit::folder::Folder;
use snapbox::cmd::Command;
use telemetry_schema::telemetry::{TelemetryEvent, TelemetryEventArgs};

/// 2026-11-27T10:00:00Z
pub(crate) const START: i64 = 1_795_773_600_000_000_000;

/// The program, in a folder.
pub(crate) fn flatstream(folder: &Folder) -> Command {
    Command::new(env!("CARGO_BIN_EXE_flatstream")).current_dir(folder.path()).env("COLUMNS", "100")
}

/// A telemetry event: a temperature every 100 ms, of one of three pumps.
pub(crate) fn event(number: u64) -> Vec<u8> {
    let mut builder = FlatBufferBuilder::new();
    let source_id = Some(builder.create_string(["pump-1", "pump-2", "pump-\u{fc}"][number as usize % 3]));
    let value = 20.0 + number as f64 / 8.0;
    let args = TelemetryEventArgs { timestamp_ns: START as u64 + number * 100_000_000, source_id, value };
    let event = TelemetryEvent::create(&mut builder, &args);
    builder.finish(event, None);
    builder.finished_data().to_vec()
}

pub(crate) struct Recording {
    now: Arc<AtomicI64>,
    pub(crate) options: WriteOptions,
}

impl Recording {
    pub(crate) fn new() -> Self {
        let now = Arc::new(AtomicI64::new(START));
        let clock = Arc::clone(&now);
        let options = WriteOptions::new()
            .stream_id(0xF1A7)
            .sync_interval(1024)
            .clock(Clock::UnixUtc, move || clock.load(Ordering::Relaxed))
            .metadata("site", "north");
        Self { now, options }
    }

    pub(crate) fn with_schema(mut self) -> Self {
        self.options = self.options.message_type("Telemetry.TelemetryEvent").schema(telemetry_schema::BFBS);
        self
    }

    pub(crate) fn tick(&self, number: u64) {
        self.now.store(START + number as i64 * 100_000_000, Ordering::Relaxed);
    }

    pub(crate) fn create(&self, path: &Path) -> Writer<File> {
        Writer::create_new(path, self.options.clone()).unwrap()
    }

    pub(crate) fn append(&self, writer: &mut Writer<File>, numbers: std::ops::Range<u64>) {
        for number in numbers {
            self.tick(number);
            writer.append(&event(number)).unwrap();
        }
    }
}

/// A closed stream of 100 events, 10 seconds of them.
pub(crate) fn record(folder: &Folder, name: &str) -> PathBuf {
    let path = folder.join(name);
    let recording = Recording::new().with_schema();
    let mut writer = recording.create(&path);
    recording.append(&mut writer, 0..100);
    writer.finish().unwrap();
    path
}

/// The same without a schema.
pub(crate) fn record_without_schema(folder: &Folder, name: &str) -> PathBuf {
    let path = folder.join(name);
    let recording = Recording::new();
    let mut writer = recording.create(&path);
    recording.append(&mut writer, 0..100);
    writer.finish().unwrap();
    path
}

/// The same without an end: the writer died in the middle of a frame.
pub(crate) fn record_torn(folder: &Folder, name: &str) -> PathBuf {
    let path = folder.join(name);
    let recording = Recording::new().with_schema();
    let mut writer = recording.create(&path);
    recording.append(&mut writer, 0..100);
    writer.flush().unwrap();
    drop(writer);
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(file.metadata().unwrap().len() - 20).unwrap();
    path
}

/// The same with a bit flipped in the middle.
pub(crate) fn record_damaged(folder: &Folder, name: &str) -> PathBuf {
    let path = record(folder, name);
    flip(&path, 4000);
    path
}

pub(crate) fn flip(path: &Path, position: u64) {
    let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, position).unwrap();
    byte[0] ^= 1;
    file.write_all_at(&byte, position).unwrap();
}

/// The same events in a log of several segments.
pub(crate) fn record_log(folder: &Folder, name: &str) -> PathBuf {
    let path = folder.join(name);
    let now = Arc::new(AtomicI64::new(START));
    let clock = Arc::clone(&now);
    let write = WriteOptions::new()
        .sync_interval(1024)
        .clock(Clock::UnixUtc, move || clock.load(Ordering::Relaxed))
        .message_type("Telemetry.TelemetryEvent")
        .schema(telemetry_schema::BFBS);
    let mut log = LogWriter::open(&path, LogOptions::new().segment_bytes(3000).write_options(write)).unwrap();
    for number in 0..100 {
        now.store(START + number as i64 * 100_000_000, Ordering::Relaxed);
        log.append(&event(number)).unwrap();
    }
    log.finish().unwrap();
    path
}

/// A file that is no stream.
pub(crate) fn write_text(folder: &Folder, name: &str) -> PathBuf {
    let path = folder.join(name);
    let mut file = File::create(&path).unwrap();
    file.write_all(b"%PDF-1.7, and a lot more that is no stream of FlatBuffers whatever one makes of it\n").unwrap();
    path
}

pub(crate) fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap()
}

/// The files of a log's segments, from the oldest to the newest.
pub(crate) fn segments_of(log: &Path) -> Vec<PathBuf> {
    flatstream::log::segments(log).unwrap().into_iter().map(|segment| segment.path).collect()
}
