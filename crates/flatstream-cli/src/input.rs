//! What a FILE argument names.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::outcome::Failure;

pub(crate) enum Input {
    File {
        path: PathBuf,
        file: File,
    },
    /// A folder with a log.
    Log(PathBuf),
    /// What can only be read from its beginning on: the standard input, a pipe, a device.
    Pipe {
        path: PathBuf,
        source: Box<dyn Read>,
    },
}

/// How the standard input is named in what is said.
pub(crate) const STANDARD_INPUT: &str = "standard input";

impl Input {
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        if path.as_os_str() == "-" {
            return Ok(Self::Pipe { path: STANDARD_INPUT.into(), source: Box::new(std::io::stdin().lock()) });
        }
        let failed = |error| Failure::file(path, "opened", &error);
        let file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        Ok(match metadata.file_type() {
            kind if kind.is_dir() => Self::Log(path.to_owned()),
            kind if kind.is_file() => Self::File { path: path.to_owned(), file },
            _ => Self::Pipe { path: path.to_owned(), source: Box::new(file) },
        })
    }
}
