//! Appending into a null sink: what writing costs the processor.

use std::io::{self, Write};

use super::{BLOCK, NullSink, Settings, Workload, expect, name_of};
use crate::aligned::Aligned;
use crate::bodies::Take;
use crate::peers::{Crc32c, FlatstreamRs, Format, Plain, PlainCrc32c, Unchecked, Xxh3};
use crate::rounds::{Found, Group, Kind, Pass, Subject};

const LENS: [usize; 6] = [16, 64, 256, 1024, 16 << 10, 1 << 20];

const BYTES: usize = 32 << 20;

const COPY: &str = "limit: copy into a block";

pub(super) fn measure(settings: &Settings) -> io::Result<Vec<Group>> {
    let mut workloads: Vec<Workload> =
        settings.lens(&LENS).into_iter().map(|len| Workload::of_len(len, BYTES)).collect();
    if settings.has_telemetry() {
        workloads.push(Workload::telemetry(BYTES));
    }
    let groups =
        workloads.iter().map(|workload| workload.measure("append to a null sink", subjects(workload), settings));
    Ok(groups.collect())
}

fn subjects(workload: &Workload) -> Vec<Subject<'_>> {
    vec![
        copy(workload),
        subject::<Plain>(workload, Kind::Baseline),
        subject::<Plain>(workload, Kind::Again),
        subject::<Crc32c>(workload, Kind::Ours),
        subject::<Xxh3>(workload, Kind::Ours),
        subject::<Unchecked>(workload, Kind::Ours),
        subject::<PlainCrc32c>(workload, Kind::Peer),
        subject::<FlatstreamRs>(workload, Kind::Peer),
    ]
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

/// Each body is copied once, and every block handed over: nothing that gathers blocks can do less.
fn copy(workload: &Workload) -> Subject<'_> {
    let sum = workload.messages().map(|body| body.len() as u64).sum();
    let expected = Found { count: workload.count as u64, sum };
    let mut block = Aligned::zeroed(BLOCK.max(1 << 20));
    let pass = move || Pass::time(|| copy_all(workload.messages(), &mut block));
    Subject::new(COPY, Kind::Limit, expected, pass)
}

fn copy_all(messages: Take<'_>, block: &mut [u8]) -> Found {
    let mut sink = NullSink::default();
    let (mut count, mut end) = (0, 0);
    for body in messages {
        if end + body.len() > BLOCK {
            sink.write_all(&block[..end]).expect("a null sink takes all");
            end = 0;
        }
        block[end..end + body.len()].copy_from_slice(body);
        end += body.len();
        count += 1;
    }
    sink.write_all(&block[..end]).expect("a null sink takes all");
    Found { count, sum: sink.len }
}
