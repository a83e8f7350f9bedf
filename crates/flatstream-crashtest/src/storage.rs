//! The simulated disk as a place for flatstream's files.

use std::io::{self, Write};
use std::path::Path;

use flatstream::Durable;
use flatstream::storage::{Storage, StorageFile};
use flatstream_testkit::disk::{Disk, DiskFile};

/// A disk's one folder.
#[derive(Clone, Debug)]
pub struct DiskStorage(pub Disk);

/// A file on the disk, with the place where the next byte goes.
#[derive(Debug)]
pub struct OpenFile {
    file: DiskFile,
    end: u64,
}

fn name(path: &Path) -> io::Result<&str> {
    path.to_str().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidFilename))
}

impl Storage for DiskStorage {
    type File = OpenFile;

    fn create_new(&self, path: &Path) -> io::Result<OpenFile> {
        Ok(OpenFile { file: self.0.create_new(name(path)?)?, end: 0 })
    }

    fn open(&self, path: &Path) -> io::Result<OpenFile> {
        Ok(OpenFile { file: self.0.open(name(path)?)?, end: 0 })
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.hard_link(name(from)?, name(to)?)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.rename(name(from)?, name(to)?)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.0.remove(name(path)?)
    }

    fn sync_folder_of(&self, _path: &Path) -> io::Result<()> {
        self.0.sync_directory()
    }
}

impl StorageFile for OpenFile {
    fn try_lock(&self) -> io::Result<bool> {
        self.file.try_lock()
    }

    fn is_at(&self, path: &Path) -> io::Result<bool> {
        Ok(self.file.is_at(name(path)?))
    }

    fn size(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        self.file.read_at(buffer, position)
    }

    fn seek_to(&mut self, position: u64) -> io::Result<()> {
        self.end = position;
        Ok(())
    }

    fn set_end(&mut self, len: u64) -> io::Result<()> {
        self.file.set_len(len)?;
        self.end = len;
        Ok(())
    }
}

impl Write for OpenFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write_at(bytes, self.end)?;
        self.end += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Durable for OpenFile {
    fn sync(&mut self) -> io::Result<()> {
        self.file.sync()
    }
}
