//! A hint to the processor, without which a reader waits for memory at each message: where a message lies is known only
//! when the head before it is there, so the processor can't look ahead by itself. Iterating 64-byte messages in 64 MB
//! of memory takes 7 ns each with it and 12.6 ns without; in the processor's cache it makes no difference.
//!
//! # Safety
//!
//! The instruction is part of SSE, which the build has. It changes nothing that a program can see, and never fails,
//! whatever the address (Intel SDM, volume 2, "PREFETCHh"); so it may lie behind the end of the data.

/// How far ahead in bytes of data that may still be in memory.
pub(crate) const FROM_MEMORY: usize = 4096;

/// The same for data that were just copied, and are in the second cache.
pub(crate) const FROM_CACHE: usize = 1024;

/// What one prefetch brings.
const LINE: usize = 64;

/// Of longer messages no more is fetched: the processor foresees the rest by itself.
const LEN_MAX: usize = 1024;

/// Has the line that lies so far behind the start of `data` fetched into the first cache.
#[inline(always)]
pub(crate) fn prefetch(data: &[u8], distance: usize) {
    #[cfg(all(target_arch = "x86_64", target_feature = "sse"))]
    // SAFETY: see above.
    unsafe {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(data.as_ptr().wrapping_add(distance).cast());
    }
    #[cfg(not(all(target_arch = "x86_64", target_feature = "sse")))]
    let _ = (data, distance);
}

/// The same for as many bytes as a message has, so that what was read and what was fetched advance together.
#[inline(always)]
pub(crate) fn prefetch_len(data: &[u8], distance: usize, len: usize) {
    prefetch(data, distance);
    if len > LINE {
        prefetch_more(data, distance, len);
    }
}

#[inline(never)]
fn prefetch_more(data: &[u8], distance: usize, len: usize) {
    let mut offset = LINE;
    while offset < len.min(LEN_MAX) {
        prefetch(data, distance.wrapping_add(offset));
        offset += LINE;
    }
}
