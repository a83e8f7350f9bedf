//! Cap'n Proto's own framing of messages by the crate `capnp`: a segment table and a message whose root is a blob of
//! data (one pointer less than a struct with one field); no checksum. Written from scratch space that is used again,
//! read where it lies by `read_message_from_flat_slice_no_alloc`.

use std::io::{BufReader, BufWriter, Read, Write};

use capnp::message::{Builder, ReaderOptions, ScratchSpaceHeapAllocator};
use capnp::{data, serialize};

use super::{BUFFER, Failure, Format, Streamed};
use crate::aligned::Aligned;

pub(crate) enum Capnp {}

const OPTIONS: ReaderOptions = ReaderOptions { traversal_limit_in_words: None, nesting_limit: 64 };

impl Format for Capnp {
    const NAME: &'static str = "capnp, no checksum";

    fn write<'a>(sink: impl Write, bodies: impl Iterator<Item = &'a [u8]>) -> Result<(), Failure> {
        let mut writer = BufWriter::with_capacity(BUFFER, sink);
        let mut scratch = Aligned::zeroed(BUFFER);
        let mut allocator = ScratchSpaceHeapAllocator::new(&mut scratch);
        for body in bodies {
            let mut message = Builder::new(&mut allocator);
            message.set_root::<data::Owned>(body)?;
            serialize::write_message(&mut writer, &message)?;
        }
        writer.flush()?;
        Ok(())
    }

    fn read(mut bytes: &[u8], mut look: impl FnMut(&[u8])) -> Result<(), Failure> {
        while !bytes.is_empty() {
            let message = serialize::read_message_from_flat_slice_no_alloc(&mut bytes, OPTIONS)?;
            look(message.get_root::<data::Reader<'_>>()?);
        }
        Ok(())
    }
}

impl Streamed for Capnp {
    fn read_from(source: impl Read, mut look: impl FnMut(&[u8])) -> Result<(), Failure> {
        let mut reader = BufReader::with_capacity(BUFFER, source);
        while let Some(message) = serialize::try_read_message(&mut reader, OPTIONS)? {
            look(message.get_root::<data::Reader<'_>>()?);
        }
        Ok(())
    }
}
