//! By a table, a nibble at a time: what runs everywhere, and what every faster backend is compared with.

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

pub(crate) fn update(mut register: u32, bytes: &[u8]) -> u32 {
    for &byte in bytes {
        register ^= u32::from(byte);
        register = (register >> 4) ^ TABLE[(register & 15) as usize];
        register = (register >> 4) ^ TABLE[(register & 15) as usize];
    }
    register
}
