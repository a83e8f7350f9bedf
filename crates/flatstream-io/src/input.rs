use std::io::{self, ErrorKind, Read, Seek};

use crate::block::Block;

/// At most so many blocks wait to be used again.
const POOL_MAX: usize = 8;

/// The smallest block that follows one that messages still share.
const BLOCK_SIZE_MIN: usize = 512;

/// A source with the bytes that were read and not yet used, in one aligned block.
///
/// Messages share the block. It is read into only while nobody else holds it; otherwise its rest moves to another one.
#[derive(Debug)]
pub(crate) struct Input<R> {
    source: R,
    block: Block,
    start: usize,
    end: usize,
    block_size: usize,
    /// Blocks that messages may still share; used again when they don't.
    pool: Vec<Block>,
    /// How many bytes of the source lie before the next that it gives, counted from where it was at first.
    offset: u64,
    /// Where a source that can seek was at first, once that was asked.
    base: Option<u64>,
}

impl<R: Read> Input<R> {
    pub(crate) fn new(source: R, block_size: usize) -> Self {
        Self {
            source,
            block: Block::new(block_size),
            start: 0,
            end: 0,
            block_size,
            pool: Vec::new(),
            offset: 0,
            base: None,
        }
    }

    /// What was read and not used.
    #[inline]
    pub(crate) fn data(&self) -> &[u8] {
        &self.block[self.start..self.end]
    }

    /// Where the data start in the block.
    #[inline]
    pub(crate) fn offset(&self) -> usize {
        self.start
    }

    #[inline]
    pub(crate) fn block(&self) -> &Block {
        &self.block
    }

    #[inline]
    pub(crate) fn block_mut(&mut self) -> &mut Block {
        &mut self.block
    }

    pub(crate) fn use_up(&mut self, len: usize) {
        self.start += len;
        debug_assert!(self.start <= self.end);
    }

    /// Reads once; returns how many bytes came, 0 at the end of the source. `need` is how many bytes from the start of
    /// the data are wanted in one piece; memory grows as bytes arrive, at most to twice what is there.
    pub(crate) fn read_more(&mut self, need: usize) -> io::Result<usize> {
        self.make_room(need);
        self.read_into_spare(usize::MAX)
    }

    /// Reads once behind the data, at most so many bytes.
    fn read_into_spare(&mut self, most: usize) -> io::Result<usize> {
        let spare = &mut self.block.get_mut().expect("a block of our own")[self.end..];
        let len = spare.len().min(most);
        let count = read_uninterrupted(&mut self.source, &mut spare[..len])?;
        self.end += count;
        self.offset += count as u64;
        Ok(count)
    }

    /// Reads once, at most so many bytes and with room for as many: behind what may be a large window that slides.
    pub(crate) fn read_part(&mut self, part: usize) -> io::Result<usize> {
        let len = self.end - self.start;
        let is_ours = self.block.get_mut().is_some();
        if !is_ours || self.block.len() - self.end < part {
            // By a part of what is there, or it would grow in many small steps.
            let size = len + part.max(len / 4);
            let range = self.start..self.end;
            if let Some(block) = self.block.get_mut() {
                block.copy_within(range, 0);
                self.block.grow(size);
            } else {
                let mut next = Block::new(size);
                if let Some(block) = next.get_mut() {
                    block[..len].copy_from_slice(self.data());
                }
                self.block = next;
            }
            self.start = 0;
            self.end = len;
        }
        self.read_into_spare(part)
    }

    /// Goes on with other data: those that are given, and what the source gives from now on. `offset` is where in the
    /// source the data start, counted as before.
    pub(crate) fn restart(&mut self, data: &[u8], offset: u64) {
        (self.start, self.end) = (0, 0);
        let size = self.block_size.max(data.len());
        let is_large_enough = self.block.get_mut().is_some() && (self.block.len() >= size || self.block.grow(size));
        if !is_large_enough {
            self.block = self.take_block(size);
        }
        if let Some(block) = self.block.get_mut() {
            block[..data.len()].copy_from_slice(data);
            self.end = data.len();
        }
        self.offset = offset + data.len() as u64;
    }

    /// Moves the data so that they start at `skew` bytes (0 to 7) behind a multiple of 8 in memory: as their position
    /// does once it is known that bytes were lost or inserted.
    pub(crate) fn align(&mut self, skew: usize) {
        if self.start % 8 == skew {
            return;
        }
        let len = self.end - self.start;
        let mut block = Block::new(self.block_size.max(len + skew));
        if let Some(block) = block.get_mut() {
            block[skew..skew + len].copy_from_slice(self.data());
        }
        self.block = block;
        self.start = skew;
        self.end = skew + len;
    }

    pub(crate) fn source_mut(&mut self) -> &mut R {
        &mut self.source
    }

    /// Drops what was read and not used: the source is about to be read from elsewhere.
    pub(crate) fn forget(&mut self) {
        self.start = 0;
        self.end = 0;
    }

    /// The source, and where it was at first.
    pub(crate) fn source_and_base(&mut self) -> io::Result<(&mut R, u64)>
    where
        R: Seek,
    {
        let base = match self.base {
            Some(base) => base,
            None => self.source.stream_position()?.saturating_sub(self.offset),
        };
        self.base = Some(base);
        Ok((&mut self.source, base))
    }

    /// Gives up the blocks that wait to be used again: no more messages come.
    pub(crate) fn give_up_pool(&mut self) {
        self.pool.clear();
    }

    /// Makes the block our own, with room behind the data.
    fn make_room(&mut self, need: usize) {
        let len = self.end - self.start;
        let is_ours = self.block.get_mut().is_some();
        // Data that start the block can't be moved to where more fits, only to a larger one, once this one is full.
        let is_well_placed = self.start == 0 || self.start + need <= self.block.len();
        if is_ours && is_well_placed && self.end < self.block.len() {
            return;
        }
        let size = self.next_block_size(need);
        if is_ours {
            let range = self.start..self.end;
            if let Some(block) = self.block.get_mut() {
                block.copy_within(range, 0);
            }
            self.block.grow(size);
        } else {
            let mut next = self.take_block(size);
            if let Some(block) = next.get_mut() {
                block[..len].copy_from_slice(self.data());
            }
            let old = std::mem::replace(&mut self.block, next);
            if old.len() == self.block_size && self.pool.len() < POOL_MAX {
                self.pool.push(old);
            }
        }
        self.start = 0;
        self.end = len;
    }

    /// Twice what the last block was used for. A source that gives little at a time would otherwise make each message
    /// that is kept keep a whole block.
    fn next_block_size(&self, need: usize) -> usize {
        let len = self.end - self.start;
        if need > self.block_size {
            return need.min(2 * len).max(self.block_size);
        }
        let wanted = need.max(2 * self.end).next_power_of_two();
        wanted.clamp(BLOCK_SIZE_MIN.min(self.block_size), self.block_size)
    }

    fn take_block(&mut self, size: usize) -> Block {
        if size == self.block_size
            && let Some(free) = self.pool.iter_mut().position(|block| block.get_mut().is_some())
        {
            return self.pool.swap_remove(free);
        }
        Block::new(size)
    }
}

pub(crate) fn read_uninterrupted(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match source.read(buffer) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Ok(count) if count > buffer.len() => {
                return Err(io::Error::other("the source gave more bytes than it was asked for"));
            }
            result => return result,
        }
    }
}
