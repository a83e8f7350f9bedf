use std::io::{self, Read};

use flatstream_format::{Checksum, TailSearch};

use crate::input::Input;

/// How many bytes are read at a time behind the place where reading stopped.
const CHUNK: usize = 64 << 10;

/// A [`TailSearch`] over a source: holds the window that is searched for frames, then only what sync frames need.
#[derive(Debug)]
pub(crate) struct StreamTail {
    search: TailSearch,
    held: Vec<u8>,
    /// The position of the first byte held.
    position: u64,
    /// How many of the bytes held were searched for sync frames.
    searched: usize,
    is_window_searched: bool,
    is_at_end: bool,
}

impl StreamTail {
    /// `held` are the bytes from the stop on that were read already.
    pub(crate) fn new(search: TailSearch, held: Vec<u8>) -> Self {
        let position = search.stop().position;
        Self { search, held, position, searched: 0, is_window_searched: false, is_at_end: false }
    }

    pub(crate) fn search(&self) -> &TailSearch {
        &self.search
    }

    /// Reads and searches until it is known that the stream goes on, or until the end of the source.
    pub(crate) fn find_error<R: Read>(&mut self, input: &mut Input<R>, hasher: &impl Checksum) -> io::Result<()> {
        while !self.search.is_error_known() && !self.is_at_end {
            self.step(input, hasher)?;
        }
        Ok(())
    }

    /// Reads and searches until it is decided how the stream ended.
    pub(crate) fn find_end<R: Read>(&mut self, input: &mut Input<R>, hasher: &impl Checksum) -> io::Result<()> {
        while !self.search.is_end_known() && !self.is_at_end {
            self.step(input, hasher)?;
        }
        Ok(())
    }

    fn step<R: Read>(&mut self, input: &mut Input<R>, hasher: &impl Checksum) -> io::Result<()> {
        let len = self.held.len();
        self.held.resize(len + CHUNK, 0);
        let count = input.read_into(&mut self.held[len..]);
        self.held.truncate(len + count.as_ref().copied().unwrap_or(0));
        self.is_at_end = count? == 0;

        let unsearched = self.position + self.searched as u64;
        self.searched += self.search.search_syncs(&self.held[self.searched..], unsearched, self.is_at_end);
        let window_len = self.search.window_len();
        if !self.is_window_searched && (self.is_at_end || self.held.len() >= window_len) {
            let window = &self.held[..self.held.len().min(window_len)];
            self.search.search_window(hasher, window);
            self.is_window_searched = true;
        }
        if self.is_window_searched {
            self.held.drain(..self.searched);
            self.position += self.searched as u64;
            self.searched = 0;
        }
        Ok(())
    }
}
