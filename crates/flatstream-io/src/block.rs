//! The memory that messages lie in: one block for many messages, with a count of who holds it.
//!
//! An `Arc` would do, and did: but an owned message then costs two atomic operations, one when it is made and one when
//! it is dropped, which is more than reading and verifying it (64 bytes: 22 ns instead of 14). Here a reader pays for
//! many shares at once and hands them out without an atomic operation. The tests keep the version with `Arc`, and
//! compare.
//!
//! # Safety
//!
//! Everything `unsafe` about it is in this file, and rests on one invariant: `Count::shares` is the number of `Share`s
//! that exist, plus, as long as there is the `Block`, one and its `prepaid`.
//!
//! - It only grows by whoever holds a part of it (`Block::share`, `Share::clone`), so nobody can find it 0 and go on.
//! - Whoever takes its last part away frees the memory (`let_go`): nobody else can reach it any more. The subtraction
//!   releases, and the last one acquires, so that all that was done with the memory comes before it is freed.
//! - `Block::get_mut` gives `&mut` only if the count says that no `Share` exists. No one can make one meanwhile: that
//!   takes a `Share`, of which there is none, or `&mut Block`, which the caller has given up as long as the bytes are
//!   lent. The load acquires what the threads did that dropped theirs.
//! - A `Share` reads bytes that lie within the block (checked when it is made), and while it exists nobody has them
//!   `&mut`.
//! - `Block::grow` moves the memory under the same condition, so that no pointer to where it was is left but its own.
//! - All pointers to the bytes are made of the one that the allocation gave.

use std::alloc::{self, Layout};
use std::fmt;
use std::ops::{Deref, Range};
use std::process;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering, fence};

/// What a block's first byte is aligned to, so that a message is aligned as it is in its stream: a cache line.
const ALIGNMENT: usize = 64;

/// So many shares are paid for at once.
const PREPAID: usize = 1 << 16;

/// More shares than there can be: from here on the process ends before the count could wrap, as it does with `Arc`.
const SHARES_MAX: usize = isize::MAX as usize;

struct Count {
    shares: AtomicUsize,
    memory: Memory,
}

/// An allocation, somewhere in which the block's bytes start: alignment is found inside, because then the system zeroes
/// the pages when they are first used, and can grow a large allocation without copying it.
struct Memory {
    allocated: NonNull<u8>,
    layout: Layout,
}

/// A piece of memory, aligned, that one reader fills and messages share.
pub(crate) struct Block {
    count: NonNull<Count>,
    bytes: NonNull<u8>,
    len: usize,
    prepaid: usize,
}

/// A piece of a block, which keeps the whole block.
pub(crate) struct Share {
    count: NonNull<Count>,
    bytes: NonNull<u8>,
    len: usize,
}

// SAFETY: the count is atomic, and the bytes are only changed by one who is alone with them.
unsafe impl Send for Block {}
// SAFETY: as above; `&Block` only reads.
unsafe impl Sync for Block {}
// SAFETY: as above; a `Share` only reads.
unsafe impl Send for Share {}
// SAFETY: as above.
unsafe impl Sync for Share {}

impl Memory {
    fn zeroed(len: usize) -> Self {
        let layout = Self::layout(len);
        // SAFETY: the size isn't 0.
        let allocated = NonNull::new(unsafe { alloc::alloc_zeroed(layout) });
        Self { allocated: allocated.unwrap_or_else(|| alloc::handle_alloc_error(layout)), layout }
    }

    fn layout(len: usize) -> Layout {
        let size = len.saturating_add(ALIGNMENT);
        Layout::from_size_align(size, align_of::<usize>()).expect("a block is smaller than the address space")
    }

    /// Where the block's bytes start.
    fn bytes(&self) -> NonNull<u8> {
        let offset = self.allocated.as_ptr().align_offset(ALIGNMENT) % ALIGNMENT;
        // SAFETY: the allocation has `ALIGNMENT` bytes more than the block.
        unsafe { self.allocated.add(offset) }
    }

    /// Grows from `len` bytes, which it keeps, to `more`; the new ones are zero.
    fn grow(&mut self, len: usize, more: usize) {
        // SAFETY: both pointers are into the same allocation.
        let offset = unsafe { self.bytes().offset_from(self.allocated) } as usize;
        let layout = Self::layout(more);
        // SAFETY: it was allocated with this layout; the new size isn't 0, nor beyond `isize::MAX`, which `layout` sees
        // to.
        let allocated = NonNull::new(unsafe { alloc::realloc(self.allocated.as_ptr(), self.layout, layout.size()) });
        self.allocated = allocated.unwrap_or_else(|| alloc::handle_alloc_error(layout));
        self.layout = layout;
        // SAFETY: the old bytes were moved along to the same offset, and the allocation has `ALIGNMENT` more than
        // `more`, which is at least `len`; so all ranges lie in it.
        unsafe {
            self.allocated.add(offset).copy_to(self.bytes(), len);
            self.bytes().add(len).write_bytes(0, more - len);
        }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout, and whoever drops it is the last to have it.
        unsafe { alloc::dealloc(self.allocated.as_ptr(), self.layout) };
    }
}

impl Block {
    pub(crate) fn new(len: usize) -> Self {
        let memory = Memory::zeroed(len);
        let bytes = memory.bytes();
        let count = Box::new(Count { shares: AtomicUsize::new(1), memory });
        Self { count: NonNull::from(Box::leak(count)), bytes, len, prepaid: 0 }
    }

    /// Makes it longer, if no message shares it; the bytes stay, and more zeros follow.
    pub(crate) fn grow(&mut self, len: usize) -> bool {
        if len <= self.len || self.get_mut().is_none() {
            return false;
        }
        // SAFETY: no `Share` exists, so nobody else reaches the count.
        let memory = unsafe { &mut self.count.as_mut().memory };
        memory.grow(self.len, len);
        self.bytes = memory.bytes();
        self.len = len;
        true
    }

    fn shares(&self) -> &AtomicUsize {
        // SAFETY: the count is freed by whoever lets go last, and this block holds a part of it.
        unsafe { &self.count.as_ref().shares }
    }

    /// The bytes, if no message shares them.
    pub(crate) fn get_mut(&mut self) -> Option<&mut [u8]> {
        if self.shares().load(Ordering::Acquire) != 1 + self.prepaid {
            return None;
        }
        // SAFETY: `len` bytes were allocated and zeroed there, and nobody else has them.
        Some(unsafe { std::slice::from_raw_parts_mut(self.bytes.as_ptr(), self.len) })
    }

    /// A share of the bytes in a range.
    ///
    /// # Panics
    /// If the range doesn't lie within the block.
    #[inline]
    pub(crate) fn share(&mut self, range: Range<usize>) -> Share {
        let bytes = NonNull::from(&self[range]);
        if self.prepaid == 0 {
            self.prepay();
        }
        self.prepaid -= 1;
        Share { count: self.count, bytes: bytes.cast(), len: bytes.len() }
    }

    #[cold]
    fn prepay(&mut self) {
        add(self.shares(), PREPAID);
        self.prepaid = PREPAID;
    }
}

fn add(shares: &AtomicUsize, more: usize) {
    if shares.fetch_add(more, Ordering::Relaxed) > SHARES_MAX {
        process::abort();
    }
}

/// Takes a part of the count away, and frees everything if it was the last.
///
/// # Safety
/// The caller holds such a part, and uses neither count nor bytes any more.
#[inline]
unsafe fn let_go(count: NonNull<Count>, part: usize) {
    // SAFETY: the count exists while anybody holds a part of it.
    if unsafe { count.as_ref() }.shares.fetch_sub(part, Ordering::Release) == part {
        fence(Ordering::Acquire);
        // SAFETY: nobody holds a part any more.
        unsafe { free(count) };
    }
}

/// # Safety
/// Nobody else can reach the count or the bytes.
#[cold]
unsafe fn free(count: NonNull<Count>) {
    // SAFETY: it was leaked from a box in `Block::new`, and nobody uses it any more.
    drop(unsafe { Box::from_raw(count.as_ptr()) });
}

impl Deref for Block {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        // SAFETY: `len` bytes were allocated and zeroed there; they are only changed through `&mut Block`.
        unsafe { std::slice::from_raw_parts(self.bytes.as_ptr(), self.len) }
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: this is the block's part, and its last use.
        unsafe { let_go(self.count, 1 + self.prepaid) }
    }
}

impl Deref for Share {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        // SAFETY: they lie within the block, which exists as long as this share does, and nobody changes them.
        unsafe { std::slice::from_raw_parts(self.bytes.as_ptr(), self.len) }
    }
}

impl Clone for Share {
    fn clone(&self) -> Self {
        // SAFETY: the count exists, because this share holds a part of it.
        add(unsafe { &self.count.as_ref().shares }, 1);
        Self { ..*self }
    }
}

impl Drop for Share {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: this is the share's part, and its last use.
        unsafe { let_go(self.count, 1) }
    }
}

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Block({} bytes)", self.len)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;

    use proptest::prelude::*;

    use super::{Block, PREPAID, Range, Share};

    /// The same without `unsafe`.
    struct SafeBlock(Arc<Vec<u8>>);

    struct SafeShare(Arc<Vec<u8>>, Range<usize>);

    impl SafeBlock {
        fn get_mut(&mut self) -> Option<&mut [u8]> {
            Arc::get_mut(&mut self.0).map(Vec::as_mut_slice)
        }

        fn share(&self, range: Range<usize>) -> SafeShare {
            SafeShare(Arc::clone(&self.0), range)
        }
    }

    const LEN: usize = 256;

    #[derive(Clone, Debug)]
    enum Step {
        Share(Range<usize>),
        Clone(prop::sample::Index),
        Drop(prop::sample::Index),
        Fill(u8),
        Grow(usize),
        DropBlock,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0..=LEN, 0..=LEN).prop_map(|(a, b)| Step::Share(a.min(b)..a.max(b))),
            2 => any::<prop::sample::Index>().prop_map(Step::Clone),
            6 => any::<prop::sample::Index>().prop_map(Step::Drop),
            4 => any::<u8>().prop_map(Step::Fill),
            1 => (0..4 * LEN).prop_map(Step::Grow),
            1 => Just(Step::DropBlock),
        ]
    }

    fn run(history: &[Step]) {
        let mut blocks = Some((Block::new(LEN), SafeBlock(Arc::new(vec![0; LEN]))));
        let mut shares: Vec<(Share, SafeShare)> = Vec::new();
        for step in history {
            match (step, &mut blocks) {
                (Step::Share(range), Some((block, safe))) => {
                    shares.push((block.share(range.clone()), safe.share(range.clone())));
                }
                (Step::Fill(byte), Some((block, safe))) => {
                    let (ours, theirs) = (block.get_mut(), safe.get_mut());
                    assert_eq!(ours.is_some(), theirs.is_some(), "who may write");
                    if let (Some(ours), Some(theirs)) = (ours, theirs) {
                        ours.fill(*byte);
                        theirs.fill(*byte);
                    }
                }
                (Step::Grow(len), Some((block, safe))) => {
                    if block.grow(*len) {
                        safe.get_mut().expect("the same");
                        Arc::get_mut(&mut safe.0).expect("the same").resize(*len, 0);
                    }
                    assert_eq!(**block, **safe.0);
                    assert_eq!(block.as_ptr() as usize % 64, 0);
                }
                (Step::Clone(nth), _) if !shares.is_empty() => {
                    let (share, SafeShare(block, range)) = &shares[nth.index(shares.len())];
                    shares.push((share.clone(), SafeShare(Arc::clone(block), range.clone())));
                }
                (Step::Drop(nth), _) if !shares.is_empty() => {
                    shares.swap_remove(nth.index(shares.len()));
                }
                (Step::DropBlock, _) => blocks = None,
                _ => {}
            }
            for (share, SafeShare(block, range)) in &shares {
                assert_eq!(**share, block[range.clone()]);
            }
        }
    }

    proptest! {
        #[test]
        fn a_block_behaves_as_one_with_arc(history in prop::collection::vec(step(), 0..60)) {
            run(&history);
        }
    }

    #[test]
    fn every_block_is_aligned_and_has_its_size() {
        for size in [0, 64, 100, 4096, 262_144] {
            let block = Block::new(size);
            assert_eq!((block.as_ptr() as usize % 64, block.len()), (0, size));
        }
    }

    #[test]
    fn more_shares_than_are_paid_for_at_once() {
        let mut block = Block::new(LEN);
        let shares: Vec<Share> = (0..2 * PREPAID + 3).map(|_| block.share(0..8)).collect();
        assert!(block.get_mut().is_none());
        drop(shares);
        assert!(block.get_mut().is_some());
    }

    #[test]
    fn what_a_thread_still_reads_is_not_written() {
        let mut block = Block::new(LEN);
        thread::scope(|scope| {
            for round in 0..2000u32 {
                let number = loop {
                    if let Some(bytes) = block.get_mut() {
                        bytes.fill(round as u8);
                        break round as u8;
                    }
                    thread::yield_now();
                };
                let shares = [block.share(0..LEN), block.share(1..LEN / 2)];
                scope.spawn(move || {
                    for share in shares {
                        let copy = share.clone();
                        drop(share);
                        assert!(copy.iter().all(|byte| *byte == number));
                    }
                });
            }
        });
    }

    #[test]
    fn a_block_that_messages_share_does_not_grow() {
        let mut block = Block::new(LEN);
        let share = block.share(0..1);
        assert!(!block.grow(2 * LEN));
        drop(share);
        assert!(block.grow(1 << 20) && block.len() == 1 << 20);
    }

    /// Large allocations move by other means than small ones, and to other distances from a multiple of 64.
    #[test]
    fn bytes_stay_and_zeros_follow_at_every_size_that_a_block_grows_to() {
        for first in [0, 1, 63, 64, 65, 4095, 131_000, 200_000] {
            let mut block = Block::new(first);
            for more in [1, 8, 63, 64, 65, 100_000, 3 << 20] {
                let len = block.len();
                block.get_mut().expect("nobody shares it").fill(0xA5);
                assert!(block.grow(len + more));
                assert_eq!(block.as_ptr() as usize % 64, 0);
                assert!(block[..len].iter().all(|byte| *byte == 0xA5), "{first}: {len} bytes and {more} more");
                assert!(block[len..].iter().all(|byte| *byte == 0), "{first}: {more} bytes behind {len}");
            }
        }
    }

    #[test]
    #[should_panic(expected = "out of range")]
    fn a_share_beyond_the_block_is_refused() {
        Block::new(LEN).share(1..LEN + 1);
    }
}
