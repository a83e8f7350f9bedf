use core::num::NonZeroU64;

use flatstream_format::layout::{ALIGNMENT, frame};
use flatstream_format::{Checksum, Encoder, Essentials, Session, SyncFlags};

use crate::contents::{Contents, check, read_around};
use crate::{Geometry, Medium, RingError};

/// Appends messages to a ring, over the oldest ones.
///
/// When [`append`](Self::append) has returned, the message is in the medium, and is there after any reset until its
/// page is erased for newer ones. A page begins its life with a sync frame at the first border between frames.
#[derive(Debug)]
pub struct Recorder<M, C> {
    medium: M,
    geometry: Geometry,
    encoder: Encoder<C>,
    /// The start of the page in which the last sync frame begins.
    synced_page: Option<u64>,
    is_broken: bool,
}

impl<M: Medium, C: Checksum> Recorder<M, C> {
    /// Erases the whole ring and begins a stream there, whose id is never used again. What was there is gone; if the
    /// power goes meanwhile, the ring has the old stream, the rest of it, or none.
    ///
    /// # Errors
    /// [`RingError::Medium`], [`RingError::MessageLen`].
    pub fn format(
        mut medium: M,
        geometry: Geometry,
        header: &Essentials,
        stream_id: NonZeroU64,
        hasher: C,
    ) -> Result<Self, RingError<M::Error>> {
        check(geometry, header, usize::MAX)?;
        let mut page = 0;
        while page < geometry.len() {
            medium.erase(page, geometry.page_len()).map_err(RingError::Medium)?;
            page = page.saturating_add(geometry.page_len());
        }
        let encoder = Encoder::new(header, Session { stream_id, epoch: 0 }, hasher);
        Ok(Self { medium, geometry, encoder, synced_page: None, is_broken: false })
    }

    /// Goes on behind the newest good frame, in a new epoch. Writes nothing yet. `None` if there is no stream with this
    /// header: format the ring then. `buffer` holds the longest frame, and isn't needed any longer afterwards.
    ///
    /// Whoever wants to send or save what the ring has, does so before or afterwards by [`Contents::find`].
    ///
    /// # Errors
    /// As [`Contents::find`], and [`RingError::LastEpoch`].
    pub fn open(
        mut medium: M,
        geometry: Geometry,
        header: &Essentials,
        hasher: C,
        buffer: &mut [u8],
    ) -> Result<Option<Self>, RingError<M::Error>> {
        let Some(found) = Contents::find(&mut medium, geometry, header, &hasher, buffer)? else { return Ok(None) };
        let Some(stream_id) = NonZeroU64::new(found.stream_id()) else { return Ok(None) };
        let epoch = found.epoch().checked_add(1).ok_or(RingError::LastEpoch)?;
        let end = found.positions().end;
        // What was torn can't be written again: the rest of that page stays as it is.
        let is_blank = is_blank(&mut medium, geometry, end, buffer).map_err(RingError::Medium)?;
        let position = if is_blank { end } else { geometry.page_end(end) };
        let encoder = Encoder::resume(header, Session { stream_id, epoch }, hasher, position, found.sequence());
        Ok(Some(Self { medium, geometry, encoder, synced_page: None, is_broken: false }))
    }

    /// Appends a message. `time` is in nanoseconds of the header's clock, for the sync frame that may come before it.
    ///
    /// # Errors
    /// [`RingError::Encode`], after which the ring is as it was; [`RingError::Medium`], after which only
    /// [`RingError::Broken`] comes: nobody knows which bytes are there.
    pub fn append(&mut self, time: i64, message: &[u8]) -> Result<(), RingError<M::Error>> {
        if self.is_broken {
            return Err(RingError::Broken);
        }
        self.encoder.check_message_len(message.len() as u64)?;
        // What can't be written whole breaks the recorder.
        self.is_broken = true;
        self.sync_if_due(time)?;
        let position = self.encoder.position();
        let head = self.encoder.message(message)?;
        self.write(position, &head)?;
        let (words, rest) = message.split_at_checked(message.len() & !(ALIGNMENT - 1)).unwrap_or_default();
        let body_at = position.saturating_add(frame::HEAD_LEN as u64);
        self.write(body_at, words)?;
        if !rest.is_empty() {
            let mut last = [0; ALIGNMENT];
            for (place, byte) in last.iter_mut().zip(rest) {
                *place = *byte;
            }
            self.write(body_at.saturating_add(words.len() as u64), &last)?;
        }
        self.is_broken = false;
        Ok(())
    }

    fn sync_if_due(&mut self, time: i64) -> Result<(), RingError<M::Error>> {
        let position = self.encoder.position();
        let page = self.geometry.page_start(position);
        if !self.encoder.sync_due() && self.synced_page == Some(page) {
            return Ok(());
        }
        let frame = self.encoder.sync(time, SyncFlags::NONE)?;
        self.synced_page = Some(page);
        self.write(position, &frame)
    }

    /// Writes to the place of a position. A page is erased before its first byte is written.
    fn write(&mut self, mut position: u64, mut bytes: &[u8]) -> Result<(), RingError<M::Error>> {
        let page_len = self.geometry.page_len();
        while !bytes.is_empty() {
            let page = self.geometry.page_start(position);
            if position == page {
                self.medium.erase(self.geometry.offset(page), page_len).map_err(RingError::Medium)?;
            }
            let room = page.saturating_add(u64::from(page_len)).saturating_sub(position) as usize;
            let (now, later) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
            self.medium.write(self.geometry.offset(position), now).map_err(RingError::Medium)?;
            position = position.saturating_add(now.len() as u64);
            bytes = later;
        }
        Ok(())
    }

    /// How many messages were appended, those that are overwritten included.
    #[must_use]
    pub const fn sequence(&self) -> u64 {
        self.encoder.sequence()
    }

    /// Where the next frame goes, in bytes from the start of the stream.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.encoder.position()
    }

    /// The stream's id and the current epoch.
    #[must_use]
    pub const fn session(&self) -> Session {
        self.encoder.session()
    }

    /// The longest message in bytes.
    #[must_use]
    pub const fn max_message_len(&self) -> u32 {
        self.encoder.max_message_len()
    }

    /// The memory, to be read.
    pub const fn medium(&mut self) -> &mut M {
        &mut self.medium
    }

    /// The memory. Nothing has to be finished: every append was.
    #[must_use]
    pub fn into_medium(self) -> M {
        self.medium
    }
}

/// Whether nothing was written from a position up to the end of its page.
fn is_blank<M: Medium>(medium: &mut M, geometry: Geometry, position: u64, buffer: &mut [u8]) -> Result<bool, M::Error> {
    let end = geometry.page_end(position);
    let mut at = position;
    while at < end {
        let len = buffer.len().min(end.saturating_sub(at) as usize);
        let chunk = buffer.get_mut(..len).unwrap_or_default();
        read_around(medium, geometry, at, chunk)?;
        if chunk.iter().any(|byte| *byte != 0xFF) {
            return Ok(false);
        }
        at = at.saturating_add(len.max(1) as u64);
    }
    Ok(true)
}
