//! Section 12, for files.

use super::ending::{Ending, State, is_header, of_tail, salt_of};
use super::frame::{Frame, Sync};
use super::strict::{Part, Reader, is_kind};
use super::{CHECKSUM_ID, Rules};

/// What a recovering reader gives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Position, sequence (none if salvaged) and body of each message.
    pub messages: Vec<(u64, Option<u64>, Vec<u8>)>,
    /// The ranges that were skipped, in offsets.
    pub skipped: Vec<(u64, u64)>,
    /// The positions of frames whose pad isn't zero.
    pub pads: Vec<u64>,
    /// How many messages were lost before the sync frame at this position.
    pub lost: Vec<(u64, u64)>,
    /// Whether more may be lost.
    pub may_be_more: bool,
    /// How many messages too few the sync frame at this position counts.
    pub contradictions: Vec<(u64, u64)>,
    /// Where a second stream begins, as an offset.
    pub second_streams: Vec<u64>,
    /// The offset and the id of the first sync frame of another stream in its place, if that is all that follows.
    pub other_stream: Option<(u64, u64)>,
    /// How it ended, and at which position; or the position of what this version must know and doesn't.
    pub end: Option<Result<(State, u64), u64>>,
    /// The ranges that were understood, in offsets: frames that were accepted or salvaged.
    pub understood: Vec<(u64, u64)>,
}

/// Reads all of it. `None` where the header is contradicted by all that follows, which isn't treated here.
#[must_use]
pub fn recover(rules: &Rules, bytes: &[u8]) -> Option<Recovered> {
    let mut run = Run { rules, bytes, reader: Reader::new(rules), given: Recovered::default(), good_until: None };
    while run.given.end.is_none() {
        run.read_on();
        if run.given.end.is_none() {
            run.go_on_behind_damage()?;
        }
    }
    Some(run.given)
}

struct Run<'a> {
    rules: &'a Rules,
    bytes: &'a [u8],
    reader: Reader,
    given: Recovered,
    /// The position at which the last good frame ends.
    good_until: Option<u64>,
}

struct Candidate {
    offset: usize,
    len: usize,
    is_of_later: bool,
}

impl Run<'_> {
    /// Section 10, up to a stop that isn't just a pad.
    fn read_on(&mut self) {
        loop {
            let found = match self.reader.frame(self.rules, self.bytes, false) {
                None => return self.end(&of_tail(self.rules, self.bytes, &self.reader, None)),
                Some(Err("frame_pad")) => {
                    let despite = self.reader.frame(self.rules, self.bytes, true).expect("a frame is there");
                    if despite.is_ok() {
                        self.given.pads.push(self.reader.position());
                    }
                    despite
                }
                Some(found) => found,
            };
            match found {
                Ok((part, len)) => {
                    if let Part::Message(position, sequence, body) = &part {
                        self.given.messages.push((*position, Some(*sequence), body.clone()));
                    }
                    self.understand(self.reader.offset, len);
                    self.reader.accept(&part, len);
                    self.good_until = Some(self.reader.position());
                }
                Err("kind_unsupported") => return self.given.end = Some(Err(self.reader.position())),
                Err(_) => return,
            }
        }
    }

    fn understand(&mut self, offset: usize, len: usize) {
        self.given.understood.push((offset as u64, (offset + len) as u64));
    }

    fn end(&mut self, ending: &Ending) {
        self.given.end = Some(Ok((ending.state, ending.position)));
    }

    fn go_on_behind_damage(&mut self) -> Option<()> {
        self.look_for_second_stream();
        match self.next_sync() {
            Some((offset, sync)) => {
                self.salvage(Some((offset, &sync)));
                if self.given.end.is_none() {
                    self.go_on_at(offset, &sync);
                }
            }
            None if self.reader.last_sync.is_none() && self.is_header_contradicted() => return None,
            None => self.end_without_sync(),
        }
        Some(())
    }

    fn look_for_second_stream(&mut self) {
        if is_header(&self.bytes[self.reader.offset..]) {
            self.given.second_streams.push(self.reader.offset as u64);
        }
    }

    /// At every byte from D on: sync frames that are right by themselves and whose fields are in range.
    fn intact_syncs(&self) -> impl Iterator<Item = (usize, Sync)> {
        let intact = |offset| Some((offset, Frame::at(self.bytes, offset)?.intact_sync()?));
        (self.reader.offset..self.bytes.len()).filter_map(intact).filter(|(_, sync)| sync.is_in_range())
    }

    fn is_in_place(&self, offset: usize, sync: &Sync) -> bool {
        (offset as u64).wrapping_add(self.reader.shift) == sync.position
    }

    /// "The next sync".
    fn next_sync(&self) -> Option<(usize, Sync)> {
        let is_wanted = |sync: &Sync| {
            let follows = |last: Sync| {
                sync.stream_id == last.stream_id
                    && sync.position > last.position
                    && self.good_until.is_none_or(|end| sync.position >= end)
                    && sync.epoch >= last.epoch
            };
            sync.checksum == CHECKSUM_ID
                && sync.header_check == self.rules.header_check
                && self.reader.last_sync.is_none_or(follows)
        };
        let wanted: Vec<_> = self.intact_syncs().filter(|(_, sync)| is_wanted(sync)).collect();
        let first = *wanted.first()?;
        let in_place = wanted.iter().copied().find(|(offset, sync)| self.is_in_place(*offset, sync));
        let is_near = |offset: usize| self.reader.last_sync.is_none() || offset <= first.0 + self.rules.patience;
        Some(in_place.filter(|(offset, _)| is_near(*offset)).unwrap_or(first))
    }

    fn is_header_contradicted(&self) -> bool {
        self.intact_syncs().any(|(offset, sync)| self.is_in_place(offset, &sync) && sync.checksum <= 4)
    }

    /// "Salvage": all good frames between D and S, or up to the end of the data.
    fn salvage(&mut self, sync: Option<(usize, &Sync)>) {
        let (end, shift) = match sync {
            Some((offset, sync)) => (offset, sync.position.wrapping_sub(offset as u64)),
            None => (self.bytes.len(), self.reader.shift),
        };
        let mut skipped_from = self.reader.offset;
        let candidates = self.candidates(end, shift, sync.map(|(_, sync)| sync));
        for Candidate { offset, len, .. } in candidates {
            let frame = Frame::at(self.bytes, offset).expect("a candidate is whole");
            let (body, pad) = frame.whole.expect("a candidate is whole");
            let position = (offset as u64).wrapping_add(shift);
            assert!(skipped_from <= offset, "two good frames overlap");
            self.skip(skipped_from, offset);
            if pad.iter().any(|&byte| byte != 0) {
                self.given.pads.push(position);
            }
            if frame.is_control() && body[0].is_ascii_uppercase() {
                self.given.end = Some(Err(position));
                return;
            }
            if !frame.is_control() {
                self.given.messages.push((position, None, body.to_vec()));
                self.reader.count += 1;
            }
            self.understand(offset, len);
            skipped_from = offset + len;
            self.good_until = Some(position.wrapping_add(len as u64));
            self.reader.closed = false;
            self.given.may_be_more |= sync.is_none();
        }
        if sync.is_some() {
            self.skip(skipped_from, end);
        } else {
            self.reader.offset = skipped_from;
        }
    }

    fn skip(&mut self, from: usize, to: usize) {
        if from < to {
            self.given.skipped.push((from as u64, to as u64));
        }
    }

    fn candidates(&self, end: usize, shift: u64, sync: Option<&Sync>) -> Vec<Candidate> {
        let last = self.reader.last_sync;
        let is_next_epoch =
            |sync: &Sync, last: Sync| sync.is_resumed() && last.epoch.checked_add(1) == Some(sync.epoch);
        let is_current_tried =
            |sync: &Sync| last.is_none_or(|last| sync.epoch == last.epoch || is_next_epoch(sync, last));
        let current = self.reader.salt().filter(|_| sync.is_none_or(is_current_tried));
        let later = sync.map(salt_of);
        let is_good = |offset: usize| {
            // What would lie before the start of the stream is none of it.
            let position = i128::from(shift as i64) + offset as i128;
            let position = u64::try_from(position).ok()?;
            let frame = Frame::at(self.bytes, offset)?;
            let (body, _) = frame.whole?;
            let may_be = position % 8 == 0
                && self.good_until.is_none_or(|end| position >= end)
                && !frame.is_blank()
                && self.rules.is_legal(frame.is_control(), frame.body_len())
                && offset + frame.len() <= end
                && (!frame.is_control() || is_kind(body) && !body.starts_with(b"sync"));
            let is_of_later = later.is_some_and(|salt| frame.holds(salt, position));
            let is_of_current = current.is_some_and(|salt| frame.holds(salt, position));
            (may_be && (is_of_later || is_of_current)).then_some(Candidate { offset, len: frame.len(), is_of_later })
        };
        let mut good: Vec<_> = (self.reader.offset..end).filter_map(is_good).collect();
        let later_from = good.iter().find(|one| one.is_of_later).map_or(end, |one| one.offset);
        good.retain(|one| one.is_of_later || one.offset < later_from);
        good
    }

    /// "At S".
    fn go_on_at(&mut self, offset: usize, sync: &Sync) {
        let frame = Frame::at(self.bytes, offset).expect("it was found");
        if frame.whole.is_some_and(|(_, pad)| pad.iter().any(|&byte| byte != 0)) {
            self.given.pads.push(sync.position);
        }
        match sync.sequence.checked_sub(self.reader.count) {
            Some(0) => {}
            Some(lost) => self.given.lost.push((lost, sync.position)),
            None => self.given.contradictions.push((self.reader.count - sync.sequence, sync.position)),
        }
        self.understand(offset, frame.len());
        self.reader = Reader {
            offset: offset + frame.len(),
            shift: sync.position.wrapping_sub(offset as u64),
            count: sync.sequence,
            closed: sync.is_closed(),
            last_sync: Some(*sync),
        };
        self.good_until = Some(self.reader.position());
    }

    /// "Without S".
    fn end_without_sync(&mut self) {
        let other = self.intact_syncs().find(|(offset, sync)| {
            let is_other = self.reader.last_sync.is_some_and(|last| last.stream_id != sync.stream_id);
            is_other && self.is_in_place(*offset, sync) && sync.checksum <= 4
        });
        let stopped_at = self.reader.offset;
        self.salvage(None);
        if self.given.end.is_some() {
            return;
        }
        if self.reader.offset != stopped_at {
            self.look_for_second_stream();
        }
        let stop = self.reader.frame(self.rules, self.bytes, false).map(|found| found.err().unwrap_or("another"));
        let ending = of_tail(self.rules, self.bytes, &self.reader, stop);
        if matches!(ending.state, State::Scattered | State::Corrupt) {
            self.skip(self.reader.offset, self.bytes.len());
            self.given.may_be_more = true;
            self.given.other_stream = other.map(|(offset, sync)| (offset as u64, sync.stream_id));
        }
        self.end(&ending);
    }
}
