//! What writer and followers tell each other.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::follow::FOLLOWERS;
use crate::{Outcome, PATIENCE};

#[derive(Default)]
pub(crate) struct Progress {
    appended: AtomicU64,
    seen: [AtomicU64; FOLLOWERS.len()],
    removed: AtomicU64,
    /// What went wrong first, wherever that was.
    failure: Mutex<Option<String>>,
    /// How much all followers had seen together, and since when.
    last: Mutex<Option<(u64, Instant)>>,
}

impl Progress {
    pub(crate) fn note_appended(&self, messages: u64) {
        self.appended.store(messages, Ordering::Relaxed);
    }

    pub(crate) fn note_seen(&self, nth: usize, messages: u64) {
        self.seen[nth].store(messages, Ordering::Relaxed);
    }

    pub(crate) fn note_removal(&self) {
        self.removed.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn fail(&self, why: String) {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(why);
    }

    pub(crate) fn appended(&self) -> u64 {
        self.appended.load(Ordering::Relaxed)
    }

    pub(crate) fn seen(&self, nth: usize) -> u64 {
        self.seen[nth].load(Ordering::Relaxed)
    }

    pub(crate) fn removed(&self) -> u64 {
        self.removed.load(Ordering::Relaxed)
    }

    /// Waits until no follower is further behind than this.
    pub(crate) fn wait_for_followers(&self, ahead_max: u64, mut meanwhile: impl FnMut()) -> Outcome<()> {
        let appended = self.appended();
        self.check_failure()?;
        while (0..FOLLOWERS.len()).any(|nth| appended.saturating_sub(self.seen(nth)) > ahead_max) {
            self.check(appended)?;
            meanwhile();
            thread::sleep(Duration::from_micros(200));
        }
        Ok(())
    }

    pub(crate) fn check_failure(&self) -> Outcome<()> {
        let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.clone().map_or(Ok(()), Err)
    }

    /// Whether nothing went wrong, and somebody has seen something lately.
    pub(crate) fn check(&self, end: u64) -> Outcome<()> {
        self.check_failure()?;
        let seen: Vec<u64> = (0..FOLLOWERS.len()).map(|nth| self.seen(nth)).collect();
        let sum = seen.iter().sum();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let (before, since) = last.unwrap_or((sum, Instant::now()));
        let since = if before == sum { since } else { Instant::now() };
        *last = Some((sum, since));
        let seconds = PATIENCE.as_secs();
        match since.elapsed() > PATIENCE {
            true => Err(format!("no follower went on for {seconds} s: they have seen {seen:?} of {end} messages")),
            false => Ok(()),
        }
    }
}
