//! Writing a stream to whatever implements [`embedded_io_async::Write`] 0.7: a UART's driver, a socket.

use embedded_io_async::Write;
use flatstream_checksum::Checksum;

use crate::frame::pad_of;
use crate::{Encoder, Essentials, Session, SyncFlags, WriteError};

/// Writes frames to a sink: what [`Encoder`] gives, and the bodies. It holds no bytes.
///
/// A future that is dropped in the middle of a frame breaks the writer: nobody knows which bytes were written.
///
/// ```
/// # use core::future::Future;
/// # use core::num::NonZeroU64;
/// # use core::pin::pin;
/// # use core::task::{Context, Poll, Waker};
/// use flatstream_format::embedded_io_async_07::FrameWriter;
/// use flatstream_format::{Algorithm, Session, SliceReader};
///
/// const HEADER: &[u8] = include_bytes!("../tests/minimal_header.bin");
/// let session = Session { stream_id: NonZeroU64::MIN, epoch: 0 };
/// let mut memory = [0; 512];
/// let sending = async {
///     let mut writer = FrameWriter::begin(&mut memory[..], HEADER, session, Algorithm::CRC32C).await.unwrap();
///     writer.append(0, b"a FlatBuffer").await.unwrap();
///     writer.append_in_pieces(0, &[b"and ", b"another"]).await.unwrap();
///     writer.finish(0).await.unwrap().len()
/// };
/// # let Poll::Ready(room) = pin!(sending).poll(&mut Context::from_waker(Waker::noop())) else { panic!() };
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
    pub async fn begin(mut sink: W, header: &[u8], session: Session, hasher: C) -> Result<Self, WriteError<W::Error>> {
        let essentials = Essentials::parse(header)?;
        let region = header.get(..essentials.header_len as usize).unwrap_or(header);
        write_all(&mut sink, region).await?;
        Ok(Self { sink, encoder: Encoder::new(&essentials, session, hasher), is_broken: false })
    }

    /// Appends a message. `time` is in nanoseconds of the header's clock, for the sync frame that may come before it.
    ///
    /// # Errors
    /// [`WriteError::Encode`], after which nothing was written; [`WriteError::Sink`] and [`WriteError::Stuck`], after
    /// which only [`WriteError::Broken`] comes, because nobody knows which bytes were written.
    pub async fn append(&mut self, time: i64, message: &[u8]) -> Result<(), WriteError<W::Error>> {
        self.encoder.check_message_len(message.len() as u64)?;
        self.sync_if_due(time).await?;
        let head = self.encoder.message(message)?;
        self.write(&[&head, message, pad_of(message.len())]).await
    }

    /// Appends a message that lies in pieces, as DMA left it.
    ///
    /// # Errors
    /// As [`append`](Self::append), and [`WriteError::Pieces`] where the checksum takes a message in one piece only.
    pub async fn append_in_pieces(&mut self, time: i64, pieces: &[&[u8]]) -> Result<(), WriteError<W::Error>> {
        let len = pieces.iter().fold(0usize, |sum, piece| sum.saturating_add(piece.len()));
        self.encoder.check_message_len(len as u64)?;
        let digest = self.encoder.hasher().digest_parts(pieces).ok_or(WriteError::Pieces)?;
        self.sync_if_due(time).await?;
        let head = self.encoder.message_with_digest(len as u64, digest)?;
        self.write(&[&head]).await?;
        self.write(pieces).await?;
        self.write(&[pad_of(len)]).await
    }

    /// A sync frame now, beside those that are due: a receiver on a line can join there.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub async fn sync(&mut self, time: i64) -> Result<(), WriteError<W::Error>> {
        let frame = self.encoder.sync(time, SyncFlags::NONE)?;
        self.write(&[&frame]).await
    }

    /// Marks the stream as closed, flushes the sink and gives it back.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub async fn finish(mut self, time: i64) -> Result<W, WriteError<W::Error>> {
        let frame = self.encoder.sync(time, SyncFlags::CLOSED)?;
        self.write(&[&frame]).await?;
        self.sink.flush().await.map_err(WriteError::Sink)?;
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

    async fn sync_if_due(&mut self, time: i64) -> Result<(), WriteError<W::Error>> {
        if self.encoder.sync_due() { self.sync(time).await } else { Ok(()) }
    }

    async fn write(&mut self, pieces: &[&[u8]]) -> Result<(), WriteError<W::Error>> {
        if self.is_broken {
            return Err(WriteError::Broken);
        }
        // Also where writing is given up in the middle.
        self.is_broken = true;
        for piece in pieces {
            write_all(&mut self.sink, piece).await?;
        }
        self.is_broken = false;
        Ok(())
    }
}

/// The trait's own function panics where a sink takes nothing.
async fn write_all<W: Write>(sink: &mut W, mut bytes: &[u8]) -> Result<(), WriteError<W::Error>> {
    while !bytes.is_empty() {
        let len = sink.write(bytes).await.map_err(WriteError::Sink)?;
        bytes = bytes.get(len..).filter(|_| len > 0).ok_or(WriteError::Stuck)?;
    }
    Ok(())
}
