//! Sync frames of a stream at other places of its own file: what a power cut leaves of recycled blocks is cut and kept,
//! lost and inserted bytes are refused, and so is all damage to what was durable. Specification: section 9, "Reopening
//! for append".

use std::fs;
use std::ops::Range;
use std::path::Path;

use flatstream_io::format::{FoundSync, Sync};
use flatstream_io::{EndState, ErrorKind, Reader, SyncPolicy, WriteOptions, Writer, recover};
use flatstream_testkit::folder::Folder;
use flatstream_testkit::vectors;

const SECTOR: usize = 512;

fn options() -> WriteOptions {
    WriteOptions::new().sync_interval(1024)
}

/// A stream of which nothing is known to be durable.
fn unsynced() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = Writer::new(&mut bytes, options()).unwrap();
    (0..100u8).for_each(|number| assert!(writer.append(&[number; 100]).is_ok()));
    drop(writer);
    bytes
}

/// A stream of which everything was durable, as its last sync frame says.
fn synced(path: &Path) -> Vec<u8> {
    let mut writer = Writer::create_new(path, options().sync_policy(SyncPolicy::EveryMessage)).unwrap();
    (0..100u8).for_each(|number| assert!(writer.append(&[number; 100]).is_ok()));
    writer.finish().unwrap();
    fs::read(path).unwrap()
}

/// Where frames of messages begin.
fn starts(bytes: &[u8]) -> Vec<u64> {
    Reader::new(bytes).unwrap().map(|message| message.unwrap().position()).collect()
}

/// The places of whole sync frames.
fn syncs(bytes: &[u8]) -> Vec<usize> {
    let kinds = bytes.windows(4).enumerate().filter(|(_, kind)| kind == b"sync");
    kinds.map(|(at, _)| at - 8).filter(|at| at + 64 <= bytes.len()).collect()
}

/// Opens damaged bytes: those behind the end are cut, and kept beside the file. Returns how many messages are left.
fn opens_and_keeps(path: &Path, bytes: &[u8], what: &str) -> u64 {
    fs::write(path, bytes).unwrap();
    let writer = Writer::open(path, options()).unwrap_or_else(|error| panic!("{what}: {error}"));
    let report = writer.open_report().unwrap().clone();
    assert_eq!(report.end.state, EndState::Scattered, "{what}");
    let kept_at = report.kept_at.unwrap();
    assert_eq!(fs::read(&kept_at).unwrap(), bytes[report.end.position as usize..], "{what}");
    fs::remove_file(kept_at).unwrap();
    drop(writer);
    assert!(recover::inspect(path).unwrap().is_whole(), "{what}");
    report.messages_kept
}

fn is_refused(path: &Path, bytes: &[u8], kind: ErrorKind, what: &str) -> String {
    fs::write(path, bytes).unwrap();
    let refused = match Writer::open(path, options()) {
        Ok(writer) => panic!("{what}: {}", writer.open_report().unwrap()),
        Err(error) => error,
    };
    assert_eq!(refused.kind(), kind, "{what}: {refused}");
    assert_eq!(fs::read(path).unwrap(), bytes, "{what}: refusing changes nothing");
    refused.to_string()
}

fn without(bytes: &[u8], range: Range<usize>) -> Vec<u8> {
    [&bytes[..range.start], &bytes[range.end..]].concat()
}

fn with(bytes: &[u8], at: usize, len: usize) -> Vec<u8> {
    [&bytes[..at], &vec![0xA5; len][..], &bytes[at..]].concat()
}

#[test]
fn what_one_block_held_in_place_of_another_keeps_no_writer_down() {
    let folder = Folder::new("stale-blocks");
    let bytes = unsynced();
    let starts = starts(&bytes);
    let mut cases = 0;
    for sync in syncs(&bytes).into_iter().skip(1) {
        let from = sync / SECTOR * SECTOR;
        // One that reaches into the next sector comes back only if both do.
        let held = from..(sync + 64).next_multiple_of(SECTOR).min(bytes.len());
        for to in [SECTOR, 3 * SECTOR, from - SECTOR].into_iter().filter(|&to| to > 0 && to < from) {
            let mut stale = bytes.clone();
            stale.copy_within(held.clone(), to);
            let what = format!("what was at {held:?} is at {to}");
            let kept = opens_and_keeps(&folder.join("a.fls"), &stale, &what);
            assert_eq!(kept, starts.iter().filter(|&&start| start as usize + 112 <= to).count() as u64, "{what}");
            cases += 1;
        }
    }
    assert!(cases > 20, "{cases} cases");
}

#[test]
fn bytes_lost_or_inserted_are_refused_unless_they_are_whole_sectors() {
    let folder = Folder::new("lost-or-inserted");
    let path = folder.join("a.fls");
    let bytes = unsynced();
    let at = starts(&bytes)[20] as usize + 50;
    for len in 1..=2 * SECTOR + 1 {
        for (damaged, what) in [(without(&bytes, at..at + len), "lost"), (with(&bytes, at, len), "inserted")] {
            let what = format!("{len} bytes {what}");
            if len % SECTOR == 0 {
                assert_eq!(opens_and_keeps(&path, &damaged, &what), 20, "{what}");
            } else {
                let error = is_refused(&path, &damaged, ErrorKind::Refused, &what);
                assert!(error.contains("so bytes were lost or inserted"), "{what}: {error}");
            }
        }
    }
}

#[test]
fn durable_bytes_that_were_lost_or_moved_by_whole_sectors_are_refused() {
    let folder = Folder::new("durable-sectors");
    let bytes = synced(&folder.join("whole.fls"));
    let path = folder.join("a.fls");
    let last = *syncs(&bytes).last().unwrap();
    let first = starts(&bytes)[0] as usize;
    for at in (first..last - 4 * SECTOR).step_by(88) {
        for len in [SECTOR, 4 * SECTOR] {
            for damaged in [without(&bytes, at..at + len), with(&bytes, at, len)] {
                let error = is_refused(&path, &damaged, ErrorKind::Damaged, &format!("{len} bytes at {at}"));
                assert!(error.contains("a sync frame of this stream follows"), "{error}");
            }
        }
    }
}

#[test]
fn a_strict_reader_calls_it_scattered_and_a_writer_goes_on() {
    let mut vectors = vectors::load("invalid").into_iter();
    let vector = vectors.find(|vector| vector.name.ends_with("stale_sync_in_the_block_before")).unwrap();
    let (_, position) = vector.error().unwrap();
    let folder = Folder::new("stale-vector");
    let path = folder.join("a.fls");
    fs::write(&path, &vector.bytes).unwrap();
    let writer = Writer::open(&path, WriteOptions::new()).unwrap();
    let report = writer.open_report().unwrap();
    assert_eq!((report.end.state, report.end.position), (EndState::Scattered, position));
    assert_eq!(fs::read(report.kept_at.as_ref().unwrap()).unwrap(), vector.bytes[position as usize..]);
}

/// Frames of the lost epoch may come back: were it begun once more, they would be taken for good ones.
#[test]
fn the_new_epoch_is_above_that_of_every_sync_frame_in_the_tail_also_of_one_below_the_last_good_one() {
    let folder = Folder::new("stale-epoch");
    let path = folder.join("a.fls");
    let mut bytes = unsynced();
    let first = FoundSync::at_start_of(&bytes[syncs(&bytes)[0]..], 0).unwrap().sync;
    bytes.extend([0xA5; 16]);
    bytes.extend(Sync { epoch: 5, position: first.position, ..first }.to_frame());
    fs::write(&path, bytes).unwrap();
    let writer = Writer::open(&path, options()).unwrap();
    let report = writer.open_report().unwrap();
    assert_eq!((report.end.state, report.epoch), (EndState::Torn, Some(6)));
}
