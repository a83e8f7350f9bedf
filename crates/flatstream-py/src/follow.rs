//! Following a file that is being written.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use flatstream::follow::Start;
use flatstream::{FollowOptions, Followed, ReadOptions};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::{caller_error, end_to_python, to_python};
use crate::header;
use crate::message::Message;
use crate::private::{Raised, reading};
use crate::reader::with_limit;
use crate::source::path_of;
use crate::unlocked::unlocked;

/// How long it waits before it asks Python whether it was interrupted.
const TURN: Duration = Duration::from_millis(100);

/// Gives the messages of a file, and waits for those that are still to come.
#[pyclass(module = "flatstream_native")]
pub(crate) struct Follower {
    inner: flatstream::Follower,
    raised: Raised,
}

impl Follower {
    /// `None` when the time is over, or at the end.
    fn wait(&mut self, py: Python<'_>, deadline: Option<Instant>) -> PyResult<Option<Message>> {
        loop {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let turn = left.map_or(TURN, |left| left.min(TURN));
            let followed = match self.inner.has_message() {
                true => self.inner.next_owned_within(Duration::ZERO),
                false => unlocked(py, || self.inner.next_owned_within(turn)),
            };
            self.raised.check()?;
            match followed.map_err(|error| to_python(py, &error, self.inner.end().copied()))? {
                Followed::Message(message) => return Ok(Some(Message::new(message))),
                Followed::Ended => return Ok(None),
                Followed::Waiting => py.check_signals()?,
            }
            if left.is_some_and(|left| left <= turn) {
                return Ok(None);
            }
        }
    }
}

#[pymethods]
impl Follower {
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(&mut self, py: Python<'_>) -> PyResult<Option<Message>> {
        self.wait(py, None)
    }

    fn next_within(&mut self, py: Python<'_>, seconds: f64) -> PyResult<Option<Message>> {
        let time = duration(seconds)?;
        self.wait(py, Instant::now().checked_add(time))
    }

    #[getter]
    fn end<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.inner.end().map(|end| end_to_python(py, end)).transpose()
    }

    #[getter]
    fn header<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.inner.header().map(|header| header::to_python(py, header)).transpose()
    }

    #[getter]
    fn cursor(&self) -> Option<String> {
        self.inner.cursor().map(|cursor| cursor.to_string())
    }

    #[getter]
    fn sequence(&self) -> u64 {
        self.inner.sequence()
    }

    #[getter]
    fn durable_position(&self) -> u64 {
        self.inner.durable_position()
    }
}

/// Where to begin: a word or a sequence number.
#[derive(FromPyObject)]
pub(crate) enum Begin {
    Sequence(u64),
    Word(String),
}

fn duration(seconds: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(seconds).map_err(|error| PyValueError::new_err(format!("{seconds} seconds: {error}")))
}

fn start(py: Python<'_>, start: Option<Begin>, time: Option<i64>, cursor: Option<&str>) -> PyResult<Start> {
    match (start, time, cursor) {
        (None, None, None) => Ok(Start::Beginning),
        (Some(Begin::Sequence(sequence)), None, None) => Ok(Start::Sequence(sequence)),
        (Some(Begin::Word(word)), None, None) if word == "beginning" => Ok(Start::Beginning),
        (Some(Begin::Word(word)), None, None) if word == "end" => Ok(Start::End),
        (Some(Begin::Word(word)), None, None) => Err(caller_error(
            py,
            format!("start: expected \"beginning\", \"end\" or a sequence number, found {word:?}"),
        )),
        (None, Some(time), None) => Ok(Start::Time(time)),
        (None, None, Some(cursor)) => match cursor.parse() {
            Ok(cursor) => Ok(Start::Cursor(cursor)),
            Err(error) => Err(to_python(py, &error, None)),
        },
        _ => Err(caller_error(py, "expected one of start, time and cursor, found several")),
    }
}

#[pyfunction]
#[pyo3(signature = (path, *, start=None, time=None, cursor=None, durable_only=false, reopening=false,
    wait_for_file=false, patience=5.0, polling=None, private=None, limit=Some(67_108_864)))]
#[expect(clippy::too_many_arguments, reason = "they have names in Python")]
pub(crate) fn follow(
    py: Python<'_>,
    path: &Bound<'_, PyAny>,
    start: Option<Begin>,
    time: Option<i64>,
    cursor: Option<&str>,
    durable_only: bool,
    reopening: bool,
    wait_for_file: bool,
    patience: f64,
    polling: Option<f64>,
    private: Option<Bound<'_, PyDict>>,
    limit: Option<u32>,
) -> PyResult<Follower> {
    let path: PathBuf = path_of(path)?;
    let raised = Raised::default();
    let options = reading(with_limit(ReadOptions::new(), limit), private.as_ref(), &raised)?;
    let mut options = FollowOptions::new()
        .from(self::start(py, start, time, cursor)?)
        .durable_only(durable_only)
        .reopening(reopening)
        .wait_for_file(wait_for_file)
        .patience(duration(patience)?)
        .reading(options);
    if let Some(seconds) = polling {
        options = options.polling(duration(seconds)?);
    }
    let inner = unlocked(py, || flatstream::Follower::open(&path, options));
    raised.check()?;
    let inner = inner.map_err(|error| match error.io_error() {
        Some(io) => crate::errors::file_error(py, io, Some(&path)),
        None => to_python(py, &error, None),
    })?;
    Ok(Follower { inner, raised })
}
