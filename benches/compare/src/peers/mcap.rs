//! MCAP by the crate `mcap`, without compression, with the checksums that it writes by default; in chunks, and without.
//! Written into a `BufWriter`, to a channel that is known; read by `RawMessageStream`, which of its readers over memory
//! does the least. It checks nothing by default; here it is asked to check chunks.

use std::collections::BTreeMap;
use std::io::{BufWriter, Write};

use mcap::read::{Options, RawMessageStream};
use mcap::records::MessageHeader;
use mcap::write::NoSeek;

use super::{BUFFER, Failure, Format};

/// In chunks of 1 MiB, with a checksum and an index each.
pub(crate) enum Mcap {}

/// One record behind the other, with one checksum over all, which this reader doesn't look at.
pub(crate) enum McapUnchunked {}

impl Format for Mcap {
    const NAME: &'static str = "mcap, chunked";

    fn write<'a>(sink: impl Write, bodies: impl Iterator<Item = &'a [u8]>) -> Result<(), Failure> {
        write(sink, bodies, true)
    }

    fn read(bytes: &[u8], look: impl FnMut(&[u8])) -> Result<(), Failure> {
        let messages = RawMessageStream::new_with_options(bytes, Options::ValidateChunkCrcs.into())?;
        look_at_all(messages, look)
    }
}

impl Format for McapUnchunked {
    const NAME: &'static str = "mcap, not chunked";

    fn write<'a>(sink: impl Write, bodies: impl Iterator<Item = &'a [u8]>) -> Result<(), Failure> {
        write(sink, bodies, false)
    }

    fn read(bytes: &[u8], look: impl FnMut(&[u8])) -> Result<(), Failure> {
        look_at_all(RawMessageStream::new(bytes)?, look)
    }
}

fn write<'a>(sink: impl Write, bodies: impl Iterator<Item = &'a [u8]>, in_chunks: bool) -> Result<(), Failure> {
    let sink = NoSeek::new(BufWriter::with_capacity(BUFFER, sink));
    let options = mcap::WriteOptions::new().compression(None).use_chunks(in_chunks).disable_seeking(true);
    let mut writer = options.create(sink)?;
    let channel_id = writer.add_channel(0, "telemetry", "flatbuffer", &BTreeMap::new())?;
    for (sequence, body) in (0..).zip(bodies) {
        let time = u64::from(sequence);
        writer.write_to_known_channel(
            &MessageHeader { channel_id, sequence, log_time: time, publish_time: time },
            body,
        )?;
    }
    writer.finish()?;
    writer.into_inner().into_inner().flush()?;
    Ok(())
}

fn look_at_all(messages: RawMessageStream<'_>, mut look: impl FnMut(&[u8])) -> Result<(), Failure> {
    for message in messages {
        look(&message?.data);
    }
    Ok(())
}
