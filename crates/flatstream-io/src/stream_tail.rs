use std::io::{self, Read};

use flatstream_format::{Checksum, TailSearch};

use crate::input::Input;

/// How many bytes are read at a time behind the place where reading stopped.
const CHUNK: usize = 64 << 10;

/// A [`TailSearch`] over a source: holds a window of bytes that slides to the end.
#[derive(Debug)]
pub(crate) struct StreamTail {
    search: TailSearch,
    /// What was read and may be needed, behind some bytes that won't be.
    held: Vec<u8>,
    unneeded: usize,
    /// The position of the first byte that may be needed.
    position: u64,
    /// How many of those bytes were searched for sync frames.
    searched: usize,
    is_header_searched: bool,
    is_behind_rejected_searched: bool,
    /// Whether the source said that nothing more comes. It isn't asked again: a file may have grown since, and what
    /// came then would be taken for what lies behind damage.
    is_at_end: bool,
    is_searched_to_end: bool,
}

impl StreamTail {
    /// `held` are the bytes from the stop on that were read already; `is_at_end` whether there are no others.
    pub(crate) fn new(search: TailSearch, held: Vec<u8>, is_at_end: bool) -> Self {
        Self {
            position: search.stop().position,
            search,
            held,
            unneeded: 0,
            searched: 0,
            is_header_searched: false,
            is_behind_rejected_searched: false,
            is_at_end,
            is_searched_to_end: false,
        }
    }

    pub(crate) fn search(&self) -> &TailSearch {
        &self.search
    }

    /// Searches and reads until it is known whether there is an error, or until the end of the source.
    pub(crate) fn find_error<R: Read>(&mut self, input: &mut Input<R>, hasher: &impl Checksum) -> io::Result<()> {
        self.search_until(TailSearch::is_error_known, input, hasher)
    }

    /// Searches and reads until it is decided how the stream ended.
    pub(crate) fn find_end<R: Read>(&mut self, input: &mut Input<R>, hasher: &impl Checksum) -> io::Result<()> {
        self.search_until(TailSearch::is_end_known, input, hasher)
    }

    /// Searches and reads to the end of the source.
    pub(crate) fn search_all<R: Read>(&mut self, input: &mut Input<R>, hasher: &impl Checksum) -> io::Result<()> {
        self.search_until(|_| false, input, hasher)
    }

    /// What was read is searched before more is asked for: a source may give nothing for long.
    fn search_until<R: Read>(
        &mut self,
        is_known: fn(&TailSearch) -> bool,
        input: &mut Input<R>,
        hasher: &impl Checksum,
    ) -> io::Result<()> {
        loop {
            self.search_held(hasher);
            if is_known(&self.search) || self.is_searched_to_end {
                return Ok(());
            }
            self.read(input)?;
        }
    }

    fn read<R: Read>(&mut self, input: &mut Input<R>) -> io::Result<()> {
        let len = self.held.len();
        self.held.resize(len + CHUNK, 0);
        let count = input.read_into(&mut self.held[len..]);
        self.held.truncate(len + count.as_ref().copied().unwrap_or(0));
        self.is_at_end = count? == 0;
        Ok(())
    }

    fn search_held(&mut self, hasher: &impl Checksum) {
        if self.is_searched_to_end {
            return;
        }
        let held = &self.held[self.unneeded..];
        let unsearched = self.position + self.searched as u64;
        self.searched += self.search.search_syncs(&held[self.searched..], unsearched, self.is_at_end);
        if self.position == self.search.stop().position {
            self.is_header_searched = self.is_header_searched || self.search.search_header(held);
            self.is_behind_rejected_searched =
                self.is_behind_rejected_searched || self.search.search_behind_rejected(hasher, held);
        }
        let window_len = self.search.window_len();
        while !self.is_at_end && self.held.len() - self.unneeded >= window_len {
            self.search.note_slide();
            self.slide(hasher, (window_len / 2).min(self.searched) & !7);
        }
        if self.is_at_end {
            self.slide(hasher, self.held.len() - self.unneeded);
            self.is_searched_to_end = true;
        }
    }

    /// Searches for frames that start in the first `starts` of the bytes that are held, and lets go of these.
    fn slide(&mut self, hasher: &impl Checksum, starts: usize) {
        if self.search.evidence().is_none() {
            self.search.search_frames(hasher, &self.held[self.unneeded..], self.position, starts);
        }
        self.unneeded += starts;
        self.position += starts as u64;
        self.searched -= starts;
        // The rest moves to the front once a quarter was let go of: not for each slide of a block far larger than a
        // window, and soon enough that little more than a window is held otherwise.
        if self.unneeded >= self.held.len() / 4 {
            self.held.drain(..self.unneeded);
            self.unneeded = 0;
        }
    }
}
