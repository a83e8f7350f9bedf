//! Goes on in the stream of a file: finds where its good data end, deals with what lies behind, begins a new epoch.
//! Specification: section 9, "Reopening for append".

use std::io::Write;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

use flatstream_format::layout::header::IDENTIFIER;
use flatstream_format::{
    End, EndState, Essentials, Evidence, EvidenceKind, FoundSync, Header, HeaderError, Located, Sync, TIME_NONE,
    TailSearch, limits, locate_header,
};

use crate::durable::Durable;
use crate::error::{Error, Result};
use crate::hasher::Hasher;
use crate::open::{OpenReport, beside, write_temporary};
use crate::options::{OnTail, WriteOptions};
use crate::storage::{Storage, StorageFile};
use crate::walk::{Walk, is_blank, last_sync_before, read_exactly};
use crate::writer::{ResumePoint, Writer};

/// `file` is locked and stands at `path`.
pub(crate) fn reopen<S: Storage>(
    storage: &S,
    file: S::File,
    path: &Path,
    options: &WriteOptions,
) -> Result<Writer<S::File>> {
    let Some(header) = read_header(&file, path)? else {
        options.is_meant(None)?;
        return start_anew(storage, file, path, options);
    };
    options.check_against(&header)?;
    let hasher = options.build_hasher(header.checksum())?;
    let found = Found::look(&file, header, hasher, Extent::SinceDurable)?;
    let tail = found.judge(path, options.chosen_on_tail())?;
    resume(storage, file, path, options, found, tail)
}

/// The header; `None` where nothing of a stream ever arrived: an empty file, blank storage, or half a header.
pub(crate) fn read_header<F: StorageFile>(file: &F, path: &Path) -> Result<Option<Header>> {
    let size = file.size().map_err(|error| Error::read(error, 0))?;
    let mut opening = read_exactly(file, 0, size.min(HEADER_LEN_USUAL))?;
    if let Ok(Located::NeedMore(need)) = locate_header(&opening) {
        opening = read_exactly(file, 0, size.min(need as u64))?;
    }
    match locate_header(&opening) {
        Ok(Located::Region(_)) => Ok(Some(Header::decode(&opening)?)),
        _ if is_blank(file, 0, size)? => Ok(None),
        Ok(Located::NeedMore(need)) if opening.len() < IDENTIFIER.end => {
            Err(HeaderError::at_end_of_data(&opening, need).into())
        }
        Ok(Located::NeedMore(_)) => match first_sync(&opening) {
            None => Ok(None),
            Some(sync) => Err(Error::tail(
                path,
                End { state: EndState::Corrupt, position: 0, bytes_behind: size, searched_all: true },
                Some(Evidence { position: sync.position, kind: EvidenceKind::SyncInPlace }),
                "its header is damaged: recover::salvage reads what is there",
            )),
        },
        Err(error) => Err(error.into()),
    }
}

/// A header without a schema is shorter.
const HEADER_LEN_USUAL: u64 = 4 << 10;

/// The first sync frame in what should be a header: then its length is wrong, and it isn't cut short.
fn first_sync(data: &[u8]) -> Option<FoundSync> {
    (0..data.len()).find_map(|at| FoundSync::at_start_of(&data[at..], at as u64))
}

/// A new stream in a file that is there, and that holds nothing.
fn start_anew<S: Storage>(storage: &S, file: S::File, path: &Path, options: &WriteOptions) -> Result<Writer<S::File>> {
    let size = file.size().map_err(|error| Error::read(error, 0))?;
    let end = End { state: EndState::Open, position: 0, bytes_behind: size, searched_all: true };
    if size > 0 && options.chosen_on_tail() == OnTail::Refuse && !is_blank(&file, 0, size)? {
        return Err(Error::tail(path, end, None, "the options say to refuse a tail"));
    }
    let kept_at = if is_blank(&file, 0, size)? { None } else { Some(keep(storage, &file, path, 0..size, 0)?) };
    // Not in its place: were the power to go there, half of a header and half of what was there would be no stream.
    let (mut writer, temporary) = write_temporary(storage, path, options)?;
    let published = storage.rename(&temporary, path).and_then(|()| storage.sync_folder_of(path));
    published.map_err(|error| {
        let _ = storage.remove(&temporary);
        Error::file(path, "created", error)
    })?;
    drop(file);
    writer.set_open_report(OpenReport {
        end,
        messages_kept: 0,
        bytes_cut: size,
        messages_cut: 0,
        kept_at,
        durable: 0,
        epoch: Some(0),
    });
    Ok(writer)
}

/// How much of a stream is read to find its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// From the last sync frame below what is known to be durable.
    SinceDurable,
    /// All of it.
    Whole,
}

/// A stream in a file, read strictly to where its good data end.
pub(crate) struct Found {
    pub(crate) header: Header,
    pub(crate) end: End,
    pub(crate) sequence: u64,
    /// The last good sync frame before the end; `None` if not even the first arrived.
    last_sync: Option<Sync>,
    pub(crate) evidence: Option<Evidence>,
    /// What lies behind the end, if anything does.
    pub(crate) tail: Option<TailSearch>,
    pub(crate) size: u64,
    /// Every byte below was reported durable, say the sync frames.
    pub(crate) durable: u64,
    pub(crate) messages_behind: u64,
    /// Whether a second stream begins at the end: a header, and behind it the first sync frame of another stream. A
    /// header alone may be a stale copy of this stream's own, in a block that was recycled.
    is_second_stream: bool,
}

impl Found {
    /// `extent` says how much is read.
    pub(crate) fn look<F: StorageFile>(file: &F, header: Header, hasher: Hasher, extent: Extent) -> Result<Self> {
        let size = file.size().map_err(|error| Error::read(error, 0))?;
        let start = match extent {
            Extent::SinceDurable => starting_point(file, &header, size, 0)?,
            Extent::Whole => None,
        };
        let mut walk = Walk::new(file, &header, hasher, start);
        let stop = walk.read_to_stop()?;
        let (sequence, last_sync) = (walk.decoder().sequence(), walk.decoder().last_sync().copied());
        let mut durable = walk.durable();
        let (end, evidence, messages_behind, tail) = match stop {
            None => (End::at_boundary(walk.decoder()), None, 0, None),
            Some(stop) => {
                let tail = walk.search_tail(stop)?;
                durable = durable.max(tail.syncs().durable_max.map_or(0, |(durable, _)| durable));
                let scattered = tail.end().state == EndState::Scattered;
                let is_short = tail.end().bytes_behind <= limits::SCATTERED_TAIL_MAX;
                let behind = if scattered && is_short { walk.count_behind()? } else { 0 };
                (tail.end(), tail.evidence(), behind, Some(tail))
            }
        };
        let is_second_stream = match evidence {
            Some(_) => begins_other_stream(file, end.position, size, last_sync.as_ref())?,
            None => false,
        };
        Ok(Self { header, end, sequence, last_sync, evidence, tail, size, durable, messages_behind, is_second_stream })
    }

    /// Whether the bytes behind the end may be cut. Specification: the table of section 9.
    pub(crate) fn judge(&self, path: &Path, on_tail: OnTail) -> Result<Tail> {
        let refuse = |evidence, why| Err(Error::tail(path, self.end, evidence, why));
        let Some(search) = &self.tail else { return Ok(Tail::Nothing) };
        let syncs = search.syncs();
        match self.end.state {
            EndState::Corrupt => {
                let position = syncs.durable_max.map_or(self.end.position, |(_, position)| position);
                let evidence = Some(Evidence { position, kind: EvidenceKind::Sync });
                refuse(evidence, "it says that bytes behind the damage were durable, so they aren't cut")
            }
            // Blank, or half a first sync frame.
            EndState::Open | EndState::Closed if search.is_blank() => Ok(Tail::Blank),
            _ if on_tail == OnTail::Refuse => refuse(self.evidence, "the options say to refuse a tail"),
            EndState::Scattered if self.last_sync.is_none() => refuse(
                self.evidence,
                "its first sync frame is bad, so the stream has no identity to go on in: recover::salvage reads it",
            ),
            EndState::Scattered => match (syncs.displaced, syncs.foreign, self.evidence) {
                (Some(position), _, _) => refuse(
                    Some(Evidence { position, kind: EvidenceKind::Sync }),
                    "that sync frame isn't at its place, so bytes were lost or inserted; what follows isn't cut",
                ),
                _ if self.end.bytes_behind > limits::SCATTERED_TAIL_MAX => {
                    refuse(self.evidence, "more than 64 MiB lie behind, which is too much to be cut unasked")
                }
                _ if on_tail == OnTail::CutAndKeepForeign => Ok(Tail::Keep),
                (_, Some(position), _) => refuse(
                    Some(Evidence { position, kind: EvidenceKind::SyncInPlace }),
                    "it is another stream's, which isn't cut",
                ),
                _ if self.is_second_stream => refuse(
                    Some(Evidence { position: self.end.position, kind: EvidenceKind::Header }),
                    "another stream isn't cut",
                ),
                _ => Ok(Tail::Keep),
            },
            _ => Ok(Tail::Keep),
        }
    }

    /// One more than the highest epoch that was seen, in the tail too.
    fn next_epoch(&self, path: &Path) -> Result<Option<(NonZeroU64, u32)>> {
        let Some(last) = &self.last_sync else { return Ok(None) };
        let in_tail = self.tail.as_ref().and_then(|tail| tail.syncs().epoch_max).unwrap_or_default();
        let epoch = last.epoch.max(in_tail).checked_add(1).ok_or_else(|| Error::epochs_used_up(path))?;
        let stream_id = NonZeroU64::new(last.stream_id).ok_or_else(|| Error::usage("a stream id is never 0"))?;
        Ok(Some((stream_id, epoch)))
    }

    fn bytes_behind(&self) -> u64 {
        self.size - self.end.position
    }

    /// `epoch` is the one that begins.
    pub(crate) fn report(&self, kept_at: Option<PathBuf>, epoch: Option<u32>) -> OpenReport {
        OpenReport {
            end: self.end,
            messages_kept: self.sequence,
            bytes_cut: self.bytes_behind(),
            messages_cut: self.messages_behind,
            kept_at,
            durable: self.durable.min(self.end.position),
            epoch,
        }
    }
}

/// Whether a header stands at `position`, and behind it the first sync frame of another stream.
fn begins_other_stream<F: StorageFile>(file: &F, position: u64, size: u64, last: Option<&Sync>) -> Result<bool> {
    let most = HEADER_LEN_USUAL.max(SYNC_FRAME_LEN_MAX);
    let mut data = read_exactly(file, position, (size - position).min(most))?;
    if let Ok(Located::NeedMore(need)) = locate_header(&data) {
        data = read_exactly(file, position, (size - position).min(need as u64))?;
    }
    let Ok(Located::Region(len)) = locate_header(&data) else { return Ok(false) };
    if !Essentials::is_region_good(&data) {
        return Ok(false);
    }
    let behind = position + len as u64;
    let first = read_exactly(file, behind, (size - behind).min(SYNC_FRAME_LEN_MAX))?;
    let first = FoundSync::at_start_of(&first, len as u64).filter(FoundSync::is_in_place);
    Ok(first.is_some_and(|first| last.is_none_or(|last| last.stream_id != first.sync.stream_id)))
}

/// What becomes of the bytes behind the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tail {
    Nothing,
    /// Only zeros, or only 0xFF: cut, and not kept.
    Blank,
    /// Cut, and kept beside the file.
    Keep,
}

/// Where a walk may start: at the last sync frame at or below what the last sync frame of all says is durable, or below
/// what the caller isn't interested in.
pub(crate) fn starting_point<F: StorageFile>(
    file: &F,
    header: &Header,
    size: u64,
    uninteresting: u64,
) -> Result<Option<FoundSync>> {
    let header_len = u64::from(header.essentials().header_len);
    let first = read_exactly(file, header_len, size.saturating_sub(header_len).min(SYNC_FRAME_LEN_MAX))?;
    let header_check = header.essentials().header_check;
    let is_first = |found: &FoundSync| found.is_in_place() && found.sync.header_check == header_check;
    let Some(first) = FoundSync::at_start_of(&first, header_len).filter(is_first) else { return Ok(None) };
    let is_ours = |found: &FoundSync| {
        found.sync.stream_id == first.sync.stream_id
            && found.sync.header_check == header_check
            && found.sync.checksum_id == first.sync.checksum_id
    };
    let Some(last) = last_sync_before(file, header_len, size, |found| is_ours(found))? else { return Ok(None) };
    let known = last.sync.durable.max(uninteresting);
    if known <= header_len {
        return Ok(None);
    }
    let until = size.min(known.saturating_add(SYNC_FRAME_LEN_MAX));
    last_sync_before(file, header_len, until, |found| is_ours(found) && found.position <= known)
}

const SYNC_FRAME_LEN_MAX: u64 = flatstream_format::layout::sync::FRAME_LEN_MAX as u64;

/// Copies the tail to a file of its own, durably, and returns its name.
fn keep<S: Storage>(
    storage: &S,
    file: &S::File,
    path: &Path,
    tail: std::ops::Range<u64>,
    epoch: u32,
) -> Result<PathBuf> {
    for nth in 0u32.. {
        let number = if nth == 0 { String::new() } else { format!("-{nth}") };
        let kept_at = beside(path, &format!(".epoch-{epoch}-tail-at-{}{number}", tail.start), "");
        let failed = |error| Error::file(&kept_at, "written, so the tail stays where it is", error);
        let mut copy = match storage.create_new(&kept_at) {
            Ok(copy) => copy,
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => continue,
            Err(error) => return Err(failed(error)),
        };
        let mut copy_all = || {
            let mut position = tail.start;
            while position < tail.end {
                let part = read_exactly(file, position, (tail.end - position).min(1 << 20))?;
                copy.write_all(&part).map_err(failed)?;
                position += part.len() as u64;
            }
            copy.flush().map_err(failed)?;
            copy.sync().map_err(failed)?;
            storage.sync_folder_of(&kept_at).map_err(failed)
        };
        // Half a copy is of no use; the tail is still where it was.
        copy_all().inspect_err(|_| {
            let _ = storage.remove(&kept_at);
        })?;
        return Ok(kept_at);
    }
    Err(Error::usage("there are 2^32 kept tails beside the file already"))
}

/// Begins a new epoch behind the good data, and cuts the tail as it was judged.
///
/// The new epoch is durable before the old tail is cut. Were it cut first, a power cut could bring its blocks back at
/// other places of the file, in what is still the current epoch: as if bytes of the stream had been lost. The same
/// would be true of the blocks of its copy, which lies elsewhere in its file; so the good data are durable before there
/// is one.
///
/// They are durable before the new epoch begins, too. Else a power cut could take them together with the sync frame
/// that began it, so that the next writer begins the same epoch further in front; and if that sync frame came back, it
/// would be good in place of a message of that writer, which nobody would miss.
pub(crate) fn resume<S: Storage>(
    storage: &S,
    mut file: S::File,
    path: &Path,
    options: &WriteOptions,
    found: Found,
    tail: Tail,
) -> Result<Writer<S::File>> {
    let next = found.next_epoch(path)?;
    let epoch = next.map_or(0, |(_, epoch)| epoch);
    let (position, size) = (found.end.position, found.size);
    // Whoever made the file may have died before its name was durable, which all that is acknowledged from here on
    // needs.
    storage.sync_folder_of(path).map_err(|error| Error::file(path, "made durable", error))?;
    write_again(&mut file, found.durable.min(position), position)?;
    file.sync().map_err(|error| Error::sync(error, position))?;
    let kept_at = match tail {
        Tail::Keep => Some(keep(storage, &file, path, position..size, epoch)?),
        Tail::Nothing | Tail::Blank => None,
    };
    let report = found.report(kept_at, Some(epoch));
    let header = found.header;
    let mut writer = match next {
        Some((stream_id, epoch)) => {
            let (sequence, durable) = (found.sequence, report.durable);
            let time = found.last_sync.map_or(TIME_NONE, |sync| sync.time);
            let at = ResumePoint { stream_id, epoch, position, sequence, durable, time };
            Writer::resume(file, options, header, at)?
        }
        None => Writer::restart(file, options, header)?,
    };
    if size > writer.position() {
        writer.cut_behind()?;
    }
    writer.set_open_report(report);
    Ok(writer)
}

/// Writes what isn't known to be durable over itself. An earlier sync may have failed: then the system reads these
/// bytes back and yet has written them off, so that no later sync makes them durable. What is written next goes to
/// `to`.
fn write_again<F: StorageFile>(file: &mut F, from: u64, to: u64) -> Result<()> {
    let mut position = from;
    file.seek_to(position).map_err(|error| Error::write(error, position))?;
    while position < to {
        let part = read_exactly(file, position, (to - position).min(1 << 20))?;
        if part.is_empty() {
            return Err(Error::read(std::io::ErrorKind::UnexpectedEof.into(), position));
        }
        file.write_all(&part).map_err(|error| Error::write(error, position))?;
        position += part.len() as u64;
    }
    Ok(())
}
