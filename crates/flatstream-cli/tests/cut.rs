//! `flatstream cut`

mod common;

use std::fs::File;
use std::path::Path;

use common::{Recording, START, flatstream, flip, read, record, record_damaged, record_log, record_torn, write_text};
use flatstream::{Dropped, Header, Reader};
use flatstream_testkit::folder::Folder;
use snapbox::str;

fn messages(path: &Path) -> Vec<Vec<u8>> {
    Reader::new(File::open(path).unwrap()).unwrap().map(|message| message.unwrap().to_vec()).collect()
}

fn header(path: &Path) -> Header {
    Reader::new(File::open(path).unwrap()).unwrap().header().clone()
}

/// Before which message, counted from `first`, a sync frame stands, and its time.
fn times(path: &Path, first: u64) -> Vec<(u64, i64)> {
    let mut reader = Reader::new(File::open(path).unwrap()).unwrap();
    let mut times: Vec<(u64, i64)> = Vec::new();
    while let Some(message) = reader.next() {
        let number = first + message.unwrap().sequence().unwrap();
        let time = reader.last_sync().unwrap().time;
        if times.last().is_none_or(|(_, last)| *last != time) {
            times.push((number, time));
        }
    }
    times
}

#[test]
fn a_window_is_a_stream_that_says_where_it_came_from() {
    let folder = Folder::new("cli-cut");
    let path = record(&folder, "events.fls");
    flatstream(&folder)
        .args(["cut", "events.fls", "--sequences", "40..60", "-o", "cut.fls"])
        .assert()
        .success()
        .stderr_eq("")
        .stdout_eq(str![[r#"
20 messages, from number 40 to 59, cut into cut.fls, read back and compared

"#]]);
    let cut = folder.join("cut.fls");
    assert!(messages(&cut) == messages(&path)[40..60]);
    let (old, new) = (header(&path), header(&cut));
    let said = |header: &Header| {
        let texts =
            [header.message_type(), header.message_identifier(), header.writer()].map(|text| text.map(str::to_owned));
        (texts, header.schema().map(<[u8]>::to_vec), header.checksum(), header.clock(), header.sync_interval())
    };
    assert_eq!(said(&new), said(&old));
    assert_eq!(new.max_message_len(), old.max_message_len());
    let metadata: Vec<_> = new.metadata().collect();
    assert_eq!(
        metadata,
        [
            ("site", Some("north")),
            ("flatstream.cut.from", Some("000000000000f1a7")),
            ("flatstream.cut.first_sequence", Some("40")),
            ("flatstream.cut.window", Some("--sequences 40..60")),
        ]
    );
    flatstream(&folder).args(["verify", "--require-closed", "cut.fls"]).assert().success();
    // No sign of the name under which it was written.
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn sync_frames_stand_where_they_stood_so_that_times_are_found_as_before() {
    let folder = Folder::new("cli-cut-times");
    let path = record(&folder, "events.fls");
    flatstream(&folder).args(["cut", "events.fls", "--sequences", "20..90", "-o", "cut.fls"]).assert().success();
    let (old, new) = (times(&path, 0), times(&folder.join("cut.fls"), 20));
    // But for the first, which stands before the first message.
    assert_eq!(new[0], (20, old.iter().rev().find(|(number, _)| *number <= 20).unwrap().1));
    let within: Vec<_> = old.iter().filter(|(number, _)| (21..90).contains(number)).copied().collect();
    assert_eq!(new[1..], within);
    assert!(within.len() > 3);
    // The last sync frame has the time of the one behind the window, not of one before the last messages.
    let mut reader = Reader::new(File::open(folder.join("cut.fls")).unwrap()).unwrap();
    reader.seek_to_end().unwrap();
    let behind = old.iter().find(|(number, _)| *number >= 90).map_or(START + 9_900_000_000, |(_, time)| *time);
    assert_eq!(reader.last_sync().unwrap().time, behind);
}

#[test]
fn every_kind_of_window_is_cut_as_cat_prints_it() {
    let folder = Folder::new("cli-cut-windows");
    let path = record(&folder, "events.fls");
    record_log(&folder, "log");
    let windows: [&[&str]; 7] = [
        &[],
        &["--sequences", "..7"],
        &["--times", "2026-11-27T10:00:03Z..2026-11-27T10:00:05Z"],
        &["--key", "value=25..30"],
        &["--last", "12"],
        &["--where", "source_id=pump-2", "--where", "value<25"],
        &["--sequences", "200.."],
    ];
    for (nth, window) in windows.iter().enumerate() {
        for name in ["events.fls", "log", "-"] {
            let new = format!("{nth}-{name}.fls");
            let input = || if name == "-" { read(&path) } else { Vec::new() };
            let cut = flatstream(&folder).arg("cut").args(*window).args([name, "-o", &new]).stdin(input());
            cut.assert().success().stderr_eq("");
            let cat = |name: &str, window: &[&str]| {
                let command = flatstream(&folder).args(["cat", "--format", "ndjson"]).args(window).arg(name);
                command.stdin(input()).output().unwrap().stdout
            };
            assert!(cat(&new, &[]) == cat(name, window), "{name} {window:?}");
        }
    }
}

#[test]
fn a_log_is_cut_across_its_segments_and_times_may_be_those_of_reopenings() {
    let folder = Folder::new("cli-cut-log");
    record_log(&folder, "log");
    flatstream(&folder).args(["cut", "log", "-o", "all.fls"]).assert().success().stdout_eq(str![[r#"
100 messages, from number 0 to 99, cut into all.fls, read back and compared

"#]]);
    let metadata =
        |name: &str| -> Vec<String> { header(&folder.join(name)).metadata().map(|(key, _)| key.to_owned()).collect() };
    assert_eq!(metadata("all.fls"), ["flatstream.cut.from", "flatstream.cut.first_sequence", "flatstream.cut.window"]);
}

#[test]
fn facts_are_json_if_asked_for() {
    let folder = Folder::new("cli-cut-json");
    record(&folder, "events.fls");
    let arguments = ["cut", "events.fls", "--key", "value=30..", "-o", "cut.fls", "--format", "json"];
    flatstream(&folder).args(arguments).assert().success().stdout_eq(str![[r#"
{"bytes":2320,"first_sequence":80,"last_sequence":99,"messages":20,"output":"cut.fls","path":"events.fls"}

"#]]);
    let arguments = ["cut", "events.fls", "--where", "value<0", "-o", "none.fls"];
    flatstream(&folder).args(arguments).assert().success().stdout_eq(str![[r#"
0 messages, cut into none.fls, read back and compared

"#]]);
    flatstream(&folder).args(["verify", "none.fls"]).assert().success().stdout_eq(str![[r#"
none.fls: whole: 0 messages, closed at position 848

"#]]);
}

#[test]
fn nothing_is_written_over_and_nothing_half_is_left() {
    let folder = Folder::new("cli-cut-refused");
    let path = record(&folder, "events.fls");
    let before = read(&path);
    flatstream(&folder).args(["cut", "events.fls", "-o", "events.fls"]).assert().code(1).stdout_eq("").stderr_eq(str![
        [r#"
error: events.fls is there already
  next: choose another name: nothing is written over

"#]
    ]);
    assert!(read(&path) == before);
    record_damaged(&folder, "damaged.fls");
    flatstream(&folder).args(["cut", "damaged.fls", "-o", "cut.fls"]).assert().code(1).stdout_eq("").stderr_eq(str![[r#"
error: damaged.fls: damaged at position 3984: the frame's check is 0x354e12e5, expected 0x29670fe1 (length 56); a sync frame of this stream follows at position 4752
  next: `flatstream cat --recover damaged.fls` shows the messages behind the damage, `flatstream recover damaged.fls --output NEW` writes all good ones into a new stream

"#]]);
    flatstream(&folder).args(["cut", "events.fls", "-o", "-"]).assert().code(2).stdout_eq("").stderr_eq(str![[r#"
error: a new stream is read back before it counts, so it has to be a file

"#]]);
    write_text(&folder, "paper.pdf");
    flatstream(&folder).args(["cut", "paper.pdf", "-o", "cut.fls"]).assert().code(1).stdout_eq("").stderr_eq(str![[
        r#"
error: paper.pdf: not a flatstream: expected "FLS1" at position 8, found "%PDF-1.7, an"
  next: `flatstream recover paper.pdf --output NEW` looks for messages all the same

"#
    ]]);
    flatstream(&folder).args(["cut", "events.fls", "-o", "no/cut.fls"]).assert().code(1).stdout_eq("").stderr_eq(str![
        [r#"
error: no/cut.fls can't be created: No such file or directory (os error 2)

"#]
    ]);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
}

#[test]
fn what_lies_before_damage_or_a_torn_end_can_be_cut_out() {
    let folder = Folder::new("cli-cut-damaged");
    let path = record(&folder, "damaged.fls");
    flip(&path, 4000);
    flatstream(&folder).args(["cut", "damaged.fls", "--sequences", "..10", "-o", "cut.fls"]).assert().success();
    assert_eq!(messages(&folder.join("cut.fls")).len(), 10);
    record_torn(&folder, "torn.fls");
    flatstream(&folder).args(["cut", "torn.fls", "--last", "5", "-o", "end.fls"]).assert().success().stdout_eq(str![[
        r#"
5 messages, from number 94 to 98, cut into end.fls, read back and compared

"#
    ]]);
}

#[test]
fn what_the_writer_dropped_is_said_where_it_was_said() {
    let folder = Folder::new("cli-cut-dropped");
    let recording = Recording::new().with_schema();
    let path = folder.join("events.fls");
    let mut writer = recording.create(&path);
    for number in 0..50 {
        recording.append(&mut writer, number..number + 1);
        if number % 10 == 4 {
            writer.note_dropped(Dropped { messages: number, bytes: 56 * number }).unwrap();
        }
    }
    writer.finish().unwrap();
    flatstream(&folder).args(["cut", "events.fls", "--sequences", "10..30", "-o", "cut.fls"]).assert().success();
    let mut reader = Reader::new(File::open(folder.join("cut.fls")).unwrap()).unwrap();
    let mut dropped = Vec::new();
    while let Some(message) = reader.next() {
        let number = message.unwrap().sequence().unwrap() + 10;
        if dropped.last().is_none_or(|(_, last)| *last != reader.dropped()) {
            dropped.push((number, reader.dropped()));
        }
    }
    let said = |messages: u64| Dropped { messages, bytes: 56 * messages };
    assert_eq!(dropped, [(10, said(0)), (15, said(14)), (25, said(14 + 24))]);
}
