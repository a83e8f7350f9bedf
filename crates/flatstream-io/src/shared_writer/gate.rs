use super::sync::{Arc, thread};

#[cfg(not(all(loom, test)))]
use once::Once;
#[cfg(all(loom, test))]
use once_for_loom::Once;

/// What threads sleep on: a gate that opens once, for any number of them, and says whether what they waited for went
/// well.
///
/// Each group has its own, so nobody is woken only to sleep on, and the woken don't meet at the lock of the queue.
#[derive(Debug, Default)]
pub(super) struct Gate(Once);

impl Gate {
    pub(super) fn open(&self, went_well: bool) {
        self.0.set(went_well);
    }

    /// Waits until it is open. Before a thread sleeps, it lets the others run so many times: if many threads wait for a
    /// fast disk, that is cheaper than waking all of them, and to one thread it is nothing.
    pub(super) fn wait(&self, yields: u32) -> bool {
        for _ in 0..yields {
            if let Some(went_well) = self.0.get() {
                return went_well;
            }
            thread::yield_now();
        }
        self.0.wait()
    }
}

/// Threads that wait for the same.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// One, unless a line joined this one.
    gates: Vec<Arc<Gate>>,
    count: usize,
}

impl Line {
    pub(super) fn join(&mut self) -> Arc<Gate> {
        self.count += 1;
        if self.gates.is_empty() {
            self.gates.push(Arc::default());
        }
        Arc::clone(&self.gates[0])
    }

    pub(super) fn take_in(&mut self, other: &mut Self) {
        self.gates.append(&mut other.gates);
        self.count += std::mem::take(&mut other.count);
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    pub(super) fn open(&self, went_well: bool) {
        self.gates.iter().for_each(|gate| gate.open(went_well));
    }
}

#[cfg(not(all(loom, test)))]
mod once {
    use std::sync::OnceLock;

    /// Wakes all that wait by one call of the system, and they need no lock when they wake.
    #[derive(Debug, Default)]
    pub(super) struct Once(OnceLock<bool>);

    impl Once {
        pub(super) fn set(&self, value: bool) {
            let _ = self.0.set(value);
        }

        pub(super) fn get(&self) -> Option<bool> {
            self.0.get().copied()
        }

        pub(super) fn wait(&self) -> bool {
            *self.0.wait()
        }
    }
}

#[cfg(all(loom, test))]
mod once_for_loom {
    use super::super::sync::{Condvar, Mutex, lock, sleep};

    /// Loom has no `OnceLock`.
    #[derive(Debug, Default)]
    pub(super) struct Once {
        value: Mutex<Option<bool>>,
        was_set: Condvar,
    }

    impl Once {
        pub(super) fn set(&self, value: bool) {
            *lock(&self.value) = Some(value);
            self.was_set.notify_all();
        }

        pub(super) fn get(&self) -> Option<bool> {
            *lock(&self.value)
        }

        pub(super) fn wait(&self) -> bool {
            let mut value = lock(&self.value);
            loop {
                match *value {
                    Some(value) => return value,
                    None => value = sleep(&self.was_set, value, None),
                }
            }
        }
    }
}
