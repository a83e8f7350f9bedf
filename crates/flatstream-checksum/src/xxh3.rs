//! The low 32 bits of `XXH3_64bits` with seed 0 and the default secret.
//! <https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md>
#![cfg(feature = "xxhash")]

use twox_hash::XxHash3_64;

#[inline]
pub(crate) fn digest(body: &[u8]) -> u32 {
    XxHash3_64::oneshot(body) as u32
}

#[cfg(feature = "std")]
pub(crate) fn digest_parts(parts: &[&[u8]]) -> Option<u32> {
    use core::hash::Hasher as _;

    let mut hasher = XxHash3_64::new();
    for part in parts {
        hasher.write(part);
    }
    Some(hasher.finish() as u32)
}

/// Its state over pieces is a buffer on the heap, which this build may not have.
#[cfg(not(feature = "std"))]
pub(crate) fn digest_parts(_parts: &[&[u8]]) -> Option<u32> {
    None
}
