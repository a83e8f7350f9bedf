//! The recorder for a ring with CRC-32C: opening, formatting, appending, reading.

#![no_std]
#![no_main]

#[cortex_m_rt::entry]
fn main() -> ! {
    flatstream_firmware::finish(flatstream_firmware::ring::record_with(flatstream_firmware::encode::Crc32c))
}
