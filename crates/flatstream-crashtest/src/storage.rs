//! The simulated disk as a place for flatstream's files.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use flatstream::Durable;
use flatstream::storage::{Folders, Storage, StorageFile};
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

/// A folder is what names begin with; all are there.
impl Folders for DiskStorage {
    fn create_folder(&self, _folder: &Path) -> io::Result<()> {
        Ok(())
    }

    fn names(&self, folder: &Path) -> io::Result<Vec<OsString>> {
        let names = self.0.list()?;
        let of_folder = names.iter().filter_map(|name| Path::new(name).strip_prefix(folder).ok());
        Ok(of_folder.filter(|name| name.components().count() == 1).map(OsString::from).collect())
    }

    fn size_of(&self, path: &Path) -> io::Result<u64> {
        self.0.size(name(path)?)
    }

    /// The disk knows no time: everything is as old as can be.
    fn modified(&self, path: &Path) -> io::Result<SystemTime> {
        self.size_of(path).map(|_| UNIX_EPOCH)
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
