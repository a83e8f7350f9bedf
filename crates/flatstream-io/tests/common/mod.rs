//! Streams with known messages, and what readers make of them.
#![allow(dead_code, reason = "not every test uses all of it")]

use std::io::Read;

use flatstream_io::{
    ChecksumType, Clock, End, Finding, Header, Losses, ReadOptions, Reader, Recovery, Result, WriteOptions, Writer,
};
use flatstream_testkit::noise::Noise;

pub(crate) const ALL_CHECKSUMS: [ChecksumType; 5] =
    [ChecksumType::None, ChecksumType::Crc32c, ChecksumType::Crc32, ChecksumType::Xxh64, ChecksumType::Xxh3];

/// A stream of known messages, and where they are.
pub(crate) struct Stream {
    pub(crate) bytes: Vec<u8>,
    pub(crate) messages: Vec<Vec<u8>>,
    /// The position of each message's frame.
    pub(crate) starts: Vec<u64>,
}

impl Stream {
    /// The stream that the tables of the specification are about: 300 messages of 1 to 120 bytes, a sync frame per KiB.
    pub(crate) fn of_hundreds(checksum: ChecksumType) -> Self {
        Self::new(options(checksum).sync_interval(1024).max_message_len(1 << 16), Noise::new(7).messages(300, 120))
    }

    pub(crate) fn new(options: WriteOptions, messages: Vec<Vec<u8>>) -> Self {
        let mut writer = Writer::new(Vec::new(), options).unwrap();
        messages.iter().for_each(|message| assert!(writer.append(message).is_ok()));
        let bytes = writer.finish().unwrap();
        let starts = Reader::new(&bytes[..]).unwrap().map(|message| message.unwrap().position()).collect();
        Self { bytes, messages, starts }
    }

    pub(crate) fn whole_before(&self, len: usize) -> usize {
        let ends = self.starts.iter().zip(&self.messages).map(|(start, message)| start + frame_len(message));
        ends.take_while(|&end| end <= len as u64).count()
    }

    /// Asserts that what was found was appended, in order and none twice, and that sequences are right where they are
    /// given. Returns how many bodies differ; the caller says whether that may be (without a checksum it may).
    pub(crate) fn check(&self, found: &Recovered) -> u64 {
        let mut changed = 0;
        let mut last = None;
        for message in &found.messages {
            assert!(last < Some(message.position), "positions ascend");
            last = Some(message.position);
            let nth = self.starts.binary_search(&message.position);
            let nth = nth.unwrap_or_else(|_| panic!("nothing was appended at position {}", message.position));
            assert!(message.sequence.is_none_or(|sequence| sequence == nth as u64), "sequence of message {nth}");
            assert_eq!(message.address % 8, 0, "message {nth} is aligned");
            assert_eq!(message.body.len(), self.messages[nth].len());
            changed += u64::from(message.body != self.messages[nth]);
        }
        changed
    }
}

pub(crate) fn frame_len(message: &[u8]) -> u64 {
    flatstream_io::format::frame_len(message.len() as u32)
}

pub(crate) fn options(checksum: ChecksumType) -> WriteOptions {
    WriteOptions::new().checksum(checksum).stream_id(0x0123_4567_89AB_CDEF).clock(Clock::Unspecified, || 0)
}

/// A message that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) position: u64,
    pub(crate) sequence: Option<u64>,
    pub(crate) body: Vec<u8>,
    address: usize,
}

/// All that a recovering reader gave.
#[derive(Clone, Debug)]
pub(crate) struct Recovered {
    pub(crate) messages: Vec<Found>,
    pub(crate) findings: Vec<Finding>,
    pub(crate) losses: Losses,
    pub(crate) end: End,
    pub(crate) header: Header,
}

pub(crate) fn recover(bytes: &[u8]) -> Result<Recovered> {
    recover_from(bytes, ReadOptions::new().recovery(Recovery::new()))
}

pub(crate) fn recover_link(bytes: &[u8]) -> Result<Recovered> {
    recover_from(bytes, ReadOptions::new().recovery(Recovery::link()))
}

pub(crate) fn recover_from(source: impl Read, options: ReadOptions) -> Result<Recovered> {
    let mut reader = Reader::with_options(source, options)?;
    let (mut messages, mut findings) = (Vec::new(), Vec::new());
    while let Some(message) = reader.next() {
        let message = message?;
        messages.push(Found {
            position: message.position(),
            sequence: message.sequence(),
            body: message.to_vec(),
            address: message.as_ptr() as usize,
        });
        findings.extend(reader.take_findings());
    }
    findings.extend(reader.take_findings());
    let (losses, end, header) = (*reader.losses(), reader.end()?, reader.header().clone());
    Ok(Recovered { messages, findings, losses, end, header })
}
