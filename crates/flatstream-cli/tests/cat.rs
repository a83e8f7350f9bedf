//! `flatstream cat`

mod common;

use std::fs::{self, File, OpenOptions};
use std::process::{Command, Stdio};

use common::{
    Recording, START, event, flatstream, read, record, record_damaged, record_log, record_torn, record_without_schema,
};
use flatstream::{ChecksumType, Clock, HeaderBuilder, WriteOptions, Writer};
use flatstream_testkit::folder::Folder;
use snapbox::str;

/// What the program prints, with these arguments behind `cat`.
fn cat(folder: &Folder, arguments: &[&str]) -> String {
    let output = flatstream(folder).arg("cat").args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    String::from_utf8(output.stdout).unwrap()
}

/// The numbers of the events in lines of JSON, by their times.
fn numbers(lines: &str) -> Vec<u64> {
    let time = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["timestamp_ns"].as_u64().unwrap();
    lines.lines().map(|line| (time(line) - START as u64) / 100_000_000).collect()
}

#[test]
fn messages_are_lines() {
    let folder = Folder::new("cli-cat-lines");
    record(&folder, "events.fls");
    flatstream(&folder).args(["cat", "--sequences", "..4", "events.fls"]).assert().success().stdout_eq(str![[r#"
       0  2026-11-27T10:00:00Z     56 B  {"timestamp_ns":1795773600000000000,"source_id":"pump-1","value":20.0}
       1  2026-11-27T10:00:00Z     56 B  {"timestamp_ns":1795773600100000000,"source_id":"pump-2","value":20.125}
       2  2026-11-27T10:00:00Z     56 B  {"timestamp_ns":1795773600200000000,"source_id":"pump-ü","value":20.25}
       3  2026-11-27T10:00:00Z     56 B  {"timestamp_ns":1795773600300000000,"source_id":"pump-1","value":20.375}

"#]]);
    flatstream(&folder)
        .args(["cat", "--sequences", "..4", "--format", "ndjson", "events.fls"])
        .assert()
        .success()
        .stdout_eq(str![[r#"
{"timestamp_ns":1795773600000000000,"source_id":"pump-1","value":20.0}
{"timestamp_ns":1795773600100000000,"source_id":"pump-2","value":20.125}
{"timestamp_ns":1795773600200000000,"source_id":"pump-ü","value":20.25}
{"timestamp_ns":1795773600300000000,"source_id":"pump-1","value":20.375}

"#]]);
}

#[test]
fn messages_without_a_schema_are_shown_as_they_are() {
    let folder = Folder::new("cli-cat-no-schema");
    record_without_schema(&folder, "events.fls");
    flatstream(&folder).args(["cat", "--last", "2", "events.fls"]).assert().success().stdout_eq(str![[r#"
      98  2026-11-27T10:00:09Z     56 B  .........................b&m......... @@........pump-...
      99  2026-11-27T10:00:09Z     56 B  .........................C.s.........0@@........pump-1..

"#]]);
    flatstream(&folder).args(["cat", "--last", "1", "--format", "ndjson", "events.fls"]).assert().success().stdout_eq(
        str![[r#"
{"schema":null,"data":"EAAAAAAACgAcAAgABAAQAAoAAAAYAAAAAEMcc5Xe6xgAAAAAADBAQAAAAAAGAAAAcHVtcC0xAAA="}

"#]],
    );
    fs::write(folder.join("telemetry.bfbs"), telemetry_schema::BFBS).unwrap();
    let lines = cat(&folder, &["--schema", "telemetry.bfbs", "--last", "1", "--format", "ndjson", "events.fls"]);
    assert_eq!(numbers(&lines), [99]);
    flatstream(&folder).args(["cat", "--where", "value>3", "events.fls"]).assert().code(2).stderr_eq(str![[r#"
error: events.fls: no schema says which fields there are

"#]]);
}

#[test]
fn raw_messages_are_behind_their_lengths() {
    let folder = Folder::new("cli-cat-raw");
    record(&folder, "events.fls");
    let output = flatstream(&folder).args(["cat", "--format", "raw", "events.fls"]).output().unwrap();
    let mut expected = Vec::new();
    for number in 0..100 {
        expected.extend((event(number).len() as u32).to_le_bytes());
        expected.extend(event(number));
    }
    assert!(output.stdout == expected);
}

#[test]
fn windows_are_the_same_of_files_logs_and_pipes() {
    let folder = Folder::new("cli-cat-windows");
    let path = record(&folder, "events.fls");
    record_log(&folder, "log");
    let key = format!("timestamp_ns={}..{}", START + 1_000_000_000, START + 2_050_000_000);
    let all = |from: u64, to: u64| (from..to).collect::<Vec<u64>>();
    for (arguments, expected) in [
        (vec![], all(0, 100)),
        (vec!["--sequences", "20..30"], all(20, 30)),
        (vec!["--sequences", "95.."], all(95, 100)),
        (vec!["--sequences", "7"], all(7, 8)),
        (vec!["--sequences", "200..300"], vec![]),
        (vec!["--last", "3"], all(97, 100)),
        (vec!["--last", "0"], vec![]),
        (vec!["--last", "1000"], all(0, 100)),
        (vec!["--key", &key], all(10, 21)),
        (vec!["--key", "value=25..30"], all(40, 80)),
        (vec!["--key", "value=..21"], all(0, 8)),
        (vec!["--where", "source_id=pump-2", "--sequences", "..10"], vec![1, 4, 7]),
        (vec!["--where", "source_id!=pump-2", "--where", "value<=20.5"], vec![0, 2, 3]),
        (vec!["--where", "source_id=pump-\u{fc}", "--last", "3"], vec![98]),
    ] {
        let arguments = [&arguments[..], &["--format", "ndjson"]].concat();
        for name in ["events.fls", "log"] {
            let lines = cat(&folder, &[&arguments[..], &[name]].concat());
            assert_eq!(numbers(&lines), expected, "{arguments:?} {name}");
        }
        let output = flatstream(&folder).arg("cat").args(&arguments).arg("-").stdin(read(&path)).output().unwrap();
        assert_eq!(numbers(&String::from_utf8(output.stdout).unwrap()), expected, "{arguments:?} of a pipe");
    }
}

#[test]
fn a_key_that_decreases_is_an_error_not_a_window_with_holes() {
    let folder = Folder::new("cli-cat-key");
    let path = record(&folder, "events.fls");
    record_log(&folder, "log");
    let key = ["--key", "source_id=pump-2.."];
    let refused = |command: &[&str], name: &str, input: Vec<u8>| {
        let command = flatstream(&folder).args(command).args(key).arg(name).stdin(input);
        String::from_utf8(command.assert().code(1).get_output().stderr.clone()).unwrap()
    };
    let of_file = refused(&["cat", "--format", "ndjson"], "events.fls", Vec::new());
    snapbox::assert_data_eq!(
        of_file,
        str![[r#"
error: events.fls: message 93, at position 7056, has the source_id pump-1, and the one before has pump-ü: it must not decrease
  next: `--where` finds messages in any order, so there may be more that are wanted

"#]]
    );
    for name in ["log", "-"] {
        let error = refused(&["cat", "--format", "ndjson"], name, read(&path));
        assert!(error.contains("has the source_id pump-1, and the one before has pump-\u{fc}"), "{name}: {error}");
    }
    for arguments in [&["cat", "--follow"][..], &["cut", "-o", "new.fls"], &["convert", "--to", "csv", "-o", "new.csv"]]
    {
        let error = refused(arguments, "events.fls", Vec::new());
        assert!(error.contains("it must not decrease"), "{arguments:?}: {error}");
    }
    assert!(!folder.join("new.fls").exists());
}

#[test]
fn a_window_of_times_leaves_out_nothing_of_that_time() {
    let folder = Folder::new("cli-cat-times");
    let path = record(&folder, "events.fls");
    for (range, from, to) in [
        ("2026-11-27T10:00:03Z..2026-11-27T10:00:05Z", 30, 50),
        ("1795773608000000000..", 80, 100),
        ("..2026-11-27T10:00:01Z", 0, 10),
        ("2030-01-01T00:00:00Z..", 100, 100),
        ("..1970-01-01T00:00:00Z", 0, 0),
    ] {
        let arguments = ["--format", "ndjson", "--times", range];
        let of_file = cat(&folder, &[&arguments[..], &["events.fls"]].concat());
        let found = numbers(&of_file);
        // Up to an interval of others may be among them at either end.
        assert!((from..to).all(|number| found.contains(&number)), "{range}: {found:?}");
        assert!(found.iter().all(|&number| number + 16 >= from && number < to + 16), "{range}: {found:?}");
        let output = flatstream(&folder).arg("cat").args(arguments).arg("-").stdin(read(&path)).output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), of_file, "{range}");
    }
}

#[test]
fn several_files_come_one_after_the_other() {
    let folder = Folder::new("cli-cat-several");
    record(&folder, "a.fls");
    record_log(&folder, "log");
    let lines = cat(&folder, &["--format", "ndjson", "--last", "2", "a.fls", "log"]);
    assert_eq!(numbers(&lines), [98, 99, 98, 99]);
}

#[test]
fn wrong_usage_says_what_was_expected() {
    let folder = Folder::new("cli-cat-usage");
    record(&folder, "events.fls");
    let stderr = |arguments: &[&str]| {
        let output = flatstream(&folder).arg("cat").args(arguments).arg("events.fls").output().unwrap();
        assert_eq!((output.status.code(), &output.stdout[..]), (Some(2), &b""[..]), "{arguments:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let all = [
        stderr(&["--sequences", "a..b"]),
        stderr(&["--times", "yesterday.."]),
        stderr(&["--key", "value"]),
        stderr(&["--key", "valeu=1..2"]),
        stderr(&["--key", "value=a..2"]),
        stderr(&["--where", "source_id"]),
        stderr(&["--where", "timestamp_ns=soon"]),
    ];
    snapbox::assert_data_eq!(
        all.concat(),
        str![[r#"
error: "a" is no number of a message
error: "yesterday" is no time: expected 2026-11-27T10:00:00Z or nanoseconds of the stream's clock (failed to parse four digit integer as year: invalid digit, expected 0-9 but got y)
error: "value" is no range of a field: expected FIELD=FROM..UNTIL
error: valeu: Telemetry.TelemetryEvent has no field "valeu", only: timestamp_ns, source_id, value
error: "a" is no value of value: expected a number
error: "source_id" is no condition: expected FIELD=VALUE
error: "soon" is no value of timestamp_ns: expected an integer, or the name of an enum's value

"#]]
    );
    assert!(stderr(&["--sequences", "1..2", "--last", "3"]).contains("cannot be used with"));
}

#[test]
fn what_is_good_before_damage_is_printed_and_the_damage_is_said() {
    let folder = Folder::new("cli-cat-damaged");
    record_damaged(&folder, "events.fls");
    let output = flatstream(&folder).args(["cat", "--format", "ndjson", "events.fls"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let before = numbers(&String::from_utf8(output.stdout).unwrap());
    assert_eq!(before, (0..before.len() as u64).collect::<Vec<_>>());
    snapbox::assert_data_eq!(
        String::from_utf8(output.stderr).unwrap(),
        str![[r#"
error: events.fls: damaged at position 3984: the frame's check is 0x354e12e5, expected 0x29670fe1 (length 56); a sync frame of this stream follows at position 4752
  next: `flatstream cat --recover events.fls` shows the messages behind the damage, `flatstream recover events.fls --output NEW` writes all good ones into a new stream

"#]]
    );

    let output = flatstream(&folder).args(["cat", "--recover", "--format", "ndjson", "events.fls"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let all = numbers(&String::from_utf8(output.stdout).unwrap());
    let expected: Vec<u64> = (0..100).filter(|&number| number != before.len() as u64).collect();
    assert_eq!(all, expected);
    snapbox::assert_data_eq!(
        String::from_utf8(output.stderr).unwrap(),
        str![[r#"
events.fls: 64 bytes skipped from 3984 to 4048: at position 3984: the frame's check is 0x354e12e5, expected 0x29670fe1 (length 56)
events.fls: 1 message lost before position 4752
events.fls: 1 message lost, in 64 bytes

"#]]
    );
}

#[test]
fn a_torn_stream_is_printed_to_its_last_whole_message_and_that_is_said() {
    let folder = Folder::new("cli-cat-torn");
    record_torn(&folder, "events.fls");
    let output = flatstream(&folder).args(["cat", "--format", "ndjson", "events.fls"]).output().unwrap();
    assert!(output.status.success());
    assert_eq!(numbers(std::str::from_utf8(&output.stdout).unwrap()), (0..99).collect::<Vec<_>>());
    snapbox::assert_data_eq!(
        output.stderr,
        str![[r#"
events.fls: torn at position 7440, 44 bytes behind not understood

"#]]
    );
    // What wasn't read to its end has none to be told of.
    assert_eq!(numbers(&cat(&folder, &["--format", "ndjson", "--sequences", "..50", "events.fls"])).len(), 50);
}

#[test]
fn a_message_that_is_none_of_the_schema_is_said_with_its_place() {
    let folder = Folder::new("cli-cat-wrong-message");
    let recording = common::Recording::new().with_schema();
    let mut writer = recording.create(&folder.join("events.fls"));
    recording.append(&mut writer, 0..2);
    writer.append(&[0xFF; 24]).unwrap();
    recording.append(&mut writer, 3..4);
    writer.finish().unwrap();
    flatstream(&folder)
        .args(["cat", "--format", "ndjson", "events.fls"])
        .assert()
        .code(1)
        .stderr_eq(str![[r#"
error: message 2, at position 848, isn't one of the schema: the root: the table would be at 4294967295..4294967299, and the message has 24 bytes
  next: `--recover` goes on behind it, `cat --format raw` shows the bytes

"#]])
        .stdout_eq(str![[r#"
{"timestamp_ns":1795773600000000000,"source_id":"pump-1","value":20.0}
{"timestamp_ns":1795773600100000000,"source_id":"pump-2","value":20.125}

"#]]);
    flatstream(&folder)
        .args(["cat", "--recover", "--format", "ndjson", "events.fls"])
        .assert()
        .success()
        .stderr_eq(str![[r#"
message 2, at position 848, isn't one of the schema: the root: the table would be at 4294967295..4294967299, and the message has 24 bytes

"#]])
        .stdout_eq(str![[r#"
{"timestamp_ns":1795773600000000000,"source_id":"pump-1","value":20.0}
{"timestamp_ns":1795773600100000000,"source_id":"pump-2","value":20.125}
{"error":"the root: the table would be at 4294967295..4294967299, and the message has 24 bytes","data":"////////////////////////////////"}
{"timestamp_ns":1795773600300000000,"source_id":"pump-1","value":20.375}

"#]]);
}

#[test]
fn a_schema_that_is_none_is_said_and_another_one_can_be_given() {
    let folder = Folder::new("cli-cat-wrong-schema");
    let path = folder.join("events.fls");
    let mut recording = common::Recording::new();
    let header = HeaderBuilder::new(ChecksumType::Crc32c).schema(&b"no schema at all"[..]).build().unwrap();
    recording.options = WriteOptions::new().header(header);
    let mut writer = recording.create(&path);
    recording.append(&mut writer, 0..2);
    writer.finish().unwrap();
    flatstream(&folder).args(["cat", "events.fls"]).assert().code(1).stderr_eq(str![[r#"
error: the stream's schema can't be used: not a binary schema: expected "BFBS" at position 4
  next: `--schema FILE.bfbs` takes another one

"#]]);
    fs::write(folder.join("telemetry.bfbs"), telemetry_schema::BFBS).unwrap();
    assert_eq!(numbers(&cat(&folder, &["--schema", "telemetry.bfbs", "--format", "ndjson", "events.fls"])), [0, 1]);
    flatstream(&folder)
        .args(["cat", "--schema", "telemetry.bfbs", "--root", "Telemetry.Event", "events.fls"])
        .assert()
        .code(2)
        .stderr_eq(str![[r#"
error: telemetry.bfbs: not a good binary schema: Telemetry.Event: the schema has no table of this name

"#]]);
}

#[test]
fn a_reader_that_has_enough_is_no_error() {
    let folder = Folder::new("cli-cat-pipe-closed");
    let path = folder.join("events.fls");
    let recording = common::Recording::new().with_schema();
    let mut writer = recording.create(&path);
    // More than a pipe holds.
    recording.append(&mut writer, 0..20_000);
    writer.finish().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_flatstream"))
        .args(["cat", "--format", "ndjson"])
        .arg(&path)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert!(output.status.success());
}

#[test]
fn a_full_disk_is_said() {
    let folder = Folder::new("cli-cat-full");
    record(&folder, "events.fls");
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_flatstream"))
        .args(["cat", "--format", "raw"])
        .arg(folder.join("events.fls"))
        .stdout(Stdio::from(full))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    snapbox::assert_data_eq!(
        String::from_utf8(output.stderr).unwrap(),
        str![[r#"
error: the standard output can't be written: No space left on device (os error 28)

"#]]
    );
}

#[test]
fn a_sparse_file_of_ten_gigabytes_is_no_stream_and_costs_nothing() {
    let folder = Folder::new("cli-cat-sparse");
    File::create(folder.join("sparse.fls")).unwrap().set_len(10 << 30).unwrap();
    flatstream(&folder).args(["cat", "sparse.fls"]).assert().code(1).stdout_eq("").stderr_eq(str![[r#"
error: sparse.fls: not a flatstream: expected "FLS1" at position 8, found "/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00"
  next: `flatstream recover sparse.fls --output NEW` looks for messages all the same

"#]]);
}

#[test]
fn a_preallocated_stream_ends_where_its_messages_do() {
    let folder = Folder::new("cli-cat-preallocated");
    let path = record_torn(&folder, "events.fls");
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(7440).unwrap();
    file.set_len(32 << 20).unwrap();
    assert_eq!(numbers(&cat(&folder, &["--last", "2", "--format", "ndjson", "events.fls"])), [97, 98]);
}

/// A slip in the arguments must not cost the stream.
#[test]
fn what_is_no_cursor_is_not_written_over_by_one() {
    let folder = Folder::new("cli-cat-cursor-slip");
    let path = record(&folder, "only.fls");
    let before = read(&path);
    let said = flatstream(&folder).args(["cat", "--follow", "--cursor-file", "only.fls", "only.fls"]).assert().code(1);
    let said = String::from_utf8(said.get_output().stderr.clone()).unwrap();
    assert!(said.contains("only.fls can't be read as a cursor"), "{said}");
    assert!(read(&path) == before);
}

#[test]
fn a_message_of_which_nobody_knows_whether_a_condition_holds_is_no_silence() {
    let folder = Folder::new("cli-cat-where-foreign");
    let recording = Recording::new().with_schema();
    let mut writer = recording.create(&folder.join("mixed.fls"));
    recording.append(&mut writer, 0..2);
    writer.append(&[0xFF; 24]).unwrap();
    recording.append(&mut writer, 2..4);
    writer.finish().unwrap();
    let run = |command: &str, more: &[&str]| {
        flatstream(&folder).args([command, "--where", "value>=0", "mixed.fls"]).args(more).assert()
    };
    for more in [&["cat"][..], &["cut", "-o", "cut.fls"], &["convert", "--to", "csv", "-o", "x.csv"], &["replay"]] {
        let said = run(more[0], &more[1..]).code(1);
        let said = String::from_utf8(said.get_output().stderr.clone()).unwrap();
        assert!(said.contains("message 2, at position"), "{more:?}: {said}");
    }
    assert!(!folder.join("cut.fls").exists() && !folder.join("x.csv").exists());
    let lenient = run("cat", &["--recover"]).code(3);
    assert_eq!(lenient.get_output().stdout.iter().filter(|byte| **byte == b'\n').count(), 4);
}

/// A machine that crashed, and came up with a clock that was an hour behind.
#[test]
fn a_window_of_times_has_all_epochs_though_the_clock_went_back() {
    let folder = Folder::new("cli-cat-clock-back");
    let path = folder.join("events.fls");
    for (first, hours) in [(0, 0), (100, -1), (200, 2)] {
        let mut recording = Recording::new().with_schema();
        let now = START + hours * 3_600_000_000_000;
        recording.options = recording.options.clock(Clock::UnixUtc, move || now);
        let mut writer = Writer::open(&path, recording.options.clone()).unwrap();
        (first..first + 50).for_each(|number| _ = writer.append(&event(number)).unwrap());
        writer.finish().unwrap();
    }
    // Behind the last sync frame of an epoch nobody knows how late messages are: as many as lie between two.
    const MORE: usize = 14;
    let wants = |window: &str, wanted: &[u64]| {
        let found = numbers(&cat(&folder, &["--format", "ndjson", "--times", window, "events.fls"]));
        let missing = |number: &u64| !found.contains(number);
        assert!(
            !wanted.iter().flat_map(|first| *first..first + 50).any(|number| missing(&number)),
            "{window}: {found:?}"
        );
        assert!(found.len() <= wanted.len() * 50 + 2 * MORE, "{window}: {found:?}");
    };
    wants("2026-11-27T08:50:00Z..2026-11-27T09:10:00Z", &[100]);
    wants("2026-11-27T09:50:00Z..2026-11-27T10:10:00Z", &[0]);
    wants("2026-11-27T11:50:00Z..", &[200]);
    wants("..2026-11-27T11:00:00Z", &[0, 100]);
    wants("..", &[0, 100, 200]);
    wants("2026-11-27T13:00:00Z..", &[]);
    let window = "2026-11-27T08:50:00Z..2026-11-27T09:10:00Z";
    flatstream(&folder).args(["cut", "--times", window, "events.fls", "-o", "cut.fls"]).assert().success();
    assert_eq!(numbers(&cat(&folder, &["--format", "ndjson", "cut.fls"])), (100..150).collect::<Vec<_>>());
}
