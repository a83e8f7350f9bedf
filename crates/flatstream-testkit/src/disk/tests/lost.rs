//! What crashes do to bytes.

use std::collections::BTreeSet;

use super::{SEEDS, durable_file, fail_sync, new_bytes, remains, write};
use crate::disk::{Disk, Schedule};

/// The part of a file behind 10,000 durable bytes, if it has its last length, 13,000.
fn longer_parts(disk: &Disk) -> impl Iterator<Item = Vec<u8>> + '_ {
    remains(disk, "file").filter(|after| after.len() == 13_000).map(|after| after[10_000..].to_vec())
}

#[test]
fn a_unit_may_be_lost_while_a_later_one_is_there() {
    let disk = Disk::new();
    let (file, old) = durable_file(&disk);
    write(&file, 0, &new_bytes(8_192));
    for unit in [512, 4096] {
        let is_lost =
            |after: &Vec<u8>| after[..unit] == old[..unit] && after[unit..2 * unit].iter().all(|&byte| byte == 0xEE);
        assert!(remains(&disk, "file").any(|after| is_lost(&after)), "{unit}");
    }
}

#[test]
fn a_unit_may_be_torn() {
    let disk = Disk::new();
    let (file, _) = durable_file(&disk);
    write(&file, 512, &new_bytes(512));
    let (mut prefix, mut suffix, mut mix) = (0, 0, 0);
    for after in remains(&disk, "file") {
        let is_new: Vec<bool> = after[512..1024].iter().map(|&byte| byte == 0xEE).collect();
        let changes = is_new.windows(2).filter(|pair| pair[0] != pair[1]).count();
        match (changes, is_new[0]) {
            (0, _) => {}
            (1, true) => prefix += 1,
            (1, false) => suffix += 1,
            _ => mix += 1,
        }
    }
    assert!(prefix > 0 && suffix > 0 && mix > 0, "{prefix}, {suffix}, {mix}");
}

#[test]
fn of_several_writes_to_a_unit_any_may_be_what_is_there() {
    let disk = Disk::new();
    let (file, old) = durable_file(&disk);
    for byte in 0xE0..0xE4 {
        write(&file, 0, &[byte; 512]);
    }
    let mut whole = BTreeSet::new();
    let mut torn = BTreeSet::new();
    for after in remains(&disk, "file") {
        let kinds: BTreeSet<u8> = after[..512].iter().map(|&byte| byte.max(0xDF)).collect();
        if kinds.len() == 1 {
            whole.insert(after[0].max(0xDF))
        } else {
            torn.insert(kinds)
        };
        assert!(after[512..] == old[512..]);
    }
    assert_eq!(whole, (0xDF..0xE4).collect());
    assert!(torn.contains(&BTreeSet::from([0xE1, 0xE3])));
}

#[test]
fn writes_may_persist_in_order() {
    let disk = Disk::new();
    let (file, old) = durable_file(&disk);
    for at in [8_192, 0, 4_096] {
        write(&file, at, &new_bytes(512));
    }
    let is_new = |after: &[u8]| [8_192, 0, 4_096].map(|at| after[at..at + 512] != old[at..at + 512]);
    let seen: BTreeSet<[bool; 3]> = remains(&disk, "file").map(|after| is_new(&after)).collect();
    assert_eq!(seen.len(), 8);
}

#[test]
fn the_length_may_run_ahead_of_the_data_and_zeros_or_ones_be_there() {
    let disk = Disk::new();
    let (file, _) = durable_file(&disk);
    write(&file, 10_000, &new_bytes(3_000));
    for filler in [0, 0xFF] {
        assert!(longer_parts(&disk).any(|part| part.iter().all(|&byte| byte == filler)), "{filler}");
        let partly = |part: &Vec<u8>| part.contains(&filler) && part.contains(&0xEE);
        assert!(longer_parts(&disk).any(|part| partly(&part)), "{filler}");
    }
    assert!(longer_parts(&disk).any(|part| part.iter().collect::<BTreeSet<_>>().len() > 200), "noise");
}

#[test]
fn the_length_may_run_ahead_and_stale_bytes_be_there() {
    let disk = Disk::new();
    disk.put("removed", &[0xD1; 20_000]);
    disk.remove("removed").unwrap();
    disk.put("replaced", &[0xD2; 20_000]);
    disk.put("new", &[0xD3; 20_000]);
    disk.rename("new", "replaced").unwrap();
    disk.sync_directory().unwrap();
    disk.put("cut", &[0xD4; 20_000]);
    let cut = disk.open("cut").unwrap();
    cut.set_len(0).unwrap();
    cut.sync().unwrap();
    let (file, _) = durable_file(&disk);
    write(&file, 10_000, &new_bytes(3_000));
    let seen: BTreeSet<u8> = longer_parts(&disk).flat_map(Vec::into_iter).collect();
    for stale in [0xD1, 0xD2, 0xD3, 0xD4] {
        assert!(seen.contains(&stale), "{stale:#X}");
    }
}

#[test]
fn a_stale_byte_is_as_far_into_its_block_as_it_was() {
    let disk = Disk::new();
    let recycled: Vec<u8> = (0..40_960_u32).map(|n| (n % 512 / 4) as u8 + 1).collect();
    disk.put("removed", &recycled);
    disk.remove("removed").unwrap();
    disk.sync_directory().unwrap();
    let file = disk.create_new("file").unwrap();
    disk.sync_directory().unwrap();
    write(&file, 0, &new_bytes(4_096));
    assert!(remains(&disk, "file").any(|after| after[..] == recycled[..4_096]));
}

#[test]
fn the_length_may_stay_behind_the_data() {
    let disk = Disk::new();
    let (file, old) = durable_file(&disk);
    write(&file, 9_000, &new_bytes(9_000));
    let mut lengths = BTreeSet::new();
    for after in remains(&disk, "file") {
        lengths.insert(after.len());
        // The write's first page is there.
        if after.len() == 10_000 && after[9_000] == 0xEE {
            lengths.insert(0);
        }
    }
    let pages = (10_001..18_000).filter(|len| len % 512 == 0);
    assert_eq!(lengths, [0, old.len(), 18_000].into_iter().chain(pages).collect());
}

#[test]
fn what_a_shorter_length_hides_may_be_stale_bytes_later() {
    let disk = Disk::new();
    let (file, _) = durable_file(&disk);
    write(&file, 10_000, &new_bytes(10_000));
    let comes_back = |seed| {
        let after = disk.crash(&Schedule::new(seed));
        let next = after.create_new("next").unwrap();
        after.sync_directory().unwrap();
        next.set_len(512).unwrap();
        let is_short = after.read("file").unwrap().len() == 10_000;
        is_short
            && (0..20).any(|again| after.crash(&Schedule::new(20 * seed + again)).read("next").unwrap() == [0xEE; 512])
    };
    assert!((0..SEEDS).any(comes_back));
}

#[test]
fn a_cut_may_be_undone_though_a_later_write_is_there() {
    let disk = Disk::new();
    let (file, old) = durable_file(&disk);
    file.set_len(5_000).unwrap();
    write(&file, 5_000, &new_bytes(100));
    let is_undone =
        |after: &[u8]| after.len() == 10_000 && after[5_000..5_100] == new_bytes(100) && after[5_100..] == old[5_100..];
    assert!(remains(&disk, "file").any(|after| is_undone(&after)));
    assert!(remains(&disk, "file").any(|after| after == old), "lost altogether");
    assert!(remains(&disk, "file").any(|after| after.len() == 5_000), "without the write");
    assert!(remains(&disk, "file").all(|after| after[..5_000] == old[..5_000]));
}

#[test]
fn bytes_behind_a_cut_may_come_back_when_the_file_grows_over_them() {
    let disk = Disk::new();
    let (file, old) = durable_file(&disk);
    file.set_len(1_000).unwrap();
    file.set_len(9_000).unwrap();
    assert!(remains(&disk, "file").any(|after| after[..] == old[..9_000]));

    let disk = Disk::new();
    let (file, _) = durable_file(&disk);
    file.set_len(1_000).unwrap();
    file.set_len(9_000).unwrap();
    file.sync().unwrap();
    assert!(remains(&disk, "file").all(|after| after[..1_000] == old[..1_000] && after[1_000..] == [0; 8_000]));
}

#[test]
fn bytes_of_a_failed_sync_may_be_lost_after_a_successful_one() {
    let disk = Disk::new();
    let (file, old) = durable_file(&disk);
    write(&file, 512, &new_bytes(512));
    write(&file, 10_000, &new_bytes(512));
    fail_sync(&disk, &file);
    for _ in 0..3 {
        file.sync().unwrap();
    }
    write(&file, 0, b"later");
    file.sync().unwrap();
    assert_eq!(disk.read("file").unwrap()[512], 0xEE, "reads still see it");
    let mut seen = BTreeSet::new();
    for after in remains(&disk, "file") {
        assert!(after.starts_with(b"later"));
        seen.insert((after[512..1024] == old[512..1024], after[512..1024] == new_bytes(512), after.len()));
    }
    for (old, new) in [(true, false), (false, true), (false, false)] {
        for len in [10_000, 10_512] {
            assert!(seen.contains(&(old, new, len)), "{old}, {new}, {len}");
        }
    }
}

#[test]
fn a_cut_of_a_failed_sync_may_happen_or_not_after_a_successful_one() {
    let disk = Disk::new();
    let (file, old) = durable_file(&disk);
    file.set_len(4_000).unwrap();
    fail_sync(&disk, &file);
    write(&file, 5_000, b"certain");
    file.sync().unwrap();
    let mut lengths = BTreeSet::new();
    for after in remains(&disk, "file") {
        assert!(after[..4_000] == old[..4_000] && after[5_000..].starts_with(b"certain"));
        lengths.insert(after.len());
    }
    assert_eq!(lengths, BTreeSet::from([5_007, 10_000]));
}

#[test]
fn files_may_fare_differently() {
    let disk = Disk::new();
    for name in ["a", "b"] {
        disk.put(name, b"old");
        write(&disk.open(name).unwrap(), 0, b"new");
    }
    let outcome = |seed| {
        let after = disk.crash(&Schedule::new(seed));
        ["a", "b"].map(|name| after.read(name).unwrap())
    };
    let seen: BTreeSet<_> = (0..SEEDS).map(outcome).collect();
    for expected in [["old", "new"], ["new", "old"], ["old", "old"], ["new", "new"]] {
        assert!(seen.contains(&expected.map(|content| content.as_bytes().to_vec())), "{expected:?}");
    }
}
