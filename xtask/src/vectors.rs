//! `cargo xtask vectors`: the known-answer vectors, made by the Python implementation.

use crate::Outcome;
use crate::command::{exists, run, skip};

pub(crate) fn run_script(command: &str) -> Outcome {
    if !exists("python3 --version") {
        return skip("python3 isn't installed".to_owned());
    }
    // -B: no bytecode beside the script.
    run(&format!("python3 -B docs/format/vectors/flatstream_vectors.py {command}"))
}
