//! `cargo xtask msrv`: what firmware embeds is built and tested by the lowest compiler that its manifests name, the one
//! that Debian's release came out with. All other crates name the compiler of this project, with which all is tested.

use std::fs;

use crate::command::{root, skip, target};
use crate::debian::{self, Suites, Unpacked};
use crate::{Outcome, Verdict};

const VERSION: &str = "1.85";

const PACKAGES: &[&str] = &["rustc-web", "cargo-web"];

/// What cargo is asked for. All features but `crc`, for `crc-fast` needs 1.89.
const STEPS: &[&str] = &[
    "check --package flatstream-checksum --no-default-features",
    "check --package flatstream-checksum --no-default-features --features std,xxhash,defmt-1",
    "check --package flatstream-format --no-default-features",
    "check --package flatstream-format --no-default-features --features std,alloc,xxhash,\
     embedded-io-07,embedded-io-async-07,defmt-1",
    // Its tests read by flatstream-io, which needs more.
    "check --package flatstream-ring",
    // Crates that only tests use may name a newer compiler; that isn't what is promised here. They compile.
    "test --ignore-rust-version --lib --tests --package flatstream-checksum --package flatstream-format \
     --no-default-features --features flatstream-format/std,flatstream-format/alloc,flatstream-format/xxhash",
];

/// Those whose manifests name it.
const CRATES: &[&str] = &["flatstream-checksum", "flatstream-format", "flatstream-ring"];

pub(crate) fn check() -> Outcome {
    check_manifests()?;
    // Not the security suite, which brings newer ones.
    let tools = match debian::unpack("rust-1.85", Suites::Main, PACKAGES) {
        Ok(tools) => tools,
        Err(why) => return skip(format!("NO OLD COMPILER WAS RUN: {why}")),
    };
    check_version(&tools)?;
    for step in STEPS {
        println!("   cargo {step}");
        cargo(&tools, step)?;
    }
    Ok(Verdict::Passed)
}

fn check_manifests() -> Result<(), String> {
    let line = format!("rust-version = \"{VERSION}\"");
    for name in CRATES {
        let path = root().join("crates").join(name).join("Cargo.toml");
        let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        if !text.lines().any(|found| found == line) {
            return Err(format!("{}: it should say {line}, which is what is tested", path.display()));
        }
    }
    Ok(())
}

fn check_version(tools: &Unpacked) -> Result<(), String> {
    let mut command = tools.command("usr/bin/rustc");
    let output = command.arg("--version").output().map_err(|error| format!("{command:?} can't be run: {error}"))?;
    let found = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    println!("{found}");
    match found.starts_with(&format!("rustc {VERSION}.")) {
        true => Ok(()),
        false => Err(format!("Debian's compiler should be of version {VERSION}: {found:?}")),
    }
}

fn cargo(tools: &Unpacked, line: &str) -> Result<(), String> {
    let mut command = tools.command("usr/bin/cargo");
    // Other compilers' settings.
    for variable in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_TARGET", "RUSTC_WRAPPER"] {
        command.env_remove(variable);
    }
    command
        .current_dir(root())
        .env("RUSTC", tools.path("usr/bin/rustc"))
        .env("RUSTDOC", tools.path("usr/bin/rustdoc"))
        .env("CARGO_TARGET_DIR", target().join("msrv"))
        .args(line.split_whitespace())
        .args(["--quiet", "--locked"]);
    let status = command.status().map_err(|error| format!("{command:?} can't be run: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("`cargo {line}` by Rust {VERSION} failed: {status}")) }
}
