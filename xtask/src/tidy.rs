//! `cargo xtask tidy`: the house rules that no compiler checks. Each message says what to do.

use std::fs;
use std::path::{Path, PathBuf};

use crate::command::{program, root};
use crate::{Outcome, Verdict};

/// Where `unsafe` may stand, with its reasons in the file.
const UNSAFE_ALLOWED: &[&str] = &[
    "crates/flatstream-checksum/src/crc32c/x86_64.rs",
    "crates/flatstream-format/src/generated/",
    "crates/flatstream-format/src/prefetch.rs",
    "crates/flatstream-io/src/block.rs",
    "crates/flatstream-io/src/mapping.rs",
    "crates/flatstream-py/src/message.rs",
    "crates/flatstream-schema/src/generated/",
    "schemas/src/telemetry_generated.rs",
    "crates/flatstream-testkit/src/allocations.rs",
    "xtask/no_std_proof/src/",
    "examples/firmware/src/",
];

const README_WORDS_MAX: usize = 700;

pub(crate) fn run_rules() -> Outcome {
    let mut complaints = Vec::new();
    let files = tracked_files()?;
    for path in &files {
        let is_second_name = root().join(path).is_symlink();
        let Ok(text) = fs::read_to_string(root().join(path)) else { continue };
        if is_second_name {
            continue;
        }
        check_text(path, &text, &mut complaints);
        if path.extension().is_some_and(|extension| extension == "rs") {
            check_rust(path, &text, &mut complaints);
        }
        if path.extension().is_some_and(|extension| extension == "md") {
            check_links(path, &text, &mut complaints);
        }
    }
    check_readme(&mut complaints);
    check_ci_script(&mut complaints);
    for complaint in &complaints {
        println!("{complaint}");
    }
    match complaints.len() {
        0 => {
            println!("{} files are tidy", files.len());
            Ok(Verdict::Passed)
        }
        count => Err(format!("{count} house rules are broken")),
    }
}

/// What git has, and what it would take.
fn tracked_files() -> Result<Vec<PathBuf>, String> {
    let output = program("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .output()
        .map_err(|error| format!("git can't be run: {error}"))?;
    if !output.status.success() {
        return Err("`git ls-files` failed: tidy needs a git checkout".to_owned());
    }
    Ok(String::from_utf8_lossy(&output.stdout).lines().map(PathBuf::from).collect())
}

fn is_generated(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.ends_with("_generated.rs") || name == "Cargo.lock"
}

/// The lines of a file with their numbers, but for what a program printed that a test runs: that is as it is.
fn own_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut is_printed = false;
    (1..).zip(text.lines()).filter(move |(_, line)| {
        let was_printed = is_printed;
        is_printed = if is_printed { !line.starts_with("\"#]]") } else { line.ends_with("str![[r#\"") };
        !was_printed
    })
}

fn check_text(path: &Path, text: &str, complaints: &mut Vec<String>) {
    let shown = path.display();
    if is_generated(path) || path.starts_with("LICENSE-APACHE") {
        return;
    }
    if !text.is_empty() && !text.ends_with('\n') && path != Path::new(".ci/run") {
        complaints.push(format!("{shown}: end the last line with a newline"));
    }
    for (number, line) in own_lines(text) {
        if line.ends_with([' ', '\t', '\r']) {
            complaints.push(format!("{shown}:{number}: remove the white space at the end of the line"));
        }
        // In pieces, so that this file doesn't break its own rule.
        for home in [concat!("/", "home/"), concat!("/", "root/"), concat!("/", "Users/"), concat!("/", "work/")] {
            if line.contains(home) {
                complaints.push(format!("{shown}:{number}: write no path of a machine ({home}...)"));
            }
        }
    }
}

fn check_rust(path: &Path, text: &str, complaints: &mut Vec<String>) {
    let shown = path.display();
    if is_generated(path) {
        return;
    }
    let may_be_unsafe_here = UNSAFE_ALLOWED.iter().any(|allowed| path.starts_with(allowed));
    for (number, line) in own_lines(text) {
        if line.chars().count() > 120 && !line.contains("http") {
            complaints.push(format!("{shown}:{number}: break the line: it has more than 120 characters"));
        }
        let code = line.split("//").next().unwrap_or_default();
        let has_unsafe = || ["fn", "impl", "extern", "{"].iter().any(|next| code.contains(&["unsafe", next].join(" ")));
        if !may_be_unsafe_here && has_unsafe() {
            complaints.push(format!("{shown}:{number}: no `unsafe` here (xtask/src/tidy.rs says where it may stand)"));
        }
        for macro_name in ["todo", "unimplemented", "dbg"] {
            if code.contains(&format!("{macro_name}!(")) {
                complaints.push(format!("{shown}:{number}: finish or remove the `{macro_name}!`"));
            }
        }
    }
    let is_crate_root = path.starts_with("crates") && path.ends_with("src/lib.rs");
    if is_crate_root && !path.starts_with("crates/flatstream-testkit") && !text.contains("(unsafe_code)]") {
        complaints.push(format!("{shown}: begin the crate with #![forbid(unsafe_code)]"));
    }
}

/// Links to files of the project lead somewhere.
fn check_links(path: &Path, text: &str, complaints: &mut Vec<String>) {
    for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
        let file = link.split('#').next().unwrap_or_default();
        let is_elsewhere = file.is_empty() || file.contains("://") || file.contains(char::is_whitespace);
        let folder = path.parent().unwrap_or(Path::new(""));
        if !is_elsewhere && !root().join(folder).join(file).exists() {
            complaints.push(format!("{}: the link to {file} leads nowhere", path.display()));
        }
    }
}

fn check_readme(complaints: &mut Vec<String>) {
    let text = fs::read_to_string(root().join("README.md")).unwrap_or_default();
    let words = text.split_whitespace().count();
    if words == 0 || words >= README_WORDS_MAX {
        complaints.push(format!("README.md: {words} words; keep it under {README_WORDS_MAX}"));
    }
}

fn check_ci_script(complaints: &mut Vec<String>) {
    let text = fs::read_to_string(root().join(".ci/run")).unwrap_or_default();
    if text.trim_end() != "cargo xtask ci" {
        complaints.push(".ci/run: it is one line, `cargo xtask ci`".to_owned());
    }
}
