//! `cargo xtask features`: every combination of crate features that means something builds without a warning, and the
//! smallest ones pass their tests.

use crate::command::run;
use crate::{Outcome, Verdict};

/// A crate and its combinations, each beside `--no-default-features`.
const CHECKED: &[(&str, &[&str])] = &[
    ("flatstream-checksum", &["", "std", "crc", "xxhash", "std,xxhash"]),
    ("flatstream-format", &["", "std", "alloc", "xxhash", "alloc,xxhash", "alloc,crc", "crc"]),
    ("flatstream-io", &["", "crc", "xxhash", "flatbuffers"]),
    ("flatstream", &["", "crc", "xxhash", "flatbuffers"]),
];

/// Those whose tests are run: no features at all, and one kind of checksum only.
const TESTED: &[(&str, &str)] = &[
    ("flatstream-checksum", ""),
    ("flatstream-checksum", "xxhash"),
    ("flatstream-format", ""),
    ("flatstream-io", ""),
    ("flatstream-io", "xxhash"),
    ("flatstream", ""),
];

pub(crate) fn run_combinations() -> Outcome {
    for (package, combinations) in CHECKED {
        for features in *combinations {
            step(&format!("cargo clippy --quiet --lib --tests {}", selection(package, features)), " -- -D warnings")?;
        }
    }
    for (package, features) in TESTED {
        step(&format!("cargo test --quiet --lib --tests {}", selection(package, features)), "")?;
    }
    Ok(Verdict::Passed)
}

fn selection(package: &str, features: &str) -> String {
    let features = if features.is_empty() { String::new() } else { format!(" --features {features}") };
    format!("--package {package} --no-default-features{features}")
}

fn step(line: &str, rest: &str) -> Outcome {
    println!("   {line}{rest}");
    run(&format!("{line}{rest}"))
}
