use core::fmt;

use flatstream_checksum::Unavailable;

use crate::layout::header;

/// Why a header region can't be used. The codes are those of the specification, section 19.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
#[non_exhaustive]
pub enum HeaderError {
    /// The data don't begin as a stream does.
    #[error("not a flatstream: expected \"FLS1\" at position 8, found {found}")]
    NotAStream {
        /// The up to 12 bytes at the start.
        found: FirstBytes,
    },
    /// The data end inside the header region: an open, empty stream.
    #[error("the data end inside the header: expected {expected} bytes, found {found}; these bytes hold no message")]
    Incomplete {
        /// The size of the region in bytes.
        expected: u64,
        /// How many bytes there are.
        found: u64,
    },
    /// The length at position 0 is none that a header has.
    #[error(
        "the header length at position 0 is {0}; expected {min} to {max}, and 4 more than a multiple of 8",
        min = header::LENGTH_MIN,
        max = header::LENGTH_MAX
    )]
    Length(u32),
    /// The header region is damaged.
    #[error("the header is damaged: its check at position {position} is {found:#010x}, expected {expected:#010x}")]
    Check {
        /// Where the check stands.
        position: u64,
        /// What the bytes of the header make.
        expected: u32,
        /// What stands there.
        found: u32,
    },
    /// The check holds, but the FlatBuffer isn't one, or lacks a field that every header has.
    #[error("the header is malformed: {0}")]
    Malformed(&'static str),
    /// Written by a later version of the format.
    #[error("the stream has format version {0}; this reader knows version 1 (a newer flatstream is needed)")]
    Version(u16),
    /// The stream needs features that this version doesn't know.
    #[error("the stream requires features {0:#010x}, which this reader doesn't know (a newer flatstream is needed)")]
    Features(u32),
    /// The stream has another alignment than version 1's.
    #[error("the stream's alignment is 2^{0} bytes; this reader knows 2^3")]
    Alignment(u8),
    /// The checksum's id is not one that version 1 defines.
    #[error("the stream's checksum has the unknown id {0} (a newer flatstream is needed)")]
    UnknownChecksum(u8),
    /// The checksum is known, but this build or this reader doesn't have it.
    #[error("the stream's checksum can't be computed: {0}")]
    Checksum(#[from] Unavailable),
}

impl HeaderError {
    /// The position of what is wrong, in bytes from the start.
    #[must_use]
    pub const fn position(&self) -> u64 {
        match self {
            Self::NotAStream { .. } | Self::Length(_) => 0,
            Self::Incomplete { found, .. } => *found,
            Self::Check { position, .. } => *position,
            _ => header::LENGTH.end as u64,
        }
    }

    /// The error's code in the specification.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotAStream { .. } => "not_a_stream",
            Self::Incomplete { .. } => "header_incomplete",
            Self::Length(_) => "header_length",
            Self::Check { .. } => "header_check",
            Self::Malformed(_) => "header_malformed",
            Self::Version(_) => "version_unsupported",
            Self::Features(_) => "feature_unsupported",
            Self::Alignment(_) => "alignment_unsupported",
            Self::UnknownChecksum(_) | Self::Checksum(_) => "checksum_unsupported",
        }
    }
}

/// The first bytes of something that isn't a stream, for a person to recognise it by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub struct FirstBytes {
    bytes: [u8; header::IDENTIFIER.end],
    len: u8,
}

impl FirstBytes {
    pub(crate) fn of(data: &[u8]) -> Self {
        let mut bytes = [0; header::IDENTIFIER.end];
        let mut len = 0;
        for (place, byte) in bytes.iter_mut().zip(data) {
            *place = *byte;
            len += 1;
        }
        Self { bytes, len }
    }
}

impl fmt::Display for FirstBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = self.bytes.get(..usize::from(self.len)).unwrap_or_default();
        if found.is_empty() {
            return f.write_str("no bytes at all");
        }
        let whole = found.len() == self.bytes.len();
        write!(f, "{}\"{}\"", if whole { "" } else { "only " }, found.escape_ascii())
    }
}

/// Where strict reading stopped, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
#[error("at position {position}: {reason}")]
pub struct Stop {
    /// The position of the frame that was not accepted, in bytes from the start of the stream. Everything before it is
    /// good.
    pub position: u64,
    /// What is wrong with it.
    pub reason: StopReason,
}

/// What is wrong with a frame. The codes are those of the specification, section 19.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
#[non_exhaustive]
pub enum StopReason {
    /// The data end before the frame does.
    #[error("the frame is not whole: expected {expected} bytes, found {found}")]
    Incomplete {
        /// The size of the frame, or of its head if that isn't whole.
        expected: u64,
        /// How many bytes are left.
        found: u64,
    },
    /// Zeros or 0xFF where a frame should begin.
    #[error("expected a frame, found erased or zero-filled bytes with something else behind them")]
    Blank,
    /// The length is 0 or beyond what the header promises.
    #[error("the frame's length is {found}, expected 1 to {limit}")]
    Length {
        /// The length.
        found: u32,
        /// The greatest length that the stream allows.
        limit: u32,
    },
    /// The check word doesn't fit body, length, position and stream.
    #[error("the frame's check is {found:#010x}, expected {expected:#010x} (length {length})")]
    Check {
        /// What the frame's bytes make.
        expected: u32,
        /// What stands there.
        found: u32,
        /// The frame's length, as it claims.
        length: u32,
    },
    /// A byte behind the body isn't zero.
    #[error("the frame's pad is not zero")]
    Pad,
    /// A control frame without a proper kind.
    #[error("a control frame's kind is not four ASCII letters")]
    ControlKind,
    /// A control frame of a kind that a reader must know.
    #[error(
        "a control frame of the kind \"{}\" must be understood, and this reader doesn't know it (a newer flatstream is \
         needed)",
        .0.escape_ascii()
    )]
    UnsupportedKind([u8; 4]),
    /// Directly behind the header stands something else than a sync frame.
    #[error("expected the first sync frame, found another frame")]
    SyncMissing,
    /// A field of a sync frame is out of its range.
    #[error("a sync frame's field `{0}` is out of range or contradicts the header")]
    SyncField(&'static str),
    /// A sync frame of another stream.
    #[error("a sync frame of stream {found:#018x}, expected stream {expected:#018x}")]
    SyncStream {
        /// The stream that is being read.
        expected: u64,
        /// The stream that the frame names.
        found: u64,
    },
    /// A sync frame of a stream with another header.
    #[error("a sync frame belongs to the header with check {found:#010x}, expected {expected:#010x}")]
    SyncHeader {
        /// The check of the header that was read.
        expected: u32,
        /// The check that the frame names.
        found: u32,
    },
    /// A sync frame that was written for another place.
    #[error("a sync frame belongs at position {found}")]
    SyncPosition {
        /// The position that the frame names.
        found: u64,
    },
    /// A sync frame of an earlier epoch, or of a later one without RESUMED.
    #[error("a sync frame of epoch {found}, expected epoch {expected}")]
    SyncEpoch {
        /// The current epoch.
        expected: u32,
        /// The epoch that the frame names.
        found: u32,
    },
    /// A sync frame that counts other messages than were read.
    #[error("a sync frame counts {found} messages, expected {expected}")]
    SyncSequence {
        /// How many messages were read.
        expected: u64,
        /// How many the frame counts.
        found: u64,
    },
    /// A good frame behind the CLOSED sync frame that should have been the last.
    #[error("a frame follows the sync frame that closed the stream")]
    AfterClosed,
    /// The message, or the control frame, is longer than this reader is willing to hold. Not in the specification: its
    /// code is `limit`.
    #[error("a frame of {found} bytes exceeds this reader's limit of {limit} (raise its max_message_len)")]
    Limit {
        /// The length.
        found: u32,
        /// The reader's limit.
        limit: u32,
    },
}

impl StopReason {
    /// The reason's code in the specification.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Incomplete { .. } => "incomplete",
            Self::Blank => "blank",
            Self::Length { .. } => "frame_length",
            Self::Check { .. } => "frame_check",
            Self::Pad => "frame_pad",
            Self::ControlKind => "control_kind",
            Self::UnsupportedKind(_) => "kind_unsupported",
            Self::SyncMissing => "sync_missing",
            Self::SyncField(_) => "sync_field",
            Self::SyncStream { .. } => "sync_stream",
            Self::SyncHeader { .. } => "sync_header",
            Self::SyncPosition { .. } => "sync_position",
            Self::SyncEpoch { .. } => "sync_epoch",
            Self::SyncSequence { .. } => "sync_sequence",
            Self::AfterClosed => "after_closed",
            Self::Limit { .. } => "limit",
        }
    }

    /// Whether the bytes behind decide what this was: torn, scattered or corrupt. A kind of frame that must be
    /// understood says nothing about the file.
    #[must_use]
    pub const fn is_decided_by_what_follows(&self) -> bool {
        !matches!(self, Self::UnsupportedKind(_))
    }
}

/// What proves that data were lost where reading stopped, because the stream goes on behind. Specification: section 11.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub struct Evidence {
    /// Where it was found, in bytes from the start of the stream.
    pub position: u64,
    /// What it is.
    pub kind: EvidenceKind,
}

/// What was found behind the place where reading stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
#[non_exhaustive]
pub enum EvidenceKind {
    /// A good frame of this stream, at its place.
    Frame,
    /// A good sync frame of this stream that belongs further on than the last one accepted.
    Sync,
    /// A good sync frame at the position it names, of whatever stream.
    SyncInPlace,
    /// The header of a second stream.
    Header,
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let position = self.position;
        match self.kind {
            EvidenceKind::Frame => write!(f, "a good frame of this stream follows at position {position}"),
            EvidenceKind::Sync => write!(f, "a sync frame of this stream follows at position {position}"),
            EvidenceKind::SyncInPlace => write!(f, "a sync frame stands at position {position}, as it says"),
            EvidenceKind::Header => write!(f, "a second stream begins at position {position}"),
        }
    }
}

/// Why a stream can't be read, or not further.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
#[non_exhaustive]
pub enum Error {
    /// The header region.
    Header(HeaderError),
    /// A frame, and what was found behind it.
    Frame {
        /// Where, and what is wrong.
        stop: Stop,
        /// What shows that the stream goes on behind; `None` where nothing was looked for.
        evidence: Option<Evidence>,
    },
    /// The sync frame at this position, where a stream was [split](crate::SliceReader::split), is none: it lies inside
    /// another frame. Not in the specification: its code is `border`.
    FalseBorder(u64),
}

impl Error {
    /// The position of what is wrong, in bytes from the start of the stream.
    #[must_use]
    pub const fn position(&self) -> u64 {
        match self {
            Self::Header(error) => error.position(),
            Self::Frame { stop, .. } => stop.position,
            Self::FalseBorder(position) => *position,
        }
    }

    /// The error's code in the specification, section 19.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Header(error) => error.code(),
            Self::Frame { stop, .. } => stop.reason.code(),
            Self::FalseBorder(_) => "border",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(error) => error.fmt(f),
            Self::Frame { stop, evidence: None } => stop.fmt(f),
            Self::Frame { stop, evidence: Some(evidence) } => write!(f, "damaged {stop}; {evidence}"),
            Self::FalseBorder(position) => write!(
                f,
                "the stream was split at position {position}, where a message holds the image of a sync frame: what \
                 was read from there on is not of this stream, which has to be read in one piece"
            ),
        }
    }
}

impl core::error::Error for Error {}

impl From<HeaderError> for Error {
    fn from(error: HeaderError) -> Self {
        Self::Header(error)
    }
}

impl From<Unavailable> for Error {
    fn from(error: Unavailable) -> Self {
        Self::Header(HeaderError::Checksum(error))
    }
}

/// Why a message can't be encoded. The encoder is unchanged and goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
#[non_exhaustive]
pub enum EncodeError {
    /// A message has at least one byte: a FlatBuffer is never empty.
    #[error("an empty message can't be appended: a FlatBuffer is never empty")]
    Empty,
    /// The message is longer than the stream's header promises.
    #[error("a message of {found} bytes exceeds the stream's limit of {limit} (raise max_message_len)")]
    TooLong {
        /// The message's length.
        found: u64,
        /// The limit.
        limit: u32,
    },
    /// The frame doesn't fit into what is left of the caller's buffer.
    #[error("the buffer has room for {found} bytes, the frame needs {expected}")]
    NoRoom {
        /// What the frame needs.
        expected: u64,
        /// What is left.
        found: u64,
    },
    /// A sync frame is due first.
    #[error("a sync frame is due before the next message")]
    SyncDue,
    /// The stream was closed; only a later epoch goes on.
    #[error("the stream was closed: only a later epoch may follow")]
    Closed,
    /// The epoch of a reopened stream is a later one.
    #[error("epoch {found} doesn't follow epoch {current}")]
    Epoch {
        /// The encoder's epoch.
        current: u32,
        /// The epoch that was asked for.
        found: u32,
    },
}
