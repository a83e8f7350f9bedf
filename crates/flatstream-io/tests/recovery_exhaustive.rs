//! A recovering reader over all small inputs, against `flatstream_testkit::reference`, which is section 12 of the
//! specification once more.
//!
//! `FLATSTREAM_EXHAUSTIVE=1` goes one piece further, which takes many times as long. The test prints how much it tried:
//! `cargo nextest run -p flatstream-io --test recovery_exhaustive --no-capture`.

mod common;

use std::collections::BTreeMap;
use std::io::ErrorKind as Io;
use std::thread;

use common::{file_options, recover_from};
use flatstream_io::{ChecksumType, EndState, ErrorKind, Finding, Header, HeaderBuilder, Reader, Result};
use flatstream_testkit::faulty::{PlannedSource, Reading};
use flatstream_testkit::reference::{Maker, PIECES, Piece, Recovered, Rules, State, for_each_row, recover};

const MAX_MESSAGE_LEN: u32 = 64;
const SYNC_INTERVAL: u32 = 40;

fn more() -> usize {
    usize::from(std::env::var("FLATSTREAM_EXHAUSTIVE").is_ok_and(|value| value != "0"))
}

fn header() -> Header {
    let header = HeaderBuilder::new(ChecksumType::Crc32c).max_message_len(MAX_MESSAGE_LEN);
    header.sync_interval(SYNC_INTERVAL).build().unwrap()
}

fn rules(header: &Header) -> Rules {
    Rules {
        header_len: header.as_bytes().len(),
        header_check: header.essentials().header_check,
        max_message_len: MAX_MESSAGE_LEN,
        patience: 2 * SYNC_INTERVAL as usize,
    }
}

/// What was compared, and what came out.
#[derive(Default)]
struct Compared {
    inputs: u64,
    readings: u64,
    not_treated: u64,
    outcomes: BTreeMap<String, u64>,
}

impl Compared {
    fn add(&mut self, other: &Self) {
        self.inputs += other.inputs;
        self.readings += other.readings;
        self.not_treated += other.not_treated;
        for (outcome, count) in &other.outcomes {
            *self.outcomes.entry(outcome.clone()).or_default() += count;
        }
    }

    fn count(&mut self, expected: &Recovered) {
        let mut note = |is_so: bool, what: &str| {
            if is_so {
                *self.outcomes.entry(what.to_owned()).or_default() += 1;
            }
        };
        note(!expected.skipped.is_empty(), "skipped");
        note(expected.messages.iter().any(|message| message.1.is_none()), "salvaged");
        note(!expected.pads.is_empty(), "pad");
        note(!expected.lost.is_empty(), "lost");
        note(expected.may_be_more, "lost unknown");
        note(!expected.contradictions.is_empty(), "contradiction");
        note(!expected.second_streams.is_empty(), "second stream");
        note(expected.other_stream.is_some(), "other stream");
        let end = expected.end.expect("there is an end");
        note(true, &end.map_or("unsupported".to_owned(), |(state, _)| format!("{state:?}").to_lowercase()));
    }
}

/// The reader's answer in the reference's words.
fn in_other_words(found: Result<common::Recovered>) -> Option<Recovered> {
    let found = found.inspect_err(|error| assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}")).ok()?;
    found.check_sums();
    let mut words = Recovered {
        messages: found.messages.iter().map(|one| (one.position, one.sequence, one.body.clone())).collect(),
        skipped: found.skipped().collect(),
        may_be_more: found.losses.may_be_more,
        ..Recovered::default()
    };
    for finding in &found.findings {
        match *finding {
            Finding::Pad { position } => words.pads.push(position),
            Finding::Lost { messages, position } => words.lost.push((messages, position)),
            Finding::Contradiction { position, counted, delivered } => {
                words.contradictions.push((delivered - counted, position));
            }
            Finding::SecondStream { offset } => words.second_streams.push(offset),
            Finding::OtherStream { offset, stream_id } => words.other_stream = Some((offset, stream_id)),
            Finding::Skipped { .. } | Finding::LostUnknown { .. } | Finding::Displaced { .. } => {}
            ref other => panic!("{other}"),
        }
    }
    let state = match found.end.state {
        EndState::Closed => State::Closed,
        EndState::Open => State::Open,
        EndState::Torn => State::Torn,
        EndState::Scattered => State::Scattered,
        EndState::Corrupt => State::Corrupt,
    };
    words.end = Some(Ok((state, found.end.position)));
    Some(words)
}

fn check_answer(bytes: &[u8], expected: &Recovered, found: Result<common::Recovered>) {
    match (expected.end, in_other_words(found)) {
        (Some(Err(position)), None) => check_refused(bytes, expected, position),
        (_, Some(found)) => {
            let expected = Recovered { understood: Vec::new(), ..expected.clone() };
            assert!(found == expected, "{bytes:02x?}\n   found {found:?}\nexpected {expected:?}");
        }
        (_, None) => panic!("{bytes:02x?}: refused, expected {expected:?}"),
    }
}

/// All messages come before a frame that must be known.
fn check_refused(bytes: &[u8], expected: &Recovered, position: u64) {
    let mut reader = Reader::with_options(bytes, file_options()).unwrap();
    let mut messages = Vec::new();
    let error = loop {
        match reader.next().expect("an error comes before the end") {
            Ok(message) => messages.push((message.position(), message.sequence(), message.to_vec())),
            Err(error) => break error,
        }
    };
    assert_eq!((error.kind(), error.position()), (ErrorKind::Unsupported, Some(position)), "{bytes:02x?}");
    assert_eq!(messages, expected.messages, "{bytes:02x?}");
}

/// What was understood, what was skipped, and what lies behind the end: each byte behind the header once.
fn check_tiles(bytes: &[u8], header_len: usize, expected: &Recovered) {
    let mut ranges = [&expected.understood[..], &expected.skipped[..]].concat();
    ranges.sort_unstable();
    let mut end = header_len as u64;
    for (from, to) in ranges {
        assert!(end == from && from < to, "{bytes:02x?}: {end}, then {from} to {to}");
        end = to;
    }
    let is_told_apart = matches!(expected.end, Some(Ok((State::Torn | State::Open | State::Closed, _)) | Err(_)));
    assert!(end == bytes.len() as u64 || is_told_apart, "{bytes:02x?} ends at {end}");
}

fn compare(rules: &Rules, bytes: &[u8], all_cuts: bool, sum: &mut Compared) {
    sum.inputs += 1;
    let Some(expected) = recover(rules, bytes) else {
        sum.not_treated += 1;
        return;
    };
    sum.count(&expected);
    check_tiles(bytes, rules.header_len, &expected);
    let options = || file_options().block_size(512);
    let mut read = |found| {
        sum.readings += 1;
        check_answer(bytes, &expected, found);
    };
    read(recover_from(bytes, options()));
    let one_by_one = bytes.iter().flat_map(|_| [Reading::AtMost(1), Reading::Fail(Io::WouldBlock)]);
    read(recover_from(PlannedSource::new(bytes, one_by_one), options()));
    if all_cuts {
        for cut in 1..bytes.len() {
            let plan = [Reading::AtMost(cut), Reading::Fail(Io::WouldBlock)];
            read(recover_from(PlannedSource::new(bytes, plan), options()));
        }
    }
}

/// Rows of up to `longest` pieces, shared out between two threads.
fn all_rows(rules: &Rules, start: &Maker, pieces: &'static [Piece], longest: usize) -> Compared {
    let of_half = |firsts: &'static [Piece]| {
        let mut sum = Compared::default();
        for (_, put) in firsts {
            let mut one = start.clone();
            put(&mut one);
            for len in 1..=longest {
                for_each_row(&one, pieces, len - 1, &mut |maker| compare(rules, &maker.bytes, len <= 2, &mut sum));
            }
        }
        sum
    };
    let (left, right) = pieces.split_at(pieces.len() / 2);
    let mut sum = thread::scope(|scope| {
        let left = scope.spawn(|| of_half(left));
        let mut sum = of_half(right);
        sum.add(&left.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        sum
    });
    compare(rules, &start.bytes, true, &mut sum);
    sum
}

#[test]
fn every_row_of_frames_and_of_what_is_none_is_recovered_as_the_specification_says() {
    let header = header();
    let rules = rules(&header);
    let mut sync = Maker::new(&rules, header.as_bytes());
    let nothing = sync.clone();
    sync.sync(|_| {});
    let mut epochs = sync.clone();
    epochs.message(b"12345678");
    epochs.epoch += 2;
    epochs.sync(|sync| (sync.flags, sync.durable) = (2, sync.position));
    epochs.message(b"9");
    // The first 16 are those by which reading goes on.
    let frequent = &PIECES[..16];
    let mut sum = Compared::default();
    for (name, start, pieces, longest) in [
        ("nothing", &nothing, PIECES, 3),
        ("sync", &sync, PIECES, 3 + more()),
        ("epochs", &epochs, PIECES, 3),
        ("sync", &sync, frequent, 4 + more()),
    ] {
        let one = all_rows(&rules, start, pieces, longest);
        let Compared { inputs, readings, not_treated, outcomes } = &one;
        println!(
            "{} pieces, rows of up to {longest} behind {name}: {inputs} inputs, {readings} readings, \
             {not_treated} of another header, {outcomes:?}",
            pieces.len()
        );
        sum.add(&one);
    }
    println!("in all: {} inputs, {} readings, {:?}", sum.inputs, sum.readings, sum.outcomes);
    for outcome in [
        "skipped",
        "salvaged",
        "pad",
        "lost",
        "lost unknown",
        "contradiction",
        "second stream",
        "other stream",
        "unsupported",
        "closed",
        "open",
        "torn",
        "scattered",
        "corrupt",
    ] {
        assert!(sum.outcomes.contains_key(outcome), "no input had the outcome {outcome}");
    }
    assert!(sum.not_treated * 10 < sum.inputs);
    if more() == 0 {
        assert_eq!((sum.inputs, sum.readings), (153_698, 914_023), "docs/PROOF.md says otherwise");
    }
}
