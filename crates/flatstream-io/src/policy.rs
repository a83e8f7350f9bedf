use std::time::{Duration, Instant};

/// When a writer tells its sink to make everything durable by itself. [`Writer::sync`](crate::Writer::sync) does so at
/// any time.
///
/// ```
/// use std::time::Duration;
///
/// use flatstream_io::{SyncPolicy, WriteOptions};
///
/// // A power cut costs at most what was appended in the last second ...
/// let options = WriteOptions::new().sync_policy(SyncPolicy::Every(Duration::from_secs(1)));
/// ```
///
/// A plain [`Writer`](crate::Writer) has no thread: it looks at the clock only when something is appended, so
/// [`Every`](Self::Every) never fires while nothing is. [`SharedWriter`](crate::SharedWriter)'s thread keeps it always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SyncPolicy {
    /// Only when told to, and at [`finish`](crate::Writer::finish).
    #[default]
    Manual,
    /// Behind each message: `append` returns when the message is durable.
    EveryMessage,
    /// As soon as so many bytes of the stream, or more, aren't durable.
    EveryBytes(u64),
    /// At the first append after so long a time since the last sync.
    Every(Duration),
}

/// When a writer hands what it gathered to its sink by itself. [`Writer::flush`](crate::Writer::flush) does so at any
/// time, and each sync begins with it.
///
/// What was handed to a file survives the end of the process, a SIGKILL too. At 1,000 messages of 64 bytes a second a
/// block of 256 KiB is full only after four seconds.
///
/// ```
/// use std::time::Duration;
///
/// use flatstream_io::{FlushPolicy, WriteOptions};
///
/// let options = WriteOptions::new().flush_policy(FlushPolicy::Every(Duration::from_millis(100)));
/// ```
///
/// As for [`SyncPolicy`], a plain writer looks at the clock only when something is appended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum FlushPolicy {
    /// When a block is full.
    #[default]
    WhenFull,
    /// Behind each message.
    EveryMessage,
    /// As soon as so many bytes of the stream, or more, weren't handed over.
    EveryBytes(u64),
    /// At the first append after so long a time since the last flush.
    Every(Duration),
}

/// What the policies come to, and sync frames by time: when something is due, counted from the last time it was done.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    Never,
    Bytes(u64),
    Time(Duration),
}

impl From<SyncPolicy> for Pace {
    fn from(policy: SyncPolicy) -> Self {
        match policy {
            SyncPolicy::Manual => Self::Never,
            SyncPolicy::EveryMessage => Self::Bytes(0),
            SyncPolicy::EveryBytes(bytes) => Self::Bytes(bytes),
            SyncPolicy::Every(time) => Self::Time(time),
        }
    }
}

impl From<FlushPolicy> for Pace {
    fn from(policy: FlushPolicy) -> Self {
        match policy {
            FlushPolicy::WhenFull => Self::Never,
            FlushPolicy::EveryMessage => Self::Bytes(0),
            FlushPolicy::EveryBytes(bytes) => Self::Bytes(bytes),
            FlushPolicy::Every(time) => Self::Time(time),
        }
    }
}

/// A policy with what it counts from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Due {
    pace: Pace,
    last_position: u64,
    pub(crate) last_time: Instant,
}

impl Due {
    pub(crate) fn new(pace: impl Into<Pace>) -> Self {
        Self { pace: pace.into(), last_position: 0, last_time: Instant::now() }
    }

    /// It was done up to here, just now.
    pub(crate) fn done(&mut self, position: u64) {
        self.last_position = position;
        if matches!(self.pace, Pace::Time(_)) {
            self.last_time = Instant::now();
        }
    }

    pub(crate) fn is_due(&self, position: u64) -> bool {
        match self.pace {
            Pace::Never => false,
            Pace::Bytes(bytes) => position - self.last_position >= bytes.max(1),
            Pace::Time(time) => position > self.last_position && self.last_time.elapsed() >= time,
        }
    }

    /// The least position at which it can be due: before, nobody has to ask.
    pub(crate) fn not_before(&self) -> u64 {
        match self.pace {
            Pace::Never => u64::MAX,
            Pace::Bytes(bytes) => self.last_position.saturating_add(bytes),
            Pace::Time(_) => 0,
        }
    }

    /// How many bytes more make it due, or make its time run; `u64::MAX` if no number does.
    fn bytes_left(&self, position: u64) -> u64 {
        match self.pace {
            Pace::Never => u64::MAX,
            Pace::Bytes(bytes) => self.last_position.saturating_add(bytes).saturating_sub(position).max(1),
            Pace::Time(_) if position > self.last_position => u64::MAX,
            Pace::Time(_) => 1,
        }
    }

    /// When it is due although nothing more comes; `None` if only bytes decide, or there is nothing to be done.
    fn time(&self, position: u64) -> Option<Instant> {
        match self.pace {
            Pace::Time(time) if position > self.last_position => self.last_time.checked_add(time),
            _ => None,
        }
    }
}

/// What a [`SharedWriter`](crate::SharedWriter)'s thread waits for so that no policy is kept too late.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Need {
    /// After so many bytes more it has to look again; at least 1.
    pub bytes: u64,
    /// At this time too.
    pub time: Option<Instant>,
}

impl Need {
    /// The same, and at this time at the latest.
    #[must_use]
    pub fn at_latest(self, time: Instant) -> Self {
        Self { time: Some(self.time.map_or(time, |earlier| earlier.min(time))), ..self }
    }

    pub(crate) fn of(dues: &[Due], position: u64) -> Self {
        Self {
            bytes: dues.iter().map(|due| due.bytes_left(position)).min().unwrap_or(u64::MAX),
            time: dues.iter().filter_map(|due| due.time(position)).min(),
        }
    }
}
