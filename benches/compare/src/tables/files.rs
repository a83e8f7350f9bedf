//! Files that tables write and read.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::{BLOCK, Workload, expect, name_of};
use crate::aligned::Aligned;
use crate::peers::Streamed;
use crate::rounds::{Found, Kind, Pass, Subject};

pub(super) const WRITE: &str = "limit: write(2)";

/// A folder that is removed when dropped.
pub(super) struct Files(pub(super) PathBuf);

impl Files {
    pub(super) fn new(folder: &Path) -> io::Result<Self> {
        let path = folder.join(format!("flatstream-compare-{}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(super) fn read_all<F: Streamed>(source: impl Read) -> Found {
    let mut found = Found { count: 0, sum: 0 };
    expect(F::NAME, F::read_from(source, |message| found.add(message)));
    found
}

/// A file that is written from its start, and how much was.
pub(super) struct CountedFile {
    file: File,
    pub(super) len: u64,
}

impl CountedFile {
    /// A file that wasn't there, or isn't any more.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let _ = std::fs::remove_file(path);
        Ok(Self { file: File::create_new(path)?, len: 0 })
    }

    /// A file that is there: its bytes are overwritten.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { file: File::options().write(true).open(path)?, len: 0 })
    }
}

impl Write for CountedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let len = self.file.write(bytes)?;
        self.len += len as u64;
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Writes the file that `open` gives. Before it is measured, what it writes is read back.
pub(super) fn writer<'a, F: Streamed>(
    workload: &'a Workload,
    path: &Path,
    open: impl Fn() -> io::Result<CountedFile> + 'a,
    kind: Kind,
) -> io::Result<Subject<'a>> {
    let mut file = open()?;
    expect(F::NAME, F::write(&mut file, workload.messages()));
    let expected = Found { count: workload.count as u64, sum: file.len };
    let written = File::open(path)?.take(file.len);
    assert_eq!(read_all::<F>(written), workload.found(), "{} reads something else than it wrote", F::NAME);
    let pass = move || {
        let mut file = expect(F::NAME, open());
        Pass::time(|| {
            expect(F::NAME, F::write(&mut file, workload.messages()));
            Found { count: workload.count as u64, sum: file.len }
        })
    };
    Ok(Subject::new(name_of::<F>(kind), kind, expected, pass).limited_by(WRITE))
}

/// As many bytes as the bodies have, from one block.
pub(super) fn write_blocks<'a>(workload: &'a Workload, open: impl Fn() -> io::Result<CountedFile> + 'a) -> Subject<'a> {
    let block = Aligned::zeroed(BLOCK);
    let len: u64 = workload.messages().map(|body| body.len() as u64).sum();
    let expected = Found { count: workload.count as u64, sum: len };
    let pass = move || {
        let mut file = expect(WRITE, open());
        Pass::time(|| {
            while file.len < len {
                let left = (len - file.len).min(BLOCK as u64) as usize;
                expect(WRITE, file.write_all(&block[..left]));
            }
            Found { count: workload.count as u64, sum: file.len }
        })
    };
    Subject::new(WRITE, Kind::Limit, expected, pass)
}
