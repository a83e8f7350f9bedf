//! `cargo xtask mutants`: changes the sources of format and checksum in one place at a time, and looks whether a test
//! fails. Hours of work: it can be done in shards, or file by file, one at a time in each clone, for cargo can't tell
//! the copies that are changed from each other. Results are kept in `target/mutants/results`, and the table of
//! `docs/ROBUSTNESS.md` is made of all that are there, those of other clones and machines copied into it too.

mod results;

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::{program, root, target};
use crate::{Outcome, Verdict, cargo_tool, document};
use results::Results;

const VERSION: &str = "27.1.0";

/// A package whose sources are changed, and what their changes are shown to: each pass to what survived the one before.
struct Changed {
    package: &'static str,
    passes: &'static [Pass],
}

/// Tests, for cargo.
struct Pass {
    name: &'static str,
    profile: &'static str,
    /// Tests that run longer, in seconds, are taken for having noticed. They end within a fifth of it.
    timeout: &'static str,
    tests: &'static str,
}

const CHANGED: &[Changed] = &[
    Changed { package: "flatstream-checksum", passes: &[CHECKSUM, CHECKSUM_ALONE, FORMAT_QUICK, READERS] },
    Changed { package: "flatstream-format", passes: &[FORMAT_QUICK, FORMAT, READERS] },
];

const CHECKSUM: Pass = Pass { name: "all", profile: "mutants", timeout: "60", tests: "-- --lib --test second_opinion" };

/// What stands in for the features that are off.
const CHECKSUM_ALONE: Pass = Pass {
    name: "alone",
    profile: "mutants",
    timeout: "60",
    tests: "--no-default-features --features xxhash -- --lib --test second_opinion",
};

const FORMAT_QUICK: Pass = Pass {
    name: "quick",
    profile: "mutants",
    timeout: "20",
    tests: "--test-package flatstream-format -- --lib --test arrival --test decoding --test encoding --test misuse \
            --test salvage --test seeking --test specification --test tail --test vectors",
};

/// With the features that they need. Not `damage`, which takes minutes where nothing is optimised.
const FORMAT: Pass = Pass {
    name: "all",
    profile: "mutants",
    timeout: "60",
    tests: "--features embedded-io-07,embedded-io-async-07 -- --test frame_writer --test header --test split",
};

/// What takes seconds even where it is optimised.
const READERS: Pass = Pass {
    name: "readers",
    profile: "mutants-optimised",
    timeout: "300",
    tests: "--test-package flatstream-io --features crc,xxhash -- --test recovery --test recovery_arrival \
            --test recovery_bounds --test recovery_exhaustive --test recovery_links --test recovery_noise \
            --test recovery_sectors --test seek --test times --test vectors",
};

/// All changes, or those that `--shard K/N`, files, or what else cargo-mutants takes (`--re REGEX`) choose.
pub(crate) fn run(choice: &[&str]) -> Outcome {
    let tool = cargo_tool::installed("cargo-mutants", VERSION)?;
    for changed in CHANGED {
        let is_of_other = |word: &&str| word.ends_with(".rs") && !word.contains(&format!("{}/", changed.package));
        if !choice.iter().any(is_of_other) {
            test_passes(&tool, changed, choice)?;
        }
    }
    write_table(&tool)
}

/// The table of what has been run so far; the document gets it once that is everything.
pub(crate) fn merge() -> Outcome {
    write_table(&cargo_tool::installed("cargo-mutants", VERSION)?)
}

fn folder() -> PathBuf {
    target().join("mutants")
}

/// Results of a choice are kept in folders of its name, so that others' stay.
fn test_passes(tool: &Path, changed: &Changed, choice: &[&str]) -> Result<(), String> {
    let words = choice.iter().flat_map(|&word| match word.ends_with(".rs") {
        true => vec!["--file".to_owned(), word.to_owned()],
        false => vec![word.to_owned()],
    });
    let mut words: Vec<String> = words.collect();
    for pass in changed.passes {
        let name = format!("{}{}-{}", changed.package, label_of(choice), pass.name);
        let results = folder().join("results").join(name);
        test(tool, changed.package, pass, &words, &results)?;
        let missed = fs::read_to_string(results.join("mutants.out/missed.txt")).unwrap_or_default();
        if missed.is_empty() {
            break;
        }
        words = missed.lines().flat_map(|change| ["--re".to_owned(), format!("^{}$", escaped(change))]).collect();
    }
    Ok(())
}

/// A name for a choice, short enough for a folder, and another one for each.
fn label_of(choice: &[&str]) -> String {
    let choice = choice.concat();
    let mut hasher = DefaultHasher::new();
    choice.hash(&mut hasher);
    let readable = choice.chars().filter(char::is_ascii_alphanumeric).take(40);
    format!("-{}-{:08x}", readable.collect::<String>(), hasher.finish() as u32)
}

/// As a regular expression that nothing else matches.
fn escaped(text: &str) -> String {
    // Not all punctuation: `\<` is the start of a word.
    let is_special = |letter: char| r"\.+*?()|[]{}^$".contains(letter);
    let escape = |letter: char| if is_special(letter) { vec!['\\', letter] } else { vec![letter] };
    text.chars().flat_map(escape).collect()
}

fn test(tool: &Path, package: &str, pass: &Pass, choice: &[String], results: &Path) -> Result<(), String> {
    fs::create_dir_all(results).map_err(|error| format!("{}: {error}", results.display()))?;
    forget_own_crates(&folder().join(pass.profile).join(".fingerprint"))?;
    let mut command = mutants(tool, package);
    command
        .args(choice)
        .arg("--output")
        .arg(results)
        .args(["--baseline", "skip", "--timeout", pass.timeout, "--build-timeout", "600", "--profile", pass.profile])
        .args(["--no-shuffle", "--colors", "never"])
        .args(pass.tests.split_whitespace())
        // Only what changed is compiled anew.
        .env("CARGO_TARGET_DIR", folder())
        .env("CARGO_INCREMENTAL", "1")
        // Every so many-th of a test's cases are enough here. Proptest would spend the time to make a failure smaller.
        .env("FLATSTREAM_THINNED", "53")
        .env("PROPTEST_CASES", "64")
        .env("PROPTEST_MAX_SHRINK_ITERS", "0");
    let status = command.status().map_err(|error| format!("{command:?} can't be run: {error}"))?;
    match status.code() {
        // 2: some weren't noticed; 3: some ran too long. They are listed.
        Some(0 | 2 | 3) => Ok(()),
        _ => Err(format!("cargo-mutants failed: {status}")),
    }
}

/// Has cargo compile this project's crates anew: a run that was stopped has left one with a change in it, and that is
/// newer than its source.
fn forget_own_crates(fingerprints: &Path) -> Result<(), String> {
    for entry in fs::read_dir(fingerprints).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with("flatstream") {
            fs::remove_dir_all(entry.path()).map_err(|error| format!("{}: {error}", entry.path().display()))?;
        }
    }
    Ok(())
}

fn mutants(tool: &Path, package: &str) -> Command {
    let mut command = program(&tool.to_string_lossy());
    command.args(["mutants", "--package", package]);
    command
}

fn write_table(tool: &Path) -> Outcome {
    let mut results = Results::of(&list(tool)?);
    results.read_all(&folder().join("results"))?;
    let text = results.text();
    println!("{text}");
    match results.not_run() {
        0 => document::write_part("docs/ROBUSTNESS.md", "cargo xtask mutants", &text)?,
        changes => println!("docs/ROBUSTNESS.md stays as it is: {changes} changes weren't run here"),
    }
    Ok(Verdict::Passed)
}

/// All changes that there are, of the sources as they are now: older results of others don't count.
fn list(tool: &Path) -> Result<Vec<String>, String> {
    let mut all = Vec::new();
    for changed in CHANGED {
        let mut command = mutants(tool, changed.package);
        let output = command.arg("--list").current_dir(root()).output();
        let output = output.map_err(|error| format!("{command:?} can't be run: {error}"))?;
        if !output.status.success() {
            return Err(format!("{command:?} failed: {}", String::from_utf8_lossy(&output.stderr)));
        }
        all.extend(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_chosen_by_its_own_text() {
        assert_eq!(
            escaped("a.rs:1:2: replace f<'a> -> u8 with (0 + 1)"),
            r"a\.rs:1:2: replace f<'a> -> u8 with \(0 \+ 1\)"
        );
    }

    #[test]
    fn choices_have_folders_of_their_own() {
        assert_ne!(label_of(&["--shard", "1/8"]), label_of(&["--shard", "18"]));
    }
}
