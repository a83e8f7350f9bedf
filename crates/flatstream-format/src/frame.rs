use crate::layout::{ALIGNMENT, frame};

/// The 8 bytes before every body. Specification: section 4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) check: u32,
    pub(crate) length_word: u32,
}

impl Head {
    #[inline]
    pub(crate) const fn from_bytes(bytes: &[u8; frame::HEAD_LEN]) -> Self {
        let word = u64::from_le_bytes(*bytes);
        Self { check: word as u32, length_word: (word >> 32) as u32 }
    }

    #[inline]
    pub(crate) const fn to_bytes(self) -> [u8; frame::HEAD_LEN] {
        ((self.length_word as u64) << 32 | self.check as u64).to_le_bytes()
    }

    pub(crate) const fn is_control(self) -> bool {
        self.length_word & frame::CONTROL_BIT != 0
    }

    /// Erased, zero-filled or preallocated storage: never a frame.
    pub(crate) const fn is_blank(self) -> bool {
        (self.check == 0 && self.length_word == 0) || (self.check == u32::MAX && self.length_word == u32::MAX)
    }

    pub(crate) const fn body_len(self) -> u32 {
        self.length_word & frame::BODY_LEN_MAX
    }
}

/// `len` rounded up to the next multiple of 8.
#[inline]
pub(crate) const fn padded(len: usize) -> usize {
    (len + (ALIGNMENT - 1)) & !(ALIGNMENT - 1)
}

/// How many bytes of a stream a message of `body_len` bytes takes: head, body and pad.
///
/// ```
/// assert_eq!(flatstream_format::frame_len(64), 72);
/// assert_eq!(flatstream_format::frame_len(65), 80);
/// ```
#[must_use]
pub const fn frame_len(body_len: u32) -> u64 {
    frame::HEAD_LEN as u64 + (body_len as u64).next_multiple_of(ALIGNMENT as u64)
}

/// The body and its pad, if `rest` (what follows a head) holds both whole.
#[inline]
pub(crate) fn split_body(rest: &[u8], body_len: u32) -> Option<(&[u8], &[u8])> {
    let len = body_len as usize;
    rest.get(..padded(len))?.split_at_checked(len)
}

#[inline]
pub(crate) fn is_zero(pad: &[u8]) -> bool {
    pad.iter().fold(0, |seen, byte| seen | byte) == 0
}
