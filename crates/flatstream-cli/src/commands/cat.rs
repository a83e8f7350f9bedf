use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;

use crate::arguments::{Cat, MessagesFormat};
use crate::follow;
use crate::messages::Place;
use crate::outcome::{Done, Failure, Outcome};
use crate::printer::Printer;
use crate::selection::Selected;

/// So much is written to the standard output at a time.
const BUFFER: usize = 128 << 10;

pub(crate) fn run(options: &Cat) -> Outcome {
    // Before anything is printed.
    Place::of(&options.selection.window)?;
    let mut out = BufWriter::with_capacity(BUFFER, io::stdout().lock());
    let mut done = Done::Well;
    if options.format == MessagesFormat::Raw {
        refuse_terminal("raw messages")?;
    }
    if options.follow && options.files.len() > 1 {
        return Err(Failure::usage("--follow takes one FILE"));
    }
    if options.format == MessagesFormat::Csv && options.files.len() > 1 {
        return Err(Failure::usage("csv has one row of columns: give one FILE, which may be a log"));
    }
    for path in &options.files {
        let printed = match options.follow {
            true => follow::run(path, options, &mut out),
            false => print(path, options, &mut out),
        };
        // What was good comes before what is said about the rest.
        out.flush()?;
        done = done.max(printed?);
    }
    Ok(done)
}

/// Bytes would only confuse it.
pub(crate) fn refuse_terminal(what: &str) -> Result<(), Failure> {
    match io::stdout().is_terminal() {
        true => Err(Failure::usage(format!("{what} aren't for a terminal: send them to a file or a program"))),
        false => Ok(()),
    }
}

fn print(path: &Path, options: &Cat, out: &mut impl Write) -> Outcome {
    let mut selected = Selected::open(path, &options.selection)?;
    let mut printer = Printer::new(options.format, &options.selection.reading, selected.header())?;
    out.write_all(printer.head())?;
    let done = selected.each(options.count_max, |item| Ok(out.write_all(printer.line(item)?)?))?;
    Ok(done.max(printer.done()))
}
