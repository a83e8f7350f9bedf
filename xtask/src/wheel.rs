//! `cargo xtask wheel`: builds `crates/flatstream-py` as users get it, installs it, and tests and measures what was
//! installed.
//!
//! `--bless` writes the figures into the crate's README.

use std::fs;
use std::path::{Path, PathBuf};

use crate::command::{exists, program, root, run, run_with, skip, target};
use crate::{Outcome, Verdict};

const CRATE: &str = "crates/flatstream-py";
const PURE: &str = "python/flatstream";

/// The oldest Python whose stable interface has buffers.
const IS_NEW_ENOUGH: &str = "import sys, venv; sys.exit(sys.version_info < (3, 11))";

pub(crate) fn check() -> Outcome {
    run_all("")
}

pub(crate) fn bless() -> Outcome {
    run_all("--write")
}

fn run_all(bench_options: &str) -> Outcome {
    if !program("python3").args(["-c", IS_NEW_ENOUGH]).output().is_ok_and(|output| output.status.success()) {
        return skip("the wheel is for Python 3.11 or later, and there is none with venv".to_owned());
    }
    let folder = target().join("wheel");
    let python = folder.join("python/bin/python");
    if let Err(error) = install_tools(&python) {
        return skip(format!("the tools of xtask/tools_wheel.txt: {error}"));
    }
    lint(&folder)?;
    let wheels = folder.join("wheels");
    build(&python, &folder, &wheels)?;
    install(&python, &wheels)?;
    test(&python)?;
    measure(&python, &folder, bench_options)?;
    Ok(Verdict::Passed)
}

fn install_tools(python: &Path) -> Outcome {
    let pip = format!("{} -m pip", python.display());
    if !exists(&format!("{pip} --version")) {
        let folder = python.ancestors().nth(2).unwrap_or(python);
        run(&format!("python3 -m venv {}", folder.display()))?;
    }
    let options = "--quiet --disable-pip-version-check --no-deps --only-binary :all: --require-hashes";
    run(&format!("{pip} install {options} --requirement xtask/tools_wheel.txt"))
}

/// It is no member of the workspace, so the plain checks don't see it.
fn lint(folder: &Path) -> Outcome {
    let manifest = format!("--manifest-path {CRATE}/Cargo.toml");
    run(&format!("cargo fmt {manifest} --check"))?;
    let line = format!("cargo clippy {manifest} --locked --release --all-targets -- -D warnings");
    run_with(&line, |command| {
        command.env("CARGO_TARGET_DIR", folder.join("build"));
    })
}

/// The wheel itself, and that of the package in pure Python, which it needs.
fn build(python: &Path, folder: &Path, wheels: &Path) -> Outcome {
    let _ = fs::remove_dir_all(wheels);
    let shown = (python.display(), wheels.display());
    let line = format!(
        "{0} -m maturin build --release --locked --interpreter {0} --manifest-path {CRATE}/Cargo.toml --out {1}",
        shown.0, shown.1
    );
    run_with(&line, |command| {
        command.env("CARGO_TARGET_DIR", folder.join("build"));
    })?;
    // Of a copy: setuptools writes beside what it builds.
    let copy = folder.join("pure");
    let _ = fs::remove_dir_all(&copy);
    copy_folder(&root().join(PURE), &copy).map_err(|error| format!("{}: {error}", copy.display()))?;
    let options = "--quiet --disable-pip-version-check --no-deps --no-build-isolation";
    run(&format!("{} -m pip wheel {options} --wheel-dir {} {}", shown.0, shown.1, copy.display()))
}

fn copy_folder(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let copy = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => copy_folder(&entry.path(), &copy)?,
            false => fs::copy(entry.path(), copy).map(drop)?,
        }
    }
    Ok(())
}

/// With what it says it needs, from the folder alone.
fn install(python: &Path, wheels: &Path) -> Outcome {
    let pip = format!("{} -m pip", python.display());
    let options = "--quiet --disable-pip-version-check --no-index --force-reinstall";
    run(&format!("{pip} install {options} --find-links {} flatstream-native", wheels.display()))
}

/// Its own tests, and those of the package in pure Python.
fn test(python: &Path) -> Outcome {
    let line = format!("{} -m unittest", python.display());
    println!("the wheel's own tests:");
    run_with(&line, |command| {
        command.current_dir(root().join(CRATE));
    })?;
    println!("the tests of {PURE}, on the wheel:");
    run_with(&line, |command| {
        command.current_dir(root().join(PURE)).env("FLATSTREAM_IMPLEMENTATION", "flatstream_native");
    })
}

fn measure(python: &Path, folder: &Path, options: &str) -> Outcome {
    let bench: PathBuf = root().join(CRATE).join("bench.py");
    let files = folder.join("bench");
    fs::create_dir_all(&files).map_err(|error| format!("{}: {error}", files.display()))?;
    let outcome = run(&format!("{} {} {} {options}", python.display(), bench.display(), files.display()));
    let _ = fs::remove_dir_all(&files);
    outcome
}
