//! Real processes, really killed; real file systems, really full. What a process said it had handed over is there.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use flatstream::{EndState, ErrorKind, Reader, WriteOptions, Writer, recover};
use flatstream_crashtest::numbered;
use flatstream_testkit::folder::Folder;
use flatstream_testkit::noise::Noise;

const APPENDER: &str = env!("CARGO_BIN_EXE_appender");

const POLICIES: [&str; 8] =
    ["manual", "flush", "flush-each", "flush-bytes", "flush-time", "sync-each", "sync-bytes", "sync-time"];

/// A running appender, and what it says.
struct Appender {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Appender {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the appender runs");
        let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        Self { child, lines }
    }

    fn line(&mut self) -> Option<String> {
        self.lines.next().map(|line| line.expect("text"))
    }
}

/// The number behind a word of a line.
fn number(line: &str, word: &str) -> Option<u64> {
    line.strip_prefix(word)?.trim().parse().ok()
}

/// The file holds numbered messages in order and nothing else; returns how many, and how it ends.
fn check(path: &Path) -> (u64, EndState) {
    let mut reader = Reader::new(fs::File::open(path).unwrap()).unwrap();
    let mut count = 0;
    while let Some(message) = reader.next_message().unwrap() {
        assert_eq!(message, numbered(count), "message {count}");
        count += 1;
    }
    (count, reader.end().unwrap().state)
}

#[test]
fn a_hundred_kills_on_one_file_take_nothing_that_was_handed_over() {
    let folder = Folder::new("kills");
    let path = folder.join("log.fls");
    let mut noise = Noise::new(std::process::id().into());
    let (mut handed, mut kept) = (0, 0);
    let (mut torn, mut beyond) = (0, 0);
    for kill in 0..100 {
        let policy = POLICIES[kill % POLICIES.len()];
        let mut appender = Appender::start(Command::new(APPENDER).arg(&path).args([policy, "100000"]));
        let opened = number(&appender.line().expect("it opens"), "opened").expect("it says how many there are");
        assert!(opened >= handed && opened == kept, "{policy}: {opened} of {handed} are there, {kept} were before");
        // A random moment: behind so many lines, and so many turns of a loop.
        for _ in 0..noise.below(2000) {
            if let Some(count) = appender.line().and_then(|line| number(&line, "handed")) {
                handed = count;
            }
        }
        for _ in 0..noise.below(200_000) {
            std::hint::spin_loop();
        }
        appender.child.kill().expect("it can be killed");
        appender.child.wait().expect("it is gone");
        // What it had said before it was killed counts too.
        while let Some(line) = appender.line() {
            handed = number(&line, "handed").unwrap_or(handed);
        }
        let (count, end) = check(&path);
        assert!(count >= handed, "{policy}: {count} messages are there, {handed} were handed over");
        torn += u64::from(end == EndState::Torn);
        beyond += count - handed;
        kept = count;
    }
    println!("100 kills: {kept} messages, 0 lost; {beyond} kept beyond what was said; {torn} torn ends");
    let mut writer = Writer::open(&path, WriteOptions::new()).unwrap();
    writer.append(&numbered(kept)).unwrap();
    assert_eq!(writer.epoch(), 100);
    writer.finish().unwrap();
    assert_eq!(check(&path), (kept + 1, EndState::Closed));
}

#[test]
fn two_processes_never_write_one_file() {
    let folder = Folder::new("two-processes");
    let path = folder.join("log.fls");
    let mut first = Appender::start(Command::new(APPENDER).arg(&path).arg("sync-each"));
    assert!(first.line().is_some_and(|line| line.starts_with("opened")));
    let error = Writer::open(&path, WriteOptions::new()).unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string()),
        (ErrorKind::Locked, format!("another writer has {} open", path.display()))
    );
    let second = Command::new(APPENDER).arg(&path).arg("manual").output().unwrap();
    assert!(!second.status.success());
    assert!(String::from_utf8_lossy(&second.stderr).contains("another writer has"), "{second:?}");
    first.child.kill().unwrap();
    first.child.wait().unwrap();
    // A killed process holds no lock.
    assert!(Writer::open(&path, WriteOptions::new()).is_ok());
}

/// Runs to the first failure; returns how many messages were handed over before it.
fn run_to_failure(command: &mut Command, words: &str) -> u64 {
    let mut appender = Appender::start(command);
    let (mut handed, mut said) = (0, Vec::new());
    while let Some(line) = appender.line() {
        handed = number(&line, "opened").or(number(&line, "handed")).unwrap_or(handed);
        if !line.starts_with("handed") && !line.starts_with("appended") {
            said.push(line);
        }
    }
    appender.child.wait().unwrap();
    let failed = said.iter().find_map(|line| line.strip_prefix("failed: ")).unwrap_or_else(|| panic!("{said:?}"));
    assert!(failed.contains(words), "{failed}");
    let refused = said.iter().find_map(|line| line.strip_prefix("refused: ")).expect("it goes on to refuse");
    assert!(refused.contains("refuses to go on") && refused.contains(failed), "{refused}");
    handed
}

#[test]
fn a_file_size_limit_ends_the_writer_and_loses_nothing() {
    for policy in POLICIES {
        let folder = Folder::new(&format!("limit-{policy}"));
        let path = folder.join("log.fls");
        // Ignored, the signal becomes an error: EFBIG. The unit is 512 bytes.
        let script = "trap '' XFSZ; ulimit -f 128; exec \"$0\" \"$@\"";
        let handed =
            run_to_failure(Command::new("sh").args(["-c", script, APPENDER]).arg(&path).arg(policy), "File too large");
        let (count, _) = check(&path);
        assert!(count >= handed && count > 100, "{policy}: {count} of {handed}");
        let mut writer = Writer::open(&path, WriteOptions::new()).unwrap();
        assert_eq!(writer.sequence(), count);
        writer.append(&numbered(count)).unwrap();
        writer.finish().unwrap();
        assert_eq!(check(&path), (count + 1, EndState::Closed));
    }
}

/// A small file system in memory; `None`, and a loud word, where none may be mounted.
struct Mount(Folder);

impl Mount {
    fn new(name: &str, options: &str) -> Option<Self> {
        let folder = Folder::new(name);
        let output = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(folder.path()).output();
        match output {
            Ok(output) if output.status.success() => Some(Self(folder)),
            other => {
                eprintln!("SKIPPED: no file system can be mounted here: {other:?}");
                None
            }
        }
    }

    fn remount(&self, options: &str) {
        let status = Command::new("mount").args(["-o", options]).arg(self.0.path()).status().unwrap();
        assert!(status.success());
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_file_system_ends_the_writer_and_loses_nothing() {
    for policy in POLICIES {
        let Some(mount) = Mount::new(&format!("full-{policy}"), "size=128k") else { return };
        let path = mount.0.join("log.fls");
        let handed = run_to_failure(Command::new(APPENDER).arg(&path).arg(policy), "No space left on device");
        let (count, end) = check(&path);
        assert!(count >= handed && count > 100, "{policy}: {count} of {handed}");
        // A torn tail can't be kept beside the file, for there is no room: nothing is cut.
        if end == EndState::Torn {
            let before = fs::read(&path).unwrap();
            let error = Writer::open(&path, WriteOptions::new()).unwrap_err();
            assert!(error.to_string().contains("so the tail stays where it is: No space left"), "{error}");
            assert_eq!(fs::read(&path).unwrap(), before);
        }
        mount.remount("remount,size=1m");
        let writer = Writer::open(&path, WriteOptions::new()).unwrap();
        assert_eq!(writer.sequence(), count);
        drop(writer);
    }
}

#[test]
fn a_read_only_file_system_is_said_to_be_one() {
    let Some(mount) = Mount::new("read-only", "size=1m") else { return };
    let path = mount.0.join("log.fls");
    let mut writer = Writer::open(&path, WriteOptions::new()).unwrap();
    writer.append(&numbered(0)).unwrap();
    writer.finish().unwrap();
    mount.remount("remount,ro");
    for result in
        [Writer::open(&path, WriteOptions::new()), Writer::create(mount.0.join("new.fls"), WriteOptions::new())]
    {
        let error = result.unwrap_err().to_string();
        assert!(error.contains(".fls can't be ") && error.contains("Read-only file system"), "{error}");
    }
    // Looking needs no right to write.
    assert_eq!(recover::inspect(&path).unwrap().messages, 1);
}

#[test]
fn a_folder_that_disappears_is_an_error_for_the_next_and_none_for_the_open_one() {
    let folder = Folder::new("disappears");
    let inner = folder.join("inner");
    fs::create_dir(&inner).unwrap();
    let path = inner.join("log.fls");
    let mut writer = Writer::create_new(&path, WriteOptions::new()).unwrap();
    writer.append(&numbered(0)).unwrap();
    fs::remove_dir_all(&inner).unwrap();
    // The file has no name any more; the system still takes its bytes.
    writer.append(&numbered(1)).unwrap();
    assert_eq!(writer.sync().unwrap(), 2);
    for error in [
        Writer::open(&path, WriteOptions::new()).unwrap_err(),
        Writer::create_new(&path, WriteOptions::new()).unwrap_err(),
        recover::repair(&path).unwrap_err(),
        recover::inspect(&path).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Io);
        assert!(error.to_string().contains("inner/log.fls can't be "), "{error}");
    }
}
