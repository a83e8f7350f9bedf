//! Messages that come in one by one, from the standard input or a file: for `record`.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::mpsc::SyncSender;

use flatstream::schema::Walker;

use crate::outcome::Failure;
use crate::text::counted;

/// So much is read of the input at a time.
const BUFFER: usize = 128 << 10;

/// A longer line is no message: it would have to be held as a whole.
const LINE_MAX: u64 = 256 << 20;

/// What comes from the input, or from whoever ends the program.
pub(crate) enum Event {
    Message {
        message: Vec<u8>,
        position: u64,
    },
    End,
    /// It ends in the middle of a message, or can't be read.
    Broken(String),
    /// A signal.
    Stopped,
}

/// Where messages come from.
pub(crate) enum Source {
    Standard,
    File(File),
}

impl Source {
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        if path.as_os_str() == "-" {
            return Ok(Self::Standard);
        }
        let failed = |error| Failure::file(path, "opened", &error);
        let file = File::open(path).map_err(failed)?;
        match file.metadata().map_err(failed)?.is_dir() {
            true => Err(Failure::usage(format!("{} is a folder: messages come from a file or a pipe", path.display()))),
            false => Ok(Self::File(file)),
        }
    }

    fn reader(self) -> Box<dyn BufRead> {
        match self {
            Self::Standard => Box::new(BufReader::with_capacity(BUFFER, io::stdin().lock())),
            Self::File(file) => Box::new(BufReader::with_capacity(BUFFER, file)),
        }
    }
}

/// How messages stand in the input.
pub(crate) enum Framing {
    /// Behind their lengths.
    Raw,
    /// As lines of JSON.
    Lines(Walker),
}

/// Sends each message on, and then how it ended.
pub(crate) fn read(source: Source, framing: &Framing, longest: u32, events: &SyncSender<Event>) {
    let mut input = source.reader();
    match framing {
        Framing::Raw => read_raw(&mut input, longest, events),
        Framing::Lines(walker) => read_lines(&mut input, walker, longest, events),
    }
}

fn read_lines(input: &mut impl BufRead, walker: &Walker, longest: u32, events: &SyncSender<Event>) {
    let mut line = Vec::new();
    let mut position = 0;
    for number in 1_u64.. {
        let event = match next_line(input, &mut line) {
            Ok(0) => Event::End,
            Ok(_) if line.trim_ascii().is_empty() => {
                position += line.len() as u64;
                continue;
            }
            Ok(_) => message_of(&line, walker, longest).map_or_else(
                |what| Event::Broken(format!("line {number}: {what}")),
                |message| Event::Message { message, position },
            ),
            Err(what) => Event::Broken(format!("line {number}: {what}")),
        };
        position += line.len() as u64;
        let goes_on = matches!(event, Event::Message { .. });
        // Nobody takes it any more once the recording has ended.
        if events.send(event).is_err() || !goes_on {
            return;
        }
    }
}

/// Returns how long it is, with its end; 0 at the end of the input.
fn next_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> Result<usize, String> {
    line.clear();
    let len = input.take(LINE_MAX).read_until(b'\n', line).map_err(|error| error.to_string())?;
    match len as u64 == LINE_MAX && !line.ends_with(b"\n") {
        true => Err(format!("it is longer than {}", counted(LINE_MAX, "byte"))),
        false => Ok(len),
    }
}

fn message_of(line: &[u8], walker: &Walker, longest: u32) -> Result<Vec<u8>, String> {
    let message = walker.message_from_json(line).map_err(|error| match (error.path(), error.line()) {
        ("", 0) => error.what().to_owned(),
        ("", _) => format!("{}, at column {}", error.what(), error.column()),
        (path, _) => format!("{path}: {}, at column {}", error.what(), error.column()),
    })?;
    match u32::try_from(message.len()).is_ok_and(|len| len <= longest) {
        true => Ok(message),
        false => Err(format!("its message has {}, expected 1 to {longest}", counted(message.len() as u64, "byte"))),
    }
}

fn read_raw(input: &mut impl Read, longest: u32, events: &SyncSender<Event>) {
    let mut position = 0;
    for number in 0_u64.. {
        let event = match next_raw(input, longest) {
            Ok(Some(message)) => Event::Message { message, position },
            Ok(None) => Event::End,
            Err(what) => Event::Broken(format!("message {number}, at byte {position} of the input: {what}")),
        };
        let len = if let Event::Message { message, .. } = &event { Some(message.len() as u64) } else { None };
        // Nobody takes it any more once the recording has ended.
        let is_over = events.send(event).is_err();
        match len {
            Some(len) if !is_over => position += 4 + len,
            _ => return,
        }
    }
}

fn next_raw(input: &mut impl Read, longest: u32) -> Result<Option<Vec<u8>>, String> {
    let mut head = Vec::new();
    input.take(4).read_to_end(&mut head).map_err(|error| error.to_string())?;
    let Some(head) = head.first_chunk::<4>().copied() else {
        return if head.is_empty() { Ok(None) } else { Err(ends_within(4, head.len())) };
    };
    let len = u32::from_le_bytes(head);
    if len == 0 || len > longest {
        return Err(format!(
            "its length is {len}, expected 1 to {longest}: is each message behind its length in 4 bytes?"
        ));
    }
    let mut message = Vec::new();
    input.take(len.into()).read_to_end(&mut message).map_err(|error| error.to_string())?;
    if message.len() < len as usize { Err(ends_within(len as usize, message.len())) } else { Ok(Some(message)) }
}

fn ends_within(expected: usize, found: usize) -> String {
    format!("the input ends within it: expected {}, found {found}", counted(expected as u64, "byte"))
}
