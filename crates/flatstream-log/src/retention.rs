//! Which segments go, and how: the oldest first, never the one that is written.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use flatstream_io::storage::Folders;
use flatstream_io::{Error, Result};

use crate::options::Retention;
use crate::segment::{Listed, Segment};

/// The segments before the one that is written. The folder is listed once; after that they are known.
pub(crate) struct Older<S> {
    pub(crate) storage: S,
    pub(crate) folder: PathBuf,
    pub(crate) segments: VecDeque<Listed>,
}

impl<S: Folders> Older<S> {
    /// Removes those that the rules don't keep; returns how many. `active` is how many bytes the one has that is
    /// written.
    ///
    /// The last of them goes when it is durable that the others are gone. Were the power to go meanwhile, some of the
    /// others might be back; so is the last one then, and with it the rules let all of them go at the next opening: no
    /// segment is ever missing between two that are kept.
    pub(crate) fn retain(&mut self, retention: &mut Retention, active: u64) -> Result<usize> {
        let count = self.count_to_go(retention, active)?;
        let mut removed = 0;
        let mut is_next_agreed = false;
        let mut outcome = Ok(());
        for _ in 0..count {
            outcome = self.ask(retention, usize::from(is_next_agreed));
            if outcome.is_ok() && is_next_agreed {
                outcome = self.remove_oldest();
                is_next_agreed = outcome.is_ok();
                removed += usize::from(outcome.is_ok());
            }
            if outcome.is_err() {
                break;
            }
            is_next_agreed = true;
        }
        if is_next_agreed {
            if removed > 0 {
                self.sync_folder()?;
            }
            self.remove_oldest()?;
            removed += 1;
        }
        if removed > 0 {
            self.sync_folder()?;
        }
        outcome.map(|()| removed)
    }

    fn count_to_go(&mut self, retention: &Retention, active: u64) -> Result<usize> {
        let mut count = 0;
        if let Some(kept) = retention.segments {
            count = (self.segments.len() + 1).saturating_sub(kept.max(1));
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
        let Self { storage, folder, segments } = self;
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

    /// Whether the hook lets it go. Nobody is asked about one that isn't there.
    fn ask(&self, retention: &mut Retention, index: usize) -> Result<()> {
        let Some(hook) = &mut retention.before_removal else { return Ok(()) };
        match self.segments[index].look(&self.storage, &self.folder)? {
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
        let synced = self.storage.sync_folder_of(&self.folder.join(crate::name::LOCK));
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
