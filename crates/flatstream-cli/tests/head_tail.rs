//! `flatstream head` and `flatstream tail`

mod common;

use std::process::{Command, Stdio};

use common::{Recording, event, flatstream, read, record, record_log};
use flatstream::FlushPolicy;
use flatstream_testkit::folder::Folder;
use snapbox::str;

#[test]
fn the_first_and_the_last_messages_are_printed() {
    let folder = Folder::new("cli-head");
    record(&folder, "events.fls");
    flatstream(&folder).args(["head", "-n", "2", "events.fls"]).assert().success().stderr_eq("").stdout_eq(str![[r#"
       0  2026-11-27T10:00:00Z     56 B  {"timestamp_ns":1795773600000000000,"source_id":"pump-1","value":20.0}
       1  2026-11-27T10:00:00Z     56 B  {"timestamp_ns":1795773600100000000,"source_id":"pump-2","value":20.125}

"#]]);
    flatstream(&folder).args(["tail", "-n", "2", "events.fls"]).assert().success().stderr_eq("").stdout_eq(str![[r#"
      98  2026-11-27T10:00:09Z     56 B  {"timestamp_ns":1795773609800000000,"source_id":"pump-ü","value":32.25}
      99  2026-11-27T10:00:09Z     56 B  {"timestamp_ns":1795773609900000000,"source_id":"pump-1","value":32.375}

"#]]);
    let arguments = ["head", "-n", "2", "--where", "source_id=pump-2", "--format", "ndjson", "events.fls"];
    flatstream(&folder).args(arguments).assert().success().stdout_eq(str![[r#"
{"timestamp_ns":1795773600100000000,"source_id":"pump-2","value":20.125}
{"timestamp_ns":1795773600400000000,"source_id":"pump-2","value":20.5}

"#]]);
    let arguments = ["tail", "--where", "source_id=pump-2", "--format", "ndjson", "-n", "4", "events.fls"];
    flatstream(&folder).args(arguments).assert().success().stdout_eq(str![[r#"
{"timestamp_ns":1795773609700000000,"source_id":"pump-2","value":32.125}

"#]]);
}

#[test]
fn ten_are_printed_of_each_of_files_logs_and_pipes() {
    let folder = Folder::new("cli-head-ten");
    let path = record(&folder, "events.fls");
    record_log(&folder, "log");
    let raw = |numbers: std::ops::Range<u64>| -> Vec<u8> {
        numbers.flat_map(|number| [&(event(number).len() as u32).to_le_bytes()[..], &event(number)].concat()).collect()
    };
    for (command, expected) in [("head", raw(0..10)), ("tail", raw(90..100))] {
        for name in ["events.fls", "log"] {
            let output = flatstream(&folder).args([command, "--format", "raw", name]).output().unwrap();
            assert!(output.stdout == expected, "{command} {name}");
        }
        let output = flatstream(&folder).args([command, "--format", "raw", "-"]).stdin(read(&path)).output().unwrap();
        assert!(output.stdout == expected, "{command} of a pipe");
        let both = flatstream(&folder).args([command, "--format", "raw", "events.fls", "log"]).output().unwrap();
        assert!(both.stdout == [&expected[..], &expected].concat(), "{command} of two");
    }
    let none = flatstream(&folder).args(["head", "-n", "0", "events.fls"]).output().unwrap();
    assert!(none.status.success() && none.stdout.is_empty());
}

#[test]
fn a_tail_is_followed_until_the_stream_is_closed() {
    let folder = Folder::new("cli-tail-follow");
    let mut recording = Recording::new().with_schema();
    recording.options = recording.options.flush_policy(FlushPolicy::EveryMessage);
    let mut writer = recording.create(&folder.join("events.fls"));
    recording.append(&mut writer, 0..20);
    let child = Command::new(env!("CARGO_BIN_EXE_flatstream"))
        .args(["tail", "-f", "-n", "3", "--format", "ndjson", "events.fls"])
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    writer.finish().unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), 3);
}

#[test]
fn what_is_not_there_is_said() {
    let folder = Folder::new("cli-head-none");
    flatstream(&folder).args(["head", "none.fls"]).assert().code(1).stdout_eq("").stderr_eq(str![[r#"
error: none.fls can't be opened: No such file or directory (os error 2)

"#]]);
    flatstream(&folder).args(["tail", "-n", "few", "none.fls"]).assert().code(2).stdout_eq("").stderr_eq(str![[r#"
error: invalid value 'few' for '--count <COUNT>': invalid digit found in string

For more information, try '--help'.

"#]]);
}
