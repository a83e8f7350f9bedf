//! Checksums and clocks that are functions of Python.

use std::sync::{Arc, Mutex, PoisonError};

use flatstream::{Checksum, ReadOptions, WriteOptions};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::errors::no_stop;
use crate::unlocked::locked;

/// What the first function that failed raised. A digest can't be an error, so it is told behind the call that asked.
#[derive(Clone, Default)]
pub(crate) struct Raised(Arc<Mutex<Option<PyErr>>>);

impl Raised {
    fn or_note<T: Default>(&self, result: PyResult<T>) -> T {
        result.unwrap_or_else(|error| {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            T::default()
        })
    }

    /// The error, if a function failed since the last call.
    pub(crate) fn check(&self) -> PyResult<()> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
            .map_or(Ok(()), |raised| Err(Python::attach(|py| no_stop(py, raised))))
    }
}

struct Function {
    call: Py<PyAny>,
    raised: Raised,
}

impl Checksum for Function {
    fn digest(&self, body: &[u8]) -> u32 {
        let digest = |py: Python<'_>| self.call.bind(py).call1((PyBytes::new(py, body),))?.extract();
        self.raised.or_note(locked(digest))
    }
}

type Private<'a, 'py> = Option<&'a Bound<'py, PyDict>>;

fn functions(private: Private<'_, '_>, raised: &Raised) -> PyResult<Vec<(u8, Function)>> {
    let Some(private) = private else { return Ok(Vec::new()) };
    let function = |(id, call): (Bound<'_, PyAny>, Bound<'_, PyAny>)| {
        Ok((id.extract()?, Function { call: call.unbind(), raised: raised.clone() }))
    };
    private.iter().map(function).collect()
}

/// With the functions of a dict from ids to functions.
pub(crate) fn reading(mut options: ReadOptions, private: Private<'_, '_>, raised: &Raised) -> PyResult<ReadOptions> {
    for (id, function) in functions(private, raised)? {
        options = options.private_checksum(id, function);
    }
    Ok(options)
}

/// The same; only the one of the stream's checksum is used.
pub(crate) fn writing(
    mut options: WriteOptions,
    checksum: u8,
    private: Private<'_, '_>,
    raised: &Raised,
) -> PyResult<WriteOptions> {
    for (id, function) in functions(private, raised)? {
        if checksum == id {
            options = options.private_checksum(id, function);
        }
    }
    Ok(options)
}

/// A clock that gives nanoseconds.
pub(crate) fn clock(call: Py<PyAny>, raised: &Raised) -> impl Fn() -> i64 + Send + Sync + 'static {
    let raised = raised.clone();
    move || raised.or_note(locked(|py| call.bind(py).call0()?.extract()))
}
