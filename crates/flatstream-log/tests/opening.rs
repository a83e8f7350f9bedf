//! Opening a log: what is refused, what is cleared away, and what it costs.

mod common;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::rc::Rc;
use std::sync::mpsc;
use std::time::SystemTime;

use common::{check, names, read, segment};
use flatstream_io::storage::{Files, Folders, Storage};
use flatstream_io::{ChecksumType, Error, ErrorKind, HeaderBuilder, WriteOptions, Writer};
use flatstream_log::{LogOptions, LogWriter, keys};
use flatstream_testkit::folder::Folder;

fn two_segments(folder: &Path) {
    let mut log = LogWriter::open(folder, LogOptions::new()).unwrap();
    log.append(b"one").unwrap();
    log.append(b"two").unwrap();
    log.rotate().unwrap();
    log.append(b"three").unwrap();
    log.finish().unwrap();
}

fn refusal(folder: &Path) -> Error {
    let before: BTreeMap<_, _> =
        names(folder).into_iter().map(|name| (name.clone(), fs::read(folder.join(name)).unwrap())).collect();
    let error = LogWriter::open(folder, LogOptions::new()).unwrap_err();
    for (name, bytes) in before {
        assert!(fs::read(folder.join(&name)).unwrap() == bytes, "{name} was changed");
    }
    error
}

#[test]
fn a_renamed_segment_is_refused_and_both_numbers_are_named() {
    let folder = Folder::new("log-renamed");
    two_segments(folder.path());
    fs::rename(segment(folder.path(), 2), segment(folder.path(), 7)).unwrap();
    let error = refusal(folder.path());
    assert_eq!(error.kind(), ErrorKind::WrongSegment);
    let path = segment(folder.path(), 7);
    let expected = format!(
        "{} was renamed, or isn't of this log: by its name its first message has number 7, by its header 2, and \
         nothing was changed",
        path.display()
    );
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_stream_that_is_no_segment_is_refused() {
    let folder = Folder::new("log-foreign");
    two_segments(folder.path());
    let path = segment(folder.path(), 9);
    Writer::create_new(&path, WriteOptions::new()).unwrap().finish().unwrap();
    let error = refusal(folder.path());
    assert_eq!(error.kind(), ErrorKind::WrongSegment);
    let expected = format!(
        "{} is no segment of a log: expected {} in digits in its header, found none, and nothing was changed",
        path.display(),
        keys::FIRST_SEQUENCE
    );
    assert_eq!(error.to_string(), expected);

    fs::remove_file(&path).unwrap();
    let options = WriteOptions::new().metadata(keys::FIRST_SEQUENCE, "nine");
    Writer::create_new(&path, options).unwrap().finish().unwrap();
    let error = refusal(folder.path());
    assert_eq!(error.kind(), ErrorKind::WrongSegment);
    assert!(error.to_string().contains("in digits in its header, found \"nine\""), "{error}");
}

#[test]
fn what_is_no_stream_is_refused_by_its_name() {
    let folder = Folder::new("log-no-stream");
    two_segments(folder.path());
    let path = segment(folder.path(), 9);
    fs::write(&path, "somebody's diary, which is longer than eight bytes").unwrap();
    let error = refusal(folder.path());
    assert_eq!(error.kind(), ErrorKind::NotAStream);
    assert!(error.to_string().starts_with(&*path.to_string_lossy()), "{error}");

    // Zeros are no beginning of a new stream here: messages may have been in their place.
    fs::write(&path, [0; 5000]).unwrap();
    let error = refusal(folder.path());
    assert_eq!(error.kind(), ErrorKind::WrongSegment);
    assert!(error.to_string().contains("expected the segment whose first message has number 9"), "{error}");
}

#[test]
fn options_that_each_segment_chooses_for_itself_are_refused() {
    let folder = Folder::new("log-usage");
    let header = HeaderBuilder::new(ChecksumType::None).build().unwrap();
    // Metadata as from the header of another segment.
    let metadata = WriteOptions::new().metadata(keys::CREATED, "01700000000000000000");
    for write in [WriteOptions::new().stream_id(1), WriteOptions::new().header(header), metadata] {
        let error = LogWriter::open(folder.path(), LogOptions::new().write_options(write)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
    }
    assert!(names(folder.path()).is_empty());
}

#[test]
fn a_second_writer_is_kept_out_until_the_first_one_is_gone() {
    let folder = Folder::new("log-locked");
    let log = LogWriter::open(folder.path(), LogOptions::new()).unwrap();
    let error = LogWriter::open(folder.path(), LogOptions::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Locked);
    assert_eq!(error.to_string(), format!("another writer has the log {} open", folder.path().display()));
    drop(log);
    LogWriter::open(folder.path(), LogOptions::new()).unwrap().finish().unwrap();
    drop(LogWriter::open(folder.path(), LogOptions::new()).unwrap());
}

#[test]
fn folders_are_created_as_deep_as_they_are_named() {
    let folder = Folder::new("log-folders");
    let deep = folder.join("a").join("b").join("c");
    LogWriter::open(&deep, LogOptions::new()).unwrap().finish().unwrap();
    assert_eq!(read(&deep).len(), 1);
}

#[test]
fn what_an_interrupted_creation_left_is_cleared_away_and_nothing_else() {
    let folder = Folder::new("log-leftovers");
    two_segments(folder.path());
    let leftover = ".00000000000000000003.fls.0123456789abcdef.new";
    let others = [".events.fls.0123456789abcdef.new", ".00000000000000000003.fls.new"];
    [leftover, others[0], others[1]].iter().for_each(|name| fs::write(folder.join(name), "half").unwrap());
    // Where files can't have two names.
    File::create(segment(folder.path(), 3)).unwrap();

    let mut log = LogWriter::open(folder.path(), LogOptions::new()).unwrap();
    assert_eq!(log.append(b"four").unwrap(), 3);
    log.finish().unwrap();
    check(&read(folder.path()), &[b"one".to_vec(), b"two".to_vec(), b"three".to_vec(), b"four".to_vec()]);
    assert!(!folder.join(leftover).exists());
    others.iter().for_each(|name| assert!(folder.join(name).exists(), "{name} is somebody's"));
}

/// A power cut may leave the blocks of a segment that was removed behind the end of one that isn't.
#[test]
fn the_remains_of_another_segment_behind_a_torn_tail_do_not_keep_a_log_from_being_opened() {
    for options in [LogOptions::new, || LogOptions::new().write_options(WriteOptions::new())] {
        let [folder, other] = ["log-stale", "log-stale-other"].map(Folder::new);
        let make = |folder: &Folder, count: u8| {
            let mut log = LogWriter::open(folder.path(), options()).unwrap();
            (0..count).for_each(|_| assert!(log.append(&[count; 100]).is_ok()));
            drop(log);
            fs::read(segment(folder.path(), 0)).unwrap()
        };
        let (own, removed) = (make(&folder, 40), make(&other, 200));
        let torn = own.len() - 8;
        fs::write(segment(folder.path(), 0), [&own[..torn], &removed[torn..]].concat()).unwrap();
        let log = LogWriter::open(folder.path(), options()).unwrap();
        assert_eq!(log.sequence(), 39);
        assert_eq!(log.segments().unwrap()[0].kept_tails.len(), 1);
    }
}

#[test]
fn an_empty_newest_segment_is_gone_on_with() {
    let folder = Folder::new("log-empty");
    let mut log = LogWriter::open(folder.path(), LogOptions::new()).unwrap();
    log.append(b"one").unwrap();
    log.rotate().unwrap();
    drop(log);
    for number in 0..3 {
        let log = LogWriter::open(folder.path(), LogOptions::new().segment_bytes(0)).unwrap();
        assert_eq!((log.sequence(), log.segments().unwrap().len()), (1, 2), "opening {number}");
    }
}

#[test]
fn options_that_contradict_the_newest_segment_are_refused_by_both_values() {
    let folder = Folder::new("log-contradiction");
    two_segments(folder.path());
    let write = WriteOptions::new().message_type("Other.Event");
    let error = LogWriter::open(folder.path(), LogOptions::new().write_options(write)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(error.to_string().contains("\"Other.Event\""), "{error}");
}

/// The system's files, with a count of the calls, and one that fails.
#[derive(Clone, Default)]
struct Counting(Rc<RefCell<Calls>>);

#[derive(Default)]
struct Calls {
    counts: BTreeMap<&'static str, usize>,
    fails: Option<&'static str>,
}

impl Counting {
    fn count(&self, call: &'static str) -> io::Result<Files> {
        let mut calls = self.0.borrow_mut();
        *calls.counts.entry(call).or_default() += 1;
        match calls.fails == Some(call) {
            true => Err(io::Error::from(io::ErrorKind::StorageFull)),
            false => Ok(Files),
        }
    }

    fn take(&self) -> BTreeMap<&'static str, usize> {
        std::mem::take(&mut self.0.borrow_mut().counts)
    }

    fn fail(&self, call: Option<&'static str>) {
        self.0.borrow_mut().fails = call;
    }
}

impl Storage for Counting {
    type File = File;

    fn create_new(&self, path: &Path) -> io::Result<File> {
        self.count("create_new")?.create_new(path)
    }
    fn open(&self, path: &Path) -> io::Result<File> {
        self.count("open")?.open(path)
    }
    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.count("hard_link")?.hard_link(from, to)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.count("rename")?.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.count("remove")?.remove(path)
    }
    fn sync_folder_of(&self, path: &Path) -> io::Result<()> {
        self.count("sync_folder_of")?.sync_folder_of(path)
    }
}

impl Folders for Counting {
    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        Files.create_folder(folder)
    }
    fn names(&self, folder: &Path) -> io::Result<Vec<OsString>> {
        self.count("names")?.names(folder)
    }
    fn size_of(&self, path: &Path) -> io::Result<u64> {
        self.count("size_of")?.size_of(path)
    }
    fn modified(&self, path: &Path) -> io::Result<SystemTime> {
        self.count("modified")?.modified(path)
    }
}

/// A log whose newest segment follows on so many others, of which only the names are there.
fn long_log(folder: &Path, count: u64) {
    let mut log = LogWriter::open(folder, LogOptions::new()).unwrap();
    log.append(b"one").unwrap();
    log.finish().unwrap();
    let created = "01700000000000000000";
    let options = WriteOptions::new()
        .metadata(keys::ID, "0123456789abcdef")
        .metadata(keys::FIRST_SEQUENCE, format!("{count:020}"))
        .metadata(keys::CREATED, created);
    (1..count).for_each(|number| fs::write(segment(folder, number), "nobody looks").unwrap());
    Writer::create_new(segment(folder, count), options).unwrap().finish().unwrap();
}

#[test]
fn ten_thousand_segments_cost_one_listing_and_one_opening() {
    let folder = Folder::new("log-ten-thousand");
    long_log(folder.path(), 10_000);
    let storage = Counting::default();
    let open = |options| LogWriter::open_in(storage.clone(), folder.path(), options).unwrap();

    let mut log = open(LogOptions::new().keep_segments(20_000).segment_bytes(0));
    assert_eq!((log.sequence(), log.first_sequence()), (10_000, 0));
    let calls = storage.take();
    // The lock is opened and created, the newest segment opened.
    let expected = [("create_new", 1), ("names", 1), ("open", 2), ("size_of", 1), ("sync_folder_of", 1)];
    let lock_is_there = [("names", 1), ("open", 2), ("size_of", 1), ("sync_folder_of", 1)];
    assert!(calls == BTreeMap::from(expected) || calls == BTreeMap::from(lock_is_there), "{calls:?}");

    // Nor does a segment that begins.
    log.append(b"more").unwrap();
    log.append(b"and more").unwrap();
    let calls = storage.take();
    let of_border = [("create_new", 1), ("hard_link", 1), ("remove", 1), ("size_of", 1), ("sync_folder_of", 1)];
    assert_eq!(calls, BTreeMap::from(of_border));
    drop(log);

    // The sizes of those that are kept are asked for, and of no others. The newest three hold about 1200 bytes.
    let mut log = open(LogOptions::new().keep_bytes(2000));
    let calls = storage.take();
    assert!(log.first_sequence() > 9_000 && calls["size_of"] < 200, "{calls:?}");
    // With the mark that says which of them go.
    assert_eq!(calls["remove"] as u64, log.first_sequence() + 1);
    // That of opening, one behind the mark, one behind all.
    assert_eq!(calls["sync_folder_of"], 3);
    assert!(names(folder.path()).iter().all(|name| !name.starts_with(".removing")));
    assert_eq!(log.retain().unwrap(), 0);
    assert!(storage.take().is_empty(), "sizes are asked for once");
}

#[test]
fn a_log_goes_on_in_its_segment_while_no_next_one_can_be_created() {
    for call in ["create_new", "hard_link", "size_of"] {
        let folder = Folder::new(&format!("log-disk-full-{call}"));
        let storage = Counting::default();
        let mut failures = 0;
        let (of_hook, of_test) = mpsc::channel();
        let options = LogOptions::new().segment_bytes(1000).on_error(move |error| {
            of_hook.send(error.to_string()).unwrap();
        });
        let mut log = LogWriter::open_in(storage.clone(), folder.path(), options).unwrap();
        storage.fail(Some(call));
        let messages: Vec<_> = (0..40).map(|number| vec![number; 100]).collect();
        for message in &messages[..20] {
            log.append(message).unwrap_or_else(|error| panic!("{call}: {error}"));
            failures += of_test.try_iter().count();
        }
        let error = log.rotation_error().unwrap();
        assert_eq!(error.kind(), ErrorKind::Io, "{call}");
        assert!(error.to_string().contains(".fls"), "{call}: {error}");
        assert_eq!(read(folder.path()).len(), 1, "{call}");
        assert!((1..5).contains(&failures), "{call}: it is tried now and then: {failures} times");

        let error = log.rotate().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io, "{call}");
        log.append(&messages[20]).unwrap();

        storage.fail(None);
        for message in &messages[21..] {
            log.append(message).unwrap();
        }
        assert!(log.rotation_error().is_none(), "{call}");
        assert!(log.segments().unwrap().len() > 1, "{call}");
        log.finish().unwrap();
        check(&read(folder.path()), &messages);
    }
}

#[test]
fn a_next_segment_that_cannot_be_taken_back_ends_the_writer() {
    for call in ["sync_folder_of", "remove"] {
        let folder = Folder::new(&format!("log-uncertain-{call}"));
        let storage = Counting::default();
        let mut log = LogWriter::open_in(storage.clone(), folder.path(), LogOptions::new()).unwrap();
        log.append(b"one").unwrap();
        storage.fail(Some(call));
        let first = log.rotate().unwrap_err();
        storage.fail(None);
        let refusals = [log.append(b"two").unwrap_err(), log.sync().unwrap_err(), log.rotate().unwrap_err()];
        for error in refusals {
            assert!(error.to_string().contains(&first.to_string()), "{call}: {error}");
            assert_eq!(error.kind(), ErrorKind::Io, "{call}");
        }
        drop(log);
        let mut log = LogWriter::open(folder.path(), LogOptions::new()).unwrap();
        assert_eq!(log.append(b"two").unwrap(), 1, "{call}");
        log.finish().unwrap();
        let messages: Vec<_> = read(folder.path()).into_iter().flat_map(|segment| segment.messages).collect();
        assert_eq!(messages, [b"one".to_vec(), b"two".to_vec()], "{call}");
        assert!(names(folder.path()).iter().all(|name| !name.ends_with(".new")), "{call}");
    }
}

#[test]
fn a_file_that_has_the_name_of_the_next_segment_is_left_alone() {
    let folder = Folder::new("log-taken");
    let mut log = LogWriter::open(folder.path(), LogOptions::new()).unwrap();
    log.append(b"one").unwrap();
    let path = segment(folder.path(), 1);
    fs::write(&path, "somebody's").unwrap();
    let error = log.rotate().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WrongSegment);
    assert!(error.to_string().starts_with(&*path.to_string_lossy()), "{error}");
    log.append(b"two").unwrap();
    log.rotate().unwrap();
    drop(log);
    assert_eq!(fs::read(&path).unwrap(), b"somebody's");
}
