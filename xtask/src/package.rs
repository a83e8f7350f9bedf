//! `cargo xtask package`: what would be uploaded to crates.io, crate by crate, has all it needs and nothing else, and
//! builds from the packaged files alone, each crate against the packages of the others.

use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::command::{program, root, run};
use crate::{Outcome, Verdict};

/// Lines of a manifest that crates.io shows or docs.rs goes by.
const WANTED_KEYS: &[&str] = &["description", "readme", "license", "repository", "keywords", "categories"];

/// Files of every package. `include_*!` in the sources asks for more.
const WANTED_FILES: &[&str] = &["Cargo.toml", "README.md", "LICENSE-APACHE", "LICENSE-MIT"];

/// What cargo puts in.
const MADE_BY_CARGO: &[&str] = &[".cargo_vcs_info.json", "Cargo.lock", "Cargo.toml.orig"];

pub(crate) fn check() -> Outcome {
    let names = published()?;
    let mut complaints = Vec::new();
    for name in &names {
        let files = list(name)?;
        check_manifest(name, &mut complaints)?;
        check_files(name, &files, &mut complaints)?;
        println!("{name}: {} files", files.len());
    }
    if !complaints.is_empty() {
        return Err(complaints.join("\n"));
    }
    let selection: Vec<String> = names.iter().map(|name| format!("-p {name}")).collect();
    // `--allow-dirty`: before a commit, too. In CI nothing is dirty.
    run(&format!("cargo package --quiet --locked --allow-dirty {}", selection.join(" ")))?;
    println!("{} packages build from their own files", names.len());
    Ok(Verdict::Passed)
}

/// The crates that have no `publish = false`.
pub(crate) fn published() -> Result<Vec<String>, String> {
    let folder = root().join("crates");
    let io = |error| format!("{}: {error}", folder.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).map_err(io)? {
        let name = entry.map_err(io)?.file_name().to_string_lossy().into_owned();
        if !manifest(&name)?.lines().any(|line| line == "publish = false") {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Whether it is a library for others: one that has no documentation isn't.
pub(crate) fn is_library(name: &str) -> Result<bool, String> {
    let is_hidden = manifest(name)?.contains("\n[lib]\ndoc = false\n");
    Ok(folder_of(name).join("src/lib.rs").exists() && !is_hidden)
}

fn manifest(name: &str) -> Result<String, String> {
    let path = folder_of(name).join("Cargo.toml");
    fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
}

fn folder_of(name: &str) -> PathBuf {
    root().join("crates").join(name)
}

fn list(name: &str) -> Result<Vec<PathBuf>, String> {
    lines_of("cargo", &["package", "--quiet", "--locked", "--allow-dirty", "--list", "-p", name])
}

/// What a program prints, as paths.
fn lines_of(name: &str, arguments: &[&str]) -> Result<Vec<PathBuf>, String> {
    let line = format!("{name} {}", arguments.join(" "));
    let output = program(name).args(arguments).output().map_err(|error| format!("`{line}` can't be run: {error}"))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).lines().map(PathBuf::from).collect()),
        false => Err(format!("`{line}` failed: {}", String::from_utf8_lossy(&output.stderr))),
    }
}

fn check_manifest(name: &str, complaints: &mut Vec<String>) -> Result<(), String> {
    let text = manifest(name)?;
    for key in WANTED_KEYS {
        let is_set = |line: &str| line.strip_prefix(key).is_some_and(|rest| rest.starts_with([' ', '.']));
        if !text.lines().any(is_set) {
            complaints.push(format!("{name}: its Cargo.toml has no {key}"));
        }
    }
    if is_library(name)? && !text.contains("[package.metadata.docs.rs]\nall-features = true\n") {
        complaints.push(format!("{name}: docs.rs wouldn't show what features add (package.metadata.docs.rs)"));
    }
    Ok(())
}

fn check_files(name: &str, files: &[PathBuf], complaints: &mut Vec<String>) -> Result<(), String> {
    for wanted in WANTED_FILES {
        if !files.iter().any(|file| file == Path::new(wanted)) {
            complaints.push(format!("{name}: its package has no {wanted}"));
        }
    }
    let folder = Path::new("crates").join(name);
    let known = lines_of("git", &["ls-files", "--cached", "--others", "--exclude-standard", "crates"])?;
    for file in files {
        let is_made = MADE_BY_CARGO.iter().any(|made| file == Path::new(made));
        if !is_made && !known.contains(&folder.join(file)) {
            complaints.push(format!("{name}: git doesn't know {}, but the package has it", file.display()));
        }
        // Not text: it includes nothing.
        let Ok(text) = fs::read_to_string(root().join(&folder).join(file)) else { continue };
        for included in included(file, &text) {
            if !files.contains(&included) {
                let (included, file) = (included.display(), file.display());
                complaints.push(format!("{name}: the package lacks {included}, which {file} includes"));
            }
        }
    }
    Ok(())
}

/// The files that a source or an example in its documentation takes in as it is compiled.
fn included(file: &Path, text: &str) -> Vec<PathBuf> {
    let folder = file.parent().unwrap_or(Path::new(""));
    // What stands behind code, in examples too, is a remark.
    let code = text.lines().filter_map(|line| line.split(" // ").next());
    let paths = code.flat_map(|line| ["include_str!(\"", "include_bytes!(\""].map(|call| line.split_once(call)));
    let paths = paths.flatten().filter_map(|(_, rest)| rest.split('"').next());
    paths.map(|path| normal(&folder.join(path))).collect()
}

/// Without `..`, where that can be.
fn normal(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut normal, component| {
        if component != Component::ParentDir || !normal.pop() {
            normal.push(component);
        }
        normal
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_included_file_is_looked_for_beside_the_file_that_includes_it() {
        let text = "#![doc = include_str!(\"../README.md\")]\n/// include_bytes!(\"a/b.bin\")\n";
        assert_eq!(included(Path::new("src/lib.rs"), text), ["README.md", "src/a/b.bin"].map(PathBuf::from));
    }

    #[test]
    fn a_remark_behind_code_includes_nothing() {
        let text = "/// const BYTES: &[u8] = &[]; // include_bytes!(\"a.bin\")\n";
        assert!(included(Path::new("src/lib.rs"), text).is_empty());
    }

    #[test]
    fn a_file_outside_of_the_package_stays_outside() {
        let text = "include_bytes!(\"../../other/x.bfbs\")";
        assert_eq!(included(Path::new("src/lib.rs"), text), [PathBuf::from("../other/x.bfbs")]);
    }
}
