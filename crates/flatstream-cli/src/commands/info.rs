use std::io::{self, Write};

use flatstream::{Clock, Header};
use serde_json::{Value, json};

use crate::arguments::{FactsFormat, Info};
use crate::facts::Facts;
use crate::outcome::{Done, Failure, Outcome};
use crate::text::{bars, count, counted, printable};
use crate::time;

pub(crate) fn run(options: &Info) -> Outcome {
    let mut done = Done::Well;
    for (nth, path) in options.files.iter().enumerate() {
        let facts = Facts::find(path, options.scan)?;
        let mut out = io::stdout().lock();
        match options.format {
            FactsFormat::Json => writeln!(out, "{}", to_json(&facts))?,
            FactsFormat::Text => {
                let gap = if nth > 0 { "\n" } else { "" };
                write!(out, "{gap}{}", to_text(&facts))?;
            }
        }
        out.flush()?;
        if let Some(error) = &facts.error {
            eprintln!("{}", Failure::reading(&facts.path, error));
            done = Done::Damaged;
        }
    }
    Ok(done)
}

fn to_text(facts: &Facts) -> String {
    let header = &facts.header;
    let kind = if facts.log.is_some() { "log" } else { "stream" };
    let of = header.message_type().map(|name| format!(" of {name}")).unwrap_or_default();
    let mut text = printable(&format!("{}: {kind}{of}", facts.path.display())).into_owned() + "\n";
    for (name, value) in lines(facts) {
        text += &format!("  {name:<12} {}\n", printable(&value));
    }
    text
}

fn lines(facts: &Facts) -> Vec<(&'static str, String)> {
    let header = &facts.header;
    let mut lines = vec![("messages", messages(facts))];
    let mut line = |name, value: Option<String>| lines.extend(value.map(|value| (name, value)));
    line("time", facts.times.map(|times| span(facts, times)));
    line("rate", rate_over_time(facts));
    line("size", Some(size(facts)));
    if let Some(log) = &facts.log {
        line("segments", Some(count(log.segments as u64)));
        line("log", log.id.map(|id| format!("{id:#018x}")));
    }
    line(
        "lengths",
        facts.scan.as_ref().and_then(|scan| {
            scan.shortest.map(|shortest| match counted(scan.longest, "byte") {
                longest if shortest == scan.longest => longest,
                longest => format!("from {} to {longest}", count(shortest)),
            })
        }),
    );
    line("dropped", (facts.dropped.messages > 0).then(|| counted(facts.dropped.messages, "message")));
    let of_newest = if facts.log.is_some() { " of the newest segment" } else { "" };
    line("end", Some(facts.end.map_or("damaged".to_owned(), |end| format!("{end}{of_newest}"))));
    line("durable", Some(durable(facts)));
    line("epochs", facts.epochs.map(count));
    line("checksum", Some(header.checksum().to_string()));
    line(
        "sync frames",
        Some(match header.sync_interval() {
            0 => "at the beginning and the end only".to_owned(),
            bytes => format!("every {}", counted(bytes.into(), "byte")),
        }),
    );
    line("clock", Some(clock(header).to_owned()));
    line("identifier", header.message_identifier().map(str::to_owned));
    line("schema", Some(header.schema().map_or("none".to_owned(), |bfbs| counted(bfbs.len() as u64, "byte"))));
    line("writer", header.writer().map(str::to_owned));
    line("stream id", facts.stream_id.filter(|_| facts.log.is_none()).map(|id| format!("{id:#018x}")));
    // What a segment says about its place in its log is in the facts above.
    for (key, value) in header.metadata().filter(|(key, _)| !key.starts_with("flatstream.log.")) {
        line("metadata", Some(format!("{key} = {}", value.unwrap_or("(none)"))));
    }
    lines
}

fn messages(facts: &Facts) -> String {
    let Facts { first_sequence, messages, .. } = facts;
    match messages {
        0 => "none".to_owned(),
        _ => format!("{}, numbered from {first_sequence} to {}", count(*messages), first_sequence + messages - 1),
    }
}

fn span(facts: &Facts, (first, last): (i64, i64)) -> String {
    let clock = facts.header.clock();
    let nanoseconds = last.abs_diff(first);
    let mut text = format!("{} to {}", time::to_text(first, clock), time::to_text(last, clock));
    if nanoseconds > 0 {
        let rate = facts.messages as f64 / (nanoseconds as f64 / 1e9);
        text += &format!(" ({})", time::duration(nanoseconds));
        if facts.error.is_none() {
            text += &format!(", {} a second", rate_text(rate));
        }
    }
    text
}

fn rate_text(rate: f64) -> String {
    if rate < 10.0 { format!("{rate:.2}") } else { count(rate.round() as u64) }
}

fn rate_over_time(facts: &Facts) -> Option<String> {
    let (first, last) = facts.times?;
    let each = last.abs_diff(first).checked_div(facts.rates.len() as u64)?;
    Some(format!("|{}| each bar {}", bars(&facts.rates), time::duration(each)))
}

fn size(facts: &Facts) -> String {
    let Facts { bytes, messages, scan, .. } = facts;
    let mut text = counted(*bytes, "byte");
    // Where reading ended with an error, it isn't known how many messages these bytes hold.
    if *messages > 0 && facts.error.is_none() {
        let each = |bytes: u64| bytes as f64 / *messages as f64;
        text += &format!(", {:.1} a message with its framing", each(*bytes));
        if let Some(scan) = scan {
            let framing = bytes.saturating_sub(scan.payload);
            text += &format!(", {:.2} of them framing", each(framing));
        }
    }
    text
}

fn durable(facts: &Facts) -> String {
    match facts.durable {
        _ if facts.is_all_durable => "all".to_owned(),
        0 => "nothing, as far as the stream says".to_owned(),
        durable => format!("up to position {}", count(durable)),
    }
}

fn clock(header: &Header) -> &'static str {
    match header.clock() {
        Clock::UnixUtc => "UTC",
        Clock::Tai => "TAI",
        Clock::Monotonic => "since an arbitrary moment",
        _ => "not said",
    }
}

/// Nanoseconds and ids as strings: they may exceed what a JSON number keeps exactly in most programs.
fn to_json(facts: &Facts) -> Value {
    let header = &facts.header;
    let metadata: serde_json::Map<String, Value> =
        header.metadata().map(|(key, value)| (key.to_owned(), json!(value))).collect();
    json!({
        "path": facts.path.to_string_lossy(),
        "kind": if facts.log.is_some() { "log" } else { "stream" },
        "messages": facts.messages,
        "first_sequence": facts.first_sequence,
        "first_time": facts.times.map(|(first, _)| first.to_string()),
        "last_time": facts.times.map(|(_, last)| last.to_string()),
        "rates": facts.rates,
        "bytes": facts.bytes,
        "payload_bytes": facts.scan.as_ref().map(|scan| scan.payload),
        "shortest_message": facts.scan.as_ref().and_then(|scan| scan.shortest),
        "longest_message": facts.scan.as_ref().map(|scan| scan.longest),
        "dropped_messages": facts.dropped.messages,
        "end": facts.end.map(|end| json!({
            "state": end.state.to_string(),
            "position": end.position,
            "bytes_behind": end.bytes_behind,
        })),
        "durable_position": facts.durable,
        "epochs": facts.epochs,
        "segments": facts.log.as_ref().map(|log| log.segments),
        "log_id": facts.log.as_ref().and_then(|log| log.id).map(|id| format!("{id:016x}")),
        "stream_id": facts.stream_id.map(|id| format!("{id:016x}")),
        "checksum": header.checksum().to_string(),
        "sync_interval": header.sync_interval(),
        "max_message_len": header.max_message_len(),
        "clock": clock(header),
        "message_type": header.message_type(),
        "message_identifier": header.message_identifier(),
        "schema_bytes": header.schema().map(<[u8]>::len),
        "writer": header.writer(),
        "metadata": metadata,
        "error": facts.error.as_ref().map(ToString::to_string),
    })
}
