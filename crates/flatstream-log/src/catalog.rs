//! What a reader knows of the files in a log's folder.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flatstream_io::format::{Located, locate_header};
use flatstream_io::storage::Files;
use flatstream_io::{Error, ErrorKind, ReadOptions, Reader, Result};

use crate::identity::Identity;
use crate::name;
use crate::problem::Problem;
use crate::segment::Listing;

/// The segments that are listed, by the numbers of their first messages, but for those that turned out to be none.
#[derive(Debug)]
pub(crate) struct Catalog {
    folder: PathBuf,
    firsts: Vec<u64>,
    /// Those that turned out to be none; whether that may yet change.
    rejected: BTreeMap<u64, bool>,
    /// `None` if no header tells.
    log_id: Option<u64>,
}

/// A segment that was opened.
pub(crate) struct Opened {
    pub(crate) first: u64,
    pub(crate) path: PathBuf,
    pub(crate) file: Arc<File>,
    pub(crate) reader: Reader<Arc<File>>,
}

/// Why a file that is listed can't be read as a segment.
#[derive(Debug)]
pub(crate) enum Unopened {
    /// It isn't there any more.
    Removed,
    /// The newest one has no whole header yet, so nobody can have appended to it.
    NotYet,
    /// It is none, or its header is unreadable.
    Bad(Error),
}

impl Catalog {
    /// Lists a folder and finds out which log it is of.
    pub(crate) fn open(folder: &Path, options: &ReadOptions) -> Result<Self> {
        Self::open_if_any(folder, options)?.ok_or_else(|| Problem::NoLog(folder.to_owned()).into())
    }

    /// The same; `None` if no segment is listed.
    pub(crate) fn open_if_any(folder: &Path, options: &ReadOptions) -> Result<Option<Self>> {
        let mut catalog =
            Self { folder: folder.to_owned(), firsts: Vec::new(), rejected: BTreeMap::new(), log_id: None };
        let mut gone = None;
        loop {
            catalog.refresh()?;
            let Some((oldest, newest)) = catalog.oldest().zip(catalog.newest()) else { return Ok(None) };
            let (of_oldest, of_newest) = (catalog.log_id_of(oldest, options), catalog.log_id_of(newest, options));
            catalog.log_id = match (&of_oldest, of_newest) {
                (Ok(a), Ok(b)) if *a == b => Some(b),
                (_, of_newest) => catalog.elect(options).or_else(|| of_newest.ok()),
            };
            match of_oldest {
                // A log that is shortened while it grows may have other segments by now.
                Err(error) if catalog.log_id.is_none() && is_not_found(&error) && gone != Some(oldest) => {
                    gone = Some(oldest);
                }
                Err(error) if catalog.log_id.is_none() && options.chosen_recovery().is_none() => return Err(error),
                _ => return Ok(Some(catalog)),
            }
        }
    }

    /// What most of the segments say; of several the newest, in which a writer would go on.
    fn elect(&self, options: &ReadOptions) -> Option<u64> {
        let mut votes: BTreeMap<u64, (usize, u64)> = BTreeMap::new();
        for &first in &self.firsts {
            if let Ok(log_id) = self.log_id_of(first, options) {
                let (count, newest) = votes.entry(log_id).or_default();
                (*count, *newest) = (*count + 1, first);
            }
        }
        votes.into_iter().max_by_key(|(_, vote)| *vote).map(|(log_id, _)| log_id)
    }

    fn log_id_of(&self, first: u64, options: &ReadOptions) -> Result<u64> {
        let path = self.path(first);
        let file = File::open(&path).map_err(|error| Error::file(&path, "opened", error))?;
        let reader = Reader::with_options(file, for_a_look(options)).map_err(|error| Problem::reading(&path, error))?;
        Ok(Identity::of_named(reader.header(), &path, first)?.log_id)
    }

    /// Lists the folder again.
    pub(crate) fn refresh(&mut self) -> Result<()> {
        let listing = Listing::read(&Files, &self.folder)?;
        let firsts = listing.segments.into_iter().map(|segment| segment.first_sequence);
        self.firsts = firsts.filter(|first| !self.rejected.contains_key(first)).collect();
        Ok(())
    }

    /// The same, with those that weren't segments yet.
    pub(crate) fn refresh_all(&mut self) -> Result<()> {
        self.rejected.retain(|_, may_change| !*may_change);
        self.refresh()
    }

    /// The folder isn't there any more.
    pub(crate) fn forget_all(&mut self) {
        self.firsts.clear();
    }

    /// Leaves one out from now on, or until everything is looked at again.
    pub(crate) fn reject(&mut self, first: u64, may_change: bool) {
        self.rejected.insert(first, may_change);
        self.firsts.retain(|&listed| listed != first);
    }

    pub(crate) fn is_rejected(&self, first: u64) -> bool {
        self.rejected.contains_key(&first)
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn log_id(&self) -> Option<u64> {
        self.log_id
    }

    pub(crate) fn path(&self, first: u64) -> PathBuf {
        self.folder.join(name::of_segment(first))
    }

    pub(crate) fn firsts(&self) -> &[u64] {
        &self.firsts
    }

    pub(crate) fn oldest(&self) -> Option<u64> {
        self.firsts.first().copied()
    }

    pub(crate) fn newest(&self) -> Option<u64> {
        self.firsts.last().copied()
    }

    /// The first that begins at this number or behind it.
    pub(crate) fn at_or_after(&self, sequence: u64) -> Option<u64> {
        self.firsts.get(self.firsts.partition_point(|&first| first < sequence)).copied()
    }

    /// The one that follows the one that begins with this number.
    pub(crate) fn after(&self, first: u64) -> Option<u64> {
        self.at_or_after(first.checked_add(1)?)
    }

    /// The last that begins before this number.
    pub(crate) fn before(&self, sequence: u64) -> Option<u64> {
        let count = self.firsts.partition_point(|&first| first < sequence);
        self.firsts[..count].last().copied()
    }

    /// The last that begins at this number or before it.
    pub(crate) fn at_or_before(&self, sequence: u64) -> Option<u64> {
        let count = self.firsts.partition_point(|&first| first <= sequence);
        self.firsts[..count].last().copied()
    }

    /// Opens a segment that is listed, and makes sure that it is what its name says.
    pub(crate) fn open_segment(&self, first: u64, options: &ReadOptions) -> std::result::Result<Opened, Unopened> {
        let path = self.path(first);
        let file = match File::open(&path) {
            Ok(file) => Arc::new(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound && !path.is_symlink() => {
                return Err(Unopened::Removed);
            }
            Err(error) => return Err(Unopened::Bad(Error::file(&path, "opened", error))),
        };
        let reader = match Reader::with_options(Arc::clone(&file), options.clone()) {
            Ok(reader) => reader,
            Err(error) if self.newest() == Some(first) && is_incomplete(&file, &error) => return Err(Unopened::NotYet),
            Err(error) => return Err(Unopened::Bad(Problem::reading(&path, error))),
        };
        match self.check(first, &path, &reader) {
            Ok(()) => Ok(Opened { first, path, file, reader }),
            Err(problem) => Err(Unopened::Bad(problem.into())),
        }
    }

    /// One whose header is lost, and which is read all the same, is believed by its name.
    fn check(&self, first: u64, path: &Path, reader: &Reader<Arc<File>>) -> std::result::Result<(), Problem> {
        if reader.header().is_recovered() {
            return Ok(());
        }
        self.check_identity(&Identity::of_named(reader.header(), path, first)?, path)
    }

    pub(crate) fn check_identity(&self, identity: &Identity, path: &Path) -> std::result::Result<(), Problem> {
        match self.log_id {
            Some(expected) if expected != identity.log_id => {
                Err(Problem::OfAnotherLog { path: path.to_owned(), expected, found: identity.log_id })
            }
            _ => Ok(()),
        }
    }
}

pub(crate) fn is_not_found(error: &Error) -> bool {
    error.io_error().is_some_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// To look only at how a segment begins.
pub(crate) fn for_a_look(options: &ReadOptions) -> ReadOptions {
    options.clone().block_size(16 << 10)
}

/// Whether a file ends inside its header, or before it.
fn is_incomplete(mut file: &File, error: &Error) -> bool {
    let mut head = Vec::new();
    let read = file.seek(SeekFrom::Start(0)).and_then(|_| file.take(64).read_to_end(&mut head));
    let may_begin_one = read.is_ok() && matches!(locate_header(&head), Ok(Located::NeedMore(_)));
    error.kind() == ErrorKind::Incomplete || (may_begin_one && head.len() < 64)
}
