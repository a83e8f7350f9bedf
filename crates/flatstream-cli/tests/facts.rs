//! Facts as JSON: one object, with the same names whatever the file is like, and the exit code that the text has.

mod common;

use std::fs;

use common::{flatstream, record, record_damaged};
use flatstream_testkit::folder::Folder;
use serde_json::Value;
use snapbox::{assert_data_eq, str};

/// FILE is a stream, and NEW what is made. The last words ask for JSON.
const COMMANDS: &[&[&str]] = &[
    &["info", "FILE", "--format", "json"],
    &["verify", "FILE", "--format", "json"],
    &["inspect", "FILE@4000", "--format", "json"],
    &["recover", "FILE", "-o", "NEW", "--format", "json"],
    &["recover", "good.fls", "--in-place", "--format", "json"],
    &["cut", "FILE", "--last", "3", "-o", "NEW", "--format", "json"],
    &["merge", "good.fls", "-o", "NEW", "--format", "json"],
    &["split", "good.fls", "--every-messages", "50", "-o", "NEW", "--format", "json"],
    &["schema", "show", "FILE", "--format", "json"],
    &["schema", "extract", "FILE", "-o", "NEW", "--format", "json"],
    &["schema", "attach", "good.fls", "--schema", "telemetry.bfbs", "-o", "NEW", "--format", "json"],
    &["schema", "conform", "FILE", "telemetry.bfbs", "--format", "json"],
    &["record", "lines.json", "--format", "ndjson", "--schema", "telemetry.bfbs", "-o", "NEW", "--summary", "json"],
];

fn table(folder: &Folder, file: &str) -> String {
    let mut table = String::new();
    for command in COMMANDS {
        let run = |words: &[&str]| {
            let words = words.iter().map(|word| word.replace("FILE", file).replace("NEW", "new"));
            let output = flatstream(folder).args(words).output().unwrap();
            let new = folder.join("new");
            if new.is_dir() {
                fs::remove_dir_all(new).unwrap();
            } else {
                drop(fs::remove_file(new));
            }
            output
        };
        let as_text = run(&command[..command.len() - 2]);
        let output = run(command);
        let code = output.status.code().unwrap();
        assert_eq!(as_text.status.code(), Some(code), "{command:?}");
        let printed = String::from_utf8(output.stdout).unwrap();
        assert_eq!(printed.lines().count(), 1, "{command:?}: {printed}");
        let Value::Object(object) = serde_json::from_str(&printed).unwrap() else { panic!("{printed}") };
        let names: Vec<_> = object.keys().map(String::as_str).collect();
        let words =
            command.iter().take_while(|word| !matches!(**word, "FILE" | "FILE@4000" | "good.fls" | "lines.json"));
        table += &format!("{code} {}: {}\n", words.copied().collect::<Vec<_>>().join(" "), names.join(" "));
    }
    table
}

#[test]
fn facts_are_one_object_with_the_same_names() {
    let folder = Folder::new("cli-facts");
    record(&folder, "good.fls");
    record_damaged(&folder, "damaged.fls");
    fs::write(folder.join("telemetry.bfbs"), telemetry_schema::BFBS).unwrap();
    fs::write(folder.join("lines.json"), "{\"value\":1}\n").unwrap();
    let good = table(&folder, "good.fls");
    assert_data_eq!(
        &good,
        str![[r#"
0 info: bytes checksum clock dropped_messages durable_position end epochs error first_sequence first_time kind last_time log_id longest_message max_message_len message_identifier message_type messages metadata path payload_bytes rates schema_bytes segments shortest_message stream_id sync_interval writer
0 verify: end error error_position findings lost_bytes lost_messages messages more_may_be_lost path whole
0 inspect: damaged notes path position rows what
0 recover: complete findings header_recovered lost_bytes lost_messages messages more_may_be_lost output path
0 recover: cut_bytes cut_messages kept_at messages path
0 cut: bytes first_sequence last_sequence messages output path
0 merge: bytes inputs messages output
0 split: messages parts path
0 schema show: bytes fbs file_identifier path root_type
0 schema extract: bytes output path
0 schema attach: bytes decoded messages output path root_type
0 schema conform: conforms mismatch path schema
0 record: bytes error messages messages_in_all output refused_messages

"#]]
    );
    // What is damaged has no other names, only other exit codes.
    let names = |table: &str| table.lines().map(|line| line[2..].to_owned()).collect::<Vec<_>>();
    assert_eq!(names(&table(&folder, "damaged.fls")), names(&good));
    // The bytes of a schema, or facts about them: not both.
    let arguments = ["schema", "extract", "good.fls", "-o", "-", "--format", "json"];
    flatstream(&folder).args(arguments).assert().code(2).stdout_eq("");
}

#[test]
fn how_a_replay_went_is_said_where_messages_do_not_go() {
    let folder = Folder::new("cli-facts-replay");
    record(&folder, "events.fls");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("tcp:{}", listener.local_addr().unwrap());
    let received = std::thread::spawn(move || std::io::copy(&mut listener.accept().unwrap().0, &mut std::io::sink()));
    let replay = ["replay", "events.fls", "--rate", "1000000", "--summary", "json"];
    let sent = flatstream(&folder).args(replay).args(["--to", &address]).output().unwrap();
    assert_eq!(received.join().unwrap().unwrap(), 6000);
    let value: Value = serde_json::from_slice(&sent.stdout).unwrap();
    assert_eq!((&value["messages"], &value["to"]), (&Value::from(100), &Value::from(address)));
    let printed = flatstream(&folder).args(replay).output().unwrap();
    let value: Value = serde_json::from_slice(&printed.stderr).unwrap();
    assert_eq!((&value["messages"], &value["to"]), (&Value::from(100), &Value::Null));
}
