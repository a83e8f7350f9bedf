//! What contributors and CI run. `cargo xtask` alone lists the commands.

#![forbid(unsafe_code)]

mod api;
mod bench;
mod cargo_tool;
mod ci;
mod codegen;
mod command;
mod coverage;
mod debian;
mod deny;
mod document;
mod features;
mod firmware;
mod fuzz;
mod instructions;
mod kaitai;
mod msrv;
mod mutants;
mod no_std;
mod package;
mod soak;
mod targets;
mod tidy;
mod tools;
mod vectors;
mod wheel;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask COMMAND

  api [--bless]      compare the public API of the published crates with docs/api (--bless: keep the new one)
  bench [--quick]    measure beside peers, and write docs/BENCHMARKS.md (--quick: only to see that all works)
  ci [--full]        all of the following, as CI runs it (--full: and what takes long)
  codegen [--check]  generate code from schemas/ (--check: only compare with what is committed)
  coverage           how many lines of each library its tests reach, into docs/ROBUSTNESS.md; not part of ci
  deny               licences and origins of all crates, and which come twice, by deny.toml
  features [--full]  combinations of crate features (--full: every one)
  fuzz [--asan] [--minutes N] [TARGET]
                     fuzz what reads bytes: each target for half a minute, or N minutes, then also into
                     docs/ROBUSTNESS.md (--asan: under AddressSanitizer)
  firmware [--bless] build examples/firmware for a device, run it in an emulator, check what it wrote and its size
                     (--bless: make its header anew, keep the new sizes)
  instructions [--bless]
                     count instructions per message by valgrind (--bless: keep the new figures)
  kaitai             compile docs/format/flatstream.ksy by the Kaitai Struct compiler, and read the vectors with it
  msrv               build and test checksum and format by the lowest compiler they are said to need
  mutants [--shard K/N] [FILE ...]
                     change the sources in one place at a time, and see whether a test fails, into docs/ROBUSTNESS.md:
                     hours; not part of ci
  mutants --merge    only make the table of what was run
  no-std             prove that the codec needs no std and cannot panic
  package            build each crate from the files that would be uploaded, and check that these are all and no others
  soak [--minutes N] [--messages M]
                     a day's stream as fast as it goes, at most 2 minutes (--minutes 0: as long as it takes)
  targets            the tests of format, checksums and io on a big-endian machine and on one with 32 bits
  tidy               the house rules
  tools [--full]     install the programs of others that tests read our output with (--full: those of ci --full too)
  vectors [--check]  generate docs/format/vectors (--check: only compare with what is committed)
  wheel [--bless]    build the Python wheel, install it, test it and measure it (--bless: keep the new figures)
";

/// What a command returns: an error is a sentence for a person.
type Outcome = Result<Verdict, String>;

/// How a step that didn't fail ended.
#[derive(Debug)]
enum Verdict {
    Passed,
    /// With the reason. Only outside CI: there, whatever is missing is a failure, unless it is valgrind.
    Skipped(String),
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments[..] {
        ["api"] => api::check(),
        ["api", "--bless"] => api::bless(),
        ["bench"] => bench::run_all(""),
        ["bench", "--quick"] => bench::run_all("--quick"),
        ["ci"] => return ci::run_all(false),
        ["ci", "--full"] => return ci::run_all(true),
        ["codegen"] => codegen::generate(),
        ["codegen", "--check"] => codegen::check(),
        ["coverage"] => coverage::measure(),
        ["deny"] => deny::check(),
        ["features"] => features::run_combinations(false),
        ["features", "--full"] => features::run_combinations(true),
        ["fuzz", ref words @ ..] => fuzz::run_targets(words),
        ["firmware"] => firmware::check(),
        ["firmware", "--bless"] => firmware::bless(),
        ["instructions"] => instructions::check(),
        ["instructions", "--bless"] => instructions::bless(),
        ["kaitai"] => kaitai::check(),
        ["msrv"] => msrv::check(),
        ["mutants", "--merge"] => mutants::merge(),
        ["mutants", ref choice @ ..] => mutants::run(choice),
        ["no-std"] => no_std::run_proof(),
        ["package"] => package::check(),
        ["soak", ref options @ ..] => soak::run_it(&options.join(" ")),
        ["targets"] => targets::run_tests(),
        ["tidy"] => tidy::run_rules(),
        ["tools"] => tools::install(false),
        ["tools", "--full"] => tools::install(true),
        ["vectors"] => vectors::run_script("make"),
        ["vectors", "--check"] => vectors::run_script("check"),
        ["wheel"] => wheel::check(),
        ["wheel", "--bless"] => wheel::bless(),
        [] | ["help" | "--help" | "-h"] => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprint!("cargo xtask: unknown command: {}\n\n{HELP}", arguments.join(" "));
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(Verdict::Passed) => ExitCode::SUCCESS,
        Ok(Verdict::Skipped(why)) => {
            eprintln!("SKIPPED: {why}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
