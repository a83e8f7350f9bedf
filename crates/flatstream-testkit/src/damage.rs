//! What can happen to bytes.

/// Every prefix that is shorter than the whole.
pub fn truncations(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    (0..bytes.len()).map(|len| &bytes[..len])
}

/// Calls `check` with every copy in which one bit is flipped, and with the place of the byte.
pub fn for_each_bit_flip(bytes: &[u8], check: impl FnMut(usize, &[u8])) {
    for_each_bit_flip_in(bytes, 0..bytes.len(), check);
}

/// The same for the bytes of a range alone, so that threads can share the work.
pub fn for_each_bit_flip_in(bytes: &[u8], range: std::ops::Range<usize>, mut check: impl FnMut(usize, &[u8])) {
    let mut damaged = bytes.to_vec();
    for at in range {
        for bit in 0..8 {
            damaged[at] ^= 1 << bit;
            check(at, &damaged);
            damaged[at] ^= 1 << bit;
        }
    }
}
