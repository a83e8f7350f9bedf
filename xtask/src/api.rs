//! `cargo xtask api`: the public API of each published library, all features on, is the one in `docs/api`: a line for
//! each item, so that whatever is added, changed or removed shows in a diff.

use std::fs;
use std::path::PathBuf;

use crate::command::{program, root, run, run_with, target};
use crate::{Outcome, Verdict, package};

pub(crate) fn check() -> Outcome {
    let mut changed = Vec::new();
    for (name, found) in snapshots()? {
        let path = path_of(&name);
        let expected = fs::read_to_string(&path).unwrap_or_default();
        if expected == found {
            println!("{name}: {} lines", found.lines().count());
        } else {
            print_changes(&name, &expected, &found);
            changed.push(name);
        }
    }
    match changed.is_empty() {
        true => Ok(Verdict::Passed),
        false => Err(format!("public API changed: {}; if it is meant: cargo xtask api --bless", changed.join(", "))),
    }
}

pub(crate) fn bless() -> Outcome {
    for (name, found) in snapshots()? {
        let path = path_of(&name);
        let io = |error| format!("{}: {error}", path.display());
        path.parent().map_or(Ok(()), fs::create_dir_all).map_err(io)?;
        fs::write(&path, found).map_err(io)?;
    }
    Ok(Verdict::Passed)
}

fn path_of(name: &str) -> PathBuf {
    root().join("docs/api").join(format!("{name}.txt"))
}

fn print_changes(name: &str, expected: &str, found: &str) {
    println!("{name}:");
    let lacks = |text: &str, line: &str| !text.lines().any(|other| other == line);
    expected.lines().filter(|line| lacks(found, line)).for_each(|line| println!("- {line}"));
    found.lines().filter(|line| lacks(expected, line)).for_each(|line| println!("+ {line}"));
}

/// The libraries with their API as it is.
fn snapshots() -> Result<Vec<(String, String)>, String> {
    let mut names = Vec::new();
    for name in package::published()? {
        if package::is_library(&name)? {
            names.push(name);
        }
    }
    let folder = target().join("api");
    document(&names)?;
    run(&format!(
        "cargo build --quiet --locked --manifest-path xtask/public_api/Cargo.toml --target-dir {}",
        folder.display()
    ))?;
    let list = |name: String| {
        let json = folder.join("doc").join(format!("{}.json", name.replace('-', "_")));
        let mut command = program(&folder.join("debug/flatstream-public-api").to_string_lossy());
        let output = command.arg(&json).output().map_err(|error| format!("{command:?} can't be run: {error}"))?;
        match output.status.success() {
            true => Ok((name, String::from_utf8_lossy(&output.stdout).into_owned())),
            false => Err(format!("{}: {}", json.display(), String::from_utf8_lossy(&output.stderr))),
        }
    };
    names.into_iter().map(list).collect()
}

/// Rustdoc's JSON, which a stable compiler has but keeps for itself. In a folder of its own: some crates look whether
/// they are allowed what isn't stable, and would be built anew each time.
fn document(names: &[String]) -> Outcome {
    let selection: Vec<String> = names.iter().map(|name| format!("-p {name}")).collect();
    run_with(&format!("cargo doc --quiet --no-deps --lib --all-features {}", selection.join(" ")), |command| {
        command
            .env("RUSTC_BOOTSTRAP", "1")
            .env("RUSTDOCFLAGS", "-Zunstable-options --output-format json")
            .env("CARGO_TARGET_DIR", target().join("api"));
    })
}
