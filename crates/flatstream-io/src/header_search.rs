use flatstream_format::layout::header::{IDENTIFIER, IDENTIFIER_BYTES};
use flatstream_format::{Essentials, Header, Located, limits, locate_header};

use crate::opening::is_damage;

/// At most so many places wait for the rest of what may be a header.
const PENDING_MAX: usize = 256;

/// Looks at every byte for a header region whose check holds: on a link a sender starts anew at any time.
///
/// ADVICE: a place that looks like a header may claim up to 1 MiB, and others are looked at while that is awaited: a
/// false one must not hide a true one. The one that is whole first is the one, so it doesn't matter in which pieces
/// bytes arrive.
#[derive(Debug)]
pub(crate) struct HeaderSearch {
    /// How many bytes were looked at as the first of a header.
    searched: usize,
    /// Index and size of what may be headers, of which the rest isn't there yet.
    pending: Vec<(usize, usize)>,
    /// How many bytes may still be hashed: data may be full of false headers.
    budget: u64,
}

impl HeaderSearch {
    pub(crate) fn new() -> Self {
        Self { searched: 0, pending: Vec::new(), budget: limits::SEARCH_HASH_FREE }
    }

    /// Index and size of the first header region that is whole, of those that start in the first `starts` bytes of
    /// `data`.
    pub(crate) fn look(&mut self, data: &[u8], starts: usize) -> Option<(usize, usize)> {
        let ends = data.len().min(starts.saturating_add(IDENTIFIER.end - 1));
        let unsearched = data.get(self.searched..ends).unwrap_or_default();
        let identifiers = unsearched.get(IDENTIFIER.start..).unwrap_or_default().windows(IDENTIFIER.len());
        for (at, _) in identifiers.enumerate().filter(|(_, identifier)| *identifier == IDENTIFIER_BYTES) {
            self.note(self.searched + at, &unsearched[at..]);
        }
        let done = unsearched.len().saturating_sub(IDENTIFIER.end - 1);
        self.searched += done;
        self.budget = self.budget.saturating_add(limits::SEARCH_HASH_FACTOR.saturating_mul(done as u64));
        while let Some(nth) = self.first_whole(data.len()) {
            let (index, len) = self.pending.swap_remove(nth);
            let Some(budget) = self.budget.checked_sub(len as u64) else { continue };
            self.budget = budget;
            if is_header(&data[index..]) {
                return Some((index, len));
            }
        }
        None
    }

    fn note(&mut self, index: usize, candidate: &[u8]) {
        let (Ok(Located::Region(len)) | Ok(Located::NeedMore(len))) = locate_header(candidate) else { return };
        if self.pending.len() < PENDING_MAX {
            self.pending.push((index, len));
        }
    }

    fn first_whole(&self, available: usize) -> Option<usize> {
        let whole = self.pending.iter().enumerate().filter(|(_, (index, len))| index + len <= available);
        whole.min_by_key(|(_, (index, len))| (index + len, *index)).map(|(nth, _)| nth)
    }

    /// How many bytes have to be held for the place that needs most of them.
    pub(crate) fn needed(&self) -> usize {
        self.pending.iter().map(|(index, len)| index + len).max().unwrap_or(0)
    }

    /// Lets go of the first bytes.
    pub(crate) fn slide(&mut self, by: usize) {
        self.searched = self.searched.saturating_sub(by);
        self.pending.retain_mut(|(index, _)| match index.checked_sub(by) {
            Some(rest) => {
                *index = rest;
                true
            }
            None => false,
        });
    }
}

/// One that can be read, or of a kind that this version doesn't know.
fn is_header(data: &[u8]) -> bool {
    Essentials::is_region_good(data) && !matches!(Header::decode(data), Err(why) if is_damage(&why))
}
