//! Where each field lies: `docs/format/spec.md`, sections 3, 4 and 8. Every offset is written once, here, and computed
//! from the one before it; a test compares them with the tables of the specification.

use core::ops::Range;

/// Every frame and every body starts at a multiple of this many bytes from the start of the stream.
pub const ALIGNMENT: usize = 8;

/// The version of the format that this crate reads and writes.
pub const FORMAT_VERSION: u8 = 1;

const fn next(previous: &Range<usize>, size: usize) -> Range<usize> {
    previous.end..previous.end + size
}

/// The header region: section 3.
pub mod header {
    use super::{Range, next};

    /// How many bytes of the region follow this field.
    pub const LENGTH: Range<usize> = 0..4;
    /// The FlatBuffer's offset to its root table.
    pub const ROOT: Range<usize> = next(&LENGTH, 4);
    /// The FlatBuffer's file identifier.
    pub const IDENTIFIER: Range<usize> = next(&ROOT, 4);
    /// What stands there in every stream.
    pub const IDENTIFIER_BYTES: [u8; 4] = *b"FLS1";
    /// The size of `header_check`, the last field of the region.
    pub const CHECK_LEN: usize = 4;
    /// The greatest value of the length field: 1 MiB.
    pub const LENGTH_MAX: u32 = 1 << 20;
    /// The least value of the length field: root offset, identifier and check.
    pub const LENGTH_MIN: u32 = (IDENTIFIER.end - LENGTH.end + CHECK_LEN) as u32;
    /// The greatest size of the whole region, its length field included.
    pub const REGION_LEN_MAX: usize = LENGTH.end + LENGTH_MAX as usize;
}

/// A frame: section 4.
pub mod frame {
    use super::{Range, next};

    /// The check word.
    pub const CHECK: Range<usize> = 0..4;
    /// The length word.
    pub const LENGTH: Range<usize> = next(&CHECK, 4);
    /// Check word and length word together.
    pub const HEAD_LEN: usize = LENGTH.end;
    /// The bit of the length word that marks a control frame.
    pub const CONTROL_BIT: u32 = 1 << 31;
    /// The longest body that a length word can name.
    pub const BODY_LEN_MAX: u32 = CONTROL_BIT - 1;
}

/// The body of a control frame: section 7.
pub mod control {
    use super::{Range, next};

    /// Four ASCII letters.
    pub const KIND: Range<usize> = 0..4;
    /// Four bytes that belong to the kind.
    pub const OF_KIND: Range<usize> = next(&KIND, 4);
    /// The shortest body of a control frame.
    pub const BODY_LEN_MIN: usize = OF_KIND.end;
    /// A control frame may always be this long: 1 MiB; longer ones only up to the stream's `max_message_len`.
    pub const BODY_LIMIT: u32 = 1 << 20;
}

/// The body of a sync frame: section 8.
pub mod sync {
    use super::{Range, frame, next};

    /// What every sync frame's body begins with.
    pub const KIND_BYTES: [u8; 4] = *b"sync";
    /// The kind.
    pub const KIND: Range<usize> = super::control::KIND;
    /// The check word of the header region that the frames belong to.
    pub const HEADER_CHECK: Range<usize> = next(&KIND, 4);
    /// The format's version.
    pub const VERSION: Range<usize> = next(&HEADER_CHECK, 1);
    /// The checksum's id.
    pub const CHECKSUM: Range<usize> = next(&VERSION, 1);
    /// The binary logarithm of the alignment.
    pub const ALIGNMENT_LOG2: Range<usize> = next(&CHECKSUM, 1);
    /// The flags.
    pub const FLAGS: Range<usize> = next(&ALIGNMENT_LOG2, 1);
    /// The epoch.
    pub const EPOCH: Range<usize> = next(&FLAGS, 4);
    /// The stream's id.
    pub const STREAM_ID: Range<usize> = next(&EPOCH, 8);
    /// The position of the frame itself.
    pub const POSITION: Range<usize> = next(&STREAM_ID, 8);
    /// How many messages came before.
    pub const SEQUENCE: Range<usize> = next(&POSITION, 8);
    /// The time.
    pub const TIME: Range<usize> = next(&SEQUENCE, 8);
    /// Every byte below this position was durable.
    pub const DURABLE: Range<usize> = next(&TIME, 8);

    /// The length of a version-1 body.
    pub const BODY_LEN: usize = DURABLE.end;
    /// The length of a version-1 sync frame: one cache line.
    pub const FRAME_LEN: usize = frame::HEAD_LEN + BODY_LEN;
    /// Later versions may add fields up to this length; a bound, so that a search for sync frames has one.
    pub const BODY_LEN_MAX: usize = 1016;
    /// The longest sync frame.
    pub const FRAME_LEN_MAX: usize = frame::HEAD_LEN + BODY_LEN_MAX;
}

/// The body of a `drop` frame: section 8.
pub mod drop {
    use super::{Range, frame, next};

    /// What every `drop` frame's body begins with.
    pub const KIND_BYTES: [u8; 4] = *b"drop";
    /// The kind.
    pub const KIND: Range<usize> = super::control::KIND;
    /// Zero in version 1; readers ignore it.
    pub const RESERVED: Range<usize> = super::control::OF_KIND;
    /// How many messages were dropped here.
    pub const MESSAGES: Range<usize> = next(&RESERVED, 8);
    /// How many bytes these messages had in all.
    pub const BYTES: Range<usize> = next(&MESSAGES, 8);

    /// The length of a version-1 body.
    pub const BODY_LEN: usize = BYTES.end;
    /// The length of a version-1 `drop` frame.
    pub const FRAME_LEN: usize = frame::HEAD_LEN + BODY_LEN;
}

// A cache line; and whole frames everywhere.
const _: () = assert!(sync::FRAME_LEN == 64);
const _: () = assert!(drop::FRAME_LEN % ALIGNMENT == 0);
const _: () = assert!(sync::FRAME_LEN_MAX % ALIGNMENT == 0);
const _: () = assert!(frame::HEAD_LEN % ALIGNMENT == 0);
