use std::cmp::Ordering;
use std::io::{self, Write};
use std::path::PathBuf;

use flatstream::schema::{FieldPath, conform};
use flatstream::{Clock, HeaderBuilder, Message, TIME_NONE};
use serde_json::json;

use crate::arguments::{FactsFormat, Merge, SchemaOptions};
use crate::key::{KeyValue, decreases, field_of};
use crate::new_stream::{Made, NewStream, check_name, header_like};
use crate::outcome::{Done, Failure, Outcome};
use crate::shape;
use crate::text::counted;
use crate::time;
use crate::timed::Timed;

/// What a merged stream says of where it came from, in its metadata.
mod keys {
    /// The id of a stream, or of a log, in 16 hexadecimal digits; one pair for each.
    pub(super) const FROM: &str = "flatstream.merge.from";
    /// The field that orders the messages; not there if their times do.
    pub(super) const BY: &str = "flatstream.merge.by";
}

pub(crate) fn run(options: &Merge) -> Outcome {
    check_name(&options.output)?;
    if options.files.iter().filter(|file| file.as_os_str() == "-").count() > 1 {
        return Err(Failure::usage("the standard input can be read once"));
    }
    let by = options.by.as_deref();
    let open = |path: &PathBuf| Merged::open(Timed::open(path)?, by);
    let mut inputs = options.files.iter().map(open).collect::<Result<Vec<_>, _>>()?;
    let header = merged_header(&inputs, by)?;
    let mut new = NewStream::create(&options.output, &header)?;
    merge(&mut inputs, &mut new)?;
    let made = new.finish(TIME_NONE)?;
    say(options, &inputs, made)?;
    Ok(Done::Well)
}

/// One of the streams that are merged.
struct Merged {
    messages: Timed,
    field: Option<FieldPath>,
    next: Option<Next>,
    /// How many messages were read.
    count: u64,
    last_key: Option<KeyValue>,
    last_time: i64,
}

struct Next {
    key: KeyValue,
    time: i64,
    message: Message,
}

impl Merged {
    fn open(messages: Timed, by: Option<&str>) -> Result<Self, Failure> {
        let field = match by {
            None => None,
            Some(by) => {
                let no_schema = || Failure::Other {
                    what: format!("{}: no schema says which fields there are", messages.path.display()),
                    advice: Some("`flatstream schema attach` gives a stream its schema".to_owned()),
                };
                let walker = shape::walker(Some(&messages.header), &SchemaOptions::default())?.ok_or_else(no_schema)?;
                Some(field_of(by, &walker)?)
            }
        };
        Ok(Self { messages, field, next: None, count: 0, last_key: None, last_time: TIME_NONE })
    }

    /// Takes the next message in; what orders the messages must not decrease.
    fn advance(&mut self) -> Result<(), Failure> {
        self.next = None;
        let Some(timed) = self.messages.next() else { return self.check_times() };
        let (time, message) = timed?;
        // One that has none comes with the one before.
        let time = if time == TIME_NONE { self.last_time } else { time };
        let key = self.key_of(time, &message)?;
        if let Some(last) = &self.last_key
            && key.compare(last) == Ordering::Less
        {
            return Err(self.decreases(last, &key, &message));
        }
        (self.last_key, self.last_time) = (Some(key.clone()), time);
        self.count += 1;
        self.next = Some(Next { key, time, message });
        Ok(())
    }

    fn key_of(&self, time: i64, message: &Message) -> Result<KeyValue, Failure> {
        let Some(field) = &self.field else { return Ok(KeyValue::Integer(time.into())) };
        let bad = |what: &str| Failure::Other {
            what: format!("{} has no {}: {what}", self.place(message), field.as_str()),
            advice: None,
        };
        let value = field.read(message).map_err(|error| bad(&error.to_string()))?;
        value.map(KeyValue::of).ok_or_else(|| bad("there is nothing to order it by"))
    }

    fn place(&self, message: &Message) -> String {
        format!("{}: message {}, at position {},", self.messages.path.display(), self.count, message.position())
    }

    fn decreases(&self, last: &KeyValue, key: &KeyValue, message: &Message) -> Failure {
        let clock = self.messages.header.clock();
        let said = |key: &KeyValue| match (&self.field, key) {
            (None, KeyValue::Integer(time)) => time::to_text(*time as i64, clock),
            _ => key.to_string(),
        };
        let (by, advice) = match &self.field {
            Some(field) => (field.as_str(), "order it by a field that doesn't decrease, or by time"),
            None => ("time", "a stream that was reopened under another clock is merged by a field: --by FIELD"),
        };
        decreases(&format!("{} has the {by}", self.place(message)), &said(key), &said(last), advice)
    }

    fn check_times(&self) -> Result<(), Failure> {
        if self.field.is_some() || self.count == 0 || self.last_time != TIME_NONE {
            return Ok(());
        }
        Err(Failure::Other {
            what: format!("{}: its sync frames have no times", self.messages.path.display()),
            advice: Some("`--by FIELD` orders by a field of the messages".to_owned()),
        })
    }
}

fn merge(inputs: &mut [Merged], new: &mut NewStream) -> Result<(), Failure> {
    inputs.iter_mut().try_for_each(Merged::advance)?;
    loop {
        // Of equal ones, the stream that was named first.
        let waiting = inputs.iter_mut().filter(|input| input.next.is_some());
        let least = waiting.min_by(|a, b| match (&a.next, &b.next) {
            (Some(a), Some(b)) => a.key.compare(&b.key),
            _ => Ordering::Equal,
        });
        let Some(input) = least else { return Ok(()) };
        if let Some(Next { time, message, .. }) = &input.next {
            new.append_at(*time, message)?;
        }
        input.advance()?;
    }
}

/// The first one's header, with the latest of the schemas, and what all of them say in their metadata.
fn merged_header(inputs: &[Merged], by: Option<&str>) -> Result<HeaderBuilder, Failure> {
    let Some((first, others)) = inputs.split_first() else { return Err(Failure::usage("nothing to merge")) };
    let mut latest = first;
    let mut header = header_like(&first.messages.header);
    let mut metadata: Vec<(String, String)> = header.chosen_metadata().map(owned).collect();
    let mut clock = first.messages.header.clock();
    for other in others {
        latest = later(latest, other)?;
        if other.messages.header.clock() != clock {
            if by.is_none() {
                return Err(differ(first, other, "clock", &format!("{:?}", other.messages.header.clock())));
            }
            clock = Clock::Unspecified;
        }
        for pair in header_like(&other.messages.header).chosen_metadata().map(owned) {
            if !metadata.contains(&pair) {
                header = header.metadata(&pair.0, &pair.1);
                metadata.push(pair);
            }
        }
    }
    if let Some(bfbs) = latest.messages.header.schema() {
        header = header.schema(bfbs);
    }
    let lens = || inputs.iter().map(|input| input.messages.header.max_message_len());
    let longest = if lens().any(|len| len == 0) { 0 } else { lens().max().unwrap_or_default() };
    let intervals = inputs.iter().map(|input| input.messages.header.sync_interval());
    let interval = intervals.filter(|&interval| interval > 0).min().unwrap_or_default();
    header = header.max_message_len(longest).sync_interval(interval).clock(clock);
    for id in inputs.iter().filter_map(|input| input.messages.id) {
        header = header.metadata(keys::FROM, format!("{id:016x}"));
    }
    Ok(match by {
        Some(by) => header.metadata(keys::BY, by),
        None => header,
    })
}

fn owned((key, value): (&str, &str)) -> (String, String) {
    (key.to_owned(), value.to_owned())
}

/// Which of them has the schema under which the messages of both are read.
fn later<'a>(one: &'a Merged, other: &'a Merged) -> Result<&'a Merged, Failure> {
    let (a, b) = (&one.messages.header, &other.messages.header);
    if a.message_type() != b.message_type() {
        return Err(differ(one, other, "message type", b.message_type().unwrap_or("none")));
    }
    if a.message_identifier() != b.message_identifier() {
        return Err(differ(one, other, "message identifier", b.message_identifier().unwrap_or("none")));
    }
    match (a.schema(), b.schema()) {
        (Some(a), Some(b)) => match (conform(a, b), conform(b, a)) {
            (Ok(()), _) => Ok(other),
            (_, Ok(())) => Ok(one),
            (Err(error), _) => Err(differ(one, other, "schema", &error.to_string())),
        },
        (None, None) => Ok(one),
        (None, Some(_)) => Err(without_schema(one)),
        (Some(_), None) => Err(without_schema(other)),
    }
}

fn differ(one: &Merged, other: &Merged, what: &str, found: &str) -> Failure {
    let (one, other) = (one.messages.path.display(), other.messages.path.display());
    Failure::Other { what: format!("{other} has another {what} than {one}: {found}"), advice: None }
}

fn without_schema(one: &Merged) -> Failure {
    Failure::Other {
        what: format!("{} has no schema, and others have", one.messages.path.display()),
        advice: Some("`flatstream schema attach` gives a stream its schema".to_owned()),
    }
}

fn say(options: &Merge, inputs: &[Merged], made: Made) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let output = &options.output;
    if options.format == FactsFormat::Json {
        let of = |input: &Merged| json!({"path": input.messages.path.to_string_lossy(), "messages": input.count});
        let value = json!({
            "output": output.to_string_lossy(),
            "messages": made.messages,
            "bytes": made.bytes,
            "inputs": inputs.iter().map(of).collect::<Vec<_>>(),
        });
        writeln!(out, "{value}")?;
    } else {
        let (messages, streams) = (counted(made.messages, "message"), counted(inputs.len() as u64, "stream"));
        writeln!(out, "{messages} of {streams} merged into {}, read back and compared", output.display())?;
        for input in inputs {
            writeln!(out, "  {}: {}", input.messages.path.display(), counted(input.count, "message"))?;
        }
    }
    out.flush()
}
