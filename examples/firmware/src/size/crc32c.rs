//! The encoder with CRC-32C.

#![no_std]
#![no_main]

#[cortex_m_rt::entry]
fn main() -> ! {
    flatstream_firmware::finish(flatstream_firmware::encode::encode_with(flatstream_firmware::encode::Crc32c))
}
