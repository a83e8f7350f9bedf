//! Messages that the writer's own builder builds.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use flatbuffers::{FlatBufferBuilder, WIPOffset};
use flatstream_io::format::Algorithm;
use flatstream_io::{Checksum, ChecksumType, Error, ErrorKind, Header, HeaderBuilder, Reader, WriteOptions, Writer};
use flatstream_testkit::allocations::{CountingAllocator, count_allocations};
use telemetry_schema::telemetry::{TelemetryEvent, TelemetryEventArgs, TelemetryEventBuilder};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn build(builder: &mut FlatBufferBuilder<'static>, nth: u64, source_id: &str) -> WIPOffset<TelemetryEvent<'static>> {
    let source_id = Some(builder.create_string(source_id));
    TelemetryEvent::create(builder, &TelemetryEventArgs { timestamp_ns: nth, source_id, value: nth as f64 / 2.0 })
}

fn writer() -> Writer<Vec<u8>> {
    Writer::new(Vec::new(), WriteOptions::new()).unwrap()
}

fn messages(bytes: &[u8]) -> Vec<Vec<u8>> {
    Reader::new(bytes).unwrap().map(|message| message.unwrap().to_vec()).collect()
}

/// What a builder of one's own, made anew for each message, finishes.
fn by_hand(nth: u64, source_id: &str, identifier: Option<&str>) -> Vec<u8> {
    let mut builder = FlatBufferBuilder::new();
    let root = build(&mut builder, nth, source_id);
    builder.finish(root, identifier);
    builder.finished_data().to_vec()
}

#[test]
fn append_with_allocates_nothing_in_the_steady_state() {
    let mut writer = Writer::new(io::sink(), WriteOptions::new()).unwrap();
    let long = "x".repeat(300);
    let mut append = |nth: u64| writer.append_with(|builder| build(builder, nth, &long[..(nth % 300) as usize]));
    append(299).unwrap();
    let ((), allocations) = count_allocations(|| {
        for nth in 0..100_000 {
            append(nth).unwrap();
        }
    });
    assert_eq!(allocations, 0);
}

#[test]
fn a_message_holds_nothing_of_those_before_it() {
    let sizes = [5, 0, 4000, 1, 700_000, 3];
    let texts = sizes.map(|len| "y".repeat(len));
    let mut writer = writer();
    for (nth, text) in (0..).zip(&texts) {
        assert_eq!(writer.append_with(|builder| build(builder, nth, text)).unwrap(), nth);
    }
    let expected: Vec<_> = (0..).zip(&texts).map(|(nth, text)| by_hand(nth, text, None)).collect();
    assert_eq!(messages(&writer.finish().unwrap()), expected);
}

#[test]
fn a_message_has_the_identifier_that_the_header_promises() {
    let mut writer = Writer::new(Vec::new(), WriteOptions::new().message_identifier("TELE")).unwrap();
    writer.append_with(|builder| build(builder, 1, "pump")).unwrap();
    assert_eq!(messages(&writer.finish().unwrap()), [by_hand(1, "pump", Some("TELE"))]);
}

/// Half a table, as an early return leaves it.
fn fail_half_way(builder: &mut FlatBufferBuilder<'static>) -> Result<WIPOffset<TelemetryEvent<'static>>, io::Error> {
    let mut event = TelemetryEventBuilder::new(builder);
    event.add_timestamp_ns(7);
    event.add_value(7.5);
    Err(io::Error::other("the sensor is gone"))
}

#[test]
fn a_closure_that_fails_appends_nothing_and_leaves_nothing_behind() {
    let mut writer = writer();
    writer.append_with(|builder| build(builder, 0, "before")).unwrap();
    let (sequence, position) = (writer.sequence(), writer.position());
    let error = writer.try_append_with(fail_half_way).unwrap_err();
    assert_eq!(error.to_string(), "the sensor is gone");
    assert_eq!((writer.sequence(), writer.position()), (sequence, position));
    let behind = writer.try_append_with(|builder| Ok::<_, Error>(build(builder, 1, "behind"))).unwrap();
    assert_eq!(behind, 1);
    let expected = [by_hand(0, "before", None), by_hand(1, "behind", None)];
    assert_eq!(messages(&writer.finish().unwrap()), expected);
}

#[test]
fn a_closure_that_panics_appends_nothing_and_leaves_nothing_behind() {
    let mut writer = writer();
    let panics = |builder: &mut FlatBufferBuilder<'static>| -> WIPOffset<TelemetryEvent<'static>> {
        let _ = fail_half_way(builder);
        panic!("half way");
    };
    assert!(catch_unwind(AssertUnwindSafe(|| writer.append_with(panics))).is_err());
    assert_eq!(writer.append_with(|builder| build(builder, 1, "behind")).unwrap(), 0);
    assert_eq!(messages(&writer.finish().unwrap()), [by_hand(1, "behind", None)]);
}

/// With debug assertions the builder complains; nothing is appended.
#[cfg(debug_assertions)]
#[test]
fn a_closure_that_finishes_the_message_or_leaves_a_table_open_appends_nothing() {
    let mut writer = writer();
    let finishes = |builder: &mut FlatBufferBuilder<'static>| {
        let root = build(builder, 1, "pump");
        builder.finish(root, None);
        root
    };
    let leaves_open = |builder: &mut FlatBufferBuilder<'static>| {
        let root = build(builder, 1, "pump");
        builder.start_table();
        root
    };
    assert!(catch_unwind(AssertUnwindSafe(|| writer.append_with(finishes))).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| writer.append_with(leaves_open))).is_err());
    assert_eq!(writer.append_with(|builder| build(builder, 1, "behind")).unwrap(), 0);
    assert_eq!(messages(&writer.finish().unwrap()), [by_hand(1, "behind", None)]);
}

/// Of a stream that someone else began, against the specification.
#[test]
fn a_header_with_an_identifier_of_three_bytes_is_an_error_and_no_panic() {
    let good = HeaderBuilder::new(ChecksumType::Crc32c).message_identifier("TELE").build().unwrap();
    let mut region = good.as_bytes().to_vec();
    let at = region.windows(4).position(|window| window == b"TELE").unwrap();
    region[at - 4..at + 4].copy_from_slice(b"\x03\0\0\0TEL\0");
    let check_at = region.len() - 4;
    let check = Algorithm::CRC32C.digest(&region[..check_at]);
    region[check_at..].copy_from_slice(&check.to_le_bytes());
    let header = Header::decode(&region).unwrap();
    assert_eq!(header.message_identifier(), Some("TEL"));

    let mut writer = Writer::new(Vec::new(), WriteOptions::new().header(header)).unwrap();
    let error = writer.append_with(|builder| build(builder, 1, "pump")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert_eq!(writer.append(b"bytes of one's own").unwrap(), 0);
}

#[test]
fn a_message_beyond_the_limit_is_refused_and_the_next_is_not() {
    let mut writer = Writer::new(Vec::new(), WriteOptions::new().max_message_len(100)).unwrap();
    let error = writer.append_with(|builder| build(builder, 0, &"z".repeat(200))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    assert_eq!(writer.append_with(|builder| build(builder, 1, "short")).unwrap(), 0);
    assert_eq!(messages(&writer.finish().unwrap()), [by_hand(1, "short", None)]);
}
