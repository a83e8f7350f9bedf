//! Every operation on the disk fails once, in every way, while a log is opened, appended to, rotated and thinned out:
//! nothing that was acknowledged is lost, nothing is there twice, and the log opens again, at once and after power
//! cuts. The same is done to a process that is killed at each operation, and to a machine that loses its power there.

use std::fmt;
use std::io::ErrorKind;
use std::time::Duration;

use flatstream::log::{LogOptions, LogWriter};
use flatstream::{Clock, Error, SyncPolicy, WriteOptions};
use flatstream_crashtest::log_world::{Checked, LogWorld};
use flatstream_crashtest::storage::DiskStorage;
use flatstream_crashtest::traced::{Operation, TracedStorage};
use flatstream_testkit::disk::{Disk, Fault, Schedule};

/// More operations than any scenario takes.
const ENDLESS: u64 = 20_000;

const EIO: i32 = 5;
const ENOSPC: i32 = 28;

const FAULTS: [Fault; 7] = [
    Fault::Raw(EIO),
    Fault::Raw(ENOSPC),
    Fault::HalfThenError,
    Fault::Interrupted,
    Fault::Error(ErrorKind::NotFound),
    Fault::Error(ErrorKind::AlreadyExists),
    Fault::Error(ErrorKind::Unsupported),
];

/// Whether a system may answer so.
fn is_possible(fault: Fault, operation: Operation) -> bool {
    use Operation::{CreateNew, HardLink, Open, Rename};
    match fault {
        Fault::Error(ErrorKind::NotFound) => matches!(operation, Open | CreateNew | HardLink | Rename),
        Fault::Error(ErrorKind::AlreadyExists) => matches!(operation, CreateNew | HardLink),
        _ => true,
    }
}

#[derive(Clone, Copy, Debug)]
struct Scenario {
    /// How many segments the log has at first; its newest one has a torn tail then.
    segments: usize,
    sync: SyncPolicy,
    kept: Kept,
    has_hook: bool,
}

#[derive(Clone, Copy, Debug)]
enum Kept {
    All,
    Segments(usize),
    Bytes(u64),
    NoneForLong,
}

const SCENARIOS: [Scenario; 7] = [
    Scenario { segments: 0, sync: SyncPolicy::Manual, kept: Kept::Segments(2), has_hook: false },
    Scenario { segments: 0, sync: SyncPolicy::EveryMessage, kept: Kept::All, has_hook: true },
    Scenario { segments: 5, sync: SyncPolicy::Manual, kept: Kept::Segments(2), has_hook: false },
    Scenario { segments: 5, sync: SyncPolicy::EveryBytes(300), kept: Kept::Bytes(4000), has_hook: true },
    Scenario { segments: 5, sync: SyncPolicy::Manual, kept: Kept::NoneForLong, has_hook: false },
    Scenario { segments: 1, sync: SyncPolicy::EveryMessage, kept: Kept::Segments(1), has_hook: true },
    Scenario { segments: 4, sync: SyncPolicy::Manual, kept: Kept::Segments(1), has_hook: true },
];

fn message(number: usize) -> Vec<u8> {
    const LENGTHS: [usize; 5] = [20, 100, 700, 8, 30];
    let mut message = (number as u64).to_le_bytes().to_vec();
    message.resize(8 + LENGTHS[number % LENGTHS.len()], number as u8 + 1);
    message
}

fn options() -> LogOptions {
    write_options(SyncPolicy::Manual)
}

fn write_options(sync: SyncPolicy) -> LogOptions {
    let write = WriteOptions::new().clock(Clock::Unspecified, || 0).block_size(512).sync_interval(256);
    LogOptions::new().write_options(write.sync_policy(sync)).segment_bytes(900)
}

impl Scenario {
    fn options(&self) -> LogOptions {
        let options = write_options(self.sync);
        let options = if self.has_hook { options.before_removal(|_| Ok(())) } else { options };
        match self.kept {
            Kept::All => options,
            Kept::Segments(count) => options.keep_segments(count),
            Kept::Bytes(bytes) => options.keep_bytes(bytes),
            Kept::NoneForLong => options.keep_for(Duration::from_secs(1)),
        }
    }

    /// The disk, with what is on it at first.
    fn begin(&self) -> (Disk, LogWorld) {
        let (disk, mut world) = (Disk::new(), LogWorld::default());
        if self.segments == 0 {
            return (disk, world);
        }
        let storage = DiskStorage(disk.clone());
        let mut log = LogWriter::open_in(storage, "log", options().segment_bytes(u64::MAX)).unwrap();
        for _ in 0..self.segments {
            for _ in 0..3 {
                append(&mut log, &mut world).unwrap();
            }
            log.rotate().unwrap();
        }
        append(&mut log, &mut world).unwrap();
        world.acknowledged = log.sync().unwrap() as usize;
        append(&mut log, &mut world).unwrap();
        drop(log);
        let newest = disk.names().into_iter().rfind(|name| name.ends_with(".fls")).unwrap();
        let mut bytes = disk.read(&newest).unwrap();
        bytes.truncate(bytes.len() - 10);
        // Everything else is durable as it is.
        let disk = disk.crash(&Schedule::everything_persists());
        disk.put(&newest, &bytes);
        world.messages.pop();
        (disk, world)
    }
}

fn append<S: flatstream::storage::Folders>(log: &mut LogWriter<S>, world: &mut LogWorld) -> Result<(), Error> {
    world.append(log, message(world.messages.len()))
}

/// Opens the log, appends over several borders, rotates, thins it out and finishes, until a call fails. How a call that
/// only says that the next segment can't begin fails: not at all.
fn session(scenario: &Scenario, disk: &Disk, storage: TracedStorage, world: &mut LogWorld) -> Checked<Option<Error>> {
    let options = scenario.options();
    let mut log = match LogWriter::open_in(storage, "log", options) {
        Ok(log) => log,
        Err(error) => return Ok(Some(error)),
    };
    note_opened(&log, world)?;
    for step in 0..14 {
        let failed = match step {
            3 => log.flush().err(),
            5 => log.sync().map(|durable| world.acknowledged = durable as usize).err(),
            8 | 11 => {
                let result = log.rotate();
                world.note_start(&log);
                // It goes on in one segment or the other, unless the next call says that it doesn't.
                result.err().filter(|_| log.flush().is_err())
            }
            12 => {
                // What can't be removed is tried again.
                let _ = log.retain();
                None
            }
            _ => append(&mut log, world).err(),
        };
        if let Some(error) = failed {
            check_refuses(log, &error, disk)?;
            return Ok(Some(error));
        }
    }
    let count = world.messages.len();
    match log.finish() {
        Ok(()) => world.acknowledged = count,
        Err(error) => return Ok(Some(error)),
    }
    Ok(None)
}

fn note_opened(log: &LogWriter<TracedStorage>, world: &mut LogWorld) -> Checked<()> {
    let kept = log.sequence() as usize;
    if !(world.acknowledged..=world.messages.len()).contains(&kept) {
        return Err(format!("{kept} messages are there, {} were acknowledged", world.acknowledged));
    }
    world.messages.truncate(kept);
    world.acknowledged = kept;
    world.note_start(log);
    Ok(())
}

/// After an error of `append`, `flush` or `sync` every call refuses, and none of them goes to the disk.
fn check_refuses(mut log: LogWriter<TracedStorage>, first: &Error, disk: &Disk) -> Checked<()> {
    let before = disk.operations();
    let results = [log.append(b"more").map(drop), log.flush(), log.sync().map(drop), log.rotate(), log.finish()];
    for (nth, result) in results.into_iter().enumerate() {
        let Err(error) = result else { return Err(format!("call {nth} behind {first} succeeds")) };
        if !error.to_string().starts_with("the writer refuses to go on") {
            return Err(format!("call {nth} behind {first} says: {error}"));
        }
    }
    if disk.operations() != before {
        return Err(format!("a log that refuses went to the disk: {first}"));
    }
    Ok(())
}

/// Opens the log again, checks it, and goes on over a border.
fn reopen_and_go_on(scenario: &Scenario, disk: &Disk, world: &mut LogWorld) -> Checked<()> {
    let options = scenario.options();
    let log = world.open(disk, world.storage(disk), options)?;
    let mut log = log.ok_or("the power is off")?;
    let failed = |error: Error| format!("it doesn't go on: {error}");
    for _ in 0..3 {
        append(&mut log, world).map_err(failed)?;
    }
    log.rotate().map_err(failed)?;
    world.note_start(&log);
    append(&mut log, world).map_err(failed)?;
    world.acknowledged = log.sync().map_err(failed)? as usize;
    Ok(())
}

fn without_a_crash(scenario: &Scenario, disk: &Disk, world: &LogWorld) -> Checked<()> {
    let what = |what| format!("opened again without a crash: {what}");
    reopen_and_go_on(scenario, disk, &mut world.fork()).map_err(what)
}

fn schedules() -> impl Iterator<Item = Schedule> {
    [Schedule::nothing_persists(), Schedule::everything_persists()].into_iter().chain((0..4).map(Schedule::new))
}

fn behind_power_cuts(scenario: &Scenario, disk: &Disk, world: &LogWorld) -> Checked<()> {
    for (nth, schedule) in schedules().enumerate() {
        let disk = disk.crash(&schedule);
        let mut world = world.fork();
        let what = |what| format!("behind power cut {nth}: {what}");
        reopen_and_go_on(scenario, &disk, &mut world).map_err(what)?;
        let disk = disk.crash(&Schedule::nothing_persists());
        let what = |what| format!("behind power cut {nth}, going on, and another: {what}");
        reopen_and_go_on(scenario, &disk, &mut world).map_err(what)?;
    }
    Ok(())
}

/// A service is started anew behind the failure, goes on, and then the power goes.
fn without_a_crash_and_then_power_cuts(scenario: &Scenario, disk: &Disk, world: &LogWorld) -> Checked<()> {
    let mut world = world.fork();
    reopen_and_go_on(scenario, disk, &mut world)?;
    for (nth, schedule) in schedules().enumerate() {
        let what = |what| format!("gone on with, and behind power cut {nth}: {what}");
        reopen_and_go_on(scenario, &disk.crash(&schedule), &mut world.fork()).map_err(what)?;
    }
    Ok(())
}

type AndThen = fn(&Scenario, &Disk, &LogWorld) -> Checked<()>;

fn run_with(fault: Fault, scenario: &Scenario, number: u64, and_then: AndThen) -> Checked<bool> {
    let (disk, mut world) = scenario.begin();
    let storage = world.storage(&disk);
    let trace = storage.trace.clone();
    let number = number + disk.operations();
    disk.fail_at(number, fault);
    let failure = session(scenario, &disk, storage, &mut world)?;
    let Some(failing) = trace.get(number) else {
        return failure.map_or(Ok(false), |error| Err(format!("without a fault: {error}")));
    };
    if is_possible(fault, failing) {
        let goes_on = failure.is_none();
        world.may_have_holes |= failing == Operation::SyncFolder;
        and_then(scenario, &disk, &world).map_err(|what| format!("{failing:?}, going on: {goes_on}: {what}"))?;
    }
    Ok(true)
}

fn run_without_power(scenario: &Scenario, number: u64, and_then: AndThen) -> Checked<bool> {
    let (disk, mut world) = scenario.begin();
    disk.power_off_at(disk.operations() + number);
    let storage = world.storage(&disk);
    session(scenario, &disk, storage, &mut world)?;
    if !disk.is_off() {
        return Ok(false);
    }
    and_then(scenario, &disk, &world).map(|()| true)
}

fn run_killed(scenario: &Scenario, number: u64, and_then: AndThen) -> Checked<bool> {
    let (disk, mut world) = scenario.begin();
    let storage = world.storage(&disk);
    let trace = storage.trace.clone();
    trace.kill_at(number);
    let was_killed = session(scenario, &disk, storage, &mut world)?.is_some();
    and_then(scenario, &disk, &world).map(|()| was_killed)
}

/// Disturbs each scenario at operation 0, 1 and so on until there is none left.
#[track_caller]
fn check(what: impl fmt::Debug, disturbed: impl Fn(&Scenario, u64) -> Checked<bool>) {
    let (mut violations, mut runs) = (Vec::new(), 0);
    for scenario in &SCENARIOS {
        for number in 0..ENDLESS {
            runs += 1;
            match disturbed(scenario, number) {
                Ok(true) => {}
                Ok(false) => break,
                Err(violation) => violations.push(format!("{scenario:?}, {what:?} at operation {number}: {violation}")),
            }
        }
    }
    println!("{what:?}: {runs} runs");
    let shown = violations[..violations.len().min(20)].join("\n");
    assert!(violations.is_empty(), "{} violations in {runs} runs:\n{shown}", violations.len());
}

#[test]
fn a_log_opens_again_behind_any_failure() {
    for fault in FAULTS {
        check(fault, |scenario, number| run_with(fault, scenario, number, without_a_crash));
    }
}

#[test]
fn a_log_loses_nothing_to_a_power_cut_behind_any_failure() {
    for fault in FAULTS {
        check(fault, |scenario, number| run_with(fault, scenario, number, behind_power_cuts));
    }
}

#[test]
fn what_is_acknowledged_behind_a_failure_and_a_restart_survives_a_power_cut() {
    for fault in FAULTS {
        check(fault, |scenario, number| run_with(fault, scenario, number, without_a_crash_and_then_power_cuts));
    }
}

#[test]
fn power_that_goes_at_any_operation_takes_nothing_that_was_acknowledged() {
    check("no power", |scenario, number| run_without_power(scenario, number, behind_power_cuts));
}

#[test]
fn a_process_killed_at_any_operation_is_followed_by_one_that_loses_nothing_to_a_power_cut() {
    check("killed", |scenario, number| run_killed(scenario, number, without_a_crash_and_then_power_cuts));
}
