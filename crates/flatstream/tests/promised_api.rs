//! The API as it was promised to users, written as they write it.

use std::fs::File;

use flatbuffers::FlatBufferBuilder;
use flatstream::{ChecksumType, Reader, WriteOptions, Writer};
use flatstream_testkit::folder::Folder;
use telemetry_schema::telemetry::{TelemetryEvent, TelemetryEventArgs, root_as_telemetry_event};

fn build(builder: &mut FlatBufferBuilder<'_>, number: u64) {
    builder.reset();
    let source_id = Some(builder.create_string("pump-1"));
    let args = TelemetryEventArgs { timestamp_ns: number, source_id, value: number as f64 / 2.0 };
    let event = TelemetryEvent::create(builder, &args);
    builder.finish(event, None);
}

/// `main() -> std::io::Result<()>`: every error converts.
#[test]
fn as_promised() -> std::io::Result<()> {
    let folder = Folder::new("promised");
    let path = folder.join("telemetry.fls");
    let mut builder = FlatBufferBuilder::new();

    let options = WriteOptions::new().checksum(ChecksumType::Crc32c); // also Xxh64, None, ...
    let mut writer = Writer::new(File::create(&path)?, options)?;
    for number in 0..1000 {
        build(&mut builder, number);
        writer.append(builder.finished_data())?;
    }
    writer.finish()?; // gives the sink back

    let reader = Reader::new(File::open(&path)?)?;
    println!("{:?}", reader.header().checksum());
    let mut events = 0;
    for message_result in reader {
        match message_result {
            Ok(message_bytes) => {
                let event = root_as_telemetry_event(&message_bytes).unwrap();
                assert_eq!((event.timestamp_ns(), event.source_id()), (events, Some("pump-1")));
                events += 1;
            }
            Err(e) => eprintln!("Error reading message: {e}"),
        }
    }
    assert_eq!(events, 1000);
    Ok(())
}

#[cfg(feature = "flatbuffers")]
#[test]
fn a_message_gives_its_verified_root() -> flatstream::Result<()> {
    let mut builder = FlatBufferBuilder::new();
    let mut writer = Writer::new(Vec::new(), WriteOptions::new())?;
    build(&mut builder, 7);
    writer.append(builder.finished_data())?;
    writer.append(b"this is not a FlatBuffer at all")?;
    let bytes = writer.finish()?;
    let messages: Vec<_> = Reader::new(&bytes[..])?.collect::<Result<_, _>>()?;
    assert_eq!(messages[0].root::<TelemetryEvent<'_>>().unwrap().value(), 3.5);
    assert!(messages[1].root::<TelemetryEvent<'_>>().is_err());
    Ok(())
}

/// What users put into their own types and threads.
#[test]
fn readers_writers_and_messages_are_send() {
    fn is_send<T: Send>() {}
    is_send::<Reader<File>>();
    is_send::<Writer<File>>();
    is_send::<flatstream::Message>();
    is_send::<flatstream::Error>();
}
