//! A file in parts, and verifying on several threads: the same answers as one strict reader gives.

mod common;

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;

use common::{Assembler, Stream, header, options, rounds, varied};
use flatstream_io::format::{Sync, SyncFlags};
use flatstream_io::parallel::{FilePart, SplitFile, Verified, par_verify};
use flatstream_io::{
    Checksum, ChecksumType, End, Error, ErrorKind, ReadOptions, Reader, Result, SliceReader, WriteOptions, Writer,
};
use flatstream_testkit::adler32::adler32;
use flatstream_testkit::allocations::{CountingAllocator, largest_allocation};
use flatstream_testkit::damage;
use flatstream_testkit::folder::Folder;
use flatstream_testkit::noise::Noise;
use flatstream_testkit::vectors;
use proptest::prelude::*;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

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
    end: std::result::Result<End, ErrorKind>,
}

impl Answer {
    fn new() -> Self {
        Self { messages: Vec::new(), error: None, end: Err(ErrorKind::Usage) }
    }

    fn read(&mut self, messages: impl Iterator<Item = Result<flatstream_io::Message>>) {
        for message in messages {
            match message {
                Ok(message) => self.messages.push((message.position(), message.sequence(), message.to_vec())),
                Err(error) => assert!(self.error.replace(error.to_string()).is_none(), "a second error"),
            }
        }
    }

    fn of_reader(path: &Path, options: &ReadOptions) -> Result<Self> {
        let mut reader = Reader::with_options(File::open(path).unwrap(), options.clone())?;
        let mut answer = Self::new();
        answer.read(&mut reader);
        answer.end = reader.end().map_err(|error| error.kind());
        Ok(answer)
    }

    /// Of one part after the other, up to the first that has the end or an error.
    fn of_parts(path: &Path, options: &ReadOptions, parts: usize) -> Result<Self> {
        let mut answer = Self::new();
        let parts = SplitFile::open_with_options(path, options)?.split(parts)?;
        for mut part in parts {
            assert_eq!(part.first_sequence(), answer.messages.len() as u64);
            answer.read(&mut part);
            assert!(part.next().is_none(), "nothing follows the end");
            answer.end = part.end().map_err(|error| error.kind());
            if answer.end.is_ok() || answer.error.is_some() {
                break;
            }
        }
        Ok(answer)
    }

    /// What verifying has to say.
    fn verified(&self) -> std::result::Result<Verified, String> {
        match (&self.error, self.end) {
            (Some(error), _) => Err(error.clone()),
            (None, end) => Ok(Verified { messages: self.messages.len() as u64, end: end.unwrap() }),
        }
    }
}

fn text(result: Result<Verified>) -> std::result::Result<Verified, String> {
    result.map_err(|error| error.to_string())
}

/// The slice in one piece, and on so many threads.
fn check_slice(bytes: &[u8], threads: usize) {
    let options = ReadOptions::new().private_checksum(128, Adler32);
    let found = par_verify(bytes, &options, threads);
    let mut reader = match SliceReader::new(bytes) {
        Ok(reader) => reader,
        // A private checksum needs its hasher.
        Err(_) if found.is_ok() => return,
        Err(error) => return assert_eq!(found.unwrap_err().format_error(), Some(&error)),
    };
    match reader.by_ref().find_map(std::result::Result::err) {
        Some(error) => assert_eq!(found.unwrap_err().format_error(), Some(&error)),
        None => {
            let expected = Verified { messages: reader.decoder().sequence(), end: reader.end().unwrap() };
            assert_eq!(found.unwrap(), expected);
        }
    }
}

/// The file by one reader, in parts, and verified on threads.
fn check_file(path: &Path, parts: usize, threads: usize) {
    let options = ReadOptions::new().private_checksum(128, Adler32);
    let expected = match Answer::of_reader(path, &options) {
        Ok(answer) => answer,
        Err(error) => {
            let found = SplitFile::open_with_options(path, &options).unwrap_err();
            assert_eq!((found.to_string(), found.position()), (error.to_string(), error.position()));
            return;
        }
    };
    assert_eq!(Answer::of_parts(path, &options, parts).unwrap(), expected, "{parts} parts");
    let found = SplitFile::open_with_options(path, &options).unwrap().par_verify(threads);
    assert_eq!(text(found), expected.verified(), "{threads} threads");
}

fn check(folder: &Folder, bytes: &[u8], parts: usize, threads: usize) {
    let path = folder.join("stream.fls");
    fs::write(&path, bytes).unwrap();
    check_file(&path, parts, threads);
    check_slice(bytes, threads);
}

#[test]
fn every_vector_in_parts_and_on_threads() {
    let folder = Folder::new("parallel-vectors");
    for vector in ["valid", "invalid"].into_iter().flat_map(vectors::load) {
        for (parts, threads) in [(1, 1), (2, 2), (5, 3), (1000, 40)] {
            check(&folder, &vector.bytes, parts, threads);
        }
    }
}

#[test]
fn a_file_that_ends_anywhere_in_parts_and_on_threads() {
    let folder = Folder::new("parallel-truncations");
    let stream = varied(ChecksumType::Crc32c, &mut Noise::new(11));
    let mut noise = Noise::new(3);
    for truncated in damage::truncations(&stream.bytes).step_by(3) {
        check(&folder, truncated, 2 + noise.below(20), 2);
    }
}

/// Every bit for the slice; the file takes longer.
#[test]
fn every_flipped_bit_gives_the_error_of_one_reader() {
    let folder = Folder::new("parallel-flips");
    let stream = varied(ChecksumType::Xxh3, &mut Noise::new(12));
    let mut noise = Noise::new(4);
    let mut flips = 0;
    damage::for_each_bit_flip(&stream.bytes, |_, damaged| {
        flips += 1;
        match flips % 41 {
            0 => check(&folder, damaged, 2 + noise.below(20), 2),
            _ => check_slice(damaged, 2),
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: rounds(100) as u32,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_stream_with_any_damage_on_any_number_of_threads(
        seed: u64,
        threads in 1usize..12,
        parts in 0usize..50,
        hole in prop::option::of((0.0..1.0, 0usize..900, any::<u8>())),
        kept in 0.0..1.3,
    ) {
        let folder = Folder::new("parallel-any");
        let mut bytes = varied(ChecksumType::Crc32c, &mut Noise::new(seed)).bytes;
        if let Some((at, len, fill)) = hole {
            let at = (bytes.len() as f64 * at) as usize;
            let end = bytes.len().min(at + len);
            bytes[at..end].fill(fill);
        }
        bytes.truncate((bytes.len() as f64 * kept) as usize);
        check(&folder, &bytes, parts, threads);
    }
}

/// Larger than a block, so that parts read more than once.
#[test]
fn a_file_of_many_blocks_in_parts_and_on_threads() {
    let folder = Folder::new("parallel-blocks");
    let mut noise = Noise::new(5);
    let messages: Vec<_> = [2000, 300_000, 17, 60_000, 9, 1_000_000, 64]
        .into_iter()
        .flat_map(|len| {
            let body = noise.bytes(len);
            std::iter::repeat_n(body, 1 + 200_000 / len.max(100))
        })
        .collect();
    let stream = Stream::new(options(ChecksumType::Crc32c), messages);
    for parts in [1, 2, 3, 8, 100] {
        check(&folder, &stream.bytes, parts, parts);
    }
    let mut damaged = stream.bytes.clone();
    damaged[1_500_000] ^= 4;
    for parts in [2, 3, 8, 100] {
        check(&folder, &damaged, parts, parts);
    }
    let interval_0 = Stream::new(options(ChecksumType::Crc32c).sync_interval(0), stream.messages);
    check(&folder, &interval_0.bytes, 8, 3);
    fs::write(folder.join("interval_0.fls"), &interval_0.bytes).unwrap();
    assert_eq!(SplitFile::open(folder.join("interval_0.fls")).unwrap().split(8).unwrap().len(), 1);
}

/// A message that holds the image of a sync frame of this stream at the very place where it lies.
fn with_image() -> (Vec<u8>, u64) {
    let mut stream = Assembler::new(header(ChecksumType::Crc32c));
    let first = stream.sync(SyncFlags::NONE);
    stream.message(&[1; 800]);
    let image = stream.position() + 8 + 72;
    let sync = Sync { position: image, sequence: 17, ..first };
    let body = [&[7; 72][..], &sync.to_frame(), &[7; 400]].concat();
    stream.message(&body);
    stream.message(&[2; 500]);
    stream.sync(SyncFlags::CLOSED);
    (stream.bytes, image)
}

#[test]
fn a_message_with_the_image_of_a_sync_frame_splits_no_stream_unnoticed() {
    let folder = Folder::new("parallel-image");
    let (bytes, image) = with_image();
    let path = folder.join("image.fls");
    fs::write(&path, &bytes).unwrap();
    let mut met = 0;
    for count in 2..20 {
        let parts = SplitFile::open(&path).unwrap().split(count).unwrap();
        let is_met = parts.iter().any(|part| part.first_position() == image + 64);
        let first_error = parts.into_iter().find_map(|part| part.filter_map(Result::err).next());
        if is_met {
            met += 1;
            let error: Error = first_error.unwrap();
            assert_eq!((error.kind(), error.position()), (ErrorKind::Usage, Some(image)), "{error}");
            assert!(error.to_string().contains("image of a sync frame"), "{error}");
        } else {
            assert!(first_error.is_none());
        }
    }
    assert!(met > 2, "the image was met {met} times");
    for threads in 1..9 {
        for verified in [
            SplitFile::open(&path).unwrap().par_verify(threads).unwrap(),
            par_verify(&bytes, &ReadOptions::new(), threads).unwrap(),
        ] {
            assert_eq!((verified.messages, verified.end.is_closed()), (3, true), "{threads} threads");
        }
    }
}

#[test]
fn what_is_no_stream_is_refused_as_by_a_reader() {
    let folder = Folder::new("parallel-refused");
    for bytes in [&b""[..], b"short", b"not a stream, but longer than a header's identifier"] {
        check(&folder, bytes, 2, 2);
    }
    let missing = SplitFile::open(folder.join("missing.fls")).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::Io);
    assert!(missing.to_string().contains("missing.fls"), "{missing}");
    let [of_folder, of_reader] =
        [SplitFile::open(folder.path()).unwrap_err(), Reader::new(File::open(folder.path()).unwrap()).unwrap_err()];
    assert_eq!(of_folder.to_string(), of_reader.to_string());
}

#[test]
fn options_hold_for_parts_too() {
    let folder = Folder::new("parallel-options");
    let path = folder.join("stream.fls");
    let mut stream = Stream::new(options(ChecksumType::Crc32c).sync_interval(64), Noise::new(3).messages(60, 300));
    stream.bytes.truncate(stream.bytes.len() - 64);
    fs::write(&path, &stream.bytes).unwrap();
    let [limited, closed] = [ReadOptions::new().max_message_len(150), ReadOptions::new().require_closed(true)];
    for (options, kind) in [(&limited, ErrorKind::Limit), (&closed, ErrorKind::NotClosed)] {
        let expected = Answer::of_reader(&path, options).unwrap();
        for parts in [1, 3, 20] {
            assert_eq!(Answer::of_parts(&path, options, parts).unwrap(), expected);
            let errors = [
                SplitFile::open_with_options(&path, options).unwrap().par_verify(parts).unwrap_err(),
                par_verify(&stream.bytes, options, parts).unwrap_err(),
            ];
            for error in errors {
                assert_eq!(error.kind(), kind);
                assert_eq!(Some(error.to_string()), expected.error);
            }
        }
    }
    let recovering = ReadOptions::new().recovery(flatstream_io::Recovery::new());
    stream.bytes[2000] ^= 1;
    fs::write(&path, &stream.bytes).unwrap();
    let error = SplitFile::open_with_options(&path, &recovering).unwrap().par_verify(3).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged, "parts are strict");
}

#[test]
fn what_is_appended_after_opening_is_not_read() {
    let folder = Folder::new("parallel-growing");
    let path = folder.join("stream.fls");
    let mut writer = Writer::create_new(&path, WriteOptions::new().sync_interval(64)).unwrap();
    let append = |writer: &mut Writer<File>, count: usize| {
        (0..count).for_each(|_| assert!(writer.append(&[1; 40]).is_ok()));
        writer.flush().unwrap();
    };
    append(&mut writer, 100);
    let file = SplitFile::open(&path).unwrap();
    let parts = file.split(3).unwrap();
    append(&mut writer, 100);
    assert_eq!(parts.into_iter().map(Iterator::count).sum::<usize>(), 100);
    assert_eq!(file.par_verify(3).unwrap().messages, 100);
    assert_eq!(SplitFile::open(&path).unwrap().par_verify(3).unwrap().messages, 200);
}

/// Bytes that were there when it was opened, and aren't any more: an end or an error, and never a wait.
#[test]
fn a_file_that_becomes_shorter_ends() {
    let folder = Folder::new("parallel-shrinking");
    let path = folder.join("stream.fls");
    let stream = Stream::new(options(ChecksumType::Crc32c).sync_interval(64), Noise::new(3).messages(200, 300));
    fs::write(&path, &stream.bytes).unwrap();
    let file = SplitFile::open(&path).unwrap();
    let mut parts = file.split(4).unwrap();
    OpenOptions::new().write(true).open(&path).unwrap().set_len(stream.bytes.len() as u64 / 2).unwrap();
    let whole = stream.whole_before(stream.bytes.len() / 2);
    let found: usize = parts.iter_mut().map(|part| part.by_ref().filter(Result::is_ok).count()).sum();
    assert_eq!(found, whole);
    assert_eq!(file.par_verify(2).unwrap().messages, whole as u64);
}

fn is_send<T: Send>(value: T) -> T {
    value
}

#[test]
fn parts_of_a_file_go_to_threads_and_their_messages_outlive_them() {
    let folder = Folder::new("parallel-threads");
    let path = folder.join("stream.fls");
    let stream = Stream::new(options(ChecksumType::Crc32c).sync_interval(64), Noise::new(3).messages(200, 300));
    File::create(&path).unwrap().write_all(&stream.bytes).unwrap();
    let threads: Vec<_> = SplitFile::open(&path)
        .unwrap()
        .split(5)
        .unwrap()
        .into_iter()
        .map(is_send)
        .map(|part| std::thread::spawn(move || part.collect::<Result<Vec<_>>>().unwrap()))
        .collect();
    let messages: Vec<_> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
    assert!(messages.iter().map(|message| &message[..]).eq(stream.messages.iter().map(|message| &message[..])));
    assert!(messages.iter().all(|message| message.as_ptr() as usize % 8 == 0), "aligned");
}

#[test]
fn a_part_holds_a_block_and_the_largest_message() {
    let folder = Folder::new("parallel-memory");
    let path = folder.join("stream.fls");
    let messages = [vec![vec![1; 1000]; 4000], vec![vec![2; 700_000]]].concat();
    let stream = Stream::new(options(ChecksumType::Crc32c), messages);
    fs::write(&path, &stream.bytes).unwrap();
    let (parts, largest) = largest_allocation(|| SplitFile::open(&path).unwrap().split(4).unwrap());
    assert!(largest <= (256 << 10) + 64, "{largest} to split");
    let (_, largest) = largest_allocation(|| parts.into_iter().map(FilePart::count).sum::<usize>());
    assert!(largest <= 700_000 + (256 << 10), "{largest} to read");
}
