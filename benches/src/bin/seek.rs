//! How long it takes to find a place in a file, by its size, with the file in the page cache.
//!
//! `cargo run --release -p flatstream-benches --bin seek [GIGABYTES]`
//!
//! Files of 1 MB to 10 GB (or what is given) hold messages of 256 bytes. Each round seeks 200 random places in each of
//! them, in an order that rotates: by sequence number, by time, by a key in the messages, and the last hundred. Shown
//! are the medians of the rounds' medians, the least and the greatest, the greatest 99th percentile, and the ratio of
//! the medians to the smallest file. Opening the file isn't part of it.

#![forbid(unsafe_code)]

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use flatstream::{Clock, Reader, WriteOptions, Writer};
use flatstream_benches::spread;
use flatstream_testkit::folder::Folder;
use flatstream_testkit::noise::Noise;

const ROUNDS: usize = 7;
const SEEKS: usize = 200;
const MESSAGE: usize = 256;

type Seek = fn(&mut Reader<File>, u64) -> flatstream::Result<u64>;

const KINDS: [(&str, Seek); 4] = [
    ("by sequence", |reader, wanted| Ok(reader.seek_to_sequence(wanted)?.sequence)),
    ("by time", |reader, wanted| Ok(reader.seek_to_time(wanted as i64)?.sequence)),
    ("by key", |reader, wanted| Ok(reader.partition_point(|message| number_of(message) < wanted)?.sequence)),
    ("the last 100", |reader, _| Ok(reader.seek_to_last(100)?.sequence)),
];

fn main() -> io::Result<()> {
    let gigabytes: u64 = std::env::args().nth(1).map_or(10, |text| text.parse().expect("a number of gigabytes"));
    let sizes = [1_000_000, 100_000_000, 1_000_000_000, gigabytes * 1_000_000_000];
    let folder = Folder::new("seek-bench");
    let files: Vec<(PathBuf, u64)> = sizes.map(|size| make(&folder, size)).into_iter().collect::<io::Result<_>>()?;
    let mut medians = vec![vec![Vec::new(); files.len()]; KINDS.len()];
    let mut worst = vec![vec![0.0; files.len()]; KINDS.len()];
    for round in 0..ROUNDS {
        eprintln!("round {} of {ROUNDS}", round + 1);
        for turn in 0..files.len() {
            let nth = (turn + round) % files.len();
            for (kind, (_, seek)) in KINDS.iter().enumerate() {
                let times = seek_often(&files[nth], *seek, round as u64)?;
                medians[kind][nth].push(times[SEEKS / 2]);
                worst[kind][nth] = f64::max(worst[kind][nth], times[SEEKS * 99 / 100]);
            }
        }
    }
    println!("finding a place, {ROUNDS} rounds of {SEEKS} seeks, us: median (least to greatest), 99th percentile");
    for (kind, (name, _)) in KINDS.iter().enumerate() {
        for (nth, size) in sizes.iter().enumerate() {
            let ratios = medians[kind][nth].iter().zip(&medians[kind][0]).map(|(time, least)| time / least).collect();
            let [median, least, greatest] = spread(medians[kind][nth].clone());
            let [ratio, ..] = spread(ratios);
            println!(
                "  {name:<13} {:>7.3} GB {median:8.1} ({least:.1} to {greatest:.1}) {:8.1}   {ratio:.2}x",
                *size as f64 / 1e9,
                worst[kind][nth]
            );
        }
    }
    Ok(())
}

/// A stream of so many bytes; returns how many messages it holds. The n-th holds n, and was appended at the time n.
fn make(folder: &Folder, size: u64) -> io::Result<(PathBuf, u64)> {
    eprintln!("making {:.3} GB", size as f64 / 1e9);
    let path = folder.join(format!("{size}.fls"));
    let time = Arc::new(AtomicI64::new(0));
    let clock = Arc::clone(&time);
    let options = WriteOptions::new().clock(Clock::Monotonic, move || clock.load(Ordering::Relaxed));
    let mut writer = Writer::create_new(&path, options)?;
    let mut message = [0; MESSAGE];
    while writer.position() < size {
        message[..8].copy_from_slice(&writer.sequence().to_be_bytes());
        time.store(writer.sequence() as i64, Ordering::Relaxed);
        writer.append(&message)?;
    }
    let count = writer.sequence();
    writer.finish()?;
    Ok((path, count))
}

/// The times in microseconds, sorted.
fn seek_often((path, count): &(PathBuf, u64), seek: Seek, seed: u64) -> io::Result<Vec<f64>> {
    let mut noise = Noise::new(seed + 1);
    let mut reader = Reader::new(File::open(path as &Path)?)?;
    let mut times = Vec::with_capacity(SEEKS);
    for _ in 0..SEEKS {
        let wanted = noise.number() % count;
        let start = Instant::now();
        let landing = seek(&mut reader, wanted)?;
        let number = reader.next_message()?.map(number_of);
        times.push(start.elapsed().as_secs_f64() * 1e6);
        assert_eq!(number, Some(landing));
    }
    times.sort_by(f64::total_cmp);
    Ok(times)
}

fn number_of(message: &[u8]) -> u64 {
    u64::from_be_bytes(*message.first_chunk().expect("a message of 256 bytes"))
}
