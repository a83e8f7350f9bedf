use std::fmt;
use std::ops::{Deref, DerefMut};

/// What a block's first byte is aligned to: a cache line.
const ALIGNMENT: usize = 64;

/// A piece of memory of a fixed size, aligned, so that a message in it is aligned as it is in its stream.
///
/// The alignment is found inside a larger `Vec`, whose bytes never move because it never grows; so no `unsafe` is
/// needed.
pub(crate) struct Block {
    /// Unused bytes up to the first aligned one, then the block.
    storage: Vec<u8>,
    start: usize,
}

impl Block {
    pub(crate) fn new(size: usize) -> Self {
        let mut storage = vec![0; size + ALIGNMENT];
        let start = storage.as_ptr().align_offset(ALIGNMENT).min(ALIGNMENT);
        storage.truncate(start + size);
        Self { storage, start }
    }
}

impl Deref for Block {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.storage[self.start..]
    }
}

impl DerefMut for Block {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.storage[self.start..]
    }
}

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Block({} bytes)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::Block;

    #[test]
    fn every_block_is_aligned_and_has_its_size() {
        for size in [64, 100, 4096, 262_144] {
            let block = Block::new(size);
            assert_eq!((block.as_ptr() as usize % 64, block.len()), (0, size));
        }
    }
}
