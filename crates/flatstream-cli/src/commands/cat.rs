use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;

use flatstream::{Header, Losses};

use crate::arguments::{Cat, MessagesFormat};
use crate::follow;
use crate::key::{Condition, Key};
use crate::messages::{Item, Messages, Place};
use crate::outcome::{Done, Failure, Outcome};
use crate::printer::Printer;
use crate::shape;
use crate::text::counted;

/// So much is written to the standard output at a time.
const BUFFER: usize = 128 << 10;

pub(crate) fn run(options: &Cat) -> Outcome {
    let place = Place::of(&options.window)?;
    let mut out = BufWriter::with_capacity(BUFFER, io::stdout().lock());
    let mut done = Done::Well;
    if options.format == MessagesFormat::Raw && io::stdout().is_terminal() {
        return Err(Failure::usage("raw messages aren't for a terminal: send them to a file or a program"));
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

fn print(path: &Path, options: &Cat, place: &Place, out: &mut impl Write) -> Outcome {
    let mut messages = Messages::open(path, options.recover, options.max_message_len)?;
    let filter = Filter::new(path, options, place, messages.header())?;
    let mut printer = Printer::new(options, messages.header())?;
    let result = messages.each(place, filter.key.as_ref(), |item| {
        let is_wanted = !filter.is_behind(&item);
        if is_wanted && filter.holds(&item.message) {
            printer.print(&item, out)?;
        }
        Ok(is_wanted)
    });
    for finding in messages.take_findings() {
        eprintln!("{}: {finding}", path.display());
    }
    let losses = say_losses(path, &messages.losses());
    result.map(|()| losses)
}

fn say_losses(path: &Path, losses: &Losses) -> Done {
    if losses.is_none() {
        return Done::Well;
    }
    let more = if losses.may_be_more { " or more" } else { "" };
    let (messages, bytes) = (counted(losses.messages, "message"), counted(losses.bytes, "byte"));
    eprintln!("{}: {messages}{more} lost, in {bytes}", path.display());
    Done::WithLoss
}

/// Which of the messages that are read are printed.
pub(crate) struct Filter {
    key: Option<Key>,
    conditions: Vec<Condition>,
    /// Messages from this number on aren't.
    until: Option<u64>,
}

impl Filter {
    pub(crate) fn new(path: &Path, options: &Cat, place: &Place, header: Option<&Header>) -> Result<Self, Failure> {
        let mut filter = Self { key: None, conditions: Vec::new(), until: None };
        if let Place::Sequences(range) = place {
            filter.until = Some(range.end);
        }
        let keys = if let Place::Keys(text) = place { Some(text) } else { None };
        if keys.is_none() && options.conditions.is_empty() {
            return Ok(filter);
        }
        let Some(walker) = shape::walker(header, &options.schema)? else {
            return Err(Failure::usage(format!("{}: no schema says which fields there are", path.display())));
        };
        filter.key = keys.map(|text| Key::parse(text, &walker)).transpose()?;
        let conditions = options.conditions.iter().map(|text| Condition::parse(text, &walker));
        filter.conditions = conditions.collect::<Result<_, _>>()?;
        Ok(filter)
    }

    /// Whether a message comes before the range of the key.
    pub(crate) fn is_before(&self, message: &[u8]) -> bool {
        self.key.as_ref().is_some_and(|key| key.is_before(message))
    }

    /// Whether a message, and all that follow, come behind what is wanted.
    pub(crate) fn is_behind(&self, item: &Item) -> bool {
        let is_behind_key = self.key.as_ref().is_some_and(|key| key.is_behind(&item.message));
        is_behind_key || self.until.zip(item.sequence).is_some_and(|(until, sequence)| sequence >= until)
    }

    pub(crate) fn holds(&self, message: &[u8]) -> bool {
        self.conditions.iter().all(|condition| condition.holds(message))
    }
}
