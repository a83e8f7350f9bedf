//! Which segments go.

mod common;

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use common::{check, names, read, segment};
use flatstream_io::ErrorKind;
use flatstream_log::{LogOptions, LogWriter, Segment};
use flatstream_testkit::folder::Folder;

/// A log with so many segments of one message each, and a last one that is empty.
fn make(folder: &Path, count: u64) {
    let mut log = LogWriter::open(folder, LogOptions::new()).unwrap();
    for number in 0..count {
        log.append(&[number as u8; 100]).unwrap();
        log.rotate().unwrap();
    }
    log.finish().unwrap();
}

fn starts(folder: &Path) -> Vec<u64> {
    read(folder).iter().map(|segment| segment.first_sequence).collect()
}

#[track_caller]
fn check_opening(name: &str, options: LogOptions, expected: &[u64]) {
    let folder = Folder::new(name);
    make(folder.path(), 5);
    let log = LogWriter::open(folder.path(), options).unwrap();
    assert_eq!(log.first_sequence(), expected[0]);
    drop(log);
    assert_eq!(starts(folder.path()), expected);
}

#[test]
fn the_newest_are_kept_by_their_number_and_never_less_than_one() {
    check_opening("log-keep-3", LogOptions::new().keep_segments(3), &[3, 4, 5]);
    check_opening("log-keep-9", LogOptions::new().keep_segments(9), &[0, 1, 2, 3, 4, 5]);
    check_opening("log-keep-1", LogOptions::new().keep_segments(1), &[5]);
    check_opening("log-keep-0", LogOptions::new().keep_segments(0), &[5]);
}

#[test]
fn the_newest_are_kept_by_their_bytes() {
    let folder = Folder::new("log-keep-bytes-size");
    make(folder.path(), 5);
    let mut log = LogWriter::open(folder.path(), LogOptions::new()).unwrap();
    let segments = log.segments().unwrap();
    let newest: u64 = segments[3..].iter().map(|segment| segment.bytes).sum();
    assert_eq!(log.retain().unwrap(), 0);
    drop(log);

    check_opening("log-keep-bytes", LogOptions::new().keep_bytes(newest), &[3, 4, 5]);
    check_opening("log-keep-fewer-bytes", LogOptions::new().keep_bytes(newest - 1), &[4, 5]);
    check_opening("log-keep-no-bytes", LogOptions::new().keep_bytes(0), &[5]);
}

#[test]
fn segments_go_by_their_bytes_while_the_log_is_written() {
    let folder = Folder::new("log-keep-bytes-running");
    let options = LogOptions::new().segment_bytes(2000).keep_bytes(10_000);
    let mut log = LogWriter::open(folder.path(), options).unwrap();
    let messages: Vec<_> = (0..500).map(|number| vec![number as u8; 100]).collect();
    for message in &messages {
        log.append(message).unwrap();
        let bytes: u64 = log.segments().unwrap().iter().map(|segment| segment.bytes).sum();
        assert!(bytes <= 10_000 + 2000 + 200, "{bytes} bytes are kept");
    }
    let segments = log.segments().unwrap();
    assert!(segments.len() >= 4, "it keeps what it may: {segments:?}");
    log.finish().unwrap();
    check(&read(folder.path()), &messages);
}

#[test]
fn the_old_go_by_when_they_were_written_last() {
    let folder = Folder::new("log-keep-for");
    make(folder.path(), 5);
    let write_time = |number, age| {
        let file = File::options().write(true).open(segment(folder.path(), number)).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(age)).unwrap();
    };
    // The third is too old, but the second isn't: the oldest go first, or not at all.
    [(0, 7300), (1, 3000), (2, 9000), (5, 9000)].iter().for_each(|&(number, age)| write_time(number, age));
    let options = || LogOptions::new().keep_for(Duration::from_secs(3600));
    drop(LogWriter::open(folder.path(), options()).unwrap());
    assert_eq!(starts(folder.path()), [1, 2, 3, 4, 5]);

    write_time(1, 3700);
    drop(LogWriter::open(folder.path(), options()).unwrap());
    assert_eq!(starts(folder.path()), [3, 4, 5]);
}

/// What the hook was given, and which segment it says no to.
#[derive(Clone, Default)]
struct Hook(Arc<Mutex<(Vec<Segment>, Option<u64>)>>);

impl Hook {
    fn options(&self, options: LogOptions) -> LogOptions {
        let hook = self.clone();
        options.before_removal(move |segment| {
            let mut state = hook.0.lock().unwrap();
            assert!(segment.path.exists(), "it is removed before the hook has seen it");
            state.0.push(segment.clone());
            match state.1 == Some(segment.first_sequence) {
                true => Err(io::Error::other("the archive is full")),
                false => Ok(()),
            }
        })
    }

    fn refuse(&self, first_sequence: Option<u64>) {
        self.0.lock().unwrap().1 = first_sequence;
    }

    fn seen(&self) -> Vec<u64> {
        self.0.lock().unwrap().0.drain(..).map(|segment| segment.first_sequence).collect()
    }
}

#[test]
fn the_hook_sees_each_segment_before_it_goes_and_keeps_what_it_says_no_to() {
    let folder = Folder::new("log-hook");
    make(folder.path(), 6);
    let (hook, errors) = (Hook::default(), Arc::new(Mutex::new(Vec::new())));
    hook.refuse(Some(2));
    let of_hook = Arc::clone(&errors);
    let options = hook.options(LogOptions::new().keep_segments(2));
    let options = options.on_error(move |error| of_hook.lock().unwrap().push(error.to_string()));
    let mut log = LogWriter::open(folder.path(), options).unwrap();
    assert_eq!(hook.seen(), [0, 1, 2]);
    assert_eq!(starts(folder.path()), [2, 3, 4, 5, 6]);
    let path = segment(folder.path(), 2);
    let expected = format!("{} can't be removed yet, says the hook: the archive is full", path.display());
    assert_eq!(log.retention_error().unwrap().to_string(), expected);
    assert_eq!(*errors.lock().unwrap(), [&*expected]);

    // Appending goes on, and with each segment it is asked again.
    log.append(b"seven").unwrap();
    log.rotate().unwrap();
    assert_eq!(hook.seen(), [2]);
    let error = log.retain().unwrap_err();
    assert_eq!((error.kind(), error.to_string()), (ErrorKind::Io, expected));
    assert_eq!(hook.seen(), [2]);

    hook.refuse(None);
    assert_eq!(log.retain().unwrap(), 4);
    assert_eq!(hook.seen(), [2, 3, 4, 5]);
    assert!(log.retention_error().is_none());
    assert_eq!((log.first_sequence(), starts(folder.path())), (6, vec![6, 7]));
    assert_eq!(errors.lock().unwrap().len(), 2, "what a call returns isn't said twice");
}

#[test]
fn a_tail_that_was_kept_goes_with_its_segment_and_counts_with_it() {
    let folder = Folder::new("log-tails");
    let mut log = LogWriter::open(folder.path(), LogOptions::new()).unwrap();
    log.append(&[1; 1000]).unwrap();
    log.append(&[2; 1000]).unwrap();
    drop(log);
    let file = File::options().write(true).open(segment(folder.path(), 0)).unwrap();
    file.set_len(file.metadata().unwrap().len() - 300).unwrap();
    drop(file);

    let hook = Hook::default();
    let options = hook.options(LogOptions::new().keep_segments(1));
    let mut log = LogWriter::open(folder.path(), options).unwrap();
    let kept_at = log.open_report().unwrap().kept_at.clone().unwrap();
    let tail = fs::metadata(&kept_at).unwrap().len();
    let active = log.segments().unwrap().remove(0);
    assert_eq!(active.kept_tails, std::slice::from_ref(&kept_at));
    assert_eq!(active.bytes, fs::metadata(&active.path).unwrap().len() + tail);
    // Found by its name too.
    assert_eq!(flatstream_log::segments(folder.path()).unwrap(), [active]);

    log.append(b"two").unwrap();
    log.rotate().unwrap();
    let seen = hook.0.lock().unwrap().0.clone();
    assert_eq!(seen[0].kept_tails, std::slice::from_ref(&kept_at));
    assert!(!kept_at.exists() && !seen[0].path.exists());
    assert_eq!(names(folder.path()), [".lock", "00000000000000000002.fls"]);
}

/// As a power cut leaves it: the mark, and some of the segments that were being removed.
#[test]
fn a_removal_that_was_cut_short_is_completed_and_its_remains_are_no_part_of_the_log() {
    let folder = Folder::new("log-half-removed");
    make(folder.path(), 5);
    fs::remove_file(segment(folder.path(), 1)).unwrap();
    ["00000000000000000002", "00000000000000000003"]
        .iter()
        .for_each(|below| fs::write(folder.join(format!(".removing-below-{below}")), "").unwrap());
    let listed: Vec<_> = flatstream_log::segments(folder.path()).unwrap();
    assert_eq!(listed.iter().map(|segment| segment.first_sequence).collect::<Vec<_>>(), [3, 4, 5]);

    // Whatever is kept from now on.
    let log = LogWriter::open(folder.path(), LogOptions::new()).unwrap();
    assert_eq!(log.first_sequence(), 3);
    drop(log);
    assert_eq!(starts(folder.path()), [3, 4, 5]);
    assert!(names(folder.path()).iter().all(|name| !name.starts_with(".removing")));
}

#[test]
fn what_is_not_a_segment_is_neither_counted_nor_removed() {
    let folder = Folder::new("log-others");
    make(folder.path(), 3);
    let others = ["events.fls", "3.fls", "00000000000000000001.fls.gz", "copy of 00000000000000000001.fls"];
    others.iter().for_each(|name| fs::write(folder.join(name), "somebody's").unwrap());
    drop(LogWriter::open(folder.path(), LogOptions::new().keep_segments(1)).unwrap());
    assert_eq!(starts(folder.path()), [3]);
    others.iter().for_each(|name| assert_eq!(fs::read(folder.join(name)).unwrap(), b"somebody's"));
}

#[test]
fn a_segment_that_somebody_else_removed_does_not_stop_retention() {
    let folder = Folder::new("log-removed");
    make(folder.path(), 4);
    let hook = Hook::default();
    let options = hook.options(LogOptions::new().keep_segments(100).keep_bytes(u64::MAX));
    let log = LogWriter::open(folder.path(), options).unwrap();
    fs::remove_file(segment(folder.path(), 1)).unwrap();
    assert_eq!(log.segments().unwrap().len(), 4);
    drop(log);

    let mut log = LogWriter::open(folder.path(), LogOptions::new()).unwrap();
    fs::remove_file(segment(folder.path(), 0)).unwrap();
    log.append(b"more").unwrap();
    log.rotate().unwrap();
    drop(log);
    let options = hook.options(LogOptions::new().keep_bytes(0));
    let mut log = LogWriter::open(folder.path(), options).unwrap();
    assert!(log.retention_error().is_none());
    assert_eq!(hook.seen(), [2, 3, 4]);
    assert_eq!(log.retain().unwrap(), 0);
}
