//! Section 11, and what section 9 asks of a tail.

use super::frame::{Frame, Sync, crc32c, salt};
use super::strict::{Reader, Reading};
use super::{CHECKSUM_ID, Rules};

/// The five ways in which a stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "they are the words of the specification")]
pub enum State {
    Closed,
    Open,
    Torn,
    Scattered,
    Corrupt,
}

/// What evidence is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// (i)
    Frame,
    /// (ii)
    Sync,
    /// (iii), and not (ii)
    SyncInPlace,
    /// (iv)
    Header,
}

/// Evidence, and its position by the shift at D.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where it lies.
    pub position: u64,
    /// What it is.
    pub kind: Kind,
}

/// How a stream ended.
#[derive(Clone, Debug)]
pub struct Ending {
    /// Which way.
    pub state: State,
    /// D.
    pub position: u64,
    /// All the evidence there is.
    pub evidence: Vec<Found>,
    /// Section 9: where the first sync frame lies that is displaced and can't be a stale block's.
    pub displaced: Option<u64>,
    /// Section 9: where the first sync frame of another stream, or of another header, lies in its place.
    pub foreign: Option<u64>,
    /// Section 9: the highest epoch that a sync frame of this stream names, wherever that lies.
    pub epoch_max: Option<u32>,
}

/// How the stream ended that was read so far.
#[must_use]
pub fn ending(rules: &Rules, bytes: &[u8], reading: &Reading) -> Ending {
    of_tail(rules, bytes, &reading.reader, reading.stop)
}

pub(super) fn of_tail(rules: &Rules, bytes: &[u8], reader: &Reader, stop: Option<&'static str>) -> Ending {
    let tail = Tail { rules, bytes, reader };
    let syncs = tail.intact_syncs();
    let mut evidence = tail.frames();
    evidence.extend(syncs.iter().filter_map(|&(at, sync)| tail.sync_evidence(at, &sync)));
    evidence.extend(tail.header());
    let is_evidence = |at: &u64| evidence.iter().any(|found| found.position == *at && found.kind != Kind::Frame);
    let is_corrupt = syncs.iter().any(|(at, sync)| {
        is_evidence(at)
            && tail.is_ours(sync)
            && sync.header_check == rules.header_check
            && sync.durable > reader.position()
    });
    let is_blank = |fill: u8| bytes[reader.offset..].iter().all(|&byte| byte == fill);
    let at_boundary = if reader.closed { State::Closed } else { State::Open };
    let state = match stop {
        None => at_boundary,
        _ if is_blank(0x00) || is_blank(0xFF) => at_boundary,
        Some("incomplete") if evidence.is_empty() && reader.last_sync.is_none() => State::Open,
        _ if evidence.is_empty() => State::Torn,
        _ if is_corrupt => State::Corrupt,
        _ => State::Scattered,
    };
    let of_stream = |sync: &Sync| tail.is_ours(sync) && sync.header_check == rules.header_check;
    let counted = || syncs.iter().filter(|(at, _)| is_evidence(at));
    let is_current = |sync: &Sync| reader.last_sync.is_none_or(|last| sync.epoch >= last.epoch);
    let displaced =
        counted().find(|(at, sync)| of_stream(sync) && is_current(sync) && at.wrapping_sub(sync.position) % 512 != 0);
    let foreign = counted().find(|(_, sync)| !of_stream(sync));
    Ending {
        state,
        position: reader.position(),
        displaced: displaced.map(|(at, _)| *at),
        foreign: foreign.map(|(at, _)| *at),
        epoch_max: syncs.iter().filter(|(_, sync)| of_stream(sync)).map(|(_, sync)| sync.epoch).max(),
        evidence,
    }
}

/// What lies behind D.
struct Tail<'a> {
    rules: &'a Rules,
    bytes: &'a [u8],
    reader: &'a Reader,
}

impl Tail<'_> {
    fn places(&self) -> impl Iterator<Item = (usize, u64)> {
        (self.reader.offset..self.bytes.len()).map(|offset| (offset, (offset as u64).wrapping_add(self.reader.shift)))
    }

    /// At every byte: the sync frames that are right by themselves, with their places.
    fn intact_syncs(&self) -> Vec<(u64, Sync)> {
        let intact = |(offset, position)| {
            let sync = Frame::at(self.bytes, offset)?.intact_sync()?;
            sync.is_in_range().then_some((position, sync))
        };
        self.places().filter_map(intact).collect()
    }

    /// (i)
    fn frames(&self) -> Vec<Found> {
        let Some(salt) = self.reader.salt() else { return Vec::new() };
        let is_good = |offset, position| {
            Frame::at(self.bytes, offset).is_some_and(|frame| {
                self.rules.is_legal(frame.is_control(), frame.body_len())
                    && !frame.is_blank()
                    && frame.holds(salt, position)
            })
        };
        let good = self.places().filter(|&(offset, position)| position % 8 == 0 && is_good(offset, position));
        good.map(|(_, position)| Found { position, kind: Kind::Frame }).collect()
    }

    fn is_ours(&self, sync: &Sync) -> bool {
        match self.reader.last_sync {
            Some(last) => sync.stream_id == last.stream_id,
            None => sync.header_check == self.rules.header_check,
        }
    }

    /// (ii), or else (iii)
    fn sync_evidence(&self, at: u64, sync: &Sync) -> Option<Found> {
        let is_above = self.reader.last_sync.is_none_or(|last| sync.position > last.position);
        if self.is_ours(sync) && sync.checksum == CHECKSUM_ID && is_above {
            return Some(Found { position: at, kind: Kind::Sync });
        }
        (at % 8 == 0 && sync.position == at).then_some(Found { position: at, kind: Kind::SyncInPlace })
    }

    /// (iv)
    fn header(&self) -> Option<Found> {
        let found = is_header(&self.bytes[self.reader.offset..]);
        found.then(|| Found { position: self.reader.position(), kind: Kind::Header })
    }
}

/// Whether a header region begins here whose length, identifier and check are right: section 10, "Opening", 1 to 4.
pub(super) fn is_header(data: &[u8]) -> bool {
    if data.len() < 12 || &data[8..12] != b"FLS1" {
        return false;
    }
    let n = u32::from_le_bytes(data[..4].try_into().expect("4 bytes")) as usize;
    if n % 8 != 4 || !(12..=1 << 20).contains(&n) || data.len() < 4 + n {
        return false;
    }
    crc32c(&data[..n]).to_le_bytes() == data[n..n + 4]
}

/// The salt of a sync frame's epoch.
pub(super) fn salt_of(sync: &Sync) -> u64 {
    salt(sync.stream_id, sync.epoch)
}
