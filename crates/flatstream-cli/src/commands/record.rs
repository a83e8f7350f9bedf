use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, sync_channel};
use std::thread;
use std::time::Instant;

use flatstream::schema::{Schema, Walker};
use flatstream::{Error, Reader, SyncPolicy, WriteOptions, Writer};

use serde_json::json;

use crate::arguments::{FactsFormat, InputFormat, Record, SchemaOptions, SyncChoice};
use crate::commands::schema::decode;
use crate::incoming::{self, Event, Framing, Source};
use crate::outcome::{Done, Failure, Outcome};
use crate::shape;
use crate::text::counted;

/// So many messages wait between the input and the stream.
const WAITING_MAX: usize = 4096;

pub(crate) fn run(options: &Record) -> Outcome {
    let path = &options.output;
    let failed = |error: &Error| Failure::reading(path, error);
    if path.as_os_str() == "-" {
        return Err(Failure::usage("a recording is durable, so it has to be a file"));
    }
    let write = write_options(options)?;
    if options.format == InputFormat::Ndjson && options.schema.is_none() {
        check_schema(path)?;
    }
    let source = Source::open(&options.input)?;
    let writer = Writer::open(path, write).map_err(|error| failed(&error))?;
    let root = SchemaOptions { schema: None, root: options.root.clone() };
    let walker = shape::walker(Some(writer.header()), &root)?;
    // What is made by the schema is of the schema.
    let (framing, walker) = match (options.format, walker) {
        (InputFormat::Raw, walker) => (Framing::Raw, walker.filter(|_| !options.unchecked)),
        (InputFormat::Ndjson, Some(walker)) => (Framing::Lines(walker), None),
        (InputFormat::Ndjson, None) => return Err(no_schema(path)),
    };
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
    thread::spawn(move || incoming::read(source, &framing, longest, &sender));
    let mut recording =
        Recording { path, writer, walker, sync: options.sync, due: None, refused: 0, bytes: 0, count: 0 };
    let broken = recording.take_all(&events).map_err(|error| failed(&error))?;
    recording.finish(broken, options.summary)
}

/// A stream that is there has to say what its messages are.
fn check_schema(path: &Path) -> Result<(), Failure> {
    let Ok(file) = File::open(path) else { return Err(no_schema(path)) };
    match Reader::new(file) {
        Ok(reader) if reader.header().schema().is_none() => Err(no_schema(path)),
        // Whoever opens it for writing says better what is wrong with it.
        _ => Ok(()),
    }
}

fn no_schema(path: &Path) -> Failure {
    let path = path.display();
    Failure::usage(format!(
        "{path} has no schema to make messages of JSON by: --schema FILE.bfbs gives a new stream one"
    ))
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

    fn finish(self, broken: Option<String>, format: FactsFormat) -> Outcome {
        let Self { path, writer, refused, bytes, count, .. } = self;
        let in_all = writer.sequence();
        writer.finish().map_err(|error| Failure::reading(path, &error))?;
        match format {
            FactsFormat::Json => {
                let value = json!({
                    "output": path.to_string_lossy(),
                    "messages": count,
                    "bytes": bytes,
                    "messages_in_all": in_all,
                    "refused_messages": refused,
                    "error": broken,
                });
                writeln!(io::stdout(), "{value}")?;
            }
            FactsFormat::Text => {
                let (messages, bytes) = (counted(count, "message"), counted(bytes, "byte"));
                let of =
                    if in_all > count { format!(", {} in all", counted(in_all, "message")) } else { String::new() };
                eprintln!("{}: {messages} recorded, {bytes}{of}; closed", path.display());
                if refused > 0 {
                    eprintln!("{}: {} refused", path.display(), counted(refused, "message"));
                }
            }
        }
        match broken {
            Some(what) => Err(Failure::Other { what, advice: None }),
            None if refused > 0 => Ok(Done::WithLoss),
            None => Ok(Done::Well),
        }
    }
}
