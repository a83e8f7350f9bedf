//! `flatstream merge`

mod common;

use std::fs;

use common::{Recording, event, flatstream, read, record, record_log, record_without_schema};
use flatstream::{Clock, WriteOptions, Writer};
use flatstream_testkit::folder::Folder;
use snapbox::str;

/// The events of which the number divided by `of` leaves `rest`.
fn record_some(folder: &Folder, name: &str, of: u64, rest: u64) {
    let recording = Recording::new().with_schema();
    let mut writer = recording.create(&folder.join(name));
    for number in (0..100).filter(|number| number % of == rest) {
        recording.append(&mut writer, number..number + 1);
    }
    writer.finish().unwrap();
}

fn lines(folder: &Folder, name: &str) -> String {
    let output = flatstream(folder).args(["cat", "--format", "ndjson", name]).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn streams_become_one_in_the_order_of_a_field() {
    let folder = Folder::new("cli-merge-field");
    record(&folder, "all.fls");
    for rest in 0..3 {
        record_some(&folder, &format!("{rest}.fls"), 3, rest);
    }
    flatstream(&folder)
        .args(["merge", "2.fls", "0.fls", "1.fls", "--by", "timestamp_ns", "-o", "merged.fls"])
        .assert()
        .success()
        .stderr_eq("")
        .stdout_eq(str![[r#"
100 messages of 3 streams merged into merged.fls, read back and compared
  2.fls: 33 messages
  0.fls: 34 messages
  1.fls: 33 messages

"#]]);
    assert_eq!(lines(&folder, "merged.fls"), lines(&folder, "all.fls"));
    flatstream(&folder).args(["verify", "--require-closed", "merged.fls"]).assert().success().stdout_eq(str![[r#"
merged.fls: whole: 100 messages, closed at position 7832

"#]]);
    let output = flatstream(&folder).args(["info", "--format", "json", "merged.fls"]).output().unwrap();
    let facts: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(facts["metadata"]["flatstream.merge.by"], "timestamp_ns");
    assert_eq!(facts["metadata"]["site"], "north");
    assert_eq!(facts["message_type"], "Telemetry.TelemetryEvent");
    // What lies between sync frames is spread over the time between them.
    assert!(facts["last_time"].as_str().unwrap().starts_with("17957736096"), "{facts}");
}

#[test]
fn by_their_times_streams_and_logs_become_one_in_which_times_are_found() {
    let folder = Folder::new("cli-merge-times");
    record_some(&folder, "even.fls", 2, 0);
    record_log(&folder, "log");
    let arguments = ["merge", "even.fls", "log", "-o", "merged.fls", "--format", "json"];
    flatstream(&folder).args(arguments).assert().success().stdout_eq(str![[r#"
{"bytes":11096,"inputs":[{"messages":50,"path":"even.fls"},{"messages":100,"path":"log"}],"messages":150,"output":"merged.fls"}

"#]]);
    let found = lines(&folder, "merged.fls");
    let mut sorted: Vec<&str> = found.lines().collect();
    sorted.sort_unstable();
    let both = lines(&folder, "even.fls") + &lines(&folder, "log");
    let mut expected: Vec<&str> = both.lines().collect();
    expected.sort_unstable();
    assert_eq!(sorted, expected);
    // As far as sync frames tell: within one interval.
    let times: Vec<u64> = found
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["timestamp_ns"].as_u64().unwrap())
        .collect();
    let most = times.iter().scan(0, |greatest, &time| {
        *greatest = time.max(*greatest);
        Some(*greatest - time)
    });
    assert!(most.max().unwrap() < 3_000_000_000);
    let arguments = ["cat", "--format", "ndjson", "--times", "2026-11-27T10:00:05Z..", "merged.fls"];
    let late = flatstream(&folder).args(arguments).output().unwrap();
    let late = String::from_utf8(late.stdout).unwrap();
    assert!(late.lines().count() < 100 && late.lines().count() >= 70, "{}", late.lines().count());
}

#[test]
fn what_does_not_belong_together_is_not_merged() {
    let folder = Folder::new("cli-merge-refused");
    record(&folder, "events.fls");
    record_without_schema(&folder, "bare.fls");
    let other = WriteOptions::new().message_type("Other.Thing");
    Writer::create_new(folder.join("other.fls"), other).unwrap().finish().unwrap();
    let mut writer =
        Writer::create_new(folder.join("timeless.fls"), WriteOptions::new().event_times(Clock::UnixUtc)).unwrap();
    writer.append(b"no time").unwrap();
    writer.finish().unwrap();
    let refused = |arguments: &[&str]| {
        let command = flatstream(&folder).arg("merge").args(arguments).args(["-o", "new.fls"]);
        command.assert().code(1).stdout_eq("")
    };
    refused(&["events.fls", "bare.fls"]).stderr_eq(str![[r#"
error: bare.fls has another message type than events.fls: none

"#]]);
    refused(&["events.fls", "other.fls"]).stderr_eq(str![[r#"
error: other.fls has another message type than events.fls: Other.Thing

"#]]);
    refused(&["bare.fls", "bare.fls", "--by", "value"]).stderr_eq(str![[r#"
error: bare.fls: no schema says which fields there are
  next: `flatstream schema attach` gives a stream its schema

"#]]);
    refused(&["timeless.fls"]).stderr_eq(str![[r#"
error: timeless.fls: its sync frames have no times
  next: `--by FIELD` orders by a field of the messages

"#]]);
    refused(&["events.fls", "--by", "source_id"]).stderr_eq(str![[r#"
error: events.fls: message 3, at position 912, has the source_id pump-1, and the one before has pump-ü: it must not decrease
  next: order it by a field that doesn't decrease, or by time

"#]]);
    let command = flatstream(&folder).args(["merge", "events.fls", "--by", "speed", "-o", "new.fls"]);
    command.assert().code(2).stderr_eq(str![[r#"
error: speed: Telemetry.TelemetryEvent has no field "speed", only: timestamp_ns, source_id, value

"#]]);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 4);
}

#[test]
fn equal_ones_keep_the_order_of_their_streams_and_a_pipe_is_one_of_them() {
    let folder = Folder::new("cli-merge-equal");
    let path = record(&folder, "events.fls");
    let arguments = ["merge", "events.fls", "-", "--by", "timestamp_ns", "-o", "twice.fls"];
    flatstream(&folder).args(arguments).stdin(read(&path)).assert().success().stdout_eq(str![[r#"
200 messages of 2 streams merged into twice.fls, read back and compared
  events.fls: 100 messages
  standard input: 100 messages

"#]]);
    let output = flatstream(&folder).args(["cat", "--format", "raw", "twice.fls"]).output().unwrap();
    let expected: Vec<u8> = (0..100)
        .flat_map(|number| {
            let framed = [&(event(number).len() as u32).to_le_bytes()[..], &event(number)].concat();
            [framed.clone(), framed].concat()
        })
        .collect();
    assert!(output.stdout == expected);
}
