//! The strict reader, and what all readers share.

use flatstream::{Landing, ReadOptions};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMemoryView, PyTuple};

use crate::columns::{Columns, Plan};
use crate::errors::{end_to_python, to_python};
use crate::message::Message;
use crate::private::{Raised, reading};
use crate::source::Source;
use crate::unlocked::unlocked;
use crate::{errors, header};

/// Reads a stream and makes the first damage an error.
#[pyclass(subclass, module = "flatstream_native")]
pub(crate) struct Reader {
    pub(crate) inner: flatstream::Reader<Source>,
    pub(crate) raised: Raised,
}

/// `None` is no limit of the reader's own.
pub(crate) fn with_limit(options: ReadOptions, limit: Option<u32>) -> ReadOptions {
    options.max_message_len(limit.unwrap_or(0))
}

impl Reader {
    pub(crate) fn open(
        source: &Bound<'_, PyAny>,
        options: ReadOptions,
        private: Option<Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let raised = Raised::default();
        let options = reading(options, private.as_ref(), &raised)?;
        let source_py = source.py();
        let source = Source::open(source)?;
        let inner = flatstream::Reader::with_options(source, options);
        raised.check()?;
        let inner = inner.map_err(|error| to_python(source_py, &error, None))?;
        Ok(Self { inner, raised })
    }

    pub(crate) fn next(&mut self, py: Python<'_>) -> PyResult<Option<Message>> {
        let next = self.inner.next();
        self.raised.check()?;
        match next {
            Some(Ok(message)) => Ok(Some(Message::new(message))),
            Some(Err(error)) => Err(self.error(py, &error)),
            None => Ok(None),
        }
    }

    /// An error of reading, with how the stream ended: behind damage the rest is read for that.
    pub(crate) fn error(&mut self, py: Python<'_>, error: &flatstream::Error) -> PyErr {
        let end = match error.kind() {
            flatstream::ErrorKind::Damaged => unlocked(py, || self.inner.end().ok()),
            _ => None,
        };
        to_python(py, error, end)
    }

    fn landed(&mut self, py: Python<'_>, landing: flatstream::Result<Landing>) -> PyResult<u64> {
        self.raised.check()?;
        landing.map(|landing| landing.sequence).map_err(|error| self.error(py, &error))
    }
}

#[pymethods]
impl Reader {
    #[new]
    #[pyo3(signature = (source, *, private=None, limit=Some(67_108_864), require_closed=false))]
    fn new(
        source: &Bound<'_, PyAny>,
        private: Option<Bound<'_, PyDict>>,
        limit: Option<u32>,
        require_closed: bool,
    ) -> PyResult<Self> {
        let options = with_limit(ReadOptions::new(), limit).require_closed(require_closed);
        Self::open(source, options, private)
    }

    #[getter]
    fn header<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let header = self.inner.header();
        if header.is_recovered() { Ok(None) } else { header::to_python(py, header).map(Some) }
    }

    #[getter]
    fn region<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(header) = self.header(py)? else { return Ok(None) };
        let raw = self.inner.header().as_bytes();
        let region = py.import("flatstream.header")?.getattr("HeaderRegion")?;
        region.call1((pyo3::types::PyBytes::new(py, raw), header)).map(Some)
    }

    #[getter]
    fn stream_id(&self) -> Option<u64> {
        self.inner.stream_id()
    }

    #[getter]
    fn position(&self) -> u64 {
        self.inner.position()
    }

    #[getter]
    fn sequence(&self) -> u64 {
        self.inner.sequence()
    }

    #[getter]
    fn durable_position(&self) -> u64 {
        self.inner.durable_position()
    }

    #[getter]
    fn dropped_messages(&self) -> u64 {
        self.inner.dropped().messages
    }

    #[getter]
    fn dropped_bytes(&self) -> u64 {
        self.inner.dropped().bytes
    }

    #[getter]
    fn end<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let end = unlocked(py, || self.inner.end().ok());
        end.map(|end| end_to_python(py, &end)).transpose()
    }

    #[getter]
    fn cursor(&self) -> Option<String> {
        self.inner.cursor().map(|cursor| cursor.to_string())
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(&mut self, py: Python<'_>) -> PyResult<Option<Message>> {
        self.next(py)
    }

    fn bodies(slf: Py<Self>) -> Bodies {
        Bodies { reader: slf }
    }

    #[pyo3(signature = (*paths, batch=65536, missing=None, schema=None, message_type=None))]
    fn columns(
        slf: &Bound<'_, Self>,
        paths: &Bound<'_, PyTuple>,
        batch: usize,
        missing: Option<i64>,
        schema: Option<Vec<u8>>,
        message_type: Option<String>,
    ) -> PyResult<Columns> {
        let py = slf.py();
        let plan = Plan { paths: paths.extract()?, batch, missing, schema, message_type };
        let columns = {
            let reader = slf.try_borrow()?;
            plan.columns(reader.inner.header()).map_err(|text| errors::caller_error(py, text))?
        };
        Columns::new(slf.clone().unbind(), columns, &plan, py)
    }

    fn seek_to_start(&mut self, py: Python<'_>) -> PyResult<u64> {
        let landing = unlocked(py, || self.inner.seek_to_start());
        self.landed(py, landing)
    }

    fn seek_to_sequence(&mut self, py: Python<'_>, sequence: u64) -> PyResult<u64> {
        let landing = unlocked(py, || self.inner.seek_to_sequence(sequence));
        self.landed(py, landing)
    }

    fn seek_to_time(&mut self, py: Python<'_>, time: i64) -> PyResult<u64> {
        let landing = unlocked(py, || self.inner.seek_to_time(time));
        self.landed(py, landing)
    }

    fn seek_to_last(&mut self, py: Python<'_>, count: u64) -> PyResult<u64> {
        let landing = unlocked(py, || self.inner.seek_to_last(count));
        self.landed(py, landing)
    }

    fn seek_to_end(&mut self, py: Python<'_>) -> PyResult<u64> {
        let landing = unlocked(py, || self.inner.seek_to_end());
        self.landed(py, landing)
    }
}

/// The messages of a reader as views, without an object of `Message` in between that anyone would see.
#[pyclass(module = "flatstream_native")]
pub(crate) struct Bodies {
    reader: Py<Reader>,
}

#[pymethods]
impl Bodies {
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyMemoryView>>> {
        let next = self.reader.try_borrow_mut(py)?.next(py)?;
        next.map(|message| PyMemoryView::from(Bound::new(py, message)?.as_any())).transpose()
    }
}
