//! What no crash may take.

use std::collections::BTreeSet;

use super::{SEEDS, durable_file, fail_sync, new_bytes, remains, write};
use crate::disk::{Disk, DiskFile, Fault, Schedule};
use crate::noise::Noise;

/// Does random things to a file and keeps account, byte by byte, of what no crash may take.
struct Account {
    disk: Disk,
    file: DiskFile,
    noise: Noise,
    certain: Vec<Option<u8>>,
    /// Bytes written since the last sync.
    since: BTreeSet<usize>,
}

impl Account {
    fn new(seed: u64) -> Self {
        let disk = Disk::new();
        disk.put("gone", &Noise::new(!seed).bytes(9_000));
        disk.remove("gone").unwrap();
        let file = disk.create_new("file").unwrap();
        disk.sync_directory().unwrap();
        Self { disk, file, noise: Noise::new(seed), certain: Vec::new(), since: BTreeSet::new() }
    }

    fn of_steps(count: usize, seed: u64, syncs_fail: bool) -> Self {
        let mut account = Self::new(seed);
        (0..count).for_each(|_| account.step(syncs_fail));
        account
    }

    fn step(&mut self, syncs_fail: bool) {
        let len = self.file.len().unwrap() as usize;
        match self.noise.below(10) {
            0..5 => {
                let at = self.noise.below(len + len / 4 + 1);
                let count = 1 + self.noise.below(3_000);
                write(&self.file, at as u64, &self.noise.bytes(count));
                self.forget(at.min(len), at + count);
            }
            5 | 6 => {
                let to = self.noise.below(len + len / 4 + 1);
                self.file.set_len(to as u64).unwrap();
                self.certain.truncate(to);
                self.forget(len, to);
            }
            7 if syncs_fail => {
                fail_sync(&self.disk, &self.file);
                self.since.clear();
            }
            _ => self.sync(),
        }
    }

    fn forget(&mut self, from: usize, to: usize) {
        self.certain.resize(to.max(self.certain.len()), None);
        for at in from..to {
            self.certain[at] = None;
            self.since.insert(at);
        }
    }

    fn sync(&mut self) {
        self.file.sync().unwrap();
        let cache = self.disk.read("file").unwrap();
        for at in std::mem::take(&mut self.since) {
            if let Some(&byte) = cache.get(at) {
                self.certain[at] = Some(byte);
            }
        }
    }

    fn check(&self, seed: u64) {
        let after = self.disk.crash(&Schedule::new(seed)).read("file").unwrap();
        for (at, byte) in self.certain.iter().enumerate() {
            assert!(byte.is_none() || after.get(at).copied() == *byte, "seed {seed}: byte {at} of {}", after.len());
        }
        let after = self.disk.crash(&Schedule::everything_persists()).read("file");
        assert!(after == self.disk.read("file"), "seed {seed}: everything persists");
    }
}

#[test]
fn synced_bytes_survive_every_schedule() {
    for seed in 0..SEEDS {
        Account::of_steps(12, seed, false).check(seed);
        let mut account = Account::of_steps(12, seed, false);
        account.sync();
        account.check(seed);
        let after = account.disk.crash(&Schedule::new(seed)).read("file");
        assert!(after == account.disk.read("file"), "seed {seed}: all is synced");
    }
}

#[test]
fn bytes_synced_after_a_failed_sync_survive_every_schedule() {
    for seed in 0..SEEDS {
        Account::of_steps(20, seed, true).check(seed);
        let mut account = Account::of_steps(20, seed, true);
        account.sync();
        account.check(seed);
    }
}

#[test]
fn one_synced_file_survives_every_schedule_with_at_least_its_length() {
    let disk = Disk::new();
    let (file, old) = durable_file(&disk);
    write(&file, 10_000, &new_bytes(5_000));
    write(&file, 3_000, &new_bytes(10));
    for after in remains(&disk, "file") {
        assert!(after.len() >= old.len());
        assert!(after[..3_000] == old[..3_000] && after[3_010..10_000] == old[3_010..]);
    }
}

#[test]
fn crash_after_crash_keeps_what_the_first_one_left() {
    for seed in 0..SEEDS / 10 {
        let disk = Disk::new();
        let (file, _) = durable_file(&disk);
        write(&file, 9_000, &new_bytes(9_000));
        let after = disk.crash(&Schedule::new(seed));
        let kept = after.read("file").unwrap();
        let file = after.open("file").unwrap();
        write(&file, kept.len() as u64, b"more");
        for again in 0..20 {
            assert!(after.crash(&Schedule::new(again)).read("file").unwrap().starts_with(&kept));
        }
    }
}

#[test]
fn nothing_persists_and_everything_persists_do_as_they_say() {
    let disk = Disk::new();
    let (file, old) = durable_file(&disk);
    file.set_len(100).unwrap();
    write(&file, 5_000, &new_bytes(9_000));
    fail_sync(&disk, &file);
    write(&file, 0, b"pending");
    disk.create_new("name").unwrap();
    let nothing = disk.crash(&Schedule::nothing_persists());
    assert!(nothing.read("file").unwrap() == old && !nothing.exists("name"));
    let everything = disk.crash(&Schedule::everything_persists());
    assert!(everything.read("file") == disk.read("file") && everything.exists("name"));
}

#[test]
fn the_same_history_and_seed_give_the_same_remains() {
    let crash = |seed| {
        let account = Account::of_steps(10, seed, true);
        let [first, second] = [0, 1].map(|_| account.disk.crash(&Schedule::new(seed)));
        assert_eq!((first.names(), first.read("file")), (second.names(), second.read("file")));
        (first.names(), first.read("file"))
    };
    for seed in 0..100 {
        assert!(crash(seed) == crash(seed));
    }
}

#[test]
fn a_synced_cut_stays() {
    let disk = Disk::new();
    let (file, old) = durable_file(&disk);
    file.set_len(5_000).unwrap();
    file.sync().unwrap();
    assert!(remains(&disk, "file").all(|after| after == old[..5_000]));
}

#[test]
fn bytes_written_again_after_a_failed_sync_are_certain() {
    let disk = Disk::new();
    let (file, old) = durable_file(&disk);
    write(&file, 9_000, &new_bytes(2_000));
    fail_sync(&disk, &file);
    write(&file, 9_000, &new_bytes(2_000));
    file.sync().unwrap();
    let expected = [&old[..9_000], &new_bytes(2_000)].concat();
    assert!(remains(&disk, "file").all(|after| after == expected));
}

#[test]
fn a_sync_that_was_interrupted_can_be_tried_again() {
    let disk = Disk::new();
    let (file, _) = durable_file(&disk);
    write(&file, 0, &new_bytes(20_000));
    disk.fail_at(disk.operations(), Fault::Interrupted);
    file.sync().unwrap_err();
    file.sync().unwrap();
    assert!(remains(&disk, "file").all(|after| after == new_bytes(20_000)));
}
