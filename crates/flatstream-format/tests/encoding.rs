//! What the encoder answers to each of its calls, where other tests only see the bytes of a whole stream.
#![cfg(feature = "alloc")]

use std::num::NonZeroU64;

use flatstream_format::{
    Algorithm, ChecksumType, Dropped, EncodeError, Encoder, FoundSync, Header, HeaderBuilder, Session, Sync, SyncFlags,
    TIME_NONE, limits,
};

fn header(sync_interval: u32) -> Header {
    HeaderBuilder::new(ChecksumType::Crc32c).max_message_len(10_000).sync_interval(sync_interval).build().unwrap()
}

fn encoder(sync_interval: u32) -> Encoder<Algorithm> {
    let session = Session { stream_id: NonZeroU64::MIN, epoch: 3 };
    Encoder::new(header(sync_interval).essentials(), session, Algorithm::CRC32C)
}

fn said(frame: &[u8; 64]) -> Sync {
    FoundSync::at_start_of(frame, 0).expect("a sync frame").sync
}

#[test]
fn what_was_encoded_is_counted() {
    let mut encoder = encoder(4096);
    let begin = encoder.position();
    assert_eq!((encoder.sequence(), encoder.time(), encoder.durable()), (0, TIME_NONE, 0));
    assert_eq!(encoder.max_message_len(), 10_000);
    assert!(encoder.sync_due());
    let sync = said(&encoder.sync(-5, SyncFlags::NONE).unwrap());
    assert_eq!((sync.position, sync.sequence, sync.time, sync.epoch), (begin, 0, -5, 3));
    assert_eq!((encoder.time(), encoder.sync_due()), (-5, false));
    encoder.message(b"one").unwrap();
    encoder.message_with_digest(9, 0).unwrap();
    assert_eq!((encoder.sequence(), encoder.position()), (2, begin + 64 + 16 + 24));
    encoder.dropped(Dropped { messages: 1, bytes: 2 }).unwrap();
    assert_eq!((encoder.sequence(), encoder.position()), (2, begin + 64 + 16 + 24 + 32));
    let sync = said(&encoder.sync(-7, SyncFlags::NONE).unwrap());
    assert_eq!((sync.sequence, sync.time), (2, -5), "times don't run backwards");
    assert_eq!(encoder.time(), -5);
    encoder.start_epoch(4).unwrap();
    assert_eq!(encoder.time(), TIME_NONE);
}

#[test]
fn a_reopened_stream_goes_on_where_it_is_told_to() {
    let session = Session { stream_id: NonZeroU64::MIN, epoch: 4 };
    let mut encoder = Encoder::resume(header(4096).essentials(), session, Algorithm::CRC32C, 8000, 77);
    assert_eq!((encoder.position(), encoder.sequence(), encoder.session().epoch), (8000, 77, 4));
    assert_eq!(encoder.message(b"x"), Err(EncodeError::SyncDue));
    let sync = said(&encoder.sync(1, SyncFlags::NONE).unwrap());
    assert_eq!((sync.position, sync.sequence, sync.epoch), (8000, 77, 4));
    assert!(sync.flags.is_resumed());
    assert!(!said(&encoder.sync(1, SyncFlags::NONE).unwrap()).flags.is_resumed(), "the first one alone");
}

#[test]
fn what_is_durable_is_told_once_and_only_forward() {
    let mut encoder = encoder(4096);
    let begin = encoder.position();
    encoder.sync(0, SyncFlags::NONE).unwrap();
    encoder.set_durable(begin + 65);
    assert_eq!(encoder.durable(), 0, "beyond what was encoded");
    encoder.set_durable(begin + 64);
    assert_eq!(encoder.durable(), begin + 64);
    encoder.set_durable(begin);
    assert_eq!(encoder.durable(), begin + 64, "below an earlier one");
    assert_eq!(said(&encoder.sync(0, SyncFlags::NONE).unwrap()).durable, begin + 64);
}

#[test]
fn a_durable_position_makes_a_sync_frame_due_only_far_from_the_last() {
    // Far more than the distance between two sync frames, so that none is due for that.
    for sync_interval in [1 << 20, 0] {
        for distance in [limits::DURABLE_SYNC_DISTANCE - 8, limits::DURABLE_SYNC_DISTANCE] {
            let session = Session { stream_id: NonZeroU64::MIN, epoch: 3 };
            let header = header(sync_interval);
            // Behind so much that the first sync frames lie far apart.
            let mut encoder = Encoder::resume(header.essentials(), session, Algorithm::CRC32C, 1 << 20, 77);
            encoder.set_durable(1 << 19);
            encoder.sync(0, SyncFlags::NONE).unwrap();
            encoder.message(&vec![1; (distance - 64 - 8) as usize]).unwrap();
            assert_eq!(encoder.position(), (1 << 20) + distance);
            assert!(!encoder.sync_due());
            encoder.set_durable(encoder.position() + 8);
            assert!(!encoder.sync_due(), "beyond what was encoded");
            encoder.set_durable(encoder.position());
            let is_due = distance == limits::DURABLE_SYNC_DISTANCE && sync_interval != 0;
            assert_eq!(encoder.sync_due(), is_due, "{distance} bytes, every {sync_interval}");
            let found = encoder.encode_message(b"x", &mut [0; 64]);
            let refused = encoder.encode_message(b"x", &mut [0; 8]);
            match is_due {
                true => assert_eq!((found, refused), (Err(EncodeError::SyncDue), Err(EncodeError::SyncDue))),
                false => {
                    assert_eq!((found, refused), (Ok(16), Err(EncodeError::NoRoom { expected: 16, found: 8 })));
                }
            }
        }
    }
}

#[test]
fn nothing_is_due_in_a_closed_stream() {
    let mut encoder = encoder(64);
    encoder.sync(0, SyncFlags::NONE).unwrap();
    encoder.message(&[1; 9000]).unwrap();
    assert!(encoder.sync_due());
    encoder.sync(0, SyncFlags::CLOSED).unwrap();
    encoder.set_durable(encoder.position());
    assert!(!encoder.sync_due());
    assert_eq!(encoder.durable(), encoder.position());
}
