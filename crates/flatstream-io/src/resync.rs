//! What a recovering reader does behind damage, over the bytes that an [`Input`](crate::input::Input) holds.
//! Specification: sections 12 and 13.
//!
//! ADVICE: three coordinates. An *index* counts from the first byte that is held; an *offset* from the first byte of
//! the source; a *position* from the first byte of the stream. Offset and position differ by the shift, which changes
//! when a sync frame isn't where it says.
//!
//! ADVICE: nothing here may depend on how many bytes happen to be there. So no more is looked at than would be held if
//! they came one by one, however many a block holds; and of two things that were found, the one that is whole first
//! wins.

use flatstream_format::{
    ChecksumType, Decoder, End, EndState, Error as FormatError, Essentials, FoundSync, Header, Located, Region,
    Salvaged, Stop, StopReason, Sync, TailSearch, locate_header, salvage_budget,
};

use crate::hasher::Hasher;
use crate::header_search::HeaderSearch;
use crate::options::ReadOptions;
use crate::recovery::{Finding, Findings, Recovery};

/// So many bytes are searched at a time: most often the next sync frame is near.
pub(crate) const STEP: usize = 4 << 10;

/// Which sync frames reading goes on at.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    header_check: u32,
    checksum_id: u8,
    /// The last one that was accepted, and the end of the last good frame.
    last: Option<Sync>,
    good_until: u64,
    /// On a link, the same of the sessions before this one.
    earlier: Vec<(Sync, u64)>,
    is_link: bool,
    /// A receiver that joined without the header takes every stream that it can read.
    takes_any_stream: bool,
    options: ReadOptions,
}

impl Wanted {
    pub(crate) fn new(header: &Header, decoder: &Decoder<Hasher>, options: &ReadOptions) -> Self {
        Self {
            header_check: header.essentials().header_check,
            checksum_id: header.checksum().id(),
            last: decoder.last_sync().copied(),
            good_until: decoder.position(),
            earlier: Vec::new(),
            is_link: options.chosen_recovery().is_some_and(|recovery| recovery.is_link()),
            takes_any_stream: false,
            options: options.clone(),
        }
    }

    pub(crate) fn or_earlier<'d>(self, earlier: impl Iterator<Item = &'d Decoder<Hasher>>) -> Self {
        let earlier = earlier.filter_map(|decoder| decoder.last_sync().map(|last| (*last, decoder.position())));
        Self { earlier: earlier.collect(), ..self }
    }

    pub(crate) fn or_any_stream(self, takes_any_stream: bool) -> Self {
        Self { takes_any_stream, ..self }
    }

    pub(crate) fn takes(&self, sync: &Sync) -> bool {
        self.may_be_read(sync) && self.is_wanted(sync)
    }

    /// Whether the reader reads this stream at all.
    fn may_be_read(&self, sync: &Sync) -> bool {
        self.options.chosen_recovery().is_none_or(|recovery| recovery.takes(sync))
    }

    fn is_wanted(&self, sync: &Sync) -> bool {
        let mut known = self.last.iter().chain(self.earlier.iter().map(|(earlier, _)| earlier));
        self.is_of_current_stream(sync)
            || self.is_of_earlier_stream(sync)
            || self.takes_any_stream
                && known.all(|known| known.stream_id != sync.stream_id)
                && is_readable(sync, &self.options)
    }

    /// One that this reader can read; while no stream is known, at least of another header. A stale sync frame of this
    /// stream is of no other one.
    fn is_of_another_stream(&self, sync: &Sync) -> bool {
        self.last.is_none_or(|last| last.stream_id != sync.stream_id) && is_readable(sync, &self.options)
    }

    pub(crate) fn is_of_current_stream(&self, sync: &Sync) -> bool {
        let is_of_header = (sync.header_check, sync.checksum_id) == (self.header_check, self.checksum_id);
        let is_new = || self.earlier.iter().all(|(earlier, _)| earlier.stream_id != sync.stream_id);
        is_of_header && self.last.map_or_else(is_new, |last| self.follows(sync, &last, self.good_until))
    }

    pub(crate) fn is_of_earlier_stream(&self, sync: &Sync) -> bool {
        self.earlier.iter().any(|(earlier, good_until)| {
            let is_of_header = (sync.header_check, sync.checksum_id) == (earlier.header_check, earlier.checksum_id);
            is_of_header && self.follows(sync, earlier, *good_until)
        })
    }

    /// It comes behind all that was good: one that doesn't is of bytes that came again. But a sender on a link that
    /// lost its newest bytes in a power cut goes on at a lower position, in a later epoch.
    fn follows(&self, sync: &Sync, last: &Sync, good_until: u64) -> bool {
        let is_new_epoch = self.is_link && sync.epoch > last.epoch;
        sync.stream_id == last.stream_id && sync.epoch >= last.epoch && (sync.position >= good_until || is_new_epoch)
    }
}

/// Whether a pad byte of a whole frame isn't zero.
fn pad_is_wrong(frame: &[u8]) -> bool {
    let len = frame.get(4..8).and_then(|word| word.first_chunk()).copied().map_or(0, u32::from_le_bytes) & !(1 << 31);
    frame.get(8 + len as usize..).is_some_and(|pad| pad.iter().any(|&byte| byte != 0))
}

/// Whether the reader has the checksum that a sync frame names.
pub(crate) fn is_readable(sync: &Sync, options: &ReadOptions) -> bool {
    ChecksumType::from_id(sync.checksum_id).is_some_and(|known| options.build_hasher(known).is_ok())
}

/// A search for the place where reading can go on.
#[derive(Debug)]
pub(crate) struct Resync {
    /// Tells how the stream ended, if it did here.
    search: TailSearch,
    wanted: Wanted,
    recovery: Recovery,
    window: usize,
    /// How far behind a sync frame that isn't in its place one that is goes before it.
    patience: usize,
    /// What was wrong where the skipped range begins.
    why: FormatError,
    /// The offset at which the range begins that is skipped so far.
    skipped_from: u64,
    /// The offset of the first byte that is held, and its position by the shift from before the damage.
    held_from: u64,
    position: u64,
    /// How many bytes that are held were looked at, and how many of these were searched for sync frames.
    looked_at: usize,
    searched: usize,
    /// The first sync frame that is wanted and in its place; and the first that is wanted, wherever it lies.
    in_place: Option<FoundSync>,
    anywhere: Option<FoundSync>,
    /// The first of whatever stream in its place, that this reader can read.
    other_in_place: Option<FoundSync>,
    /// On a link, where a sender may have started anew.
    headers: Option<HeaderSearch>,
    /// In a file, whether it is known if a second stream begins at the stop, and how many bytes that needs.
    is_header_known: bool,
    header_needs: usize,
    /// Where a frame would start behind one with a wrong check, as an index, before anything was let go of.
    likely: Option<usize>,
    /// How many messages were delivered or are known to be lost.
    count: u64,
    is_anything_salvaged: bool,
    /// How many bytes may be hashed of those before this offset.
    budget: u64,
    budgeted_until: u64,
}

/// Where reading goes on.
#[derive(Debug)]
pub(crate) enum Next {
    /// More bytes are needed to tell.
    NeedMore,
    /// At a sync frame, at this index.
    Sync { index: usize, found: FoundSync },
    /// At the header of a new session, at this index.
    Header { index: usize, len: usize },
    /// Nothing fits the header, but a sync frame of another stream stands in its place: the header isn't this file's.
    OtherHeader { found: FoundSync },
    /// The window is full: take what can be salvaged, and let go.
    Slide,
    /// Nothing more comes.
    End,
}

/// Good frames that were found, and where the first byte lies that their offsets count from.
#[derive(Debug, Default)]
pub(crate) struct Salvage {
    pub(crate) frames: Vec<Salvaged>,
    /// The index of the region's first byte.
    pub(crate) index: usize,
    pub(crate) position: u64,
}

impl Salvage {
    fn messages(&self) -> u64 {
        self.frames.iter().filter(|frame| !frame.is_control).count() as u64
    }

    /// The index behind the last frame.
    fn end(&self) -> Option<usize> {
        self.frames.last().map(|frame| self.index + frame.end())
    }

    /// The position of the byte at this index.
    fn position_of(&self, index: usize) -> u64 {
        self.position.wrapping_add(index as u64).wrapping_sub(self.index as u64)
    }
}

impl Resync {
    /// `offset` is where the decoder stopped.
    pub(crate) fn new(
        decoder: &Decoder<Hasher>,
        stop: Stop,
        why: FormatError,
        offset: u64,
        wanted: Wanted,
        limits: (&Essentials, Recovery),
    ) -> Self {
        let (header, recovery) = limits;
        let likely = match stop.reason {
            StopReason::Check { length, .. } => usize::try_from(flatstream_format::frame_len(length)).ok(),
            _ => None,
        };
        Self {
            search: TailSearch::new(decoder, stop),
            wanted,
            recovery,
            window: recovery.window_for(header),
            patience: recovery.patience_for(header),
            why,
            skipped_from: offset,
            held_from: offset,
            position: decoder.position(),
            looked_at: 0,
            searched: 0,
            in_place: None,
            anywhere: None,
            other_in_place: None,
            headers: recovery.is_link().then(HeaderSearch::new),
            is_header_known: recovery.is_link() || offset == 0,
            header_needs: 0,
            likely,
            count: decoder.sequence(),
            is_anything_salvaged: false,
            budget: 0,
            budgeted_until: offset,
        }
    }

    /// Bytes before those that are held were skipped too, and nothing good was found in them.
    pub(crate) fn start_from(&mut self, offset: u64) {
        self.skipped_from = offset;
        self.wanted.good_until = offset;
    }

    /// The position at which the last good frame ends.
    pub(crate) fn good_until(&self) -> u64 {
        self.wanted.good_until
    }

    pub(crate) fn set_good_until(&mut self, position: u64) {
        self.wanted.good_until = position;
    }

    pub(crate) fn wanted(&self) -> &Wanted {
        &self.wanted
    }

    /// The offset of the byte at this index.
    pub(crate) fn offset_of(&self, index: usize) -> u64 {
        self.held_from + index as u64
    }

    /// Its position, by the shift from before the damage.
    pub(crate) fn position_of(&self, index: usize) -> u64 {
        self.position.wrapping_add(index as u64)
    }

    /// Where what is held has to start in memory, in bytes behind a multiple of 8, so that messages are aligned as they
    /// are in the stream: bytes that were inserted or lost, or let go of, may have moved it.
    pub(crate) fn skew(&self) -> usize {
        (self.position % 8) as usize
    }

    /// The header was another's: the stream is the one that `wanted` is about.
    pub(crate) fn start_anew(&mut self, decoder: &Decoder<Hasher>, wanted: Wanted) {
        let stop = Stop { position: self.position, reason: self.search.stop().reason.clone() };
        self.search = TailSearch::new(decoder, stop);
        self.wanted = wanted;
        (self.looked_at, self.searched) = (0, 0);
        (self.in_place, self.anywhere, self.other_in_place) = (None, None, None);
    }

    /// The window, and as much again, into which a frame that starts there may reach.
    fn held(&self) -> usize {
        2 * self.window
    }

    /// How many bytes are held at most.
    pub(crate) fn held_max(&self) -> usize {
        let header = self.headers.as_ref().map_or(0, HeaderSearch::needed);
        self.held().max(header).max(self.header_needs)
    }

    /// Searches what is held, and no more of it than is needed.
    pub(crate) fn look(&mut self, data: &[u8], is_at_end: bool, findings: &mut Findings) -> Next {
        let mut len = self.looked_at.min(data.len());
        loop {
            len = data.len().min(len + STEP);
            self.looked_at = len;
            let next = self.look_at(&data[..len], is_at_end && len == data.len(), findings);
            if len == data.len() || !matches!(next, Next::NeedMore) {
                return next;
            }
        }
    }

    fn look_at(&mut self, data: &[u8], is_at_end: bool, findings: &mut Findings) -> Next {
        let held = &data[..data.len().min(self.held())];
        let is_full = data.len() >= self.held();
        let is_last = is_at_end && !is_full;
        self.search_syncs(held, is_last);
        self.look_for_second_stream(data, is_at_end, findings);
        let header = self.headers.as_mut().and_then(|headers| headers.look(data, held.len()));
        match (self.chosen_sync(is_last || is_full), header) {
            (Some((index, found)), None) => Next::Sync { index, found },
            (Some((index, found)), Some((at, len))) if index + found.frame_len as usize <= at + len => {
                Next::Sync { index, found }
            }
            (_, Some((index, len))) => Next::Header { index, len },
            (None, None) if is_last || is_full => match self.other_in_place {
                Some(found) if self.wanted.last.is_none() && !self.recovery.is_link() => Next::OtherHeader { found },
                _ if is_last => Next::End,
                _ if is_at_end || data.len() >= self.held_max() => Next::Slide,
                _ => Next::NeedMore,
            },
            (None, None) => Next::NeedMore,
        }
    }

    fn search_syncs(&mut self, data: &[u8], is_last: bool) {
        let (origin, is_link) = (self.position, self.recovery.is_link());
        let Self { search, wanted, in_place, anywhere, other_in_place, .. } = self;
        let unsearched = data.get(self.searched..).unwrap_or_default();
        let position = self.position.wrapping_add(self.searched as u64);
        self.searched += search.search_syncs_telling(unsearched, position, is_last, |found| {
            if !wanted.may_be_read(&found.sync) {
                return;
            }
            if wanted.is_wanted(&found.sync) {
                keep_first(anywhere, found, origin, is_link);
                if found.is_in_place() {
                    keep_first(in_place, found, origin, is_link);
                }
            } else if found.is_in_place() && wanted.is_of_another_stream(&found.sync) {
                // Kept from one window to the next.
                keep_first(other_in_place, found, 0, is_link);
            }
        });
    }

    /// On a link the first sync frame that is wanted. In a file one in its place goes before others that aren't too far
    /// before it: those are from a sector that was written to the wrong place. `is_last_word`: no more is searched.
    fn chosen_sync(&self, is_last_word: bool) -> Option<(usize, FoundSync)> {
        let index = |found: &FoundSync| found.position.wrapping_sub(self.position) as usize;
        let anywhere = self.anywhere?;
        let first = index(&anywhere);
        let is_near = |at: usize| self.wanted.last.is_none() || at <= first.saturating_add(self.patience);
        // One that begins before it may still be arriving.
        let is_known = |at: usize| is_last_word || at < self.searched;
        let chosen = match self.in_place {
            _ if self.recovery.is_link() => anywhere,
            Some(in_place) if is_near(index(&in_place)) && is_known(index(&in_place)) => in_place,
            Some(in_place) if is_near(index(&in_place)) => return None,
            _ if is_last_word || !is_near(self.searched) => anywhere,
            _ => return None,
        };
        Some((index(&chosen), chosen))
    }

    /// In a file: whether another stream's header stands where reading stopped.
    fn look_for_second_stream(&mut self, data: &[u8], is_at_end: bool, findings: &mut Findings) {
        if self.is_header_known {
            return;
        }
        self.header_needs = match locate_header(data) {
            Ok(Located::NeedMore(need)) => need,
            _ => 0,
        };
        self.is_header_known = self.search.search_header(data) || is_at_end;
        if self.is_header_known {
            self.header_needs = 0;
            self.tell_second_stream(data, self.held_from, findings);
        }
    }

    fn tell_second_stream(&self, data: &[u8], offset: u64, findings: &mut Findings) {
        if Essentials::is_region_good(data) {
            findings.push(Finding::SecondStream { offset });
        }
    }

    /// What can be delivered of `data`, before `sync` if one was found behind them, of frames that start in the first
    /// `starts` bytes. Reports the ranges between.
    fn salvage(
        &mut self,
        decoder: &Decoder<Hasher>,
        data: &[u8],
        starts: usize,
        sync: Option<&FoundSync>,
        findings: &mut Findings,
    ) -> Salvage {
        // By the sync frame's own word; bytes that would lie before the start of the stream are none of it.
        let (index, position) = match sync {
            None => (0, self.position),
            Some(found) => match found.sync.position.checked_sub(data.len() as u64) {
                Some(position) => (0, position),
                None => (data.len() - found.sync.position as usize, 0),
            },
        };
        let region = Region {
            data: &data[index..],
            position,
            not_below: self.wanted.good_until,
            likely: self.likely.and_then(|likely| likely.checked_sub(index)),
            sync: sync.map(|found| found.sync),
            careful: self.recovery.is_careful(),
        };
        self.add_to_budget(data.len());
        let mut frames = decoder.salvage(&region, &mut self.budget);
        frames.retain(|frame| index + frame.offset < starts);
        let salvage = Salvage { frames, index, position };
        let until = if sync.is_some() { Some(data.len()) } else { salvage.end() };
        if let Some(until) = until {
            self.report_skipped(decoder, data, until, &salvage, findings);
        }
        self.count = self.count.wrapping_add(salvage.messages());
        self.is_anything_salvaged |= !salvage.frames.is_empty();
        if let Some(end) = salvage.end() {
            self.wanted.good_until = salvage.position_of(end);
        }
        salvage
    }

    /// Each byte counts once, however often it is looked at.
    fn add_to_budget(&mut self, len: usize) {
        let until = self.offset_of(len);
        let new = until.saturating_sub(self.budgeted_until);
        self.budget = self.budget.saturating_add(salvage_budget(usize::try_from(new).unwrap_or(usize::MAX)));
        self.budgeted_until = until.max(self.budgeted_until);
    }

    /// The ranges between salvaged frames, up to `until`, and pads that aren't zero; what lies behind isn't decided
    /// yet.
    fn report_skipped(
        &mut self,
        decoder: &Decoder<Hasher>,
        data: &[u8],
        until: usize,
        salvage: &Salvage,
        findings: &mut Findings,
    ) {
        let mut from = None;
        for frame in &salvage.frames {
            let start = salvage.index + frame.offset;
            self.report_range(decoder, data, (from, start), salvage, findings);
            let end = salvage.index + frame.end();
            if pad_is_wrong(data.get(start..end).unwrap_or_default()) {
                findings.push(Finding::Pad { position: salvage.position_of(start) });
            }
            from = Some(end);
        }
        self.report_range(decoder, data, (from, until), salvage, findings);
        self.skipped_from = self.offset_of(until);
    }

    /// From behind a salvaged frame, or from where reading stopped.
    fn report_range(
        &self,
        decoder: &Decoder<Hasher>,
        data: &[u8],
        (from, to): (Option<usize>, usize),
        salvage: &Salvage,
        findings: &mut Findings,
    ) {
        let begin = from.map_or(self.skipped_from, |from| self.offset_of(from));
        let end = self.offset_of(to);
        if end > begin {
            // No more than the range is hashed: a false length would reach far.
            let wrong = from.and_then(|from| decoder.wrong_at(salvage.position_of(from), &data[from..to]));
            let why = wrong.map_or_else(|| self.why.clone(), |stop| FormatError::Frame { stop, evidence: None });
            findings.push(Finding::Skipped { begin, end, why });
        }
    }

    /// Goes on at a sync frame of the stream: salvages what lies before it, and reports what was lost.
    pub(crate) fn go_on_at(
        &mut self,
        decoder: &Decoder<Hasher>,
        data: &[u8],
        index: usize,
        found: &FoundSync,
        findings: &mut Findings,
    ) -> Salvage {
        let salvage = self.salvage(decoder, &data[..index], index, Some(found), findings);
        if pad_is_wrong(data.get(index..index + found.frame_len as usize).unwrap_or_default()) {
            findings.push(Finding::Pad { position: found.sync.position });
        }
        let by = found.sync.position.wrapping_sub(self.position_of(index)) as i64;
        if by != 0 {
            findings.push(Finding::Displaced { offset: self.offset_of(index), by });
        }
        let (position, counted) = (found.sync.position, found.sync.sequence);
        match counted.checked_sub(self.count) {
            Some(0) => {}
            Some(messages) => findings.push(Finding::Lost { messages, position }),
            None => findings.push(Finding::Contradiction { position, counted, delivered: self.count }),
        }
        salvage
    }

    /// How many messages were delivered or are known to be lost.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// A receiver that has just come to a stream that was reopened loses nothing of what was before.
    pub(crate) fn join_at(&mut self, sync: &Sync) {
        if self.recovery.is_link() {
            self.count = sync.sequence;
        }
    }

    /// The stream is that of an earlier session, of which `decoder` has read all that was good.
    /// `shift` is the offset of its position 0.
    pub(crate) fn return_to(&mut self, decoder: &Decoder<Hasher>, shift: u64) {
        self.count = decoder.sequence();
        self.wanted.good_until = decoder.position();
        self.position = self.held_from.wrapping_sub(shift);
    }

    /// What lies before another stream.
    pub(crate) fn end_before(&mut self, decoder: &Decoder<Hasher>, data: &[u8], findings: &mut Findings) -> Salvage {
        let salvage = self.salvage(decoder, data, data.len(), None, findings);
        self.report_rest(data.len(), findings);
        if self.is_anything_salvaged || !data.is_empty() {
            findings.push(Finding::LostUnknown { begin: self.skipped_from });
        }
        salvage
    }

    fn report_rest(&mut self, until: usize, findings: &mut Findings) {
        let end = self.offset_of(until);
        if end > self.skipped_from {
            findings.push(Finding::Skipped { begin: self.skipped_from, end, why: self.why.clone() });
            self.skipped_from = end;
        }
    }

    /// The window is full and there is no sync frame: salvages what starts in its first half. Returns that, and how
    /// many bytes are done with: the first half at least, because every frame was found there that can be.
    pub(crate) fn slide(
        &mut self,
        decoder: &mut Decoder<Hasher>,
        data: &[u8],
        findings: &mut Findings,
    ) -> (Salvage, usize) {
        let held = &data[..data.len().min(self.held())];
        let salvage = self.salvage(decoder, held, self.window, None, findings);
        if let Some(end) = salvage.end() {
            self.stop_anew(decoder, held, end, false, findings);
        }
        // Otherwise all was tried for which there is something to spend.
        if self.recovery.is_careful() {
            self.search_frames(decoder, held, salvage.end(), self.window);
        }
        let done = salvage.end().unwrap_or(0).max(self.window.min(held.len()));
        self.held_from += done as u64;
        self.position = self.position.wrapping_add(done as u64);
        self.looked_at = self.looked_at.saturating_sub(done);
        self.searched = self.searched.saturating_sub(done);
        self.likely = None;
        if let Some(headers) = &mut self.headers {
            headers.slide(done);
        }
        (salvage, done)
    }

    /// The stop is now behind the last salvaged frame, at this index. No sync frame that is wanted lies behind it.
    fn stop_anew(
        &mut self,
        decoder: &mut Decoder<Hasher>,
        data: &[u8],
        index: usize,
        is_last: bool,
        findings: &mut Findings,
    ) {
        let position = self.position_of(index);
        decoder.skip_to(position, self.count);
        let rest = &data[index..];
        let expected = flatstream_format::layout::frame::HEAD_LEN as u64;
        let incomplete = Stop { position, reason: StopReason::Incomplete { expected, found: rest.len() as u64 } };
        let stop = decoder.wrong_at(position, rest).unwrap_or(incomplete);
        self.why = FormatError::Frame { stop: stop.clone(), evidence: None };
        self.search = TailSearch::new(decoder, stop);
        self.searched = index + self.search.search_syncs(rest, position, is_last);
        if !self.recovery.is_link() {
            self.search.search_header(rest);
            self.tell_second_stream(rest, self.offset_of(index), findings);
        }
    }

    /// Frames that are good but weren't taken, because nothing follows them or too much had been hashed: they show that
    /// the stream goes on. `from` is the index of the stop, if it lies in what is held.
    fn search_frames(&mut self, decoder: &Decoder<Hasher>, data: &[u8], from: Option<usize>, until: usize) {
        let from = from.unwrap_or(0);
        let misaligned = self.position_of(from) % 8;
        let from = from + (misaligned.wrapping_neg() % 8) as usize;
        if let (Some(rest), None) = (data.get(from..), self.search.evidence()) {
            let starts = until.saturating_sub(from);
            self.search.search_frames(decoder.hasher(), rest, self.position_of(from), starts);
        }
    }

    /// Nothing more comes, and there is no sync frame: salvages what there is, and tells how the stream ended.
    pub(crate) fn end(
        &mut self,
        decoder: &mut Decoder<Hasher>,
        data: &[u8],
        findings: &mut Findings,
    ) -> (Salvage, End) {
        let salvage = self.salvage(decoder, data, data.len(), None, findings);
        if let Some(end) = salvage.end() {
            self.stop_anew(decoder, data, end, true, findings);
        }
        self.search_frames(decoder, data, salvage.end(), data.len());
        let mut end = match salvage.end() {
            Some(end) if end == data.len() => End::at_boundary(decoder),
            _ => self.search.end(),
        };
        // Messages behind the frame that closed the stream: it isn't closed.
        if end.state == EndState::Closed && self.is_anything_salvaged {
            end.state = EndState::Open;
        }
        let is_damaged = matches!(end.state, EndState::Scattered | EndState::Corrupt);
        if is_damaged {
            self.report_rest(data.len(), findings);
        }
        if let Some(other) = self.other_in_place.filter(|_| is_damaged && !self.recovery.is_link()) {
            let offset = self.held_from.wrapping_add(other.position.wrapping_sub(self.position));
            let stream_id = other.sync.stream_id;
            findings.push(Finding::OtherStream { offset, stream_id });
        }
        if self.is_anything_salvaged || is_damaged {
            findings.push(Finding::LostUnknown { begin: self.skipped_from });
        }
        (salvage, end)
    }
}

/// Of sync frames that overlap: in a file the one that begins first; on a link, where nothing is waited for, the one
/// that is whole first. So it doesn't matter in which pieces bytes arrive. Positions are counted from `origin`.
pub(crate) fn keep_first(kept: &mut Option<FoundSync>, found: FoundSync, origin: u64, is_link: bool) {
    let place = |sync: &FoundSync| {
        let begin = sync.position.wrapping_sub(origin);
        (if is_link { begin.wrapping_add(sync.frame_len.into()) } else { begin }, begin)
    };
    if kept.is_none_or(|kept| place(&found) < place(&kept)) {
        *kept = Some(found);
    }
}
