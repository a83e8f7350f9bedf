//! Appending into a null sink: what writing costs the processor.

use std::io::{self, BufWriter, Write};

use super::{BLOCK, NullSink, Outcome, Settings, Workload, expect, name_of};
use crate::peers::{
    ArrowIpc, Capnp, Crc32c, FlatstreamRs, Format, LevelDbLog, Mcap, McapUnchunked, Plain, PlainCrc32c, TfRecord,
    Unchecked, Xxh3,
};
use crate::rounds::{Found, Kind, Pass, Subject};

const BYTES: usize = 32 << 20;

const COPY: &str = "limit: copy into a block";

pub(super) const NOTE: &str = "\
A null sink takes all and keeps nothing, so this is what writing costs the processor. The limit copies each body once
into a block of 256 KiB. Messages of 1 MiB are longer than a block: `BufWriter` hands them over from where they lie,
and so does flatstream where it needn't hash them, so the ratio says nothing there. \"telemetry\" is what the example
`telemetry` records: FlatBuffers of about 64 bytes, of many lengths.";

pub(super) fn measure(settings: &Settings) -> io::Result<Outcome> {
    let workloads = settings.workloads(BYTES);
    let groups = workloads.map(|workload| workload.measure("append to a null sink", subjects(&workload), settings));
    Ok(Outcome::Groups(groups.collect()))
}

fn subjects(workload: &Workload) -> Vec<Subject<'_>> {
    let mut subjects = vec![
        subject::<Plain>(workload, Kind::Baseline),
        subject::<Plain>(workload, Kind::Again),
        subject::<Crc32c>(workload, Kind::Ours),
        subject::<Xxh3>(workload, Kind::Ours),
        subject::<Unchecked>(workload, Kind::Ours),
        subject::<PlainCrc32c>(workload, Kind::Peer),
        subject::<FlatstreamRs>(workload, Kind::Peer),
    ];
    // What is longer than a block may be handed over from where it lies.
    if workload.bodies.mean_len() < BLOCK as f64 {
        subjects.insert(0, copy(workload));
    }
    if workload.has_all_peers() {
        subjects.extend([
            subject::<LevelDbLog>(workload, Kind::Peer),
            subject::<ArrowIpc>(workload, Kind::Peer),
            subject::<Capnp>(workload, Kind::Peer),
            subject::<Mcap>(workload, Kind::Peer),
            subject::<McapUnchunked>(workload, Kind::Peer),
            subject::<TfRecord>(workload, Kind::Peer),
        ]);
    }
    subjects
}

fn subject<F: Format>(workload: &Workload, kind: Kind) -> Subject<'_> {
    let expected = Found { count: workload.count as u64, sum: workload.stream::<F>().len() as u64 };
    let pass = || {
        Pass::time(|| {
            let mut sink = NullSink::default();
            expect(F::NAME, F::write(&mut sink, workload.messages()));
            Found { count: workload.count as u64, sum: sink.len }
        })
    };
    Subject::new(name_of::<F>(kind), kind, expected, pass).limited_by(COPY)
}

/// Bodies one behind the other: each is copied once, and every block handed over. Nothing that gathers blocks can do
/// less.
fn copy(workload: &Workload) -> Subject<'_> {
    let sum = workload.messages().map(|body| body.len() as u64).sum();
    let expected = Found { count: workload.count as u64, sum };
    let pass = || Pass::time(|| copy_all(workload));
    Subject::new(COPY, Kind::Limit, expected, pass)
}

fn copy_all(workload: &Workload) -> Found {
    let mut writer = BufWriter::with_capacity(BLOCK, NullSink::default());
    workload.messages().for_each(|body| writer.write_all(body).expect("a null sink takes all"));
    writer.flush().expect("a null sink takes all");
    Found { count: workload.count as u64, sum: writer.get_ref().len }
}
