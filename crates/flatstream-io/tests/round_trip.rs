//! What is written is read, however large the messages and however small the blocks.

use std::io::{self, Read};
use std::sync::mpsc;

use flatstream_io::{
    ChecksumType, Clock, EndState, ErrorKind, HeaderBuilder, ReadOptions, Reader, SliceReader, WriteOptions, Writer,
};
use flatstream_testkit::noise::Noise;
use proptest::prelude::*;

fn write(options: WriteOptions, messages: &[Vec<u8>]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), options).unwrap();
    for (sequence, message) in messages.iter().enumerate() {
        assert_eq!(writer.append(message).unwrap(), sequence as u64);
    }
    let position = writer.position();
    let bytes = writer.finish().unwrap();
    assert_eq!(bytes.len() as u64, position + 64);
    bytes
}

fn check_read(bytes: &[u8], options: &ReadOptions, messages: &[Vec<u8>]) {
    let mut owned = Reader::with_options(bytes, options.clone()).unwrap();
    let mut kept = Vec::new();
    for message in &mut owned {
        kept.push(message.unwrap());
    }
    assert!(owned.end().unwrap().is_closed());
    let mut lending = Reader::with_options(bytes, options.clone()).unwrap();
    let mut slices = SliceReader::new(bytes).unwrap();
    assert_eq!(kept.len(), messages.len());
    for (nth, (kept, message)) in kept.iter().zip(messages).enumerate() {
        assert_eq!(**kept, message[..], "owned message {nth}");
        assert_eq!(kept.sequence(), Some(nth as u64));
        assert_eq!(kept.as_ptr() as usize % 8, 0, "alignment of owned message {nth}");
        assert_eq!(lending.sequence(), nth as u64);
        let lent = lending.next_message().unwrap().unwrap();
        assert_eq!(lent, &message[..], "lent message {nth}");
        assert_eq!(lent.as_ptr() as usize % 8, 0, "alignment of lent message {nth}");
        let slice = slices.next().unwrap().unwrap();
        assert_eq!((slice.body(), slice.position()), (&message[..], kept.position()));
    }
    assert_eq!(lending.next_message().unwrap(), None);
    assert!(slices.next().is_none());
}

#[test]
fn every_checksum_of_this_build() {
    let messages = Noise::new(1).messages(500, 300);
    for checksum in ChecksumType::STANDARD {
        match Writer::new(io::sink(), WriteOptions::new().checksum(checksum)) {
            Ok(_) => {
                let bytes = write(WriteOptions::new().checksum(checksum), &messages);
                check_read(&bytes, &ReadOptions::new(), &messages);
                assert_eq!(Reader::new(&bytes[..]).unwrap().header().checksum(), checksum);
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unsupported);
                assert!(error.to_string().contains(checksum.feature().unwrap()), "{error}");
            }
        }
    }
}

#[test]
fn messages_around_and_far_beyond_a_block() {
    let lens = [1, 7, 8, 9, 262_000, 262_143, 262_144, 262_145, 524_288, 1, 3_000_000, 5];
    let mut noise = Noise::new(2);
    let messages: Vec<Vec<u8>> = lens.map(|len| noise.bytes(len)).to_vec();
    check_read(&write(WriteOptions::new(), &messages), &ReadOptions::new(), &messages);
}

#[test]
fn an_empty_stream() {
    check_read(&write(WriteOptions::new(), &[]), &ReadOptions::new(), &[]);
}

#[test]
fn parts_make_the_same_stream_as_the_whole() {
    let fixed = || WriteOptions::new().stream_id(9).clock(Clock::Unspecified, || 0).block_size(4096);
    let mut noise = Noise::new(3);
    let messages: Vec<Vec<u8>> = [1, 2, 100, 4000, 4088, 4096, 5000, 20_000].map(|len| noise.bytes(len)).to_vec();
    for checksum in ChecksumType::STANDARD {
        let Ok(mut writer) = Writer::new(Vec::new(), fixed().checksum(checksum)) else { continue };
        for message in &messages {
            let (head, rest) = message.split_at(message.len() / 3);
            let (middle, tail) = rest.split_at(rest.len() / 2);
            writer.append_parts(&[head, &[], middle, tail]).unwrap();
        }
        assert_eq!(writer.finish().unwrap(), write(fixed().checksum(checksum), &messages), "{checksum}");
    }
}

#[test]
fn options_reach_the_header() {
    let options = WriteOptions::new()
        .checksum(ChecksumType::None)
        .sync_interval(1 << 20)
        .max_message_len(4096)
        .message_type("Telemetry.TelemetryEvent")
        .message_identifier("TELE")
        .schema(telemetry_schema::BFBS)
        .writer("agent 2.1")
        .metadata("vehicle", "17")
        .clock(Clock::Monotonic, || 5)
        .stream_id(42);
    let bytes = Writer::new(Vec::new(), options).unwrap().finish().unwrap();
    let mut reader = Reader::new(&bytes[..]).unwrap();
    let header = reader.header();
    assert_eq!(header.checksum(), ChecksumType::None);
    assert_eq!(header.sync_interval(), 1 << 20);
    assert_eq!(header.max_message_len(), 4096);
    assert_eq!(header.message_type(), Some("Telemetry.TelemetryEvent"));
    assert_eq!(header.message_identifier(), Some("TELE"));
    assert_eq!(header.schema(), Some(telemetry_schema::BFBS));
    assert_eq!(header.writer(), Some("agent 2.1"));
    assert_eq!(header.metadata_value("vehicle"), Some("17"));
    assert_eq!(header.clock(), Clock::Monotonic);
    assert_eq!(reader.next_message().unwrap(), None);
    assert_eq!(reader.stream_id(), Some(42));
}

#[test]
fn two_streams_have_different_ids() {
    let id = || Writer::new(io::sink(), WriteOptions::new()).unwrap().stream_id();
    assert_ne!(id(), id());
}

#[test]
fn a_header_made_beforehand_is_written_unchanged() {
    let header = HeaderBuilder::new(ChecksumType::None).writer("another").sync_interval(0).build().unwrap();
    let writer = Writer::new(Vec::new(), WriteOptions::new().header(header.clone())).unwrap();
    let bytes = writer.finish().unwrap();
    assert!(bytes.starts_with(header.as_bytes()));
    assert_eq!(Reader::new(&bytes[..]).unwrap().header(), &header);
}

/// The header says what the frames are protected by, whatever else was set, before or after.
#[test]
fn options_that_contradict_a_header_do_not_make_a_stream_that_nobody_can_read() {
    let header = || HeaderBuilder::new(ChecksumType::Crc32c).build().unwrap();
    let messages = [b"a message".to_vec()];
    let before = WriteOptions::new().checksum(ChecksumType::None).header(header());
    check_read(&write(before, &messages), &ReadOptions::new(), &messages);
    let after = WriteOptions::new().header(header()).checksum(ChecksumType::None);
    check_read(&write(after, &messages), &ReadOptions::new(), &messages);

    struct Zero;
    impl flatstream_io::Checksum for Zero {
        fn digest(&self, _: &[u8]) -> u32 {
            0
        }
    }
    let other = HeaderBuilder::new(ChecksumType::Private(201)).build().unwrap();
    let error = Writer::new(io::sink(), WriteOptions::new().private_checksum(200, Zero).header(other)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
}

#[test]
fn what_the_caller_does_wrong_leaves_the_stream_usable() {
    let mut writer = Writer::new(Vec::new(), WriteOptions::new().max_message_len(100)).unwrap();
    writer.append(b"before").unwrap();
    let empty = writer.append(&[]).unwrap_err();
    assert_eq!(empty.kind(), ErrorKind::Usage);
    let too_long = writer.append(&[0; 101]).unwrap_err();
    assert_eq!(too_long.kind(), ErrorKind::Limit);
    assert!(too_long.to_string().contains("101") && too_long.to_string().contains("100"), "{too_long}");
    assert_eq!(writer.append_parts(&[]).unwrap_err().kind(), ErrorKind::Usage);
    assert_eq!(writer.append_parts(&[&[0; 60], &[0; 60]]).unwrap_err().kind(), ErrorKind::Limit);
    assert_eq!(writer.append(&[7; 100]).unwrap(), 1);
    let bytes = writer.finish().unwrap();
    check_read(&bytes, &ReadOptions::new(), &[b"before".to_vec(), vec![7; 100]]);
}

#[test]
fn options_that_make_no_stream_are_refused() {
    let refused = |options: WriteOptions| Writer::new(io::sink(), options).unwrap_err();
    assert_eq!(refused(WriteOptions::new().stream_id(0)).kind(), ErrorKind::Usage);
    assert_eq!(refused(WriteOptions::new().schema(vec![0; 2 << 20])).kind(), ErrorKind::Limit);
    assert_eq!(refused(WriteOptions::new().message_identifier("no")).kind(), ErrorKind::Usage);
    assert_eq!(refused(WriteOptions::new().checksum(ChecksumType::Private(200))).kind(), ErrorKind::Unsupported);
    let not_private = refused(WriteOptions::new().checksum(ChecksumType::Private(3)));
    assert_eq!(not_private.kind(), ErrorKind::Usage);
    assert_eq!(not_private.to_string(), "a private checksum has an id from 128 to 255, not 3");
}

#[test]
fn a_dropped_writer_leaves_an_open_stream_with_all_it_accepted() {
    let mut bytes = Vec::new();
    {
        let mut writer = Writer::new(&mut bytes, WriteOptions::new()).unwrap();
        writer.append(b"kept").unwrap();
    }
    let mut reader = Reader::new(&bytes[..]).unwrap();
    assert_eq!(reader.next_message().unwrap(), Some(&b"kept"[..]));
    assert_eq!(reader.next_message().unwrap(), None);
    assert_eq!(reader.end().unwrap().state, EndState::Open);

    let required = ReadOptions::new().require_closed(true);
    let results: Vec<_> = Reader::with_options(&bytes[..], required).unwrap().collect();
    assert_eq!(results.len(), 2);
    assert_eq!(results[1].as_ref().unwrap_err().kind(), ErrorKind::NotClosed);
}

#[test]
fn flush_hands_over_everything_appended() {
    let mut bytes = Vec::new();
    let mut writer = Writer::new(&mut bytes, WriteOptions::new()).unwrap();
    writer.append(b"seen").unwrap();
    assert!(writer.get_ref().is_empty());
    writer.flush().unwrap();
    assert_eq!(writer.get_ref().len() as u64, writer.position());
}

/// Messages may be kept, sent away, and outlive their reader, while the reader goes on.
#[test]
fn messages_outlive_their_reader_and_cross_threads() {
    let messages = Noise::new(5).messages(20_000, 100);
    let bytes = write(WriteOptions::new(), &messages);
    let (sender, receiver) = mpsc::channel();
    let reading = std::thread::spawn(move || {
        for message in Reader::with_options(&bytes[..], ReadOptions::new().block_size(4096)).unwrap() {
            sender.send(message.unwrap()).unwrap();
        }
    });
    let kept: Vec<bytes::Bytes> = receiver.iter().map(Into::into).collect();
    reading.join().unwrap();
    assert_eq!(kept.len(), messages.len());
    assert!(kept.iter().zip(&messages).all(|(kept, message)| kept == message));
}

/// Messages that come one at a time and are all kept take memory by what they hold, not a block each.
#[test]
fn kept_messages_of_a_slow_source_share_small_blocks() {
    let messages = Noise::new(6).messages(5000, 100);
    let bytes = write(WriteOptions::new(), &messages);
    let source = Trickle { bytes: &bytes, sizes: vec![72].into_iter().cycle() };
    let kept: Vec<_> = Reader::new(source).unwrap().map(Result::unwrap).collect();
    assert!(kept.iter().zip(&messages).all(|(kept, message)| **kept == message[..]));
}

/// The end of a socket that stays open: nothing more comes, and nothing is missing.
#[test]
fn a_whole_message_is_delivered_while_its_sender_keeps_silent() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (delivered, wait) = mpsc::channel::<()>();
    let sending = std::thread::spawn(move || {
        let socket = std::net::TcpStream::connect(address).unwrap();
        let mut writer = Writer::new(socket, WriteOptions::new()).unwrap();
        for message in [&b"one"[..], b"another"] {
            writer.append(message).unwrap();
            writer.flush().unwrap();
            wait.recv().unwrap(); // silent, until the other side has it
        }
        writer.finish().unwrap();
    });
    let (socket, _) = listener.accept().unwrap();
    let mut reader = Reader::new(socket).unwrap();
    for expected in [&b"one"[..], b"another"] {
        assert_eq!(reader.next_message().unwrap(), Some(expected));
        delivered.send(()).unwrap();
    }
    assert_eq!(reader.next_message().unwrap(), None);
    assert!(reader.end().unwrap().is_closed());
    sending.join().unwrap();
}

/// A source that gives a row of reads of these sizes.
struct Trickle<'a> {
    bytes: &'a [u8],
    sizes: std::iter::Cycle<std::vec::IntoIter<usize>>,
}

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.sizes.next().unwrap_or(1).min(buffer.len());
        self.bytes.read(&mut buffer[..len])
    }
}

proptest! {
    #[test]
    fn any_messages_blocks_and_reads(
        seed in any::<u64>(),
        count in 0usize..60,
        max_len in prop::sample::select(vec![1usize, 20, 300, 5000]),
        interval in prop::sample::select(vec![0u32, 1, 1024, 65536]),
        write_block in prop::sample::select(vec![64usize, 72, 1000, 4096]),
        read_block in prop::sample::select(vec![64usize, 72, 1000, 4096]),
        sizes in prop::collection::vec(1usize..3000, 1..5),
        keep in any::<bool>(),
    ) {
        let messages = Noise::new(seed).messages(count, max_len);
        let bytes = write(WriteOptions::new().sync_interval(interval).block_size(write_block), &messages);
        let options = ReadOptions::new().block_size(read_block);
        check_read(&bytes, &options, &messages);
        let source = Trickle { bytes: &bytes, sizes: sizes.into_iter().cycle() };
        let mut reader = Reader::with_options(source, options).unwrap();
        let mut kept = Vec::new();
        for message in &messages {
            let found = reader.next().unwrap().unwrap();
            prop_assert_eq!(&found[..], &message[..]);
            if keep {
                kept.push(found);
            }
        }
        prop_assert!(reader.next().is_none());
        prop_assert!(reader.end().unwrap().is_closed());
        prop_assert!(kept.iter().zip(&messages).all(|(kept, message)| **kept == message[..]));
    }
}
