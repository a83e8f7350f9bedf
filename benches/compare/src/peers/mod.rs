//! The formats that are compared, each as its own documentation says it is used where speed counts.

mod arrow_ipc;
mod capnp;
mod flatstream;
mod flatstream_rs;
mod leveldb_log;
mod mcap;
pub(crate) mod okaywal;
mod plain;
mod plain_crc32c;
mod tfrecord;

use std::error::Error;
use std::io::{Read, Write};

pub(crate) use self::arrow_ipc::ArrowIpc;
pub(crate) use self::capnp::Capnp;
pub(crate) use self::flatstream::{Crc32c, None as Unchecked, Owned, Slice, Xxh3};
pub(crate) use self::flatstream_rs::FlatstreamRs;
pub(crate) use self::leveldb_log::LevelDbLog;
pub(crate) use self::mcap::{Mcap, McapUnchunked};
pub(crate) use self::plain::{Plain, PlainByHand};
pub(crate) use self::plain_crc32c::PlainCrc32c;
pub(crate) use self::tfrecord::TfRecord;

/// What `BufWriter` and `BufReader` are given: as much as flatstream's own blocks have.
const BUFFER: usize = 256 << 10;

pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// A format that messages can be written in and read from.
pub(crate) trait Format {
    const NAME: &'static str;

    /// Writes a whole stream.
    fn write<'a>(sink: impl Write, bodies: impl Iterator<Item = &'a [u8]>) -> Result<(), Failure>;

    /// Reads a whole stream that lies in memory, and shows each message to `look`.
    fn read(bytes: &[u8], look: impl FnMut(&[u8])) -> Result<(), Failure>;
}

/// A format that is read from any `Read`.
pub(crate) trait Streamed: Format {
    /// Reads a whole stream, and shows each message to `look`.
    fn read_from(source: impl Read, look: impl FnMut(&[u8])) -> Result<(), Failure>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bodies::Bodies;

    fn written<F: Format>(bodies: &[&[u8]]) -> Vec<u8> {
        let mut bytes = Vec::new();
        F::write(&mut bytes, bodies.iter().copied()).unwrap();
        bytes
    }

    /// The same messages come back, in their order, of every length that is measured; the stream's length in bytes is
    /// about what the format's documentation says.
    fn check<F: Format>(overhead: std::ops::RangeInclusive<usize>) {
        for len in [16, 64, 1000, 1024, 16 << 10, 1 << 20] {
            check_bodies::<F>(&Bodies::of_len(len), 9, &overhead);
        }
        check_bodies::<F>(&Bodies::telemetry(), 3000, &overhead);
        let mut count = 0;
        F::read(&written::<F>(&[]), |_| count += 1).unwrap();
        assert_eq!(count, 0, "messages of an empty stream");
    }

    fn check_bodies<F: Format>(bodies: &Bodies, count: usize, overhead: &std::ops::RangeInclusive<usize>) {
        let bodies: Vec<&[u8]> = bodies.take(count).collect();
        let bytes = written::<F>(&bodies);
        let mut rest = bodies.iter();
        F::read(&bytes, |message| assert_eq!(rest.next(), Some(&message))).unwrap();
        assert_eq!(rest.len(), 0, "messages are missing");
        let extra = (bytes.len() - bodies.concat().len() - written::<F>(&[]).len()) / count;
        assert!(overhead.contains(&extra), "{}: {extra} bytes more per message", F::NAME);
    }

    /// A format that checks its bodies finds a changed bit in the last one.
    fn check_detects<F: Format>() {
        let bodies = Bodies::of_len(64);
        let bodies: Vec<&[u8]> = bodies.take(10).collect();
        let mut bytes = written::<F>(&bodies);
        let place = bytes.windows(64).rposition(|window| window == bodies[9]).expect("the body is in there as it is");
        bytes[place + 5] ^= 4;
        assert!(F::read(&bytes, |_| {}).is_err(), "{}: a changed bit was read over", F::NAME);
    }

    #[test]
    fn plain_gives_back_what_was_written() {
        check::<Plain>(4..=4);
        check::<PlainByHand>(4..=4);
    }

    #[test]
    fn plain_crc32c_gives_back_what_was_written_and_finds_a_changed_bit() {
        check::<PlainCrc32c>(8..=8);
        check_detects::<PlainCrc32c>();
    }

    #[test]
    fn flatstream_rs_gives_back_what_was_written_and_finds_a_changed_bit() {
        check::<FlatstreamRs>(12..=12);
        check_detects::<FlatstreamRs>();
    }

    #[test]
    fn flatstream_gives_back_what_was_written_however_it_is_read_and_finds_a_changed_bit() {
        check::<Crc32c>(8..=72);
        check::<Xxh3>(8..=72);
        check::<Unchecked>(8..=72);
        check::<Owned>(8..=72);
        check::<Slice>(8..=72);
        check_detects::<Crc32c>();
        check_detects::<Xxh3>();
        check_detects::<Owned>();
        check_detects::<Slice>();
    }

    #[test]
    fn leveldb_log_gives_back_what_was_written_and_finds_a_changed_bit() {
        check::<LevelDbLog>(7..=240);
        check_detects::<LevelDbLog>();
    }

    #[test]
    fn mcap_gives_back_what_was_written_and_finds_a_changed_bit() {
        check::<Mcap>(31..=400);
        check::<McapUnchunked>(31..=32);
        check_detects::<Mcap>();
    }

    #[test]
    fn tfrecord_gives_back_what_was_written_and_finds_a_changed_bit() {
        check::<TfRecord>(16..=16);
        check_detects::<TfRecord>();
    }

    #[test]
    fn arrow_ipc_gives_back_what_was_written() {
        check::<ArrowIpc>(0..=800);
    }

    #[test]
    fn capnp_gives_back_what_was_written() {
        check::<Capnp>(16..=48);
    }
}
