//! Length-prefixed framing as everybody writes it the first time: `u32` length and body, over a `BufWriter` and a
//! `BufReader`; it checks nothing. The baseline. And the same by someone who knows how `BufReader` is best used.

use std::io::{self, BufRead, BufReader, BufWriter, ErrorKind, Read, Write};

use super::{BUFFER, Failure, Format, Streamed};
use crate::aligned::MessageBuffer;

pub(crate) enum Plain {}

impl Format for Plain {
    const NAME: &'static str = "plain";

    fn write<'a>(sink: impl Write, bodies: impl Iterator<Item = &'a [u8]>) -> Result<(), Failure> {
        let mut writer = BufWriter::with_capacity(BUFFER, sink);
        for body in bodies {
            writer.write_all(&(body.len() as u32).to_le_bytes())?;
            writer.write_all(body)?;
        }
        writer.flush()?;
        Ok(())
    }

    fn read(bytes: &[u8], look: impl FnMut(&[u8])) -> Result<(), Failure> {
        Self::read_from(bytes, look)
    }
}

impl Streamed for Plain {
    fn read_from(source: impl Read, mut look: impl FnMut(&[u8])) -> Result<(), Failure> {
        let mut reader = BufReader::with_capacity(BUFFER, source);
        let mut buffer = MessageBuffer::new();
        let mut head = [0; 4];
        loop {
            if let Err(error) = reader.read_exact(&mut head) {
                return at_end(error).map(|_: Option<()>| ());
            }
            let message = buffer.of_len(u32::from_le_bytes(head) as usize);
            reader.read_exact(message)?;
            look(message);
        }
    }
}

/// Plain, read at its best.
pub(crate) enum PlainByHand {}

impl Format for PlainByHand {
    const NAME: &'static str = "plain, inlined by hand";

    fn write<'a>(sink: impl Write, bodies: impl Iterator<Item = &'a [u8]>) -> Result<(), Failure> {
        Plain::write(sink, bodies)
    }

    fn read(bytes: &[u8], look: impl FnMut(&[u8])) -> Result<(), Failure> {
        Self::read_from(bytes, look)
    }
}

impl Streamed for PlainByHand {
    fn read_from(source: impl Read, mut look: impl FnMut(&[u8])) -> Result<(), Failure> {
        let mut reader = BufReader::with_capacity(BUFFER, source);
        let mut buffer = MessageBuffer::new();
        while let Some(head) = read_head::<4>(&mut reader)? {
            let message = buffer.of_len(u32::from_le_bytes(head) as usize);
            read_exact(&mut reader, message)?;
            look(message);
        }
        Ok(())
    }
}

/// `BufReader::read_exact`, whose quick path is inlined by force: the standard library's is a call for each piece,
/// which is a third of the time of small messages. The other framings of this kind are read so, too.
#[inline(always)]
pub(super) fn read_exact(reader: &mut BufReader<impl Read>, bytes: &mut [u8]) -> io::Result<()> {
    let Some(buffered) = reader.buffer().get(..bytes.len()) else { return reader.read_exact(bytes) };
    bytes.copy_from_slice(buffered);
    reader.consume(bytes.len());
    Ok(())
}

/// What stands before a body; `None` at the end of the data.
#[inline(always)]
pub(super) fn read_head<const N: usize>(reader: &mut BufReader<impl Read>) -> Result<Option<[u8; N]>, Failure> {
    let mut head = [0; N];
    match read_exact(reader, &mut head) {
        Ok(()) => Ok(Some(head)),
        Err(error) => at_end(error),
    }
}

#[cold]
fn at_end<T>(error: io::Error) -> Result<Option<T>, Failure> {
    if error.kind() == ErrorKind::UnexpectedEof { Ok(None) } else { Err(error.into()) }
}
