//! `cargo xtask kaitai`: compiles `docs/format/flatstream.ksy` by the Kaitai Struct compiler, and reads the vectors
//! with what comes out.

use std::fs;
use std::path::Path;

use crate::command::{exists, root, run, run_with, skip, target};
use crate::{Outcome, Verdict};

const TOOLS: &str = "xtask/kaitai";

pub(crate) fn check() -> Outcome {
    if !exists("node --version") || !exists("npm --version") || !exists("python3 -m venv --help") {
        return skip(
            "the Kaitai Struct compiler needs node and npm, and what it makes needs python3 with venv".to_owned(),
        );
    }
    let folder = target().join("kaitai");
    let python = folder.join("python/bin/python");
    if let Err(error) = install(&folder, &python) {
        return skip(format!("the tools of {TOOLS}: {error}"));
    }
    let generated = folder.join("generated");
    fs::create_dir_all(&generated).map_err(|error| format!("{}: {error}", generated.display()))?;
    let line = format!("node {TOOLS}/compile.js docs/format/flatstream.ksy {}", generated.display());
    run_with(&line, |command| {
        command.env("NODE_PATH", folder.join("node_modules"));
    })?;
    let module = generated.join("flatstream.py");
    run(&format!("{} {TOOLS}/check.py {} docs/format/vectors/valid", python.display(), module.display()))
}

/// Pinned by version and hash, into a folder of their own.
fn install(folder: &Path, python: &Path) -> Outcome {
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for list in ["package.json", "package-lock.json"] {
        let from = root().join(TOOLS).join(list);
        fs::copy(&from, folder.join(list)).map_err(|error| format!("{}: {error}", from.display()))?;
    }
    run(&format!("npm ci --silent --ignore-scripts --no-audit --no-fund --prefix {}", folder.display()))?;
    let pip = format!("{} -m pip", python.display());
    if !exists(&format!("{pip} --version")) {
        run(&format!("python3 -m venv {}", folder.join("python").display()))?;
    }
    let options = "--quiet --disable-pip-version-check --no-deps --only-binary :all: --require-hashes";
    run(&format!("{pip} install {options} --requirement {TOOLS}/requirements.txt"))?;
    Ok(Verdict::Passed)
}
