//! `cargo xtask deny`: the licences and origins of all crates in the lock file, and which crates users compile twice,
//! by `deny.toml`.

use std::path::Path;

use crate::command::{run, skip};
use crate::{Outcome, Verdict, cargo_tool};

const VERSION: &str = "0.20.2";

pub(crate) fn check() -> Outcome {
    let path = match cargo_tool::installed("cargo-deny", VERSION) {
        Ok(path) => path,
        Err(why) => return skip(format!("LICENCES WEREN'T LOOKED AT: {why}")),
    };
    deny(&path, "", "licenses sources")?;
    // What we only measure or test with may bring what it likes.
    deny(&path, "--exclude-unpublished --exclude-dev", "bans")?;
    Ok(Verdict::Passed)
}

fn deny(path: &Path, graph: &str, checks: &str) -> Outcome {
    run(&format!("{} --locked {graph} check --show-stats --hide-inclusion-graph {checks}", path.display()))
}
