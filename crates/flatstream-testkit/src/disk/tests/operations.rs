use std::io::ErrorKind;

use super::write;
use crate::disk::{Disk, DiskFile, Fault, Schedule};

fn file(disk: &Disk) -> DiskFile {
    disk.create_new("file").unwrap()
}

#[test]
fn reads_see_what_was_written_before_any_sync() {
    let disk = Disk::new();
    let file = file(&disk);
    write(&file, 3, b"abc");
    file.set_len(5).unwrap();
    file.set_len(8).unwrap();
    let mut buffer = [0xAA; 10];
    assert_eq!(file.read_at(&mut buffer, 1).unwrap(), 7);
    assert_eq!(&buffer[..8], b"\0\0ab\0\0\0\xAA");
    assert_eq!(file.read_at(&mut buffer, 8).unwrap(), 0);
    assert_eq!(file.read_at(&mut buffer, u64::MAX).unwrap(), 0);
    assert_eq!(file.len().unwrap(), 8);
    assert_eq!(disk.read("file").unwrap(), b"\0\0\0ab\0\0\0");
    assert_eq!(disk.read("other"), None);
}

#[test]
fn a_name_that_is_there_or_is_not_says_so() {
    let disk = Disk::new();
    drop(file(&disk));
    assert_eq!(disk.create_new("file").unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_eq!(disk.hard_link("file", "file").unwrap_err().kind(), ErrorKind::AlreadyExists);
    for missing in
        [disk.open("none").map(drop), disk.hard_link("none", "to"), disk.rename("none", "file"), disk.remove("none")]
    {
        assert_eq!(missing.unwrap_err().kind(), ErrorKind::NotFound);
    }
    assert_eq!(disk.names(), ["file"]);
}

#[test]
fn a_name_means_the_file_it_was_given_to_last() {
    let disk = Disk::new();
    let (old, new) = (file(&disk), disk.create_new("new").unwrap());
    assert_ne!(old.id(), new.id());
    disk.hard_link("file", "kept").unwrap();
    disk.rename("new", "file").unwrap();
    assert!(new.is_at("file") && !old.is_at("file") && old.is_at("kept") && !new.is_at("new"));
    assert_eq!(disk.open("kept").unwrap().id(), old.id());
    disk.remove("kept").unwrap();
    write(&old, 0, b"a handle needs no name");
    assert_eq!(disk.names(), ["file"]);
}

#[test]
fn a_rename_to_another_name_of_the_same_file_does_nothing() {
    let disk = Disk::new();
    drop(file(&disk));
    disk.hard_link("file", "link").unwrap();
    disk.rename("file", "link").unwrap();
    assert_eq!(disk.names(), ["file", "link"]);
}

#[test]
fn a_mistaken_length_is_an_error_and_no_allocation() {
    let file = file(&Disk::new());
    for len in [u64::MAX, 1 << 40] {
        assert_eq!(file.set_len(len).unwrap_err().kind(), ErrorKind::FileTooLarge);
        assert_eq!(file.write_at(b"x", len).unwrap_err().kind(), ErrorKind::FileTooLarge);
    }
    assert_eq!(file.len().unwrap(), 0);
}

#[test]
fn every_operation_counts_one_and_looking_counts_none() {
    let disk = Disk::new();
    let file = file(&disk);
    write(&file, 0, b"x");
    file.read_at(&mut [0], 0).unwrap();
    file.set_len(2).unwrap();
    file.sync().unwrap();
    file.len().unwrap();
    file.try_lock().unwrap();
    disk.open("file").unwrap();
    disk.hard_link("file", "link").unwrap();
    disk.rename("link", "other").unwrap();
    disk.remove("other").unwrap();
    disk.sync_directory().unwrap();
    assert_eq!(disk.list().unwrap(), ["file"]);
    assert_eq!(disk.size("file").unwrap(), 2);
    assert_eq!(disk.operations(), 14);
    disk.put("more", b"");
    let _ = (disk.exists("file"), disk.names(), disk.read("file"), file.id(), file.is_at("file"), format!("{file:?}"));
    assert_eq!(disk.operations(), 14);
    file.set_len(1 << 40).unwrap_err();
    assert_eq!(disk.size("other").unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(disk.operations(), 16);
}

#[test]
fn a_fault_happens_at_its_operation_and_once() {
    for at in 0..6 {
        let disk = Disk::new();
        let file = file(&disk);
        disk.fail_at(1 + at, Fault::Raw(28));
        for n in 0..6 {
            let result = file.write_at(&[n as u8], n);
            assert_eq!(result.err().and_then(|error| error.raw_os_error()), (n == at).then_some(28));
        }
        assert_eq!(disk.read("file").unwrap().len(), if at == 5 { 5 } else { 6 });
        assert_eq!(disk.operations(), 7);
    }
}

#[test]
fn every_operation_can_fail_and_does_nothing_then() {
    let disk = Disk::new();
    disk.put("file", b"0123");
    let file = disk.open("file").unwrap();
    let operations: [&dyn Fn() -> std::io::Result<()>; 11] = [
        &|| disk.create_new("new").map(drop),
        &|| disk.open("file").map(drop),
        &|| disk.hard_link("file", "link"),
        &|| disk.rename("file", "other"),
        &|| disk.remove("file"),
        &|| disk.sync_directory(),
        &|| file.try_lock().map(drop),
        &|| file.len().map(drop),
        &|| file.read_at(&mut [0], 0).map(drop),
        &|| file.set_len(2),
        &|| file.sync(),
    ];
    for operation in operations {
        for fault in [Fault::Short, Fault::HalfThenError, Fault::Raw(5)] {
            disk.fail_at(disk.operations(), fault);
            assert_eq!(operation().unwrap_err().raw_os_error(), Some(5));
        }
        for (fault, kind) in
            [(Fault::Error(ErrorKind::TimedOut), ErrorKind::TimedOut), (Fault::Interrupted, ErrorKind::Interrupted)]
        {
            disk.fail_at(disk.operations(), fault);
            assert_eq!(operation().unwrap_err().kind(), kind);
        }
    }
    assert_eq!((disk.names(), disk.read("file").unwrap()), (vec!["file".to_owned()], b"0123".to_vec()));
    assert!(disk.open("file").unwrap().try_lock().unwrap());
}

#[test]
fn a_short_write_says_what_it_took_and_half_then_error_does_not() {
    let disk = Disk::new();
    let file = file(&disk);
    for (bytes, taken) in [(&b"abcdef"[..], 3), (b"g", 1), (b"", 0)] {
        disk.fail_at(disk.operations(), Fault::Short);
        let len = disk.read("file").unwrap().len() as u64;
        assert_eq!(file.write_at(bytes, len).unwrap(), taken);
    }
    disk.fail_at(disk.operations(), Fault::HalfThenError);
    assert_eq!(file.write_at(b"hijk", 4).unwrap_err().raw_os_error(), Some(5));
    assert_eq!(disk.read("file").unwrap(), b"abcghi");
}

#[test]
fn power_off_stops_everything_and_what_was_synced_is_there() {
    let disk = Disk::new();
    let file = file(&disk);
    write(&file, 0, b"kept");
    file.sync().unwrap();
    disk.sync_directory().unwrap();
    disk.power_off_at(disk.operations() + 1);
    write(&file, 4, b"?");
    assert!(!disk.is_off());
    for _ in 0..2 {
        let errors = [
            disk.create_new("new").map(drop),
            disk.open("file").map(drop),
            disk.hard_link("file", "link"),
            disk.rename("file", "other"),
            disk.remove("file"),
            disk.sync_directory(),
            file.try_lock().map(drop),
            file.len().map(drop),
            file.read_at(&mut [0], 0).map(drop),
            file.write_at(b"x", 0).map(drop),
            file.set_len(0),
            file.sync(),
        ];
        for error in errors.map(Result::unwrap_err) {
            assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Other, "the power is off"));
        }
    }
    assert!(disk.is_off());
    let after = disk.crash(&Schedule::nothing_persists());
    assert_eq!((after.names(), after.read("file").unwrap()), (vec!["file".to_owned()], b"kept".to_vec()));
    assert!(!after.is_off());
    assert_eq!(after.operations(), 0);
}

#[test]
fn power_that_went_does_not_come_back() {
    let disk = Disk::new();
    drop(file(&disk));
    disk.power_off_at(0);
    assert!(disk.is_off());
    disk.power_off_at(100);
    assert!(disk.is_off());
    disk.open("file").unwrap_err();
}

#[test]
fn a_crash_ends_the_old_handles_and_not_the_new_ones() {
    let disk = Disk::new();
    disk.put("file", b"x");
    let old = disk.open("file").unwrap();
    let after = disk.crash(&Schedule::new(1));
    let new = after.open("file").unwrap();
    assert!(disk.is_off());
    old.write_at(b"y", 0).unwrap_err();
    disk.open("file").unwrap_err();
    assert_eq!(old.id(), new.id());
    write(&new, 0, b"z");
    assert_eq!((disk.read("file").unwrap(), after.read("file").unwrap()), (b"x".to_vec(), b"z".to_vec()));
}

#[test]
fn a_lock_excludes_and_is_released_by_drop_and_by_crash() {
    let disk = Disk::new();
    disk.put("file", b"");
    let (first, second) = (disk.open("file").unwrap(), disk.open("file").unwrap());
    assert!(first.try_lock().unwrap());
    assert!(first.try_lock().unwrap());
    assert!(!second.try_lock().unwrap());
    drop(second);
    let third = disk.open("file").unwrap();
    assert!(!third.try_lock().unwrap());
    drop(first);
    assert!(third.try_lock().unwrap());
    let after = disk.crash(&Schedule::new(0));
    assert!(after.open("file").unwrap().try_lock().unwrap());
    drop(third);
}

#[test]
fn a_lock_belongs_to_the_file_and_not_to_its_name() {
    let disk = Disk::new();
    disk.put("file", b"");
    disk.put("new", b"");
    let old = disk.open("file").unwrap();
    assert!(old.try_lock().unwrap());
    disk.rename("new", "file").unwrap();
    assert!(disk.open("file").unwrap().try_lock().unwrap());
}

#[test]
fn clones_are_one_disk_and_threads_may_share_it() {
    fn shared<T: Send + Sync>(_: &T) {}
    fn sent<T: Send>(_: &T) {}
    let disk = Disk::new();
    let file = file(&disk.clone());
    shared(&disk);
    sent(&file);
    assert!(disk.exists("file"));
    assert!(format!("{disk:?}").contains("file"));
}
