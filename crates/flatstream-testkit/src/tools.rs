//! Programs of others that read what ours write.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The Python of `cargo xtask tools` that has these modules; `None`, and a loud word, where there is none.
///
/// # Panics
/// In CI (the variable `CI` is set), if there is none.
#[must_use]
pub fn python_with(modules: &[&str]) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or(root.join("target"), |target| root.join(target));
    let python = target.join("tools/python/bin/python");
    let imports = modules.iter().map(|module| format!("import {module}\n")).collect::<String>();
    let found = Command::new(&python).args(["-c", &imports]).output();
    if found.is_ok_and(|output| output.status.success()) {
        return Some(python);
    }
    let modules = modules.join(", ");
    assert!(std::env::var_os("CI").is_none(), "no Python with {modules}: `cargo xtask tools` installs it");
    eprintln!("SKIPPED: no Python with {modules}; `cargo xtask tools` installs it");
    None
}

/// What a script prints, with these arguments.
///
/// # Panics
/// If it fails.
#[must_use]
pub fn run(python: &Path, script: &str, arguments: &[&Path]) -> String {
    let output = Command::new(python).arg("-c").arg(script).args(arguments).output().expect("Python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8 from Python")
}
