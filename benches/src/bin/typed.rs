//! What remains between the typed API and code kept by hand: instructions per message, counted by callgrind, for the
//! telemetry event of `schemas/`.
//!
//! `cargo run --release -p flatstream-benches --bin typed` (it takes valgrind)
//!
//! Each subject runs under callgrind for one round and for three; the difference is two rounds, without what opening
//! costs. With the name of a subject and a number of rounds it runs that alone:
//! `valgrind --tool=callgrind target/release/typed "TypedReader::next_root" 3`

#![forbid(unsafe_code)]

use std::env;
use std::hint::black_box;
use std::io;
use std::process::Command;

use flatbuffers::{FlatBufferBuilder, WIPOffset};
use flatstream::{
    Header, MessageType, Reader, SliceReader, TypedOptions, TypedReader, TypedRoots, TypedWriter, WriteOptions, Writer,
};
use telemetry_schema::telemetry::{TelemetryEvent, TelemetryEventArgs};

/// Messages in a round.
const MESSAGES: u64 = 100_000;

struct Event;

impl MessageType for Event {
    type Root<'a> = TelemetryEvent<'a>;
    const NAME: &'static str = "Telemetry.TelemetryEvent";
    const SCHEMA: Option<&'static [u8]> = Some(telemetry_schema::BFBS);
}

/// What is counted, by its name: so many rounds, and the sum over what they read or wrote.
type Subject = (&'static str, fn(u64) -> u64);

/// The first of each group is kept by hand.
const SUBJECTS: &[&[Subject]] = &[
    &[
        ("a builder kept by hand, append", append_by_hand),
        ("Writer::append_with", append_with),
        ("TypedWriter::append_with", typed_append_with),
    ],
    &[
        ("next_message, flatbuffers::root", next_message_by_hand),
        ("TypedReader::next_root", next_root),
        ("next_message alone", next_message_alone),
    ],
    &[
        ("for message in reader, Message::root", owned_by_hand),
        ("for message in typed_reader, TypedMessage::root", typed_owned),
        ("for message in reader alone", owned_alone),
    ],
    &[
        ("for message in SliceReader, flatbuffers::root", slice_by_hand),
        ("for root in TypedRoots", typed_roots),
        ("for message in SliceReader alone", slice_alone),
    ],
];

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match &arguments[..] {
        [] => print_table(),
        [name, rounds] => run_subject(name, rounds.parse().expect("a number of rounds")),
        _ => panic!("no arguments, or a subject and a number of rounds"),
    }
}

fn run_subject(name: &str, rounds: u64) {
    let (_, run) = SUBJECTS.iter().copied().flatten().find(|(known, _)| *known == name).expect("a subject");
    assert_eq!(run(rounds), rounds * MESSAGES * (MESSAGES - 1) / 2, "{name}");
}

fn print_table() {
    println!("| instructions per message | | of the first |\n|---|---|---|");
    for group in SUBJECTS {
        let mut first = None;
        for (name, _) in *group {
            let count = (count_instructions(name, 3) - count_instructions(name, 1)) as f64 / (2 * MESSAGES) as f64;
            println!("| {name} | {count:.1} | {:+.1} |", count - *first.get_or_insert(count));
        }
    }
}

fn count_instructions(subject: &str, rounds: u64) -> u64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env::current_exe().expect("a path of this program"))
        .args([subject, &rounds.to_string()])
        .output()
        .expect("valgrind");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let collected = said.lines().find_map(|line| line.split("Collected :").nth(1)).expect("callgrind's total");
    collected.trim().parse().expect("a number")
}

fn build(builder: &mut FlatBufferBuilder<'static>, nth: u64) -> WIPOffset<TelemetryEvent<'static>> {
    let source_id = Some(builder.create_string(black_box("pump-1")));
    TelemetryEvent::create(builder, &TelemetryEventArgs { timestamp_ns: nth, source_id, value: 21.5 })
}

fn append_by_hand(rounds: u64) -> u64 {
    let mut writer = Writer::new(io::sink(), WriteOptions::new()).expect("a writer");
    let mut builder = FlatBufferBuilder::new();
    sum_of_appends(rounds, |nth| {
        builder.reset();
        let root = build(&mut builder, nth);
        builder.finish(root, None);
        writer.append(builder.finished_data()).expect("a null sink takes all");
    })
}

fn append_with(rounds: u64) -> u64 {
    let mut writer = Writer::new(io::sink(), WriteOptions::new()).expect("a writer");
    sum_of_appends(rounds, |nth| {
        writer.append_with(|builder| build(builder, nth)).expect("a null sink takes all");
    })
}

fn typed_append_with(rounds: u64) -> u64 {
    let mut writer = TypedWriter::<Event, _>::new(io::sink(), WriteOptions::new()).expect("a writer");
    sum_of_appends(rounds, |nth| {
        writer.append_with(|builder| build(builder, nth)).expect("a null sink takes all");
    })
}

fn sum_of_appends(rounds: u64, mut append: impl FnMut(u64)) -> u64 {
    let mut sum = 0;
    for _ in 0..rounds {
        for nth in 0..MESSAGES {
            append(nth);
            sum += nth;
        }
    }
    sum
}

fn next_message_by_hand(rounds: u64) -> u64 {
    sum_of_rounds(rounds, |bytes| {
        let mut reader = Reader::new(bytes).expect("a stream");
        let mut sum = 0;
        while let Some(message) = reader.next_message().expect("a good stream") {
            let event = flatbuffers::root::<TelemetryEvent<'_>>(message).expect("a good message");
            sum += black_box(event).timestamp_ns();
        }
        sum
    })
}

fn next_root(rounds: u64) -> u64 {
    sum_of_rounds(rounds, |bytes| {
        let mut reader = TypedReader::<Event, _>::new(bytes).expect("a stream");
        let mut sum = 0;
        while let Some(event) = reader.next_root().expect("a good stream of good messages") {
            sum += black_box(event).timestamp_ns();
        }
        sum
    })
}

fn next_message_alone(rounds: u64) -> u64 {
    sum_of_rounds(rounds, |bytes| {
        let mut reader = Reader::new(bytes).expect("a stream");
        let mut nth = 0;
        let mut sum = 0;
        while let Some(message) = reader.next_message().expect("a good stream") {
            black_box(message);
            sum += nth;
            nth += 1;
        }
        sum
    })
}

fn owned_by_hand(rounds: u64) -> u64 {
    sum_of_rounds(rounds, |bytes| {
        let mut sum = 0;
        for message in Reader::new(bytes).expect("a stream") {
            let message = message.expect("a good stream");
            let event = message.root::<TelemetryEvent<'_>>().expect("a good message");
            sum += black_box(event).timestamp_ns();
        }
        sum
    })
}

fn typed_owned(rounds: u64) -> u64 {
    sum_of_rounds(rounds, |bytes| {
        let mut sum = 0;
        for message in TypedReader::<Event, _>::new(bytes).expect("a stream") {
            let message = message.expect("a good stream");
            sum += black_box(message.root().expect("a good message")).timestamp_ns();
        }
        sum
    })
}

fn owned_alone(rounds: u64) -> u64 {
    sum_of_rounds(rounds, |bytes| {
        let messages = Reader::new(bytes).expect("a stream");
        messages.map(|message| black_box(message.expect("a good stream")).sequence().unwrap_or_default()).sum()
    })
}

fn slice_by_hand(rounds: u64) -> u64 {
    sum_of_rounds(rounds, |bytes| {
        let mut sum = 0;
        for message in SliceReader::new(bytes).expect("a stream") {
            let message = message.expect("a good stream").body();
            let event = flatbuffers::root::<TelemetryEvent<'_>>(message).expect("a good message");
            sum += black_box(event).timestamp_ns();
        }
        sum
    })
}

fn typed_roots(rounds: u64) -> u64 {
    sum_of_rounds(rounds, |bytes| {
        let (header, messages) = (Header::decode(bytes).expect("a header"), SliceReader::new(bytes).expect("a stream"));
        let roots = TypedRoots::<Event, _>::new(&header, messages, TypedOptions::new()).expect("a stream of events");
        roots.map(|event| black_box(event.expect("a good message")).timestamp_ns()).sum()
    })
}

fn slice_alone(rounds: u64) -> u64 {
    sum_of_rounds(rounds, |bytes| {
        let messages = SliceReader::new(bytes).expect("a stream");
        messages.map(|message| black_box(message.expect("a good stream")).sequence()).sum()
    })
}

/// The stream is written once, whatever the number of rounds.
fn sum_of_rounds(rounds: u64, round: impl Fn(&[u8]) -> u64) -> u64 {
    let mut writer = TypedWriter::<Event, _>::new(Vec::new(), WriteOptions::new()).expect("a writer");
    for nth in 0..MESSAGES {
        writer.append_with(|builder| build(builder, nth)).expect("memory");
    }
    let bytes = writer.finish().expect("memory");
    (0..rounds).map(|_| round(&bytes)).sum()
}
