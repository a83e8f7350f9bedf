//! What `flatstream cat --format ndjson` costs as a whole program, beside serde_json that writes the same lines from
//! Rust structs in memory: telemetry events of `schemas/`.
//!
//! ```text
//! cargo build --release -p flatstream-cli -p flatstream-benches --bins
//! target/release/cat make events.fls 14000000                                       a stream of 1 GB
//! time target/release/flatstream cat --format ndjson events.fls > /dev/null
//! time target/release/cat serde 14000000 > /dev/null
//! ```

#![forbid(unsafe_code)]

use std::env;
use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};

use flatbuffers::FlatBufferBuilder;
use flatstream::{Clock, WriteOptions, Writer};
use flatstream_testkit::noise::Noise;
use serde::Serialize;
use telemetry_schema::telemetry::{TelemetryEvent, TelemetryEventArgs};

/// So many differ; then they come again.
const EVENTS: usize = 200_000;

#[derive(Serialize)]
struct Event {
    timestamp_ns: u64,
    source_id: String,
    value: f64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let mut noise = Noise::new(1);
    let events: Vec<Event> = (0..EVENTS as u64).map(|nth| event(nth, &mut noise)).collect();
    match &arguments[..] {
        [command, file, messages] if command == "make" => make(file, messages.parse()?, &events),
        [command, messages] if command == "serde" => print(messages.parse()?, &events),
        _ => Err("make FILE MESSAGES, or serde MESSAGES".into()),
    }
}

fn event(nth: u64, noise: &mut Noise) -> Event {
    Event {
        timestamp_ns: 1_790_000_000_000_000_000 + nth * 1_000_003,
        source_id: format!("pump-{}", noise.below(100)),
        value: 20.0 + noise.below(10_000) as f64 / 1000.0,
    }
}

fn make(file: &str, messages: usize, events: &[Event]) -> Result<(), Box<dyn Error>> {
    let options = WriteOptions::new()
        .event_times(Clock::UnixUtc)
        .message_type("Telemetry.TelemetryEvent")
        .schema(telemetry_schema::BFBS);
    let mut writer = Writer::new(File::create(file)?, options)?;
    let mut builder = FlatBufferBuilder::new();
    for event in events.iter().cycle().take(messages) {
        builder.reset();
        let source_id = Some(builder.create_string(&event.source_id));
        let arguments = TelemetryEventArgs { timestamp_ns: event.timestamp_ns, source_id, value: event.value };
        let root = TelemetryEvent::create(&mut builder, &arguments);
        builder.finish(root, None);
        writer.append_at(i64::try_from(event.timestamp_ns)?, builder.finished_data())?;
    }
    writer.finish()?;
    Ok(())
}

fn print(messages: usize, events: &[Event]) -> Result<(), Box<dyn Error>> {
    let mut out = BufWriter::with_capacity(128 << 10, std::io::stdout().lock());
    for event in events.iter().cycle().take(messages) {
        serde_json::to_writer(&mut out, event)?;
        out.write_all(b"\n")?;
    }
    Ok(out.flush()?)
}
