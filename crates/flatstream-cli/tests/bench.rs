//! `flatstream bench`

mod common;

use std::fs;
use std::process::{Command, Stdio};

use common::flatstream;
use flatstream_testkit::folder::Folder;
use snapbox::str;

fn is_empty(folder: &Folder) -> bool {
    fs::read_dir(folder.path()).unwrap().next().is_none()
}

#[test]
fn what_was_measured_is_a_table_and_no_file_is_left() {
    let folder = Folder::new("cli-bench");
    let command = flatstream(&folder).args(["bench", "--size", "65536", "--rounds", "2", "."]).assert().success();
    command.stderr_eq("").stdout_eq(str![[r#"
65,536 bytes of messages in ., [..] processor[..], median of 2 rounds

|                            |   messages/s |     MB/s | of plain |
|----------------------------|-------------:|---------:|---------:|
| write a file, 64 B         |[..]|[..]|[..]x |
| write a file, 1 KiB        |[..]|[..]|[..]x |
| read a file, 64 B          |[..]|[..]|[..]x |
| read a file, 1 KiB         |[..]|[..]|[..]x |
| verify a file, 64 B        |[..]|[..]|[..]x |
| verify a file, 1 KiB       |[..]|[..]|[..]x |
| durable, a sync each, 64 B |[..]|[..]|[..]x |

plain: lengths and messages without a check; for verify, reading the file's bytes

"#]]);
    assert!(is_empty(&folder));
}

#[test]
fn programs_get_all_figures() {
    let folder = Folder::new("cli-bench-json");
    let output =
        flatstream(&folder).args(["bench", "--size", "65536", "--rounds", "3", "--format", "json", "."]).output();
    let value: serde_json::Value = serde_json::from_slice(&output.unwrap().stdout).unwrap();
    let rows = value["rows"].as_array().unwrap();
    let names: Vec<_> = rows.iter().map(|row| format!("{} {}", row["what"], row["message_bytes"])).collect();
    assert_eq!(
        names,
        [
            "\"write a file\" 64",
            "\"write a file\" 1024",
            "\"read a file\" 64",
            "\"read a file\" 1024",
            "\"verify a file\" 64",
            "\"verify a file\" 1024",
            "\"durable, a sync each\" 64",
        ]
    );
    for row in rows {
        for name in ["messages", "messages_per_second", "bytes_per_second", "plain_messages_per_second", "of_plain"] {
            assert!(row[name].as_f64().unwrap() > 0.0, "{name}: {row}");
        }
    }
    assert!(is_empty(&folder));
}

#[test]
fn a_signal_leaves_no_file() {
    let folder = Folder::new("cli-bench-signal");
    let mut child = Command::new(env!("CARGO_BIN_EXE_flatstream"))
        .args(["bench", "--size", "1000000000000", "."])
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let has_begun = || {
        let mut found = fs::read_dir(folder.path()).unwrap().flatten();
        found.any(|found| fs::read_dir(found.path()).is_ok_and(|mut files| files.next().is_some()))
    };
    while !has_begun() {
        std::thread::yield_now();
    }
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert!(is_empty(&folder));
}

#[test]
fn a_folder_that_cannot_be_written_is_said() {
    let folder = Folder::new("cli-bench-none");
    let command = flatstream(&folder).args(["bench", "none"]).assert().code(1).stdout_eq("");
    command.stderr_eq(str![[r#"
error: none/.flatstream-bench.[..] can't be created: No such file or directory (os error 2)

"#]]);
    flatstream(&folder).args(["bench", "--rounds", "0"]).assert().code(2);
}
