use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::elf;
use crate::command::{root, target};
use crate::debian::Unpacked;

/// A processor, and the machine of the emulator that has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Machine {
    CortexM4,
    CortexM0,
}

impl Machine {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::CortexM4 => "Cortex-M4",
            Self::CortexM0 => "Cortex-M0",
        }
    }

    const fn target(self) -> &'static str {
        match self {
            Self::CortexM4 => "thumbv7em-none-eabihf",
            Self::CortexM0 => "thumbv6m-none-eabi",
        }
    }

    const fn emulated(self) -> &'static str {
        match self {
            Self::CortexM4 => "-cpu cortex-m4 -machine mps2-an386",
            Self::CortexM0 => "-machine microbit",
        }
    }
}

/// Programs that link only if no panicking branch is left.
const STRICT: [&str; 10] = [
    "record",
    "driver",
    "uart",
    "ring",
    "size-nothing",
    "size-none",
    "size-crc32c",
    "size-xxh64",
    "size-decoder",
    "size-ring",
];

/// Programs with crates that have panicking branches: FlatBuffers, and the one with XXH3.
const LAX: [&str; 2] = ["heap", "size-xxh3"];

/// Names that a strict program has no symbol of: 64-bit division, floats in software, panics, an allocator.
const FORBIDDEN: [&str; 10] = [
    "__aeabi_uldivmod",
    "__aeabi_ldivmod",
    "__udivdi3",
    "__umoddi3",
    "__udivmoddi4",
    "__aeabi_d",
    "__aeabi_f",
    "panicking",
    "__rust_alloc",
    "__rg_alloc",
];

const MISSING_FUNCTION: &str = "a_panicking_branch_survived";

/// A kind of device with its compiler and its emulator.
pub(super) struct Device<'a> {
    tools: &'a Unpacked,
    pub(super) machine: Machine,
}

impl<'a> Device<'a> {
    pub(super) const fn new(tools: &'a Unpacked, machine: Machine) -> Self {
        Self { tools, machine }
    }

    /// Where its programs run and write.
    pub(super) fn folder(&self) -> PathBuf {
        target().join("firmware/run").join(self.machine.target())
    }

    /// Builds all programs.
    pub(super) fn build(&self) -> Result<(), String> {
        println!("building for {}", self.machine.name());
        self.cargo("xxhash,embedded-io", &STRICT)?;
        self.cargo("heap,xxhash", &LAX)
    }

    fn cargo(&self, features: &str, programs: &[&str]) -> Result<(), String> {
        let mut command = self.cargo_command(features, programs);
        let output = command.output().map_err(|error| format!("cargo can't be run: {error}"))?;
        match output.status.success() {
            true => Ok(()),
            false => Err(format!("building {programs:?} failed:\n{}", String::from_utf8_lossy(&output.stderr))),
        }
    }

    fn cargo_command(&self, features: &str, programs: &[&str]) -> Command {
        let mut command = self.tools.command("usr/bin/cargo");
        // Other compilers' settings, and those of the cargo that runs us.
        for variable in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_TARGET", "RUSTC_WRAPPER"] {
            command.env_remove(variable);
        }
        let target_name = self.machine.target();
        let linker = format!("CARGO_TARGET_{}_LINKER", target_name.to_uppercase().replace('-', "_"));
        command
            .current_dir(root().join("examples/firmware"))
            .env("RUSTC", self.tools.path("usr/bin/rustc"))
            .env("RUSTC_BOOTSTRAP", "1")
            .env(linker, self.tools.path("usr/lib/llvm-22/bin/ld.lld"))
            .env("CARGO_TARGET_DIR", target().join("firmware"))
            .args(["build", "--quiet", "--locked", "--release", "-Zbuild-std=core,alloc", "--target", target_name])
            .args(["--features", features])
            .args(programs.iter().flat_map(|program| ["--bin", *program]));
        command
    }

    /// A program as it was built.
    pub(super) fn program(&self, name: &str) -> Result<Vec<u8>, String> {
        let path = self.path_of(name);
        fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))
    }

    fn path_of(&self, program: &str) -> PathBuf {
        target().join("firmware").join(self.machine.target()).join("release").join(program)
    }

    /// None of what firmware doesn't want was linked.
    pub(super) fn check_symbols(&self) -> Result<(), String> {
        for program in STRICT {
            if let Some(symbol) = self.forbidden_symbol(program)? {
                return Err(format!("{program} for {} has {symbol}", self.machine.name()));
            }
        }
        // A check that can't fail is none.
        if self.forbidden_symbol("heap")?.is_none() {
            return Err("no allocation was found in the program that has a heap".to_owned());
        }
        println!("{}: no panic, no allocation, no float in software, no 64-bit division", self.machine.name());
        Ok(())
    }

    fn forbidden_symbol(&self, program: &str) -> Result<Option<String>, String> {
        let symbols = elf::symbols(&self.program(program)?).ok_or(format!("{program} has no symbols"))?;
        let is_forbidden = |symbol: &String| FORBIDDEN.iter().any(|forbidden| symbol.contains(forbidden));
        Ok(symbols.into_iter().find(is_forbidden))
    }

    /// With one indexing that can panic, linking must fail.
    pub(super) fn negative_control(&self) -> Result<(), String> {
        let mut command = self.cargo_command("panics", &["record"]);
        let output = command.output().map_err(|error| format!("cargo can't be run: {error}"))?;
        let said = String::from_utf8_lossy(&output.stderr);
        if output.status.success() || !said.contains(MISSING_FUNCTION) {
            return Err(format!("the negative control should fail to link for want of {MISSING_FUNCTION}:\n{said}"));
        }
        println!("the negative control, one indexing that can panic, does not link");
        Ok(())
    }

    /// Runs a program; it ends with status 0 where everything worked.
    pub(super) fn emulate(&self, program: &str) -> Result<(), String> {
        let folder = self.folder();
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        // A program that hangs is ended.
        let mut command = Command::new("timeout");
        self.tools.prepare(&mut command);
        command
            .current_dir(&folder)
            .arg("120")
            .arg(self.tools.path("usr/bin/qemu-system-arm"))
            .arg("-L")
            .arg(self.tools.path("usr/share/qemu"))
            .args(self.machine.emulated().split_whitespace())
            .args("-display none -monitor none -serial none".split_whitespace())
            .args(["-semihosting-config", "enable=on,target=native", "-kernel"])
            .arg(self.path_of(program));
        let output = command.output().map_err(|error| format!("{command:?} can't be run: {error}"))?;
        match output.status.success() {
            true => Ok(()),
            false => Err(format!(
                "{program} failed on {}: {}\n{}",
                self.machine.name(),
                output.status,
                String::from_utf8_lossy(&output.stderr)
            )),
        }
    }

    /// A number that a program wrote down.
    pub(super) fn fact(&self, file: &str, name: &str) -> Result<u64, String> {
        read_fact(&self.folder().join(file), name)
    }
}

/// A number from a file of lines with a name and a number.
pub(super) fn read_fact(path: &std::path::Path, name: &str) -> Result<u64, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    find_fact(&text, name).ok_or(format!("{} has no {name}", path.display()))
}

pub(super) fn find_fact(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}
