//! What a recovering reader finds doesn't depend on how the bytes come; and it waits for no more than it needs.

mod common;

#[path = "common/arrival.rs"]
mod arrival;

use std::io::{ErrorKind as Io, Read};

use arrival::{in_pieces, outlines_agree};
use common::{
    ALL_CHECKSUMS, Assembler, Stream, file_options, header, link_options, options, other_header, recover_from, rounds,
    varied,
};
use flatstream_io::format::{Sync, SyncFlags};
use flatstream_io::{ChecksumType, EndState, ErrorKind, Opening, ReadOptions, Reader, Recovery};
use flatstream_testkit::faulty::{PlannedSource, Reading};
use flatstream_testkit::noise::Noise;

/// Bytes with one to five faults of any kind, in a file or on a link.
fn damaged(stream: &Stream, noise: &mut Noise, moves: bool) -> Vec<u8> {
    let mut bytes = stream.bytes.clone();
    for _ in 0..1 + noise.below(5) {
        let at = noise.below(bytes.len());
        let end = (at + 1 + noise.below(700)).min(bytes.len());
        match noise.below(if moves { 8 } else { 5 }) {
            0 | 1 => bytes[at] ^= 1 << noise.below(8),
            2 => bytes[at..end].fill(0xFF * noise.below(2) as u8),
            3 => {
                let random = noise.bytes(end - at);
                bytes[at..end].copy_from_slice(&random);
            }
            4 => {
                let from = noise.below(stream.bytes.len() / 2);
                let len = (end - at).min(stream.bytes.len() - from);
                bytes[at..at + len].copy_from_slice(&stream.bytes[from..from + len]);
            }
            5 => drop(bytes.drain(at..end)),
            6 => drop(bytes.splice(at..at, noise.bytes(end - at))),
            _ => drop(bytes.splice(at..at, stream.bytes[..((end - at) * 2).min(stream.bytes.len())].to_vec())),
        }
    }
    bytes
}

fn arrivals(is_link: bool) {
    let read = || if is_link { link_options() } else { file_options() };
    let mut cases = 0;
    for checksum in ALL_CHECKSUMS {
        for seed in 0..rounds(60) {
            let mut noise = Noise::new(seed);
            let stream = if seed % 3 == 0 { Stream::of_hundreds(checksum) } else { varied(checksum, &mut noise) };
            let mut bytes = damaged(&stream, &mut noise, is_link || seed % 2 == 0);
            if seed % 5 == 0 {
                // Another stream behind it: on a link the sender has started anew.
                let other =
                    Stream::new(options(checksum).sync_interval(512).stream_id(1 + seed), noise.messages(30, 100));
                bytes.truncate(noise.below(bytes.len()));
                bytes.extend(damaged(&other, &mut noise, is_link));
            }
            let whole = recover_from(&bytes[..], read());
            for block_size in [64, 1000, 4096] {
                let found = recover_from(&bytes[..], read().block_size(block_size));
                outlines_agree(&format!("{checksum}, seed {seed}, blocks of {block_size}"), &whole, &found);
            }
            for most in [1, 100, 3000] {
                let found = recover_from(in_pieces(&bytes, most, &mut noise), read());
                outlines_agree(&format!("{checksum}, seed {seed}, pieces of up to {most}"), &whole, &found);
            }
            cases += 1;
        }
    }
    println!(
        "{cases} damaged streams, link {is_link}: the same in pieces of 1, 1 to 100, 1 to 3000 bytes, blocks of 64 ..."
    );
}

#[test]
fn a_file_reads_the_same_in_whatever_pieces() {
    arrivals(false);
}

#[test]
fn a_link_reads_the_same_in_whatever_pieces() {
    arrivals(true);
}

/// Small windows, so that damage is longer than what is held.
#[test]
fn long_damage_reads_the_same_in_whatever_pieces() {
    let mut noise = Noise::new(31);
    for interval in [0, 1024] {
        let writer = options(ChecksumType::Crc32c).sync_interval(interval).max_message_len(1000);
        let stream = Stream::new(writer, noise.messages(1500, 200));
        for is_link in [false, true] {
            for _ in 0..12 {
                let mut bytes = stream.bytes.clone();
                for _ in 0..3 {
                    let at = noise.below(bytes.len());
                    let end = (at + 1 + noise.below(30_000)).min(bytes.len());
                    let random = noise.bytes(end - at);
                    bytes[at..end].copy_from_slice(&random);
                    bytes[noise.below(stream.bytes.len())] ^= 1;
                }
                let read = || if is_link { link_options() } else { file_options() };
                let whole = recover_from(&bytes[..], read());
                for (block_size, most) in [(64, 1 << 20), (1 << 20, 1), (1 << 20, 5000), (10_000, 700)] {
                    let found = recover_from(in_pieces(&bytes, most, &mut noise), read().block_size(block_size));
                    outlines_agree(&format!("interval {interval}, pieces of up to {most}"), &whole, &found);
                }
            }
        }
    }
}

/// A reader that is fed byte by byte, and has nothing to wait for but the next byte.
struct Fed<'a> {
    opening: Option<Opening<PlannedSource<'a>>>,
    reader: Option<Reader<PlannedSource<'a>>>,
    found: Vec<Vec<u8>>,
}

impl<'a> Fed<'a> {
    /// Byte by byte, with nothing to give in between.
    fn new(bytes: &'a [u8], read: ReadOptions) -> Self {
        let plan = bytes.iter().flat_map(|_| [Reading::Fail(Io::WouldBlock), Reading::AtMost(1)]);
        Self { opening: Some(Opening::new(PlannedSource::new(bytes, plan), read)), reader: None, found: Vec::new() }
    }

    /// Takes all there is until the source has nothing; returns how many messages came in all so far.
    fn take_all(&mut self) -> usize {
        if let Some(opening) = &mut self.opening {
            match opening.open() {
                Ok(reader) => (self.opening, self.reader) = (None, Some(reader)),
                Err(error) => assert!(error.is_retryable(), "{error}"),
            }
        }
        while let Some(reader) = &mut self.reader {
            match reader.next_message() {
                Ok(Some(message)) => self.found.push(message.to_vec()),
                Ok(None) => break,
                Err(error) if error.is_retryable() => break,
                Err(error) => panic!("{error}"),
            }
        }
        self.found.len()
    }
}

#[test]
fn every_whole_message_is_given_before_the_reader_waits() {
    for read in [file_options(), link_options()] {
        let stream = Stream::of_hundreds(ChecksumType::Crc32c);
        let mut fed = Fed::new(&stream.bytes, read);
        for len in 0..stream.bytes.len() {
            assert_eq!(fed.take_all(), stream.whole_before(len), "{len} bytes");
        }
    }
}

/// Behind damage: as soon as the next sync frame is whole. A damaged length that claims much isn't waited for on a
/// link.
#[test]
fn on_a_link_messages_come_with_the_next_sync_frame() {
    let stream = Stream::of_hundreds(ChecksumType::Crc32c);
    for nth in [0, 7, 100, 250] {
        for flip in [4, 5, 6, 9] {
            let mut bytes = stream.bytes.clone();
            bytes[stream.starts[nth] as usize + flip] ^= if flip == 6 { 0 } else { 0x10 };
            let is_damaged = bytes != stream.bytes;
            let next = stream.syncs.iter().find(|sync| sync.position > stream.starts[nth]).unwrap().position + 64;
            let mut fed = Fed::new(&bytes, link_options());
            for len in 0..bytes.len() {
                let whole = stream.whole_before(len);
                let expected = match len as u64 {
                    _ if whole <= nth || !is_damaged => whole,
                    len if len < next => nth,
                    _ => whole - 1,
                };
                assert_eq!(fed.take_all(), expected, "message {nth}, byte {flip}, {len} bytes");
            }
        }
    }
}

/// A receiver that joins gets the first message as soon as it is there.
#[test]
fn joining_waits_for_one_sync_frame() {
    let stream = Stream::of_hundreds(ChecksumType::Crc32c);
    for from in [1, 5000, 9999] {
        let sync = stream.syncs.iter().find(|sync| sync.position >= from).unwrap();
        let bytes = &stream.bytes[from as usize..];
        let mut fed = Fed::new(bytes, link_options());
        for len in 0..bytes.len() - 64 {
            let expected = (stream.whole_before(from as usize + len)).saturating_sub(sync.sequence as usize);
            let is_joined = from + len as u64 >= sync.position + 64;
            assert_eq!(fed.take_all(), if is_joined { expected } else { 0 }, "{len} bytes");
        }
    }
}

/// A damaged header that claims to be long isn't waited for on a link.
#[test]
fn a_false_header_length_is_not_waited_for() {
    let stream = Stream::of_hundreds(ChecksumType::Crc32c);
    let mut bytes = stream.bytes.clone();
    bytes[2] = 0x0F;
    let mut fed = Fed::new(&bytes, link_options());
    for len in 0..bytes.len() {
        assert_eq!(fed.take_all(), stream.whole_before(len), "{len} bytes");
    }
}

/// A source that says that it ended isn't asked again: what came then would be taken for what lies behind damage.
#[test]
fn a_source_that_ended_is_not_asked_again() {
    let stream = Stream::of_hundreds(ChecksumType::Crc32c);
    let mut noise = Noise::new(33);
    for seed in 0..400 {
        let bytes = damaged(&stream, &mut noise, seed % 2 == 0);
        let len = noise.below(bytes.len() - 200) + 200;
        for read in [file_options(), link_options()] {
            let source = PlannedSource::new(&bytes, [Reading::AtMost(len), Reading::AtMost(0)]);
            let reads = source.reads();
            let found = recover_from(source, read.clone().block_size(1 << 20));
            assert_eq!(reads.get(), 2, "read on behind the end");
            outlines_agree("ended", &recover_from(&bytes[..len], read), &found);
        }
    }
}

/// A source that fails behind damage: what was read before is given first, then the failure.
#[test]
fn a_failing_source_takes_nothing_with_it() {
    let stream = Stream::of_hundreds(ChecksumType::Crc32c);
    for len in (300..stream.bytes.len() - 64).step_by(101) {
        let mut bytes = stream.bytes.clone();
        let nth = stream.whole_before(len).saturating_sub(3);
        bytes[stream.starts[nth] as usize + 8] ^= 1;
        for read in [file_options(), link_options()] {
            let plan = [Reading::AtMost(len), Reading::Fail(Io::BrokenPipe)];
            let source = PlannedSource::new(&bytes, plan);
            let mut reader = Reader::with_options(source, read.block_size(1 << 20)).unwrap();
            let mut found = 0;
            let error = loop {
                match reader.next_message() {
                    Ok(Some(_)) => found += 1,
                    Ok(None) => panic!("it hasn't ended"),
                    Err(error) => break error,
                }
            };
            assert_eq!((error.kind(), error.position()), (ErrorKind::Io, Some(len as u64)));
            assert_eq!(found, stream.whole_before(len) - 1, "{len} bytes");
            assert_eq!(reader.end().unwrap_err().kind(), ErrorKind::Io);
        }
    }
}

/// How it ended is known only behind the last message, also where it was found out before that was given.
#[test]
fn the_end_is_not_told_while_salvaged_messages_are_left() {
    let mut stream = Stream::of_hundreds(ChecksumType::Crc32c);
    stream.bytes.truncate(stream.bytes.len() - 64);
    let last_sync = stream.syncs[stream.syncs.len() - 2];
    stream.bytes[last_sync.position as usize + 64 + 8] ^= 1;
    let mut reader = Reader::with_options(&stream.bytes[..], file_options()).unwrap();
    let mut count = 0;
    while reader.next_message().unwrap().is_some() {
        count += 1;
        assert_eq!(reader.end().is_err_and(|error| error.kind() == ErrorKind::Usage), count < 299, "message {count}");
    }
    assert_eq!((count, reader.end().unwrap().state), (299, EndState::Open));
    assert!(reader.losses().may_be_more);
}

/// The end of the source may be known before everything was read: `take` and the like.
#[test]
fn a_reader_lends_its_source() {
    let stream = Stream::of_hundreds(ChecksumType::Crc32c);
    let mut source = &stream.bytes[..];
    let found = recover_from(source.by_ref().take(1 << 40), file_options()).unwrap();
    assert_eq!((found.messages.len(), source.len()), (300, 0));
}

/// Frames in any order, at any place, of any epoch, with any number, and what else may lie between them: whatever
/// becomes of it, it becomes the same in whatever pieces it comes, and there is an end.
fn strange(noise: &mut Noise) -> Vec<u8> {
    let mut stream = Assembler::new(header(ALL_CHECKSUMS[noise.below(5)]));
    if noise.below(4) > 0 {
        stream.sync(SyncFlags::NONE);
    }
    for _ in 0..noise.below(60) {
        let number = noise.number() >> noise.below(64);
        match noise.below(20) {
            0 => stream.jump_to(number & !7, noise.number() >> noise.below(64)),
            1 => stream
                .jump_to(stream.position().wrapping_add_signed(8 * (noise.below(64) as i64 - 32)), noise.number() % 50),
            2 => stream.epoch(noise.below(4) as u32),
            3 | 4 => drop(stream.sync(SyncFlags::from_bits(noise.below(4) as u8))),
            5 => stream.control(
                [b"meta", b"drop", b"Abc1", b"sync", b"CHNK"][noise.below(5)],
                &noise.bytes(number as usize % 70),
            ),
            6 => stream.bytes.extend(noise.bytes(number as usize % 300)),
            7 => stream.bytes.extend(vec![0; number as usize % 300]),
            8 => {
                let again = stream.bytes[noise.below(stream.bytes.len())..].to_vec();
                stream.bytes.extend(&again[..again.len().min(2000)]);
            }
            9 => {
                let last = stream.bytes.len() - 1;
                stream.bytes[last - noise.below(last.min(100))] ^= 1 << noise.below(8);
            }
            10 => stream.bytes.extend(other_header(ALL_CHECKSUMS[noise.below(5)], noise.below(50)).as_bytes()),
            _ => stream.messages(1 + noise.clone().below(6), 90, noise),
        }
    }
    stream.bytes
}

#[test]
fn strange_streams_read_the_same_in_whatever_pieces() {
    let (mut cases, mut delivered) = (0, 0);
    for seed in 0..rounds(1500) {
        let mut noise = Noise::new(seed);
        let bytes = strange(&mut noise);
        for recovery in [Recovery::new(), Recovery::link()] {
            let recovery = recovery.careful(noise.below(4) == 0).window([4096, 5001, 1 << 20][noise.below(3)]);
            let read = ReadOptions::new().recovery(recovery);
            let whole = recover_from(&bytes[..], read.clone());
            for most in [1, 400] {
                let found = recover_from(
                    in_pieces(&bytes, most, &mut noise),
                    read.clone().block_size(1 << (6 + noise.below(8))),
                );
                outlines_agree(&format!("seed {seed}, {recovery:?}, pieces of up to {most}"), &whole, &found);
            }
            if let Ok(whole) = whole {
                whole.check_sums();
                delivered += whole.messages.len();
            }
            cases += 1;
        }
    }
    println!("{cases} strange streams: {delivered} messages, the same in whatever pieces");
}

/// Found by the fuzzer: of a long sync frame that holds the image of another, this one is whole first.
#[test]
fn a_sync_frame_inside_of_another_reads_the_same_in_whatever_pieces() {
    let mut noise = Noise::new(17);
    for shift in [0, 64] {
        let mut stream = Assembler::new(header(ChecksumType::Crc32c));
        let first = stream.sync(SyncFlags::NONE);
        stream.messages(5, 60, &mut noise);
        let outer = Sync { position: stream.position(), sequence: 5, ..first };
        let inner = Sync { position: outer.position + 64 + shift, ..outer };
        stream.control(b"sync", &[&outer.to_body()[4..], &inner.to_frame(), &[0; 200]].concat());
        stream.messages(5, 60, &mut noise);
        stream.sync(SyncFlags::CLOSED);
        // The header, and the message before the long frame.
        for damaged in [20, outer.position as usize - 8] {
            let mut bytes = stream.bytes.clone();
            bytes[damaged] ^= 1;
            // Only then there is nothing before it.
            if damaged == 20 {
                bytes[50..outer.position as usize].fill(0);
            }
            for read in [file_options(), link_options()] {
                let whole = recover_from(&bytes[..], read.clone());
                let pieces = recover_from(in_pieces(&bytes, 1, &mut noise), read);
                outlines_agree(&format!("damage at {damaged}, the inner one {shift} too high"), &whole, &pieces);
                assert!(!whole.unwrap().messages.is_empty());
            }
        }
    }
}
