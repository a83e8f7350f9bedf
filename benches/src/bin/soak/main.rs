//! A day's stream, as fast as it goes: rotated, retained, followed, and watched for what grows.
//!
//! `cargo xtask soak [--minutes N] [--messages M]`
//!
//! 86,400,000 messages of the telemetry schema, which is 24 hours at 1 kHz, or M of them, or as many as fit into N
//! minutes (2 by default), go into a log of segments of 64 MiB that keeps 1 GB. 0 stands for no such limit:
//! `--minutes 600 --messages 0` is a night of it. Two followers check every message: one is handed all that was
//! flushed, the other only what is durable. The writer is never further ahead of the slower one than half of what is
//! kept, so that each has to see everything. Meanwhile memory and file handles are looked at, and may not grow once all
//! has warmed up. At the end what is kept is read back.
//!
//! It writes through a `SharedWriter`, as a service does whose threads may not wait for the disk: so the policies are
//! kept, segments begun and old ones removed by a thread of its own. Writer and followers are threads of one process,
//! whose memory is then that of them all.

#![forbid(unsafe_code)]

mod follow;
mod options;
mod progress;
mod sample;
mod telemetry;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use flatstream::log::{LogOptions, LogReader, LogWriter, segments};
use flatstream::{SharedOptions, SharedWriter, SyncPolicy, WriteOptions};
use flatstream_testkit::folder::Folder;

use follow::FOLLOWERS;
use options::Options;
use progress::Progress;
use sample::Samples;
use telemetry::Builder;

const SEGMENT_BYTES: u64 = 64 << 20;
const KEPT_BYTES: u64 = 1_000_000_000;
/// How far the writer may be ahead of the slower follower.
const AHEAD_MESSAGES: u64 = KEPT_BYTES / 2 / telemetry::FRAME_BYTES_MAX;
/// How many messages go between two looks at the clock and at the followers.
const BURST: u64 = 1024;
/// Who makes no progress for so long, makes none any more.
const PATIENCE: Duration = Duration::from_secs(60);

/// A sentence for a person, where something isn't as it should be.
type Outcome<T> = Result<T, String>;

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(why) => {
            eprintln!("soak: {why}\n\ncargo xtask soak [--minutes N] [--messages M]");
            return ExitCode::from(2);
        }
    };
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("soak: {why}");
            ExitCode::FAILURE
        }
    }
}

/// What was written, and in what time.
struct Written {
    messages: u64,
    bytes: u64,
    time: Duration,
}

fn run(options: &Options) -> Outcome<()> {
    let folder = Folder::new("soak");
    let progress = Arc::new(Progress::default());
    let log = open(folder.path(), &progress)?;
    let followers = FOLLOWERS.map(|follower| follow::start(folder.path(), follower, &progress));
    let mut samples = Samples::new(options);
    let written = write(log, options, &progress, &mut samples)?;
    while !followers.iter().all(thread::JoinHandle::is_finished) {
        progress.check(written.messages)?;
        samples.take(&progress);
        thread::sleep(Duration::from_millis(1));
    }
    for (follower, thread) in FOLLOWERS.iter().zip(followers) {
        let seen = thread.join().map_err(|_| format!("{} panicked", follower.name))?;
        progress.check_failure()?;
        if seen != written.messages {
            return Err(format!("{} ended behind {seen} of {} messages", follower.name, written.messages));
        }
    }
    samples.end_line();
    samples.check()?;
    let kept = read_back(folder.path(), written.messages)?;
    report(&written, &progress, &samples, &kept);
    Ok(())
}

fn open(folder: &Path, progress: &Arc<Progress>) -> Outcome<LogWriter> {
    let (of_removals, of_errors) = (Arc::clone(progress), Arc::clone(progress));
    let write = WriteOptions::new()
        .message_type("Telemetry.TelemetryEvent")
        .schema(telemetry_schema::BFBS)
        .sync_policy(SyncPolicy::Every(Duration::from_millis(100)));
    let options = LogOptions::new()
        .write_options(write)
        .segment_bytes(SEGMENT_BYTES)
        .keep_bytes(KEPT_BYTES)
        .before_removal(move |_| {
            of_removals.note_removal();
            Ok(())
        })
        .on_error(move |error| of_errors.fail(format!("the log went on, but: {error}")));
    LogWriter::open(folder, options).map_err(|error| format!("the log can't be opened: {error}"))
}

fn write(log: LogWriter, options: &Options, progress: &Progress, samples: &mut Samples) -> Outcome<Written> {
    let failed = |error| format!("the writer failed: {error}");
    let shared = SharedOptions::new().memory(8 << 20);
    let writer = SharedWriter::new(log, shared).map_err(failed)?;
    let mut builder = Builder::default();
    let start = Instant::now();
    let (mut messages, mut bytes) = (0, 0);
    while messages < options.messages && !options.is_over(start.elapsed()) {
        for _ in 0..BURST.min(options.messages - messages) {
            let message = builder.message(messages);
            bytes += message.len() as u64;
            writer.append(message).map_err(failed)?;
            messages += 1;
        }
        progress.note_appended(messages);
        samples.take(progress);
        progress.wait_for_followers(AHEAD_MESSAGES, || samples.take(progress))?;
    }
    writer.finish().map_err(failed)?;
    Ok(Written { messages, bytes, time: start.elapsed() })
}

/// What is still there at the end.
struct Kept {
    segments: u64,
    bytes: u64,
    messages: u64,
    time: Duration,
}

fn read_back(folder: &Path, end: u64) -> Outcome<Kept> {
    let failed = |error| format!("what is kept can't be read back: {error}");
    let start = Instant::now();
    let mut reader = LogReader::open(folder).map_err(failed)?;
    let first = reader.first_sequence();
    let mut next = first;
    while let Some(message) = reader.next_message().map_err(failed)? {
        telemetry::check(message, next).map_err(|why| format!("read back: {why}"))?;
        next += 1;
    }
    let how = reader.end().map_err(failed)?;
    if next != end || !how.is_closed() {
        return Err(format!("what is kept ends behind {next} of {end} messages: {how}"));
    }
    let time = start.elapsed();
    let kept = segments(folder).map_err(failed)?;
    let bytes = kept.iter().map(|segment| segment.bytes).sum();
    if bytes > KEPT_BYTES + SEGMENT_BYTES {
        return Err(format!("{bytes} bytes are kept, {KEPT_BYTES} and a segment are to be"));
    }
    Ok(Kept { segments: kept.len() as u64, bytes, messages: next - first, time })
}

fn report(written: &Written, progress: &Progress, samples: &Samples, kept: &Kept) {
    let seconds = written.time.as_secs_f64();
    let Written { messages, bytes, .. } = written;
    println!("written    {messages} messages, {:.2} GB of them, in {seconds:.1} s", *bytes as f64 / 1e9);
    println!("           {:.0} messages/s", *messages as f64 / seconds);
    let removed = progress.removed();
    println!("segments   {} made, {removed} removed", kept.segments + removed);
    for (nth, follower) in FOLLOWERS.iter().enumerate() {
        let [median, most] = samples.lag(nth);
        println!("{:<10} saw all, in order; behind by {median} messages (median), {most} at most", follower.name);
    }
    let (gigabytes, seconds) = (kept.bytes as f64 / 1e9, kept.time.as_secs_f64());
    println!("read back  {} messages, {gigabytes:.2} GB on disk, in {seconds:.1} s", kept.messages);
    println!("{samples}");
}
