//! What the decoder answers to each of its calls, where other tests only see what becomes of a whole stream.
#![cfg(feature = "alloc")]

use std::num::NonZeroU64;

use flatstream_format::{
    Algorithm, ChecksumType, Decoded, Decoder, Encoder, Essentials, FoundSync, Header, HeaderBuilder, Session, Span,
    Stop, StopReason, SyncFlags, frame_len,
};

/// A header, and the frames of a stream of these messages.
fn stream(messages: &[&[u8]]) -> (Header, Vec<u8>) {
    stream_with(ChecksumType::Crc32c, messages)
}

fn stream_with(checksum: ChecksumType, messages: &[&[u8]]) -> (Header, Vec<u8>) {
    let header = HeaderBuilder::new(checksum).build().unwrap();
    let session = Session { stream_id: NonZeroU64::MIN, epoch: 0 };
    let mut encoder = Encoder::new(header.essentials(), session, Algorithm::new(checksum).unwrap());
    let mut frames = encoder.sync(0, SyncFlags::NONE).unwrap().to_vec();
    for message in messages {
        let start = frames.len();
        frames.resize(start + frame_len(message.len() as u32) as usize, 0xA5);
        encoder.encode_message(message, &mut frames[start..]).unwrap();
    }
    (header, frames)
}

fn decoder(header: &Header) -> Decoder<Algorithm> {
    Decoder::new(header.essentials(), 0, Algorithm::new(header.essentials().checksum).unwrap())
}

#[test]
fn what_is_asked_for_is_the_whole_frame_and_no_more() {
    for len in 1..=40 {
        let (header, frames) = stream(&[&vec![7; len]]);
        let mut decoder = decoder(&header);
        assert_eq!(decoder.decode(&frames[..7]), Ok(Decoded::NeedMore(8)));
        assert_eq!(decoder.decode(&frames[..8]), Ok(Decoded::NeedMore(64)));
        assert!(matches!(decoder.decode(&frames), Ok(Decoded::Sync(_))));
        let message = &frames[64..];
        assert_eq!(decoder.decode(&message[..7]), Ok(Decoded::NeedMore(8)));
        for arrived in 8..message.len() {
            assert_eq!(decoder.decode(&message[..arrived]), Ok(Decoded::NeedMore(message.len())), "length {len}");
        }
        assert!(matches!(decoder.decode(message), Ok(Decoded::Message(_))));
    }
}

#[test]
fn a_message_as_long_as_is_allowed_may_arrive_in_pieces() {
    let (header, longest) = stream(&[&[7; 100]]);
    let (_, too_long) = stream(&[&[7; 101]]);
    let promise = Essentials { max_message_len: 100, ..*header.essentials() };
    let (by_header, by_reader) =
        (StopReason::Length { found: 101, limit: 100 }, StopReason::Limit { found: 101, limit: 100 });
    for (essentials, reader_limit, reason) in [(&promise, 0, by_header), (header.essentials(), 100, by_reader)] {
        let mut decoder = Decoder::new(essentials, reader_limit, Algorithm::CRC32C);
        assert!(matches!(decoder.decode(&longest), Ok(Decoded::Sync(_))));
        assert_eq!(decoder.decode(&longest[64..100]), Ok(Decoded::NeedMore(112)));
        assert_eq!(decoder.decode(&too_long[64..]), Err(Stop { position: decoder.position(), reason }));
        assert!(matches!(decoder.decode(&longest[64..]), Ok(Decoded::Message(_))));
    }
}

#[test]
fn a_message_that_is_taken_despite_its_pad_counts() {
    let is_available = |checksum: &ChecksumType| Algorithm::new(*checksum).is_ok();
    ChecksumType::STANDARD.into_iter().filter(is_available).for_each(check_bad_pad);
}

fn check_bad_pad(checksum: ChecksumType) {
    let (header, mut frames) = stream_with(checksum, &[b"one", b"two"]);
    frames[64 + 8 + 3] = 1;
    let mut decoder = decoder(&header);
    assert!(matches!(decoder.decode(&frames), Ok(Decoded::Sync(_))));
    let (sequence, position) = (decoder.sequence(), decoder.position());
    assert_eq!(decoder.decode(&frames[64..]), Err(Stop { position, reason: StopReason::Pad }));
    assert_eq!((decoder.sequence(), decoder.position()), (sequence, position));
    let Ok(Decoded::Message(message)) = decoder.decode_despite_pad(&frames[64..]) else { panic!("no message") };
    assert_eq!((message.body(), message.sequence(), message.position()), (&b"one"[..], sequence, position));
    assert_eq!((decoder.sequence(), decoder.position()), (sequence + 1, position + 16));
    let Ok(Decoded::Message(message)) = decoder.decode(&frames[80..]) else { panic!("no message") };
    assert_eq!((message.body(), message.sequence()), (&b"two"[..], sequence + 1));
}

#[test]
fn messages_in_one_call_are_those_of_one_call_each() {
    let messages: Vec<Vec<u8>> = (1..=20).map(|len| vec![len; usize::from(len)]).collect();
    let (header, frames) = stream(&messages.iter().map(Vec::as_slice).collect::<Vec<_>>());
    for room in 0..=messages.len() + 1 {
        let (mut together, mut alone) = (decoder(&header), decoder(&header));
        let (Ok(Decoded::Sync(_)), Ok(Decoded::Sync(_))) = (together.decode(&frames), alone.decode(&frames)) else {
            panic!("no sync frame");
        };
        let mut spans = vec![Span::default(); room];
        let (count, used) = together.messages(&frames[64..], &mut spans);
        assert_eq!(count, room.min(messages.len()));
        let mut start = 64;
        for (span, message) in spans.iter().zip(&messages) {
            let Ok(Decoded::Message(decoded)) = alone.decode(&frames[start..]) else { panic!("no message") };
            assert_eq!(decoded.body(), message);
            assert_eq!(&frames[64 + span.offset as usize..][..span.len as usize], &message[..]);
            start = (alone.position() - u64::from(header.essentials().header_len)) as usize;
        }
        assert_eq!(used, start - 64);
        assert_eq!((together.position(), together.sequence()), (alone.position(), alone.sequence()));
    }
}

#[test]
fn a_decoder_that_skips_counts_from_where_it_is_told() {
    let (header, frames) = stream(&[b"lost", b"found"]);
    let mut decoder = decoder(&header);
    assert!(matches!(decoder.decode(&frames), Ok(Decoded::Sync(_))));
    let second = decoder.position() + 16;
    decoder.skip_to(second, 41);
    assert_eq!((decoder.position(), decoder.sequence()), (second, 41));
    let Ok(Decoded::Message(message)) = decoder.decode(&frames[80..]) else { panic!("no message") };
    assert_eq!((message.body(), message.position(), message.sequence()), (&b"found"[..], second, 41));
}

#[test]
fn what_is_wrong_elsewhere_is_told_and_changes_nothing() {
    let (header, mut frames) = stream(&[b"first", b"second"]);
    let mut decoder = decoder(&header);
    assert!(matches!(decoder.decode(&frames), Ok(Decoded::Sync(_))));
    let (position, second) = (decoder.position(), decoder.position() + 16);
    assert_eq!(decoder.wrong_at(second, &frames[80..]), None);
    assert_eq!(decoder.wrong_at(second, &[]), None);
    let incomplete = StopReason::Incomplete { expected: 16, found: 15 };
    assert_eq!(decoder.wrong_at(second, &frames[80..95]), Some(Stop { position: second, reason: incomplete }));
    frames[88] ^= 1;
    assert_eq!(decoder.wrong_at(second, &frames[80..]).map(|stop| stop.position), Some(second));
    assert_eq!((decoder.position(), decoder.sequence()), (position, 0));
}

#[test]
fn a_decoder_that_goes_on_behind_a_found_sync_frame_takes_over_what_it_says() {
    let (header, frames) = stream(&[b"found"]);
    let mut decoder = decoder(&header);
    let mut found = FoundSync::at_start_of(&frames, 1000).unwrap();
    found.sync.sequence = 41;
    decoder.resume_behind(&found);
    let position = found.sync.position + 64;
    assert_eq!((decoder.position(), decoder.sequence()), (position, 41));
    assert_eq!(decoder.last_sync(), Some(&found.sync));
    let Ok(Decoded::Message(message)) = decoder.decode(&frames[64..]) else { panic!("no message") };
    assert_eq!((message.body(), message.position(), message.sequence()), (&b"found"[..], position, 41));
}
