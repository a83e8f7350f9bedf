//! CRC-32C (Castagnoli): polynomial 0x1EDC6F41, reflected, initial value and final XOR 0xFFFFFFFF.
//! Catalogue name CRC-32/ISCSI; the digest of "123456789" is 0xE3069283.

/// The polynomial with its bits reversed.
const REFLECTED_POLYNOMIAL: u32 = 0x82F6_3B78;

/// The effect of four bits at a time: 16 entries keep firmware small, and a 4-bit index never needs a bounds check.
const TABLE: [u32; 16] = table();

const fn table() -> [u32; 16] {
    let mut table = [0; 16];
    let mut nibble = 0;
    while nibble < table.len() {
        let mut remainder = nibble as u32;
        let mut bit = 0;
        while bit < 4 {
            remainder = (remainder >> 1) ^ if remainder & 1 == 1 { REFLECTED_POLYNOMIAL } else { 0 };
            bit += 1;
        }
        table[nibble] = remainder;
        nibble += 1;
    }
    table
}

/// Goes on from a raw register value, without the initial value and the final XOR.
fn update(mut register: u32, bytes: &[u8]) -> u32 {
    for &byte in bytes {
        register ^= u32::from(byte);
        register = (register >> 4) ^ TABLE[(register & 15) as usize];
        register = (register >> 4) ^ TABLE[(register & 15) as usize];
    }
    register
}

/// By the table, a nibble at a time: what a build without the feature `crc` uses.
#[cfg_attr(all(feature = "crc", not(test)), allow(dead_code, reason = "the tests compare the fast one with it"))]
pub(crate) fn digest_by_table(body: &[u8]) -> u32 {
    !update(!0, body)
}

#[cfg(feature = "crc")]
#[inline]
pub(crate) fn digest(body: &[u8]) -> u32 {
    crc_fast::crc32_iscsi(body)
}

#[cfg(not(feature = "crc"))]
pub(crate) fn digest(body: &[u8]) -> u32 {
    digest_by_table(body)
}

#[cfg(feature = "crc")]
pub(crate) fn digest_parts(parts: &[&[u8]]) -> u32 {
    let mut digest = crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc32Iscsi);
    for part in parts {
        digest.update(part);
    }
    digest.finalize() as u32
}

#[cfg(not(feature = "crc"))]
pub(crate) fn digest_parts(parts: &[&[u8]]) -> u32 {
    !parts.iter().fold(!0, |register, part| update(register, part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_and_the_fast_path_agree_at_every_length() {
        let bytes: Vec<u8> = (0..4096u32).map(|i| (i.wrapping_mul(0x9E37_79B9) >> 24) as u8).collect();
        for end in 0..=bytes.len() {
            assert_eq!(digest(&bytes[..end]), digest_by_table(&bytes[..end]), "length {end}");
        }
    }
}
