//! Damage of every kind at random, several at once, on streams with everything in them: what holds in every case.
//! `FLATSTREAM_FUZZ=100 cargo nextest run recovery_fuzz` tries a hundred times as often.

mod common;

use std::collections::HashSet;

use common::{ALL_CHECKSUMS, Stream, file_options, link_options, options, recover_from, rounds, varied};
use flatstream_io::{ChecksumType, EndState, Error, ErrorKind, Finding, ReadOptions, Reader, Recovery, SliceReader};
use flatstream_testkit::noise::Noise;

/// Damages in place: the positions of everything else stay.
fn damage_in_place(bytes: &mut [u8], original: &[u8], noise: &mut Noise) {
    let at = noise.below(bytes.len());
    let len = match noise.below(4) {
        0 => 1 + noise.below(8),
        1 => 1 + noise.below(100),
        2 => 512,
        _ => 1 + noise.below(3000),
    };
    // Sectors are where sectors are.
    let at = if len == 512 { at & !511 } else { at };
    let end = (at + len).min(bytes.len());
    match noise.below(6) {
        0 => bytes[at] ^= 1 << noise.below(8),
        1 => bytes[at..end].fill(0),
        2 => bytes[at..end].fill(0xFF),
        3 => {
            let random = noise.bytes(end - at);
            bytes[at..end].copy_from_slice(&random);
        }
        _ => {
            let from = noise.below((original.len() + at).saturating_sub(end) + 1);
            let end = end.min(at + original.len() - from);
            let from = if len == 512 { from & !511 } else { from };
            bytes[at..end].copy_from_slice(&original[from..from + end - at]);
        }
    }
}

/// Damages that move what follows.
fn damage_by_moving(bytes: &mut Vec<u8>, original: &[u8], noise: &mut Noise) {
    let at = noise.below(bytes.len());
    let end = (at + 1 + noise.below(900.min(original.len() / 2))).min(bytes.len());
    match noise.below(3) {
        0 => drop(bytes.drain(at..end)),
        1 => drop(bytes.splice(at..at, noise.bytes(end - at))),
        _ => {
            let from = noise.below(original.len() - (end - at));
            drop(bytes.splice(at..at, original[from..from + end - at].to_vec()));
        }
    }
}

fn recovery(noise: &mut Noise) -> Recovery {
    let window = [4 << 10, 5001, 16 << 10, 16 << 20][noise.below(4)];
    Recovery::new().careful(noise.below(4) == 0).window(window)
}

/// In place: everything is checked, and each byte is accounted for.
#[test]
fn damage_that_moves_nothing() {
    let (mut cases, mut lost, mut unknown, mut contradictions, mut displaced) = (0, 0, 0, 0, 0);
    for seed in 0..rounds(6000) {
        let mut noise = Noise::new(seed);
        let stream = varied(ALL_CHECKSUMS[seed as usize % 5], &mut noise);
        let mut damaged = stream.bytes.clone();
        for _ in 0..1 + noise.below(6) {
            damage_in_place(&mut damaged, &stream.bytes, &mut noise);
        }
        if noise.below(4) == 0 {
            damaged.truncate(300 + noise.below(damaged.len() - 300));
        }
        let read = ReadOptions::new().recovery(recovery(&mut noise)).block_size(1 << (6 + noise.below(12)));
        let found = match recover_from(&damaged[..], read) {
            Ok(found) => found,
            Err(error) => {
                assert_ne!(error.kind(), ErrorKind::Io, "seed {seed}: {error}");
                continue;
            }
        };
        // A sector in the wrong place may hold the only sync frame that is left.
        let is_displaced = found.has(|finding| matches!(finding, Finding::Displaced { .. }));
        let outcome = std::panic::catch_unwind(|| match is_displaced {
            true => stream.check_lost(&found),
            false => stream.check_in_place(&damaged, &found),
        });
        lost += outcome.unwrap_or_else(|_| panic!("seed {seed}: {:?}\n{}", found.findings, found.end));
        displaced += u64::from(is_displaced);
        cases += 1;
        unknown += u64::from(found.losses.may_be_more);
        contradictions += u64::from(found.has_contradiction());
    }
    println!(
        "{cases} damaged files: {lost} lost, {unknown} of unknown number, {displaced} read from a displaced sync frame"
    );
    assert_eq!(contradictions, 0);
    assert!(displaced * 20 < cases);
}

/// With bytes lost, inserted and repeated, in files and on links.
#[test]
fn damage_that_moves_what_follows() {
    let (mut cases, mut lost, mut contradictions) = (0, 0, 0);
    for seed in 0..rounds(6000) {
        let mut noise = Noise::new(seed);
        let checksum = ALL_CHECKSUMS[seed as usize % 5];
        let stream = varied(checksum, &mut noise);
        let mut damaged = stream.bytes.clone();
        for _ in 0..1 + noise.below(4) {
            damage_by_moving(&mut damaged, &stream.bytes, &mut noise);
            if noise.below(2) == 0 {
                damage_in_place(&mut damaged, &stream.bytes, &mut noise);
            }
        }
        for read in [file_options(), link_options()] {
            let Ok(found) = recover_from(&damaged[..], read) else { continue };
            let outcome = std::panic::catch_unwind(|| {
                let changed = stream.check(&found);
                assert!(checksum == ChecksumType::None || changed == 0, "{changed} wrong");
                let is_joined = found.header.is_recovered();
                if is_joined { found.losses.messages } else { stream.check_lost(&found) }
            });
            lost += outcome.unwrap_or_else(|_| panic!("seed {seed}: {:?}\n{}", found.findings, found.end));
            contradictions += u64::from(found.has_contradiction());
            cases += 1;
        }
    }
    println!("{cases} files and links with bytes moved: {lost} lost, {contradictions} contradictions");
}

/// A recovering reader finds all that a strict one does, first; and where the strict one finds no damage, nothing else.
#[test]
fn all_that_a_strict_reader_gives_comes_first() {
    for seed in 0..rounds(3000) {
        let mut noise = Noise::new(seed);
        let stream = varied(ALL_CHECKSUMS[seed as usize % 5], &mut noise);
        let mut damaged = stream.bytes.clone();
        damage_in_place(&mut damaged, &stream.bytes, &mut noise);
        damaged.truncate(damaged.len() - noise.below(200));
        let Ok(mut strict) = Reader::new(&damaged[..]) else { continue };
        let (good, errors): (Vec<_>, Vec<_>) = strict.by_ref().partition(Result::is_ok);
        let found = recover_from(&damaged[..], file_options()).unwrap();
        let good: Vec<_> = good.into_iter().map(Result::unwrap).collect();
        assert!(good.iter().zip(&found.messages).all(|(good, found)| good[..] == found.body), "seed {seed}");
        assert!(found.messages.len() >= good.len(), "seed {seed}");
        if errors.is_empty() {
            assert_eq!((found.messages.len(), found.losses.is_none()), (good.len(), true), "seed {seed}");
            assert_eq!(found.end, strict.end().unwrap(), "seed {seed}");
        }
    }
}

/// What a strict reader gives: messages, the error, the end.
type Strict = (Vec<(u64, u64, Vec<u8>)>, Option<String>, Option<(EndState, u64)>);

fn strict_by_slice(bytes: &[u8]) -> Result<Strict, String> {
    let mut reader = SliceReader::new(bytes).map_err(|error| error.to_string())?;
    let (mut messages, mut failed) = (Vec::new(), None);
    for message in &mut reader {
        match message {
            Ok(message) => messages.push((message.position(), message.sequence(), message.to_vec())),
            Err(error) => failed = Some(error.code().to_owned() + &error.position().to_string()),
        }
    }
    Ok((messages, failed, reader.end().map(|end| (end.state, end.position))))
}

fn strict_by_source(bytes: &[u8], block_size: usize) -> Result<Strict, String> {
    let options = ReadOptions::new().block_size(block_size);
    let mut reader = Reader::with_options(bytes, options).map_err(|error| error.to_string())?;
    let (mut messages, mut failed) = (Vec::new(), None);
    for message in &mut reader {
        match message {
            Ok(message) => messages.push((message.position(), message.sequence().unwrap(), message.to_vec())),
            Err(error) => failed = Some(code_and_position(&error)),
        }
    }
    assert!(reader.losses().is_none());
    let told = reader.take_findings();
    assert!(told.iter().all(|finding| matches!(finding, Finding::Dropped { .. })), "{told:?}");
    Ok((messages, failed, reader.end().ok().map(|end| (end.state, end.position))))
}

fn code_and_position(error: &Error) -> String {
    let error = error.format_error().unwrap_or_else(|| panic!("{error}"));
    error.code().to_owned() + &error.position().to_string()
}

/// Strict reading knows nothing of recovery: from a source it gives the same as from a slice.
#[test]
fn strict_reading_is_the_same_from_slice_and_source() {
    let mut damaged_ones = 0;
    for seed in 0..rounds(4000) {
        let mut noise = Noise::new(seed);
        let stream: Stream = varied(ALL_CHECKSUMS[seed as usize % 5], &mut noise);
        let mut damaged = stream.bytes.clone();
        for _ in 0..noise.below(3) {
            match noise.below(3) {
                0 => damage_by_moving(&mut damaged, &stream.bytes, &mut noise),
                _ => damage_in_place(&mut damaged, &stream.bytes, &mut noise),
            }
        }
        damaged.truncate(damaged.len() - noise.below(damaged.len() / 2) * noise.below(2));
        let expected = strict_by_slice(&damaged);
        damaged_ones += u64::from(!matches!(&expected, Ok((_, None, _))));
        for block_size in [64, 1000, 1 << 20] {
            assert_eq!(strict_by_source(&damaged, block_size), expected, "seed {seed}");
        }
    }
    println!("strict reading: the same from slices and sources, {damaged_ones} times an error");
}

/// A device that starts anew several times, on a link that loses, inserts, repeats and alters bytes: nothing is wrong,
/// and nothing comes twice or in another order.
#[test]
fn many_sessions_on_a_bad_link() {
    let (mut cases, mut delivered, mut all) = (0, 0, 0);
    for seed in 0..rounds(4000) {
        let mut noise = Noise::new(seed);
        let checksum = ALL_CHECKSUMS[1 + seed as usize % 4];
        let (mut sent, mut messages) = (Vec::new(), HashSet::new());
        for session in 0..1 + noise.below(4) {
            let number = |nth: usize, body: &[u8]| [&((session * 1000 + nth) as u64).to_le_bytes()[..], body].concat();
            let bodies = noise.messages(10 + noise.clone().below(40), 80);
            let bodies: Vec<_> = bodies.iter().enumerate().map(|(nth, body)| number(nth, body)).collect();
            let program = ["same", "same", "other"][noise.below(3)];
            let writer = options(checksum).sync_interval(512).writer(program).stream_id(1 + session as u64);
            let stream = Stream::new(writer, bodies);
            let end =
                if noise.below(2) == 0 { stream.bytes.len() } else { 150 + noise.below(stream.bytes.len() - 150) };
            sent.extend(&stream.bytes[..end]);
            messages.extend(stream.messages);
        }
        for _ in 0..noise.below(6) {
            let at = noise.below(sent.len() - 1);
            let end = (at + 1 + noise.below(600)).min(sent.len() - 1);
            match noise.below(5) {
                2 if sent.len() < 1000 => {}
                0 => sent[at] ^= 1 << noise.below(8),
                1 => sent[at..end].fill(0),
                2 => drop(sent.drain(at..end)),
                3 => drop(sent.splice(at..at, noise.bytes(end - at))),
                _ => {
                    // What was sent before comes again.
                    let again = sent[at.saturating_sub(noise.below(4000))..at].to_vec();
                    drop(sent.splice(at..at, again));
                }
            }
        }
        let from = [0, noise.below(sent.len())][noise.below(2)];
        let Ok(found) = recover_from(&sent[from..], link_options()) else { continue };
        found.check_sums();
        // What comes again of a session that was over before the receiver joined is new to it. Otherwise sessions
        // ascend too.
        let mut next = [0; 4];
        for body in found.bodies() {
            assert!(messages.contains(body), "seed {seed}: wrong: {:?}", found.findings);
            let number = body[..8].try_into().map(u64::from_le_bytes).unwrap() as usize;
            let next = &mut next[number / 1000];
            assert!(number % 1000 >= *next, "seed {seed}: twice or out of order: {:?}", found.findings);
            *next = number % 1000 + 1;
        }
        delivered += found.messages.len();
        all += messages.len();
        cases += 1;
    }
    println!("{cases} links with up to 4 sessions: {delivered} of {all} messages");
}
