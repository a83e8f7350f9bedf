//! Real processes: one appends and is killed, others follow and are killed too. Each sees exactly what is kept, in
//! order.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::RwLock;
use std::{fs, thread};

use flatstream::{EndState, Reader};
use flatstream_crashtest::numbered;
use flatstream_testkit::folder::Folder;
use flatstream_testkit::noise::Noise;

const APPENDER: &str = env!("CARGO_BIN_EXE_appender");
const FOLLOWER: &str = env!("CARGO_BIN_EXE_follower");

/// How often the writer is killed.
const ROUNDS: &str = "FLATSTREAM_FOLLOW_ROUNDS";
const ROUNDS_IN_CI: u32 = 100;

const POLICIES: [&str; 7] =
    ["flush-each", "sync-bytes", "manual", "flush-bytes", "sync-each", "flush-time", "sync-time"];

/// A child and what it says, line by line.
struct Process {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Process {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("it runs");
        let lines = BufReader::new(child.stdout.take().expect("it is piped"));
        Self { child, lines }
    }

    /// `None` behind the last whole line.
    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("text");
        line.ends_with('\n').then(|| line.trim_end().to_owned())
    }

    fn kill(&mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it is gone");
    }
}

/// What one follower has seen, whose processes may be killed.
#[derive(Default)]
struct Seen {
    count: u64,
    cursor: Option<String>,
    kills: u32,
}

impl Seen {
    /// Takes a line in; `true` if it says that the follower has ended.
    fn take(&mut self, line: &str) -> bool {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["seen", number, cursor] => {
                assert_eq!(number.parse(), Ok(self.count), "behind {:?}", self.cursor);
                self.count += 1;
                self.cursor = Some(cursor.to_owned());
                false
            }
            ["ended", state] => {
                assert_eq!(state, EndState::Closed.to_string());
                true
            }
            _ => panic!("{line}"),
        }
    }
}

/// A follower of a file that is there, or will be; it has opened it if it is.
fn start(path: &Path, what: &str, seen: &Seen) -> Process {
    let mut follower = Process::start(Command::new(FOLLOWER).arg(path).arg(what).args(&seen.cursor));
    assert_eq!(follower.line().as_deref(), Some("opened"));
    follower
}

/// Follows to the end of the file. Processes are killed after a random number of lines, until it is over.
fn follow(path: &Path, what: &str, may_be_killed: bool, is_over: &RwLock<bool>, seed: u64) -> Seen {
    let mut noise = Noise::new(seed);
    let mut seen = Seen::default();
    let mut follower = start(path, what, &seen);
    loop {
        for _ in 0..1 + noise.below(2000) {
            let line = follower.line().expect("it says why on its standard error");
            if seen.take(&line) {
                assert!(follower.child.wait().expect("it ends").success());
                return seen;
            }
        }
        // The file doesn't lose its name between the end of one process and the next one's opening it.
        let is_over = is_over.read().unwrap();
        if !may_be_killed || *is_over {
            continue;
        }
        for _ in 0..noise.below(200_000) {
            std::hint::spin_loop();
        }
        follower.kill();
        // What it had said before it was killed counts too.
        while let Some(line) = follower.line() {
            seen.take(&line);
        }
        seen.kills += 1;
        follower = start(path, what, &seen);
    }
}

/// Appends, kills, and starts anew; at last closes the stream.
fn append(path: &Path, rounds: u32, noise: &mut Noise) {
    for round in 0..rounds {
        let policy = POLICIES[round as usize % POLICIES.len()];
        let mut appender = Process::start(Command::new(APPENDER).arg(path).args([policy, "100000"]));
        for _ in 0..1 + noise.below(1000) {
            appender.line().expect("it goes on");
        }
        for _ in 0..noise.below(200_000) {
            std::hint::spin_loop();
        }
        appender.kill();
    }
    let mut last = Process::start(Command::new(APPENDER).arg(path).args(["manual", "100"]));
    let mut said = String::new();
    while let Some(line) = last.line() {
        said = line;
    }
    assert_eq!(said, "finished");
    assert!(last.child.wait().expect("it ends").success());
}

/// The file holds numbered messages in order and nothing else; returns how many.
fn count(path: &Path) -> u64 {
    let mut reader = Reader::new(fs::File::open(path).unwrap()).unwrap();
    let mut count = 0;
    while let Some(message) = reader.next_message().unwrap() {
        assert_eq!(message, numbered(count), "message {count}");
        count += 1;
    }
    assert_eq!(reader.end().unwrap().state, EndState::Closed);
    count
}

#[test]
fn three_followers_see_exactly_what_is_kept_though_everyone_is_killed() {
    let rounds = std::env::var(ROUNDS).map_or(ROUNDS_IN_CI, |text| text.parse().expect("a number"));
    let folder = Folder::new("follow-processes");
    let path = folder.join("log.fls");
    let mut noise = Noise::new(std::process::id().into());
    let is_over = RwLock::new(false);
    thread::scope(|scope| {
        let followers = [("all", false), ("all", true), ("durable", true)].map(|(what, may_be_killed)| {
            let (path, is_over, seed) = (&path, &is_over, noise.number());
            scope.spawn(move || (what, follow(path, what, may_be_killed, is_over, seed)))
        });
        append(&path, rounds, &mut noise);
        let kept = count(&path);
        *is_over.write().unwrap() = true;
        // Followers that wait for a reopening end when the file has no name any more.
        fs::remove_file(&path).unwrap();
        for follower in followers {
            let (what, seen) = follower.join().expect("it saw what it should");
            println!("{kept} messages, the writer killed {rounds} times; {what}: killed {} times, saw all", seen.kills);
            assert_eq!(seen.count, kept, "{what}");
        }
    });
}
