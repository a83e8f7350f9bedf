//! Where streams are kept: the few calls that creating, reopening and repairing a stream need ([`Storage`]), and those
//! that many streams in a folder need ([`Folders`]). [`Files`] is the operating system's; another implementation puts
//! streams elsewhere, or fails on purpose, as this project's crash simulator does.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Seek, SeekFrom};
use std::path::Path;
use std::time::SystemTime;

use crate::durable::Durable;

/// A place for files with names.
pub trait Storage {
    /// An open file.
    type File: StorageFile;

    /// Creates a file, empty, for reading and writing.
    ///
    /// # Errors
    /// `AlreadyExists` if there is one of that name.
    fn create_new(&self, path: &Path) -> io::Result<Self::File>;

    /// Opens a file for reading and writing.
    ///
    /// # Errors
    /// `NotFound` if there is none of that name.
    fn open(&self, path: &Path) -> io::Result<Self::File>;

    /// Gives a file a second name.
    ///
    /// # Errors
    /// `AlreadyExists` if that name is taken; `Unsupported` or `PermissionDenied` where files can't have two names.
    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Gives a file another name; a file that had it is replaced, and there is no moment at which the name means
    /// neither.
    ///
    /// # Errors
    /// Those of the system.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a name.
    ///
    /// # Errors
    /// Those of the system.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes the names in the folder of `path` durable.
    ///
    /// # Errors
    /// Those of the system.
    fn sync_folder_of(&self, path: &Path) -> io::Result<()>;
}

/// A [`Storage`] that has folders, and can say what is in them.
pub trait Folders: Storage {
    /// Creates a folder, with those above it that aren't there. The names of those that it creates are durable when it
    /// returns. Nothing happens if it is there.
    ///
    /// # Errors
    /// Those of the system.
    fn create_folder(&self, folder: &Path) -> io::Result<()>;

    /// The names in a folder, in any order.
    ///
    /// # Errors
    /// Those of the system.
    fn names(&self, folder: &Path) -> io::Result<Vec<OsString>>;

    /// The size of a file in bytes, without opening it.
    ///
    /// # Errors
    /// `NotFound` if there is none of that name.
    fn size_of(&self, path: &Path) -> io::Result<u64>;

    /// When a file was written to last.
    ///
    /// # Errors
    /// `NotFound` if there is none of that name.
    fn modified(&self, path: &Path) -> io::Result<SystemTime>;
}

/// An open file of a [`Storage`]. What is written goes behind what was written before.
pub trait StorageFile: Durable {
    /// Takes the file for this writer alone, until it is dropped; `false` if another one has it.
    ///
    /// # Errors
    /// Those of the system.
    fn try_lock(&self) -> io::Result<bool>;

    /// Whether the file still has this name: it may have been replaced since it was opened.
    ///
    /// # Errors
    /// Those of the system.
    fn is_at(&self, path: &Path) -> io::Result<bool>;

    /// The size in bytes.
    ///
    /// # Errors
    /// Those of the system.
    fn size(&self) -> io::Result<u64>;

    /// Reads from a position; 0 bytes only at the end.
    ///
    /// # Errors
    /// Those of the system.
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize>;

    /// What is written from now on goes to this position and behind it, over what is there.
    ///
    /// # Errors
    /// Those of the system.
    fn seek_to(&mut self, position: u64) -> io::Result<()>;

    /// Makes the file exactly so long, with zeros where there was nothing; what is written from now on goes behind
    /// that.
    ///
    /// # Errors
    /// Those of the system.
    fn set_end(&mut self, len: u64) -> io::Result<()>;
}

/// The files of the operating system.
///
/// They are locked by `flock` (on Linux): an advisory lock, which other programs that write without asking don't see,
/// and which a network file system may not keep.
#[derive(Clone, Copy, Debug, Default)]
pub struct Files;

impl Storage for Files {
    type File = File;

    fn create_new(&self, path: &Path) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).create_new(true).open(path)
    }

    /// A device or a pipe is no place for a stream that is to be continued, and must not be replaced by a file.
    fn open(&self, path: &Path) -> io::Result<File> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        match file.metadata()?.is_file() {
            true => Ok(file),
            false => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file")),
        }
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::hard_link(from, to)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    #[cfg(unix)]
    fn sync_folder_of(&self, path: &Path) -> io::Result<()> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()
    }

    /// Other systems have no call for it.
    #[cfg(not(unix))]
    fn sync_folder_of(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }
}

impl Folders for Files {
    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        if folder.as_os_str().is_empty() || folder.is_dir() {
            return Ok(());
        }
        if let Some(above) = folder.parent() {
            self.create_folder(above)?;
        }
        match std::fs::create_dir(folder) {
            // Someone else was faster, and may not have made it durable yet.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => {}
            result => result?,
        }
        self.sync_folder_of(folder)
    }

    fn names(&self, folder: &Path) -> io::Result<Vec<OsString>> {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        std::fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.file_name())).collect()
    }

    fn size_of(&self, path: &Path) -> io::Result<u64> {
        std::fs::metadata(path).map(|metadata| metadata.len())
    }

    fn modified(&self, path: &Path) -> io::Result<SystemTime> {
        std::fs::metadata(path)?.modified()
    }
}

impl StorageFile for File {
    fn try_lock(&self) -> io::Result<bool> {
        match Self::try_lock(self) {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    #[cfg(unix)]
    fn is_at(&self, path: &Path) -> io::Result<bool> {
        use std::os::unix::fs::MetadataExt;
        let (own, there) = (self.metadata()?, std::fs::metadata(path));
        match there {
            Ok(there) => Ok((own.dev(), own.ino()) == (there.dev(), there.ino())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// An open file keeps its name there.
    #[cfg(not(unix))]
    fn is_at(&self, _path: &Path) -> io::Result<bool> {
        Ok(true)
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    #[cfg(unix)]
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(self, buffer, position)
    }

    /// It moves the file's cursor, which `seek_to` sets before anything is written.
    #[cfg(windows)]
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        std::os::windows::fs::FileExt::seek_read(self, buffer, position)
    }

    #[cfg(not(any(unix, windows)))]
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        let mut file = self;
        file.seek(SeekFrom::Start(position))?;
        io::Read::read(&mut file, buffer)
    }

    fn seek_to(&mut self, position: u64) -> io::Result<()> {
        self.seek(SeekFrom::Start(position)).map(drop)
    }

    fn set_end(&mut self, len: u64) -> io::Result<()> {
        self.set_len(len)?;
        self.seek_to(len)
    }
}

/// A file as a source, from a position on.
#[derive(Debug)]
pub(crate) struct FileSource<'f, F> {
    file: &'f F,
    position: u64,
}

impl<'f, F: StorageFile> FileSource<'f, F> {
    pub(crate) fn new(file: &'f F, position: u64) -> Self {
        Self { file, position }
    }
}

impl<F: StorageFile> io::Read for FileSource<'_, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buffer, self.position)?;
        self.position += count as u64;
        Ok(count)
    }
}
