use std::io::{self, Read, Write};
use std::path::Path;

use flatstream::log::LogReader;
use flatstream::parallel::SplitFile;
use flatstream::recover::inspect;
use flatstream::{End, EndState, Error, ErrorKind, Finding, Losses, ReadOptions, Reader};
use serde_json::json;

use crate::arguments::{FactsFormat, Verify};
use crate::input::Input;
use crate::outcome::{Done, Failure, Outcome};
use crate::progress;
use crate::text::{self, count, counted};

/// What is to be said of a stream.
struct Verdict {
    messages: u64,
    end: Option<End>,
    /// The first thing that is wrong.
    error: Option<Error>,
    findings: Vec<Finding>,
    losses: Losses,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Whole,
    NotClosed,
    Torn,
    Damaged,
}

impl Verdict {
    fn whole(messages: u64, end: End) -> Self {
        Self { messages, end: Some(end), error: None, findings: Vec::new(), losses: Losses::default() }
    }

    fn broken(messages: u64, error: Error) -> Self {
        Self { messages, end: None, error: Some(error), findings: Vec::new(), losses: Losses::default() }
    }

    /// A torn end is what a crash leaves; but these bytes aren't understood.
    fn state(&self, options: &Verify) -> State {
        match self.end {
            Some(end) if self.error.is_none() && end.state != EndState::Torn => {
                if options.require_closed && !end.is_closed() { State::NotClosed } else { State::Whole }
            }
            Some(_) if self.error.is_none() => State::Torn,
            _ => State::Damaged,
        }
    }
}

pub(crate) fn run(options: &Verify) -> Outcome {
    let mut done = Done::Well;
    let reading = ReadOptions::new().max_message_len(0);
    for path in &options.files {
        let verdict = match Input::open(path)? {
            Input::File { path, .. } => of_file(&path, &reading, options.threads)?,
            Input::Pipe { path, source } => of_pipe(&path, source, reading.clone())?,
            Input::Log(folder) => of_log(&folder, reading.clone())?,
        };
        let state = verdict.state(options);
        say(path, &verdict, state, options.format)?;
        if state != State::Whole {
            done = Done::Damaged;
        }
    }
    Ok(done)
}

fn of_file(path: &Path, reading: &ReadOptions, threads: usize) -> Result<Verdict, Failure> {
    let file = SplitFile::open_with_options(path, reading).map_err(|error| Failure::reading(path, &error))?;
    match file.par_verify(threads) {
        Ok(verified) => Ok(Verdict::whole(verified.messages, verified.end)),
        Err(error) if error.kind() == ErrorKind::Damaged => {
            // What else is wrong, and what was lost.
            let found = inspect(path).map_err(|error| Failure::reading(path, &error))?;
            Ok(Verdict {
                messages: found.messages,
                end: Some(found.end),
                error: Some(error),
                findings: found.findings,
                losses: found.losses,
            })
        }
        Err(error) if error.kind() == ErrorKind::Io => Err(Failure::reading(path, &error)),
        Err(error) => Ok(Verdict::broken(0, error)),
    }
}

fn of_pipe(path: &Path, source: Box<dyn Read>, reading: ReadOptions) -> Result<Verdict, Failure> {
    let mut reader = Reader::with_options(source, reading).map_err(|error| Failure::reading(path, &error))?;
    loop {
        match reader.next_message() {
            Ok(Some(_)) => {}
            Ok(None) => {
                let end = reader.end().map_err(|error| Failure::reading(path, &error))?;
                return Ok(Verdict::whole(reader.sequence(), end));
            }
            Err(error) => return Ok(Verdict::broken(reader.sequence(), error)),
        }
    }
}

fn of_log(folder: &Path, reading: ReadOptions) -> Result<Verdict, Failure> {
    let failed = |error: Error| Failure::reading(folder, &error);
    let bytes = flatstream::log::segments(folder).map_err(failed)?.iter().map(|segment| segment.bytes).sum();
    let bar = progress::bar(bytes, "verifying");
    let mut reader = LogReader::with_options(folder, reading).map_err(failed)?;
    let first = reader.first_sequence();
    let verdict = loop {
        match reader.next_message() {
            Ok(Some(message)) => bar.inc(message.len() as u64),
            Ok(None) => break Verdict::whole(reader.sequence() - first, reader.end().map_err(failed)?),
            Err(error) => break Verdict::broken(reader.sequence() - first, error),
        }
    };
    bar.finish_and_clear();
    Ok(verdict)
}

fn say(path: &Path, verdict: &Verdict, state: State, format: FactsFormat) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let Verdict { messages, end, error, findings, losses } = verdict;
    if format == FactsFormat::Json {
        let findings: Vec<String> = findings.iter().map(ToString::to_string).collect();
        let value = json!({
            "path": path.to_string_lossy(),
            "whole": state == State::Whole,
            "messages": messages,
            "end": end.map(|end| json!({
                "state": end.state.to_string(),
                "position": end.position,
                "bytes_behind": end.bytes_behind,
            })),
            "error": error.as_ref().map(ToString::to_string),
            "error_position": error.as_ref().and_then(Error::position),
            "findings": findings,
            "lost_messages": losses.messages,
            "more_may_be_lost": losses.may_be_more,
            "lost_bytes": losses.bytes,
        });
        writeln!(out, "{value}")?;
        return Ok(out.flush()?);
    }
    let path = path.display();
    match (error, end) {
        (None, Some(end)) => {
            let is = match state {
                State::Whole => "whole",
                State::NotClosed => "not closed",
                State::Torn | State::Damaged => "not whole",
            };
            writeln!(out, "{path}: {is}: {}, {end}", counted(*messages, "message"))?;
        }
        (Some(error), _) => {
            writeln!(out, "{path}: not whole: {error}")?;
            for finding in findings {
                writeln!(out, "  {}", text::finding(finding))?;
            }
            writeln!(out, "  {} good", counted(*messages, "message"))?;
            if !losses.is_none() {
                let more = if losses.may_be_more { " or more" } else { "" };
                let (messages, bytes) = (counted(losses.messages, "message"), counted(losses.bytes, "byte"));
                writeln!(out, "  {messages}{more} lost, in {bytes}")?;
            }
        }
        (None, None) => writeln!(out, "{path}: {} read", count(*messages))?,
    }
    Ok(out.flush()?)
}
