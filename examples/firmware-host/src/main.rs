//! The host's side of `examples/firmware`. `cargo xtask firmware` runs it.

#![forbid(unsafe_code)]

mod expected;
mod header;
mod receive;
mod unroll;

use std::process::ExitCode;

const HELP: &str = "\
flatstream-firmware-host COMMAND

  header         write examples/firmware/header.bin
  expected N     print the first N messages of the device, as `flatstream cat --format ndjson` does
  receive FILE   read what came over the line, and say how many messages were delivered and lost
  unroll IMAGE FILE
                 make a stream of the memory of a ring
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments[..] {
        ["header"] => header::write(),
        ["expected", count] => expected::print(count),
        ["receive", path] => receive::report(path),
        ["unroll", image, path] => unroll::write(image, path),
        _ => {
            eprint!("{HELP}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Nothing, or a sentence for a person.
type Outcome = Result<(), Box<dyn std::error::Error>>;
