//! The program `flatstream`. Results go to the standard output, whatever else is said to the standard error; the exit
//! code is 0 if all is well, 1 if something failed or a stream is damaged, 2 if the program was called wrongly, and 3
//! if it did what it should and something had been lost.

#![forbid(unsafe_code)]

mod arguments;
mod commands;
mod convert;

mod facts;
mod filter;
mod follow;
mod messages;
mod plot;
mod printer;
mod selection;

mod new_stream;
mod place;
mod timed;

mod incoming;
mod input;
mod interval;
mod key;
mod measure;
mod shape;

mod outcome;
mod output;
mod progress;
mod text;
mod time;
mod unfinished;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};

/// Does what the command line asks for: the program's name, and what is behind it. For the program, and for the fuzzer,
/// which runs it many times in one process; it is no interface for others.
#[must_use]
pub fn run(line: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(line) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Nobody may be there to read it.
            let _ = error.print();
            return ExitCode::from(error.exit_code() as u8);
        }
    };
    let result = match arguments.command {
        Command::Info(options) => commands::info::run(&options),
        Command::Cat(options) => commands::cat::run(&options),
        Command::Head(options) => commands::head::run(options),
        Command::Tail(options) => commands::tail::run(options),
        Command::Verify(options) => commands::verify::run(&options),
        Command::Inspect(options) => commands::inspect::run(&options),
        Command::Recover(options) => commands::recover::run(&options),
        Command::Cut(options) => commands::cut::run(&options),
        Command::Merge(options) => commands::merge::run(&options),
        Command::Split(options) => commands::split::run(&options),
        Command::Convert(options) => commands::convert::run(&options),
        Command::Record(options) => commands::record::run(&options),
        Command::Replay(options) => commands::replay::run(&options),
        Command::Plot(options) => commands::plot::run(&options),
        Command::Schema(command) => commands::schema::run(&command),
        Command::Bench(options) => commands::bench::run(&options),
        Command::Completions { shell } => commands::completions::run(shell),
        Command::Man { folder } => commands::man::run(&folder),
    };
    outcome::exit(result)
}
