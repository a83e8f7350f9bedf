//! A stream of one type, written as users write it.

use std::error::Error;
use std::fs::File;

use flatstream::schema::Schema;
use flatstream::{MessageType, TypedMessage, TypedOptions, TypedReader, TypedWriter, WriteOptions};
use flatstream_testkit::folder::Folder;
use telemetry_schema::telemetry::{TelemetryEvent, TelemetryEventArgs};

struct Event;

impl MessageType for Event {
    type Root<'a> = TelemetryEvent<'a>;
    const NAME: &'static str = "Telemetry.TelemetryEvent";
    const SCHEMA: Option<&'static [u8]> = Some(telemetry_schema::BFBS);
}

fn record(writer: &mut TypedWriter<Event, File>, lines: &str) -> Result<(), Box<dyn Error>> {
    for line in lines.lines() {
        writer.try_append_with(|builder| {
            let (name, value) = line.split_once(' ').ok_or("a name and a value")?;
            let source_id = Some(builder.create_string(name));
            let args = TelemetryEventArgs { timestamp_ns: 1, source_id, value: value.parse()? };
            Ok::<_, Box<dyn Error>>(TelemetryEvent::create(builder, &args))
        })?;
    }
    Ok(())
}

#[test]
fn a_typed_stream_is_recorded_and_read() -> Result<(), Box<dyn Error>> {
    let folder = Folder::new("typed");
    let path = folder.join("telemetry.fls");
    let mut writer = TypedWriter::<Event, _>::create(&path, WriteOptions::new())?;
    record(&mut writer, "pump-1 21.5\npump-2 20")?;
    assert!(record(&mut writer, "pump-1 warm").is_err());
    assert_eq!(writer.sync()?, 2);
    writer.finish()?;

    let mut reader = TypedReader::<Event, _>::new(File::open(&path)?)?;
    let mut sum = 0.0;
    while let Some(event) = reader.next_root()? {
        sum += event.value();
    }
    assert_eq!(sum, 41.5);
    assert!(reader.end()?.is_closed());
    let schema = Schema::read(reader.header().schema().ok_or("a schema")?)?;
    assert_eq!(schema.root_table(), Some(Event::NAME));
    Ok(())
}

#[test]
fn owned_messages_go_to_another_thread() -> Result<(), Box<dyn Error>> {
    let mut writer = TypedWriter::<Event, _>::new(Vec::new(), WriteOptions::new())?;
    for value in [1.0, 2.0] {
        writer.append_with(|builder| {
            TelemetryEvent::create(builder, &TelemetryEventArgs { value, ..Default::default() })
        })?;
    }
    let bytes = writer.finish()?;
    let reader = flatstream::Reader::new(&bytes[..])?;
    let reader = TypedReader::<Event, _>::from_reader(reader, TypedOptions::new())?;
    let messages: Vec<TypedMessage<Event>> = reader.collect::<Result<_, _>>()?;
    let sum = std::thread::spawn(move || messages.iter().map(|message| message.root().unwrap().value()).sum::<f64>());
    assert_eq!(sum.join().unwrap(), 3.0);
    Ok(())
}
