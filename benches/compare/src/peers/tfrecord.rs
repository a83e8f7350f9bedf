//! TFRecord by the crate `tfrecord`: `u64` length with a masked CRC-32C of its own, body, masked CRC-32C of the body.
//! Its writer takes each message as a `Vec` of its own, and its reader gives one.

use std::io::{BufReader, BufWriter, Read, Write};

use tfrecord::{BytesIter, RecordReaderConfig, RecordWriter};

use super::{BUFFER, Failure, Format, Streamed};

pub(crate) enum TfRecord {}

impl Format for TfRecord {
    const NAME: &'static str = "tfrecord";

    fn write<'a>(sink: impl Write, bodies: impl Iterator<Item = &'a [u8]>) -> Result<(), Failure> {
        let mut writer: RecordWriter<Vec<u8>, _> = RecordWriter::from_writer(BufWriter::with_capacity(BUFFER, sink))?;
        for body in bodies {
            writer.send(body.to_vec())?;
        }
        writer.flush()?;
        Ok(())
    }

    fn read(bytes: &[u8], look: impl FnMut(&[u8])) -> Result<(), Failure> {
        read_all(bytes, look)
    }
}

impl Streamed for TfRecord {
    fn read_from(source: impl Read, look: impl FnMut(&[u8])) -> Result<(), Failure> {
        read_all(BufReader::with_capacity(BUFFER, source), look)
    }
}

fn read_all(source: impl Read, mut look: impl FnMut(&[u8])) -> Result<(), Failure> {
    for message in BytesIter::from_reader(source, RecordReaderConfig { check_integrity: true }) {
        look(&message?);
    }
    Ok(())
}
