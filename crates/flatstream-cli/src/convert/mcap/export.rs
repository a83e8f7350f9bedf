use std::collections::BTreeMap;
use std::path::Path;

use ::mcap::records::{MessageHeader, Metadata};
use ::mcap::{McapError, WriteOptions, Writer};
use flatstream::schema::{FieldPath, Scalar, Walker};
use flatstream::{Header, TIME_NONE};

use super::{FLATBUFFER, HEADER, METADATA};
use crate::arguments::{Convert, MessagesFormat, Payload};
use crate::convert::about;
use crate::facts::Facts;
use crate::messages::Item;
use crate::outcome::{Failure, Outcome};
use crate::output::Output;
use crate::printer::Printer;
use crate::selection::Selected;
use crate::shape;

/// Where no schema names the messages.
const TOPIC: &str = "messages";

/// Writes the messages that are selected into one channel of an MCAP file.
pub(crate) fn export(options: &Convert) -> Outcome {
    let mut selected = Selected::open(&options.file, &options.selection)?;
    let header = selected.header().cloned();
    let walker = shape::walker(header.as_ref(), &options.selection.reading.choice.schema)?;
    let times = Times::new(options, walker.as_ref())?;
    let path = &options.output;
    let write = WriteOptions::new().compression(None).library(about::LIBRARY).disable_seeking(path.as_os_str() == "-");
    let writer = write.create(Output::create(path)?).map_err(|error| failed(path, error))?;
    let mut file = McapFile { path, writer, channel: 0, next_sequence: 0 };
    file.begin(options, header.as_ref(), walker.as_ref())?;
    let mut printer = match options.payload {
        Payload::Json => Some(Printer::new(MessagesFormat::Ndjson, &options.selection.reading, header.as_ref())?),
        Payload::Flatbuffer => None,
    };
    let done = selected.each(None, |item| {
        let time = times.of(item)?;
        match &mut printer {
            Some(printer) => file.append(item, time, printer.object(item)?),
            None => file.append(item, time, &item.message),
        }
    })?;
    file.finish()?;
    Ok(done)
}

struct McapFile<'a> {
    path: &'a Path,
    writer: Writer<Output>,
    channel: u16,
    next_sequence: u64,
}

fn failed(path: &Path, error: McapError) -> Failure {
    match error {
        McapError::Io(error) => Output::failed(path, error),
        other => Failure::Other { what: format!("{}: {other}", path.display()), advice: None },
    }
}

impl McapFile<'_> {
    /// Metadata and the channel, which come before all messages.
    fn begin(&mut self, options: &Convert, header: Option<&Header>, walker: Option<&Walker>) -> Result<(), Failure> {
        if let Some(header) = header {
            for (name, metadata) in [(HEADER, about::of_header(header)), (METADATA, about::of_application(header))] {
                let record = Metadata { name: name.to_owned(), metadata };
                self.writer.write_metadata(&record).map_err(|error| failed(self.path, error))?;
            }
        }
        let root = walker.map(|walker| walker.root().name());
        let topic = options.topic.as_deref().or(root).unwrap_or(TOPIC);
        let given = options.selection.reading.choice.schema.schema.as_deref().map(shape::read).transpose()?;
        let bfbs = given.as_deref().or(header.and_then(Header::schema));
        let (schema, encoding) = match options.payload {
            Payload::Flatbuffer => (root.zip(bfbs), FLATBUFFER),
            Payload::Json => (None, "json"),
        };
        let failed = |error| failed(self.path, error);
        let schema = match schema {
            Some((name, bfbs)) => self.writer.add_schema(name, FLATBUFFER, bfbs).map_err(failed)?,
            None => 0,
        };
        self.channel = self.writer.add_channel(schema, topic, encoding, &BTreeMap::new()).map_err(failed)?;
        Ok(())
    }

    fn append(&mut self, item: &Item, time: u64, data: &[u8]) -> Result<(), Failure> {
        // Between damage and the next sync frame numbers aren't known: they go on by one.
        let sequence = item.sequence.unwrap_or(self.next_sequence);
        self.next_sequence = sequence.wrapping_add(1);
        let header = MessageHeader {
            channel_id: self.channel,
            // MCAP has no more bits for it.
            sequence: sequence as u32,
            log_time: time,
            publish_time: time,
        };
        self.writer.write_to_known_channel(&header, data).map_err(|error| failed(self.path, error))
    }

    fn finish(mut self) -> Result<(), Failure> {
        self.writer.finish().map_err(|error| failed(self.path, error))?;
        self.writer.into_inner().finish()
    }
}

/// What the time of a message is.
enum Times {
    /// That of the sync frame before it. Before the first that has one it is the least of all.
    Syncs {
        first: i64,
    },
    Field(FieldPath),
}

impl Times {
    fn new(options: &Convert, walker: Option<&Walker>) -> Result<Self, Failure> {
        let Some(field) = &options.time else {
            return Ok(Self::Syncs { first: first_time(&options.file) });
        };
        let Some(walker) = walker else { return Err(Failure::usage("no schema says which fields there are")) };
        let field = FieldPath::parse(walker, field).map_err(|error| Failure::usage(error.to_string()))?;
        match field.scalar() {
            None | Some(Scalar::Float | Scalar::Double | Scalar::Bool) => {
                Err(Failure::usage(format!("{} is no integer: a time is one, in nanoseconds", field.as_str())))
            }
            Some(_) => Ok(Self::Field(field)),
        }
    }

    /// MCAP has no times before 1970, or the beginning of another clock: such are 0.
    fn of(&self, item: &Item) -> Result<u64, Failure> {
        match self {
            Self::Syncs { first } if item.time() == TIME_NONE => Ok(at_least_0(*first)),
            Self::Syncs { .. } => Ok(at_least_0(item.time())),
            Self::Field(field) => match field.read(&item.message) {
                Ok(Some(value)) => value.as_u64().ok_or_else(|| without_time(item, "MCAP has none before 1970")),
                Ok(None) => Err(without_time(item, &format!("it has no {}", field.as_str()))),
                Err(error) => Err(without_time(item, &error.to_string())),
            },
        }
    }
}

fn at_least_0(time: i64) -> u64 {
    u64::try_from(time).unwrap_or(0)
}

fn without_time(item: &Item, why: &str) -> Failure {
    let what = format!("the message at position {} has no time: {why}", item.message.position());
    Failure::Other { what, advice: Some("without `--time` it is the time of the sync frame before it".to_owned()) }
}

/// Of the first sync frame that has one; 0 where that can't be found out, as of what comes through a pipe.
fn first_time(path: &Path) -> i64 {
    let is_seekable = path.as_os_str() != "-" && path.metadata().is_ok_and(|file| file.is_file() || file.is_dir());
    let facts = if is_seekable { Facts::find(path, false).ok() } else { None };
    facts.and_then(|facts| facts.times).map_or(0, |(first, _)| first)
}
