//! What `--output` names.

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use indicatif::ProgressBar;

use crate::outcome::Failure;
use crate::progress;
use crate::unfinished::Unfinished;

/// So much is written at a time.
const BUFFER: usize = 128 << 10;

/// A new file, or the standard output for `-`.
pub(crate) enum Output {
    File {
        /// `None` only once it is finished.
        unfinished: Option<Unfinished>,
        file: BufWriter<File>,
        bar: ProgressBar,
    },
    Standard {
        out: BufWriter<io::Stdout>,
        position: u64,
    },
}

impl Output {
    pub(crate) fn create(path: &Path) -> Result<Self, Failure> {
        if path.as_os_str() == "-" {
            return Ok(Self::Standard { out: BufWriter::with_capacity(BUFFER, io::stdout()), position: 0 });
        }
        let (unfinished, file) = Unfinished::create(path)?;
        let bar = progress::spinner(&format!("writing {}", path.display()));
        Ok(Self::File { unfinished: Some(unfinished), file: BufWriter::with_capacity(BUFFER, file), bar })
    }

    /// Why it can't be written.
    pub(crate) fn failed(path: &Path, error: io::Error) -> Failure {
        match path.as_os_str() == "-" {
            true => error.into(),
            false => Failure::file(path, "written", &error),
        }
    }

    /// It is whole: from now on it has its name, durably.
    pub(crate) fn finish(mut self) -> Result<(), Failure> {
        match &mut self {
            Self::Standard { out, .. } => Ok(out.flush()?),
            Self::File { unfinished, file, .. } => {
                let Some(unfinished) = unfinished.take() else { return Ok(()) };
                let made = file.flush().and_then(|()| file.get_ref().sync_all());
                made.map_err(|error| Failure::file(unfinished.path(), "written", &error))?;
                unfinished.publish()
            }
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::File { file, bar, .. } => {
                if file.buffer().len() + bytes.len() > file.capacity() {
                    bar.inc(file.buffer().len() as u64);
                }
                file.write(bytes)
            }
            Self::Standard { out, position } => {
                let written = out.write(bytes)?;
                *position += written as u64;
                Ok(written)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File { file, .. } => file.flush(),
            Self::Standard { out, .. } => out.flush(),
        }
    }
}

/// The standard output only says where it is.
impl Seek for Output {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match (self, to) {
            (Self::File { file, .. }, to) => file.seek(to),
            (Self::Standard { position, .. }, SeekFrom::Current(0)) => Ok(*position),
            (Self::Standard { .. }, _) => Err(io::ErrorKind::NotSeekable.into()),
        }
    }
}
