//! The recovering reader.

use std::collections::VecDeque;
use std::num::NonZeroU64;

use flatstream::{Finding, ReadOptions, Recovery};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::errors::caller_error;
use crate::reader::{Reader, with_limit};
use crate::reports::to_python;

/// Reads on behind damage, and reports it.
#[pyclass(extends = Reader, module = "flatstream_native")]
pub(crate) struct RecoveringReader {
    contradictions: u64,
}

impl RecoveringReader {
    fn take<'py>(slf: &Bound<'py, Self>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let mut this = slf.try_borrow_mut()?;
        let findings = this.as_super().inner.take_findings();
        for finding in &findings {
            if let Finding::Contradiction { counted, delivered, .. } = finding {
                this.contradictions = this.contradictions.wrapping_add(delivered.wrapping_sub(*counted));
            }
        }
        findings.iter().map(|finding| to_python(slf.py(), finding)).collect()
    }
}

#[pymethods]
impl RecoveringReader {
    #[new]
    #[pyo3(signature = (source, *, private=None, limit=Some(67_108_864), careful=false, window_max=16_777_216,
        stream_id=None))]
    fn new(
        source: &Bound<'_, PyAny>,
        private: Option<Bound<'_, PyDict>>,
        limit: Option<u32>,
        careful: bool,
        window_max: usize,
        stream_id: Option<u64>,
    ) -> PyResult<PyClassInitializer<Self>> {
        let mut recovery = Recovery::new().careful(careful).window(window_max);
        if let Some(id) = stream_id {
            let id = NonZeroU64::new(id).ok_or_else(|| caller_error(source.py(), "a stream id is never 0"))?;
            recovery = recovery.stream_id(id);
        }
        let reader = Reader::open(source, with_limit(ReadOptions::new(), limit).recovery(recovery), private)?;
        Ok(PyClassInitializer::from(reader).add_subclass(Self { contradictions: 0 }))
    }

    #[getter]
    fn lost(slf: PyRef<'_, Self>) -> u64 {
        slf.as_super().inner.losses().messages
    }

    #[getter]
    fn lost_is_exact(slf: PyRef<'_, Self>) -> bool {
        !slf.as_super().inner.losses().may_be_more
    }

    #[getter]
    fn contradictions(&self) -> u64 {
        self.contradictions
    }

    #[getter]
    fn reports_left_out(slf: PyRef<'_, Self>) -> u64 {
        slf.as_super().inner.findings_left_out()
    }

    fn take_reports<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyList>> {
        PyList::new(slf.py(), Self::take(slf)?)
    }

    fn events(slf: Py<Self>) -> Events {
        Events { reader: slf, waiting: VecDeque::new() }
    }
}

/// Messages and reports, in the order of the stream.
#[pyclass(module = "flatstream_native")]
pub(crate) struct Events {
    reader: Py<RecoveringReader>,
    waiting: VecDeque<Py<PyAny>>,
}

#[pymethods]
impl Events {
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(&mut self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        if let Some(waiting) = self.waiting.pop_front() {
            return Ok(Some(waiting));
        }
        let reader = self.reader.bind(py);
        let message = reader.try_borrow_mut()?.as_super().next(py)?;
        self.waiting.extend(RecoveringReader::take(reader)?.into_iter().map(Bound::unbind));
        if let Some(message) = message {
            self.waiting.push_back(Py::new(py, message)?.into_any());
        }
        Ok(self.waiting.pop_front())
    }
}
