use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::thread;
use std::time::Instant;

use flatstream::schema::{Schema, Walker};
use flatstream::{Error, Reader, SyncPolicy, WriteOptions, Writer};

use crate::arguments::{InputFormat, Record, SchemaOptions, SyncChoice};
use crate::commands::schema::decode;
use crate::input::Input;
use crate::outcome::{Done, Failure, Outcome};
use crate::shape;
use crate::text::counted;

/// So many messages wait between the input and the stream.
const WAITING_MAX: usize = 4096;

/// So much is read of the input at a time.
const BUFFER: usize = 128 << 10;

/// A longer line is no message: it would have to be held as a whole.
const LINE_MAX: u64 = 256 << 20;

/// What comes from the input, or from whoever ends the program.
enum Event {
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

pub(crate) fn run(options: &Record) -> Outcome {
    let path = &options.output;
    let failed = |error: &Error| Failure::reading(path, error);
    check_schema(options)?;
    let source = match Input::open(&options.input)? {
        Input::File { file, .. } => Source::File(file),
        Input::Pipe { path, .. } if path.as_os_str() == STANDARD_INPUT => Source::Standard,
        Input::Pipe { .. } => Source::File(open(&options.input)?),
        Input::Log(folder) => return Err(Failure::usage(format!("{} is a folder, and no input", folder.display()))),
    };
    let writer = Writer::open(path, write_options(options)?).map_err(|error| failed(&error))?;
    let root = SchemaOptions { schema: None, root: options.root.clone() };
    let walker = if options.unchecked { None } else { shape::walker(Some(writer.header()), &root)? };
    if let Some(report) = writer.open_report().filter(|report| report.epoch.is_some_and(|epoch| epoch > 0)) {
        eprintln!("{}: {report}", path.display());
    }
    let longest = match writer.header().max_message_len() {
        0 => u32::MAX >> 1,
        longest => longest,
    };
    let (sender, events) = sync_channel(WAITING_MAX);
    let on_signal = sender.clone();
    ctrlc::set_handler(move || {
        let _ = on_signal.send(Event::Stopped);
    })
    .map_err(|error| Failure::Other { what: format!("signals can't be taken: {error}"), advice: None })?;
    // It is left behind where a signal ends the recording: nothing interrupts a read.
    let format = options.format;
    thread::spawn(move || match format {
        InputFormat::Raw => read_raw(&mut BufReader::with_capacity(BUFFER, io::stdin().lock()), longest, &sender),
    });
    let mut recording =
        Recording { path, writer, walker, sync: options.sync, due: None, refused: 0, bytes: 0, count: 0 };
    let broken = recording.take_all(&events).map_err(|error| failed(&error))?;
    recording.finish(broken)
}

fn write_options(options: &Record) -> Result<WriteOptions, Failure> {
    let mut write = WriteOptions::new();
    if options.sync == SyncChoice::EveryMessage {
        write = write.sync_policy(SyncPolicy::EveryMessage);
    }
    let Some(path) = &options.schema else {
        return Ok(match &options.root {
            Some(root) => write.message_type(root),
            None => write,
        });
    };
    let bfbs = fs::read(path).map_err(|error| Failure::file(path, "read", &error))?;
    let unusable = |error: &dyn std::fmt::Display| Failure::usage(format!("{}: {error}", path.display()));
    let schema = Schema::read(&bfbs).map_err(|error| unusable(&error))?;
    let root = match options.root.as_deref().or(schema.root_table()) {
        Some(root) if schema.has_table(root) => root.to_owned(),
        Some(root) => return Err(unusable(&format!("it has no table {root}"))),
        None => return Err(unusable(&"it has no root type: --root TABLE says which table messages are")),
    };
    Ok(write.message_type(root).schema(bfbs.clone()))
}

/// Sends each message on, and then how it ended.
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

struct Recording<'a> {
    path: &'a Path,
    writer: Writer<File>,
    walker: Option<Walker>,
    sync: SyncChoice,
    /// When what was appended has to be durable.
    due: Option<Instant>,
    refused: u64,
    bytes: u64,
    count: u64,
}

impl Recording<'_> {
    /// Returns what is wrong with the input, if it didn't just end.
    fn take_all(&mut self, events: &Receiver<Event>) -> flatstream::Result<Option<String>> {
        loop {
            let Some(event) = self.next(events)? else { continue };
            match event {
                Event::Message { message, position } => self.take(&message, position)?,
                Event::End | Event::Stopped => return Ok(None),
                Event::Broken(what) => return Ok(Some(what)),
            }
        }
    }

    /// `None` if something was due meanwhile.
    fn next(&mut self, events: &Receiver<Event>) -> flatstream::Result<Option<Event>> {
        let now = Instant::now();
        if self.due.is_some_and(|due| due <= now) {
            self.writer.sync()?;
            self.due = None;
        }
        match events.try_recv() {
            Ok(event) => return Ok(Some(event)),
            Err(TryRecvError::Disconnected) => return Ok(Some(Event::End)),
            Err(TryRecvError::Empty) => {}
        }
        // Whoever follows the stream sees what has come.
        self.writer.flush()?;
        match self.due {
            None => Ok(Some(events.recv().unwrap_or(Event::End))),
            Some(due) => match events.recv_timeout(due.saturating_duration_since(now)) {
                Ok(event) => Ok(Some(event)),
                Err(RecvTimeoutError::Timeout) => Ok(None),
                Err(RecvTimeoutError::Disconnected) => Ok(Some(Event::End)),
            },
        }
    }

    fn take(&mut self, message: &[u8], position: u64) -> flatstream::Result<()> {
        let number = self.count + self.refused;
        if let Some(Err(error)) = self.walker.as_ref().map(|walker| decode(walker, message)) {
            eprintln!(
                "message {number}, at byte {position} of the input, is refused: it isn't one of the schema: {error}"
            );
            self.refused += 1;
            return Ok(());
        }
        self.writer.append(message)?;
        self.count += 1;
        self.bytes += message.len() as u64;
        if let SyncChoice::Within(time) = self.sync {
            self.due.get_or_insert_with(|| Instant::now() + time);
        }
        Ok(())
    }

    fn finish(self, broken: Option<String>) -> Outcome {
        let Self { path, writer, refused, bytes, count, .. } = self;
        let in_all = writer.sequence();
        writer.finish().map_err(|error| Failure::reading(path, &error))?;
        let (messages, bytes) = (counted(count, "message"), counted(bytes, "byte"));
        let of = if in_all > count { format!(", {} in all", counted(in_all, "message")) } else { String::new() };
        eprintln!("{}: {messages} recorded, {bytes}{of}; closed", path.display());
        if refused > 0 {
            eprintln!("{}: {} refused", path.display(), counted(refused, "message"));
        }
        match broken {
            Some(what) => Err(Failure::Other { what, advice: None }),
            None if refused > 0 => Ok(Done::WithLoss),
            None => Ok(Done::Well),
        }
    }
}
