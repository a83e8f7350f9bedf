//! One file: what the cache has, what the medium certainly has, and what is in between.

use std::mem;
use std::ops::Range;

use super::attic::Attic;

/// The longest file, in bytes.
pub(super) const MAX_LEN: usize = 1 << 30;

#[derive(Default)]
pub(super) struct Inode {
    cache: Vec<u8>,
    durable: Vec<u8>,
    /// What a sync failed to make durable and no later one will. All of it is older than all that is pending.
    limbo: Vec<Change>,
    pending: Vec<Change>,
}

/// What one operation does to a file.
pub(super) struct Change {
    /// The bytes that are other ones now; what a cut takes away is zeros.
    pub(super) pieces: Vec<Piece>,
    pub(super) length: Length,
}

/// What a change does to the length.
#[derive(Clone, Copy)]
pub(super) enum Length {
    /// A write ends here.
    AtLeast(usize),
    /// A `set_len`.
    Exactly(usize),
}

/// Adjacent bytes of a change.
pub(super) struct Piece {
    pub(super) at: usize,
    pub(super) bytes: Vec<u8>,
    /// The medium had none of the file's bytes here, or a cut took them: if these bytes aren't there, anything may be.
    pub(super) fresh: bool,
}

impl Inode {
    pub(super) fn durable_with(bytes: Vec<u8>) -> Self {
        Self { cache: bytes.clone(), durable: bytes, ..Self::default() }
    }

    pub(super) fn cache(&self) -> &[u8] {
        &self.cache
    }

    pub(super) fn durable(&self) -> &[u8] {
        &self.durable
    }

    /// All that a crash may lose, in the order it was done.
    pub(super) fn uncertain(&self) -> impl Iterator<Item = &Change> {
        self.limbo.iter().chain(&self.pending)
    }

    pub(super) fn write(&mut self, at: usize, bytes: &[u8], attic: &mut Attic) {
        if bytes.is_empty() {
            return;
        }
        let start = at.min(self.cache.len());
        let end = at + bytes.len();
        attic.keep(start, &self.cache[start..end.min(self.cache.len())]);
        let mut piece = vec![0; at - start];
        piece.extend_from_slice(bytes);
        self.cache.resize(end.max(self.cache.len()), 0);
        self.cache[start..end].copy_from_slice(&piece);
        let pieces = self.pieces(start, piece);
        self.pending.push(Change { pieces, length: Length::AtLeast(end) });
    }

    pub(super) fn set_len(&mut self, len: usize, attic: &mut Attic) {
        let before = self.cache.len();
        let pieces = if len < before {
            attic.keep(len, &self.cache[len..]);
            vec![Piece { at: len, bytes: vec![0; before - len], fresh: true }]
        } else {
            self.pieces(before, vec![0; len - before])
        };
        self.cache.resize(len, 0);
        self.pending.push(Change { pieces, length: Length::Exactly(len) });
    }

    /// Splits bytes where the durable ones end.
    fn pieces(&self, at: usize, mut bytes: Vec<u8>) -> Vec<Piece> {
        let fresh = bytes.split_off(self.durable.len().saturating_sub(at).min(bytes.len()));
        let fresh_at = at + bytes.len();
        let mut pieces = vec![Piece { at, bytes, fresh: false }, Piece { at: fresh_at, bytes: fresh, fresh: true }];
        pieces.retain(|piece| !piece.bytes.is_empty());
        pieces
    }

    pub(super) fn sync(&mut self) {
        for change in mem::take(&mut self.pending) {
            self.limbo.iter_mut().for_each(|earlier| earlier.give_way(&change));
            change.apply(&mut self.durable);
        }
        let len = self.durable.len();
        self.limbo.retain(|change| !change.is_void(len));
    }

    pub(super) fn fail_sync(&mut self) {
        self.limbo.append(&mut self.pending);
    }
}

impl Change {
    fn apply(&self, image: &mut Vec<u8>) {
        for piece in &self.pieces {
            let Range { start, end } = piece.range();
            image.resize(end.max(image.len()), 0);
            image[start..end].copy_from_slice(&piece.bytes);
        }
        image.resize(self.length.after(image.len()), 0);
    }

    /// What a later change made durable is certain: whatever becomes of this one, it must not touch that.
    fn give_way(&mut self, later: &Self) {
        self.length = match (self.length, later.length) {
            (_, Length::Exactly(_)) => Length::AtLeast(0),
            (Length::Exactly(own), Length::AtLeast(end)) => Length::Exactly(own.max(end)),
            (own, Length::AtLeast(_)) => own,
        };
        for range in later.pieces.iter().map(Piece::range) {
            self.pieces = mem::take(&mut self.pieces).into_iter().flat_map(|piece| piece.outside(&range)).collect();
        }
    }

    /// Whether it makes no difference to a file of which `len` bytes are durable.
    fn is_void(&self, len: usize) -> bool {
        self.pieces.is_empty() && matches!(self.length, Length::AtLeast(end) if end <= len)
    }
}

impl Length {
    /// The length after the change if it was `len` before.
    pub(super) fn after(self, len: usize) -> usize {
        match self {
            Self::AtLeast(end) => end.max(len),
            Self::Exactly(exactly) => exactly,
        }
    }
}

impl Piece {
    pub(super) fn range(&self) -> Range<usize> {
        self.at..self.at + self.bytes.len()
    }

    /// What is left of it before and behind a range.
    fn outside(mut self, range: &Range<usize>) -> impl Iterator<Item = Self> {
        let Range { start, end } = self.range();
        let behind = self.bytes.split_off(range.end.clamp(start, end) - start);
        self.bytes.truncate(range.start.clamp(start, end) - start);
        let behind = Self { at: end - behind.len(), bytes: behind, fresh: self.fresh };
        [self, behind].into_iter().filter(|piece| !piece.bytes.is_empty())
    }
}
