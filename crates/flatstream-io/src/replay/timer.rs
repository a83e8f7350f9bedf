use std::thread;
use std::time::{Duration, Instant};

/// What a [`Replay`](super::Replay) waits by. The default is [`SystemTimer`]; one that only counts makes tests quick, a
/// simulation's makes a replay follow simulated time.
///
/// ```
/// use std::cell::Cell;
/// use std::time::Duration;
///
/// use flatstream_io::replay::{Replay, Timer};
///
/// #[derive(Default)]
/// struct Simulated(Cell<Duration>);
///
/// impl Timer for Simulated {
///     fn now(&self) -> Duration {
///         self.0.get()
///     }
///
///     fn sleep_until(&self, time: Duration) {
///         self.0.set(time);
///     }
/// }
///
/// let recorded = [(1_000, "first"), (61_000, "a minute later, if these were milliseconds")];
/// let recorded = recorded.map(|(ms, message)| Ok::<_, std::io::Error>((ms * 1_000_000, message)));
/// let timer = Simulated::default();
/// assert_eq!(Replay::new(recorded).timer(&timer).count(), 2);
/// assert_eq!(timer.now(), Duration::from_secs(60));
/// ```
pub trait Timer {
    /// The time since a moment of the timer's own choice. It never decreases.
    fn now(&self) -> Duration;

    /// Returns when [`now`](Self::now) is at least `time`; at once if it is already.
    fn sleep_until(&self, time: Duration);
}

impl<T: Timer + ?Sized> Timer for &T {
    fn now(&self) -> Duration {
        (**self).now()
    }

    fn sleep_until(&self, time: Duration) {
        (**self).sleep_until(time);
    }
}

/// The system's monotonic clock; the thread sleeps.
///
/// How exactly it wakes is the system's affair: usually some 50 µs too late on Linux, 1 ms and more on Windows. That
/// doesn't add up, because each message is due at a time of its own.
#[derive(Clone, Copy, Debug)]
pub struct SystemTimer(Instant);

impl SystemTimer {
    /// A timer that begins at 0 now.
    #[must_use]
    pub fn new() -> Self {
        Self(Instant::now())
    }
}

impl Default for SystemTimer {
    fn default() -> Self {
        Self::new()
    }
}

impl Timer for SystemTimer {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    fn sleep_until(&self, time: Duration) {
        loop {
            match time.saturating_sub(self.now()) {
                Duration::ZERO => return,
                left => thread::sleep(left),
            }
        }
    }
}
