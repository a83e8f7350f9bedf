use std::io::{self, BufWriter, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use flatstream::schema::{FieldPath, Value};
use flatstream::{Dropped, Message, TIME_NONE, replay};

use serde_json::json;

use crate::arguments::{FactsFormat, MessagesFormat, Reading, Replay};
use crate::commands::cat::refuse_terminal;
use crate::filter::Filter;
use crate::key::field_of;
use crate::messages::{Item, Place};
use crate::outcome::{Done, Failure, Outcome};
use crate::printer::Printer;
use crate::shape;
use crate::text::counted;
use crate::time;
use crate::timed::Timed;

/// Later than this, it is said while it goes on.
const LATE: Duration = Duration::from_secs(1);

pub(crate) fn run(options: &Replay) -> Outcome {
    let format = if options.to.is_some() { MessagesFormat::Raw } else { options.format };
    if options.to.is_none() && format == MessagesFormat::Raw {
        refuse_terminal("raw messages")?;
    }
    let timed = Timed::open(&options.file)?;
    let header = timed.header.clone();
    let reading = Reading { choice: options.choice.clone(), ..Reading::default() };
    let filter = Filter::new(&options.file, &options.choice, &Place::All, Some(&header))?;
    let field = match &options.by {
        None => None,
        Some(by) => {
            let walker = shape::walker(Some(&header), &options.choice.schema)?;
            let no_schema =
                || Failure::usage(format!("{}: no schema says which fields there are", options.file.display()));
            Some(field_of(by, &walker.ok_or_else(no_schema)?)?)
        }
    };
    let is_by_field = field.is_some();
    let timed = timed.map(move |timed| timed.map(|(time, message)| (time_of(field.as_ref(), time, &message), message)));
    let mut pace = replay::Replay::new(timed).rate(options.rate).map_err(|error| Failure::usage(error.to_string()))?;
    if let Some(gap) = options.max_gap {
        pace = pace.max_gap(gap);
    }
    if !is_by_field {
        // Within an epoch these times never decrease.
        pace = pace.max_disorder(Duration::ZERO);
    }
    let mut out = open(options)?;
    // A peer that goes away isn't a reader that has seen enough.
    let failed = |error: io::Error| match &options.to {
        Some(address) => Failure::Other { what: format!("{address} can't be written: {error}"), advice: None },
        None => error.into(),
    };
    let mut printer = Printer::new(format, &reading, Some(&header))?;
    out.write_all(printer.head()).map_err(failed)?;
    let start = Instant::now();
    let (mut count, mut latest) = (0, Duration::ZERO);
    while let Some(message) = pace.next() {
        let message = message?;
        let sequence = message.sequence();
        let item = Item { sequence, message, sync: None, dropped: Dropped::default(), damaged_ranges: 0 };
        if !filter.holds(&item)? {
            continue;
        }
        if pace.lateness() > latest.max(LATE).saturating_mul(2) {
            eprintln!("late by {}", time::duration(pace.lateness().as_nanos() as u64));
        }
        latest = latest.max(pace.lateness());
        count += 1;
        let line = printer.line(&item)?;
        out.write_all(line).and_then(|()| out.flush()).map_err(failed)?;
    }
    say(options, count, start.elapsed(), latest)?;
    Ok(Done::Well)
}

fn say(options: &Replay, messages: u64, took: Duration, latest: Duration) -> io::Result<()> {
    let nanoseconds = |time: Duration| time.as_nanos() as u64;
    if options.summary == FactsFormat::Text {
        let (took, latest) = (time::duration(nanoseconds(took)), time::duration(nanoseconds(latest)));
        eprintln!("{} in {took}, late by {latest} at most", counted(messages, "message"));
        return Ok(());
    }
    let value = json!({
        "path": options.file.to_string_lossy(),
        "to": options.to,
        "messages": messages,
        "nanoseconds": nanoseconds(took),
        "late_nanoseconds_max": nanoseconds(latest),
    });
    match options.to {
        Some(_) => writeln!(io::stdout(), "{value}"),
        None => writeln!(io::stderr(), "{value}"),
    }
}

fn time_of(field: Option<&FieldPath>, time: i64, message: &Message) -> i64 {
    let Some(field) = field else { return time };
    let value = field.read(message).ok().flatten();
    value.and_then(Value::as_i64).unwrap_or(TIME_NONE)
}

fn open(options: &Replay) -> Result<Box<dyn Write>, Failure> {
    let Some(address) = &options.to else { return Ok(Box::new(BufWriter::new(io::stdout().lock()))) };
    let Some(host) = address.strip_prefix("tcp:") else {
        return Err(Failure::usage(format!("{address:?} is no address: expected tcp:HOST:PORT")));
    };
    let connected = TcpStream::connect(host).and_then(|stream| {
        stream.set_nodelay(true)?;
        Ok(stream)
    });
    match connected {
        Ok(stream) => Ok(Box::new(BufWriter::new(stream))),
        Err(error) => Err(Failure::Other { what: format!("{address}: {error}"), advice: None }),
    }
}
