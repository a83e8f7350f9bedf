//! What it costs to write messages as JSON by their schema, beside serde_json that writes the same text from a Rust
//! struct: telemetry events of `schemas/`, in memory, on one core.
//!
//! `cargo run --release -p flatstream-benches --bin json`
//!
//! Each round writes all messages by each way, one line each, in an order that rotates; shown are the median of the
//! rounds, the least and the greatest. Both texts are compared first, byte by byte. With the name of a way and a number
//! of rounds it runs that alone, for a profiler: `valgrind --tool=callgrind target/release/json Walker::write_json 3`

#![forbid(unsafe_code)]

use std::env;
use std::hint::black_box;
use std::time::Instant;

use flatbuffers::FlatBufferBuilder;
use flatstream_benches::spread;
use flatstream_schema::{Field, FieldPath, JsonOptions, Schema, Value, Visitor, Walker};
use flatstream_testkit::noise::Noise;
use serde::Serialize;
use telemetry_schema::telemetry::{TelemetryEvent, TelemetryEventArgs};

const ROUNDS: usize = 11;
const MESSAGES: usize = 200_000;

#[derive(Serialize)]
struct Event {
    timestamp_ns: u64,
    source_id: String,
    value: f64,
}

/// The same events as Rust structs and as messages.
struct Events {
    structs: Vec<Event>,
    messages: Vec<Vec<u8>>,
    walker: Walker,
}

/// Writes or reads all events once; returns something of each, so that none is left out.
type Way = (&'static str, fn(&Events) -> u64);

const WAYS: [Way; 5] = [
    ("serde_json::to_writer", with_serde),
    ("Walker::write_json", with_walker),
    ("root, serde_json::to_writer", with_generated_code),
    ("Walker::walk, a visitor that sums", with_visitor),
    ("FieldPath::read, one field", with_path),
];

fn main() {
    let events = Events::new();
    assert_eq!(events.text_by_walker(), events.text_by_serde());
    let arguments: Vec<String> = env::args().skip(1).collect();
    match &arguments[..] {
        [] => print_table(&events),
        [name, rounds] => {
            let (_, way) = WAYS.iter().find(|(known, _)| known == name).expect("a way");
            (0..rounds.parse().expect("a number of rounds")).for_each(|_: u32| _ = black_box(way(&events)));
        }
        _ => panic!("no arguments, or a way and a number of rounds"),
    }
}

fn print_table(events: &Events) {
    let mut nanoseconds = [const { Vec::new() }; WAYS.len()];
    for round in 0..ROUNDS {
        for nth in 0..WAYS.len() {
            let nth = (round + nth) % WAYS.len();
            let start = Instant::now();
            black_box(WAYS[nth].1(events));
            nanoseconds[nth].push(start.elapsed().as_secs_f64() * 1e9 / MESSAGES as f64);
        }
    }
    println!("{MESSAGES} telemetry events, {ROUNDS} rounds, ns per message: median (least to greatest)");
    println!("| way | ns per message | messages/s | of the first |\n|---|---|---|---|");
    let first = spread(nanoseconds[0].clone())[0];
    for ((name, _), nanoseconds) in WAYS.iter().zip(nanoseconds) {
        let [median, least, greatest] = spread(nanoseconds);
        let (millions, ratio) = (1e3 / median, median / first);
        println!("| {name} | {median:.0} ({least:.0} to {greatest:.0}) | {millions:.2} M | {ratio:.2}x |");
    }
}

impl Events {
    fn new() -> Self {
        let mut noise = Noise::new(1);
        let mut event = |nth: usize| Event {
            timestamp_ns: 1_790_000_000_000_000_000 + nth as u64 * 1_000_003,
            source_id: format!("pump-{}", noise.below(100)),
            value: 20.0 + noise.below(10_000) as f64 / 1000.0,
        };
        let structs: Vec<Event> = (0..MESSAGES).map(&mut event).collect();
        let messages = structs.iter().map(message).collect();
        let walker = Walker::new(&Schema::read(telemetry_schema::BFBS).expect("a schema")).expect("a root");
        Self { structs, messages, walker }
    }

    fn text_by_walker(&self) -> Vec<u8> {
        let mut text = Vec::new();
        for message in &self.messages {
            self.walker.write_json(message, &JsonOptions::new(), &mut text).expect("a good message");
        }
        text
    }

    fn text_by_serde(&self) -> Vec<u8> {
        let mut text = Vec::new();
        self.structs.iter().for_each(|event| serde_json::to_writer(&mut text, event).expect("memory"));
        text
    }
}

fn message(event: &Event) -> Vec<u8> {
    let mut builder = FlatBufferBuilder::new();
    let source_id = Some(builder.create_string(&event.source_id));
    let arguments = TelemetryEventArgs { timestamp_ns: event.timestamp_ns, source_id, value: event.value };
    let root = TelemetryEvent::create(&mut builder, &arguments);
    builder.finish(root, None);
    builder.finished_data().to_vec()
}

/// As much text as a program gathers before it writes.
const TEXT: usize = 64 << 10;

/// Lines in a buffer that is emptied when it is full.
fn lines<'e, T>(of: &'e [T], mut write: impl FnMut(&'e T, &mut Vec<u8>)) -> u64 {
    let mut text = Vec::with_capacity(2 * TEXT);
    let mut written = 0;
    for item in of {
        write(item, &mut text);
        text.push(b'\n');
        if text.len() >= TEXT {
            written += black_box(&text).len();
            text.clear();
        }
    }
    (written + text.len()) as u64
}

fn with_serde(events: &Events) -> u64 {
    lines(&events.structs, |event, text| serde_json::to_writer(text, event).expect("memory"))
}

fn with_walker(events: &Events) -> u64 {
    let options = JsonOptions::new();
    lines(&events.messages, |message, text| {
        events.walker.write_json(message, &options, text).expect("a good message");
    })
}

/// What a program with generated code does: verify, read, serialize.
fn with_generated_code(events: &Events) -> u64 {
    #[derive(Serialize)]
    struct Borrowed<'m> {
        timestamp_ns: u64,
        source_id: Option<&'m str>,
        value: f64,
    }
    lines(&events.messages, |message, text| {
        let event = flatbuffers::root::<TelemetryEvent<'_>>(message).expect("a good message");
        let (timestamp_ns, source_id, value) = (event.timestamp_ns(), event.source_id(), event.value());
        serde_json::to_writer(text, &Borrowed { timestamp_ns, source_id, value }).expect("memory");
    })
}

#[derive(Default)]
struct Sum(u64);

impl<'m> Visitor<'m> for Sum {
    type Error = std::convert::Infallible;

    fn value(&mut self, _: &Field, value: Value<'m>) -> Result<(), Self::Error> {
        self.0 = self.0.wrapping_add(value.as_u64().unwrap_or(1));
        Ok(())
    }
}

fn with_visitor(events: &Events) -> u64 {
    let mut sum = Sum::default();
    for message in &events.messages {
        events.walker.walk(message, &mut sum).expect("a good message");
    }
    sum.0
}

fn with_path(events: &Events) -> u64 {
    let path = FieldPath::parse(&events.walker, "timestamp_ns").expect("a field");
    let read = |message| path.read(message).expect("a good message").and_then(Value::as_u64);
    events.messages.iter().filter_map(|message| read(message)).fold(0, u64::wrapping_add)
}
