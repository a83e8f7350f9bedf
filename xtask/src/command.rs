//! Running other programs in the workspace's root.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Outcome, Verdict};

/// The workspace's root folder.
pub(crate) fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_path_buf()
}

/// The build folder.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |folder| root().join(folder))
}

/// A program to be run in the root. Cargo is the one that runs this.
pub(crate) fn program(name: &str) -> Command {
    let mut command = match name {
        "cargo" => Command::new(std::env::var_os("CARGO").unwrap_or_else(|| name.into())),
        _ => Command::new(name),
    };
    command.current_dir(root());
    command
}

/// Runs a line of words; its output goes where ours does.
pub(crate) fn run(line: &str) -> Outcome {
    run_with(line, |_| {})
}

/// The same, prepared by `prepare`.
pub(crate) fn run_with(line: &str, prepare: impl FnOnce(&mut Command)) -> Outcome {
    let mut words = line.split_whitespace();
    let mut command = program(words.next().unwrap_or_default());
    command.args(words);
    prepare(&mut command);
    let status = command.status().map_err(|error| format!("`{line}` can't be run: {error}"))?;
    if status.success() { Ok(Verdict::Passed) } else { Err(format!("`{line}` failed: {status}")) }
}

/// Whether a program can be run at all.
pub(crate) fn exists(line: &str) -> bool {
    let mut words = line.split_whitespace();
    program(words.next().unwrap_or_default()).args(words).output().is_ok_and(|output| output.status.success())
}

/// Where something is missing that isn't the project's: skip, but not in CI.
pub(crate) fn skip(why: String) -> Outcome {
    if std::env::var_os("CI").is_some() { Err(why) } else { Ok(Verdict::Skipped(why)) }
}
