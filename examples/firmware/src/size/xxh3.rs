//! The encoder with XXH3.

#![no_std]
#![no_main]

#[cortex_m_rt::entry]
fn main() -> ! {
    flatstream_firmware::finish(flatstream_firmware::encode::encode_with(flatstream_firmware::encode::Xxh3))
}
