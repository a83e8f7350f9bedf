//! A message, as an object with the buffer protocol. The only `unsafe` of this crate is here.

use std::ffi::{c_int, c_void};

use pyo3::exceptions::PyOverflowError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::pyclass::CompareOp;
use pyo3::types::{PyBytes, PyMemoryView};

/// A message that was read and verified. It shares the memory it was read into; so do views of it, and they keep it.
#[pyclass(frozen, module = "flatstream_native")]
pub(crate) struct Message {
    message: flatstream::Message,
}

impl Message {
    pub(crate) fn new(message: flatstream::Message) -> Self {
        Self { message }
    }

    fn is(&self, other: &Self) -> bool {
        let place = |message: &flatstream::Message| (message.position(), message.sequence());
        place(&self.message) == place(&other.message) && self.message[..] == other.message[..]
    }
}

#[pymethods]
impl Message {
    #[getter]
    fn position(&self) -> u64 {
        self.message.position()
    }

    #[getter]
    fn sequence(&self) -> Option<u64> {
        self.message.sequence()
    }

    #[getter]
    fn salvaged(&self) -> bool {
        self.message.sequence().is_none()
    }

    #[getter]
    fn body<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyMemoryView>> {
        PyMemoryView::from(slf)
    }

    fn __bytes__<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.message)
    }

    fn __richcmp__(&self, other: &Bound<'_, PyAny>, operator: CompareOp) -> Option<bool> {
        let other = other.cast::<Self>().ok()?.get();
        match operator {
            CompareOp::Eq => Some(self.is(other)),
            CompareOp::Ne => Some(!self.is(other)),
            _ => None,
        }
    }

    fn __hash__(&self) -> u64 {
        self.message.position()
    }

    fn __len__(&self) -> usize {
        self.message.len()
    }

    fn __repr__(&self) -> String {
        let sequence = self.message.sequence().map_or_else(|| "None".to_owned(), |sequence| sequence.to_string());
        let (position, len) = (self.message.position(), self.message.len());
        format!("<Message position={position} sequence={sequence} length={len}>")
    }

    /// # Safety
    /// Python calls it with a view that it has allocated, as the buffer protocol says.
    unsafe fn __getbuffer__(slf: &Bound<'_, Self>, view: *mut ffi::Py_buffer, flags: c_int) -> PyResult<()> {
        let body: &[u8] = &slf.get().message;
        let len = isize::try_from(body.len()).map_err(|_| PyOverflowError::new_err("the message is too long"))?;
        let start = body.as_ptr().cast_mut().cast::<c_void>();
        // SAFETY: `view` is Python's. The view holds a reference to this object, which is frozen, so that its share of
        // the block, and by that the block's bytes, stay where they are and as they are until the view is released.
        // It is made read-only, so nobody writes through the pointer.
        match unsafe { ffi::PyBuffer_FillInfo(view, slf.as_ptr(), start, len, 1, flags) } {
            0 => Ok(()),
            _ => Err(PyErr::fetch(slf.py())),
        }
    }
}
