use core::ops::Range;

use flatstream_format::layout::{ALIGNMENT, control, frame, sync};
use flatstream_format::{Checksum, Decoded, Decoder, Essentials, FoundSync, frame_len};

use crate::{Geometry, ReadAt, RingError};

/// What is in a ring: found by its sync frames alone, whatever was going on when the power went.
///
/// The stream of a ring is the header region, which the ring doesn't have, and then the bytes of
/// [`positions`](Self::positions). It begins in the middle, so it is read by recovery, which tells how many messages
/// were overwritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contents {
    geometry: Geometry,
    begin: u64,
    end: u64,
    sequence: u64,
    stream_id: u64,
    epoch: u32,
}

impl Contents {
    /// Looks through a ring. `header` is that of its stream, `hasher` what its checksum names, `buffer` holds the
    /// longest frame. `None` if there is no stream with this header: the ring was never formatted, or by other
    /// firmware.
    ///
    /// # Errors
    /// [`RingError::Medium`], [`RingError::MessageLen`], [`RingError::Buffer`].
    pub fn find<R: ReadAt, C: Checksum>(
        medium: &mut R,
        geometry: Geometry,
        header: &Essentials,
        hasher: &C,
        buffer: &mut [u8],
    ) -> Result<Option<Self>, RingError<R::Error>> {
        check(geometry, header, buffer.len())?;
        let mut search = Search { medium, geometry, header, buffer };
        let Some(newest) = search.newest()? else { return Ok(None) };
        let end = search.walk(&newest, hasher)?;
        let live = geometry.live(end.position);
        let begin = search.oldest(&live)?.unwrap_or(newest.sync.position);
        let stream_id = newest.sync.stream_id;
        Ok(Some(Self { geometry, begin, end: end.position, sequence: end.sequence, stream_id, epoch: end.epoch }))
    }

    /// From the oldest sync frame up to the end of the newest good frame, in bytes from the start of the stream.
    #[must_use]
    pub const fn positions(&self) -> Range<u64> {
        self.begin..self.end
    }

    /// How many messages were appended, those that are overwritten included.
    #[must_use]
    pub const fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The stream's id.
    #[must_use]
    pub const fn stream_id(&self) -> u64 {
        self.stream_id
    }

    /// The epoch of the last sync frame.
    #[must_use]
    pub const fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Reads bytes of the stream from a position on; returns how many: less than `into` has at the end.
    ///
    /// # Errors
    /// As the medium has them.
    pub fn read<R: ReadAt>(&self, medium: &mut R, position: u64, into: &mut [u8]) -> Result<usize, R::Error> {
        let rest = self.end.saturating_sub(position.max(self.begin));
        let len = usize::try_from(rest).unwrap_or(usize::MAX).min(into.len());
        read_around(medium, self.geometry, position, into.get_mut(..len).unwrap_or_default())?;
        Ok(len)
    }
}

/// Where the good frames end, and what is known there.
struct End {
    position: u64,
    sequence: u64,
    epoch: u32,
}

struct Search<'a, R> {
    medium: &'a mut R,
    geometry: Geometry,
    header: &'a Essentials,
    buffer: &'a mut [u8],
}

impl<R: ReadAt> Search<'_, R> {
    /// The sync frame with the greatest position, of those that come first in their pages.
    fn newest(&mut self) -> Result<Option<FoundSync>, RingError<R::Error>> {
        let mut newest: Option<FoundSync> = None;
        let mut page = 0;
        while page < self.geometry.len() {
            if let Some(found) = self.first_sync(page)?
                && newest.is_none_or(|newest| newest.sync.position < found.sync.position)
            {
                newest = Some(found);
            }
            page = page.saturating_add(self.geometry.page_len());
        }
        Ok(newest)
    }

    /// The position of the first sync frame that is still there: of the oldest page that has one.
    fn oldest(&mut self, live: &Range<u64>) -> Result<Option<u64>, RingError<R::Error>> {
        let mut page = live.start;
        while page < live.end {
            if let Some(found) = self.first_sync(self.geometry.offset(page))?
                && live.contains(&found.sync.position)
            {
                return Ok(Some(found.sync.position));
            }
            page = page.saturating_add(u64::from(self.geometry.page_len()));
        }
        Ok(None)
    }

    /// The first sync frame of the stream that begins in a page: right by its own salt and position, and in the place
    /// that this position has in the ring.
    fn first_sync(&mut self, page: u32) -> Result<Option<FoundSync>, RingError<R::Error>> {
        // The kind is the second word of a frame: it may be the first of the next page.
        let mut at = u64::from(page).saturating_add(KIND_AT);
        let end = at.saturating_add(u64::from(self.geometry.page_len()));
        while at < end {
            let len = self.buffer.len().min(end.saturating_sub(at) as usize) & !(ALIGNMENT - 1);
            let chunk = self.buffer.get_mut(..len).unwrap_or_default();
            read_around(self.medium, self.geometry, at, chunk).map_err(RingError::Medium)?;
            let Some(nth) = chunk.chunks_exact(ALIGNMENT).position(|word| word.starts_with(&sync::KIND_BYTES)) else {
                at = at.saturating_add(len as u64);
                continue;
            };
            let kind_at = at.saturating_add((nth * ALIGNMENT) as u64);
            if let Some(found) = self.sync_at(kind_at.saturating_sub(KIND_AT))? {
                return Ok(Some(found));
            }
            at = kind_at.saturating_add(ALIGNMENT as u64);
        }
        Ok(None)
    }

    fn sync_at(&mut self, place: u64) -> Result<Option<FoundSync>, RingError<R::Error>> {
        let mut bytes = [0; sync::FRAME_LEN];
        read_around(self.medium, self.geometry, place, &mut bytes).map_err(RingError::Medium)?;
        let is_ours = |found: &FoundSync| {
            found.sync.header_check == self.header.header_check
                && found.sync.checksum_id == self.header.checksum.id()
                && self.geometry.offset(found.sync.position) == self.geometry.offset(place)
        };
        Ok(FoundSync::at_start_of(&bytes, place).filter(is_ours))
    }

    /// Reads on from a sync frame, up to the first frame that isn't whole or isn't right.
    fn walk<C: Checksum>(&mut self, newest: &FoundSync, hasher: &C) -> Result<End, RingError<R::Error>> {
        let mut decoder = Decoder::new(self.header, 0, hasher);
        decoder.resume_behind(newest);
        let limit = newest.sync.position.saturating_add(u64::from(self.geometry.len()));
        loop {
            let start = decoder.position();
            let len = self.buffer.len().min(usize::try_from(limit.saturating_sub(start)).unwrap_or(usize::MAX));
            let data = self.buffer.get_mut(..len).unwrap_or_default();
            read_around(self.medium, self.geometry, start, data).map_err(RingError::Medium)?;
            decode_all(&mut decoder, data);
            if decoder.position() == start {
                let epoch = decoder.last_sync().map_or(newest.sync.epoch, |sync| sync.epoch);
                return Ok(End { position: start, sequence: decoder.sequence(), epoch });
            }
        }
    }
}

/// Where a sync frame's kind begins.
const KIND_AT: u64 = (frame::HEAD_LEN + control::KIND.start) as u64;

/// A message that is whole but for its pad counts: the power went at its last bytes, and a recovering reader delivers
/// it.
fn decode_all<C: Checksum>(decoder: &mut Decoder<C>, mut data: &[u8]) {
    loop {
        let start = decoder.position();
        let decoded = decoder.decode(data).or_else(|_| decoder.decode_despite_pad(data));
        if !matches!(decoded, Ok(Decoded::Message(_) | Decoded::Sync(_) | Decoded::Control { .. })) {
            return;
        }
        data = data.get(decoder.position().wrapping_sub(start) as usize..).unwrap_or_default();
    }
}

/// Reads from the place of a position on; behind the end of the ring comes its start.
pub(crate) fn read_around<R: ReadAt>(
    medium: &mut R,
    geometry: Geometry,
    position: u64,
    into: &mut [u8],
) -> Result<(), R::Error> {
    let offset = geometry.offset(position);
    let room = geometry.len().saturating_sub(offset) as usize;
    match into.split_at_mut_checked(room) {
        None => medium.read_at(offset, into),
        Some((first, second)) => {
            medium.read_at(offset, first)?;
            if second.is_empty() { Ok(()) } else { medium.read_at(0, second) }
        }
    }
}

/// Whether every message that the header allows fits into the ring and into the buffer.
pub(crate) fn check<E>(geometry: Geometry, header: &Essentials, buffer_len: usize) -> Result<(), RingError<E>> {
    // While a frame is written, its pages are erased: a page, a sync frame and the frame are never more than the ring.
    let room = geometry.len().saturating_sub(geometry.page_len());
    let limit = room.saturating_sub((sync::FRAME_LEN + frame::HEAD_LEN) as u32);
    let found = header.max_message_len;
    if found == 0 || found > limit {
        return Err(RingError::MessageLen { found, limit });
    }
    let expected = (frame_len(found) as usize).max(sync::FRAME_LEN);
    if buffer_len < expected { Err(RingError::Buffer { expected, found: buffer_len }) } else { Ok(()) }
}
