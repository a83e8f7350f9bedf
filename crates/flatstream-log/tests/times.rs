//! The times of sync frames over the borders of segments: from the application, and from a clock.
//!
//! What seeking by time relies on is the same as in one stream: a sync frame's time isn't less than that of any message
//! before it, in whatever segment that lies.

mod common;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use common::segment;
use flatstream_io::format::FoundSync;
use flatstream_io::{Clock, ErrorKind, Reader, TIME_NONE, WriteOptions};
use flatstream_log::{LogOptions, LogReader, LogWriter, segments};
use flatstream_testkit::folder::Folder;
use flatstream_testkit::noise::Noise;
use proptest::prelude::*;

/// Small enough that there are many segments, and several sync frames in each.
const SEGMENT_BYTES: u64 = 4000;

fn event_options() -> LogOptions {
    let write = WriteOptions::new().sync_interval(300).event_times(Clock::Unspecified);
    LogOptions::new().segment_bytes(SEGMENT_BYTES).write_options(write)
}

/// The number of the next message, and the time, of each sync frame of all segments.
fn syncs(folder: &Path) -> Vec<(u64, i64)> {
    let mut syncs = Vec::new();
    for first in segments(folder).unwrap().iter().map(|segment| segment.first_sequence) {
        let bytes = std::fs::read(segment(folder, first)).unwrap();
        let found = (0..bytes.len()).step_by(8).filter_map(|at| FoundSync::at_start_of(&bytes[at..], at as u64));
        syncs.extend(found.map(|found| (first + found.sync.sequence, found.sync.time)));
    }
    syncs
}

/// The greatest time before a message.
fn greatest_before(times: &[i64], sequence: u64) -> i64 {
    times[..sequence as usize].iter().copied().max().unwrap_or(TIME_NONE)
}

fn message(sequence: usize) -> Vec<u8> {
    Noise::new(sequence as u64).bytes(20 + sequence % 90)
}

fn append_all(log: &mut LogWriter, first: usize, times: &[i64]) {
    for (nth, time) in times.iter().enumerate() {
        let sequence = first + nth;
        assert_eq!(log.append_at(*time, &message(sequence)).unwrap(), sequence as u64);
    }
}

/// All that is asked is answered from the list of times.
#[track_caller]
fn check(folder: &Path, times: &[i64]) {
    assert!(segments(folder).unwrap().len() >= 3, "the test wants borders");
    check_all(folder, times);
}

#[track_caller]
fn check_all(folder: &Path, times: &[i64]) {
    let syncs = syncs(folder);
    for (sequence, time) in &syncs {
        assert_eq!(*time, greatest_before(times, *sequence), "the sync frame before message {sequence}");
    }
    let mut reader = LogReader::open(folder).unwrap();
    let (least, greatest) = (times.iter().min().unwrap(), times.iter().max().unwrap());
    for time in (least - 3..greatest + 4).step_by(3) {
        let is_before = |sync: &&(u64, i64)| greatest_before(times, sync.0) < time;
        let expected = syncs.iter().rfind(is_before).map_or(0, |sync| sync.0);
        assert_eq!(reader.seek_to_time(time).unwrap().sequence, expected, "time {time}");
        let next = reader.next_message().unwrap().map(<[u8]>::to_vec);
        let has_next = (expected as usize) < times.len();
        assert_eq!(next, has_next.then(|| message(expected as usize)), "time {time}");
        let until = time + 40;
        let window = reader.times(time..until).unwrap().map(|message| message.unwrap().sequence().unwrap());
        let window: Vec<u64> = window.collect();
        let is_end = |sync: &&(u64, i64)| sync.0 >= expected && sync.1 >= until;
        let end = syncs.iter().find(is_end).map_or(times.len() as u64, |sync| sync.0);
        assert_eq!(window, (expected..end).collect::<Vec<_>>(), "times {time}..{until}");
    }
}

#[test]
fn a_time_is_sought_in_another_segment_than_it_lies_in() {
    let folder = Folder::new("log-times-sought");
    let times: Vec<i64> = (0..400).map(|nth| 2 * nth).collect();
    let mut log = LogWriter::open(folder.path(), event_options()).unwrap();
    append_all(&mut log, 0, &times);
    log.finish().unwrap();
    check(folder.path(), &times);
}

/// Were a segment to begin with its own times, these would be less than those before it, and what lies before it would
/// be skipped.
#[test]
fn a_message_out_of_order_at_a_border_hides_what_lies_before_it() {
    let folder = Folder::new("log-times-disorder");
    let disorder = |nth: i64| (nth * 7919) % 300;
    let times: Vec<i64> = (0..400).map(|nth| 2 * nth - disorder(nth)).collect();
    let mut log = LogWriter::open(folder.path(), event_options()).unwrap();
    append_all(&mut log, 0, &times);
    log.finish().unwrap();
    check(folder.path(), &times);
}

#[test]
fn a_log_that_is_opened_again_forgets_its_greatest_time() {
    let folder = Folder::new("log-times-reopened");
    let mut times = Vec::new();
    for session in 0..8 {
        let mut log = LogWriter::open(folder.path(), event_options()).unwrap();
        // Each session begins with earlier times than the one before ended with, and every other one in a new segment.
        let later: Vec<i64> = (0..60).map(|nth| 100 * session - 80 + 3 * nth).collect();
        append_all(&mut log, times.len(), &later);
        times.extend(later);
        if session % 2 == 0 {
            log.rotate().unwrap();
        }
        log.finish().unwrap();
    }
    check(folder.path(), &times);
}

#[test]
fn a_writer_that_dies_behind_a_border_takes_the_greatest_time_with_it() {
    let folder = Folder::new("log-times-died");
    let mut log = LogWriter::open(folder.path(), event_options()).unwrap();
    log.append_at(1000, &message(0)).unwrap();
    log.rotate().unwrap();
    drop(log);
    let mut log = LogWriter::open(folder.path(), event_options()).unwrap();
    log.append_at(5, &message(1)).unwrap();
    log.rotate().unwrap();
    log.append_at(6, &message(2)).unwrap();
    log.finish().unwrap();
    check(folder.path(), &[1000, 5, 6]);
}

#[test]
fn a_time_is_taken_by_a_log_that_has_a_clock() {
    let folder = Folder::new("log-times-refused");
    let mut log = LogWriter::open(folder.path(), LogOptions::new()).unwrap();
    let error = log.append_at(1, b"message").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(error.to_string().contains("WriteOptions::event_times"), "{error}");
    assert_eq!(log.append(b"message").unwrap(), 0, "the log is unharmed");
}

#[test]
fn a_message_that_is_refused_changes_the_times() {
    let folder = Folder::new("log-times-none");
    let mut log = LogWriter::open(folder.path(), event_options()).unwrap();
    assert_eq!(log.append_at(TIME_NONE, b"message").unwrap_err().kind(), ErrorKind::Usage);
    assert_eq!(log.append_at(10, &message(0)).unwrap(), 0);
    assert_eq!(log.append_at(99, b"").unwrap_err().kind(), ErrorKind::Usage);
    log.rotate().unwrap();
    assert_eq!(log.append_at(4, &message(1)).unwrap(), 1);
    log.rotate().unwrap();
    assert_eq!(log.append(&message(2)).unwrap(), 2);
    log.finish().unwrap();
    let times: Vec<i64> = syncs(folder.path()).iter().map(|sync| sync.1).collect();
    assert_eq!(times, [TIME_NONE, 10, 10, 10, 10, 10], "two of each segment");
}

/// A clock that tells how often it was asked is later at every sync frame than at the one before; so the mark that
/// closes a segment, which is written last, would be later than the beginning of the next.
#[test]
fn the_mark_that_closes_a_segment_is_later_than_the_next_segment() {
    let folder = Folder::new("log-times-mark");
    let asked = AtomicI64::new(0);
    let clock = move || asked.fetch_add(1, Ordering::Relaxed);
    let write = WriteOptions::new().sync_interval(300).clock(Clock::Unspecified, clock);
    let options = LogOptions::new().segment_bytes(SEGMENT_BYTES).write_options(write);
    let mut log = LogWriter::open(folder.path(), options).unwrap();
    for nth in 0..300 {
        log.append(&message(nth)).unwrap();
    }
    log.finish().unwrap();
    let syncs = syncs(folder.path());
    assert!(syncs.is_sorted(), "{syncs:?}");
    assert!(segments(folder.path()).unwrap().len() >= 3);
}

#[test]
fn a_clock_that_is_set_back_lets_a_segment_begin_before_the_last_one() {
    let folder = Folder::new("log-times-back");
    let now = Arc::new(AtomicI64::new(1000));
    let options = || {
        let clock = Arc::clone(&now);
        let write = WriteOptions::new().clock(Clock::Unspecified, move || clock.load(Ordering::Relaxed));
        LogOptions::new().write_options(write)
    };
    let mut log = LogWriter::open(folder.path(), options()).unwrap();
    for time in [1000, 500, 1200] {
        now.store(time, Ordering::Relaxed);
        log.append(b"message").unwrap();
        log.rotate().unwrap();
    }
    log.finish().unwrap();
    let times: Vec<i64> = syncs(folder.path()).iter().map(|sync| sync.1).collect();
    assert_eq!(times, [1000, 1000, 1000, 1000, 1000, 1200, 1200, 1200]);
    // As in one stream, opening it again is what sets it right.
    now.store(700, Ordering::Relaxed);
    let mut log = LogWriter::open(folder.path(), options()).unwrap();
    log.append(b"message").unwrap();
    log.rotate().unwrap();
    log.finish().unwrap();
    let file = std::fs::File::open(segment(folder.path(), 4)).unwrap();
    let mut newest = Reader::new(file).unwrap();
    assert!(newest.next_message().unwrap().is_none());
    assert_eq!(newest.last_sync().unwrap().time, 700);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Sessions of messages in any order of times, with borders anywhere.
    #[test]
    fn some_history_hides_a_time(
        sessions in prop::collection::vec(prop::collection::vec((-200i64..200, any::<bool>()), 1..40), 1..8),
        segment_bytes in 200u64..6000,
    ) {
        static NTH: AtomicI64 = AtomicI64::new(0);
        let folder = Folder::new(&format!("log-times-history-{}", NTH.fetch_add(1, Ordering::Relaxed)));
        let mut times = Vec::new();
        for session in sessions {
            let mut log = LogWriter::open(folder.path(), event_options().segment_bytes(segment_bytes)).unwrap();
            for (time, rotates) in session {
                append_all(&mut log, times.len(), &[time]);
                times.push(time);
                if rotates && time % 5 == 0 {
                    log.rotate().unwrap();
                }
            }
            log.finish().unwrap();
        }
        check_all(folder.path(), &times);
    }
}
