//! What can be delivered of a damaged region, between the place where reading stopped and the next sync frame.
//! Specification: section 12, "Salvage".
//!
//! ADVICE: in steps that share one budget, because verifying every candidate hashes each byte as often as a number in
//! it is a plausible length (350 GiB behind one damaged head of a 4 MiB message). The first steps take only lengths
//! that chain exactly to the sync frame; on ordinary damage they find everything. Among those, and then among the
//! others, short frames come first: false long ones are what uses up the budget. None is hashed again in a later step.
//! Behind a frame that was found, the next one is tried whatever its length, so one short frame leads to all that
//! follow it.

use alloc::vec;
use alloc::vec::Vec;

use flatstream_checksum::Checksum;

use crate::decoder::{Decoder, Rules};
use crate::frame::{Head, frame_len, split_body};
use crate::layout::{ALIGNMENT, control, frame, sync};
use crate::limits::SALVAGE_HASH_FACTOR;
use crate::mask::Salt;
use crate::sync::{Sync, control_digest};

/// The lengths that are tried one class after the other.
const LONGEST_OF_CLASS: [u32; 3] = [256, 64 << 10, frame::BODY_LEN_MAX];

/// Where good frames are looked for.
#[derive(Clone, Copy, Debug)]
pub struct Region<'a> {
    /// The bytes from the stop to the sync frame, or as many as are there.
    pub data: &'a [u8],
    /// The position of the first of these bytes, as the sync frame behind them counts.
    pub position: u64,
    /// No frame starts below this position: the end of the last good frame.
    pub not_below: u64,
    /// Where a frame probably starts, in bytes from the start of `data`: behind one whose check was wrong, by its
    /// length.
    pub likely: Option<usize>,
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
    /// The good frames of a region behind damage, in order. Each is verified at its place in this stream, as a frame
    /// that is read in the ordinary way; but how many messages lie before it is not known. Messages beyond the limit
    /// that this decoder was given are left out.
    ///
    /// The work is bounded: it hashes at most `budget` bytes, which it lowers, and needs two bits of memory for each 8
    /// bytes of the region. [`salvage_budget`] says how much is enough.
    #[must_use]
    pub fn salvage(&self, region: &Region<'_>, budget: &mut u64) -> Vec<Salvaged> {
        let mut search = Search {
            hasher: self.hasher(),
            rules: self.rules,
            region: *region,
            current: self.salt().filter(|_| self.is_of_this_epoch_or_begins_the_next(region.sync.as_ref())),
            later: region.sync.map(|sync| sync.salt()),
            budget: *budget,
            not_to_be_spent: 0,
            later_from: usize::MAX,
            tried: Marks::new(0, 0),
        };
        let mut found = search.all_frames();
        *budget = search.budget;
        drop_earlier_epoch_behind_later(&mut found);
        if region.careful {
            keep_followed(&mut found, region);
        }
        found
    }
}

impl<C: Checksum> Decoder<C> {
    /// Otherwise the sync frame that began the new epoch is lost, and with it the place from which on frames of this
    /// one are stale: blocks of what was cut when the stream was reopened.
    fn is_of_this_epoch_or_begins_the_next(&self, sync: Option<&Sync>) -> bool {
        let (Some(sync), Some(last)) = (sync, self.last_sync()) else { return true };
        match sync.epoch.checked_sub(last.epoch) {
            Some(0) => true,
            Some(1) => sync.flags.is_resumed(),
            _ => false,
        }
    }
}

/// How many bytes [`Decoder::salvage`] may hash for a region of so many bytes that weren't searched before.
#[must_use]
pub const fn salvage_budget(len: usize) -> u64 {
    SALVAGE_HASH_FACTOR.saturating_mul(len as u64)
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
    /// How many bytes may still be hashed, and how many of these are kept for later steps.
    budget: u64,
    not_to_be_spent: u64,
    /// Where the first frame of the later epoch starts: from there on only its salt is tried.
    later_from: usize,
    /// Where a check was wrong: it is so in every step.
    tried: Marks,
}

impl<C: Checksum> Search<'_, C> {
    fn all_frames(&mut self) -> Vec<Salvaged> {
        let first = self.first_offset();
        self.tried = Marks::new(self.region.data.len(), first);
        let marks = self.region.sync.map(|_| self.chains(first));
        let mut steps_left = LONGEST_OF_CLASS.len() as u64 * if marks.is_some() { 2 } else { 1 };
        let mut found = Vec::new();
        for marks in marks.as_ref().map(Some).into_iter().chain([None]) {
            for longest in LONGEST_OF_CLASS {
                steps_left = steps_left.saturating_sub(1);
                self.not_to_be_spent = self.budget / (steps_left + 1) * steps_left;
                found = self.fill_gaps(first, &found, longest, marks);
            }
        }
        found
    }

    /// The first offset at which a frame may start.
    fn first_offset(&self) -> usize {
        let Region { position, not_below, .. } = self.region;
        let lowest = position.max(not_below).checked_next_multiple_of(ALIGNMENT as u64);
        lowest.and_then(|lowest| usize::try_from(lowest.wrapping_sub(position)).ok()).unwrap_or(usize::MAX)
    }

    /// The head at `offset` and the end of its frame, if its length is legal and it ends at or before `limit`.
    fn candidate(&self, offset: usize, limit: usize) -> Option<(Head, usize)> {
        let head = Head::from_bytes(self.region.data.get(offset..limit)?.first_chunk()?);
        let (promised, reader_limit) = self.rules.limits_of(head);
        if head.body_len() == 0 || head.body_len() > promised.min(reader_limit) {
            return None;
        }
        let end = offset.checked_add(usize::try_from(frame_len(head.body_len())).ok()?)?;
        (end <= limit).then_some((head, end))
    }

    /// The frame at `offset`, if it ends at or before `limit`, has a body of at most `longest` bytes, and is good.
    fn verify(&mut self, offset: usize, limit: usize, longest: u32) -> Option<Salvaged> {
        let (head, _) = self.candidate(offset, limit).filter(|(head, _)| head.body_len() <= longest)?;
        if self.tried.has(offset) {
            return None;
        }
        let (body, _) = split_body(self.region.data.get(offset + frame::HEAD_LEN..)?, head.body_len())?;
        if head.is_control() && !is_kind_that_may_stand_here(body) {
            return None;
        }
        let left = self.budget.checked_sub(body.len() as u64).filter(|left| *left >= self.not_to_be_spent)?;
        self.budget = left;
        self.tried.set(offset);
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

    /// Where the lengths chain exactly to the sync frame. Nothing is hashed for that.
    fn chains(&self, first: usize) -> Marks {
        let end = self.region.data.len();
        let mut marks = Marks::new(end, first);
        let mut offset = marks.last_place();
        while let Some(at) = offset {
            let chains = |(_, frame_end)| frame_end == end || marks.has(frame_end);
            if self.candidate(at, end).is_some_and(chains) {
                marks.set(at);
            }
            offset = at.checked_sub(ALIGNMENT).filter(|&at| at >= first);
        }
        marks
    }

    /// `found`, and what is found between these frames: frames of at most `longest` bytes, and those directly behind a
    /// good one; only where `marks` say so, if they are given.
    fn fill_gaps(&mut self, first: usize, found: &[Salvaged], longest: u32, marks: Option<&Marks>) -> Vec<Salvaged> {
        let mut all = Vec::with_capacity(found.len());
        let mut at = first;
        for frame in found {
            self.fill_gap(at, frame.offset, longest, marks, &mut all);
            at = frame.end();
            all.push(*frame);
        }
        self.fill_gap(at, self.region.data.len(), longest, marks, &mut all);
        all
    }

    fn fill_gap(&mut self, from: usize, to: usize, longest: u32, marks: Option<&Marks>, all: &mut Vec<Salvaged>) {
        let mut at = from;
        while at < to && self.budget > self.not_to_be_spent {
            let is_likely = self.region.likely == Some(at) || all.last().is_some_and(|last| last.end() == at);
            let longest = if is_likely { frame::BODY_LEN_MAX } else { longest };
            let is_tried = is_likely || marks.is_none_or(|marks| marks.has(at));
            match is_tried.then(|| self.verify(at, to, longest)).flatten() {
                Some(frame) => {
                    at = frame.end();
                    all.push(frame);
                }
                None => at += ALIGNMENT,
            }
        }
    }
}

/// A control frame's kind is four letters; and the first good sync frame of a region is where it ends, so one inside is
/// one that says something impossible.
fn is_kind_that_may_stand_here(body: &[u8]) -> bool {
    let kind = body.get(sync::KIND).unwrap_or_default();
    body.len() >= control::BODY_LEN_MIN && kind.iter().all(u8::is_ascii_alphabetic) && kind != sync::KIND_BYTES
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
