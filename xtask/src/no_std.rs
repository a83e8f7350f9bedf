//! `cargo xtask no-std`: proves on the host what firmware needs. `no_std_proof` has no std, no main, no libc and no
//! allocator, and its panic handler calls a function that doesn't exist: it links only if no panicking branch is left
//! in encoder and decoder.

use std::process::Command;

use crate::command::{program, run, skip, target};
use crate::{Outcome, Verdict};

const MISSING_FUNCTION: &str = "a_panicking_branch_survived";

pub(crate) fn run_proof() -> Outcome {
    if !cfg!(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))) {
        return skip("the proof makes a program for Linux on x86-64 or AArch64".to_owned());
    }
    let folder = target().join("no-std");
    let build = format!(
        "cargo build --quiet --locked --release --manifest-path xtask/no_std_proof/Cargo.toml --target-dir {}",
        folder.display()
    );
    run(&build)?;
    let proof = folder.join("release/flatstream-no-std-proof");
    let status = Command::new(&proof).status().map_err(|error| format!("{}: {error}", proof.display()))?;
    if !status.success() {
        return Err(format!("encoded and decoded streams differ: {status}"));
    }
    println!("linked without a panicking branch; encoded, decoded and compared");
    negative_control(&build)
}

/// A proof that can't fail is none: with one indexing that can panic, linking must.
fn negative_control(build: &str) -> Outcome {
    let line = format!("{build} --features panics");
    let output = program("cargo")
        .args(line.split_whitespace().skip(1))
        .output()
        .map_err(|error| format!("`{line}` can't be run: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() || !said.contains(MISSING_FUNCTION) {
        return Err(format!("the negative control should fail to link for want of {MISSING_FUNCTION}:\n{said}"));
    }
    println!("the negative control, one indexing that can panic, does not link");
    Ok(Verdict::Passed)
}
