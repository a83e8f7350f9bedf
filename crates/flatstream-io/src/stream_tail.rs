use std::io::{self, Read};

use flatstream_format::{Checksum, TailSearch};

use crate::input::Input;

/// How many bytes are read at a time behind the place where reading stopped.
const CHUNK: usize = 64 << 10;

/// A [`TailSearch`] over a source: holds a window of bytes that slides to the end.
#[derive(Debug)]
pub(crate) struct StreamTail {
    search: TailSearch,
    held: Vec<u8>,
    chunk: Box<[u8]>,
    /// The position of the first byte held.
    position: u64,
    /// How many of the bytes held were searched for sync frames.
    searched: usize,
    /// Whether what stands behind a rejected frame was looked at, or never will be.
    is_behind_rejected_searched: bool,
    is_at_end: bool,
}

impl StreamTail {
    /// `held` are the bytes from the stop on that were read already.
    pub(crate) fn new(search: TailSearch, held: Vec<u8>) -> Self {
        Self {
            position: search.stop().position,
            search,
            held,
            chunk: vec![0; CHUNK].into_boxed_slice(),
            searched: 0,
            is_behind_rejected_searched: false,
            is_at_end: false,
        }
    }

    pub(crate) fn search(&self) -> &TailSearch {
        &self.search
    }

    /// Reads and searches until it is known whether there is an error, or until the end of the source.
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

    /// One read, and whatever can be searched then.
    fn step<R: Read>(&mut self, input: &mut Input<R>, hasher: &impl Checksum) -> io::Result<()> {
        let count = input.read_into(&mut self.chunk)?;
        self.held.extend_from_slice(&self.chunk[..count]);
        self.is_at_end = count == 0;
        let is_at_stop = self.position == self.search.stop().position;

        let unsearched = self.position + self.searched as u64;
        self.searched += self.search.search_syncs(&self.held[self.searched..], unsearched, self.is_at_end);
        if is_at_stop && !self.is_behind_rejected_searched {
            self.is_behind_rejected_searched = self.search.search_behind_rejected(hasher, &self.held);
        }
        let window_len = self.search.window_len();
        if self.is_at_end || self.held.len() >= window_len {
            if is_at_stop {
                self.search.search_header(&self.held);
            }
            self.slide(hasher, window_len / 2);
        }
        Ok(())
    }

    /// Searches for frames that start in the first half, and lets go of it; at the end, in all that is held.
    fn slide(&mut self, hasher: &impl Checksum, half: usize) {
        let starts = if self.is_at_end { self.held.len() } else { half.min(self.searched) & !7 };
        if !self.is_at_end {
            self.search.note_slide();
        }
        if self.search.evidence().is_none() {
            self.search.search_frames(hasher, &self.held, self.position, starts);
        }
        self.held.drain(..starts);
        self.position += starts as u64;
        self.searched -= starts;
    }
}
