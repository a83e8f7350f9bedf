//! The simulated disk as a place for flatstream's files that notes which operation was which, and can lose its process.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use flatstream::Durable;
use flatstream::storage::{Folders, Storage, StorageFile};
use flatstream_testkit::disk::Disk;

use crate::storage::{DiskStorage, OpenFile};

/// What an operation on the disk was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are the methods of the disk and of its files")]
pub enum Operation {
    CreateNew,
    Open,
    HardLink,
    Rename,
    Remove,
    SyncFolder,
    List,
    SizeOf,
    TryLock,
    Size,
    ReadAt,
    SetEnd,
    Write,
    Sync,
}

/// All operations since the disk was made, in their order. Clones are the same list.
#[derive(Clone, Debug, Default)]
pub struct Trace(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    operations: Vec<Operation>,
    killed_at: Option<u64>,
}

impl Trace {
    /// The operation of this number, if there was one so far.
    #[must_use]
    pub fn get(&self, number: u64) -> Option<Operation> {
        self.state().operations.get(number as usize).copied()
    }

    /// What came behind the operation of this number.
    #[must_use]
    pub fn behind(&self, number: u64) -> Vec<Operation> {
        self.state().operations.get(number as usize + 1..).unwrap_or_default().to_vec()
    }

    /// Kills the process before the operation of this number: it and all later ones fail, and none reaches the disk,
    /// which keeps its power and its cache.
    pub fn kill_at(&self, number: u64) {
        self.state().killed_at = Some(number);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, operation: Operation) -> io::Result<()> {
        let mut state = self.state();
        if state.killed_at.is_some_and(|number| state.operations.len() as u64 >= number) {
            return Err(io::Error::other("the process was killed"));
        }
        state.operations.push(operation);
        Ok(())
    }
}

/// Names that were to be removed, and weren't given since. Clones are the same list.
#[derive(Clone, Debug, Default)]
pub struct Removals(Arc<Mutex<BTreeSet<PathBuf>>>);

impl Removals {
    /// A copy that goes another way from here on.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self(Arc::new(Mutex::new(self.paths().clone())))
    }

    /// The names.
    #[must_use]
    pub fn to_vec(&self) -> Vec<PathBuf> {
        self.paths().iter().cloned().collect()
    }

    fn paths(&self) -> MutexGuard<'_, BTreeSet<PathBuf>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// [`DiskStorage`] with a trace.
#[derive(Clone, Debug)]
pub struct TracedStorage {
    inner: DiskStorage,
    /// What was done.
    pub trace: Trace,
    removals: Removals,
}

impl TracedStorage {
    /// Of a disk on which nothing was done yet: the trace counts as the disk does.
    #[must_use]
    pub fn new(disk: &Disk) -> Self {
        Self { inner: DiskStorage(disk.clone()), trace: Trace::default(), removals: Removals::default() }
    }

    /// Notes in this list which names are removed.
    #[must_use]
    pub fn noting(self, removals: &Removals) -> Self {
        Self { removals: removals.clone(), ..self }
    }

    fn file(&self, file: OpenFile) -> TracedFile {
        TracedFile { inner: file, trace: self.trace.clone() }
    }
}

impl Storage for TracedStorage {
    type File = TracedFile;

    fn create_new(&self, path: &Path) -> io::Result<TracedFile> {
        self.trace.begin(Operation::CreateNew)?;
        self.inner.create_new(path).map(|file| self.file(file))
    }

    fn open(&self, path: &Path) -> io::Result<TracedFile> {
        self.trace.begin(Operation::Open)?;
        self.inner.open(path).map(|file| self.file(file))
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.trace.begin(Operation::HardLink)?;
        self.removals.paths().remove(to);
        self.inner.hard_link(from, to)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.trace.begin(Operation::Rename)?;
        self.removals.paths().remove(to);
        self.inner.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.trace.begin(Operation::Remove)?;
        self.removals.paths().insert(path.to_owned());
        self.inner.remove(path)
    }

    fn sync_folder_of(&self, path: &Path) -> io::Result<()> {
        self.trace.begin(Operation::SyncFolder)?;
        self.inner.sync_folder_of(path)
    }
}

impl Folders for TracedStorage {
    /// No operation on the disk.
    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        self.inner.create_folder(folder)
    }

    fn names(&self, folder: &Path) -> io::Result<Vec<OsString>> {
        self.trace.begin(Operation::List)?;
        self.inner.names(folder)
    }

    fn size_of(&self, path: &Path) -> io::Result<u64> {
        self.trace.begin(Operation::SizeOf)?;
        self.inner.size_of(path)
    }

    fn modified(&self, path: &Path) -> io::Result<SystemTime> {
        self.trace.begin(Operation::SizeOf)?;
        self.inner.modified(path)
    }
}

/// An open file with the trace of its storage.
#[derive(Debug)]
pub struct TracedFile {
    inner: OpenFile,
    trace: Trace,
}

impl StorageFile for TracedFile {
    fn try_lock(&self) -> io::Result<bool> {
        self.trace.begin(Operation::TryLock)?;
        self.inner.try_lock()
    }

    /// The disk doesn't count it.
    fn is_at(&self, path: &Path) -> io::Result<bool> {
        self.inner.is_at(path)
    }

    fn size(&self) -> io::Result<u64> {
        self.trace.begin(Operation::Size)?;
        self.inner.size()
    }

    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        self.trace.begin(Operation::ReadAt)?;
        self.inner.read_at(buffer, position)
    }

    /// No operation on the disk.
    fn seek_to(&mut self, position: u64) -> io::Result<()> {
        self.inner.seek_to(position)
    }

    fn set_end(&mut self, len: u64) -> io::Result<()> {
        self.trace.begin(Operation::SetEnd)?;
        self.inner.set_end(len)
    }
}

impl Write for TracedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.trace.begin(Operation::Write)?;
        self.inner.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl Durable for TracedFile {
    fn sync(&mut self) -> io::Result<()> {
        self.trace.begin(Operation::Sync)?;
        self.inner.sync()
    }
}
