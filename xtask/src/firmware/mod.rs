//! `cargo xtask firmware`: builds `examples/firmware` for a Cortex-M4 and a Cortex-M0, runs it in an emulator, checks
//! what it wrote and what it is made of, and holds its size to the table of `docs/FIRMWARE.md`.

mod device;
mod elf;
mod figures;
mod host;

use crate::command::{self, skip};
use crate::debian::{self, Suites};
use crate::{Outcome, Verdict};
use device::{Device, Machine};

/// A compiler with its sources, so that `core` can be built for the device; a linker; an emulator.
const PACKAGES: &[&str] = &["rustc-web", "cargo-web", "rust-web-src", "lld-22", "qemu-system-arm"];

/// Builds, runs and checks all of it.
pub(crate) fn check() -> Outcome {
    run(figures::check)
}

/// The same with a new header, but writes the table anew.
pub(crate) fn bless() -> Outcome {
    command::run("cargo run -p flatstream-firmware-host -- header")?;
    run(figures::bless)
}

fn run(judge: fn(&[figures::Row]) -> Outcome) -> Outcome {
    let tools = match debian::unpack("firmware", Suites::MainAndSecurity, PACKAGES) {
        Ok(tools) => tools,
        Err(why) => return skip(format!("NO FIRMWARE WAS BUILT: {why}")),
    };
    let devices = [Device::new(&tools, Machine::CortexM4), Device::new(&tools, Machine::CortexM0)];
    for device in &devices {
        device.build()?;
        device.check_symbols()?;
        for program in ["record", "driver", "uart", "ring"] {
            device.emulate(program)?;
        }
        host::check_recording(&device.folder().join("record.fls"))?;
        host::check_recording(&device.folder().join("driver.fls"))?;
        host::check_line(&device.folder(), "uart", host::Line::BadOnce)?;
        host::check_line(&device.folder(), "wild", host::Line::Wild)?;
        host::check_ring(&device.folder())?;
    }
    let [device, _] = &devices;
    device.emulate("heap")?;
    host::check_recording(&device.folder().join("heap.fls"))?;
    device.negative_control()?;
    judge(&figures::measure(&devices)?)?;
    Ok(Verdict::Passed)
}
