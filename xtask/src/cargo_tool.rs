//! Programs from crates.io, built into a folder under `target/tools`.

use std::path::PathBuf;
use std::process::Command;

use crate::command::{program, target};

/// The program of a crate in exactly this version, built if it isn't there yet. Not optimised: that takes longer than
/// it saves.
///
/// # Errors
/// With the reason why it can't be had.
pub(crate) fn installed(name: &str, version: &str) -> Result<PathBuf, String> {
    let folder = target().join("tools").join(name);
    let path = folder.join("bin").join(name);
    let found = Command::new(&path).arg("--version").output();
    if found.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).trim() == format!("{name} {version}")) {
        return Ok(path);
    }
    println!("building {name} {version} into {}", folder.display());
    let mut command = program("cargo");
    command
        .args(["install", "--quiet", "--locked", "--debug", "--force"])
        .arg(format!("{name}@{version}"))
        .arg("--root")
        .arg(&folder)
        .env("CARGO_TARGET_DIR", target().join("install"))
        .env("CARGO_PROFILE_DEV_DEBUG", "0");
    let output = command.output().map_err(|error| format!("{command:?} can't be run: {error}"))?;
    match output.status.success() {
        true => Ok(path),
        false => Err(format!("{command:?} failed: {}", String::from_utf8_lossy(&output.stderr))),
    }
}
