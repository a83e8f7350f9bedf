use core::num::NonZeroU64;

use flatstream_checksum::Checksum;

use crate::dropped::Dropped;
use crate::error::EncodeError;
use crate::frame::{Head, frame_len, padded};
use crate::header::Essentials;
use crate::layout::{ALIGNMENT, FORMAT_VERSION, drop, frame, sync};
use crate::limits::{DURABLE_SYNC_DISTANCE, SYNC_GAP_MIN};
use crate::mask::Salt;
use crate::sync::{ALIGNMENT_LOG2, Sync, SyncFlags, TIME_NONE};

/// Which stream is written, and how often it was reopened.
///
/// ```
/// use core::num::NonZeroU64;
///
/// use flatstream_format::Session;
///
/// const DEVICE: NonZeroU64 = NonZeroU64::new(0x17_0000_0042).unwrap(); // say, serial number and boot counter
/// let session = Session { stream_id: DEVICE, epoch: 0 };
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub struct Session {
    /// The stream's identity: random, or a serial number with a boot counter. Never 0, never used for another stream:
    /// old frames of a stream with the same id would pass for its own.
    pub stream_id: NonZeroU64,
    /// 0 for a new stream; raised by one each time the stream is reopened.
    pub epoch: u32,
}

/// What may come next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// A sync frame that begins an epoch, with these flags.
    NeedsSync(SyncFlags),
    Open,
    Closed,
}

/// Turns messages into frames. It holds no bytes and does no I/O: it computes heads and sync frames, and counts.
///
/// The caller writes, in this order: the header region, and then what the encoder gives. Whenever
/// [`sync_due`](Self::sync_due) says so, a sync frame comes before the next message; the first thing due is one.
///
/// The crate's front page has an example.
#[derive(Clone, Debug)]
pub struct Encoder<C> {
    hasher: C,
    salt: Salt,
    position: u64,
    sequence: u64,
    /// From this position on a sync frame comes before the next message.
    sync_due_at: u64,
    last_sync_at: u64,
    /// The longest message that may come now: 0 before the first sync frame of an epoch and after CLOSED.
    message_limit: u32,
    promised_limit: u32,
    state: State,
    sync_interval: u32,
    header_check: u32,
    checksum_id: u8,
    session: Session,
    time: i64,
    durable: u64,
}

impl<C: Checksum> Encoder<C> {
    /// An encoder for the frames behind a header; `hasher` is what the header's checksum names.
    #[must_use]
    pub fn new(header: &Essentials, session: Session, hasher: C) -> Self {
        Self {
            hasher,
            salt: Salt::new(session.stream_id.get(), session.epoch),
            position: u64::from(header.header_len),
            sequence: 0,
            sync_due_at: 0,
            last_sync_at: 0,
            message_limit: 0,
            promised_limit: header.message_limit(),
            state: State::NeedsSync(SyncFlags::NONE),
            sync_interval: header.sync_interval,
            header_check: header.header_check,
            checksum_id: header.checksum.id(),
            session,
            time: TIME_NONE,
            durable: 0,
        }
    }

    /// An encoder that goes on in a stream that was reopened, behind the frames that are kept: `position` is where the
    /// next one goes, `sequence` how many messages lie before it, `session` names the stream's id and its new epoch.
    /// The first thing due is a sync frame, which has [`SyncFlags::RESUMED`] by itself and has to be durable before
    /// anything follows it. Specification: section 9, "Reopening for append".
    #[must_use]
    pub fn resume(header: &Essentials, session: Session, hasher: C, position: u64, sequence: u64) -> Self {
        let state = State::NeedsSync(SyncFlags::RESUMED);
        Self { position, sequence, state, ..Self::new(header, session, hasher) }
    }

    /// Where the next frame goes, in bytes from the start of the stream.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// How many messages were encoded: the next one's sequence number.
    #[must_use]
    pub const fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The stream's id and the current epoch.
    #[must_use]
    pub const fn session(&self) -> Session {
        self.session
    }

    /// What computes the digests.
    #[must_use]
    pub const fn hasher(&self) -> &C {
        &self.hasher
    }

    /// The time of the last sync frame, of those of this epoch; [`TIME_NONE`] if none had one.
    #[must_use]
    pub const fn time(&self) -> i64 {
        self.time
    }

    /// The longest message in bytes that the encoder takes.
    #[must_use]
    pub const fn max_message_len(&self) -> u32 {
        self.promised_limit
    }

    /// Whether a sync frame comes before the next message. Specification: section 9.
    #[inline]
    #[must_use]
    pub const fn sync_due(&self) -> bool {
        self.position >= self.sync_due_at
    }

    /// Notes that the sink reported every byte below `position` durable; the next sync frame says so. It is due before
    /// the next message if the last one lies 4 KiB or more back.
    ///
    /// A position beyond what was encoded, or below an earlier one, changes nothing.
    pub fn set_durable(&mut self, position: u64) {
        if position > self.position || position <= self.durable {
            return;
        }
        self.durable = position;
        let is_far = self.position.saturating_sub(self.last_sync_at) >= DURABLE_SYNC_DISTANCE;
        if is_far && self.sync_interval != 0 && self.state == State::Open {
            self.sync_due_at = self.sync_due_at.min(self.position);
        }
    }

    /// Every byte below this position was reported durable, as far as [`set_durable`](Self::set_durable) was told.
    #[must_use]
    pub const fn durable(&self) -> u64 {
        self.durable
    }

    /// A `drop` frame: here the writer lost so many messages of so many bytes in all, because it was not allowed to
    /// wait for its sink. They take no sequence numbers. Specification: section 8.
    ///
    /// # Errors
    /// [`EncodeError::SyncDue`] if no sync frame began the epoch, [`EncodeError::Closed`]. The encoder is unchanged
    /// then.
    pub fn dropped(&mut self, dropped: Dropped) -> Result<[u8; drop::FRAME_LEN], EncodeError> {
        match self.state {
            State::Open => {}
            State::NeedsSync(_) => return Err(EncodeError::SyncDue),
            State::Closed => return Err(EncodeError::Closed),
        }
        let frame = dropped.to_frame(self.salt, self.position);
        self.position = self.position.wrapping_add(drop::FRAME_LEN as u64);
        Ok(frame)
    }

    /// The next sync frame. `time` is in nanoseconds of the header's clock, [`TIME_NONE`] if there is none; a time that
    /// runs backwards within an epoch is replaced by the greatest so far. Behind one with [`SyncFlags::CLOSED`] only
    /// [`start_epoch`](Self::start_epoch) goes on; the first one after that has [`SyncFlags::RESUMED`] by itself.
    ///
    /// # Errors
    /// [`EncodeError::Closed`]. The encoder is unchanged then.
    pub fn sync(&mut self, time: i64, flags: SyncFlags) -> Result<[u8; sync::FRAME_LEN], EncodeError> {
        let flags = match self.state {
            State::NeedsSync(needed) => flags.with(needed),
            State::Open => flags,
            State::Closed => return Err(EncodeError::Closed),
        };
        self.state = if flags.is_closed() { State::Closed } else { State::Open };
        self.message_limit = if flags.is_closed() { 0 } else { self.promised_limit };
        self.time = self.time.max(time);
        let frame = Sync {
            header_check: self.header_check,
            version: FORMAT_VERSION,
            checksum_id: self.checksum_id,
            alignment_log2: ALIGNMENT_LOG2,
            flags,
            epoch: self.session.epoch,
            stream_id: self.session.stream_id.get(),
            position: self.position,
            sequence: self.sequence,
            time: self.time,
            durable: self.durable,
        }
        .to_frame();
        self.last_sync_at = self.position;
        self.sync_due_at = match self.sync_interval {
            _ if flags.is_closed() => u64::MAX,
            0 => u64::MAX,
            interval => {
                let gap = u64::from(interval).min(self.position.max(SYNC_GAP_MIN));
                // A message comes between two sync frames, however small the interval is.
                self.position.saturating_add(gap.max(sync::FRAME_LEN as u64 + 1))
            }
        };
        self.position = self.position.wrapping_add(sync::FRAME_LEN as u64);
        Ok(frame)
    }

    /// Goes on in a later epoch of the same stream, which was reopened. The sync frame that is due then has to be
    /// durable before anything follows it.
    ///
    /// # Errors
    /// [`EncodeError::Epoch`] unless the epoch is a later one.
    pub fn start_epoch(&mut self, epoch: u32) -> Result<(), EncodeError> {
        if epoch <= self.session.epoch {
            return Err(EncodeError::Epoch { current: self.session.epoch, found: epoch });
        }
        self.session.epoch = epoch;
        self.salt = Salt::new(self.session.stream_id.get(), epoch);
        self.time = TIME_NONE;
        self.sync_due_at = 0;
        self.message_limit = 0;
        self.state = State::NeedsSync(SyncFlags::RESUMED);
        Ok(())
    }

    /// The head of the next message's frame. The caller puts the body behind it, and zeros up to a multiple of 8.
    ///
    /// # Errors
    /// [`EncodeError::Empty`], [`EncodeError::TooLong`]; [`EncodeError::SyncDue`] if no sync frame began the epoch,
    /// [`EncodeError::Closed`]. The encoder is unchanged then.
    #[inline]
    pub fn message(&mut self, body: &[u8]) -> Result<[u8; frame::HEAD_LEN], EncodeError> {
        let len = self.check_message(body.len() as u64)?;
        let digest = self.hasher.digest(body);
        Ok(self.accept(len, digest, frame_len(len)))
    }

    /// The head of a frame whose body the caller has digested by other means: in pieces, or by a hardware unit.
    ///
    /// ```
    /// # use core::num::NonZeroU64;
    /// use flatstream_format::{Algorithm, Checksum};
    /// # use flatstream_format::{Encoder, Essentials, Session, SyncFlags};
    /// # let header = Essentials::parse(include_bytes!("../tests/minimal_header.bin"))?;
    /// # let session = Session { stream_id: NonZeroU64::MIN, epoch: 0 };
    /// # let mut encoder = Encoder::new(&header, session, Algorithm::CRC32C);
    /// # encoder.sync(0, SyncFlags::NONE)?;
    ///
    /// let parts = [&b"first half, "[..], b"second half"];
    /// let digest = encoder.hasher().digest_parts(&parts).expect("CRC-32C takes parts");
    /// let head = encoder.message_with_digest(23, digest)?;
    /// assert_eq!(head[4..], [23, 0, 0, 0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`message`](Self::message).
    #[inline]
    pub fn message_with_digest(&mut self, len: u64, digest: u32) -> Result<[u8; frame::HEAD_LEN], EncodeError> {
        let len = self.check_message(len)?;
        Ok(self.accept(len, digest, frame_len(len)))
    }

    /// Whether a message of so many bytes can be encoded.
    ///
    /// # Errors
    /// [`EncodeError::Empty`], [`EncodeError::TooLong`].
    pub const fn check_message_len(&self, len: u64) -> Result<u32, EncodeError> {
        match len {
            0 => Err(EncodeError::Empty),
            found if found > self.promised_limit as u64 => {
                Err(EncodeError::TooLong { found, limit: self.promised_limit })
            }
            len => Ok(len as u32),
        }
    }

    /// The same, and whether any message may come now.
    #[inline]
    fn check_message(&self, len: u64) -> Result<u32, EncodeError> {
        let len = self.check_message_len(len)?;
        match self.state {
            State::Open => Ok(len),
            State::NeedsSync(_) => Err(EncodeError::SyncDue),
            State::Closed => Err(EncodeError::Closed),
        }
    }

    #[inline]
    fn accept(&mut self, len: u32, digest: u32, frame_len: u64) -> [u8; frame::HEAD_LEN] {
        let check = digest ^ self.salt.mask(self.position, len);
        self.position = self.position.wrapping_add(frame_len);
        self.sequence = self.sequence.wrapping_add(1);
        Head { check, length_word: len }.to_bytes()
    }

    /// Puts the next message's whole frame at the start of `out`; returns its size in bytes.
    ///
    /// # Errors
    /// [`EncodeError`]; nothing was written and the encoder is unchanged then.
    #[inline(always)]
    pub fn encode_message(&mut self, body: &[u8], out: &mut [u8]) -> Result<usize, EncodeError> {
        match self.encode_if_possible(body, out) {
            Some(len) => Ok(len),
            None => Err(self.why_not(body.len(), out.len())),
        }
    }

    #[inline(always)]
    fn encode_if_possible(&mut self, body: &[u8], out: &mut [u8]) -> Option<usize> {
        // One comparison for both ends of the length: 0 wraps to the greatest number.
        if self.sync_due() || (body.len() as u64).wrapping_sub(1) >= u64::from(self.message_limit) {
            return None;
        }
        let frame_len = frame::HEAD_LEN + padded(body.len());
        let (head, rest) = out.get_mut(..frame_len)?.split_first_chunk_mut()?;
        // A whole word of zeros, of which the body then covers all but the pad: cheaper than filling 0 to 7 bytes.
        *rest.last_chunk_mut()? = [0; ALIGNMENT];
        let (place, _) = rest.split_at_mut_checked(body.len())?;
        let digest = self.hasher.copy_and_digest(body, place);
        *head = self.accept(body.len() as u32, digest, frame_len as u64);
        Some(frame_len)
    }

    #[cold]
    fn why_not(&self, body_len: usize, room: usize) -> EncodeError {
        match self.check_message(body_len as u64) {
            Err(error) => error,
            Ok(_) if self.sync_due() => EncodeError::SyncDue,
            Ok(len) => EncodeError::NoRoom { expected: frame_len(len), found: room as u64 },
        }
    }

    /// Puts the next sync frame at the start of `out`; returns its size in bytes. See [`sync`](Self::sync).
    ///
    /// # Errors
    /// [`EncodeError::NoRoom`], [`EncodeError::Closed`]; the encoder is unchanged then.
    pub fn encode_sync(&mut self, time: i64, flags: SyncFlags, out: &mut [u8]) -> Result<usize, EncodeError> {
        let found = out.len() as u64;
        let place = out.first_chunk_mut().ok_or(EncodeError::NoRoom { expected: sync::FRAME_LEN as u64, found })?;
        *place = self.sync(time, flags)?;
        Ok(sync::FRAME_LEN)
    }
}
