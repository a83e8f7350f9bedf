//! CRC-32/ISO-HDLC: polynomial 0x04C11DB7, reflected, initial value and final XOR 0xFFFFFFFF.
//! The digest of "123456789" is 0xCBF43926.
#![cfg(feature = "crc")]

#[inline]
pub(crate) fn digest(body: &[u8]) -> u32 {
    crc32fast::hash(body)
}

pub(crate) fn digest_parts(parts: &[&[u8]]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize()
}
