//! The same with a check: `u32` length, `u32` CRC-32C of the body by the crate `crc32c`, body.

use std::io::{BufReader, BufWriter, Read, Write};

use super::plain::{read_exact, read_head};
use super::{BUFFER, Failure, Format, Streamed};
use crate::aligned::MessageBuffer;

pub(crate) enum PlainCrc32c {}

impl Format for PlainCrc32c {
    const NAME: &'static str = "plain + crc32c";

    fn write<'a>(sink: impl Write, bodies: impl Iterator<Item = &'a [u8]>) -> Result<(), Failure> {
        let mut writer = BufWriter::with_capacity(BUFFER, sink);
        for body in bodies {
            let check = crc32c::crc32c(body);
            let head = u64::from(check) << 32 | body.len() as u64;
            writer.write_all(&head.to_le_bytes())?;
            writer.write_all(body)?;
        }
        writer.flush()?;
        Ok(())
    }

    fn read(bytes: &[u8], look: impl FnMut(&[u8])) -> Result<(), Failure> {
        Self::read_from(bytes, look)
    }
}

impl Streamed for PlainCrc32c {
    fn read_from(source: impl Read, mut look: impl FnMut(&[u8])) -> Result<(), Failure> {
        let mut reader = BufReader::with_capacity(BUFFER, source);
        let mut buffer = MessageBuffer::new();
        while let Some(head) = read_head(&mut reader)? {
            let head = u64::from_le_bytes(head);
            let message = buffer.of_len(head as u32 as usize);
            read_exact(&mut reader, message)?;
            if crc32c::crc32c(message) != (head >> 32) as u32 {
                return Err("the check does not hold".into());
            }
            look(message);
        }
        Ok(())
    }
}
