//! From memory to memory: a stream of 1 MiB is written into a `Vec` that has been written before, and read from there.
//! No page is touched for the first time.

use std::io;

use super::{Outcome, Settings, Workload, expect, name_of, raw_stream, read_all};
use crate::peers::{
    ArrowIpc, Capnp, Crc32c, FlatstreamRs, Format, LevelDbLog, Mcap, McapUnchunked, Owned, Plain, PlainByHand,
    PlainCrc32c, Slice, TfRecord,
};
use crate::rounds::{Found, Kind, Pass, Subject};

const LENS: [usize; 3] = [64, 1024, 16 << 10];

const BYTES: usize = 1 << 20;

const COPY: &str = "limit: copy";
const LOOK: &str = "limit: look";

pub(super) const NOTE: &str = "\
A stream of 1 MiB, which the processor's own cache holds, is written into a `Vec` that has been written before and is
only cleared, and read from such a one: no page is touched for the first time. What was written is read back after
each pass.";

pub(super) fn measure(settings: &Settings) -> io::Result<Outcome> {
    let mut groups = Vec::new();
    for len in settings.lens(&LENS) {
        let workload = Workload::of_len(len, BYTES);
        groups.push(workload.measure("memory to memory, write", writers(&workload), settings));
        groups.push(workload.measure("memory to memory, read", readers(&workload), settings));
    }
    Ok(Outcome::Groups(groups))
}

fn writers(workload: &Workload) -> Vec<Subject<'_>> {
    vec![
        copy(workload),
        writer::<Plain>(workload, Kind::Baseline),
        writer::<Plain>(workload, Kind::Again),
        writer::<Crc32c>(workload, Kind::Ours),
        writer::<PlainCrc32c>(workload, Kind::Peer),
        writer::<FlatstreamRs>(workload, Kind::Peer),
        writer::<LevelDbLog>(workload, Kind::Peer),
        writer::<ArrowIpc>(workload, Kind::Peer),
        writer::<Capnp>(workload, Kind::Peer),
        writer::<Mcap>(workload, Kind::Peer),
        writer::<McapUnchunked>(workload, Kind::Peer),
        writer::<TfRecord>(workload, Kind::Peer),
    ]
}

/// What each pass wrote is read back, untimed.
fn writer<F: Format>(workload: &Workload, kind: Kind) -> Subject<'_> {
    let mut bytes = workload.stream::<F>();
    let pass = move || {
        bytes.clear();
        let timed = Pass::time(|| {
            expect(F::NAME, F::write(&mut bytes, workload.messages()));
            Found { count: 0, sum: 0 }
        });
        timed.with_found(read_all::<F>(&bytes))
    };
    Subject::new(name_of::<F>(kind), kind, workload.found(), pass).limited_by(COPY)
}

fn copy(workload: &Workload) -> Subject<'_> {
    let len = raw_stream(workload).len();
    let mut bytes = vec![1; len];
    let expected = Found { count: workload.count as u64, sum: len as u64 };
    let pass = move || {
        bytes.clear();
        Pass::time(|| {
            workload.messages().for_each(|body| bytes.extend_from_slice(body));
            Found { count: workload.count as u64, sum: bytes.len() as u64 }
        })
    };
    Subject::new(COPY, Kind::Limit, expected, pass)
}

fn readers(workload: &Workload) -> Vec<Subject<'_>> {
    vec![
        super::read::look_alone(workload),
        reader::<Plain>(workload, Kind::Baseline),
        reader::<Plain>(workload, Kind::Again),
        reader::<Crc32c>(workload, Kind::Ours),
        reader::<Owned>(workload, Kind::Ours),
        reader::<Slice>(workload, Kind::Ours),
        reader::<PlainByHand>(workload, Kind::Peer),
        reader::<PlainCrc32c>(workload, Kind::Peer),
        reader::<FlatstreamRs>(workload, Kind::Peer),
        reader::<LevelDbLog>(workload, Kind::Peer),
        reader::<ArrowIpc>(workload, Kind::Peer),
        reader::<Capnp>(workload, Kind::Peer),
        reader::<Mcap>(workload, Kind::Peer),
        reader::<McapUnchunked>(workload, Kind::Peer),
        reader::<TfRecord>(workload, Kind::Peer),
    ]
}

fn reader<F: Format>(workload: &Workload, kind: Kind) -> Subject<'_> {
    super::read::subject::<F>(workload, kind).limited_by(LOOK)
}
