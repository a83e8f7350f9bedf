//! Sinks that fail: at every call, in every way. A failed write never pretends, and nothing more is sent after it.

use std::io::Write;

use flatstream_io::{Clock, ErrorKind, Reader, WriteOptions, Writer};
use flatstream_testkit::faulty::{FaultySink, SinkFailure};
use flatstream_testkit::noise::Noise;

/// What happened to a writer of some messages over a sink.
struct Outcome {
    sink: FaultySink,
    appended: usize,
    failed: bool,
}

/// Appends, flushes now and then, finishes; checks that everything is refused after the first failure.
fn run(mut sink: FaultySink, messages: &[Vec<u8>]) -> Outcome {
    let mut appended = 0;
    let mut failure = None;
    {
        let options = WriteOptions::new().block_size(512).stream_id(1).clock(Clock::Unspecified, || 0);
        let mut writer = Writer::new(&mut sink, options).unwrap();
        for (nth, message) in messages.iter().enumerate() {
            let result = writer.append(message).and_then(|_| if nth % 7 == 6 { writer.flush() } else { Ok(()) });
            match (&failure, result) {
                (None, Ok(())) => appended += 1,
                (None, Err(error)) => {
                    assert_eq!(error.kind(), ErrorKind::Io, "{error}");
                    assert_eq!(error.position(), Some(writer.get_ref().bytes.len() as u64), "{error}");
                    failure = Some((error.to_string(), writer.get_ref().calls));
                }
                (Some((first, calls)), Err(error)) => {
                    assert!(error.to_string().contains(first), "{error} should name: {first}");
                    assert_eq!(writer.get_ref().calls, *calls, "the sink was called after it failed");
                }
                (Some(_), Ok(())) => panic!("a writer went on after a failure"),
            }
        }
        if let Some((first, _)) = &failure {
            assert!(writer.flush().unwrap_err().to_string().contains(first));
            assert!(writer.append_parts(&[b"x"]).unwrap_err().to_string().contains(first));
        }
        match writer.finish() {
            Ok(_) => assert!(failure.is_none()),
            Err(error) => failure = Some(failure.unwrap_or_else(|| (error.to_string(), 0))),
        }
    }
    Outcome { sink, appended, failed: failure.is_some() }
}

/// The messages that a reader finds in what arrived are the first that were appended.
fn check_prefix(bytes: &[u8], messages: &[Vec<u8>]) -> usize {
    let Ok(reader) = Reader::new(bytes) else { return 0 };
    let mut count = 0;
    for message in reader {
        assert_eq!(message.unwrap()[..], messages[count]);
        count += 1;
    }
    count
}

#[test]
fn failing_at_every_call() {
    let messages = Noise::new(1).messages(60, 700);
    let calls = run(FaultySink::default(), &messages).sink.calls;
    assert!(calls > 40);
    for fail_at in 0..calls {
        for failure in [SinkFailure::Error, SinkFailure::Zero] {
            let sink = FaultySink { fail_at: Some(fail_at), failure, ..FaultySink::default() };
            let outcome = run(sink, &messages);
            // A flush takes no bytes, so it can't take none.
            assert!(outcome.failed || failure == SinkFailure::Zero, "call {fail_at}");
            if outcome.failed {
                assert_eq!(outcome.sink.calls, fail_at + 1, "nothing is sent after a failure, not by drop either");
                assert!(check_prefix(&outcome.sink.bytes, &messages) <= outcome.appended + 1);
            }
        }
        let sink = FaultySink { fail_at: Some(fail_at), failure: SinkFailure::Interrupted, ..FaultySink::default() };
        let outcome = run(sink, &messages);
        assert!(!outcome.failed, "an interruption isn't a failure");
        assert_eq!(check_prefix(&outcome.sink.bytes, &messages), messages.len());
    }
}

#[test]
fn one_byte_at_a_time_and_failing_at_every_call() {
    let messages = Noise::new(2).messages(4, 100);
    let whole = run(FaultySink { at_most: 1, ..FaultySink::default() }, &messages).sink;
    assert_eq!(check_prefix(&whole.bytes, &messages), messages.len());
    for fail_at in 0..whole.calls {
        let sink = FaultySink { at_most: 1, fail_at: Some(fail_at), ..FaultySink::default() };
        let outcome = run(sink, &messages);
        assert!(outcome.failed);
        assert_eq!(outcome.sink.bytes[..], whole.bytes[..outcome.sink.bytes.len()], "call {fail_at}");
    }
}

#[test]
fn a_dropped_writer_sends_nothing_after_a_failure_and_does_not_panic() {
    let mut sink = FaultySink { fail_at: Some(0), ..FaultySink::default() };
    {
        let mut writer = Writer::new(&mut sink, WriteOptions::new()).unwrap();
        writer.append(b"lost").unwrap();
        assert!(writer.flush().is_err());
    }
    assert_eq!((sink.calls, sink.bytes.len()), (1, 0));
    let mut sink = FaultySink { fail_at: Some(0), ..FaultySink::default() };
    drop(Writer::new(&mut sink, WriteOptions::new()).unwrap());
    assert_eq!(sink.calls, 1);
}

/// A sink that panics has seen part of the block: sending it again from `drop` would double it.
#[test]
fn a_sink_that_panics_is_not_called_again() {
    #[derive(Debug, Default)]
    struct Panicking {
        calls: usize,
    }
    impl Write for &mut Panicking {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            self.calls += 1;
            panic!("planned");
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut sink = Panicking::default();
    {
        let mut writer = Writer::new(&mut sink, WriteOptions::new()).unwrap();
        writer.append(b"before").unwrap();
        let flushing = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| writer.flush()));
        assert!(flushing.is_err());
        // Whoever goes on all the same is told.
        assert!(writer.append(b"behind").unwrap_err().to_string().contains("panicked"));
        assert!(writer.finish().unwrap_err().to_string().contains("panicked"));
    }
    assert_eq!(sink.calls, 1);
}

#[test]
fn a_sink_that_claims_more_than_it_got_is_a_failure() {
    struct Lying;
    impl Write for Lying {
        fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
            Ok(buffer.len() + 1)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut writer = Writer::new(Lying, WriteOptions::new()).unwrap();
    assert_eq!(writer.flush().unwrap_err().kind(), ErrorKind::Io);
}

#[test]
fn a_writer_fails_over_to_io_error() {
    fn work() -> std::io::Result<()> {
        let sink = FaultySink { fail_at: Some(0), ..FaultySink::default() };
        let mut writer = Writer::new(sink, WriteOptions::new())?;
        writer.append(b"x")?;
        writer.finish()?;
        Ok(())
    }
    let error = work().unwrap_err();
    assert_eq!(error.to_string(), "writing failed after 0 bytes: planned failure");
    // What `main` prints when it returns the error.
    let printed = format!("{error:?}");
    assert_eq!(printed, "Custom { kind: Other, error: writing failed after 0 bytes: planned failure }");
}
