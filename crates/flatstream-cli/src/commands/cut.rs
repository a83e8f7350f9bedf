use std::io::{self, Write};

use flatstream::format::Sync;
use flatstream::{Header, HeaderBuilder, TIME_NONE};
use serde_json::json;

use crate::arguments::{Cut, FactsFormat, Reading, Window};
use crate::filter::Filter;
use crate::messages::{Item, Messages, Place};
use crate::new_stream::{Made, NewStream, check_name, header_like};
use crate::outcome::{Done, Failure, Outcome};
use crate::text::{count, counted};

/// What a new stream says of where it came from, in its metadata.
mod keys {
    /// The id of the stream, or of the log, in 16 hexadecimal digits.
    pub(super) const FROM: &str = "flatstream.cut.from";
    /// The number that its first message had there.
    pub(super) const FIRST_SEQUENCE: &str = "flatstream.cut.first_sequence";
    /// The options that chose its messages.
    pub(super) const WINDOW: &str = "flatstream.cut.window";
}

pub(crate) fn run(options: &Cut) -> Outcome {
    let place = Place::of(&options.window)?;
    check_name(&options.output)?;
    let mut messages = Messages::open(&options.file, &Reading::default())?;
    let no_header = || Failure::Other { what: format!("{}: no header", options.file.display()), advice: None };
    let header = messages.header().ok_or_else(no_header)?.clone();
    let filter = Filter::new(&options.file, &options.choice, &place, Some(&header))?;
    let log_id = messages.id();
    let mut new: Option<NewStream> = None;
    let mut numbers: Option<(u64, u64)> = None;
    messages.each(&place, filter.key.as_ref(), |item| {
        let is_wanted = !filter.is_behind(&item);
        if is_wanted && filter.holds(&item)? {
            let new = match &mut new {
                Some(new) => new,
                None => new.insert(NewStream::create(&options.output, &new_header(&header, log_id, &item, options))?),
            };
            new.append(&item)?;
            let number = item.sequence.unwrap_or_default();
            numbers = Some((numbers.map_or(number, |(first, _)| first), number));
        }
        Ok(is_wanted)
    })?;
    let new = match new {
        Some(new) => new,
        None => NewStream::create(&options.output, &header_like(&header).metadata(keys::WINDOW, window(options)))?,
    };
    let behind = messages.sync_behind(new.last_sync());
    let made = new.finish(closing_time(behind))?;
    say(options, made, numbers)?;
    Ok(Done::Well)
}

/// The time of a sync frame that follows the last message. Behind a crash nobody knows when that came: not when the
/// stream was reopened.
pub(crate) fn closing_time(behind: Option<Sync>) -> i64 {
    behind.filter(|sync| !sync.flags.is_resumed()).map_or(TIME_NONE, |sync| sync.time)
}

fn new_header(header: &Header, log_id: Option<u64>, first: &Item, options: &Cut) -> HeaderBuilder {
    let mut new = header_like(header);
    if let Some(id) = log_id.or(first.sync.map(|sync| sync.stream_id)) {
        new = new.metadata(keys::FROM, format!("{id:016x}"));
    }
    if let Some(number) = first.sequence {
        new = new.metadata(keys::FIRST_SEQUENCE, number.to_string());
    }
    new.metadata(keys::WINDOW, window(options))
}

fn window(options: &Cut) -> String {
    let Window { sequences, times, keys, last } = &options.window;
    let last = last.map(|last| last.to_string());
    let of_option = |name: &str, value: &Option<String>| value.as_ref().map(|value| format!("--{name} {value}"));
    let chosen = [
        of_option("sequences", sequences),
        of_option("times", times),
        of_option("key", keys),
        of_option("last", &last),
    ];
    let conditions = options.choice.conditions.iter().map(|condition| format!("--where {condition}"));
    let all: Vec<String> = chosen.into_iter().flatten().chain(conditions).collect();
    if all.is_empty() { "all".to_owned() } else { all.join(" ") }
}

fn say(options: &Cut, made: Made, numbers: Option<(u64, u64)>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let (path, output) = (&options.file, &options.output);
    if options.format == FactsFormat::Json {
        let value = json!({
            "path": path.to_string_lossy(),
            "output": output.to_string_lossy(),
            "messages": made.messages,
            "first_sequence": numbers.map(|(first, _)| first),
            "last_sequence": numbers.map(|(_, last)| last),
            "bytes": made.bytes,
        });
        writeln!(out, "{value}")?;
    } else {
        let of = numbers.map(|(first, last)| format!(", from number {} to {}", count(first), count(last)));
        let (messages, of) = (counted(made.messages, "message"), of.unwrap_or_default());
        writeln!(out, "{messages}{of}, cut into {}, read back and compared", output.display())?;
    }
    out.flush()
}
