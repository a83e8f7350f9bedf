//! Seeking against plain lists of what a stream holds: whole, cut, damaged, reopened; and how much it reads.

mod common;

use std::cell::Cell;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use common::{STREAM_ID, Stream};
use flatstream_io::format::{Algorithm, Checksum, Salt, Sync, SyncFlags};
use flatstream_io::{
    ChecksumType, Clock, ErrorKind, HeaderBuilder, Landing, Message, ReadOptions, Reader, Recovery, SliceReader,
    TIME_NONE, WriteOptions, Writer,
};
use flatstream_testkit::allocations::{CountingAllocator, peak_memory};
use flatstream_testkit::folder::Folder;
use proptest::prelude::*;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// What a session appends: the time at its beginning, and for each message its length and how much later it comes.
type Epoch = (i64, Vec<(usize, i64)>);

/// A stream that was reopened for each session but the first. A message begins with twice its sequence number.
fn write(epochs: &[Epoch], sync_interval: u32) -> Stream {
    static NTH: AtomicU64 = AtomicU64::new(0);
    let folder = Folder::new(&format!("seek-{}", NTH.fetch_add(1, Ordering::Relaxed)));
    let path = folder.join("stream.fls");
    let time = Arc::new(AtomicI64::new(0));
    let mut sequence = 0u64;
    for (start, messages) in epochs {
        time.store(*start, Ordering::Relaxed);
        let clock = Arc::clone(&time);
        let options = WriteOptions::new()
            .sync_interval(sync_interval)
            .clock(Clock::Monotonic, move || clock.load(Ordering::Relaxed));
        let mut writer = Writer::open(&path, options).unwrap();
        for (len, later) in messages {
            time.fetch_add(*later, Ordering::Relaxed);
            let mut message = vec![0; *len];
            message[..8].copy_from_slice(&(2 * sequence).to_be_bytes());
            assert_eq!(writer.append(&message).unwrap(), sequence);
            sequence += 1;
        }
        writer.finish().unwrap();
    }
    Stream::of_bytes(std::fs::read(&path).unwrap())
}

fn epochs() -> impl Strategy<Value = Vec<Epoch>> {
    let message = (8usize..400, 0i64..5);
    prop::collection::vec((-50i64..200, prop::collection::vec(message, 0..80)), 1..5)
}

fn key_of(message: &[u8]) -> u64 {
    u64::from_be_bytes(message[..8].try_into().unwrap())
}

fn strict(bytes: &[u8]) -> Reader<Cursor<&[u8]>> {
    Reader::new(Cursor::new(bytes)).unwrap()
}

fn recovering(bytes: &[u8]) -> Reader<Cursor<&[u8]>> {
    Reader::with_options(Cursor::new(bytes), ReadOptions::new().recovery(Recovery::new())).unwrap()
}

fn rest<R: Read>(reader: &mut Reader<R>) -> Vec<Vec<u8>> {
    reader.map(|message| message.unwrap().to_vec()).collect()
}

/// Where the last sync frame ends whose time, with all before it, is earlier; the stream's beginning if there is none.
fn place_before(stream: &Stream, time: i64) -> (u64, u64) {
    let before = stream.syncs.iter().take_while(|sync| sync.time < time).last();
    before.map_or((0, stream.header_len as u64), |sync| (sync.sequence, sync.position + 64))
}

fn place(landing: Landing) -> (u64, u64) {
    (landing.sequence, landing.position)
}

fn check_all_seeks(stream: &Stream) {
    let (bytes, count) = (&stream.bytes[..], stream.messages.len() as u64);
    let mut reader = strict(bytes);
    for sequence in (0..count + 2).rev().step_by(7).chain([0, count]) {
        let from = sequence.min(count) as usize;
        let landing = reader.seek_to_sequence(sequence).unwrap();
        assert_eq!(landing.sequence, from as u64);
        if let Some(&start) = stream.starts.get(from) {
            assert_eq!(landing.position, start);
        }
        assert_eq!(rest(&mut reader), stream.messages[from..]);

        for key in [(2 * sequence).saturating_sub(1), 2 * sequence] {
            assert_eq!(reader.partition_point(|message| key_of(message) < key).unwrap().sequence, from as u64);
            assert_eq!(rest(&mut reader), stream.messages[from..]);
            let mut slice = SliceReader::new(bytes).unwrap();
            assert_eq!(slice.partition_point(|message| key_of(message) < key).unwrap().sequence, from as u64);
        }
        let mut slice = SliceReader::new(bytes).unwrap();
        assert_eq!(slice.seek_to_sequence(sequence).unwrap().sequence, from as u64);
        assert_eq!(slice.map(|message| message.unwrap().to_vec()).collect::<Vec<_>>(), stream.messages[from..]);

        assert_eq!(reader.seek_to_last(sequence).unwrap().sequence, count.saturating_sub(sequence));
        let window = reader.sequences(sequence / 2..sequence).unwrap();
        let window: Vec<_> = window.map(|message| message.unwrap().to_vec()).collect();
        assert_eq!(window, stream.messages[from.min(sequence as usize / 2)..from]);
    }
    check_backwards(stream);
    #[cfg(feature = "mmap")]
    check_mapped(stream);
    for time in (-60..420).step_by(9).chain(stream.syncs.iter().map(|sync| sync.time)) {
        let expected = place_before(stream, time);
        assert_eq!(place(reader.seek_to_time(time).unwrap()), expected, "time {time}");
        assert_eq!(rest(&mut reader), stream.messages[expected.0 as usize..]);
        assert_eq!(SliceReader::new(bytes).unwrap().seek_to_time(time).sequence, expected.0, "time {time}");
    }
    assert_eq!(place(reader.seek_to_start().unwrap()), (0, stream.header_len as u64));
    assert_eq!(reader.seek_to_end().unwrap().sequence, count);
    assert_eq!(rest(&mut reader).len(), 0);
}

#[cfg(feature = "mmap")]
fn check_mapped(stream: &Stream) {
    static NTH: AtomicU64 = AtomicU64::new(0);
    let folder = Folder::new(&format!("seek-mapped-{}", NTH.fetch_add(1, Ordering::Relaxed)));
    let path = folder.join("stream.fls");
    std::fs::write(&path, &stream.bytes).unwrap();
    let mapped = flatstream_io::MappedReader::open(&path).unwrap();
    let count = stream.messages.len() as u64;
    for sequence in (0..count + 2).step_by(5).chain([count]) {
        let from = sequence.min(count);
        let mut messages = mapped.iter();
        assert_eq!(messages.seek_to_sequence(sequence).unwrap().sequence, from);
        assert!(messages.map(|message| message.unwrap().to_vec()).eq(stream.messages[from as usize..].iter().cloned()));
        let mut messages = mapped.iter();
        assert_eq!(messages.partition_point(|message| key_of(message) < 2 * sequence).unwrap().sequence, from);
        assert_eq!(messages.count() as u64, count - from);
    }
    for time in (-60..420).step_by(31) {
        assert_eq!(mapped.iter().seek_to_time(time).sequence, place_before(stream, time).0);
    }
}

fn check_backwards(stream: &Stream) {
    let mut reader = strict(&stream.bytes);
    let backwards: Vec<_> = reader.backwards().map(Result::unwrap).collect();
    let expected = stream.messages.iter().zip(&stream.starts).enumerate().rev();
    for (message, (sequence, (expected, &start))) in backwards.iter().zip(expected) {
        assert_eq!(&message[..], expected);
        assert_eq!((message.position(), message.sequence()), (start, Some(sequence as u64)));
    }
    assert_eq!(backwards.len(), stream.messages.len());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whole_streams_are_sought_in_as_lists_are(epochs in epochs(), interval in 65u32..3000) {
        check_all_seeks(&write(&epochs, interval));
    }

    /// The same place that reading the prefix from its beginning comes to, whatever it ends in.
    #[test]
    fn a_stream_that_is_cut_anywhere_is_sought_in_as_far_as_it_goes(
        epochs in epochs(), interval in 65u32..3000, cut in any::<prop::sample::Index>(), wanted in 0u64..200
    ) {
        let stream = write(&epochs, interval);
        let len = stream.header_len + cut.index(stream.bytes.len() - stream.header_len);
        let whole = stream.whole_before(len) as u64;
        let mut reader = strict(&stream.bytes[..len]);
        let from = wanted.min(whole);
        prop_assert_eq!(reader.seek_to_sequence(wanted).unwrap().sequence, from);
        prop_assert_eq!(rest(&mut reader), &stream.messages[from as usize..whole as usize]);
        prop_assert_eq!(reader.seek_to_end().unwrap().sequence, whole);
        prop_assert_eq!(reader.partition_point(|message| key_of(message) < 2 * wanted).unwrap().sequence, from);
        let backwards: Vec<_> = reader.backwards().map(|message| message.unwrap().to_vec()).collect();
        prop_assert!(backwards.iter().rev().eq(&stream.messages[..whole as usize]));
        // A tail of zeros, as of a file that was preallocated.
        let mut padded = stream.bytes[..len].to_vec();
        padded.resize(len + 300_000, 0);
        // Which may complete a message.
        let all = strict(&padded).filter(Result::is_ok).count() as u64;
        prop_assert!(all >= whole);
        prop_assert_eq!(strict(&padded).seek_to_sequence(wanted).unwrap().sequence, wanted.min(all));
    }

    /// A recovering reader gives the end of what it gives from the beginning, with all that may be wanted; a strict one
    /// gives right messages only, and comes to those behind the damage.
    #[test]
    fn damage_before_the_target_hides_nothing_behind_it(
        epochs in epochs(),
        interval in 65u32..3000,
        flips in prop::collection::vec(any::<(prop::sample::Index, u8)>(), 1..4),
        wanted in 0u64..200
    ) {
        let stream = write(&epochs, interval);
        let mut bytes = stream.bytes.clone();
        for (place, bit) in flips {
            let place = stream.header_len + place.index(bytes.len() - stream.header_len);
            bytes[place] ^= 1 << (bit % 8);
        }
        let all: Vec<Message> = recovering(&bytes).map(Result::unwrap).collect();
        let mut reader = recovering(&bytes);
        reader.seek_to_sequence(wanted).unwrap();
        let behind: Vec<Message> = reader.map(Result::unwrap).collect();
        let skipped = all.len() - behind.len();
        for (message, same) in all[skipped..].iter().zip(&behind) {
            prop_assert_eq!((message.position(), &message[..]), (same.position(), &same[..]));
        }
        prop_assert!(all[..skipped].iter().all(|message| key_of(message) < 2 * wanted), "a wanted one was skipped");
        if let Some(first) = behind.first().and_then(Message::sequence) {
            prop_assert!(first >= wanted);
        }
        let backwards: Vec<Message> = recovering(&bytes).backwards().map(Result::unwrap).collect();
        let keys = |messages: &[Message]| messages.iter().map(|message| key_of(message)).collect::<Vec<_>>();
        prop_assert!(backwards.iter().rev().map(|message| key_of(message)).eq(keys(&all)), "backwards differs");
        for message in strict(&bytes).backwards().map_while(Result::ok) {
            prop_assert_eq!(&message[..], &stream.messages[message.sequence().unwrap() as usize][..]);
        }

        let mut reader = strict(&bytes);
        if let Ok(landing) = reader.seek_to_sequence(wanted) {
            let good = (&mut reader).map_while(Result::ok);
            for (nth, message) in good.enumerate() {
                prop_assert_eq!(&message[..], &stream.messages[landing.sequence as usize + nth][..]);
            }
        }
    }

    #[test]
    fn a_window_of_times_misses_none_of_its_messages(
        start in 0i64..100,
        messages in prop::collection::vec((8usize..200, 0i64..5), 1..150),
        from in 0i64..400,
        len in 0i64..200
    ) {
        let stream = write(&[(start, messages.clone())], 256);
        let mut time = start;
        let times: Vec<i64> = messages.iter().map(|(_, later)| { time += later; time }).collect();
        let mut reader = strict(&stream.bytes);
        let window = reader.times(from..from + len).unwrap();
        let window: Vec<u64> = window.map(|message| message.unwrap().sequence().unwrap()).collect();
        prop_assert!(window.windows(2).all(|pair| pair[1] == pair[0] + 1));
        let wanted = (0..times.len() as u64).filter(|&nth| (from..from + len).contains(&times[nth as usize]));
        for nth in wanted {
            prop_assert!(window.contains(&nth), "message {nth} of {times:?} isn't in {window:?}");
        }
    }
}

#[test]
fn messages_far_longer_than_the_interval_are_found() {
    let messages: Vec<(usize, i64)> = (0..60).map(|nth| (if nth % 7 == 3 { 700_000 } else { 50 + nth }, 1)).collect();
    check_all_seeks(&write(&[(0, messages.clone()), (5, messages)], 1024));
}

#[test]
fn a_stream_without_an_interval_is_read_through() {
    let messages = vec![(100, 1); 3000];
    let stream = write(&[(0, messages.clone()), (0, messages)], 0);
    let mut reader = strict(&stream.bytes);
    for sequence in [0, 1, 2999, 3000, 3001, 5999, 6000, 7000] {
        assert_eq!(reader.seek_to_sequence(sequence).unwrap().sequence, sequence.min(6000));
    }
    assert_eq!(reader.seek_to_end().unwrap().sequence, 6000);
}

#[test]
fn a_long_way_between_sync_frames_is_gone_back_in_bounded_memory() {
    let stream = write(&[(0, vec![(1000, 1); 20_000])], 0);
    let mut reader = strict(&stream.bytes);
    let (held, peak) = peak_memory(|| {
        let mut expected = stream.messages.iter().rev();
        for message in reader.backwards() {
            assert_eq!(&message.unwrap()[..], expected.next().unwrap());
        }
        expected.len()
    });
    assert_eq!(held, 0);
    assert!(peak < 6 << 20, "{peak} bytes were held of {}", stream.bytes.len());
}

#[test]
fn going_back_stops_at_damage_and_says_where() {
    let mut stream = Stream::of_hundreds(ChecksumType::Crc32c);
    stream.bytes[stream.starts[100] as usize + 9] ^= 1;
    let mut reader = strict(&stream.bytes);
    let results: Vec<_> = reader.backwards().collect();
    let (last, good) = results.split_last().unwrap();
    let error = last.as_ref().unwrap_err();
    assert_eq!((error.kind(), error.position()), (ErrorKind::Damaged, Some(stream.starts[100])));
    let good: Vec<_> = good.iter().map(|message| message.as_ref().unwrap().to_vec()).collect();
    assert!(good.len() > 150 && good.iter().eq(stream.messages.iter().rev().take(good.len())));

    let mut reader = recovering(&stream.bytes);
    assert_eq!(reader.backwards().count(), 299);
    assert_eq!(reader.losses().messages, 1);
}

#[test]
fn a_stream_without_times_is_not_sought_by_time() {
    let options = WriteOptions::new().sync_interval(256).clock(Clock::Monotonic, || TIME_NONE);
    let stream = Stream::new(options, vec![vec![1; 100]; 50]);
    let mut reader = strict(&stream.bytes);
    assert_eq!(reader.seek_to_time(5).unwrap_err().kind(), ErrorKind::Usage);
    assert_eq!(reader.next_message().unwrap_err().kind(), ErrorKind::Usage, "it stands nowhere");
    assert_eq!(reader.seek_to_sequence(49).unwrap().sequence, 49);
    assert_eq!(SliceReader::new(&stream.bytes).unwrap().seek_to_time(5).sequence, 0);
}

#[test]
fn a_link_does_not_seek() {
    let stream = Stream::of_hundreds(ChecksumType::Crc32c);
    let options = ReadOptions::new().recovery(Recovery::link());
    let mut reader = Reader::with_options(Cursor::new(&stream.bytes), options).unwrap();
    assert_eq!(reader.seek_to_sequence(5).unwrap_err().kind(), ErrorKind::Usage);
    assert_eq!(rest(&mut reader), stream.messages, "and goes on where it was");
}

#[test]
fn damage_is_left_behind_by_seeking_over_it() {
    let mut stream = Stream::of_hundreds(ChecksumType::Crc32c);
    let place = stream.starts[100] as usize + 9;
    stream.bytes[place] ^= 1;
    let mut reader = strict(&stream.bytes);
    assert_eq!(reader.by_ref().filter(Result::is_ok).count(), 100);
    assert_eq!(reader.next_message().unwrap_err().kind(), ErrorKind::Damaged);
    reader.seek_to_sequence(250).unwrap();
    assert_eq!(rest(&mut reader), stream.messages[250..]);
    assert!(reader.end().unwrap().is_closed());
    reader.seek_to_sequence(50).unwrap();
    assert_eq!(reader.by_ref().filter(Result::is_ok).count(), 50);
}

#[test]
fn a_stream_that_begins_in_the_middle_of_a_source_is_sought_in_from_there() {
    let stream = Stream::of_hundreds(ChecksumType::Crc32c);
    let mut source = Cursor::new([&[7; 1001], &stream.bytes[..]].concat());
    source.set_position(1001);
    let mut reader = Reader::new(source).unwrap();
    for sequence in [250, 3, 299, 0] {
        assert_eq!(reader.seek_to_sequence(sequence).unwrap().position, stream.starts[sequence as usize]);
        assert_eq!(reader.next_message().unwrap(), Some(&stream.messages[sequence as usize][..]));
    }
}

#[test]
fn what_was_appended_since_is_found() {
    let folder = Folder::new("seek-growing");
    let path = folder.join("growing.fls");
    let mut writer = Writer::create_new(&path, WriteOptions::new().sync_interval(1024)).unwrap();
    let mut reader = Reader::new(std::fs::File::open(&path).unwrap()).unwrap();
    for round in 0..50u64 {
        for _ in 0..100 {
            writer.append(&writer.sequence().to_le_bytes()).unwrap();
        }
        writer.flush().unwrap();
        assert_eq!(reader.seek_to_end().unwrap().sequence, 100 * (round + 1));
        assert_eq!(reader.seek_to_last(150).unwrap().sequence, (100 * (round + 1)).saturating_sub(150));
        assert_eq!(reader.by_ref().count() as u64, 150.min(100 * (round + 1)));
    }
}

/// A source that fails at its n-th call.
struct Failing<'a>(Cursor<&'a [u8]>, Rc<Cell<u32>>);

impl Failing<'_> {
    fn call(&self) -> io::Result<()> {
        self.1.set(self.1.get().wrapping_sub(1));
        if self.1.get() == 0 { Err(io::Error::other("the disk is gone")) } else { Ok(()) }
    }
}

impl Read for Failing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.call()?;
        self.0.read(buffer)
    }
}

impl Seek for Failing<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.call()?;
        self.0.seek(to)
    }
}

#[test]
fn a_source_that_fails_once_is_told_and_can_be_sought_in_again() {
    let stream = write(&[(0, vec![(300, 1); 2000])], 4096);
    let left = Rc::new(Cell::new(u32::MAX));
    for nth in 1.. {
        left.set(u32::MAX);
        let mut reader = Reader::new(Failing(Cursor::new(&stream.bytes), Rc::clone(&left))).unwrap();
        left.set(nth);
        let result = reader.seek_to_sequence(1234);
        if result.is_ok() {
            assert!(nth > 5, "it read less than it must");
            return;
        }
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Io);
        assert_eq!(reader.next_message().unwrap_err().kind(), ErrorKind::Io);
        assert_eq!(reader.seek_to_sequence(1234).unwrap().sequence, 1234);
        assert_eq!(rest(&mut reader), stream.messages[1234..]);
    }
}

/// A stream of 64-byte messages as long as one likes, made where it is read. Its n-th message holds n; a sync frame
/// before every 910th has that number as its time.
struct Endless {
    header: Vec<u8>,
    blocks: u64,
    at: u64,
    reads: Rc<Cell<usize>>,
    longest: Rc<Cell<usize>>,
}

const PER_BLOCK: u64 = 910;
const BLOCK: u64 = 64 + PER_BLOCK * 72;

impl Endless {
    fn new(blocks: u64) -> Self {
        let header = HeaderBuilder::new(ChecksumType::Crc32c).sync_interval(64 << 10).max_message_len(16 << 20);
        let header = header.build().unwrap().as_bytes().to_vec();
        Self { header, blocks, at: 0, reads: Rc::default(), longest: Rc::default() }
    }

    fn len(&self) -> u64 {
        self.header.len() as u64 + self.blocks * BLOCK
    }

    fn block(&self, nth: u64) -> Vec<u8> {
        let mut position = self.header.len() as u64 + nth * BLOCK;
        let header_check = u32::from_le_bytes(*self.header.last_chunk().unwrap());
        let sync = Sync {
            header_check,
            version: 1,
            checksum_id: ChecksumType::Crc32c.id(),
            alignment_log2: 3,
            flags: SyncFlags::NONE,
            epoch: 0,
            stream_id: STREAM_ID,
            position,
            sequence: nth * PER_BLOCK,
            time: (nth * PER_BLOCK) as i64,
            durable: 0,
        };
        let (mut block, salt) = (sync.to_frame().to_vec(), Salt::new(STREAM_ID, 0));
        for sequence in nth * PER_BLOCK..(nth + 1) * PER_BLOCK {
            position = self.header.len() as u64 + nth * BLOCK + block.len() as u64;
            let mut body = [0; 64];
            body[..8].copy_from_slice(&sequence.to_be_bytes());
            let check = Algorithm::CRC32C.digest(&body) ^ salt.mask(position, 64);
            block.extend(check.to_le_bytes());
            block.extend(64u32.to_le_bytes());
            block.extend(body);
        }
        block
    }
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reads.set(self.reads.get() + 1);
        self.longest.set(self.longest.get().max(buffer.len()));
        let mut filled = 0;
        while filled < buffer.len() && self.at < self.len() {
            let part = match self.at.checked_sub(self.header.len() as u64) {
                None => self.header[self.at as usize..].to_vec(),
                Some(offset) => self.block(offset / BLOCK)[(offset % BLOCK) as usize..].to_vec(),
            };
            let count = part.len().min(buffer.len() - filled);
            buffer[filled..][..count].copy_from_slice(&part[..count]);
            filled += count;
            self.at += count as u64;
        }
        Ok(filled)
    }
}

impl Seek for Endless {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.at = match to {
            SeekFrom::Start(at) => at,
            SeekFrom::End(by) => self.len().saturating_add_signed(by),
            SeekFrom::Current(by) => self.at.saturating_add_signed(by),
        };
        Ok(self.at)
    }
}

/// performance.md: at most 40 reads of at most 128 KiB in 10 GB. Returns the most that one of the seeks took.
fn reads_in(blocks: u64) -> usize {
    let source = Endless::new(blocks);
    let (reads, longest) = (Rc::clone(&source.reads), Rc::clone(&source.longest));
    let mut reader = Reader::new(source).unwrap();
    let count = blocks * PER_BLOCK;
    let mut most = 0;
    for nth in 0..40 {
        let wanted = (count - 1) * nth / 39;
        for kind in 0..3 {
            reads.set(0);
            longest.set(0);
            let landing = match kind {
                0 => reader.seek_to_sequence(wanted).unwrap(),
                1 => reader.partition_point(|message| key_of(message) < wanted).unwrap(),
                _ => reader.seek_to_time(wanted as i64 + 1).unwrap(),
            };
            let expected = if kind == 2 { wanted / PER_BLOCK * PER_BLOCK } else { wanted };
            assert_eq!(landing.sequence, expected);
            assert_eq!(key_of(reader.next_message().unwrap().unwrap()), expected);
            assert!(longest.get() <= 128 << 10, "a read of {} bytes", longest.get());
            most = most.max(reads.get());
        }
    }
    most
}

#[test]
fn ten_gigabytes_take_no_more_reads_than_promised() {
    let most = reads_in(10_000_000_000 / BLOCK);
    println!("10 GB: at most {most} reads of at most 128 KiB");
    assert!(most <= 40, "{most} reads");
}

#[test]
fn a_small_file_is_read_once_or_twice() {
    let most = reads_in(1);
    assert!(most <= 2, "{most} reads");
}
