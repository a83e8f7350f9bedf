//! `cargo xtask coverage`: how many lines of each library its tests reach, written into `docs/ROBUSTNESS.md`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::{program, root, run_with, skip, target};
use crate::debian::{self, Suites, Unpacked};
use crate::{Outcome, Verdict, codegen, document};

/// The tools of the LLVM that the compiler has: profiles of others aren't read.
const PACKAGES: &[&str] = &["llvm-22"];

const CRATES: &[&str] = &[
    "flatstream-checksum",
    "flatstream-format",
    "flatstream-io",
    "flatstream-log",
    "flatstream-ring",
    "flatstream-schema",
];

/// Lines of code, and those of them that no test reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Lines {
    all: u64,
    missed: u64,
}

pub(crate) fn measure() -> Outcome {
    let tools = match debian::unpack("llvm-22", Suites::MainAndSecurity, PACKAGES) {
        Ok(tools) => tools,
        Err(why) => return skip(format!("COVERAGE WASN'T MEASURED: {why}")),
    };
    // Without flatc, tests of schemas are left out.
    if let Verdict::Skipped(why) = codegen::check()? {
        return skip(format!("COVERAGE WASN'T MEASURED: {why}"));
    }
    let profiles = run_tests()?;
    let merged = merge(&tools, &profiles)?;
    let report = report(&tools, &merged)?;
    let table = table(&report);
    print!("{table}");
    document::write_part("docs/ROBUSTNESS.md", "cargo xtask coverage", &table)?;
    Ok(Verdict::Passed)
}

fn folder() -> PathBuf {
    target().join("coverage")
}

fn selection() -> String {
    CRATES.iter().map(|name| format!(" -p {name}")).collect()
}

/// Runs the tests of all crates, and returns the folder of profiles that they leave.
fn run_tests() -> Result<PathBuf, String> {
    let profiles = profiles();
    if profiles.exists() {
        fs::remove_dir_all(&profiles).map_err(|error| format!("{}: {error}", profiles.display()))?;
    }
    // By cargo, not nextest: a process for each program, not for each test.
    run_with(&format!("cargo test --quiet --lib --tests --all-features{}", selection()), |command| {
        // A third of the cases of a test that tries thousands reach the same lines as all.
        instrument(command).env("FLATSTREAM_THINNED", "3").env("PROPTEST_CASES", "64");
        if let Some(flatc) = codegen::find_flatc() {
            command.env("FLATC", flatc);
        }
    })?;
    Ok(profiles)
}

fn profiles() -> PathBuf {
    folder().join("profiles")
}

/// The programs that run while others are compiled leave profiles, too.
fn instrument(command: &mut Command) -> &mut Command {
    command
        .env("RUSTFLAGS", "-Cinstrument-coverage")
        .env("CARGO_TARGET_DIR", folder())
        .env("LLVM_PROFILE_FILE", profiles().join("%m.profraw"))
}

fn merge(tools: &Unpacked, profiles: &Path) -> Result<PathBuf, String> {
    let merged = folder().join("merged.profdata");
    let mut command = tools.command("usr/lib/llvm-22/bin/llvm-profdata");
    command.args(["merge", "--sparse", "--output"]).arg(&merged).arg(profiles);
    text_of(&mut command)?;
    Ok(merged)
}

/// llvm-cov's table of the crates' sources.
fn report(tools: &Unpacked, merged: &Path) -> Result<String, String> {
    let mut command = tools.command("usr/lib/llvm-22/bin/llvm-cov");
    command.arg("report").arg("--instr-profile").arg(merged);
    for program in test_programs()? {
        command.arg("--object").arg(program);
    }
    command.arg("--sources").args(CRATES.iter().map(|name| root().join("crates").join(name).join("src")));
    text_of(&mut command)
}

/// The programs that cargo has just run.
fn test_programs() -> Result<Vec<PathBuf>, String> {
    let mut command = program("cargo");
    command.args(["test", "--no-run", "--lib", "--tests", "--all-features"]);
    command.args(selection().split_whitespace());
    let output = instrument(&mut command).output().map_err(|error| format!("{command:?} can't be run: {error}"))?;
    // "  Executable tests/vectors.rs (target/coverage/debug/deps/vectors-0123456789abcdef)"
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let executables = said.lines().filter(|line| line.trim_start().starts_with("Executable "));
    let paths = executables.filter_map(|line| Some(line.rsplit_once('(')?.1.trim_end_matches(')')));
    Ok(paths.map(|path| root().join(path)).collect())
}

fn text_of(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{command:?} can't be run: {error}"))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(format!("{command:?} failed: {}", String::from_utf8_lossy(&output.stderr))),
    }
}

fn table(report: &str) -> String {
    let files: Vec<(&str, Lines)> = report.lines().filter_map(file_row).collect();
    let mut table = String::from("| crate | lines | reached | files that are reached least |\n|---|---|---|---|\n");
    for name in CRATES {
        let folder = format!("{name}/src/");
        let of_crate = files.iter().filter_map(|(path, lines)| Some((path.split_once(&folder)?.1, *lines)));
        let mut of_crate: Vec<(&str, Lines)> = of_crate.filter(|(_, lines)| lines.all != 0).collect();
        let all = of_crate.iter().map(|(_, lines)| lines.all).sum();
        let missed = of_crate.iter().map(|(_, lines)| lines.missed).sum();
        of_crate.sort_by(|(_, a), (_, b)| a.share().total_cmp(&b.share()));
        let least = of_crate.iter().filter(|(_, lines)| lines.missed != 0).take(3);
        let least: Vec<String> = least.map(|(path, lines)| format!("`{path}` {:.0} %", lines.share())).collect();
        let share = Lines { all, missed }.share();
        table += &format!("| `{name}` | {all} | {share:.1} % | {} |\n", least.join(", "));
    }
    table
}

impl Lines {
    /// In per cent.
    fn share(self) -> f64 {
        100.0 * (self.all - self.missed) as f64 / self.all.max(1) as f64
    }
}

/// A row of llvm-cov's table: the file, then three columns each of regions, functions and lines: how many, how many
/// missed, and the share of the rest.
fn file_row(line: &str) -> Option<(&str, Lines)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [path, _, _, _, _, _, _, all, missed, ..] = words[..] else { return None };
    if !path.ends_with(".rs") {
        return None;
    }
    Some((path, Lines { all: all.parse().ok()?, missed: missed.parse().ok()? }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_the_report_is_read_by_its_columns() {
        let line = "flatstream-io/src/a.rs  120  3  97.50%  10  1  90.00%  80  4  95.00%  0  0  -";
        assert_eq!(file_row(line), Some(("flatstream-io/src/a.rs", Lines { all: 80, missed: 4 })));
        assert_eq!(file_row("TOTAL  120  3  97.50%  10  1  90.00%  80  4  95.00%  0  0  -"), None);
    }
}
