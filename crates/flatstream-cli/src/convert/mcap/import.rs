use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use ::mcap::read::ChannelAccumulator;
use ::mcap::records::{MessageHeader, Record};
use ::mcap::sans_io::{LinearReadEvent, LinearReader, LinearReaderOptions};
use ::mcap::{Channel, McapError, parse_record};
use flatstream::schema::{Schema, SchemaError};
use flatstream::{ChecksumType, Clock, HeaderBuilder, TIME_NONE};

use super::{FLATBUFFER, HEADER, METADATA};
use crate::arguments::Convert;
use crate::convert::about;
use crate::new_stream::NewStream;
use crate::outcome::{Done, Failure, Outcome};
use crate::text::counted;

/// A record is held in memory, and a damaged length could be anything.
const RECORD_MAX: usize = 1 << 30;

/// A stream tells the time of a message by the sync frame before it: they come so often, in nanoseconds.
const TIME_STEP: i64 = 1_000_000_000;

/// Makes a stream of the messages of one topic.
pub(crate) fn import(options: &Convert) -> Outcome {
    let path = &options.file;
    let source: Box<dyn Read> = match path.as_os_str() == "-" {
        true => Box::new(io::stdin().lock()),
        false => Box::new(File::open(path).map_err(|error| Failure::file(path, "opened", &error))?),
    };
    let mut import = Import {
        options,
        channels: ChannelAccumulator::default(),
        metadata: BTreeMap::new(),
        stream: None,
        others: BTreeMap::new(),
    };
    let result = read(path, BufReader::with_capacity(1 << 20, source), |record| import.take(record));
    result.and_then(|()| import.finish())
}

/// Gives one record after the other, those of chunks too, up to the end of the data.
fn read(
    path: &Path,
    mut source: impl Read,
    mut take: impl FnMut(Record<'_>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let failed =
        |error: McapError| Failure::Other { what: format!("{}: {error}", path.display()), advice: advice(&error) };
    let options = LinearReaderOptions::default()
        .with_validate_chunk_crcs(true)
        .with_validate_data_section_crc(true)
        .with_record_length_limit(RECORD_MAX);
    let mut reader = LinearReader::new_with_options(options);
    while let Some(event) = reader.next_event() {
        match event.map_err(failed)? {
            LinearReadEvent::ReadRequest(need) => {
                let read = source.read(reader.insert(need)).map_err(|error| Failure::file(path, "read", &error))?;
                reader.notify_read(read);
            }
            LinearReadEvent::Record { opcode, data } => match parse_record(opcode, data).map_err(failed)? {
                // Behind it everything is said again.
                Record::DataEnd(_) => break,
                record => take(record)?,
            },
        }
    }
    Ok(())
}

fn advice(error: &McapError) -> Option<String> {
    let can_help = !cfg!(feature = "full") && matches!(error, McapError::UnsupportedCompression(_));
    can_help.then(|| "`cargo install flatstream-cli --features full` makes a program that decompresses it".to_owned())
}

struct Import<'a> {
    options: &'a Convert,
    channels: ChannelAccumulator<'static>,
    /// Records of metadata by their names.
    metadata: BTreeMap<String, BTreeMap<String, String>>,
    stream: Option<Stream>,
    /// The topics of messages that weren't taken, with why.
    others: BTreeMap<String, &'static str>,
}

/// The new stream, and what it is made of.
struct Stream {
    new: NewStream,
    topic: String,
    /// The name and the bytes of the schema.
    schema: Option<(String, Vec<u8>)>,
}

impl Import<'_> {
    fn take(&mut self, record: Record<'_>) -> Result<(), Failure> {
        match record {
            Record::Schema { header, data } => {
                self.channels.add_schema(header, data.into_owned().into()).map_err(|error| self.failed(&error))
            }
            Record::Channel(channel) => self.channels.add_channel(channel).map_err(|error| self.failed(&error)),
            Record::Metadata(record) => {
                self.metadata.insert(record.name, record.metadata);
                Ok(())
            }
            Record::Message { header, data } => self.append(&header, &data),
            _ => Ok(()),
        }
    }

    fn failed(&self, error: &McapError) -> Failure {
        Failure::Other { what: format!("{}: {error}", self.options.file.display()), advice: None }
    }

    fn append(&mut self, header: &MessageHeader, message: &[u8]) -> Result<(), Failure> {
        let Some(channel) = self.channels.get(header.channel_id) else {
            return Err(self.failed(&McapError::UnknownChannel(header.sequence, header.channel_id)));
        };
        if !self.is_wanted(&channel)? {
            return Ok(());
        }
        let stream = match &mut self.stream {
            Some(stream) => stream,
            None => {
                let made = self.create(&channel)?;
                self.stream.insert(made)
            }
        };
        let time = i64::try_from(header.log_time).unwrap_or(i64::MAX);
        stream.new.append_at(time, message)
    }

    fn is_wanted(&mut self, channel: &Channel<'_>) -> Result<bool, Failure> {
        let is_flatbuffer = channel.message_encoding == FLATBUFFER;
        if self.options.topic.as_ref().is_some_and(|topic| *topic != channel.topic) || !is_flatbuffer {
            let why = if is_flatbuffer { "FlatBuffers" } else { "no FlatBuffers" };
            self.others.insert(channel.topic.clone(), why);
            return Ok(false);
        }
        let Some(stream) = &self.stream else { return Ok(true) };
        if stream.topic != channel.topic {
            let (first, other) = (&stream.topic, &channel.topic);
            return Err(Failure::usage(format!(
                "there are several topics, {first} and {other}: choose one by --topic"
            )));
        }
        if stream.schema != schema_of(channel) {
            let what = format!("{} has messages of several schemas, a stream has one", stream.topic);
            return Err(Failure::Other { what, advice: None });
        }
        Ok(true)
    }

    fn create(&self, channel: &Channel<'_>) -> Result<Stream, Failure> {
        let path = &self.options.output;
        let said = |key| self.metadata.get(HEADER).and_then(|header| header.get(key));
        let clock = about::CLOCKS.iter().find(|(name, _)| said(about::CLOCK).is_some_and(|clock| clock == name));
        let mut header = HeaderBuilder::new(ChecksumType::default())
            .clock(clock.map_or(Clock::UnixUtc, |(_, clock)| *clock))
            .writer(said(about::WRITER).map_or(about::LIBRARY, String::as_str));
        // Times of sync frames come back where they were.
        if let Some(interval) = said(about::SYNC_INTERVAL).and_then(|interval| interval.parse().ok()) {
            header = header.sync_interval(interval);
        }
        let schema = schema_of(channel);
        if let Some((name, bfbs)) = &schema {
            self.check(channel, bfbs)?;
            header = header.message_type(name).schema(bfbs.as_slice());
        }
        if let Some(identifier) = said(about::MESSAGE_IDENTIFIER) {
            header = header.message_identifier(identifier);
        }
        for (key, value) in self.metadata.get(METADATA).into_iter().flatten() {
            header = header.metadata(key, value);
        }
        Ok(Stream {
            new: NewStream::create(path, &header)?.with_time_step(TIME_STEP),
            topic: channel.topic.clone(),
            schema,
        })
    }

    fn check(&self, channel: &Channel<'_>, bfbs: &[u8]) -> Result<(), Failure> {
        let unusable = |error: SchemaError| {
            let what = format!("{}: the schema of {}: {error}", self.options.file.display(), channel.topic);
            Failure::Other { what, advice: None }
        };
        Schema::read(bfbs).map(drop).map_err(unusable)
    }

    fn finish(self) -> Outcome {
        let Some(Stream { new, .. }) = self.stream else {
            let what = format!("{}: there are no messages to make a stream of", self.options.file.display());
            let topics = self.others.iter().map(|(topic, what)| format!("{topic} ({what})")).collect::<Vec<_>>();
            let advice = (!topics.is_empty()).then(|| format!("the topics are: {}", topics.join(", ")));
            return Err(Failure::Other { what, advice });
        };
        new.finish(TIME_NONE)?;
        if self.options.topic.is_none() && !self.others.is_empty() {
            let others = counted(self.others.len() as u64, "topic");
            eprintln!("{}: {others} left out, of no FlatBuffers", self.options.file.display());
        }
        Ok(Done::Well)
    }
}

fn schema_of(channel: &Channel<'_>) -> Option<(String, Vec<u8>)> {
    let schema = channel.schema.as_deref().filter(|schema| schema.encoding == FLATBUFFER)?;
    Some((schema.name.clone(), schema.data.to_vec()))
}
