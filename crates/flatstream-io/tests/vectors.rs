//! Every known-answer vector through `Reader` and `Writer`.

#[path = "common/facts.rs"]
mod facts;

use std::sync::atomic::{AtomicUsize, Ordering};

use flatstream_io::{Checksum, ChecksumType, ErrorKind, Header, ReadOptions, Reader, Recovery, WriteOptions, Writer};
use flatstream_testkit::adler32::adler32;
use flatstream_testkit::faulty::{PlannedSource, Reading};
use flatstream_testkit::vectors::{self, Found, Vector};

struct Adler32;

impl Checksum for Adler32 {
    fn digest(&self, body: &[u8]) -> u32 {
        adler32(body)
    }
}

fn is_compiled_in(checksum: ChecksumType) -> bool {
    let features = [("crc", cfg!(feature = "crc")), ("xxhash", cfg!(feature = "xxhash"))];
    features.iter().all(|(feature, is_on)| *is_on || checksum.feature() != Some(feature))
}

/// Reads a vector through blocks of 64 bytes, and from a source that gives `at_most` bytes a read.
fn check(vector: &Vector, at_most: usize) {
    let name = &vector.name;
    let plan = vec![Reading::AtMost(at_most); vector.bytes.len() / at_most + 1];
    let source = PlannedSource::new(&vector.bytes, plan);
    let options = ReadOptions::new().block_size(64).private_checksum(128, Adler32);
    let mut reader = match Reader::with_options(source, options) {
        Ok(reader) => reader,
        Err(error) => {
            let format = error.format_error().unwrap();
            if let Ok(header) = Header::decode(&vector.bytes)
                && !is_compiled_in(header.checksum())
            {
                assert_eq!(error.kind(), ErrorKind::Unsupported);
                return;
            }
            assert_eq!(vector.error(), Some((format.code(), format.position())), "{name}: {error}");
            return;
        }
    };
    let mut messages = Vec::new();
    let mut errors = Vec::new();
    for result in &mut reader {
        match result {
            Ok(message) => messages.push(message),
            Err(error) => errors.push(error),
        }
    }
    let expected: Vec<_> = vector
        .found()
        .into_iter()
        .filter_map(|found| match found {
            Found::Message { position, sequence, .. } => Some((position, Some(sequence))),
            _ => None,
        })
        .collect();
    let places: Vec<_> = messages.iter().map(|message| (message.position(), message.sequence())).collect();
    assert_eq!(places, expected, "{name}");
    assert!(messages.iter().zip(vector.messages()).all(|(found, body)| **found == *body), "{name}");
    match (errors.as_slice(), vector.error()) {
        ([], None) => {}
        ([error], Some(expected)) => {
            let format = error.format_error().unwrap();
            assert_eq!((format.code(), format.position()), expected, "{name}: {error}");
        }
        (found, expected) => panic!("{name}: {found:?}, expected {expected:?}"),
    }
    match vector.end() {
        Some(expected) => {
            let end = reader.end().unwrap();
            assert_eq!((end.state.to_string(), end.position), (expected.state, expected.position), "{name}");
            assert!(expected.bytes.is_none_or(|bytes| bytes == end.bytes_behind), "{name}");
        }
        None => assert_eq!(reader.end().unwrap_err().kind(), ErrorKind::Unsupported, "{name}"),
    }
}

#[test]
fn every_vector_through_the_reader_however_its_bytes_arrive() {
    for kind in ["valid", "invalid"] {
        for vector in vectors::load(kind) {
            for at_most in [1, 13, 1 << 20] {
                check(&vector, at_most);
            }
        }
    }
}

#[test]
fn every_damaged_vector_is_recovered_as_it_says_however_its_bytes_arrive() {
    let mut recovered = 0;
    for vector in vectors::load("invalid") {
        let is_known = Header::decode(&vector.bytes).is_ok_and(|header| !is_compiled_in(header.checksum()));
        if vector.recovered().is_empty() || is_known {
            continue;
        }
        let options = ReadOptions::new().private_checksum(128, Adler32).recovery(Recovery::new());
        for at_most in [1, 13, 1 << 20] {
            let plan = vec![Reading::AtMost(at_most); vector.bytes.len() / at_most + 1];
            let source = PlannedSource::new(&vector.bytes, plan);
            let found = facts::recovered(source, options.clone().block_size(64), false);
            assert_eq!(found, vector.recovered(), "{}", vector.name);
        }
        recovered += 1;
    }
    assert!(recovered >= 90, "only {recovered} vectors were recovered");
}

#[test]
fn the_writer_makes_the_vectors_byte_for_byte() {
    let mut written = 0;
    for vector in vectors::load("valid") {
        let header = Header::decode(&vector.bytes).unwrap();
        if vector.fact("write") != Some("automatic") || !is_compiled_in(header.checksum()) {
            continue;
        }
        let mut stream_id = 0;
        let mut times = Vec::new();
        for found in vector.found() {
            if let Found::Sync { stream_id: id, time, .. } = found {
                stream_id = id;
                times.push(time);
            }
        }
        let next = AtomicUsize::new(0);
        let options = WriteOptions::new()
            .private_checksum(128, Adler32)
            .clock(header.clock(), move || times[next.fetch_add(1, Ordering::Relaxed)])
            .header(header)
            .stream_id(stream_id)
            .block_size(64);
        let mut writer = Writer::new(Vec::new(), options).unwrap();
        for message in vector.messages() {
            writer.append(message).unwrap();
        }
        assert_eq!(writer.finish().unwrap(), vector.bytes, "{}", vector.name);
        written += 1;
    }
    assert!(written >= 20, "only {written} vectors were written");
    println!("{written} vectors written");
}
