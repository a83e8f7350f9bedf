//! Streams made by the encoder, for tests.
#![allow(dead_code, reason = "not every test uses all of it")]

use flatstream_format::{
    Algorithm, ChecksumType, Encoder, Error, Essentials, HeaderBuilder, Session, SliceReader, SyncFlags,
};
use flatstream_testkit::noise::Noise;

pub(crate) const STREAM_ID: u64 = 0x0123_4567_89AB_CDEF;

/// A stream, and where its frames are.
pub(crate) struct Stream {
    pub(crate) bytes: Vec<u8>,
    pub(crate) header_len: usize,
    pub(crate) messages: Vec<Vec<u8>>,
    /// The position behind each message's frame.
    pub(crate) ends: Vec<usize>,
    /// The start of every frame, and the end of the last.
    pub(crate) boundaries: Vec<usize>,
}

impl Stream {
    pub(crate) fn new(checksum: ChecksumType, sync_interval: u32, messages: Vec<Vec<u8>>) -> Self {
        let header =
            HeaderBuilder::new(checksum).sync_interval(sync_interval).max_message_len(1 << 16).build().unwrap();
        Self::with_header(header.as_bytes(), STREAM_ID, messages)
    }

    pub(crate) fn with_header(header: &[u8], stream_id: u64, messages: Vec<Vec<u8>>) -> Self {
        let essentials = Essentials::parse(header).unwrap();
        let hasher = Algorithm::new(essentials.checksum).unwrap();
        let mut encoder =
            Encoder::new(&essentials, Session { stream_id: stream_id.try_into().unwrap(), epoch: 0 }, hasher);
        let mut stream =
            Self { bytes: header.to_vec(), header_len: header.len(), messages, ends: vec![], boundaries: vec![] };
        let mut time = 0;
        for message in &stream.messages {
            if encoder.sync_due() {
                time += 1;
                stream.boundaries.push(stream.bytes.len());
                stream.bytes.extend(encoder.sync(time, SyncFlags::NONE).unwrap());
            }
            stream.boundaries.push(stream.bytes.len());
            stream.bytes.extend(encoder.message(message).unwrap());
            stream.bytes.extend(message);
            stream.bytes.resize(stream.bytes.len().next_multiple_of(8), 0);
            assert_eq!(stream.bytes.len() as u64, encoder.position());
            stream.ends.push(stream.bytes.len());
        }
        stream.boundaries.push(stream.bytes.len());
        stream.bytes.extend(encoder.sync(time, SyncFlags::CLOSED).unwrap());
        stream.boundaries.push(stream.bytes.len());
        stream
    }

    /// Several hundred messages of 1 to 120 bytes.
    pub(crate) fn of_hundreds(checksum: ChecksumType) -> Self {
        Self::new(checksum, 1024, Noise::new(7).messages(300, 120))
    }

    /// How many messages lie whole in the first `len` bytes.
    pub(crate) fn whole_before(&self, len: usize) -> usize {
        self.ends.partition_point(|&end| end <= len)
    }

    /// The start of the frame that holds the byte at `at`, which is behind the header.
    pub(crate) fn frame_start(&self, at: usize) -> usize {
        self.boundaries[self.boundaries.partition_point(|&start| start <= at) - 1]
    }

    /// Asserts that `bytes` deliver exactly the first messages, as many as lie before `intact`; returns how reading
    /// ended.
    pub(crate) fn check_prefix(&self, bytes: &[u8], intact: usize) -> Ended {
        let mut reader = match SliceReader::new(bytes) {
            Ok(reader) => reader,
            Err(error) => return Ended::Error(error),
        };
        let mut count = 0;
        let mut ended = None;
        for message in &mut reader {
            match message {
                Ok(message) => {
                    assert_eq!(message.body(), self.messages[count], "message {count}");
                    assert_eq!(message.sequence(), count as u64);
                    assert_eq!(message.position(), self.frame_start(self.ends[count] - 1) as u64);
                    count += 1;
                }
                Err(error) => assert!(ended.replace(error).is_none(), "a second error"),
            }
        }
        assert_eq!(count, self.whole_before(intact), "messages before {intact}");
        match ended {
            Some(error) => Ended::Error(error),
            None => Ended::End(reader.end().unwrap()),
        }
    }
}

#[derive(Debug)]
pub(crate) enum Ended {
    End(flatstream_format::End),
    Error(Error),
}
