//! A file that is there and in the page cache: overwritten in place, and read.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

use flatstream::{MappedReader, WriteOptions, Writer};

use super::files::{CountedFile, Files, read_all, write_blocks, writer};
use super::{BLOCK, Outcome, Settings, Workload, expect, name_of};
use crate::aligned::Aligned;
use crate::peers::{
    ArrowIpc, Crc32c, FlatstreamRs, LevelDbLog, Owned, Plain, PlainByHand, PlainCrc32c, Streamed, Unchecked,
};
use crate::rounds::{Found, Kind, Pass, Subject};

const LENS: [usize; 4] = [64, 256, 1024, 16 << 10];

pub(crate) const MAPPED: &str = "flatstream, MappedReader";

const READ: &str = "limit: read(2), look";

pub(super) const NOTE: &str = "\
A file that is there and in the page cache is overwritten in place, all subjects the same one, and read, each its own.
No sync: it is the cost of the calls and of the format. `MappedReader` opens and maps the file anew in each pass,
within the time that is measured.";

pub(super) fn measure(settings: &Settings) -> io::Result<Outcome> {
    let bytes = if settings.is_quick { 32 << 20 } else { 128 << 20 };
    let mut groups = Vec::new();
    for len in settings.lens(&LENS) {
        let workload = Workload::of_len(len, bytes);
        let files = Files::new(&settings.folder)?;
        let written = files.0.join("written");
        groups.push(workload.measure("overwrite a file", writers(&workload, &written)?, settings));
        groups.push(workload.measure("read a file", readers(&workload, &files.0)?, settings));
    }
    Ok(Outcome::Groups(groups))
}

/// All write the same file from its start, and leave what is longer as it is.
fn writers<'a>(workload: &'a Workload, path: &'a Path) -> io::Result<Vec<Subject<'a>>> {
    File::create(path)?;
    let open = || CountedFile::open(path);
    Ok(vec![
        write_blocks(workload, open),
        writer::<Plain>(workload, path, open, Kind::Baseline)?,
        writer::<Plain>(workload, path, open, Kind::Again)?,
        writer::<Crc32c>(workload, path, open, Kind::Ours)?,
        writer::<Unchecked>(workload, path, open, Kind::Ours)?,
        writer::<PlainCrc32c>(workload, path, open, Kind::Peer)?,
        writer::<FlatstreamRs>(workload, path, open, Kind::Peer)?,
        writer::<LevelDbLog>(workload, path, open, Kind::Peer)?,
        writer::<ArrowIpc>(workload, path, open, Kind::Peer)?,
    ])
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
        mapped(workload, folder)?,
        reader::<PlainByHand>(workload, folder, Kind::Peer)?,
        reader::<PlainCrc32c>(workload, folder, Kind::Peer)?,
        reader::<FlatstreamRs>(workload, folder, Kind::Peer)?,
        reader::<LevelDbLog>(workload, folder, Kind::Peer)?,
        reader::<ArrowIpc>(workload, folder, Kind::Peer)?,
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

/// A file that its writer opened itself, so that it knows how far it is durable, and is mapped anew in each pass.
fn mapped<'a>(workload: &'a Workload, folder: &Path) -> io::Result<Subject<'a>> {
    let path = folder.join("mapped");
    let mut writer = Writer::create(&path, WriteOptions::new())?;
    for body in workload.messages() {
        writer.append(body)?;
    }
    writer.finish()?;
    let pass = move || {
        Pass::time(|| {
            let reader = expect(MAPPED, MappedReader::open(&path));
            let mut found = Found { count: 0, sum: 0 };
            reader.iter().for_each(|message| found.add(&expect(MAPPED, message)));
            found
        })
    };
    Ok(Subject::new(MAPPED, Kind::Ours, workload.found(), pass))
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
