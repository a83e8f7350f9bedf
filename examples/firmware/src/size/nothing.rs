//! What a program has without the codec: subtracted from the others.

#![no_std]
#![no_main]

#[cortex_m_rt::entry]
fn main() -> ! {
    flatstream_firmware::finish(flatstream_firmware::encode::nothing())
}
