//! What the disk promises, and that it breaks what it doesn't promise.

mod kept;
mod lost;
mod names;
mod operations;

use super::{Disk, DiskFile, Fault, Schedule};

/// As many schedules as a promise is tried with.
const SEEDS: u64 = 2_000;

fn write(file: &DiskFile, at: u64, bytes: &[u8]) {
    assert_eq!(file.write_at(bytes, at).unwrap(), bytes.len());
}

/// What a file holds after each schedule's crash.
fn remains<'a>(disk: &'a Disk, name: &'a str) -> impl Iterator<Item = Vec<u8>> + 'a {
    (0..SEEDS).map(move |seed| disk.crash(&Schedule::new(seed)).read(name).unwrap())
}

/// A file with a durable name and 10,000 durable bytes, none of them 0 or above 127.
fn durable_file(disk: &Disk) -> (DiskFile, Vec<u8>) {
    let old: Vec<u8> = (0..10_000_u32).map(|n| (n % 127) as u8 + 1).collect();
    disk.put("file", &old);
    (disk.open("file").unwrap(), old)
}

/// Bytes that are in no durable file.
fn new_bytes(len: usize) -> Vec<u8> {
    vec![0xEE; len]
}

fn fail_sync(disk: &Disk, file: &DiskFile) {
    disk.fail_at(disk.operations(), Fault::Raw(5));
    file.sync().unwrap_err();
}
