//! `cargo xtask ci`: every check, each with the command that repeats it alone and with the time it took.

use std::process::{Command, ExitCode};
use std::time::Instant;

use crate::command::{exists, run, run_with, skip, target};
use crate::{
    Outcome, Verdict, api, codegen, deny, features, firmware, fuzz, instructions, kaitai, msrv, no_std, package, soak,
    targets, tidy, tools, vectors, wheel,
};

/// A check: the command that repeats it alone, and what is done here (given that command).
type Step = (&'static str, fn(&str) -> Outcome);

const STEPS: &[Step] = &[
    ("cargo fmt --all --check", run),
    ("cargo xtask tidy", |_| tidy::run_rules()),
    ("cargo xtask codegen --check", |_| codegen::check()),
    ("cargo xtask vectors --check", |_| vectors::run_script("check")),
    // The implementation in Python; it needs nothing installed.
    ("python3 -m unittest discover -s python/flatstream", run),
    ("cargo xtask tools", |_| tools::install(false)),
    // The comparison with peers brings theirs, and the program's feature `full` brings Parquet: they are checked and
    // tested by `--full`.
    (
        "cargo clippy --workspace --exclude flatstream-compare --all-targets --features flatstream/full \
         -- -D warnings",
        run,
    ),
    (
        "cargo nextest run --workspace --exclude flatstream-benches --exclude flatstream-compare \
         --features flatstream/full",
        test,
    ),
    ("cargo test --workspace --exclude flatstream-compare --features flatstream/full --doc", run),
    ("cargo test --package flatstream-io --release --lib loom", with_loom),
    ("cargo doc --workspace --exclude flatstream-compare --features flatstream/full --no-deps", document),
    ("cargo xtask features", |_| features::run_combinations(false)),
    ("cargo xtask no-std", |_| no_std::run_proof()),
    ("cargo xtask instructions", |_| instructions::check()),
    ("cargo run --release --example telemetry -- --seconds 1", telemetry),
    ("cargo run --release --example private_checksum", run),
    ("cargo run --release --example event_log", run),
    ("cargo run --release --example seek", run),
    ("cargo run --release --example follow", run),
    ("cargo run --release --example rotate --features log", run),
    ("cargo xtask soak", |_| soak::run_it("")),
];

/// What takes long, for `ci --full`: by hand, where a change asks for it.
const FULL_STEPS: &[Step] = &[
    ("cargo run --release --example power_cut", run),
    ("cargo nextest run --release -p flatstream-crashtest --test power_cuts --no-capture", many_power_cuts),
    ("cargo nextest run -p flatstream-io --test differential --no-capture", many_damaged_streams),
    ("cargo clippy -p flatstream-compare --all-targets -- -D warnings", run),
    ("cargo test --release -p flatstream-compare", run),
    ("cargo xtask tools --full", |_| tools::install(true)),
    ("cargo clippy -p flatstream-cli --all-targets --features full -- -D warnings", run),
    ("cargo nextest run -p flatstream-cli --features full", test),
    // Fetches a compiler and an emulator.
    ("cargo xtask firmware", |_| firmware::check()),
    // The same, and builds std for two machines: some minutes.
    ("cargo xtask targets", |_| targets::run_tests()),
    ("cargo xtask features --full", |_| features::run_combinations(true)),
    ("cargo xtask api", |_| api::check()),
    // Fetches a compiler.
    ("cargo xtask msrv", |_| msrv::check()),
    // Builds cargo-deny: a minute.
    ("cargo xtask deny", |_| deny::check()),
    ("cargo xtask package", |_| package::check()),
    // Fetches what builds Python wheels.
    ("cargo xtask wheel", |_| wheel::check()),
    // Fetches the Kaitai Struct compiler.
    ("cargo xtask kaitai", |_| kaitai::check()),
    // The whole day: some minutes.
    ("cargo xtask soak --minutes 0", |_| soak::run_it("--minutes 0")),
    // Half a minute each.
    ("cargo xtask fuzz", |_| fuzz::run_targets(&[])),
    (
        "cargo test -p flatstream-checksum -p flatstream-format -p flatstream-io --all-features \
         --lib --test allocations --test mapped --test split --target x86_64-unknown-linux-gnu",
        with_address_sanitizer,
    ),
];

/// Runs all steps, whatever fails on the way; the last line counts them.
pub(crate) fn run_all(is_full: bool) -> ExitCode {
    let start = Instant::now();
    let mut failed = Vec::new();
    let mut skipped = Vec::new();
    let full_steps = if is_full { FULL_STEPS } else { &[] };
    let steps: Vec<&Step> = STEPS.iter().chain(full_steps).collect();
    for step in &steps {
        match run_step(step) {
            Ok(Verdict::Passed) => {}
            Ok(Verdict::Skipped(_)) => skipped.push(step.0),
            Err(_) => failed.push(step.0),
        }
    }
    println!("\n== {:.0} s in all", start.elapsed().as_secs_f64());
    skipped.iter().for_each(|step| println!("skipped: {step}"));
    failed.iter().for_each(|step| println!("failed:  {step}"));
    let passed = steps.len() - failed.len() - skipped.len();
    match skipped.len() {
        0 => println!("{passed} passed, {} failed", failed.len()),
        skipped => println!("{passed} passed, {} failed, {skipped} skipped", failed.len()),
    }
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run_step((line, check): &Step) -> Outcome {
    println!("\n== {line}");
    let start = Instant::now();
    let outcome = check(line);
    let seconds = start.elapsed().as_secs_f64();
    match &outcome {
        Ok(Verdict::Passed) => println!("-- passed in {seconds:.1} s"),
        Ok(Verdict::Skipped(why)) => println!("-- SKIPPED: {why}"),
        Err(error) => println!("-- FAILED in {seconds:.1} s: {error}\n-- to repeat it: {line}"),
    }
    outcome
}

/// By nextest, where it is installed; `cargo test` runs the same tests.
fn with_nextest(line: &str, set: impl FnOnce(&mut Command)) -> Outcome {
    if exists("cargo nextest --version") { run_with(line, set) } else { run_with(&without_nextest(line), set) }
}

fn without_nextest(line: &str) -> String {
    let kinds = if line.contains("--test ") { "test" } else { "test --lib --bins --tests" };
    line.replace("nextest run", kinds).replace("--no-capture", "-- --nocapture")
}

fn test(line: &str) -> Outcome {
    with_nextest(line, |command| {
        // Tests that need flatc take the one that the codegen step has checked.
        if let Some(flatc) = codegen::find_flatc() {
            command.env("FLATC", flatc);
        }
    })
}

/// Every order in which the threads of `SharedWriter` may run. Built anew, so in a folder of its own.
fn with_loom(line: &str) -> Outcome {
    run_with(line, |command| {
        command.env("RUSTFLAGS", "--cfg loom").env("CARGO_TARGET_DIR", target().join("loom"));
    })
}

/// What is `unsafe`, under AddressSanitizer, which a stable compiler has but keeps for itself. Built anew, so in a
/// folder of its own.
fn with_address_sanitizer(line: &str) -> Outcome {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return skip("AddressSanitizer is run on Linux on x86-64".to_owned());
    }
    run_with(line, |command| {
        let folder = target().join("sanitizer");
        command.env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", "-Zsanitizer=address").env("CARGO_TARGET_DIR", folder);
    })
}

/// Three cuts in each of 300,000 schedules: some minutes.
fn many_power_cuts(line: &str) -> Outcome {
    with_nextest(line, |command| {
        command.env("FLATSTREAM_POWER_CUTS", "300000");
    })
}

/// Through the implementation in Python, too: some minutes.
fn many_damaged_streams(line: &str) -> Outcome {
    with_nextest(line, |command| {
        command.env("FLATSTREAM_DIFFERENTIAL", "20000");
    })
}

/// Not into the root: CI leaves the work tree as it was.
fn telemetry(line: &str) -> Outcome {
    run(&format!("{line} --out {}", target().join("ci.fls").display()))
}

fn document(line: &str) -> Outcome {
    run_with(line, |command| {
        command.env("RUSTDOCFLAGS", "-D warnings");
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_test_runs_the_same_tests_where_nextest_is_missing() {
        assert_eq!(
            without_nextest("cargo nextest run -p a --features b"),
            "cargo test --lib --bins --tests -p a --features b"
        );
        let one = "cargo nextest run --release -p a --test b --no-capture";
        assert_eq!(without_nextest(one), "cargo test --release -p a --test b -- --nocapture");
    }
}
