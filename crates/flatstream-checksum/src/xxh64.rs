//! The low 32 bits of XXH64 with seed 0. <https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md>
#![cfg(feature = "xxhash")]

use core::hash::Hasher as _;

use twox_hash::XxHash64;

const SEED: u64 = 0;

#[inline]
pub(crate) fn digest(body: &[u8]) -> u32 {
    XxHash64::oneshot(SEED, body) as u32
}

pub(crate) fn digest_parts(parts: &[&[u8]]) -> u32 {
    let mut hasher = XxHash64::with_seed(SEED);
    for part in parts {
        hasher.write(part);
    }
    hasher.finish() as u32
}
