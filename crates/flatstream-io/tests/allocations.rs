//! In the steady state neither `append` nor `next_message` allocates.

use std::io;

use flatstream_io::{ChecksumType, Reader, WriteOptions, Writer};
use flatstream_testkit::allocations::{CountingAllocator, count_allocations};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

const MESSAGES: usize = 100_000;

#[test]
fn append_allocates_nothing() {
    for checksum in ChecksumType::STANDARD {
        let Ok(mut writer) = Writer::new(io::sink(), WriteOptions::new().checksum(checksum)) else { continue };
        let ((), allocations) = count_allocations(|| {
            for nth in 0..MESSAGES {
                writer.append(&[7; 300][..1 + nth % 300]).unwrap();
            }
            writer.append(&[7; 1 << 20]).unwrap();
            writer.flush().unwrap();
        });
        assert_eq!(allocations, 0, "{checksum}");
    }
}

#[test]
fn append_parts_allocates_nothing_where_the_algorithm_takes_parts() {
    for checksum in [ChecksumType::None, ChecksumType::Crc32c] {
        let mut writer = Writer::new(io::sink(), WriteOptions::new().checksum(checksum)).unwrap();
        let ((), allocations) = count_allocations(|| {
            for _ in 0..MESSAGES {
                writer.append_parts(&[&[1; 40], &[2; 50]]).unwrap();
            }
        });
        assert_eq!(allocations, 0, "{checksum}");
    }
}

#[test]
fn next_message_allocates_nothing() {
    let mut writer = Writer::new(Vec::new(), WriteOptions::new()).unwrap();
    for nth in 0..MESSAGES {
        writer.append(&[7; 300][..1 + nth % 300]).unwrap();
    }
    let bytes = writer.finish().unwrap();
    let mut reader = Reader::new(&bytes[..]).unwrap();
    reader.next_message().unwrap();
    let (count, allocations) = count_allocations(|| {
        let mut count = 1;
        while reader.next_message().unwrap().is_some() {
            count += 1;
        }
        count
    });
    assert_eq!((count, allocations), (MESSAGES, 0));
}

/// Owned messages that are dropped before the next is asked for take turns in the same block.
#[test]
fn owned_messages_that_are_let_go_allocate_nothing() {
    let mut writer = Writer::new(Vec::new(), WriteOptions::new()).unwrap();
    for _ in 0..MESSAGES {
        writer.append(&[7; 64]).unwrap();
    }
    let bytes = writer.finish().unwrap();
    let mut reader = Reader::new(&bytes[..]).unwrap();
    reader.next();
    let (count, allocations) = count_allocations(|| reader.by_ref().map(Result::unwrap).count());
    assert_eq!((count, allocations), (MESSAGES - 1, 0));
}
