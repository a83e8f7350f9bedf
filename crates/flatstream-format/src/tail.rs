//! How a stream ended: what lies behind the place where reading stopped. Specification: section 11.

use core::fmt;

use flatstream_checksum::Checksum;

use crate::decoder::{Decoder, Rules};
use crate::error::{Error, Evidence, EvidenceKind, Stop, StopReason};
use crate::frame::{Head, frame_len, padded, split_body};
use crate::header::{Located, locate_header};
use crate::layout::{ALIGNMENT, frame, sync};
use crate::limits::{
    SEARCH_HASH_FACTOR, SEARCH_HASH_FREE, SEARCH_SHORT, SEARCH_WINDOW_MAX, SEARCH_WINDOW_MIN, SECTOR_LEN,
};
use crate::mask::Salt;
use crate::sync::{Sync, control_digest};
use crate::{Algorithm, Essentials};

/// How a stream ended. Specification: section 11.
///
/// ```
/// use flatstream_format::{EndState, SliceReader};
///
/// let header = include_bytes!("../tests/minimal_header.bin");
/// let torn = [&header[..], b"half a sync frame"].concat();
/// let mut reader = SliceReader::new(&torn)?;
/// assert!(reader.next().is_none());
///
/// let end = reader.end().unwrap();
/// assert_eq!((end.state, end.position, end.bytes_behind), (EndState::Open, header.len() as u64, 17));
/// # Ok::<(), flatstream_format::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub struct End {
    /// Which of the five ways.
    pub state: EndState,
    /// Where the good data end, in bytes from the start of the stream.
    pub position: u64,
    /// How many bytes lie behind: blank ones if open or closed, ones that weren't understood if torn, ones that weren't
    /// delivered if scattered or corrupt (there, as many as were looked at).
    pub bytes_behind: u64,
    /// Whether every place behind was searched that could show the stream going on. `false` only for a torn end: so
    /// many false candidates lie behind that hashing had to stop, or the stream allows messages beyond 16 MiB, for
    /// which a source isn't searched ([`limits`](crate::limits)). Good frames may lie behind then, but no sync frame
    /// does.
    pub searched_all: bool,
}

/// The ways in which a stream can end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub enum EndState {
    /// The writer finished.
    Closed,
    /// At a frame boundary, without the writer's having finished: it may still be writing.
    Open,
    /// In the middle of a frame, with nothing of the stream behind it: the ordinary end of a stream whose writer, or
    /// whose machine, died.
    Torn,
    /// Good frames lie behind bad bytes, and nothing says that these were durable: what a power cut leaves of writes
    /// that nobody waited for, or damage to a stream whose writer never said what was durable.
    Scattered,
    /// Bytes that had been reported durable are bad.
    Corrupt,
}

impl End {
    /// The end of a stream whose data end where `decoder` is: at a frame boundary.
    #[must_use]
    pub fn at_boundary<C: Checksum>(decoder: &Decoder<C>) -> Self {
        let state = if decoder.is_closed() { EndState::Closed } else { EndState::Open };
        Self { state, position: decoder.position(), bytes_behind: 0, searched_all: true }
    }

    /// Whether the writer finished.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.state == EndState::Closed
    }

    /// Whether the stream ended in the middle of a frame, with nothing of it behind.
    #[must_use]
    pub fn is_torn(&self) -> bool {
        self.state == EndState::Torn
    }
}

impl fmt::Display for EndState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::Torn => "torn",
            Self::Scattered => "scattered",
            Self::Corrupt => "corrupt",
        })
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { state, position, bytes_behind, searched_all } = self;
        write!(f, "{state} at position {position}")?;
        match state {
            EndState::Closed | EndState::Open if *bytes_behind == 0 => Ok(()),
            EndState::Closed | EndState::Open => write!(f, ", {bytes_behind} blank bytes behind"),
            EndState::Torn => write!(f, ", {bytes_behind} bytes behind not understood"),
            EndState::Scattered | EndState::Corrupt => write!(f, ", nothing behind was delivered"),
        }?;
        if *searched_all { Ok(()) } else { f.write_str(", not all of them searched for frames") }
    }
}

/// A sync frame that was found by searching, whose check holds and whose fields are in their ranges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub struct FoundSync {
    /// Where it lies, which need not be the position that it names: bytes before it may have been lost or inserted.
    pub position: u64,
    /// The size of its frame in bytes.
    pub frame_len: u32,
    /// What it says.
    pub sync: Sync,
}

impl FoundSync {
    /// The sync frame that `data` begin with, which lie at `position`: whole, right by its own salt and position, with
    /// fields in their ranges. Whether it belongs to a stream is another question.
    #[must_use]
    pub fn at_start_of(data: &[u8], position: u64) -> Option<Self> {
        let found = Self::unchecked(data, position)?;
        found.is_intact(data).then_some(found)
    }

    /// Whether the head that `data` begin with is one of a sync frame, of which the rest isn't there.
    pub(crate) fn is_too_short(data: &[u8]) -> bool {
        let Some((head, rest)) = data.split_first_chunk() else { return true };
        let head = Head::from_bytes(head);
        let len = head.body_len() as usize;
        head.is_control() && (sync::BODY_LEN..=sync::BODY_LEN_MAX).contains(&len) && rest.len() < padded(len)
    }

    /// The same before the check was computed.
    fn unchecked(data: &[u8], position: u64) -> Option<Self> {
        if data.get(frame::HEAD_LEN..frame::HEAD_LEN + sync::KIND.end) != Some(&sync::KIND_BYTES) {
            return None;
        }
        let (head, rest) = data.split_first_chunk()?;
        let head = Head::from_bytes(head);
        let (body, _) = if head.is_control() { split_body(rest, head.body_len())? } else { return None };
        let sync = Sync::from_body(body)?;
        let frame_len = frame_len(head.body_len()) as u32;
        sync.field_out_of_range().is_none().then_some(Self { position, frame_len, sync })
    }

    fn is_intact(&self, data: &[u8]) -> bool {
        let Some((head, rest)) = data.split_first_chunk() else { return false };
        let head = Head::from_bytes(head);
        let Some((body, _)) = split_body(rest, head.body_len()) else { return false };
        head.check == self.sync.expected_check(body, head.length_word)
    }

    /// Calls `tell` with each intact sync frame in `data`, which begin at `position`, whatever its stream and wherever
    /// it lies. Returns how many bytes from the start of `data` are done with: the others may be the beginning of one,
    /// and have to be offered again with what follows them.
    pub fn each_in(data: &[u8], position: u64, mut tell: impl FnMut(Self)) -> usize {
        let mut done = data.len().saturating_sub(frame::HEAD_LEN + sync::KIND.end - 1);
        let kinds = data.get(frame::HEAD_LEN..).unwrap_or_default().windows(sync::KIND.end);
        for (start, _) in kinds.enumerate().filter(|(_, kind)| *kind == sync::KIND_BYTES) {
            let candidate = data.get(start..).unwrap_or_default();
            match Self::at_start_of(candidate, position.wrapping_add(start as u64)) {
                Some(found) => tell(found),
                None if Self::is_too_short(candidate) => done = done.min(start),
                None => {}
            }
        }
        done
    }

    /// Whether it lies at the position that it names.
    #[must_use]
    pub const fn is_in_place(&self) -> bool {
        self.position == self.sync.position
    }

    /// Whether it lies as far into a sector as its place does: there, or in what may be a stale block.
    const fn is_in_place_by_sector(&self) -> bool {
        self.position.wrapping_sub(self.sync.position) % SECTOR_LEN == 0
    }
}

/// What sync frames were found behind a stop, beyond the first that is evidence. Specification: section 9, "Reopening".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TailSyncs {
    /// Where the first one of this stream lies that isn't in its place, as if bytes had been lost or inserted. Two
    /// kinds don't count, because they may be stale blocks that a power cut exposed: one of an epoch before the
    /// current, and one that lies a multiple of 512 bytes from the position that it names.
    pub displaced: Option<u64>,
    /// Where the first one of another stream, or of another header, lies in its place.
    pub foreign: Option<u64>,
    /// The highest epoch that one of this stream names.
    pub epoch_max: Option<u32>,
    /// The highest position that one of this stream says was durable, and where that one lies.
    pub durable_max: Option<(u64, u64)>,
}

/// Looks, behind the place where a [`Decoder`] stopped, for proof that the stream goes on.
///
/// It is fed the bytes from there to the end of the data, in order: to [`search_syncs`](Self::search_syncs) and to
/// [`search_frames`](Self::search_frames). [`SliceReader`](crate::SliceReader) and `flatstream-io`'s `Reader` do so by
/// themselves.
///
/// ```
/// use flatstream_format::{Algorithm, Decoder, EndState, Essentials, Stop, StopReason, TailSearch, limits};
///
/// let header = Essentials::parse(include_bytes!("../tests/minimal_header.bin"))?;
/// let mut decoder = Decoder::new(&header, limits::READER_MAX_MESSAGE_LEN, Algorithm::CRC32C);
/// let tail = &[1, 2, 3, 4, 1, 0, 0, 0, b'x', 0, 0, 0, 0, 0, 0, 0]; // where the first sync frame should stand
/// let stop = decoder.decode(tail).unwrap_err();
/// assert_eq!(stop.reason, StopReason::SyncMissing);
///
/// let mut search = TailSearch::new(&decoder, stop);
/// search.search_header(tail);
/// search.search_syncs(tail, decoder.position(), true);
/// search.search_frames(decoder.hasher(), tail, decoder.position(), tail.len());
/// assert_eq!(search.error(), None); // nothing behind it shows that anything was lost
/// assert_eq!(search.end().state, EndState::Torn);
/// # Ok::<(), flatstream_format::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct TailSearch {
    stop: Stop,
    rules: Rules,
    /// Of the epoch in which reading stopped; without one there is no frame that could be checked.
    salt: Option<Salt>,
    last_sync: Option<Sync>,
    stream_id: Option<u64>,
    blank: Blank,
    /// The first sync frame.
    sync: Option<Evidence>,
    /// A frame, or a second stream's header.
    other: Option<Evidence>,
    is_corrupt: bool,
    syncs: TailSyncs,
    /// How many bytes may still be hashed.
    budget: u64,
    missed_candidates: bool,
    bytes_seen: u64,
    syncs_searched: u64,
}

/// So many zeros are left out at a time: no frame begins with eight, and storage that was allocated and never written
/// has gigabytes of them.
const ZEROS: [u8; 256] = [0; 256];

struct Candidate<'w> {
    head: Head,
    body: &'w [u8],
}

impl Candidate<'_> {
    fn is_good<C: Checksum>(&self, hasher: &C, salt: Salt, position: u64) -> bool {
        let digest = if self.head.is_control() { control_digest(self.body) } else { hasher.digest(self.body) };
        self.head.check == digest ^ salt.mask(position, self.head.length_word)
    }
}

/// Whether all bytes so far are 0x00, or all are 0xFF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Blank {
    SoFar(Option<u8>),
    No,
}

impl TailSearch {
    /// A search behind the place where `decoder` stopped.
    #[must_use]
    pub fn new<C: Checksum>(decoder: &Decoder<C>, stop: Stop) -> Self {
        Self {
            stop,
            rules: decoder.rules,
            salt: decoder.salt(),
            last_sync: decoder.last_sync().copied(),
            stream_id: decoder.stream_id(),
            blank: Blank::SoFar(None),
            sync: None,
            other: None,
            is_corrupt: false,
            syncs: TailSyncs::default(),
            budget: SEARCH_HASH_FREE,
            missed_candidates: false,
            bytes_seen: 0,
            syncs_searched: 0,
        }
    }

    /// Where reading stopped, and why.
    #[must_use]
    pub const fn stop(&self) -> &Stop {
        &self.stop
    }

    /// What was found so far.
    #[must_use]
    pub fn evidence(&self) -> Option<Evidence> {
        self.sync.or(self.other)
    }

    /// Whether it is known how the stream ended, whatever follows.
    #[must_use]
    pub const fn is_end_known(&self) -> bool {
        self.is_corrupt
    }

    /// Whether [`error`](Self::error) has its last word, whatever follows.
    #[must_use]
    pub fn is_error_known(&self) -> bool {
        match self.limit_exceeded() {
            Some(claimed) => self.is_sync_inside(claimed) || self.syncs_searched >= claimed,
            None => self.evidence().is_some(),
        }
    }

    /// The size that the frame at the stop claims, if that was only too long for this reader.
    fn limit_exceeded(&self) -> Option<u64> {
        match self.stop.reason {
            StopReason::Limit { found, .. } => Some(frame_len(found)),
            _ => None,
        }
    }

    /// Whether a sync frame lies inside a frame of this size at the stop: then it is no frame.
    fn is_sync_inside(&self, claimed: u64) -> bool {
        self.sync.is_some_and(|sync| sync.position.wrapping_sub(self.stop.position) < claimed)
    }

    /// How many bytes have to be held at once for [`search_frames`](Self::search_frames): the half that is searched,
    /// and as much again, into which a frame that starts in the first half may reach. At least 2 MiB, at most 32 MiB.
    #[must_use]
    pub fn window_len(&self) -> usize {
        let longest = usize::try_from(frame_len(self.rules.promised_limit)).unwrap_or(usize::MAX);
        longest.saturating_mul(2).clamp(SEARCH_WINDOW_MIN, SEARCH_WINDOW_MAX)
    }

    /// Looks at the bytes directly at the stop for the header of a second stream. Returns whether it could be looked
    /// at, because it is all there or is none.
    pub fn search_header(&mut self, data: &[u8]) -> bool {
        if let Ok(Located::NeedMore(_)) = locate_header(data) {
            return false;
        }
        if Essentials::is_region_good(data) {
            self.found_other(self.stop.position, EvidenceKind::Header);
        }
        true
    }

    /// A frame whose check was wrong, but whose length may be sound: the next frame then stands behind it. `data` begin
    /// at the stop. Returns whether it could be looked at, because the next frame is all there.
    pub fn search_behind_rejected<C: Checksum>(&mut self, hasher: &C, data: &[u8]) -> bool {
        let (StopReason::Check { length, .. }, Some(salt)) = (&self.stop.reason, self.salt) else { return true };
        let rejected = frame_len(*length);
        let behind = usize::try_from(rejected).ok().and_then(|rejected| data.get(rejected..));
        let Some(candidate) = behind.and_then(|data| self.candidate(data)) else { return false };
        let position = self.stop.position.wrapping_add(rejected);
        if candidate.is_good(hasher, salt, position) {
            self.found_other(position, EvidenceKind::Frame);
        }
        true
    }

    /// Searches `data`, which begin at `position`, for frames in their places that start in the first `starts` bytes.
    ///
    /// It hashes at most 16 times as many bytes as it is given to search, and 16 MiB more in all; short candidates
    /// first, because false long ones could use up what may be hashed.
    pub fn search_frames<C: Checksum>(&mut self, hasher: &C, data: &[u8], position: u64, starts: usize) {
        let Some(salt) = self.salt else { return };
        self.budget = self.budget.saturating_add(SEARCH_HASH_FACTOR.saturating_mul(starts as u64));
        for lengths in [1..=SEARCH_SHORT, SEARCH_SHORT + 1..=frame::BODY_LEN_MAX] {
            let mut at = 0;
            while at < starts && self.other.is_none() {
                let data = data.get(at..).unwrap_or_default();
                if data.starts_with(&[0; ALIGNMENT]) && data.starts_with(&ZEROS) {
                    at += ZEROS.len();
                    continue;
                }
                let candidate = self.candidate(data);
                if let Some(candidate) = candidate.filter(|candidate| lengths.contains(&candidate.head.body_len())) {
                    let position = position.wrapping_add(at as u64);
                    if self.pays_for(&candidate) && candidate.is_good(hasher, salt, position) {
                        self.found_other(position, EvidenceKind::Frame);
                    }
                }
                at += ALIGNMENT;
            }
        }
    }

    fn pays_for(&mut self, candidate: &Candidate<'_>) -> bool {
        let left = self.budget.checked_sub(candidate.body.len() as u64);
        self.missed_candidates |= left.is_none();
        self.budget = left.unwrap_or(self.budget);
        left.is_some()
    }

    /// What may be a frame: its length is legal, and it is all there.
    fn candidate<'w>(&self, data: &'w [u8]) -> Option<Candidate<'w>> {
        let (head, behind) = data.split_first_chunk()?;
        let head = Head::from_bytes(head);
        let limit = if head.is_control() { self.rules.control_limit } else { self.rules.promised_limit };
        if head.body_len() == 0 || head.body_len() > limit {
            return None;
        }
        split_body(behind, head.body_len()).map(|(body, _)| Candidate { head, body })
    }

    /// Notes that the first half of a window was let go of. Frames longer than the other half were not looked at.
    pub fn note_slide(&mut self) {
        let longest = frame_len(self.rules.promised_limit);
        self.missed_candidates |= longest > self.window_len() as u64 / 2 + frame::HEAD_LEN as u64;
    }

    /// Searches `data`, which begin at `position`, for sync frames wherever they lie. Returns how many bytes from the
    /// start of `data` are done with; the others have to be offered again, with what follows them, unless `is_last`
    /// says that nothing does.
    pub fn search_syncs(&mut self, data: &[u8], position: u64, is_last: bool) -> usize {
        self.search_syncs_telling(data, position, is_last, |_| {})
    }

    /// The same, and calls `tell` with each sync frame that is intact, whatever its stream: for a reader that goes on
    /// behind damage. One that lies in bytes which are offered again is told again.
    pub fn search_syncs_telling(
        &mut self,
        data: &[u8],
        position: u64,
        is_last: bool,
        mut tell: impl FnMut(FoundSync),
    ) -> usize {
        let end = position.wrapping_add(data.len() as u64);
        let seen_until = self.stop.position.wrapping_add(self.bytes_seen);
        let new = end.wrapping_sub(seen_until).min(data.len() as u64) as usize;
        self.note_blank(data.get(data.len() - new..).unwrap_or_default());
        self.bytes_seen = self.bytes_seen.wrapping_add(new as u64);

        let done = FoundSync::each_in(data, position, |found| {
            self.consider_sync(&found);
            tell(found);
        });
        let done = if is_last { data.len() } else { done };
        self.syncs_searched = position.wrapping_add(done as u64).wrapping_sub(self.stop.position);
        done
    }

    fn note_blank(&mut self, data: &[u8]) {
        let Blank::SoFar(fill) = self.blank else { return };
        let Some(&first) = data.first() else { return };
        let fill = fill.unwrap_or(first);
        // In parts, each of which is looked at as a whole: several bytes at a time.
        let is_filled = |part: &[u8]| part.iter().fold(0, |others, &byte| others | (byte ^ fill)) == 0;
        let is_blank = matches!(fill, 0x00 | 0xFF) && data.chunks(ZEROS.len()).all(is_filled);
        self.blank = if is_blank { Blank::SoFar(Some(fill)) } else { Blank::No };
    }

    fn consider_sync(&mut self, found: &FoundSync) {
        let FoundSync { position, sync, .. } = *found;
        let is_ours = match self.stream_id {
            Some(expected) => sync.stream_id == expected,
            None => sync.header_check == self.rules.header_check,
        };
        let is_of_this_header = sync.header_check == self.rules.header_check;
        // Wherever it lies: frames of its epoch may come back.
        if is_ours && is_of_this_header {
            self.syncs.epoch_max = self.syncs.epoch_max.max(Some(sync.epoch));
        }
        let is_further_on = self.last_sync.is_none_or(|last| sync.position > last.position);
        let is_known_to_follow = is_ours && is_further_on && sync.checksum_id == self.rules.checksum_id;
        if !(is_known_to_follow || found.is_in_place()) {
            return;
        }
        if self.sync.is_none() {
            let kind = if is_known_to_follow { EvidenceKind::Sync } else { EvidenceKind::SyncInPlace };
            self.sync = Some(Evidence { position, kind });
        }
        if is_ours && is_of_this_header && sync.durable > self.stop.position {
            self.is_corrupt = true;
        }
        self.note_sync(found, is_ours && is_of_this_header);
    }

    fn note_sync(&mut self, found: &FoundSync, is_of_this_stream: bool) {
        let syncs = &mut self.syncs;
        if !is_of_this_stream {
            syncs.foreign.get_or_insert(found.position);
            return;
        }
        let is_current = self.last_sync.is_none_or(|last| found.sync.epoch >= last.epoch);
        if is_current && !found.is_in_place_by_sector() {
            syncs.displaced.get_or_insert(found.position);
        }
        if syncs.durable_max.is_none_or(|(durable, _)| found.sync.durable > durable) {
            syncs.durable_max = Some((found.sync.durable, found.position));
        }
    }

    /// What the sync frames say that were found so far.
    #[must_use]
    pub const fn syncs(&self) -> &TailSyncs {
        &self.syncs
    }

    fn found_other(&mut self, position: u64, kind: EvidenceKind) {
        self.other.get_or_insert(Evidence { position, kind });
    }

    /// Whether all bytes so far are zeros, or all are 0xFF.
    #[must_use]
    pub const fn is_blank(&self) -> bool {
        matches!(self.blank, Blank::SoFar(_))
    }

    /// How the stream ended, now that all bytes were seen (or [`is_end_known`](Self::is_end_known)).
    #[must_use]
    pub fn end(&self) -> End {
        let position = self.stop.position;
        let was_closed = self.last_sync.is_some_and(|sync| sync.flags.is_closed());
        let at_boundary = if was_closed { EndState::Closed } else { EndState::Open };
        let is_incomplete = match self.limit_exceeded() {
            Some(claimed) => self.bytes_seen < claimed,
            None => matches!(self.stop.reason, StopReason::Incomplete { .. }),
        };
        let in_first_sync = is_incomplete && self.last_sync.is_none() && position == u64::from(self.rules.header_len);
        let state = match (self.blank, self.evidence()) {
            (Blank::SoFar(_), _) => at_boundary,
            (Blank::No, Some(_)) if self.is_corrupt => EndState::Corrupt,
            (Blank::No, Some(_)) => EndState::Scattered,
            (Blank::No, None) if in_first_sync => EndState::Open,
            (Blank::No, None) => EndState::Torn,
        };
        let searched_all = !self.missed_candidates || state != EndState::Torn;
        End { state, position, bytes_behind: self.bytes_seen, searched_all }
    }

    /// The error that a strict reader gives, as far as the bytes that were seen tell; `None` where the stream just
    /// ends.
    ///
    /// A message beyond the reader's limit is only that if it is all there and nothing in it shows that it is no
    /// message. If the data end before it does, or the stream goes on inside it, it is a frame that isn't whole.
    #[must_use]
    pub fn error(&self) -> Option<Error> {
        let mut stop = self.stop.clone();
        if let Some(expected) = self.limit_exceeded() {
            let found = match self.sync {
                Some(sync) if self.is_sync_inside(expected) => sync.position.wrapping_sub(stop.position),
                _ if self.bytes_seen >= expected => return Some(Error::Frame { stop, evidence: None }),
                _ => self.bytes_seen,
            };
            stop.reason = StopReason::Incomplete { expected, found };
        }
        let evidence = Some(self.evidence()?);
        Some(Error::Frame { stop, evidence })
    }
}

impl Essentials {
    /// Whether `data` begin with a header region whose check holds, whatever it says.
    #[must_use]
    pub fn is_region_good(data: &[u8]) -> bool {
        let Ok(Located::Region(len)) = locate_header(data) else { return false };
        let Some((checked, check)) = data.get(..len).and_then(|region| region.split_last_chunk()) else { return false };
        Algorithm::CRC32C.digest(checked) == u32::from_le_bytes(*check)
    }
}
