//! Many threads on one log.

mod common;

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use common::{check, read};
use flatstream_io::{Error, ErrorKind, Receipt, SharedOptions, SharedWriter, SyncPolicy, WriteOptions};
use flatstream_log::{LogOptions, LogWriter};
use flatstream_testkit::folder::Folder;

#[test]
fn receipts_are_good_over_borders() {
    const THREADS: u8 = 8;
    const EACH: usize = 200;
    let folder = Folder::new("log-shared");
    let options = LogOptions::new().segment_bytes(4000);
    let log = LogWriter::open(folder.path(), options).unwrap();
    let header = log.header().clone();
    let writer = SharedWriter::new(log, SharedOptions::new()).unwrap();
    assert_eq!(writer.header(), &header);
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| {
            let writer = writer.clone();
            thread::spawn(move || {
                let append = |number| writer.append(&[thread, number as u8, 0, 0, 0, 0, 0, 0]);
                let receipts: Vec<Receipt> = (0..EACH).map(|number| append(number).unwrap()).collect();
                receipts[EACH / 2].wait().unwrap();
                receipts.into_iter().map(|receipt| receipt.sequence().unwrap()).collect::<Vec<_>>()
            })
        })
        .collect();
    let mut messages = vec![Vec::new(); usize::from(THREADS) * EACH];
    for (thread, handle) in (0..).zip(threads) {
        for (number, sequence) in handle.join().unwrap().into_iter().enumerate() {
            messages[sequence as usize] = vec![thread, number as u8, 0, 0, 0, 0, 0, 0];
        }
    }
    assert_eq!(writer.sync().unwrap(), messages.len() as u64);
    writer.finish().unwrap();
    let segments = read(folder.path());
    assert!(segments.len() > 3, "it rotates");
    check(&segments, &messages);
}

#[test]
fn sequences_go_on_where_the_log_was_and_a_dropped_writer_keeps_its_policy() {
    let folder = Folder::new("log-shared-again");
    let options = || {
        let write = WriteOptions::new().sync_policy(SyncPolicy::EveryBytes(1 << 30));
        LogOptions::new().write_options(write).segment_bytes(0)
    };
    for session in 0..3 {
        let log = LogWriter::open(folder.path(), options()).unwrap();
        let writer = SharedWriter::new(log, SharedOptions::new()).unwrap();
        assert_eq!(writer.durable_sequence(), session * 2);
        let receipt = writer.append(b"one").unwrap();
        assert_eq!(receipt.sequence(), Some(session * 2));
        writer.append(b"two").unwrap();
        drop(writer);
        assert!(receipt.is_durable());
    }
    assert_eq!(read(folder.path()).len(), 6);
}

#[test]
fn time_ends_a_segment_while_nothing_is_appended() {
    let folder = Folder::new("log-shared-time");
    let options = LogOptions::new().segment_time(Duration::from_millis(1));
    let writer = SharedWriter::new(LogWriter::open(folder.path(), options).unwrap(), SharedOptions::new()).unwrap();
    writer.append(b"one").unwrap();
    let start = Instant::now();
    while read(folder.path()).len() < 2 {
        assert!(start.elapsed() < Duration::from_secs(60), "no segment begins");
        thread::yield_now();
    }
    writer.append(b"two").unwrap();
    writer.finish().unwrap();
    check(&read(folder.path()), &[b"one".to_vec(), b"two".to_vec()]);
}

#[test]
fn a_hook_that_says_no_stops_nobody() {
    let folder = Folder::new("log-shared-hook");
    let (of_hook, errors) = mpsc::channel::<Error>();
    let options = LogOptions::new()
        .segment_bytes(0)
        .keep_segments(1)
        .before_removal(|_| Err(std::io::Error::other("not yet")))
        .on_error(move |error| of_hook.send(error.clone()).unwrap());
    let writer = SharedWriter::new(LogWriter::open(folder.path(), options).unwrap(), SharedOptions::new()).unwrap();
    let messages = vec![b"message".to_vec(); 5];
    messages.iter().for_each(|message| drop(writer.append(message).unwrap()));
    writer.finish().unwrap();
    check(&read(folder.path()), &messages);
    let errors: Vec<Error> = errors.iter().collect();
    assert_eq!(errors.len(), 4);
    assert!(errors.iter().all(|error| error.kind() == ErrorKind::Io && error.to_string().contains("not yet")));
}
