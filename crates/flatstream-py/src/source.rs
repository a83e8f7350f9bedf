//! Where a reader's bytes come from: a file of the system, or an object of Python.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::errors::file_error;
use crate::unlocked::{locked, system_call};

/// A file of this name, or whatever has a method `read`.
pub(crate) enum Source {
    File(File),
    Python(Reading),
}

/// `read1` where there is one, because it gives what is there.
pub(crate) struct Reading {
    object: Py<PyAny>,
    read: Py<PyAny>,
}

impl Source {
    pub(crate) fn open(source: &Bound<'_, PyAny>) -> PyResult<Self> {
        if source.hasattr("read")? {
            let read = if source.hasattr("read1")? { "read1" } else { "read" };
            let read = source.getattr(read)?.unbind();
            return Ok(Self::Python(Reading { object: source.clone().unbind(), read }));
        }
        let path = path_of(source)?;
        system_call(|| File::open(&path)).map(Self::File).map_err(|error| file_error(source.py(), &error, Some(&path)))
    }
}

/// A name of a file; not one in bytes, which could be meant as data.
pub(crate) fn path_of(path: &Bound<'_, PyAny>) -> PyResult<PathBuf> {
    if path.is_instance_of::<PyBytes>() {
        return Err(PyTypeError::new_err(
            "expected a path or a binary file object, found bytes (io.BytesIO reads them)",
        ));
    }
    path.extract()
}

impl Reading {
    fn read(&self, py: Python<'_>, buffer: &mut [u8]) -> PyResult<Option<usize>> {
        let answer = self.read.bind(py).call1((buffer.len(),))?;
        if answer.is_none() {
            return Ok(None);
        }
        let bytes = answer.cast::<PyBytes>().map_err(PyErr::from)?.as_bytes();
        let Some(place) = buffer.get_mut(..bytes.len()) else {
            let text = format!("read({}) gave {} bytes", buffer.len(), bytes.len());
            return Err(PyTypeError::new_err(text));
        };
        place.copy_from_slice(bytes);
        Ok(Some(bytes.len()))
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => system_call(|| file.read(buffer)),
            Self::Python(reading) => match locked(|py| reading.read(py, buffer)) {
                Ok(Some(count)) => Ok(count),
                Ok(None) => Err(io::ErrorKind::WouldBlock.into()),
                Err(error) => Err(io::Error::other(error)),
            },
        }
    }
}

impl Seek for Source {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match self {
            Self::File(file) => file.seek(to),
            Self::Python(reading) => {
                let (offset, whence) = match to {
                    SeekFrom::Start(offset) => (i128::from(offset), 0),
                    SeekFrom::Current(offset) => (i128::from(offset), 1),
                    SeekFrom::End(offset) => (i128::from(offset), 2),
                };
                let seek = |py: Python<'_>| reading.object.bind(py).call_method1("seek", (offset, whence))?.extract();
                locked(seek).map_err(|error: PyErr| io::Error::other(error))
            }
        }
    }
}
