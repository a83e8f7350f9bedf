use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use flatstream_io::storage::{Files, Folders};
use flatstream_io::{Error, Result};

use crate::name::{self, Name};

/// A segment of a log, as its folder shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Segment {
    /// Its file, a complete stream.
    pub path: PathBuf,
    /// The number of its first message, counted over all segments; by its name.
    pub first_sequence: u64,
    /// The size of its file, and of its kept tails.
    pub bytes: u64,
    /// Files with what had to be cut off its end when it was opened again
    /// ([`OpenReport::kept_at`](flatstream_io::OpenReport::kept_at)). They are removed with it.
    pub kept_tails: Vec<PathBuf>,
}

/// The segments of the log in a folder, from the oldest to the newest. Nothing is opened, no lock is needed.
///
/// ```
/// use flatstream_log::{LogOptions, LogWriter, segments};
///
/// # let folder = std::env::temp_dir().join(format!("flatstream-log-segments-{}", std::process::id()));
/// let mut log = LogWriter::open(&folder, LogOptions::new())?;
/// log.append(b"one")?;
/// log.rotate()?;
/// log.append(b"two")?;
/// let starts: Vec<u64> = segments(&folder)?.iter().map(|segment| segment.first_sequence).collect();
/// assert_eq!(starts, [0, 1]);
/// # drop(log);
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// Of the kind `Io`.
pub fn segments(folder: impl AsRef<Path>) -> Result<Vec<Segment>> {
    segments_in(&Files, folder)
}

/// [`segments`] in another storage than the system's files.
///
/// # Errors
/// As there.
pub fn segments_in<S: Folders>(storage: &S, folder: impl AsRef<Path>) -> Result<Vec<Segment>> {
    let folder = folder.as_ref();
    let listed = Listing::read(storage, folder)?.segments;
    let found = listed.iter().map(|listed| listed.look(storage, folder).transpose());
    // One that is removed meanwhile isn't there.
    found.flatten().collect()
}

/// What a folder's names tell of the log in it.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// From the oldest to the newest.
    pub(crate) segments: Vec<Listed>,
    /// Those before them that were being removed when a process ended, perhaps with gaps.
    pub(crate) half_removed: Vec<Listed>,
    /// The marks that say so: all segments below are half removed.
    pub(crate) removals: Vec<u64>,
    /// What was being created when a process ended.
    pub(crate) temporary: Vec<OsString>,
}

/// A segment, as far as names tell, and its size, once somebody asked for it.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    pub(crate) first_sequence: u64,
    pub(crate) kept_tails: Vec<OsString>,
    pub(crate) bytes: Option<u64>,
}

impl Listing {
    pub(crate) fn read<S: Folders>(storage: &S, folder: &Path) -> Result<Self> {
        let names = storage.names(folder).map_err(|error| Error::file(folder, "listed", error))?;
        let mut listing = Self::default();
        let mut tails: BTreeMap<u64, Vec<OsString>> = BTreeMap::new();
        for name in names {
            match Name::of(&name) {
                Name::Segment(first_sequence) => listing.segments.push(Listed::new(first_sequence)),
                Name::KeptTail(first_sequence) => tails.entry(first_sequence).or_default().push(name),
                Name::Temporary => listing.temporary.push(name),
                Name::Removing(below) => listing.removals.push(below),
                Name::Other => {}
            }
        }
        listing.segments.sort_unstable_by_key(|segment| segment.first_sequence);
        for segment in &mut listing.segments {
            segment.kept_tails = tails.remove(&segment.first_sequence).unwrap_or_default();
        }
        listing.removals.sort_unstable();
        let below = listing.removals.last().copied().unwrap_or_default();
        let kept = listing.segments.partition_point(|segment| segment.first_sequence < below);
        listing.half_removed = listing.segments.drain(..kept).collect();
        Ok(listing)
    }
}

impl Listed {
    pub(crate) fn new(first_sequence: u64) -> Self {
        Self { first_sequence, kept_tails: Vec::new(), bytes: None }
    }

    pub(crate) fn path(&self, folder: &Path) -> PathBuf {
        folder.join(name::of_segment(self.first_sequence))
    }

    pub(crate) fn tail_paths(&self, folder: &Path) -> Vec<PathBuf> {
        self.kept_tails.iter().map(|name| folder.join(name)).collect()
    }

    /// Asks for the sizes of its files. `None` if the segment isn't there any more.
    pub(crate) fn look<S: Folders>(&self, storage: &S, folder: &Path) -> Result<Option<Segment>> {
        let path = self.path(folder);
        let kept_tails = self.tail_paths(folder);
        let Some(mut bytes) = size_of(storage, &path)? else { return Ok(None) };
        for tail in &kept_tails {
            bytes += size_of(storage, tail)?.unwrap_or_default();
        }
        Ok(Some(Segment { path, first_sequence: self.first_sequence, bytes, kept_tails }))
    }
}

/// `None` if there is no such file.
pub(crate) fn size_of<S: Folders>(storage: &S, path: &Path) -> Result<Option<u64>> {
    match storage.size_of(path) {
        Ok(size) => Ok(Some(size)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::file(path, "looked at", error)),
    }
}
