//! What rotation costs those who append, and what it takes to remove 10,000 segments.
//!
//! `cargo run --release -p flatstream-benches --bin rotate`
//!
//! Each round appends as many messages of 256 bytes to a log that never rotates, to one that rotates every 8 MiB, and
//! to both through a `SharedWriter`, in an order that rotates; the first stands there twice. Shown are the percentiles
//! of single appends, medians of the rounds with the least and the greatest. Then a log of 10,000 segments is opened
//! with and without retention of all but one.

#![forbid(unsafe_code)]

use std::io;
use std::time::Instant;

use flatstream::log::{LogOptions, LogWriter, segments};
use flatstream::{SharedOptions, SharedWriter};
use flatstream_benches::spread;
use flatstream_testkit::folder::Folder;

const ROUNDS: usize = 7;
const MESSAGES: usize = 400_000;
const SEGMENTS: usize = 10_000;

const SUBJECTS: [(&str, Option<u64>, bool); 5] = [
    ("never rotates", None, false),
    ("never rotates, again", None, false),
    ("rotates every 8 MiB", Some(8 << 20), false),
    ("shared, never rotates", None, true),
    ("shared, every 8 MiB", Some(8 << 20), true),
];

const PERCENTILES: [(&str, f64); 4] = [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999), ("most", 1.0)];

fn main() -> io::Result<()> {
    let mut figures = vec![vec![Vec::new(); PERCENTILES.len()]; SUBJECTS.len()];
    for round in 0..ROUNDS {
        eprintln!("round {} of {ROUNDS}", round + 1);
        for turn in 0..SUBJECTS.len() {
            let nth = (turn + round) % SUBJECTS.len();
            let (_, segment_bytes, is_shared) = SUBJECTS[nth];
            let times = append(segment_bytes, is_shared)?;
            for (figure, (_, share)) in figures[nth].iter_mut().zip(PERCENTILES) {
                figure.push(times[((times.len() - 1) as f64 * share) as usize]);
            }
        }
    }
    println!("appending {MESSAGES} messages of 256 bytes, {ROUNDS} rounds, us per append: median (least to greatest)");
    for ((name, ..), figures) in SUBJECTS.iter().zip(figures) {
        print!("  {name:<22}");
        for ((percentile, _), figure) in PERCENTILES.iter().zip(figures) {
            let [median, least, greatest] = spread(figure);
            print!("  {percentile} {median:.2} ({least:.2} to {greatest:.2})");
        }
        println!();
    }
    remove()
}

/// The times of single appends in microseconds, sorted.
fn append(segment_bytes: Option<u64>, is_shared: bool) -> io::Result<Vec<f64>> {
    let folder = Folder::new("rotate-bench");
    let options = LogOptions::new().segment_bytes(segment_bytes.unwrap_or(u64::MAX));
    let mut log = LogWriter::open(folder.path(), options)?;
    let message = [7; 256];
    let mut times = Vec::with_capacity(MESSAGES);
    if is_shared {
        let writer = SharedWriter::new(log, SharedOptions::new())?;
        for _ in 0..MESSAGES {
            let start = Instant::now();
            writer.append(&message)?;
            times.push(start.elapsed().as_secs_f64() * 1e6);
        }
        writer.finish()?;
    } else {
        for _ in 0..MESSAGES {
            let start = Instant::now();
            log.append(&message)?;
            times.push(start.elapsed().as_secs_f64() * 1e6);
        }
        log.finish()?;
    }
    let bytes: u64 = segments(folder.path())?.iter().map(|segment| segment.bytes).sum();
    assert!(bytes > (MESSAGES * message.len()) as u64);
    times.sort_by(f64::total_cmp);
    Ok(times)
}

fn remove() -> io::Result<()> {
    let folder = Folder::new("retain-bench");
    eprintln!("making {SEGMENTS} segments");
    let mut log = LogWriter::open(folder.path(), LogOptions::new())?;
    for _ in 1..SEGMENTS {
        log.append(b"a message")?;
        log.rotate()?;
    }
    log.finish()?;
    assert_eq!(segments(folder.path())?.len(), SEGMENTS);
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        times.push(opening(&folder, LogOptions::new())?);
    }
    let [median, least, greatest] = spread(times);
    println!("opening a log of {SEGMENTS} segments: {median:.1} ms ({least:.1} to {greatest:.1})");
    let time = opening(&folder, LogOptions::new().keep_segments(1))?;
    assert_eq!(segments(folder.path())?.len(), 1);
    println!("opening it and removing all but one: {time:.1} ms, once");
    Ok(())
}

/// In milliseconds.
fn opening(folder: &Folder, options: LogOptions) -> io::Result<f64> {
    let start = Instant::now();
    let log = LogWriter::open(folder.path(), options)?;
    let time = start.elapsed().as_secs_f64() * 1e3;
    log.finish()?;
    Ok(time)
}
