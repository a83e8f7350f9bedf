//! `cargo xtask features`: the combinations of crate features build without a warning, and the smallest ones pass their
//! tests. Without `--full`: none, each alone, all but one, and all, since hardly a line asks for more than two; and the
//! tests of what firmware embeds.

use std::fs;

use crate::command::{self, run};
use crate::{Outcome, Verdict};

/// The crates, with the features that can be turned on and off.
const FEATURES: &[(&str, &[&str])] = &[
    ("flatstream-checksum", &["std", "crc", "xxhash"]),
    ("flatstream-format", &["std", "alloc", "crc", "xxhash"]),
    ("flatstream-ring", &[]),
    ("flatstream-schema", &["from-json"]),
    ("flatstream-io", &["crc", "xxhash", "flatbuffers", "typed", "from-json", "mmap"]),
    ("flatstream-log", &[]),
    ("flatstream", &["crc", "xxhash", "flatbuffers", "typed", "from-json", "mmap", "log"]),
];

/// Features that touch no others, so that they are tried alone and together only.
const SEPARATE: &[(&str, &[&str])] = &[("flatstream-format", &["embedded-io-07", "embedded-io-async-07", "defmt-1"])];

/// Those whose tests are run, all of them or those of the features alone: no features at all, and some of them only.
const TESTED: &[(&str, &str, &str)] = &[
    ("flatstream-checksum", "", "--lib --tests"),
    ("flatstream-checksum", "xxhash", "--lib --tests"),
    ("flatstream-format", "", "--lib --tests"),
    ("flatstream-format", "embedded-io-07,embedded-io-async-07,defmt-1", "--test frame_writer --test defmt"),
];

/// Those by `--full`, beside: they compile for long.
const TESTED_IN_FULL: &[(&str, &str, &str)] = &[
    ("flatstream-io", "", "--lib --tests"),
    ("flatstream-io", "xxhash", "--lib --test round_trip"),
    ("flatstream-io", "typed", "--lib --test typed"),
    ("flatstream-log", "", "--lib --tests"),
    ("flatstream", "", "--lib --tests"),
];

pub(crate) fn run_combinations(is_full: bool) -> Outcome {
    check_full()?;
    for (package, features) in FEATURES {
        for combination in combinations(features, is_full) {
            let selection = selection(package, &combination);
            step(&format!("cargo clippy --quiet --lib {selection} -- -D warnings"))?;
        }
    }
    for (package, features) in SEPARATE {
        for selected in features.iter().map(|feature| (*feature).to_owned()).chain([features.join(",")]) {
            step(&format!("cargo clippy --quiet --lib {} -- -D warnings", selection(package, &selected)))?;
        }
    }
    let in_full = if is_full { TESTED_IN_FULL } else { &[] };
    for (package, features, tests) in TESTED.iter().chain(in_full) {
        step(&format!("cargo test --quiet {tests} {}", selection(package, features)))?;
    }
    Ok(Verdict::Passed)
}

/// The facade's feature `full`, by which `cargo xtask ci` turns on whatever the library has, has it all.
fn check_full() -> Outcome {
    let manifest = command::root().join("crates/flatstream/Cargo.toml");
    let text = fs::read_to_string(&manifest).map_err(|error| format!("{}: {error}", manifest.display()))?;
    let full = text.lines().find(|line| line.starts_with("full = ")).unwrap_or_default();
    let all = FEATURES.iter().filter(|(package, _)| *package == "flatstream").flat_map(|(_, features)| *features);
    match all.into_iter().find(|feature| !full.contains(&format!("\"{feature}\""))) {
        None => Ok(Verdict::Passed),
        Some(feature) => Err(format!("{}: the feature full lacks {feature}", manifest.display())),
    }
}

/// Features that turn others on: the pair differs from the first alone in name only.
const IMPLIED: [(&str, &str); 2] = [("typed", "flatbuffers"), ("from-json", "typed")];

/// All subsets that differ, or the small and the large ones, as lists with commas.
fn combinations(features: &[&str], is_full: bool) -> impl Iterator<Item = String> {
    let count = features.len();
    let is_asked_for = move |subset: &Vec<String>| is_full || subset.len() <= 1 || subset.len() + 1 >= count;
    let subset = |subset: u32| {
        let is_in = |(nth, feature): (usize, &&str)| (subset >> nth & 1 == 1).then(|| (*feature).to_owned());
        features.iter().enumerate().filter_map(is_in).collect::<Vec<_>>()
    };
    let has = |subset: &[String], name: &str| subset.iter().any(|feature| feature == name);
    let is_whole = move |subset: &[String], (one, other): (&str, &str)| {
        !has(subset, one) || has(subset, other) || !features.contains(&other)
    };
    let differs = move |subset: &Vec<String>| IMPLIED.into_iter().all(|pair| is_whole(subset, pair));
    let subsets = (0..1u32 << count).map(subset);
    subsets.filter(is_asked_for).filter(differs).map(|subset| subset.join(","))
}

fn selection(package: &str, features: &str) -> String {
    let features = if features.is_empty() { String::new() } else { format!(" --features {features}") };
    format!("--package {package} --no-default-features{features}")
}

fn step(line: &str) -> Outcome {
    println!("   {line}");
    run(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feature_is_named_with_those_that_it_turns_on() {
        let all = |features: &[&str]| combinations(features, true).collect::<Vec<_>>();
        assert_eq!(all(&["from-json"]), ["", "from-json"]);
        assert_eq!(all(&["flatbuffers", "typed"]), ["", "flatbuffers", "flatbuffers,typed"]);
    }
}
