use core::fmt;
use core::ops::Range;

use flatstream_checksum::{Algorithm, Checksum};

use crate::frame::Head;
use crate::layout::{ALIGNMENT, FORMAT_VERSION, frame, sync};
use crate::mask::Salt;

/// The alignment of version 1, as its binary logarithm.
pub(crate) const ALIGNMENT_LOG2: u8 = ALIGNMENT.ilog2() as u8;

/// The time of a sync frame whose writer knew none.
pub const TIME_NONE: i64 = i64::MIN;

/// A sync frame: where the reader is, in which stream, and what is known there. Specification: section 8.
///
/// One frame is resynchronisation marker, session start, durable watermark, loss count, index entry and footer.
///
/// ```
/// use flatstream_format::{Sync, SyncFlags};
///
/// # let mut sync = Sync { header_check: 0x1234_5678, version: 1, checksum_id: 1, alignment_log2: 3,
/// #     flags: SyncFlags::CLOSED, epoch: 0, stream_id: 7, position: 1024, sequence: 12, time: 0, durable: 0 };
/// let frame = sync.to_frame();
/// assert_eq!(frame.len(), 64);
/// assert_eq!(&frame[8..12], b"sync");
/// assert!(sync.flags.is_closed());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub struct Sync {
    /// The check word of the header region that these frames belong to.
    pub header_check: u32,
    /// The format's version: 1.
    pub version: u8,
    /// The checksum's id.
    pub checksum_id: u8,
    /// The binary logarithm of the alignment: 3.
    pub alignment_log2: u8,
    /// Flags; unknown ones are ignored.
    pub flags: SyncFlags,
    /// How often the stream was reopened for append.
    pub epoch: u32,
    /// The stream's identity; never 0.
    pub stream_id: u64,
    /// The position of this frame's first byte, in bytes from the start of the stream.
    pub position: u64,
    /// How many messages were appended before.
    pub sequence: u64,
    /// Nanoseconds of the clock that the header names; [`TIME_NONE`] = none.
    pub time: i64,
    /// Every byte below this position was reported durable by the sink; 0 = unknown.
    pub durable: u64,
}

/// The flags of a sync frame.
///
/// ```
/// use flatstream_format::SyncFlags;
///
/// let flags = SyncFlags::from_bits(3);
/// assert!(flags.is_closed() && flags.is_resumed());
/// assert_eq!(flags.to_string(), "CLOSED RESUMED");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub struct SyncFlags(u8);

impl SyncFlags {
    /// No flag.
    pub const NONE: Self = Self(0);
    /// The writer finished: nothing of this epoch follows.
    pub const CLOSED: Self = Self(1);
    /// The stream was reopened for append: the epoch is a new one.
    pub const RESUMED: Self = Self(2);

    /// The flags of a byte as a frame holds it.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    /// The byte as a frame holds it.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// These flags and those.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether the writer finished with this frame.
    #[must_use]
    pub const fn is_closed(self) -> bool {
        self.0 & Self::CLOSED.0 != 0
    }

    /// Whether this frame begins a reopened stream's new epoch.
    #[must_use]
    pub const fn is_resumed(self) -> bool {
        self.0 & Self::RESUMED.0 != 0
    }
}

impl fmt::Display for SyncFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.is_closed(), self.is_resumed()) {
            (false, false) => f.pad("-"),
            (true, false) => f.pad("CLOSED"),
            (false, true) => f.pad("RESUMED"),
            (true, true) => f.pad("CLOSED RESUMED"),
        }
    }
}

/// The digest of every control frame's body, whatever the stream's checksum is.
#[inline]
pub(crate) fn control_digest(body: &[u8]) -> u32 {
    Algorithm::CRC32C.digest(body)
}

type Body = [u8; sync::BODY_LEN];

fn put<const N: usize>(body: &mut Body, field: Range<usize>, value: [u8; N]) {
    if let Some(bytes) = body.get_mut(field).and_then(|bytes| bytes.first_chunk_mut()) {
        *bytes = value;
    }
}

fn get<const N: usize>(body: &Body, field: Range<usize>) -> [u8; N] {
    body.get(field).and_then(|bytes| bytes.first_chunk()).copied().unwrap_or([0; N])
}

impl Sync {
    /// The 56 bytes of body.
    #[must_use]
    pub fn to_body(&self) -> [u8; sync::BODY_LEN] {
        let mut body = [0; sync::BODY_LEN];
        put(&mut body, sync::KIND, sync::KIND_BYTES);
        put(&mut body, sync::HEADER_CHECK, self.header_check.to_le_bytes());
        put(&mut body, sync::VERSION, [self.version]);
        put(&mut body, sync::CHECKSUM, [self.checksum_id]);
        put(&mut body, sync::ALIGNMENT_LOG2, [self.alignment_log2]);
        put(&mut body, sync::FLAGS, [self.flags.bits()]);
        put(&mut body, sync::EPOCH, self.epoch.to_le_bytes());
        put(&mut body, sync::STREAM_ID, self.stream_id.to_le_bytes());
        put(&mut body, sync::POSITION, self.position.to_le_bytes());
        put(&mut body, sync::SEQUENCE, self.sequence.to_le_bytes());
        put(&mut body, sync::TIME, self.time.to_le_bytes());
        put(&mut body, sync::DURABLE, self.durable.to_le_bytes());
        body
    }

    /// The whole frame: head and body.
    #[must_use]
    pub fn to_frame(&self) -> [u8; sync::FRAME_LEN] {
        const LENGTH_WORD: u32 = frame::CONTROL_BIT | sync::BODY_LEN as u32;
        let body = self.to_body();
        let check = control_digest(&body) ^ self.salt().mask(self.position, LENGTH_WORD);
        let mut bytes = [0; sync::FRAME_LEN];
        if let Some((head, rest)) = bytes.split_first_chunk_mut() {
            *head = Head { check, length_word: LENGTH_WORD }.to_bytes();
            if let Some(place) = rest.first_chunk_mut() {
                *place = body;
            }
        }
        bytes
    }

    /// The fields of a body that begins with the kind `sync`; `None` for another kind or a length that no sync frame
    /// has. Says nothing of the check.
    #[must_use]
    pub fn from_body(body: &[u8]) -> Option<Self> {
        if body.len() > sync::BODY_LEN_MAX {
            return None;
        }
        let body: &Body = body.first_chunk()?;
        if get(body, sync::KIND) != sync::KIND_BYTES {
            return None;
        }
        let [version] = get(body, sync::VERSION);
        let [checksum_id] = get(body, sync::CHECKSUM);
        let [alignment_log2] = get(body, sync::ALIGNMENT_LOG2);
        let [flags] = get(body, sync::FLAGS);
        Some(Self {
            header_check: u32::from_le_bytes(get(body, sync::HEADER_CHECK)),
            version,
            checksum_id,
            alignment_log2,
            flags: SyncFlags::from_bits(flags),
            epoch: u32::from_le_bytes(get(body, sync::EPOCH)),
            stream_id: u64::from_le_bytes(get(body, sync::STREAM_ID)),
            position: u64::from_le_bytes(get(body, sync::POSITION)),
            sequence: u64::from_le_bytes(get(body, sync::SEQUENCE)),
            time: i64::from_le_bytes(get(body, sync::TIME)),
            durable: u64::from_le_bytes(get(body, sync::DURABLE)),
        })
    }

    /// What a frame with this body and length word must have as its check word: by the salt and the position that the
    /// body itself names.
    pub(crate) fn expected_check(&self, body: &[u8], length_word: u32) -> u32 {
        control_digest(body) ^ self.salt().mask(self.position, length_word)
    }

    pub(crate) const fn salt(&self) -> Salt {
        Salt::new(self.stream_id, self.epoch)
    }

    /// The name of the first field that no writer of version 1 would write so.
    pub(crate) const fn field_out_of_range(&self) -> Option<&'static str> {
        if self.version != FORMAT_VERSION {
            Some("version")
        } else if self.alignment_log2 != ALIGNMENT_LOG2 {
            Some("alignment_log2")
        } else if !self.position.is_multiple_of(ALIGNMENT as u64) {
            Some("position")
        } else if self.durable > self.position {
            Some("durable")
        } else if self.stream_id == 0 {
            Some("stream_id")
        } else {
            None
        }
    }
}
