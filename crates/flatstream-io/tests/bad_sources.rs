//! Sources that stutter, have nothing now, or fail.

use std::io::{ErrorKind as Io, Read};

use flatstream_io::{EndState, ErrorKind, Opening, ReadOptions, Reader, WriteOptions, Writer};
use flatstream_testkit::faulty::{PlannedSource, Reading};
use flatstream_testkit::noise::Noise;

fn messages() -> Vec<Vec<u8>> {
    Noise::new(1).messages(50, 300)
}

fn stream() -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), WriteOptions::new().sync_interval(1024)).unwrap();
    for message in messages() {
        writer.append(&message).unwrap();
    }
    writer.finish().unwrap()
}

fn options() -> ReadOptions {
    ReadOptions::new().block_size(1024)
}

/// Reads all, calling again after every retryable error; returns how many of those there were.
fn read_all(source: impl Read) -> usize {
    let mut retries = 0;
    let mut opening = Opening::new(source, options());
    let mut reader = loop {
        match opening.open() {
            Ok(reader) => break reader,
            Err(error) => assert!(error.is_retryable(), "{error}"),
        }
        retries += 1;
    };
    let mut found = Vec::new();
    loop {
        match reader.next_message() {
            Ok(Some(message)) => found.push(message.to_vec()),
            Ok(None) => break,
            Err(error) => {
                assert!(error.is_retryable(), "{error}");
                retries += 1;
            }
        }
    }
    assert_eq!(found, messages());
    assert!(reader.end().unwrap().is_closed());
    retries
}

#[test]
fn one_byte_at_a_time() {
    let stream = stream();
    assert_eq!(read_all(PlannedSource::new(&stream, vec![Reading::AtMost(1); stream.len()])), 0);
}

#[test]
fn interrupted_before_every_byte() {
    let stream = stream();
    let plan = (0..stream.len()).flat_map(|_| [Reading::Fail(Io::Interrupted), Reading::AtMost(1)]);
    assert_eq!(read_all(PlannedSource::new(&stream, plan)), 0);
}

#[test]
fn nothing_to_give_before_every_byte_loses_nothing() {
    let stream = stream();
    for kind in [Io::WouldBlock, Io::TimedOut] {
        let plan = (0..stream.len()).flat_map(|_| [Reading::Fail(kind), Reading::AtMost(1)]);
        assert_eq!(read_all(PlannedSource::new(&stream, plan)), stream.len());
    }
}

#[test]
fn the_iterator_goes_on_after_nothing_to_give() {
    let stream = stream();
    let plan = [Reading::AtMost(2000), Reading::Fail(Io::WouldBlock)];
    let mut reader = Reader::with_options(PlannedSource::new(&stream, plan), options()).unwrap();
    let results: Vec<_> = reader.by_ref().collect();
    let errors = results.iter().filter(|result| result.is_err()).count();
    assert_eq!((errors, results.len()), (1, messages().len() + 1));
    assert!(reader.end().unwrap().is_closed());
}

/// A failure at any read: what came before is delivered, then the error with its position, once by the iterator and
/// again and again by `next_message`; and it isn't mistaken for an end.
#[test]
fn an_error_at_every_read() {
    let stream = stream();
    let reads = stream.len().div_ceil(100);
    for fail_at in 0..reads {
        let plan = |after| {
            let mut plan = vec![Reading::AtMost(100); fail_at];
            plan.extend(after);
            PlannedSource::new(&stream, plan)
        };
        let source = plan(vec![Reading::Fail(Io::Other)]);
        let given = source.given();
        let mut reader = match Reader::with_options(source, options()) {
            Ok(reader) => reader,
            Err(error) => {
                assert_eq!((error.kind(), error.position()), (ErrorKind::Io, Some(given.get())));
                continue;
            }
        };
        let mut found = 0;
        let mut failed = None;
        for result in &mut reader {
            match result {
                Ok(message) => {
                    assert_eq!(message[..], messages()[found]);
                    found += 1;
                }
                Err(error) => assert!(failed.replace(error).is_none(), "told twice"),
            }
        }
        let error = failed.expect("the failure is told");
        assert_eq!((error.kind(), error.position()), (ErrorKind::Io, Some(given.get())));
        assert_eq!(reader.next_message().unwrap_err().to_string(), error.to_string());
        assert!(reader.next().is_none());
        assert_eq!(reader.end().unwrap_err().kind(), ErrorKind::Io);
    }
}

#[test]
fn a_source_that_fails_behind_a_torn_frame_has_not_ended() {
    let mut stream = stream();
    stream.truncate(stream.len() - 70);
    let plan = [Reading::AtMost(usize::MAX), Reading::Fail(Io::BrokenPipe)];
    let reader = Reader::new(PlannedSource::new(&stream, plan)).unwrap();
    let last = reader.last().unwrap();
    assert_eq!(last.unwrap_err().kind(), ErrorKind::Io);
}

/// Damage on a source that has nothing to give while it is asked what lies behind.
#[test]
fn nothing_to_give_behind_damage_can_be_tried_again() {
    let mut stream = stream();
    let at = stream.len() / 2;
    stream[at] ^= 1;
    let plan = (0..200).flat_map(|_| [Reading::AtMost(100), Reading::Fail(Io::WouldBlock)]);
    let mut reader = Reader::with_options(PlannedSource::new(&stream, plan), options()).unwrap_or_else(|error| {
        panic!("the header is in the first 100 bytes: {error}");
    });
    let mut retries = 0;
    let error = loop {
        match reader.next_message() {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the damage went unnoticed"),
            Err(error) if error.is_retryable() => retries += 1,
            Err(error) => break error,
        }
    };
    assert!(retries > 0);
    assert_eq!(error.kind(), ErrorKind::Damaged);
    let end = loop {
        match reader.end() {
            Ok(end) => break end,
            Err(error) => assert!(error.is_retryable(), "{error}"),
        }
    };
    assert_eq!((end.state, Some(end.position)), (EndState::Scattered, error.position()));
}

/// A file that is still being written: behind a read of nothing the source isn't asked again, or what was written in
/// the meantime would pass for what lies behind damage.
#[test]
fn a_stream_that_grows_while_its_end_is_looked_at_is_torn_not_damaged() {
    let stream = stream();
    for len in (200..stream.len()).step_by(7) {
        let source = PlannedSource::new(&stream, [Reading::AtMost(len), Reading::AtMost(0)]);
        let reads = source.reads();
        let mut reader = Reader::with_options(source, options().block_size(1 << 20)).unwrap();
        while reader.next_message().unwrap().is_some() {}
        let end = reader.end().unwrap();
        assert!(matches!(end.state, EndState::Torn | EndState::Open), "{end}");
        assert_eq!(end.position + end.bytes_behind, len as u64, "{end}");
        assert_eq!(reads.get(), 2, "read on behind the end");
    }
}

/// What proves the damage is buffered, and the source has nothing more to give: the error comes all the same.
#[test]
fn evidence_that_is_there_is_told_before_more_is_asked_for() {
    let mut stream = stream();
    stream[400] ^= 1;
    let plan = [Reading::AtMost(usize::MAX)].into_iter().chain([Reading::Fail(Io::WouldBlock); 100]);
    let mut reader = Reader::new(PlannedSource::new(&stream, plan)).unwrap();
    let error = reader.find_map(Result::err).unwrap();
    assert_eq!(error.kind(), ErrorKind::Damaged, "{error}");
}

/// A reader asks for nothing more while a whole message is buffered.
#[test]
fn no_read_while_a_message_is_there() {
    let stream = stream();
    let source = PlannedSource::new(&stream, []);
    let reads = source.reads();
    let mut reader = Reader::new(source).unwrap();
    for _ in messages() {
        assert!(reader.next_message().unwrap().is_some());
    }
    assert_eq!(reads.get(), 1, "all messages came with the read that brought the header");
}

#[test]
fn a_source_that_claims_more_than_was_asked_is_a_failure() {
    struct Lying;
    impl Read for Lying {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            Ok(buffer.len() + 1)
        }
    }
    assert_eq!(Reader::new(Lying).unwrap_err().kind(), ErrorKind::Io);
}
