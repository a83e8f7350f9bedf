//! `flatstream schema`

mod common;

use std::fs;

use common::{flatstream, read, record, record_log, record_without_schema, write_text};
use flatstream::{WriteOptions, Writer};
use flatstream_testkit::folder::Folder;
use snapbox::str;

fn folder_with_schemas(name: &str) -> Folder {
    let folder = Folder::new(name);
    fs::write(folder.join("telemetry.bfbs"), telemetry_schema::BFBS).unwrap();
    let kinds = concat!(env!("CARGO_MANIFEST_DIR"), "/../flatstream-schema/tests/kinds.bfbs");
    fs::copy(kinds, folder.join("kinds.bfbs")).unwrap();
    folder
}

#[test]
fn a_schema_is_shown_as_text() {
    let folder = folder_with_schemas("cli-schema-show");
    record(&folder, "events.fls");
    flatstream(&folder).args(["schema", "show", "events.fls"]).assert().success().stderr_eq("").stdout_eq(str![[r#"
namespace Telemetry;

table TelemetryEvent {
  timestamp_ns: ulong;
  source_id: string;
  value: double;
}

root_type TelemetryEvent;

"#]]);
    flatstream(&folder).args(["schema", "show", "kinds.bfbs"]).assert().success().stderr_eq("").stdout_eq(str![[r#"
namespace Kinds;

enum Color : ubyte {
  Red = 0,
  Green = 2,
  Blue = 3,
}

enum Rights : ushort {
  Read = 1,
  Write = 2,
}

union Shape {
  Circle: Circle = 1,
  Remark: Note = 2,
  Box: Box = 3,
}

struct Point {
  x: float;
  y: float;
}

struct Box {
  corners: [Point:2];
  label: [ubyte:3];
  color: Color;
}

table Circle {
  center: Point;
  radius: double;
}

table Everything {
  id: ulong (key);
  flag: bool = true;
  small: byte = -3;
  ratio: float = 0.5;
  maybe: int = null;
  color: Color = Green;
  rights: Rights;
  name: string (required);
  bytes: [ubyte];
  colors: [Color];
  points: [Point];
  notes: [Note];
  names: [string];
  box: Box;
  shape: Shape;
  shapes: [Shape];
  parent: Everything;
}

table Note {
  text: string (required);
  old_text: string (deprecated);
}

root_type Everything;
file_identifier "KIND";

"#]]);
    let arguments = ["schema", "show", "--format", "json", "events.fls"];
    flatstream(&folder).args(arguments).assert().success().stdout_eq(str![[r#"
{"bytes":460,"fbs":"namespace Telemetry;/n/ntable TelemetryEvent {/n  timestamp_ns: ulong;/n  source_id: string;/n  value: double;/n}/n/nroot_type TelemetryEvent;/n","file_identifier":null,"path":"events.fls","root_type":"Telemetry.TelemetryEvent"}

"#]]);
    record_without_schema(&folder, "bare.fls");
    flatstream(&folder).args(["schema", "show", "bare.fls"]).assert().code(1).stdout_eq("").stderr_eq(str![[r#"
error: bare.fls has no schema
  next: `flatstream schema attach bare.fls --schema FILE.bfbs --output NEW` gives it one

"#]]);
}

#[test]
fn a_schema_is_extracted_as_it_was_put_in() {
    let folder = folder_with_schemas("cli-schema-extract");
    let path = record(&folder, "events.fls");
    record_log(&folder, "log");
    let arguments = ["schema", "extract", "events.fls", "-o", "x.bfbs"];
    flatstream(&folder).args(arguments).assert().success().stdout_eq(str![[r#"
460 bytes in x.bfbs

"#]]);
    assert!(read(&folder.join("x.bfbs")) == telemetry_schema::BFBS);
    flatstream(&folder).args(arguments).assert().code(1).stdout_eq("").stderr_eq(str![[r#"
error: x.bfbs is there already
  next: choose another name: nothing is written over

"#]]);
    for input in ["log", "-"] {
        let command = flatstream(&folder).args(["schema", "extract", input, "-o", "-"]).stdin(read(&path));
        assert!(command.output().unwrap().stdout == telemetry_schema::BFBS, "{input}");
    }
}

#[test]
fn a_schema_is_attached_without_loss() {
    let folder = folder_with_schemas("cli-schema-attach");
    record_without_schema(&folder, "bare.fls");
    record(&folder, "events.fls");
    flatstream(&folder)
        .args(["schema", "attach", "bare.fls", "--schema", "telemetry.bfbs", "-o", "new.fls"])
        .assert()
        .success()
        .stderr_eq("")
        .stdout_eq(str![[r#"
100 messages with their schema in new.fls, decoded, read back and compared

"#]]);
    let cat = |name: &str| flatstream(&folder).args(["cat", "--format", "ndjson", name]).output().unwrap().stdout;
    assert!(cat("new.fls") == cat("events.fls"));
    let times = |name: &str| {
        let arguments = ["cat", "--format", "ndjson", "--times", "2026-11-27T10:00:03Z..2026-11-27T10:00:05Z", name];
        flatstream(&folder).args(arguments).output().unwrap().stdout
    };
    assert!(times("new.fls") == times("events.fls"));
    flatstream(&folder).args(["verify", "--require-closed", "new.fls"]).assert().success();
}

#[test]
fn another_schema_than_that_of_the_messages_is_not_attached() {
    let folder = folder_with_schemas("cli-schema-refused");
    record(&folder, "events.fls");
    record_without_schema(&folder, "bare.fls");
    write_text(&folder, "paper.bfbs");
    let mut writer = Writer::create_new(folder.join("text.fls"), WriteOptions::new()).unwrap();
    writer.append(b"no FlatBuffer at all").unwrap();
    writer.finish().unwrap();
    let attach = |file: &str, schema: &str, more: &[&str]| {
        let command =
            flatstream(&folder).args(["schema", "attach", file, "--schema", schema, "-o", "new.fls"]).args(more);
        command.assert().stdout_eq("")
    };
    attach("events.fls", "kinds.bfbs", &[]).code(1).stderr_eq(str![[r#"
error: events.fls can't be continued under kinds.bfbs: root type: Telemetry.TelemetryEvent -> Kinds.Everything

"#]]);
    attach("text.fls", "telemetry.bfbs", &[]).code(1).stderr_eq(str![[r#"
error: message 0, at position 152, isn't one of telemetry.bfbs: the root: the table would be at 1176530798..1176530802, and the message has 20 bytes
  next: `--unchecked` attaches the schema all the same

"#]]);
    attach("bare.fls", "telemetry.bfbs", &["--root", "Telemetry.Nothing"]).code(1).stderr_eq(str![[r#"
error: telemetry.bfbs: not a good binary schema: Telemetry.Nothing: the schema has no table of this name

"#]]);
    attach("events.fls", "telemetry.bfbs", &["--root", "Telemetry.Other"]).code(2).stderr_eq(str![[r#"
error: the messages of events.fls are Telemetry.TelemetryEvent, not Telemetry.Other

"#]]);
    attach("bare.fls", "paper.bfbs", &[]).code(1).stderr_eq(str![[r#"
error: paper.bfbs: not a binary schema: expected "BFBS" at position 4

"#]]);
    assert!(!folder.join("new.fls").exists());
}

#[test]
fn whether_a_stream_can_be_continued_is_said() {
    let folder = folder_with_schemas("cli-schema-conform");
    record(&folder, "events.fls");
    let conform = |schema: &str, format: &str| {
        flatstream(&folder).args(["schema", "conform", "--format", format, "events.fls", schema]).assert().stderr_eq("")
    };
    conform("telemetry.bfbs", "text").success().stdout_eq(str![[r#"
events.fls can be continued under telemetry.bfbs

"#]]);
    conform("kinds.bfbs", "text").code(1).stdout_eq(str![[r#"
events.fls can't be continued under kinds.bfbs: root type: Telemetry.TelemetryEvent -> Kinds.Everything

"#]]);
    conform("kinds.bfbs", "json").code(1).stdout_eq(str![[r#"
{"conforms":false,"mismatch":"root type: Telemetry.TelemetryEvent -> Kinds.Everything","path":"events.fls","schema":"kinds.bfbs"}

"#]]);
    write_text(&folder, "paper.bfbs");
    flatstream(&folder).args(["schema", "conform", "events.fls", "paper.bfbs"]).assert().code(1).stderr_eq(str![[r#"
error: events.fls can't be continued under paper.bfbs: the new schema is not a binary schema: expected "BFBS" at position 4

"#]]);
}
