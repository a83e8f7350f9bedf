//! Streams of one type: what isn't of it is refused, when the stream is opened or when the message is read.

use std::fs::File;

use flatbuffers::{FlatBufferBuilder, VerifierOptions, WIPOffset};
use flatstream_io::{
    ChecksumType, Error, ErrorKind, Header, HeaderBuilder, MessageType, ReadOptions, Reader, Recovery, SliceReader,
    TypedOptions, TypedReader, TypedRoots, TypedWriter, WriteOptions, Writer,
};
use flatstream_testkit::allocations::{CountingAllocator, count_allocations};
use flatstream_testkit::folder::Folder;
use flatstream_testkit::noise::Noise;
use telemetry_schema::telemetry::{TelemetryEvent, TelemetryEventArgs};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

const LATER: &[u8] = include_bytes!("schemas/telemetry_later.bfbs");
const OTHER: &[u8] = include_bytes!("schemas/telemetry_other.bfbs");
const NAME: &str = "Telemetry.TelemetryEvent";

/// Types that all have the same root.
macro_rules! message_type {
    ($type:ident: $name:expr, $identifier:expr, $schema:expr) => {
        struct $type;

        impl MessageType for $type {
            type Root<'a> = TelemetryEvent<'a>;
            const NAME: &'static str = $name;
            const IDENTIFIER: Option<&'static str> = $identifier;
            const SCHEMA: Option<&'static [u8]> = $schema;
        }
    };
}

message_type!(Event: NAME, None, Some(telemetry_schema::BFBS));
message_type!(LaterEvent: NAME, None, Some(LATER));
message_type!(OtherEvent: NAME, None, Some(OTHER));
message_type!(PlainEvent: NAME, None, None);
message_type!(TaggedEvent: NAME, Some("TELE"), None);
message_type!(DifferentlyTaggedEvent: NAME, Some("OTHR"), None);
message_type!(Stranger: "Telemetry.Stranger", None, None);
message_type!(Misspelt: "telemetry.TelemetryEvent", None, Some(telemetry_schema::BFBS));
message_type!(WithoutGoodSchema: NAME, None, Some(b"a schema?"));

fn build(builder: &mut FlatBufferBuilder<'static>, nth: u64) -> WIPOffset<TelemetryEvent<'static>> {
    let source_id = Some(builder.create_string("pump-1"));
    TelemetryEvent::create(builder, &TelemetryEventArgs { timestamp_ns: nth, source_id, value: 0.5 })
}

fn finished(nth: u64, identifier: Option<&str>) -> Vec<u8> {
    let mut builder = FlatBufferBuilder::new();
    let root = build(&mut builder, nth);
    builder.finish(root, identifier);
    builder.finished_data().to_vec()
}

/// A stream of `count` events whose header says what `T` says.
fn stream<T>(count: u64) -> Vec<u8>
where
    T: for<'a> MessageType<Root<'a> = TelemetryEvent<'a>>,
{
    let mut writer = TypedWriter::<T, _>::new(Vec::new(), WriteOptions::new()).unwrap();
    for nth in 0..count {
        assert_eq!(writer.append_with(|builder| build(builder, nth)).unwrap(), nth);
    }
    writer.finish().unwrap()
}

fn times<T>(bytes: &[u8]) -> Vec<u64>
where
    T: for<'a> MessageType<Root<'a> = TelemetryEvent<'a>>,
{
    let mut reader = TypedReader::<T, _>::new(bytes).unwrap();
    let mut times = Vec::new();
    while let Some(event) = reader.next_root().unwrap() {
        times.push(event.timestamp_ns());
    }
    assert!(reader.end().unwrap().is_closed());
    let owned = TypedReader::<T, _>::new(bytes).unwrap();
    let owned: Vec<_> = owned.map(|message| message.unwrap().root().unwrap().timestamp_ns()).collect();
    assert_eq!(owned, times);
    times
}

fn refused<T: MessageType>(bytes: &[u8]) -> String {
    let error = TypedReader::<T, _>::new(bytes).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WrongType, "{error}");
    error.to_string()
}

#[test]
fn what_a_typed_writer_writes_a_typed_reader_reads() {
    let bytes = stream::<Event>(1000);
    assert_eq!(times::<Event>(&bytes), (0..1000).collect::<Vec<_>>());
    let reader = Reader::new(&bytes[..]).unwrap();
    assert_eq!(reader.header().message_type(), Some(NAME));
    assert_eq!(reader.header().message_identifier(), None);
    assert_eq!(reader.header().schema(), Some(telemetry_schema::BFBS));
    let tagged = stream::<TaggedEvent>(3);
    assert_eq!(Reader::new(&tagged[..]).unwrap().header().message_identifier(), Some("TELE"));
    assert_eq!(times::<TaggedEvent>(&tagged), [0, 1, 2]);
}

#[test]
fn next_root_allocates_nothing() {
    let bytes = stream::<TaggedEvent>(50_000);
    let mut reader = TypedReader::<TaggedEvent, _>::new(&bytes[..]).unwrap();
    reader.next_root().unwrap();
    let (count, allocations) = count_allocations(|| {
        let mut count = 1;
        while reader.next_root().unwrap().is_some() {
            count += 1;
        }
        count
    });
    assert_eq!((count, allocations), (50_000, 0));
}

#[test]
fn a_stream_of_another_type_is_refused() {
    let bytes = stream::<Event>(1);
    let said = "wrong type: expected a stream of Telemetry.Stranger, found one of Telemetry.TelemetryEvent";
    assert_eq!(refused::<Stranger>(&bytes), said);
    let writer = Writer::new(Vec::new(), WriteOptions::new().message_type(NAME)).unwrap();
    let error = TypedWriter::<Stranger, _>::from_writer(writer).unwrap_err();
    assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::WrongType, said));
}

#[test]
fn a_stream_that_says_nothing_of_types_is_refused_unless_told_otherwise() {
    let mut writer = Writer::new(Vec::new(), WriteOptions::new()).unwrap();
    writer.append(&finished(7, None)).unwrap();
    let bytes = writer.finish().unwrap();
    assert!(refused::<Event>(&bytes).contains("TypedOptions::accept_untyped"));
    let reader = Reader::new(&bytes[..]).unwrap();
    let options = TypedOptions::new().accept_untyped(true);
    let mut reader = TypedReader::<Event, _>::from_reader(reader, options).unwrap();
    assert_eq!(reader.next_root().unwrap().unwrap().timestamp_ns(), 7);
}

/// What `accept_untyped` accepts is silence, not a contradiction.
#[test]
fn a_stream_of_another_type_is_refused_although_untyped_ones_are_accepted() {
    let bytes = stream::<Event>(1);
    let options = TypedOptions::new().accept_untyped(true);
    let reader = Reader::new(&bytes[..]).unwrap();
    let error = TypedReader::<Stranger, _>::from_reader(reader, options).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WrongType);
}

#[test]
fn a_schema_that_is_none_makes_no_stream() {
    for bfbs in [&b""[..], b"BFBS", b"some other notation", &LATER[..LATER.len() / 2]] {
        let error = Writer::new(Vec::new(), WriteOptions::new().schema(bfbs)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
        assert!(error.to_string().contains("schema"), "{error}");
    }
}

#[test]
fn where_only_a_schema_is_given_its_root_type_is_the_message_type() {
    let bytes = |bfbs: &[u8]| {
        let header = HeaderBuilder::new(ChecksumType::Crc32c).schema(bfbs).build().unwrap();
        Writer::new(Vec::new(), WriteOptions::new().header(header)).unwrap().finish().unwrap()
    };
    assert_eq!(times::<PlainEvent>(&bytes(LATER)), [0_u64; 0]);
    assert!(refused::<Stranger>(&bytes(LATER)).ends_with("found one of Telemetry.TelemetryEvent"));
    assert!(refused::<PlainEvent>(&bytes(b"some other notation")).contains("doesn't say"));
}

#[test]
fn a_stream_with_another_identifier_is_refused() {
    let said = refused::<DifferentlyTaggedEvent>(&stream::<TaggedEvent>(1));
    assert_eq!(said, "wrong type: expected a stream of messages with identifier \"OTHR\", found \"TELE\"");
    assert_eq!(
        times::<DifferentlyTaggedEvent>(&stream::<PlainEvent>(2)),
        [0, 1],
        "none is promised, none is asked for"
    );
    assert_eq!(times::<PlainEvent>(&stream::<TaggedEvent>(2)), [0, 1]);
}

#[test]
fn fields_may_have_been_added_on_either_side() {
    assert_eq!(times::<LaterEvent>(&stream::<Event>(2)), [0, 1]);
    assert_eq!(times::<Event>(&stream::<LaterEvent>(2)), [0, 1], "a program that wasn't updated yet");
}

#[test]
fn a_schema_that_changed_a_field_is_refused_and_the_field_is_named() {
    let expected = "the stream's schema doesn't fit that of Telemetry.TelemetryEvent: \
                    Telemetry.TelemetryEvent.value: double -> int";
    assert_eq!(refused::<OtherEvent>(&stream::<Event>(1)), expected);
    assert_eq!(refused::<OtherEvent>(&stream::<LaterEvent>(1)), expected, "also where a field was added beside it");
}

#[test]
fn what_a_type_says_about_itself_has_to_fit_together() {
    let check = |error: Error, words: &str| {
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert!(error.to_string().contains(words), "{error}");
    };
    let options = WriteOptions::new;
    check(
        TypedWriter::<Misspelt, _>::new(Vec::new(), options()).unwrap_err(),
        "telemetry.TelemetryEvent isn't a table of the schema",
    );
    check(
        TypedWriter::<WithoutGoodSchema, _>::new(Vec::new(), options()).unwrap_err(),
        "the schema given for Telemetry.TelemetryEvent is not a binary schema",
    );
    let bytes = stream::<Event>(1);
    check(TypedReader::<WithoutGoodSchema, _>::new(&bytes[..]).unwrap_err(), "is not a binary schema");
}

#[test]
fn a_file_is_gone_on_with_under_a_later_schema_and_keeps_its_own() {
    let folder = Folder::new("typed-later");
    let path = folder.join("events.fls");
    for nth in 0..2 {
        let mut writer = TypedWriter::<Event, _>::open(&path, WriteOptions::new()).unwrap();
        writer.append_with(|builder| build(builder, nth)).unwrap();
        writer.finish().unwrap();
    }
    let mut writer = TypedWriter::<LaterEvent, _>::open(&path, WriteOptions::new()).unwrap();
    assert_eq!(writer.append_with(|builder| build(builder, 2)).unwrap(), 2);
    writer.sync().unwrap();
    assert_eq!(writer.header().schema(), Some(telemetry_schema::BFBS));
    writer.finish().unwrap();
    TypedWriter::<Event, _>::open(&path, WriteOptions::new()).unwrap().finish().unwrap();
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!(times::<Event>(&bytes), [0, 1, 2]);
    assert_eq!(times::<LaterEvent>(&bytes), [0, 1, 2]);
}

#[test]
fn a_file_of_another_type_is_not_gone_on_with_and_not_changed() {
    let folder = Folder::new("typed-other");
    let path = folder.join("events.fls");
    std::fs::write(&path, stream::<Event>(3)).unwrap();
    let before = std::fs::read(&path).unwrap();
    let open = |error: Error| assert_eq!(error.kind(), ErrorKind::WrongType, "{error}");
    open(TypedWriter::<Stranger, _>::open(&path, WriteOptions::new()).unwrap_err());
    open(TypedWriter::<OtherEvent, _>::open(&path, WriteOptions::new()).unwrap_err());
    // Whatever else is asked of the header stays asked.
    let options = WriteOptions::new().message_identifier("TELE");
    let error = TypedWriter::<Event, _>::open(&path, options).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_ready_header_of_another_type_makes_no_file() {
    let folder = Folder::new("typed-ready-header");
    let path = folder.join("events.fls");
    let header = HeaderBuilder::new(flatstream_io::ChecksumType::None).message_type(NAME).build().unwrap();
    let options = WriteOptions::new().header(header);
    let error = TypedWriter::<Stranger, _>::create_new(&path, options.clone()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WrongType);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    TypedWriter::<Event, File>::create(&path, options).unwrap().finish().unwrap();
    assert_eq!(times::<PlainEvent>(&std::fs::read(&path).unwrap()), [0_u64; 0]);
}

/// Every second message is none, at sizes that put sync frames between any two.
fn half_bad() -> Vec<u8> {
    let options = WriteOptions::new().typed::<TaggedEvent>().sync_interval(200);
    let mut writer = Writer::new(Vec::new(), options).unwrap();
    let mut noise = Noise::new(1);
    for nth in 0..400u64 {
        let message = match nth % 2 {
            0 => finished(nth, Some("TELE")),
            _ => [&[0xff, 0xff, 0xff, 0x7f], &b"TELE"[..], &noise.bytes(1 + nth as usize % 90)].concat(),
        };
        writer.append(&message).unwrap();
    }
    writer.finish().unwrap()
}

#[test]
fn a_bad_message_is_named_by_position_and_sequence_and_reading_goes_on() {
    let bytes = half_bad();
    let places: Vec<_> = Reader::new(&bytes[..])
        .unwrap()
        .map(|message| message.unwrap())
        .map(|message| (message.position(), message.sequence().unwrap()))
        .collect();
    let mut lending = TypedReader::<TaggedEvent, _>::new(&bytes[..]).unwrap();
    let mut owned = TypedReader::<TaggedEvent, _>::new(&bytes[..]).unwrap();
    for (position, sequence) in places {
        let message = owned.next().unwrap().unwrap();
        assert_eq!((message.position(), message.sequence()), (position, Some(sequence)));
        let is_good = sequence % 2 == 0;
        match (lending.next_root(), message.root()) {
            (Ok(Some(lent)), Ok(owned)) => {
                assert!(is_good);
                assert_eq!((lent.timestamp_ns(), owned.timestamp_ns()), (sequence, sequence));
            }
            (Err(lent), Err(owned)) => {
                assert!(!is_good);
                let place = format!("the message at position {position}, sequence {sequence}, isn't a {NAME}: ");
                for error in [&lent, &owned] {
                    assert_eq!((error.kind(), error.position()), (ErrorKind::WrongType, Some(position)));
                    assert!(error.to_string().starts_with(&place), "{error}");
                    assert!(!error.to_string().contains('\n'), "{error}");
                    assert!(std::error::Error::source(error).is_some(), "the verifier's error");
                }
                assert_eq!(lent.to_string(), owned.to_string());
            }
            (lent, owned) => panic!("lent: {lent:?}, owned: {owned:?}"),
        }
    }
    assert!(lending.next_root().unwrap().is_none());
    assert!(owned.next().is_none());
}

/// In memory it is as from a source, error for error.
#[test]
fn roots_of_a_slice_are_those_of_a_reader() {
    let mut bytes = half_bad();
    let header = Header::decode(&bytes).unwrap();
    // One message is damaged as well: its error is the last thing that is given.
    let damaged_at = Reader::new(&bytes[..]).unwrap().nth(300).unwrap().unwrap().position() as usize + 20;
    bytes[damaged_at] ^= 1;
    let mut reader = TypedReader::<TaggedEvent, _>::new(&bytes[..]).unwrap();
    let messages = SliceReader::new(&bytes).unwrap();
    let mut roots = TypedRoots::<TaggedEvent, _>::new(&header, messages, TypedOptions::new()).unwrap();
    for nth in 0..=300 {
        match (reader.next_root(), roots.next().unwrap()) {
            (Ok(Some(lent)), Ok(root)) => assert_eq!(lent.timestamp_ns(), root.timestamp_ns()),
            (Err(lent), Err(root)) => {
                assert_eq!((lent.kind(), lent.to_string()), (root.kind(), root.to_string()));
                assert_eq!(root.kind() == ErrorKind::Damaged, nth == 300, "{root}");
            }
            (lent, root) => panic!("lent: {lent:?}, root: {root:?}"),
        }
    }
    assert!(roots.next().is_none());
    assert_eq!(roots.get_ref().end(), Some(reader.end().unwrap()));
}

#[test]
fn roots_of_a_slice_of_another_type_are_refused() {
    let bytes = stream::<Event>(1);
    let header = Header::decode(&bytes).unwrap();
    let messages = || SliceReader::new(&bytes).unwrap();
    let error = TypedRoots::<Stranger, _>::new(&header, messages(), TypedOptions::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WrongType);
    let messages = TypedRoots::<Event, _>::new(&header, messages(), TypedOptions::new()).unwrap().into_inner();
    assert_eq!(messages.count(), 1);
}

#[test]
fn the_verifier_says_which_field_is_bad() {
    let mut message = finished(1, None);
    // The string's offset leads out of the message.
    let text = message.windows(6).position(|window| window == b"pump-1").unwrap();
    message[text - 4..text].copy_from_slice(&[0xff, 0xff, 0, 0]);
    let mut writer = Writer::new(Vec::new(), WriteOptions::new().message_type(NAME)).unwrap();
    writer.append(&message).unwrap();
    let bytes = writer.finish().unwrap();
    let error = TypedReader::<Event, _>::new(&bytes[..]).unwrap().next_root().unwrap_err();
    assert!(error.to_string().contains("while verifying table field `source_id`"), "{error}");
}

#[test]
fn a_message_without_the_identifier_that_the_header_promises_is_bad() {
    let mut writer = Writer::new(Vec::new(), WriteOptions::new().typed::<TaggedEvent>()).unwrap();
    writer.append(&finished(1, None)).unwrap();
    writer.append(&finished(2, Some("TELE"))).unwrap();
    writer.append(b"x").unwrap();
    let bytes = writer.finish().unwrap();
    let mut reader = TypedReader::<TaggedEvent, _>::new(&bytes[..]).unwrap();
    let error = reader.next_root().unwrap_err().to_string();
    assert!(
        error.contains("sequence 0, isn't a Telemetry.TelemetryEvent: expected identifier \"TELE\", found"),
        "{error}"
    );
    assert_eq!(reader.next_root().unwrap().unwrap().timestamp_ns(), 2);
    assert!(reader.next_root().unwrap_err().to_string().ends_with("found \"\""));
    assert!(reader.next_root().unwrap().is_none());
}

#[test]
fn a_typed_writer_refuses_a_message_that_is_none_and_goes_on() {
    let mut writer = TypedWriter::<TaggedEvent, _>::new(Vec::new(), WriteOptions::new()).unwrap();
    for bad in [&b"no FlatBuffer"[..], b"", &finished(1, None)] {
        let error = writer.append(bad).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WrongType);
        assert!(error.to_string().ends_with("the stream is unharmed"), "{error}");
    }
    assert_eq!(writer.append(&finished(5, Some("TELE"))).unwrap(), 0);
    let failed = writer.try_append_with(|_| Err::<WIPOffset<TelemetryEvent<'_>>, _>(std::io::Error::other("no")));
    assert_eq!(failed.unwrap_err().to_string(), "no");
    writer.flush().unwrap();
    assert_eq!(writer.get_ref().sequence(), 1);
    assert_eq!(times::<TaggedEvent>(&writer.into_inner().finish().unwrap()), [5]);
}

#[test]
fn the_verifiers_limits_can_be_set() {
    let bytes = stream::<Event>(1);
    let strict = VerifierOptions { max_apparent_size: 16, ..VerifierOptions::default() };
    let options = TypedOptions::new().verifier(strict);
    let reader = || TypedReader::<Event, _>::from_reader(Reader::new(&bytes[..]).unwrap(), options.clone()).unwrap();
    assert_eq!(reader().next_root().unwrap_err().kind(), ErrorKind::WrongType);
    assert!(reader().next().unwrap().unwrap().root().is_err());
}

#[test]
fn a_stream_whose_header_is_lost_says_nothing_of_types() {
    let mut bytes = stream::<Event>(10);
    bytes[20] ^= 1;
    let reader = || Reader::with_options(&bytes[..], ReadOptions::new().recovery(Recovery::new())).unwrap();
    let error = TypedReader::<Event, _>::from_reader(reader(), TypedOptions::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WrongType);
    let options = TypedOptions::new().accept_untyped(true);
    let mut typed = TypedReader::<Event, _>::from_reader(reader(), options).unwrap();
    let mut count = 0;
    while typed.next_root().unwrap().is_some() {
        count += 1;
    }
    assert_eq!(count, 10);
    assert!(!typed.get_mut().take_findings().is_empty());
}

/// On a link another stream may follow: its header is checked too.
#[test]
fn on_a_link_messages_of_a_following_stream_of_another_type_are_errors() {
    let bytes = [stream::<Event>(2), stream::<Stranger>(2), stream::<PlainEvent>(2)].concat();
    let reader = || Reader::with_options(&bytes[..], ReadOptions::new().recovery(Recovery::link())).unwrap();
    let mut lending = TypedReader::<Event, _>::from_reader(reader(), TypedOptions::new()).unwrap();
    let lent: Vec<_> = (0..6).map(|_| lending.next_root().map(|root| root.unwrap().timestamp_ns()).ok()).collect();
    assert_eq!(lent, [Some(0), Some(1), None, None, Some(0), Some(1)]);
    assert!(lending.next_root().unwrap().is_none());
    let owned = TypedReader::<Event, _>::from_reader(reader(), TypedOptions::new()).unwrap();
    let owned: Vec<_> = owned.map(|message| Some(message.ok()?.root().unwrap().timestamp_ns())).collect();
    assert_eq!(owned, lent);
}
