//! The writer, and opening a file again.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use flatstream::format::Dropped;
use flatstream::{ErrorKind, Header, OnTail, ReadOptions, WriteOptions};
use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple, PyType};

use crate::errors::{caller_error, class, file_error, reopen_refused, to_python, writer_failed};
use crate::header;
use crate::private::{Raised, clock, reading, writing};
use crate::sink::{Sink, UnlockedFiles};
use crate::source::path_of;
use crate::unlocked::unlocked;

/// Appends messages to a stream.
#[pyclass(module = "flatstream_native")]
pub(crate) struct Writer {
    /// `None` once it is finished or closed.
    inner: Option<flatstream::Writer<Sink>>,
    raised: Raised,
    /// The first failed write, flush or sync, as a sentence.
    failure: Option<String>,
    position: u64,
    sequence: u64,
}

/// What both ways to a writer take.
struct Choices<'py> {
    clock: Option<Py<PyAny>>,
    private: Option<Bound<'py, PyDict>>,
    longest_time: Option<u64>,
}

impl Choices<'_> {
    fn apply(self, mut options: WriteOptions, header: &Header, raised: &Raised) -> PyResult<WriteOptions> {
        if let Some(now) = self.clock {
            options = options.clock(header.clock(), clock(now, raised));
        }
        if let Some(time) = self.longest_time {
            options = options.sync_every(Duration::from_nanos(time));
        }
        writing(options, header.checksum().id(), self.private.as_ref(), raised)
    }
}

impl Writer {
    fn new(inner: flatstream::Writer<Sink>, raised: Raised) -> Self {
        let (position, sequence) = (inner.position(), inner.sequence());
        Self { inner: Some(inner), raised, failure: None, position, sequence }
    }

    /// Does something with the writer, if it is usable, and notes a failure.
    fn with<T: Send>(
        &mut self,
        py: Python<'_>,
        work: impl FnOnce(&mut flatstream::Writer<Sink>) -> flatstream::Result<T>,
    ) -> PyResult<T> {
        if let Some(failure) = &self.failure {
            return Err(writer_failed(py, format!("the writer refuses to go on, because earlier {failure}")));
        }
        let Some(inner) = &mut self.inner else { return Err(caller_error(py, "the stream is finished")) };
        let result = work(inner);
        (self.position, self.sequence) = (inner.position(), inner.sequence());
        self.told(py, result)
    }

    fn told<T>(&mut self, py: Python<'_>, result: flatstream::Result<T>) -> PyResult<T> {
        if let Err(raised) = self.raised.check() {
            self.failure = Some(raised.to_string());
            return Err(raised);
        }
        result.map_err(|error| {
            if error.kind() == ErrorKind::Io {
                self.failure = Some(error.to_string());
            }
            to_python(py, &error, None)
        })
    }
}

#[pymethods]
impl Writer {
    #[new]
    #[pyo3(signature = (sink, header=None, *, stream_id=None, clock=None, sink_sync=None, private=None,
        longest_time=None, replace=false, **fields))]
    #[expect(clippy::too_many_arguments, reason = "they have names in Python")]
    fn create(
        sink: &Bound<'_, PyAny>,
        header: Option<Bound<'_, PyAny>>,
        stream_id: Option<u64>,
        clock: Option<Py<PyAny>>,
        sink_sync: Option<Py<PyAny>>,
        private: Option<Bound<'_, PyDict>>,
        longest_time: Option<u64>,
        replace: bool,
        fields: Option<Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let py = sink.py();
        let header = match (header, &fields) {
            (Some(_), Some(_)) => return Err(PyTypeError::new_err("expected a header or its fields, found both")),
            (Some(header), None) => header,
            (None, _) => class(py, "new_header")?.call((), fields.as_ref())?,
        };
        let region = header::region(&header)?;
        let header = Header::decode(&region).map_err(|error| to_python(py, &error.into(), None))?;
        let raised = Raised::default();
        let mut options = Choices { clock, private, longest_time }.apply(WriteOptions::new(), &header, &raised)?;
        if let Some(id) = stream_id {
            options = options.stream_id(id);
        }
        let options = options.header(header);
        let inner = match sink.hasattr("write")? {
            true => open_sink(sink, sink_sync, options)?,
            false => {
                let path = path_of(sink)?;
                unlocked(py, || match replace {
                    true => flatstream::Writer::create_in(&UnlockedFiles, &path, options),
                    false => flatstream::Writer::create_new_in(&UnlockedFiles, &path, options),
                })
                .map_err(|error| opening_error(py, &error, &path))
            }?,
        };
        raised.check()?;
        Ok(Self::new(inner, raised))
    }

    /// The same, by the name that the package `flatstream` has for it.
    #[classmethod]
    #[pyo3(name = "create", signature = (sink, header=None, **options))]
    fn create_by_name<'py>(
        class: &Bound<'py, PyType>,
        sink: &Bound<'py, PyAny>,
        header: Option<Bound<'py, PyAny>>,
        options: Option<Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        class.call((sink, header), options.as_ref())
    }

    fn append(&mut self, py: Python<'_>, message: &Bound<'_, PyAny>) -> PyResult<u64> {
        if let Ok(bytes) = message.cast::<PyBytes>() {
            return self.with(py, |writer| writer.append(bytes.as_bytes()));
        }
        let bytes = PyBuffer::<u8>::get(message)?.to_vec(py)?;
        self.with(py, |writer| writer.append(&bytes))
    }

    fn drop(&mut self, py: Python<'_>, messages: u64, size: u64) -> PyResult<()> {
        self.with(py, |writer| writer.note_dropped(Dropped { messages, bytes: size }))
    }

    fn flush(&mut self, py: Python<'_>) -> PyResult<()> {
        self.with(py, |writer| unlocked(py, || writer.flush()))
    }

    fn sync(&mut self, py: Python<'_>) -> PyResult<u64> {
        self.with(py, |writer| unlocked(py, || writer.sync()))
    }

    fn finish(&mut self, py: Python<'_>) -> PyResult<()> {
        self.with(py, |_| Ok(()))?;
        let Some(inner) = self.inner.take() else { return Ok(()) };
        let result = unlocked(py, || inner.finish());
        self.told(py, result.map(drop))
    }

    fn close(&mut self, py: Python<'_>) -> PyResult<()> {
        let Some(mut inner) = self.inner.take() else { return Ok(()) };
        if self.failure.is_some() {
            unlocked(py, || drop(inner));
            return Ok(());
        }
        let result = unlocked(py, || inner.flush());
        self.told(py, result)
    }

    #[getter]
    fn position(&self) -> u64 {
        self.position
    }

    #[getter]
    fn sequence(&self) -> u64 {
        self.sequence
    }

    #[getter]
    fn header<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let header = self.with(py, |writer| Ok(writer.header().clone()))?;
        header::to_python(py, &header)
    }

    #[getter]
    fn stream_id(&mut self, py: Python<'_>) -> PyResult<u64> {
        self.with(py, |writer| Ok(writer.stream_id()))
    }

    #[getter]
    fn durable_position(&mut self, py: Python<'_>) -> PyResult<u64> {
        self.with(py, |writer| Ok(writer.durable_position()))
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (kind, *_rest))]
    fn __exit__(&mut self, py: Python<'_>, kind: &Bound<'_, PyAny>, _rest: &Bound<'_, PyTuple>) -> PyResult<()> {
        if kind.is_none() && self.inner.is_some() && self.failure.is_none() {
            return self.finish(py);
        }
        self.close(py)
    }
}

fn open_sink(
    sink: &Bound<'_, PyAny>,
    sync: Option<Py<PyAny>>,
    options: WriteOptions,
) -> PyResult<flatstream::Writer<Sink>> {
    let py = sink.py();
    let sync = match sync {
        Some(sync) => Some(sync),
        None => py.import("flatstream.writer")?.getattr("sink_sync_of")?.call1((sink,))?.extract()?,
    };
    let can_sync = sync.is_some();
    let sink = Sink::Python { object: sink.clone().unbind(), sync };
    let mut writer = match can_sync {
        true => flatstream::Writer::new_durable(sink, options),
        false => flatstream::Writer::new(sink, options),
    }
    .map_err(|error| to_python(py, &error, None))?;
    // A follower finds the header as soon as there is a writer.
    writer.flush().map_err(|error| to_python(py, &error, None))?;
    Ok(writer)
}

fn opening_error(py: Python<'_>, error: &flatstream::Error, path: &Path) -> PyErr {
    match error.io_error() {
        Some(io) => file_error(py, io, Some(path)),
        None => to_python(py, error, None),
    }
}

/// Goes on in a stream; returns the writer, and what became of the tail.
#[pyfunction]
#[pyo3(signature = (path, *, clock=None, private=None, refuse_always=false, longest_time=None))]
pub(crate) fn reopen<'py>(
    path: &Bound<'py, PyAny>,
    clock: Option<Py<PyAny>>,
    private: Option<Bound<'py, PyDict>>,
    refuse_always: bool,
    longest_time: Option<u64>,
) -> PyResult<(Writer, Bound<'py, PyAny>)> {
    let py = path.py();
    let path: PathBuf = path_of(path)?;
    let on_tail = if refuse_always { OnTail::Refuse } else { OnTail::CutAndKeep };
    let raised = Raised::default();
    let header = read_header(py, &path, private.as_ref(), &raised)?;
    let options = WriteOptions::new().on_tail(on_tail);
    let options = Choices { clock, private, longest_time }.apply(options, &header, &raised)?;
    let inner = unlocked(py, || flatstream::Writer::open_in(&UnlockedFiles, &path, options));
    raised.check()?;
    let inner = inner.map_err(|error| match error.kind() {
        ErrorKind::Limit => reopen_refused(py, &error, error.position()),
        _ => opening_error(py, &error, &path),
    })?;
    let report = inner.open_report().cloned();
    let make = py.import("flatstream.reopening")?.getattr("Tail")?;
    let tail = match report {
        Some(report) => {
            let (end, cut) = (report.end, report.bytes_cut);
            make.call1((end.state.to_string(), end.position, cut, report.kept_at, report.messages_cut))
        }
        None => make.call1(("open", inner.position(), 0)),
    }?;
    Ok((Writer::new(inner, raised), tail))
}

/// The file has to be a stream: opening another one for append would begin one.
fn read_header(py: Python<'_>, path: &Path, private: Option<&Bound<'_, PyDict>>, raised: &Raised) -> PyResult<Header> {
    let options = reading(ReadOptions::new(), private, raised)?;
    let read = || {
        let file = File::open(path).map_err(|error| flatstream::Error::file(path, "opened", error))?;
        Ok(flatstream::Reader::with_options(file, options)?.header().clone())
    };
    unlocked(py, read).map_err(|error| opening_error(py, &error, path))
}
