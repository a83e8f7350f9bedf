//! Where a writer's bytes go: a file of the system, or an object of Python.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use flatstream::Durable;
use flatstream::storage::{Files, Storage, StorageFile};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::unlocked::{locked, system_call};

/// A file that the writer opened, or an object with a method `write`.
pub(crate) enum Sink {
    File(File),
    Python {
        object: Py<PyAny>,
        /// Makes what was written durable.
        sync: Option<Py<PyAny>>,
    },
}

/// The system's files, written without Python's lock.
#[derive(Clone, Copy)]
pub(crate) struct UnlockedFiles;

fn write(py: Python<'_>, object: &Py<PyAny>, bytes: &[u8]) -> PyResult<Option<usize>> {
    object.bind(py).call_method1("write", (PyBytes::new(py, bytes),))?.extract()
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => system_call(|| file.write(bytes)),
            Self::Python { object, .. } => match locked(|py| write(py, object, bytes)) {
                Ok(Some(count)) if count <= bytes.len() => Ok(count),
                Ok(Some(count)) => Err(io::Error::other(format!("write() took {count} of {} bytes", bytes.len()))),
                Ok(None) => Err(io::Error::other("the sink takes no bytes now; it must be blocking")),
                Err(error) => Err(io::Error::other(error)),
            },
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => file.flush(),
            Self::Python { object, .. } => {
                locked(|py| object.bind(py).call_method0("flush").map(drop)).map_err(io::Error::other)
            }
        }
    }
}

impl Durable for Sink {
    fn sync(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => system_call(|| file.sync_data()),
            Self::Python { sync: Some(sync), .. } => {
                locked(|py| sync.bind(py).call0().map(drop)).map_err(io::Error::other)
            }
            Self::Python { sync: None, .. } => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

impl Sink {
    /// Only what the storage opened is asked for by these calls.
    fn file(&self) -> io::Result<&File> {
        match self {
            Self::File(file) => Ok(file),
            Self::Python { .. } => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    fn file_mut(&mut self) -> io::Result<&mut File> {
        match self {
            Self::File(file) => Ok(file),
            Self::Python { .. } => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

impl StorageFile for Sink {
    fn try_lock(&self) -> io::Result<bool> {
        StorageFile::try_lock(self.file()?)
    }

    fn is_at(&self, path: &Path) -> io::Result<bool> {
        self.file()?.is_at(path)
    }

    fn size(&self) -> io::Result<u64> {
        self.file()?.size()
    }

    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        StorageFile::read_at(self.file()?, buffer, position)
    }

    fn seek_to(&mut self, position: u64) -> io::Result<()> {
        self.file_mut()?.seek_to(position)
    }

    fn set_end(&mut self, len: u64) -> io::Result<()> {
        self.file_mut()?.set_end(len)
    }
}

impl Storage for UnlockedFiles {
    type File = Sink;

    fn create_new(&self, path: &Path) -> io::Result<Sink> {
        Files.create_new(path).map(Sink::File)
    }

    fn open(&self, path: &Path) -> io::Result<Sink> {
        Files.open(path).map(Sink::File)
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        Files.hard_link(from, to)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        Files.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        Files.remove(path)
    }

    fn sync_folder_of(&self, path: &Path) -> io::Result<()> {
        Files.sync_folder_of(path)
    }
}
