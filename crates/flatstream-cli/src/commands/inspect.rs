use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use flatstream::format::layout::{drop, frame, header, sync};
use flatstream::format::{Dropped, Sync};
use flatstream::{ChecksumType, Clock, TIME_NONE};
use serde_json::json;

use crate::arguments::{FactsFormat, Inspect};
use crate::outcome::{Done, Failure, Outcome};
use crate::place::{Bytes, Frame, Place, Region, find};
use crate::text::{count, counted, preview};
use crate::time;

const SPECIFICATION: &str = "docs/format/spec.md";

/// So many bytes stand in a line.
const LINE: usize = 16;

/// So many lines of a body are shown at its beginning, around the position, and at its end.
const LINES_AROUND: usize = 2;

pub(crate) fn run(options: &Inspect) -> Outcome {
    let (path, position) = parse(&options.place)?;
    let failed = |error| Failure::file(&path, "read", &error);
    let file = File::open(&path).map_err(|error| Failure::file(&path, "opened", &error))?;
    if !file.metadata().map_err(failed)?.is_file() {
        return Err(Failure::usage(format!("{} is no file: a segment of a log is one", path.display())));
    }
    let bytes = Bytes::new(file).map_err(failed)?;
    if bytes.len == 0 {
        return Err(Failure::Other { what: format!("{} is empty", path.display()), advice: None });
    }
    let region = Region::read(&bytes).map_err(failed)?;
    let is_in_header = position < region.len || position < header::IDENTIFIER.end as u64;
    let report = match is_in_header {
        true => of_header(&bytes, &region, position).map_err(failed)?,
        false => {
            let place = find(&bytes, &region, position).map_err(failed)?;
            of_place(&bytes, &region, &place, position).map_err(failed)?
        }
    };
    report.say(&path, position, options.format)?;
    Ok(if report.is_damaged { Done::Damaged } else { Done::Well })
}

/// `FILE@POSITION`; decimal, or hexadecimal behind 0x.
fn parse(text: &str) -> Result<(PathBuf, u64), Failure> {
    let wrong = || Failure::usage(format!("{text:?} is no place: expected FILE@POSITION, as in events.fls@4096"));
    let (path, position) = text.rsplit_once('@').ok_or_else(wrong)?;
    let position = match position.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => position.replace([',', '_'], "").parse(),
    };
    Ok((path.into(), position.map_err(|_| wrong())?))
}

/// Some bytes, and what they mean.
struct Row {
    position: u64,
    bytes: Vec<u8>,
    meaning: String,
}

/// What is said of a place.
struct Report {
    /// What the position lies in, behind "position 17 is".
    what: String,
    rows: Vec<Row>,
    notes: Vec<(&'static str, String)>,
    is_damaged: bool,
}

impl Report {
    fn say(&self, path: &Path, position: u64, format: FactsFormat) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if format == FactsFormat::Json {
            let rows = self.rows.iter().map(
                |row| json!({"position": row.position, "bytes": hexadecimal(&row.bytes, ""), "meaning": row.meaning}),
            );
            let notes = self.notes.iter().map(|(name, note)| ((*name).to_owned(), json!(note)));
            let value = json!({
                "path": path.to_string_lossy(),
                "position": position,
                "what": self.what,
                "damaged": self.is_damaged,
                "rows": rows.collect::<Vec<_>>(),
                "notes": notes.collect::<serde_json::Map<_, _>>(),
            });
            writeln!(out, "{value}")?;
            return out.flush();
        }
        writeln!(out, "{}: position {position} ({position:#x}) is {}", path.display(), self.what)?;
        let mut next = self.rows.first().map(|row| row.position);
        if next.is_some() {
            writeln!(out)?;
        }
        for row in &self.rows {
            let end = row.position + row.bytes.len() as u64;
            if let Some(left_out) = next.and_then(|next| row.position.checked_sub(next)).filter(|bytes| *bytes > 0) {
                writeln!(out, "  {:>12}  ... {}", "", counted(left_out, "byte"))?;
            }
            let mark = if (row.position..end).contains(&position) { '>' } else { ' ' };
            let bytes = hexadecimal(&row.bytes, " ");
            writeln!(out, "{mark} {:>12}  {bytes:<47}  {}", row.position, row.meaning)?;
            next = Some(end);
        }
        if !self.notes.is_empty() {
            writeln!(out)?;
        }
        for (name, note) in &self.notes {
            writeln!(out, "  {name:<12}  {note}")?;
        }
        out.flush()
    }
}

fn hexadecimal(bytes: &[u8], between: &str) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(between)
}

fn of_header(bytes: &Bytes, region: &Region, position: u64) -> io::Result<Report> {
    let shown = bytes.read(0, if region.len > 0 { region.len } else { 64 })?;
    let mut rows = Vec::new();
    let field = |range: std::ops::Range<usize>| number(&shown, range);
    let length = field(header::LENGTH).unwrap_or_default();
    let followed = format!("length: {} follow", counted(length.into(), "byte"));
    push(&mut rows, 0, &shown, 0..4, followed);
    push(&mut rows, 0, &shown, 4..8, format!("root offset of the FlatBuffer: {}", field(4..8).unwrap_or_default()));
    let identifier = shown.get(header::IDENTIFIER).unwrap_or_default();
    push(&mut rows, 0, &shown, header::IDENTIFIER, format!("identifier: \"{}\"", identifier.escape_ascii()));
    let check_at = match region.expected_check {
        Some(_) => shown.len().saturating_sub(header::CHECK_LEN),
        None => shown.len(),
    };
    push_lines(&mut rows, 0, &shown[..shown.len().min(check_at)], header::IDENTIFIER.end, position, "");
    if region.expected_check.is_some() {
        let found = field(check_at..check_at + header::CHECK_LEN).unwrap_or_default();
        push(&mut rows, 0, &shown, check_at..shown.len(), check_text(found, region.expected_check));
    }
    let mut notes = Vec::new();
    match &region.outcome {
        Ok(essentials) => {
            notes.push((
                "says",
                format!(
                    "{}, sync frames every {}, messages of up to {}",
                    essentials.checksum,
                    counted(essentials.sync_interval.into(), "byte"),
                    counted(essentials.message_limit().into(), "byte")
                ),
            ));
        }
        Err(error) => {
            notes.push(("stops", format!("{error} ({})", error.code())));
            notes.push(("next", "`flatstream recover FILE --output NEW` finds the messages all the same".to_owned()));
        }
    }
    notes.push(("see", format!("{SPECIFICATION}, section 3; section 10, \"Opening\"")));
    let is = if region.outcome.is_err() { "what should be the header region" } else { "the header region" };
    let range = if region.len > 0 { format!(", from 0 to {}", region.len) } else { String::new() };
    Ok(Report { what: format!("in {is}{range}"), rows, notes, is_damaged: region.outcome.is_err() })
}

fn of_place(bytes: &Bytes, region: &Region, place: &Place, position: u64) -> io::Result<Report> {
    let mut notes = Vec::new();
    let clock = region.outcome.as_ref().map_or(Clock::Unspecified, |essentials| essentials.clock);
    if let Err(error) = &region.outcome {
        notes.push(("header", format!("{error}")));
    }
    let mut rows = Vec::new();
    let mut is_damaged = false;
    let what = match (&place.frame, &place.damage, place.end) {
        (Some(frame), damage, _) => {
            rows = rows_of(frame, position, clock);
            is_damaged = frame.stop.is_some();
            if let Some(damage) = damage {
                notes.push(("only", "a reader that recovers finds it: a strict one stopped before".to_owned()));
                notes.push(("stops", stop_text(damage)));
                is_damaged = true;
            }
            if let Some(number) = frame.sequence.filter(|_| !frame.is_control() && frame.stop.is_none()) {
                notes.push(("message", format!("number {}", count(number))));
            }
            if frame.stop.is_some() {
                notes.push(("stops", stop_text(frame)));
            }
            frame_text(frame, position)
        }
        (None, Some(damage), _) => {
            is_damaged = true;
            let begin = (position & !(LINE as u64 - 1)).saturating_sub(2 * LINE as u64).max(damage.position);
            let shown = bytes.read(begin, 6 * LINE as u64)?;
            push_lines(&mut rows, begin, &shown, 0, position, "");
            notes.push(("stops", stop_text(damage)));
            "in bytes that belong to no good frame".to_owned()
        }
        (None, None, Some(end)) => {
            let closed = place.before.is_some_and(|sync| sync.flags.is_closed());
            let state = if closed { "closed" } else { "not closed" };
            notes.push(("end", format!("the frames end at {end}, and the stream is {state}")));
            format!("behind the end: the file has {}", counted(bytes.len, "byte"))
        }
        (None, None, None) => {
            is_damaged = true;
            let begin = (position & !(LINE as u64 - 1)).saturating_sub(2 * LINE as u64);
            let shown = bytes.read(begin, 6 * LINE as u64)?;
            push_lines(&mut rows, begin, &shown, 0, position, "");
            "in bytes before which no sync frame stands, so that nothing is known of them".to_owned()
        }
    };
    if let Some(sync) = &place.before {
        let Sync { position, sequence, epoch, .. } = sync;
        let before = counted(*sequence, "message");
        notes.push(("before", format!("a sync frame at {position} counts {before}, epoch {epoch}")));
    }
    if region.outcome.is_err() && place.before.is_none() && place.behind.is_none() {
        notes.push(("next", "`flatstream recover FILE --output NEW` looks for messages all the same".to_owned()));
    } else if is_damaged {
        notes.push((
            "behind",
            match &place.behind {
                Some(found) => format!(
                    "the next sync frame stands at {}, counts {}, and says that what lies below {} was durable",
                    found.position,
                    counted(found.sync.sequence, "message"),
                    found.sync.durable
                ),
                None => {
                    "no sync frame follows: if no good frame does either, this is a torn end, and no error".to_owned()
                }
            },
        ));
    }
    notes.push(("see", format!("{SPECIFICATION}, {}", section(place))));
    Ok(Report { what, rows, notes, is_damaged })
}

fn stop_text(frame: &Frame) -> String {
    match &frame.stop {
        Some(stop) => format!("at {}: {} ({})", stop.position, stop.reason, stop.reason.code()),
        None => String::new(),
    }
}

/// Where the specification says what was found.
fn section(place: &Place) -> String {
    let stop = place.damage.iter().chain(&place.frame).find_map(|frame| frame.stop.as_ref());
    let step = stop.map(|stop| match stop.reason.code() {
        "incomplete" => "steps 1 and 4",
        "blank" => "step 2",
        "frame_length" | "limit" => "step 3",
        "sync_missing" => "step 5",
        "frame_check" => "step 6",
        "frame_pad" => "step 7",
        "control_kind" | "kind_unsupported" => "step 8",
        "after_closed" => "step 10",
        _ => "step 9",
    });
    let of_frame = match &place.frame {
        Some(frame) if frame.sync().is_some() => "section 8",
        Some(frame) if frame.is_control() => "section 7",
        Some(_) => "section 4",
        None => "section 11",
    };
    match step {
        Some(step) => format!("{of_frame}; section 10, \"A frame at D\", {step}"),
        None => of_frame.to_owned(),
    }
}

fn frame_text(frame: &Frame, position: u64) -> String {
    let offset = position - frame.position;
    let body_end = (frame::HEAD_LEN + frame.body().len()) as u64;
    let part = match offset {
        0..4 => "in the check word of".to_owned(),
        4..8 => "in the length word of".to_owned(),
        _ if offset < body_end => format!("byte {} of the body of", offset - 8),
        _ => "in the pad of".to_owned(),
    };
    let kind = match frame.body().get(..4) {
        Some(kind) if frame.is_control() => format!("a \"{}\" frame", kind.escape_ascii()),
        _ => "a message's frame".to_owned(),
    };
    let end = frame.position.saturating_add(frame.len);
    let state = if frame.stop.is_some() { ", which is not good" } else { "" };
    format!("{part} {kind}, from {} to {end}{state}", frame.position)
}

fn rows_of(frame: &Frame, position: u64, clock: Clock) -> Vec<Row> {
    let mut rows = Vec::new();
    let (begin, bytes) = (frame.position, &frame.bytes[..]);
    if let Some(check) = frame.check() {
        push(&mut rows, begin, bytes, frame::CHECK, check_text(check, frame.expected_check));
    }
    if let Some(word) = frame.length_word() {
        let kind = if frame.is_control() { "a control frame" } else { "a message" };
        let len = counted((word & !frame::CONTROL_BIT).into(), "byte");
        push(&mut rows, begin, bytes, frame::LENGTH, format!("length: {kind} of {len}"));
    }
    let body_end = frame::HEAD_LEN + frame.body().len();
    let mut at = frame::HEAD_LEN;
    for (range, meaning) in fields_of(frame, clock) {
        at = frame::HEAD_LEN + range.end;
        push(&mut rows, begin, bytes, frame::HEAD_LEN + range.start..at, meaning);
    }
    push_lines(&mut rows, begin, &bytes[..body_end.min(bytes.len())], at, position, "body ");
    let pad = bytes.get(body_end..).unwrap_or_default();
    if !pad.is_empty() {
        let is_right = pad.iter().all(|&byte| byte == 0);
        let meaning = if is_right { "pad" } else { "pad: expected zeros" };
        push(&mut rows, begin, bytes, body_end..bytes.len(), meaning.to_owned());
    }
    rows
}

/// The fields of a control frame's body.
fn fields_of(frame: &Frame, clock: Clock) -> Vec<(std::ops::Range<usize>, String)> {
    let body = frame.body();
    if let Some(found) = frame.sync() {
        let checksum = ChecksumType::from_id(found.checksum_id).map(|checksum| checksum.to_string());
        let time = if found.time == TIME_NONE { "none".to_owned() } else { time::to_text(found.time, clock) };
        let place = if found.position == frame.position { "where it stands" } else { "not where it stands" };
        return vec![
            (sync::KIND, "kind: \"sync\"".to_owned()),
            (sync::HEADER_CHECK, format!("header check: {:#010x}", found.header_check)),
            (sync::VERSION, format!("version: {}", found.version)),
            (sync::CHECKSUM, format!("checksum: {}", checksum.unwrap_or_else(|| found.checksum_id.to_string()))),
            (sync::ALIGNMENT_LOG2, format!("alignment: 2^{} bytes", found.alignment_log2)),
            (sync::FLAGS, format!("flags: {}", found.flags)),
            (sync::EPOCH, format!("epoch: {}", found.epoch)),
            (sync::STREAM_ID, format!("stream id: {:#018x}", found.stream_id)),
            (sync::POSITION, format!("position: {}, {place}", found.position)),
            (sync::SEQUENCE, format!("sequence: {} before", counted(found.sequence, "message"))),
            (sync::TIME, format!("time: {time}")),
            (sync::DURABLE, durable_text(found.durable)),
        ];
    }
    if let Some(Dropped { messages, bytes }) = Dropped::from_body(body).filter(|_| frame.is_control()) {
        return vec![
            (drop::KIND, "kind: \"drop\"".to_owned()),
            (drop::RESERVED, "reserved".to_owned()),
            (drop::MESSAGES, format!("dropped here: {}", counted(messages, "message"))),
            (drop::BYTES, format!("of {} in all", counted(bytes, "byte"))),
        ];
    }
    match body.get(..4) {
        Some(kind) if frame.is_control() => vec![(0..4, format!("kind: \"{}\"", kind.escape_ascii()))],
        _ => Vec::new(),
    }
}

fn durable_text(durable: u64) -> String {
    match durable {
        0 => "durable: not known".to_owned(),
        durable => format!("durable: what lies below {durable}"),
    }
}

fn check_text(found: u32, expected: Option<u32>) -> String {
    match expected {
        Some(expected) if expected == found => format!("check: {found:#010x}, right"),
        Some(expected) => format!("check: {found:#010x}, expected {expected:#010x}"),
        None => format!("check: {found:#010x}"),
    }
}

fn number(bytes: &[u8], range: std::ops::Range<usize>) -> Option<u32> {
    bytes.get(range)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

fn push(rows: &mut Vec<Row>, begin: u64, bytes: &[u8], range: std::ops::Range<usize>, meaning: String) {
    if let Some(shown) = bytes.get(range.clone()).filter(|shown| !shown.is_empty()) {
        rows.push(Row { position: begin + range.start as u64, bytes: shown.to_vec(), meaning });
    }
}

/// Lines of bytes from an offset on, of which the middle is left out where it is long.
fn push_lines(rows: &mut Vec<Row>, begin: u64, bytes: &[u8], from: usize, position: u64, what: &str) {
    let lines: Vec<&[u8]> = bytes.get(from..).unwrap_or_default().chunks(LINE).collect();
    let marked = position.checked_sub(begin + from as u64).map(|offset| offset as usize / LINE);
    for (nth, line) in lines.iter().enumerate() {
        let is_near = marked.is_some_and(|marked| marked.abs_diff(nth) <= LINES_AROUND);
        if is_near || nth < LINES_AROUND || nth + LINES_AROUND >= lines.len() {
            let at = begin + (from + nth * LINE) as u64;
            rows.push(Row { position: at, bytes: line.to_vec(), meaning: format!("{what}|{}|", preview(line, LINE)) });
        }
    }
}
