//! Streams in real files: created, replaced, reopened, repaired, salvaged. What one writer leaves is what the next
//! finds.

mod common;

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

use common::options;
use flatstream_io::{
    ChecksumType, Clock, EndState, ErrorKind, FlushPolicy, OnTail, Reader, SyncPolicy, WriteOptions, Writer, recover,
};
use flatstream_testkit::folder::Folder;
use flatstream_testkit::noise::Noise;

fn new_options() -> WriteOptions {
    WriteOptions::new()
}

/// The messages of a file, strictly, with how it ended.
fn read(path: &Path) -> (Vec<Vec<u8>>, EndState) {
    let mut reader = Reader::new(fs::File::open(path).unwrap()).unwrap();
    let messages = reader.by_ref().map(|message| message.unwrap().to_vec()).collect();
    (messages, reader.end().unwrap().state)
}

fn append(path: &Path, messages: &[Vec<u8>]) -> Writer<fs::File> {
    let mut writer = Writer::open(path, new_options()).unwrap();
    messages.iter().for_each(|message| assert!(writer.append(message).is_ok()));
    writer
}

fn files_in(folder: &Folder) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn create_new_never_replaces_and_leaves_no_other_file() {
    let folder = Folder::new("create-new");
    let path = folder.join("a.fls");
    let writer = Writer::create_new(&path, new_options()).unwrap();
    let error = Writer::create_new(&path, new_options()).unwrap_err();
    assert_eq!(error.io_error().unwrap().kind(), std::io::ErrorKind::AlreadyExists);
    assert!(error.to_string().contains("a.fls can't be created"), "{error}");
    // Before anything was appended the file is a stream: header and first sync frame are there.
    assert_eq!(read(&path), (vec![], EndState::Open));
    writer.finish().unwrap();
    assert_eq!(read(&path), (vec![], EndState::Closed));
    assert_eq!(files_in(&folder), ["a.fls"]);
}

#[test]
fn create_replaces_in_one_step_but_not_what_another_writer_has_open() {
    let folder = Folder::new("create");
    let path = folder.join("a.fls");
    fs::write(&path, "something else").unwrap();
    let mut writer = Writer::create(&path, new_options()).unwrap();
    writer.append(b"mine").unwrap();
    writer.flush().unwrap();
    let error = Writer::create(&path, new_options()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Locked);
    assert_eq!(error.to_string(), format!("another writer has {} open", path.display()));
    assert_eq!(std::io::Error::from(error).kind(), std::io::ErrorKind::ResourceBusy);
    writer.append(b"and mine").unwrap();
    writer.finish().unwrap();
    assert_eq!(read(&path).0, [b"mine".to_vec(), b"and mine".to_vec()]);
    Writer::create(&path, new_options()).unwrap().finish().unwrap();
    assert_eq!(read(&path).0.len(), 0);
    assert_eq!(files_in(&folder), ["a.fls"]);
}

#[test]
fn a_second_writer_is_told_that_there_is_one() {
    let folder = Folder::new("locked");
    let path = folder.join("a.fls");
    let writer = Writer::open(&path, new_options()).unwrap();
    for error in [Writer::open(&path, new_options()).unwrap_err(), recover::repair(&path).unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Locked);
        assert!(error.to_string().starts_with("another writer has "), "{error}");
    }
    // Looking is free.
    assert_eq!(recover::inspect(&path).unwrap().messages, 0);
    drop(writer);
    assert!(Writer::open(&path, new_options()).is_ok());
}

#[test]
fn reopening_goes_on_in_the_same_stream_whether_it_was_closed_or_not() {
    let folder = Folder::new("reopen");
    let path = folder.join("a.fls");
    let messages = Noise::new(1).messages(500, 400);
    let mut stream_id = None;
    for (nth, part) in messages.chunks(100).enumerate() {
        let writer = append(&path, part);
        assert_eq!(*stream_id.get_or_insert(writer.stream_id()), writer.stream_id());
        assert_eq!(writer.epoch(), nth as u32);
        assert_eq!(writer.open_report().is_some(), nth > 0);
        if let Some(report) = writer.open_report() {
            assert_eq!((report.messages_kept, report.bytes_cut), (100 * nth as u64, 0));
            assert_eq!(report.was_closed(), nth % 2 == 1);
            assert_eq!(report.epoch, Some(nth as u32));
        }
        assert_eq!(writer.sequence(), 100 * (nth as u64 + 1));
        if nth % 2 == 0 {
            writer.finish().unwrap();
        } else {
            drop(writer);
        }
    }
    assert_eq!(read(&path), (messages, EndState::Closed));
    let found = recover::inspect(&path).unwrap();
    assert!(found.is_whole());
    assert_eq!((found.messages, found.epoch), (500, 4));
}

#[test]
fn a_torn_tail_is_cut_at_every_length_and_kept() {
    let folder = Folder::new("torn");
    let path = folder.join("a.fls");
    let whole = {
        // The same bytes in each run: the first of a tail may be 00 or FF, and then holds nothing.
        let mut writer = Writer::create_new(&path, options(ChecksumType::Crc32c)).unwrap();
        Noise::new(2).messages(3, 60).iter().for_each(|message| assert!(writer.append(message).is_ok()));
        writer.sync().unwrap();
        let durable = writer.durable_position();
        writer.append(&[7; 100]).unwrap();
        drop(writer);
        (fs::read(&path).unwrap(), durable)
    };
    let (bytes, durable) = whole;
    for len in durable as usize..bytes.len() {
        fs::write(&path, &bytes[..len]).unwrap();
        let mut writer = Writer::open(&path, new_options()).unwrap();
        let report = writer.open_report().unwrap().clone();
        assert_eq!((report.messages_kept, report.messages_cut), (3, 0), "length {len}");
        assert_eq!(report.bytes_cut, len as u64 - durable);
        assert_eq!(report.end.state, if len as u64 == durable { EndState::Open } else { EndState::Torn });
        if let Some(kept_at) = &report.kept_at {
            assert_eq!(fs::read(kept_at).unwrap(), bytes[durable as usize..len]);
            fs::remove_file(kept_at).unwrap();
        }
        writer.append(b"behind").unwrap();
        writer.finish().unwrap();
        assert_eq!(read(&path).0[3], b"behind");
        assert_eq!(files_in(&folder), ["a.fls"]);
    }
}

#[test]
fn zeros_behind_the_end_hold_nothing() {
    let folder = Folder::new("zeros");
    for fill in [0x00, 0xFF] {
        let path = folder.join(format!("{fill}.fls"));
        drop(append(&path, &Noise::new(2).messages(30, 60)));
        let mut bytes = fs::read(&path).unwrap();
        let end = bytes.len();
        bytes.resize(end + 300_000, fill);
        fs::write(&path, &bytes).unwrap();
        let writer = Writer::open(&path, new_options().on_tail(OnTail::Refuse)).unwrap();
        let report = writer.open_report().unwrap();
        assert_eq!((report.messages_kept, report.bytes_cut, &report.kept_at), (30, 300_000, &None));
        drop(writer);
        assert_eq!(read(&path).0.len(), 30);
    }
}

/// A file with messages in pages that didn't reach the disk in order: the last page is there, the one before isn't.
fn scattered(path: &Path) -> u64 {
    let mut writer = Writer::open(path, new_options()).unwrap();
    (0..20u32).for_each(|number| assert!(writer.append(&number.to_le_bytes()).is_ok()));
    writer.sync().unwrap();
    let durable = writer.durable_position();
    (0..20u32).for_each(|number| assert!(writer.append(&[number as u8; 1000]).is_ok()));
    drop(writer);
    let file = OpenOptions::new().write(true).open(path).unwrap();
    file.write_all_at(&[0; 4096], durable.next_multiple_of(4096)).unwrap();
    durable
}

#[test]
fn a_scattered_tail_is_cut_and_kept_with_its_whole_messages_counted() {
    let folder = Folder::new("scattered");
    let path = folder.join("a.fls");
    scattered(&path);
    let before = fs::read(&path).unwrap();
    let refused = Writer::open(&path, new_options().on_tail(OnTail::Refuse)).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Refused, "{refused}");
    assert_eq!(fs::read(&path).unwrap(), before, "refusing changes nothing");

    let inspection = recover::inspect(&path).unwrap();
    assert_eq!(inspection.end.state, EndState::Scattered);
    let writer = Writer::open(&path, new_options()).unwrap();
    let report = writer.open_report().unwrap();
    assert_eq!(report.end, recover_end(&inspection));
    assert!(report.messages_kept >= 20 && report.messages_cut > 0, "{report}");
    assert_eq!(report.messages_kept + report.messages_cut, inspection.messages);
    let kept = fs::read(report.kept_at.as_ref().unwrap()).unwrap();
    assert_eq!(kept, before[report.end.position as usize..]);
    drop(writer);
    assert!(recover::inspect(&path).unwrap().is_whole());
}

/// As blocks are left that were another stream's, which was removed; and as two streams in one file are.
#[test]
fn a_tail_of_another_stream_is_cut_only_if_that_was_chosen_and_kept_then() {
    let folder = Folder::new("foreign");
    let path = folder.join("a.fls");
    let small = || new_options().sync_interval(1024);
    let bytes_of = |count| {
        let mut writer = Writer::new(Vec::new(), small()).unwrap();
        (0..count).for_each(|number| assert!(writer.append(&[number as u8; 100]).is_ok()));
        writer.finish().unwrap()
    };
    let (own, other) = (bytes_of(30), bytes_of(60));
    let stale = [&own[..own.len() - 8], &other[own.len() - 8..]].concat();
    let second = [&own[..], &other[..]].concat();
    for (bytes, what) in [(stale, "it is another stream's, which isn't cut"), (second, "another stream isn't cut")] {
        fs::write(&path, &bytes).unwrap();
        let refused = Writer::open(&path, small()).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Refused, "{refused}");
        assert!(refused.to_string().contains(what), "{refused}");
        assert_eq!(fs::read(&path).unwrap(), bytes, "refusing changes nothing");

        let writer = Writer::open(&path, small().on_tail(OnTail::CutAndKeepForeign)).unwrap();
        let report = writer.open_report().unwrap();
        assert_eq!(report.messages_kept, 30);
        let kept = fs::read(report.kept_at.as_ref().unwrap()).unwrap();
        assert_eq!(kept, bytes[report.end.position as usize..]);
        drop(writer);
        assert!(recover::inspect(&path).unwrap().is_whole());
    }
}

fn recover_end(inspection: &recover::Inspection) -> flatstream_io::End {
    inspection.end
}

#[test]
fn damage_to_what_was_known_durable_is_refused_with_both_positions_and_salvaged() {
    let folder = Folder::new("corrupt");
    let path = folder.join("a.fls");
    let messages = Noise::new(3).messages(400, 200);
    let mut writer = append(&path, &messages);
    writer.sync().unwrap();
    writer.append(b"one more").unwrap();
    writer.finish().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let start = Reader::new(&bytes[..]).unwrap().nth(100).unwrap().unwrap().position();
    bytes[start as usize + 9] ^= 1;
    fs::write(&path, &bytes).unwrap();

    // Opening reads what isn't known to be durable only, so it is repair and inspect that see it.
    let error = recover::repair(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged, "{error}");
    assert_eq!(error.position(), Some(start));
    let text = error.to_string();
    assert!(text.contains(&format!("corrupt at position {start}")), "{text}");
    assert!(text.contains("a sync frame of this stream follows at position"), "{text}");
    assert_eq!(fs::read(&path).unwrap(), bytes, "refusing changes nothing");

    let inspection = recover::inspect(&path).unwrap();
    assert_eq!(inspection.end.state, EndState::Corrupt);
    assert_eq!((inspection.messages, inspection.losses.messages), (400, 1));

    let to = folder.join("salvaged.fls");
    let report = recover::salvage(&path, &to).unwrap();
    assert_eq!((report.messages, report.losses.messages, report.is_complete()), (400, 1, false));
    let mut expected = messages;
    expected.remove(100);
    expected.push(b"one more".to_vec());
    assert_eq!(read(&to), (expected, EndState::Closed));
    // Never over another file.
    assert!(recover::salvage(&path, &to).is_err());
    assert_eq!(read(&to).0.len(), 400);
}

#[test]
fn a_whole_stream_survives_repair_and_salvage_unchanged() {
    let folder = Folder::new("whole");
    let path = folder.join("a.fls");
    let messages = Noise::new(4).messages(300, 3000);
    let mut writer = Writer::create_new(&path, new_options().message_type("A.B").metadata("key", "value")).unwrap();
    messages.iter().for_each(|message| assert!(writer.append(message).is_ok()));
    writer.finish().unwrap();
    let before = fs::read(&path).unwrap();
    let report = recover::repair(&path).unwrap();
    assert_eq!((report.messages_kept, report.bytes_cut, report.epoch), (300, 0, None), "nothing to be done");
    assert_eq!(fs::read(&path).unwrap(), before);
    let to = folder.join("b.fls");
    assert!(recover::salvage(&path, &to).unwrap().is_complete());
    let headers = [&path, &to].map(|path| Reader::new(fs::File::open(path).unwrap()).unwrap().header().clone());
    assert_eq!(headers[0], headers[1]);
    assert_eq!(read(&to).0, messages);
}

#[test]
fn a_destroyed_header_is_no_reason_to_lose_a_message() {
    let folder = Folder::new("header");
    let path = folder.join("a.fls");
    let messages = Noise::new(5).messages(300, 100);
    drop(append(&path, &messages));
    let header_len = Reader::new(fs::File::open(&path).unwrap()).unwrap().position() as usize;
    let mut bytes = fs::read(&path).unwrap();
    bytes[..header_len].fill(0xA5);
    fs::write(&path, &bytes).unwrap();
    assert!(Writer::open(&path, new_options()).is_err(), "it isn't a stream that could be gone on with");
    assert_eq!(fs::read(&path).unwrap(), bytes);
    let inspection = recover::inspect(&path).unwrap();
    assert!(inspection.header.is_recovered());
    assert_eq!(inspection.messages, 300);
    let to = folder.join("b.fls");
    let report = recover::salvage(&path, &to).unwrap();
    assert!(report.is_header_recovered && report.losses.messages == 0, "{report:?}");
    assert_eq!(read(&to), (messages, EndState::Closed));
}

#[test]
fn a_file_in_which_nothing_arrived_becomes_a_stream_and_another_one_does_not() {
    let folder = Folder::new("nothing");
    let template = folder.join("template.fls");
    drop(append(&template, &[vec![1]]));
    let header = fs::read(&template).unwrap();
    for (name, content) in [("empty", vec![]), ("zeros", vec![0; 5000]), ("half-a-header", header[..50].to_vec())] {
        let path = folder.join(name);
        fs::write(&path, &content).unwrap();
        let mut writer = Writer::open(&path, new_options()).unwrap();
        let report = writer.open_report().unwrap();
        assert_eq!((report.messages_kept, report.bytes_cut), (0, content.len() as u64), "{name}");
        assert_eq!(report.kept_at.is_some(), name == "half-a-header");
        writer.append(b"first").unwrap();
        writer.finish().unwrap();
        assert_eq!(read(&path).0, [b"first".to_vec()]);
    }
    for content in [&b"hello"[..], b"a text that is longer than any header's beginning", &header[4..]] {
        let path = folder.join("other");
        fs::write(&path, content).unwrap();
        assert_eq!(Writer::open(&path, new_options()).unwrap_err().kind(), ErrorKind::NotAStream);
        assert_eq!(fs::read(&path).unwrap(), content);
    }
}

/// The header is there, half the first sync frame too: there is no identity yet to go on with.
#[test]
fn a_stream_whose_first_sync_frame_never_arrived_starts_anew_behind_its_header() {
    let folder = Folder::new("first-sync");
    let path = folder.join("a.fls");
    drop(append(&path, &[vec![1]]));
    let bytes = fs::read(&path).unwrap();
    let header_len = Reader::new(&bytes[..]).unwrap().position() as usize;
    for len in header_len..header_len + 64 {
        fs::write(&path, &bytes[..len]).unwrap();
        let mut writer = Writer::open(&path, new_options()).unwrap();
        assert_eq!((writer.epoch(), writer.sequence()), (0, 0));
        if let Some(kept_at) = writer.open_report().unwrap().kept_at.clone() {
            fs::remove_file(kept_at).unwrap();
        }
        writer.append(b"first").unwrap();
        writer.finish().unwrap();
        assert_eq!(read(&path), (vec![b"first".to_vec()], EndState::Closed), "length {len}");
    }
}

#[test]
fn an_option_that_contradicts_the_header_is_an_error_that_names_both() {
    let folder = Folder::new("contradiction");
    let path = folder.join("a.fls");
    let first = new_options()
        .checksum(ChecksumType::Xxh64)
        .message_type("A.B")
        .schema(telemetry_schema::BFBS)
        .max_message_len(1000);
    drop(Writer::create_new(&path, first).unwrap());
    let cases: [(WriteOptions, &[&str]); 5] = [
        (new_options().checksum(ChecksumType::Crc32c), &["checksum", "CRC-32C", "XXH64"]),
        (new_options().message_type("A.C"), &["message type", "\"A.C\"", "\"A.B\""]),
        (new_options().schema(vec![9]), &["schema", "1 bytes", "460 bytes"]),
        (new_options().clock(Clock::Monotonic, || 0), &["clock", "Monotonic", "UnixUtc"]),
        (new_options().max_message_len(0), &["longest message", "1000 bytes"]),
    ];
    for (options, words) in cases {
        let error = Writer::open(&path, options).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert!(words.iter().all(|word| error.to_string().contains(word)), "{error}");
    }
    // Nothing asked, or the same: the header decides.
    let mut writer = Writer::open(&path, new_options().checksum(ChecksumType::Xxh64).max_message_len(10)).unwrap();
    assert_eq!(writer.header().checksum(), ChecksumType::Xxh64);
    writer.append(&[1; 900]).unwrap();
    writer.finish().unwrap();
}

#[test]
fn every_policy_makes_durable_and_hands_over_what_it_says() {
    let folder = Folder::new("policies");
    let size = |path: &Path| fs::metadata(path).unwrap().len();
    let open = |name: &str, options: WriteOptions| {
        let path = folder.join(name);
        (Writer::create_new(&path, options).unwrap(), path)
    };
    let long = std::time::Duration::from_secs(1 << 40);

    let (mut writer, path) = open("manual", new_options());
    let start = size(&path);
    writer.append(b"x").unwrap();
    assert_eq!((size(&path), writer.durable_position()), (start, start));
    assert_eq!(writer.sync().unwrap(), 1);
    assert_eq!((size(&path), writer.durable_position()), (writer.position(), writer.position()));

    for (name, policy) in [("each", SyncPolicy::EveryMessage), ("always", SyncPolicy::Every(std::time::Duration::ZERO))]
    {
        let (mut writer, path) = open(name, new_options().sync_policy(policy));
        for _ in 0..100 {
            writer.append(&[1; 50]).unwrap();
            assert_eq!((size(&path), writer.durable_position()), (writer.position(), writer.position()));
        }
        // The stream itself says so, but doesn't double by it.
        assert!(writer.position() < start + 100 * 64 + 64 * (100 * 64 / 4096 + 4));
        let mut reader = Reader::new(fs::File::open(&path).unwrap()).unwrap();
        assert_eq!(reader.by_ref().count(), 100);
        assert!(reader.durable_position() > 4096);
    }

    let (mut writer, path) = open("bytes", new_options().sync_policy(SyncPolicy::EveryBytes(1000)));
    for _ in 0..100 {
        writer.append(&[1; 50]).unwrap();
        assert!(writer.position() - writer.durable_position() < 1000);
        assert_eq!(size(&path), writer.durable_position());
    }
    let (mut writer, path) = open("never", new_options().sync_policy(SyncPolicy::Every(long)));
    writer.append(b"x").unwrap();
    assert_eq!(size(&path), start);
    let (mut writer, path) = open("flush", new_options().flush_policy(FlushPolicy::EveryMessage));
    writer.append(b"x").unwrap();
    assert_eq!((size(&path), writer.durable_position()), (writer.position(), start));
    let (mut writer, path) = open("flush-bytes", new_options().flush_policy(FlushPolicy::EveryBytes(1000)));
    for _ in 0..100 {
        writer.append(&[1; 50]).unwrap();
        assert!(writer.position() - size(&path) < 1000);
    }
    // A sink that can't sync can't keep a policy either.
    let error = Writer::new(Vec::new(), new_options().sync_policy(SyncPolicy::EveryMessage)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert_eq!(
        Writer::new(Vec::new(), options(ChecksumType::None)).unwrap().sync().unwrap_err().kind(),
        ErrorKind::Usage
    );
}

/// Opening reads from the last sync frame that is durable on, whatever comes before.
#[test]
fn what_is_known_durable_is_not_read_again() {
    let folder = Folder::new("suffix");
    let path = folder.join("a.fls");
    let mut writer = append(&path, &Noise::new(6).messages(10_000, 200));
    writer.sync().unwrap();
    writer.append(&[1; 5000]).unwrap();
    writer.append(b"torn").unwrap();
    drop(writer);
    let bytes = fs::read(&path).unwrap();
    let end = bytes.len() as u64 - 16;
    // A hole where nobody has to look: neither opening nor a message of it would survive a look.
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all_at(&vec![0; 600_000], 10_000).unwrap();
    file.set_len(end + 3).unwrap();
    let writer = Writer::open(&path, new_options()).unwrap();
    let report = writer.open_report().unwrap();
    assert_eq!((report.messages_kept, report.bytes_cut), (10_001, 3));
    assert_eq!(writer.position(), end + 64);
}

/// `current.fls -> 2026-11-27.fls`: the file is made, emptied or continued, and the link stays one.
#[test]
fn a_stream_is_opened_through_links_whether_the_file_is_there_or_not() {
    let folder = Folder::new("files-links");
    let file = folder.join("far").join("file.fls");
    fs::create_dir(folder.join("far")).unwrap();
    std::os::unix::fs::symlink("far/file.fls", folder.join("near")).unwrap();
    std::os::unix::fs::symlink("near", folder.join("link")).unwrap();
    let link = folder.join("link");
    for begin in [None, Some(&b""[..]), Some(&[0; 100])] {
        let _ = fs::remove_file(&file);
        if let Some(begin) = begin {
            fs::write(&file, begin).unwrap();
        }
        append(&link, &[b"one".to_vec()]).finish().unwrap();
        append(&link, &[b"two".to_vec()]).finish().unwrap();
        assert_eq!(read(&file), (vec![b"one".to_vec(), b"two".to_vec()], EndState::Closed));
        Writer::create(&link, new_options()).unwrap().finish().unwrap();
        assert_eq!(read(&file).0.len(), 0);
        assert!(link.symlink_metadata().unwrap().is_symlink());
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
    let circle = folder.join("circle");
    std::os::unix::fs::symlink("circle", &circle).unwrap();
    assert_eq!(Writer::open(&circle, new_options()).unwrap_err().kind(), ErrorKind::Io);
}

/// As root, a recorder would have replaced the device.
#[test]
fn what_is_no_file_is_not_replaced_by_one() {
    use std::os::unix::fs::FileTypeExt;
    let folder = Folder::new("files-devices");
    let pipe = folder.join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for result in [Writer::open(&pipe, new_options()), Writer::create(&pipe, new_options())] {
        let error = result.unwrap_err();
        assert!(error.kind() == ErrorKind::Io && error.to_string().contains("no regular file"), "{error}");
    }
    assert!(pipe.metadata().unwrap().file_type().is_fifo());
    assert!(recover::repair(&pipe).is_err());
}

#[test]
fn what_is_saved_has_its_name_once_it_is_whole() {
    let folder = Folder::new("files-salvage-name");
    let from = folder.join("from.fls");
    append(&from, &[b"one".to_vec()]).finish().unwrap();
    let to = folder.join("to.fls");
    std::os::unix::fs::symlink("nowhere", &to).unwrap();
    let error = recover::salvage(&from, &to).unwrap_err();
    assert_eq!(error.io_error().map(std::io::Error::kind), Some(std::io::ErrorKind::AlreadyExists));
    fs::remove_file(&to).unwrap();
    recover::salvage(&from, &to).unwrap();
    assert_eq!(read(&to).1, EndState::Closed);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}
