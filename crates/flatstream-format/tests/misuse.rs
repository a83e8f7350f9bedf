//! Calls in an order that would make a stream nobody can read are refused.
#![cfg(feature = "alloc")]

use std::num::NonZeroU64;

use flatstream_format::{Algorithm, ChecksumType, EncodeError, Encoder, HeaderBuilder, Session, SyncFlags};

fn encoder() -> Encoder<Algorithm> {
    let header = HeaderBuilder::new(ChecksumType::Crc32c).max_message_len(100).build().unwrap();
    let session = Session { stream_id: NonZeroU64::MIN, epoch: 3 };
    Encoder::new(header.essentials(), session, Algorithm::CRC32C)
}

fn open() -> Encoder<Algorithm> {
    let mut encoder = encoder();
    encoder.sync(0, SyncFlags::NONE).unwrap();
    encoder
}

#[test]
fn a_message_before_the_first_sync_frame() {
    let mut encoder = encoder();
    assert_eq!(encoder.message(b"x"), Err(EncodeError::SyncDue));
    assert_eq!(encoder.message_with_digest(1, 0), Err(EncodeError::SyncDue));
    assert_eq!(encoder.encode_message(b"x", &mut [0; 64]), Err(EncodeError::SyncDue));
    assert_eq!(encoder.sequence(), 0);
    encoder.sync(0, SyncFlags::NONE).unwrap();
    assert!(encoder.message(b"x").is_ok());
}

#[test]
fn a_message_after_closed() {
    let mut encoder = open();
    encoder.sync(0, SyncFlags::CLOSED).unwrap();
    let position = encoder.position();
    assert!(!encoder.sync_due());
    assert_eq!(encoder.sync(0, SyncFlags::NONE), Err(EncodeError::Closed));
    assert_eq!(encoder.encode_sync(0, SyncFlags::CLOSED, &mut [0; 64]), Err(EncodeError::Closed));
    assert_eq!(encoder.position(), position);
    assert_eq!(encoder.message(b"x"), Err(EncodeError::Closed));
    assert_eq!(encoder.encode_message(b"x", &mut [0; 64]), Err(EncodeError::Closed));
}

#[test]
fn an_epoch_that_is_no_later_one() {
    for found in [0, 2, 3] {
        assert_eq!(open().start_epoch(found), Err(EncodeError::Epoch { current: 3, found }));
    }
}

#[test]
fn a_later_epoch_begins_with_a_resumed_sync_frame() {
    let mut encoder = open();
    encoder.sync(0, SyncFlags::CLOSED).unwrap();
    encoder.start_epoch(4).unwrap();
    assert!(encoder.sync_due());
    assert_eq!(encoder.message(b"x"), Err(EncodeError::SyncDue));
    let frame = encoder.sync(0, SyncFlags::NONE).unwrap();
    let sync = flatstream_format::Sync::from_body(&frame[8..]).unwrap();
    assert!(sync.flags.is_resumed());
    assert!(encoder.message(b"x").is_ok());
}

#[test]
fn messages_and_buffers_that_do_not_fit() {
    let mut encoder = open();
    let position = encoder.position();
    assert_eq!(encoder.message(b""), Err(EncodeError::Empty));
    assert_eq!(encoder.message(&[0; 101]), Err(EncodeError::TooLong { found: 101, limit: 100 }));
    assert_eq!(encoder.message_with_digest(1 << 40, 0), Err(EncodeError::TooLong { found: 1 << 40, limit: 100 }));
    assert_eq!(encoder.encode_message(b"x", &mut [0; 15]), Err(EncodeError::NoRoom { expected: 16, found: 15 }));
    assert_eq!(
        encoder.encode_sync(0, SyncFlags::NONE, &mut [0; 63]).unwrap_err().to_string(),
        "the buffer has room for 63 bytes, the frame needs 64"
    );
    assert_eq!(encoder.position(), position);
    assert_eq!(encoder.encode_message(b"x", &mut [0; 16]), Ok(16));
}
