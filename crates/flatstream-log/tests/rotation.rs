//! Where one segment ends and the next begins.

mod common;

use std::time::Duration;

use common::{check, names, read, segment};
use flatstream_io::{Clock, SyncPolicy, WriteOptions, Writer};
use flatstream_log::{LogOptions, LogWriter, keys};
use flatstream_testkit::folder::Folder;
use proptest::prelude::*;

fn options() -> LogOptions {
    LogOptions::new().write_options(WriteOptions::new().clock(Clock::Unspecified, || 0))
}

/// Appends so many messages to a new log and reads it.
#[track_caller]
fn check_rotation(name: &str, options: LogOptions, lens: &[usize], expected: &[usize]) {
    let folder = Folder::new(name);
    let mut log = LogWriter::open(folder.path(), options).unwrap();
    let messages: Vec<_> = lens.iter().map(|&len| vec![len as u8; len]).collect();
    for (sequence, message) in (0..).zip(&messages) {
        assert_eq!(log.append(message).unwrap(), sequence);
    }
    assert_eq!(log.sequence(), messages.len() as u64);
    log.finish().unwrap();
    let segments = read(folder.path());
    check(&segments, &messages);
    let counts: Vec<_> = segments.iter().map(|segment| segment.messages.len()).collect();
    assert_eq!(counts, expected);
    assert!(segments.iter().all(|segment| segment.end.is_closed()));
}

#[test]
fn the_message_that_fills_a_segment_is_the_last_one_in_it() {
    check_rotation("log-bytes", options().segment_bytes(10_000), &[1000, 6000, 3000, 1, 50_000, 2], &[3, 2, 1]);
}

#[test]
fn a_segment_that_is_full_from_the_start_holds_one_message() {
    check_rotation("log-full", options().segment_bytes(0), &[1, 2, 3], &[1, 1, 1]);
}

#[test]
fn time_ends_a_segment_that_holds_a_message() {
    check_rotation("log-time", options().segment_time(Duration::ZERO), &[1, 2, 3], &[1, 1, 1]);
    check_rotation("log-long-time", options().segment_time(Duration::MAX), &[1, 2, 3], &[3]);
}

#[test]
fn a_segment_grows_old_while_nobody_has_the_log_open() {
    let folder = Folder::new("log-age");
    let of_2023 = WriteOptions::new()
        .metadata(keys::ID, "0123456789abcdef")
        .metadata(keys::FIRST_SEQUENCE, "00000000000000000000")
        .metadata(keys::CREATED, "01700000000000000000");
    let mut writer = Writer::create_new(segment(folder.path(), 0), of_2023).unwrap();
    writer.append(b"one").unwrap();
    writer.finish().unwrap();
    for (years, count) in [(1000, 1), (1, 2), (1, 2)] {
        let time = Duration::from_secs(years * 365 * 24 * 3600);
        let log = LogWriter::open(folder.path(), LogOptions::new().segment_time(time)).unwrap();
        assert_eq!(log.log_id(), 0x0123_4567_89AB_CDEF);
        assert_eq!(log.segments().unwrap().len(), count, "after {years} years");
        log.finish().unwrap();
    }
    check(&read(folder.path()), &[b"one".to_vec()]);
}

#[test]
fn a_call_begins_a_segment_unless_this_one_is_empty() {
    let folder = Folder::new("log-call");
    let mut log = LogWriter::open(folder.path(), options()).unwrap();
    log.rotate().unwrap();
    log.append(b"one").unwrap();
    log.rotate().unwrap();
    log.rotate().unwrap();
    log.append(b"two").unwrap();
    log.append(b"three").unwrap();
    log.rotate().unwrap();
    drop(log);
    let found = names(folder.path());
    let expected = [".lock", "00000000000000000000.fls", "00000000000000000001.fls", "00000000000000000003.fls"];
    assert_eq!(found, expected);
    check(&read(folder.path()), &[b"one".to_vec(), b"two".to_vec(), b"three".to_vec()]);
}

#[test]
fn each_segment_says_where_in_which_log_it_is() {
    let folder = Folder::new("log-metadata");
    let write = WriteOptions::new().metadata("vehicle", "17").message_type("Telemetry.TelemetryEvent");
    let mut log = LogWriter::open(folder.path(), LogOptions::new().write_options(write).segment_bytes(0)).unwrap();
    let log_id = log.log_id();
    for _ in 0..3 {
        log.append(b"message").unwrap();
    }
    log.finish().unwrap();
    let segments = read(folder.path());
    for (nth, segment) in segments.iter().enumerate() {
        let get = |key| segment.header.metadata_value(key);
        assert_eq!(get("flatstream.log.id"), Some(&*format!("{log_id:016x}")));
        assert_eq!(get("flatstream.log.first_sequence"), Some(&*format!("{nth:020}")));
        let previous = nth.checked_sub(1).map(|nth| format!("{:016x}", segments[nth].stream_id));
        assert_eq!(get("flatstream.log.previous"), previous.as_deref());
        let created: u64 = get("flatstream.log.created").unwrap().parse().unwrap();
        assert!(created > 1_700_000_000_000_000_000, "it is of today");
        assert_eq!(get("vehicle"), Some("17"));
        assert_eq!(segment.header.message_type(), Some("Telemetry.TelemetryEvent"));
    }
    assert_ne!(segments[0].stream_id, segments[1].stream_id);
}

#[test]
fn a_closed_log_is_gone_on_with_and_a_full_segment_is_not() {
    let folder = Folder::new("log-reopen");
    let mut log = LogWriter::open(folder.path(), options()).unwrap();
    let log_id = log.log_id();
    assert!(log.open_report().is_none());
    log.append(&[0; 500]).unwrap();
    log.finish().unwrap();

    let mut log = LogWriter::open(folder.path(), options()).unwrap();
    assert!(log.open_report().unwrap().was_closed());
    assert_eq!((log.sequence(), log.log_id()), (1, log_id));
    assert_eq!(log.append(&[1; 500]).unwrap(), 1);
    assert_eq!(log.sync().unwrap(), 2);
    drop(log);

    let mut log = LogWriter::open(folder.path(), options().segment_bytes(1000)).unwrap();
    assert_eq!(log.segments().unwrap().len(), 2, "the first one is full");
    assert_eq!(log.append(&[2; 500]).unwrap(), 2);
    log.finish().unwrap();
    check(&read(folder.path()), &[vec![0; 500], vec![1; 500], vec![2; 500]]);
}

#[test]
fn messages_before_a_border_are_durable_and_policies_go_on_behind_it() {
    let folder = Folder::new("log-policy");
    let write = WriteOptions::new().sync_policy(SyncPolicy::EveryMessage);
    let mut log = LogWriter::open(folder.path(), LogOptions::new().write_options(write)).unwrap();
    log.append(b"one").unwrap();
    log.rotate().unwrap();
    log.append(b"two").unwrap();
    // Handed over without a flush: by the policy.
    assert_eq!(read(folder.path())[1].messages, [b"two"]);
}

#[derive(Clone, Debug)]
enum Event {
    Append(usize),
    Flush,
    Sync,
    Rotate,
    Retain,
    DropAndReopen,
    FinishAndReopen,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => (1..400usize).prop_map(Event::Append),
        1 => Just(Event::Flush),
        1 => Just(Event::Sync),
        2 => Just(Event::Rotate),
        1 => Just(Event::Retain),
        1 => Just(Event::DropAndReopen),
        1 => Just(Event::FinishAndReopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_history_makes_a_log_that_differs_from_the_messages(
        segment_bytes in prop_oneof![Just(0u64), Just(700), Just(3000), Just(u64::MAX)],
        kept in prop_oneof![Just(None), (0..4usize).prop_map(Some)],
        events in prop::collection::vec(event(), 1..40),
    ) {
        let folder = Folder::new("log-histories");
        let _ = std::fs::remove_dir_all(folder.path());
        let options = || {
            let options = options().segment_bytes(segment_bytes);
            match kept {
                Some(kept) => options.keep_segments(kept),
                None => options,
            }
        };
        let mut messages = Vec::new();
        let mut log = LogWriter::open(folder.path(), options()).unwrap();
        for event in events {
            match event {
                Event::Append(len) => {
                    let message = vec![messages.len() as u8; len];
                    prop_assert_eq!(log.append(&message).unwrap(), messages.len() as u64);
                    messages.push(message);
                }
                Event::Flush => log.flush().unwrap(),
                Event::Sync => prop_assert_eq!(log.sync().unwrap(), messages.len() as u64),
                Event::Rotate => log.rotate().unwrap(),
                Event::Retain => prop_assert_eq!(log.retain().unwrap(), 0, "nothing is left to do"),
                Event::DropAndReopen => {
                    drop(log);
                    log = LogWriter::open(folder.path(), options()).unwrap();
                }
                Event::FinishAndReopen => {
                    log.finish().unwrap();
                    log = LogWriter::open(folder.path(), options()).unwrap();
                }
            }
            prop_assert_eq!(log.sequence(), messages.len() as u64);
            let count = log.segments().unwrap().len();
            prop_assert!(kept.is_none_or(|kept| count <= kept.max(1)), "{} segments are there", count);
        }
        let first_sequence = log.first_sequence();
        log.finish().unwrap();
        let segments = read(folder.path());
        prop_assert_eq!(segments[0].first_sequence, first_sequence);
        prop_assert!(kept.is_some() || first_sequence == 0);
        check(&segments, &messages);
    }
}
