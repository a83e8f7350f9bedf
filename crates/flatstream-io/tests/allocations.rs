//! In the steady state neither `append` nor `next_message` allocates, and memory stays within two blocks and the
//! largest message.

use std::io;

use flatstream_io::{ChecksumType, EndState, Reader, WriteOptions, Writer};
use flatstream_testkit::allocations::{CountingAllocator, count_allocations, peak_memory};

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

const BLOCK: usize = 256 << 10;

/// Beside blocks: the header, a row of places, names.
const SMALL: usize = 32 << 10;

/// Small messages, one in a hundred of up to 8 MiB, and small ones again.
fn with_large_messages(mut append: impl FnMut(&[u8])) -> usize {
    let largest = vec![7; 8 << 20];
    for nth in 0..1000 {
        append(&largest[..if nth % 100 == 50 { (nth + 50) * (largest.len() / 1000) } else { 64 }]);
    }
    largest.len()
}

#[test]
fn a_writer_takes_no_more_than_two_blocks() {
    let ((), peak) = peak_memory(|| {
        let mut writer = Writer::new(io::sink(), WriteOptions::new()).unwrap();
        // They go to the sink uncopied; the vector that they are in is the caller's.
        let message = [7; 64];
        for _ in 0..MESSAGES {
            writer.append(&message).unwrap();
        }
        writer.finish().unwrap();
    });
    assert!(peak <= 2 * BLOCK, "{peak} bytes");
    let mut writer = Writer::new(io::sink(), WriteOptions::new()).unwrap();
    let largest = with_large_messages(|message| {
        let (_, peak) = peak_memory(|| writer.append(message).unwrap());
        assert_eq!(peak, 0, "a message of {} bytes", message.len());
    });
    assert!(largest > 2 * BLOCK);
}

#[test]
fn a_reader_takes_no_more_than_two_blocks_and_the_largest_message() {
    let mut writer = Writer::new(Vec::new(), WriteOptions::new()).unwrap();
    let largest = with_large_messages(|message| assert!(writer.append(message).is_ok()));
    let bytes = writer.finish().unwrap();
    let (count, lent) = peak_memory(|| {
        let mut reader = Reader::new(&bytes[..]).unwrap();
        let mut count = 0;
        while reader.next_message().unwrap().is_some() {
            count += 1;
        }
        count
    });
    let (owned_count, owned) = peak_memory(|| Reader::new(&bytes[..]).unwrap().map(Result::unwrap).count());
    assert_eq!((count, owned_count), (1000, 1000));
    for peak in [lent, owned] {
        assert!(peak <= 2 * BLOCK + largest + SMALL, "{peak} bytes, the largest message has {largest}");
    }
}

/// The ordinary end of a stream whose writer died: what was read of the message stays where it is.
#[test]
fn a_large_message_that_is_torn_is_not_held_twice() {
    let largest = 8 << 20;
    let mut writer = Writer::new(Vec::new(), WriteOptions::new()).unwrap();
    writer.append(&vec![7; largest]).unwrap();
    let bytes = writer.finish().unwrap();
    let torn = &bytes[..bytes.len() - 100];
    let (end, peak) = peak_memory(|| {
        let mut reader = Reader::new(torn).unwrap();
        assert!(reader.next_message().unwrap().is_none());
        reader.end().unwrap()
    });
    assert_eq!(end.state, EndState::Torn);
    assert!(peak <= 2 * BLOCK + largest + SMALL, "{peak} bytes");
}
