//! Runs one workload a given number of times: what `cargo xtask instructions` counts under valgrind. That it runs, and
//! how figures come of it, is told in `xtask/src/instructions.rs`.

#![forbid(unsafe_code)]

mod processor;
mod source;
mod workload;

use std::process::ExitCode;

use workload::{Outcome, Workload};

const HELP: &str = "\
  instructions extensions        what this processor can do, as far as it decides which code runs
  instructions list              a line for each workload: messages to count, forced backend of CRC-32C, name
  instructions run NAME COUNT    runs a workload with so many messages
";

/// What `run` says where nothing was run.
const UNAVAILABLE: &str = "unavailable";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["extensions"] => println!("{}", processor::extensions().join(" ")),
        ["list"] => {
            for workload in Workload::all() {
                println!("{}\t{}\t{workload}", workload.count(), workload.backend().unwrap_or_default());
            }
        }
        ["run", name, count] => return run(name, count),
        _ => {
            eprint!("{HELP}");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

fn run(name: &str, count: &str) -> ExitCode {
    let Some(workload) = Workload::all().into_iter().find(|workload| workload.to_string() == name) else {
        eprintln!("instructions: no workload is called {name:?}");
        return ExitCode::from(2);
    };
    let Ok(count) = count.parse() else {
        eprintln!("instructions: {count:?} is no number of messages");
        return ExitCode::from(2);
    };
    match workload.run(count) {
        Outcome::Done => {}
        Outcome::Unavailable => println!("{UNAVAILABLE}"),
    }
    ExitCode::SUCCESS
}
