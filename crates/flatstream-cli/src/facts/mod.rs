//! What `info` finds out.

mod beginning;
mod log;
mod stream;

use std::path::{Path, PathBuf};

use flatstream::{Dropped, End, Error, Header};

use crate::input::Input;
use crate::outcome::Failure;

/// So many bars has the picture of the rate at most.
const BARS_MAX: u64 = 60;

/// So many sync frames lie in the time of a bar, or else it would show them rather than the rate.
const SYNCS_PER_BAR: u64 = 4;

/// A stream, or a log.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) path: PathBuf,
    /// Of a log the newest segment's.
    pub(crate) header: Header,
    pub(crate) stream_id: Option<u64>,
    pub(crate) log: Option<LogFacts>,
    /// The number of the first message that is there.
    pub(crate) first_sequence: u64,
    pub(crate) messages: u64,
    /// By the first and the last sync frame with a time.
    pub(crate) times: Option<(i64, i64)>,
    /// Messages in equal parts of that time, by sync frames.
    pub(crate) rates: Vec<u64>,
    /// How many bytes the source has; of a log, all its segments.
    pub(crate) bytes: u64,
    pub(crate) epochs: Option<u64>,
    pub(crate) dropped: Dropped,
    pub(crate) durable: u64,
    /// Whether that is all.
    pub(crate) is_all_durable: bool,
    /// `None` if reading ended with an error.
    pub(crate) end: Option<End>,
    pub(crate) error: Option<Error>,
    pub(crate) scan: Option<Scan>,
}

#[derive(Debug)]
pub(crate) struct LogFacts {
    pub(crate) id: Option<u64>,
    pub(crate) segments: usize,
}

/// What only reading everything tells.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    /// The bytes of all messages, without their framing.
    pub(crate) payload: u64,
    pub(crate) shortest: Option<u64>,
    pub(crate) longest: u64,
}

impl Scan {
    fn add(&mut self, message: &[u8]) {
        let len = message.len() as u64;
        self.payload += len;
        self.longest = self.longest.max(len);
        self.shortest = Some(self.shortest.map_or(len, |shortest| shortest.min(len)));
    }
}

impl Facts {
    /// Reads no more than it must, unless it is to scan all.
    pub(crate) fn find(path: &Path, scan: bool) -> Result<Self, Failure> {
        match Input::open(path)? {
            Input::File { path, file } => stream::of_file(path, file, scan),
            Input::Pipe { path, source } => stream::of_pipe(path, source),
            Input::Log(folder) => log::of(&folder, scan),
        }
    }
}

/// Times between the first and the last at which to look how many messages lie before them.
fn times_between((first, last): (i64, i64), header: &Header, bytes: u64) -> Vec<i64> {
    let syncs = bytes.checked_div(header.sync_interval().into()).unwrap_or_default();
    let parts = i128::from((syncs / SYNCS_PER_BAR).min(BARS_MAX));
    let (first, span) = (i128::from(first), i128::from(last) - i128::from(first));
    (1..parts).map(|part| (first + span * part / parts) as i64).collect()
}

/// The messages between places in a stream.
fn differences(places: &[u64]) -> Vec<u64> {
    places.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).collect()
}
