//! The program `flatstream`: all of it is in the library.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    flatstream_cli::run(std::env::args_os())
}
