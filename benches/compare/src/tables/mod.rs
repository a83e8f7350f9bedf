//! What is measured: a file for each table.

mod append;
mod read;

mod memory;

mod fresh;
mod overwrite;

mod durable;
mod latency;

mod scale;

mod files;

use std::fmt;
use std::io::{self, Write};
use std::path::PathBuf;

pub(crate) use self::durable::{ALONE, TOGETHER};
pub(crate) use self::latency::{Latencies, QUANTILES, SHARED};
pub(crate) use self::overwrite::MAPPED;
pub(crate) use self::read::{FROM_CACHE, FROM_MEMORY};
pub(crate) use self::scale::{CHILD as SCALE_CHILD, Scale, run_as_child as run_as_scale_child};
use crate::aligned::Aligned;
use crate::bodies::{Bodies, Take, look};
use crate::peers::Format;
use crate::rounds::{Found, Group, Kind, Rounds, Subject};

/// How all tables are measured.
pub(crate) struct Settings {
    pub(crate) rounds: Rounds,
    /// Where files are made.
    pub(crate) folder: PathBuf,
    /// Small files and few bytes.
    pub(crate) is_quick: bool,
    /// Lengths of messages, where only some are asked for.
    pub(crate) lens: Option<Vec<usize>>,
}

/// One of the tables.
pub(crate) struct Table {
    /// On the command line.
    pub(crate) name: &'static str,
    pub(crate) heading: &'static str,
    pub(crate) note: &'static str,
    pub(crate) measure: fn(&Settings) -> io::Result<Outcome>,
}

pub(crate) const TABLES: &[Table] = &[
    Table { name: "append", heading: "Appending, without a disk", note: append::NOTE, measure: append::measure },
    Table { name: "read", heading: "Reading, without a disk", note: read::NOTE, measure: read::measure },
    Table { name: "memory", heading: "Memory to memory", note: memory::NOTE, measure: memory::measure },
    Table { name: "overwrite", heading: "Files in the page cache", note: overwrite::NOTE, measure: overwrite::measure },
    Table { name: "fresh", heading: "Files that grow", note: fresh::NOTE, measure: fresh::measure },
    Table { name: "durable", heading: "Durable messages", note: durable::NOTE, measure: durable::measure },
    Table { name: "latency", heading: "Latency of a single append", note: latency::NOTE, measure: latency::measure },
    Table { name: "scale", heading: "As the stream grows", note: scale::NOTE, measure: scale::measure },
];

/// What came out.
pub(crate) enum Outcome {
    Groups(Vec<Group>),
    Latencies(Vec<Latencies>),
    Scale(Vec<Scale>),
}

/// For a terminal.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Groups(groups) => groups.iter().try_for_each(|group| writeln!(f, "{group}")),
            Self::Latencies(all) => all.iter().try_for_each(|latencies| writeln!(f, "{latencies}")),
            Self::Scale(rows) => rows.iter().try_for_each(|row| writeln!(f, "{row}")),
        }
    }
}

/// Lengths from the smallest message there may be to a camera's picture.
pub(crate) const LENS: [usize; 6] = [16, 64, 256, 1024, 16 << 10, 1 << 20];

/// Those at which all peers run.
const PEER_LENS: [usize; 3] = [64, 1024, 16 << 10];

const BLOCK: usize = 256 << 10;

/// The messages of one group.
struct Workload {
    bodies: Bodies,
    count: usize,
    /// "64 B", or "telemetry".
    name: String,
}

impl Workload {
    /// Messages of `len` bytes, `bytes` in all.
    fn of_len(len: usize, bytes: usize) -> Self {
        Self { bodies: Bodies::of_len(len), count: (bytes / len).max(4), name: shown_len(len) }
    }

    fn telemetry(bytes: usize) -> Self {
        let bodies = Bodies::telemetry();
        let count = (bytes as f64 / bodies.mean_len()) as usize;
        Self { bodies, count, name: "telemetry".to_owned() }
    }

    fn named(self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self }
    }

    fn has_all_peers(&self) -> bool {
        PEER_LENS.iter().any(|len| shown_len(*len) == self.name)
    }

    fn messages(&self) -> Take<'_> {
        self.bodies.take(self.count)
    }

    fn found(&self) -> Found {
        self.bodies.found(self.count)
    }

    fn measure(&self, title: &'static str, subjects: Vec<Subject<'_>>, settings: &Settings) -> Group {
        Group::measure(title, self.name.clone(), self.bodies.mean_len(), subjects, settings.rounds)
    }

    /// A stream in memory, which has been read back.
    fn stream<F: Format>(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        expect(F::NAME, F::write(&mut bytes, self.messages()));
        assert_eq!(read_all::<F>(&bytes), self.found(), "{} reads something else than it wrote", F::NAME);
        bytes
    }
}

impl Settings {
    /// Those lengths of `lens` that are asked for.
    fn lens(&self, lens: &[usize]) -> Vec<usize> {
        lens.iter().copied().filter(|len| self.lens.as_ref().is_none_or(|asked| asked.contains(len))).collect()
    }

    /// Messages of each length, and telemetry.
    fn workloads(&self, bytes: usize) -> impl Iterator<Item = Workload> {
        let telemetry = self.lens.is_none().then(|| Workload::telemetry(bytes));
        self.lens(&LENS).into_iter().map(move |len| Workload::of_len(len, bytes)).chain(telemetry)
    }
}

pub(crate) fn shown_len(len: usize) -> String {
    match len {
        0..1024 => format!("{len} B"),
        1024..0x10_0000 => format!("{} KiB", len >> 10),
        _ => format!("{} MiB", len >> 20),
    }
}

/// A bench has nobody to give an error to.
fn expect<T, E: std::fmt::Display>(name: &str, result: Result<T, E>) -> T {
    result.unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn read_all<F: Format>(bytes: &[u8]) -> Found {
    let mut found = Found { count: 0, sum: 0 };
    expect(F::NAME, F::read(bytes, |message| found.add(message)));
    found
}

impl Found {
    #[inline]
    pub(crate) fn add(&mut self, message: &[u8]) {
        self.count += 1;
        self.sum = look(self.sum, message);
    }
}

/// Takes all and keeps nothing.
#[derive(Default)]
struct NullSink {
    len: u64,
}

impl Write for NullSink {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.len += std::hint::black_box(bytes).len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The bodies one behind the other, as they would be without any format.
fn raw_stream(workload: &Workload) -> Aligned {
    Aligned::copy_of(&workload.messages().collect::<Vec<_>>().concat())
}

/// What the second baseline is called.
fn again<F: Format>() -> String {
    format!("{}, again", F::NAME)
}

fn name_of<F: Format>(kind: Kind) -> String {
    if kind == Kind::Again { again::<F>() } else { F::NAME.to_owned() }
}
