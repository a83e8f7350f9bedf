//! Real processes: one appends and is killed, others follow and are killed too. Each sees exactly what is kept, in
//! order.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::RwLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{fs, thread};

use flatstream::format::Algorithm;
use flatstream::log::{LogFollowOptions, LogFollower, LogReader, LogStart, segments};
use flatstream::{Checksum, EndState, ErrorKind, Reader};
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
    /// Of each message, in order, the check of its bytes.
    checks: Vec<u32>,
    cursor: Option<String>,
    kills: u32,
}

/// What all followers and the writer know of each other.
struct Shared<'a> {
    path: &'a Path,
    is_over: RwLock<bool>,
    /// How many messages each follower has seen.
    counts: [AtomicU64; 3],
}

/// So many messages may a writer be ahead of the slowest follower when it is started; it appends some 6,000 at most
/// before it is killed, as many as a pipe holds that isn't read. A log keeps more than both.
const AHEAD_MAX: u64 = 10_000;

impl Shared<'_> {
    fn slowest(&self) -> u64 {
        self.counts.iter().map(|count| count.load(Ordering::Relaxed)).min().unwrap_or_default()
    }
}

impl Seen {
    /// Takes a line in; `true` if it says that the follower has ended.
    fn take(&mut self, line: &str) -> bool {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["seen", number, check, cursor] => {
                assert_eq!(number.parse(), Ok(self.checks.len()), "behind {:?}", self.cursor);
                self.checks.push(u32::from_str_radix(check, 16).expect("a check"));
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
fn follow(shared: &Shared<'_>, nth: usize, what: &str, may_be_killed: bool, seed: u64) -> Seen {
    let mut noise = Noise::new(seed);
    let mut seen = Seen::default();
    let mut follower = start(shared.path, what, &seen);
    loop {
        for _ in 0..1 + noise.below(2000) {
            let line = follower.line().expect("it says why on its standard error");
            if seen.take(&line) {
                assert!(follower.child.wait().expect("it ends").success());
                return seen;
            }
            shared.counts[nth].store(seen.checks.len() as u64, Ordering::Relaxed);
        }
        // The file doesn't lose its name between the end of one process and the next one's opening it.
        let is_over = shared.is_over.read().unwrap();
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
        shared.counts[nth].store(seen.checks.len() as u64, Ordering::Relaxed);
        seen.kills += 1;
        follower = start(shared.path, what, &seen);
    }
}

/// Appends, kills, and starts anew; at last closes the stream. Each process writes other messages under the same
/// numbers, if those of the one before were lost with it.
fn append(shared: &Shared<'_>, rounds: u32, noise: &mut Noise) {
    for round in 0..rounds {
        let policy = POLICIES[round as usize % POLICIES.len()];
        let salt = (round + 1).to_string();
        let mut appender = Process::start(Command::new(APPENDER).arg(shared.path).args([policy, "100000", &salt]));
        let opened = appender.line().expect("it opens");
        let opened: u64 = opened.strip_prefix("opened ").and_then(|count| count.parse().ok()).expect("it says so");
        while opened > shared.slowest() + AHEAD_MAX {
            thread::yield_now();
        }
        for _ in 0..1 + noise.below(1000) {
            appender.line().expect("it goes on");
        }
        for _ in 0..noise.below(200_000) {
            std::hint::spin_loop();
        }
        appender.kill();
    }
    let mut last = Process::start(Command::new(APPENDER).arg(shared.path).args(["manual", "100"]));
    let mut said = String::new();
    while let Some(line) = last.line() {
        said = line;
    }
    assert_eq!(said, "finished");
    assert!(last.child.wait().expect("it ends").success());
}

/// The checks of the messages in a closed file.
fn read_file(path: &Path) -> Vec<u32> {
    let mut reader = Reader::new(fs::File::open(path).unwrap()).unwrap();
    let mut checks = Vec::new();
    while let Some(message) = reader.next_message().unwrap() {
        checks.push(Algorithm::CRC32C.digest(message));
    }
    assert_eq!(reader.end().unwrap().state, EndState::Closed);
    checks
}

/// The same of what is left of a closed log, and the number of the first.
fn read_log(folder: &Path) -> (u64, Vec<u32>) {
    let mut reader = LogReader::open(folder).unwrap();
    let first = reader.sequence();
    let checks = reader.by_ref().map(|message| Algorithm::CRC32C.digest(&message.unwrap())).collect();
    assert_eq!(reader.end().unwrap().state, EndState::Closed);
    (first, checks)
}

fn rounds() -> u32 {
    std::env::var(ROUNDS).map_or(ROUNDS_IN_CI, |text| text.parse().expect("a number"))
}

/// Three followers of what a writer appends, until it is closed; `look` then looks at it, and says how many messages
/// were appended, before it is removed. Returns what each saw.
fn follow_until_it_is_over<T>(path: &Path, look: impl FnOnce() -> (u64, T), remove: impl FnOnce()) -> (T, [Seen; 3]) {
    let mut noise = Noise::new(std::process::id().into());
    let shared = Shared { path, is_over: RwLock::new(false), counts: Default::default() };
    thread::scope(|scope| {
        let followers =
            [(0, "all", false), (1, "all", true), (2, "durable", true)].map(|(nth, what, may_be_killed)| {
                let (shared, seed) = (&shared, noise.number());
                scope.spawn(move || follow(shared, nth, what, may_be_killed, seed))
            });
        append(&shared, rounds(), &mut noise);
        let (count, looked) = look();
        // Of a log, files that nobody has open yet are gone then.
        while shared.slowest() < count && !followers.iter().any(thread::ScopedJoinHandle::is_finished) {
            thread::yield_now();
        }
        *shared.is_over.write().unwrap() = true;
        // Followers that wait for a reopening end when what they follow has no name any more.
        remove();
        (looked, followers.map(|follower| follower.join().expect("it saw what it should")))
    })
}

#[test]
fn three_followers_of_a_file_see_exactly_what_is_kept_though_everyone_is_killed() {
    let folder = Folder::new("follow-processes");
    let path = folder.join("log.fls");
    let look = || {
        let kept = read_file(&path);
        (kept.len() as u64, kept)
    };
    let (kept, seen) = follow_until_it_is_over(&path, look, || fs::remove_file(&path).unwrap());
    for seen in seen {
        println!("{} messages, the writer killed {} times, the follower {}", kept.len(), rounds(), seen.kills);
        assert!(seen.checks == kept);
    }
}

#[test]
fn three_followers_of_a_log_see_the_same_though_everyone_is_killed_and_old_segments_go() {
    let folder = Folder::new("follow-log-processes");
    let path = folder.join("log");
    fs::create_dir(&path).unwrap();
    let look = || {
        let (first, kept) = read_log(&path);
        // Who was away for too long is told.
        let late = LogFollowOptions::new().from(LogStart::Sequence(0));
        match first {
            0 => assert!(rounds() < ROUNDS_IN_CI, "nothing was removed"),
            _ => assert_eq!(LogFollower::open(&path, late).unwrap_err().kind(), ErrorKind::Gone),
        }
        (first + kept.len() as u64, (first, kept, segments(&path).unwrap().len()))
    };
    let ((first, kept, segments), seen) = follow_until_it_is_over(&path, look, || fs::remove_dir_all(&path).unwrap());
    let [one, others @ ..] = seen;
    println!(
        "{} messages, {first} of them removed, {segments} segments left, the writer killed {} times",
        one.checks.len(),
        rounds()
    );
    assert!(one.checks[first as usize..] == kept);
    for other in others {
        println!("a follower killed {} times", other.kills);
        assert!(other.checks == one.checks);
    }
}
