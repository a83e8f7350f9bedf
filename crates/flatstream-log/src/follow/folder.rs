//! What a follower knows of the folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use flatstream_io::{ReadOptions, Result};

use crate::catalog::{Catalog, is_not_found};
use crate::problem::Problem;

/// A folder is looked at so often, unless it has to be known what is in it. By the time at which it was changed last,
/// changes that are less than this apart aren't told from each other.
const INTERVAL: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Watched {
    path: PathBuf,
    /// `None` until there is a log.
    catalog: Option<Catalog>,
    looked_at: Option<Instant>,
    /// When it had been changed last by then, if by that it can be told whether it has been again.
    changed: Option<SystemTime>,
}

impl Watched {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), catalog: None, looked_at: None, changed: None }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn catalog(&self) -> Option<&Catalog> {
        self.catalog.as_ref()
    }

    /// Finds out which log it is of; whether there is one.
    pub(super) fn open(&mut self, options: &ReadOptions) -> Result<bool> {
        if self.catalog.is_none() {
            self.catalog = Catalog::open_if_any(&self.path, options)?;
        }
        Ok(self.catalog.is_some())
    }

    /// Whether it is known now what is in it: if that must be, or if it wasn't looked at for a while. It is listed only
    /// if it has changed.
    pub(super) fn look_again(&mut self, must_be_known: bool) -> Result<bool> {
        let is_rested = self.looked_at.is_none_or(|looked_at| looked_at.elapsed() >= INTERVAL);
        if !must_be_known && !is_rested {
            return Ok(false);
        }
        let changed = fs::metadata(&self.path).and_then(|metadata| metadata.modified()).ok();
        self.looked_at = Some(Instant::now());
        if changed.is_none() || changed != self.changed {
            self.list()?;
        }
        let is_long_ago = |changed: &SystemTime| changed.elapsed().is_ok_and(|elapsed| elapsed >= INTERVAL);
        self.changed = changed.filter(is_long_ago);
        Ok(true)
    }

    pub(super) fn list(&mut self) -> Result<()> {
        let Some(catalog) = &mut self.catalog else { return Ok(()) };
        match catalog.refresh_all() {
            Err(error) if is_not_found(&error) => {
                catalog.forget_all();
                Ok(())
            }
            result => result,
        }
    }

    /// The segment that is listed behind the one that begins with this number.
    pub(super) fn after(&self, first: u64) -> Option<u64> {
        self.catalog.as_ref().and_then(|catalog| catalog.after(first))
    }

    /// The messages before `to` aren't there, from `from` on: why, by what is listed.
    pub(super) fn missing(&self, from: u64, to: u64) -> Problem {
        let folder = self.path.clone();
        match self.catalog.as_ref().and_then(Catalog::oldest) {
            Some(oldest) if oldest > from => Problem::Gone { folder, from, to: oldest },
            _ => Problem::Missing { folder, from, to },
        }
    }
}
