//! `flatstream cat --follow`

mod common;

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use common::{Recording, flatstream, record, record_log};
use flatstream::log::{LogOptions, LogWriter};
use flatstream::{FlushPolicy, WriteOptions};
use flatstream_testkit::folder::Folder;
use snapbox::str;

struct Following {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Following {
    fn start(folder: &Folder, arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_flatstream"))
            .args(["cat", "--follow", "--format", "ndjson"])
            .args(arguments)
            .current_dir(folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    fn number(&mut self) -> u64 {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        let time = serde_json::from_str::<serde_json::Value>(&line).unwrap()["timestamp_ns"].as_u64().unwrap();
        (time - common::START as u64) / 100_000_000
    }

    fn end(mut self) -> bool {
        let mut line = String::new();
        assert_eq!(self.lines.read_line(&mut line).unwrap(), 0, "{line}");
        self.child.wait().unwrap().success()
    }
}

fn live() -> Recording {
    let mut recording = Recording::new().with_schema();
    recording.options = recording.options.flush_policy(FlushPolicy::EveryMessage);
    recording
}

#[test]
fn messages_are_printed_as_they_come_until_the_stream_is_closed() {
    let folder = Folder::new("cli-follow");
    let recording = live();
    let mut writer = recording.create(&folder.join("events.fls"));
    let mut following = Following::start(&folder, &["events.fls"]);
    for number in 0..50 {
        recording.append(&mut writer, number..number + 1);
        assert_eq!(following.number(), number);
    }
    writer.finish().unwrap();
    assert!(following.end());
}

#[test]
fn a_cursor_file_goes_on_where_the_program_was_killed() {
    let folder = Folder::new("cli-follow-cursor");
    let recording = live();
    let mut writer = recording.create(&folder.join("events.fls"));
    recording.append(&mut writer, 0..10);
    let arguments = ["--cursor-file", "place", "events.fls"];
    let mut following = Following::start(&folder, &arguments);
    for number in 0..10 {
        assert_eq!(following.number(), number);
    }
    // It is written once all has been printed that was there.
    while !folder.join("place").exists() {
        std::thread::yield_now();
    }
    following.child.kill().unwrap();
    following.child.wait().unwrap();
    recording.append(&mut writer, 10..20);
    writer.finish().unwrap();
    let mut following = Following::start(&folder, &arguments);
    for number in 10..20 {
        assert_eq!(following.number(), number);
    }
    assert!(following.end());
    assert!(Following::start(&folder, &arguments).end());
    assert!(fs::read_to_string(folder.join("place")).unwrap().starts_with("c1-"));
}

#[test]
fn a_log_is_followed_from_segment_to_segment() {
    let folder = Folder::new("cli-follow-log");
    let write = WriteOptions::new()
        .message_type("Telemetry.TelemetryEvent")
        .schema(telemetry_schema::BFBS)
        .flush_policy(FlushPolicy::EveryMessage);
    let mut log =
        LogWriter::open(folder.join("log"), LogOptions::new().segment_bytes(2000).write_options(write)).unwrap();
    let mut following = Following::start(&folder, &["--cursor-file", "place", "log"]);
    for number in 0..100 {
        log.append(&common::event(number)).unwrap();
        assert_eq!(following.number(), number);
    }
    assert!(log.segments().unwrap().len() > 3);
    log.finish().unwrap();
    assert!(following.end());
    assert!(fs::read_to_string(folder.join("place")).unwrap().starts_with("l1-"));
}

#[test]
fn windows_say_where_to_begin_and_end() {
    let folder = Folder::new("cli-follow-windows");
    record(&folder, "events.fls");
    record_log(&folder, "log");
    for name in ["events.fls", "log"] {
        for (arguments, expected) in [
            (vec!["--last", "3"], 97..100),
            (vec!["--sequences", "40..45"], 40..45),
            (vec!["--key", "value=25..25.5"], 40..44),
            (vec!["--key", "value=32.."], 96..100),
        ] {
            let mut following = Following::start(&folder, &[&arguments[..], &[name]].concat());
            for number in expected {
                assert_eq!(following.number(), number, "{arguments:?}");
            }
            assert!(following.end());
        }
    }
}

#[test]
fn what_cannot_be_followed_is_said() {
    let folder = Folder::new("cli-follow-usage");
    record(&folder, "events.fls");
    flatstream(&folder).args(["cat", "-f", "-"]).stdin("").assert().code(2).stderr_eq(str![[r#"
error: what comes through a pipe is followed anyway: leave --follow out

"#]]);
    flatstream(&folder).args(["cat", "-f", "events.fls", "events.fls"]).assert().code(2).stderr_eq(str![[r#"
error: --follow takes one FILE

"#]]);
    fs::write(folder.join("place"), "c1-of-something-else").unwrap();
    let arguments = ["cat", "-f", "--cursor-file", "place", "events.fls"];
    flatstream(&folder).args(arguments).assert().code(1).stderr_eq(str![[r#"
error: events.fls: "c1-of-something-else" is no cursor, or not all of one: copy it as a whole

"#]]);
}
