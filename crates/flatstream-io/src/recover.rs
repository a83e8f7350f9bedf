//! What is in a stream's file, and what can be saved of it: [`inspect`] looks, [`repair`] cuts a tail that nobody had
//! been told is safe, [`salvage`] writes every good message into a new stream.
//!
//! ```
//! use flatstream_io::{WriteOptions, Writer, recover};
//!
//! # let folder = std::env::temp_dir().join(format!("flatstream-recover-{}", std::process::id()));
//! # std::fs::create_dir_all(&folder)?;
//! # let path = folder.join("damaged.fls");
//! let mut writer = Writer::create_new(&path, WriteOptions::new())?;
//! (0..100u32).try_for_each(|number| writer.append(&number.to_le_bytes()).map(drop))?;
//! writer.sync()?;
//! writer.finish()?;
//! let mut bytes = std::fs::read(&path)?;
//! bytes[1000] ^= 1; // damage
//! std::fs::write(&path, bytes)?;
//!
//! let found = recover::inspect(&path)?;
//! assert_eq!((found.messages, found.losses.messages), (99, 1));
//! println!("{found}");
//!
//! let report = recover::salvage(&path, folder.join("salvaged.fls"))?;
//! assert_eq!(report.messages, 99); // written, read back and compared
//! # std::fs::remove_dir_all(&folder)?;
//! # Ok::<(), std::io::Error>(())
//! ```

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use flatstream_format::{Algorithm, Checksum, End, EndState, Header, HeaderBuilder, TIME_NONE};

use crate::error::{Error, ErrorKind, Result};
use crate::open::{OpenReport, beside, lock, publish};
use crate::options::{OnTail, ReadOptions, WriteOptions, random_number};
use crate::reader::Reader;
use crate::recovery::{Finding, Losses, Recovery};
use crate::reopen::{Extent, Found, Tail, read_header, resume};
use crate::storage::{Files, Storage, StorageFile};
use crate::writer::Writer;

/// What [`inspect`] found.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Inspection {
    /// The stream's header; where it is damaged, what the sync frames tell of it ([`Header::is_recovered`]).
    pub header: Header,
    /// The size of the file in bytes.
    pub size: u64,
    /// How many whole messages can be read, those behind damage included.
    pub messages: u64,
    /// Every byte below this position was reported durable, say the sync frames; 0 = they don't say.
    pub durable: u64,
    /// How often the stream was reopened for append, by its last sync frame.
    pub epoch: u32,
    /// How the stream ended, as a strict reader sees it: *scattered* or *corrupt* where the first damage is.
    pub end: End,
    /// Damaged ranges and what was lost in them, in their order; at most 1,024.
    pub findings: Vec<Finding>,
    /// What was lost in all.
    pub losses: Losses,
}

impl Inspection {
    /// Whether every byte of the file was understood; a stream that was not closed, or has zeros behind its end, is
    /// whole.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        matches!(self.end.state, EndState::Closed | EndState::Open) && self.losses.is_none()
    }
}

impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { size, messages, durable, epoch, end, losses, .. } = self;
        writeln!(f, "{messages} messages in {size} bytes, epoch {epoch}; {end}")?;
        write!(f, "durable below position {durable}")?;
        for finding in &self.findings {
            write!(f, "\n{finding}")?;
        }
        if losses.messages > 0 {
            write!(f, "\n{} messages lost in all", losses.messages)?;
        }
        Ok(())
    }
}

/// Looks at a whole file and changes nothing; it needs no lock.
///
/// # Errors
/// Of the kinds `NotAStream`, `Incomplete` and `Unsupported` if there is no stream that could be read, `Io`.
pub fn inspect(path: impl AsRef<Path>) -> Result<Inspection> {
    inspect_with(path, &ReadOptions::new().max_message_len(0))
}

/// As [`inspect`], with options: for streams with a checksum of the user's. Whether they ask for recovery makes no
/// difference.
///
/// # Errors
/// As [`inspect`].
pub fn inspect_with(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Inspection> {
    let path = path.as_ref();
    let open = || File::open(path).map_err(|error| Error::file(path, "opened", error));
    let size = open()?.metadata().map_err(|error| Error::file(path, "opened", error))?.len();
    let strict = Pass::new(open()?, options.clone().strict());
    match strict {
        Ok(pass) if !matches!(pass.end.state, EndState::Scattered | EndState::Corrupt) => {
            Ok(pass.into_inspection(size))
        }
        Ok(strict) => {
            let pass = Pass::new(open()?, options.clone().recovery(Recovery::new()))?;
            Ok(Inspection { end: strict.end, ..pass.into_inspection(size) })
        }
        Err(error) if is_damaged_header(&error) => {
            let pass = Pass::new(open()?, options.clone().recovery(Recovery::new()))?;
            let state = if pass.durable > 0 { EndState::Corrupt } else { EndState::Scattered };
            let end = End { state, position: 0, bytes_behind: size, searched_all: true };
            Ok(Inspection { end, ..pass.into_inspection(size) })
        }
        Err(error) => Err(error),
    }
}

fn is_damaged_header(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::NotAStream | ErrorKind::Incomplete | ErrorKind::Damaged)
}

/// One reading of a stream from its beginning to its end, or to its first damage.
struct Pass {
    header: Header,
    messages: u64,
    durable: u64,
    epoch: u32,
    end: End,
    findings: Vec<Finding>,
    losses: Losses,
}

impl Pass {
    fn new(source: impl Read, options: ReadOptions) -> Result<Self> {
        let mut reader = Reader::with_options(source, options)?;
        let mut messages = 0;
        loop {
            match reader.next_message() {
                Ok(Some(_)) => messages += 1,
                Ok(None) => break,
                Err(error) if error.kind() == ErrorKind::Damaged => break,
                Err(error) => return Err(error),
            }
        }
        Ok(Self {
            messages,
            durable: reader.durable_position(),
            epoch: reader.last_sync().map_or(0, |sync| sync.epoch),
            end: reader.end()?,
            findings: reader.take_findings(),
            losses: *reader.losses(),
            header: reader.header().clone(),
        })
    }

    fn into_inspection(self, size: u64) -> Inspection {
        let Self { header, messages, durable, epoch, end, findings, losses } = self;
        Inspection { header, size, messages, durable, epoch, end, findings, losses }
    }
}

/// Cuts a torn or scattered tail and keeps it beside the file, as [`Writer::open`] does by default, and lets go of the
/// file: the stream then ends open, with the first sync frame of a new epoch, whose time is that of the last one
/// before. Where there is nothing to cut, it changes nothing. The whole file is read first, also what is known to be
/// durable.
///
/// # Errors
/// Of the kind `Damaged` where bytes that were known to be durable are bad, `Refused` where what lies behind may belong
/// to another stream or is more than 64 MiB: nothing was changed, and [`salvage`] saves what can be read. Of the kinds
/// `Locked`, `NotAStream`, `Incomplete` (there is no stream yet), `Unsupported`, `Limit`, `Io`.
pub fn repair(path: impl AsRef<Path>) -> Result<OpenReport> {
    repair_in(&Files, path, &WriteOptions::new())
}

/// As [`repair`], in another storage than the system's files, and with options: for streams with a checksum of the
/// user's.
///
/// # Errors
/// As [`repair`].
pub fn repair_in<S: Storage>(storage: &S, path: impl AsRef<Path>, options: &WriteOptions) -> Result<OpenReport> {
    let path = path.as_ref();
    let not_found = || Error::file(path, "opened", std::io::ErrorKind::NotFound.into());
    let file = lock(storage, path)?.ok_or_else(not_found)?;
    let Some(header) = read_header(&file, path)? else {
        let size = file.size().map_err(|error| Error::read(error, 0))?;
        return Err(flatstream_format::HeaderError::Incomplete { expected: size + 1, found: size }.into());
    };
    let hasher = options.build_hasher(header.checksum())?;
    let found = Found::look(&file, header, hasher, Extent::Whole)?;
    match found.judge(path, OnTail::CutAndKeep)? {
        Tail::Nothing => Ok(found.report(None, None)),
        tail => {
            let options = options.clone().repeat_times();
            let report = resume(storage, file, path, &options, found, tail)?.take_open_report();
            report.ok_or_else(|| Error::usage("opening made no report"))
        }
    }
}

/// What [`salvage`] saved.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SalvageReport {
    /// How many messages the new stream holds.
    pub messages: u64,
    /// What was lost.
    pub losses: Losses,
    /// Where, and why; at most 1,024.
    pub findings: Vec<Finding>,
    /// How the old stream ended, behind its last good frame.
    pub end: End,
    /// Whether the old header was damaged: the new one then names the checksum alone.
    pub is_header_recovered: bool,
}

impl SalvageReport {
    /// Whether the new stream lacks nothing, as far as anyone can tell.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.losses.is_none() && !self.is_header_recovered
    }
}

/// Writes every good message of the stream in `from` into a new stream in `to`: closed, durable, with the same header
/// and the times of the old sync frames. It then reads `to` back from the file, strictly, and compares it with what it
/// wrote, before it says that all is well. `from` isn't changed.
///
/// Sequence numbers are those of the new stream, without the messages that were lost. Messages that the old writer
/// dropped are noted as dropped again.
///
/// # Errors
/// Of the kind `Io` if there is a file `to` already, or reading or writing fails; `NotAStream` and the like if no
/// stream is found; `Damaged` if `to` doesn't read back as it was written. There is no `to` then: until it is whole and
/// compared it has a temporary name (`.NAME.….new`).
pub fn salvage(from: impl AsRef<Path>, to: impl AsRef<Path>) -> Result<SalvageReport> {
    salvage_with(from, to, &ReadOptions::new().max_message_len(0), WriteOptions::new())
}

/// As [`salvage`], with options: of `read` and `write` those for checksums of the user's, of `read` how it recovers
/// from a file (window, careful, the stream's id), of `write` the new stream's id.
///
/// # Errors
/// As [`salvage`].
pub fn salvage_with(
    from: impl AsRef<Path>,
    to: impl AsRef<Path>,
    read: &ReadOptions,
    write: WriteOptions,
) -> Result<SalvageReport> {
    let (from, to) = (from.as_ref(), to.as_ref());
    let source = File::open(from).map_err(|error| Error::file(from, "opened", error))?;
    let recovery = read.chosen_recovery().filter(|recovery| !recovery.is_link()).unwrap_or_default();
    let mut reader = Reader::with_options(source, read.clone().recovery(recovery))?;
    let time = Arc::new(AtomicI64::new(TIME_NONE));
    let now = Arc::clone(&time);
    let header = salvaged_header(reader.header())?;
    let options = write.clock(header.clock(), move || now.load(Ordering::Relaxed)).header(header);
    let exists = || Error::file(to, "created", std::io::ErrorKind::AlreadyExists.into());
    if to.symlink_metadata().is_ok() {
        return Err(exists());
    }
    // Half of it must not be taken for all that could be saved, whatever ends this.
    let temporary = beside(to, &format!(".{:016x}.new", random_number()?), ".");
    let mut writer = Writer::create_new(&temporary, options)?;
    let result = copy_all(&mut reader, &mut writer, &time).and_then(|(written, findings)| {
        writer.finish()?;
        let file = File::open(&temporary).map_err(|error| Error::file(to, "opened", error))?;
        let found = Summary::of(Reader::with_options(file, read.clone().strict().require_closed(true))?)?;
        if found != written {
            return Err(Error::differs(to, written.messages, found.messages));
        }
        publish(&Files, &temporary, to).map_err(|error| Error::file(to, "created", error))?;
        Ok(SalvageReport {
            messages: written.messages,
            losses: *reader.losses(),
            findings,
            end: reader.end()?,
            is_header_recovered: reader.header().is_recovered(),
        })
    });
    result.inspect_err(|_| {
        let _ = std::fs::remove_file(&temporary);
    })
}

/// The old header, byte for byte; or one that says as much as the sync frames did.
fn salvaged_header(header: &Header) -> Result<Header> {
    if !header.is_recovered() {
        return Ok(header.clone());
    }
    HeaderBuilder::new(header.checksum()).build().map_err(Error::options)
}

/// What was copied, in short: as many messages of these bytes in this order.
#[derive(Debug, Default, PartialEq, Eq)]
struct Summary {
    messages: u64,
    bytes: u64,
    digest: u64,
}

impl Summary {
    fn add(&mut self, message: &[u8]) {
        self.messages += 1;
        self.bytes += message.len() as u64;
        let digest = u64::from(Algorithm::CRC32C.digest(message)) << 32 | message.len() as u64;
        self.digest = (self.digest ^ digest).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29);
    }

    fn of(mut reader: Reader<File>) -> Result<Self> {
        let mut summary = Self::default();
        while let Some(message) = reader.next_message()? {
            summary.add(message);
        }
        Ok(summary)
    }
}

fn copy_all(reader: &mut Reader<File>, writer: &mut Writer<File>, time: &AtomicI64) -> Result<(Summary, Vec<Finding>)> {
    const FINDINGS_MAX: usize = 1024;
    let mut summary = Summary::default();
    let mut findings = Vec::new();
    loop {
        let message = match reader.next_message()? {
            Some(message) => {
                summary.add(message);
                writer.append(message)?;
                true
            }
            None => false,
        };
        if let Some(sync) = reader.last_sync() {
            time.store(sync.time, Ordering::Relaxed);
        }
        for finding in reader.take_findings() {
            if let Finding::Dropped { dropped, .. } = finding {
                writer.note_dropped(dropped)?;
            }
            if findings.len() < FINDINGS_MAX {
                findings.push(finding);
            }
        }
        if !message {
            return Ok((summary, findings));
        }
    }
}
