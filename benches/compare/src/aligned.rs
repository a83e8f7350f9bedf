//! Memory that begins at the start of a page, so that no figure depends on where an allocator put it: a reader whose
//! message buffer happens to cross a page takes up to twice as long for small messages.

use std::ops::{Deref, DerefMut};

const PAGE: usize = 4096;

/// Bytes of a fixed number that begin at a page.
pub(crate) struct Aligned {
    /// Some bytes more than are used.
    bytes: Vec<u8>,
    start: usize,
    len: usize,
}

impl Aligned {
    pub(crate) fn zeroed(len: usize) -> Self {
        let bytes = vec![0; len + PAGE];
        let start = bytes.as_ptr().align_offset(PAGE);
        assert!(start <= PAGE, "a page is found within a page");
        Self { bytes, start, len }
    }

    pub(crate) fn copy_of(bytes: &[u8]) -> Self {
        let mut copy = Self::zeroed(bytes.len());
        copy.copy_from_slice(bytes);
        copy
    }
}

impl Deref for Aligned {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.bytes[self.start..self.start + self.len]
    }
}

impl DerefMut for Aligned {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..self.start + self.len]
    }
}

/// What a reader with a `Vec` that it uses again does, but at the start of a page.
pub(crate) struct MessageBuffer(Aligned);

impl MessageBuffer {
    pub(crate) fn new() -> Self {
        Self(Aligned::zeroed(PAGE))
    }

    /// The first `len` bytes, whatever they hold.
    #[inline(always)]
    pub(crate) fn of_len(&mut self, len: usize) -> &mut [u8] {
        if len > self.0.len {
            self.grow(len);
        }
        &mut self.0[..len]
    }

    #[cold]
    fn grow(&mut self, len: usize) {
        self.0 = Aligned::zeroed(len.next_power_of_two());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn begins_at_a_page_however_long() {
        let mut buffer = MessageBuffer::new();
        for len in [1, 4096, 4097, 1 << 20] {
            let bytes = buffer.of_len(len);
            assert_eq!((bytes.len(), bytes.as_ptr().align_offset(PAGE)), (len, 0));
        }
    }
}
