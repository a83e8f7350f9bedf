//! What can be delivered of a damaged region, between the place where reading stopped and the next sync frame.
//! Specification: section 12, "Salvage".
//!
//! ADVICE: two passes, because verifying every candidate hashes each byte as often as a number in it is a plausible
//! length (350 GiB behind one damaged head of a 4 MiB message). The first follows only lengths that chain exactly to the
//! sync frame; on ordinary damage it finds everything. The second tries what is left, and both share one budget.

use alloc::vec;
use alloc::vec::Vec;

use flatstream_checksum::Checksum;

use crate::decoder::{Decoder, Rules};
use crate::frame::{Head, frame_len, split_body};
use crate::layout::{ALIGNMENT, frame};
use crate::limits::SALVAGE_HASH_FACTOR;
use crate::mask::Salt;
use crate::sync::{Sync, control_digest};

/// Where good frames are looked for.
#[derive(Clone, Copy, Debug)]
pub struct Region<'a> {
    /// The bytes from the stop to the sync frame, or as many as are there.
    pub data: &'a [u8],
    /// The position of the first of these bytes, as the sync frame behind them counts.
    pub position: u64,
    /// No frame starts below this position: the end of the last good frame.
    pub not_below: u64,
    /// The sync frame that stands directly behind `data`; `None` if none was found.
    pub sync: Option<Sync>,
    /// Whether a frame is taken only if another good frame, or the sync frame, follows it directly.
    pub careful: bool,
}

/// A good frame that was found in a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Salvaged {
    /// Where the frame starts, in bytes from the start of the region.
    pub offset: usize,
    /// The length of its body in bytes.
    pub len: u32,
    /// Whether it is a control frame.
    pub is_control: bool,
    /// Whether it was written in the epoch of the sync frame behind the region, and not in the one before.
    is_of_later_epoch: bool,
}

impl Salvaged {
    /// Where the next frame starts, in bytes from the start of the region.
    #[must_use]
    pub const fn end(&self) -> usize {
        self.offset.saturating_add(frame_len(self.len) as usize)
    }

    /// Where the body starts, in bytes from the start of the region.
    #[must_use]
    pub const fn body(&self) -> usize {
        self.offset.saturating_add(frame::HEAD_LEN)
    }
}

impl<C: Checksum> Decoder<C> {
    /// The good frames of a region behind damage, in order. Each is verified at its place in this stream, as a frame that
    /// is read in the ordinary way; but how many messages lie before it is not known.
    ///
    /// The work is bounded: it hashes at most 16 times the bytes of the region, and needs one bit of memory for each 8.
    #[must_use]
    pub fn salvage(&self, region: &Region<'_>) -> Vec<Salvaged> {
        let mut search = Search {
            hasher: self.hasher(),
            rules: self.rules,
            region: *region,
            current: self.salt(),
            later: region.sync.map(|sync| sync.salt()),
            budget: SALVAGE_HASH_FACTOR.saturating_mul(region.data.len() as u64),
            later_from: usize::MAX,
        };
        let first = search.first_offset();
        let chained = if region.sync.is_some() { search.chained(first) } else { Vec::new() };
        let mut found = Vec::with_capacity(chained.len());
        let mut from = first;
        for frame in chained {
            search.others(from, frame.offset, &mut found);
            from = frame.end();
            found.push(frame);
        }
        search.others(from, region.data.len(), &mut found);
        drop_earlier_epoch_behind_later(&mut found);
        if region.careful {
            keep_followed(&mut found, region);
        }
        found
    }
}

/// Frames of the earlier epoch behind one of the later are stale: blocks of what was cut when the stream was reopened.
fn drop_earlier_epoch_behind_later(found: &mut Vec<Salvaged>) {
    let mut is_later = false;
    found.retain(|frame| {
        is_later |= frame.is_of_later_epoch;
        frame.is_of_later_epoch || !is_later
    });
}

fn keep_followed(found: &mut Vec<Salvaged>, region: &Region<'_>) {
    let mut next = region.sync.map(|_| region.data.len());
    let mut kept = Vec::with_capacity(found.len());
    for frame in found.iter().rev() {
        if next == Some(frame.end()) {
            kept.push(*frame);
        }
        next = Some(frame.offset);
    }
    kept.reverse();
    *found = kept;
}

struct Search<'a, C> {
    hasher: &'a C,
    rules: Rules,
    region: Region<'a>,
    current: Option<Salt>,
    later: Option<Salt>,
    /// How many bytes may still be hashed.
    budget: u64,
    /// Where the first frame of the later epoch starts: from there on only its salt is tried.
    later_from: usize,
}

impl<C: Checksum> Search<'_, C> {
    /// The first offset at which a frame may start.
    fn first_offset(&self) -> usize {
        let Region { position, not_below, .. } = self.region;
        let lowest = position.max(not_below).next_multiple_of(ALIGNMENT as u64);
        usize::try_from(lowest.wrapping_sub(position)).unwrap_or(usize::MAX)
    }

    /// Length of the body and end of the frame whose head is at `offset`, if the length is legal and the frame ends at or
    /// before `limit`.
    fn candidate(&self, offset: usize, limit: usize) -> Option<(Head, usize)> {
        let head = Head::from_bytes(self.region.data.get(offset..limit)?.first_chunk()?);
        let longest = if head.is_control() { self.rules.control_limit } else { self.rules.promised_limit };
        if head.is_blank() || head.body_len() == 0 || head.body_len() > longest {
            return None;
        }
        let end = offset.checked_add(usize::try_from(frame_len(head.body_len())).ok()?)?;
        (end <= limit).then_some((head, end))
    }

    fn verify(&mut self, offset: usize, limit: usize) -> Option<Salvaged> {
        let (head, _) = self.candidate(offset, limit)?;
        let (body, _) = split_body(self.region.data.get(offset + frame::HEAD_LEN..)?, head.body_len())?;
        self.budget = self.budget.checked_sub(body.len() as u64)?;
        let digest = if head.is_control() { control_digest(body) } else { self.hasher.digest(body) };
        let position = self.region.position.wrapping_add(offset as u64);
        let holds = |salt: Salt| head.check == digest ^ salt.mask(position, head.length_word);
        let is_of_later_epoch = self.later.is_some_and(holds);
        let is_of_current = offset < self.later_from && self.current.is_some_and(holds);
        if !is_of_later_epoch && !is_of_current {
            return None;
        }
        if is_of_later_epoch {
            self.later_from = self.later_from.min(offset);
        }
        Some(Salvaged { offset, len: head.body_len(), is_control: head.is_control(), is_of_later_epoch })
    }

    /// The first pass: candidates whose lengths chain exactly to the sync frame.
    fn chained(&mut self, first: usize) -> Vec<Salvaged> {
        let end = self.region.data.len();
        let mut marks = Marks::new(end, first);
        let mut offset = marks.last_place();
        while let Some(at) = offset {
            if let Some((_, frame_end)) = self.candidate(at, end)
                && (frame_end == end || marks.has(frame_end))
            {
                marks.set(at);
            }
            offset = at.checked_sub(ALIGNMENT).filter(|&at| at >= first);
        }
        let mut found = Vec::new();
        let mut at = first;
        while at < end {
            if !marks.has(at) {
                at += ALIGNMENT;
                continue;
            }
            match self.verify(at, end) {
                Some(frame) => {
                    at = frame.end();
                    found.push(frame);
                }
                None => at += ALIGNMENT,
            }
        }
        found
    }

    /// The second pass: all candidates that lie in `from..to`, in ascending order.
    fn others(&mut self, from: usize, to: usize, found: &mut Vec<Salvaged>) {
        let mut at = from;
        while at < to && self.budget > 0 {
            match self.verify(at, to) {
                Some(frame) => {
                    at = frame.end();
                    found.push(frame);
                }
                None => at += ALIGNMENT,
            }
        }
    }
}

/// One bit for each place at which a frame may start.
struct Marks {
    first: usize,
    end: usize,
    bits: Vec<u64>,
}

impl Marks {
    fn new(end: usize, first: usize) -> Self {
        let places = end.saturating_sub(first).div_ceil(ALIGNMENT);
        Self { first, end, bits: vec![0; places.div_ceil(64)] }
    }

    fn last_place(&self) -> Option<usize> {
        let places = self.end.saturating_sub(self.first).div_ceil(ALIGNMENT);
        places.checked_sub(1).map(|last| self.first + last * ALIGNMENT)
    }

    fn place(&self, offset: usize) -> (usize, u64) {
        let nth = offset.wrapping_sub(self.first) / ALIGNMENT;
        (nth / 64, 1 << (nth % 64))
    }

    fn has(&self, offset: usize) -> bool {
        let (word, bit) = self.place(offset);
        self.bits.get(word).is_some_and(|bits| bits & bit != 0)
    }

    fn set(&mut self, offset: usize) {
        let (word, bit) = self.place(offset);
        if let Some(bits) = self.bits.get_mut(word) {
            *bits |= bit;
        }
    }
}
