//! Open, append, flush, sync, finish, die, lose power, repair, read, in any order, against a plain vector of messages.
//!
//! What proptest finds it shrinks to the few operations that matter. `PROPTEST_CASES=N` runs N histories.

use flatstream::{
    Clock, Error, ErrorKind, FlushPolicy, OpenReport, ReadOptions, Reader, Recovery, SyncPolicy, WriteOptions, Writer,
    recover,
};
use flatstream_crashtest::traced::{TracedFile, TracedStorage};
use flatstream_testkit::disk::{Disk, Schedule};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use std::cell::Cell;
use std::ops::Range;

const FILE: &str = "log.fls";

/// What happens. Where there is no writer, one is opened first.
#[derive(Clone, Debug)]
enum Event {
    Append(usize),
    Flush,
    Sync,
    /// The stream is closed, and opened again.
    Finish,
    /// The writer is dropped, and the file opened again.
    Drop,
    /// The process is killed, and another one opens the file.
    Kill,
    /// The power goes, and the file is opened again.
    PowerCut(u64),
    /// The power goes after so many more operations on the disk, in the midst of something.
    PowerCutIn(u64, u64),
    /// The power goes, and the file is repaired and read before it is opened again.
    PowerCutAndRepair(u64),
    /// From the next opening on.
    Policies(SyncPolicy, FlushPolicy),
    /// From the next opening on.
    BlockSize(usize),
}

fn event() -> impl Strategy<Value = Event> {
    let schedule = 0..100_000u64;
    prop_oneof![
        // The block holds 64 to 4096 bytes.
        8 => prop_oneof![1..60usize, 1..600usize, 3000..9000usize].prop_map(Event::Append),
        1 => Just(Event::Flush),
        2 => Just(Event::Sync),
        1 => Just(Event::Finish),
        1 => Just(Event::Drop),
        1 => Just(Event::Kill),
        2 => schedule.clone().prop_map(Event::PowerCut),
        2 => (0..30u64, schedule.clone()).prop_map(|(operations, schedule)| Event::PowerCutIn(operations, schedule)),
        1 => schedule.prop_map(Event::PowerCutAndRepair),
        1 => (sync_policy(), flush_policy()).prop_map(|(sync, flush)| Event::Policies(sync, flush)),
        1 => (64..4096usize).prop_map(Event::BlockSize),
    ]
}

/// Some messages, something that ends or lasts, and a power cut soon, so that it comes in the midst of an opening.
fn losing_power_while_opening() -> impl Strategy<Value = Vec<Event>> {
    let append = prop_oneof![1..60usize, 1..600usize, 3000..9000usize].prop_map(Event::Append);
    const STOPS: [Event; 5] = [Event::Kill, Event::Drop, Event::Flush, Event::Sync, Event::Finish];
    let schedule = 0..100_000u64;
    let power_cut = (0..30u64, schedule.clone()).prop_map(|(operations, one)| Event::PowerCutIn(operations, one));
    (
        prop::collection::vec(append, 1..5),
        prop::sample::select(&STOPS[..]),
        power_cut,
        prop::sample::select(&STOPS[..3]),
        prop_oneof![3 => Just(Event::Append(1)), 1 => schedule.prop_map(Event::PowerCut)],
    )
        .prop_map(|(appends, stop, power_cut, again, last)| [appends, vec![stop, power_cut, again, last]].concat())
}

fn sync_policy() -> impl Strategy<Value = SyncPolicy> {
    let every_bytes = (0..4000u64).prop_map(SyncPolicy::EveryBytes);
    prop_oneof![Just(SyncPolicy::Manual), Just(SyncPolicy::EveryMessage), every_bytes]
}

fn flush_policy() -> impl Strategy<Value = FlushPolicy> {
    prop_oneof![
        Just(FlushPolicy::WhenFull),
        Just(FlushPolicy::EveryMessage),
        (0..2000u64).prop_map(FlushPolicy::EveryBytes),
    ]
}

/// A file, and what it has to hold.
struct Model {
    disk: Disk,
    writer: Option<(Writer<TracedFile>, TracedStorage)>,
    /// What was appended, of which a crash may leave no more than the first so many.
    messages: Vec<Vec<u8>>,
    /// How many of these survive the end of the process, and how many a power cut.
    handed_over: usize,
    acknowledged: usize,
    next_number: u64,
    next_stream_id: Cell<u64>,
    policies: (SyncPolicy, FlushPolicy),
    /// That of the writer there is.
    open_policy: SyncPolicy,
    block_size: usize,
    sync_interval: u32,
    power_cut: Option<u64>,
    /// Tails that were cut: names and bytes of the files that keep them.
    kept_tails: Vec<(String, Vec<u8>)>,
}

impl Model {
    fn new(sync_interval: u32) -> Self {
        Self {
            disk: Disk::new(),
            writer: None,
            messages: Vec::new(),
            handed_over: 0,
            acknowledged: 0,
            next_number: 0,
            next_stream_id: Cell::new(0xABCD),
            policies: (SyncPolicy::Manual, FlushPolicy::WhenFull),
            open_policy: SyncPolicy::Manual,
            block_size: 512,
            sync_interval,
            power_cut: None,
            kept_tails: Vec::new(),
        }
    }

    fn options(&self) -> WriteOptions {
        WriteOptions::new()
            .clock(Clock::Unspecified, || 0)
            // No two streams have one: frames of a file that was never published must not pass for this one's.
            .stream_id(self.next_stream_id.replace(self.next_stream_id.get() + 1))
            .sync_interval(self.sync_interval)
            .block_size(self.block_size)
            .sync_policy(self.policies.0)
            .flush_policy(self.policies.1)
    }

    fn happen(&mut self, event: &Event) -> TestCaseResult {
        match *event {
            Event::Policies(sync, flush) => self.policies = (sync, flush),
            Event::BlockSize(bytes) => self.block_size = bytes,
            Event::PowerCutIn(operations, schedule) => {
                self.disk.power_off_at(self.disk.operations() + operations);
                self.power_cut.get_or_insert(schedule);
            }
            Event::PowerCut(schedule) => self.cut_power(schedule)?,
            Event::PowerCutAndRepair(schedule) => {
                self.cut_power(schedule)?;
                self.repair()?;
            }
            Event::Kill => self.kill(),
            Event::Append(_) | Event::Flush | Event::Sync | Event::Finish | Event::Drop => self.write(event)?,
        }
        self.look_for_power()
    }

    /// Does something for which there has to be a writer.
    fn write(&mut self, event: &Event) -> TestCaseResult {
        let Some((mut writer, storage)) = self.take_writer()? else { return Ok(()) };
        let result = match *event {
            Event::Append(len) => {
                let message = self.message(len);
                self.messages.push(message.clone());
                writer.append(&message).map(drop)
            }
            Event::Flush => writer.flush().map(|()| self.handed_over = self.messages.len()),
            Event::Sync => writer.sync().map(|durable| self.acknowledged = durable as usize),
            _ => return self.end(writer, event),
        };
        if self.disk.is_off() {
            return Ok(());
        }
        prop_assert!(result.is_ok(), "the power is on, and {:?} fails: {}", event, result.unwrap_err());
        prop_assert_eq!(writer.sequence() as usize, self.messages.len());
        let open = writer.position() - writer.durable_position();
        match self.open_policy {
            SyncPolicy::EveryMessage => prop_assert_eq!(open, 0),
            SyncPolicy::EveryBytes(bytes) => prop_assert!(open < bytes.max(1), "{} bytes aren't durable", open),
            _ => {}
        }
        if writer.durable_position() == writer.position() {
            self.acknowledged = self.messages.len();
        }
        self.handed_over = self.handed_over.max(self.acknowledged);
        self.writer = Some((writer, storage));
        Ok(())
    }

    /// The writer goes, by itself.
    fn end(&mut self, writer: Writer<TracedFile>, event: &Event) -> TestCaseResult {
        let count = self.messages.len();
        if matches!(event, Event::Drop) {
            drop(writer);
            if !self.disk.is_off() {
                self.handed_over = count;
            }
            return Ok(());
        }
        let result = writer.finish();
        if !self.disk.is_off() {
            prop_assert!(result.is_ok(), "the power is on, and it can't be finished: {}", result.unwrap_err());
            (self.handed_over, self.acknowledged) = (count, count);
        }
        Ok(())
    }

    fn message(&mut self, len: usize) -> Vec<u8> {
        let mut message = self.next_number.to_le_bytes().to_vec();
        message.resize(8 + len, self.next_number as u8);
        self.next_number += 1;
        message
    }

    /// The writer that there is, or one of the file; `None` if the power goes meanwhile.
    fn take_writer(&mut self) -> Result<Option<(Writer<TracedFile>, TracedStorage)>, TestCaseError> {
        if self.writer.is_none() {
            self.open()?;
        }
        Ok(self.writer.take())
    }

    fn open(&mut self) -> TestCaseResult {
        let storage = TracedStorage::new(&self.disk);
        let before = self.disk.read(FILE).unwrap_or_default();
        let writer = match Writer::open_in(&storage, FILE, self.options()) {
            Ok(writer) => writer,
            Err(_) if self.disk.is_off() => return Ok(()),
            Err(error) => return Err(TestCaseError::fail(format!("it doesn't open: {error}"))),
        };
        self.check_kept(writer.sequence() as usize)?;
        self.open_policy = self.policies.0;
        if let Some(report) = writer.open_report() {
            self.check_cut(report, &before)?;
            prop_assert_eq!(report.messages_kept, writer.sequence());
            prop_assert_eq!(report.epoch, Some(writer.epoch()));
            prop_assert!(report.messages_kept + report.messages_cut <= self.next_number);
        }
        // What it found is durable by now.
        prop_assert_eq!(writer.durable_position(), writer.position());
        self.acknowledged = self.messages.len();
        self.writer = Some((writer, storage));
        let second = Writer::open_in(&TracedStorage::new(&self.disk), FILE, self.options());
        let is_refused = second.is_err_and(|error| error.kind() == ErrorKind::Locked);
        prop_assert!(is_refused || self.disk.is_off(), "a second writer gets the file");
        Ok(())
    }

    /// What was cut is kept, unless it was nothing, and stays.
    fn check_cut(&mut self, report: &OpenReport, before: &[u8]) -> TestCaseResult {
        let cut = &before[report.end.position as usize..];
        match &report.kept_at {
            Some(path) => self.kept_tails.push((path.display().to_string(), cut.to_vec())),
            None => prop_assert!(is_blank(cut), "{} bytes were cut and not kept", cut.len()),
        }
        for (name, bytes) in &self.kept_tails {
            let kept = self.disk.read(name);
            prop_assert!(
                kept.as_ref() == Some(bytes),
                "{} was kept, and now it is {:?}",
                name,
                kept.map(|kept| kept.len())
            );
        }
        Ok(())
    }

    /// A new epoch is durable: the file holds the first `kept` messages, and the others are gone for ever.
    fn check_kept(&mut self, kept: usize) -> TestCaseResult {
        self.check_read(kept)?;
        self.messages.truncate(kept);
        self.handed_over = kept;
        Ok(())
    }

    /// The file holds the first `kept` messages, and no fewer than were handed over.
    fn check_read(&self, kept: usize) -> TestCaseResult {
        prop_assert!(kept >= self.handed_over, "{} messages are there, of {}", kept, self.handed_over);
        prop_assert!(kept <= self.messages.len(), "{} messages are there, of {}", kept, self.messages.len());
        for options in [ReadOptions::new(), ReadOptions::new().recovery(Recovery::new())] {
            let found =
                read(&self.disk, options).map_err(|error| TestCaseError::fail(format!("it doesn't read: {error}")))?;
            prop_assert!(
                found == self.messages[..kept],
                "{} other messages are read than the {} appended",
                found.len(),
                kept
            );
        }
        Ok(())
    }

    fn kill(&mut self) {
        if let Some((writer, storage)) = self.writer.take() {
            storage.trace.kill_at(0);
            drop(writer);
        }
    }

    /// If the power went in the midst of something, the disk is as it is after that.
    fn look_for_power(&mut self) -> TestCaseResult {
        match self.power_cut {
            Some(schedule) if self.disk.is_off() => self.cut_power(schedule),
            _ => Ok(()),
        }
    }

    fn cut_power(&mut self, schedule: u64) -> TestCaseResult {
        self.disk = self.disk.crash(&Schedule::new(schedule));
        self.writer = None;
        self.power_cut = None;
        self.handed_over = self.acknowledged;
        prop_assert!(self.acknowledged == 0 || self.disk.exists(FILE), "the file is gone");
        Ok(())
    }

    /// Repairs the file, if there is one with a whole header, and reads it.
    fn repair(&mut self) -> TestCaseResult {
        if !self.disk.exists(FILE) {
            return Ok(());
        }
        let before = self.disk.read(FILE).unwrap_or_default();
        let report = recover::repair_in(&TracedStorage::new(&self.disk), FILE, &self.options());
        let report = report.map_err(|error| TestCaseError::fail(format!("it can't be repaired: {error}")))?;
        prop_assert_eq!(report.epoch.is_some(), report.bytes_cut > 0, "an epoch begins where something is cut");
        self.check_cut(&report, &before)?;
        let kept = report.messages_kept as usize;
        // Where nothing was cut, no epoch began: what the next power cut leaves may again be of this one.
        if report.epoch.is_some() { self.check_kept(kept) } else { self.check_read(kept) }
    }
}

fn is_blank(bytes: &[u8]) -> bool {
    bytes.iter().all(|&byte| byte == 0x00) || bytes.iter().all(|&byte| byte == 0xFF)
}

fn read(disk: &Disk, options: ReadOptions) -> Result<Vec<Vec<u8>>, Error> {
    let bytes = disk.read(FILE).unwrap_or_default();
    let mut reader = Reader::with_options(&bytes[..], options)?;
    let mut messages = Vec::new();
    while let Some(message) = reader.next_message()? {
        messages.push(message.to_vec());
    }
    Ok(messages)
}

fn config() -> ProptestConfig {
    let config = ProptestConfig { failure_persistence: None, max_shrink_iters: 10_000, ..ProptestConfig::default() };
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => config,
        None => ProptestConfig { cases: 2000, ..config },
    }
}

/// Goes through a history, and on behind it.
fn live(sync_interval: u32, events: &[Event]) -> TestCaseResult {
    let mut model = Model::new(sync_interval);
    for event in events {
        model.happen(event)?;
    }
    // Whatever happened, it opens, and goes on.
    model.cut_power(0)?;
    model.write(&Event::Append(10))?;
    model.write(&Event::Finish)?;
    prop_assert_eq!(model.acknowledged, model.messages.len());
    model.open()
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn no_history_makes_a_file_that_differs_from_the_messages(
        sync_interval in prop_oneof![Just(0u32), Just(256), Just(4096)],
        events in prop::collection::vec(event(), 1..60),
    ) {
        live(sync_interval, &events)?;
    }

    #[test]
    fn no_power_cut_while_opening_leaves_a_file_that_differs_or_does_not_open(
        sync_interval in prop_oneof![Just(0u32), Just(256), Just(4096)],
        rounds in prop::collection::vec(losing_power_while_opening(), 1..5),
    ) {
        live(sync_interval, &rounds.concat())?;
    }
}

/// A killed writer left these messages, the last of them torn. The next one opens the file, and the power goes at each
/// of its operations; then the file opens again, and goes on.
fn lose_power_while_opening_after_a_kill(lens: &[usize], schedules: Range<u64>) {
    let mut refused = Vec::new();
    for (operations, schedule) in (0..30).flat_map(|operations| schedules.clone().map(move |one| (operations, one))) {
        let appended = lens.iter().map(|&len| Event::Append(len));
        let power_cut = Event::PowerCutIn(operations, schedule);
        let events: Vec<_> = appended.chain([power_cut, Event::Kill, Event::Append(1)]).collect();
        if let Err(error) = live(256, &events) {
            refused.push(format!("PowerCutIn({operations}, {schedule}): {error}"));
        }
    }
    assert!(refused.is_empty(), "{} files refused:\n{}", refused.len(), refused.join("\n"));
}

/// A message that wasn't acknowledged is behind the end that the first power cut leaves. The file is read, and nothing
/// changed; at the next power cut the message is where a writer's first sync frame should be.
#[test]
fn a_message_may_come_back_until_a_writer_has_opened_the_file() {
    let events = [
        Event::Append(3000),
        Event::PowerCut(64546),
        Event::Append(1),
        Event::Drop,
        Event::PowerCutAndRepair(13840),
        Event::PowerCutIn(13, 78720),
        Event::Append(1),
    ];
    live(0, &events).unwrap();
}

/// What isn't durable is written again, and what was written first comes back in another block, in what is still the
/// current epoch.
#[test]
fn a_block_with_a_sync_frame_of_another_block_is_no_sign_of_lost_bytes() {
    lose_power_while_opening_after_a_kill(&[7897, 8233], 30_700..30_900);
}

/// The tail is half a sync frame; its copy begins with it, and comes back in a block of the stream.
#[test]
fn a_block_of_the_copy_of_the_tail_is_no_sign_of_lost_bytes() {
    lose_power_while_opening_after_a_kill(&[1, 6977, 361, 1], 55_000..55_400);
}
