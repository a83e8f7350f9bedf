//! `cargo xtask bench`: measures flatstream beside its peers and writes `docs/BENCHMARKS.md` and its charts.
//! `flatstream-compare` is the program that does it. Files are made in the build folder, which should lie on the file
//! system that is of interest.

use crate::Outcome;
use crate::command::{run, target};

/// With the program's own options behind.
pub(crate) fn run_all(options: &str) -> Outcome {
    let folder = target();
    run(&format!(
        "cargo run --release --package flatstream-compare -- --write docs --folder {} {options}",
        folder.display()
    ))
}
