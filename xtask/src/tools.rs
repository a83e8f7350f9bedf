//! `cargo xtask tools`: the programs of others that tests read our output with, from PyPI, pinned by version and hash.

use std::path::PathBuf;

use crate::command::{exists, run, skip, target};
use crate::{Outcome, Verdict};

/// Installs them into an environment of their own, `target/tools/python`; `--full` also those of `ci --full`.
pub(crate) fn install(is_full: bool) -> Outcome {
    if !exists("python3 -m venv --help") {
        return skip("python3 with venv, which would hold the tools, isn't installed".to_owned());
    }
    let folder = folder();
    let python = folder.join("bin/python");
    let pip = format!("{} -m pip", python.display());
    if !exists(&format!("{pip} --version")) {
        run(&format!("python3 -m venv {}", folder.display()))?;
    }
    let lists: &[&str] = if is_full { &["xtask/tools.txt", "xtask/tools_full.txt"] } else { &["xtask/tools.txt"] };
    for list in lists {
        let options = "--quiet --disable-pip-version-check --no-deps --only-binary :all: --require-hashes";
        if let Err(error) = run(&format!("{pip} install {options} --requirement {list}")) {
            return skip(format!("the tools of {list}: {error}"));
        }
        println!("{list}: installed in {}", folder.display());
    }
    Ok(Verdict::Passed)
}

fn folder() -> PathBuf {
    target().join("tools/python")
}
