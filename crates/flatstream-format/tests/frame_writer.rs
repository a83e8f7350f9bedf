//! What a sink of other people's traits gets, and what happens when it fails.
#![cfg(all(feature = "embedded-io-07", feature = "embedded-io-async-07"))]

use core::future::Future;
use core::num::NonZeroU64;
use core::pin::pin;
use core::task::{Context, Poll, Waker};

use flatstream_format::{
    Algorithm, Checksum, EncodeError, HeaderError, Session, SliceReader, WriteError, embedded_io_07,
    embedded_io_async_07,
};

const HEADER: &[u8] = include_bytes!("minimal_header.bin");
const SESSION: Session = Session { stream_id: NonZeroU64::MIN, epoch: 0 };

/// A sink that takes a few bytes at a time, and only so many in all.
#[derive(Debug, Default)]
struct Sink {
    bytes: Vec<u8>,
    room: usize,
    /// Every second time it isn't ready.
    is_slow: bool,
    was_asked: bool,
    /// When it is full, it doesn't say so.
    is_silent: bool,
}

#[derive(Debug, PartialEq, Eq)]
struct Full;

impl core::fmt::Display for Full {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("full")
    }
}

impl core::error::Error for Full {}

impl embedded_io::Error for Full {
    fn kind(&self) -> embedded_io::ErrorKind {
        embedded_io::ErrorKind::OutOfMemory
    }
}

impl embedded_io::ErrorType for Sink {
    type Error = Full;
}

impl Sink {
    fn with_room(room: usize) -> Self {
        Self { room, ..Self::default() }
    }

    fn take(&mut self, bytes: &[u8]) -> Result<usize, Full> {
        let len = bytes.len().min(5).min(self.room);
        self.room -= len;
        self.bytes.extend_from_slice(&bytes[..len]);
        if len == 0 && !self.is_silent { Err(Full) } else { Ok(len) }
    }
}

impl embedded_io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Full> {
        self.take(bytes)
    }

    fn flush(&mut self) -> Result<(), Full> {
        Ok(())
    }
}

impl embedded_io_async::Write for Sink {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Full> {
        core::future::poll_fn(|_| {
            self.was_asked = !self.was_asked;
            if self.is_slow && self.was_asked { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
        self.take(bytes)
    }

    async fn flush(&mut self) -> Result<(), Full> {
        Ok(())
    }
}

fn wait<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return output;
        }
    }
}

fn messages() -> Vec<Vec<u8>> {
    (1..=100u8).map(|number| vec![number; usize::from(number)]).collect()
}

fn write_now() -> Vec<u8> {
    let sink = Sink::with_room(usize::MAX);
    let mut writer = embedded_io_07::FrameWriter::begin(sink, HEADER, SESSION, Algorithm::CRC32C).unwrap();
    for (number, message) in messages().iter().enumerate() {
        let (first, second) = message.split_at(message.len() / 3);
        match number % 2 {
            0 => writer.append(7, message).unwrap(),
            _ => writer.append_in_pieces(7, &[first, b"", second]).unwrap(),
        }
    }
    writer.sync(8).unwrap();
    writer.finish(9).unwrap().bytes
}

#[test]
fn what_is_written_is_a_whole_stream_whose_messages_come_back() {
    let stream = write_now();
    let mut reader = SliceReader::new(&stream).unwrap();
    for message in messages() {
        assert_eq!(reader.next().unwrap().unwrap().body(), message);
    }
    assert!(reader.next().is_none());
    assert!(reader.end().unwrap().is_closed());
}

#[test]
fn a_sink_that_is_awaited_gets_the_same_bytes() {
    let written = wait(async {
        let sink = Sink { is_slow: true, ..Sink::with_room(usize::MAX) };
        let mut writer =
            embedded_io_async_07::FrameWriter::begin(sink, HEADER, SESSION, Algorithm::CRC32C).await.unwrap();
        for (number, message) in messages().iter().enumerate() {
            let (first, second) = message.split_at(message.len() / 3);
            match number % 2 {
                0 => writer.append(7, message).await.unwrap(),
                _ => writer.append_in_pieces(7, &[first, b"", second]).await.unwrap(),
            }
        }
        writer.sync(8).await.unwrap();
        writer.finish(9).await.unwrap().bytes
    });
    assert_eq!(written, write_now());
}

#[test]
fn a_sink_that_fails_breaks_the_writer_and_leaves_whole_messages_in_front() {
    let whole = write_now();
    for room in HEADER.len()..whole.len() - 128 {
        let sink = Sink::with_room(room);
        let mut writer = embedded_io_07::FrameWriter::begin(sink, HEADER, SESSION, Algorithm::CRC32C).unwrap();
        let messages = messages();
        let written = messages.iter().take_while(|message| writer.append(7, message).is_ok()).count();
        assert_eq!(writer.append(7, b"more"), Err(WriteError::Broken));
        assert_eq!(writer.append_in_pieces(7, &[b"more"]), Err(WriteError::Broken));
        let bytes = &writer.sink().bytes;
        assert_eq!(bytes, &whole[..room]);
        assert_eq!(SliceReader::new(bytes).unwrap().flatten().count(), written);
    }
    let outcome = embedded_io_07::FrameWriter::begin(Sink::with_room(3), HEADER, SESSION, Algorithm::CRC32C);
    assert_eq!(outcome.err(), Some(WriteError::Sink(Full)));
    let sink = Sink { is_silent: true, ..Sink::with_room(3) };
    let outcome = embedded_io_07::FrameWriter::begin(sink, HEADER, SESSION, Algorithm::CRC32C);
    assert_eq!(outcome.err(), Some(WriteError::Stuck));
    let sink = Sink { is_silent: true, ..Sink::with_room(3) };
    let outcome = wait(embedded_io_async_07::FrameWriter::begin(sink, HEADER, SESSION, Algorithm::CRC32C));
    assert_eq!(outcome.err(), Some(WriteError::Stuck));
}

#[test]
fn an_append_that_is_given_up_in_the_middle_breaks_the_writer() {
    let sink = Sink { is_slow: false, ..Sink::with_room(usize::MAX) };
    let mut writer = wait(embedded_io_async_07::FrameWriter::begin(sink, HEADER, SESSION, Algorithm::CRC32C)).unwrap();
    writer.sink().is_slow = true;
    {
        let appending = pin!(writer.append(7, b"a message"));
        assert!(appending.poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    assert_eq!(wait(writer.append(7, b"more")), Err(WriteError::Broken));
}

#[test]
fn what_cannot_be_encoded_changes_nothing() {
    struct InOnePiece;
    impl Checksum for InOnePiece {
        fn digest(&self, _: &[u8]) -> u32 {
            0
        }
    }
    let sink = Sink::with_room(usize::MAX);
    let mut writer = embedded_io_07::FrameWriter::begin(sink, HEADER, SESSION, InOnePiece).unwrap();
    let before = writer.sink().bytes.clone();
    assert_eq!(writer.append(0, b""), Err(WriteError::Encode(EncodeError::Empty)));
    assert_eq!(writer.append_in_pieces(0, &[]), Err(WriteError::Encode(EncodeError::Empty)));
    assert_eq!(writer.append_in_pieces(0, &[b"a", b"b"]), Err(WriteError::Pieces));
    assert_eq!(writer.sink().bytes, before);
    writer.append(0, b"fine").unwrap();
    let outcome = embedded_io_07::FrameWriter::begin(Sink::default(), b"no header at all", SESSION, Algorithm::CRC32C);
    assert!(matches!(outcome.err(), Some(WriteError::Header(HeaderError::NotAStream { .. }))));
}
