//! How a stream ended: what lies behind the place where reading stopped. Specification: section 11.

use core::fmt;
use core::ops::RangeInclusive;

use flatstream_checksum::Checksum;

use crate::decoder::{Decoder, Rules};
use crate::error::{Error, Evidence, EvidenceKind, Stop, StopReason};
use crate::frame::{Head, frame_len, split_body};
use crate::header::{Located, locate_header};
use crate::layout::{ALIGNMENT, frame, header, sync};
use crate::limits::{SEARCH_HASH_FACTOR, SEARCH_HASH_FREE, SEARCH_SHORT, SEARCH_WINDOW_MAX};
use crate::mask::Salt;
use crate::sync::{Sync, control_digest};
use crate::{Algorithm, Essentials};

/// How a stream ended. Specification: section 11.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// Which of the five ways.
    pub state: EndState,
    /// Where the good data end, in bytes from the start of the stream.
    pub position: u64,
    /// How many bytes lie behind: blank ones if open or closed, ones that weren't understood if torn, ones that weren't
    /// delivered if scattered or corrupt (there, as many as were looked at).
    pub bytes_behind: u64,
    /// Whether every place behind was searched that could show the stream going on. `false` only for a torn end: more
    /// bytes lie behind than the window for frames holds, or so many false candidates that hashing had to stop
    /// ([`limits`](crate::limits)). Good frames may lie behind then, but no sync frame does.
    pub searched_all: bool,
}

/// The ways in which a stream can end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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

/// Looks, behind the place where a [`Decoder`] stopped, for proof that the stream goes on.
///
/// It is fed the bytes from there to the end of the data: the first [`window_len`](Self::window_len) of them at once to
/// [`search_window`](Self::search_window), and all of them, in order, to [`search_syncs`](Self::search_syncs).
/// [`SliceReader`](crate::SliceReader) and `flatstream-io`'s `Reader` do so by themselves.
#[derive(Clone, Debug)]
pub struct TailSearch {
    stop: Stop,
    rules: Rules,
    /// Of the epoch in which reading stopped; without one there is no frame that could be checked.
    salt: Option<Salt>,
    last_sync: Option<Sync>,
    blank: Blank,
    evidence: Option<Evidence>,
    is_corrupt: bool,
    is_budget_spent: bool,
    /// How many bytes from the stop on were searched for frames.
    window_searched: u64,
    bytes_seen: u64,
}

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
            blank: Blank::SoFar(None),
            evidence: None,
            is_corrupt: false,
            is_budget_spent: false,
            window_searched: 0,
            bytes_seen: 0,
        }
    }

    /// Where reading stopped, and why.
    #[must_use]
    pub const fn stop(&self) -> &Stop {
        &self.stop
    }

    /// What was found so far.
    #[must_use]
    pub const fn evidence(&self) -> Option<Evidence> {
        self.evidence
    }

    /// Whether it is known how the stream ended, whatever follows.
    #[must_use]
    pub const fn is_end_known(&self) -> bool {
        self.is_corrupt
    }

    /// Whether [`error`](Self::error) has its last word: it is known that the stream goes on.
    #[must_use]
    pub fn is_error_known(&self) -> bool {
        match self.limit_exceeded() {
            Some(claimed) => self.bytes_seen >= claimed || self.is_inside(claimed),
            None => self.evidence.is_some(),
        }
    }

    /// The size that the frame at the stop claims, if that was only too long for this reader.
    fn limit_exceeded(&self) -> Option<u64> {
        match self.stop.reason {
            StopReason::Limit { found, .. } => Some(frame_len(found)),
            _ => None,
        }
    }

    /// Whether the evidence lies inside a frame of this size at the stop: then it is no frame.
    fn is_inside(&self, claimed: u64) -> bool {
        self.evidence.is_some_and(|evidence| evidence.position.wrapping_sub(self.stop.position) < claimed)
    }

    /// The size of the frame at the stop, if it was all there and its check was wrong.
    fn rejected_frame_len(&self) -> Option<usize> {
        match self.stop.reason {
            StopReason::Check { length, .. } => usize::try_from(frame_len(length)).ok(),
            _ => None,
        }
    }

    /// How many bytes from the stop on are searched for frames: enough for two sync intervals and for the longest
    /// message, at least 1 MiB and at most 16 MiB; and behind a frame whose check is wrong, 1 MiB behind it at least.
    #[must_use]
    pub fn window_len(&self) -> usize {
        let longest = self.rules.message_limit() as usize;
        let intervals = (self.rules.sync_interval as usize).saturating_mul(2);
        let rejected = self.rejected_frame_len().unwrap_or_default();
        longest
            .max(intervals)
            .clamp(header::REGION_LEN_MAX, SEARCH_WINDOW_MAX)
            .max(rejected.saturating_add(header::REGION_LEN_MAX))
    }

    /// Searches the bytes directly behind the stop for frames in their places and for a second stream's header:
    /// [`window_len`](Self::window_len) of them, or all there are.
    pub fn search_window<C: Checksum>(&mut self, hasher: &C, window: &[u8]) {
        self.window_searched = window.len() as u64;
        if self.evidence.is_some() {
            return;
        }
        if Essentials::region_is_good(window) {
            self.found(self.stop.position, EvidenceKind::Header);
            return;
        }
        let Some(salt) = self.salt else { return };
        // A damaged body whose length is sound: the next frame stands behind it.
        if let Some(rejected) = self.rejected_frame_len()
            && let Some(candidate) = window.get(rejected..).and_then(|data| self.candidate(data))
        {
            let position = self.stop.position.wrapping_add(rejected as u64);
            if candidate.is_good(hasher, salt, position) {
                self.found(position, EvidenceKind::Frame);
                return;
            }
        }
        // Short candidates first: they are cheap, and false long ones can't use up the budget before them.
        let mut budget = SEARCH_HASH_FACTOR.saturating_mul(window.len() as u64).saturating_add(SEARCH_HASH_FREE);
        if !self.search_frames(hasher, salt, window, 1..=SEARCH_SHORT, &mut budget) {
            self.search_frames(hasher, salt, window, SEARCH_SHORT + 1..=frame::BODY_LEN_MAX, &mut budget);
        }
    }

    /// Tries each multiple of 8 at which a frame of such a length may start; `true` if one is good.
    fn search_frames<C: Checksum>(
        &mut self,
        hasher: &C,
        salt: Salt,
        window: &[u8],
        lengths: RangeInclusive<u32>,
        budget: &mut u64,
    ) -> bool {
        let mut rest = window;
        let mut position = self.stop.position;
        while rest.len() > frame::HEAD_LEN {
            if let Some(candidate) = self.candidate(rest)
                && lengths.contains(&candidate.head.body_len())
            {
                let cost = u64::from(candidate.head.body_len());
                if cost > *budget {
                    self.is_budget_spent = true;
                } else {
                    *budget -= cost;
                    if candidate.is_good(hasher, salt, position) {
                        self.found(position, EvidenceKind::Frame);
                        return true;
                    }
                }
            }
            rest = rest.get(ALIGNMENT..).unwrap_or_default();
            position = position.wrapping_add(ALIGNMENT as u64);
        }
        false
    }

    /// What may be a frame: its length is legal, and it is all there.
    fn candidate<'w>(&self, data: &'w [u8]) -> Option<Candidate<'w>> {
        let (head, behind) = data.split_first_chunk()?;
        let head = Head::from_bytes(head);
        let limit = if head.is_control() { self.rules.control_limit } else { self.rules.message_limit() };
        if head.body_len() == 0 || head.body_len() > limit {
            return None;
        }
        split_body(behind, head.body_len()).map(|(body, _)| Candidate { head, body })
    }

    /// Searches `data`, which begin at `position`, for sync frames wherever they lie. Returns how many bytes from the
    /// start of `data` are done with; the others have to be offered again, with what follows them, unless `is_last`
    /// says that nothing does.
    pub fn search_syncs(&mut self, data: &[u8], position: u64, is_last: bool) -> usize {
        let end = position.wrapping_add(data.len() as u64);
        let seen_until = self.stop.position.wrapping_add(self.bytes_seen);
        let new = end.wrapping_sub(seen_until).min(data.len() as u64) as usize;
        self.note_blank(data.get(data.len() - new..).unwrap_or_default());
        self.bytes_seen = self.bytes_seen.wrapping_add(new as u64);

        let done = if is_last { data.len() } else { data.len().saturating_sub(sync::FRAME_LEN_MAX - 1) };
        for start in 0..done {
            let candidate = data.get(start..).unwrap_or_default();
            if candidate.get(frame::HEAD_LEN..frame::HEAD_LEN + sync::KIND.end) == Some(&sync::KIND_BYTES) {
                self.consider_sync(candidate, position.wrapping_add(start as u64));
            }
        }
        done
    }

    fn note_blank(&mut self, data: &[u8]) {
        let Blank::SoFar(fill) = self.blank else { return };
        let Some(&first) = data.first() else { return };
        let fill = fill.unwrap_or(first);
        let is_blank = matches!(fill, 0x00 | 0xFF) && data.iter().all(|&byte| byte == fill);
        self.blank = if is_blank { Blank::SoFar(Some(fill)) } else { Blank::No };
    }

    fn consider_sync(&mut self, candidate: &[u8], position: u64) {
        let Some((head, rest)) = candidate.split_first_chunk() else { return };
        let head = Head::from_bytes(head);
        if !head.is_control() {
            return;
        }
        let Some((body, _)) = split_body(rest, head.body_len()) else { return };
        let Some(sync) = Sync::from_body(body) else { return };
        if sync.field_out_of_range().is_some() {
            return;
        }
        let is_ours = match &self.last_sync {
            Some(last) => sync.stream_id == last.stream_id,
            None => sync.header_check == self.rules.header_check,
        };
        let is_further_on = self.last_sync.is_none_or(|last| sync.position > last.position);
        let is_in_place = sync.position == position;
        let is_known_to_follow = is_ours && is_further_on && sync.checksum_id == self.rules.checksum_id;
        if !(is_known_to_follow || is_in_place) || head.check != sync.expected_check(body, head.length_word) {
            return;
        }
        self.found(position, if is_known_to_follow { EvidenceKind::Sync } else { EvidenceKind::SyncInPlace });
        if is_ours && sync.header_check == self.rules.header_check && sync.durable > self.stop.position {
            self.is_corrupt = true;
        }
    }

    fn found(&mut self, position: u64, kind: EvidenceKind) {
        if self.evidence.is_none() {
            self.evidence = Some(Evidence { position, kind });
        }
    }

    /// How the stream ended, now that all bytes were seen (or [`is_end_known`](Self::is_end_known)).
    #[must_use]
    pub fn end(&self) -> End {
        let position = self.stop.position;
        let was_closed = self.last_sync.is_some_and(|sync| sync.flags.is_closed());
        let at_boundary = if was_closed { EndState::Closed } else { EndState::Open };
        let in_first_sync = self.last_sync.is_none()
            && position == u64::from(self.rules.header_len)
            && matches!(self.stop.reason, StopReason::Incomplete { .. } | StopReason::Limit { .. });
        let state = match (self.blank, self.evidence) {
            (Blank::SoFar(_), _) => at_boundary,
            (Blank::No, Some(_)) if self.is_corrupt => EndState::Corrupt,
            (Blank::No, Some(_)) => EndState::Scattered,
            (Blank::No, None) if in_first_sync => EndState::Open,
            (Blank::No, None) => EndState::Torn,
        };
        // Beyond the window only sync frames were looked for.
        let was_searched = !self.is_budget_spent && self.bytes_seen <= self.window_searched;
        let searched_all = was_searched || state != EndState::Torn;
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
            let found = match self.evidence {
                Some(evidence) if self.is_inside(expected) => evidence.position.wrapping_sub(stop.position),
                _ if self.bytes_seen >= expected => return Some(Error::Frame { stop, evidence: None }),
                _ => self.bytes_seen,
            };
            stop.reason = StopReason::Incomplete { expected, found };
        }
        let evidence = Some(self.evidence?);
        Some(Error::Frame { stop, evidence })
    }
}

impl Essentials {
    /// Whether a header region begins here whose check holds, whatever it says.
    fn region_is_good(data: &[u8]) -> bool {
        let Ok(Located::Region(len)) = locate_header(data) else { return false };
        let Some((checked, check)) = data.get(..len).and_then(|region| region.split_last_chunk()) else { return false };
        Algorithm::CRC32C.digest(checked) == u32::from_le_bytes(*check)
    }
}
