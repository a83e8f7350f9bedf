//! Whole sectors and pages that are lost, erased, scrambled or written to the wrong place, and a header that is.
//! Specification: section 12, and the table of section 18.

mod common;

use std::num::NonZeroU64;
use std::ops::Range;

use common::{ALL_CHECKSUMS, Recovered, STREAM_ID, Stream, other_header, recover, recover_from};
use flatstream_io::format::{Algorithm, Encoder, Session, SyncFlags};
use flatstream_io::{ChecksumType, Finding, Header, ReadOptions, Recovery};
use flatstream_testkit::noise::Noise;

/// What a table adds up.
#[derive(Debug, Default)]
struct Table {
    cases: u64,
    lost: u64,
    most_lost: u64,
}

impl Table {
    /// Only messages that have a byte in the range are missing; they are counted, unless nothing follows that counts.
    fn note(&mut self, stream: &Stream, damaged: &[u8], range: &Range<usize>, case: &str) {
        let found = recover(damaged).unwrap_or_else(|error| panic!("{case}: {error}"));
        let lost = stream.check_in_place(damaged, &found);
        let missing = stream.messages.len() as u64 - found.messages.len() as u64;
        let is_last_word_left = range.end <= stream.bytes.len() - 64;
        assert!(missing <= stream.touched(range), "{case}: {missing} missing, {:?}", found.findings);
        assert!(!found.losses.may_be_more, "{case}: {:?}", found.findings);
        assert!(lost == missing || !is_last_word_left, "{case}: {lost} lost, {missing} missing");
        self.cases += 1;
        self.lost += missing;
        self.most_lost = self.most_lost.max(missing);
    }
}

fn sectors(stream: &Stream, size: usize) -> impl Iterator<Item = Range<usize>> {
    let len = stream.bytes.len();
    (0..len).step_by(size).map(move |begin| begin..(begin + size).min(len))
}

fn overwritten(checksum: ChecksumType, size: usize) -> Table {
    let stream = Stream::of_hundreds(checksum);
    let mut table = Table::default();
    let mut noise = Noise::new(size as u64);
    for sector in sectors(&stream, size) {
        let random = noise.bytes(sector.len());
        let contents = [("zeros", vec![0; sector.len()]), ("FF", vec![0xFF; sector.len()]), ("noise", random)];
        for (what, content) in contents {
            let mut damaged = stream.bytes.clone();
            damaged[sector.clone()].copy_from_slice(&content);
            table.note(&stream, &damaged, &sector, &format!("{what} at {sector:?}"));
        }
    }
    table
}

/// A sector that was written where another belongs: good frames of the stream, at the wrong place.
fn misdirected(checksum: ChecksumType, size: usize) -> Table {
    let stream = Stream::of_hundreds(checksum);
    let mut table = Table::default();
    for sector in sectors(&stream, size) {
        for other in sectors(&stream, size).filter(|other| *other != sector && other.len() == size) {
            let mut damaged = stream.bytes.clone();
            damaged[sector.clone()].copy_from_slice(&stream.bytes[other.clone()][..sector.len()]);
            table.note(&stream, &damaged, &sector, &format!("{other:?} at {sector:?}"));
        }
    }
    table
}

fn for_all(what: &str, table_of: fn(ChecksumType, usize) -> Table) {
    for checksum in ALL_CHECKSUMS {
        // The specification's model lost at most 9; its messages were longer than these, which are 77 bytes a frame.
        for (size, most_lost) in [(512, 11), (4096, 58)] {
            let table = table_of(checksum, size);
            println!("{checksum}, sectors of {size} bytes {what}: {table:?}");
            assert!(table.most_lost <= most_lost);
        }
    }
}

#[test]
fn overwritten_sectors() {
    for_all("overwritten", overwritten);
}

#[test]
fn misdirected_sectors() {
    for_all("misdirected", misdirected);
}

fn with_header(stream: &Stream, region: &[u8]) -> (Vec<u8>, Recovered) {
    let mut damaged = stream.bytes.clone();
    damaged[..region.len()].copy_from_slice(region);
    let found = recover(&damaged).unwrap();
    (damaged, found)
}

#[test]
fn a_header_that_is_overwritten_costs_no_message() {
    for checksum in ALL_CHECKSUMS {
        let stream = Stream::of_hundreds(checksum);
        let len = stream.header_len;
        let mut random = Noise::new(9).bytes(len);
        random[8..12].copy_from_slice(b"FLS1");
        let lengths = [vec![0; 4], vec![0xFF; 4], vec![0xFC, 0x0F, 0, 0], vec![0xFC, 0xFF, 0x0F, 0]];
        let with_length = |length: Vec<u8>| [&length, &stream.bytes[4..len]].concat();
        let regions = [vec![0; len], vec![0xFF; len], Noise::new(8).bytes(len), random].into_iter();
        for region in regions.chain(lengths.into_iter().map(with_length)) {
            let (damaged, found) = with_header(&stream, &region);
            assert_eq!((stream.check_in_place(&damaged, &found), found.messages.len()), (0, 300));
            assert!(found.has(|finding| matches!(finding, Finding::HeaderRecovered { .. })), "{:?}", found.findings);
            assert!(found.header.is_recovered() && found.end.is_closed());
            assert_eq!(found.header.checksum(), checksum);
        }
    }
}

/// Another stream's header is good in itself; the sync frames say that it isn't this stream's.
#[test]
fn another_streams_header_is_not_believed() {
    let mut cases = 0;
    for checksum in ALL_CHECKSUMS {
        let stream = Stream::of_hundreds(checksum);
        for other in ALL_CHECKSUMS {
            for name_len in 0..400 {
                let header = other_header(other, name_len);
                let region = header.as_bytes();
                let (damaged, found) = with_header(&stream, region);
                let lost = stream.check_in_place(&damaged, &found);
                assert_eq!(lost, stream.touched(&(0..region.len())), "{} bytes", region.len());
                assert_eq!(found.messages.len() as u64 + lost, 300);
                let is_told = found.has(|finding| matches!(finding, Finding::HeaderContradicted { .. }));
                assert!(is_told && found.header.is_recovered(), "{:?}", found.findings);
                assert!(found.end.is_closed());
                cases += 1;
            }
        }
    }
    println!("{cases} foreign headers written over the stream's own: no message lost that wasn't written over");
}

/// Only the first sync frame is another stream's: the header, and all that follows, go together.
#[test]
fn a_first_sync_of_another_header_costs_no_message() {
    let mut cases = 0;
    for checksum in ALL_CHECKSUMS {
        let stream = Stream::of_hundreds(checksum);
        for name_len in 0..400 {
            let header = other_header(checksum, name_len);
            if header.as_bytes().len() != stream.header_len {
                continue;
            }
            let foreign = Session { stream_id: NonZeroU64::new(99).unwrap(), epoch: 0 };
            let mut encoder = Encoder::new(header.essentials(), foreign, Algorithm::new(checksum).unwrap());
            let sync = encoder.sync(0, SyncFlags::NONE).unwrap();
            let mut damaged = stream.bytes.clone();
            damaged[stream.header_len..][..sync.len()].copy_from_slice(&sync);
            let found = recover(&damaged).unwrap();
            assert_eq!(
                (stream.check_in_place(&damaged, &found), found.messages.len()),
                (0, 300),
                "{:?}",
                found.findings
            );
            assert!(!found.header.is_recovered() && found.end.is_closed());
            cases += 1;
        }
    }
    assert!(cases >= ALL_CHECKSUMS.len());
}

/// A stream of the same program, so that the headers are the same to the byte.
fn sibling(stream: &Stream) -> Stream {
    let options = common::options(Header::decode(&stream.bytes).unwrap().checksum()).stream_id(77);
    Stream::new(options.sync_interval(1024).max_message_len(1 << 16), Noise::new(8).messages(300, 120))
}

#[test]
fn a_beginning_of_another_stream_is_told_and_can_be_passed_over() {
    for checksum in ALL_CHECKSUMS {
        let stream = Stream::of_hundreds(checksum);
        let other = sibling(&stream);
        for size in (512..8192).step_by(8) {
            let mut damaged = stream.bytes.clone();
            damaged[..size].copy_from_slice(&other.bytes[..size]);
            let found = recover(&damaged).unwrap();
            let is_told = |finding: &Finding| matches!(finding, Finding::OtherStream { stream_id: STREAM_ID, .. });
            assert!(found.has(is_told), "{size}: {:?}", found.findings);
            let are_others = found.messages.iter().all(|message| other.messages.contains(&message.body));
            assert!(are_others || checksum == ChecksumType::None);

            let only = Recovery::new().stream_id(NonZeroU64::new(STREAM_ID).unwrap());
            let found = recover_from(&damaged[..], ReadOptions::new().recovery(only)).unwrap();
            let lost = stream.check_in_place(&damaged, &found);
            assert_eq!(lost, stream.touched(&(0..size)), "{size}: {:?}", found.findings);
            assert_eq!(found.messages.len() as u64 + lost, 300);
            assert!(found.end.is_closed() && !found.has(is_told));
        }
    }
}

#[test]
fn a_stream_that_is_not_there_is_not_found() {
    let stream = Stream::of_hundreds(ChecksumType::Crc32c);
    let only = Recovery::new().stream_id(NonZeroU64::MIN);
    let found = recover_from(&stream.bytes[..], ReadOptions::new().recovery(only)).unwrap();
    assert_eq!(found.messages.len(), 0);
    assert!(found.losses.may_be_more);
    // Without a header that tells which stream it is, too.
    let without = &stream.bytes[stream.header_len..];
    assert!(recover_from(without, ReadOptions::new().recovery(only)).is_err());
    assert_eq!(recover(without).unwrap().messages.len(), 300);
}
