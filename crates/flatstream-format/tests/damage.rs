//! Every truncation and every flipped bit of streams of several hundred messages. The figures are those of
//! `docs/format/spec.md`, section 18.
#![cfg(feature = "alloc")]

mod common;

use common::{Ended, Stream};
use flatstream_format::{Algorithm, Checksum, ChecksumType, EndState, HeaderBuilder, SliceReader};
use flatstream_testkit::damage;

fn every_truncation(checksum: ChecksumType) {
    let stream = Stream::of_hundreds(checksum);
    for truncated in damage::truncations(&stream.bytes) {
        let len = truncated.len();
        let ended = stream.check_prefix(truncated, len);
        let first_sync_end = stream.header_len + 64;
        match ended {
            Ended::Error(error) if len < 12 => assert_eq!(error.code(), "not_a_stream", "length {len}"),
            Ended::Error(error) if len < stream.header_len => assert_eq!(error.code(), "header_incomplete"),
            Ended::Error(error) => panic!("length {len}: {error}"),
            Ended::End(end) if stream.boundaries.contains(&len) || len < first_sync_end => {
                assert_eq!((end.state, end.position), (EndState::Open, stream.frame_start(len) as u64), "length {len}");
            }
            Ended::End(end) => {
                let start = stream.frame_start(len);
                let tail = &stream.bytes[start..len];
                let is_blank = tail.iter().all(|&byte| byte == tail[0]) && matches!(tail[0], 0 | 0xFF);
                let state = if is_blank { EndState::Open } else { EndState::Torn };
                assert_eq!((end.state, end.position), (state, start as u64), "length {len}");
                assert_eq!(end.bytes_behind, (len - start) as u64);
            }
        }
    }
    assert!(matches!(stream.check_prefix(&stream.bytes, stream.bytes.len()), Ended::End(end) if end.is_closed()));
}

/// A flip behind the header is noticed in its frame. Only behind the last frame is there nothing that shows a loss.
fn check_flip(stream: &Stream, at: usize, damaged: &[u8]) {
    let start = stream.frame_start(at);
    let is_last = start + 64 == stream.bytes.len();
    match stream.check_prefix(damaged, start) {
        Ended::Error(error) => assert_eq!(error.position(), start as u64, "flip in byte {at}"),
        Ended::End(end) => assert!(is_last && end.is_torn(), "flip in byte {at}: {end}"),
    }
}

/// With a digest every flip is noticed where it is, and delivers neither a wrong message nor a later one.
fn every_bit(checksum: ChecksumType) {
    let stream = Stream::of_hundreds(checksum);
    let mut flips = 0u32;
    damage::for_each_bit_flip(&stream.bytes, |at, damaged| {
        flips += 1;
        if at < stream.header_len {
            assert!(matches!(stream.check_prefix(damaged, 0), Ended::Error(_)), "flip in byte {at} of the header");
        } else {
            check_flip(&stream, at, damaged);
        }
    });
    println!("{checksum}: {flips} flips, 0 wrong messages, 0 unnoticed");
}

#[test]
fn every_truncation_gives_exactly_the_whole_messages_before_it_crc32c() {
    every_truncation(ChecksumType::Crc32c);
}

#[test]
fn every_truncation_gives_exactly_the_whole_messages_before_it_none() {
    every_truncation(ChecksumType::None);
}

#[cfg(feature = "crc")]
#[test]
fn every_truncation_gives_exactly_the_whole_messages_before_it_crc32() {
    every_truncation(ChecksumType::Crc32);
}

#[cfg(feature = "xxhash")]
#[test]
fn every_truncation_gives_exactly_the_whole_messages_before_it_xxhash() {
    every_truncation(ChecksumType::Xxh64);
    every_truncation(ChecksumType::Xxh3);
}

#[test]
fn every_flipped_bit_is_noticed_crc32c() {
    every_bit(ChecksumType::Crc32c);
}

#[cfg(feature = "crc")]
#[test]
fn every_flipped_bit_is_noticed_crc32() {
    every_bit(ChecksumType::Crc32);
}

#[cfg(feature = "xxhash")]
#[test]
fn every_flipped_bit_is_noticed_xxh64() {
    every_bit(ChecksumType::Xxh64);
}

#[cfg(feature = "xxhash")]
#[test]
fn every_flipped_bit_is_noticed_xxh3() {
    every_bit(ChecksumType::Xxh3);
}

/// Without a digest a changed body goes unnoticed, and nothing else does: lengths, pads, control frames.
#[test]
fn without_a_checksum_every_flip_outside_a_body_is_noticed() {
    let stream = Stream::of_hundreds(ChecksumType::None);
    let mut in_bodies = vec![false; stream.bytes.len()];
    for (message, end) in stream.messages.iter().zip(&stream.ends) {
        let body = stream.frame_start(end - 1) + 8;
        in_bodies[body..body + message.len()].fill(true);
    }
    damage::for_each_bit_flip(&stream.bytes, |at, damaged| {
        if at >= stream.header_len && !in_bodies[at] {
            check_flip(&stream, at, damaged);
        }
    });
}

/// A damaged body far longer than any window, with nothing but messages behind it: the next frame stands where its
/// length says.
#[test]
fn damage_in_a_body_beyond_the_window_is_noticed() {
    let mut noise = flatstream_testkit::noise::Noise::new(3);
    let mut messages = noise.messages(20, 100);
    messages.insert(10, noise.bytes(17 << 20));
    // Small numbers: each is a plausible length, and together they would use up any budget.
    let small: Vec<u8> = (0..5_000_000u32).flat_map(|number| (number % 1000 + 1).to_le_bytes()).collect();
    for long in [noise.bytes(17 << 20), small] {
        messages[10] = long;
        let header = HeaderBuilder::new(ChecksumType::Crc32c).sync_interval(0).build().unwrap();
        let mut stream = Stream::with_header(header.as_bytes(), 1, messages.clone());
        let start = stream.ends[9];
        stream.bytes.truncate(stream.bytes.len() - 64); // no sync frame behind it either
        stream.bytes[start + 1000] ^= 1;
        match stream.check_prefix(&stream.bytes, start) {
            Ended::Error(error) => assert_eq!((error.position(), error.code()), (start as u64, "frame_check")),
            Ended::End(end) => panic!("went unnoticed: {end}"),
        }
    }
}

/// Any tail is judged with work that is bounded by its size: hashing at most 16 times as much, and 16 MiB more.
#[test]
fn the_work_behind_damage_is_bounded() {
    struct Counting(std::cell::Cell<u64>);
    impl Checksum for Counting {
        fn digest(&self, body: &[u8]) -> u32 {
            self.0.set(self.0.get() + body.len() as u64);
            Algorithm::CRC32C.digest(body)
        }
    }
    let header = HeaderBuilder::new(ChecksumType::Crc32c).max_message_len(0).build().unwrap();
    let stream = Stream::with_header(header.as_bytes(), 1, vec![vec![1; 100]]);
    let torn = &stream.bytes[..stream.bytes.len() - 64];
    for len in [100_000u32, 4 << 20] {
        for plausible in [8, 60_000, len / 2] {
            let tail: Vec<u8> = (0..len / 4).flat_map(|_| plausible.to_le_bytes()).collect();
            let bytes = [torn, &tail].concat();
            let counting = Counting(std::cell::Cell::new(0));
            let mut reader = SliceReader::with_hasher(&bytes, u32::MAX, &counting).unwrap();
            assert_eq!(reader.by_ref().filter(Result::is_ok).count(), 1);
            let end = reader.end().unwrap();
            assert!(end.is_torn());
            // Where that wasn't enough, the answer says so.
            let needed = u64::from(plausible) * u64::from(len / 8);
            assert_eq!(end.searched_all, needed < (16 << 20), "{end}");
            // The frame that was rejected and the one behind it come on top.
            let bound = 18 * u64::from(len) + (16 << 20);
            assert!(counting.0.get() <= bound, "{} bytes hashed for {len} of {plausible}", counting.0.get());
        }
    }
}

/// Whatever stands behind the last frame, the messages before it are delivered, and the answer comes.
#[test]
fn a_tail_of_anything_costs_no_message() {
    let stream = Stream::of_hundreds(ChecksumType::Crc32c);
    let whole = stream.bytes.len();
    let mut noise = flatstream_testkit::noise::Noise::new(11);
    for len in (1..70).chain([1 << 10, 1 << 16, 1 << 20]) {
        for fill in 0..5 {
            let tail = match fill {
                0 => vec![0; len],
                1 => vec![0xFF; len],
                2 => noise.bytes(len),
                // Small numbers everywhere: each is a plausible length.
                3 => (0..len).map(|at| if at % 8 == 5 { 3 } else { 0 }).collect(),
                _ => b"\x00\x00\x00\x00\x38\x00\x00\x80sync".iter().copied().cycle().take(len).collect(),
            };
            let bytes = [&stream.bytes[..], &tail].concat();
            match stream.check_prefix(&bytes, whole) {
                Ended::End(end) => {
                    let is_blank = fill < 2 || tail.iter().all(|&byte| byte == 0);
                    assert_eq!(end.state, if is_blank { EndState::Closed } else { EndState::Torn }, "{fill}, {len}");
                    assert_eq!((end.position, end.bytes_behind), (whole as u64, len as u64));
                }
                Ended::Error(error) => panic!("{fill}, {len}: {error}"),
            }
        }
    }
}
