//! Many threads, one stream: what can go wrong between them, the thread that writes, and the sink.

mod common;

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use common::options;
use flatstream_io::{
    ChecksumType, Dropped, Durable, EndState, ErrorKind, Finding, FlushPolicy, OnFull, Reader, SharedOptions,
    SharedWriter, SyncPolicy, WriteOptions, Writer,
};
use flatstream_testkit::noise::Noise;

/// A sink that tests look into, hold up and break.
#[derive(Clone, Debug, Default)]
struct Sink(Arc<(Mutex<State>, Condvar)>);

#[derive(Debug, Default)]
struct State {
    bytes: Vec<u8>,
    /// As much of it as the last successful sync covered.
    durable: usize,
    syncs: usize,
    flushes: usize,
    calls: usize,
    fail_at: Option<usize>,
    /// A sync that comes now waits; how many do.
    holds_syncs: bool,
    held: usize,
    panics_at_sync: bool,
    was_dropped: bool,
}

/// The sink as the writer has it: it says when it is let go of.
struct Handle(Sink);

impl Sink {
    fn failing_at(call: usize) -> Self {
        let sink = Self::default();
        sink.with(|state| state.fail_at = Some(call));
        sink
    }

    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        let result = work(&mut self.0.0.lock().unwrap());
        self.0.1.notify_all();
        result
    }

    fn wait_until(&self, is_so: impl Fn(&State) -> bool) {
        let state = self.0.0.lock().unwrap();
        drop(self.0.1.wait_while(state, |state| !is_so(state)).unwrap());
    }

    fn hold_syncs(&self) {
        self.with(|state| state.holds_syncs = true);
    }

    fn let_syncs_go(&self) {
        self.with(|state| state.holds_syncs = false);
    }

    fn call(&self) -> io::Result<()> {
        self.with(|state| {
            state.calls += 1;
            if state.fail_at == Some(state.calls - 1) { Err(io::Error::other("planned failure")) } else { Ok(()) }
        })
    }

    fn writer(&self, options: WriteOptions) -> Writer<Handle> {
        Writer::new_durable(Handle(self.clone()), options).unwrap()
    }

    fn shared(&self, options: SharedOptions) -> SharedWriter {
        SharedWriter::new(self.writer(small_blocks()), options).unwrap()
    }

    /// The messages of what arrived, strictly, and how it ended.
    fn read(&self) -> (Vec<Vec<u8>>, EndState) {
        read(&self.with(|state| state.bytes.clone()))
    }

    fn read_durable(&self) -> Vec<Vec<u8>> {
        read(&self.with(|state| state.bytes[..state.durable].to_vec())).0
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.with(|state| state.was_dropped = true);
    }
}

impl Write for Handle {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.call()?;
        self.0.with(|state| state.bytes.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.call()?;
        self.0.with(|state| state.flushes += 1);
        Ok(())
    }
}

impl Durable for Handle {
    fn sync(&mut self) -> io::Result<()> {
        assert!(!self.0.with(|state| state.panics_at_sync), "planned panic");
        self.0.with(|state| state.held += 1);
        self.0.wait_until(|state| !state.holds_syncs);
        self.0.with(|state| state.held -= 1);
        self.0.call()?;
        self.0.with(|state| {
            state.durable = state.bytes.len();
            state.syncs += 1;
        });
        Ok(())
    }
}

fn read(bytes: &[u8]) -> (Vec<Vec<u8>>, EndState) {
    let Ok(mut reader) = Reader::new(bytes) else { return (vec![], EndState::Open) };
    let messages = reader.by_ref().map(|message| message.unwrap().to_vec()).collect();
    (messages, reader.end().unwrap().state)
}

fn small_blocks() -> WriteOptions {
    options(ChecksumType::Crc32c).block_size(512).sync_interval(1024)
}

/// Ends the process with a word if `work` doesn't end by itself: a deadlock is a failure, not a test that never ends.
fn watched<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let (done, watch) = mpsc::channel::<()>();
    let what = what.to_owned();
    let dog = thread::spawn(move || {
        if watch.recv_timeout(Duration::from_secs(100)) == Err(mpsc::RecvTimeoutError::Timeout) {
            eprintln!("deadlock: {what}");
            std::process::abort();
        }
    });
    let result = work();
    drop(done);
    dog.join().unwrap();
    result
}

/// A message that says who wrote it, and as which of theirs.
fn message(thread: usize, nth: u64, len: usize) -> Vec<u8> {
    let mut message = (thread as u64).to_le_bytes().to_vec();
    message.extend(nth.to_le_bytes());
    message.resize(16 + len, thread as u8);
    message
}

/// Each thread's messages are there in their order, without a gap; returns how many of each.
fn check_order(messages: &[Vec<u8>], threads: usize) -> Vec<u64> {
    let mut next = vec![0; threads];
    for message in messages {
        let number = |at: usize| u64::from_le_bytes(message[at..at + 8].try_into().unwrap());
        let thread = number(0) as usize;
        assert_eq!(number(8), next[thread], "thread {thread}");
        next[thread] += 1;
    }
    next
}

#[test]
fn what_64_threads_were_promised_is_there_and_in_each_threads_order() {
    const THREADS: usize = 64;
    let sink = Sink::default();
    let writer = sink.shared(SharedOptions::new());
    let promised: Vec<u64> = watched("64 threads", || {
        thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS)
                .map(|thread| {
                    let writer = writer.clone();
                    scope.spawn(move || {
                        let mut noise = Noise::new(thread as u64);
                        for nth in 0..200 {
                            let message = message(thread, nth, noise.below(300));
                            let receipt = writer.append(&message).unwrap();
                            if noise.below(4) == 0 {
                                receipt.wait().unwrap();
                                assert!(receipt.is_durable());
                            }
                        }
                        200
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        })
    });
    assert_eq!(writer.sequence(), 200 * THREADS as u64);
    writer.finish().unwrap();
    let (messages, end) = sink.read();
    assert_eq!((check_order(&messages, THREADS), end), (promised, EndState::Closed));
}

#[test]
fn those_who_wait_while_a_sync_runs_are_committed_together_by_the_next() {
    let sink = Sink::default();
    let writer = sink.shared(SharedOptions::new());
    sink.hold_syncs();
    let first = writer.append(&message(0, 0, 10)).unwrap();
    watched("group commit", || {
        thread::scope(|scope| {
            scope.spawn(|| first.wait().unwrap());
            sink.wait_until(|state| state.held == 1);
            let receipts: Vec<_> = (1..65).map(|thread| writer.append(&message(thread, 0, 10)).unwrap()).collect();
            let before = sink.with(|state| state.syncs);
            for receipt in receipts.clone() {
                scope.spawn(move || receipt.wait().unwrap());
            }
            sink.let_syncs_go();
            receipts.iter().for_each(|receipt| receipt.wait().unwrap());
            let syncs = sink.with(|state| state.syncs) - before;
            assert!(syncs <= 2, "{syncs} syncs for the one that ran and 64 that waited");
        });
    });
}

/// The sequence of a receipt is that of the message in the stream.
#[test]
fn receipts_and_the_stream_count_alike_from_wherever_the_writer_was() {
    let sink = Sink::default();
    let mut writer = sink.writer(small_blocks());
    (0..7).for_each(|nth| assert_eq!(writer.append(&message(0, nth, 10)).unwrap(), nth));
    let writer = SharedWriter::new(writer, SharedOptions::new()).unwrap();
    for nth in 7..50 {
        assert_eq!(writer.append(&message(0, nth, 10)).unwrap().sequence(), Some(nth));
    }
    assert_eq!(writer.sync().unwrap(), 50);
    assert_eq!(writer.durable_sequence(), 50);
    assert_eq!(check_order(&sink.read_durable(), 1), [50]);
}

#[test]
fn a_message_that_the_stream_refuses_is_refused_at_once_and_harms_nobody() {
    let sink = Sink::default();
    let writer = SharedWriter::new(sink.writer(small_blocks().max_message_len(100)), SharedOptions::new()).unwrap();
    assert_eq!(writer.append(b"").unwrap_err().kind(), ErrorKind::Usage);
    assert_eq!(writer.append(&[1; 101]).unwrap_err().kind(), ErrorKind::Limit);
    writer.append(&[1; 100]).unwrap().wait().unwrap();
    writer.finish().unwrap();
    assert_eq!(sink.read().0.len(), 1);
}

#[test]
fn messages_far_longer_than_chunks_and_blocks_go_through_in_order() {
    let sink = Sink::default();
    let writer = sink.shared(SharedOptions::new());
    let mut noise = Noise::new(4);
    for nth in 0..300 {
        let len = [10, 5_000, 20_000, 70_000, 300_000][noise.below(5)];
        let receipt = writer.append(&message(0, nth, len)).unwrap();
        if nth % 50 == 0 {
            receipt.wait().unwrap();
        }
    }
    writer.finish().unwrap();
    assert_eq!(check_order(&sink.read().0, 1), [300]);
}

#[test]
fn a_sink_that_cannot_sync_is_refused() {
    struct CanSync(Vec<u8>);
    impl Write for CanSync {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    impl Durable for CanSync {
        fn sync(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let not_told = Writer::new(CanSync(Vec::new()), WriteOptions::new()).unwrap();
    assert_eq!(SharedWriter::new(not_told, SharedOptions::new()).unwrap_err().kind(), ErrorKind::Usage);
}

/// The sink fails at each of its calls in turn: whoever waits and whoever comes later is told the first failure, and what
/// was promised is covered by a sync that went well.
#[test]
fn a_failure_at_any_call_reaches_every_waiting_and_every_later_caller() {
    let run = |sink: &Sink| {
        // The first sync frame may fail already.
        let writer = sink.shared(SharedOptions::new());
        let promised = AtomicU64::new(0);
        let failures = Mutex::new(Vec::new());
        watched("a failing sink", || {
            thread::scope(|scope| {
                for thread in 0..6 {
                    let (writer, promised, failures) = (writer.clone(), &promised, &failures);
                    scope.spawn(move || {
                        for nth in 0..12 {
                            let result = writer.append(&message(thread, nth, 90)).and_then(|receipt| {
                                receipt.wait()?;
                                Ok(receipt.sequence())
                            });
                            match result {
                                Ok(sequence) => drop(promised.fetch_max(sequence.unwrap() + 1, Ordering::Relaxed)),
                                Err(error) => failures.lock().unwrap().push(error),
                            }
                        }
                    });
                }
            });
        });
        let later = [writer.append(&message(6, 0, 0)).err(), writer.sync().err(), writer.flush().err()];
        let finished = watched("finishing", || writer.finish());
        (promised.into_inner(), failures.into_inner().unwrap(), later, finished)
    };
    let whole = Sink::default();
    let (promised, failures, ..) = run(&whole);
    assert_eq!((promised, failures.len()), (72, 0));
    let calls = whole.with(|state| state.calls);
    assert!(calls > 20);
    let mut reached = 0;
    for call in 0..calls {
        let sink = Sink::failing_at(call);
        let (promised, failures, later, finished) = run(&sink);
        assert!(sink.read_durable().len() as u64 >= promised, "call {call}: {promised} were promised");
        check_order(&sink.read_durable(), 7);
        for error in failures.iter().chain(later.iter().flatten()) {
            assert!(error.to_string().contains("planned failure"), "call {call}: {error}");
        }
        // How the threads meet differs, so the last calls may not come.
        if sink.with(|state| state.calls > call) {
            reached += 1;
            assert!(finished.is_err(), "call {call}");
            assert_eq!(sink.with(|state| state.calls), call + 1, "nothing is sent after a failure");
            assert!(later.iter().all(Option::is_some) || failures.is_empty(), "call {call}");
        }
        assert!(sink.with(|state| state.was_dropped), "call {call}: the sink is let go of");
    }
    assert!(reached > 10, "{reached}");
}

#[test]
fn a_sink_that_panics_leaves_nobody_waiting() {
    let sink = Sink::default();
    let writer = sink.shared(SharedOptions::new());
    writer.append(b"before").unwrap().wait().unwrap();
    sink.with(|state| state.panics_at_sync = true);
    let error = watched("a panicking sink", || writer.append(b"x").unwrap().wait().unwrap_err());
    assert!(error.to_string().contains("panicked"), "{error}");
    assert!(writer.append(b"later").is_err());
    assert!(watched("finishing", || writer.finish()).is_err());
}

/// Threads append, wait, drop receipts and finish while the sink may fail at any time.
#[test]
fn random_faults_and_shutdowns_lose_no_receipt_and_hang_nobody() {
    for round in 0..60 {
        let mut noise = Noise::new(round);
        let sink = if noise.below(2) == 0 { Sink::default() } else { Sink::failing_at(noise.below(200)) };
        let memory = [2_000, 20_000, 1 << 20][noise.below(3)];
        let on_full = [OnFull::Wait, OnFull::Refuse, OnFull::Drop][noise.below(3)];
        let writer = sink.shared(SharedOptions::new().memory(memory).on_full(on_full));
        let (promised, finisher) = (AtomicU64::new(0), noise.below(80));
        watched(&format!("round {round}"), || {
            thread::scope(|scope| {
                for thread in 0..64 {
                    let (writer, promised) = (writer.clone(), &promised);
                    scope.spawn(move || {
                        let mut noise = Noise::new(round * 100 + thread as u64);
                        for nth in 0..noise.below(30) as u64 {
                            let Ok(receipt) = writer.append(&message(thread, nth, noise.below(200))) else { break };
                            if noise.below(3) == 0 && receipt.wait().is_ok() {
                                promised.fetch_max(receipt.sequence().unwrap() + 1, Ordering::Relaxed);
                            }
                        }
                        if thread == finisher {
                            let _ = writer.finish();
                        }
                    });
                }
            });
            drop(writer);
        });
        assert!(sink.with(|state| state.was_dropped), "round {round}: the thread is gone, and the sink with it");
        let durable = sink.read_durable().len() as u64;
        assert!(durable >= promised.into_inner(), "round {round}");
    }
}

#[test]
fn dropping_the_last_clone_leaves_nothing_behind() {
    let sink = Sink::default();
    let writer = sink.shared(SharedOptions::new());
    let clone = writer.clone();
    let receipt = writer.append(b"one").unwrap();
    drop(writer);
    assert!(!sink.with(|state| state.was_dropped), "a clone is left");
    clone.append(b"two").unwrap();
    watched("dropping", || drop(clone));
    assert!(sink.with(|state| state.was_dropped));
    assert_eq!(sink.read(), (vec![b"one".to_vec(), b"two".to_vec()], EndState::Open));
    // Whoever waits only now is told the truth, one way or the other.
    assert_eq!(receipt.wait().is_ok(), receipt.is_durable());
}

#[test]
fn finishing_closes_the_stream_for_all_clones() {
    let sink = Sink::default();
    let writer = sink.shared(SharedOptions::new());
    let clone = writer.clone();
    let receipt = writer.append(b"one").unwrap();
    writer.finish().unwrap();
    assert!(receipt.is_durable());
    receipt.wait().unwrap();
    let error = clone.append(b"two").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(error.to_string().contains("finished"), "{error}");
    assert_eq!(clone.finish().unwrap_err().kind(), ErrorKind::Usage);
    assert_eq!(sink.read(), (vec![b"one".to_vec()], EndState::Closed));
    assert_eq!(sink.read_durable().len(), 1);
}

/// A writer over a sink whose sync is held up, with memory for about ten messages of 100 bytes.
fn held_up(on_full: OnFull) -> (Sink, SharedWriter) {
    let sink = Sink::default();
    let writer = sink.shared(SharedOptions::new().memory(1080).on_full(on_full));
    sink.hold_syncs();
    let waiting = writer.append(&[0; 100]).unwrap();
    thread::spawn(move || drop(waiting.wait()));
    sink.wait_until(|state| state.held == 1);
    (sink, writer)
}

#[test]
fn an_append_does_not_wait_for_the_disk_while_memory_is_left() {
    let (sink, writer) = held_up(OnFull::Wait);
    watched("appending while a sync is held up", || {
        (0..9).for_each(|_| drop(writer.append(&[1; 100]).unwrap()));
    });
    assert_eq!(sink.with(|state| state.held), 1);
    sink.let_syncs_go();
    writer.finish().unwrap();
    assert_eq!(sink.read().0.len(), 10);
}

#[test]
fn at_the_bound_wait_waits_until_there_is_room() {
    let (sink, writer) = held_up(OnFull::Wait);
    let is_through = Arc::new(AtomicBool::new(false));
    let appending = {
        let (writer, is_through) = (writer.clone(), Arc::clone(&is_through));
        thread::spawn(move || {
            (0..30).for_each(|_| drop(writer.append(&[1; 100]).unwrap()));
            is_through.store(true, Ordering::SeqCst);
        })
    };
    // It can't be through while the disk is held up: there is no room for thirty.
    (0..1000).for_each(|_| thread::yield_now());
    assert!(!is_through.load(Ordering::SeqCst));
    sink.let_syncs_go();
    watched("room", || appending.join().unwrap());
    writer.finish().unwrap();
    assert_eq!(sink.read().0.len(), 31);
}

#[test]
fn at_the_bound_refuse_gives_the_message_back() {
    let (sink, writer) = held_up(OnFull::Refuse);
    let mut accepted = 1;
    let error = loop {
        match writer.append(&[accepted; 100]) {
            Ok(_) => accepted += 1,
            Err(error) => break error,
        }
    };
    assert!((9..=11).contains(&accepted), "{accepted}");
    assert_eq!(error.kind(), ErrorKind::Full);
    assert_eq!(error.refused_message().unwrap()[..], [accepted; 100]);
    sink.let_syncs_go();
    assert_eq!(writer.sync().unwrap(), u64::from(accepted));
    // There is room again, and no trace of the refusal.
    writer.append(error.refused_message().unwrap()).unwrap();
    writer.finish().unwrap();
    assert_eq!(sink.read().0.len(), usize::from(accepted) + 1);
}

#[test]
fn at_the_bound_drop_counts_and_the_stream_says_where() {
    let (sink, writer) = held_up(OnFull::Drop);
    let receipts: Vec<_> = (0..25).map(|_| writer.append(&[1; 100]).unwrap()).collect();
    let kept = 1 + receipts.iter().filter(|receipt| receipt.sequence().is_some()).count() as u64;
    let dropped = Dropped { messages: 26 - kept, bytes: (26 - kept) * 100 };
    assert!((9..=11).contains(&kept), "{kept}");
    assert_eq!(writer.dropped(), dropped);
    let last = receipts.last().unwrap();
    assert_eq!(last.wait().unwrap_err().kind(), ErrorKind::Full);
    assert!(!last.is_durable());
    sink.let_syncs_go();
    writer.sync().unwrap();
    // Sequences go on behind the gap as if nothing had been there.
    assert_eq!(writer.append(b"behind").unwrap().sequence(), Some(kept));
    writer.finish().unwrap();

    let bytes = sink.with(|state| state.bytes.clone());
    let mut reader = Reader::new(&bytes[..]).unwrap();
    let mut positions = Vec::new();
    for message in &mut reader {
        positions.push(message.unwrap().position());
    }
    assert_eq!((positions.len() as u64, reader.dropped()), (kept + 1, dropped));
    match &reader.take_findings()[..] {
        [Finding::Dropped { position, dropped: found }] => {
            assert_eq!(*found, dropped);
            let [.., before, behind] = &positions[..] else { panic!() };
            assert!((before..behind).contains(&position), "{before} {position} {behind}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_message_beyond_all_memory_is_refused_rather_than_waited_for() {
    let sink = Sink::default();
    for on_full in [OnFull::Wait, OnFull::Refuse, OnFull::Drop] {
        let writer = sink.shared(SharedOptions::new().memory(1000).on_full(on_full));
        assert_eq!(writer.append(&[1; 2000]).unwrap_err().kind(), ErrorKind::Limit);
    }
}

/// Nobody appends any more, nobody waits: the thread keeps the time all the same.
#[test]
fn a_time_policy_is_kept_while_nothing_is_appended() {
    let soon = Duration::from_millis(1);
    for options in [
        small_blocks().sync_policy(SyncPolicy::Every(soon)),
        small_blocks().sync_policy(SyncPolicy::EveryMessage),
        small_blocks().sync_policy(SyncPolicy::EveryBytes(1)),
    ] {
        let sink = Sink::default();
        let writer = SharedWriter::new(sink.writer(options), SharedOptions::new()).unwrap();
        let receipt = writer.append(b"lonely").unwrap();
        watched("a sync by policy", || sink.wait_until(|state| state.durable > 64 + 8));
        assert_eq!(sink.read_durable(), [b"lonely"]);
        receipt.wait().unwrap();
        assert_eq!(writer.durable_sequence(), 1);
    }
    for options in
        [small_blocks().flush_policy(FlushPolicy::Every(soon)), small_blocks().flush_policy(FlushPolicy::EveryMessage)]
    {
        let sink = Sink::default();
        let writer = SharedWriter::new(sink.writer(options), SharedOptions::new()).unwrap();
        writer.append(b"lonely").unwrap();
        watched("a flush by policy", || sink.wait_until(|state| read(&state.bytes).0.len() == 1));
        assert_eq!(sink.with(|state| state.syncs), 0);
    }
}

#[test]
fn without_a_policy_nothing_is_synced_until_someone_waits() {
    let sink = Sink::default();
    let writer = sink.shared(SharedOptions::new());
    let receipts: Vec<_> = (0..100).map(|nth| writer.append(&message(0, nth, 20)).unwrap()).collect();
    writer.flush().unwrap();
    assert_eq!((sink.read().0.len(), sink.with(|state| state.syncs)), (100, 0));
    receipts[50].wait().unwrap();
    assert!(sink.with(|state| state.syncs) >= 1);
    assert!(receipts[..=50].iter().all(flatstream_io::Receipt::is_durable));
    writer.finish().unwrap();
}
