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
