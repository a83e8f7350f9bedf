//! What a recorder promises while nothing goes wrong.

mod common;

use common::{BUFFER_LEN, Flash, RING, essentials, find, header, message, open, read, stream};
use flatstream_io::{ReadOptions, Reader};
use flatstream_ring::format::{Algorithm, ChecksumType, EncodeError, HeaderBuilder};
use flatstream_ring::{Contents, Geometry, Outside, Recorder, RingError};

fn record(flash: &mut Flash, numbers: std::ops::Range<u64>) {
    let mut recorder = open(flash).unwrap();
    for number in numbers {
        assert_eq!(recorder.sequence(), number);
        recorder.append(number as i64, &message(number)).unwrap();
    }
}

#[test]
fn before_the_first_lap_is_over_the_stream_is_whole_for_a_strict_reader() {
    let mut flash = Flash::new(1);
    record(&mut flash, 0..4);
    record(&mut flash, 4..8); // a reset without a power cut
    let stream = stream(&mut flash);
    let mut reader = Reader::with_options(&stream[..], ReadOptions::new()).unwrap();
    for number in 0..8 {
        assert_eq!(reader.next_message().unwrap(), Some(&message(number)[..]));
    }
    assert_eq!(reader.next_message().unwrap(), None);
    assert_eq!(reader.last_sync().unwrap().epoch, 1);
}

#[test]
fn the_host_knows_how_many_messages_were_overwritten() {
    let mut flash = Flash::new(1);
    record(&mut flash, 0..500);
    let (found, lost) = read(&stream(&mut flash));
    assert_eq!(found, (lost..500).collect::<Vec<_>>());
    assert!((480..495).contains(&lost), "{lost} overwritten");
}

#[test]
fn an_image_of_the_memory_is_read_on_a_host() {
    let mut flash = Flash::new(1);
    record(&mut flash, 0..100);
    let mut image = &flash.bytes[..];
    let mut buffer = [0; BUFFER_LEN];
    let of_image = Contents::find(&mut image, RING, &essentials(), &Algorithm::CRC32C, &mut buffer).unwrap();
    assert_eq!(of_image, find(&mut flash));
    let mut short = &flash.bytes[..1000];
    let outcome = Contents::find(&mut short, RING, &essentials(), &Algorithm::CRC32C, &mut buffer);
    assert_eq!(outcome, Err(RingError::Medium(Outside)));
}

#[test]
fn restarts_without_messages_write_nothing() {
    let mut flash = Flash::new(1);
    record(&mut flash, 0..10);
    let before = flash.bytes.clone();
    for _ in 0..10 {
        assert_eq!(open(&mut flash).unwrap().sequence(), 10);
    }
    assert_eq!(flash.bytes, before);
}

#[test]
fn other_firmware_finds_no_stream_and_formats() {
    let mut flash = Flash::new(1);
    record(&mut flash, 0..10);
    let other = HeaderBuilder::new(ChecksumType::Crc32c).max_message_len(100).build().unwrap();
    let mut buffer = [0; BUFFER_LEN];
    let found = Contents::find(&mut flash, RING, other.essentials(), &Algorithm::CRC32C, &mut buffer).unwrap();
    assert_eq!(found, None);
}

#[test]
fn a_message_that_is_too_long_or_empty_changes_nothing() {
    let mut flash = Flash::new(1);
    let mut recorder = open(&mut flash).unwrap();
    let too_long = RingError::Encode(EncodeError::TooLong { found: 201, limit: 200 });
    assert_eq!(recorder.append(0, &[0; 201]), Err(too_long));
    assert_eq!(recorder.append(0, b""), Err(RingError::Encode(EncodeError::Empty)));
    recorder.append(0, &message(0)).unwrap();
    assert_eq!(read(&stream(&mut flash)), (vec![0], 0));
}

#[test]
fn a_header_whose_messages_do_not_fit_is_refused() {
    let mut flash = Flash::new(1);
    for (promise, is_good) in [(0, false), (1720, true), (1721, false)] {
        let header = HeaderBuilder::new(ChecksumType::Crc32c).max_message_len(promise).build().unwrap();
        let outcome = Recorder::format(&mut flash, RING, header.essentials(), common::STREAM, Algorithm::CRC32C);
        assert_eq!(outcome.is_ok(), is_good, "{promise}");
    }
    let outcome = Contents::find(&mut flash, RING, &essentials(), &Algorithm::CRC32C, &mut [0; 100]);
    assert_eq!(outcome, Err(RingError::Buffer { expected: 208, found: 100 }));
}

#[test]
fn the_longest_messages_fit_at_every_place() {
    let header = HeaderBuilder::new(ChecksumType::Crc32c).max_message_len(1720).build().unwrap();
    for short in 1..40 {
        let mut flash = Flash::new(short);
        let mut recorder =
            Recorder::format(&mut flash, RING, header.essentials(), common::STREAM, Algorithm::CRC32C).unwrap();
        for round in 0..3 {
            recorder.append(0, &vec![1; 8 * short as usize]).unwrap();
            recorder.append(0, &[2; 1720]).unwrap();
            let sequence = 2 * round + 2;
            let mut buffer = [0; 1728];
            let medium = recorder.medium();
            let found = Contents::find(medium, RING, header.essentials(), &Algorithm::CRC32C, &mut buffer).unwrap();
            assert_eq!(found.unwrap().sequence(), sequence);
        }
    }
}

#[test]
fn geometries_are_powers_of_two_with_two_pages() {
    assert!(Geometry::new(512, 256).is_some());
    for (len, page_len) in [(256, 256), (512, 128), (768, 256), (1000, 250), (0, 256), (512, 0)] {
        assert_eq!(Geometry::new(len, page_len), None);
    }
    assert_eq!(header().max_message_len(), 200);
}
