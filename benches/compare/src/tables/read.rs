//! Reading from memory: what reading costs the processor.

use std::io;

use super::{BLOCK, Outcome, Settings, Workload, name_of, raw_stream, read_all};
use crate::aligned::Aligned;
use crate::peers::{
    ArrowIpc, Capnp, Crc32c, FlatstreamRs, Format, LevelDbLog, Mcap, McapUnchunked, Owned, Plain, PlainByHand,
    PlainCrc32c, Slice, TfRecord, Unchecked, Xxh3,
};
use crate::rounds::{Found, Kind, Pass, Subject};

/// What a processor's own cache holds, beside a block: what reading costs the processor.
const CACHED: usize = 1 << 20;

/// More than that: what reading costs with memory to wait for.
const UNCACHED: usize = 32 << 20;

pub(crate) const FROM_CACHE: &str = "read from the cache";
pub(crate) const FROM_MEMORY: &str = "read from memory";

const COPY: &str = "limit: copy blocks, look";
const LOOK: &str = "limit: look";

pub(super) const NOTE: &str = "\
A stream of 1 MiB, which the processor's own cache holds: what reading costs the processor, and that a reader zeroes its
block before. And one of 32 MiB, for which it waits for memory. The limits: to look at bodies that lie one behind the
other, which bounds what reads in place (`SliceReader`, capnp, mcap); to copy them in blocks first, which bounds what
reads through `Read`. `plain` calls `read_exact`, as everybody does; by hand its quick path is inlined.";

pub(super) fn measure(settings: &Settings) -> io::Result<Outcome> {
    let sizes = [(FROM_CACHE, CACHED), (FROM_MEMORY, UNCACHED)];
    let groups = sizes.into_iter().flat_map(|(title, bytes)| {
        settings.workloads(bytes).map(move |workload| workload.measure(title, subjects(&workload), settings))
    });
    Ok(Outcome::Groups(groups.collect()))
}

fn subjects(workload: &Workload) -> Vec<Subject<'_>> {
    let mut subjects = vec![
        look_alone(workload),
        copy_blocks(workload),
        subject::<Plain>(workload, Kind::Baseline).limited_by(COPY),
        subject::<Plain>(workload, Kind::Again).limited_by(COPY),
        subject::<Crc32c>(workload, Kind::Ours).limited_by(COPY),
        subject::<Xxh3>(workload, Kind::Ours).limited_by(COPY),
        subject::<Unchecked>(workload, Kind::Ours).limited_by(COPY),
        subject::<Owned>(workload, Kind::Ours).limited_by(COPY),
        subject::<Slice>(workload, Kind::Ours).limited_by(LOOK),
        subject::<PlainByHand>(workload, Kind::Peer).limited_by(COPY),
        subject::<PlainCrc32c>(workload, Kind::Peer).limited_by(COPY),
        subject::<FlatstreamRs>(workload, Kind::Peer).limited_by(COPY),
    ];
    if workload.has_all_peers() {
        subjects.extend([
            subject::<LevelDbLog>(workload, Kind::Peer).limited_by(COPY),
            subject::<ArrowIpc>(workload, Kind::Peer).limited_by(COPY),
            subject::<Capnp>(workload, Kind::Peer).limited_by(LOOK),
            subject::<Mcap>(workload, Kind::Peer).limited_by(LOOK),
            subject::<McapUnchunked>(workload, Kind::Peer).limited_by(LOOK),
            subject::<TfRecord>(workload, Kind::Peer).limited_by(COPY),
        ]);
    }
    subjects
}

pub(super) fn subject<F: Format>(workload: &Workload, kind: Kind) -> Subject<'_> {
    let mut bytes = Aligned::copy_of(&workload.stream::<F>());
    Subject::new(name_of::<F>(kind), kind, workload.found(), move || {
        move_in_memory(&mut bytes);
        Pass::time(|| read_all::<F>(&bytes))
    })
}

/// Which pages of memory a stream got decides over a fifth of the time that reading it takes, so it gets others for
/// each pass: then it is part of the spread, and not of the median. What the cache holds may stay.
fn move_in_memory(bytes: &mut Aligned) {
    if bytes.len() > 2 * CACHED {
        *bytes = Aligned::copy_of(bytes);
    }
}

/// Bodies that lie one behind the other are looked at: no reader does less.
pub(super) fn look_alone(workload: &Workload) -> Subject<'_> {
    let mut bytes = raw_stream(workload);
    Subject::new(LOOK, Kind::Limit, workload.found(), move || {
        move_in_memory(&mut bytes);
        Pass::time(|| look_all(workload, &bytes))
    })
}

fn look_all(workload: &Workload, mut bytes: &[u8]) -> Found {
    let mut found = Found { count: 0, sum: 0 };
    for body in workload.messages() {
        let (own, rest) = bytes.split_at(body.len());
        found.add(own);
        bytes = rest;
    }
    found
}

/// They are copied in blocks before: no reader of any `Read` does less.
fn copy_blocks(workload: &Workload) -> Subject<'_> {
    let mut bytes = raw_stream(workload);
    let mut block = Aligned::zeroed(BLOCK.max(1 << 20));
    Subject::new(COPY, Kind::Limit, workload.found(), move || {
        move_in_memory(&mut bytes);
        Pass::time(|| copy_and_look(workload, &bytes, &mut block))
    })
}

fn copy_and_look(workload: &Workload, mut bytes: &[u8], block: &mut [u8]) -> Found {
    let mut found = Found { count: 0, sum: 0 };
    let mut buffered = 0..0;
    for body in workload.messages() {
        if buffered.len() < body.len() {
            // What is left of the last block goes to the front, and behind it as much as fits.
            let left = buffered.len();
            block.copy_within(buffered, 0);
            let len = bytes.len().min(BLOCK.max(body.len()) - left);
            let (next, rest) = bytes.split_at(len);
            block[left..left + len].copy_from_slice(next);
            bytes = rest;
            buffered = 0..left + len;
        }
        found.add(&block[buffered.start..buffered.start + body.len()]);
        buffered.start += body.len();
    }
    found
}
