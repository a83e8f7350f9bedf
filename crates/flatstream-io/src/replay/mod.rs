//! Hands out recorded messages at the pace at which they were recorded, or faster or slower: for feeding a system under
//! test.
//!
//! [`Replay`] has examples.

mod by_key;
mod by_sync_times;
mod pace;
mod timer;

use std::io::Read;
use std::time::Duration;

use flatstream_format::TIME_NONE;

pub use by_key::ByKey;
pub use by_sync_times::BySyncTimes;
pub use timer::{SystemTimer, Timer};

use crate::error::{Error, Result};
use crate::reader::Reader;
use pace::Pace;

/// An iterator that waits before each message until that is due.
///
/// The first message comes at once, and each later one as long after it as was recorded. The times are read from the
/// messages themselves ([`by_key`](Self::by_key)), taken from the stream's sync frames
/// ([`by_sync_times`](Self::by_sync_times)), or given with the messages ([`new`](Self::new)).
///
/// When a message is due depends on nothing but the start and the recorded times: a replay doesn't drift, however
/// unevenly the thread wakes. What is late comes at once, until the replay has caught up; [`lateness`](Self::lateness)
/// tells a slow consumer.
///
/// ```
/// use std::time::Duration;
///
/// use flatstream_io::replay::Replay;
/// use flatstream_io::{Clock, Reader, WriteOptions, Writer};
///
/// let mut writer = Writer::new(Vec::new(), WriteOptions::new())?;
/// for hour in 0..24_u64 {
///     writer.append(&(hour * 3_600_000_000_000).to_le_bytes())?; // these messages are nothing but a time
/// }
/// let bytes = writer.finish()?;
///
/// // A day in well under a second: 1,000,000 times as fast, and no pause of more than a millisecond.
/// let time = |message: &flatstream_io::Message| i64::from_le_bytes(message[..8].try_into().unwrap());
/// let mut replay = Replay::by_key(Reader::new(&bytes[..])?, time).rate(1e6)?.max_gap(Duration::from_millis(1));
/// while let Some(message) = replay.next() {
///     let message = message?; // feed it to the system under test
///     if replay.lateness() > Duration::from_secs(1) {
///         eprintln!("too slow by {:?}", replay.lateness());
///     }
/// }
/// # Ok::<(), flatstream_io::Error>(())
/// ```
///
/// Where times run backwards, the stream was reopened under another clock, say: the message comes with the one before,
/// and the pace goes on from its time ([`max_disorder`](Self::max_disorder) says from how much on). A message with the
/// time [`TIME_NONE`] comes at once and changes nothing. Errors come at once too, and the replay goes on behind them as
/// far as what it reads from does.
#[derive(Clone, Debug)]
#[must_use = "an iterator does nothing until it is asked"]
pub struct Replay<I, T = SystemTimer> {
    recorded: I,
    pace: Pace,
    timer: T,
    last_time: i64,
    lateness: Duration,
}

impl<I> Replay<I> {
    /// Replays messages that come with their times, in nanoseconds.
    ///
    /// ```
    /// use flatstream_io::replay::Replay;
    ///
    /// let recorded = [(7_000, "seven microseconds"), (9_000, "nine")].map(Ok::<_, std::io::Error>);
    /// let mut replay = Replay::new(recorded);
    /// assert_eq!(replay.next().unwrap()?, "seven microseconds");
    /// assert_eq!(replay.next().unwrap()?, "nine");
    /// assert_eq!(replay.last_time(), Some(9_000));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn new<M, E>(recorded: impl IntoIterator<Item = std::result::Result<(i64, M), E>, IntoIter = I>) -> Self
    where
        I: Iterator<Item = std::result::Result<(i64, M), E>>,
    {
        let recorded = recorded.into_iter();
        Self { recorded, pace: Pace::new(), timer: SystemTimer::new(), last_time: TIME_NONE, lateness: Duration::ZERO }
    }
}

impl<I, F> Replay<ByKey<I, F>> {
    /// Replays messages by a time that is read from each of them, in nanoseconds: those of a
    /// [`Reader`], of a `TypedReader`, or of any iterator of results.
    pub fn by_key<M, E>(messages: impl IntoIterator<Item = std::result::Result<M, E>, IntoIter = I>, key: F) -> Self
    where
        I: Iterator<Item = std::result::Result<M, E>>,
        F: FnMut(&M) -> i64,
    {
        Self::new(ByKey::new(messages.into_iter(), key))
    }
}

impl<R: Read> Replay<BySyncTimes<R>> {
    /// Replays the messages of a stream by the times of its sync frames: for messages that hold no time.
    /// [`BySyncTimes`] says which time each of them gets.
    ///
    /// ```
    /// use flatstream_io::replay::Replay;
    /// use flatstream_io::{Reader, WriteOptions, Writer};
    ///
    /// let mut writer = Writer::new(Vec::new(), WriteOptions::new())?;
    /// for message in [b"first", b"second".as_slice(), b"third"] {
    ///     writer.append(message)?;
    /// }
    /// let bytes = writer.finish()?;
    ///
    /// // As fast as it was written.
    /// let replay = Replay::by_sync_times(Reader::new(&bytes[..])?);
    /// assert_eq!(replay.count(), 3);
    /// # Ok::<(), flatstream_io::Error>(())
    /// ```
    pub fn by_sync_times(reader: Reader<R>) -> Self {
        // Within an epoch these times never decrease.
        Self::new(BySyncTimes::new(reader)).max_disorder(Duration::ZERO)
    }
}

impl<I, T> Replay<I, T> {
    /// How fast: 2.0 is twice as fast as recorded, 0.5 half as fast. It may be changed between two messages, and holds
    /// from the last one on.
    ///
    /// # Errors
    /// Of the kind [`Usage`](crate::ErrorKind::Usage) unless it is a finite number above 0.
    pub fn rate(mut self, rate: f64) -> Result<Self> {
        if !rate.is_finite() || rate <= 0.0 {
            return Err(Error::usage("a rate of replay is a finite number above 0"));
        }
        self.pace.set_rate(rate);
        Ok(self)
    }

    /// The longest pause between two messages, whatever the rate: a longer one is shortened to it, such as the nights
    /// in a recording. By default none is.
    pub fn max_gap(mut self, gap: Duration) -> Self {
        self.pace.max_gap = gap;
        self
    }

    /// How much earlier a message may be than one before it and count as overtaken: it then comes with that one, and
    /// the pace stays as it is. One that is earlier by more begins a new time: the pace goes on from there.
    ///
    /// The default is a second, for recordings of several sources; 0 for [sync times](Self::by_sync_times).
    pub fn max_disorder(mut self, disorder: Duration) -> Self {
        self.pace.max_disorder = disorder;
        self
    }

    /// Another [`Timer`] than the system's. It has to be set before the first message is taken.
    pub fn timer<U: Timer>(self, timer: U) -> Replay<I, U> {
        let Self { recorded, pace, last_time, lateness, .. } = self;
        Replay { recorded, pace, timer, last_time, lateness }
    }

    /// How long after it was due the last message was handed out. It grows while the consumer is too slow for the rate;
    /// a little of it is how late the system wakes a thread. 0 for a message without a time.
    #[must_use]
    pub fn lateness(&self) -> Duration {
        self.lateness
    }

    /// The recorded time of the last message, in nanoseconds; `None` if it had none.
    #[must_use]
    pub fn last_time(&self) -> Option<i64> {
        (self.last_time != TIME_NONE).then_some(self.last_time)
    }

    /// Where the messages come from.
    #[must_use]
    pub fn get_ref(&self) -> &I {
        &self.recorded
    }

    /// Where the messages come from: a reader tells how its stream ended, say.
    #[must_use]
    pub fn into_inner(self) -> I {
        self.recorded
    }
}

impl<I, T, M, E> Iterator for Replay<I, T>
where
    I: Iterator<Item = std::result::Result<(i64, M), E>>,
    T: Timer,
{
    type Item = std::result::Result<M, E>;

    fn next(&mut self) -> Option<Self::Item> {
        let (time, message) = match self.recorded.next()? {
            Ok(timed) => timed,
            Err(error) => return Some(Err(error)),
        };
        let now = self.timer.now();
        self.last_time = time;
        self.lateness = match self.pace.due(time, now) {
            Some(due) if due > now => {
                self.timer.sleep_until(due);
                self.timer.now().saturating_sub(due)
            }
            Some(due) => now - due,
            None => Duration::ZERO,
        };
        Some(Ok(message))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.recorded.size_hint()
    }
}
