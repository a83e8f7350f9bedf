//! Schedules of appends, syncs, rotations, retention and power cuts, and what has to hold of a log after each cut.

use std::io;
use std::time::Duration;

use flatstream::log::{LogOptions, LogWriter};
use flatstream::{Clock, Error, FlushPolicy, SyncPolicy, WriteOptions};
use flatstream_testkit::disk::{Disk, Schedule};
use flatstream_testkit::noise::Noise;

use crate::log_world::{Checked, LogWorld};
use crate::power_cut::Violation;
use crate::traced::TracedStorage;

/// What schedules add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Power cuts.
    pub cuts: u64,
    /// How many of them came while the log was being opened.
    pub cuts_while_opening: u64,
    /// Sessions that ended by the death of the process, with the power on.
    pub kills: u64,
    /// Messages that `append` accepted.
    pub appended: u64,
    /// Messages that were acknowledged as durable and had to be there.
    pub acknowledged: u64,
    /// Segments that began.
    pub rotations: u64,
    /// Segments that retention let go.
    pub removals: u64,
}

impl Tally {
    /// Adds another one.
    pub fn add(&mut self, other: &Self) {
        let Self { cuts, cuts_while_opening, kills, appended, acknowledged, rotations, removals } = other;
        self.cuts += cuts;
        self.cuts_while_opening += cuts_while_opening;
        self.kills += kills;
        self.appended += appended;
        self.acknowledged += acknowledged;
        self.rotations += rotations;
        self.removals += removals;
    }
}

/// Runs the schedule of this seed: a log is opened, written and cut, or left by a process that dies, `sessions` times
/// in a row, opened a last time, and read.
///
/// Stream ids are chosen by chance, as the log does it: two runs differ in these bytes, and in nothing else.
///
/// # Errors
/// The first promise that wasn't kept.
pub fn run(seed: u64, sessions: usize) -> Result<Tally, Violation> {
    let mut run = Run::new(seed);
    let result = (0..sessions).try_for_each(|_| run.session()).and_then(|()| run.last_session());
    run.tally.removals = run.world.let_go().len() as u64;
    result.map(|()| run.tally).map_err(|what| Violation { seed, what })
}

/// Which segments are kept: the same for all sessions.
#[derive(Clone, Copy, Debug)]
enum Kept {
    All,
    Segments(usize),
    Bytes(u64),
    /// The disk has no time: all are too old.
    NoneForLong,
}

struct Run {
    noise: Noise,
    disk: Disk,
    kept: Kept,
    refusals: usize,
    sync_interval: u32,
    world: LogWorld,
    tally: Tally,
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut noise = Noise::new(seed);
        let kept = match noise.below(5) {
            0 => Kept::All,
            1 => Kept::NoneForLong,
            2 => Kept::Bytes(noise.below(20_000) as u64),
            _ => Kept::Segments(noise.below(5)),
        };
        Self {
            kept,
            refusals: [0, 0, 30][noise.below(3)],
            sync_interval: [0, 256, 4096][noise.below(3)],
            noise,
            disk: Disk::new(),
            world: LogWorld::default(),
            tally: Tally::default(),
        }
    }

    fn options(&mut self, refusals: usize) -> LogOptions {
        let noise = &mut self.noise;
        let sync = match noise.below(5) {
            0 => SyncPolicy::EveryMessage,
            1 => SyncPolicy::EveryBytes(noise.below(5000) as u64),
            _ => SyncPolicy::Manual,
        };
        let flush = match noise.below(4) {
            0 => FlushPolicy::EveryMessage,
            1 => FlushPolicy::EveryBytes(noise.below(3000) as u64),
            _ => FlushPolicy::WhenFull,
        };
        let write = WriteOptions::new()
            .sync_interval(self.sync_interval)
            .clock(Clock::Unspecified, || 0)
            .block_size(64 << noise.below(8))
            .sync_policy(sync)
            .flush_policy(flush);
        let mut options = LogOptions::new().write_options(write).segment_bytes(noise.below(6000) as u64);
        if noise.below(6) == 0 {
            options = options.segment_time(Duration::ZERO);
        }
        options = match self.kept {
            Kept::All => options,
            Kept::Segments(count) => options.keep_segments(count),
            Kept::Bytes(bytes) => options.keep_bytes(bytes),
            Kept::NoneForLong => options.keep_for(Duration::from_secs(1)),
        };
        let mut noise = Noise::new(self.noise.number());
        match self.noise.below(2) {
            0 => options,
            _ => options.before_removal(move |_| match noise.below(100) < refusals {
                true => Err(io::Error::other("not yet")),
                false => Ok(()),
            }),
        }
    }

    fn session(&mut self) -> Checked<()> {
        // In most sessions the power goes in the middle of an operation, else between two of them.
        if self.noise.below(4) > 0 {
            let operations = self.disk.operations() + self.noise.below(200) as u64;
            self.disk.power_off_at(operations);
        }
        let (options, storage) = (self.options(self.refusals), self.world.storage(&self.disk));
        let trace = storage.trace.clone();
        let log = self.world.open(&self.disk, storage, options)?;
        self.tally.acknowledged += self.world.acknowledged as u64;
        let log = match log {
            Some(log) => self.write(log)?,
            None => {
                self.tally.cuts_while_opening += 1;
                None
            }
        };
        // One session in five ends by the death of the process alone.
        if !self.disk.is_off() && self.noise.below(5) == 0 {
            trace.kill_at(0);
            self.disk.power_off_at(u64::MAX);
            self.tally.kills += 1;
            return Ok(());
        }
        self.disk = self.disk.crash(&Schedule::new(self.noise.number()));
        // It finds a disk that is gone.
        drop(log);
        self.tally.cuts += 1;
        Ok(())
    }

    /// Works at random until the power goes, or until the session is over.
    fn write(&mut self, mut log: LogWriter<TracedStorage>) -> Checked<Option<LogWriter<TracedStorage>>> {
        for _ in 0..self.noise.below(60) {
            let result = match self.noise.below(20) {
                0 | 1 => log.sync().map(|durable| self.world.acknowledged = durable as usize),
                2 => log.flush(),
                3 => log.rotate().map(|()| self.note_rotation()),
                4 => {
                    // What it says no to is no failure.
                    let _ = log.retain();
                    Ok(())
                }
                _ => self.append(&mut log),
            };
            if self.disk.is_off() {
                return Ok(Some(log));
            }
            result.map_err(|error| format!("the power is on, and writing fails: {error}"))?;
            if let Some(error) = log.rotation_error() {
                return Err(format!("the power is on, and no segment begins: {error}"));
            }
            self.world.note_start(&log);
        }
        if self.noise.below(3) > 0 {
            return Ok(Some(log));
        }
        let result = log.finish();
        if !self.disk.is_off() {
            result.map_err(|error| format!("the power is on, and it can't be finished: {error}"))?;
            self.world.acknowledged = self.world.messages.len();
        }
        Ok(None)
    }

    /// All before the border is durable.
    fn note_rotation(&mut self) {
        self.world.acknowledged = self.world.messages.len();
        self.tally.rotations += 1;
    }

    fn append(&mut self, log: &mut LogWriter<TracedStorage>) -> Result<(), Error> {
        let longest = [20, 200, 2000][self.noise.below(3)];
        let len = self.noise.below(longest);
        let mut message = (self.world.messages.len() as u64).to_le_bytes().to_vec();
        message.extend(self.noise.bytes(len));
        let segments = self.world.segments_begun();
        self.world.append(log, message)?;
        self.tally.appended += 1;
        if self.world.segments_begun() > segments {
            self.tally.rotations += 1;
            self.world.acknowledged = self.world.acknowledged.max(self.world.messages.len() - 1);
        }
        Ok(())
    }

    fn last_session(&mut self) -> Checked<()> {
        let (options, storage) = (self.options(0), self.world.storage(&self.disk));
        let log = self.world.open(&self.disk, storage, options)?;
        let mut log = log.ok_or("the power went, unplanned")?;
        let failed = |error: Error| format!("it doesn't go on: {error}");
        self.append(&mut log).map_err(failed)?;
        log.rotate().map_err(failed)?;
        self.world.note_start(&log);
        self.append(&mut log).map_err(failed)?;
        let count = log.sequence();
        log.finish().map_err(failed)?;
        let found = self.world.check_content(&self.disk, false)?;
        if found != count {
            return Err(format!("the log counted {count} messages, readers {found}"));
        }
        Ok(())
    }
}
