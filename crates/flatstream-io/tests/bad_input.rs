//! Bytes that are no stream, or a damaged one: a clear error with the position, and no large allocation.

use std::io::Read;

use flatstream_io::{ChecksumType, Clock};
use flatstream_io::{EndState, ErrorKind, HeaderBuilder, ReadOptions, Reader, WriteOptions, Writer};
use flatstream_testkit::allocations::{CountingAllocator, largest_allocation};
use flatstream_testkit::noise::Noise;
use flatstream_testkit::{damage, vectors};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn messages() -> Vec<Vec<u8>> {
    Noise::new(7).messages(300, 120)
}

fn stream() -> Vec<u8> {
    let options = WriteOptions::new().sync_interval(1024).stream_id(7).clock(Clock::Unspecified, || 0);
    let mut writer = Writer::new(Vec::new(), options).unwrap();
    for message in messages() {
        writer.append(&message).unwrap();
    }
    writer.finish().unwrap()
}

/// The number of messages, which have to be the first of those written, and the error.
fn read(bytes: &[u8]) -> (usize, Option<flatstream_io::Error>, Option<flatstream_io::End>) {
    let messages = messages();
    let mut reader = match Reader::with_options(bytes, ReadOptions::new().block_size(4096)) {
        Ok(reader) => reader,
        Err(error) => return (0, Some(error), None),
    };
    let mut count = 0;
    let mut error = None;
    for result in &mut reader {
        match result {
            Ok(message) => {
                assert_eq!(message[..], messages[count]);
                count += 1;
            }
            Err(found) => assert!(error.replace(found).is_none(), "told twice"),
        }
    }
    let end = reader.end().ok();
    (count, error, end)
}

/// Where each message's frame ends.
fn ends(stream: &[u8]) -> Vec<u64> {
    let mut reader = Reader::new(stream).unwrap();
    let mut ends = Vec::new();
    while reader.next_message().unwrap().is_some() {
        ends.push(reader.position());
    }
    ends
}

#[test]
fn every_truncation_through_the_reader() {
    let stream = stream();
    let ends = ends(&stream);
    assert_eq!(ends.len(), messages().len());
    for truncated in damage::truncations(&stream) {
        let (count, error, end) = read(truncated);
        assert_eq!(count, ends.partition_point(|&end| end <= truncated.len() as u64), "length {}", truncated.len());
        match error {
            Some(error) => assert!(matches!(error.kind(), ErrorKind::NotAStream | ErrorKind::Incomplete), "{error}"),
            None => assert!(!end.unwrap().is_closed()),
        }
    }
}

#[test]
fn a_flipped_bit_in_every_byte_through_the_reader() {
    let stream = stream();
    let header_len = Reader::new(&stream[..]).unwrap().header().as_bytes().len();
    let closing = stream.len() - 64;
    let mut damaged = stream.clone();
    for at in 0..stream.len() {
        let bit = 1 << (at % 8);
        damaged[at] ^= bit;
        let (_, error, end) = read(&damaged);
        damaged[at] ^= bit;
        match error {
            Some(error) if at < header_len => assert_ne!(error.kind(), ErrorKind::Io),
            Some(error) => {
                assert_eq!(error.kind(), ErrorKind::Damaged, "byte {at}: {error}");
                assert_eq!(end.unwrap().state, EndState::Scattered, "byte {at}");
                assert!(error.position().unwrap() <= at as u64);
            }
            None => assert!(at >= closing && end.unwrap().is_torn(), "byte {at} went unnoticed"),
        }
    }
}

#[test]
fn messages_say_where_and_what() {
    let (_, error, _) = read(b"PK\x03\x04 this is a zip file");
    assert_eq!(
        error.unwrap().to_string(),
        "not a flatstream: expected \"FLS1\" at position 8, found \"PK\\x03\\x04 this is\""
    );
    let (_, error, _) = read(b"");
    assert_eq!(error.unwrap().to_string(), "not a flatstream: expected \"FLS1\" at position 8, found no bytes at all");
    let (_, error, _) = read(b"FLS");
    assert!(error.unwrap().to_string().ends_with("found only \"FLS\""));

    let mut stream = stream();
    let (_, error, _) = read(&stream[..40]);
    assert_eq!(error.as_ref().unwrap().kind(), ErrorKind::Incomplete, "{error:?}");

    let at = stream.len() / 2;
    stream[at] ^= 1;
    let error = read(&stream).1.unwrap();
    let text = error.to_string();
    assert!(
        text.starts_with(&format!("damaged at position {}: the frame's check is 0x", error.position().unwrap())),
        "{text}"
    );
    assert!(text.contains("expected 0x") && text.contains("follows at position"), "{text}");
}

/// A header that promises nothing, and a frame that claims 2 GiB: memory follows what arrives, not what is claimed.
#[test]
fn a_claimed_length_allocates_nothing() {
    let header = HeaderBuilder::new(ChecksumType::Crc32c).max_message_len(0).build().unwrap();
    let options = WriteOptions::new().header(header);
    let mut writer = Writer::new(Vec::new(), options).unwrap();
    writer.append(b"good").unwrap();
    let mut bytes = writer.finish().unwrap();
    bytes.truncate(bytes.len() - 64);
    for claimed in [0x7FFF_FFFFu32, 0x4000_0000, 0x0100_0000] {
        let mut bytes = bytes.clone();
        bytes.extend([1, 2, 3, 4]);
        bytes.extend(claimed.to_le_bytes());
        bytes.extend(vec![7; 100_000]);
        let options = ReadOptions::new().max_message_len(u32::MAX);
        let ((), largest) = largest_allocation(|| {
            let mut reader = Reader::with_options(&bytes[..], options).unwrap();
            assert_eq!(reader.next_message().unwrap(), Some(&b"good"[..]));
            assert_eq!(reader.next_message().unwrap(), None);
            assert!(reader.end().unwrap().is_torn());
        });
        assert!(largest <= 600_000, "{largest} bytes for {} bytes of data", bytes.len());
    }
}

/// A hole far longer than what is held at once, and good messages behind it, with no sync frame to show it.
#[test]
fn good_messages_far_behind_a_hole_are_noticed() {
    let options = WriteOptions::new().sync_interval(0).max_message_len(4096);
    let mut writer = Writer::new(Vec::new(), options).unwrap();
    for nth in 0..100_000u32 {
        writer.append(&nth.to_le_bytes().repeat(16)).unwrap();
    }
    let mut bytes = writer.finish().unwrap();
    bytes.truncate(bytes.len() - 64);
    let hole = 1000 * 72 + 200..6_500_000;
    bytes[hole].fill(0);
    let (error, largest) = largest_allocation(|| {
        let mut reader = Reader::new(&bytes[..]).unwrap();
        let error = reader.find_map(Result::err).expect("the hole is noticed");
        assert_eq!(reader.end().unwrap().state, EndState::Scattered);
        error
    });
    assert_eq!(error.kind(), ErrorKind::Damaged, "{error}");
    assert!(largest <= 5 << 20, "{largest} bytes");
}

/// The reader's own limit is no rule of the stream's: longer messages behind damage show that it goes on.
#[test]
fn messages_beyond_the_readers_limit_are_evidence_too() {
    let mut writer = Writer::new(Vec::new(), WriteOptions::new()).unwrap();
    let first = writer.position() as usize;
    writer.append(&[1; 50]).unwrap();
    (0..4).for_each(|_| assert!(writer.append(&[2; 200]).is_ok()));
    let mut bytes = writer.finish().unwrap();
    bytes.truncate(bytes.len() - 64);
    bytes[first + 20] ^= 1;
    let reader = Reader::with_options(&bytes[..], ReadOptions::new().max_message_len(100)).unwrap();
    assert_eq!(reader.last().unwrap().unwrap_err().kind(), ErrorKind::Damaged);
}

/// Endless rubbish behind a stream is looked through in bounded memory.
#[test]
fn a_long_tail_takes_bounded_memory() {
    let mut writer = Writer::new(Vec::new(), WriteOptions::new().max_message_len(1 << 16)).unwrap();
    writer.append(b"good").unwrap();
    let mut bytes = writer.finish().unwrap();
    bytes.truncate(bytes.len() - 64);
    let tail_len = 64 << 20;
    let source = bytes.chain(std::io::repeat(0x5A).take(tail_len));
    let (end, largest) = largest_allocation(|| {
        let mut reader = Reader::new(source).unwrap();
        assert_eq!(reader.by_ref().count(), 1);
        reader.end().unwrap()
    });
    assert_eq!((end.state, end.bytes_behind), (EndState::Torn, tail_len));
    assert!(largest < 5 << 20, "{largest} bytes");
}

#[test]
fn a_message_beyond_the_readers_limit_says_so() {
    let mut writer = Writer::new(Vec::new(), WriteOptions::new()).unwrap();
    writer.append(&[1; 100]).unwrap();
    writer.append(&[2; 101]).unwrap();
    let bytes = writer.finish().unwrap();
    let mut reader = Reader::with_options(&bytes[..], ReadOptions::new().max_message_len(100)).unwrap();
    assert_eq!(reader.next_message().unwrap().unwrap().len(), 100);
    let error = reader.next_message().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    assert!(error.to_string().contains("101 bytes") && error.to_string().contains("limit of 100"), "{error}");
    assert_eq!(reader.end().unwrap_err().kind(), ErrorKind::Limit);
}

/// Where nothing is promised, a length that reaches beyond the data is a torn frame's, not a message's.
#[test]
fn a_torn_length_beyond_the_readers_limit_is_torn() {
    let header = HeaderBuilder::new(ChecksumType::Crc32c).max_message_len(0).build().unwrap();
    let mut writer = Writer::new(Vec::new(), WriteOptions::new().header(header)).unwrap();
    writer.append(b"good").unwrap();
    let mut bytes = writer.finish().unwrap();
    bytes.truncate(bytes.len() - 64);
    bytes.extend(b"rubbish with a length of 0x68746977");
    let mut reader = Reader::new(&bytes[..]).unwrap();
    assert_eq!(reader.by_ref().filter(Result::is_ok).count(), 1);
    assert!(reader.end().unwrap().is_torn());
}

/// A flipped length of a frame in the middle: sync frames inside what it claims show that it is no large message.
#[test]
fn a_damaged_length_beyond_the_readers_limit_is_damage() {
    let header = HeaderBuilder::new(ChecksumType::Crc32c).max_message_len(0).build().unwrap();
    let mut writer = Writer::new(Vec::new(), WriteOptions::new().header(header)).unwrap();
    let first = writer.position() as usize;
    for _ in 0..200 {
        writer.append(&[7; 10_000]).unwrap();
    }
    let mut bytes = writer.finish().unwrap();
    bytes[first + 6] ^= 1; // + 65,536
    let options = || ReadOptions::new().max_message_len(50_000);
    let mut reader = Reader::with_options(&bytes[..], options()).unwrap();
    let error = reader.next_message().unwrap_err();
    assert_eq!((error.kind(), error.position()), (ErrorKind::Damaged, Some(first as u64)), "{error}");
    assert_eq!(reader.end().unwrap().state, EndState::Scattered);
}

#[test]
fn how_it_ended_is_not_guessed_while_messages_are_left() {
    let stream = stream();
    let mut reader = Reader::new(&stream[..]).unwrap();
    assert_eq!(reader.end().unwrap_err().kind(), ErrorKind::Usage);
    reader.next_message().unwrap();
    assert_eq!(reader.end().unwrap_err().kind(), ErrorKind::Usage);
}

/// The loop of the README has no `break`: an error that ends reading is given once, then `None`.
#[test]
fn every_invalid_vector_ends_the_iterator_after_one_error() {
    for vector in vectors::load("invalid") {
        let Ok(reader) = Reader::new(&vector.bytes[..]) else { continue };
        let errors = reader.filter(Result::is_err).count();
        assert_eq!(errors, 1, "{}", vector.name);
    }
}
