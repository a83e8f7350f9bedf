//! A device can log every public type that says something.
#![cfg(feature = "defmt-1")]

use flatstream_format::{
    ChecksumType, Clock, Decoded, Dropped, EncodeError, End, EndState, Error, Essentials, Evidence, EvidenceKind,
    FirstBytes, FoundSync, HeaderError, Located, MessageRef, Salt, Session, Span, Stop, StopReason, Sync, SyncFlags,
    Unavailable, WriteError,
};

fn assert_format<T: defmt::Format>() {}

#[test]
fn the_public_types_have_a_format() {
    assert_format::<(ChecksumType, Clock, Decoded<'_>, Dropped, EncodeError, End)>();
    assert_format::<(EndState, Error, Essentials, Evidence, EvidenceKind, FirstBytes)>();
    assert_format::<(FoundSync, HeaderError, Located, MessageRef<'_>, Salt, Session)>();
    assert_format::<(Span, Stop, StopReason, Sync, SyncFlags, Unavailable, WriteError<u8>)>();
}
