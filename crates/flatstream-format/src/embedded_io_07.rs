//! Writing a stream to whatever implements [`embedded_io::Write`] 0.7: a UART's driver, a file of a file system.

use embedded_io::Write;
use flatstream_checksum::Checksum;

use crate::frame::pad_of;
use crate::{Encoder, Essentials, Session, SyncFlags, WriteError};

/// Writes frames to a sink: what [`Encoder`] gives, and the bodies. It holds no bytes.
///
/// ```
/// use core::num::NonZeroU64;
///
/// use flatstream_format::embedded_io_07::FrameWriter;
/// use flatstream_format::{Algorithm, Session, SliceReader};
///
/// const HEADER: &[u8] = include_bytes!("../tests/minimal_header.bin");
/// let session = Session { stream_id: NonZeroU64::MIN, epoch: 0 };
/// let mut memory = [0; 512];
///
/// let mut writer = FrameWriter::begin(&mut memory[..], HEADER, session, Algorithm::CRC32C).unwrap();
/// writer.append(0, b"a FlatBuffer").unwrap();
/// writer.append_in_pieces(0, &[b"and ", b"another"]).unwrap();
/// let room = writer.finish(0).unwrap().len();
///
/// let mut reader = SliceReader::new(&memory[..512 - room]).unwrap();
/// assert_eq!(reader.next().unwrap().unwrap().body(), b"a FlatBuffer");
/// assert_eq!(reader.next().unwrap().unwrap().body(), b"and another");
/// ```
#[derive(Debug)]
pub struct FrameWriter<W, C> {
    sink: W,
    encoder: Encoder<C>,
    is_broken: bool,
}

impl<W: Write, C: Checksum> FrameWriter<W, C> {
    /// Begins a stream: writes its header region, which the firmware holds as constant bytes.
    ///
    /// # Errors
    /// [`WriteError::Header`], [`WriteError::Sink`], [`WriteError::Stuck`].
    pub fn begin(mut sink: W, header: &[u8], session: Session, hasher: C) -> Result<Self, WriteError<W::Error>> {
        let essentials = Essentials::parse(header)?;
        let region = header.get(..essentials.header_len as usize).unwrap_or(header);
        write_all(&mut sink, region)?;
        Ok(Self { sink, encoder: Encoder::new(&essentials, session, hasher), is_broken: false })
    }

    /// Appends a message. `time` is in nanoseconds of the header's clock, for the sync frame that may come before it.
    ///
    /// # Errors
    /// [`WriteError::Encode`], after which nothing was written; [`WriteError::Sink`] and [`WriteError::Stuck`], after
    /// which only [`WriteError::Broken`] comes, because nobody knows which bytes were written.
    pub fn append(&mut self, time: i64, message: &[u8]) -> Result<(), WriteError<W::Error>> {
        self.encoder.check_message_len(message.len() as u64)?;
        self.sync_if_due(time)?;
        let head = self.encoder.message(message)?;
        self.write(&[&head, message, pad_of(message.len())])
    }

    /// Appends a message that lies in pieces, as DMA left it.
    ///
    /// # Errors
    /// As [`append`](Self::append), and [`WriteError::Pieces`] where the checksum takes a message in one piece only.
    pub fn append_in_pieces(&mut self, time: i64, pieces: &[&[u8]]) -> Result<(), WriteError<W::Error>> {
        let len = pieces.iter().fold(0usize, |sum, piece| sum.saturating_add(piece.len()));
        self.encoder.check_message_len(len as u64)?;
        let digest = self.encoder.hasher().digest_parts(pieces).ok_or(WriteError::Pieces)?;
        self.sync_if_due(time)?;
        let head = self.encoder.message_with_digest(len as u64, digest)?;
        self.write(&[&head])?;
        self.write(pieces)?;
        self.write(&[pad_of(len)])
    }

    /// A sync frame now, beside those that are due: a receiver on a line can join there.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub fn sync(&mut self, time: i64) -> Result<(), WriteError<W::Error>> {
        let frame = self.encoder.sync(time, SyncFlags::NONE)?;
        self.write(&[&frame])
    }

    /// Marks the stream as closed, flushes the sink and gives it back.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub fn finish(mut self, time: i64) -> Result<W, WriteError<W::Error>> {
        let frame = self.encoder.sync(time, SyncFlags::CLOSED)?;
        self.write(&[&frame])?;
        self.sink.flush().map_err(WriteError::Sink)?;
        Ok(self.sink)
    }

    /// What counts and computes.
    #[must_use]
    pub const fn encoder(&self) -> &Encoder<C> {
        &self.encoder
    }

    /// Where the frames go: to be flushed, say.
    pub const fn sink(&mut self) -> &mut W {
        &mut self.sink
    }

    fn sync_if_due(&mut self, time: i64) -> Result<(), WriteError<W::Error>> {
        if self.encoder.sync_due() { self.sync(time) } else { Ok(()) }
    }

    fn write(&mut self, pieces: &[&[u8]]) -> Result<(), WriteError<W::Error>> {
        if self.is_broken {
            return Err(WriteError::Broken);
        }
        // Also where writing is given up in the middle.
        self.is_broken = true;
        for piece in pieces {
            write_all(&mut self.sink, piece)?;
        }
        self.is_broken = false;
        Ok(())
    }
}

/// The trait's own function panics where a sink takes nothing.
fn write_all<W: Write>(sink: &mut W, mut bytes: &[u8]) -> Result<(), WriteError<W::Error>> {
    while !bytes.is_empty() {
        let len = sink.write(bytes).map_err(WriteError::Sink)?;
        bytes = bytes.get(len..).filter(|_| len > 0).ok_or(WriteError::Stuck)?;
    }
    Ok(())
}
