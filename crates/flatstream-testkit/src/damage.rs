//! What can happen to bytes.
//!
//! On a machine that is emulated, all of it takes too long: with `FLATSTREAM_THINNED=n` in the environment only every
//! n-th place is taken.

/// From one place to the next.
fn step() -> usize {
    std::env::var("FLATSTREAM_THINNED").ok().and_then(|step| step.parse().ok()).filter(|step| *step > 0).unwrap_or(1)
}

/// Every prefix that is shorter than the whole.
pub fn truncations(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    (0..bytes.len()).step_by(step()).map(|len| &bytes[..len])
}

/// Calls `check` with every copy in which one bit is flipped, and with the place of the byte.
pub fn for_each_bit_flip(bytes: &[u8], check: impl FnMut(usize, &[u8])) {
    for_each_bit_flip_in(bytes, 0..bytes.len(), check);
}

/// The same for the bytes of a range alone, so that threads can share the work.
pub fn for_each_bit_flip_in(bytes: &[u8], range: std::ops::Range<usize>, mut check: impl FnMut(usize, &[u8])) {
    let mut damaged = bytes.to_vec();
    for at in range.step_by(step()) {
        for bit in 0..8 {
            damaged[at] ^= 1 << bit;
            check(at, &damaged);
            damaged[at] ^= 1 << bit;
        }
    }
}
