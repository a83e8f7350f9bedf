//! A file that is being made.

use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};

use crate::outcome::Failure;

/// A file that appears under its name once it is whole. Until then, and if nothing comes of it, there is nothing under
/// that name: half of one could be taken for a whole.
pub(crate) struct Unfinished {
    path: PathBuf,
    temporary: PathBuf,
}

impl Unfinished {
    pub(crate) fn create(path: &Path) -> Result<(Self, File), Failure> {
        check_absent(path)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // Another one for each.
        let nonce = RandomState::new().hash_one(&*name);
        let temporary = path.with_file_name(format!(".{name}.{nonce:016x}.new"));
        let mut options = File::options();
        let file = options.read(true).write(true).create_new(true).open(&temporary);
        let file = file.map_err(|error| Failure::file(path, "created", &error))?;
        Ok((Self { path: path.to_owned(), temporary }, file))
    }

    /// Where it will be.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where it is until then.
    pub(crate) fn temporary(&self) -> &Path {
        &self.temporary
    }

    /// Gives it its name: by a link, which replaces no file that has come meanwhile.
    pub(crate) fn publish(self) -> Result<(), Failure> {
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::AlreadyExists => exists(&self.path),
            _ => Failure::file(&self.path, "created", &error),
        };
        fs::hard_link(&self.temporary, &self.path).map_err(failed)?;
        fs::remove_file(&self.temporary).map_err(failed)?;
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // What went wrong before is what is to be said.
        let _ = fs::remove_file(&self.temporary);
    }
}

/// Whether there is nothing under a name: said before anything is read.
pub(crate) fn check_absent(path: &Path) -> Result<(), Failure> {
    match path.try_exists() {
        Ok(false) => Ok(()),
        Ok(true) => Err(exists(path)),
        Err(error) => Err(Failure::file(path, "created", &error)),
    }
}

pub(crate) fn exists(path: &Path) -> Failure {
    Failure::Other {
        what: format!("{} is there already", path.display()),
        advice: Some("choose another name: nothing is written over".to_owned()),
    }
}
