use std::collections::BTreeSet;

use super::SEEDS;
use crate::disk::{Disk, Fault, Schedule};

/// All sets of names that crashes leave.
fn outcomes(disk: &Disk) -> BTreeSet<Vec<String>> {
    (0..SEEDS).map(|seed| disk.crash(&Schedule::new(seed)).names()).collect()
}

fn sets(names: &[&[&str]]) -> BTreeSet<Vec<String>> {
    names.iter().map(|names| names.iter().map(|&name| name.to_owned()).collect()).collect()
}

#[test]
fn an_unsynced_name_may_vanish_though_its_file_was_synced() {
    let disk = Disk::new();
    let file = disk.create_new("file").unwrap();
    file.write_at(b"content", 0).unwrap();
    file.sync().unwrap();
    assert_eq!(outcomes(&disk), sets(&[&[], &["file"]]));
    let kept = (0..SEEDS).filter_map(|seed| disk.crash(&Schedule::new(seed)).read("file"));
    assert!(kept.map(|content| assert_eq!(content, b"content")).count() > 0);
}

#[test]
fn a_synced_name_never_vanishes_and_may_be_of_an_empty_file() {
    let disk = Disk::new();
    let file = disk.create_new("file").unwrap();
    file.write_at(b"content", 0).unwrap();
    disk.sync_directory().unwrap();
    assert_eq!(outcomes(&disk), sets(&[&["file"]]));
    assert_eq!(disk.crash(&Schedule::nothing_persists()).read("file").unwrap(), b"");
}

#[test]
fn a_removed_name_may_come_back_until_it_is_synced() {
    let disk = Disk::new();
    disk.put("file", b"content");
    disk.remove("file").unwrap();
    assert_eq!(outcomes(&disk), sets(&[&[], &["file"]]));
    disk.crash(&Schedule::nothing_persists()).open("file").unwrap();

    let disk = disk.crash(&Schedule::nothing_persists());
    disk.remove("file").unwrap();
    disk.sync_directory().unwrap();
    assert_eq!(outcomes(&disk), sets(&[&[]]));
}

#[test]
fn a_replacing_rename_is_atomic() {
    let disk = Disk::new();
    disk.put("current", b"old");
    let new = disk.create_new("new").unwrap();
    new.write_at(b"new", 0).unwrap();
    new.sync().unwrap();
    disk.sync_directory().unwrap();
    disk.rename("new", "current").unwrap();
    let mut seen = BTreeSet::new();
    for seed in 0..SEEDS {
        let after = disk.crash(&Schedule::new(seed));
        let renamed = !after.exists("new");
        assert_eq!(after.read("current").unwrap(), if renamed { b"new" } else { b"old" });
        seen.insert(renamed);
    }
    assert_eq!(seen.len(), 2);
}

#[test]
fn a_rename_may_persist_without_what_was_done_before_or_after_it() {
    let disk = Disk::new();
    disk.put("a", b"");
    disk.put("c", b"");
    disk.hard_link("a", "link").unwrap();
    disk.rename("a", "b").unwrap();
    disk.remove("c").unwrap();
    let outcomes = outcomes(&disk);
    for expected in sets(&[&["a", "c"], &["a", "c", "link"], &["b", "c"], &["b", "link"], &["a"], &["b", "c", "link"]])
    {
        assert!(outcomes.contains(&expected), "{expected:?}");
    }
    assert_eq!(outcomes.len(), 8);
}

#[test]
fn changes_to_names_persist_in_order_more_often_than_not() {
    let disk = Disk::new();
    for name in ["0", "1", "2", "3"] {
        disk.create_new(name).unwrap();
    }
    let in_order = |names: &Vec<String>| names.iter().enumerate().all(|(index, name)| *name == index.to_string());
    let all = (0..SEEDS).map(|seed| disk.crash(&Schedule::new(seed)).names());
    let ordered: Vec<_> = all.filter(in_order).collect();
    assert!((SEEDS * 3 / 4..SEEDS).contains(&(ordered.len() as u64)), "{}", ordered.len());
    let partly = ordered.iter().filter(|names| (1..4).contains(&names.len())).count() as u64;
    assert!(partly > SEEDS / 5, "{partly}");
}

#[test]
fn a_file_without_a_name_is_gone_and_its_bytes_are_stale() {
    let disk = Disk::new();
    let file = disk.create_new("file").unwrap();
    file.write_at(&[7; 512], 0).unwrap();
    file.sync().unwrap();
    let after = disk.crash(&Schedule::nothing_persists());
    assert!(after.names().is_empty());
    let next = after.create_new("next").unwrap();
    after.sync_directory().unwrap();
    assert!(next.id() > file.id());
    next.set_len(512).unwrap();
    let is_stale = |seed| after.crash(&Schedule::new(seed)).read("next").unwrap() == [7; 512];
    assert!((0..SEEDS).any(is_stale));
}

#[test]
fn a_failed_directory_sync_is_not_made_good_by_the_next_one() {
    let disk = Disk::new();
    disk.create_new("limbo").unwrap();
    disk.fail_at(disk.operations(), Fault::Raw(5));
    disk.sync_directory().unwrap_err();
    disk.create_new("synced").unwrap();
    disk.sync_directory().unwrap();
    assert_eq!(outcomes(&disk), sets(&[&["synced"], &["limbo", "synced"]]));
    assert_eq!(disk.crash(&Schedule::everything_persists()).names(), disk.names());
}

#[test]
fn what_a_failed_directory_sync_left_never_touches_what_was_synced_later() {
    let disk = Disk::new();
    disk.put("a", b"a");
    disk.put("b", b"b");
    disk.rename("a", "b").unwrap();
    disk.fail_at(disk.operations(), Fault::Raw(5));
    disk.sync_directory().unwrap_err();
    disk.create_new("a").unwrap();
    disk.remove("b").unwrap();
    disk.sync_directory().unwrap();
    assert_eq!(outcomes(&disk), sets(&[&["a"]]));
    assert_eq!(disk.crash(&Schedule::new(0)).read("a").unwrap(), b"");
}

#[test]
fn a_directory_sync_that_was_interrupted_can_be_tried_again() {
    let disk = Disk::new();
    disk.create_new("file").unwrap();
    disk.fail_at(disk.operations(), Fault::Interrupted);
    disk.sync_directory().unwrap_err();
    disk.sync_directory().unwrap();
    assert_eq!(outcomes(&disk), sets(&[&["file"]]));
}

#[test]
fn what_is_put_is_durable_whatever_the_name_was_before() {
    let disk = Disk::new();
    disk.create_new("file").unwrap();
    disk.remove("file").unwrap();
    disk.create_new("file").unwrap();
    disk.put("file", b"put");
    for seed in 0..SEEDS {
        assert_eq!(disk.crash(&Schedule::new(seed)).read("file").unwrap(), b"put");
    }
}
