//! Schedules of appends, syncs and power cuts, and what has to hold after each cut.

use std::fmt;
use std::time::Duration;

use flatstream::{ChecksumType, Clock, EndState, Error, FlushPolicy, Reader, SyncPolicy, WriteOptions, Writer};
use flatstream_testkit::disk::{Disk, Schedule};
use flatstream_testkit::noise::Noise;

use crate::storage::{DiskStorage, OpenFile};

/// The name of the stream's file.
pub const FILE: &str = "log.fls";

/// What schedules add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Power cuts.
    pub cuts: u64,
    /// How many of them came while the file was being opened or created.
    pub cuts_while_opening: u64,
    /// Messages that `append` accepted.
    pub appended: u64,
    /// Messages that were acknowledged as durable, by a sync or by a reopening, and had to be there after a cut.
    pub acknowledged: u64,
    /// Messages beyond these that were there all the same.
    pub kept_beyond: u64,
    /// Messages that were neither acknowledged nor kept.
    pub unacknowledged_lost: u64,
    /// Cuts behind which the file ended torn, and scattered.
    pub torn: u64,
    /// See [`torn`](Self::torn).
    pub scattered: u64,
    /// Whole messages in scattered tails, which are kept beside the file.
    pub messages_in_tails: u64,
    /// Bytes that were cut.
    pub bytes_cut: u64,
}

impl Tally {
    /// Adds another one.
    pub fn add(&mut self, other: &Self) {
        let Self {
            cuts,
            cuts_while_opening,
            appended,
            acknowledged,
            kept_beyond,
            unacknowledged_lost,
            torn,
            scattered,
            messages_in_tails,
            bytes_cut,
        } = other;
        self.cuts += cuts;
        self.cuts_while_opening += cuts_while_opening;
        self.appended += appended;
        self.acknowledged += acknowledged;
        self.kept_beyond += kept_beyond;
        self.unacknowledged_lost += unacknowledged_lost;
        self.torn += torn;
        self.scattered += scattered;
        self.messages_in_tails += messages_in_tails;
        self.bytes_cut += bytes_cut;
    }
}

/// A promise that wasn't kept.
#[derive(Debug)]
pub struct Violation {
    /// The schedule's seed, by which it can be run again.
    pub seed: u64,
    /// What happened.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "schedule {}: {}", self.seed, self.what)
    }
}

/// Runs the schedule of this seed: a stream is opened, written and cut `cuts` times in a row, opened a last time, and
/// read.
///
/// # Errors
/// The first promise that wasn't kept.
pub fn run(seed: u64, cuts: usize) -> Result<Tally, Violation> {
    let mut run = Run::new(seed);
    let result = (0..cuts).try_for_each(|_| run.session_and_cut()).and_then(|()| run.last_session());
    result.map(|()| run.tally).map_err(|what| Violation { seed, what })
}

struct Run {
    noise: Noise,
    disk: Disk,
    checksum: ChecksumType,
    sync_interval: u32,
    /// What the file may hold: what it held at the last opening, and what was appended since.
    messages: Vec<Vec<u8>>,
    /// How many of these have to be there.
    acknowledged: usize,
    next_message: u64,
    tally: Tally,
}

type Checked<T> = Result<T, String>;

impl Run {
    fn new(seed: u64) -> Self {
        let mut noise = Noise::new(seed);
        let checksums = [ChecksumType::Crc32c, ChecksumType::Crc32, ChecksumType::Xxh64, ChecksumType::Xxh3];
        Self {
            checksum: checksums[noise.below(checksums.len())],
            sync_interval: [0, 256, 1024, 4096, 65_536][noise.below(5)],
            noise,
            disk: Disk::new(),
            messages: Vec::new(),
            acknowledged: 0,
            next_message: 0,
            tally: Tally::default(),
        }
    }

    /// What a power cut must not take is chosen anew for each session.
    fn options(&mut self) -> WriteOptions {
        let noise = &mut self.noise;
        let sync = match noise.below(6) {
            0 => SyncPolicy::EveryMessage,
            1 => SyncPolicy::EveryBytes(noise.below(5000) as u64),
            2 => SyncPolicy::Every(Duration::ZERO),
            _ => SyncPolicy::Manual,
        };
        let flush = match noise.below(4) {
            0 => FlushPolicy::EveryMessage,
            1 => FlushPolicy::EveryBytes(noise.below(3000) as u64),
            _ => FlushPolicy::WhenFull,
        };
        WriteOptions::new()
            .checksum(self.checksum)
            .sync_interval(self.sync_interval)
            .clock(Clock::Unspecified, || 0)
            .stream_id(noise.number() | 1)
            .block_size(64 << noise.below(8))
            .sync_policy(sync)
            .flush_policy(flush)
    }

    fn session_and_cut(&mut self) -> Checked<()> {
        // In two of three sessions the power goes in the middle of an operation, else between two of them.
        if self.noise.below(3) > 0 {
            let operations = self.disk.operations() + self.noise.below(80) as u64;
            self.disk.power_off_at(operations);
        }
        let writer = match self.open()? {
            Some(mut writer) => {
                self.write(&mut writer)?;
                Some(writer)
            }
            None => {
                self.tally.cuts_while_opening += 1;
                None
            }
        };
        self.disk = self.disk.crash(&Schedule::new(self.noise.number()));
        // It finds a disk that is gone.
        drop(writer);
        self.tally.cuts += 1;
        Ok(())
    }

    /// Opens the file and checks what it holds; `None` if the power went meanwhile.
    fn open(&mut self) -> Checked<Option<Writer<OpenFile>>> {
        let before = self.disk.read(FILE);
        if before.is_none() && self.acknowledged > 0 {
            return Err(format!("the file is gone, with {} acknowledged messages", self.acknowledged));
        }
        let options = self.options();
        let writer = match Writer::open_in(&DiskStorage(self.disk.clone()), FILE, options) {
            Ok(writer) => writer,
            Err(_) if self.disk.is_off() => return Ok(None),
            Err(error) => return Err(format!("it doesn't open: {error}")),
        };
        self.check_kept(&writer, &before.unwrap_or_default())?;
        Ok(Some(writer))
    }

    fn check_kept(&mut self, writer: &Writer<OpenFile>, before: &[u8]) -> Checked<()> {
        let kept = writer.sequence() as usize;
        self.check_content(kept)?;
        if let Some(report) = writer.open_report() {
            let cut = &before[report.end.position as usize..];
            if let Some(path) = &report.kept_at {
                let saved = self.disk.read(&path.to_string_lossy()).unwrap_or_default();
                if saved != cut {
                    return Err(format!("{} bytes were cut, and other {} are kept", cut.len(), saved.len()));
                }
            } else if cut.iter().any(|&byte| byte != cut[0]) {
                return Err(format!("{} bytes were cut and not kept", cut.len()));
            }
            self.tally.torn += u64::from(report.end.state == EndState::Torn);
            self.tally.scattered += u64::from(report.end.state == EndState::Scattered);
            self.tally.messages_in_tails += report.messages_cut;
            self.tally.bytes_cut += report.bytes_cut;
        }
        self.tally.acknowledged += self.acknowledged as u64;
        self.tally.kept_beyond += (kept - self.acknowledged) as u64;
        self.tally.unacknowledged_lost += (self.messages.len() - kept) as u64;
        // What a reopened stream holds is durable, with the sync frame that says that it was reopened.
        self.messages.truncate(kept);
        self.acknowledged = kept;
        Ok(())
    }

    /// The file holds exactly the first `kept` messages: none lost that was acknowledged, none twice, none unknown.
    fn check_content(&self, kept: usize) -> Checked<()> {
        if kept < self.acknowledged {
            return Err(format!("{} messages were acknowledged, {kept} are there", self.acknowledged));
        }
        let bytes = self.disk.read(FILE).ok_or("the file was opened and isn't there")?;
        let failed = |error: Error| format!("it was opened and doesn't read: {error}");
        let mut reader = Reader::new(&bytes[..]).map_err(failed)?;
        let mut count = 0;
        while let Some(message) = reader.next_message().map_err(failed)? {
            if self.messages.get(count).is_none_or(|expected| expected != message) {
                return Err(format!("message {count} isn't the one that was appended"));
            }
            count += 1;
        }
        if count != kept {
            return Err(format!("the writer counts {kept} messages, a reader {count}"));
        }
        Ok(())
    }

    /// Appends, flushes and syncs at random until the power goes, or until the session is over.
    fn write(&mut self, writer: &mut Writer<OpenFile>) -> Checked<()> {
        for _ in 0..self.noise.below(60) {
            let result = match self.noise.below(10) {
                0 => writer.sync().map(|durable| self.acknowledged = durable as usize),
                1 => writer.flush(),
                _ => self.append(writer),
            };
            if self.disk.is_off() {
                return Ok(());
            }
            result.map_err(|error| format!("the power is on, and writing fails: {error}"))?;
            // A policy's sync counts as well as one that was asked for.
            if writer.durable_position() == writer.position() {
                self.acknowledged = writer.sequence() as usize;
            }
        }
        Ok(())
    }

    fn append(&mut self, writer: &mut Writer<OpenFile>) -> Result<(), Error> {
        let longest = [20, 200, 2000, 9000][self.noise.below(4)];
        let len = self.noise.below(longest);
        let mut message = self.next_message.to_le_bytes().to_vec();
        message.extend(self.noise.bytes(len));
        self.next_message += 1;
        let result = writer.append(&message).map(drop);
        self.tally.appended += u64::from(result.is_ok());
        // One that failed may be there all the same.
        self.messages.push(message);
        result
    }

    fn last_session(&mut self) -> Checked<()> {
        let Some(mut writer) = self.open()? else { return Err("the power went, unplanned".to_owned()) };
        let failed = |error: Error| format!("it doesn't go on: {error}");
        self.append(&mut writer).map_err(failed)?;
        let count = writer.sequence() as usize;
        drop(writer.finish().map_err(failed)?);
        self.check_content(count)
    }
}
