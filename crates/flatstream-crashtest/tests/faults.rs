//! Every operation on the disk fails once, in every way, for every policy, whatever is being done: nothing that was
//! acknowledged is lost, nothing hangs, the error says what and where, and the writer leaves the file alone from then
//! on.
//!
//! A scenario is what is on the disk at first and how it is opened. It is run with a fault at its first operation, then
//! at its second, until there is none left to fail. After each failure the file is opened again on the same disk, as a
//! service does that is started anew, and, in another run, after power cuts by several schedules. The same is done to a
//! process that is killed at each operation, and to a machine that loses its power there.
//!

use std::fmt;
use std::io::{self, ErrorKind};
use std::time::Duration;

use flatstream::format::Dropped;
use flatstream::{Clock, EndState, Error, FlushPolicy, Reader, SyncPolicy, WriteOptions, Writer, recover};
use flatstream_crashtest::storage::{DiskStorage, OpenFile};
use flatstream_crashtest::traced::{Operation, Trace, TracedFile, TracedStorage};
use flatstream_testkit::disk::{Disk, Fault, Schedule};

const FILE: &str = "log.fls";

/// More operations than any scenario takes: one that takes so many goes on for ever.
const ENDLESS: u64 = 20_000;

const EIO: i32 = 5;
const ENOSPC: i32 = 28;

const FAULTS: [Fault; 10] = [
    Fault::Raw(EIO),
    Fault::Raw(ENOSPC),
    Fault::Short,
    Fault::HalfThenError,
    Fault::Interrupted,
    // What means something else to the caller than that it failed.
    Fault::Error(ErrorKind::NotFound),
    Fault::Error(ErrorKind::AlreadyExists),
    Fault::Error(ErrorKind::Unsupported),
    Fault::Error(ErrorKind::PermissionDenied),
    Fault::Error(ErrorKind::WouldBlock),
];

/// Whether a system may answer so: no removal says that the name is taken.
fn is_possible(fault: Fault, operation: Operation) -> bool {
    use Operation::{CreateNew, HardLink, Open, Remove, Rename, Sync, SyncFolder};
    match fault {
        Fault::Error(ErrorKind::NotFound) => matches!(operation, Open | CreateNew | HardLink | Rename | Remove),
        Fault::Error(ErrorKind::AlreadyExists) => matches!(operation, CreateNew | HardLink),
        Fault::Error(ErrorKind::WouldBlock) => !matches!(operation, Sync | SyncFolder),
        _ => true,
    }
}

/// Every policy of both kinds, and some pairs of them.
const POLICIES: [(SyncPolicy, FlushPolicy); 9] = [
    (SyncPolicy::Manual, FlushPolicy::WhenFull),
    (SyncPolicy::Manual, FlushPolicy::EveryMessage),
    (SyncPolicy::Manual, FlushPolicy::EveryBytes(200)),
    (SyncPolicy::Manual, FlushPolicy::Every(Duration::ZERO)),
    (SyncPolicy::EveryMessage, FlushPolicy::WhenFull),
    (SyncPolicy::EveryBytes(300), FlushPolicy::WhenFull),
    (SyncPolicy::EveryBytes(300), FlushPolicy::EveryMessage),
    (SyncPolicy::Every(Duration::ZERO), FlushPolicy::WhenFull),
    (SyncPolicy::Every(Duration::ZERO), FlushPolicy::Every(Duration::ZERO)),
];

/// What is on the disk at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    Nothing,
    /// A stream that was finished.
    Closed,
    /// A stream with half a message at its end.
    Torn,
    /// A stream with good messages behind bad bytes.
    Scattered,
    /// A stream with zeros behind its end.
    Zeros,
    /// Half a header: nothing arrived.
    HalfHeader,
    /// A header, and half a first sync frame.
    NoFirstSync,
}

/// How it is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    CreateNew,
    Create,
    Open,
    RepairAndOpen,
}

#[derive(Clone, Copy, Debug)]
struct Scenario {
    start: Start,
    how: How,
    sync: SyncPolicy,
    flush: FlushPolicy,
}

/// What one file may hold: the first so many of these messages, and not fewer than were acknowledged.
#[derive(Clone, Debug, Default)]
struct Stream {
    messages: Vec<Vec<u8>>,
    acknowledged: usize,
}

/// What the disk may hold. There are two streams only while one is being replaced by another.
#[derive(Clone, Debug)]
struct World {
    streams: Vec<Stream>,
    must_exist: bool,
    /// What lies behind the end of the good data, and where: whatever happens, it is there or in a file beside.
    tail: Option<(usize, Vec<u8>)>,
}

/// A call that failed.
struct Failed {
    error: Error,
    /// Whether it was a call of the writer, which then has to refuse all others.
    is_writer: bool,
    /// Unless the call took it.
    writer: Option<Box<Writer<TracedFile>>>,
}

fn message(number: usize) -> Vec<u8> {
    const LENGTHS: [usize; 7] = [20, 100, 700, 8, 30, 1500, 10];
    let mut message = (number as u64).to_le_bytes().to_vec();
    message.resize(8 + LENGTHS[number % LENGTHS.len()], number as u8 + 1);
    message
}

fn options() -> WriteOptions {
    // Small ones, so that there are many operations and many sync frames.
    WriteOptions::new().clock(Clock::Unspecified, || 0).stream_id(0xF0F0).block_size(512).sync_interval(256)
}

impl Scenario {
    fn options(&self) -> WriteOptions {
        options().sync_policy(self.sync).flush_policy(self.flush)
    }

    /// The disk, with what may be on it.
    fn begin(&self) -> (Disk, World) {
        let disk = Disk::new();
        // The power goes if it goes on for ever; whoever looks at the disk then sees it.
        disk.power_off_at(ENDLESS);
        let stream = match self.start.bytes() {
            None => Stream::default(),
            Some((bytes, stream)) => {
                disk.put(FILE, &bytes);
                stream
            }
        };
        let must_exist = stream.acknowledged > 0;
        let tail = if self.how == How::Create { None } else { self.start.tail() };
        (disk, World { streams: vec![stream], must_exist, tail })
    }
}

impl Start {
    /// What has to be kept.
    fn tail(self) -> Option<(usize, Vec<u8>)> {
        let (bytes, _) = self.bytes().filter(|_| matches!(self, Self::Torn | Self::Scattered))?;
        let mut reader = Reader::new(&bytes[..]).unwrap();
        while let Ok(Some(_)) = reader.next_message() {}
        let position = reader.end().unwrap().position as usize;
        Some((position, bytes[position..].to_vec()))
    }

    fn bytes(self) -> Option<(Vec<u8>, Stream)> {
        let disk = Disk::new();
        let mut writer = Writer::create_new_in(&DiskStorage(disk.clone()), FILE, options()).unwrap();
        let header_len = writer.header().as_bytes().len();
        let messages: Vec<Vec<u8>> = (1000..1012).map(message).collect();
        messages[..5].iter().for_each(|message| assert!(writer.append(message).is_ok()));
        writer.sync().unwrap();
        let durable = writer.durable_position() as usize;
        messages[5..].iter().for_each(|message| assert!(writer.append(message).is_ok()));
        match self {
            Self::Closed | Self::Zeros => drop(writer.finish().unwrap()),
            _ => drop(writer),
        }
        let mut bytes = disk.read(FILE).unwrap();
        let mut acknowledged = 5;
        match self {
            Self::Nothing => return None,
            Self::Closed => acknowledged = messages.len(),
            Self::Torn => bytes.truncate(bytes.len() - 300),
            Self::Scattered => bytes[durable + 600..durable + 700].fill(0xA5),
            Self::Zeros => {
                acknowledged = messages.len();
                bytes.resize(bytes.len() + 5000, 0);
            }
            Self::HalfHeader => {
                bytes.truncate(header_len / 2);
                return Some((bytes, Stream::default()));
            }
            Self::NoFirstSync => {
                bytes.truncate(header_len + 20);
                return Some((bytes, Stream::default()));
            }
        }
        Some((bytes, Stream { messages, acknowledged }))
    }
}

/// Opens the file as the scenario says, appends, flushes, syncs and finishes, until something fails.
fn session(scenario: &Scenario, storage: &TracedStorage, world: &mut World) -> Result<(), Failed> {
    let failed = |error, is_writer| Failed { error, is_writer, writer: None };
    let mut writer = open(scenario, storage, world).map_err(|error| failed(error, false))?;
    for step in 0..8 {
        let result = match step {
            2 => writer.flush(),
            5 => writer.sync().map(drop),
            number => append(&mut writer, world, number),
        };
        if let Err(error) = result {
            return Err(Failed { error, is_writer: true, writer: Some(Box::new(writer)) });
        }
        assert!(keeps_policy(scenario.sync, &writer), "{scenario:?}: step {step} doesn't keep the sync policy");
        note_acknowledged(&writer, world);
    }
    let count = world.streams[0].messages.len();
    writer.finish().map_err(|error| failed(error, true))?;
    world.streams[0].acknowledged = count;
    Ok(())
}

fn open(scenario: &Scenario, storage: &TracedStorage, world: &mut World) -> Result<Writer<TracedFile>, Error> {
    let options = scenario.options();
    let writer = match scenario.how {
        How::CreateNew => Writer::create_new_in(storage, FILE, options)?,
        How::Create => {
            // Until it returns, there is the old stream or the new one.
            world.streams.push(Stream::default());
            let writer = Writer::create_in(storage, FILE, options)?;
            world.streams.remove(0);
            writer
        }
        How::Open => Writer::open_in(storage, FILE, options)?,
        How::RepairAndOpen => {
            recover::repair_in(storage, FILE, &options)?;
            Writer::open_in(storage, FILE, options)?
        }
    };
    world.must_exist = true;
    // What it found is durable from here on.
    let stream = &mut world.streams[0];
    let kept = writer.sequence() as usize;
    assert!((stream.acknowledged..=stream.messages.len()).contains(&kept), "{kept} messages are there, of {stream:?}");
    stream.messages.truncate(kept);
    stream.acknowledged = kept;
    Ok(writer)
}

fn append<W: io::Write>(writer: &mut Writer<W>, world: &mut World, number: usize) -> Result<(), Error> {
    let message = message(number);
    let result = if number.is_multiple_of(2) {
        writer.append(&message)
    } else {
        writer.append_parts(&[&message[..3], &message[3..]])
    };
    // One that failed may be there all the same.
    world.streams[0].messages.push(message);
    result.map(drop)
}

fn note_acknowledged<W: io::Write>(writer: &Writer<W>, world: &mut World) {
    if writer.durable_position() == writer.position() {
        world.streams[0].acknowledged = writer.sequence() as usize;
    }
}

/// Whether as little is not durable as the policy promises.
fn keeps_policy<W: io::Write>(policy: SyncPolicy, writer: &Writer<W>) -> bool {
    let open = writer.position() - writer.durable_position();
    match policy {
        SyncPolicy::EveryMessage | SyncPolicy::Every(Duration::ZERO) => open == 0,
        SyncPolicy::EveryBytes(bytes) => open < bytes,
        _ => true,
    }
}

/// What is wrong, in which case.
type Checked<T> = Result<T, String>;

fn ensure(is_so: bool, what: impl FnOnce() -> String) -> Checked<()> {
    if is_so { Ok(()) } else { Err(what()) }
}

/// Runs the scenario with one fault. `false` if there is no such operation, so that nothing failed.
fn run(scenario: &Scenario, number: u64, fault: Fault, is_wanted: Wanted, and_then: AndThen) -> Checked<bool> {
    let (disk, mut world) = scenario.begin();
    let storage = TracedStorage::new(&disk);
    disk.fail_at(number, fault);
    let result = session(scenario, &storage, &mut world);
    ensure(!disk.is_off(), || "it goes on for ever".to_owned())?;
    let Some(failing) = storage.trace.get(number) else {
        return result.map(|()| false).map_err(|failed| format!("without a fault: {}", failed.error));
    };
    if !is_possible(fault, failing) || !is_wanted(failing) {
        return Ok(true);
    }
    let must_fail = failing == Operation::Sync && !matches!(fault, Fault::Error(_));
    ensure(result.is_err() || !must_fail, || "a failed sync isn't noticed".to_owned())?;
    if let Err(failed) = result {
        check_error(&failed.error, failing, fault)?;
        check_leaves_it_alone(failed, &disk, &storage.trace, number)?;
    }
    check_names(&disk, u64::from(failing == Operation::Remove))?;
    and_then(&disk, &world).map_err(|what| format!("{failing:?}: {what}"))?;
    Ok(true)
}

/// Which operations fail.
type Wanted = fn(Operation) -> bool;

/// What comes behind the failure.
type AndThen = fn(&Disk, &World) -> Checked<()>;

/// What was said, by whom and where.
fn check_error(error: &Error, failing: Operation, fault: Fault) -> Checked<()> {
    let text = error.to_string();
    let names_position = error.position().is_some_and(|position| text.contains(&position.to_string()));
    ensure(text.contains(FILE) || names_position, || format!("it doesn't say where: {text}"))?;
    let system = match fault {
        Fault::Raw(number) => io::Error::from_raw_os_error(number),
        Fault::Short | Fault::HalfThenError => io::Error::from_raw_os_error(EIO),
        Fault::Interrupted => ErrorKind::Interrupted.into(),
        // It may have been understood, and something else have come of it.
        Fault::Error(_) => return Ok(()),
    };
    let is_of_system = text.contains(&system.to_string()) && error.kind() == flatstream::ErrorKind::Io;
    ensure(is_of_system, || format!("it doesn't say what the system said: {text}"))?;
    let is_tried_again = matches!(failing, Operation::ReadAt | Operation::Write) && fault == Fault::Interrupted;
    ensure(!is_tried_again, || format!("an interrupted {failing:?} isn't tried again: {text}"))
}

/// Behind a failure nothing more is done to the file; at most what was made beside it is removed.
fn check_leaves_it_alone(failed: Failed, disk: &Disk, trace: &Trace, number: u64) -> Checked<()> {
    let Failed { error, is_writer, writer } = failed;
    if let Some(writer) = writer {
        check_refuses(*writer, &error, disk, number)?;
    }
    let behind = trace.behind(number);
    let is_allowed = |operation: &Operation| !is_writer && *operation == Operation::Remove;
    ensure(behind.iter().all(is_allowed), || format!("behind the failure it did {behind:?}: {error}"))
}

fn check_refuses(mut writer: Writer<TracedFile>, first: &Error, disk: &Disk, number: u64) -> Checked<()> {
    let before = disk.operations();
    let dropped = Dropped { messages: 1, bytes: 1 };
    let mut results = vec![
        writer.append(b"more").map(drop),
        writer.append(&[1; 5000]).map(drop),
        writer.append(b"").map(drop),
        writer.append_parts(&[b"more"]).map(drop),
        writer.flush(),
        writer.sync().map(drop),
        writer.note_dropped(dropped),
    ];
    // Half of them are finished, half of them dropped.
    match number.is_multiple_of(2) {
        true => results.push(writer.finish().map(drop)),
        false => drop(writer),
    }
    for (nth, result) in results.into_iter().enumerate() {
        let Err(error) = result else { return Err(format!("call {nth} behind a failure succeeds")) };
        let text = error.to_string();
        let is_refusal = text.starts_with("the writer refuses to go on") && text.contains(&first.to_string());
        ensure(is_refusal, || format!("call {nth} doesn't name the first failure, {first}, but says: {text}"))?;
    }
    ensure(disk.operations() == before, || "a writer that refuses went to the disk".to_owned())
}

/// The file, kept tails, and at most so many temporary files.
fn check_names(disk: &Disk, temporary_at_most: u64) -> Checked<()> {
    let names = disk.names();
    let is_temporary = |name: &str| name.starts_with(".log.fls.") && name.ends_with(".new");
    let is_known = |name: &String| name == FILE || name.starts_with("log.fls.epoch-") || is_temporary(name);
    let temporary = names.iter().filter(|name| is_temporary(name)).count() as u64;
    ensure(names.iter().all(is_known) && temporary <= temporary_at_most, || format!("these files are left: {names:?}"))
}

/// The tail is where it was, or in a file of its own.
fn check_tail(disk: &Disk, world: &World) -> Checked<()> {
    let Some((position, tail)) = &world.tail else { return Ok(()) };
    let is_there = |bytes: &Vec<u8>| bytes.get(*position..).is_some_and(|behind| behind.starts_with(tail));
    let is_kept = |name: &String| name.starts_with("log.fls.epoch-") && disk.read(name).as_ref() == Some(tail);
    let is_safe = disk.read(FILE).as_ref().is_some_and(is_there) || disk.names().iter().any(is_kept);
    ensure(is_safe, || "the tail is neither in its place nor beside".to_owned())
}

/// Opens the file and checks that it holds one of the streams; what it holds is acknowledged from then on.
fn reopen(disk: &Disk, world: &mut World) -> Checked<Writer<OpenFile>> {
    ensure(disk.exists(FILE) || !world.must_exist, || "the file is gone".to_owned())?;
    check_tail(disk, world)?;
    let opened = Writer::open_in(&DiskStorage(disk.clone()), FILE, options());
    let writer = opened.map_err(|error| format!("it doesn't open again: {error}"))?;
    let kept = writer.sequence() as usize;
    let found = read(disk)?;
    ensure(found.len() == kept, || format!("the writer counts {kept} messages, a reader {}", found.len()))?;
    let is_it = |stream: &&Stream| kept >= stream.acknowledged && stream.messages.get(..kept) == Some(&found[..]);
    let stream = world.streams.iter().find(is_it).ok_or_else(|| {
        let expected: Vec<_> =
            world.streams.iter().map(|stream| (stream.acknowledged, stream.messages.len())).collect();
        format!("{kept} messages are there, which aren't those of (acknowledged, appended) {expected:?}")
    })?;
    let stream = Stream { messages: stream.messages[..kept].to_vec(), acknowledged: kept };
    *world = World { streams: vec![stream], must_exist: true, tail: world.tail.take() };
    let second = Writer::open_in(&DiskStorage(disk.clone()), FILE, options());
    let is_refused = second.is_err_and(|error| error.kind() == flatstream::ErrorKind::Locked);
    ensure(is_refused, || "a second writer gets the file".to_owned())?;
    Ok(writer)
}

fn read(disk: &Disk) -> Checked<Vec<Vec<u8>>> {
    let bytes = disk.read(FILE).ok_or("the file was opened and isn't there")?;
    let failed = |error: Error| format!("it was opened and doesn't read: {error}");
    let mut reader = Reader::new(&bytes[..]).map_err(failed)?;
    let mut messages = Vec::new();
    while let Some(message) = reader.next_message().map_err(failed)? {
        messages.push(message.to_vec());
    }
    Ok(messages)
}

/// Opens it again, and goes on.
fn reopen_and_go_on(disk: &Disk, world: &mut World) -> Checked<()> {
    let mut writer = reopen(disk, world)?;
    // A cut or a kill may leave one.
    check_names(disk, 1)?;
    for number in 20..23 {
        append(&mut writer, world, number).map_err(|error| format!("it doesn't go on: {error}"))?;
    }
    writer.sync().map_err(|error| format!("it doesn't go on: {error}"))?;
    note_acknowledged(&writer, world);
    ensure(world.streams[0].acknowledged == world.streams[0].messages.len(), || "a sync isn't one".to_owned())
}

fn schedules() -> impl Iterator<Item = Schedule> {
    [Schedule::nothing_persists(), Schedule::everything_persists()].into_iter().chain((0..6).map(Schedule::new))
}

/// As a service is started anew.
fn without_a_crash(disk: &Disk, world: &World) -> Checked<()> {
    reopen_and_go_on(disk, &mut world.clone()).map_err(|what| format!("opened again without a crash: {what}"))
}

/// As a machine is.
fn behind_power_cuts(disk: &Disk, world: &World) -> Checked<()> {
    for (nth, schedule) in schedules().enumerate() {
        let disk = disk.crash(&schedule);
        let mut world = world.clone();
        reopen_and_go_on(&disk, &mut world).map_err(|what| format!("behind power cut {nth}: {what}"))?;
        let disk = disk.crash(&Schedule::nothing_persists());
        reopen(&disk, &mut world).map_err(|what| format!("behind power cut {nth}, going on, and another: {what}"))?;
    }
    Ok(())
}

/// A service is started anew behind the failure, goes on, and then the power goes: what the second one acknowledged is
/// there, whatever became of what the first one couldn't write.
fn without_a_crash_and_then_power_cuts(disk: &Disk, world: &World) -> Checked<()> {
    let mut world = world.clone();
    reopen_and_go_on(disk, &mut world)?;
    for (nth, schedule) in schedules().enumerate() {
        let what = |what| format!("opened again without a crash, gone on with, and behind power cut {nth}: {what}");
        reopen(&disk.crash(&schedule), &mut world.clone()).map_err(what)?;
    }
    Ok(())
}

/// Collects what is wrong, and how often.
#[derive(Default)]
struct Violations {
    first: Vec<String>,
    count: usize,
    runs: usize,
}

impl Violations {
    /// Runs with 0, 1 and so on until there is nothing left to go wrong.
    fn add_all(&mut self, what: impl fmt::Display, run: impl Fn(u64) -> Checked<bool>) {
        for number in 0..=ENDLESS {
            self.runs += 1;
            match run(number) {
                Ok(true) => {}
                Ok(false) => return,
                Err(violation) => self.add(format!("{what} at operation {number}: {violation}")),
            }
        }
    }

    fn add(&mut self, what: String) {
        self.count += 1;
        if self.first.len() < 20 {
            self.first.push(what);
        }
    }
}

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} violations in {} runs:\n{}", self.count, self.runs, self.first.join("\n"))
    }
}

fn scenarios(starts: &[(Start, How)]) -> impl Iterator<Item = Scenario> {
    let with_policies = |&(start, how)| POLICIES.map(|(sync, flush)| Scenario { start, how, sync, flush });
    starts.iter().flat_map(with_policies)
}

/// Every operation that is wanted fails once, in every way.
#[track_caller]
fn check(starts: &[(Start, How)], is_wanted: Wanted, and_then: AndThen) {
    let mut violations = Violations::default();
    for scenario in scenarios(starts) {
        for fault in FAULTS {
            violations.add_all(format!("{scenario:?}, {fault:?}"), |number| {
                run(&scenario, number, fault, is_wanted, and_then)
            });
        }
    }
    println!("{} runs", violations.runs);
    assert!(violations.count == 0, "{violations}");
}

fn any(_: Operation) -> bool {
    true
}

fn but_syncs(operation: Operation) -> bool {
    !matches!(operation, Operation::Sync | Operation::SyncFolder)
}

const NEW: [(Start, How); 4] = [
    (Start::Nothing, How::CreateNew),
    (Start::Nothing, How::Create),
    (Start::Nothing, How::Open),
    (Start::NoFirstSync, How::Open),
];

const REPLACED: [(Start, How); 2] = [(Start::Closed, How::Create), (Start::Torn, How::Create)];

const REOPENED: [(Start, How); 7] = [
    (Start::Closed, How::Open),
    (Start::Torn, How::Open),
    (Start::Scattered, How::Open),
    (Start::Zeros, How::Open),
    (Start::Closed, How::RepairAndOpen),
    (Start::Torn, How::RepairAndOpen),
    (Start::Zeros, How::RepairAndOpen),
];

#[test]
fn a_new_file_opens_again_behind_any_failure() {
    check(&NEW, any, without_a_crash);
}

#[test]
fn a_new_file_loses_nothing_to_a_power_cut_behind_any_failure() {
    check(&NEW, any, behind_power_cuts);
}

#[test]
fn a_replaced_file_is_the_old_one_or_the_new_one_behind_any_failure() {
    check(&REPLACED, any, without_a_crash);
}

#[test]
fn a_replaced_file_is_the_old_one_or_the_new_one_after_a_power_cut_behind_any_failure() {
    check(&REPLACED, any, behind_power_cuts);
}

#[test]
fn a_reopened_file_opens_again_behind_any_failure() {
    check(&REOPENED, any, without_a_crash);
}

#[test]
fn a_reopened_file_loses_nothing_to_a_power_cut_behind_any_failure() {
    check(&REOPENED, any, behind_power_cuts);
}

#[test]
fn what_is_acknowledged_behind_a_failure_and_a_restart_survives_a_power_cut() {
    check(&NEW, but_syncs, without_a_crash_and_then_power_cuts);
    check(&REPLACED, but_syncs, without_a_crash_and_then_power_cuts);
    check(&REOPENED, but_syncs, without_a_crash_and_then_power_cuts);
}

/// What a failed sync was about may be lost though it still reads back, and no later sync is about it.
#[test]
fn what_is_acknowledged_behind_a_failed_sync_and_a_restart_survives_a_power_cut() {
    let is_sync = |operation| operation == Operation::Sync;
    check(&NEW, is_sync, without_a_crash_and_then_power_cuts);
    check(&REPLACED, is_sync, without_a_crash_and_then_power_cuts);
    check(&REOPENED, is_sync, without_a_crash_and_then_power_cuts);
}

#[test]
fn a_name_that_could_not_be_made_durable_is_not_gone_on_with() {
    let is_folder_sync = |operation| operation == Operation::SyncFolder;
    check(&NEW, is_folder_sync, without_a_crash_and_then_power_cuts);
    check(&REOPENED, is_folder_sync, without_a_crash_and_then_power_cuts);
}

#[test]
fn a_scattered_tail_whose_repair_failed_does_not_keep_the_file_from_being_opened() {
    check(&[(Start::Scattered, How::RepairAndOpen)], any, behind_power_cuts);
}

#[test]
fn half_a_header_that_failed_to_be_replaced_does_not_keep_the_file_from_being_opened() {
    check(&[(Start::HalfHeader, How::Open)], any, behind_power_cuts);
}

/// Runs the scenario until the power goes. `false` if it ended before.
fn run_without_power(scenario: &Scenario, number: u64) -> Checked<bool> {
    let (disk, mut world) = scenario.begin();
    disk.power_off_at(number);
    if session(scenario, &TracedStorage::new(&disk), &mut world).is_ok() {
        return Ok(false);
    }
    behind_power_cuts(&disk, &world)?;
    Ok(true)
}

#[test]
fn power_that_goes_at_any_operation_takes_nothing_that_was_acknowledged() {
    let mut violations = Violations::default();
    for scenario in [NEW.as_slice(), &REPLACED, &REOPENED].into_iter().flat_map(scenarios) {
        violations.add_all(format!("{scenario:?}, no power"), |number| run_without_power(&scenario, number));
    }
    println!("{} runs", violations.runs);
    assert!(violations.count == 0, "{violations}");
}

/// Runs the scenario in a process that is killed. `false` if it ended before.
fn run_killed(scenario: &Scenario, number: u64) -> Checked<bool> {
    let (disk, mut world) = scenario.begin();
    let storage = TracedStorage::new(&disk);
    storage.trace.kill_at(number);
    if session(scenario, &storage, &mut world).is_ok() {
        return Ok(false);
    }
    // A process that is killed leaves its temporary file.
    without_a_crash_and_then_power_cuts(&disk, &world)?;
    Ok(true)
}

#[test]
fn a_process_killed_at_any_operation_is_followed_by_one_that_loses_nothing_to_a_power_cut() {
    let mut violations = Violations::default();
    for scenario in [NEW.as_slice(), &REPLACED, &REOPENED].into_iter().flat_map(scenarios) {
        violations.add_all(format!("{scenario:?}, killed"), |number| run_killed(&scenario, number));
    }
    println!("{} runs", violations.runs);
    assert!(violations.count == 0, "{violations}");
}

/// The scenarios are what they are called.
#[test]
fn the_files_to_begin_with_end_as_they_should() {
    let end = |start: Start| {
        let (bytes, _) = start.bytes().unwrap();
        let mut reader = Reader::new(&bytes[..]).unwrap();
        while let Ok(Some(_)) = reader.next_message() {}
        let end = reader.end().unwrap();
        (end.state, end.bytes_behind)
    };
    assert_eq!(end(Start::Closed), (EndState::Closed, 0));
    assert_eq!(end(Start::Zeros), (EndState::Closed, 5000));
    assert_eq!(end(Start::Torn).0, EndState::Torn);
    assert_eq!(end(Start::Scattered).0, EndState::Scattered);
    let (bytes, _) = Start::HalfHeader.bytes().unwrap();
    assert!(Reader::new(&bytes[..]).is_err());
}
