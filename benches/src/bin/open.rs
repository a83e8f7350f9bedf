//! How long it takes to open a file after a crash, by its size.
//!
//! `cargo run --release -p flatstream-benches --bin open`
//!
//! Each round opens a fresh crashed file of every size, in an order that rotates; shown are the median of the rounds,
//! the least and the greatest, and the ratio to the smallest file in the same round. Three fdatasync calls of a small
//! write are timed in each round too: opening makes the new epoch and the cut durable, which is most of what it costs.

#![forbid(unsafe_code)]

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::time::Instant;

use flatstream::{WriteOptions, Writer};
use flatstream_benches::spread;
use flatstream_crashtest::crashed_file;
use flatstream_testkit::folder::Folder;

const ROUNDS: usize = 11;

/// As many bytes as may lie between sync frames.
const UNSYNCED: u64 = 64 << 10;

const SIZES: [(&str, u64); 4] = [("1 MiB", 1 << 20), ("1 GiB", 1 << 30), ("10 GiB", 10 << 30), ("100 GiB", 100 << 30)];

fn main() -> io::Result<()> {
    let folder = Folder::new("open-bench");
    let mut seconds = vec![Vec::new(); SIZES.len()];
    let mut syncs = Vec::new();
    for round in 0..ROUNDS {
        for turn in 0..SIZES.len() {
            let nth = (turn + round) % SIZES.len();
            seconds[nth].push(open(&folder.join("crashed.fls"), SIZES[nth].1)?);
        }
        syncs.push(three_syncs(&folder.join("syncs"))?);
    }
    println!(
        "opening a crashed file, {UNSYNCED} bytes not known durable; {ROUNDS} rounds, ms: median (least to greatest)"
    );
    for ((name, _), times) in SIZES.iter().zip(&seconds) {
        let ratios = times.iter().zip(&seconds[0]).map(|(time, least)| time / least).collect();
        let [median, least, greatest] = spread(times.iter().map(|time| time * 1e3).collect());
        let [ratio, lowest, highest] = spread(ratios);
        println!("  {name:<8} {median:7.2} ({least:.2} to {greatest:.2})   {ratio:.2}x ({lowest:.2} to {highest:.2})");
    }
    let [median, least, greatest] = spread(syncs.iter().map(|time| time * 1e3).collect());
    println!("  3 syncs  {median:7.2} ({least:.2} to {greatest:.2})");
    Ok(())
}

fn open(path: &Path, size: u64) -> io::Result<f64> {
    let messages = crashed_file::make(path, size, UNSYNCED)?;
    File::open(path)?.sync_all()?;
    let start = Instant::now();
    let writer = Writer::open(path, WriteOptions::new())?;
    let seconds = start.elapsed().as_secs_f64();
    let report = writer.open_report().expect("the file was there");
    assert!(report.messages_kept == messages && report.bytes_cut > 0, "{report}");
    let kept_at = report.kept_at.clone().expect("a torn tail");
    drop(writer);
    std::fs::remove_file(kept_at)?;
    std::fs::remove_file(path)?;
    Ok(seconds)
}

fn three_syncs(path: &Path) -> io::Result<f64> {
    let mut file = File::create(path)?;
    let start = Instant::now();
    for _ in 0..3 {
        file.write_all(&[1; 64])?;
        file.sync_data()?;
    }
    Ok(start.elapsed().as_secs_f64())
}
