//! The framing of flatstream-rs, the earlier project, written anew from its wire format: `u32` length, `u64` XXH3 of
//! the body, body. As there, XXH3 is the crate `xxhash-rust`'s, each part is written by a `write_all` of its own into a
//! `BufWriter`, and read by a `read_exact` into a `Vec` that is used again.

use std::io::{BufReader, BufWriter, Read, Write};

use xxhash_rust::xxh3::xxh3_64;

use super::plain::{read_exact, read_head};
use super::{BUFFER, Failure, Format, Streamed};
use crate::aligned::MessageBuffer;

pub(crate) enum FlatstreamRs {}

impl Format for FlatstreamRs {
    const NAME: &'static str = "flatstream-rs, XXH3";

    fn write<'a>(sink: impl Write, bodies: impl Iterator<Item = &'a [u8]>) -> Result<(), Failure> {
        let mut writer = BufWriter::with_capacity(BUFFER, sink);
        for body in bodies {
            writer.write_all(&(body.len() as u32).to_le_bytes())?;
            writer.write_all(&xxh3_64(body).to_le_bytes())?;
            writer.write_all(body)?;
        }
        writer.flush()?;
        Ok(())
    }

    fn read(bytes: &[u8], look: impl FnMut(&[u8])) -> Result<(), Failure> {
        Self::read_from(bytes, look)
    }
}

impl Streamed for FlatstreamRs {
    fn read_from(source: impl Read, mut look: impl FnMut(&[u8])) -> Result<(), Failure> {
        let mut reader = BufReader::with_capacity(BUFFER, source);
        let mut buffer = MessageBuffer::new();
        let mut check = [0; 8];
        while let Some(length) = read_head::<4>(&mut reader)? {
            read_exact(&mut reader, &mut check)?;
            let message = buffer.of_len(u32::from_le_bytes(length) as usize);
            read_exact(&mut reader, message)?;
            if xxh3_64(message) != u64::from_le_bytes(check) {
                return Err("the check does not hold".into());
            }
            look(message);
        }
        Ok(())
    }
}
