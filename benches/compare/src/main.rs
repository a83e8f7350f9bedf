//! Figures of flatstream beside peers and beside the machine's own limits.
//!
//! `cargo run --release -p flatstream-compare -- --table append [--len 64] [--rounds 11] [--folder target]` prints one
//! table; `--help` names them all.

#![forbid(unsafe_code)]

mod rounds;

mod bodies;
mod peers;

mod tables;

mod charts;
mod document;
mod targets;

mod results;

mod machine;
mod plot;

mod aligned;
mod arguments;
mod progress;

use std::io;
use std::process::ExitCode;

use arguments::Arguments;
use results::Results;
use tables::TABLES;

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1).peekable();
    if words.next_if(|word| word == tables::SCALE_CHILD).is_some() {
        return exit(tables::run_as_scale_child(words));
    }
    let arguments = match Arguments::parse(words) {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            print!("{}", arguments::help());
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("flatstream-compare: {error}\n\n{}", arguments::help());
            return ExitCode::from(2);
        }
    };
    exit(run(&arguments))
}

fn exit(result: io::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("flatstream-compare: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> io::Result<()> {
    let settings = arguments.settings();
    std::fs::create_dir_all(&settings.folder)?;
    let mut results = Vec::new();
    for table in TABLES {
        if arguments.table.as_deref().is_none_or(|name| name == table.name) {
            let outcome = (table.measure)(&settings)?;
            println!("{outcome}");
            results.push((table, outcome));
        }
    }
    match &arguments.write {
        Some(folder) => document::write(folder, &Results(results), &settings),
        None => Ok(()),
    }
}
