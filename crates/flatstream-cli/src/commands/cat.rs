use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;

use flatstream::Losses;

use crate::arguments::{Cat, MessagesFormat};
use crate::filter::Filter;
use crate::follow;
use crate::messages::{Messages, Place};
use crate::outcome::{Done, Failure, Outcome};
use crate::printer::Printer;
use crate::text::counted;

/// So much is written to the standard output at a time.
const BUFFER: usize = 128 << 10;

pub(crate) fn run(options: &Cat) -> Outcome {
    let place = Place::of(&options.window)?;
    let mut out = BufWriter::with_capacity(BUFFER, io::stdout().lock());
    let mut done = Done::Well;
    if options.printing.format == MessagesFormat::Raw {
        refuse_terminal("raw messages")?;
    }
    if options.follow && options.files.len() > 1 {
        return Err(Failure::usage("--follow takes one FILE"));
    }
    for path in &options.files {
        let printed = match options.follow {
            true => follow::run(path, options, &place, &mut out),
            false => print(path, options, &place, &mut out),
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

fn print(path: &Path, options: &Cat, place: &Place, out: &mut impl Write) -> Outcome {
    let printing = &options.printing;
    let mut messages = Messages::open(path, printing.recover, printing.max_message_len)?;
    let filter = Filter::new(path, &printing.choice, place, messages.header())?;
    let mut printer = Printer::new(printing, messages.header())?;
    let mut left = options.count_max;
    if left == Some(0) {
        return Ok(Done::Well);
    }
    let result = messages.each(place, filter.key.as_ref(), |item| {
        let is_wanted = !filter.is_behind(&item);
        if is_wanted && filter.holds(&item.message) {
            printer.print(&item, out)?;
            left = left.map(|left| left - 1);
        }
        Ok(is_wanted && left != Some(0))
    });
    for finding in messages.take_findings() {
        eprintln!("{}: {finding}", path.display());
    }
    let losses = say_losses(path, &messages.losses());
    result.map(|()| losses)
}

pub(crate) fn say_losses(path: &Path, losses: &Losses) -> Done {
    if losses.is_none() {
        return Done::Well;
    }
    let more = if losses.may_be_more { " or more" } else { "" };
    let (messages, bytes) = (counted(losses.messages, "message"), counted(losses.bytes, "byte"));
    eprintln!("{}: {messages}{more} lost, in {bytes}", path.display());
    Done::WithLoss
}
