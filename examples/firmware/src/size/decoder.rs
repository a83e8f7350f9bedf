//! The decoder with CRC-32C.

#![no_std]
#![no_main]

#[cortex_m_rt::entry]
fn main() -> ! {
    flatstream_firmware::finish(flatstream_firmware::encode::decode_with(flatstream_firmware::encode::Crc32c))
}
