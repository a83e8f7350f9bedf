//! What the fuzzer found stays found: each file in `regressions/TARGET` is an input that once failed.

use std::fs;
use std::path::Path;

use crate::TARGETS;

#[test]
fn every_input_that_once_failed_passes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions");
    for (target, check) in TARGETS {
        for entry in fs::read_dir(folder.join(target)).into_iter().flatten() {
            let path = entry.unwrap().path();
            println!("{}", path.display());
            check(&fs::read(&path).unwrap());
        }
    }
}
