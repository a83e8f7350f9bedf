//! `flatstream convert`, and `cat --format csv`

mod common;
#[path = "../../flatstream-schema/tests/messages/mod.rs"]
mod messages;

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::{START, event, flatstream, read, record, record_damaged, record_log, record_without_schema, write_text};
use flatstream::{Clock, Reader, WriteOptions, Writer};
use flatstream_schema::{JsonOptions, NotFinite, Walker};
use flatstream_testkit::folder::Folder;
use mcap::MessageStream;
use messages::{Contents, SCHEMAS, message, walker};
use serde_json::Value;
use snapbox::str;

fn convert(folder: &Folder, arguments: &[&str]) -> snapbox::cmd::OutputAssert {
    flatstream(folder).arg("convert").args(arguments).assert()
}

#[test]
fn csv_has_a_row_for_each_message() {
    let folder = Folder::new("cli-csv");
    record(&folder, "events.fls");
    flatstream(&folder)
        .args(["cat", "--format", "csv", "--sequences", "..3", "events.fls"])
        .assert()
        .success()
        .stdout_eq(str![[r#"
timestamp_ns,source_id,value
1795773600000000000,pump-1,20.0
1795773600100000000,pump-2,20.125
1795773600200000000,pump-ü,20.25

"#]]);
    convert(&folder, &["--to", "csv", "events.fls", "-o", "events.csv"]).success().stdout_eq("").stderr_eq("");
    let all = flatstream(&folder).args(["cat", "--format", "csv", "events.fls"]).output().unwrap().stdout;
    assert!(read(&folder.join("events.csv")) == all);
    flatstream(&folder)
        .args(["cat", "--format", "csv", "--sequences", "1000..", "events.fls"])
        .assert()
        .success()
        .stdout_eq("timestamp_ns,source_id,value\n");
    flatstream(&folder).args(["cat", "--format", "csv", "events.fls", "events.fls"]).assert().code(2);
    record_without_schema(&folder, "bare.fls");
    convert(&folder, &["--to", "csv", "bare.fls", "-o", "bare.csv"]).code(2).stderr_eq(str![[r#"
error: no schema says which columns there are: `--schema FILE.bfbs` gives one

"#]]);
    assert!(!folder.join("bare.csv").exists());
}

#[test]
fn a_message_that_is_none_of_the_schema_is_no_row() {
    let folder = Folder::new("cli-csv-foreign");
    let options = WriteOptions::new().message_type("Telemetry.TelemetryEvent").schema(telemetry_schema::BFBS);
    let mut writer = Writer::create_new(folder.join("mixed.fls"), options).unwrap();
    for message in [&event(0)[..], &[0xFF; 24], &event(1)] {
        writer.append(message).unwrap();
    }
    writer.finish().unwrap();
    convert(&folder, &["--to", "csv", "mixed.fls", "-o", "mixed.csv"]).code(1);
    assert!(!folder.join("mixed.csv").exists());
    let lenient = convert(&folder, &["--recover", "--to", "csv", "mixed.fls", "-o", "mixed.csv"]).code(3);
    let said = String::from_utf8(lenient.get_output().stderr.clone()).unwrap();
    assert!(said.contains("message 1, at position"), "{said}");
    assert_eq!(fs::read_to_string(folder.join("mixed.csv")).unwrap().lines().count(), 3);
}

/// A stream of made-up messages of one of the schemas.
fn record_generated(folder: &Folder, name: &str, contents: Contents) -> (PathBuf, Vec<Vec<u8>>) {
    let path = folder.join(format!("{name}.fls"));
    let (_, bfbs) = SCHEMAS.iter().find(|(known, _)| *known == name).unwrap();
    let walker = walker(name);
    let options = WriteOptions::new().schema(*bfbs).message_type(walker.root().name());
    let mut writer = Writer::create_new(&path, options).unwrap();
    let made: Vec<_> = (0..200).map(|seed| message(&walker, contents, seed)).collect();
    made.iter().for_each(|message| _ = writer.append(message).unwrap());
    writer.finish().unwrap();
    (path, made)
}

/// The message as JSON with the defaults of all scalars, and without.
fn as_json(walker: &Walker, message: &[u8]) -> [Value; 2] {
    [true, false].map(|defaults| {
        let mut text = Vec::new();
        let options = JsonOptions::new().defaults(defaults).not_finite(NotFinite::Strings);
        walker.write_json(message, &options, &mut text).unwrap();
        serde_json::from_slice(&text).unwrap()
    })
}

fn at_path<'v>(value: &'v Value, path: &str) -> &'v Value {
    path.split('.').fold(value, |value, name| &value[name])
}

fn assert_cell(cell: &str, [with_defaults, without]: [&Value; 2], at: &str) {
    match with_defaults {
        Value::Null => assert_eq!(cell, "", "{at}"),
        // A union is JSON in its column, be it a string.
        Value::String(text) => {
            let is_json = serde_json::from_str::<Value>(cell).is_ok_and(|value| value == *with_defaults);
            assert!(cell == text || is_json, "{at}");
        }
        Value::Array(_) | Value::Object(_) => {
            assert_eq!(&serde_json::from_str::<Value>(cell).expect(at), without, "{at}");
        }
        other => assert_eq!(&serde_json::from_str::<Value>(cell).expect(at), other, "{at}"),
    }
}

#[test]
fn cells_are_what_json_says_for_every_schema() {
    let folder = Folder::new("cli-csv-generated");
    for (name, _) in SCHEMAS {
        let (_, made) = record_generated(&folder, name, Contents::Anything);
        let (file, out) = (format!("{name}.fls"), format!("{name}.csv"));
        convert(&folder, &["--to", "csv", &file, "-o", &out]).success().stderr_eq("");
        let mut rows = csv::Reader::from_path(folder.join(&out)).unwrap();
        let names = rows.headers().unwrap().clone();
        let walker = walker(name);
        let rows: Vec<_> = rows.records().map(Result::unwrap).collect();
        assert_eq!(rows.len(), made.len(), "{name}");
        for (nth, (row, message)) in rows.iter().zip(&made).enumerate() {
            let json = as_json(&walker, message);
            for (column, cell) in names.iter().zip(row) {
                let at = format!("{name}, message {nth}, {column}: {cell}");
                assert_cell(cell, [0, 1].map(|which| at_path(&json[which], column)), &at);
            }
        }
    }
}

#[test]
fn jsonl_is_what_cat_prints_of_any_source_and_window() {
    let folder = Folder::new("cli-jsonl");
    record(&folder, "events.fls");
    record_log(&folder, "log");
    let windows: [&[&str]; 4] = [
        &[],
        &["--sequences", "20..30"],
        &["--last", "5"],
        &["--key", "timestamp_ns=1795773601000000000..", "--where", "value>25"],
    ];
    for (nth, window) in windows.iter().enumerate() {
        for file in ["events.fls", "log"] {
            let out = format!("{file}-{nth}.jsonl");
            convert(&folder, &[&["--to", "jsonl", file, "-o", &out], *window].concat()).success().stderr_eq("");
            let printed =
                flatstream(&folder).args(["cat", "--format", "ndjson", file]).args(*window).output().unwrap().stdout;
            assert!(!printed.is_empty() && read(&folder.join(&out)) == printed, "{window:?}");
        }
    }
    let piped = Command::new(env!("CARGO_BIN_EXE_flatstream"))
        .args(["convert", "--to", "jsonl", "-", "-o", "-"])
        .stdin(File::open(folder.join("events.fls")).unwrap())
        .output()
        .unwrap();
    assert!(piped.stdout == read(&folder.join("events.fls-0.jsonl")));
}

#[test]
fn nothing_is_left_of_what_could_not_be_made_whole() {
    let folder = Folder::new("cli-convert-damaged");
    record_damaged(&folder, "damaged.fls");
    for format in ["jsonl", "csv", "mcap"] {
        let out = format!("out.{format}");
        let failed = convert(&folder, &["--to", format, "damaged.fls", "-o", &out]).code(1);
        let said = String::from_utf8(failed.get_output().stderr.clone()).unwrap();
        assert!(said.contains("damaged.fls") && said.contains("--recover"), "{said}");
        assert!(!folder.join(&out).exists());
        convert(&folder, &["--recover", "--to", format, "damaged.fls", "-o", &out]).code(3);
        assert!(folder.join(&out).exists());
        let before = read(&folder.join(&out));
        let refused = convert(&folder, &["--recover", "--to", format, "damaged.fls", "-o", &out]).code(1);
        let said = String::from_utf8(refused.get_output().stderr.clone()).unwrap();
        assert!(said.contains(&format!("{out} is there already")), "{said}");
        assert!(read(&folder.join(&out)) == before);
    }
}

#[test]
fn a_full_disk_is_an_error() {
    let folder = Folder::new("cli-convert-full");
    record(&folder, "events.fls");
    for format in ["jsonl", "csv", "mcap"] {
        let output = Command::new(env!("CARGO_BIN_EXE_flatstream"))
            .current_dir(folder.path())
            .args(["convert", "--to", format, "events.fls", "-o", "-"])
            .stdout(OpenOptions::new().write(true).open("/dev/full").unwrap())
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{format}: {said}");
        assert!(said.contains("No space left"), "{format}: {said}");
    }
}

fn read_mcap(path: &Path) -> Vec<mcap::Message<'static>> {
    MessageStream::new(&read(path)).unwrap().map(Result::unwrap).collect()
}

#[test]
fn mcap_has_the_messages_with_their_schema_and_times() {
    let folder = Folder::new("cli-mcap");
    record(&folder, "events.fls");
    convert(&folder, &["--to", "mcap", "events.fls", "-o", "events.mcap"]).success().stdout_eq("").stderr_eq("");
    let messages = read_mcap(&folder.join("events.mcap"));
    assert_eq!(messages.len(), 100);
    for (nth, message) in (0..).zip(&messages) {
        assert!(*message.data == event(nth));
        assert_eq!(u64::from(message.sequence), nth);
        let time = START as u64 + nth * 100_000_000;
        // A sync frame comes every 1024 bytes, which are 14 events.
        assert!(message.log_time <= time && time - message.log_time < 1_500_000_000, "{nth}: {}", message.log_time);
    }
    let channel = &messages[0].channel;
    let schema = channel.schema.as_ref().unwrap();
    assert_eq!((&*channel.topic, &*channel.message_encoding), ("Telemetry.TelemetryEvent", "flatbuffer"));
    assert_eq!((&*schema.name, &*schema.encoding), ("Telemetry.TelemetryEvent", "flatbuffer"));
    assert!(*schema.data == *telemetry_schema::BFBS);
    // As one stream, whatever reads it.
    let piped = flatstream(&folder).args(["convert", "--to", "mcap", "events.fls", "-o", "-"]).output().unwrap();
    fs::write(folder.join("piped.mcap"), piped.stdout).unwrap();
    assert_eq!(read_mcap(&folder.join("piped.mcap")), messages);
}

#[test]
fn mcap_times_are_a_field_if_one_is_named() {
    let folder = Folder::new("cli-mcap-time");
    record(&folder, "events.fls");
    let arguments = ["--to", "mcap", "--time", "timestamp_ns", "--payload", "json", "--topic", "/pumps", "events.fls"];
    convert(&folder, &[&arguments[..], &["-o", "json.mcap"]].concat()).success();
    for (nth, message) in (0..).zip(read_mcap(&folder.join("json.mcap"))) {
        assert_eq!(message.log_time, START as u64 + nth * 100_000_000);
        assert_eq!((&*message.channel.topic, &*message.channel.message_encoding), ("/pumps", "json"));
        let value: Value = serde_json::from_slice(&message.data).unwrap();
        assert_eq!(value["value"], 20.0 + nth as f64 / 8.0);
    }
    convert(&folder, &["--to", "mcap", "--time", "value", "events.fls", "-o", "x.mcap"]).code(2).stderr_eq(str![[r#"
error: value is no integer: a time is one, in nanoseconds

"#]]);
    assert!(!folder.join("x.mcap").exists());
}

/// Messages, and the time of the sync frame before each.
fn timed(path: &Path) -> Vec<(Vec<u8>, i64)> {
    let mut reader = Reader::new(File::open(path).unwrap()).unwrap();
    let mut all = Vec::new();
    while let Some(message) = reader.next_message().unwrap() {
        let message = message.to_vec();
        all.push((message, reader.last_sync().unwrap().time));
    }
    all
}

#[test]
fn a_stream_comes_back_from_mcap_as_it_was() {
    let folder = Folder::new("cli-mcap-back");
    let path = record(&folder, "events.fls");
    convert(&folder, &["--to", "mcap", "events.fls", "-o", "events.mcap"]).success();
    convert(&folder, &["--from", "mcap", "events.mcap", "-o", "back.fls"]).success().stdout_eq("").stderr_eq("");
    let back = folder.join("back.fls");
    let [before, after] = [&path, &back].map(|path| Reader::new(File::open(path).unwrap()).unwrap());
    let facts = |reader: &Reader<File>| {
        let header = reader.header();
        let metadata: BTreeMap<_, _> =
            header.metadata().map(|(key, value)| (key.to_owned(), value.map(str::to_owned))).collect();
        let (schema, name) = (header.schema().map(<[u8]>::to_vec), header.message_type().map(str::to_owned));
        (schema, name, header.clock(), metadata)
    };
    assert!(facts(&before) == facts(&after));
    assert_eq!(after.header().clock(), Clock::UnixUtc);
    let (before, after) = (timed(&path), timed(&back));
    assert_eq!(before.len(), after.len());
    for (before, after) in before.iter().zip(&after) {
        assert!(before.0 == after.0);
    }
    // Its times too, though MCAP knows no sync frames: they come where they did.
    convert(&folder, &["--to", "mcap", "back.fls", "-o", "again.mcap"]).success();
    let [first, again] = ["events.mcap", "again.mcap"].map(|name| read_mcap(&folder.join(name)));
    assert!(first.iter().map(|message| message.log_time).eq(again.iter().map(|message| message.log_time)));
    assert!(flatstream(&folder).args(["verify", "back.fls"]).output().unwrap().status.success());
}

fn write_mcap(path: &Path, topics: &[(&str, &str)]) {
    let mut writer = mcap::Writer::new(File::create(path).unwrap()).unwrap();
    let schema = writer.add_schema("Telemetry.TelemetryEvent", "flatbuffer", telemetry_schema::BFBS).unwrap();
    let channels: Vec<_> = topics
        .iter()
        .map(|(topic, encoding)| writer.add_channel(schema, topic, encoding, &BTreeMap::new()).unwrap())
        .collect();
    for nth in 0..30u32 {
        let channel_id = channels[nth as usize % channels.len()];
        let header = mcap::records::MessageHeader { channel_id, sequence: nth, log_time: nth.into(), publish_time: 0 };
        writer.write_to_known_channel(&header, &event(nth.into())).unwrap();
    }
    writer.finish().unwrap();
}

#[test]
fn one_topic_of_an_mcap_file_becomes_a_stream() {
    let folder = Folder::new("cli-mcap-topics");
    write_mcap(&folder.join("two.mcap"), &[("/a", "flatbuffer"), ("/b", "flatbuffer"), ("/c", "json")]);
    convert(&folder, &["--from", "mcap", "two.mcap", "-o", "x.fls"]).code(2).stderr_eq(str![[r#"
error: there are several topics, /a and /b: choose one by --topic

"#]]);
    assert!(!folder.join("x.fls").exists());
    convert(&folder, &["--from", "mcap", "--topic", "/b", "two.mcap", "-o", "b.fls"]).success().stderr_eq("");
    let messages = timed(&folder.join("b.fls"));
    assert!(messages.iter().map(|(message, _)| message.clone()).eq((0..10).map(|nth| event(nth * 3 + 1))));
    for topic in ["/c", "/d"] {
        let refused = convert(&folder, &["--from", "mcap", "--topic", topic, "two.mcap", "-o", "x.fls"]).code(1);
        refused.stderr_eq(str![[r#"
error: two.mcap: there are no messages to make a stream of
  next: the topics are: /a (FlatBuffers), /b (FlatBuffers), /c (no FlatBuffers)

"#]]);
    }
    write_mcap(&folder.join("one.mcap"), &[("/a", "flatbuffer"), ("/c", "json")]);
    convert(&folder, &["--from", "mcap", "one.mcap", "-o", "one.fls"]).success().stderr_eq(str![[r#"
one.mcap: 1 topic left out, of no FlatBuffers

"#]]);
    assert_eq!(timed(&folder.join("one.fls")).len(), 15);
}

#[test]
fn what_is_no_whole_mcap_file_makes_no_stream() {
    let folder = Folder::new("cli-mcap-foreign");
    write_text(&folder, "text.mcap");
    write_mcap(&folder.join("cut.mcap"), &[("/a", "flatbuffer")]);
    let file = OpenOptions::new().write(true).open(folder.join("cut.mcap")).unwrap();
    let len = file.metadata().unwrap().len();
    file.set_len(len / 2).unwrap();
    fs::write(folder.join("empty.mcap"), b"").unwrap();
    for name in ["text.mcap", "cut.mcap", "empty.mcap"] {
        let failed = convert(&folder, &["--from", "mcap", name, "-o", "x.fls"]).code(1);
        let said = String::from_utf8(failed.get_output().stderr.clone()).unwrap();
        assert!(said.starts_with(&format!("error: {name}: ")), "{said}");
        assert!(!folder.join("x.fls").exists());
    }
    convert(&folder, &["--from", "mcap", "none.mcap", "-o", "x.fls"]).code(1).stderr_eq(str![[r#"
error: none.mcap can't be opened: No such file or directory (os error 2)

"#]]);
    convert(&folder, &["events.fls", "-o", "x"]).code(2);
    convert(&folder, &["--to", "csv", "--topic", "/a", "events.fls", "-o", "x"]).code(2).stderr_eq(str![[r#"
error: --topic and --payload are for MCAP files

"#]]);
    convert(&folder, &["--from", "mcap", "cut.mcap", "--last", "3", "-o", "x.fls"]).code(2);
}

/// Messages that are far from each other in time are few, so each may have a sync frame of its own.
#[test]
fn log_times_of_an_mcap_file_are_kept_to_within_a_second() {
    let folder = Folder::new("cli-mcap-slow");
    let mut writer = mcap::Writer::new(File::create(folder.join("slow.mcap")).unwrap()).unwrap();
    let schema = writer.add_schema("Telemetry.TelemetryEvent", "flatbuffer", telemetry_schema::BFBS).unwrap();
    let channel_id = writer.add_channel(schema, "/a", "flatbuffer", &BTreeMap::new()).unwrap();
    let times: Vec<u64> = (0..300u64).map(|nth| START as u64 + nth * nth * 100_000_000).collect();
    for (nth, log_time) in (0..).zip(&times) {
        let header = mcap::records::MessageHeader { channel_id, sequence: nth, log_time: *log_time, publish_time: 0 };
        writer.write_to_known_channel(&header, &event(nth.into())).unwrap();
    }
    writer.finish().unwrap();
    convert(&folder, &["--from", "mcap", "slow.mcap", "-o", "slow.fls"]).success();
    let found = timed(&folder.join("slow.fls"));
    assert_eq!(found.len(), times.len());
    for ((_, found), time) in found.iter().zip(&times) {
        assert!((0..1_000_000_000).contains(&(*time as i64 - found)), "{found} for {time}");
    }
}
