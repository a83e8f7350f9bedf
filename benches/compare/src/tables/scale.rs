//! What a message costs, and how much memory it takes, as the stream grows. Each run is a process of its own, whose
//! greatest use of memory the kernel knows.

use std::cell::RefCell;
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;
use std::time::Instant;

use flatstream::{Reader, WriteOptions, Writer};

use super::files::Files;
use super::{NullSink, Outcome, Settings};
use crate::bodies::{Bodies, Take};
use crate::progress::Progress;
use crate::rounds::{Found, Spread};

const MESSAGE_LEN: usize = 64;

/// A message and the head of its frame.
const FRAME_LEN: u64 = 72;

/// A process repeats short streams until it has done so much.
const BYTES_LEAST: u64 = 100_000_000;

const ROUNDS: usize = 7;

/// A row of the table.
pub(crate) struct Scale {
    pub(crate) name: &'static str,
    pub(crate) size: String,
    /// A writer or a reader, not both.
    pub(crate) has_only_one_end: bool,
    pub(crate) nanoseconds: Spread,
    /// Time per message, as a multiple of what it takes in the stream of the middle size.
    pub(crate) ratio: Spread,
    /// The process's greatest use of memory, code and test data included.
    pub(crate) peak_kib: Spread,
    /// What it used more in the middle of the work than before.
    pub(crate) grown_kib: Spread,
}

#[derive(Clone, Copy, Debug)]
enum Work {
    Append,
    AppendAndRead,
    ReadFile,
}

const WORKS: [(Work, &str, &str); 3] = [
    (Work::Append, "append", "append to a null sink"),
    (Work::AppendAndRead, "append-and-read", "append, and read what comes out"),
    (Work::ReadFile, "read-file", "read a file"),
];

pub(super) const NOTE: &str = "\
Messages of 64 B, each run in a process of its own. \"Grown by\" is what the process had more memory in the middle of
the run than before it (`smaps_rollup`, anonymous memory), \"peak\" the greatest it ever had (`VmHWM`), code and the
messages of the test included. The second kind of run has a writer, what it handed over, and a reader.";

pub(super) fn measure(settings: &Settings) -> io::Result<Outcome> {
    let [least, middle, most, file_len]: [u64; 4] = match settings.is_quick {
        true => [1_000_000, 100_000_000, 1_000_000_000, 400_000_000],
        false => [1_000_000, 1_000_000_000, 10_000_000_000, 4_000_000_000],
    };
    let files = Files::new(&settings.folder)?;
    let path = files.0.join("scale.fls");
    write_file(&path, file_len)?;
    let sizes = |work, most| [least, middle, most].map(|size| (work, size));
    let rows = [sizes(Work::Append, most), sizes(Work::AppendAndRead, most), sizes(Work::ReadFile, file_len)].concat();
    // Not measured: the file's pages are read once.
    run_child(Work::ReadFile, file_len, &path)?;
    let mut runs = vec![Vec::new(); rows.len()];
    let progress = Progress::new("scale");
    for round in 0..ROUNDS {
        progress.round(round, ROUNDS);
        for turn in 0..rows.len() {
            let nth = (turn + round) % rows.len();
            let (work, size) = rows[nth];
            runs[nth].push(run_child(work, size, &path)?);
        }
    }
    drop(progress);
    Ok(Outcome::Scale(rows.iter().enumerate().map(|(nth, row)| summed_up(nth, row, &runs)).collect()))
}

/// There are three sizes for each kind of work.
fn summed_up(nth: usize, (work, size): &(Work, u64), runs: &[Vec<Run>]) -> Scale {
    let middle = &runs[nth / 3 * 3 + 1];
    let own = &runs[nth];
    let times_of = |runs: &[Run]| -> Vec<f64> { runs.iter().map(|run| run.nanoseconds).collect() };
    let ratios = times_of(own).into_iter().zip(times_of(middle)).map(|(own, base)| own / base);
    Scale {
        name: WORKS[*work as usize].2,
        size: shown_size(*size),
        has_only_one_end: !matches!(work, Work::AppendAndRead),
        nanoseconds: Spread::of(times_of(own)),
        ratio: Spread::of(ratios),
        peak_kib: Spread::of(own.iter().map(|run| run.peak_kib)),
        grown_kib: Spread::of(own.iter().map(|run| run.grown_kib)),
    }
}

fn shown_size(bytes: u64) -> String {
    if bytes < 1_000_000_000 { format!("{} MB", bytes / 1_000_000) } else { format!("{} GB", bytes / 1_000_000_000) }
}

fn count(bytes: u64) -> usize {
    (bytes / FRAME_LEN) as usize
}

fn write_file(path: &Path, bytes: u64) -> io::Result<()> {
    let _progress = Progress::new("scale: a file to read");
    let bodies = Bodies::of_len(MESSAGE_LEN);
    let mut writer = Writer::new(File::create(path)?, WriteOptions::new())?;
    for body in bodies.take(count(bytes)) {
        writer.append(body)?;
    }
    writer.finish()?;
    Ok(())
}

/// What a process said of itself.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// Per message.
    nanoseconds: f64,
    peak_kib: f64,
    grown_kib: f64,
}

/// The word on the command line that makes this program such a process.
pub(crate) const CHILD: &str = "--scale-child";

fn run_child(work: Work, bytes: u64, path: &Path) -> io::Result<Run> {
    let output = Command::new(std::env::current_exe()?)
        .args([CHILD, WORKS[work as usize].1, &bytes.to_string()])
        .arg(path)
        .output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let figures: Vec<f64> = said.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    match figures[..] {
        [nanoseconds, peak_kib, grown_kib] if output.status.success() => Ok(Run { nanoseconds, peak_kib, grown_kib }),
        _ => {
            let complaint = String::from_utf8_lossy(&output.stderr);
            Err(io::Error::other(format!("{work:?} of {bytes} bytes: {complaint}")))
        }
    }
}

/// What such a process does: three figures, to stdout.
pub(crate) fn run_as_child(mut words: impl Iterator<Item = String>) -> io::Result<()> {
    let work = words.next().and_then(|word| WORKS.iter().find(|(_, known, _)| *known == word));
    let bytes = words.next().and_then(|word| word.parse().ok());
    let (Some((work, ..)), Some(bytes), Some(path)) = (work, bytes, words.next()) else {
        return Err(io::Error::other("a kind of work, a number of bytes and a path are needed"));
    };
    let bodies = Bodies::of_len(MESSAGE_LEN);
    let passes = (BYTES_LEAST / u64::max(bytes, 1)).clamp(1, 100);
    let mut meter = Meter::default();
    for _ in 0..passes {
        pass(*work, &bodies, bytes, &PathBuf::from(&path), &mut meter)?;
    }
    let messages = passes as f64 * count(bytes) as f64;
    let nanoseconds = meter.seconds * 1e9 / messages;
    println!("{nanoseconds} {} {}", memory_kib(STATUS, "VmHWM:")?, meter.grown_kib);
    Ok(())
}

fn pass(work: Work, bodies: &Bodies, bytes: u64, path: &Path, meter: &mut Meter) -> io::Result<()> {
    let count = count(bytes);
    match work {
        Work::Append => meter.measure(|halfway| {
            let mut writer = Writer::new(NullSink::default(), WriteOptions::new())?;
            for (nth, body) in bodies.take(count).enumerate() {
                writer.append(body)?;
                if nth == count / 2 {
                    halfway()?;
                }
            }
            assert_eq!(writer.sequence(), count as u64);
            writer.finish().map(drop).map_err(Into::into)
        }),
        Work::AppendAndRead => meter.measure(|halfway| {
            let found = read(Generator::new(bodies.take(count))?, count, halfway)?;
            assert_eq!(found, bodies.found(count));
            Ok(())
        }),
        Work::ReadFile => meter.measure(|halfway| {
            // A file cut somewhere is a stream whose writer died: it ends before the frame that isn't whole.
            let found = read(File::open(path)?.take(bytes), count, halfway)?;
            assert_eq!(found, bodies.found(found.count as usize));
            assert!(found.count.abs_diff(count as u64) < 2 + count as u64 / 500, "{} messages", found.count);
            Ok(())
        }),
    }
}

fn read(source: impl Read, count: usize, halfway: &mut dyn FnMut() -> io::Result<()>) -> io::Result<Found> {
    let mut reader = Reader::new(source)?;
    let mut found = Found { count: 0, sum: 0 };
    while let Some(message) = reader.next_message()? {
        found.add(message);
        if found.count == count as u64 / 2 {
            halfway()?;
        }
    }
    Ok(found)
}

/// Time, and the memory that is in use halfway, when reader and writer have all they need.
#[derive(Default)]
struct Meter {
    seconds: f64,
    grown_kib: f64,
}

impl Meter {
    fn measure(&mut self, work: impl FnOnce(&mut dyn FnMut() -> io::Result<()>) -> io::Result<()>) -> io::Result<()> {
        let before = memory_kib(SMAPS, "Anonymous:")?;
        let mut looking = 0.0;
        let start = Instant::now();
        work(&mut || {
            let start = Instant::now();
            self.grown_kib = self.grown_kib.max(memory_kib(SMAPS, "Anonymous:")? - before);
            looking += start.elapsed().as_secs_f64();
            Ok(())
        })?;
        self.seconds += start.elapsed().as_secs_f64() - looking;
        Ok(())
    }
}

const STATUS: &str = "/proc/self/status";
const SMAPS: &str = "/proc/self/smaps_rollup";

/// A figure of the kernel's about this process, in KiB.
fn memory_kib(file: &str, name: &str) -> io::Result<f64> {
    let text = std::fs::read_to_string(file)?;
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next()).and_then(|word| word.parse().ok());
    number.ok_or_else(|| io::Error::other(format!("{file} has no {name}")))
}

/// A stream of any length that is written while it is read: never more of it is in memory than the writer hands over
/// at once.
struct Generator<'a> {
    bodies: Take<'a>,
    /// `None` after the last message.
    writer: Option<Writer<Pipe>>,
    pipe: Pipe,
    taken: usize,
}

#[derive(Clone, Default)]
struct Pipe(Rc<RefCell<Vec<u8>>>);

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> Generator<'a> {
    fn new(bodies: Take<'a>) -> io::Result<Self> {
        let pipe = Pipe::default();
        let writer = Some(Writer::new(pipe.clone(), WriteOptions::new())?);
        Ok(Self { bodies, writer, pipe, taken: 0 })
    }

    /// Appends until the writer hands over a block, or has ended.
    fn refill(&mut self) -> io::Result<()> {
        self.pipe.0.borrow_mut().clear();
        self.taken = 0;
        while self.pipe.0.borrow().is_empty() {
            let Some(writer) = &mut self.writer else { break };
            match self.bodies.next() {
                Some(body) => writer.append(body).map(drop)?,
                None => self.writer.take().map_or(Ok(()), |writer| writer.finish().map(drop))?,
            }
        }
        Ok(())
    }
}

impl Read for Generator<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.pipe.0.borrow().len() {
            self.refill()?;
        }
        let bytes = self.pipe.0.borrow();
        let rest = &bytes[self.taken..];
        let len = rest.len().min(buffer.len());
        buffer[..len].copy_from_slice(&rest[..len]);
        self.taken += len;
        Ok(len)
    }
}

/// For a terminal.
impl fmt::Display for Scale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, size, nanoseconds, ratio, peak_kib, grown_kib, .. } = self;
        write!(f, "{name:<32} {size:>7}  {:6.2} ns", nanoseconds.median)?;
        write!(f, "  {:.2}x ({:.2}..{:.2})", ratio.median, ratio.least, ratio.greatest)?;
        write!(f, "  peak {:6.0} KiB ({:.0}..{:.0})", peak_kib.median, peak_kib.least, peak_kib.greatest)?;
        write!(f, "  grown by {:5.0} KiB ({:.0}..{:.0})", grown_kib.median, grown_kib.least, grown_kib.greatest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_stream_is_read_whole_whatever_its_length() {
        let bodies = Bodies::of_len(MESSAGE_LEN);
        for count in [0, 1, 3000, 20_000] {
            assert_eq!(
                read(Generator::new(bodies.take(count)).unwrap(), count, &mut || Ok(())).unwrap(),
                bodies.found(count)
            );
        }
    }

    #[test]
    fn the_kernel_says_how_much_memory_was_used() {
        if cfg!(target_os = "linux") {
            assert!(memory_kib(STATUS, "VmHWM:").unwrap() > 100.0);
            assert!(memory_kib(SMAPS, "Anonymous:").unwrap() > 0.0);
        }
    }
}
