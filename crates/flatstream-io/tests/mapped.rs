//! A mapped file gives what a strict `Reader` gives, whatever is wrong with it, and whoever appends to it or cuts it.

mod common;

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use common::{Assembler, Stream, header, options, rounds, varied};
use flatstream_io::format::{Algorithm, Sync, SyncFlags};
use flatstream_io::parallel::Verified;
use flatstream_io::{
    Checksum, ChecksumType, End, EndState, ErrorKind, MappedMessages, MappedReader, OnTail, ReadOptions, Reader,
    Result, WriteOptions, Writer,
};
use flatstream_testkit::adler32::adler32;
use flatstream_testkit::damage;
use flatstream_testkit::folder::Folder;
use flatstream_testkit::noise::Noise;
use flatstream_testkit::vectors;
use proptest::prelude::*;

struct Adler32;

impl Checksum for Adler32 {
    fn digest(&self, body: &[u8]) -> u32 {
        adler32(body)
    }
}

/// What a reader made of a stream.
#[derive(Debug, PartialEq)]
struct Answer {
    messages: Vec<(u64, Option<u64>, Vec<u8>)>,
    error: Option<String>,
    end: Option<End>,
}

impl Answer {
    fn of_reader(path: &Path, options: &ReadOptions) -> Result<Self> {
        let mut reader = Reader::with_options(File::open(path).unwrap(), options.clone())?;
        let mut answer = Self { messages: Vec::new(), error: None, end: None };
        for message in &mut reader {
            match message {
                Ok(message) => answer.messages.push((message.position(), message.sequence(), message.to_vec())),
                Err(error) => assert!(answer.error.replace(error.to_string()).is_none(), "a second error"),
            }
        }
        answer.end = reader.end().ok();
        Ok(answer)
    }

    fn of_mapped(mapped: &MappedReader) -> Self {
        let mut answer = Self { messages: Vec::new(), error: None, end: None };
        let mut messages = mapped.iter();
        answer.read(&mut messages);
        answer.end = messages.end();
        assert_eq!(mapped.end(), messages.end());
        answer
    }

    fn of_parts(mapped: &MappedReader, parts: usize) -> Self {
        let mut answer = Self { messages: Vec::new(), error: None, end: None };
        for mut part in mapped.split(parts) {
            assert_eq!(part.first_sequence(), answer.messages.len() as u64);
            answer.read(&mut part);
            answer.end = part.end();
            if answer.end.is_some() || answer.error.is_some() {
                break;
            }
        }
        answer
    }

    fn read(&mut self, messages: &mut MappedMessages<'_>) {
        for message in messages.by_ref() {
            match message {
                Ok(message) => {
                    assert_eq!(message.as_ptr() as usize % 8, 0, "aligned");
                    self.messages.push((message.position(), Some(message.sequence()), message.to_vec()));
                }
                Err(error) => assert!(self.error.replace(error.to_string()).is_none(), "a second error"),
            }
        }
        assert!(messages.next().is_none(), "nothing follows the end");
    }

    fn verified(&self) -> std::result::Result<Verified, String> {
        match (&self.error, self.end) {
            (Some(error), _) => Err(error.clone()),
            (None, end) => Ok(Verified { messages: self.messages.len() as u64, end: end.unwrap() }),
        }
    }
}

fn check_with(path: &Path, options: &ReadOptions, parts: usize) {
    match (MappedReader::open_with_options(path, options), Answer::of_reader(path, options)) {
        (Ok(mapped), Ok(expected)) => {
            assert_eq!(Answer::of_mapped(&mapped), expected);
            assert_eq!(Answer::of_mapped(&mapped), expected, "a second time");
            assert_eq!(Answer::of_parts(&mapped, parts), expected, "{parts} parts");
            let verified = mapped.par_verify(1 + parts % 3).map_err(|error| error.to_string());
            assert_eq!(verified, expected.verified());
        }
        (Err(found), Err(expected)) => {
            assert_eq!(
                (found.to_string(), found.kind(), found.position()),
                (expected.to_string(), expected.kind(), expected.position())
            );
        }
        (found, expected) => panic!("mapped: {:?}, expected {:?}", found.err(), expected.err()),
    }
}

fn check(folder: &Folder, bytes: &[u8], parts: usize) {
    let path = folder.join("stream.fls");
    fs::write(&path, bytes).unwrap();
    check_with(&path, &ReadOptions::new().private_checksum(128, Adler32), parts);
}

#[test]
fn every_vector_mapped() {
    let folder = Folder::new("mapped-vectors");
    for vector in ["valid", "invalid"].into_iter().flat_map(vectors::load) {
        for parts in [1, 2, 7] {
            check(&folder, &vector.bytes, parts);
        }
    }
}

/// What a writer leaves that never synced, and one that did: opening then starts behind what is durable.
fn streams(groups: usize) -> [Vec<u8>; 2] {
    let mut stream = Assembler::new(header(ChecksumType::Crc32c));
    let mut noise = Noise::new(4);
    for _ in 0..groups {
        stream.sync(SyncFlags::NONE);
        stream.messages(2, 60, &mut noise);
    }
    stream.epoch(2);
    stream.sync(SyncFlags::RESUMED);
    stream.messages(2, 60, &mut noise);
    stream.sync(SyncFlags::CLOSED);
    let durable = with_durable(&stream.bytes);
    [stream.bytes, durable]
}

/// The same stream, each of whose sync frames says that all before the one before it is durable.
fn with_durable(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let mut durable = 0;
    for sync in Stream::of_bytes(bytes.clone()).syncs {
        let at = sync.position as usize;
        bytes[at..at + 64].copy_from_slice(&Sync { durable, ..sync }.to_frame());
        durable = sync.position;
    }
    bytes
}

#[test]
fn a_file_that_ends_anywhere_mapped() {
    let folder = Folder::new("mapped-truncations");
    for bytes in streams(8) {
        for truncated in damage::truncations(&bytes) {
            check(&folder, truncated, 3);
        }
        for fill in [0, 0xFF] {
            check(&folder, &[&bytes[..], &[fill; 20_000]].concat(), 3);
            check(&folder, &[&bytes[..bytes.len() - 100], &[fill; 20_000]].concat(), 3);
        }
    }
}

/// Every third bit, which is each of the eight in turn: each takes several files to be opened.
#[test]
fn flipped_bits_mapped_give_the_error_of_a_reader() {
    let folder = Folder::new("mapped-flips");
    for bytes in streams(2) {
        let mut flips = 0;
        damage::for_each_bit_flip(&bytes, |at, damaged| {
            flips += 1;
            if flips % 3 == 0 {
                check(&folder, damaged, 2 + at % 9);
            }
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: rounds(100) as u32,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_stream_with_any_damage_mapped(
        seed: u64,
        parts in 0usize..50,
        is_durable: bool,
        hole in prop::option::of((0.0..1.0, 0usize..900, any::<u8>())),
        kept in 0.0..1.3,
    ) {
        let folder = Folder::new("mapped-any");
        let mut bytes = varied(ChecksumType::Crc32c, &mut Noise::new(seed)).bytes;
        if is_durable {
            bytes = with_durable(&bytes);
        }
        if let Some((at, len, fill)) = hole {
            let at = (bytes.len() as f64 * at) as usize;
            let end = bytes.len().min(at + len);
            bytes[at..end].fill(fill);
        }
        bytes.truncate((bytes.len() as f64 * kept) as usize);
        check(&folder, &bytes, parts);
    }
}

#[test]
fn what_is_no_stream_is_refused_as_by_a_reader() {
    let folder = Folder::new("mapped-refused");
    for bytes in [&b""[..], b"short", b"not a stream, but longer than a header's identifier"] {
        check(&folder, bytes, 2);
    }
    check_with(folder.path(), &ReadOptions::new(), 2);
    let missing = MappedReader::open(folder.join("missing.fls")).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::Io);
    assert!(missing.to_string().contains("missing.fls"), "{missing}");
}

#[test]
fn options_hold_for_a_mapped_file_too() {
    let folder = Folder::new("mapped-options");
    let path = folder.join("stream.fls");
    let mut stream = Stream::new(options(ChecksumType::Crc32c).sync_interval(64), Noise::new(3).messages(60, 300));
    stream.bytes.truncate(stream.bytes.len() - 64);
    fs::write(&path, &stream.bytes).unwrap();
    for (options, kind) in [
        (ReadOptions::new().max_message_len(150), ErrorKind::Limit),
        (ReadOptions::new().require_closed(true), ErrorKind::NotClosed),
    ] {
        check_with(&path, &options, 4);
        let mapped = MappedReader::open_with_options(&path, &options).unwrap();
        assert_eq!(mapped.iter().find_map(Result::err).unwrap().kind(), kind);
    }
}

#[test]
fn what_is_appended_after_opening_is_not_there() {
    let folder = Folder::new("mapped-growing");
    let path = folder.join("stream.fls");
    let mut writer = Writer::create_new(&path, WriteOptions::new().sync_interval(256)).unwrap();
    let mut opened = Vec::new();
    for round in 0..50u32 {
        (0..37).for_each(|nth: u32| assert!(writer.append(&[round.to_le_bytes(), nth.to_le_bytes()].concat()).is_ok()));
        writer.flush().unwrap();
        if round % 7 == 0 {
            writer.sync().unwrap();
        }
        opened.push((MappedReader::open(&path).unwrap(), 37 * (round as usize + 1)));
        for (mapped, count) in opened.iter().rev().take(4) {
            let mut messages = mapped.iter();
            assert_eq!(messages.by_ref().filter(Result::is_ok).count(), *count);
            let end = messages.end().unwrap();
            assert_eq!((end.state, end.bytes_behind), (EndState::Open, 0));
            assert_eq!(mapped.par_verify(2).unwrap().messages, *count as u64);
        }
    }
}

/// A frame whose end never arrived, over many pages: whoever touches them when they are gone is ended by the system.
fn torn_tail(len: usize) -> Vec<u8> {
    let mut tail = vec![0x5A; len];
    tail[4..8].copy_from_slice(&(8u32 << 20).to_le_bytes());
    tail
}

fn append_to(path: &Path, bytes: &[u8]) {
    OpenOptions::new().append(true).open(path).unwrap().write_all(bytes).unwrap();
}

#[test]
fn a_torn_tail_may_be_cut_while_the_map_is_read() {
    let folder = Folder::new("mapped-reopened");
    let path = folder.join("stream.fls");
    for (count, is_synced) in [(3, false), (3, true), (700, false), (700, true)] {
        let messages = Noise::new(count as u64).messages(count, 400);
        let mut writer = Writer::create(&path, WriteOptions::new().sync_interval(1024)).unwrap();
        messages.iter().for_each(|message| assert!(writer.append(message).is_ok()));
        if is_synced {
            writer.sync().unwrap();
        }
        drop(writer);
        let good = fs::metadata(&path).unwrap().len();
        append_to(&path, &torn_tail(100_000));

        let mapped = MappedReader::open(&path).unwrap();
        let expected = Answer::of_reader(&path, &ReadOptions::new()).unwrap();
        let mut part_way = mapped.iter();
        let first = part_way.next().unwrap().unwrap();
        let parts = mapped.split(3);

        let mut writer = Writer::open(&path, WriteOptions::new()).unwrap();
        writer.append(b"of the next epoch").unwrap();
        writer.flush().unwrap();
        assert!(fs::metadata(&path).unwrap().len() < good + 4096, "the tail was cut");

        assert_eq!(first.body(), messages[0], "a message stays where it is");
        assert!(part_way.map(|message| message.unwrap().to_vec()).eq(messages[1..].iter().cloned()));
        let end = mapped.end().unwrap();
        assert_eq!((end.state, end.position, end.bytes_behind), (EndState::Torn, good, 100_000));
        assert_eq!(Answer::of_mapped(&mapped), expected);
        assert_eq!(parts.into_iter().map(Iterator::count).sum::<usize>(), count);
        assert_eq!(mapped.par_verify(2).unwrap().messages, count as u64);
        writer.finish().unwrap();
        let again = MappedReader::open(&path).unwrap();
        assert_eq!((again.iter().count(), again.end().map(|end| end.state)), (count + 1, Some(EndState::Closed)));
        fs::remove_file(&path).unwrap();
    }
}

/// A power cut left a hole, and good frames behind it. A writer that reopens the file cuts them, and they were mapped.
#[test]
fn a_scattered_tail_may_be_cut_while_the_map_is_read() {
    let folder = Folder::new("mapped-scattered");
    let path = folder.join("stream.fls");
    for is_synced in [false, true] {
        let mut writer = Writer::create(&path, WriteOptions::new().sync_interval(1024)).unwrap();
        (0..500).for_each(|_| assert!(writer.append(&[3; 100]).is_ok()));
        if is_synced {
            writer.sync().unwrap();
        }
        let hole = writer.position() as usize + 300;
        (0..2000).for_each(|_| assert!(writer.append(&[4; 100]).is_ok()));
        drop(writer);
        let mut bytes = fs::read(&path).unwrap();
        bytes[hole..hole + 5000].fill(0);
        fs::write(&path, bytes).unwrap();

        let mapped = MappedReader::open(&path).unwrap();
        let expected = Answer::of_reader(&path, &ReadOptions::new()).unwrap();
        assert_eq!(expected.end.unwrap().state, EndState::Scattered);
        let writer = Writer::open(&path, WriteOptions::new().on_tail(OnTail::CutAndKeep)).unwrap();
        assert!(fs::metadata(&path).unwrap().len() < hole as u64 + 4096, "the tail was cut");
        assert_eq!(Answer::of_mapped(&mapped), expected);
        assert_eq!(Answer::of_parts(&mapped, 4), expected);
        drop(writer);
        fs::remove_file(&path).unwrap();
    }
}

/// CRC-32C that counts what it is asked to digest.
struct Counting(Arc<AtomicU64>);

impl Checksum for Counting {
    fn digest(&self, body: &[u8]) -> u32 {
        self.0.fetch_add(body.len() as u64, Ordering::Relaxed);
        Algorithm::CRC32C.digest(body)
    }
}

#[test]
fn opening_what_was_synced_reads_little_whatever_its_size() {
    let folder = Folder::new("mapped-cost");
    let path = folder.join("stream.fls");
    let digested = Arc::new(AtomicU64::new(0));
    let write = WriteOptions::new().private_checksum(200, Counting(Arc::clone(&digested)));
    let read = ReadOptions::new().private_checksum(200, Counting(Arc::clone(&digested)));
    let opening_cost = || {
        digested.store(0, Ordering::Relaxed);
        let mapped = MappedReader::open_with_options(&path, &read).unwrap();
        let cost = digested.swap(0, Ordering::Relaxed);
        (cost, mapped.iter().map(|message| message.unwrap().len() as u64).sum::<u64>())
    };
    let mut writer = Writer::create_new(&path, write).unwrap();
    (0..30_000).for_each(|_| assert!(writer.append(&[3; 100]).is_ok()));
    writer.flush().unwrap();
    let (cost, all) = opening_cost();
    assert_eq!((cost, all), (3_000_000, 3_000_000), "nothing says what is durable: less than 64 MiB are read");
    writer.sync().unwrap();
    (0..2000).for_each(|_| assert!(writer.append(&[3; 100]).is_ok()));
    writer.flush().unwrap();
    let (cost, all) = opening_cost();
    assert_eq!(all, 3_200_000);
    assert!(cost < 200_000 + (64 << 10), "{cost} bytes behind what is durable");
    writer.finish().unwrap();
    let (cost, all) = opening_cost();
    assert_eq!((cost, all), (0, 3_200_000), "a finished stream");
    assert_eq!(digested.load(Ordering::Relaxed), 3_200_000, "reading digests each message once");
}

/// A message that holds the image of a sync frame with its own position, which says that all before it is durable: so
/// opening starts in that message.
fn with_image(offset: usize, body_len: usize, ahead: u64, is_last: bool) -> (Vec<u8>, u64) {
    let mut stream = Assembler::new(header(ChecksumType::Crc32c));
    let first = stream.sync(SyncFlags::NONE);
    stream.message(&[1; 800]);
    let image = stream.position() + 8 + offset as u64;
    let sync = Sync { position: image, durable: image, sequence: 1 + ahead, ..first };
    let mut body = vec![7; body_len];
    body[offset..offset + 64].copy_from_slice(&sync.to_frame());
    stream.message(&body);
    stream.message(&[2; 90]);
    if !is_last {
        stream.sync(SyncFlags::CLOSED);
    }
    (stream.bytes, image)
}

#[test]
fn the_image_of_a_sync_frame_in_a_message_misleads_nobody() {
    let folder = Folder::new("mapped-image");
    let path = folder.join("stream.fls");
    let mut met = 0;
    for (offset, body_len) in [(8, 200), (136, 200), (40, 109), (72, 137)] {
        for (ahead, is_last) in [(0, true), (1, true), (7, true), (0, false), (1, false), (7, false)] {
            let (bytes, image) = with_image(offset, body_len, ahead, is_last);
            for tail in [0, 50, 5000] {
                fs::write(&path, [&bytes[..], &torn_tail(5000)[..tail]].concat()).unwrap();
                let mapped = MappedReader::open(&path).unwrap();
                let expected = Answer::of_reader(&path, &ReadOptions::new()).unwrap();
                assert_eq!(expected.messages.len(), 3);
                assert_eq!(Answer::of_mapped(&mapped), expected, "image at {offset} of {body_len}");
                assert_eq!(mapped.par_verify(3).unwrap(), expected.verified().unwrap());
                for parts in [2, 5, 9] {
                    let is_met = mapped.split(parts).iter().any(|part| part.first_position() == image + 64);
                    let answer = Answer::of_parts(&mapped, parts);
                    met += usize::from(is_met);
                    match answer.error {
                        Some(error) => assert!(is_met && error.contains("image of a sync frame"), "{error}"),
                        None => assert!(!is_met && answer == expected),
                    }
                }
            }
        }
    }
    assert!(met > 10, "the image was met {met} times");
}

/// A stream far larger than what opening reads of it.
#[test]
fn a_file_of_more_than_64_mib_is_read_from_its_end_only() {
    let folder = Folder::new("mapped-large");
    let path = folder.join("stream.fls");
    let digested = Arc::new(AtomicU64::new(0));
    let write = WriteOptions::new().private_checksum(200, Counting(Arc::clone(&digested)));
    let read = ReadOptions::new().private_checksum(200, Counting(Arc::clone(&digested)));
    let mut writer = Writer::new(File::create(&path).unwrap(), write).unwrap();
    let message = vec![9; 20_000];
    (0..6000).for_each(|_| assert!(writer.append(&message).is_ok()));
    writer.finish().unwrap();
    digested.store(0, Ordering::Relaxed);
    let mapped = MappedReader::open_with_options(&path, &read).unwrap();
    let cost = digested.swap(0, Ordering::Relaxed);
    assert!(((60 << 20)..(65 << 20)).contains(&cost), "{cost} of 120,000,000 bytes");
    assert_eq!(mapped.iter().filter(|found| found.as_ref().is_ok_and(|found| found.body() == message)).count(), 6000);
    assert_eq!(mapped.par_verify(0).unwrap().messages, 6000);
}

fn is_shared<T: Send + std::marker::Sync>(value: T) -> T {
    value
}

#[test]
fn messages_live_as_long_as_the_map_and_go_to_threads() {
    let folder = Folder::new("mapped-threads");
    let path = folder.join("stream.fls");
    let stream = Stream::new(options(ChecksumType::Crc32c).sync_interval(64), Noise::new(3).messages(200, 300));
    fs::write(&path, &stream.bytes).unwrap();
    let mapped = is_shared(MappedReader::open(&path).unwrap());
    let mut messages = Vec::new();
    for message in &mapped {
        messages.push(message.unwrap());
    }
    let bodies: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = mapped
            .split(5)
            .into_iter()
            .map(|part| scope.spawn(move || part.map(|message| message.unwrap().body()).collect::<Vec<_>>()))
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(
        bodies.iter().zip(&messages).all(|(body, message)| std::ptr::eq(*body, message.body())),
        "nothing is copied"
    );
    assert!(bodies.into_iter().eq(stream.messages.iter().map(|message| &message[..])));
}
