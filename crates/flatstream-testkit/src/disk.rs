//! A simulated disk: one directory, a page cache, and a power supply that fails.
//!
//! What is written is in the cache until a sync says it is on the medium; [`Disk::crash`] draws what a medium may hold
//! if the power goes before. Real disks and filesystems are kinder most of the time; code that is right on this one
//! relies on nothing they don't promise.
//!
//! ```
//! use flatstream_testkit::disk::{Disk, Schedule};
//!
//! # fn main() -> std::io::Result<()> {
//! let disk = Disk::new();
//! let file = disk.create_new("log")?;
//! file.write_at(b"kept", 0)?;
//! file.sync()?;
//! disk.sync_directory()?;
//! file.write_at(b", perhaps", 4)?;
//!
//! for seed in 0..100 {
//!     assert!(disk.crash(&Schedule::new(seed)).read("log").unwrap().starts_with(b"kept"));
//! }
//! assert_eq!(disk.crash(&Schedule::nothing_persists()).read("log").unwrap(), b"kept");
//! assert_eq!(disk.crash(&Schedule::everything_persists()).read("log").unwrap(), b"kept, perhaps");
//! # Ok(())
//! # }
//! ```

mod attic;
mod crash;
mod directory;
mod fault;
mod file;
mod inode;
mod schedule;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use self::fault::Fault;
pub use self::file::DiskFile;
pub use self::schedule::Schedule;

use self::attic::Attic;
use self::directory::Directory;
use self::inode::Inode;

/// A disk with one directory. Clones are the same disk.
#[derive(Clone, Default)]
pub struct Disk(Arc<Mutex<State>>);

impl Disk {
    /// An empty disk.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates a file. Its name is durable after [`sync_directory`](Self::sync_directory), its content after
    /// [`DiskFile::sync`].
    pub fn create_new(&self, name: &str) -> io::Result<DiskFile> {
        let mut state = self.state();
        state.operation()?;
        state.directory.must_not_hold(name)?;
        let inode = state.add(Inode::default());
        state.directory.link(name, inode);
        Ok(self.handle(&mut state, inode))
    }

    /// Opens a file that is there.
    pub fn open(&self, name: &str) -> io::Result<DiskFile> {
        let mut state = self.state();
        state.operation()?;
        let inode = state.directory.get(name)?;
        Ok(self.handle(&mut state, inode))
    }

    /// Gives a file a second name, which must be free.
    pub fn hard_link(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.state();
        state.operation()?;
        let inode = state.directory.get(from)?;
        state.directory.must_not_hold(to)?;
        state.directory.link(to, inode);
        Ok(())
    }

    /// Gives a file another name and takes that name from whatever had it. Two names of one file both stay, as POSIX
    /// has it.
    pub fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.state();
        state.operation()?;
        let inode = state.directory.get(from)?;
        match state.directory.get(to) {
            Ok(same) if same == inode => return Ok(()),
            Ok(replaced) => state.retire(replaced),
            Err(_) => {}
        }
        state.directory.rename(from, to, inode);
        Ok(())
    }

    /// Takes a name away. Handles of the file stay good.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.state();
        state.operation()?;
        let inode = state.directory.get(name)?;
        state.retire(inode);
        state.directory.unlink(name);
        Ok(())
    }

    /// Makes the names durable, and nothing but the names.
    ///
    /// If it fails by a [`Fault`], the changes to names are in limbo like the bytes of a failed [`DiskFile::sync`]:
    /// trying again makes none of them durable.
    pub fn sync_directory(&self) -> io::Result<()> {
        let mut state = self.state();
        match state.begin()?.map(Fault::error) {
            None => state.directory.sync(),
            Some(error) if error.kind() == ErrorKind::Interrupted => return Err(error),
            Some(error) => {
                state.directory.fail_sync();
                return Err(error);
            }
        }
        Ok(())
    }

    /// All names, sorted.
    pub fn list(&self) -> io::Result<Vec<String>> {
        let mut state = self.state();
        state.operation()?;
        Ok(state.directory.names())
    }

    /// How many bytes the file of this name holds, as the cache has it.
    pub fn size(&self, name: &str) -> io::Result<u64> {
        let mut state = self.state();
        state.operation()?;
        let inode = state.directory.get(name)?;
        Ok(state.inode(inode).cache().len() as u64)
    }

    /// Whether the name is there. Not counted as an operation, and answered without power too.
    #[must_use]
    pub fn exists(&self, name: &str) -> bool {
        self.state().directory.get(name).is_ok()
    }

    /// All names, sorted. Not counted as an operation, and answered without power too.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.state().directory.names()
    }

    /// What a file holds as the cache has it. Not counted as an operation, and answered without power too.
    #[must_use]
    pub fn read(&self, name: &str) -> Option<Vec<u8>> {
        let state = self.state();
        let inode = state.directory.get(name).ok()?;
        Some(state.inodes.get(&inode)?.cache().to_vec())
    }

    /// Sets a test up: a new file under this name, durable at once. Not counted as an operation.
    ///
    /// # Panics
    /// If `bytes` are more than a file can hold (1 GiB).
    pub fn put(&self, name: &str, bytes: &[u8]) {
        assert!(bytes.len() <= inode::MAX_LEN, "more than a file can hold");
        let mut state = self.state();
        if let Ok(replaced) = state.directory.get(name) {
            state.retire(replaced);
        }
        let inode = state.add(Inode::durable_with(bytes.to_vec()));
        state.directory.put(name, inode);
    }

    /// How many operations there were. Each call of `create_new`, `open`, `hard_link`, `rename`, `remove`,
    /// `sync_directory`, `list`, `size`, `try_lock`, `len`, `read_at`, `write_at`, `set_len` and `sync` is one, failed
    /// or not.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// Makes operation number `n`, counted from 0 since the disk was made, fail. It happens once: trying again is
    /// another operation.
    pub fn fail_at(&self, n: u64, fault: Fault) {
        self.state().faults.insert(n, fault);
    }

    /// Makes the power go before operation number `n` does anything: it and all after it fail.
    pub fn power_off_at(&self, n: u64) {
        let mut state = self.state();
        state.off_at = Some(n);
        state.off |= state.operations > n;
    }

    /// Whether the power went: an operation failed of it, or there was a [`crash`](Self::crash).
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.state().off
    }

    /// A disk that holds what this one's medium may hold if the power goes now; all of that is durable, and nothing
    /// is locked. Files keep their inode numbers, operations count from 0.
    ///
    /// This disk is off from here on. It can crash again by another schedule: the history is the same, so that one
    /// run serves many schedules.
    #[must_use]
    pub fn crash(&self, schedule: &Schedule) -> Self {
        let mut state = self.state();
        state.off = true;
        Self(Arc::new(Mutex::new(crash::after(&state, schedule))))
    }

    /// A test that panics with the disk in its hands must not hide its own message behind a poisoned lock's.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn handle(&self, state: &mut State, inode: u64) -> DiskFile {
        state.last_handle += 1;
        DiskFile::new(self.clone(), inode, state.last_handle)
    }
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("Disk")
            .field("names", &state.directory.names())
            .field("operations", &state.operations)
            .field("off", &state.off)
            .finish_non_exhaustive()
    }
}

#[derive(Default)]
struct State {
    directory: Directory,
    /// With the removed ones: a handle or a crash may still find them.
    inodes: BTreeMap<u64, Inode>,
    last_inode: u64,
    last_handle: u64,
    /// Which handle has the lock of an inode.
    locks: BTreeMap<u64, u64>,
    attic: Attic,
    operations: u64,
    faults: BTreeMap<u64, Fault>,
    off_at: Option<u64>,
    off: bool,
}

impl State {
    /// Counts an operation and says what fault it has.
    fn begin(&mut self) -> io::Result<Option<Fault>> {
        let number = self.operations;
        self.operations += 1;
        self.off |= self.off_at.is_some_and(|n| number >= n);
        if self.off {
            return Err(io::Error::other("the power is off"));
        }
        Ok(self.faults.remove(&number))
    }

    /// Counts an operation that does nothing if it has a fault.
    fn operation(&mut self) -> io::Result<()> {
        self.begin()?.map_or(Ok(()), |fault| Err(fault.error()))
    }

    fn add(&mut self, inode: Inode) -> u64 {
        self.last_inode += 1;
        self.inodes.insert(self.last_inode, inode);
        self.last_inode
    }

    fn inode(&self, id: u64) -> &Inode {
        self.inodes.get(&id).expect("inodes stay as long as their disk")
    }

    fn inode_and_attic(&mut self, id: u64) -> (&mut Inode, &mut Attic) {
        (self.inodes.get_mut(&id).expect("inodes stay as long as their disk"), &mut self.attic)
    }

    /// The blocks of a file that lost a name may be another file's soon.
    fn retire(&mut self, id: u64) {
        let (inode, attic) = self.inode_and_attic(id);
        attic.keep(0, inode.cache());
    }
}
