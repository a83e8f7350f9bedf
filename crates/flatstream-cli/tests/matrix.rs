//! Every command on every kind of file: the exit code, and the first line of what is said.

mod common;

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use common::{event, flip, read, record, record_torn};
use flatstream_testkit::folder::Folder;
use snapbox::{assert_data_eq, str};

/// Each command with its arguments; FILE is the file that it looks at, and NEW what it makes.
const COMMANDS: &[&[&str]] = &[
    &["info", "FILE"],
    &["info", "--scan", "FILE"],
    &["cat", "FILE"],
    &["cat", "--last", "1", "FILE"],
    &["cat", "--format", "csv", "FILE"],
    &["head", "-n", "1", "FILE"],
    &["tail", "-n", "1", "FILE"],
    &["verify", "FILE"],
    &["inspect", "FILE@4000"],
    &["recover", "FILE", "-o", "NEW"],
    &["recover", "FILE", "--in-place"],
    &["cut", "FILE", "-o", "NEW"],
    &["merge", "FILE", "-o", "NEW"],
    &["split", "--every-messages", "60", "FILE", "-o", "NEW"],
    &["convert", "--to", "jsonl", "FILE", "-o", "NEW"],
    &["convert", "--to", "mcap", "FILE", "-o", "NEW"],
    &["convert", "--from", "mcap", "FILE", "-o", "NEW"],
    &["record", "FILE", "-o", "NEW"],
    &["record", "FILE", "--format", "ndjson", "--schema", "telemetry.bfbs", "-o", "NEW"],
    &["record", "event.raw", "-o", "FILE"],
    &["replay", "--rate", "1000000", "FILE"],
    &["schema", "show", "FILE"],
    &["schema", "extract", "FILE", "-o", "NEW"],
    &["schema", "attach", "FILE", "--schema", "telemetry.bfbs", "-o", "NEW"],
    &["schema", "conform", "FILE", "telemetry.bfbs"],
];

const NEW: &str = "new";

/// Where the program's output goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sink {
    Pipe,
    /// A disk that is full.
    Full,
}

/// Runs all commands, each on a file that is made anew; with the name `-`, its bytes come through a pipe.
fn table(kind: &str, name: &str, sink: Sink, make: impl Fn(&Path)) -> String {
    let folder = Folder::new(&format!("cli-matrix-{kind}"));
    fs::write(folder.join("telemetry.bfbs"), telemetry_schema::BFBS).unwrap();
    fs::write(folder.join("event.raw"), [&56_u32.to_le_bytes()[..], &event(0)].concat()).unwrap();
    let mut table = String::new();
    for command in COMMANDS {
        let file = folder.join("file");
        make(&file);
        let before = contents(&file);
        let arguments = command.iter().map(|word| word.replace("FILE", name).replace("NEW", NEW));
        let mut process = Command::new(env!("CARGO_BIN_EXE_flatstream"));
        process.args(arguments).current_dir(folder.path());
        process.stdin(Stdio::null());
        // A file would be one under another name.
        let mut source = (name == "-").then(|| Command::new("cat").arg(&file).stdout(Stdio::piped()).spawn().unwrap());
        if let Some(pipe) = source.as_mut().and_then(|source| source.stdout.take()) {
            process.stdin(pipe);
        }
        if sink == Sink::Full {
            process.stdout(OpenOptions::new().write(true).open("/dev/full").unwrap());
        }
        let output = process.output().unwrap();
        // So that the pipe's reading end is closed: a command may not read all.
        drop(process);
        if let Some(mut source) = source {
            source.wait().unwrap();
        }
        let code = output.status.code().unwrap_or_else(|| panic!("{kind}, {command:?}: {}", output.status));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!((0..=3).contains(&code) && !said.contains("panicked"), "{kind}, {command:?}: {code}: {said}");
        let may_change = (command.contains(&"--in-place") || command.contains(&"event.raw")) && matches!(code, 0 | 3);
        assert!(may_change || contents(&file) == before, "{kind}, {command:?} changed the file: {said}");
        assert_what_is_left(&folder, code, sink == Sink::Full, &format!("{kind}, {command:?}: {code}: {said}"));
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let error = said.lines().find(|line| line.starts_with("error: "));
        // How long it took, and how late messages were, isn't the same each time.
        let said = said.lines().filter(|line| !line.starts_with("late by "));
        let first = error.into_iter().chain(said).chain(printed.lines()).next().unwrap_or_default();
        let first = first.split_once(" in ").filter(|_| command[0] == "replay").map_or(first, |(before, _)| before);
        let first: String = first.chars().take(120).collect();
        let words = command.iter().filter(|word| !matches!(**word, "FILE" | "NEW" | "-o" | "telemetry.bfbs"));
        let words = words.copied().collect::<Vec<_>>().join(" ");
        table += format!("{code} {words}: {first}").trim_end();
        table.push('\n');
    }
    table
}

/// Of a file that isn't huge, all of it.
fn contents(path: &Path) -> Option<Vec<u8>> {
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() < 1 << 20).then(|| read(path))
}

/// What is made is there if it is whole, and nothing half made is.
fn assert_what_is_left(folder: &Folder, code: i32, is_said_nowhere: bool, at: &str) {
    for entry in fs::read_dir(folder.path()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let is_kept = matches!(&name[..], "telemetry.bfbs" | "event.raw");
        if is_kept {
            continue;
        }
        let path = folder.join(&name);
        assert!(!name.ends_with(".new"), "{name}: {at}");
        // A recording is kept as far as it came, as are the parts of a stream that are whole; and what was made stays,
        // though nobody could be told.
        let is_kept = at.contains("\"record\"") || at.contains("\"split\"") || is_said_nowhere;
        assert!(name != NEW || matches!(code, 0 | 3) || is_kept, "{name}: {at}");
        match path.is_dir() {
            true => fs::remove_dir_all(path).unwrap(),
            false => fs::remove_file(path).unwrap(),
        }
    }
}

fn table_of(kind: &str, make: impl Fn(&Path)) -> String {
    table(kind, "file", Sink::Pipe, make)
}

/// A recording as one of `common` makes it, under another name.
fn bytes_of(make: fn(&Folder, &str) -> std::path::PathBuf, kind: &str) -> Vec<u8> {
    let folder = Folder::new(&format!("cli-matrix-bytes-{kind}"));
    read(&make(&folder, "made.fls"))
}

#[test]
fn a_good_stream() {
    let bytes = bytes_of(record, "good");
    assert_data_eq!(
        table_of("good", |path| fs::write(path, &bytes).unwrap()),
        str![[r#"
0 info: file: stream of Telemetry.TelemetryEvent
0 info --scan: file: stream of Telemetry.TelemetryEvent
0 cat:        0  2026-11-27T10:00:00Z     56 B  {"timestamp_ns":1795773600000000000,"source_id":"pump-1","value":20.0}
0 cat --last 1:       99  2026-11-27T10:00:09Z     56 B  {"timestamp_ns":1795773609900000000,"source_id":"pump-1","value":32.375}
0 cat --format csv: timestamp_ns,source_id,value
0 head -n 1:        0  2026-11-27T10:00:00Z     56 B  {"timestamp_ns":1795773600000000000,"source_id":"pump-1","value":20.0}
0 tail -n 1:       99  2026-11-27T10:00:09Z     56 B  {"timestamp_ns":1795773609900000000,"source_id":"pump-1","value":32.375}
0 verify: file: whole: 100 messages, closed at position 7568
0 inspect FILE@4000: file: position 4000 (0xfa0) is byte 8 of the body of a message's frame, from 3984 to 4048
0 recover: 100 messages saved in new, read back and compared
0 recover --in-place: file: nothing to cut: 100 messages
0 cut: 100 messages, from number 0 to 99, cut into new, read back and compared
0 merge: 100 messages of 1 stream merged into new, read back and compared
0 split --every-messages 60: 100 messages in 2 streams, each read back and compared
0 convert --to jsonl:
0 convert --to mcap:
1 convert --from mcap: error: file: Bad magic number
1 record: error: message 1, at byte 656 of the input: its length is 3712835032, expected 1 to 16777216: is each message behind its
1 record --format ndjson --schema: error: line 1: expected value, at column 1
0 record event.raw: file: 100 messages kept, the last session closed the stream; epoch 1 begins
0 replay --rate 1000000: 100 messages
0 schema show: namespace Telemetry;
0 schema extract: 460 bytes in new
0 schema attach --schema: 100 messages with their schema in new, decoded, read back and compared
0 schema conform: file can be continued under telemetry.bfbs

"#]]
    );
}

#[test]
fn a_stream_that_is_open() {
    let bytes = bytes_of(record, "open");
    let open = &bytes[..bytes.len() - 64];
    assert_data_eq!(
        table_of("open", |path| fs::write(path, open).unwrap()),
        str![[r#"
0 info: file: stream of Telemetry.TelemetryEvent
0 info --scan: file: stream of Telemetry.TelemetryEvent
0 cat:        0  2026-11-27T10:00:00Z     56 B  {"timestamp_ns":1795773600000000000,"source_id":"pump-1","value":20.0}
0 cat --last 1:       99  2026-11-27T10:00:09Z     56 B  {"timestamp_ns":1795773609900000000,"source_id":"pump-1","value":32.375}
0 cat --format csv: timestamp_ns,source_id,value
0 head -n 1:        0  2026-11-27T10:00:00Z     56 B  {"timestamp_ns":1795773600000000000,"source_id":"pump-1","value":20.0}
0 tail -n 1:       99  2026-11-27T10:00:09Z     56 B  {"timestamp_ns":1795773609900000000,"source_id":"pump-1","value":32.375}
0 verify: file: whole: 100 messages, open at position 7504
0 inspect FILE@4000: file: position 4000 (0xfa0) is byte 8 of the body of a message's frame, from 3984 to 4048
0 recover: 100 messages saved in new, read back and compared
0 recover --in-place: file: nothing to cut: 100 messages
0 cut: 100 messages, from number 0 to 99, cut into new, read back and compared
0 merge: 100 messages of 1 stream merged into new, read back and compared
0 split --every-messages 60: 100 messages in 2 streams, each read back and compared
0 convert --to jsonl:
0 convert --to mcap:
1 convert --from mcap: error: file: Bad magic number
1 record: error: message 1, at byte 656 of the input: its length is 3712835032, expected 1 to 16777216: is each message behind its
1 record --format ndjson --schema: error: line 1: expected value, at column 1
0 record event.raw: file: 100 messages kept, the last session didn't close the stream; epoch 1 begins
0 replay --rate 1000000: 100 messages
0 schema show: namespace Telemetry;
0 schema extract: 460 bytes in new
0 schema attach --schema: 100 messages with their schema in new, decoded, read back and compared
0 schema conform: file can be continued under telemetry.bfbs

"#]]
    );
}

#[test]
fn a_torn_stream() {
    let bytes = bytes_of(record_torn, "torn");
    assert_data_eq!(
        table_of("torn", |path| fs::write(path, &bytes).unwrap()),
        str![[r#"
0 info: file: stream of Telemetry.TelemetryEvent
0 info --scan: file: stream of Telemetry.TelemetryEvent
0 cat: file: torn at position 7440, 44 bytes behind not understood
0 cat --last 1: file: torn at position 7440, 44 bytes behind not understood
0 cat --format csv: file: torn at position 7440, 44 bytes behind not understood
0 head -n 1:        0  2026-11-27T10:00:00Z     56 B  {"timestamp_ns":1795773600000000000,"source_id":"pump-1","value":20.0}
0 tail -n 1: file: torn at position 7440, 44 bytes behind not understood
1 verify: file: not whole: 99 messages, torn at position 7440, 44 bytes behind not understood
0 inspect FILE@4000: file: position 4000 (0xfa0) is byte 8 of the body of a message's frame, from 3984 to 4048
0 recover: 99 messages saved in new, read back and compared
0 recover --in-place: file: 99 messages kept, the last session didn't close the stream, 44 bytes cut behind position 7440 with 0 whole message
0 cut: file: torn at position 7440, 44 bytes behind not understood
0 merge: file: torn at position 7440, 44 bytes behind not understood
0 split --every-messages 60: file: torn at position 7440, 44 bytes behind not understood
0 convert --to jsonl: file: torn at position 7440, 44 bytes behind not understood
0 convert --to mcap: file: torn at position 7440, 44 bytes behind not understood
1 convert --from mcap: error: file: Bad magic number
1 record: error: message 1, at byte 656 of the input: its length is 3712835032, expected 1 to 16777216: is each message behind its
1 record --format ndjson --schema: error: line 1: expected value, at column 1
0 record event.raw: file: 99 messages kept, the last session didn't close the stream, 44 bytes cut behind position 7440 with 0 whole message
0 replay --rate 1000000: file: torn at position 7440, 44 bytes behind not understood
0 schema show: namespace Telemetry;
0 schema extract: 460 bytes in new
0 schema attach --schema: file: torn at position 7440, 44 bytes behind not understood
0 schema conform: file can be continued under telemetry.bfbs

"#]]
    );
}

#[test]
fn a_damaged_stream() {
    let bytes = bytes_of(record, "damaged");
    let make = |path: &Path| {
        fs::write(path, &bytes).unwrap();
        flip(path, 4000);
    };
    assert_data_eq!(
        table_of("damaged", make),
        str![[r#"
0 info: file: stream of Telemetry.TelemetryEvent
1 info --scan: error: file: damaged at position 3984: the frame's check is 0x354e12e5, expected 0x29670fe1 (length 56); a sync frame of
1 cat: error: file: damaged at position 3984: the frame's check is 0x354e12e5, expected 0x29670fe1 (length 56); a sync frame of
0 cat --last 1:       99  2026-11-27T10:00:09Z     56 B  {"timestamp_ns":1795773609900000000,"source_id":"pump-1","value":32.375}
1 cat --format csv: error: file: damaged at position 3984: the frame's check is 0x354e12e5, expected 0x29670fe1 (length 56); a sync frame of
0 head -n 1:        0  2026-11-27T10:00:00Z     56 B  {"timestamp_ns":1795773600000000000,"source_id":"pump-1","value":20.0}
0 tail -n 1:       99  2026-11-27T10:00:09Z     56 B  {"timestamp_ns":1795773609900000000,"source_id":"pump-1","value":32.375}
1 verify: file: not whole: damaged at position 3984: the frame's check is 0x354e12e5, expected 0x29670fe1 (length 56); a sync fram
1 inspect FILE@4000: file: position 4000 (0xfa0) is byte 8 of the body of a message's frame, from 3984 to 4048, which is not good
3 recover: 99 messages saved in new, read back and compared
1 recover --in-place: error: file is corrupt at position 3984, nothing behind was delivered; a sync frame of this stream follows at position 7
1 cut: error: file: damaged at position 3984: the frame's check is 0x354e12e5, expected 0x29670fe1 (length 56); a sync frame of
1 merge: error: file: damaged at position 3984: the frame's check is 0x354e12e5, expected 0x29670fe1 (length 56); a sync frame of
1 split --every-messages 60: error: file: damaged at position 3984: the frame's check is 0x354e12e5, expected 0x29670fe1 (length 56); a sync frame of
1 convert --to jsonl: error: file: damaged at position 3984: the frame's check is 0x354e12e5, expected 0x29670fe1 (length 56); a sync frame of
1 convert --to mcap: error: file: damaged at position 3984: the frame's check is 0x354e12e5, expected 0x29670fe1 (length 56); a sync frame of
1 convert --from mcap: error: file: Bad magic number
1 record: error: message 1, at byte 656 of the input: its length is 3712835032, expected 1 to 16777216: is each message behind its
1 record --format ndjson --schema: error: line 1: expected value, at column 1
0 record event.raw: file: 100 messages kept, the last session closed the stream; epoch 1 begins
1 replay --rate 1000000: error: file: damaged at position 3984: the frame's check is 0x354e12e5, expected 0x29670fe1 (length 56); a sync frame of
0 schema show: namespace Telemetry;
0 schema extract: 460 bytes in new
1 schema attach --schema: error: file: damaged at position 3984: the frame's check is 0x354e12e5, expected 0x29670fe1 (length 56); a sync frame of
0 schema conform: file can be continued under telemetry.bfbs

"#]]
    );
}

#[test]
fn a_stream_whose_header_is_damaged() {
    let bytes = bytes_of(record, "header");
    let make = |path: &Path| {
        fs::write(path, &bytes).unwrap();
        flip(path, 100);
    };
    assert_data_eq!(
        table_of("header", make),
        str![[r#"
1 info: error: file: the header is damaged: its check at position 652 is 0x19c279ef, expected 0xde64f1ba
1 info --scan: error: file: the header is damaged: its check at position 652 is 0x19c279ef, expected 0xde64f1ba
1 cat: error: file: the header is damaged: its check at position 652 is 0x19c279ef, expected 0xde64f1ba
1 cat --last 1: error: file: the header is damaged: its check at position 652 is 0x19c279ef, expected 0xde64f1ba
1 cat --format csv: error: file: the header is damaged: its check at position 652 is 0x19c279ef, expected 0xde64f1ba
1 head -n 1: error: file: the header is damaged: its check at position 652 is 0x19c279ef, expected 0xde64f1ba
1 tail -n 1: error: file: the header is damaged: its check at position 652 is 0x19c279ef, expected 0xde64f1ba
1 verify: error: file: the header is damaged: its check at position 652 is 0x19c279ef, expected 0xde64f1ba
0 inspect FILE@4000: file: position 4000 (0xfa0) is byte 8 of the body of a message's frame, from 3984 to 4048
3 recover: 100 messages saved in new, read back and compared
1 recover --in-place: error: file: the header is damaged: its check at position 652 is 0x19c279ef, expected 0xde64f1ba
1 cut: error: file: the header is damaged: its check at position 652 is 0x19c279ef, expected 0xde64f1ba
1 merge: error: file: the header is damaged: its check at position 652 is 0x19c279ef, expected 0xde64f1ba
1 split --every-messages 60: error: file: the header is damaged: its check at position 652 is 0x19c279ef, expected 0xde64f1ba
1 convert --to jsonl: error: file: the header is damaged: its check at position 652 is 0x19c279ef, expected 0xde64f1ba
1 convert --to mcap: error: file: the header is damaged: its check at position 652 is 0x19c279ef, expected 0xde64f1ba
1 convert --from mcap: error: file: Bad magic number
1 record: error: message 1, at byte 656 of the input: its length is 3712835032, expected 1 to 16777216: is each message behind its
1 record --format ndjson --schema: error: line 1: expected value, at column 1
1 record event.raw: error: file: the header is damaged: its check at position 652 is 0x19c279ef, expected 0xde64f1ba
1 replay --rate 1000000: error: file: the header is damaged: its check at position 652 is 0x19c279ef, expected 0xde64f1ba
1 schema show: error: file: the header is damaged: its check at position 652 is 0x19c279ef, expected 0xde64f1ba
1 schema extract: error: file: the header is damaged: its check at position 652 is 0x19c279ef, expected 0xde64f1ba
1 schema attach --schema: error: file: the header is damaged: its check at position 652 is 0x19c279ef, expected 0xde64f1ba
1 schema conform: error: file: the header is damaged: its check at position 652 is 0x19c279ef, expected 0xde64f1ba

"#]]
    );
}

#[test]
fn a_stream_that_ends_in_its_header() {
    let bytes = bytes_of(record, "short");
    assert_data_eq!(
        table_of("short", |path| fs::write(path, &bytes[..100]).unwrap()),
        str![[r#"
1 info: error: file: the data end inside the header: expected 656 bytes, found 100; these bytes hold no message
1 info --scan: error: file: the data end inside the header: expected 656 bytes, found 100; these bytes hold no message
1 cat: error: file: the data end inside the header: expected 656 bytes, found 100; these bytes hold no message
1 cat --last 1: error: file: the data end inside the header: expected 656 bytes, found 100; these bytes hold no message
1 cat --format csv: error: file: the data end inside the header: expected 656 bytes, found 100; these bytes hold no message
1 head -n 1: error: file: the data end inside the header: expected 656 bytes, found 100; these bytes hold no message
1 tail -n 1: error: file: the data end inside the header: expected 656 bytes, found 100; these bytes hold no message
1 verify: error: file: the data end inside the header: expected 656 bytes, found 100; these bytes hold no message
1 inspect FILE@4000: file: position 4000 (0xfa0) is in bytes before which no sync frame stands, so that nothing is known of them
1 recover: error: file: the data end inside the header: expected 656 bytes, found 100; these bytes hold no message
1 recover --in-place: error: file: the data end inside the header: expected 101 bytes, found 100; these bytes hold no message
1 cut: error: file: the data end inside the header: expected 656 bytes, found 100; these bytes hold no message
1 merge: error: file: the data end inside the header: expected 656 bytes, found 100; these bytes hold no message
1 split --every-messages 60: error: file: the data end inside the header: expected 656 bytes, found 100; these bytes hold no message
1 convert --to jsonl: error: file: the data end inside the header: expected 656 bytes, found 100; these bytes hold no message
1 convert --to mcap: error: file: the data end inside the header: expected 656 bytes, found 100; these bytes hold no message
1 convert --from mcap: error: file: Bad magic number
1 record: error: message 0, at byte 0 of the input: the input ends within it: expected 652 bytes, found 96
1 record --format ndjson --schema: error: line 1: expected value, at column 1
0 record event.raw: file: 1 message recorded, 56 bytes; closed
1 replay --rate 1000000: error: file: the data end inside the header: expected 656 bytes, found 100; these bytes hold no message
1 schema show: error: file: the data end inside the header: expected 656 bytes, found 100; these bytes hold no message
1 schema extract: error: file: the data end inside the header: expected 656 bytes, found 100; these bytes hold no message
1 schema attach --schema: error: file: the data end inside the header: expected 656 bytes, found 100; these bytes hold no message
1 schema conform: error: file: the data end inside the header: expected 656 bytes, found 100; these bytes hold no message

"#]]
    );
}

#[test]
fn a_file_of_no_bytes() {
    assert_data_eq!(
        table_of("empty", |path| fs::write(path, "").unwrap()),
        str![[r#"
1 info: error: file: not a flatstream: expected "FLS1" at position 8, found no bytes at all
1 info --scan: error: file: not a flatstream: expected "FLS1" at position 8, found no bytes at all
1 cat: error: file: not a flatstream: expected "FLS1" at position 8, found no bytes at all
1 cat --last 1: error: file: not a flatstream: expected "FLS1" at position 8, found no bytes at all
1 cat --format csv: error: file: not a flatstream: expected "FLS1" at position 8, found no bytes at all
1 head -n 1: error: file: not a flatstream: expected "FLS1" at position 8, found no bytes at all
1 tail -n 1: error: file: not a flatstream: expected "FLS1" at position 8, found no bytes at all
1 verify: error: file: not a flatstream: expected "FLS1" at position 8, found no bytes at all
1 inspect FILE@4000: error: file is empty
1 recover: error: file: not a flatstream: expected "FLS1" at position 8, found no bytes at all
1 recover --in-place: error: file: the data end inside the header: expected 1 bytes, found 0; these bytes hold no message
1 cut: error: file: not a flatstream: expected "FLS1" at position 8, found no bytes at all
1 merge: error: file: not a flatstream: expected "FLS1" at position 8, found no bytes at all
1 split --every-messages 60: error: file: not a flatstream: expected "FLS1" at position 8, found no bytes at all
1 convert --to jsonl: error: file: not a flatstream: expected "FLS1" at position 8, found no bytes at all
1 convert --to mcap: error: file: not a flatstream: expected "FLS1" at position 8, found no bytes at all
1 convert --from mcap: error: file: MCAP file ended in the middle of a record
0 record: new: 0 messages recorded, 0 bytes; closed
0 record --format ndjson --schema: new: 0 messages recorded, 0 bytes; closed
0 record event.raw: file: 1 message recorded, 56 bytes; closed
1 replay --rate 1000000: error: file: not a flatstream: expected "FLS1" at position 8, found no bytes at all
1 schema show: error: file: not a flatstream: expected "FLS1" at position 8, found no bytes at all
1 schema extract: error: file: not a flatstream: expected "FLS1" at position 8, found no bytes at all
1 schema attach --schema: error: file: not a flatstream: expected "FLS1" at position 8, found no bytes at all
1 schema conform: error: file: not a flatstream: expected "FLS1" at position 8, found no bytes at all

"#]]
    );
}

#[test]
fn a_picture() {
    let png =
        [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89".as_slice(), &[7; 5000]]
            .concat();
    assert_data_eq!(
        table_of("png", |path| fs::write(path, &png).unwrap()),
        str![[r#"
1 info: error: file: not a flatstream: expected "FLS1" at position 8, found "/x89PNG/r/n/x1a/n/x00/x00/x00/r"
1 info --scan: error: file: not a flatstream: expected "FLS1" at position 8, found "/x89PNG/r/n/x1a/n/x00/x00/x00/r"
1 cat: error: file: not a flatstream: expected "FLS1" at position 8, found "/x89PNG/r/n/x1a/n/x00/x00/x00/r"
1 cat --last 1: error: file: not a flatstream: expected "FLS1" at position 8, found "/x89PNG/r/n/x1a/n/x00/x00/x00/r"
1 cat --format csv: error: file: not a flatstream: expected "FLS1" at position 8, found "/x89PNG/r/n/x1a/n/x00/x00/x00/r"
1 head -n 1: error: file: not a flatstream: expected "FLS1" at position 8, found "/x89PNG/r/n/x1a/n/x00/x00/x00/r"
1 tail -n 1: error: file: not a flatstream: expected "FLS1" at position 8, found "/x89PNG/r/n/x1a/n/x00/x00/x00/r"
1 verify: error: file: not a flatstream: expected "FLS1" at position 8, found "/x89PNG/r/n/x1a/n/x00/x00/x00/r"
1 inspect FILE@4000: file: position 4000 (0xfa0) is in bytes before which no sync frame stands, so that nothing is known of them
1 recover: error: file: not a flatstream: expected "FLS1" at position 8, found "/x89PNG/r/n/x1a/n/x00/x00/x00/r"
1 recover --in-place: error: file: not a flatstream: expected "FLS1" at position 8, found "/x89PNG/r/n/x1a/n/x00/x00/x00/r"
1 cut: error: file: not a flatstream: expected "FLS1" at position 8, found "/x89PNG/r/n/x1a/n/x00/x00/x00/r"
1 merge: error: file: not a flatstream: expected "FLS1" at position 8, found "/x89PNG/r/n/x1a/n/x00/x00/x00/r"
1 split --every-messages 60: error: file: not a flatstream: expected "FLS1" at position 8, found "/x89PNG/r/n/x1a/n/x00/x00/x00/r"
1 convert --to jsonl: error: file: not a flatstream: expected "FLS1" at position 8, found "/x89PNG/r/n/x1a/n/x00/x00/x00/r"
1 convert --to mcap: error: file: not a flatstream: expected "FLS1" at position 8, found "/x89PNG/r/n/x1a/n/x00/x00/x00/r"
1 convert --from mcap: error: file: Bad magic number
1 record: error: message 0, at byte 0 of the input: its length is 1196314761, expected 1 to 16777216: is each message behind its l
1 record --format ndjson --schema: error: line 1: expected value, at column 1
1 record event.raw: error: file: not a flatstream: expected "FLS1" at position 8, found "/x89PNG/r/n/x1a/n/x00/x00/x00/r"
1 replay --rate 1000000: error: file: not a flatstream: expected "FLS1" at position 8, found "/x89PNG/r/n/x1a/n/x00/x00/x00/r"
1 schema show: error: file: not a flatstream: expected "FLS1" at position 8, found "/x89PNG/r/n/x1a/n/x00/x00/x00/r"
1 schema extract: error: file: not a flatstream: expected "FLS1" at position 8, found "/x89PNG/r/n/x1a/n/x00/x00/x00/r"
1 schema attach --schema: error: file: not a flatstream: expected "FLS1" at position 8, found "/x89PNG/r/n/x1a/n/x00/x00/x00/r"
1 schema conform: error: file: not a flatstream: expected "FLS1" at position 8, found "/x89PNG/r/n/x1a/n/x00/x00/x00/r"

"#]]
    );
}

#[test]
fn lines_of_text() {
    let text = "{\"value\":1}\n".repeat(500);
    assert_data_eq!(
        table_of("text", |path| fs::write(path, &text).unwrap()),
        str![[r#"
1 info: error: file: not a flatstream: expected "FLS1" at position 8, found "{/"value/":1}/n"
1 info --scan: error: file: not a flatstream: expected "FLS1" at position 8, found "{/"value/":1}/n"
1 cat: error: file: not a flatstream: expected "FLS1" at position 8, found "{/"value/":1}/n"
1 cat --last 1: error: file: not a flatstream: expected "FLS1" at position 8, found "{/"value/":1}/n"
1 cat --format csv: error: file: not a flatstream: expected "FLS1" at position 8, found "{/"value/":1}/n"
1 head -n 1: error: file: not a flatstream: expected "FLS1" at position 8, found "{/"value/":1}/n"
1 tail -n 1: error: file: not a flatstream: expected "FLS1" at position 8, found "{/"value/":1}/n"
1 verify: error: file: not a flatstream: expected "FLS1" at position 8, found "{/"value/":1}/n"
1 inspect FILE@4000: file: position 4000 (0xfa0) is in bytes before which no sync frame stands, so that nothing is known of them
1 recover: error: file: not a flatstream: expected "FLS1" at position 8, found "{/"value/":1}/n"
1 recover --in-place: error: file: not a flatstream: expected "FLS1" at position 8, found "{/"value/":1}/n"
1 cut: error: file: not a flatstream: expected "FLS1" at position 8, found "{/"value/":1}/n"
1 merge: error: file: not a flatstream: expected "FLS1" at position 8, found "{/"value/":1}/n"
1 split --every-messages 60: error: file: not a flatstream: expected "FLS1" at position 8, found "{/"value/":1}/n"
1 convert --to jsonl: error: file: not a flatstream: expected "FLS1" at position 8, found "{/"value/":1}/n"
1 convert --to mcap: error: file: not a flatstream: expected "FLS1" at position 8, found "{/"value/":1}/n"
1 convert --from mcap: error: file: Bad magic number
1 record: error: message 0, at byte 0 of the input: its length is 1635132027, expected 1 to 16777216: is each message behind its l
0 record --format ndjson --schema: new: 500 messages recorded, 16,000 bytes; closed
1 record event.raw: error: file: not a flatstream: expected "FLS1" at position 8, found "{/"value/":1}/n"
1 replay --rate 1000000: error: file: not a flatstream: expected "FLS1" at position 8, found "{/"value/":1}/n"
1 schema show: error: file: not a flatstream: expected "FLS1" at position 8, found "{/"value/":1}/n"
1 schema extract: error: file: not a flatstream: expected "FLS1" at position 8, found "{/"value/":1}/n"
1 schema attach --schema: error: file: not a flatstream: expected "FLS1" at position 8, found "{/"value/":1}/n"
1 schema conform: error: file: not a flatstream: expected "FLS1" at position 8, found "{/"value/":1}/n"

"#]]
    );
}

#[test]
fn an_mcap_file() {
    let folder = Folder::new("cli-matrix-mcap-file");
    record(&folder, "events.fls");
    let arguments = ["convert", "--to", "mcap", "events.fls", "-o", "events.mcap"];
    common::flatstream(&folder).args(arguments).assert().success();
    let mcap = read(&folder.join("events.mcap"));
    assert_data_eq!(
        table_of("mcap", |path| fs::write(path, &mcap).unwrap()),
        str![[r#"
1 info: error: file: not a flatstream: expected "FLS1" at position 8, found "/x89MCAP0/r/n/x01/x1c/x00/x00"
1 info --scan: error: file: not a flatstream: expected "FLS1" at position 8, found "/x89MCAP0/r/n/x01/x1c/x00/x00"
1 cat: error: file: not a flatstream: expected "FLS1" at position 8, found "/x89MCAP0/r/n/x01/x1c/x00/x00"
1 cat --last 1: error: file: not a flatstream: expected "FLS1" at position 8, found "/x89MCAP0/r/n/x01/x1c/x00/x00"
1 cat --format csv: error: file: not a flatstream: expected "FLS1" at position 8, found "/x89MCAP0/r/n/x01/x1c/x00/x00"
1 head -n 1: error: file: not a flatstream: expected "FLS1" at position 8, found "/x89MCAP0/r/n/x01/x1c/x00/x00"
1 tail -n 1: error: file: not a flatstream: expected "FLS1" at position 8, found "/x89MCAP0/r/n/x01/x1c/x00/x00"
1 verify: error: file: not a flatstream: expected "FLS1" at position 8, found "/x89MCAP0/r/n/x01/x1c/x00/x00"
1 inspect FILE@4000: file: position 4000 (0xfa0) is in bytes before which no sync frame stands, so that nothing is known of them
1 recover: error: file: not a flatstream: expected "FLS1" at position 8, found "/x89MCAP0/r/n/x01/x1c/x00/x00"
1 recover --in-place: error: file: not a flatstream: expected "FLS1" at position 8, found "/x89MCAP0/r/n/x01/x1c/x00/x00"
1 cut: error: file: not a flatstream: expected "FLS1" at position 8, found "/x89MCAP0/r/n/x01/x1c/x00/x00"
1 merge: error: file: not a flatstream: expected "FLS1" at position 8, found "/x89MCAP0/r/n/x01/x1c/x00/x00"
1 split --every-messages 60: error: file: not a flatstream: expected "FLS1" at position 8, found "/x89MCAP0/r/n/x01/x1c/x00/x00"
1 convert --to jsonl: error: file: not a flatstream: expected "FLS1" at position 8, found "/x89MCAP0/r/n/x01/x1c/x00/x00"
1 convert --to mcap: error: file: not a flatstream: expected "FLS1" at position 8, found "/x89MCAP0/r/n/x01/x1c/x00/x00"
0 convert --from mcap:
1 record: error: message 0, at byte 0 of the input: its length is 1094929801, expected 1 to 16777216: is each message behind its l
1 record --format ndjson --schema: error: line 1: expected value, at column 1
1 record event.raw: error: file: not a flatstream: expected "FLS1" at position 8, found "/x89MCAP0/r/n/x01/x1c/x00/x00"
1 replay --rate 1000000: error: file: not a flatstream: expected "FLS1" at position 8, found "/x89MCAP0/r/n/x01/x1c/x00/x00"
1 schema show: error: file: not a flatstream: expected "FLS1" at position 8, found "/x89MCAP0/r/n/x01/x1c/x00/x00"
1 schema extract: error: file: not a flatstream: expected "FLS1" at position 8, found "/x89MCAP0/r/n/x01/x1c/x00/x00"
1 schema attach --schema: error: file: not a flatstream: expected "FLS1" at position 8, found "/x89MCAP0/r/n/x01/x1c/x00/x00"
1 schema conform: error: file: not a flatstream: expected "FLS1" at position 8, found "/x89MCAP0/r/n/x01/x1c/x00/x00"

"#]]
    );
}

#[test]
fn ten_gigabytes_of_nothing() {
    assert_data_eq!(
        table_of("sparse", |path| File::create(path).unwrap().set_len(10 << 30).unwrap()),
        str![[r#"
1 info: error: file: not a flatstream: expected "FLS1" at position 8, found "/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00"
1 info --scan: error: file: not a flatstream: expected "FLS1" at position 8, found "/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00"
1 cat: error: file: not a flatstream: expected "FLS1" at position 8, found "/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00"
1 cat --last 1: error: file: not a flatstream: expected "FLS1" at position 8, found "/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00"
1 cat --format csv: error: file: not a flatstream: expected "FLS1" at position 8, found "/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00"
1 head -n 1: error: file: not a flatstream: expected "FLS1" at position 8, found "/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00"
1 tail -n 1: error: file: not a flatstream: expected "FLS1" at position 8, found "/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00"
1 verify: error: file: not a flatstream: expected "FLS1" at position 8, found "/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00"
1 inspect FILE@4000: file: position 4000 (0xfa0) is in bytes before which no sync frame stands, so that nothing is known of them
1 recover: error: file: not a flatstream: expected "FLS1" at position 8, found "/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00"
1 recover --in-place: error: file: the data end inside the header: expected 10737418241 bytes, found 10737418240; these bytes hold no message
1 cut: error: file: not a flatstream: expected "FLS1" at position 8, found "/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00"
1 merge: error: file: not a flatstream: expected "FLS1" at position 8, found "/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00"
1 split --every-messages 60: error: file: not a flatstream: expected "FLS1" at position 8, found "/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00"
1 convert --to jsonl: error: file: not a flatstream: expected "FLS1" at position 8, found "/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00"
1 convert --to mcap: error: file: not a flatstream: expected "FLS1" at position 8, found "/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00"
1 convert --from mcap: error: file: Bad magic number
1 record: error: message 0, at byte 0 of the input: its length is 0, expected 1 to 16777216: is each message behind its length in
1 record --format ndjson --schema: error: line 1: it is longer than 268,435,456 bytes
0 record event.raw: file: 1 message recorded, 56 bytes; closed
1 replay --rate 1000000: error: file: not a flatstream: expected "FLS1" at position 8, found "/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00"
1 schema show: error: file: not a flatstream: expected "FLS1" at position 8, found "/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00"
1 schema extract: error: file: not a flatstream: expected "FLS1" at position 8, found "/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00"
1 schema attach --schema: error: file: not a flatstream: expected "FLS1" at position 8, found "/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00"
1 schema conform: error: file: not a flatstream: expected "FLS1" at position 8, found "/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00"

"#]]
    );
}

#[test]
fn a_stream_in_a_preallocated_file() {
    let bytes = bytes_of(record, "preallocated");
    let make = |path: &Path| {
        let mut file = File::create(path).unwrap();
        file.write_all(&bytes).unwrap();
        file.set_len(256 << 20).unwrap();
    };
    assert_data_eq!(
        table_of("preallocated", make),
        str![[r#"
0 info: file: stream of Telemetry.TelemetryEvent
0 info --scan: file: stream of Telemetry.TelemetryEvent
0 cat:        0  2026-11-27T10:00:00Z     56 B  {"timestamp_ns":1795773600000000000,"source_id":"pump-1","value":20.0}
0 cat --last 1:       99  2026-11-27T10:00:09Z     56 B  {"timestamp_ns":1795773609900000000,"source_id":"pump-1","value":32.375}
0 cat --format csv: timestamp_ns,source_id,value
0 head -n 1:        0  2026-11-27T10:00:00Z     56 B  {"timestamp_ns":1795773600000000000,"source_id":"pump-1","value":20.0}
0 tail -n 1:       99  2026-11-27T10:00:09Z     56 B  {"timestamp_ns":1795773609900000000,"source_id":"pump-1","value":32.375}
0 verify: file: whole: 100 messages, closed at position 7568, 268427888 blank bytes behind
0 inspect FILE@4000: file: position 4000 (0xfa0) is byte 8 of the body of a message's frame, from 3984 to 4048
0 recover: 100 messages saved in new, read back and compared
0 recover --in-place: file: 100 messages kept, the last session closed the stream, 268427888 bytes cut behind position 7568 with 0 whole messa
0 cut: 100 messages, from number 0 to 99, cut into new, read back and compared
0 merge: 100 messages of 1 stream merged into new, read back and compared
0 split --every-messages 60: 100 messages in 2 streams, each read back and compared
0 convert --to jsonl:
0 convert --to mcap:
1 convert --from mcap: error: file: Bad magic number
1 record: error: message 1, at byte 656 of the input: its length is 3712835032, expected 1 to 16777216: is each message behind its
1 record --format ndjson --schema: error: line 1: expected value, at column 1
0 record event.raw: file: 100 messages kept, the last session closed the stream, 268427888 bytes cut behind position 7568 with 0 whole messa
0 replay --rate 1000000: 100 messages
0 schema show: namespace Telemetry;
0 schema extract: 460 bytes in new
0 schema attach --schema: 100 messages with their schema in new, decoded, read back and compared
0 schema conform: file can be continued under telemetry.bfbs

"#]]
    );
}

#[test]
fn a_folder_without_a_log() {
    assert_data_eq!(
        table_of("folder", |path| fs::create_dir(path).unwrap()),
        str![[r#"
1 info: error: file holds no segment of a log
1 info --scan: error: file holds no segment of a log
1 cat: error: file holds no segment of a log
1 cat --last 1: error: file holds no segment of a log
1 cat --format csv: error: file holds no segment of a log
1 head -n 1: error: file holds no segment of a log
1 tail -n 1: error: file holds no segment of a log
1 verify: error: file holds no segment of a log
2 inspect FILE@4000: error: file is no file: a segment of a log is one
1 recover: error: file: reading failed at position 0: Is a directory (os error 21)
1 recover --in-place: error: file can't be opened: Is a directory (os error 21)
1 cut: error: file holds no segment of a log
1 merge: error: file holds no segment of a log
1 split --every-messages 60: error: file holds no segment of a log
1 convert --to jsonl: error: file holds no segment of a log
1 convert --to mcap: error: file holds no segment of a log
1 convert --from mcap: error: file can't be read: Is a directory (os error 21)
2 record: error: file is a folder: messages come from a file or a pipe
2 record --format ndjson --schema: error: file is a folder: messages come from a file or a pipe
1 record event.raw: error: file can't be opened: Is a directory (os error 21)
1 replay --rate 1000000: error: file holds no segment of a log
1 schema show: error: file holds no segment of a log
1 schema extract: error: file holds no segment of a log
1 schema attach --schema: error: file holds no segment of a log
1 schema conform: error: file holds no segment of a log

"#]]
    );
}

#[test]
fn nothing_of_this_name() {
    assert_data_eq!(
        table_of("none", |_| {}),
        str![[r#"
1 info: error: file can't be opened: No such file or directory (os error 2)
1 info --scan: error: file can't be opened: No such file or directory (os error 2)
1 cat: error: file can't be opened: No such file or directory (os error 2)
1 cat --last 1: error: file can't be opened: No such file or directory (os error 2)
1 cat --format csv: error: file can't be opened: No such file or directory (os error 2)
1 head -n 1: error: file can't be opened: No such file or directory (os error 2)
1 tail -n 1: error: file can't be opened: No such file or directory (os error 2)
1 verify: error: file can't be opened: No such file or directory (os error 2)
1 inspect FILE@4000: error: file can't be opened: No such file or directory (os error 2)
1 recover: error: file can't be opened: No such file or directory (os error 2)
1 recover --in-place: error: file can't be opened: entity not found
1 cut: error: file can't be opened: No such file or directory (os error 2)
1 merge: error: file can't be opened: No such file or directory (os error 2)
1 split --every-messages 60: error: file can't be opened: No such file or directory (os error 2)
1 convert --to jsonl: error: file can't be opened: No such file or directory (os error 2)
1 convert --to mcap: error: file can't be opened: No such file or directory (os error 2)
1 convert --from mcap: error: file can't be opened: No such file or directory (os error 2)
1 record: error: file can't be opened: No such file or directory (os error 2)
1 record --format ndjson --schema: error: file can't be opened: No such file or directory (os error 2)
0 record event.raw: file: 1 message recorded, 56 bytes; closed
1 replay --rate 1000000: error: file can't be opened: No such file or directory (os error 2)
1 schema show: error: file can't be opened: No such file or directory (os error 2)
1 schema extract: error: file can't be opened: No such file or directory (os error 2)
1 schema attach --schema: error: file can't be opened: No such file or directory (os error 2)
1 schema conform: error: file can't be opened: No such file or directory (os error 2)

"#]]
    );
}

#[test]
fn a_good_stream_through_a_pipe() {
    let bytes = bytes_of(record, "pipe");
    assert_data_eq!(
        table("pipe", "-", Sink::Pipe, |path| fs::write(path, &bytes).unwrap()),
        str![[r#"
0 info: standard input: stream of Telemetry.TelemetryEvent
0 info --scan: standard input: stream of Telemetry.TelemetryEvent
0 cat:        0  2026-11-27T10:00:00Z     56 B  {"timestamp_ns":1795773600000000000,"source_id":"pump-1","value":20.0}
0 cat --last 1:       99  2026-11-27T10:00:09Z     56 B  {"timestamp_ns":1795773609900000000,"source_id":"pump-1","value":32.375}
0 cat --format csv: timestamp_ns,source_id,value
0 head -n 1:        0  2026-11-27T10:00:00Z     56 B  {"timestamp_ns":1795773600000000000,"source_id":"pump-1","value":20.0}
0 tail -n 1:       99  2026-11-27T10:00:09Z     56 B  {"timestamp_ns":1795773609900000000,"source_id":"pump-1","value":32.375}
0 verify: -: whole: 100 messages, closed at position 7568
2 inspect FILE@4000: error: unexpected argument '-@' found
2 recover: error: what is recovered is read more than once: put the standard input into a file first
2 recover --in-place: error: what is recovered is read more than once: put the standard input into a file first
0 cut: 100 messages, from number 0 to 99, cut into new, read back and compared
0 merge: 100 messages of 1 stream merged into new, read back and compared
0 split --every-messages 60: 100 messages in 2 streams, each read back and compared
0 convert --to jsonl:
0 convert --to mcap:
1 convert --from mcap: error: -: Bad magic number
1 record: error: message 1, at byte 656 of the input: its length is 3712835032, expected 1 to 16777216: is each message behind its
1 record --format ndjson --schema: error: line 1: expected value, at column 1
2 record event.raw: error: a recording is durable, so it has to be a file
0 replay --rate 1000000: 100 messages
0 schema show: namespace Telemetry;
0 schema extract: 460 bytes in new
0 schema attach --schema: 100 messages with their schema in new, decoded, read back and compared
0 schema conform: - can be continued under telemetry.bfbs

"#]]
    );
}

#[test]
fn a_damaged_stream_through_a_pipe() {
    let bytes = bytes_of(record, "pipe-damaged");
    let make = |path: &Path| {
        fs::write(path, &bytes).unwrap();
        flip(path, 4000);
    };
    assert_data_eq!(
        table("pipe-damaged", "-", Sink::Pipe, make),
        str![[r#"
1 info: error: standard input: damaged at position 3984: the frame's check is 0x354e12e5, expected 0x29670fe1 (length 56); a syn
1 info --scan: error: standard input: damaged at position 3984: the frame's check is 0x354e12e5, expected 0x29670fe1 (length 56); a syn
1 cat: error: standard input: damaged at position 3984: the frame's check is 0x354e12e5, expected 0x29670fe1 (length 56); a syn
1 cat --last 1: error: standard input: damaged at position 3984: the frame's check is 0x354e12e5, expected 0x29670fe1 (length 56); a syn
1 cat --format csv: error: standard input: damaged at position 3984: the frame's check is 0x354e12e5, expected 0x29670fe1 (length 56); a syn
0 head -n 1:        0  2026-11-27T10:00:00Z     56 B  {"timestamp_ns":1795773600000000000,"source_id":"pump-1","value":20.0}
1 tail -n 1: error: standard input: damaged at position 3984: the frame's check is 0x354e12e5, expected 0x29670fe1 (length 56); a syn
1 verify: -: not whole: damaged at position 3984: the frame's check is 0x354e12e5, expected 0x29670fe1 (length 56); a sync frame o
2 inspect FILE@4000: error: unexpected argument '-@' found
2 recover: error: what is recovered is read more than once: put the standard input into a file first
2 recover --in-place: error: what is recovered is read more than once: put the standard input into a file first
1 cut: error: standard input: damaged at position 3984: the frame's check is 0x354e12e5, expected 0x29670fe1 (length 56); a syn
1 merge: error: standard input: damaged at position 3984: the frame's check is 0x354e12e5, expected 0x29670fe1 (length 56); a syn
1 split --every-messages 60: error: standard input: damaged at position 3984: the frame's check is 0x354e12e5, expected 0x29670fe1 (length 56); a syn
1 convert --to jsonl: error: standard input: damaged at position 3984: the frame's check is 0x354e12e5, expected 0x29670fe1 (length 56); a syn
1 convert --to mcap: error: standard input: damaged at position 3984: the frame's check is 0x354e12e5, expected 0x29670fe1 (length 56); a syn
1 convert --from mcap: error: -: Bad magic number
1 record: error: message 1, at byte 656 of the input: its length is 3712835032, expected 1 to 16777216: is each message behind its
1 record --format ndjson --schema: error: line 1: expected value, at column 1
2 record event.raw: error: a recording is durable, so it has to be a file
1 replay --rate 1000000: error: standard input: damaged at position 3984: the frame's check is 0x354e12e5, expected 0x29670fe1 (length 56); a syn
0 schema show: namespace Telemetry;
0 schema extract: 460 bytes in new
1 schema attach --schema: error: standard input: damaged at position 3984: the frame's check is 0x354e12e5, expected 0x29670fe1 (length 56); a syn
0 schema conform: - can be continued under telemetry.bfbs

"#]]
    );
}

#[test]
fn a_torn_stream_through_a_pipe() {
    let bytes = bytes_of(record_torn, "pipe-torn");
    assert_data_eq!(
        table("pipe-torn", "-", Sink::Pipe, |path| fs::write(path, &bytes).unwrap()),
        str![[r#"
0 info: standard input: stream of Telemetry.TelemetryEvent
0 info --scan: standard input: stream of Telemetry.TelemetryEvent
0 cat: standard input: torn at position 7440, 44 bytes behind not understood
0 cat --last 1: standard input: torn at position 7440, 44 bytes behind not understood
0 cat --format csv: standard input: torn at position 7440, 44 bytes behind not understood
0 head -n 1:        0  2026-11-27T10:00:00Z     56 B  {"timestamp_ns":1795773600000000000,"source_id":"pump-1","value":20.0}
0 tail -n 1: standard input: torn at position 7440, 44 bytes behind not understood
1 verify: -: not whole: 99 messages, torn at position 7440, 44 bytes behind not understood
2 inspect FILE@4000: error: unexpected argument '-@' found
2 recover: error: what is recovered is read more than once: put the standard input into a file first
2 recover --in-place: error: what is recovered is read more than once: put the standard input into a file first
0 cut: standard input: torn at position 7440, 44 bytes behind not understood
0 merge: standard input: torn at position 7440, 44 bytes behind not understood
0 split --every-messages 60: standard input: torn at position 7440, 44 bytes behind not understood
0 convert --to jsonl: standard input: torn at position 7440, 44 bytes behind not understood
0 convert --to mcap: standard input: torn at position 7440, 44 bytes behind not understood
1 convert --from mcap: error: -: Bad magic number
1 record: error: message 1, at byte 656 of the input: its length is 3712835032, expected 1 to 16777216: is each message behind its
1 record --format ndjson --schema: error: line 1: expected value, at column 1
2 record event.raw: error: a recording is durable, so it has to be a file
0 replay --rate 1000000: standard input: torn at position 7440, 44 bytes behind not understood
0 schema show: namespace Telemetry;
0 schema extract: 460 bytes in new
0 schema attach --schema: standard input: torn at position 7440, 44 bytes behind not understood
0 schema conform: - can be continued under telemetry.bfbs

"#]]
    );
}

#[test]
fn no_bytes_through_a_pipe() {
    assert_data_eq!(
        table("pipe-empty", "-", Sink::Pipe, |path| fs::write(path, "").unwrap()),
        str![[r#"
1 info: error: standard input: not a flatstream: expected "FLS1" at position 8, found no bytes at all
1 info --scan: error: standard input: not a flatstream: expected "FLS1" at position 8, found no bytes at all
1 cat: error: standard input: not a flatstream: expected "FLS1" at position 8, found no bytes at all
1 cat --last 1: error: standard input: not a flatstream: expected "FLS1" at position 8, found no bytes at all
1 cat --format csv: error: standard input: not a flatstream: expected "FLS1" at position 8, found no bytes at all
1 head -n 1: error: standard input: not a flatstream: expected "FLS1" at position 8, found no bytes at all
1 tail -n 1: error: standard input: not a flatstream: expected "FLS1" at position 8, found no bytes at all
1 verify: error: standard input: not a flatstream: expected "FLS1" at position 8, found no bytes at all
2 inspect FILE@4000: error: unexpected argument '-@' found
2 recover: error: what is recovered is read more than once: put the standard input into a file first
2 recover --in-place: error: what is recovered is read more than once: put the standard input into a file first
1 cut: error: standard input: not a flatstream: expected "FLS1" at position 8, found no bytes at all
1 merge: error: standard input: not a flatstream: expected "FLS1" at position 8, found no bytes at all
1 split --every-messages 60: error: standard input: not a flatstream: expected "FLS1" at position 8, found no bytes at all
1 convert --to jsonl: error: standard input: not a flatstream: expected "FLS1" at position 8, found no bytes at all
1 convert --to mcap: error: standard input: not a flatstream: expected "FLS1" at position 8, found no bytes at all
1 convert --from mcap: error: -: MCAP file ended in the middle of a record
0 record: new: 0 messages recorded, 0 bytes; closed
0 record --format ndjson --schema: new: 0 messages recorded, 0 bytes; closed
2 record event.raw: error: a recording is durable, so it has to be a file
1 replay --rate 1000000: error: standard input: not a flatstream: expected "FLS1" at position 8, found no bytes at all
1 schema show: error: standard input: not a flatstream: expected "FLS1" at position 8, found no bytes at all
1 schema extract: error: standard input: not a flatstream: expected "FLS1" at position 8, found no bytes at all
1 schema attach --schema: error: standard input: not a flatstream: expected "FLS1" at position 8, found no bytes at all
1 schema conform: error: standard input: not a flatstream: expected "FLS1" at position 8, found no bytes at all

"#]]
    );
}

#[test]
fn text_through_a_pipe() {
    let text = "{\"value\":1}\n".repeat(500);
    assert_data_eq!(
        table("pipe-text", "-", Sink::Pipe, |path| fs::write(path, &text).unwrap()),
        str![[r#"
1 info: error: standard input: not a flatstream: expected "FLS1" at position 8, found "{/"value/":1}/n"
1 info --scan: error: standard input: not a flatstream: expected "FLS1" at position 8, found "{/"value/":1}/n"
1 cat: error: standard input: not a flatstream: expected "FLS1" at position 8, found "{/"value/":1}/n"
1 cat --last 1: error: standard input: not a flatstream: expected "FLS1" at position 8, found "{/"value/":1}/n"
1 cat --format csv: error: standard input: not a flatstream: expected "FLS1" at position 8, found "{/"value/":1}/n"
1 head -n 1: error: standard input: not a flatstream: expected "FLS1" at position 8, found "{/"value/":1}/n"
1 tail -n 1: error: standard input: not a flatstream: expected "FLS1" at position 8, found "{/"value/":1}/n"
1 verify: error: standard input: not a flatstream: expected "FLS1" at position 8, found "{/"value/":1}/n"
2 inspect FILE@4000: error: unexpected argument '-@' found
2 recover: error: what is recovered is read more than once: put the standard input into a file first
2 recover --in-place: error: what is recovered is read more than once: put the standard input into a file first
1 cut: error: standard input: not a flatstream: expected "FLS1" at position 8, found "{/"value/":1}/n"
1 merge: error: standard input: not a flatstream: expected "FLS1" at position 8, found "{/"value/":1}/n"
1 split --every-messages 60: error: standard input: not a flatstream: expected "FLS1" at position 8, found "{/"value/":1}/n"
1 convert --to jsonl: error: standard input: not a flatstream: expected "FLS1" at position 8, found "{/"value/":1}/n"
1 convert --to mcap: error: standard input: not a flatstream: expected "FLS1" at position 8, found "{/"value/":1}/n"
1 convert --from mcap: error: -: Bad magic number
1 record: error: message 0, at byte 0 of the input: its length is 1635132027, expected 1 to 16777216: is each message behind its l
0 record --format ndjson --schema: new: 500 messages recorded, 16,000 bytes; closed
2 record event.raw: error: a recording is durable, so it has to be a file
1 replay --rate 1000000: error: standard input: not a flatstream: expected "FLS1" at position 8, found "{/"value/":1}/n"
1 schema show: error: standard input: not a flatstream: expected "FLS1" at position 8, found "{/"value/":1}/n"
1 schema extract: error: standard input: not a flatstream: expected "FLS1" at position 8, found "{/"value/":1}/n"
1 schema attach --schema: error: standard input: not a flatstream: expected "FLS1" at position 8, found "{/"value/":1}/n"
1 schema conform: error: standard input: not a flatstream: expected "FLS1" at position 8, found "{/"value/":1}/n"

"#]]
    );
}

#[test]
fn an_output_that_takes_nothing() {
    let bytes = bytes_of(record, "full");
    assert_data_eq!(
        table("full", "file", Sink::Full, |path| fs::write(path, &bytes).unwrap()),
        str![[r#"
1 info: error: the standard output can't be written: No space left on device (os error 28)
1 info --scan: error: the standard output can't be written: No space left on device (os error 28)
1 cat: error: the standard output can't be written: No space left on device (os error 28)
1 cat --last 1: error: the standard output can't be written: No space left on device (os error 28)
1 cat --format csv: error: the standard output can't be written: No space left on device (os error 28)
1 head -n 1: error: the standard output can't be written: No space left on device (os error 28)
1 tail -n 1: error: the standard output can't be written: No space left on device (os error 28)
1 verify: error: the standard output can't be written: No space left on device (os error 28)
1 inspect FILE@4000: error: the standard output can't be written: No space left on device (os error 28)
1 recover: error: the standard output can't be written: No space left on device (os error 28)
1 recover --in-place: error: the standard output can't be written: No space left on device (os error 28)
1 cut: error: the standard output can't be written: No space left on device (os error 28)
1 merge: error: the standard output can't be written: No space left on device (os error 28)
1 split --every-messages 60: error: the standard output can't be written: No space left on device (os error 28)
0 convert --to jsonl:
0 convert --to mcap:
1 convert --from mcap: error: file: Bad magic number
1 record: error: message 1, at byte 656 of the input: its length is 3712835032, expected 1 to 16777216: is each message behind its
1 record --format ndjson --schema: error: line 1: expected value, at column 1
0 record event.raw: file: 100 messages kept, the last session closed the stream; epoch 1 begins
1 replay --rate 1000000: error: the standard output can't be written: No space left on device (os error 28)
1 schema show: error: the standard output can't be written: No space left on device (os error 28)
1 schema extract: error: the standard output can't be written: No space left on device (os error 28)
1 schema attach --schema: error: the standard output can't be written: No space left on device (os error 28)
1 schema conform: error: the standard output can't be written: No space left on device (os error 28)

"#]]
    );
}
