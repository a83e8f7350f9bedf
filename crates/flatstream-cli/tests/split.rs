//! `flatstream split`

mod common;

use std::fs;

use common::{flatstream, read, record, record_damaged, record_log};
use flatstream_testkit::folder::Folder;
use snapbox::str;

fn lines(folder: &Folder, name: &str, more: &[&str]) -> String {
    let output = flatstream(folder).args(["cat", "--format", "ndjson"]).args(more).arg(name).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn parts(folder: &Folder, name: &str) -> Vec<String> {
    let mut parts: Vec<String> = fs::read_dir(folder.join(name))
        .unwrap()
        .map(|entry| format!("{name}/{}", entry.unwrap().file_name().into_string().unwrap()))
        .collect();
    parts.sort();
    parts
}

#[test]
fn parts_hold_what_the_whole_held() {
    let folder = Folder::new("cli-split-counts");
    let path = record(&folder, "events.fls");
    record_log(&folder, "log");
    flatstream(&folder)
        .args(["split", "events.fls", "--every-messages", "30", "-o", "thirty"])
        .assert()
        .success()
        .stderr_eq("")
        .stdout_eq(str![[r#"
100 messages in 4 streams, each read back and compared
  thirty/00000000000000000000.fls: 30 messages
  thirty/00000000000000000030.fls: 30 messages
  thirty/00000000000000000060.fls: 30 messages
  thirty/00000000000000000090.fls: 10 messages

"#]]);
    for (input, into) in [("log", "of-log"), ("-", "of-pipe")] {
        let command = flatstream(&folder).args(["split", input, "--every-messages", "7", "-o", into]);
        command.stdin(read(&path)).assert().success();
        assert_eq!(parts(&folder, into).len(), 15);
    }
    for name in ["thirty", "of-log", "of-pipe"] {
        let all: String = parts(&folder, name).iter().map(|part| lines(&folder, part, &[])).collect();
        assert_eq!(all, lines(&folder, "events.fls", &[]), "{name}");
    }
}

#[test]
fn parts_are_no_longer_than_they_may_be() {
    let folder = Folder::new("cli-split-bytes");
    record(&folder, "events.fls");
    let arguments = ["split", "events.fls", "--every-bytes", "2500", "-o", "small", "--format", "json"];
    flatstream(&folder).args(arguments).assert().success().stdout_eq(str![[r#"
{"messages":100,"parts":[{"bytes":2384,"messages":22,"path":"small/00000000000000000000.fls"},{"bytes":2384,"messages":22,"path":"small/00000000000000000022.fls"},{"bytes":2384,"messages":21,"path":"small/00000000000000000044.fls"},{"bytes":2384,"messages":22,"path":"small/00000000000000000065.fls"},{"bytes":1808,"messages":13,"path":"small/00000000000000000087.fls"}],"path":"events.fls"}

"#]]);
    let all: String = parts(&folder, "small").iter().map(|part| lines(&folder, part, &[])).collect();
    assert_eq!(all, lines(&folder, "events.fls", &[]));
    for part in parts(&folder, "small") {
        assert!(fs::metadata(folder.join(&part)).unwrap().len() <= 2500, "{part}");
    }
    // A message is a part of its own where nothing fits.
    flatstream(&folder).args(["split", "events.fls", "--every-bytes", "1", "-o", "tiny"]).assert().success();
    assert_eq!(parts(&folder, "tiny").len(), 100);
}

#[test]
fn each_value_of_a_field_gets_a_stream() {
    let folder = Folder::new("cli-split-field");
    record(&folder, "events.fls");
    flatstream(&folder).args(["split", "events.fls", "--by", "source_id", "-o", "pumps"]).assert().success().stdout_eq(
        str![[r#"
100 messages in 3 streams, each read back and compared
  pumps/source_id=pump-1.fls: 34 messages
  pumps/source_id=pump-2.fls: 33 messages
  pumps/source_id=pump-ü.fls: 33 messages

"#]],
    );
    for pump in ["pump-1", "pump-2", "pump-\u{fc}"] {
        let expected = lines(&folder, "events.fls", &["--where", &format!("source_id={pump}")]);
        assert_eq!(lines(&folder, &format!("pumps/source_id={pump}.fls"), &[]), expected, "{pump}");
    }
    let times = ["--times", "2026-11-27T10:00:04Z.."];
    let late = lines(&folder, "pumps/source_id=pump-1.fls", &times);
    assert!((20..27).contains(&late.lines().count()), "{}", late.lines().count());
}

#[test]
fn a_folder_with_something_in_it_and_damage_are_refused() {
    let folder = Folder::new("cli-split-refused");
    record(&folder, "events.fls");
    flatstream(&folder).args(["split", "events.fls", "--by", "value", "-o", "."]).assert().code(1).stderr_eq(str![[
        r#"
error: the folder . isn't empty
  next: choose another: nothing is written over

"#
    ]]);
    flatstream(&folder).args(["split", "events.fls", "-o", "new"]).assert().code(2).stderr_eq(str![[r#"
error: the following required arguments were not provided:
  <--every-messages <COUNT>|--every-bytes <BYTES>|--by <FIELD>>

Usage: flatstream split --output <FOLDER> <--every-messages <COUNT>|--every-bytes <BYTES>|--by <FIELD>> <FILE>

For more information, try '--help'.

"#]]);
    flatstream(&folder).args(["split", "events.fls", "--by", "speed", "-o", "new"]).assert().code(2).stderr_eq(str![[
        r#"
error: speed: Telemetry.TelemetryEvent has no field "speed", only: timestamp_ns, source_id, value

"#
    ]]);
    assert!(!folder.join("new").exists());
    record_damaged(&folder, "damaged.fls");
    let arguments = ["split", "damaged.fls", "--by", "source_id", "-o", "new"];
    flatstream(&folder).args(arguments).assert().code(1).stdout_eq("").stderr_eq(str![[r#"
error: damaged.fls: damaged at position 3984: the frame's check is 0x354e12e5, expected 0x29670fe1 (length 56); a sync frame of this stream follows at position 4752
  next: `flatstream cat --recover damaged.fls` shows the messages behind the damage, `flatstream recover damaged.fls --output NEW` writes all good ones into a new stream

"#]]);
    assert!(!folder.join("new").exists());
}
