//! Runs the second implementation: `docs/format/vectors/flatstream_vectors.py`, which shares no code with the crates.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The script.
#[must_use]
pub fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/format/vectors/flatstream_vectors.py")
}

/// Runs the script with these arguments and returns what it prints; `None`, and a loud word, where there is no Python.
///
/// # Panics
/// If the script fails; and in CI (the variable `CI` is set) if there is no Python.
pub fn run<A: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = A>) -> Option<String> {
    let mut command = Command::new("python3");
    // No bytecode beside the script: a test leaves the work tree as it was.
    command.arg("-B").arg(script()).args(arguments);
    let output = match command.output() {
        Ok(output) => output,
        Err(error) if std::env::var_os("CI").is_none() => {
            eprintln!("SKIPPED: python3 can't be run: {error}");
            return None;
        }
        Err(error) => panic!("python3 can't be run: {error}"),
    };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed:\n{said}");
    Some(String::from_utf8(output.stdout).expect("UTF-8 from Python"))
}
