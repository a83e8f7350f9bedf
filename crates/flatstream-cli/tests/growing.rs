//! Every command that reads, on a file that grows meanwhile and nearly always ends within a frame.

mod common;

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use common::{Recording, read};
use flatstream::Reader;
use flatstream_testkit::folder::Folder;

/// Each with the exit codes that it may have: who verifies says that the end isn't whole.
const COMMANDS: &[(&[&str], &[i32])] = &[
    (&["info", "FILE"], &[0]),
    (&["cat", "--format", "raw", "FILE"], &[0]),
    (&["head", "FILE"], &[0]),
    (&["tail", "FILE"], &[0]),
    (&["verify", "FILE"], &[0, 1]),
    (&["inspect", "FILE@400"], &[0]),
    (&["recover", "FILE", "-o", "NEW"], &[0, 3]),
    (&["cut", "FILE", "-o", "NEW"], &[0]),
    (&["merge", "FILE", "-o", "NEW"], &[0]),
    (&["split", "--every-messages", "7000", "FILE", "-o", "NEW"], &[0]),
    (&["convert", "--to", "mcap", "FILE", "-o", "NEW"], &[0]),
    (&["replay", "--rate", "100000000", "FILE"], &[0]),
    (&["schema", "show", "FILE"], &[0]),
];

const MESSAGES: u64 = 20_000;

fn whole_stream(folder: &Folder) -> Vec<u8> {
    let recording = Recording::new().with_schema();
    let path = folder.join("whole.fls");
    let mut writer = recording.create(&path);
    recording.append(&mut writer, 0..MESSAGES);
    writer.finish().unwrap();
    read(&path)
}

fn messages(path: &Path) -> Vec<Vec<u8>> {
    Reader::new(File::open(path).unwrap()).unwrap().map(|message| message.unwrap().to_vec()).collect()
}

#[test]
fn what_is_there_is_read_and_what_is_not_yet_whole_is_no_error() {
    let folder = Folder::new("cli-growing");
    let bytes = whole_stream(&folder);
    let all = messages(&folder.join("whole.fls"));
    let path = folder.join("events.fls");
    fs::write(&path, &bytes[..1000]).unwrap();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut file = OpenOptions::new().append(true).open(&path).unwrap();
            for chunk in bytes[1000..].chunks(97) {
                file.write_all(chunk).unwrap();
                if is_over.load(Ordering::Relaxed) {
                    return;
                }
                // So that the file still grows while the last command runs.
                thread::yield_now();
            }
        });
        for (command, codes) in COMMANDS {
            let arguments = command.iter().map(|word| word.replace("FILE", "events.fls").replace("NEW", "new"));
            let output = Command::new(env!("CARGO_BIN_EXE_flatstream"))
                .args(arguments)
                .current_dir(folder.path())
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.code().is_some_and(|code| codes.contains(&code)), "{command:?}: {said}");
            let new = folder.join("new");
            match command[0] {
                "cut" | "merge" | "recover" => assert!(all.starts_with(&messages(&new)), "{command:?}"),
                "cat" => {
                    let count = output.stdout.len() / 60;
                    assert!(output.stdout.len() == count * 60, "messages of 56 bytes, each behind its length");
                }
                _ => {}
            }
            match new.is_dir() {
                true => fs::remove_dir_all(new).unwrap(),
                false => drop(fs::remove_file(new)),
            }
        }
        is_over.store(true, Ordering::Relaxed);
    });
}
