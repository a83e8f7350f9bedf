//! What to think of bytes that should be a frame and aren't.
//!
//! Nearly always they become one: a write was seen half, or a writer died in the middle of it, and the next one writes
//! over them. So a follower waits. It is damage, or the stream went on without us, when something behind them proves
//! that nobody will write there any more: see `find_proof`.
//!
//! ADVICE: whatever proves something was read later than the bytes it is about, and the writer may have written both in
//! between. So a proof counts only once the bytes were read again, behind it, and are still wrong.

use std::fs::File;
use std::time::{Duration, Instant};

use flatstream_format::layout::sync::FRAME_LEN_MAX;
use flatstream_format::layout::{ALIGNMENT, header};
use flatstream_format::{
    Decoder, Essentials, Evidence, EvidenceKind, FoundSync, Stop, StopReason, Sync, TailSearch, frame_len,
};

use super::frames::{Frames, Place};
use crate::error::{Error, Result};
use crate::hasher::Hasher;
use crate::storage::StorageFile;
use crate::walk::{last_sync_before, read_exactly};

/// A search through more bytes than these ...
const LONG_SEARCH: u64 = 512 << 10;

/// ... is made again only after so many times as long as it took.
const REST: u32 = 20;

/// Bytes at one position that aren't a frame, since they were first seen.
#[derive(Debug)]
pub(super) struct Doubt {
    position: u64,
    /// The file's size then.
    size: u64,
    since: Instant,
    /// When the last search ended, and how long it took, if it was a long one.
    searched: Option<(Instant, Duration)>,
    proof: Option<Error>,
}

pub(super) enum Verdict {
    /// They may still become a frame.
    Wait,
    /// There is a proof that they won't. It counts if they are still wrong when they are read again.
    ReadAgain,
    Proved(Error),
}

/// What a doubt is about.
pub(super) struct Case<'a> {
    pub(super) frames: &'a Frames,
    pub(super) stop: Stop,
    pub(super) essentials: &'a Essentials,
    pub(super) patience: Duration,
    /// Behind the last message that was handed out.
    pub(super) place: Place,
}

impl Doubt {
    /// `doubt` is the one before this, which may have been about the same bytes.
    pub(super) fn judge(doubt: &mut Option<Self>, case: &Case<'_>) -> Result<Verdict> {
        let position = case.stop.position;
        let Some(same) = doubt.as_mut().filter(|doubt| doubt.position == position) else {
            let size = case.size()?;
            *doubt = Some(Self { position, size, since: Instant::now(), searched: None, proof: None });
            return Ok(Verdict::Wait);
        };
        if let Some(error) = same.proof.take() {
            return Ok(Verdict::Proved(error));
        }
        if same.searched.is_some_and(|(end, took)| end.elapsed() < took * REST) {
            return Ok(Verdict::Wait);
        }
        let begin = Instant::now();
        same.proof = case.find_proof(same)?;
        let is_long = case.size()?.saturating_sub(position) > LONG_SEARCH;
        same.searched = is_long.then(|| (Instant::now(), begin.elapsed()));
        Ok(if same.proof.is_some() { Verdict::ReadAgain } else { Verdict::Wait })
    }
}

impl Case<'_> {
    fn file(&self) -> &File {
        self.frames.file()
    }

    fn decoder(&self) -> &Decoder<Hasher> {
        self.frames.decoder()
    }

    fn size(&self) -> Result<u64> {
        StorageFile::size(self.file()).map_err(|error| Error::read(error, self.stop.position))
    }

    fn find_proof(&self, doubt: &Doubt) -> Result<Option<Error>> {
        if let Some(found) = self.what_replaced_it()? {
            return Ok(Some(Error::gone(self.place.sequence, self.place.position, found)));
        }
        let size = self.size()?;
        let behind = Behind::look(self.file(), self.decoder(), self.essentials, &self.stop, size)?;
        if let StopReason::Limit { found, .. } = self.stop.reason {
            let end = self.stop.position.saturating_add(frame_len(found));
            if size >= end && behind.evidence.is_none_or(|evidence| evidence.position >= end) {
                return Ok(Some(flatstream_format::Error::Frame { stop: self.stop.clone(), evidence: None }.into()));
            }
        }
        let went_on = self.sync_of_writer_behind(doubt.size, size)?;
        let Some(evidence) = behind.evidence.or(went_on) else { return Ok(None) };
        let is_proved = behind.is_corrupt || went_on.is_some() || doubt.since.elapsed() >= self.patience;
        Ok(is_proved.then(|| damage(self.stop.clone(), size, evidence)))
    }

    /// A sync frame of the current epoch that was written since the doubt began: the same writer has gone on behind.
    fn sync_of_writer_behind(&self, size_before: u64, size: u64) -> Result<Option<Evidence>> {
        let last = self.decoder().last_sync();
        let is_wanted = |found: &FoundSync| {
            is_ours(&found.sync, last, self.essentials) && last.is_none_or(|last| found.sync.epoch == last.epoch)
        };
        let window = TailSearch::new(self.decoder(), self.stop.clone()).window_len() as u64;
        let from = size_before.max(self.stop.position).max(size.saturating_sub(window));
        let found = last_sync_before(self.file(), from, size, is_wanted)?;
        Ok(found.map(|found| Evidence { position: found.position, kind: EvidenceKind::Sync }))
    }

    /// Whether it is no wonder that nothing follows here, because the file or what came before is no longer what was
    /// read.
    fn what_replaced_it(&self) -> Result<Option<String>> {
        let Some(last) = self.decoder().last_sync() else { return Ok(None) };
        let header_len = u64::from(self.essentials.header_len);
        let first = first_sync_of_any(self.file())?;
        if let Some(first) = first.filter(|first| first.sync.stream_id != last.stream_id) {
            let [was, now] = [last.stream_id, first.sync.stream_id];
            return Ok(Some(format!("the file held stream {was:#018x}, and now it holds stream {now:#018x}")));
        }
        let is_ours = |found: &FoundSync| is_ours(&found.sync, Some(last), self.essentials);
        let before = last_sync_before(self.file(), header_len, self.stop.position, is_ours)?;
        Ok(before.filter(|before| before.sync.epoch > last.epoch).map(|before| {
            let epoch = before.sync.epoch;
            format!("the stream was cut before position {}, and goes on in epoch {epoch}", self.stop.position)
        }))
    }
}

/// The sync frame that a stream begins with.
pub(super) fn first_sync(file: &File, header_len: u64) -> Result<Option<FoundSync>> {
    let data = read_exactly(file, header_len, FRAME_LEN_MAX as u64)?;
    Ok(FoundSync::at_start_of(&data, header_len).filter(FoundSync::is_in_place))
}

/// The same, whatever header the file has now.
fn first_sync_of_any(file: &File) -> Result<Option<FoundSync>> {
    let length = read_exactly(file, 0, header::LENGTH.end as u64)?;
    let length = length.first_chunk().map_or(u32::MAX, |bytes| u32::from_le_bytes(*bytes));
    match length {
        header::LENGTH_MIN..=header::LENGTH_MAX => first_sync(file, header::LENGTH.end as u64 + u64::from(length)),
        _ => Ok(None),
    }
}

/// Whether a sync frame belongs to the stream that is followed; before the first one, to its header.
pub(super) fn is_ours(sync: &Sync, last: Option<&Sync>, essentials: &Essentials) -> bool {
    sync.header_check == essentials.header_check && last.is_none_or(|last| last.stream_id == sync.stream_id)
}

pub(super) fn damage(mut stop: Stop, size: u64, evidence: Evidence) -> Error {
    match &mut stop.reason {
        // A frame in which the stream goes on is none, whatever length it claims.
        StopReason::Limit { found, .. } => {
            let found = evidence.position.saturating_sub(stop.position).min(frame_len(*found));
            stop.reason = StopReason::Incomplete { expected: frame_len(found as u32), found };
        }
        StopReason::Incomplete { found, .. } => *found = size.saturating_sub(stop.position),
        _ => {}
    }
    flatstream_format::Error::Frame { stop, evidence: Some(evidence) }.into()
}

/// What lies behind bytes that aren't a frame.
#[derive(Debug, Default)]
pub(super) struct Behind {
    /// What shows that the stream goes on.
    pub(super) evidence: Option<Evidence>,
    /// Whether the bytes had been reported durable.
    pub(super) is_corrupt: bool,
}

impl Behind {
    /// Looks as far as the next sync frame can lie, at most 32 MiB.
    pub(super) fn look(
        file: &File,
        decoder: &Decoder<Hasher>,
        essentials: &Essentials,
        stop: &Stop,
        size: u64,
    ) -> Result<Self> {
        let mut search = TailSearch::new(decoder, stop.clone());
        let len = size.saturating_sub(stop.position).min(search.window_len() as u64);
        let data = read_exactly(file, stop.position, len)?;
        let mut behind = Self::default();
        FoundSync::each_in(&data, stop.position, |found| behind.note(&found, decoder.last_sync(), essentials, stop));
        if behind.evidence.is_none() {
            search.search_header(&data);
            search.search_behind_rejected(decoder.hasher(), &data);
            // A frame whose pad isn't written yet is good but for that, and no evidence that it ever was.
            let own = if stop.reason == StopReason::Pad { ALIGNMENT } else { 0 };
            let others = data.get(own..).unwrap_or_default();
            search.search_frames(decoder.hasher(), others, stop.position + own as u64, others.len());
            behind.evidence = search.evidence();
        }
        Ok(behind)
    }

    /// One of an earlier epoch is a stale one, in a tail that the writer of this epoch is about to cut.
    fn note(&mut self, found: &FoundSync, last: Option<&Sync>, essentials: &Essentials, stop: &Stop) {
        let FoundSync { position, sync, .. } = *found;
        let is_ours = is_ours(&sync, last, essentials);
        self.is_corrupt |= is_ours && sync.durable > stop.position;
        let is_further_on = last.is_none_or(|last| sync.position > last.position && sync.epoch >= last.epoch);
        let kind = match is_ours {
            true if is_further_on => EvidenceKind::Sync,
            false if found.is_in_place() => EvidenceKind::SyncInPlace,
            _ => return,
        };
        self.evidence.get_or_insert(Evidence { position, kind });
    }
}
