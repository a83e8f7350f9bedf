//! The header region: what the builder makes, what a reader refuses.
#![cfg(feature = "alloc")]

use core::num::NonZeroU64;

use flatstream_format::{
    Algorithm, Checksum, ChecksumType, Clock, Encoder, Essentials, FoundSync, Header, HeaderBuilder, HeaderError,
    Located, Session, SyncFlags, locate_header,
};
use proptest::prelude::*;

const MINIMAL: &[u8] = include_bytes!("minimal_header.bin");

fn full() -> HeaderBuilder {
    HeaderBuilder::new(ChecksumType::Xxh3)
        .max_message_len(12_345)
        .sync_interval(4096)
        .clock(Clock::Tai)
        .message_type("Telemetry.TelemetryEvent")
        .message_identifier("TELE")
        .schema(vec![1, 2, 3])
        .writer("test 1")
        .metadata("vehicle", "17")
        .metadata("vehicle", "18")
        .metadata("note", "")
}

/// With its check made good again, so that what is behind the check is reached.
fn resealed(mut region: Vec<u8>) -> Vec<u8> {
    let at = region.len() - 4;
    let check = Algorithm::CRC32C.digest(&region[..at]);
    region[at..].copy_from_slice(&check.to_le_bytes());
    region
}

#[test]
fn the_minimal_header_of_the_readme_is_what_the_builder_makes() {
    let header = HeaderBuilder::new(ChecksumType::Crc32c).build().unwrap();
    assert_eq!(header.as_bytes(), MINIMAL);
}

#[test]
fn what_is_no_stream_is_shown_by_its_first_bytes() {
    let words = |data: &[u8]| HeaderError::at_end_of_data(data, 12).to_string();
    for (data, shown) in [
        (&b""[..], "no bytes at all"),
        (b"\0a\n", r#"only "\x00a\n""#),
        (b"%PDF-1.7 ab", r#"only "%PDF-1.7 ab""#),
        (b"%PDF-1.7 and so on", r#""%PDF-1.7 and""#),
    ] {
        assert!(words(data).contains(&format!(" {shown}")), "{}", words(data));
    }
}

#[test]
fn a_message_may_be_as_long_as_the_header_or_a_length_word_says() {
    let essentials = Essentials::parse(MINIMAL).unwrap();
    let limit = |max_message_len| Essentials { max_message_len, ..essentials }.message_limit();
    let longest = 0x7FFF_FFFF;
    for (promised, expected) in [
        (0, longest),
        (1, 1),
        (longest - 1, longest - 1),
        (longest, longest),
        (longest + 1, longest),
        (u32::MAX, longest),
    ] {
        assert_eq!(limit(promised), expected, "{promised}");
    }
}

#[test]
fn every_field_goes_there_and_back() {
    let header = full().build().unwrap();
    let read = Header::decode(header.as_bytes()).unwrap();
    assert!(!read.is_recovered());
    assert_eq!(read.checksum(), ChecksumType::Xxh3);
    assert_eq!(read.max_message_len(), 12_345);
    assert_eq!(read.sync_interval(), 4096);
    assert_eq!(read.clock(), Clock::Tai);
    assert_eq!(read.message_type(), Some("Telemetry.TelemetryEvent"));
    assert_eq!(read.message_identifier(), Some("TELE"));
    assert_eq!(read.schema(), Some(&[1, 2, 3][..]));
    assert_eq!(read.writer(), Some("test 1"));
    let metadata: Vec<_> = read.metadata().collect();
    assert_eq!(metadata, [("vehicle", Some("17")), ("vehicle", Some("18")), ("note", Some(""))]);
    assert_eq!(read.metadata_value("vehicle"), Some("17"));
    assert_eq!(read.metadata_value("absent"), None);
}

#[test]
fn the_region_is_a_multiple_of_8_and_ends_with_its_check() {
    for len in 0..64 {
        let header = full().writer("w".repeat(len)).build().unwrap();
        let region = header.as_bytes();
        assert_eq!(region.len() % 8, 0);
        assert_eq!(u32::from_le_bytes(region[..4].try_into().unwrap()) as usize, region.len() - 4);
        assert_eq!(locate_header(region), Ok(Located::Region(region.len())));
        assert_eq!(resealed(region.to_vec()), region);
    }
}

#[test]
fn every_truncation_of_a_header_is_incomplete_or_not_a_stream() {
    let header = full().build().unwrap();
    let region = header.as_bytes();
    for len in 0..region.len() {
        let error = Header::decode(&region[..len]).unwrap_err();
        assert_eq!(error.code(), if len < 12 { "not_a_stream" } else { "header_incomplete" }, "length {len}");
    }
}

#[test]
fn every_flipped_bit_of_a_header_is_refused() {
    let header = full().build().unwrap();
    flatstream_testkit::damage::for_each_bit_flip(header.as_bytes(), |at, damaged| {
        assert!(Essentials::parse(damaged).is_err(), "bit flipped at {at}");
        assert!(Header::decode(damaged).is_err(), "bit flipped at {at}");
    });
}

#[test]
fn damage_with_a_good_check_never_panics_and_never_reads_beyond() {
    let header = full().build().unwrap();
    flatstream_testkit::damage::for_each_bit_flip(header.as_bytes(), |_, damaged| {
        let damaged = resealed(damaged.to_vec());
        let numbers = Essentials::parse(&damaged);
        if let Ok(header) = Header::decode(&damaged) {
            assert_eq!(Ok(*header.essentials()), numbers);
        }
    });
}

#[test]
fn what_was_chosen_so_far_can_be_asked() {
    let builder = full();
    let chosen: Vec<_> = builder.chosen_metadata().collect();
    assert_eq!(chosen, [("vehicle", "17"), ("vehicle", "18"), ("note", "")]);
}

#[test]
fn of_a_damaged_header_a_sync_frame_tells_the_checksum_and_nothing_else() {
    let header = full().build().unwrap();
    let session = Session { stream_id: NonZeroU64::MIN, epoch: 7 };
    let mut encoder = Encoder::new(header.essentials(), session, Algorithm::new(header.checksum()).unwrap());
    let frame = encoder.sync(0, SyncFlags::NONE).unwrap();
    let recovered = Header::recover(&FoundSync::at_start_of(&frame, 0).unwrap().sync).unwrap();
    assert!(recovered.is_recovered());
    assert_eq!(recovered.checksum(), ChecksumType::Xxh3);
    assert_eq!(recovered.essentials().header_check, header.essentials().header_check);
    assert_eq!((recovered.as_bytes(), recovered.schema(), recovered.max_message_len()), (&[][..], None, 0));
}

#[test]
fn what_the_builder_refuses() {
    let too_large = HeaderBuilder::new(ChecksumType::None).schema(vec![0; 1 << 20]).build();
    assert!(matches!(too_large, Err(HeaderError::Length(_))), "{too_large:?}");
    let long_text = HeaderBuilder::new(ChecksumType::None).writer("w".repeat(2 << 20)).build();
    assert!(matches!(long_text, Err(HeaderError::Length(_))), "{long_text:?}");
    // Before anything is built: what is said is how much text and schema there is.
    let parts = full().schema(vec![0; 5 << 20]).build();
    let texts = ["Telemetry.TelemetryEvent", "TELE", "test 1", "vehicle", "17", "vehicle", "18", "note"];
    assert_eq!(parts, Err(HeaderError::Length((5 << 20) + texts.concat().len() as u32)));
    // And where the rest of the header is what is too much: how long it all is.
    let limit = 1 << 20;
    let no_room = HeaderBuilder::new(ChecksumType::None).schema(vec![0; limit]).build();
    assert!(matches!(no_room, Err(HeaderError::Length(len)) if len as usize > limit), "{no_room:?}");
    let identifier = HeaderBuilder::new(ChecksumType::None).message_identifier("TOO LONG").build();
    assert!(matches!(identifier, Err(HeaderError::Malformed(_))), "{identifier:?}");
    for id in [0, 1, 127] {
        let private = HeaderBuilder::new(ChecksumType::Private(id)).build();
        assert_eq!(private, Err(HeaderError::UnknownChecksum(id)));
    }
}

#[test]
fn shared_entries_do_not_unfold_into_gigabytes() {
    // 1,000 metadata entries that all point to one string of 500 KB: 1 MiB in the file, 1 GB if they were copied.
    let mut builder = flatbuffers::FlatBufferBuilder::new();
    let text = builder.create_string(&"x".repeat(500_000));
    let entry = {
        let start = builder.start_table();
        builder.push_slot_always(4, text);
        builder.push_slot_always(6, text);
        builder.end_table(start)
    };
    let entries = builder.create_vector(&vec![entry; 1000]);
    let start = builder.start_table();
    builder.push_slot_always(28, entries);
    builder.push_slot_always::<u16>(4, 1);
    builder.push_slot_always::<u8>(6, 1);
    let root = builder.end_table(start);
    builder.finish_size_prefixed(root, Some("FLS1"));
    let mut region = builder.finished_data().to_vec();
    region.resize(region.len().next_multiple_of(8) + 8, 0);
    let length = region.len() as u32 - 4;
    region[..4].copy_from_slice(&length.to_le_bytes());
    let error = Header::decode(&resealed(region)).unwrap_err();
    assert_eq!(error.code(), "header_malformed");
}

proptest! {
    #[test]
    fn any_bytes_give_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Header::decode(&bytes);
    }

    #[test]
    fn any_table_with_a_good_check_gives_an_answer(body in prop::collection::vec(any::<u8>(), 4..200)) {
        let mut region = vec![0; 12];
        region[8..12].copy_from_slice(b"FLS1");
        region.extend(&body);
        region[4..8].copy_from_slice(&body[..4]);
        region.resize(region.len().next_multiple_of(8) + 8, 0);
        let length = region.len() as u32 - 4;
        region[..4].copy_from_slice(&length.to_le_bytes());
        let _ = Header::decode(&resealed(region));
    }
}
