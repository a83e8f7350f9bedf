//! What is left in blocks that are free: stale bytes.

use std::collections::VecDeque;
use std::sync::Arc;

use super::inode::Inode;
use crate::noise::Noise;

/// How many pieces are kept.
const CAPACITY: usize = 256;

/// Earlier content of files, with where in its file it was: blocks are recycled whole, so that a stale byte is as far
/// into its block as it ever was.
#[derive(Clone, Default)]
pub(super) struct Attic(VecDeque<(usize, Arc<[u8]>)>);

impl Attic {
    pub(super) fn keep(&mut self, at: usize, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        if self.0.len() == CAPACITY {
            self.0.pop_front();
        }
        self.0.push_back((at, bytes.into()));
    }
}

/// All that a stale block can be of: the attic, and what is durable of every file, since a filesystem that writes no
/// block twice leaves copies behind.
pub(super) struct Stale<'a>(Vec<(usize, &'a [u8])>);

impl<'a> Stale<'a> {
    pub(super) fn new(attic: &'a Attic, inodes: impl Iterator<Item = &'a Inode>) -> Self {
        let kept = attic.0.iter().map(|(at, bytes)| (*at, &**bytes));
        let durable = inodes.map(|inode| (0, inode.durable())).filter(|(_, bytes)| !bytes.is_empty());
        Self(kept.chain(durable).collect())
    }

    /// A block of `unit` bytes for the place number `index` of a file. Half of the time it was at the same place of
    /// its own: that is the one which looks right.
    pub(super) fn block(&self, index: usize, unit: usize, noise: &mut Noise) -> Vec<u8> {
        if self.0.is_empty() {
            return noise.bytes(unit);
        }
        let (at, bytes) = self.0[noise.below(self.0.len())];
        let (first, last) = (at / unit, (at + bytes.len() - 1) / unit);
        let same_place = (first..=last).contains(&index) && noise.below(2) == 0;
        let chosen = if same_place { index } else { first + noise.below(last - first + 1) };
        let mut block = vec![0; unit];
        overlay(&mut block, chosen * unit, bytes, at);
        block
    }
}

/// Copies what `source`, which begins at `source_at`, has for the places of `target`, which begins at `target_at`.
pub(super) fn overlay(target: &mut [u8], target_at: usize, source: &[u8], source_at: usize) {
    let start = target_at.max(source_at);
    let end = (target_at + target.len()).min(source_at + source.len());
    if start < end {
        target[start - target_at..end - target_at].copy_from_slice(&source[start - source_at..end - source_at]);
    }
}
