use std::io::{self, Read};

/// Longer ones the C library copies by one instruction, which valgrind counts anew for each byte: the figures of a
/// reader would be those of copying.
const PIECE_LEN: usize = 1024;

/// A source in memory, copied in pieces.
pub(crate) struct Memory<'a>(pub(crate) &'a [u8]);

impl Read for Memory<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = buffer.len().min(self.0.len());
        let (given, rest) = self.0.split_at(len);
        for (from, to) in given.chunks(PIECE_LEN).zip(buffer.chunks_mut(PIECE_LEN)) {
            to[..from.len()].copy_from_slice(from);
        }
        self.0 = rest;
        Ok(len)
    }
}
