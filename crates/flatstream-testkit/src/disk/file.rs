use std::io::{self, ErrorKind};

use super::inode::MAX_LEN;
use super::{Disk, Fault};

/// An open file. Dropping it releases its lock, and makes nothing durable.
#[derive(Debug)]
pub struct DiskFile {
    disk: Disk,
    inode: u64,
    handle: u64,
}

impl DiskFile {
    pub(super) fn new(disk: Disk, inode: u64, handle: u64) -> Self {
        Self { disk, inode, handle }
    }

    /// The inode number. No two files of a disk have the same, nor of the disks that crashes make of it.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.inode
    }

    /// Whether that name still means this file. Not counted as an operation.
    #[must_use]
    pub fn is_at(&self, name: &str) -> bool {
        self.disk.state().directory.get(name).is_ok_and(|inode| inode == self.inode)
    }

    /// Takes the file's lock, as flock does: of all handles one can have it. `false`: another one has.
    pub fn try_lock(&self) -> io::Result<bool> {
        let mut state = self.disk.state();
        state.operation()?;
        Ok(*state.locks.entry(self.inode).or_insert(self.handle) == self.handle)
    }

    /// The length in bytes, as the cache has it.
    #[expect(clippy::len_without_is_empty, reason = "what is simulated has a length alone")]
    pub fn len(&self) -> io::Result<u64> {
        let mut state = self.disk.state();
        state.operation()?;
        Ok(state.inode(self.inode).cache().len() as u64)
    }

    /// Reads what the cache has; 0 bytes at the end and behind it.
    pub fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        let mut state = self.disk.state();
        state.operation()?;
        let cache = state.inode(self.inode).cache();
        let start = usize::try_from(position).map_or(cache.len(), |start| start.min(cache.len()));
        let count = buffer.len().min(cache.len() - start);
        buffer[..count].copy_from_slice(&cache[start..start + count]);
        Ok(count)
    }

    /// Writes to the cache; a gap between the end and `position` reads as zeros.
    pub fn write_at(&self, bytes: &[u8], position: u64) -> io::Result<usize> {
        let mut state = self.disk.state();
        let fault = state.begin()?;
        let taken = match fault {
            None => bytes,
            Some(Fault::Short | Fault::HalfThenError) => &bytes[..bytes.len().div_ceil(2)],
            Some(fault) => return Err(fault.error()),
        };
        let end = checked_len(position.saturating_add(taken.len() as u64))?;
        let (inode, attic) = state.inode_and_attic(self.inode);
        inode.write(end - taken.len(), taken, attic);
        match fault {
            Some(Fault::HalfThenError) => Err(Fault::HalfThenError.error()),
            _ => Ok(taken.len()),
        }
    }

    /// Cuts the file or lengthens it with zeros, in the cache.
    pub fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        state.operation()?;
        let len = checked_len(len)?;
        let (inode, attic) = state.inode_and_attic(self.inode);
        inode.set_len(len, attic);
        Ok(())
    }

    /// Makes the content and the length durable, and no name.
    ///
    /// If it fails by a [`Fault`], it is as on Linux: what should have become durable is in limbo. Reads still see it,
    /// but no later sync is about it, so that a crash may lose any part of it for ever; all that helps is writing it
    /// again.
    pub fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        let fault = state.begin()?;
        let (inode, _) = state.inode_and_attic(self.inode);
        match fault.map(Fault::error) {
            None => inode.sync(),
            Some(error) if error.kind() == ErrorKind::Interrupted => return Err(error),
            Some(error) => {
                inode.fail_sync();
                return Err(error);
            }
        }
        Ok(())
    }
}

impl Drop for DiskFile {
    fn drop(&mut self) {
        let mut state = self.disk.state();
        if state.locks.get(&self.inode) == Some(&self.handle) {
            state.locks.remove(&self.inode);
        }
    }
}

/// The cache is memory: a mistaken length has to be an error before it is an allocation.
fn checked_len(len: u64) -> io::Result<usize> {
    usize::try_from(len).ok().filter(|&len| len <= MAX_LEN).ok_or_else(|| ErrorKind::FileTooLarge.into())
}
