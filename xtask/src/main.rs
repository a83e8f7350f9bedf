//! What contributors and CI run. `cargo xtask` alone lists the commands.

#![forbid(unsafe_code)]

mod bench;
mod ci;

mod codegen;
mod debian;
mod features;
mod firmware;
mod fuzz;
mod instructions;
mod no_std;
mod soak;
mod tidy;
mod tools;
mod vectors;

mod command;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask COMMAND

  bench [--quick]    measure beside peers, and write docs/BENCHMARKS.md (--quick: only to see that all works)
  ci [--full]        all of the following, as CI runs it (--full: and what takes long)
  codegen [--check]  generate code from schemas/ (--check: only compare with what is committed)
  features           every combination of crate features
  fuzz [--asan] [--minutes N] [TARGET]
                     fuzz what reads bytes: each target for half a minute, or N minutes (--asan: under AddressSanitizer)
  firmware [--bless] build examples/firmware for a device, run it in an emulator, check what it wrote and its size
                     (--bless: keep the new sizes)
  instructions [--bless]
                     count instructions per message by valgrind (--bless: keep the new figures)
  no-std             prove that the codec needs no std and cannot panic
  soak [--minutes N] [--messages M]
                     a day's stream as fast as it goes, at most 2 minutes (--minutes 0: as long as it takes)
  tidy               the house rules
  tools [--full]     install the programs of others that tests read our output with (--full: those of ci --full too)
  vectors [--check]  generate docs/format/vectors (--check: only compare with what is committed)
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
        ["bench"] => bench::run_all(""),
        ["bench", "--quick"] => bench::run_all("--quick"),
        ["ci"] => return ci::run_all(false),
        ["ci", "--full"] => return ci::run_all(true),
        ["codegen"] => codegen::generate(),
        ["codegen", "--check"] => codegen::check(),
        ["features"] => features::run_combinations(),
        ["fuzz", ref words @ ..] => fuzz::run_targets(words),
        ["firmware"] => firmware::check(),
        ["firmware", "--bless"] => firmware::bless(),
        ["instructions"] => instructions::check(),
        ["instructions", "--bless"] => instructions::bless(),
        ["no-std"] => no_std::run_proof(),
        ["soak", ref options @ ..] => soak::run_it(&options.join(" ")),
        ["tidy"] => tidy::run_rules(),
        ["tools"] => tools::install(false),
        ["tools", "--full"] => tools::install(true),
        ["vectors"] => vectors::run_script("make"),
        ["vectors", "--check"] => vectors::run_script("check"),
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
