//! The private algorithm that a vector uses under id 128.

/// Adler-32 (RFC 1950, section 8.2).
#[must_use]
pub fn adler32(body: &[u8]) -> u32 {
    let (a, b) = body.iter().fold((1u32, 0u32), |(a, b), &byte| {
        let a = (a + u32::from(byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    b << 16 | a
}
