//! Damage of every kind at random, several at once, on streams with everything in them: what holds in every case.
//! `FLATSTREAM_FUZZ=100 cargo nextest run recovery_fuzz` tries a hundred times as often.

mod common;

#[path = "common/damage.rs"]
mod damage;
#[path = "common/strict.rs"]
mod strict;

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use common::{ALL_CHECKSUMS, Stream, link_options, options, recover_from, rounds, varied};
use damage::{check_in_place, check_moved, check_strict_comes_first, damage_by_moving, damage_in_place, recovery};
use flatstream_io::ReadOptions;
use flatstream_testkit::noise::Noise;
use strict::{strict_by_slice, strict_by_source};

/// A failure says which seed it was.
fn of_seed<T>(seed: u64, check: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(check)).unwrap_or_else(|_| panic!("seed {seed}"))
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
        let Some((found, lost_here)) = of_seed(seed, || check_in_place(&stream, &damaged, read)) else { continue };
        lost += lost_here;
        displaced += u64::from(found.is_displaced());
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
        for (found, lost_here) in of_seed(seed, || check_moved(&stream, checksum, &damaged)) {
            lost += lost_here;
            contradictions += u64::from(found.has_contradiction());
            cases += 1;
        }
    }
    println!("{cases} files and links with bytes moved: {lost} lost, {contradictions} contradictions");
}

#[test]
fn all_that_a_strict_reader_gives_comes_first() {
    for seed in 0..rounds(3000) {
        let mut noise = Noise::new(seed);
        let stream = varied(ALL_CHECKSUMS[seed as usize % 5], &mut noise);
        let mut damaged = stream.bytes.clone();
        damage_in_place(&mut damaged, &stream.bytes, &mut noise);
        damaged.truncate(damaged.len() - noise.below(200));
        of_seed(seed, || check_strict_comes_first(&damaged));
    }
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
            assert_eq!(strict_by_source(&damaged[..], block_size), expected, "seed {seed}");
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
