//! What a log on the simulated disk has to hold, whatever happened to it.

use std::collections::BTreeSet;

use flatstream::log::{LogOptions, LogWriter, keys};
use flatstream::storage::Folders;
use flatstream::{Error, ErrorKind, Reader};
use flatstream_testkit::disk::Disk;

use crate::storage::DiskStorage;
use crate::traced::{Removals, TracedStorage};

/// The folder of the log.
pub const FOLDER: &str = "log";

/// What is wrong.
pub type Checked<T> = Result<T, String>;

/// What was appended, and what became of it.
#[derive(Clone, Debug, Default)]
pub struct LogWorld {
    /// All messages, by their numbers. Behind a failure the last ones may be there or not.
    pub messages: Vec<Vec<u8>>,
    /// So many of them have to be there, unless their segment was let go.
    pub acknowledged: usize,
    /// The folder's sync failed once: then a segment that was let go may come back, and another one that was let go
    /// behind it not.
    pub may_have_holes: bool,
    /// What was let go: for [`TracedStorage::noting`].
    pub removals: Removals,
    /// The numbers in the names of all segments that there were.
    starts: BTreeSet<u64>,
}

impl LogWorld {
    /// A copy that goes another way from here on.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self { removals: self.removals.fork(), ..self.clone() }
    }

    /// The disk as a place for the log.
    #[must_use]
    pub fn storage(&self, disk: &Disk) -> TracedStorage {
        TracedStorage::new(disk).noting(&self.removals)
    }

    /// The numbers in the names of the segments that were let go.
    #[must_use]
    pub fn let_go(&self) -> BTreeSet<u64> {
        self.removals.to_vec().iter().filter_map(|path| start_of(path.to_str()?)).collect()
    }

    /// How many segments there were.
    #[must_use]
    pub fn segments_begun(&self) -> usize {
        self.starts.len()
    }

    /// Appends the next message.
    ///
    /// # Errors
    /// Those of the log.
    pub fn append<S: Folders>(&mut self, log: &mut LogWriter<S>, message: Vec<u8>) -> Result<(), Error> {
        let result = log.append(&message);
        let expected = self.messages.len() as u64;
        // One that failed may be there all the same.
        self.messages.push(message);
        self.note_start(log);
        result.map(|sequence| assert_eq!(sequence, expected, "the message has another number"))
    }

    /// Notes which segment is written now.
    pub fn note_start<S: Folders>(&mut self, log: &LogWriter<S>) {
        let start = log.header().metadata_value(keys::FIRST_SEQUENCE).and_then(|start| start.parse::<u64>().ok());
        self.starts.extend(start);
    }

    /// Opens the log, and checks what it holds; that is acknowledged from then on. `None` if the power goes meanwhile.
    ///
    /// # Errors
    /// What is wrong.
    pub fn open(
        &mut self,
        disk: &Disk,
        storage: TracedStorage,
        options: LogOptions,
    ) -> Checked<Option<LogWriter<TracedStorage>>> {
        let log = match LogWriter::open_in(storage, FOLDER, options) {
            Ok(log) => log,
            Err(_) if disk.is_off() => return Ok(None),
            Err(error) => return Err(format!("it doesn't open: {error}")),
        };
        // The power may have gone where only retention noticed.
        if disk.is_off() {
            return Ok(None);
        }
        self.check_opened(disk, &log)?;
        Ok(Some(log).filter(|_| !disk.is_off()))
    }

    fn check_opened<S: Folders>(&mut self, disk: &Disk, log: &LogWriter<S>) -> Checked<()> {
        let second = LogWriter::open_in(DiskStorage(disk.clone()), FOLDER, LogOptions::new());
        let is_refused = second.is_err_and(|error| error.kind() == ErrorKind::Locked);
        ensure(is_refused || disk.is_off(), || "a second writer gets the log".to_owned())?;
        self.note_start(log);
        let kept = usize::try_from(log.sequence()).map_err(|error| error.to_string())?;
        ensure((self.acknowledged..=self.messages.len()).contains(&kept), || {
            format!("{kept} messages are there, {} of {} were acknowledged", self.acknowledged, self.messages.len())
        })?;
        self.messages.truncate(kept);
        self.acknowledged = kept;
        let may_have_holes = self.may_have_holes || log.retention_error().is_some();
        let found = self.check_content(disk, may_have_holes)?;
        ensure(found == log.sequence(), || format!("the log counts {kept} messages, readers {found}"))?;
        let names = disk.names();
        let temporary: Vec<_> = names.iter().filter(|name| name.ends_with(".new")).collect();
        // One of a segment that was created since.
        ensure(temporary.len() <= 1, || format!("these files are left: {temporary:?}"))
    }

    /// The segments hold the messages that they should, each once and in order, from the oldest that wasn't let go on;
    /// returns the number behind the last one. Holes may be where segments were let go that are gone, in front of
    /// others that were let go and aren't.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check_content(&mut self, disk: &Disk, may_have_holes: bool) -> Checked<u64> {
        let starts: BTreeSet<u64> = disk.names().iter().filter_map(|name| start_of(name)).collect();
        let oldest = starts.first().copied().ok_or("there is no segment")?;
        let let_go = self.let_go();
        let all_let_go = |from: u64, to: u64| self.starts.range(from..to).all(|start| let_go.contains(start));
        ensure(all_let_go(0, oldest), || {
            format!("it begins at {oldest}; of {:?} only {let_go:?} were let go", self.starts)
        })?;
        let mut next = oldest;
        for &start in &starts {
            if start != next {
                let is_hole = may_have_holes && next < start && all_let_go(next, start) && all_let_go(oldest, start);
                ensure(is_hole, || {
                    format!(
                        "one begins at {start}, the one before ends at {next}; {let_go:?} of {starts:?} were let go"
                    )
                })?;
            }
            let following = starts.range(start + 1..).next();
            next = self.check_segment(disk, start, following.copied())?;
        }
        self.starts.retain(|&start| start < oldest);
        self.starts.extend(starts);
        Ok(next)
    }

    /// The process or the power may have ended before a segment was marked as closed: then any bytes may lie behind
    /// its last message, which is known by where the one `following` begins.
    fn check_segment(&self, disk: &Disk, start: u64, following: Option<u64>) -> Checked<u64> {
        let path = path_of(start);
        let bytes = disk.read(&path).ok_or(format!("{path} is listed and isn't there"))?;
        let failed = |error: Error| format!("{path} doesn't read: {error}");
        let mut reader = Reader::new(&bytes[..]).map_err(failed)?;
        let mut next = start;
        loop {
            match reader.next_message() {
                Ok(Some(message)) => {
                    let is_it = self.messages.get(next as usize).is_some_and(|appended| appended == message);
                    ensure(is_it, || format!("message {next} in {path} isn't the one that was appended"))?;
                }
                Ok(None) => return Ok(next),
                Err(_) if following == Some(next) => return Ok(next),
                Err(error) => return Err(failed(error)),
            }
            next += 1;
        }
    }
}

fn path_of(start: u64) -> String {
    format!("{FOLDER}/{start:020}.fls")
}

/// The number in the name of a segment.
fn start_of(path: &str) -> Option<u64> {
    let start = path.strip_prefix(FOLDER)?.strip_prefix('/')?.strip_suffix(".fls")?.parse().ok()?;
    (path_of(start) == path).then_some(start)
}

fn ensure(is_so: bool, what: impl FnOnce() -> String) -> Checked<()> {
    if is_so { Ok(()) } else { Err(what()) }
}
