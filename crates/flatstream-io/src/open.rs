//! Creating, replacing and opening the files of streams, so that a file of that name always is a stream and has one
//! writer. Specification: section 9, "Creating" and "Reopening for append".

use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use flatstream_format::End;

use crate::error::{Error, Result};
use crate::options::{WriteOptions, random_number};
use crate::reopen;
use crate::storage::{Files, Storage, StorageFile};
use crate::writer::Writer;

/// What [`Writer::open`] found in the file, and what it did about its tail.
///
/// ```
/// use flatstream_io::{WriteOptions, Writer};
///
/// # let folder = std::env::temp_dir().join(format!("flatstream-report-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// # let path = folder.join("events.fls");
/// let mut writer = Writer::open(&path, WriteOptions::new())?;
/// writer.append(b"one")?;
/// drop(writer); // never finished
///
/// let writer = Writer::open(&path, WriteOptions::new())?;
/// let report = writer.open_report().expect("the file was there");
/// assert_eq!(report.messages_kept, 1);
/// assert!(!report.was_closed());
/// println!("{report}"); // 1 message kept, the last session didn't close the stream; epoch 1 begins
/// # drop(writer);
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenReport {
    /// How the stream ended, and where.
    pub end: End,
    /// How many messages it holds, over all epochs.
    pub messages_kept: u64,
    /// How many bytes were cut behind the end.
    pub bytes_cut: u64,
    /// How many whole messages of the stream were among them: 0 if it was torn, and then or so many as nobody had
    /// waited for if it was scattered.
    pub messages_cut: u64,
    /// Where the bytes that were cut are kept; `None` if there were none, or only zeros or 0xFF.
    pub kept_at: Option<PathBuf>,
    /// Every byte below this position was known to be durable before.
    pub durable: u64,
    /// The epoch that begins, 0 if there was no message and no sync frame yet; `None` if none does
    /// ([`recover::repair`](crate::recover::repair)).
    pub epoch: Option<u32>,
}

impl OpenReport {
    /// Whether the last session finished the stream.
    #[must_use]
    pub fn was_closed(&self) -> bool {
        self.end.is_closed()
    }
}

impl fmt::Display for OpenReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { messages_kept, bytes_cut, messages_cut, .. } = self;
        let plural = |count: u64| if count == 1 { "" } else { "s" };
        write!(f, "{messages_kept} message{} kept, ", plural(*messages_kept))?;
        let did = if self.was_closed() { "closed" } else { "didn't close" };
        write!(f, "the last session {did} the stream")?;
        if *bytes_cut > 0 {
            write!(f, ", {bytes_cut} byte{} cut behind position {}", plural(*bytes_cut), self.end.position)?;
            write!(f, " with {messages_cut} whole message{} among them", plural(*messages_cut))?;
        }
        if let Some(path) = &self.kept_at {
            write!(f, ", kept in {}", path.display())?;
        }
        match self.epoch {
            Some(epoch) => write!(f, "; epoch {epoch} begins"),
            None => Ok(()),
        }
    }
}

impl Writer<File> {
    /// Creates a file and starts a stream in it. When it returns, the file is there under its name through a power cut,
    /// with its header and first sync frame, and locked for this writer.
    ///
    /// ```
    /// use flatstream_io::{WriteOptions, Writer};
    ///
    /// # let folder = std::env::temp_dir().join(format!("flatstream-create-{}", std::process::id()));
    /// # std::fs::create_dir_all(&folder)?;
    /// # let path = folder.join("events.fls");
    /// let mut writer = Writer::create_new(&path, WriteOptions::new())?;
    /// writer.append(b"hello")?;
    /// writer.finish()?; // closed, and durable
    /// assert!(Writer::create_new(&path, WriteOptions::new()).is_err()); // it never replaces a file
    /// # std::fs::remove_dir_all(&folder)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// The stream is made under a temporary name (`.NAME.….new`) and then published by a link, so a power cut leaves
    /// the whole file or none, and at worst that small temporary one.
    ///
    /// # Errors
    /// Of the kind `Io`, with `AlreadyExists` if there is a file of that name; and as [`new`](Self::new).
    pub fn create_new(path: impl AsRef<Path>, options: WriteOptions) -> Result<Self> {
        Self::create_new_in(&Files, path, options)
    }

    /// Creates a file, or replaces one in one step: whoever looks sees the old file or the new one. Otherwise as
    /// [`create_new`](Self::create_new).
    ///
    /// # Errors
    /// Of the kind `Locked` if another writer has the old file open; otherwise as [`create_new`](Self::create_new).
    pub fn create(path: impl AsRef<Path>, options: WriteOptions) -> Result<Self> {
        Self::create_in(&Files, behind_links(path.as_ref())?, options)
    }

    /// Opens a file and goes on in its stream, in a new epoch; creates it if there is none. Symbolic links are
    /// followed.
    ///
    /// It takes an exclusive lock, finds the end of the good data, deals with what lies behind it as
    /// [`on_tail`](WriteOptions::on_tail) says, and makes the beginning of the new epoch durable.
    /// [`open_report`](Self::open_report) tells what it found. No message that was known to be durable is ever cut.
    ///
    /// The time it takes doesn't depend on the size of the file: the last sync frame is looked for from the end, and
    /// only what isn't known to be durable is read, and written over itself (an earlier sync may have failed, and then
    /// no later one is about these bytes). Where nothing was ever synced that is the whole file; a tail of zeros is
    /// read too. What is known to be durable isn't checked: [`recover::inspect`](crate::recover::inspect) does that.
    ///
    /// The stream's header stays as it is. An option that contradicts it (checksum, message type, message identifier,
    /// schema, clock, a longer longest message) is an error that names both values; `sync_interval`, `writer` and
    /// `metadata` are the first writer's.
    ///
    /// A file in which nothing of a stream ever arrived (an empty one, one of zeros, half a header) becomes a new
    /// stream.
    ///
    /// # Errors
    /// Of the kind `Locked` if another writer has the file open, `NotAStream`, `Unsupported`, `Usage` if an option
    /// contradicts the header, `Damaged` if bytes that had been reported durable are bad, `Refused` if a tail isn't to
    /// be cut, `Limit` if the stream was reopened 2^32-1 times, `Io`. Nothing was changed then, except if it is `Io`:
    /// what was being cut is kept beside the file first.
    pub fn open(path: impl AsRef<Path>, options: WriteOptions) -> Result<Self> {
        Self::open_in(&Files, behind_links(path.as_ref())?, options)
    }
}

impl<F: StorageFile> Writer<F> {
    /// [`create_new`](Writer::create_new) in another storage than the system's files.
    ///
    /// # Errors
    /// As there.
    #[expect(clippy::needless_pass_by_value, reason = "as `new`")]
    pub fn create_new_in<S>(storage: &S, path: impl AsRef<Path>, options: WriteOptions) -> Result<Self>
    where
        S: Storage<File = F>,
    {
        let path = path.as_ref();
        let (writer, temporary) = write_temporary(storage, path, &options)?;
        publish(storage, &temporary, path).map_err(|error| {
            let _ = storage.remove(&temporary);
            Error::file(path, "created", error)
        })?;
        Ok(writer)
    }

    /// [`create`](Writer::create) in another storage than the system's files.
    ///
    /// # Errors
    /// As there.
    #[expect(clippy::needless_pass_by_value, reason = "as `new`")]
    pub fn create_in<S>(storage: &S, path: impl AsRef<Path>, options: WriteOptions) -> Result<Self>
    where
        S: Storage<File = F>,
    {
        let path = path.as_ref();
        let (writer, temporary) = write_temporary(storage, path, &options)?;
        replace(storage, &temporary, path).inspect_err(|_| {
            let _ = storage.remove(&temporary);
        })?;
        Ok(writer)
    }

    /// [`open`](Writer::open) in another storage than the system's files.
    ///
    /// # Errors
    /// As there.
    #[expect(clippy::needless_pass_by_value, reason = "as `new`")]
    pub fn open_in<S>(storage: &S, path: impl AsRef<Path>, options: WriteOptions) -> Result<Self>
    where
        S: Storage<File = F>,
    {
        let path = path.as_ref();
        loop {
            match lock(storage, path)? {
                Some(file) => return reopen::reopen(storage, file, path, &options),
                None => match Self::create_new_in(storage, path, options.clone()) {
                    // Someone else was faster: open theirs.
                    Err(error) if is_taken(&error) => {}
                    result => return result,
                },
            }
        }
    }
}

/// The file that a symbolic link leads to, whether it is there or not: a name that is given to a new file, or taken
/// from an empty one, is that of the file, and not that of the link.
fn behind_links(path: &Path) -> Result<PathBuf> {
    const LINKS_MAX: usize = 40;
    let mut path = path.to_owned();
    for _ in 0..LINKS_MAX {
        match std::fs::read_link(&path) {
            Ok(target) => path = path.parent().unwrap_or(Path::new("")).join(target),
            Err(_) => return Ok(path),
        }
    }
    let error = io::Error::new(io::ErrorKind::InvalidInput, "too many symbolic links");
    Err(Error::file(&path, "opened", error))
}

fn is_taken(error: &Error) -> bool {
    error.io_error().is_some_and(|error| error.kind() == io::ErrorKind::AlreadyExists)
}

/// The file of this name, locked; `None` if there is none.
pub(crate) fn lock<S: Storage>(storage: &S, path: &Path) -> Result<Option<S::File>> {
    loop {
        let file = match storage.open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::file(path, "opened", error)),
        };
        if !file.try_lock().map_err(|error| Error::file(path, "locked", error))? {
            return Err(Error::locked(path));
        }
        // Between opening and locking it may have been replaced by another one, whose lock this isn't.
        if file.is_at(path).map_err(|error| Error::file(path, "opened", error))? {
            return Ok(Some(file));
        }
    }
}

/// A whole, durable, locked stream without a message, under a temporary name.
pub(crate) fn write_temporary<S: Storage>(
    storage: &S,
    path: &Path,
    options: &WriteOptions,
) -> Result<(Writer<S::File>, PathBuf)> {
    let temporary = beside(path, &format!(".{:016x}.new", random_number()?), ".");
    let file = storage.create_new(&temporary).map_err(|error| Error::file(path, "created", error))?;
    let start = || {
        if !file.try_lock().map_err(|error| Error::file(path, "locked", error))? {
            return Err(Error::locked(path));
        }
        let mut writer = Writer::new_durable(file, options.clone())?;
        writer.sync()?;
        Ok(writer)
    };
    match start() {
        Ok(writer) => Ok((writer, temporary)),
        Err(error) => {
            let _ = storage.remove(&temporary);
            Err(error)
        }
    }
}

/// `path` with something in front of and behind its file name.
pub(crate) fn beside(path: &Path, suffix: &str, prefix: &str) -> PathBuf {
    let mut name = OsString::from(prefix);
    name.push(path.file_name().unwrap_or_default());
    name.push(suffix);
    path.with_file_name(name)
}

/// Gives the temporary file its name, which is free. If that fails half way, the name is free again: a file whose name
/// may not be durable is nothing to go on in.
pub(crate) fn publish<S: Storage>(storage: &S, temporary: &Path, path: &Path) -> io::Result<()> {
    let take_back = |_: &io::Error| drop(storage.remove(path));
    match storage.hard_link(temporary, path) {
        Ok(()) => storage.remove(temporary).inspect_err(take_back)?,
        // A FAT file system has no links: an empty file takes the name, and is replaced. If the power goes in between,
        // an empty file is left, which `open` takes for one in which nothing arrived.
        Err(error) if matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied) => {
            drop(storage.create_new(path)?);
            storage.rename(temporary, path).inspect_err(take_back)?;
        }
        Err(error) => return Err(error),
    }
    storage.sync_folder_of(path).inspect_err(take_back)
}

/// Replaces what is there, unless another writer has it.
fn replace<S: Storage>(storage: &S, temporary: &Path, path: &Path) -> Result<()> {
    let failed = |error| Error::file(path, "created", error);
    loop {
        if let Some(_old) = lock(storage, path)? {
            storage.rename(temporary, path).map_err(failed)?;
            return storage.sync_folder_of(path).map_err(failed);
        }
        match publish(storage, temporary, path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            result => return result.map_err(failed),
        }
    }
}
