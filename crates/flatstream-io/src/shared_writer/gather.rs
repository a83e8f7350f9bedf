use std::time::{Duration, Instant};

use super::sync::now;

/// Threads that come straight back with their next message do so one close behind the other. This is a long pause
/// between two of them, also where the disk is slow.
const PAUSE_MAX: Duration = Duration::from_micros(250);

/// Syncs that take less are fast: see [`Gather::is_fast`].
const FAST_SYNC: Duration = Duration::from_millis(1);

/// When the flusher syncs for threads that wait.
///
/// Those that a sync let go come back one by one. If the first of them got a sync at once, all others had to wait for
/// that one to end, and the group would be split for good. So after a sync the next one waits for as many threads as
/// were let go, and for those that waited already: but only while they keep coming, and never longer than the last sync
/// took.
#[derive(Debug)]
pub(super) struct Gather {
    /// How many threads may come.
    expected: usize,
    sync_time: Duration,
    released_at: Instant,
    /// How many had come when last looked at, and since when.
    seen: usize,
    seen_at: Instant,
}

impl Gather {
    pub(super) fn new() -> Self {
        let now = now();
        Self { expected: 0, sync_time: Duration::ZERO, released_at: now, seen: 0, seen_at: now }
    }

    /// How long the last sync took.
    pub(super) fn synced(&mut self, time: Duration) {
        self.sync_time = time;
    }

    /// So many threads were let go, and so many waited already for the next sync.
    pub(super) fn released(&mut self, count: usize, waiting: usize) {
        let now = now();
        (self.expected, self.released_at) = (count + waiting, now);
        (self.seen, self.seen_at) = (waiting, now);
    }

    /// Whether threads that wait had better stay awake for a while. Putting 64 of them to sleep and waking them again
    /// takes a fifth of a millisecond on two processors; those that are awake come back in a third of that.
    pub(super) fn is_fast(&self) -> bool {
        self.sync_time < FAST_SYNC && !cfg!(all(loom, test))
    }

    pub(super) fn expected(&self) -> usize {
        self.expected
    }

    /// Until when to wait for more threads than wait now; `None` if it is time. Nobody waits for one thread alone.
    pub(super) fn until(&mut self, waiting: usize, now: Instant) -> Option<Instant> {
        if waiting.max(1) >= self.expected {
            return None;
        }
        if waiting > self.seen {
            (self.seen, self.seen_at) = (waiting, now);
        }
        let pause = (self.sync_time / 4).min(PAUSE_MAX);
        let until = (self.seen_at + pause).min(self.released_at + self.sync_time);
        (now < until).then_some(until)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    const SYNC: Duration = Duration::from_micros(800);

    fn gather(released: usize, waiting: usize) -> Gather {
        let mut gather = Gather::new();
        gather.synced(SYNC);
        gather.released(released, waiting);
        gather
    }

    #[test]
    fn one_thread_alone_is_never_waited_for() {
        let mut gather = gather(1, 0);
        assert_eq!(gather.until(0, gather.released_at), None);
        assert_eq!(gather.until(1, gather.released_at), None);
    }

    #[test]
    fn all_that_were_let_go_are_waited_for_and_no_more() {
        let mut gather = gather(3, 1);
        let now = gather.released_at;
        assert!(gather.until(1, now).is_some());
        assert!(gather.until(3, now).is_some());
        assert_eq!(gather.until(4, now), None);
    }

    #[test]
    fn threads_that_stay_away_are_not_waited_for_long() {
        let mut gather = gather(64, 0);
        let pause = SYNC / 4;
        assert_eq!(gather.until(0, gather.released_at), Some(gather.released_at + pause));
        // Each that comes gives the others the same time again ...
        let later = gather.released_at + pause / 2;
        assert_eq!(gather.until(1, later), Some(later + pause));
        assert_eq!(gather.until(1, later + pause), None);
        // ... but all of them together no more than a sync takes.
        let late = gather.released_at + SYNC - pause / 2;
        assert_eq!(gather.until(2, late), Some(gather.released_at + SYNC));
        assert_eq!(gather.until(3, gather.released_at + SYNC), None);
    }
}
