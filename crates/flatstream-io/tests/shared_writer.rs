//! `SharedWriter` under many threads, on disks that fail, block or panic: no receipt is lost, none lies, nothing hangs.
//!
//! No test waits for time to pass, but one that shows that nothing happens meanwhile. Where something has to happen,
//! the test waits for it; a watchdog ends the process if it never does.

use std::io::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use std::{panic, thread};

use flatstream_io::{
    Clock, Dropped, Durable, EndState, Error, ErrorKind, Finding, FlushPolicy, OnFull, Reader, Receipt, SharedOptions,
    SharedWriter, SyncPolicy, WriteOptions, Writer,
};
use flatstream_testkit::noise::Noise;

/// What one call of the sink does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Error,
    Panic,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    Write,
    Flush,
    Sync,
}

/// A disk that remembers what it was told, and may fail at one call. Clones are the same disk.
#[derive(Clone, Default)]
struct Disk(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    bytes: Vec<u8>,
    /// How many of them the last successful sync covers.
    synced: usize,
    flushed: usize,
    calls: Vec<Call>,
    fault: Option<(usize, Fault)>,
    /// How many calls came after the one that failed.
    calls_after_fault: usize,
    has_failed: bool,
    /// Told of each call when it begins.
    events: Option<Sender<Call>>,
    is_gone: bool,
}

impl Disk {
    fn failing_at(call: usize, fault: Fault) -> Self {
        let disk = Self::default();
        disk.state().fault = Some((call, fault));
        disk
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn events(&self) -> Receiver<Call> {
        let (sender, receiver) = mpsc::channel();
        self.state().events = Some(sender);
        receiver
    }

    fn count(&self, wanted: Call) -> usize {
        self.state().calls.iter().filter(|call| **call == wanted).count()
    }

    fn sink(&self) -> Sink {
        Sink { disk: self.clone(), syncs: None, may_go: None }
    }

    /// A sink each of whose syncs waits until the test lets it go.
    fn sink_with_handle(&self) -> (Sink, Handle) {
        let (began, has_begun) = mpsc::channel();
        let (go, may_go) = mpsc::channel();
        (Sink { disk: self.clone(), syncs: Some((began, may_go)), may_go: None }, Handle { has_begun, go })
    }

    fn is_all_flushed(&self) -> bool {
        let state = self.state();
        state.flushed == state.bytes.len()
    }

    /// The messages in what a power cut would leave.
    fn durable_messages(&self) -> Vec<Vec<u8>> {
        let state = self.state();
        messages(&state.bytes[..state.synced])
    }

    fn all_messages(&self) -> Vec<Vec<u8>> {
        messages(&self.state().bytes)
    }
}

fn messages(bytes: &[u8]) -> Vec<Vec<u8>> {
    match Reader::new(bytes) {
        _ if bytes.is_empty() => Vec::new(),
        Ok(reader) => reader.map(|message| message.expect("good so far").to_vec()).collect(),
        Err(error) if error.kind() == ErrorKind::Incomplete => Vec::new(),
        Err(error) => panic!("{error}"),
    }
}

struct Sink {
    disk: Disk,
    syncs: Option<(Sender<()>, Receiver<()>)>,
    /// Its end waits until the test lets it go.
    may_go: Option<Receiver<()>>,
}

impl Sink {
    fn call(&self, call: Call) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.disk.state();
        let number = state.calls.len();
        state.calls.push(call);
        if state.has_failed {
            state.calls_after_fault += 1;
        }
        if let Some(events) = &state.events {
            let _ = events.send(call);
        }
        match state.fault.filter(|(at, _)| *at == number) {
            None => Ok(state),
            Some((_, fault)) => {
                state.has_failed = true;
                drop(state);
                match fault {
                    Fault::Error => Err(io::Error::other("planned failure")),
                    // A panic that prints nothing.
                    Fault::Panic => panic::resume_unwind(Box::new("planned")),
                }
            }
        }
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.call(Call::Write)?.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut state = self.call(Call::Flush)?;
        state.flushed = state.bytes.len();
        Ok(())
    }
}

impl Durable for Sink {
    fn sync(&mut self) -> io::Result<()> {
        if let Some((began, may_go)) = &self.syncs {
            let _ = began.send(());
            let _ = may_go.recv(); // an error: the test doesn't care any more
        }
        let mut state = self.call(Call::Sync)?;
        state.synced = state.bytes.len();
        Ok(())
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        if let Some(may_go) = self.may_go.take() {
            let _ = may_go.recv();
        }
        self.disk.state().is_gone = true;
    }
}

/// Holds the syncs of a sink. If it is dropped they go by themselves.
struct Handle {
    has_begun: Receiver<()>,
    go: Sender<()>,
}

impl Handle {
    fn wait_for_sync(&self) {
        self.has_begun.recv().expect("a sync");
    }

    fn let_go(&self) {
        self.go.send(()).expect("a sink");
    }
}

/// Ends the process if a test hangs, so that it is known which.
struct Watchdog(Sender<()>);

impl Watchdog {
    fn new() -> Self {
        let (alive, watched) = mpsc::channel();
        let name = thread::current().name().unwrap_or("a test").to_owned();
        thread::spawn(move || {
            if watched.recv_timeout(Duration::from_secs(120)) == Err(mpsc::RecvTimeoutError::Timeout) {
                eprintln!("{name} hangs: a thread waits for something that never comes");
                std::process::abort();
            }
        });
        Self(alive)
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

fn options() -> WriteOptions {
    WriteOptions::new().stream_id(1).clock(Clock::Unspecified, || 0).block_size(4096)
}

fn shared(sink: Sink, options: WriteOptions, shared: SharedOptions) -> SharedWriter {
    SharedWriter::new(Writer::new_durable(sink, options).unwrap(), shared).unwrap()
}

fn on(disk: &Disk) -> SharedWriter {
    shared(disk.sink(), options(), SharedOptions::new())
}

/// It names the first failure, whatever was called.
fn assert_names_failure(error: &Error, context: &str) {
    assert_eq!(error.kind(), ErrorKind::Io, "{context}: {error}");
    let text = error.to_string();
    assert!(text.contains("planned failure") || text.contains("panicked"), "{context}: {text}");
}

/// Every call of a writer whose sink failed.
fn assert_all_refused(writer: &SharedWriter, context: &str) {
    assert_names_failure(&writer.append(b"later").unwrap_err(), context);
    assert_names_failure(&writer.append(&[1; 100_000]).unwrap_err(), context);
    assert_names_failure(&writer.sync().unwrap_err(), context);
    assert_names_failure(&writer.flush().unwrap_err(), context);
    assert_names_failure(&writer.clone().finish().unwrap_err(), context);
}

#[test]
fn it_can_be_used_by_any_thread() {
    fn check<T: Send + Sync + Clone + 'static>() {}
    check::<SharedWriter>();
    check::<Receipt>();
}

#[test]
fn a_message_that_was_confirmed_is_not_on_the_disk() {
    let _watchdog = Watchdog::new();
    let disk = Disk::default();
    let writer = on(&disk);
    let mut noise = Noise::new(1);
    for nth in 0..200 {
        let len = 1 + noise.below(300);
        let message = noise.bytes(len);
        let receipt = writer.append(&message).unwrap();
        assert_eq!(receipt.sequence(), Some(nth));
        receipt.wait().unwrap();
        assert!(receipt.is_durable());
        assert_eq!(disk.durable_messages().last(), Some(&message));
        assert_eq!(writer.durable_sequence(), nth + 1);
    }
    writer.finish().unwrap();
}

#[test]
fn a_receipt_says_durable_before_the_sync() {
    let _watchdog = Watchdog::new();
    let disk = Disk::default();
    let (sink, handle) = disk.sink_with_handle();
    let writer = shared(sink, options(), SharedOptions::new());
    let first = writer.append(b"first").unwrap();
    let waiting = thread::spawn({
        let first = first.clone();
        move || first.wait()
    });
    handle.wait_for_sync();
    let second = writer.append(b"second").unwrap();
    assert!(!first.is_durable() && !second.is_durable());
    assert_eq!(writer.durable_sequence(), 0);
    handle.let_go();
    waiting.join().unwrap().unwrap();
    assert!(first.is_durable() && !second.is_durable(), "the second came after the sync had begun");
    drop(handle);
    second.wait().unwrap();
    assert_eq!(disk.durable_messages(), [b"first".to_vec(), b"second".to_vec()]);
    drop(writer);
}

#[test]
fn each_waiting_thread_gets_a_sync_of_its_own() {
    let _watchdog = Watchdog::new();
    let disk = Disk::default();
    let (sink, handle) = disk.sink_with_handle();
    let writer = shared(sink, options(), SharedOptions::new());
    let first = writer.append(b"first").unwrap();
    let waiting = thread::spawn(move || first.wait());
    handle.wait_for_sync();
    let appended = Arc::new(AtomicUsize::new(0));
    let threads: Vec<_> = (0..64)
        .map(|_| {
            let (writer, appended) = (writer.clone(), Arc::clone(&appended));
            thread::spawn(move || {
                let receipt = writer.append(b"one of many").unwrap();
                appended.fetch_add(1, Ordering::Relaxed);
                receipt.wait()
            })
        })
        .collect();
    while appended.load(Ordering::Relaxed) < 64 {
        thread::yield_now();
    }
    drop(handle);
    waiting.join().unwrap().unwrap();
    threads.into_iter().for_each(|thread| thread.join().unwrap().unwrap());
    // The first, one for all 64; and one more if the second began before a thread had asked, and nobody else had.
    assert!(disk.count(Call::Sync) <= 3, "{} syncs", disk.count(Call::Sync));
    writer.finish().unwrap();
}

#[test]
fn each_message_gets_a_sync_of_its_own() {
    let _watchdog = Watchdog::new();
    let disk = Disk::default();
    let (sink, handle) = disk.sink_with_handle();
    let writer = shared(sink, options().sync_policy(SyncPolicy::EveryMessage), SharedOptions::new());
    writer.append(b"first").unwrap();
    handle.wait_for_sync();
    let receipts: Vec<_> = (0..1000).map(|_| writer.append(b"one of many").unwrap()).collect();
    drop(handle);
    receipts.iter().for_each(|receipt| receipt.wait().unwrap());
    assert_eq!(disk.count(Call::Sync), 2);
    writer.finish().unwrap();
}

#[test]
fn messages_are_lost_or_mixed_up() {
    let _watchdog = Watchdog::new();
    let disk = Disk::default();
    let writer = on(&disk);
    let threads: Vec<_> = (0..8_u8)
        .map(|thread| {
            let writer = writer.clone();
            thread::spawn(move || {
                let mut noise = Noise::new(u64::from(thread));
                for nth in 0..300_u32 {
                    // Some longer than a chunk of the queue, some as long as one.
                    let len = match noise.below(30) {
                        0 => noise.below(200_000),
                        1 => 65_536 - noise.below(10),
                        2 => 16_384 + noise.below(3) - 1,
                        _ => noise.below(500),
                    };
                    let mut message = vec![thread; 5 + len];
                    message[1..5].copy_from_slice(&nth.to_le_bytes());
                    writer.append(&message).unwrap();
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(writer.sequence(), 8 * 300);
    writer.finish().unwrap();
    let mut next = [0; 8];
    for message in disk.all_messages() {
        let (thread, rest) = message.split_first().unwrap();
        let (nth, rest) = rest.split_first_chunk().unwrap();
        assert_eq!(u32::from_le_bytes(*nth), next[usize::from(*thread)], "out of order");
        assert!(rest.iter().all(|byte| byte == thread));
        next[usize::from(*thread)] += 1;
    }
    assert_eq!(next, [300; 8]);
}

#[test]
fn a_receipts_number_is_not_that_of_the_stream() {
    let _watchdog = Watchdog::new();
    let disk = Disk::default();
    // One that has messages already.
    let mut writer = Writer::new_durable(disk.sink(), options()).unwrap();
    writer.append(b"alone 0").unwrap();
    writer.append(b"alone 1").unwrap();
    let writer = SharedWriter::new(writer, SharedOptions::new()).unwrap();
    assert_eq!((writer.sequence(), writer.durable_sequence(), writer.stream_id()), (2, 0, 1));
    assert_eq!(writer.header().max_message_len(), 16 << 20);
    let threads: Vec<_> = (0..16)
        .map(|_| {
            let writer = writer.clone();
            thread::spawn(move || {
                (0..50)
                    .map(|_| {
                        let body = thread_name();
                        (writer.append(&body).unwrap().sequence().unwrap(), body)
                    })
                    .collect::<Vec<_>>()
            })
        })
        .collect();
    let mut numbered: Vec<_> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
    writer.finish().unwrap();
    numbered.sort();
    let found = disk.all_messages();
    assert_eq!(found.len(), 2 + 16 * 50);
    for (sequence, body) in numbered {
        assert_eq!(found[sequence as usize], body);
    }
}

fn thread_name() -> Vec<u8> {
    format!("{:?}", thread::current().id()).into_bytes()
}

#[test]
fn a_failed_disk_leaves_somebody_waiting() {
    let _watchdog = Watchdog::new();
    let run = |disk: &Disk, context: &str| {
        let writer = on(disk);
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let writer = writer.clone();
                thread::spawn(move || -> Vec<(Vec<u8>, Receipt, bool)> {
                    let mut kept = Vec::new();
                    for nth in 0..3 {
                        let body = [thread_name(), vec![nth; 900]].concat();
                        let Ok(receipt) = writer.append(&body) else { break };
                        let confirmed = receipt.wait().is_ok();
                        kept.push((body, receipt, confirmed));
                    }
                    kept
                })
            })
            .collect();
        let kept: Vec<_> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        let durable = disk.durable_messages();
        for (body, receipt, confirmed) in &kept {
            assert_eq!(receipt.is_durable(), *confirmed, "{context}");
            match confirmed {
                true => assert_eq!(&durable[receipt.sequence().unwrap() as usize], body, "{context}"),
                false => assert_names_failure(&receipt.wait().unwrap_err(), context),
            }
        }
        let has_failed = disk.state().has_failed;
        if has_failed {
            assert_all_refused(&writer, context);
        }
        // The last call of a good run is the sync of `finish`.
        let finished = writer.finish();
        let has_failed = disk.state().has_failed;
        assert_eq!(finished.is_err(), has_failed, "{context}");
        let state = disk.state();
        assert!(state.is_gone, "{context}: the sink is still there");
        assert_eq!(state.calls_after_fault, 0, "{context}: the sink was called after it had failed");
    };
    let disk = Disk::default();
    run(&disk, "no fault");
    let calls = disk.state().calls.len();
    assert!(calls >= 6, "{calls}");
    for call in 0..calls + 3 {
        for fault in [Fault::Error, Fault::Panic] {
            run(&Disk::failing_at(call, fault), &format!("call {call}, {fault:?}"));
        }
    }
}

#[test]
fn a_failure_is_told_only_when_the_sink_is_gone() {
    let _watchdog = Watchdog::new();
    // Header and message are written and flushed, and the sync fails.
    let disk = Disk::failing_at(2, Fault::Error);
    let (go, may_go) = mpsc::channel();
    let mut sink = disk.sink();
    sink.may_go = Some(may_go);
    let writer = shared(sink, options(), SharedOptions::new());
    let receipt = writer.append(b"wanted").unwrap();
    assert_names_failure(&receipt.wait().unwrap_err(), "while the sink is being dropped");
    assert!(!disk.state().is_gone);
    go.send(()).unwrap();
    drop(writer);
    assert!(disk.state().is_gone);
}

/// All options, all ways to end, faults at random calls, 64 threads.
#[test]
fn a_receipt_is_lost_or_lies_in_a_storm() {
    let _watchdog = Watchdog::new();
    for seed in 0..60 {
        storm(seed);
    }
}

fn storm(seed: u64) {
    const THREADS: usize = 64;
    let mut noise = Noise::new(seed);
    let disk = match noise.below(4) {
        0 => Disk::default(),
        1 => Disk::failing_at(noise.below(400), Fault::Panic),
        _ => Disk::failing_at(noise.below(400), Fault::Error),
    };
    let sync_policy = [
        SyncPolicy::Manual,
        SyncPolicy::EveryMessage,
        SyncPolicy::EveryBytes(5000),
        SyncPolicy::Every(Duration::from_micros(50)),
    ][noise.below(4)];
    let flush_policy = [
        FlushPolicy::WhenFull,
        FlushPolicy::EveryMessage,
        FlushPolicy::EveryBytes(5000),
        FlushPolicy::Every(Duration::from_micros(50)),
    ][noise.below(4)];
    let on_full = [OnFull::Wait, OnFull::Refuse, OnFull::Drop][noise.below(3)];
    let memory = [3000, 50_000, 64 << 20][noise.below(3)];
    let context = format!("seed {seed}: {sync_policy:?}, {flush_policy:?}, {on_full:?}, {memory}");
    let options = options().sync_policy(sync_policy).flush_policy(flush_policy);
    let writer = shared(disk.sink(), options, SharedOptions::new().memory(memory).on_full(on_full));
    let finishing_thread = [None, Some(noise.below(THREADS))][noise.below(2)];
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| {
            let writer = writer.clone();
            let mut noise = Noise::new(seed * 1000 + thread as u64);
            thread::spawn(move || {
                let mut kept = Vec::new();
                let mut dropped = Dropped::default();
                for nth in 0..30_u8 {
                    if finishing_thread == Some(thread) && nth == 10 {
                        let _ = writer.finish();
                        break;
                    }
                    let mut body = noise.bytes(noise.clone().below(700));
                    body.splice(0..0, [thread as u8, nth]);
                    match writer.append(&body) {
                        Err(error) if error.kind() == ErrorKind::Full => {
                            assert_eq!(error.refused_message().unwrap()[..], body);
                        }
                        Err(_) => break,
                        Ok(receipt) if receipt.sequence().is_none() => {
                            assert_eq!(receipt.wait().unwrap_err().kind(), ErrorKind::Full);
                            dropped.messages += 1;
                            dropped.bytes += body.len() as u64;
                        }
                        Ok(receipt) => {
                            let mut confirmed = false;
                            match noise.below(8) {
                                0 => confirmed = receipt.wait().is_ok(),
                                1 => drop(writer.flush()),
                                2 => drop(writer.sync()),
                                _ => {}
                            }
                            kept.push((body, receipt, confirmed));
                        }
                    }
                }
                (kept, dropped)
            })
        })
        .collect();
    drop(writer);
    let mut kept = Vec::new();
    let mut dropped = Dropped::default();
    for thread in threads {
        let (own, own_dropped) = thread.join().expect(&context);
        kept.extend(own);
        dropped = dropped.plus(own_dropped);
    }
    // All clones are gone: the thread and the sink too.
    let state = disk.state();
    assert!(state.is_gone, "{context}: the sink is still there");
    assert_eq!(state.calls_after_fault, 0, "{context}");
    let (bytes, synced, has_failed) = (state.bytes.clone(), state.synced, state.has_failed);
    drop(state);
    let durable = messages(&bytes[..synced]);
    let handed_over = messages(&bytes);
    for (body, receipt, confirmed) in &kept {
        let sequence = receipt.sequence().unwrap() as usize;
        assert!(!confirmed || receipt.is_durable(), "{context}: durable no more");
        assert_eq!(receipt.wait().is_ok(), receipt.is_durable(), "{context}");
        if receipt.is_durable() {
            assert_eq!(&durable[sequence], body, "{context}: confirmed, but not durable");
        }
        if !has_failed {
            assert_eq!(&handed_over[sequence], body, "{context}: accepted, but lost");
        }
    }
    if !has_failed {
        assert_eq!(handed_over.len(), kept.len(), "{context}");
        let mut reader = Reader::new(&bytes[..]).unwrap();
        while reader.next_message().unwrap().is_some() {}
        assert_eq!(reader.dropped(), dropped, "{context}");
        let end = if finishing_thread.is_some() { EndState::Closed } else { EndState::Open };
        assert_eq!(reader.end().unwrap().state, end, "{context}");
    }
    // A thread's messages come in its order.
    let mut last = [None; THREADS];
    for message in handed_over {
        let (thread, nth) = (usize::from(message[0]), message[1]);
        assert!(last[thread] < Some(nth), "{context}: out of order");
        last[thread] = Some(nth);
    }
}

#[test]
fn an_append_waits_for_the_disk_while_memory_is_left() {
    let _watchdog = Watchdog::new();
    let (writer, handle, receipts) = full(OnFull::Wait, &Disk::default());
    // A sync has been going on all the time: none of these appends waited for it.
    assert_eq!((receipts.len(), writer.sequence()), (10, 11));
    drop(handle);
    receipts.iter().for_each(|receipt| receipt.wait().unwrap());
}

/// A writer whose thread is held in a sync that covers the message "held", with memory full of ten messages.
fn full(on_full: OnFull, disk: &Disk) -> (SharedWriter, Handle, Vec<Receipt>) {
    let (sink, handle) = disk.sink_with_handle();
    // Ten messages of 100 bytes, which take 112 in the stream.
    let writer = shared(sink, options(), SharedOptions::new().memory(1120).on_full(on_full));
    let held = writer.append(b"held").unwrap();
    let waiting = thread::spawn(move || held.wait());
    handle.wait_for_sync();
    drop(waiting);
    let receipts = (0..10).map(|nth| writer.append(&[nth; 100]).unwrap()).collect();
    (writer, handle, receipts)
}

#[test]
fn a_full_memory_is_overrun_or_never_freed() {
    let _watchdog = Watchdog::new();
    let disk = Disk::default();
    let (writer, handle, _) = full(OnFull::Wait, &disk);
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let writer = writer.clone();
            thread::spawn(move || writer.append(&[b'w'; 900]).unwrap().wait().unwrap())
        })
        .collect();
    for _ in 0..1000 {
        assert_eq!(writer.sequence(), 11, "there was no room");
        thread::yield_now();
    }
    drop(handle);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(writer.sequence(), 15);
    writer.finish().unwrap();
    assert_eq!(disk.all_messages().len(), 15);
}

#[test]
fn a_failed_disk_leaves_somebody_waiting_for_memory() {
    let _watchdog = Watchdog::new();
    for fault in [Fault::Error, Fault::Panic] {
        let disk = Disk::default();
        let (writer, handle, receipts) = full(OnFull::Wait, &disk);
        let calls = disk.state().calls.len();
        disk.state().fault = Some((calls, fault));
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let writer = writer.clone();
                thread::spawn(move || writer.append(&[b'w'; 900]).map(drop))
            })
            .collect();
        drop(handle);
        for thread in threads {
            assert_names_failure(&thread.join().unwrap().unwrap_err(), "append that waits");
        }
        receipts.iter().for_each(|receipt| assert_names_failure(&receipt.wait().unwrap_err(), "receipt"));
        assert_all_refused(&writer, "later");
    }
}

#[test]
fn finish_leaves_somebody_waiting_for_memory() {
    let _watchdog = Watchdog::new();
    let disk = Disk::default();
    let (writer, handle, receipts) = full(OnFull::Wait, &disk);
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let writer = writer.clone();
            thread::spawn(move || writer.append(&[b'w'; 900]))
        })
        .collect();
    let finishing = thread::spawn(move || writer.finish());
    drop(handle);
    let mut accepted = 0;
    for thread in threads {
        match thread.join().unwrap() {
            Ok(receipt) => {
                receipt.wait().unwrap();
                accepted += 1;
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::Usage, "{error}"),
        }
    }
    finishing.join().unwrap().unwrap();
    assert!(receipts.iter().all(Receipt::is_durable));
    assert_eq!(disk.all_messages().len(), 11 + accepted);
}

#[test]
fn a_refused_message_is_lost_or_written_all_the_same() {
    let _watchdog = Watchdog::new();
    let disk = Disk::default();
    let (writer, handle, _) = full(OnFull::Refuse, &disk);
    for len in [1, 100, 1000] {
        let message = vec![b'r'; len];
        let error = writer.append(&message).unwrap_err();
        assert_eq!((error.kind(), &error.refused_message().unwrap()[..]), (ErrorKind::Full, &message[..]));
        assert!(error.to_string().starts_with("1120 bytes of messages wait"), "{error}");
    }
    drop(handle);
    writer.sync().unwrap();
    writer.append(b"there is room again").unwrap();
    assert_eq!(writer.dropped(), Dropped::default());
    writer.finish().unwrap();
    let found = disk.all_messages();
    assert_eq!(found.len(), 12);
    assert!(found.iter().all(|message| message[0] != b'r'));
}

#[test]
fn dropped_messages_are_not_counted_where_they_were_lost() {
    let _watchdog = Watchdog::new();
    let disk = Disk::default();
    let (writer, handle, _) = full(OnFull::Drop, &disk);
    for len in [100, 200, 1000] {
        let receipt = writer.append(&vec![b'd'; len]).unwrap();
        assert_eq!(receipt.sequence(), None);
        assert!(!receipt.is_durable());
        assert_eq!(receipt.wait().unwrap_err().kind(), ErrorKind::Full);
    }
    assert_eq!(writer.dropped(), Dropped { messages: 3, bytes: 1300 });
    handle.let_go();
    let next = thread::spawn({
        let writer = writer.clone();
        // The thread takes the ten messages only now: `sync` covers them.
        move || {
            writer.sync().unwrap();
            writer.append(b"behind the first loss").unwrap()
        }
    });
    handle.wait_for_sync();
    handle.let_go();
    let next = next.join().unwrap();
    assert_eq!(next.sequence(), Some(11), "dropped messages take no numbers");
    drop(handle);
    next.wait().unwrap();
    writer.finish().unwrap();

    let bytes = disk.state().bytes.clone();
    let mut reader = Reader::new(&bytes[..]).unwrap();
    for _ in 0..11 {
        reader.next_message().unwrap().unwrap();
        assert_eq!(reader.dropped(), Dropped::default());
    }
    assert_eq!(reader.next_message().unwrap().unwrap(), b"behind the first loss");
    assert_eq!(reader.dropped(), Dropped { messages: 3, bytes: 1300 });
    assert_eq!(reader.next_message().unwrap(), None);
    let findings = reader.take_findings();
    assert!(
        matches!(findings[..], [Finding::Dropped { dropped: Dropped { messages: 3, bytes: 1300 }, .. }]),
        "{findings:?}"
    );
}

#[test]
fn a_loss_is_told_behind_the_message_that_came_later() {
    let _watchdog = Watchdog::new();
    let disk = Disk::default();
    let (sink, handle) = disk.sink_with_handle();
    let writer = shared(sink, options(), SharedOptions::new().memory(1120).on_full(OnFull::Drop));
    let held = writer.append(b"held").unwrap();
    let waiting = thread::spawn(move || held.wait());
    handle.wait_for_sync();
    // Short ones find room between the long ones that find none.
    let sequences = [100, 1050, 200, 1060, 1070, 300].map(|len| writer.append(&vec![1; len]).unwrap().sequence());
    assert_eq!(sequences, [Some(1), None, Some(2), None, None, Some(3)]);
    drop(handle);
    waiting.join().unwrap().unwrap();
    writer.finish().unwrap();

    let bytes = disk.state().bytes.clone();
    let mut reader = Reader::new(&bytes[..]).unwrap();
    for (len, messages, lost) in [(4, 0, 0), (100, 0, 0), (200, 1, 1050), (300, 3, 1050 + 1060 + 1070)] {
        assert_eq!(reader.next_message().unwrap().unwrap().len(), len);
        assert_eq!(reader.dropped(), Dropped { messages, bytes: lost });
    }
    assert_eq!(reader.next_message().unwrap(), None);
}

#[test]
fn a_message_that_needs_all_the_memory_never_gets_it() {
    let _watchdog = Watchdog::new();
    for on_full in [OnFull::Wait, OnFull::Refuse, OnFull::Drop] {
        let disk = Disk::default();
        let writer = shared(disk.sink(), options(), SharedOptions::new().memory(1120).on_full(on_full));
        // Too little for the thread to write it by itself; and then a message that needs its memory.
        writer.append(&[1; 8]).unwrap();
        while !matches!(writer.append(&[2; 1112]), Ok(receipt) if receipt.sequence().is_some()) {
            thread::yield_now();
        }
        writer.finish().unwrap();
        assert_eq!(disk.all_messages().len(), 2);
    }
}

#[test]
fn a_loss_at_the_very_end_is_not_told() {
    let _watchdog = Watchdog::new();
    for finishes in [true, false] {
        let disk = Disk::default();
        let (writer, handle, receipts) = full(OnFull::Drop, &disk);
        assert_eq!(writer.append(&[1; 100]).unwrap().sequence(), None);
        drop(handle);
        match finishes {
            true => writer.finish().unwrap(),
            false => drop(writer),
        }
        assert_eq!(receipts[9].is_durable(), finishes);
        let bytes = disk.state().bytes.clone();
        let mut reader = Reader::new(&bytes[..]).unwrap();
        while reader.next_message().unwrap().is_some() {}
        assert_eq!(reader.dropped(), Dropped { messages: 1, bytes: 100 });
    }
}

#[test]
fn a_message_that_no_stream_takes_reaches_the_thread() {
    let _watchdog = Watchdog::new();
    let disk = Disk::default();
    let writer =
        shared(disk.sink(), options().max_message_len(2000), SharedOptions::new().memory(1008).on_full(OnFull::Drop));
    let kind = |message: &[u8]| writer.append(message).unwrap_err().kind();
    assert_eq!(kind(b""), ErrorKind::Usage);
    assert_eq!(kind(&[1; 2001]), ErrorKind::Limit);
    // As much as the memory there is; more never.
    assert_eq!(kind(&[1; 1001]), ErrorKind::Limit);
    let error = writer.append(&[1; 1001]).unwrap_err().to_string();
    assert!(error.contains("1001") && error.contains("1008"), "{error}");
    writer.append(&[1; 1000]).unwrap().wait().unwrap();
    assert_eq!((writer.sequence(), writer.dropped()), (1, Dropped::default()));
    writer.finish().unwrap();
}

#[test]
fn a_writer_that_cannot_sync_is_accepted() {
    let error = SharedWriter::new(Writer::new(Disk::default().sink(), options()).unwrap(), SharedOptions::new());
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Usage);
}

#[test]
fn the_last_clone_leaves_something_behind() {
    let _watchdog = Watchdog::new();
    let disk = Disk::default();
    let writer = on(&disk);
    let other = writer.clone();
    let mut receipts: Vec<_> = (0..100_u8).map(|nth| writer.append(&[nth; 300]).unwrap()).collect();
    drop(writer);
    assert!(!disk.state().is_gone);
    receipts.push(other.append(b"last").unwrap());
    drop(other);
    // The thread was joined: its sink is gone, after it got everything.
    assert!(disk.state().is_gone);
    assert_eq!(disk.all_messages().len(), 101);
    assert!(disk.is_all_flushed());
    assert_eq!(disk.count(Call::Sync), 0, "nobody asked");
    let bytes = disk.state().bytes.clone();
    let mut reader = Reader::new(&bytes[..]).unwrap();
    while reader.next_message().unwrap().is_some() {}
    assert_eq!(reader.end().unwrap().state, EndState::Open);
    // The receipts don't pretend.
    for receipt in receipts {
        assert!(!receipt.is_durable());
        assert_eq!(receipt.wait().unwrap_err().kind(), ErrorKind::Usage);
    }
}

#[test]
fn a_thread_that_waits_is_forgotten_when_the_last_clone_goes() {
    let _watchdog = Watchdog::new();
    for _ in 0..200 {
        let disk = Disk::default();
        let writer = on(&disk);
        let receipt = writer.append(b"wanted").unwrap();
        let waiting = thread::spawn(move || (receipt.wait(), receipt.is_durable()));
        drop(writer);
        // Whoever came first: it isn't forgotten, and it isn't told a lie.
        match waiting.join().unwrap() {
            (Ok(()), is_durable) => assert!(is_durable && disk.durable_messages().len() == 1),
            (Err(error), is_durable) => assert!(!is_durable && error.kind() == ErrorKind::Usage, "{error}"),
        }
    }
}

#[test]
fn a_policy_is_forgotten_when_the_last_clone_goes() {
    let _watchdog = Watchdog::new();
    let hour = Duration::from_secs(3600);
    for policy in [SyncPolicy::Every(hour), SyncPolicy::EveryBytes(1 << 30), SyncPolicy::EveryMessage] {
        let disk = Disk::default();
        let writer = shared(disk.sink(), options().sync_policy(policy), SharedOptions::new());
        let receipt = writer.append(b"would be durable sooner or later").unwrap();
        drop(writer);
        assert!(receipt.is_durable(), "{policy:?}");
    }
}

#[test]
fn finish_loses_what_others_append() {
    let _watchdog = Watchdog::new();
    for seed in 0..50 {
        let disk = Disk::default();
        let writer = on(&disk);
        let threads: Vec<_> = (0..8_u8)
            .map(|thread| {
                let writer = writer.clone();
                thread::spawn(move || {
                    let mut accepted = Vec::new();
                    loop {
                        // Long ones are copied without the lock: finish may come in between.
                        let len = if accepted.len() % 5 == 4 { 20_000 } else { 1 + accepted.len() % 50 };
                        let message = vec![thread; len];
                        match writer.append(&message) {
                            Ok(receipt) => accepted.push((receipt, message)),
                            Err(error) => break (accepted, error),
                        }
                    }
                })
            })
            .collect();
        while writer.sequence() < 20 * seed {
            thread::yield_now();
        }
        let other = writer.clone();
        writer.finish().unwrap();
        assert!(disk.state().is_gone);
        assert_eq!(other.sync().unwrap_err().kind(), ErrorKind::Usage);
        assert_eq!(other.flush().unwrap_err().kind(), ErrorKind::Usage);
        assert_eq!(other.clone().finish().unwrap_err().kind(), ErrorKind::Usage);
        let found = disk.durable_messages();
        let mut count = 0;
        for thread in threads {
            let (accepted, error) = thread.join().unwrap();
            assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
            assert!(error.to_string().contains("finished"), "{error}");
            for (receipt, message) in accepted {
                receipt.wait().unwrap();
                assert_eq!(found[receipt.sequence().unwrap() as usize], message);
                count += 1;
            }
        }
        assert_eq!(found.len(), count);
        assert_eq!(other.sequence(), count as u64);
        let bytes = disk.state().bytes.clone();
        let mut reader = Reader::new(&bytes[..]).unwrap();
        while reader.next_message().unwrap().is_some() {}
        assert_eq!(reader.end().unwrap().state, EndState::Closed);
    }
}

#[test]
fn a_policy_of_time_waits_for_the_next_append() {
    let _watchdog = Watchdog::new();
    let time = Duration::from_millis(3);
    for (policy, wanted) in [
        (options().sync_policy(SyncPolicy::Every(time)), Call::Sync),
        (options().flush_policy(FlushPolicy::Every(time)), Call::Flush),
    ] {
        let disk = Disk::default();
        let events = disk.events();
        let writer = shared(disk.sink(), policy, SharedOptions::new());
        for nth in 1..=5 {
            writer.append(b"and then nothing more").unwrap();
            // Nobody appends, nobody waits; the thread does it by itself.
            while disk.all_messages().len() < nth {
                events.recv().unwrap();
            }
            while events.recv().unwrap() != wanted {}
        }
        while wanted == Call::Sync && writer.durable_sequence() < 5 {
            thread::yield_now();
        }
        writer.finish().unwrap();
    }
}

#[test]
fn a_policy_of_time_runs_although_nothing_happens() {
    let _watchdog = Watchdog::new();
    let disk = Disk::default();
    let events = disk.events();
    let every = Duration::from_micros(100);
    let policies = options().sync_policy(SyncPolicy::Every(every)).flush_policy(FlushPolicy::Every(every));
    let writer = shared(disk.sink(), policies, SharedOptions::new());
    writer.append(b"one").unwrap().wait().unwrap();
    while events.try_recv().is_ok() {}
    // For two hundred times that time: nothing is new, so the sink is left alone.
    assert_eq!(events.recv_timeout(200 * every), Err(mpsc::RecvTimeoutError::Timeout));
    writer.finish().unwrap();
}

#[test]
fn a_policy_of_messages_or_bytes_is_not_kept() {
    let _watchdog = Watchdog::new();
    for (policy, wanted, count) in [
        (options().sync_policy(SyncPolicy::EveryMessage), Call::Sync, 1),
        // Nine frames of 112 bytes are more than 1,000.
        (options().sync_policy(SyncPolicy::EveryBytes(1000)), Call::Sync, 9),
        (options().flush_policy(FlushPolicy::EveryMessage), Call::Flush, 1),
        (options().flush_policy(FlushPolicy::EveryBytes(1000)), Call::Flush, 9),
    ] {
        let disk = Disk::default();
        let events = disk.events();
        let writer = shared(disk.sink(), policy, SharedOptions::new());
        writer.sync().unwrap(); // the header, so that bytes count from here
        while events.try_recv().is_ok() {}
        for _ in 0..count {
            assert!(events.try_recv().is_err(), "too early");
            writer.append(&[1; 100]).unwrap();
        }
        while events.recv().unwrap() != wanted {}
        assert_eq!(disk.all_messages().len(), count);
        writer.finish().unwrap();
    }
}

#[test]
fn flush_leaves_something_in_memory() {
    let _watchdog = Watchdog::new();
    let disk = Disk::default();
    let writer = on(&disk);
    for count in 1..50 {
        writer.append(&[1; 10]).unwrap();
        writer.flush().unwrap();
        assert_eq!(disk.all_messages().len(), count);
        assert!(disk.is_all_flushed());
    }
    assert_eq!((disk.count(Call::Sync), writer.durable_sequence()), (0, 0));
    assert_eq!(writer.sync().unwrap(), 49);
    assert_eq!(disk.durable_messages().len(), 49);
    writer.finish().unwrap();
}

#[test]
fn a_receipt_asks_too_late() {
    let _watchdog = Watchdog::new();
    let disk = Disk::default();
    let writer = on(&disk);
    let receipt = writer.append(b"flushed long before anybody waits").unwrap();
    writer.flush().unwrap();
    // The thread has no message any more, but this one isn't durable yet.
    assert!(!receipt.is_durable());
    receipt.wait().unwrap();
    assert_eq!(disk.durable_messages().len(), 1);
    writer.finish().unwrap();
    receipt.wait().unwrap();
}
