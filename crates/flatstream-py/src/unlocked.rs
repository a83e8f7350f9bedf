//! Who holds Python's lock. Work without Python in it lets go of it; a file is read or written without it in any case.

use std::cell::Cell;

use pyo3::prelude::*;

thread_local! {
    static IS_UNLOCKED: Cell<bool> = const { Cell::new(false) };
}

/// Sets the mark back, also if the work panics.
struct Mark;

impl Drop for Mark {
    fn drop(&mut self) {
        IS_UNLOCKED.set(false);
    }
}

/// Does work that may take long, while other threads of Python go on.
pub(crate) fn unlocked<T: Send>(py: Python<'_>, work: impl FnOnce() -> T + Send) -> T {
    py.detach(|| {
        IS_UNLOCKED.set(true);
        let _mark = Mark;
        work()
    })
}

/// A call to the operating system that may wait. It is made in the middle of other work, which holds the lock or
/// doesn't.
pub(crate) fn system_call<T: Send>(call: impl FnOnce() -> T + Send) -> T {
    if IS_UNLOCKED.get() { call() } else { Python::attach(|py| py.detach(call)) }
}

/// A call back to Python, in the middle of such work.
pub(crate) fn locked<T>(call: impl FnOnce(Python<'_>) -> T) -> T {
    let was_unlocked = IS_UNLOCKED.replace(false);
    let result = Python::attach(call);
    IS_UNLOCKED.set(was_unlocked);
    result
}
