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

/// The pad of a body.
#[cfg(any(feature = "embedded-io-07", feature = "embedded-io-async-07"))]
pub(crate) fn pad_of(body_len: usize) -> &'static [u8] {
    const ZEROS: &[u8] = &[0; ALIGNMENT];
    ZEROS.get(..padded(body_len) - body_len).unwrap_or_default()
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

/// The pad of a body that isn't empty, as the high bits of the word that the frame ends with.
#[inline]
pub(crate) const fn pad_of_last_word(word: u64, body_len: u32) -> u64 {
    let last_bit = (body_len.wrapping_sub(1) << 3 | 7) & 63;
    // Two shifts, because one by 64 isn't possible.
    word >> last_bit >> 1
}

#[inline]
pub(crate) fn is_zero(pad: &[u8]) -> bool {
    pad.iter().fold(0, |seen, byte| seen | byte) == 0
}

#[cfg(test)]
mod tests {
    use super::{pad_of_last_word, padded};

    #[test]
    fn a_bit_in_any_byte_of_a_pad_is_seen_and_none_of_a_body() {
        for len in 1..=64u32 {
            for byte in 0..8 {
                let word = 1 << (8 * byte + byte);
                let is_pad = padded(len as usize) - 8 + byte >= len as usize;
                assert_eq!(pad_of_last_word(word, len) != 0, is_pad, "length {len}, byte {byte} of the last word");
            }
        }
    }
}
