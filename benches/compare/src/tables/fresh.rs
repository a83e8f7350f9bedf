//! A file that grows: each pass makes a new one, so that the file system has to find room and pages for it.

use std::io;
use std::path::Path;

use super::files::{CountedFile, Files, write_blocks, writer};
use super::{Outcome, Settings, Workload};
use crate::peers::{Crc32c, FlatstreamRs, Plain, PlainCrc32c};
use crate::rounds::{Kind, Subject};

const LENS: [usize; 2] = [64, 1024];

pub(super) const NOTE: &str = "\
Each pass makes a new file: the file system has to find room and pages for it.";

pub(super) fn measure(settings: &Settings) -> io::Result<Outcome> {
    let bytes = if settings.is_quick { 16 << 20 } else { 64 << 20 };
    let files = Files::new(&settings.folder)?;
    let path = files.0.join("fresh");
    let mut groups = Vec::new();
    for len in settings.lens(&LENS) {
        let workload = Workload::of_len(len, bytes);
        groups.push(workload.measure("write a fresh file", subjects(&workload, &path)?, settings));
    }
    Ok(Outcome::Groups(groups))
}

fn subjects<'a>(workload: &'a Workload, path: &'a Path) -> io::Result<Vec<Subject<'a>>> {
    let create = || CountedFile::create(path);
    Ok(vec![
        write_blocks(workload, create),
        writer::<Plain>(workload, path, create, Kind::Baseline)?,
        writer::<Plain>(workload, path, create, Kind::Again)?,
        writer::<Crc32c>(workload, path, create, Kind::Ours)?,
        writer::<PlainCrc32c>(workload, path, create, Kind::Peer)?,
        writer::<FlatstreamRs>(workload, path, create, Kind::Peer)?,
    ])
}
