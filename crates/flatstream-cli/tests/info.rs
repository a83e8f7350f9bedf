//! `flatstream info`

mod common;

use std::fs;

use common::{
    Recording, flatstream, read, record, record_damaged, record_log, record_torn, record_without_schema, write_text,
};
use flatstream_testkit::folder::Folder;
use snapbox::str;

#[test]
fn a_closed_stream_says_what_it_is() {
    let folder = Folder::new("cli-info-closed");
    record(&folder, "events.fls");
    flatstream(&folder).args(["info", "events.fls"]).assert().success().stderr_eq("").stdout_eq(str![[r#"
events.fls: stream of Telemetry.TelemetryEvent
  messages     100, numbered from 0 to 99
  time         2026-11-27T10:00:00Z to 2026-11-27T10:00:09.9Z (9.9 s), 10 a second
  size         7,568 bytes, 75.7 a message with its framing
  end          closed at position 7568
  durable      all
  epochs       1
  checksum     CRC-32C
  sync frames  every 1,024 bytes
  clock        UTC
  schema       460 bytes
  writer       flatstream 0.1.0
  stream id    0x000000000000f1a7
  metadata     site = north

"#]]);
}

#[test]
fn a_scan_adds_what_only_reading_everything_tells() {
    let folder = Folder::new("cli-info-scan");
    record_without_schema(&folder, "events.fls");
    flatstream(&folder).args(["info", "--scan", "events.fls"]).assert().success().stderr_eq("").stdout_eq(str![[r#"
events.fls: stream
  messages     100, numbered from 0 to 99
  time         2026-11-27T10:00:00Z to 2026-11-27T10:00:09.9Z (9.9 s), 10 a second
  size         7,064 bytes, 70.6 a message with its framing, 14.64 of them framing
  lengths      56 bytes
  end          closed at position 7064
  durable      all
  epochs       1
  checksum     CRC-32C
  sync frames  every 1,024 bytes
  clock        UTC
  schema       none
  writer       flatstream 0.1.0
  stream id    0x000000000000f1a7
  metadata     site = north

"#]]);
}

#[test]
fn a_torn_stream_says_where_it_ends() {
    let folder = Folder::new("cli-info-torn");
    record_torn(&folder, "events.fls");
    flatstream(&folder).args(["info", "events.fls"]).assert().success().stderr_eq("").stdout_eq(str![[r#"
events.fls: stream of Telemetry.TelemetryEvent
  messages     99, numbered from 0 to 98
  time         2026-11-27T10:00:00Z to 2026-11-27T10:00:09Z (9.0 s), 11 a second
  size         7,484 bytes, 75.6 a message with its framing
  end          torn at position 7440, 44 bytes behind not understood
  durable      up to position 720
  epochs       1
  checksum     CRC-32C
  sync frames  every 1,024 bytes
  clock        UTC
  schema       460 bytes
  writer       flatstream 0.1.0
  stream id    0x000000000000f1a7
  metadata     site = north

"#]]);
}

#[test]
fn damage_is_found_by_a_scan_and_what_to_do_is_said() {
    let folder = Folder::new("cli-info-damaged");
    record_damaged(&folder, "events.fls");
    flatstream(&folder).args(["info", "events.fls"]).assert().success();
    flatstream(&folder)
        .args(["info", "--scan", "events.fls"])
        .assert()
        .code(1)
        .stderr_eq(str![[r#"
error: events.fls: damaged at position 3984: the frame's check is 0x354e12e5, expected 0x29670fe1 (length 56); a sync frame of this stream follows at position 4752
  next: `flatstream cat --recover events.fls` shows the messages behind the damage, `flatstream recover events.fls --output NEW` writes all good ones into a new stream

"#]])
        .stdout_eq(str![[r#"
events.fls: stream of Telemetry.TelemetryEvent
  messages     48, numbered from 0 to 47
  time         2026-11-27T10:00:00Z to 2026-11-27T10:00:09.9Z (9.9 s)
  size         7,568 bytes
  lengths      56 bytes
  end          corrupt at position 3984, nothing behind was delivered
  durable      up to position 720
  epochs       1
  checksum     CRC-32C
  sync frames  every 1,024 bytes
  clock        UTC
  schema       460 bytes
  writer       flatstream 0.1.0
  stream id    0x000000000000f1a7
  metadata     site = north

"#]]);
}

#[test]
fn facts_are_json_for_programs() {
    let folder = Folder::new("cli-info-json");
    record(&folder, "events.fls");
    flatstream(&folder)
        .args(["info", "--format", "json", "--scan", "events.fls"])
        .assert()
        .success()
        .stderr_eq("")
        .stdout_eq(str![[r#"
{"bytes":7568,"checksum":"CRC-32C","clock":"UTC","dropped_messages":0,"durable_position":7504,"end":{"bytes_behind":0,"position":7568,"state":"closed"},"epochs":1,"error":null,"first_sequence":0,"first_time":"1795773600000000000","kind":"stream","last_time":"1795773609900000000","log_id":null,"longest_message":56,"max_message_len":16777216,"message_identifier":null,"message_type":"Telemetry.TelemetryEvent","messages":100,"metadata":{"site":"north"},"path":"events.fls","payload_bytes":5600,"rates":[],"schema_bytes":460,"segments":null,"shortest_message":56,"stream_id":"000000000000f1a7","sync_interval":1024,"writer":"flatstream 0.1.0"}

"#]]);
}

#[test]
fn a_log_is_one_thing() {
    let folder = Folder::new("cli-info-log");
    record_log(&folder, "log");
    flatstream(&folder).args(["info", "log"]).assert().success().stderr_eq("").stdout_eq(str![[r#"
log: log of Telemetry.TelemetryEvent
  messages     100, numbered from 0 to 99
  time         2026-11-27T10:00:00Z to 2026-11-27T10:00:09.9Z (9.9 s), 10 a second
  rate         |▇█| each bar 5.0 s
  size         10,816 bytes, 108.2 a message with its framing
  segments     4
  log          0x[..]
  end          closed at position 1472 of the newest segment
  durable      all
  checksum     CRC-32C
  sync frames  every 1,024 bytes
  clock        UTC
  schema       460 bytes
  writer       flatstream 0.1.0

"#]]);
}

#[test]
fn a_stream_from_a_pipe_is_read_to_its_end() {
    let folder = Folder::new("cli-info-pipe");
    let path = record(&folder, "events.fls");
    flatstream(&folder).args(["info", "-"]).stdin(read(&path)).assert().success().stdout_eq(str![[r#"
standard input: stream of Telemetry.TelemetryEvent
  messages     100, numbered from 0 to 99
  time         2026-11-27T10:00:00Z to 2026-11-27T10:00:09.9Z (9.9 s), 10 a second
  size         7,568 bytes, 75.7 a message with its framing, 19.68 of them framing
  lengths      56 bytes
  end          closed at position 7568
  durable      all
  epochs       1
  checksum     CRC-32C
  sync frames  every 1,024 bytes
  clock        UTC
  schema       460 bytes
  writer       flatstream 0.1.0
  stream id    0x000000000000f1a7
  metadata     site = north

"#]]);
}

#[test]
fn what_is_no_stream_is_said_to_be_none() {
    let folder = Folder::new("cli-info-foreign");
    write_text(&folder, "paper.pdf");
    flatstream(&folder).args(["info", "paper.pdf"]).assert().code(1).stdout_eq("").stderr_eq(str![[r#"
error: paper.pdf: not a flatstream: expected "FLS1" at position 8, found "%PDF-1.7, an"
  next: `flatstream recover paper.pdf --output NEW` looks for messages all the same

"#]]);
    fs::write(folder.join("empty.fls"), "").unwrap();
    flatstream(&folder).args(["info", "empty.fls"]).assert().code(1).stdout_eq("").stderr_eq(str![[r#"
error: empty.fls: not a flatstream: expected "FLS1" at position 8, found no bytes at all

"#]]);
    flatstream(&folder).args(["info", "none.fls"]).assert().code(1).stdout_eq("").stderr_eq(str![[r#"
error: none.fls can't be opened: No such file or directory (os error 2)

"#]]);
    fs::create_dir(folder.join("folder")).unwrap();
    flatstream(&folder).args(["info", "folder"]).assert().code(1).stdout_eq("").stderr_eq(str![[r#"
error: folder holds no segment of a log

"#]]);
}

/// A header may come from anyone.
#[test]
fn what_a_terminal_would_obey_is_not_printed() {
    let folder = Folder::new("cli-info-hostile");
    let mut recording = Recording::new();
    recording.options =
        recording.options.metadata("note\u{1b}[2J", "fine\u{9b}31m\n  end          closed").message_type("A\u{1b}c");
    recording.create(&folder.join("hostile.fls")).finish().unwrap();
    let printed = flatstream(&folder).args(["info", "hostile.fls"]).output().unwrap();
    let text = String::from_utf8(printed.stdout).unwrap();
    assert!(text.chars().all(|char| char == '\n' || !char.is_control()), "{text:?}");
    assert!(text.contains(r"note\u{1b}[2J") && text.contains(r"fine\u{9b}31m\u{a}  end"), "{text}");
    let asked = flatstream(&folder).args(["cat", "--where", "x=1", "none\u{1b}[2J.fls"]).output().unwrap();
    assert!(asked.stderr.iter().all(|byte| *byte == b'\n' || *byte >= b' '), "{:?}", asked.stderr);
}
