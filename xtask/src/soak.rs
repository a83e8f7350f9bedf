//! `cargo xtask soak`: a day's stream as fast as it goes, watched for what grows. The program is in
//! `benches/src/bin/soak`.

use crate::Outcome;
use crate::command::run;

/// With the program's own options behind.
pub(crate) fn run_it(options: &str) -> Outcome {
    run(&format!("cargo run --release --package flatstream-benches --bin soak -- {options}"))
}
