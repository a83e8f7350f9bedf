//! The locks and threads of the standard library; in tests with `--cfg loom` those of loom, which tries every order in
//! which threads may run.

#[cfg(all(loom, test))]
pub(super) use loom::{
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
    sync::{Arc, Condvar, Mutex, MutexGuard},
    thread,
};
#[cfg(not(all(loom, test)))]
pub(super) use std::{
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
    sync::{Arc, Condvar, Mutex, MutexGuard},
    thread,
};

use std::sync::PoisonError;
use std::time::Instant;

/// Takes a lock. That a thread panicked while it had it is no reason to panic too: under the locks here nobody's code
/// is called but this module's, and what they protect is whole at every step.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The time. Loom's clock stands still: what it tries must not depend on it.
#[cfg(not(all(loom, test)))]
pub(super) fn now() -> Instant {
    Instant::now()
}

#[cfg(all(loom, test))]
pub(super) fn now() -> Instant {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    *START.get_or_init(Instant::now)
}

/// Sleeps until somebody notifies, or until a time; now and then it wakes for nothing.
pub(super) fn sleep<'a, T>(condvar: &Condvar, guard: MutexGuard<'a, T>, until: Option<Instant>) -> MutexGuard<'a, T> {
    match until.map(|until| until.saturating_duration_since(now())) {
        Some(time) => condvar.wait_timeout(guard, time).unwrap_or_else(PoisonError::into_inner).0,
        None => condvar.wait(guard).unwrap_or_else(PoisonError::into_inner),
    }
}
