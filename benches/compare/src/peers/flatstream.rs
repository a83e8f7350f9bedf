//! This project's format, with each checksum and each way to read it.

use std::io::{Read, Write};
use std::marker::PhantomData;

use flatstream::{ChecksumType, Reader, SliceReader, WriteOptions, Writer};

use super::{Failure, Format, Streamed};

/// Read by `next_message`.
pub(crate) struct Lent<C>(PhantomData<C>);

/// The checksum of a [`Lent`].
pub(crate) trait Choice {
    const NAME: &'static str;
    const CHECKSUM: ChecksumType;
}

macro_rules! choice {
    ($format:ident, $choice:ident, $name:literal) => {
        pub(crate) enum $choice {}

        impl Choice for $choice {
            const NAME: &'static str = $name;
            const CHECKSUM: ChecksumType = ChecksumType::$format;
        }

        pub(crate) type $format = Lent<$choice>;
    };
}

choice!(Crc32c, WithCrc32c, "flatstream, CRC-32C");
choice!(Xxh3, WithXxh3, "flatstream, XXH3");
choice!(None, WithNone, "flatstream, no checksum");

fn append_all<'a>(
    sink: impl Write,
    bodies: impl Iterator<Item = &'a [u8]>,
    checksum: ChecksumType,
) -> Result<(), Failure> {
    let mut writer = Writer::new(sink, WriteOptions::new().checksum(checksum))?;
    for body in bodies {
        writer.append(body)?;
    }
    writer.finish()?;
    Ok(())
}

impl<C: Choice> Format for Lent<C> {
    const NAME: &'static str = C::NAME;

    fn write<'a>(sink: impl Write, bodies: impl Iterator<Item = &'a [u8]>) -> Result<(), Failure> {
        append_all(sink, bodies, C::CHECKSUM)
    }

    fn read(bytes: &[u8], look: impl FnMut(&[u8])) -> Result<(), Failure> {
        Self::read_from(bytes, look)
    }
}

impl<C: Choice> Streamed for Lent<C> {
    fn read_from(source: impl Read, mut look: impl FnMut(&[u8])) -> Result<(), Failure> {
        let mut reader = Reader::new(source)?;
        while let Some(message) = reader.next_message()? {
            look(message);
        }
        Ok(())
    }
}

/// CRC-32C; read by the iterator of messages that may outlive the reader.
pub(crate) enum Owned {}

impl Format for Owned {
    const NAME: &'static str = "flatstream, owned messages";

    fn write<'a>(sink: impl Write, bodies: impl Iterator<Item = &'a [u8]>) -> Result<(), Failure> {
        append_all(sink, bodies, ChecksumType::Crc32c)
    }

    fn read(bytes: &[u8], look: impl FnMut(&[u8])) -> Result<(), Failure> {
        Self::read_from(bytes, look)
    }
}

impl Streamed for Owned {
    fn read_from(source: impl Read, mut look: impl FnMut(&[u8])) -> Result<(), Failure> {
        for message in Reader::new(source)? {
            look(&message?);
        }
        Ok(())
    }
}

/// CRC-32C; read where it lies.
pub(crate) enum Slice {}

impl Format for Slice {
    const NAME: &'static str = "flatstream, SliceReader";

    fn write<'a>(sink: impl Write, bodies: impl Iterator<Item = &'a [u8]>) -> Result<(), Failure> {
        append_all(sink, bodies, ChecksumType::Crc32c)
    }

    fn read(bytes: &[u8], mut look: impl FnMut(&[u8])) -> Result<(), Failure> {
        for message in SliceReader::new(bytes)? {
            look(&message?);
        }
        Ok(())
    }
}
