//! A file that is there and in the page cache: overwritten in place, and read.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use super::{BLOCK, Settings, Workload, expect, name_of};
use crate::aligned::Aligned;
use crate::peers::{Crc32c, FlatstreamRs, Owned, Plain, PlainCrc32c, Streamed, Unchecked};
use crate::rounds::{Found, Group, Kind, Pass, Subject};

const LENS: [usize; 4] = [64, 256, 1024, 16 << 10];

const WRITE: &str = "limit: write(2)";
const READ: &str = "limit: read(2), look";

pub(super) fn measure(settings: &Settings) -> io::Result<Vec<Group>> {
    let bytes = if settings.is_quick { 32 << 20 } else { 128 << 20 };
    let mut groups = Vec::new();
    for len in settings.lens(&LENS) {
        let workload = Workload::of_len(len, bytes);
        let files = Files::new(&settings.folder)?;
        groups.push(workload.measure("overwrite a file", writers(&workload, &files.0.join("written"))?, settings));
        groups.push(workload.measure("read a file", readers(&workload, &files.0)?, settings));
    }
    Ok(groups)
}

/// A folder that is removed at the end.
struct Files(PathBuf);

impl Files {
    fn new(folder: &Path) -> io::Result<Self> {
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

/// All write the same file from its start, and leave what is longer as it is.
fn writers<'a>(workload: &'a Workload, path: &Path) -> io::Result<Vec<Subject<'a>>> {
    File::create(path)?;
    Ok(vec![
        write_blocks(workload, path)?,
        writer::<Plain>(workload, path, Kind::Baseline)?,
        writer::<Plain>(workload, path, Kind::Again)?,
        writer::<Crc32c>(workload, path, Kind::Ours)?,
        writer::<Unchecked>(workload, path, Kind::Ours)?,
        writer::<PlainCrc32c>(workload, path, Kind::Peer)?,
        writer::<FlatstreamRs>(workload, path, Kind::Peer)?,
    ])
}

fn writer<'a, F: Streamed>(workload: &'a Workload, path: &Path, kind: Kind) -> io::Result<Subject<'a>> {
    let mut file = CountedFile::open(path)?;
    expect(F::NAME, F::write(&mut file, workload.messages()));
    let expected = Found { count: workload.count as u64, sum: file.len };
    let path = path.to_owned();
    let written = File::open(&path)?.take(file.len);
    assert_eq!(read_all::<F>(written), workload.found(), "{} reads something else than it wrote", F::NAME);
    let pass = move || {
        let mut file = expect(F::NAME, CountedFile::open(&path));
        Pass::time(|| {
            expect(F::NAME, F::write(&mut file, workload.messages()));
            Found { count: workload.count as u64, sum: file.len }
        })
    };
    Ok(Subject::new(name_of::<F>(kind), kind, expected, pass).limited_by(WRITE))
}

fn read_all<F: Streamed>(source: impl Read) -> Found {
    let mut found = Found { count: 0, sum: 0 };
    expect(F::NAME, F::read_from(source, |message| found.add(message)));
    found
}

/// A file that is written from its start, and how much was.
struct CountedFile {
    file: File,
    len: u64,
}

impl CountedFile {
    fn open(path: &Path) -> io::Result<Self> {
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

/// As many bytes as the bodies have, from one block.
fn write_blocks<'a>(workload: &'a Workload, path: &Path) -> io::Result<Subject<'a>> {
    let block = Aligned::zeroed(BLOCK);
    let len: u64 = workload.messages().map(|body| body.len() as u64).sum();
    let expected = Found { count: workload.count as u64, sum: len };
    let path = path.to_owned();
    let pass = move || {
        let mut file = expect(WRITE, CountedFile::open(&path));
        Pass::time(|| {
            while file.len < len {
                let left = (len - file.len).min(BLOCK as u64) as usize;
                expect(WRITE, file.write_all(&block[..left]));
            }
            Found { count: workload.count as u64, sum: file.len }
        })
    };
    Ok(Subject::new(WRITE, Kind::Limit, expected, pass))
}

/// Each has a file of its own.
fn readers<'a>(workload: &'a Workload, folder: &Path) -> io::Result<Vec<Subject<'a>>> {
    Ok(vec![
        read_blocks(workload, folder)?,
        reader::<Plain>(workload, folder, Kind::Baseline)?,
        reader::<Plain>(workload, folder, Kind::Again)?,
        reader::<Crc32c>(workload, folder, Kind::Ours)?,
        reader::<Unchecked>(workload, folder, Kind::Ours)?,
        reader::<Owned>(workload, folder, Kind::Ours)?,
        reader::<PlainCrc32c>(workload, folder, Kind::Peer)?,
        reader::<FlatstreamRs>(workload, folder, Kind::Peer)?,
    ])
}

fn reader<'a, F: Streamed>(workload: &'a Workload, folder: &Path, kind: Kind) -> io::Result<Subject<'a>> {
    let name = name_of::<F>(kind);
    let path = folder.join(&name);
    expect(F::NAME, F::write(File::create(&path)?, workload.messages()));
    let pass = move || {
        let file = expect(F::NAME, File::open(&path));
        Pass::time(|| read_all::<F>(file))
    };
    Ok(Subject::new(name, kind, workload.found(), pass).limited_by(READ))
}

/// Bodies one behind the other, read in blocks and looked at. A block holds a whole number of them.
fn read_blocks<'a>(workload: &'a Workload, folder: &Path) -> io::Result<Subject<'a>> {
    let path = folder.join("raw");
    // In blocks as well: smaller writes would leave a file whose pages are slower to read.
    let mut file = BufWriter::with_capacity(BLOCK, File::create(&path)?);
    workload.messages().try_for_each(|body| file.write_all(body))?;
    file.flush()?;
    let len = workload.bodies.mean_len() as usize;
    let mut block = Aligned::zeroed(BLOCK / len * len);
    let pass = move || {
        let mut file = expect(READ, File::open(&path));
        Pass::time(|| {
            let mut found = Found { count: 0, sum: 0 };
            for _ in 0..workload.count.div_ceil(block.len() / len) {
                let left = (workload.count - found.count as usize) * len;
                let block_len = left.min(block.len());
                expect(READ, file.read_exact(&mut block[..block_len]));
                block[..block_len].chunks_exact(len).for_each(|body| found.add(body));
            }
            found
        })
    };
    Ok(Subject::new(READ, Kind::Limit, workload.found(), pass))
}
