//! How long a single `append` takes at a steady pace. In each tick every subject takes the same message, in an order
//! that rotates; the slowest ones count, so each is shown by its quantiles.

use std::fmt;
use std::fs::File;
use std::hint::{black_box, spin_loop};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use flatstream::{Durable, SharedOptions, SharedWriter, SyncPolicy, WriteOptions, Writer};

use super::files::Files;
use super::{BLOCK, Outcome, Settings};
use crate::bodies::Bodies;
use crate::progress::Progress;
use crate::rounds::{Kind, Spread};

const ROUNDS: usize = 7;

pub(crate) const QUANTILES: [(&str, f64); 5] =
    [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("max", 1.0)];

const PUSH: &str = "push into a Vec";
pub(crate) const SHARED: &str = "flatstream, SharedWriter";
const WRITER: &str = "flatstream, Writer";
const PLAIN: &str = "plain";

/// Quantiles of some subjects in the same rounds.
pub(crate) struct Latencies {
    pub(crate) title: &'static str,
    pub(crate) is_slow_disk: bool,
    pub(crate) rows: Vec<LatencyRow>,
}

pub(crate) struct LatencyRow {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// In nanoseconds, for each of [`QUANTILES`].
    pub(crate) quantiles: [Spread; QUANTILES.len()],
}

type Append<'a> = (&'static str, Kind, Box<dyn FnMut(&[u8]) -> io::Result<()> + 'a>);

pub(super) const NOTE: &str = "\
In each tick of 20 us every subject takes the same message, in an order that rotates. `plain` and `Writer` call
write(2) when their block is full; `SharedWriter` leaves that to a thread of its own. On the slow disk each sync takes
10 ms, and syncing never pauses.";

pub(super) fn measure(settings: &Settings) -> io::Result<Outcome> {
    let count = if settings.is_quick { 10_000 } else { 50_000 };
    let files = Files::new(&settings.folder)?;
    let into_files = measure_rounds("append 1 KiB to a file, 50,000 a second", 1024, count, || to_files(&files.0))?;
    let to_slow_disk =
        measure_rounds("append 64 B while each sync takes 10 ms, 50,000 a second", 64, count, slow_disk)?;
    Ok(Outcome::Latencies(vec![into_files, Latencies { is_slow_disk: true, ..to_slow_disk }]))
}

fn measure_rounds<'a>(
    title: &'static str,
    len: usize,
    count: usize,
    subjects: impl Fn() -> io::Result<Vec<Append<'a>>>,
) -> io::Result<Latencies> {
    let bodies = Bodies::of_len(len);
    let mut rounds = Vec::new();
    let mut names = Vec::new();
    let progress = Progress::new(title);
    for round in 0..ROUNDS {
        progress.round(round, ROUNDS);
        let mut subjects = subjects()?;
        rounds.push(measure_round(&mut subjects, &bodies, count)?);
        names = subjects.iter().map(|(name, kind, _)| (*name, *kind)).collect();
    }
    let quantile = |nth: usize, quantile: f64| {
        Spread::of(rounds.iter().map(|round| {
            let sorted: &Vec<f64> = &round[nth];
            sorted[((sorted.len() - 1) as f64 * quantile) as usize]
        }))
    };
    let row = |(nth, (name, kind))| LatencyRow { name, kind, quantiles: QUANTILES.map(|(_, of)| quantile(nth, of)) };
    Ok(Latencies { title, is_slow_disk: false, rows: names.into_iter().enumerate().map(row).collect() })
}

/// For each subject its latencies in nanoseconds, sorted.
fn measure_round(subjects: &mut [Append<'_>], bodies: &Bodies, count: usize) -> io::Result<Vec<Vec<f64>>> {
    const PACE: Duration = Duration::from_micros(20);
    let mut latencies = vec![Vec::with_capacity(count); subjects.len()];
    let start = Instant::now();
    for (tick, body) in bodies.take(count).enumerate() {
        while start.elapsed() < PACE * tick as u32 {
            spin_loop();
        }
        for turn in 0..subjects.len() {
            let nth = (turn + tick) % subjects.len();
            let start = Instant::now();
            subjects[nth].2(black_box(body))?;
            latencies[nth].push(start.elapsed().as_secs_f64() * 1e9);
        }
    }
    latencies.iter_mut().for_each(|latencies| latencies.sort_by(f64::total_cmp));
    Ok(latencies)
}

/// What reading the clock takes is in every latency.
fn clock() -> Append<'static> {
    ("limit: the clock", Kind::Limit, Box::new(|_| Ok(())))
}

/// Into memory that has been written before.
fn push(len: usize) -> Append<'static> {
    let pushed = Mutex::new(vec![1; len]);
    pushed.lock().expect("no thread panics").clear();
    let push = move |body: &[u8]| {
        pushed.lock().expect("no thread panics").extend_from_slice(body);
        Ok(())
    };
    (PUSH, Kind::Aside, Box::new(push))
}

fn to_files(folder: &Path) -> io::Result<Vec<Append<'static>>> {
    let mut plain = BufWriter::with_capacity(BLOCK, File::create(folder.join("plain"))?);
    let mut writer = Writer::new(File::create(folder.join("writer"))?, WriteOptions::new())?;
    let shared = Writer::new_durable(File::create(folder.join("shared"))?, WriteOptions::new())?;
    let shared = SharedWriter::new(shared, SharedOptions::new())?;
    let append_plain = move |body: &[u8]| {
        plain.write_all(&(body.len() as u32).to_le_bytes())?;
        plain.write_all(body)
    };
    Ok(vec![
        clock(),
        push(64 << 20),
        (PLAIN, Kind::Baseline, Box::new(append_plain)),
        (WRITER, Kind::Ours, Box::new(move |body| Ok(writer.append(body).map(drop)?))),
        (SHARED, Kind::Ours, Box::new(move |body| Ok(shared.append(body).map(drop)?))),
    ])
}

/// A disk without bytes, whose syncs take 10 ms.
struct SlowDisk;

impl Write for SlowDisk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Durable for SlowDisk {
    fn sync(&mut self) -> io::Result<()> {
        thread::sleep(Duration::from_millis(10));
        Ok(())
    }
}

/// The thread of the `SharedWriter` syncs without a pause, each time for all that came.
fn slow_disk() -> io::Result<Vec<Append<'static>>> {
    let options = WriteOptions::new().sync_policy(SyncPolicy::EveryMessage);
    let writer = SharedWriter::new(Writer::new_durable(SlowDisk, options)?, SharedOptions::new())?;
    let append = move |body: &[u8]| Ok(writer.append(body).map(drop)?);
    Ok(vec![clock(), push(8 << 20), (SHARED, Kind::Ours, Box::new(append))])
}

/// For a terminal.
impl fmt::Display for Latencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, in us\n{:26}", self.title, "")?;
        QUANTILES.iter().try_for_each(|(name, _)| write!(f, "{name:>22}"))?;
        for row in &self.rows {
            write!(f, "\n  {:<24}", row.name)?;
            for Spread { median, least, greatest } in row.quantiles.map(|spread| spread.times(1e-3)) {
                write!(f, "{:>22}", format!("{median:.2} ({least:.2}..{greatest:.2})"))?;
            }
        }
        writeln!(f)
    }
}
