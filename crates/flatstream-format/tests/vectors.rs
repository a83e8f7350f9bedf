//! Every known-answer vector of `docs/format/vectors`, read; and the valid ones written again.

use flatstream_format::{
    Algorithm, Checksum, ChecksumType, Decoded, Decoder, Dropped, Encoder, Error, Essentials, HeaderError, Session,
    SliceReader, SyncFlags, TailSearch, Unavailable, limits,
};
use flatstream_testkit::adler32::adler32;
use flatstream_testkit::vectors::{self, Found, Vector};

/// What this build or the vectors' user has for a checksum.
#[derive(Clone)]
enum Hasher {
    Standard(Algorithm),
    Adler32,
}

impl Checksum for Hasher {
    fn digest(&self, body: &[u8]) -> u32 {
        match self {
            Self::Standard(algorithm) => algorithm.digest(body),
            Self::Adler32 => adler32(body),
        }
    }
}

fn hasher(checksum: ChecksumType) -> Result<Hasher, Unavailable> {
    match checksum {
        ChecksumType::Private(128) => Ok(Hasher::Adler32),
        other => Algorithm::new(other).map(Hasher::Standard),
    }
}

/// `None` for a vector whose checksum isn't compiled in; that it is refused with the feature's name is checked here.
fn hasher_of(vector: &Vector, checksum: ChecksumType) -> Option<Hasher> {
    match hasher(checksum) {
        Ok(hasher) => Some(hasher),
        Err(unavailable @ Unavailable::Feature { feature, .. }) => {
            let error = SliceReader::new(&vector.bytes).err().unwrap();
            assert_eq!(error, Error::Header(HeaderError::Checksum(unavailable)));
            assert!(error.to_string().contains(&format!("`{feature}`")));
            None
        }
        Err(_) => None,
    }
}

/// All frames, by the decoder alone.
fn decode(vector: &Vector, hasher: Hasher) -> (Vec<Found>, Result<TailSearch, Option<Error>>) {
    let bytes = &vector.bytes[..];
    let header = Essentials::parse(bytes).unwrap();
    let mut decoder = Decoder::new(&header, limits::READER_MAX_MESSAGE_LEN, hasher);
    let mut found = Vec::new();
    loop {
        let position = decoder.position();
        let data = &bytes[position as usize..];
        let stop = match decoder.decode(data) {
            Ok(Decoded::Message(message)) => {
                let (length, sequence) = (message.body().len(), message.sequence());
                found.push(Found::Message { position: message.position(), length, sequence });
                continue;
            }
            Ok(Decoded::Sync(sync)) => {
                found.push(Found::Sync {
                    position,
                    epoch: sync.epoch,
                    flags: sync.flags.bits(),
                    stream_id: sync.stream_id,
                    sequence: sync.sequence,
                    time: sync.time,
                    durable: sync.durable,
                });
                continue;
            }
            Ok(Decoded::Control { kind, body }) => {
                let kind = String::from_utf8(kind.to_vec()).unwrap();
                found.push(Found::Control { position, kind, length: body.len() });
                continue;
            }
            Ok(Decoded::NeedMore(_)) => match decoder.at_end_of_data(data) {
                Some(stop) => stop,
                None => return (found, Err(None)),
            },
            Ok(other) => panic!("{other:?}"),
            Err(stop) => stop,
        };
        if !stop.reason.is_decided_by_what_follows() {
            return (found, Err(Some(Error::Frame { stop, evidence: None })));
        }
        let mut search = TailSearch::new(&decoder, stop);
        search.search_header(data);
        search.search_syncs(data, position, true);
        search.search_frames(decoder.hasher(), data, position, data.len());
        return (found, Ok(search));
    }
}

fn check_end(vector: &Vector, end: &flatstream_format::End) {
    let expected = vector.end().unwrap_or_else(|| panic!("{}: ended as {end}", vector.name));
    assert_eq!(end.state.to_string(), expected.state, "{}", vector.name);
    assert_eq!(end.position, expected.position, "{}", vector.name);
    if let Some(bytes) = expected.bytes {
        assert_eq!(end.bytes_behind, bytes, "{}", vector.name);
    }
}

fn check_header(vector: &Vector, header: &Essentials) {
    let name = &vector.name;
    let checksum = match header.checksum {
        ChecksumType::Private(id) => format!("private:{id}"),
        standard => format!("{standard:?}").to_lowercase(),
    };
    assert_eq!(vector.fact("checksum"), Some(checksum.as_str()), "{name}");
    assert_eq!(vector.number("header_len"), Some(header.header_len.into()), "{name}");
    assert_eq!(vector.number("header_check"), Some(header.header_check.into()), "{name}");
    assert_eq!(vector.number("max_message_len"), Some(header.max_message_len.into()), "{name}");
    assert_eq!(vector.number("sync_interval"), Some(header.sync_interval.into()), "{name}");
    assert_eq!(vector.number("clock"), Some(header.clock.id().into()), "{name}");
}

#[test]
fn every_valid_vector_is_read() {
    let vectors = vectors::load("valid");
    assert!(vectors.len() >= 40);
    for vector in &vectors {
        let header = Essentials::parse(&vector.bytes).unwrap_or_else(|error| panic!("{}: {error}", vector.name));
        check_header(vector, &header);
        let Some(hasher) = hasher_of(vector, header.checksum) else { continue };
        let (found, rest) = decode(vector, hasher.clone());
        assert_eq!(found, vector.found(), "{}", vector.name);
        if let Ok(search) = rest {
            assert_eq!(search.error(), None, "{}", vector.name);
            check_end(vector, &search.end());
        }
        let mut reader = SliceReader::with_hasher(&vector.bytes, limits::READER_MAX_MESSAGE_LEN, hasher).unwrap();
        let messages: Vec<&[u8]> = reader.by_ref().map(|message| message.unwrap().body()).collect();
        assert_eq!(messages, vector.messages(), "{}", vector.name);
        check_end(vector, &reader.end().unwrap());
    }
}

#[test]
fn every_invalid_vector_is_refused_where_and_why_it_says() {
    let vectors = vectors::load("invalid");
    assert!(vectors.len() >= 40);
    for vector in &vectors {
        let name = &vector.name;
        let expected = vector.error().unwrap();
        let header = match Essentials::parse(&vector.bytes) {
            Ok(header) => header,
            Err(error) => {
                assert_eq!((error.code(), error.position()), expected, "{name}: {error}");
                continue;
            }
        };
        if expected.0 == "header_malformed" {
            continue; // in its strings: `the_whole_header_of_every_vector`
        }
        if expected.0 == "checksum_unsupported" {
            let error = SliceReader::new(&vector.bytes).err().unwrap();
            assert_eq!((error.code(), error.position()), expected, "{name}: {error}");
            continue;
        }
        check_header(vector, &header);
        let Some(hasher) = hasher_of(vector, header.checksum) else { continue };
        let (found, rest) = decode(vector, hasher.clone());
        assert_eq!(found, vector.found(), "{name}");
        let error = match rest {
            Ok(search) => {
                check_end(vector, &search.end());
                search.error()
            }
            Err(error) => error,
        };
        let error = error.unwrap_or_else(|| panic!("{name} was accepted"));
        assert_eq!((error.code(), error.position()), expected, "{name}: {error}");

        let mut reader = SliceReader::with_hasher(&vector.bytes, limits::READER_MAX_MESSAGE_LEN, hasher).unwrap();
        let results: Vec<_> = reader.by_ref().collect();
        let (last, messages) = results.split_last().unwrap();
        let messages: Vec<&[u8]> = messages.iter().map(|message| message.as_ref().unwrap().body()).collect();
        assert_eq!(messages, vector.messages(), "{name}");
        assert_eq!(last.as_ref().unwrap_err(), &error, "{name}");
        match reader.end() {
            Some(end) => check_end(vector, &end),
            None => assert_eq!(vector.end(), None, "{name}"),
        }
    }
}

#[cfg(feature = "alloc")]
#[test]
fn the_whole_header_of_every_vector() {
    use flatstream_format::Header;

    for vector in vectors::load("valid") {
        let header = Header::decode(&vector.bytes).unwrap_or_else(|error| panic!("{}: {error}", vector.name));
        check_header(&vector, header.essentials());
        assert_eq!(header.as_bytes(), &vector.bytes[..header.as_bytes().len()]);
    }
    for vector in vectors::load("invalid") {
        let (code, position) = vector.error().unwrap();
        if code.starts_with("header") || code == "not_a_stream" || code.ends_with("unsupported") {
            match Header::decode(&vector.bytes) {
                Err(error) => assert_eq!((error.code(), error.position()), (code, position), "{}", vector.name),
                Ok(_) => assert!(matches!(code, "checksum_unsupported" | "kind_unsupported"), "{}", vector.name),
            }
        }
    }
}

/// The bytes of a vector, made again by the encoder from the header, the messages and the fields of the sync frames.
fn write(vector: &Vector, hasher: Hasher, places_syncs: bool) -> Vec<u8> {
    let header = Essentials::parse(&vector.bytes).unwrap();
    let mut bytes = vector.bytes[..header.header_len as usize].to_vec();
    let found = vector.found();
    let Some(Found::Sync { stream_id, epoch, .. }) = found.first() else { panic!("{}: no sync", vector.name) };
    let mut encoder =
        Encoder::new(&header, Session { stream_id: (*stream_id).try_into().unwrap(), epoch: *epoch }, hasher);
    for frame in &found {
        match frame {
            Found::Sync { epoch, flags, time, durable, position, .. } => {
                let flags = SyncFlags::from_bits(*flags);
                if *epoch != encoder.session().epoch {
                    encoder.start_epoch(*epoch).unwrap();
                }
                if places_syncs {
                    assert!(encoder.sync_due() || flags.is_closed(), "{}: sync at {position}", vector.name);
                }
                encoder.set_durable(*durable);
                bytes.extend(encoder.sync(*time, flags).unwrap());
            }
            Found::Message { position, length, .. } => {
                if places_syncs {
                    assert!(!encoder.sync_due(), "{}: no sync before {position}", vector.name);
                }
                let body = &vector.bytes[*position as usize + 8..][..*length];
                bytes.extend(encoder.message(body).unwrap());
                bytes.extend(body);
                bytes.resize(bytes.len().next_multiple_of(8), 0);
            }
            Found::Control { position, kind, length } => {
                assert_eq!(kind, "drop", "{}: an encoder makes no other control frames", vector.name);
                let body = &vector.bytes[*position as usize + 8..][..*length];
                bytes.extend(encoder.dropped(Dropped::from_body(body).unwrap()).unwrap());
            }
        }
    }
    bytes
}

#[test]
fn drop_frames_say_what_the_vectors_say() {
    let all = vectors::load("valid");
    for (name, expected) in [
        ("drop_frames", vec![(3, 192), (u64::MAX, 1 << 40)]),
        ("drop_frame_that_has_grown", vec![(1, 24)]),
        // Reserved, before it was defined: too short to say anything.
        ("control_reserved_kinds_skipped_under_none", vec![]),
    ] {
        let vector = all.iter().find(|vector| vector.name == name).unwrap();
        let said = vector.found().into_iter().filter_map(|found| match found {
            Found::Control { position, length, .. } => {
                Dropped::from_body(&vector.bytes[position as usize + 8..][..length])
            }
            _ => None,
        });
        let said: Vec<_> = said.map(|dropped| (dropped.messages, dropped.bytes)).collect();
        assert_eq!(said, expected, "{name}");
    }
}

#[test]
fn the_writable_vectors_are_written_byte_for_byte() {
    let mut written = 0;
    for vector in vectors::load("valid") {
        let places_syncs = match vector.fact("write") {
            Some("automatic") => true,
            Some("explicit") => false,
            Some("no") => continue,
            other => panic!("{}: %write {other:?}", vector.name),
        };
        let checksum = Essentials::parse(&vector.bytes).unwrap().checksum;
        let Some(hasher) = hasher_of(&vector, checksum) else { continue };
        let bytes = write(&vector, hasher, places_syncs);
        assert_eq!(bytes, vector.bytes, "{}", vector.name);
        written += 1;
    }
    assert!(written >= 20, "only {written} vectors were written");
    println!("{written} vectors written");
}
