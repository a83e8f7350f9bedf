use std::fmt;
use std::hint::black_box;
use std::io;

use flatstream::{ChecksumType, Clock, Reader, SliceReader, WriteOptions, Writer};
use flatstream_checksum::{Algorithm, CRC32C_BACKENDS, Checksum, crc32c_backend};

use crate::source::Memory;

/// One thing that is done with one message after the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Workload {
    operation: Operation,
    checksum: ChecksumType,
    len: usize,
    /// What has to compute CRC-32C. Nothing may have been forced where it is `None`.
    backend: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    /// `Writer::append` into a null sink.
    Append,
    /// `Reader::next_message` from memory.
    NextMessage,
    /// The same by the iterator, whose messages may outlive the reader.
    Owned,
    /// `SliceReader` over the stream in memory.
    Slice,
    /// The checksum alone.
    Digest,
}

/// How running a workload ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    /// The processor can't run the backend that is asked for.
    Unavailable,
}

const SHORT: usize = 64;
const LONG: usize = 1024;

impl Workload {
    /// All that are counted.
    pub(crate) fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for operation in [Operation::Append, Operation::NextMessage, Operation::Owned, Operation::Slice] {
            for (checksum, len) in
                [(ChecksumType::None, SHORT), (ChecksumType::Crc32c, SHORT), (ChecksumType::Crc32c, LONG)]
            {
                all.push(Self { operation, checksum, len, backend: None });
            }
        }
        for len in [SHORT, LONG] {
            let digest = |checksum, backend| Self { operation: Operation::Digest, checksum, len, backend };
            all.extend(CRC32C_BACKENDS.iter().map(|backend| digest(ChecksumType::Crc32c, Some(*backend))));
            let others = [ChecksumType::Crc32, ChecksumType::Xxh64, ChecksumType::Xxh3];
            all.extend(others.map(|checksum| digest(checksum, None)));
        }
        all
    }

    /// By how many messages the two runs differ that are compared: many whole blocks of a writer or reader, so that
    /// what is done once a block counts with its share.
    pub(crate) fn count(&self) -> usize {
        match (self.operation, self.len) {
            (Operation::Digest, _) => 1000,
            (_, SHORT) => 1 << 16,
            _ => 1 << 14,
        }
    }

    pub(crate) fn backend(&self) -> Option<&'static str> {
        self.backend
    }

    /// Does it with so many messages. What is prepared doesn't depend on how many, as long as they are at most twice
    /// those of [`count`](Self::count).
    pub(crate) fn run(&self, count: usize) -> Outcome {
        if self.backend.is_some_and(|backend| backend != crc32c_backend()) {
            return Outcome::Unavailable;
        }
        let body = vec![7; self.len];
        match self.operation {
            Operation::Append => append(self.writer(io::sink()), &body, count),
            Operation::NextMessage => next_message(&self.stream(&body), count),
            Operation::Owned => owned(&self.stream(&body), count),
            Operation::Slice => slice(&self.stream(&body), count),
            Operation::Digest => digest(self.checksum, &body, count),
        }
        Outcome::Done
    }

    /// Nothing of it is left to chance.
    fn writer<W: io::Write>(&self, sink: W) -> Writer<W> {
        let options = WriteOptions::new().checksum(self.checksum).stream_id(1).clock(Clock::Monotonic, || 0);
        Writer::new(sink, options).expect("a sink that takes all")
    }

    fn stream(&self, body: &[u8]) -> Vec<u8> {
        let count = 2 * self.count();
        let mut writer = self.writer(Vec::with_capacity(count * (self.len + 16) + (64 << 10)));
        for _ in 0..count {
            writer.append(body).expect("a vector takes all");
        }
        writer.finish().expect("a vector takes all")
    }
}

/// The name by which it is run, and under which its figure stands.
impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operation = match self.operation {
            Operation::Append => "append",
            Operation::NextMessage => "next_message",
            Operation::Owned => "owned iterator",
            Operation::Slice => "SliceReader",
            Operation::Digest => "digest",
        };
        write!(f, "{operation}, {}", self.checksum)?;
        if let Some(backend) = self.backend {
            write!(f, " by {backend}")?;
        }
        write!(f, ", {} B", self.len)
    }
}

// None is inlined where it is called, so that one doesn't change what the compiler makes of another.

#[inline(never)]
fn append(mut writer: Writer<io::Sink>, body: &[u8], count: usize) {
    for _ in 0..count {
        black_box(writer.append(black_box(body))).expect("a null sink takes all");
    }
}

#[inline(never)]
fn next_message(stream: &[u8], count: usize) {
    let mut reader = Reader::new(Memory(stream)).expect("a good stream");
    for _ in 0..count {
        black_box(reader.next_message().expect("a good stream").expect("enough messages"));
    }
}

#[inline(never)]
fn owned(stream: &[u8], count: usize) {
    let mut messages = Reader::new(Memory(stream)).expect("a good stream");
    for _ in 0..count {
        black_box(messages.next().expect("enough messages").expect("a good stream"));
    }
}

#[inline(never)]
fn slice(stream: &[u8], count: usize) {
    let mut messages = SliceReader::new(black_box(stream)).expect("a good stream");
    for _ in 0..count {
        black_box(messages.next().expect("enough messages").expect("a good stream"));
    }
}

#[inline(never)]
fn digest(checksum: ChecksumType, body: &[u8], count: usize) {
    let algorithm = Algorithm::new(checksum).expect("compiled in");
    for _ in 0..count {
        black_box(black_box(algorithm).digest(black_box(body)));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Outcome, Workload};

    #[test]
    fn each_has_a_name_of_its_own() {
        let all = Workload::all();
        let names: BTreeSet<String> = all.iter().map(ToString::to_string).collect();
        assert_eq!(names.len(), all.len());
    }

    #[test]
    fn a_stream_is_long_enough_for_the_longer_run() {
        for workload in Workload::all() {
            let outcome = workload.run(2 * workload.count());
            assert!(outcome == Outcome::Done || workload.backend().is_some(), "{workload}");
        }
    }
}
