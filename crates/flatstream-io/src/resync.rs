//! What a recovering reader does behind damage, over the bytes that an [`Input`] holds. Specification: sections 12, 13.
//!
//! ADVICE: three coordinates. An *index* counts from the first byte that is held; an *offset* from the first byte of the
//! source; a *position* from the first byte of the stream. Offset and position differ by the shift, which changes when a
//! sync frame isn't where it says.

use flatstream_format::layout::header::IDENTIFIER_BYTES;
use flatstream_format::{
    Decoder, End, EndState, Error as FormatError, Essentials, FoundSync, Located, Region, Salvaged, Stop, StopReason,
    TailSearch, locate_header,
};

use crate::hasher::Hasher;
use crate::recovery::{Finding, Findings, Recovery};

/// A search for the place where reading can go on.
#[derive(Debug)]
pub(crate) struct Resync {
    search: TailSearch,
    /// What was wrong where the skipped range begins.
    why: FormatError,
    /// The offset at which the range begins that is skipped so far.
    skipped_from: u64,
    /// The offset of the first byte that is held, and its position by the shift from before the damage.
    held_from: u64,
    position: u64,
    /// How many bytes that are held were searched for sync frames, and for headers.
    searched: usize,
    headers_searched: usize,
    /// The end of the last good frame: nothing is salvaged below.
    not_below: u64,
    /// How many messages were delivered or are known to be lost.
    count: u64,
    is_anything_salvaged: bool,
    is_second_stream_told: bool,
    window: usize,
    recovery: Recovery,
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
}

impl Resync {
    pub(crate) fn new(
        decoder: &Decoder<Hasher>,
        search: TailSearch,
        why: FormatError,
        offset: u64,
        window: usize,
        recovery: Recovery,
    ) -> Self {
        Self {
            search,
            why,
            skipped_from: offset,
            held_from: offset,
            position: decoder.position(),
            searched: 0,
            headers_searched: 0,
            not_below: decoder.position(),
            count: decoder.sequence(),
            is_anything_salvaged: false,
            is_second_stream_told: false,
            window,
            recovery,
        }
    }

    /// For a receiver that joined without the header.
    pub(crate) fn take_any_stream(&mut self) {
        self.search.take_any_stream();
    }

    /// The offset of the byte at this index.
    pub(crate) fn offset_of(&self, index: usize) -> u64 {
        self.held_from + index as u64
    }

    /// How many bytes are held at most: the window, and as much again, into which a frame that starts there may reach.
    pub(crate) fn held_max(&self) -> usize {
        2 * self.window
    }

    /// Searches what is held.
    pub(crate) fn look(&mut self, data: &[u8], is_at_end: bool, findings: &mut Findings) -> Next {
        let unsearched = data.get(self.searched..).unwrap_or_default();
        let position = self.position.wrapping_add(self.searched as u64);
        self.searched += self.search.search_syncs(unsearched, position, is_at_end);
        let header = self.find_header(data, findings);
        let is_full = data.len() >= self.held_max();
        let sync = self.search.next_sync(is_at_end || is_full).map(|found| {
            let index = found.position.wrapping_sub(self.position) as usize;
            (index, found)
        });
        match (sync, header) {
            (Some((index, found)), None) => Next::Sync { index, found },
            (Some((index, found)), Some((at, _))) if index < at => Next::Sync { index, found },
            (_, Some((index, len))) => Next::Header { index, len },
            (None, None) if is_at_end => Next::End,
            (None, None) if is_full => Next::Slide,
            (None, None) => Next::NeedMore,
        }
    }

    /// On a link, the first header region whose check holds; in a file, one that begins where reading stopped is told of.
    fn find_header(&mut self, data: &[u8], findings: &mut Findings) -> Option<(usize, usize)> {
        if !self.recovery.is_link() {
            if !self.is_second_stream_told
                && self.skipped_from > 0
                && !self.is_anything_salvaged
                && header_region(data).is_some()
            {
                self.is_second_stream_told = true;
                findings.push(Finding::SecondStream { offset: self.skipped_from });
            }
            return None;
        }
        while self.headers_searched + 12 <= data.len() {
            let candidate = &data[self.headers_searched..];
            if candidate[8..12] == IDENTIFIER_BYTES {
                match locate_header(candidate) {
                    Ok(Located::NeedMore(_)) => return None,
                    _ => {
                        if let Some(len) = header_region(candidate) {
                            return Some((self.headers_searched, len));
                        }
                    }
                }
            }
            self.headers_searched += 1;
        }
        None
    }

    /// What can be delivered of the first `len` bytes that are held, before `sync` if one was found there, of frames that
    /// start in the first `starts`. Reports the ranges between.
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
            not_below: self.not_below,
            sync: sync.map(|found| found.sync),
            careful: self.recovery.is_careful(),
        };
        let mut frames = decoder.salvage(&region);
        frames.retain(|frame| index + frame.offset < starts);
        let salvage = Salvage { frames, index, position };
        let until = if sync.is_some() { Some(data.len()) } else { salvage.end() };
        if let Some(until) = until {
            self.report_skipped(decoder, data, until, &salvage, findings);
        }
        self.count += salvage.messages();
        self.is_anything_salvaged |= !salvage.frames.is_empty();
        if let Some(end) = salvage.end() {
            self.not_below = position + (end - index) as u64;
        }
        salvage
    }

    /// The ranges between salvaged frames, up to `until`; what lies behind isn't decided yet.
    fn report_skipped(
        &mut self,
        decoder: &Decoder<Hasher>,
        data: &[u8],
        until: usize,
        salvage: &Salvage,
        findings: &mut Findings,
    ) {
        let mut first = Some(self.why.clone());
        let mut from = None;
        let frames = salvage.frames.iter().map(|frame| (salvage.index + frame.offset, salvage.index + frame.end()));
        for (start, next) in frames.chain([(until, until)]) {
            let begin = from.map_or(self.skipped_from, |from: usize| self.held_from + from as u64);
            let end = self.held_from + start as u64;
            if end > begin {
                let position =
                    |from: usize| salvage.position.wrapping_add(from as u64).wrapping_sub(salvage.index as u64);
                let wrong = from.and_then(|from: usize| decoder.wrong_at(position(from), &data[from..]));
                let wrong = wrong.map(|stop| FormatError::Frame { stop, evidence: None });
                let why = wrong.or_else(|| first.take()).unwrap_or_else(|| self.why.clone());
                findings.push(Finding::Skipped { begin, end, why });
            }
            from = Some(next);
        }
        self.skipped_from = self.held_from + until as u64;
    }

    /// Goes on at a sync frame: salvages what lies before it, reports what was lost, and brings the decoder behind it.
    pub(crate) fn go_on_at(
        &mut self,
        decoder: &mut Decoder<Hasher>,
        data: &[u8],
        index: usize,
        found: &FoundSync,
        findings: &mut Findings,
    ) -> Salvage {
        let salvage = self.salvage(decoder, &data[..index], index, Some(found), findings);
        let by = found.sync.position.wrapping_sub(found.position) as i64;
        if by != 0 {
            findings.push(Finding::Displaced { offset: self.held_from + index as u64, by });
        }
        let (position, counted) = (found.sync.position, found.sync.sequence);
        match counted.checked_sub(self.count) {
            Some(0) => {}
            Some(messages) => findings.push(Finding::Lost { messages, position }),
            None => findings.push(Finding::Contradiction { position, counted, delivered: self.count }),
        }
        decoder.resume_behind(found);
        salvage
    }

    /// What lies before another stream.
    pub(crate) fn end_before(&mut self, decoder: &Decoder<Hasher>, data: &[u8], findings: &mut Findings) -> Salvage {
        let salvage = self.salvage(decoder, data, data.len(), None, findings);
        self.report_rest(data.len(), findings);
        if self.is_anything_salvaged || self.held_from + data.len() as u64 > self.skipped_from {
            findings.push(Finding::LostUnknown { begin: self.skipped_from });
        }
        salvage
    }

    fn report_rest(&mut self, until: usize, findings: &mut Findings) {
        let end = self.held_from + until as u64;
        if end > self.skipped_from {
            findings.push(Finding::Skipped { begin: self.skipped_from, end, why: self.why.clone() });
            self.skipped_from = end;
        }
    }

    /// The window is full and there is no sync frame: salvages what starts in its first half. Returns that, and how many
    /// bytes are done with.
    pub(crate) fn slide(
        &mut self,
        decoder: &mut Decoder<Hasher>,
        data: &[u8],
        findings: &mut Findings,
    ) -> (Salvage, usize) {
        let salvage = self.salvage(decoder, data, self.window, None, findings);
        let done = match salvage.end() {
            Some(end) => {
                self.stop_anew(decoder, data, end);
                end
            }
            None => {
                self.searched = self.searched.saturating_sub(self.window);
                self.headers_searched = self.headers_searched.saturating_sub(self.window);
                self.window
            }
        };
        self.held_from += done as u64;
        self.position = self.position.wrapping_add(done as u64);
        (salvage, done)
    }

    /// The stop is now behind the last salvaged frame, at this index.
    fn stop_anew(&mut self, decoder: &mut Decoder<Hasher>, data: &[u8], index: usize) {
        let position = self.position.wrapping_add(index as u64);
        decoder.skip_to(position, self.count);
        let rest = &data[index..];
        let expected = flatstream_format::layout::frame::HEAD_LEN as u64;
        let incomplete = Stop { position, reason: StopReason::Incomplete { expected, found: rest.len() as u64 } };
        let stop = decoder.wrong_at(position, rest).unwrap_or(incomplete);
        self.why = FormatError::Frame { stop: stop.clone(), evidence: None };
        self.search = TailSearch::new(decoder, stop);
        self.searched = 0;
        self.headers_searched = 0;
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
            self.stop_anew(decoder, data, end);
            self.search.search_syncs(&data[end..], decoder.position(), true);
        }
        let end = match self.search.end() {
            _ if salvage.end() == Some(data.len()) => End::at_boundary(decoder),
            end => end,
        };
        if matches!(end.state, EndState::Scattered | EndState::Corrupt) {
            self.report_rest(data.len(), findings);
        }
        if self.is_anything_salvaged || matches!(end.state, EndState::Scattered | EndState::Corrupt) {
            findings.push(Finding::LostUnknown { begin: self.skipped_from });
        }
        (salvage, end)
    }
}

/// The length of the header region that `data` begin with, if its check holds.
fn header_region(data: &[u8]) -> Option<usize> {
    match locate_header(data) {
        Ok(Located::Region(len)) if Essentials::is_region_good(data) => Some(len),
        _ => None,
    }
}
