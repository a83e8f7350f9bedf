//! What crashes do to bytes.

use std::collections::BTreeSet;

use super::{SEEDS, durable_file, fail_sync, new_bytes, remains, write};
use crate::disk::{Disk, Schedule};

/// How many pages two files have that are written anew, in another order than they lie in.
const PAGES: usize = 24;

fn place(time: usize) -> usize {
    time * 7 % PAGES
}

fn pages_written_anew() -> Disk {
    let disk = Disk::new();
    for name in ["a", "b"] {
        disk.put(name, &[0; PAGES * 4_096]);
        let file = disk.open(name).unwrap();
        (0..PAGES).for_each(|time| write(&file, place(time) as u64 * 4_096, &[1; 4_096]));
    }
    disk
}

/// Which pages are new, if none is in part.
fn new_pages(disk: &Disk, name: &str) -> Option<Vec<bool>> {
    let bytes = disk.read(name).unwrap();
    let is_new = |page: &[u8]| page.iter().all(|&byte| byte == page[0]).then_some(page[0] == 1);
    bytes.chunks(4_096).map(is_new).collect()
}

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
fn an_older_version_of_a_unit_may_be_there_with_a_later_write_elsewhere() {
    let disk = Disk::new();
    let (file, _) = durable_file(&disk);
    for (at, byte) in [(0, 0xE0), (0, 0xE1), (4_096, 0xE2)] {
        write(&file, at, &[byte; 4_096]);
    }
    let is_mixed = |after: &[u8]| after[..4_096] == [0xE0; 4_096] && after[4_096..8_192] == [0xE2; 4_096];
    assert!(remains(&disk, "file").any(|after| is_mixed(&after)));
}

#[test]
fn pages_may_persist_by_place_in_order_by_turns_or_at_random() {
    let disk = pages_written_anew();
    let mut seen: BTreeSet<Vec<bool>> =
        (0..SEEDS).filter_map(|seed| new_pages(&disk.crash(&Schedule::new(seed)), "a")).collect();
    seen.retain(|pages| (6..=18).contains(&pages.iter().filter(|&&is_new| is_new).count()));
    let mut take = |is_so: &dyn Fn(&[bool]) -> bool| {
        let before = seen.len();
        seen.retain(|pages| !is_so(pages));
        before - seen.len()
    };
    let in_time = |pages: &[bool]| (0..PAGES).map(|time| pages[place(time)]).is_sorted_by(|first, then| first >= then);
    assert!(take(&|pages| pages.is_sorted_by(|first, then| first >= then)) > 0, "a prefix");
    assert!(take(&|pages| pages.is_sorted()) > 0, "a suffix");
    assert!(take(&|pages| pages.windows(2).all(|pair| pair[0] != pair[1])) > 0, "by turns");
    assert!(take(&in_time) > 0, "in order");
    assert!(!seen.is_empty(), "at random");
}

#[test]
fn one_file_may_be_all_there_and_another_not_at_all() {
    let disk = pages_written_anew();
    let outcome = |seed| {
        let after = disk.crash(&Schedule::new(seed));
        [new_pages(&after, "a"), new_pages(&after, "b")]
    };
    assert!((0..SEEDS).any(|seed| outcome(seed) == [Some(vec![true; PAGES]), Some(vec![false; PAGES])]));
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
    disk.put("new name", b"");
    let cut = disk.open("cut").unwrap();
    cut.set_len(0).unwrap();
    cut.sync().unwrap();
    for (name, byte) in [("a", 0xD5), ("b", 0xD6)] {
        write(&disk.create_new(name).unwrap(), 0, &[byte; 20_000]);
    }
    disk.remove("a").unwrap();
    disk.rename("new name", "b").unwrap();
    let (file, _) = durable_file(&disk);
    write(&file, 10_000, &new_bytes(3_000));
    let seen: BTreeSet<Vec<u8>> = longer_parts(&disk).map(|part| part[240..752].to_vec()).collect();
    for stale in 0xD1..=0xD6 {
        assert!(seen.contains([stale; 512].as_slice()), "{stale:#X}");
    }
}

#[test]
fn a_stale_byte_is_as_far_into_its_block_as_it_was() {
    let disk = Disk::new();
    let page = |number: u8| -> Vec<u8> { (0..4_096_u32).map(|at| number ^ (at / 32) as u8).collect() };
    disk.put("removed", &(0x80..0xB0).flat_map(page).collect::<Vec<u8>>());
    disk.remove("removed").unwrap();
    disk.sync_directory().unwrap();
    let file = disk.create_new("file").unwrap();
    disk.sync_directory().unwrap();
    write(&file, 0, &vec![0xEE; 8_192]);
    let stale = |[first, second]: [u8; 2]| [page(first), page(second)].concat();
    assert!(remains(&disk, "file").any(|after| after == stale([0x80, 0x81])), "at its own place");
    let is_moved = |after: &Vec<u8>| (0x82..0xB0).any(|number| after.starts_with(&page(number)));
    assert!(remains(&disk, "file").any(|after| is_moved(&after)), "at another one");
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
    assert!(remains(&disk, "file").any(|after| after.len() == 9_000 && after[1_024..] == [0xFF; 7_976]));

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
