//! Damage at each kind of frame, at two places at once, and what is no damage: pads, control frames, limits.
//! Specification: sections 7, 10 and 12.

mod common;

use common::{
    ALL_CHECKSUMS, Assembler, Stream, file_options, header, link_options, options, recover, recover_from, recover_link,
};
use flatstream_io::format::SyncFlags;
use flatstream_io::{Checksum, ChecksumType, EndState, ErrorKind, Finding, ReadOptions, Reader, Recovery};
use flatstream_testkit::adler32::adler32;
use flatstream_testkit::noise::Noise;
use flatstream_testkit::vectors::{self, Vector};

fn without_none() -> impl Iterator<Item = ChecksumType> {
    ALL_CHECKSUMS.into_iter().filter(|checksum| *checksum != ChecksumType::None)
}

/// A pad that isn't zero costs nothing, and is told.
#[test]
fn every_pad_byte() {
    let mut cases = 0;
    for checksum in ALL_CHECKSUMS {
        let stream = Stream::of_hundreds(checksum);
        for nth in 0..stream.messages.len() {
            let (body_end, end) =
                (stream.starts[nth] as usize + 8 + stream.messages[nth].len(), stream.end_of(nth) as usize);
            for at in body_end..end {
                let mut damaged = stream.bytes.clone();
                damaged[at] ^= 1 << (at % 8);
                for found in [recover(&damaged).unwrap(), recover_link(&damaged).unwrap()] {
                    assert_eq!(stream.check(&found), 0);
                    assert_eq!((found.messages.len(), found.losses.is_none()), (300, true));
                    assert_eq!(found.findings, [Finding::Pad { position: stream.starts[nth] }]);
                    assert!(found.messages.iter().all(|message| message.sequence.is_some()));
                    cases += 1;
                }
            }
        }
    }
    println!("{cases} damaged pads: all messages delivered, all pads told");
}

/// A damaged message in front, so that what is looked at lies in what is salvaged; or not.
fn with_control(kind: &[u8; 4], rest: &[u8], is_salvaged: bool) -> (Vec<u8>, usize) {
    let mut noise = Noise::new(61);
    let mut stream = Assembler::new(header(ChecksumType::Crc32c));
    stream.sync(SyncFlags::NONE);
    stream.message(b"a message that is damaged or not");
    let damaged = stream.bytes.len() - 10;
    stream.messages(5, 50, &mut noise);
    stream.control(kind, rest);
    stream.messages(5, 50, &mut noise);
    stream.sync(SyncFlags::NONE);
    stream.messages(5, 50, &mut noise);
    stream.sync(SyncFlags::CLOSED);
    stream.bytes[damaged] ^= u8::from(is_salvaged);
    (stream.bytes, 16 - usize::from(is_salvaged))
}

#[test]
fn a_frame_that_must_be_understood_stops_a_recovering_reader() {
    for is_salvaged in [false, true] {
        for read in [file_options(), link_options()] {
            let (bytes, _) = with_control(b"CHNK", &[1; 60], is_salvaged);
            let mut reader = Reader::with_options(&bytes[..], read).unwrap();
            let before = 6 - usize::from(is_salvaged);
            assert_eq!((0..before).map_while(|_| reader.next().and_then(Result::ok)).count(), before);
            let error = reader.next_message().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
            assert_eq!(error.format_error().unwrap().code(), "kind_unsupported");
            assert_eq!(bytes[error.position().unwrap() as usize + 8..][..4], *b"CHNK");
            assert_eq!(reader.next_message().unwrap_err().kind(), ErrorKind::Unsupported, "again");
            assert_eq!(reader.end().unwrap_err().kind(), ErrorKind::Unsupported);
            assert!(reader.next().is_none());
        }
    }
}

#[test]
fn other_control_frames_are_skipped() {
    for is_salvaged in [false, true] {
        for (kind, rest) in
            [(b"meta", vec![1; 4]), (b"drop", vec![1; 4]), (b"indx", vec![9; 1001]), (b"zzZZ", vec![0; 11])]
        {
            let (bytes, expected) = with_control(kind, &rest, is_salvaged);
            for found in [recover(&bytes).unwrap(), recover_link(&bytes).unwrap()] {
                assert_eq!(found.messages.len(), expected);
                assert_eq!(found.losses.messages, u64::from(is_salvaged));
                assert!(!found.has_contradiction() && found.end.is_closed());
                assert_eq!(found.skipped().count(), usize::from(is_salvaged));
            }
        }
    }
}

/// A kind that isn't four letters is damage, also where its check holds and its first byte is an upper-case letter; and
/// so is a `sync` of an impossible length.
#[test]
fn control_frames_without_a_proper_kind_are_damage() {
    for is_salvaged in [false, true] {
        for (kind, rest) in [(b"A\0\0\0", vec![1; 20]), (b"Ab1d", vec![1; 5]), (b"sync", vec![1; 9]), (b"abcd", vec![])]
        {
            let (bytes, expected) = with_control(kind, &rest, is_salvaged);
            for found in [recover(&bytes).unwrap(), recover_link(&bytes).unwrap()] {
                assert_eq!((found.messages.len(), found.has_contradiction()), (expected, false));
                assert_eq!(found.losses.ranges, 1 + u64::from(is_salvaged), "{:?}", found.findings);
            }
        }
    }
}

/// What the writer says it dropped is counted, also in frames that are salvaged; messages keep their sequences.
#[test]
fn dropped_messages_are_counted_behind_damage_too() {
    let rest = [&[0; 4][..], &3u64.to_le_bytes(), &150u64.to_le_bytes()].concat();
    for is_salvaged in [false, true] {
        let (bytes, expected) = with_control(b"drop", &rest, is_salvaged);
        let mut reader = Reader::with_options(&bytes[..], file_options()).unwrap();
        let count = reader.by_ref().map(Result::unwrap).count();
        assert_eq!((count, reader.dropped().messages, reader.dropped().bytes), (expected, 3, 150));
        let told =
            reader.take_findings().into_iter().filter(|finding| matches!(finding, Finding::Dropped { .. })).count();
        assert_eq!(told, 1);
    }
    // The frame itself damaged: nothing is known of those that were dropped, and nothing else is lost.
    let (mut bytes, expected) = with_control(b"drop", &rest, false);
    let at = bytes.windows(4).position(|kind| kind == b"drop").unwrap();
    bytes[at + 9] ^= 1;
    let found = recover(&bytes).unwrap();
    assert_eq!((found.messages.len(), found.losses.messages), (expected, 0));
}

/// Two messages between two sync frames: both are lost, and no other.
#[test]
fn two_damaged_messages() {
    let mut cases = 0;
    for checksum in without_none() {
        let stream = Stream::of_hundreds(checksum);
        for first in 0..299 {
            for second in [first + 1, first + 2, first + 5, first + 11].into_iter().filter(|second| *second < 300) {
                // In the check, the length or the body.
                for (at, flip) in [(0, 1), (4, 0x40), (5, 0x0F), (7, 0x80), (8, 0x80)] {
                    let mut damaged = stream.bytes.clone();
                    damaged[stream.starts[first] as usize + at] ^= flip;
                    damaged[stream.starts[second] as usize + (at + 4) % 9] ^= flip;
                    let found = recover(&damaged).unwrap();
                    assert_eq!(stream.check_in_place(&damaged, &found), 2, "{first} and {second}, byte {at}");
                    assert_eq!(found.messages.len(), 298);
                    cases += 1;
                }
            }
        }
    }
    println!("{cases} pairs of damaged messages: 2 lost each time");
}

/// Sync frames, alone and with a message before or behind: only the message is lost.
#[test]
fn damaged_sync_frames() {
    let mut cases = 0;
    for checksum in ALL_CHECKSUMS {
        let stream = Stream::of_hundreds(checksum);
        for (nth, sync) in stream.syncs.iter().enumerate() {
            for byte in [0, 4, 7, 8, 14, 20, 25, 40, 63] {
                for offset in [None, Some(-3), Some(-1), Some(0), Some(2), Some(12)] {
                    let mut damaged = stream.bytes.clone();
                    damaged[sync.position as usize + byte] ^= 0x11;
                    let message = offset.and_then(|offset| (sync.sequence as usize).checked_add_signed(offset));
                    let message = message.filter(|message| *message < 300);
                    if let Some(message) = message {
                        damaged[stream.starts[message] as usize + 3] ^= 0x11;
                    }
                    let found = recover(&damaged).unwrap();
                    let lost = stream.check_in_place(&damaged, &found);
                    assert_eq!(300 - found.messages.len() as u64, u64::from(message.is_some()));
                    // Behind the last but one, nothing tells how many were lost if the last is damaged.
                    let is_last = nth + 1 == stream.syncs.len();
                    assert!(is_last || lost == u64::from(message.is_some()), "{:?}", found.findings);
                    cases += 1;
                }
            }
        }
    }
    println!("{cases} damaged sync frames: none of them cost a message");
}

/// Every bit of a RESUMED sync frame, and of the CLOSED one before it.
#[test]
fn damaged_resumed_and_closed() {
    let mut noise = Noise::new(62);
    for checksum in ALL_CHECKSUMS {
        for is_closed in [false, true] {
            let mut stream = Assembler::new(header(checksum));
            stream.sync(SyncFlags::NONE);
            stream.messages(10, 100, &mut noise);
            let from = stream.bytes.len();
            if is_closed {
                stream.sync(SyncFlags::CLOSED);
            }
            stream.epoch(1);
            stream.sync(SyncFlags::RESUMED);
            let to = stream.bytes.len();
            stream.messages(10, 100, &mut noise);
            stream.sync(SyncFlags::NONE);
            stream.messages(10, 100, &mut noise);
            stream.sync(SyncFlags::CLOSED);
            let stream = Stream::of_bytes(stream.bytes);
            for at in from..to {
                for bit in 0..8 {
                    let mut damaged = stream.bytes.clone();
                    damaged[at] ^= 1 << bit;
                    let found = recover(&damaged).unwrap();
                    assert_eq!((stream.check_in_place(&damaged, &found), found.messages.len()), (0, 30));
                    assert!(found.end.is_closed());
                }
            }
            let mut damaged = stream.bytes.clone();
            damaged[from..to].fill(0);
            let found = recover(&damaged).unwrap();
            assert_eq!((stream.check_in_place(&damaged, &found), found.messages.len()), (0, 30));
        }
    }
}

/// Good frames behind the sync frame that closed the stream, with a sync frame of the same epoch behind them and
/// without.
#[test]
fn messages_behind_closed() {
    for has_sync in [false, true] {
        let mut stream = Assembler::new(header(ChecksumType::Crc32c));
        stream.sync(SyncFlags::NONE);
        stream.message(b"before");
        stream.sync(SyncFlags::CLOSED);
        stream.message(b"behind");
        if has_sync {
            stream.sync(SyncFlags::NONE);
        }
        let found = recover(&stream.bytes).unwrap();
        assert_eq!(found.bodies().collect::<Vec<_>>(), [&b"before"[..], b"behind"]);
        assert_eq!((found.end.state, found.losses.messages), (EndState::Open, 0), "{:?}", found.findings);
        assert_eq!(found.losses.may_be_more, !has_sync);
    }
}

/// One file behind another: the second isn't read, and where it begins is told.
#[test]
fn a_second_stream_in_the_file() {
    let first = Stream::of_hundreds(ChecksumType::Crc32c);
    let second = Stream::new(options(ChecksumType::Xxh3).stream_id(9), Noise::new(63).messages(50, 100));
    for cut in [0, 64, 70, 200, 1000, 5000, 10_000] {
        let len = first.bytes.len() - cut;
        let both = [&first.bytes[..len], &second.bytes].concat();
        let found = recover(&both).unwrap();
        assert_eq!(first.check(&found), 0);
        let whole = first.whole_before(len).max(first.bodies_before(len));
        assert_eq!(found.messages.len(), whole, "{cut} bytes cut: {:?}", found.findings);
        let is_boundary = cut == 0 || first.starts.contains(&(len as u64)) || cut == 64;
        let is_told = found.has(|finding| *finding == Finding::SecondStream { offset: len as u64 });
        assert_eq!(is_told, is_boundary, "{cut} bytes cut: {:?}", found.findings);
        if is_told {
            assert_eq!((found.end.state, found.end.position), (EndState::Scattered, len as u64));
            let skipped: Vec<_> = found.skipped().collect();
            assert_eq!(skipped, [(len as u64, both.len() as u64)]);
        }
    }
    // A header longer than what is held while there is no sync frame.
    let small = Stream::new(options(ChecksumType::Crc32c).max_message_len(100), vec![vec![1; 10]; 10]);
    let large = Stream::new(options(ChecksumType::Crc32c).metadata("long", "x".repeat(300_000)), vec![vec![2; 10]; 10]);
    let found = recover(&[&small.bytes[..], &large.bytes].concat()).unwrap();
    assert!(found.has(|finding| matches!(finding, Finding::SecondStream { .. })), "{:?}", found.findings);
    assert_eq!((found.messages.len(), found.end.state), (10, EndState::Scattered));
}

/// The reader's own limit: a longer message is skipped and counted, in front of damage and behind it, and never given.
#[test]
fn messages_beyond_the_readers_limit_are_lost() {
    let mut messages = Noise::new(64).messages(100, 60);
    for nth in [10, 40, 41, 70] {
        messages[nth] = vec![8; 500];
    }
    let stream = Stream::new(options(ChecksumType::Crc32c).sync_interval(1024), messages);
    for flipped in [None, Some(9), Some(12), Some(39), Some(42), Some(60)] {
        for recovery in [Recovery::new(), Recovery::link()] {
            let mut damaged = stream.bytes.clone();
            if let Some(nth) = flipped {
                damaged[stream.starts[nth] as usize] ^= 1;
            }
            let read = ReadOptions::new().max_message_len(100).recovery(recovery);
            let found = recover_from(&damaged[..], read).unwrap();
            let lost = stream.check_in_place(&damaged, &found);
            assert_eq!((lost, found.messages.len() as u64), (4 + u64::from(flipped.is_some()), 100 - lost));
            assert!(found.messages.iter().all(|message| message.body.len() <= 100));
        }
    }
}

/// Without a checksum a frame is known by its head alone. A careful reader delivers it behind damage only if something
/// good follows it directly.
#[test]
fn careful_without_a_checksum() {
    let stream = Stream::of_hundreds(ChecksumType::None);
    let mut noise = Noise::new(65);
    let (mut careful_lost, mut lost) = (0, 0);
    for _ in 0..2000 {
        let mut damaged = stream.bytes.clone();
        for _ in 0..3 {
            let at = noise.below(damaged.len());
            let end = (at + 1 + noise.below(300)).min(damaged.len());
            let random = noise.bytes(end - at);
            damaged[at..end].copy_from_slice(&random);
        }
        let read = ReadOptions::new().recovery(Recovery::new().careful(true));
        let careful = recover_from(&damaged[..], read).unwrap();
        let found = recover(&damaged).unwrap();
        careful_lost += stream.check_in_place(&damaged, &careful);
        lost += stream.check_in_place(&damaged, &found);
        // What it gives, the other gives too.
        let mut all = found.messages.iter();
        assert!(careful.messages.iter().all(|message| all.any(|other| other.position == message.position)));
        for (at, message) in careful.messages.iter().enumerate().filter(|(_, message)| message.sequence.is_none()) {
            let end = message.position + flatstream_io::format::frame_len(message.body.len() as u32);
            let next = careful.messages.get(at + 1).is_some_and(|next| next.position == end);
            let is_followed = next
                || stream.syncs.iter().any(|sync| sync.position == end)
                || found.messages.iter().any(|next| next.position == end);
            assert!(is_followed, "{}", message.position);
        }
    }
    println!("2000 damaged streams without a checksum: careful lost {careful_lost}, otherwise {lost}");
    assert!(careful_lost >= lost);
}

/// The header and the first sync frame, or more, are gone: the next sync frame tells all that is needed.
#[test]
fn a_lost_beginning() {
    for checksum in without_none() {
        let stream = Stream::of_hundreds(checksum);
        for len in (1..12_000).step_by(13) {
            for fill in [0x00, 0xFF, 0xA5] {
                let mut damaged = stream.bytes.clone();
                damaged[..len].fill(fill);
                let found = recover(&damaged).unwrap();
                // The last byte may be what it was.
                let (lost, touched) = (stream.check_in_place(&damaged, &found), stream.touched(&(0..len)));
                assert!(lost == touched || lost + 1 == touched, "{len} bytes: {lost} of {touched}");
                assert_eq!((found.messages.len() as u64, found.end.is_closed()), (300 - lost, true));
            }
        }
        // Cut off, so that nothing stands in its place.
        for len in (1..12_000).step_by(37) {
            let found = recover(&stream.bytes[len..]).unwrap();
            let next = stream.syncs.iter().find(|sync| sync.position >= len as u64).unwrap();
            assert_eq!(stream.check(&found), 0);
            assert_eq!(stream.check_lost(&found), stream.touched(&(0..len)), "{len} bytes, {next:?}");
        }
    }
}

/// The vectors: what a strict reader gives comes first, and what recovery doesn't override stays an error.
#[test]
fn the_vectors() {
    for vector in vectors::load("valid") {
        for recovery in [Recovery::new(), Recovery::link()] {
            // On a link, a header in a message that was torn is taken for that of a sender that started anew: a message
            // that was torn by a restart looks the same.
            if recovery == Recovery::link() && vector.name.starts_with("torn_in_message_with_a") {
                continue;
            }
            let found = recover_vector(&vector, recovery);
            let found = found.unwrap_or_else(|error| panic!("{}: {error}", vector.name));
            assert!(found.bodies().eq(vector.messages()), "{}: {:?}", vector.name, found.findings);
            assert!(found.losses.is_none(), "{}: {:?}", vector.name, found.findings);
            let end = vector.end().unwrap();
            assert_eq!((found.end.state.to_string(), found.end.position), (end.state, end.position), "{}", vector.name);
        }
    }
    let mut unsupported = 0;
    for vector in vectors::load("invalid") {
        let code = vector.fact("error").unwrap().split(' ').next().unwrap().to_owned();
        match recover_vector(&vector, Recovery::new()) {
            Ok(found) => {
                let strict = vector.messages();
                assert!(found.bodies().zip(&strict).all(|(found, strict)| found == *strict), "{}", vector.name);
                assert!(found.messages.len() >= strict.len(), "{}: {:?}", vector.name, found.findings);
                assert!(!code.ends_with("_unsupported"), "{}", vector.name);
            }
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                let is_expected = vector.recovered().iter().any(|fact| fact.starts_with("error kind_unsupported"));
                assert!(code.ends_with("_unsupported") || is_expected, "{}: {error}", vector.name);
                unsupported += 1;
            }
            Err(error) => assert!(code.starts_with("header") || code == "not_a_stream", "{}: {error}", vector.name),
        }
    }
    assert!(unsupported > 0);
}

fn recover_vector(vector: &Vector, recovery: Recovery) -> flatstream_io::Result<common::Recovered> {
    recover_from(&vector.bytes[..], ReadOptions::new().private_checksum(128, Adler).recovery(recovery))
}

#[derive(Clone)]
struct Adler;

impl Checksum for Adler {
    fn digest(&self, body: &[u8]) -> u32 {
        adler32(body)
    }
}

/// Sync frames that are right in themselves and name the greatest numbers there are: anyone can make them.
#[test]
fn the_greatest_numbers() {
    let mut noise = Noise::new(66);
    let greatest =
        [0, 64, 1 << 20, 1 << 63, u64::MAX - 4095, u64::MAX - 1023, u64::MAX - 199, u64::MAX - 71, u64::MAX - 7];
    for position in greatest.map(|position| position & !7) {
        for sequence in [0, 7, u64::MAX - 3, u64::MAX] {
            for is_damaged in [false, true] {
                let mut stream = Assembler::new(header(ChecksumType::Crc32c));
                stream.sync(SyncFlags::NONE);
                stream.messages(5, 50, &mut noise);
                stream.jump_to(position, sequence);
                stream.sync(SyncFlags::NONE);
                stream.messages(20, 50, &mut noise);
                let damaged = stream.bytes.len();
                stream.messages(20, 50, &mut noise);
                stream.sync(SyncFlags::NONE);
                stream.messages(5, 50, &mut noise);
                let mut bytes = stream.bytes;
                bytes[damaged] ^= u8::from(is_damaged);
                for read in [file_options(), link_options()] {
                    let mut reader = Reader::with_options(&bytes[..], read).unwrap();
                    let mut count = 0;
                    while let Some(message) = reader.next() {
                        assert!(message.unwrap().position() % 8 == 0);
                        count += 1;
                        let _ = (reader.position(), reader.sequence(), reader.losses());
                    }
                    assert!(count >= 5);
                    reader.end().unwrap();
                    reader.take_findings().iter().for_each(|finding| assert!(!finding.to_string().is_empty()));
                }
            }
        }
    }
}

/// A good message that a careful reader leaves out, as nothing follows it, is evidence that the stream goes on: what a
/// strict reader calls scattered isn't torn for it, however much lies before the message.
#[test]
fn a_careful_reader_tells_of_what_it_leaves_out() {
    for between in [24, 30_000] {
        let mut noise = Noise::new(67);
        let mut stream = Assembler::new(header(ChecksumType::Crc32c));
        stream.sync(SyncFlags::NONE);
        stream.message(b"good");
        let stop = stream.position();
        stream.bytes.extend(noise.bytes(between));
        stream.message(b"good, and nothing behind it");
        let strict = Reader::new(&stream.bytes[..]).unwrap().find_map(std::result::Result::err).unwrap();
        assert_eq!(strict.kind(), ErrorKind::Damaged);
        for (careful, expected) in [(true, (1, EndState::Scattered)), (false, (2, EndState::Open))] {
            let recovery = Recovery::new().window(4096).careful(careful);
            let found = recover_from(&stream.bytes[..], ReadOptions::new().recovery(recovery)).unwrap();
            assert_eq!((found.messages.len(), found.end.state), expected);
            assert!(found.losses.may_be_more);
            let end = if careful { stream.position() } else { stop + between as u64 };
            assert_eq!(found.skipped().collect::<Vec<_>>(), [(stop, end)]);
        }
    }
}

/// Wherever what can be salvaged ends, a second stream is told of that begins there.
#[test]
fn a_second_stream_behind_what_was_salvaged_of_a_long_region() {
    let mut noise = Noise::new(71);
    let mut first = Assembler::new(header(ChecksumType::Crc32c));
    first.sync(SyncFlags::NONE);
    first.message(b"damaged");
    let damaged = first.bytes.len() - 8;
    first.messages(20, 100, &mut noise);
    let second_at = first.bytes.len();
    let mut second = Assembler::new(header(ChecksumType::Crc32c)).of_stream(77);
    second.sync(SyncFlags::NONE);
    second.messages(300, 100, &mut noise);
    let mut bytes = [first.bytes, second.bytes].concat();
    bytes[damaged] ^= 1;
    let found = recover_from(&bytes[..], ReadOptions::new().recovery(Recovery::new().window(4096))).unwrap();
    assert_eq!(found.messages.len(), 20);
    let offsets = found.findings.iter().filter_map(|finding| match finding {
        Finding::SecondStream { offset } => Some(*offset),
        _ => None,
    });
    assert_eq!(offsets.collect::<Vec<_>>(), [second_at as u64]);
    assert_eq!((found.end.state, found.end.position), (EndState::Scattered, second_at as u64));
}
