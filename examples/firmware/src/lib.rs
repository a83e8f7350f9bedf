//! What the programs share: the file on the host, the messages, and how a program ends.
//!
//! No allocation, no float and no branch that panics: the panic handler calls a function that doesn't exist, so a
//! program links only if none is left. With the feature `heap` it ends the program instead, because the FlatBuffers
//! crate has such branches.

#![no_std]

pub mod encode;
pub mod host;
pub mod noise;
pub mod ring;
pub mod telemetry;

use core::num::NonZeroU64;

use flatstream_format::Session;

/// The header region: the same for every device and every run. `cargo run -p flatstream-firmware-host -- header` makes
/// it on the host, with the schema in it.
pub const HEADER: &[u8] = include_bytes!("../header.bin");

/// A device makes its stream's id of its serial number and a counter of its starts, which it keeps.
pub const SESSION: Session = Session { stream_id: NonZeroU64::new(0x17_0000_0042).unwrap(), epoch: 0 };

/// How many messages a program records.
pub const MESSAGES: u32 = 5_000;

/// Ends the emulator with status 0 where everything worked, else with 1.
pub fn finish(outcome: Option<()>) -> ! {
    host::exit(outcome.is_some())
}

#[cortex_m_rt::exception]
unsafe fn HardFault(_: &cortex_m_rt::ExceptionFrame) -> ! {
    host::exit(false)
}

#[cfg(not(feature = "heap"))]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    unsafe extern "C" {
        fn a_panicking_branch_survived() -> !;
    }
    // SAFETY: never reached, because it never links.
    unsafe { a_panicking_branch_survived() }
}

#[cfg(feature = "heap")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    host::exit(false)
}
