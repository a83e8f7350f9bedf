//! `cargo xtask tools`: the programs of others that tests read our output with, from PyPI, pinned by version and hash.

use std::path::PathBuf;

use crate::command::{exists, run, skip, target};
use crate::{Outcome, Verdict};

const LIST: &str = "xtask/tools.txt";

/// Installs them into an environment of their own, `target/tools/python`.
pub(crate) fn install() -> Outcome {
    if !exists("python3 -m venv --help") {
        return skip("python3 with venv, which would hold the tools, isn't installed".to_owned());
    }
    let folder = folder();
    let pip = format!("{} -m pip", folder.join("bin/python").display());
    if !exists(&format!("{pip} --version")) {
        run(&format!("python3 -m venv {}", folder.display()))?;
    }
    let options = "--quiet --disable-pip-version-check --no-deps --only-binary :all: --require-hashes";
    if let Err(error) = run(&format!("{pip} install {options} --requirement {LIST}")) {
        return skip(format!("the tools of {LIST}: {error}"));
    }
    println!("{LIST}: installed in {}", folder.display());
    Ok(Verdict::Passed)
}

fn folder() -> PathBuf {
    target().join("tools/python")
}
