use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use flatstream_format::{Clock, TIME_NONE};

/// What reads a clock: nanoseconds, or `TIME_NONE`.
pub(crate) type Now = Arc<dyn Fn() -> i64 + Send + Sync>;

/// Where the times of sync frames come from.
#[derive(Clone)]
pub(crate) enum Times {
    /// The system's clock, which is UTC.
    System,
    /// The user's clock.
    Clock(Now),
    /// The application, message by message: the greatest so far.
    Events { greatest: i64 },
    /// There are none.
    Unknown,
}

impl Times {
    /// The same, unless nothing was chosen and the header promises another clock than the system's.
    pub(crate) fn of_clock(&self, clock: Clock) -> Self {
        match (self, clock) {
            (Self::System, Clock::Monotonic | Clock::Tai) => Self::Unknown,
            _ => self.clone(),
        }
    }

    /// What a sync frame says now.
    pub(crate) fn now(&self) -> i64 {
        match self {
            Self::System => unix_now(),
            Self::Clock(now) => now(),
            Self::Events { greatest } => *greatest,
            Self::Unknown => TIME_NONE,
        }
    }

    /// What no time may be less than in a stream that is reopened behind a sync frame of the time `last`, so that times
    /// never decrease over the whole stream. A monotonic clock begins anew when the machine does, and of an unspecified
    /// one nobody knows: nothing is carried over for these.
    pub(crate) fn floor(&self, last: i64, clock: Clock) -> i64 {
        match (self, clock) {
            (Self::Events { .. }, _) | (_, Clock::UnixUtc | Clock::Tai) => last,
            _ => TIME_NONE,
        }
    }
}

fn unix_now() -> i64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_nanos()).unwrap_or(i64::MAX),
        Err(_) => TIME_NONE,
    }
}
