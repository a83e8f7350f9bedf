//! Options and messages, written and read: equal. Also in pieces, in the epochs of a file that is opened again, and
//! where its end was torn in between.

use std::iter;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use flatstream_io::{
    ChecksumType, Clock, Dropped, Durable, ErrorKind, ReadOptions, Reader, SliceReader, SyncPolicy, WriteOptions,
    Writer,
};
use flatstream_testkit::disk::Disk;
use flatstream_testkit::noise::Choices;

use crate::common::{ALL_CHECKSUMS, STREAM_ID};
use crate::script::Script;
use crate::storage::DiskStorage;

const NAME: &str = "a.fls";

pub fn check(data: &[u8]) {
    let mut script = Script::new(data);
    let options = Options::choose(&mut script);
    match script.below(2) {
        0 => check_in_memory(&options, &mut script),
        _ => check_epochs(&options, &mut script),
    }
}

/// Those that decide what bytes are written.
struct Options {
    checksum: ChecksumType,
    sync_interval: u32,
    max_message_len: u32,
    block_size: usize,
    names: usize,
}

impl Options {
    fn choose(script: &mut Script<'_>) -> Self {
        Self {
            checksum: ALL_CHECKSUMS[script.below(ALL_CHECKSUMS.len())],
            sync_interval: [0, 1, 64, 500, 4096, u32::MAX][script.below(6)],
            max_message_len: [0, 1, 100, 1 << 16][script.below(4)],
            block_size: [0, 64, 1000, 1 << 16][script.below(4)],
            names: script.below(4),
        }
    }

    /// The clock ticks once a call, so that the same calls give the same bytes.
    fn to_write(&self) -> WriteOptions {
        let ticks = Arc::new(AtomicI64::new(-5));
        let mut options = WriteOptions::new()
            .checksum(self.checksum)
            .sync_interval(self.sync_interval)
            .max_message_len(self.max_message_len)
            .stream_id(STREAM_ID)
            .block_size(self.block_size)
            .clock(Clock::Monotonic, move || ticks.fetch_add(1, Ordering::Relaxed));
        if self.names > 0 {
            options = options.writer("fuzz").message_type("A.B").message_identifier("ABCD");
        }
        for name in 1..self.names {
            options = options.metadata("key", "v".repeat(name * 7));
        }
        options
    }
}

/// Some bytes that depend on what was written before.
fn body(script: &mut Script<'_>, nth: usize) -> Vec<u8> {
    let len = match script.below(4) {
        0 => script.below(4),
        1 => script.below(60),
        2 => script.below(300),
        _ => script.below(6000),
    };
    let begin = (nth as u64).to_le_bytes();
    begin.into_iter().chain(iter::repeat(len as u8)).take(len).collect()
}

/// Appends it to both, to one in pieces; whether it was taken.
fn append(script: &mut Script<'_>, body: &[u8], whole: &mut Writer<Vec<u8>>, pieces: &mut Writer<Vec<u8>>) -> bool {
    let (first, rest) = body.split_at(script.below(body.len() + 1));
    let (second, third) = rest.split_at(script.below(rest.len() + 1));
    let taken = whole.append(body);
    let in_pieces = pieces.append_parts(&[first, second, &[], third]);
    match (taken, in_pieces) {
        (Ok(sequence), Ok(the_same)) => {
            assert_eq!(sequence, the_same);
            true
        }
        (Err(error), Err(the_same)) => {
            assert_eq!(error.kind(), the_same.kind());
            assert!(matches!(error.kind(), ErrorKind::Usage | ErrorKind::Limit), "{error}");
            false
        }
        (taken, in_pieces) => panic!("{taken:?}, and in pieces {in_pieces:?}"),
    }
}

fn check_in_memory(options: &Options, script: &mut Script<'_>) {
    let mut whole = Writer::new(Vec::new(), options.to_write()).unwrap();
    let mut pieces = Writer::new(Vec::new(), options.to_write().block_size(100)).unwrap();
    let (mut expected, mut dropped) = (Vec::new(), 0);
    while !script.is_over() {
        match script.below(16) {
            0 => {
                let lost = Dropped { messages: 1 + script.below(9) as u64, bytes: 9 };
                dropped += lost.messages;
                whole.note_dropped(lost).unwrap();
                pieces.note_dropped(lost).unwrap();
            }
            1 => whole.flush().unwrap(),
            _ => {
                let body = body(script, expected.len());
                if append(script, &body, &mut whole, &mut pieces) {
                    expected.push(body);
                }
            }
        }
    }
    assert_eq!((whole.sequence(), whole.position()), (expected.len() as u64, pieces.position()));
    let bytes = whole.finish().unwrap();
    assert!(bytes == pieces.finish().unwrap(), "in pieces the bytes are the same");
    assert!(messages_of(&bytes) == expected);
    let mut reader = Reader::with_options(&bytes[..], ReadOptions::new().require_closed(true)).unwrap();
    let read: Vec<_> = reader.by_ref().map(|message| message.unwrap().to_vec()).collect();
    assert!(read == expected);
    assert_eq!(reader.dropped().messages, dropped);
    assert!(reader.end().unwrap().is_closed());
}

fn messages_of(bytes: &[u8]) -> Vec<Vec<u8>> {
    SliceReader::new(bytes).unwrap().map(|message| message.unwrap().to_vec()).collect()
}

/// Opened again and again; closed, or not, or with its end torn off in between.
fn check_epochs(options: &Options, script: &mut Script<'_>) {
    let mut disk = Disk::new();
    let mut expected = Vec::new();
    let mut durable = 0;
    for _ in 0..5 {
        if script.is_over() {
            break;
        }
        let storage = DiskStorage(disk.clone());
        let policy = [SyncPolicy::Manual, SyncPolicy::EveryBytes(1000)][script.below(2)];
        let write = options.to_write().sync_policy(policy);
        let mut writer = Writer::open_in(&storage, NAME, write).unwrap();
        let kept = writer.sequence() as usize;
        assert!((durable..=expected.len()).contains(&kept), "{kept} kept, {durable} were durable");
        expected.truncate(kept);
        append_some(&mut writer, script, &mut expected, &mut durable);
        if script.below(3) == 0 {
            writer.finish().unwrap();
            durable = expected.len();
            assert!(messages_of(&disk.read(NAME).unwrap()) == expected);
        } else {
            drop(writer);
            let bytes = disk.read(NAME).unwrap();
            assert!(messages_of(&bytes) == expected, "what a writer has is written when it is dropped");
            disk = with_torn_end(bytes, script, durable);
        }
    }
}

fn append_some<W: Durable>(
    writer: &mut Writer<W>,
    script: &mut Script<'_>,
    expected: &mut Vec<Vec<u8>>,
    durable: &mut usize,
) {
    for _ in 0..script.below(40) {
        if script.below(12) == 0 {
            writer.sync().unwrap();
            *durable = expected.len();
        }
        let body = body(script, expected.len());
        if let Ok(sequence) = writer.append(&body) {
            assert_eq!(sequence, expected.len() as u64);
            expected.push(body);
        }
    }
}

/// A disk whose file has lost bytes that weren't durable, or ends in what isn't a frame.
fn with_torn_end(mut bytes: Vec<u8>, script: &mut Script<'_>, durable: usize) -> Disk {
    let behind_durable = SliceReader::new(&bytes).unwrap().nth(durable).map(|message| message.unwrap().position());
    match script.below(3) {
        0 => {}
        1 => bytes.resize(bytes.len() + script.below(600), 0),
        _ => {
            let least = behind_durable.map_or(bytes.len(), |position| position as usize);
            bytes.truncate(least + script.below(bytes.len() - least + 1));
        }
    }
    let disk = Disk::new();
    disk.put(NAME, &bytes);
    disk
}
