//! Which segments go, and how: the oldest first, never the one that is written.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use flatstream_io::storage::Folders;
use flatstream_io::{Error, Result};

use crate::name;
use crate::options::Retention;
use crate::segment::{Listed, Segment};

/// The segments before the one that is written. The folder is listed once; after that they are known.
pub(crate) struct Older<S> {
    pub(crate) storage: S,
    pub(crate) folder: PathBuf,
    pub(crate) segments: VecDeque<Listed>,
    /// There is a mark in the folder that the segments below this number are being removed.
    pub(crate) removal: Option<u64>,
}

impl<S: Folders> Older<S> {
    /// Removes those that the rules don't keep; returns how many. `active` is the one that is written, and how many
    /// bytes it has.
    ///
    /// Wherever the power goes meanwhile, no segment is missing between two that are there. Where a hook is asked, each
    /// is durably gone before the next one goes. Otherwise there may be thousands: a mark says which of them go, until
    /// it is durable that they are gone.
    pub(crate) fn retain(&mut self, retention: &mut Retention, active: (u64, u64)) -> Result<usize> {
        let count = self.count_to_go(retention, active.1)?;
        if retention.before_removal.is_some() || count == 1 {
            for _ in 0..count {
                self.ask(retention)?;
                self.remove_oldest()?;
                self.sync_folder()?;
            }
        } else if count > 1 {
            let below = self.segments.get(count).map_or(active.0, |segment| segment.first_sequence);
            self.mark(below)?;
            (0..count).try_for_each(|_| self.remove_oldest())?;
            self.sync_folder()?;
        }
        self.remove_mark()?;
        Ok(count)
    }

    fn mark(&mut self, below: u64) -> Result<()> {
        if self.removal.is_some_and(|marked| marked >= below) {
            return Ok(());
        }
        // One for fewer segments is replaced by one for more: there is one of them at least at any time.
        let replaced = self.removal.map(name::of_removal);
        let path = self.folder.join(name::of_removal(below));
        let created = self.storage.create_new(&path);
        match created {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(Error::file(&path, "created", error));
            }
            _ => self.removal = Some(below),
        }
        self.sync_folder()?;
        replaced.map_or(Ok(()), |name| remove(&self.storage, &self.folder.join(name)))
    }

    /// Were it back after a power cut, it would do no harm: no segment ever comes again below it.
    fn remove_mark(&mut self) -> Result<()> {
        let Some(below) = self.removal else { return Ok(()) };
        if self.segments.front().is_none_or(|oldest| oldest.first_sequence >= below) {
            remove(&self.storage, &self.folder.join(name::of_removal(below)))?;
            self.removal = None;
        }
        Ok(())
    }

    fn count_to_go(&mut self, retention: &Retention, active: u64) -> Result<usize> {
        let marked = self.removal.unwrap_or_default();
        let mut count = self.segments.partition_point(|segment| segment.first_sequence < marked);
        if let Some(kept) = retention.segments {
            count = count.max((self.segments.len() + 1).saturating_sub(kept.max(1)));
        }
        if let Some(kept) = retention.bytes {
            count = count.max(self.count_beyond_bytes(kept, active)?);
        }
        if let Some(kept) = retention.time {
            let now = SystemTime::now();
            while count < self.segments.len() && self.is_older(count, kept, now)? {
                count += 1;
            }
        }
        Ok(count)
    }

    /// From the newest on, so that nobody asks for the sizes of those that go anyway.
    fn count_beyond_bytes(&mut self, kept: u64, active: u64) -> Result<usize> {
        let mut sum = active;
        for index in (0..self.segments.len()).rev() {
            sum = sum.saturating_add(self.bytes(index)?);
            if sum > kept {
                return Ok(index + 1);
            }
        }
        Ok(0)
    }

    fn bytes(&mut self, index: usize) -> Result<u64> {
        let Self { storage, folder, segments, .. } = self;
        let segment = &mut segments[index];
        let bytes = match segment.bytes {
            Some(bytes) => bytes,
            None => segment.look(storage, folder)?.map_or(0, |segment| segment.bytes),
        };
        segment.bytes = Some(bytes);
        Ok(bytes)
    }

    fn is_older(&self, index: usize, time: Duration, now: SystemTime) -> Result<bool> {
        let path = self.segments[index].path(&self.folder);
        match self.storage.modified(&path) {
            // In the future: of no age yet.
            Ok(modified) => Ok(now.duration_since(modified).unwrap_or_default() >= time),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
            Err(error) => Err(Error::file(&path, "looked at", error)),
        }
    }

    /// Whether the hook lets the oldest go. It isn't asked about one that isn't there.
    fn ask(&self, retention: &mut Retention) -> Result<()> {
        let (Some(hook), Some(oldest)) = (&mut retention.before_removal, self.segments.front()) else { return Ok(()) };
        match oldest.look(&self.storage, &self.folder)? {
            Some(segment) => {
                hook(&segment).map_err(|error| Error::file(&segment.path, "removed yet, says the hook", error))
            }
            None => Ok(()),
        }
    }

    /// The segment goes last: its tails belong to it as long as it is there.
    fn remove_oldest(&mut self) -> Result<()> {
        let Some(oldest) = self.segments.front() else { return Ok(()) };
        for tail in oldest.tail_paths(&self.folder) {
            remove(&self.storage, &tail)?;
        }
        remove(&self.storage, &oldest.path(&self.folder))?;
        self.segments.pop_front();
        Ok(())
    }

    pub(crate) fn sync_folder(&self) -> Result<()> {
        let synced = self.storage.sync_folder_of(&self.folder.join(name::LOCK));
        synced.map_err(|error| Error::file(&self.folder, "made durable", error))
    }

    /// With sizes, those of the missing left out.
    pub(crate) fn look(&self) -> Result<Vec<Segment>> {
        let found = self.segments.iter().map(|segment| segment.look(&self.storage, &self.folder).transpose());
        found.flatten().collect()
    }
}

/// A file that somebody else removed is gone as well.
pub(crate) fn remove<S: Folders>(storage: &S, path: &Path) -> Result<()> {
    match storage.remove(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::file(path, "removed", error)),
        _ => Ok(()),
    }
}
