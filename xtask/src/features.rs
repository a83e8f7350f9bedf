//! `cargo xtask features`: every combination of crate features builds without a warning, and the smallest ones pass
//! their tests.

use crate::command::run;
use crate::{Outcome, Verdict};

/// The crates, with the features that can be turned on and off.
const FEATURES: &[(&str, &[&str])] = &[
    ("flatstream-checksum", &["std", "crc", "xxhash"]),
    ("flatstream-format", &["std", "alloc", "crc", "xxhash"]),
    ("flatstream-schema", &["from-json"]),
    ("flatstream-io", &["crc", "xxhash", "flatbuffers", "typed", "mmap"]),
    ("flatstream-log", &[]),
    ("flatstream", &["crc", "xxhash", "flatbuffers", "typed", "mmap", "log"]),
];

/// Those whose tests are run, all of them or those of the features alone: no features at all, and some of them only.
const TESTED: &[(&str, &str, &str)] = &[
    ("flatstream-checksum", "", "--lib --tests"),
    ("flatstream-checksum", "xxhash", "--lib --tests"),
    ("flatstream-format", "", "--lib --tests"),
    ("flatstream-io", "", "--lib --tests"),
    ("flatstream-io", "xxhash", "--lib --test round_trip"),
    ("flatstream-io", "typed", "--lib --test typed"),
    ("flatstream-log", "", "--lib --tests"),
    ("flatstream", "", "--lib --tests"),
];

pub(crate) fn run_combinations() -> Outcome {
    for (package, features) in FEATURES {
        for combination in combinations(features) {
            let selection = selection(package, &combination);
            step(&format!("cargo clippy --quiet --lib {selection} -- -D warnings"))?;
        }
    }
    for (package, features, tests) in TESTED {
        step(&format!("cargo test --quiet {tests} {}", selection(package, features)))?;
    }
    Ok(Verdict::Passed)
}

/// A feature that turns another one on: the pair differs from the first alone in name only.
const IMPLIED: (&str, &str) = ("typed", "flatbuffers");

/// All subsets that differ, as lists with commas.
fn combinations(features: &[&str]) -> impl Iterator<Item = String> {
    let subset = |subset: u32| {
        let is_in = |(nth, feature): (usize, &&str)| (subset >> nth & 1 == 1).then(|| (*feature).to_owned());
        features.iter().enumerate().filter_map(is_in).collect::<Vec<_>>()
    };
    let has = |subset: &[String], name: &str| subset.iter().any(|feature| feature == name);
    let subsets = (0..1u32 << features.len()).map(subset);
    subsets.filter(move |subset| !has(subset, IMPLIED.0) || has(subset, IMPLIED.1)).map(|subset| subset.join(","))
}

fn selection(package: &str, features: &str) -> String {
    let features = if features.is_empty() { String::new() } else { format!(" --features {features}") };
    format!("--package {package} --no-default-features{features}")
}

fn step(line: &str) -> Outcome {
    println!("   {line}");
    run(line)
}
