//! `flatstream record`

mod common;

use std::fs;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use common::{event, flatstream, record, record_torn};
use flatstream::Reader;
use flatstream_testkit::folder::Folder;
use snapbox::str;

fn raw(numbers: std::ops::Range<u64>) -> Vec<u8> {
    numbers.flat_map(|number| [&(event(number).len() as u32).to_le_bytes()[..], &event(number)].concat()).collect()
}

fn messages(path: &Path) -> Vec<Vec<u8>> {
    Reader::new(File::open(path).unwrap()).unwrap().map(|message| message.unwrap().to_vec()).collect()
}

fn events(numbers: std::ops::Range<u64>) -> Vec<Vec<u8>> {
    numbers.map(event).collect()
}

fn folder_with_schema(name: &str) -> Folder {
    let folder = Folder::new(name);
    fs::write(folder.join("telemetry.bfbs"), telemetry_schema::BFBS).unwrap();
    folder
}

#[test]
fn what_cat_prints_is_recorded_again() {
    let folder = folder_with_schema("cli-record");
    record(&folder, "events.fls");
    let printed = flatstream(&folder).args(["cat", "--format", "raw", "events.fls"]).output().unwrap().stdout;
    for sync in ["every", "0.5", "none"] {
        let name = format!("{sync}.fls");
        flatstream(&folder)
            .args(["record", "-o", &name, "--schema", "telemetry.bfbs", "--sync", sync])
            .stdin(printed.clone())
            .assert()
            .success()
            .stdout_eq("")
            .stderr_eq(format!("{name}: 100 messages recorded, 5,600 bytes; closed\n"));
        assert!(messages(&folder.join(&name)) == events(0..100));
        flatstream(&folder).args(["verify", "--require-closed", &name]).assert().success();
    }
    let output = flatstream(&folder).args(["cat", "--last", "1", "--format", "ndjson", "every.fls"]).output().unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().contains("\"source_id\":\"pump-1\""));
}

#[test]
fn a_stream_that_is_there_is_continued() {
    let folder = Folder::new("cli-record-append");
    record_torn(&folder, "torn.fls");
    let command = flatstream(&folder).args(["record", "-o", "torn.fls"]).stdin(raw(99..105));
    command.assert().success().stderr_eq(str![[r#"
torn.fls: 99 messages kept, the last session didn't close the stream, 44 bytes cut behind position 7440 with 0 whole messages among them, kept in torn.fls.epoch-1-tail-at-7440; epoch 1 begins
torn.fls: 6 messages recorded, 336 bytes, 105 messages in all; closed

"#]]);
    assert!(messages(&folder.join("torn.fls")) == events(0..105));
}

#[test]
fn a_message_of_another_schema_is_refused_with_its_number() {
    let folder = folder_with_schema("cli-record-refused");
    let mut input = raw(0..2);
    input.extend(20_u32.to_le_bytes());
    input.extend(b"no FlatBuffer at all");
    input.extend(raw(2..3));
    let arguments = ["record", "-o", "events.fls", "--schema", "telemetry.bfbs"];
    flatstream(&folder).args(arguments).stdin(input.clone()).assert().code(3).stderr_eq(str![[r#"
message 2, at byte 120 of the input, is refused: it isn't one of the schema: the root: the table would be at 1176530798..1176530802, and the message has 20 bytes
events.fls: 3 messages recorded, 168 bytes; closed
events.fls: 1 message refused

"#]]);
    assert!(messages(&folder.join("events.fls")) == events(0..3));
    // The schema in the header of a stream that is continued is asked too.
    flatstream(&folder).args(["record", "-o", "events.fls"]).stdin(input.clone()).assert().code(3);
    assert_eq!(messages(&folder.join("events.fls")).len(), 6);
    let command = flatstream(&folder).args(["record", "-o", "events.fls", "--unchecked"]).stdin(input);
    command.assert().success();
    assert_eq!(messages(&folder.join("events.fls")).len(), 10);
}

#[test]
fn an_input_that_breaks_off_is_said_and_the_stream_is_closed() {
    let folder = Folder::new("cli-record-broken");
    let whole = raw(0..3);
    for (name, cut) in [("body.fls", 20), ("length.fls", 58)] {
        let command = flatstream(&folder).args(["record", "-o", name]).stdin(&whole[..whole.len() - cut]);
        let said = command.assert().code(1);
        if name == "body.fls" {
            said.stderr_eq(str![[r#"
body.fls: 2 messages recorded, 112 bytes; closed
error: message 2, at byte 120 of the input: the input ends within it: expected 56 bytes, found 36

"#]]);
        } else {
            said.stderr_eq(str![[r#"
length.fls: 2 messages recorded, 112 bytes; closed
error: message 2, at byte 120 of the input: the input ends within it: expected 4 bytes, found 2

"#]]);
        }
        assert!(messages(&folder.join(name)) == events(0..2));
        flatstream(&folder).args(["verify", "--require-closed", name]).assert().success();
    }
    flatstream(&folder).args(["record", "-o", "text.fls"]).stdin("{\"value\":1}\n").assert().code(1).stderr_eq(str![[r#"
text.fls: 0 messages recorded, 0 bytes; closed
error: message 0, at byte 0 of the input: its length is 1635132027, expected 1 to 16777216: is each message behind its length in 4 bytes?

"#]]);
    flatstream(&folder).args(["record", "-o", "empty.fls"]).stdin("").assert().success().stderr_eq(str![[r#"
empty.fls: 0 messages recorded, 0 bytes; closed

"#]]);
}

#[test]
fn wrong_options_leave_no_stream() {
    let folder = folder_with_schema("cli-record-usage");
    let refused = |arguments: &[&str]| {
        flatstream(&folder).args(["record", "-o", "new.fls"]).args(arguments).stdin("").assert().code(2).stdout_eq("")
    };
    refused(&["--schema", "telemetry.bfbs", "--root", "Telemetry.Nothing"]).stderr_eq(str![[r#"
error: telemetry.bfbs: it has no table Telemetry.Nothing

"#]]);
    refused(&["--sync", "often"]).stderr_eq(str![[r#"
error: invalid value 'often' for '--sync <WHEN>': expected every, none, or a number of seconds

For more information, try '--help'.

"#]]);
    assert!(!folder.join("new.fls").exists());
}

#[test]
fn a_signal_closes_the_stream() {
    let folder = Folder::new("cli-record-signal");
    let path = folder.join("events.fls");
    let mut child = Command::new(env!("CARGO_BIN_EXE_flatstream"))
        .args(["record", "-o", "events.fls"])
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(&raw(0..10)).unwrap();
    input.flush().unwrap();
    // What has come is in the file, though the input stays open.
    while !path.exists() || messages(&path).len() < 10 {
        std::thread::yield_now();
    }
    let killed = Command::new("kill").arg(child.id().to_string()).status().unwrap();
    assert!(killed.success());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    drop(input);
    flatstream(&folder).args(["verify", "--require-closed", "events.fls"]).assert().success();
    assert!(messages(&path) == events(0..10));
}

#[test]
fn lines_of_json_are_recorded_as_the_messages_that_they_say() {
    let folder = folder_with_schema("cli-record-ndjson");
    record(&folder, "events.fls");
    let lines = |name: &str| flatstream(&folder).args(["cat", "--format", "ndjson", name]).output().unwrap().stdout;
    let printed = lines("events.fls");
    let new = |name: &str| {
        flatstream(&folder).args(["record", "--format", "ndjson", "--schema", "telemetry.bfbs", "-o", name])
    };
    let command = new("again.fls").stdin(printed.clone());
    command.assert().success().stdout_eq("").stderr_eq("again.fls: 100 messages recorded, 5,533 bytes; closed\n");
    assert!(lines("again.fls") == printed);
    flatstream(&folder).args(["verify", "--require-closed", "again.fls"]).assert().success();
    // From a file, with empty lines and no end of the last one; fields in any order.
    fs::write(folder.join("lines.json"), "\n{\"value\":1.5,\"source_id\":\"a\"}\r\n \n{\"timestamp_ns\":\"7\"}")
        .unwrap();
    let said = new("file.fls").args(["lines.json", "--summary", "json"]).assert().success().stderr_eq("");
    said.stdout_eq(str![[r#"
{"bytes":74,"error":null,"messages":2,"messages_in_all":2,"output":"file.fls","refused_messages":0}

"#]]);
    assert_eq!(
        String::from_utf8(lines("file.fls")).unwrap(),
        concat!("{\"source_id\":\"a\",\"value\":1.5}\n", "{\"timestamp_ns\":7}\n")
    );
    // By the schema in the header of the stream that is continued.
    let command = flatstream(&folder).args(["record", "--format", "ndjson", "-o", "file.fls"]).stdin("{\"value\":2}\n");
    command.assert().success();
    assert_eq!(messages(&folder.join("file.fls")).len(), 3);
}

#[test]
fn a_bad_line_is_said_with_its_number_and_what_came_before_is_kept() {
    let folder = folder_with_schema("cli-record-bad-line");
    let good = "{\"value\":1}\n\n";
    let check = |name: &str, input: Vec<u8>| {
        let arguments = ["record", "--format", "ndjson", "--schema", "telemetry.bfbs", "-o", name];
        let said = flatstream(&folder).args(arguments).stdin(input).assert().code(1).stdout_eq("");
        flatstream(&folder).args(["verify", "--require-closed", name]).assert().success();
        assert_eq!(messages(&folder.join(name)).len(), 1);
        said
    };
    check("value.fls", format!("{good}{{\"value\":\"high\"}}\n{good}").into()).stderr_eq(str![[r#"
value.fls: 1 message recorded, 32 bytes; closed
error: line 3: value: expected a number, found "high", at column 16

"#]]);
    check("field.fls", format!("{good}{{\"values\":1}}\n{good}").into()).stderr_eq(str![[r#"
field.fls: 1 message recorded, 32 bytes; closed
error: line 3: Telemetry.TelemetryEvent has no field "values", only: timestamp_ns, source_id, value, at column 9

"#]]);
    check("json.fls", format!("{good}{{\"value\":1").into()).stderr_eq(str![[r#"
json.fls: 1 message recorded, 32 bytes; closed
error: line 3: EOF while parsing an object, at column 10

"#]]);
    check("raw.fls", [good.as_bytes(), &raw(0..1)].concat()).stderr_eq(str![[r#"
raw.fls: 1 message recorded, 32 bytes; closed
error: line 3: invalid type: integer `8`, expected an object of the fields of Telemetry.TelemetryEvent, at column 1

"#]]);
}

#[test]
fn lines_of_json_need_a_schema() {
    let folder = Folder::new("cli-record-no-schema");
    let command = flatstream(&folder).args(["record", "--format", "ndjson", "-o", "new.fls"]).stdin("{}\n");
    command.assert().code(2).stdout_eq("").stderr_eq(str![[r#"
error: new.fls has no schema to make messages of JSON by: --schema FILE.bfbs gives a new stream one

"#]]);
    assert!(!folder.join("new.fls").exists());
    let path = common::record_without_schema(&folder, "events.fls");
    let before = fs::read(&path).unwrap();
    let command = flatstream(&folder).args(["record", "--format", "ndjson", "-o", "events.fls"]).stdin("{}\n");
    command.assert().code(2).stdout_eq("").stderr_eq(str![[r#"
error: events.fls has no schema to make messages of JSON by: --schema FILE.bfbs gives a new stream one

"#]]);
    assert!(fs::read(&path).unwrap() == before, "a stream that can't be continued isn't opened");
    let command = flatstream(&folder).args(["record", "-o", "new.fls", "."]);
    command.assert().code(2).stderr_eq(str![[r#"
error: . is a folder: messages come from a file or a pipe

"#]]);
    flatstream(&folder).args(["record", "-o", "new.fls", "none"]).assert().code(1).stderr_eq(str![[r#"
error: none can't be opened: No such file or directory (os error 2)

"#]]);
    assert!(!folder.join("new.fls").exists());
}
