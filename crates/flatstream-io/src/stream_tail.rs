use std::io::{self, Read};

use flatstream_format::{Checksum, TailSearch};

use crate::input::Input;

/// How many bytes are read at a time behind the place where reading stopped.
const CHUNK: usize = 64 << 10;

/// A [`TailSearch`] over an input, whose data are those from the stop on: a window of bytes that slides to the end.
#[derive(Debug)]
pub(crate) struct StreamTail {
    search: TailSearch,
    /// The position of the input's first byte.
    position: u64,
    /// How many of its bytes were searched for sync frames.
    searched: usize,
    is_header_searched: bool,
    is_behind_rejected_searched: bool,
    /// Whether the source said that nothing more comes. It isn't asked again: a file may have grown since, and what
    /// came then would be taken for what lies behind damage.
    is_at_end: bool,
    is_searched_to_end: bool,
}

impl StreamTail {
    /// `is_at_end` tells whether the input's source has nothing more.
    pub(crate) fn new(search: TailSearch, is_at_end: bool) -> Self {
        Self {
            position: search.stop().position,
            search,
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
            self.search_data(input, hasher);
            if is_known(&self.search) || self.is_searched_to_end {
                return Ok(());
            }
            self.read(input)?;
        }
    }

    fn read<R: Read>(&mut self, input: &mut Input<R>) -> io::Result<()> {
        self.is_at_end = input.read_part(CHUNK)? == 0;
        Ok(())
    }

    fn search_data<R: Read>(&mut self, input: &mut Input<R>, hasher: &impl Checksum) {
        if self.is_searched_to_end {
            return;
        }
        let data = input.data();
        let unsearched = self.position + self.searched as u64;
        self.searched += self.search.search_syncs(&data[self.searched..], unsearched, self.is_at_end);
        if self.position == self.search.stop().position {
            self.is_header_searched = self.is_header_searched || self.search.search_header(data);
            self.is_behind_rejected_searched =
                self.is_behind_rejected_searched || self.search.search_behind_rejected(hasher, data);
        }
        let window_len = self.search.window_len();
        while !self.is_at_end && input.data().len() >= window_len {
            self.search.note_slide();
            self.slide(input, hasher, (window_len / 2).min(self.searched) & !7);
        }
        if self.is_at_end {
            self.slide(input, hasher, input.data().len());
            self.is_searched_to_end = true;
        }
    }

    /// Searches for frames that start in the first `starts` of the bytes, and lets go of these.
    fn slide<R: Read>(&mut self, input: &mut Input<R>, hasher: &impl Checksum, starts: usize) {
        if self.search.evidence().is_none() {
            self.search.search_frames(hasher, input.data(), self.position, starts);
        }
        input.use_up(starts);
        self.position += starts as u64;
        self.searched -= starts;
    }
}
