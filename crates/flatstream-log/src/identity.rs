use std::num::NonZeroU64;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use flatstream_io::{Error, Header, Result, WriteOptions};

use crate::problem::Problem;

/// The keys of what a segment's header says about its place in the log, in the header's metadata. Keys that begin with
/// `flatstream.` are not for programs to use.
///
/// ```
/// use flatstream_log::{LogOptions, LogWriter, keys};
///
/// # let folder = std::env::temp_dir().join(format!("flatstream-log-keys-{}", std::process::id()));
/// let log = LogWriter::open(&folder, LogOptions::new())?;
/// assert_eq!(log.header().metadata_value(keys::FIRST_SEQUENCE), Some("00000000000000000000"));
/// # drop(log);
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub mod keys {
    /// Which log it belongs to: a random number, as 16 hexadecimal digits.
    pub const ID: &str = "flatstream.log.id";
    /// The number of its first message, counted over all segments, in 20 digits as in its name.
    pub const FIRST_SEQUENCE: &str = "flatstream.log.first_sequence";
    /// The stream id of the segment before, as 16 hexadecimal digits. The first segment has none.
    pub const PREVIOUS: &str = "flatstream.log.previous";
    /// When it was created by the system's clock: nanoseconds since 1970 (UTC), in 20 digits.
    pub const CREATED: &str = "flatstream.log.created";
    /// What all of them begin with.
    pub(crate) const PREFIX: &str = "flatstream.log.";
}

/// What a segment's header says about its place in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) log_id: u64,
    pub(crate) first_sequence: u64,
    /// The stream id of the segment before.
    pub(crate) previous: Option<NonZeroU64>,
    pub(crate) created: SystemTime,
}

impl Identity {
    /// Of a new log's first segment.
    pub(crate) fn of_new_log() -> Result<Self> {
        let log_id = getrandom::u64().map_err(|error| std::io::Error::other(error.to_string()));
        let log_id = log_id.map_err(|error| Error::of_kind(flatstream_io::ErrorKind::Io, error))?;
        Ok(Self { log_id, first_sequence: 0, previous: None, created: SystemTime::now() })
    }

    /// Of the next segment of the log, which begins now.
    pub(crate) fn of_next(log_id: u64, first_sequence: u64, previous: u64) -> Self {
        Self { log_id, first_sequence, previous: NonZeroU64::new(previous), created: SystemTime::now() }
    }

    /// Puts it into the header of a stream with these options.
    pub(crate) fn put_into(self, options: WriteOptions) -> WriteOptions {
        let since_1970 = self.created.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let options = options
            .metadata(keys::ID, format!("{:016x}", self.log_id))
            .metadata(keys::FIRST_SEQUENCE, format!("{:020}", self.first_sequence))
            .metadata(keys::CREATED, format!("{since_1970:020}"));
        match self.previous {
            Some(previous) => options.metadata(keys::PREVIOUS, format!("{previous:016x}")),
            None => options,
        }
    }

    /// What the header of the file at `path` says.
    pub(crate) fn of(header: &Header, path: &Path) -> std::result::Result<Self, Problem> {
        let get = |key, expected| {
            let found = header.metadata_value(key);
            found.ok_or_else(|| Problem::no_segment(path, key, expected, None))
        };
        let bad = |key, expected, found| Problem::no_segment(path, key, expected, Some(found));
        let number = |key| {
            let found = get(key, IN_DIGITS)?;
            found.parse::<u64>().map_err(|_| bad(key, IN_DIGITS, found))
        };
        let hexadecimal = |key| {
            let found = get(key, IN_HEXADECIMAL)?;
            u64::from_str_radix(found, 16).map_err(|_| bad(key, IN_HEXADECIMAL, found))
        };
        let first_sequence = number(keys::FIRST_SEQUENCE)?;
        let log_id = hexadecimal(keys::ID)?;
        let created = UNIX_EPOCH + Duration::from_nanos(number(keys::CREATED)?);
        let previous = match header.metadata_value(keys::PREVIOUS) {
            Some(_) => NonZeroU64::new(hexadecimal(keys::PREVIOUS)?),
            None => None,
        };
        Ok(Self { log_id, first_sequence, previous, created })
    }

    /// What the header of a segment says that has this number in its name.
    pub(crate) fn of_named(header: &Header, path: &Path, expected: u64) -> std::result::Result<Self, Problem> {
        let identity = Self::of(header, path)?;
        match identity.first_sequence {
            found if found == expected => Ok(identity),
            found => Err(Problem::Renamed { path: path.to_owned(), expected, found }),
        }
    }
}

const IN_DIGITS: &str = "in digits";
const IN_HEXADECIMAL: &str = "in hexadecimal digits";
