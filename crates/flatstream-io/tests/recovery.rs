//! Damage, and what a recovering reader makes of it: the tables of `docs/format/spec.md`, section 18. Each prints its
//! figures and asserts them.

mod common;

use common::{ALL_CHECKSUMS, Stream, recover, recover_link};
use flatstream_io::ChecksumType;
use flatstream_testkit::damage;

/// What a table adds up.
#[derive(Debug, Default)]
struct Table {
    cases: u64,
    lost: u64,
    most_lost: u64,
    changed_bodies: u64,
}

impl Table {
    fn note(&mut self, lost: u64) {
        self.cases += 1;
        self.lost += lost;
        self.most_lost = self.most_lost.max(lost);
    }
}

fn every_truncation(checksum: ChecksumType) {
    let stream = Stream::of_hundreds(checksum);
    let mut table = Table::default();
    for truncated in damage::truncations(&stream.bytes) {
        let whole = stream.whole_before(truncated.len());
        let Ok(found) = recover(truncated) else {
            assert_eq!(whole, 0);
            continue;
        };
        assert_eq!(found.messages.len(), whole, "length {}", truncated.len());
        assert!(found.losses.is_none(), "length {}: {:?}", truncated.len(), found.findings);
        assert_eq!(stream.check(&found), 0);
        table.note(0);
    }
    println!("{checksum}: {} truncations, each gave exactly the whole messages before it", table.cases);
}

#[test]
fn every_truncation_gives_exactly_the_whole_messages_before_it() {
    ALL_CHECKSUMS.into_iter().for_each(every_truncation);
}

/// With a digest: at most one message lost, none wrong, none twice, and the count of the lost exact.
fn every_bit(checksum: ChecksumType) {
    let stream = Stream::of_hundreds(checksum);
    let mut table = Table::default();
    damage::for_each_bit_flip(&stream.bytes, |at, damaged| {
        let found = recover(damaged).unwrap_or_else(|error| panic!("flip in byte {at}: {error}"));
        table.changed_bodies += stream.changed_bodies(&found);
        stream.check_in_place(damaged, &found);
        let lost = 300 - found.messages.len() as u64;
        assert_eq!(found.losses.messages, lost, "flip in byte {at}: {:?}", found.findings);
        assert!(!found.losses.may_be_more, "flip in byte {at}");
        table.note(lost);
    });
    println!("{checksum}: {table:?}");
    assert!(table.most_lost <= 1);
    if checksum != ChecksumType::None {
        assert_eq!(table.changed_bodies, 0);
    }
}

#[test]
fn every_flipped_bit_loses_at_most_one_message_crc32c() {
    every_bit(ChecksumType::Crc32c);
}

#[test]
fn every_flipped_bit_loses_at_most_one_message_none() {
    every_bit(ChecksumType::None);
}

#[test]
fn every_flipped_bit_loses_at_most_one_message_crc32() {
    every_bit(ChecksumType::Crc32);
}

#[test]
fn every_flipped_bit_loses_at_most_one_message_xxh64() {
    every_bit(ChecksumType::Xxh64);
}

#[test]
fn every_flipped_bit_loses_at_most_one_message_xxh3() {
    every_bit(ChecksumType::Xxh3);
}

/// The same on a link, one bit of each byte.
#[test]
fn a_flipped_bit_on_a_link_loses_at_most_one_message() {
    let stream = Stream::of_hundreds(ChecksumType::Crc32c);
    let mut damaged = stream.bytes.clone();
    let mut table = Table::default();
    for at in 0..damaged.len() {
        let flip = 1 << (at * 5 % 8);
        damaged[at] ^= flip;
        let found = recover_link(&damaged).unwrap_or_else(|error| panic!("flip in byte {at}: {error}"));
        damaged[at] ^= flip;
        assert_eq!(stream.check(&found), 0);
        assert_eq!(stream.check_lost(&found), 300 - found.messages.len() as u64, "flip in byte {at}");
        table.note(found.losses.messages);
    }
    println!("on a link: {table:?}");
    assert!(table.most_lost <= 1);
}
