//! Damaged streams through the crates and through `python/flatstream`, which was written from the specification alone:
//! the same messages, the same ranges skipped, the same numbers lost, the same end. Every difference is a bug in one of
//! the two, or a hole in the specification.
//!
//! `FLATSTREAM_DIFFERENTIAL=20000 cargo nextest run differential` tries so many inputs, `FLATSTREAM_DIFFERENTIAL_FROM`
//! says from which seed on.

mod common;
#[path = "common/facts.rs"]
mod facts;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::num::NonZeroU64;

use common::{ALL_CHECKSUMS, Assembler, STREAM_ID};
use facts::{recovered, strict};
use flatstream_io::format::{Sync, SyncFlags};
use flatstream_io::{Header, HeaderBuilder, ReadOptions, Recovery};
use flatstream_testkit::noise::Noise;
use flatstream_testkit::python::Answering;

const OTHER_ID: u64 = 0xFEED_C0DE;

/// One input, and how it is read.
struct Input {
    bytes: Vec<u8>,
    window: usize,
    careful: bool,
    stream_id: Option<NonZeroU64>,
    limit: u32,
}

/// `true` once in so many times.
fn one_in(many: usize, noise: &mut Noise) -> bool {
    noise.below(many) == 0
}

fn header(noise: &mut Noise) -> Header {
    let interval = [0, 256, 1024, 4096][noise.below(4)];
    let promise = [0, 3000, 1 << 16][noise.below(3)];
    let name = "x".repeat([0, 3, 200][noise.below(3)]);
    let checksum = ALL_CHECKSUMS[noise.below(ALL_CHECKSUMS.len())];
    HeaderBuilder::new(checksum).sync_interval(interval).max_message_len(promise).writer(name).build().unwrap()
}

/// A message: noise, or what is hard to tell from frames.
fn body(stream: &Assembler, noise: &mut Noise) -> Vec<u8> {
    let longest = if one_in(12, noise) { 2500 } else { 90 };
    let len = 1 + noise.below(longest);
    match noise.below(12) {
        0 => vec![0; len],
        1 => vec![0xFF; len],
        // Numbers that look like lengths.
        2 | 3 => (0..len.div_ceil(4)).flat_map(|_| (noise.below(300) as u32).to_le_bytes()).take(len).collect(),
        4 => {
            let from = noise.below(stream.bytes.len());
            stream.bytes[from..].iter().copied().take(len.max(200)).collect()
        }
        5 if one_in(3, noise) => {
            let id = if one_in(2, noise) { STREAM_ID } else { OTHER_ID };
            let mut nested = Assembler::new(header(noise)).of_stream(id);
            nested.sync(SyncFlags::NONE);
            nested.messages(1 + noise.below(6), 50, noise);
            nested.sync(SyncFlags::CLOSED);
            nested.bytes
        }
        _ => noise.bytes(len),
    }
}

fn put_sync(stream: &mut Assembler, flags: SyncFlags, noise: &mut Noise) {
    let mut sync = stream.next_sync(flags);
    if one_in(2, noise) {
        sync.durable = noise.below(sync.position as usize + 1) as u64;
    }
    match noise.below(18) {
        0..3 => stream.grown_sync(sync, noise.below(60)),
        3 => stream.control(b"sync", &[&sync.to_body()[4..], &image(&sync, noise), &noise.bytes(8)].concat()),
        _ => stream.grown_sync(sync, 0),
    }
}

/// What a sync frame may hold behind its fields that looks like another one, mostly at its place.
fn image(of: &Sync, noise: &mut Noise) -> Vec<u8> {
    let before = noise.below(4) * 8;
    let mut image = Sync { position: of.position + 64 + before as u64, ..*of };
    match noise.below(6) {
        0 => image.sequence += 1 + noise.below(9) as u64,
        1 => image.position += 8,
        2 => image.stream_id = OTHER_ID,
        _ => {}
    }
    [noise.bytes(before), image.to_frame().to_vec()].concat()
}

/// A stream of some epochs, with all kinds of frames in it.
fn stream(header: Header, stream_id: u64, noise: &mut Noise) -> Assembler {
    let mut stream = Assembler::new(header).of_stream(stream_id);
    let mut epoch = if one_in(8, noise) { 7 } else { 0 };
    stream.epoch(epoch);
    put_sync(&mut stream, SyncFlags::NONE, noise);
    let between = [3, 10, 40, 400][noise.below(4)];
    let epochs = 1 + noise.below(3);
    for nth in 0..epochs {
        if nth > 0 {
            epoch += [1, 1, 3, 0][noise.below(4)];
            stream.epoch(epoch);
            put_sync(&mut stream, SyncFlags::RESUMED, noise);
        }
        for _ in 0..noise.below(60) {
            match noise.below(40) {
                0 => stream.control(b"meta", &noise.clone().bytes(4 + noise.below(40))),
                1 => stream.control(b"drop", &[&[0; 4][..], &5u64.to_le_bytes(), &900u64.to_le_bytes()].concat()),
                2 if one_in(40, noise) => stream.control(b"CHNK", &[1; 20]),
                _ => {
                    let body = body(&stream, noise);
                    stream.message(&body);
                }
            }
            if one_in(between, noise) {
                put_sync(&mut stream, SyncFlags::NONE, noise);
            }
        }
        if one_in(2, noise) {
            put_sync(&mut stream, SyncFlags::CLOSED, noise);
        }
    }
    stream
}

/// A place: anywhere, at a multiple of 8, or at one of 512.
fn place(len: usize, noise: &mut Noise) -> usize {
    let at = noise.below(len.max(1));
    at & [!0, !7, !511][noise.below(3)]
}

fn extent(noise: &mut Noise) -> usize {
    [1 + noise.below(8), 8 * (1 + noise.below(12)), 512 * (1 + noise.below(3)), 1 + noise.below(3000)][noise.below(4)]
}

/// Bytes of a stream from a place on, as many as there are.
fn part(from: &[u8], at: usize, len: usize) -> Vec<u8> {
    from.iter().copied().skip(at).take(len).collect()
}

fn overwrite(bytes: &mut [u8], at: usize, with: &[u8]) {
    bytes.iter_mut().skip(at).zip(with).for_each(|(byte, with)| *byte = *with);
}

/// The places of sync frames, whole or not.
fn syncs(bytes: &[u8]) -> Vec<usize> {
    bytes.windows(4).enumerate().filter(|(at, kind)| *kind == b"sync" && *at >= 8).map(|(at, _)| at - 8).collect()
}

/// A sync frame with a lie in it, right by its own word.
fn forged(bytes: &[u8], stream: &Assembler, noise: &mut Noise) -> (usize, Vec<u8>) {
    let at = place(bytes.len(), noise);
    let mut sync = Sync { position: at as u64 & !7, ..stream.next_sync(SyncFlags::from_bits(noise.below(4) as u8)) };
    sync.sequence = noise.below(stream.sequence() as usize + 3) as u64;
    match noise.below(8) {
        0 => sync.epoch = sync.epoch.wrapping_add(1),
        1 => sync.position = sync.position.wrapping_add(8 * noise.below(200) as u64),
        2 => sync.position = noise.number() & !7,
        3 => sync.stream_id = OTHER_ID,
        4 => sync.header_check ^= 1,
        5 => sync.checksum_id = [0, 1, 2, 3, 4, 9][noise.below(6)],
        6 => sync.durable = sync.position,
        _ => {}
    }
    (at, sync.to_frame().to_vec())
}

fn damage(bytes: &mut Vec<u8>, stream: &Assembler, others: &[Assembler], noise: &mut Noise) {
    let (at, len) = (place(bytes.len(), noise), extent(noise));
    let end = (at + len).min(bytes.len());
    let source = match noise.below(3) {
        0 => &others[noise.below(others.len())].bytes,
        _ => &stream.bytes,
    };
    match noise.below(16) {
        0 | 1 => bytes[at] ^= 1 << noise.below(8),
        2 => bytes[at..end].fill(0),
        3 => bytes[at..end].fill(0xFF),
        4 => overwrite(bytes, at, &noise.bytes(len)),
        5 => overwrite(bytes, at, &part(source, place(source.len(), noise), len)),
        // What another history of the file holds at this place.
        6 => overwrite(bytes, at, &part(source, at, len)),
        7 => drop(bytes.drain(at..end)),
        8 => drop(bytes.splice(at..at, noise.bytes(len))),
        9 => drop(bytes.splice(at..at, part(source, place(source.len(), noise), len))),
        10 | 11 => {
            // A sync frame, somewhere in it.
            let places = syncs(bytes);
            if let Some(at) = places.get(noise.below(places.len().max(1))) {
                let at = (at + noise.below(64)).min(bytes.len() - 1);
                bytes[at] ^= 1 << noise.below(8);
            }
        }
        12 => {
            let (at, frame) = forged(bytes, stream, noise);
            overwrite(bytes, at, &frame);
        }
        13 => bytes.truncate(bytes.len().saturating_sub(noise.below(len))),
        14 => {
            let behind = [vec![0; len], vec![0xFF; len], source.clone()];
            bytes.extend(&behind[noise.below(3)]);
        }
        _ => overwrite(bytes, noise.below(200), &noise.bytes(1 + len.min(100))),
    }
}

fn input(seed: u64) -> Input {
    let mut noise = Noise::new(seed);
    let header = header(&mut noise);
    let whole = stream(header.clone(), STREAM_ID, &mut noise);
    let others = [
        // The same file as it was in another life: blocks of it may come back.
        stream(header.clone(), STREAM_ID, &mut noise),
        stream(header, OTHER_ID, &mut noise),
        stream(self::header(&mut noise), OTHER_ID, &mut noise),
    ];
    let mut bytes = whole.bytes.clone();
    for _ in 0..1 + noise.below(5) {
        if !bytes.is_empty() {
            damage(&mut bytes, &whole, &others, &mut noise);
        }
    }
    Input {
        bytes,
        window: [4 << 10, 4 << 10, 5000, 16 << 10, 16 << 20][noise.below(5)],
        careful: one_in(4, &mut noise),
        stream_id: [None, None, None, NonZeroU64::new(STREAM_ID)][noise.below(4)],
        limit: [1 << 26, 1 << 26, 60, 1000][noise.below(4)],
    }
}

fn ask(python: &mut Answering, input: &Input) -> Vec<String> {
    let Input { bytes, window, careful, stream_id, limit } = input;
    let stream_id = stream_id.map_or("-".to_owned(), |id| id.to_string());
    let mut line = format!("{window} {} {stream_id} {limit} ", u8::from(*careful));
    for byte in bytes {
        let _ = write!(line, "{byte:02x}");
    }
    python.ask(&line)
}

fn answer(input: &Input) -> Vec<String> {
    let mut recovery = Recovery::new().window(input.window).careful(input.careful);
    if let Some(id) = input.stream_id {
        recovery = recovery.stream_id(id);
    }
    let options = ReadOptions::new().max_message_len(input.limit);
    let strict = strict(&input.bytes, options.clone()).into_iter().map(|fact| format!("strict {fact}"));
    let recovered = recovered(&input.bytes[..], options.recovery(recovery), true);
    strict.chain(recovered.into_iter().map(|fact| format!("recover {fact}"))).collect()
}

fn number_from_environment(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|number| number.parse().ok()).unwrap_or(usual)
}

#[test]
fn damaged_streams_are_read_as_the_implementation_in_python_reads_them() {
    let Some(mut python) = Answering::start("tests.answer") else { return };
    let from = number_from_environment("FLATSTREAM_DIFFERENTIAL_FROM", 0);
    let count = number_from_environment("FLATSTREAM_DIFFERENTIAL", 300);
    let (mut differing, mut facts) = (Vec::new(), BTreeMap::<String, u64>::new());
    for seed in from..from + count {
        let input = input(seed);
        let ours = answer(&input);
        for fact in &ours {
            *facts.entry(kind_of(fact)).or_default() += 1;
        }
        let theirs = ask(&mut python, &input);
        if ours != theirs {
            differing.push(seed);
            let Input { bytes, window, careful, stream_id, limit } = &input;
            println!("seed {seed}: {} bytes, {window}, {careful}, {stream_id:?}, {limit}", bytes.len());
            println!("{}", difference(&ours, &theirs));
        }
    }
    println!("{count} damaged streams: {facts:#?}");
    assert!(differing.is_empty(), "{} of {count} differ: {differing:?}", differing.len());
}

/// The fact's name, with the code of an error, the kind of an end, and whether a number is known.
fn kind_of(fact: &str) -> String {
    let words: Vec<&str> = fact.split(' ').collect();
    let more = match words[1] {
        "error" | "end" => words[2],
        "lost" if words[2] == "unknown" => "unknown",
        "message" if words[4] == "sequence=?" => "salvaged",
        _ => "",
    };
    format!("{} {} {more}", words[0], words[1])
}

/// What one of them has and the other hasn't.
fn difference(ours: &[String], theirs: &[String]) -> String {
    let only = |of: &[String], not: &[String]| {
        of.iter().filter(|fact| !not.contains(fact)).take(6).cloned().collect::<Vec<_>>().join("\n  ")
    };
    format!("Rust alone:\n  {}\nPython alone:\n  {}", only(ours, theirs), only(theirs, ours))
}
