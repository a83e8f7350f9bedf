//! Tells the linker where memory lies on the machine that the emulator plays.

use std::path::PathBuf;
use std::{env, fs};

/// The Cortex-M4 of the MPS2 board (machine mps2-an386).
const CORTEX_M4: &str = "MEMORY { FLASH : ORIGIN = 0x00000000, LENGTH = 4M  RAM : ORIGIN = 0x20000000, LENGTH = 4M }\n";
/// The Cortex-M0 of the BBC micro:bit, an nRF51822 (machine microbit).
const CORTEX_M0: &str =
    "MEMORY { FLASH : ORIGIN = 0x00000000, LENGTH = 256K  RAM : ORIGIN = 0x20000000, LENGTH = 16K }\n";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let target = env::var("TARGET")?;
    let memory = if target.starts_with("thumbv6m") { CORTEX_M0 } else { CORTEX_M4 };
    let folder = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(folder.join("memory.x"), memory)?;
    println!("cargo::rustc-link-search={}", folder.display());
    for argument in ["-Tlink.x", "--nmagic"] {
        println!("cargo::rustc-link-arg-bins={argument}");
    }
    println!("cargo::rerun-if-changed=build.rs");
    Ok(())
}
