//! A stream in parts gives what one reader gives: the same messages in the same order, the same end, the same error.
#![cfg(feature = "alloc")]

use flatstream_format::{
    Algorithm, Borders, Checksum, ChecksumType, End, EndState, Error, Essentials, FoundSync, Header, HeaderBuilder,
    Salt, SlicePart, SliceReader, Sync, SyncFlags, limits,
};
use flatstream_testkit::adler32::adler32;
use flatstream_testkit::damage;
use flatstream_testkit::noise::Noise;
use flatstream_testkit::vectors;
use proptest::prelude::*;

const STREAM_ID: u64 = 0x0123_4567_89AB_CDEF;

/// Puts frames together, those too that no writer makes.
struct Assembler {
    bytes: Vec<u8>,
    header: Header,
    epoch: u32,
    sequence: u64,
}

impl Assembler {
    fn new(sync_interval: u32) -> Self {
        let header = HeaderBuilder::new(ChecksumType::Crc32c).sync_interval(sync_interval).build().unwrap();
        Self { bytes: header.as_bytes().to_vec(), header, epoch: 0, sequence: 0 }
    }

    fn position(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// A good sync frame for this place.
    fn image(&self, position: u64, sequence: u64, flags: SyncFlags) -> [u8; 64] {
        let sync = Sync {
            header_check: self.header.essentials().header_check,
            version: 1,
            checksum_id: self.header.checksum().id(),
            alignment_log2: 3,
            flags,
            epoch: self.epoch,
            stream_id: STREAM_ID,
            position,
            sequence,
            time: 0,
            durable: 0,
        };
        sync.to_frame()
    }

    fn sync(&mut self, flags: SyncFlags) -> u64 {
        let position = self.position();
        self.bytes.extend(self.image(position, self.sequence, flags));
        position
    }

    fn message(&mut self, body: &[u8]) {
        self.frame(body, body.len() as u32);
        self.sequence += 1;
    }

    fn control(&mut self, kind: &[u8; 4], rest: &[u8]) {
        let body = [&kind[..], rest].concat();
        self.frame(&body, body.len() as u32 | 1 << 31);
    }

    fn frame(&mut self, body: &[u8], length_word: u32) {
        let check =
            Algorithm::CRC32C.digest(body) ^ Salt::new(STREAM_ID, self.epoch).mask(self.position(), length_word);
        self.bytes.extend(check.to_le_bytes());
        self.bytes.extend(length_word.to_le_bytes());
        self.bytes.extend(body);
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
    }

    /// So many groups of a sync frame and a few messages.
    fn groups(&mut self, count: usize, noise: &mut Noise) {
        for _ in 0..count {
            self.sync(SyncFlags::NONE);
            let messages = 1 + noise.below(4);
            noise.messages(messages, 60).iter().for_each(|message| self.message(message));
        }
    }
}

/// Several epochs, control frames, one part that was closed and reopened.
fn varied() -> Vec<u8> {
    let mut noise = Noise::new(23);
    let mut stream = Assembler::new(64);
    stream.groups(5, &mut noise);
    stream.control(b"meta", b"unknown to version 1");
    stream.groups(2, &mut noise);
    stream.sync(SyncFlags::CLOSED);
    stream.epoch = 3;
    stream.sync(SyncFlags::RESUMED);
    stream.groups(4, &mut noise);
    stream.epoch = 4;
    stream.sync(SyncFlags::RESUMED);
    stream.groups(5, &mut noise);
    stream.sync(SyncFlags::CLOSED);
    stream.bytes
}

#[derive(Debug, PartialEq, Eq)]
struct Read {
    messages: Vec<(u64, u64, Vec<u8>)>,
    error: Option<Error>,
    end: Option<End>,
}

fn in_one_piece<C: Checksum>(mut reader: SliceReader<'_, C>) -> Read {
    let mut read = Read { messages: Vec::new(), error: None, end: None };
    for message in &mut reader {
        match message {
            Ok(message) => read.messages.push((message.position(), message.sequence(), message.to_vec())),
            Err(error) => assert!(read.error.replace(error).is_none(), "a second error"),
        }
    }
    read.end = reader.end();
    read
}

fn finish<C: Checksum + Clone>(part: &mut SlicePart<'_, C>, read: &mut Read) {
    for message in part.by_ref() {
        match message {
            Ok(message) => read.messages.push((message.position(), message.sequence(), message.to_vec())),
            Err(error) => assert!(read.error.replace(error).is_none(), "a second error"),
        }
    }
    assert!(part.next().is_none(), "nothing follows the end");
}

/// One part after the other, up to the first that has the end or an error.
fn in_parts<C: Checksum + Clone>(reader: SliceReader<'_, C>, parts: usize) -> Read {
    let mut read = Read { messages: Vec::new(), error: None, end: None };
    let mut all: Vec<_> = reader.split(parts).collect();
    assert!((1..=parts.max(1)).contains(&all.len()), "{} parts of {parts}", all.len());
    let count = all.len();
    for (nth, part) in all.iter_mut().enumerate() {
        assert_eq!(part.first_sequence(), read.messages.len() as u64, "part {nth}");
        assert_eq!(part.first_position(), part.decoder().position());
        finish(part, &mut read);
        read.end = part.end();
        if read.end.is_some() || read.error.is_some() {
            break;
        }
        assert!(nth + 1 < count || matches!(read.error, None | Some(Error::Frame { evidence: None, .. })));
    }
    read
}

fn check(bytes: &[u8], parts: usize) {
    match SliceReader::new(bytes) {
        Ok(reader) => assert_eq!(in_parts(reader.clone(), parts), in_one_piece(reader), "{parts} parts"),
        Err(error) => assert!(matches!(error, Error::Header(_))),
    }
}

#[derive(Clone)]
enum AnyHasher {
    Standard(Algorithm),
    Adler32,
}

impl Checksum for AnyHasher {
    fn digest(&self, body: &[u8]) -> u32 {
        match self {
            Self::Standard(algorithm) => algorithm.digest(body),
            Self::Adler32 => adler32(body),
        }
    }
}

#[test]
fn every_vector_in_any_number_of_parts() {
    let mut split = 0;
    for vector in ["valid", "invalid"].into_iter().flat_map(vectors::load) {
        let Ok(header) = Essentials::parse(&vector.bytes) else { continue };
        let hasher = match header.checksum {
            ChecksumType::Private(128) => AnyHasher::Adler32,
            standard => match Algorithm::new(standard) {
                Ok(algorithm) => AnyHasher::Standard(algorithm),
                Err(_) => continue,
            },
        };
        let reader = SliceReader::with_hasher(&vector.bytes, limits::READER_MAX_MESSAGE_LEN, hasher).unwrap();
        let whole = in_one_piece(reader.clone());
        for parts in [0, 1, 2, 3, 5, 16, 1000] {
            split += usize::from(reader.clone().split(parts).count() > 1);
            assert_eq!(in_parts(reader.clone(), parts), whole, "{} in {parts} parts", vector.name);
        }
    }
    assert!(split > 50, "only {split} were split");
}

#[test]
fn a_stream_has_as_many_parts_as_are_wanted_or_as_it_has_sync_frames() {
    let mut stream = Assembler::new(64);
    stream.groups(12, &mut Noise::new(5));
    let reader = SliceReader::new(&stream.bytes).unwrap();
    let count = |parts| reader.clone().split(parts).count();
    assert_eq!([0, 1, 2, 3, 4].map(count), [1, 1, 2, 3, 4]);
    assert_eq!([1000, usize::MAX].map(count), [12, 12]);
    let sizes: Vec<_> = reader.clone().split(3).map(|part| part.first_position()).collect();
    let third = (stream.bytes.len() - sizes[0] as usize) / 3;
    assert!(sizes.windows(2).all(|pair| (pair[1] - pair[0]).abs_diff(third as u64) < 256), "{sizes:?} of {third}");
}

#[test]
fn a_stream_that_ends_anywhere_in_any_number_of_parts() {
    let bytes = varied();
    let mut noise = Noise::new(1);
    for truncated in damage::truncations(&bytes) {
        for parts in [2, 3 + noise.below(30)] {
            check(truncated, parts);
        }
    }
    for fill in [0, 0xFF] {
        let mut blank = bytes.clone();
        blank.resize(bytes.len() + 3000, fill);
        (1..20).for_each(|parts| check(&blank, parts));
    }
}

#[test]
fn every_flipped_bit_gives_the_same_error_in_any_number_of_parts() {
    let bytes = varied();
    let mut noise = Noise::new(2);
    damage::for_each_bit_flip(&bytes, |_, damaged| check(damaged, 2 + noise.below(30)));
}

#[test]
fn a_short_stream_in_any_number_of_parts() {
    let mut stream = Assembler::new(64);
    (1..5).for_each(|parts| check(&stream.bytes, parts));
    stream.sync(SyncFlags::NONE);
    (1..5).for_each(|parts| check(&stream.bytes, parts));
    stream.sync(SyncFlags::CLOSED);
    (1..5).for_each(|parts| check(&stream.bytes, parts));
}

#[test]
fn a_stream_without_sync_frames_between_is_one_part() {
    let mut stream = Assembler::new(0);
    stream.groups(12, &mut Noise::new(5));
    assert_eq!(SliceReader::new(&stream.bytes).unwrap().split(8).count(), 1);
    check(&stream.bytes, 8);
}

#[test]
fn messages_far_larger_than_the_interval_in_any_number_of_parts() {
    let mut stream = Assembler::new(64);
    for size in [70_000, 5, 200_000, 9000, 64] {
        stream.sync(SyncFlags::NONE);
        stream.message(&Noise::new(size as u64).bytes(size));
    }
    for parts in [2, 3, 7, 100] {
        check(&stream.bytes, parts);
    }
    assert!(SliceReader::new(&stream.bytes).unwrap().split(100).count() > 2);
}

/// What isn't read yet is split; nothing comes twice.
#[test]
fn a_reader_that_is_on_its_way_is_split_from_where_it_is() {
    let bytes = varied();
    let whole = in_one_piece(SliceReader::new(&bytes).unwrap());
    for read in 0..=whole.messages.len() {
        let mut reader = SliceReader::new(&bytes).unwrap();
        let mut messages: Vec<_> = reader.by_ref().take(read).map(|message| message.unwrap().sequence()).collect();
        for part in reader.split(4) {
            assert_eq!(part.first_sequence(), messages.len() as u64);
            messages.extend(part.map(|message| message.unwrap().sequence()));
        }
        assert!(messages.into_iter().eq(0..whole.messages.len() as u64), "split behind {read} messages");
    }
}

/// A message is lost, and what takes its place is good: only the count of the next sync frame tells.
#[test]
fn messages_that_are_lost_in_front_of_a_border_are_noticed() {
    let mut stream = Assembler::new(64);
    stream.groups(6, &mut Noise::new(8));
    let sequence = stream.sequence;
    stream.message(&[1; 60]);
    // As long as the message was.
    stream.sequence = sequence + 2;
    let border = stream.sync(SyncFlags::NONE);
    stream.groups(6, &mut Noise::new(9));
    for parts in 2..40 {
        check(&stream.bytes, parts);
        let mut read = Read { messages: Vec::new(), error: None, end: None };
        SliceReader::new(&stream.bytes).unwrap().split(parts).take(parts).for_each(|mut part| {
            if read.error.is_none() {
                finish(&mut part, &mut read);
            }
        });
        let error = read.error.unwrap();
        assert_eq!((error.code(), error.position()), ("sync_sequence", border));
    }
}

#[test]
fn parts_behind_damage_still_give_their_messages() {
    let mut stream = Assembler::new(64);
    stream.groups(20, &mut Noise::new(8));
    let first_message = stream.header.as_bytes().len() + 64 + 8;
    stream.bytes[first_message] ^= 1;
    let parts: Vec<_> = SliceReader::new(&stream.bytes).unwrap().split(4).collect();
    let mut ends = Vec::new();
    let counts: Vec<_> = parts
        .into_iter()
        .map(|mut part| {
            let errors = part.by_ref().filter(Result::is_err).count();
            ends.push(part.end().map(|end| end.state));
            errors
        })
        .collect();
    assert_eq!(counts, [1, 0, 0, 0]);
    assert_eq!(ends, [Some(EndState::Scattered), None, None, Some(EndState::Open)]);
}

/// A message that holds the image of a sync frame with its own position, at an offset in its body.
fn with_image(offset: usize, body_len: usize, sequence: impl Fn(u64) -> u64, is_control: bool) -> (Vec<u8>, u64) {
    let mut stream = Assembler::new(64);
    stream.sync(SyncFlags::NONE);
    stream.message(&[1; 800]);
    let position = stream.position() + 8 + offset as u64;
    let mut body = vec![7; body_len];
    body[..8].copy_from_slice(b"metaaaaa");
    body[offset..offset + 64].copy_from_slice(&stream.image(position, sequence(stream.sequence), SyncFlags::NONE));
    if is_control {
        stream.control(b"meta", &body[4..]);
    } else {
        stream.message(&body);
    }
    stream.message(&[2; 500]);
    stream.sync(SyncFlags::NONE);
    stream.message(&[3; 80]);
    stream.sync(SyncFlags::CLOSED);
    (stream.bytes, position)
}

#[test]
fn the_image_of_a_sync_frame_in_a_message_is_never_taken_for_one() {
    let mut met = 0;
    // In the middle, and so that the message ends where the image does.
    for (offset, body_len) in [(8, 200), (136, 200), (40, 109), (72, 137)] {
        // One that the next sync frame contradicts, and the one that an attacker would choose.
        for ahead in [0, 1, 7] {
            for is_control in [false, true] {
                let (bytes, image) = with_image(offset, body_len, |sequence| sequence + ahead, is_control);
                let whole = in_one_piece(SliceReader::new(&bytes).unwrap());
                assert_eq!((whole.error.as_ref(), whole.messages.len()), (None, if is_control { 3 } else { 4 }));
                for parts in 2..30 {
                    let all: Vec<_> = SliceReader::new(&bytes).unwrap().split(parts).collect();
                    let is_met = all.iter().any(|part| part.first_position() == image + 64);
                    let mut read = Read { messages: Vec::new(), error: None, end: None };
                    for mut part in all {
                        if read.error.is_none() {
                            finish(&mut part, &mut read);
                        }
                    }
                    let expected = is_met.then_some(Error::FalseBorder(image));
                    assert_eq!(read.error, expected, "{parts} parts, image at {offset} of {body_len}");
                    assert!(whole.messages.starts_with(&read.messages), "what came before the error is right");
                    assert_eq!(read.messages == whole.messages, !is_met);
                    met += usize::from(is_met);
                }
            }
        }
    }
    assert!(met > 100, "only {met} splits met the image");
}

/// A tail that grew while it was searched, or one that a writer cut: less is there than was said.
#[test]
fn the_search_for_a_border_ends_where_the_bytes_do() {
    let bytes = varied();
    let header_len = Essentials::parse(&bytes).unwrap().header_len as usize;
    for len in [header_len, header_len + 64, 600, 700, bytes.len()] {
        let mut borders = borders_of(&bytes, 20);
        let mut searches = 0;
        while let Some(position) = borders.position() {
            borders.search(bytes[..len].get(position as usize..).unwrap_or_default());
            searches += 1;
            assert!(searches < 60, "the search goes on without end at {position} of {len}");
        }
    }
}

/// Nested streams and copies of the stream itself name other positions.
#[test]
fn a_stream_inside_a_message_is_no_place_to_split() {
    let inner = varied();
    let mut stream = Assembler::new(64);
    stream.sync(SyncFlags::NONE);
    stream.message(&inner);
    stream.groups(3, &mut Noise::new(3));
    for parts in 2..60 {
        let borders = SliceReader::new(&stream.bytes).unwrap().split(parts).skip(1);
        assert!(borders.into_iter().all(|part| part.first_position() > inner.len() as u64));
        check(&stream.bytes, parts);
    }
}

fn borders_of(bytes: &[u8], parts: usize) -> Borders {
    let header = Essentials::parse(bytes).unwrap();
    let begin = u64::from(header.header_len);
    let first = FoundSync::at_start_of(&bytes[begin as usize..], begin).unwrap().sync;
    Borders::new(&header, &first, begin, bytes.len() as u64, parts)
}

#[test]
fn the_search_for_a_border_needs_no_byte_behind_the_next_sync_frame() {
    let bytes = varied();
    for parts in [2, 5, 12, 1000] {
        let mut borders = borders_of(&bytes, parts);
        for part in SliceReader::new(&bytes).unwrap().split(parts).skip(1) {
            let position = borders.position().unwrap() as usize;
            let end = part.first_position() as usize;
            assert_eq!(borders.clone().search(&bytes[position..end - 1]), None);
            assert_eq!(borders.search(&bytes[position..end]).map(|border| border.end()), Some(end as u64));
        }
        if let Some(position) = borders.position() {
            assert_eq!(borders.search(&bytes[position as usize..]), None);
            assert_eq!(borders.position(), None);
        }
    }
}

#[test]
fn behind_the_last_border_nothing_is_searched() {
    let bytes = varied();
    for parts in [1, 2, 3, 5] {
        let mut borders = borders_of(&bytes, parts);
        for nth in 1..parts {
            let position = borders.position().unwrap_or_else(|| panic!("border {nth} of {parts} isn't looked for"));
            assert!(borders.search(&bytes[position as usize..]).is_some());
        }
        assert_eq!(borders.position(), None, "{parts} parts");
    }
}

#[test]
fn the_search_for_a_border_finds_the_same_in_pieces() {
    let mut stream = Assembler::new(64);
    for size in [3000, 5, 20_000, 900, 1, 64] {
        stream.groups(2, &mut Noise::new(size as u64));
        stream.message(&Noise::new(size as u64).bytes(size));
    }
    let bytes = stream.bytes;
    for (parts, piece) in [(3, 1100), (3, 5000), (50, 1100), (50, 4096), (50, 9000)] {
        let expected: Vec<_> =
            SliceReader::new(&bytes).unwrap().split(parts).skip(1).map(|part| part.first_position()).collect();
        let mut borders = borders_of(&bytes, parts);
        let mut found = Vec::new();
        while let Some(position) = borders.position() {
            let rest = &bytes[position as usize..];
            found.extend(borders.search(&rest[..rest.len().min(piece)]).map(|border| border.end()));
        }
        assert_eq!(found, expected, "{parts} parts in pieces of {piece}");
    }
}

fn is_send<T: Send>(value: T) -> T {
    value
}

#[test]
fn each_part_can_go_to_a_thread() {
    let bytes = varied();
    let whole = in_one_piece(SliceReader::new(&bytes).unwrap());
    let parts = SliceReader::new(&bytes).unwrap().split(6);
    let messages: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = parts
            .map(is_send)
            .map(|part| scope.spawn(move || part.map(|message| message.unwrap().to_vec()).collect::<Vec<_>>()))
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(messages.iter().eq(whole.messages.iter().map(|(_, _, body)| body)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_stream_with_any_damage_in_any_number_of_parts(
        groups in 1usize..30,
        seed: u64,
        parts in 0usize..40,
        hole in prop::option::of((0.0..1.0, 0usize..300, any::<u8>())),
        kept in 0.0..1.3,
    ) {
        let mut stream = Assembler::new(64);
        stream.groups(groups, &mut Noise::new(seed));
        let mut bytes = stream.bytes;
        if let Some((at, len, fill)) = hole {
            let at = (bytes.len() as f64 * at) as usize;
            let end = bytes.len().min(at + len);
            bytes[at..end].fill(fill);
        }
        bytes.truncate((bytes.len() as f64 * kept) as usize);
        check(&bytes, parts);
    }
}
