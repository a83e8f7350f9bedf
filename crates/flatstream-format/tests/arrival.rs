//! The answer doesn't depend on how the bytes arrive.
#![cfg(feature = "alloc")]

mod common;

use common::Stream;
use flatstream_format::{Algorithm, ChecksumType, Decoded, Decoder, Essentials, Span, Stop, limits};
use proptest::prelude::*;

/// What a decoder says about a whole stream, told in a way that can be compared.
#[derive(Debug, PartialEq)]
enum Event {
    Message(u64, u64, Vec<u8>),
    Sync(u64),
    Stop(Stop),
    Left(usize),
}

/// Offers the bytes behind the header in pieces: each piece is added to what wasn't decoded yet.
fn decode(bytes: &[u8], pieces: impl IntoIterator<Item = usize>, in_rows: bool) -> Vec<Event> {
    let header = Essentials::parse(bytes).unwrap();
    let hasher = Algorithm::new(header.checksum).unwrap();
    let mut decoder = Decoder::new(&header, limits::READER_MAX_MESSAGE_LEN, hasher);
    let mut events = Vec::new();
    let mut start = header.header_len as usize;
    let mut end = start;
    for piece in pieces.into_iter().chain([usize::MAX]) {
        end = end.saturating_add(piece).min(bytes.len());
        loop {
            let data = &bytes[start..end];
            if in_rows {
                let (position, sequence) = (decoder.position(), decoder.sequence());
                let mut spans = [Span::default(); 3];
                let (count, used) = decoder.messages(data, &mut spans);
                for (nth, span) in spans[..count].iter().enumerate() {
                    let offset = span.offset as usize;
                    let body = data[offset..offset + span.len as usize].to_vec();
                    events.push(Event::Message(position + offset as u64 - 8, sequence + nth as u64, body));
                }
                start += used;
                if count > 0 {
                    continue;
                }
            }
            let before = decoder.position();
            match decoder.decode(data) {
                Ok(Decoded::NeedMore(need)) => {
                    assert!(need > data.len(), "{need} of {}", data.len());
                    break;
                }
                Ok(Decoded::Message(message)) => {
                    events.push(Event::Message(message.position(), message.sequence(), message.to_vec()));
                }
                Ok(Decoded::Sync(sync)) => events.push(Event::Sync(sync.position)),
                Ok(other) => panic!("{other:?}"),
                Err(stop) => {
                    assert_eq!(decoder.decode(data), Err(stop.clone()), "asked again");
                    events.push(Event::Stop(stop));
                    return events;
                }
            }
            start += (decoder.position() - before) as usize;
        }
    }
    events.push(Event::Left(bytes.len() - start));
    events
}

#[test]
fn one_byte_at_a_time() {
    let stream = Stream::of_hundreds(ChecksumType::Crc32c);
    let whole = decode(&stream.bytes, [], false);
    assert_eq!(whole.len(), stream.boundaries.len());
    assert_eq!(decode(&stream.bytes, vec![1; stream.bytes.len()], false), whole);
    assert_eq!(decode(&stream.bytes, vec![1; stream.bytes.len()], true), whole);
    assert_eq!(decode(&stream.bytes, [], true), whole);
}

proptest! {
    #[test]
    fn any_pieces_of_any_damaged_stream(
        pieces in prop::collection::vec(1usize..300, 0..60),
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0u8..8), 0..2),
        in_rows in any::<bool>(),
    ) {
        let mut stream = Stream::new(
            ChecksumType::Crc32c,
            1024,
            flatstream_testkit::noise::Noise::new(3).messages(40, 200),
        );
        let behind_header = stream.bytes.len() - stream.header_len;
        for (at, bit) in flips {
            let at = stream.header_len + at.index(behind_header);
            stream.bytes[at] ^= 1 << bit;
        }
        let whole = decode(&stream.bytes, [], false);
        let in_pieces = decode(&stream.bytes, pieces, in_rows);
        // A wrong length is only known to reach beyond the data at their end, so a stop may come as bytes left over.
        prop_assert_eq!(in_pieces, whole);
    }
}
