//! Every order in which the threads may run, up to a number of preemptions:
//! `RUSTFLAGS="--cfg loom" cargo test --package flatstream-io --release --lib loom`.
//!
//! The whole of `SharedWriter` runs, with a real `Writer`; what is loom's are the locks, the atomics and the threads.
//! Time stands still there, so nothing here waits for a duration. A thread that is never woken ends a test with a
//! deadlock.

use std::io::{self, Write};

use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use super::{OnFull, SharedOptions, SharedWriter};
use crate::{Clock, Durable, ErrorKind, WriteOptions, Writer};

/// A disk that counts. Its numbers are relaxed: a thread sees them only if the writer has made sure that it does.
#[derive(Clone)]
struct Disk {
    written: Arc<AtomicUsize>,
    synced: Arc<AtomicUsize>,
    flushed: Arc<AtomicUsize>,
    fails: bool,
}

impl Disk {
    fn new() -> Self {
        let zero = || Arc::new(AtomicUsize::new(0));
        Self { written: zero(), synced: zero(), flushed: zero(), fails: false }
    }

    fn failing() -> Self {
        Self { fails: true, ..Self::new() }
    }

    fn is_synced(&self) -> bool {
        self.synced.load(Ordering::Relaxed) > 0
    }
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.written.fetch_add(bytes.len(), Ordering::Relaxed);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.flushed.store(self.written.load(Ordering::Relaxed), Ordering::Relaxed);
        Ok(())
    }
}

impl Durable for Disk {
    fn sync(&mut self) -> io::Result<()> {
        if self.fails {
            return Err(io::Error::other("planned"));
        }
        self.synced.store(self.written.load(Ordering::Relaxed), Ordering::Relaxed);
        Ok(())
    }
}

fn model(preemptions: usize, test: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(preemptions);
    model.check(test);
}

fn writer(disk: &Disk, options: SharedOptions) -> SharedWriter {
    let write = WriteOptions::new().stream_id(1).clock(Clock::Unspecified, || 0);
    SharedWriter::new(Writer::new_durable(disk.clone(), write).unwrap(), options).unwrap()
}

#[test]
fn loom_a_waiting_thread_is_never_woken() {
    model(3, || {
        let disk = Disk::new();
        let writer = writer(&disk, SharedOptions::new());
        let other = writer.clone();
        let waiting = thread::spawn(move || other.append(b"one").unwrap().wait().unwrap());
        writer.append(b"two").unwrap().wait().unwrap();
        waiting.join().unwrap();
        assert_eq!(writer.durable_sequence(), 2);
    });
}

#[test]
fn loom_a_receipt_says_durable_before_the_sync() {
    model(3, || {
        let disk = Disk::new();
        let writer = writer(&disk, SharedOptions::new());
        let receipt = writer.append(b"one").unwrap();
        let (looking, looked_at) = (receipt.clone(), disk.clone());
        let looking = thread::spawn(move || assert!(!looking.is_durable() || looked_at.is_synced()));
        receipt.wait().unwrap();
        assert!(disk.is_synced());
        looking.join().unwrap();
    });
}

#[test]
fn loom_sync_misses_what_was_appended_before() {
    model(3, || {
        let disk = Disk::new();
        let writer = writer(&disk, SharedOptions::new());
        let other = writer.clone();
        let syncing = thread::spawn(move || {
            let receipt = other.append(b"one").unwrap();
            assert!(other.sync().unwrap() > receipt.sequence().unwrap());
            assert!(receipt.is_durable());
        });
        writer.append(b"two").unwrap();
        writer.flush().unwrap();
        assert!(disk.flushed.load(Ordering::Relaxed) > 0);
        syncing.join().unwrap();
    });
}

#[test]
fn loom_a_failure_does_not_reach_everybody() {
    model(3, || {
        let writer = writer(&Disk::failing(), SharedOptions::new());
        let other = writer.clone();
        let waiting = thread::spawn(move || {
            // The first call may be late already.
            if let Ok(receipt) = other.append(b"one") {
                assert_eq!(receipt.wait().unwrap_err().kind(), ErrorKind::Io);
            }
            assert_eq!(other.append(b"two").unwrap_err().kind(), ErrorKind::Io);
        });
        assert_eq!(writer.sync().unwrap_err().kind(), ErrorKind::Io);
        assert_eq!(writer.flush().unwrap_err().kind(), ErrorKind::Io);
        waiting.join().unwrap_or_else(|_| panic!());
        assert_eq!(writer.finish().unwrap_err().kind(), ErrorKind::Io);
    });
}

#[test]
fn loom_finish_loses_a_message_or_hangs() {
    model(3, || {
        let writer = writer(&Disk::new(), SharedOptions::new());
        let other = writer.clone();
        let appending = thread::spawn(move || match other.append(b"one") {
            Ok(receipt) => receipt.wait().unwrap(),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Usage),
        });
        writer.finish().unwrap();
        appending.join().unwrap();
    });
}

#[test]
fn loom_finish_comes_while_a_long_message_is_copied() {
    model(3, || {
        let writer = writer(&Disk::new(), SharedOptions::new());
        let other = writer.clone();
        let appending = thread::spawn(move || match other.append(&[1; 20_000]) {
            Ok(receipt) => receipt.wait().unwrap(),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Usage),
        });
        writer.finish().unwrap();
        appending.join().unwrap();
    });
}

#[test]
fn loom_two_that_finish_hang() {
    model(3, || {
        let writer = writer(&Disk::new(), SharedOptions::new());
        let other = writer.clone();
        let finishing = thread::spawn(move || other.finish().is_ok());
        let is_first = writer.finish().is_ok();
        assert_ne!(finishing.join().unwrap(), is_first);
    });
}

#[test]
fn loom_the_last_clone_hangs_or_forgets_who_waits() {
    model(3, || {
        let disk = Disk::new();
        let writer = writer(&disk, SharedOptions::new());
        let receipt = writer.append(b"one").unwrap();
        let waiting = thread::spawn(move || match receipt.wait() {
            Ok(()) => assert!(receipt.is_durable()),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Usage),
        });
        drop(writer);
        // The thread is gone, and so all it did has been seen.
        assert!(disk.flushed.load(Ordering::Relaxed) > 0);
        waiting.join().unwrap();
    });
}

#[test]
fn loom_two_clones_go_and_none_is_the_last() {
    model(3, || {
        let disk = Disk::new();
        let writer = writer(&disk, SharedOptions::new());
        let other = writer.clone();
        let dropping = thread::spawn(move || drop(other));
        drop(writer);
        dropping.join().unwrap();
        assert!(disk.flushed.load(Ordering::Relaxed) > 0);
    });
}

#[test]
fn loom_a_thread_that_waits_for_memory_is_never_woken() {
    model(2, || {
        // Room for one message.
        let options = SharedOptions::new().memory(16).on_full(OnFull::Wait);
        let writer = writer(&Disk::new(), options);
        let threads = [writer.clone(), writer.clone()]
            .map(|writer| thread::spawn(move || drop(writer.append(b"12345678").unwrap())));
        writer.append(b"12345678").unwrap();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(writer.sequence(), 3);
    });
}

#[test]
fn loom_a_message_that_needs_all_the_memory_never_gets_it() {
    model(3, || {
        let writer = writer(&Disk::new(), SharedOptions::new().memory(1000));
        // Too little for the thread to write it by itself; and then a message that needs its memory.
        writer.append(b"12345678").unwrap();
        writer.append(&[1; 992]).unwrap();
        assert_eq!(writer.sequence(), 2);
    });
}

#[test]
fn loom_a_failure_leaves_a_thread_waiting_for_memory() {
    model(3, || {
        let writer = writer(&Disk::failing(), SharedOptions::new().memory(16));
        let other = writer.clone();
        let syncing = thread::spawn(move || assert!(other.sync().is_err()));
        let results = [writer.append(b"12345678").is_ok(), writer.append(b"12345678").is_ok()];
        assert!(results[0] || !results[1]);
        syncing.join().unwrap();
        assert!(writer.append(b"12345678").is_err());
    });
}

#[test]
fn loom_finish_leaves_a_thread_waiting_for_memory() {
    model(3, || {
        let writer = writer(&Disk::new(), SharedOptions::new().memory(16));
        let other = writer.clone();
        let appending = thread::spawn(move || {
            // The second waits for the memory of the first.
            let receipts = [other.append(b"12345678"), other.append(b"12345678")];
            receipts.into_iter().flatten().for_each(|receipt| receipt.wait().unwrap());
        });
        writer.finish().unwrap();
        appending.join().unwrap();
    });
}
