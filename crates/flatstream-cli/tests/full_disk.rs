//! Whatever makes a file, on a disk that is full, or that becomes so: nothing half made is left.

mod common;

use std::fs;
use std::process::Command;

use common::{Recording, event};
use flatstream_testkit::folder::Folder;
use snapbox::{assert_data_eq, str};

/// Each command that makes something; NEW is what it makes.
const COMMANDS: &[&[&str]] = &[
    &["recover", "events.fls", "-o", "NEW"],
    &["cut", "events.fls", "-o", "NEW"],
    &["merge", "events.fls", "events.fls", "-o", "NEW"],
    &["split", "--every-messages", "200", "events.fls", "-o", "NEW"],
    &["convert", "--to", "jsonl", "events.fls", "-o", "NEW"],
    &["convert", "--to", "csv", "events.fls", "-o", "NEW"],
    &["convert", "--to", "mcap", "events.fls", "-o", "NEW"],
    &["convert", "--from", "mcap", "events.mcap", "-o", "NEW"],
    &["record", "events.raw", "-o", "NEW"],
    &["record", "events.json", "--format", "ndjson", "--schema", "telemetry.bfbs", "-o", "NEW"],
    &["schema", "extract", "events.fls", "-o", "NEW"],
    &["schema", "attach", "events.fls", "--schema", "telemetry.bfbs", "-o", "NEW"],
    &["bench", "--size", "65536", "--rounds", "1", "disk"],
];

/// Mounts a small disk, which only a user namespace of one's own allows; takes all of it but so many pages, runs the
/// program, and says what is left there.
const SCRIPT: &str = r#"
mount -t tmpfs -o size=16k none disk || exit 77
head -c $(((4 - PAGES) * 4096)) /dev/zero > disk/rest
"$@" > said 2>&1
code=$?
head -n 1 said
ls -A disk | grep -v '^rest$' | sed 's/^/left: /'
exit $code
"#;

fn folder(name: &str) -> Folder {
    let folder = Folder::new(name);
    let recording = Recording::new().with_schema();
    let mut writer = recording.create(&folder.join("events.fls"));
    recording.append(&mut writer, 0..600);
    writer.finish().unwrap();
    let raw: Vec<u8> = (0..600).flat_map(|_| [&56_u32.to_le_bytes()[..], &event(0)].concat()).collect();
    fs::write(folder.join("events.raw"), raw).unwrap();
    fs::write(folder.join("telemetry.bfbs"), telemetry_schema::BFBS).unwrap();
    for (to, name) in [("jsonl", "events.json"), ("mcap", "events.mcap")] {
        let command = common::flatstream(&folder).args(["convert", "--to", to, "events.fls", "-o", name]);
        command.assert().success();
    }
    fs::create_dir(folder.join("disk")).unwrap();
    folder
}

/// With so many pages of 4096 bytes left. `None` where no disk can be mounted.
fn table(folder: &Folder, pages: u32) -> Option<String> {
    let mut table = String::new();
    for command in COMMANDS {
        let output = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", SCRIPT, "sh"])
            .arg(env!("CARGO_BIN_EXE_flatstream"))
            .args(command.iter().map(|word| word.replace("NEW", "disk/new")))
            .env("PAGES", pages.to_string())
            .current_dir(folder.path())
            .output();
        let said = output.as_ref().map(|output| String::from_utf8_lossy(&output.stderr).into_owned());
        let output = match output {
            Ok(output) if output.status.code() != Some(77) && !said.unwrap_or_default().contains("unshare") => output,
            _ => {
                eprintln!("SKIPPED: no disk can be mounted without the rights to it");
                return None;
            }
        };
        let code = output.status.code().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        let words: Vec<_> = command.iter().filter(|word| !matches!(**word, "NEW" | "-o")).copied().collect();
        table += format!("{code} {}: {}", words.join(" "), printed.trim_end().replace('\n', " | ")).trim_end();
        table.push('\n');
    }
    Some(table)
}

#[test]
fn a_full_disk_is_said_and_nothing_is_left() {
    let folder = folder("cli-disk-full");
    let Some(table) = table(&folder, 0) else { return };
    assert_data_eq!(
        table,
        str![[r#"
1 recover events.fls: error: disk/new: writing failed after 0 bytes: No space left on device (os error 28)
1 cut events.fls: error: disk/new can't be written: No space left on device (os error 28)
1 merge events.fls events.fls: error: disk/new can't be written: No space left on device (os error 28)
1 split --every-messages 200 events.fls: error: disk/new/00000000000000000000.fls can't be written: No space left on device (os error 28)
1 convert --to jsonl events.fls: error: disk/new can't be written: No space left on device (os error 28)
1 convert --to csv events.fls: error: disk/new can't be written: No space left on device (os error 28)
1 convert --to mcap events.fls: error: disk/new can't be written: No space left on device (os error 28)
1 convert --from mcap events.mcap: error: disk/new can't be written: No space left on device (os error 28)
1 record events.raw: error: disk/new: writing failed after 0 bytes: No space left on device (os error 28)
1 record events.json --format ndjson --schema telemetry.bfbs: error: disk/new: writing failed after 0 bytes: No space left on device (os error 28)
1 schema extract events.fls: error: disk/new can't be written: No space left on device (os error 28)
1 schema attach events.fls --schema telemetry.bfbs: error: disk/new can't be written: No space left on device (os error 28)
1 bench --size 65536 --rounds 1 disk: error: disk can't be measured: writing failed after 0 bytes: No space left on device (os error 28)

"#]]
    );
}

#[test]
fn a_disk_that_becomes_full_is_said_and_only_a_recording_is_left() {
    let folder = folder("cli-disk-fills");
    let Some(table) = table(&folder, 2) else { return };
    assert_data_eq!(
        table,
        str![[r#"
1 recover events.fls: error: disk/new: writing failed after 8192 bytes: No space left on device (os error 28)
1 cut events.fls: error: disk/new can't be written: No space left on device (os error 28)
1 merge events.fls events.fls: error: disk/new can't be written: No space left on device (os error 28)
1 split --every-messages 200 events.fls: error: disk/new/00000000000000000000.fls can't be written: No space left on device (os error 28)
1 convert --to jsonl events.fls: error: disk/new can't be written: No space left on device (os error 28)
1 convert --to csv events.fls: error: disk/new can't be written: No space left on device (os error 28)
1 convert --to mcap events.fls: error: disk/new can't be written: No space left on device (os error 28)
1 convert --from mcap events.mcap: error: disk/new can't be written: No space left on device (os error 28)
1 record events.raw: error: disk/new: writing failed after 8192 bytes: No space left on device (os error 28) | left: new
1 record events.json --format ndjson --schema telemetry.bfbs: error: disk/new: writing failed after 8192 bytes: No space left on device (os error 28) | left: new
0 schema extract events.fls: 460 bytes in disk/new | left: new
1 schema attach events.fls --schema telemetry.bfbs: error: disk/new can't be written: No space left on device (os error 28)
1 bench --size 65536 --rounds 1 disk: error: disk can't be measured: writing failed after 8192 bytes: No space left on device (os error 28)

"#]]
    );
}
