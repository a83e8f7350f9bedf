//! Records this machine's own metrics into a stream file, reads it back, and prints what is in it.
//!
//! `cargo run --release --example telemetry -- [--seconds N] [--out FILE] [--checksum NAME]`

mod arguments;
mod source;
mod summary;

use std::fmt;
use std::fs::File;
use std::io::{self, IsTerminal, Write as _, stderr};
use std::path::Path;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use flatbuffers::FlatBufferBuilder;
use flatstream::{FlushPolicy, ReadOptions, Reader, SyncPolicy, WriteOptions, Writer};

use arguments::Arguments;
use summary::Summary;
use telemetry_schema::telemetry::{
    TelemetryEvent, TelemetryEventArgs, finish_telemetry_event_buffer, root_as_telemetry_event,
};

/// One tick a millisecond: what a control loop or a flight recorder does.
const TICK: Duration = Duration::from_millis(1);

fn main() -> ExitCode {
    let arguments = match Arguments::parse(std::env::args().skip(1)) {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            return print(&arguments::HELP);
        }
        Err(error) => {
            eprintln!("telemetry: {error}\n\n{}", arguments::HELP);
            return ExitCode::from(2);
        }
    };
    let result = record(&arguments).and_then(|()| read(&arguments.out));
    match result {
        Ok(summary) => print(&summary),
        Err(error) => {
            eprintln!("telemetry: {}: {error}", arguments.out.display());
            ExitCode::FAILURE
        }
    }
}

/// Whoever reads our output may have seen enough of it: `| head`.
fn print(text: &dyn fmt::Display) -> ExitCode {
    match write!(io::stdout(), "{text}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    }
}

fn record(arguments: &Arguments) -> io::Result<()> {
    let mut source = source::open();
    let options = WriteOptions::new()
        .checksum(arguments.checksum)
        .message_type("Telemetry.TelemetryEvent")
        // The schema travels with the data: without it nobody can read them in ten years.
        .schema(telemetry_schema::BFBS)
        .metadata("source", source.describe())
        // A SIGKILL costs a tenth of a second, a power cut a second.
        .flush_policy(FlushPolicy::Every(Duration::from_millis(100)))
        .sync_policy(SyncPolicy::Every(Duration::from_secs(1)));
    let mut writer = Writer::create(&arguments.out, options)?;
    eprintln!("recording {} for {} s into {}", source.describe(), arguments.seconds, arguments.out.display());
    let mut builder = FlatBufferBuilder::new();
    let mut progress = Progress::new();

    let start = Instant::now();
    let mut next_tick = start;
    while start.elapsed() < Duration::from_secs_f64(arguments.seconds) {
        let timestamp_ns = unix_time_ns();
        let mut result = Ok(());
        source.tick(&mut |source_id, value| {
            builder.reset();
            let source_id = Some(builder.create_string(source_id));
            let event = TelemetryEvent::create(&mut builder, &TelemetryEventArgs { timestamp_ns, source_id, value });
            finish_telemetry_event_buffer(&mut builder, event);
            if let Err(error) = writer.append(builder.finished_data()) {
                result = Err(error);
            }
        });
        result?;
        progress.show(start.elapsed(), writer.sequence(), writer.position());
        next_tick += TICK;
        sleep(next_tick.saturating_duration_since(Instant::now()));
    }
    progress.end();
    writer.finish()?; // closed, and durable
    Ok(())
}

fn read(path: &Path) -> io::Result<Summary> {
    let mut reader = Reader::with_options(File::open(path)?, ReadOptions::new().require_closed(true))?;
    let mut summary = Summary::new(path, reader.header());
    while let Some(message) = reader.next_message()? {
        let event = root_as_telemetry_event(message).map_err(io::Error::other)?;
        summary.add(message.len(), event.timestamp_ns(), event.source_id().unwrap_or("(none)"), event.value());
    }
    summary.end(reader.end()?);
    Ok(summary)
}

fn unix_time_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// One line on stderr: rewritten in a terminal, once a second elsewhere.
struct Progress {
    interval: Duration,
    next: Duration,
    is_terminal: bool,
}

impl Progress {
    fn new() -> Self {
        let is_terminal = stderr().is_terminal();
        let interval = Duration::from_millis(if is_terminal { 100 } else { 1000 });
        Self { interval, next: interval, is_terminal }
    }

    fn show(&mut self, elapsed: Duration, events: u64, bytes: u64) {
        if elapsed < self.next {
            return;
        }
        self.next = elapsed + self.interval;
        let (start, end) = if self.is_terminal { ("\r", "") } else { ("", "\n") };
        let megabytes = bytes as f64 / 1e6;
        eprint!("{start}  {:5.1} s  {events:>9} events  {megabytes:8.2} MB{end}", elapsed.as_secs_f64());
        let _ = stderr().flush();
    }

    fn end(&self) {
        if self.is_terminal {
            eprintln!();
        }
    }
}
