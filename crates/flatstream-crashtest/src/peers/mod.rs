//! The same power cuts over the files of others: what each kept of what it had acknowledged.
//!
//! A script is drawn from a seed: messages of up to 9,000 bytes are appended, handed over to the system now and then,
//! and acknowledged now and then. In the midst of one of its steps, or behind it, the power goes, and the [`Schedule`]
//! of the same seed says what the disk holds then. Each [`Peer`] runs the same script on a disk of its own, used as its
//! documentation says for durability, and is read back by its own best way of recovery; the module of each says how it
//! is set up, and why that is fair. One cut each: not all of them can go on in the file behind a crash.
//!
//! What is the same for all: the messages, the points at which they are acknowledged, the step in which the power goes
//! and after how many operations on the disk within it, the rules and the seed by which the disk forgets. What can't
//! be: how many operations a step takes, and so where exactly in them the power goes; each has its own.
//!
//! For all of them the file's name is made durable when it was created. flatstream does that itself; for the others the
//! harness does it, so that none loses its file for what its documentation leaves to the caller.
//!
//! Each message begins with its number. A message that is read back has to be one that was appended, byte for byte, and
//! come behind those with lower numbers; else it counts as wrong or repeated. A gap isn't wrong: what is lost in it is
//! counted as lost if it was acknowledged.

mod flatstream;
mod mcap;
mod redb;
mod table;
mod wal;

use std::fmt;

use flatstream_testkit::disk::{Disk, Schedule};
use flatstream_testkit::noise::Noise;

pub use self::flatstream::Flatstream;
pub use self::mcap::{McapCareful, McapRecover};
pub use self::redb::Redb;
pub use self::table::{Table, grouped};
pub use self::wal::WalDb;

/// Why something failed, in the words of who failed.
pub type Failure = String;

fn fail(error: impl fmt::Display) -> Failure {
    error.to_string()
}

/// One who keeps messages in a file.
pub trait Peer: Sized {
    /// What the table calls it.
    const NAME: &'static str;

    /// Creates the file; its name is durable on return.
    ///
    /// # Errors
    /// Its own, and the disk's.
    fn create(disk: &Disk) -> Result<Self, Failure>;

    /// Takes a message.
    ///
    /// # Errors
    /// Its own, and the disk's.
    fn append(&mut self, message: &[u8]) -> Result<(), Failure>;

    /// Hands all messages to the system; nobody waits for the disk.
    ///
    /// # Errors
    /// Its own, and the disk's.
    fn hand_over(&mut self) -> Result<(), Failure>;

    /// Makes all messages durable, by its documentation's word.
    ///
    /// # Errors
    /// Its own, and the disk's.
    fn acknowledge(&mut self) -> Result<(), Failure>;

    /// What it finds after a crash.
    fn read_back(disk: &Disk) -> ReadBack;
}

/// What was found after a crash.
#[derive(Debug, Default)]
pub struct ReadBack {
    /// The messages that were delivered, in their order.
    pub messages: Vec<Vec<u8>>,
    /// Why the next message can't go into the same file.
    pub needs_new_file: Option<String>,
    /// The error with which reading ended, if it didn't simply end.
    pub error: Option<String>,
}

/// A row of the table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// What it is about.
    pub name: &'static str,
    /// Power cuts.
    pub cuts: u64,
    /// Messages that were acknowledged.
    pub acknowledged: u64,
    /// How many of them were not delivered after the cut.
    pub acknowledged_lost: u64,
    /// Messages that were appended and not acknowledged.
    pub unacknowledged: u64,
    /// How many of them were delivered all the same.
    pub unacknowledged_kept: u64,
    /// Files that can't be gone on with.
    pub needs_new_file: u64,
    /// Messages that were delivered and never appended, or for the second time, or out of order.
    pub wrong: u64,
    /// How often reading ended with an error, or a call failed while there was power.
    pub errors: u64,
    /// The first seed by which anything but the best was found, and what that was.
    pub first_complaint: Option<(u64, String)>,
}

/// Runs a script and counts in a row what came of it.
type Run = fn(&Script, &mut Row);

/// All rows of some seeds; `after_each` is called after each seed.
pub fn compare(seeds: impl Iterator<Item = u64>, mut after_each: impl FnMut()) -> Vec<Row> {
    let peers: [(&'static str, Run); 5] = [
        (Flatstream::NAME, cut::<Flatstream>),
        (WalDb::NAME, cut::<WalDb>),
        (Redb::NAME, cut::<Redb>),
        (McapCareful::NAME, cut::<McapCareful>),
        (McapRecover::NAME, cut::<McapRecover>),
    ];
    let mut rows = peers.map(|(name, _)| Row { name, ..Row::default() });
    for seed in seeds {
        let script = Script::new(seed);
        for (row, (_, run)) in rows.iter_mut().zip(peers) {
            run(&script, row);
        }
        after_each();
    }
    rows.into()
}

/// What is done, and when the power goes.
#[derive(Debug)]
struct Script {
    seed: u64,
    steps: Vec<Step>,
    /// In which step the power goes; the first is the creation of the file.
    last: usize,
    /// After how many operations on the disk within that step; behind it if it has fewer.
    operations: u64,
}

#[derive(Debug)]
enum Step {
    Create,
    Append(Vec<u8>),
    HandOver,
    Acknowledge,
}

impl Script {
    fn new(seed: u64) -> Self {
        let mut noise = Noise::new(seed);
        let last = noise.below(60);
        // Few more often than many: a step of one takes two operations on the disk, and of another twenty.
        let operations = 1 + noise.below(12);
        let operations = noise.below(operations) as u64;
        let mut number = 0;
        let mut steps = vec![Step::Create];
        while steps.len() <= last {
            steps.push(match noise.below(8) {
                0 => Step::Acknowledge,
                1 => Step::HandOver,
                _ => Step::Append(message(&mut number, &mut noise)),
            });
        }
        Self { seed, steps, last, operations }
    }

    fn messages(&self) -> Vec<&[u8]> {
        self.steps.iter().filter_map(Step::message).collect()
    }
}

impl Step {
    fn message(&self) -> Option<&[u8]> {
        match self {
            Self::Append(message) => Some(message),
            _ => None,
        }
    }
}

/// The next message: its number, and noise.
fn message(number: &mut u64, noise: &mut Noise) -> Vec<u8> {
    let mut message = number.to_le_bytes().to_vec();
    *number += 1;
    let longest = [20, 200, 2000, 9000][noise.below(4)];
    let len = noise.below(longest);
    message.extend(noise.bytes(len));
    message
}

/// How far a script got.
#[derive(Debug, Default)]
struct Progress {
    appended: usize,
    acknowledged: usize,
    failure: Option<Failure>,
}

/// Runs the script on a disk of its own, cuts the power, and counts what is there.
fn cut<P: Peer>(script: &Script, row: &mut Row) {
    let disk = Disk::new();
    let mut peer = None;
    let progress = run(script, &disk, &mut peer);
    let after = disk.crash(&Schedule::new(script.seed));
    // Whatever it does when it is dropped finds a disk that is gone.
    drop::<Option<P>>(peer);
    row.count(script, &progress, &P::read_back(&after));
}

fn run<P: Peer>(script: &Script, disk: &Disk, peer: &mut Option<P>) -> Progress {
    let mut progress = Progress::default();
    for (number, step) in script.steps.iter().enumerate() {
        if number == script.last {
            disk.power_off_at(disk.operations() + script.operations);
        }
        progress.appended += usize::from(matches!(step, Step::Append(_)));
        let result = match (step, peer.as_mut()) {
            (Step::Append(message), Some(peer)) => peer.append(message),
            (Step::HandOver, Some(peer)) => peer.hand_over(),
            (Step::Acknowledge, Some(peer)) => peer.acknowledge(),
            _ => P::create(disk).map(|created| *peer = Some(created)),
        };
        match result {
            Ok(()) if matches!(step, Step::Acknowledge) => progress.acknowledged = progress.appended,
            Ok(()) => {}
            Err(_) if disk.is_off() => return progress,
            Err(error) => return Progress { failure: Some(error), ..progress },
        }
    }
    progress
}

impl Row {
    fn count(&mut self, script: &Script, progress: &Progress, found: &ReadBack) {
        let appended = script.messages();
        let (delivered, wrong) = delivered(&appended, &found.messages);
        let kept = delivered.iter().filter(|&&number| number < progress.acknowledged).count();
        let lost = progress.acknowledged - kept;
        self.cuts += 1;
        self.acknowledged += progress.acknowledged as u64;
        self.acknowledged_lost += lost as u64;
        self.unacknowledged += (progress.appended - progress.acknowledged) as u64;
        self.unacknowledged_kept += (delivered.len() - kept) as u64;
        self.needs_new_file += u64::from(found.needs_new_file.is_some());
        self.wrong += wrong;
        self.errors += [&found.error, &progress.failure].iter().filter(|error| error.is_some()).count() as u64;
        let complaint = complaint(lost, wrong, progress, found);
        self.first_complaint = self.first_complaint.take().or(complaint.map(|what| (script.seed, what)));
    }

    /// Whether nothing is to be said against it.
    #[must_use]
    pub fn is_flawless(&self) -> bool {
        self.first_complaint.is_none()
    }
}

/// Everything that isn't as good as can be.
fn complaint(lost: usize, wrong: u64, progress: &Progress, found: &ReadBack) -> Option<String> {
    let counted = |count: u64, what: &str| (count > 0).then(|| format!("{count} {what}"));
    let said = |what: &str, why: &Option<String>| why.as_ref().map(|why| format!("{what}: {why}"));
    let complaints = [
        counted(lost as u64, "acknowledged messages lost"),
        counted(wrong, "messages wrong or repeated"),
        said("the file can't be gone on with", &found.needs_new_file),
        said("reading ended with an error", &found.error),
        said("a call failed though there was power", &progress.failure),
    ];
    let complaints: Vec<String> = complaints.into_iter().flatten().collect();
    (!complaints.is_empty()).then(|| complaints.join("; "))
}

/// The numbers of the messages that came back as they were appended and in their order, and how many others came.
fn delivered(appended: &[&[u8]], found: &[Vec<u8>]) -> (Vec<usize>, u64) {
    let mut delivered: Vec<usize> = Vec::new();
    let mut wrong = 0;
    for message in found {
        let behind = delivered.last().map_or(0, |last| last + 1);
        match number_of(message).filter(|&number| number >= behind && appended.get(number) == Some(&&message[..])) {
            Some(number) => delivered.push(number),
            None => wrong += 1,
        }
    }
    (delivered, wrong)
}

fn number_of(message: &[u8]) -> Option<usize> {
    Some(u64::from_le_bytes(*message.first_chunk()?) as usize)
}
