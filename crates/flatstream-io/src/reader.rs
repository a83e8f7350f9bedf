use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;

use flatstream_format::{Decoded, Decoder, End, Header, Span, Stop, TailSearch};

use crate::error::{Error, Result};
use crate::hasher::Hasher;
use crate::input::Input;
use crate::message::Message;
use crate::opening::Opening;
use crate::options::ReadOptions;
use crate::stream_tail::StreamTail;

/// So many messages are verified before the first of them is handed out: the processor works on several at once.
const ROW_LEN: usize = 256;

/// Reads the messages of a stream, strictly: damage ends it with an error that says where.
///
/// A reader is an iterator of owned [`Message`]s, which may outlive it. [`next_message`](Self::next_message) lends a
/// message instead and allocates nothing. No `BufReader` is needed, and a reader never waits for more bytes while a
/// whole message is there.
///
/// A stream whose writer died ends *torn* or *open*. That is no error unless
/// [`require_closed`](ReadOptions::require_closed) says so; [`end`](Self::end) tells.
///
/// ```
/// use flatstream_io::{Reader, WriteOptions, Writer};
///
/// let mut writer = Writer::new(Vec::new(), WriteOptions::new())?;
/// writer.append(b"first")?;
/// writer.append(b"second")?;
/// let bytes = writer.finish()?;
///
/// let mut reader = Reader::new(&bytes[..])?;
/// for message in &mut reader {
///     println!("{:?}", message?);
/// }
/// assert!(reader.end()?.is_closed());
/// # Ok::<(), flatstream_io::Error>(())
/// ```
pub struct Reader<R> {
    input: Input<R>,
    header: Header,
    decoder: Decoder<Hasher>,
    requires_closed: bool,
    row: Row,
    outcome: Outcome,
}

/// Messages that are verified and lie in the input's block.
struct Row {
    spans: Box<[Span; ROW_LEN]>,
    next: usize,
    count: usize,
    /// Where the row's bytes start in the block.
    offset: usize,
    /// The position of the first message's frame.
    position: u64,
    /// The sequence number of the first message.
    sequence: u64,
}

enum Outcome {
    /// There may be more.
    Reading,
    /// Nothing more comes; behind a stop this is what it came from.
    Ended(End),
    /// Reading stopped; what lies behind is being searched.
    Stopped(Box<StreamTail>),
    /// The stream goes on behind damage.
    Damaged { tail: Box<StreamTail>, error: Error, is_told: bool },
    /// It can't be read on for a reason that says nothing of how it ends.
    Failed { error: Error, is_told: bool },
    /// It ended, but not as the options require.
    NotClosed { end: End, error: Error, is_told: bool },
}

impl<R: Read> Reader<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// By [kind](crate::ErrorKind): `NotAStream`, `Incomplete` (the data end inside the header: an open, empty stream),
    /// `Damaged`, `Unsupported` (a later version; a checksum whose feature is off), `Io`.
    pub fn new(source: R) -> Result<Self> {
        Self::with_options(source, ReadOptions::new())
    }

    /// Reads the header, with options.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_options(source: R, options: ReadOptions) -> Result<Self> {
        Opening::new(source, options).open()
    }

    pub(crate) fn from_parts(input: Input<R>, header: Header, decoder: Decoder<Hasher>, requires_closed: bool) -> Self {
        let (position, sequence) = (decoder.position(), decoder.sequence());
        let spans = Box::new([Span::default(); ROW_LEN]);
        let row = Row { spans, next: 0, count: 0, offset: 0, position, sequence };
        Self { input, header, decoder, requires_closed, row, outcome: Outcome::Reading }
    }

    /// The stream's header.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The stream's identity; `None` until its first sync frame was read, which is with the first message.
    #[must_use]
    pub fn stream_id(&self) -> Option<u64> {
        self.decoder.last_sync().map(|sync| sync.stream_id)
    }

    /// The next message, lent until the next call, or `None` behind the last. It allocates nothing, unless a message
    /// is larger than a block (256 KiB).
    ///
    /// ```
    /// # use flatstream_io::{Reader, WriteOptions, Writer};
    /// # let mut writer = Writer::new(Vec::new(), WriteOptions::new())?;
    /// # writer.append(b"hello")?;
    /// # let bytes = writer.finish()?;
    /// let mut reader = Reader::new(&bytes[..])?;
    /// while let Some(message) = reader.next_message()? {
    ///     assert_eq!(message, b"hello");
    /// }
    /// # Ok::<(), flatstream_io::Error>(())
    /// ```
    ///
    /// # Errors
    /// Of the kind `Damaged` where the stream is, `Unsupported` at a frame that must be understood and isn't, `Limit`
    /// at a message beyond [`max_message_len`](ReadOptions::max_message_len), `NotClosed` if that was required, `Io`.
    /// All are given again by the next call, except that after a [retryable](Error::is_retryable) one it goes on.
    #[inline]
    pub fn next_message(&mut self) -> Result<Option<&[u8]>> {
        if self.row.next == self.row.count && !self.fill_row()? {
            return Ok(None);
        }
        let (offset, len) = self.row.take();
        Ok(self.input.block().get(offset..offset + len))
    }

    /// The same, owned.
    #[inline]
    fn next_owned(&mut self) -> Result<Option<Message>> {
        if self.row.next == self.row.count && !self.fill_row()? {
            return Ok(None);
        }
        let sequence = self.row.sequence + self.row.next as u64;
        let (offset, len) = self.row.take();
        let position = self.row.position + (offset - self.row.offset) as u64 - HEAD_LEN;
        let block = Arc::clone(self.input.block());
        Ok(Some(Message::new(block, offset..offset + len, position, Some(sequence))))
    }

    /// Where the next message's frame, or a sync frame before it, starts, in bytes from the start of the stream.
    /// Behind the last message: where the good data end.
    #[must_use]
    pub fn position(&self) -> u64 {
        match self.row.spans.get(self.row.next) {
            Some(span) if self.row.next < self.row.count => self.row.position + u64::from(span.offset) - HEAD_LEN,
            _ => self.decoder.position(),
        }
    }

    /// How many messages were handed out: the sequence number of the next.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.row.sequence + self.row.next as u64
    }

    /// How the stream ended, once the last message, or an error for damage, was given.
    ///
    /// Behind damage it reads the rest of the source, because only that tells *scattered* from *corrupt*.
    ///
    /// ```
    /// use flatstream_io::{EndState, Reader, WriteOptions, Writer};
    ///
    /// let mut writer = Writer::new(Vec::new(), WriteOptions::new())?;
    /// writer.append(b"whole")?;
    /// writer.append(b"torn")?;
    /// let bytes = writer.finish()?;
    ///
    /// let mut reader = Reader::new(&bytes[..bytes.len() - 70])?; // the last message is cut
    /// assert_eq!(reader.by_ref().count(), 1);
    /// let end = reader.end()?;
    /// assert_eq!(end.state, EndState::Torn);
    /// println!("{end}"); // torn at position 168, 10 bytes behind not understood
    /// # Ok::<(), flatstream_io::Error>(())
    /// ```
    ///
    /// # Errors
    /// Of the kind `Usage` while messages may be left; the error again that ended reading, where that wasn't damage.
    pub fn end(&mut self) -> Result<End> {
        match &mut self.outcome {
            Outcome::Ended(end) | Outcome::NotClosed { end, .. } => Ok(*end),
            Outcome::Failed { error, .. } => Err(error.clone()),
            Outcome::Damaged { tail, .. } => {
                let position = self.decoder.position();
                tail.find_end(&mut self.input, self.decoder.hasher()).map_err(|error| Error::read(error, position))?;
                Ok(tail.search().end())
            }
            Outcome::Reading | Outcome::Stopped(_) => {
                Err(Error::usage("how the stream ended is known only behind its last message"))
            }
        }
    }

    /// Verifies the next messages that are there, reading more only if there is none; `false` at the end.
    #[cold]
    fn fill_row(&mut self) -> Result<bool> {
        loop {
            match &mut self.outcome {
                Outcome::Reading => {}
                Outcome::Stopped(_) => self.decide()?,
                Outcome::Ended(_) => return Ok(false),
                Outcome::Damaged { error, is_told, .. }
                | Outcome::Failed { error, is_told }
                | Outcome::NotClosed { error, is_told, .. } => {
                    *is_told = true;
                    return Err(error.clone());
                }
            }
            if matches!(self.outcome, Outcome::Reading) && self.decode_row()? {
                return Ok(true);
            }
        }
    }

    /// `true` if there is a row; `false` if there isn't yet, or if the outcome has changed.
    fn decode_row(&mut self) -> Result<bool> {
        self.row.next = 0;
        self.row.count = 0;
        self.row.offset = self.input.offset();
        self.row.position = self.decoder.position();
        self.row.sequence = self.decoder.sequence();
        let (count, used) = self.decoder.messages(self.input.data(), &mut *self.row.spans);
        self.input.use_up(used);
        self.row.count = count;
        if count > 0 {
            return Ok(true);
        }
        let before = self.decoder.position();
        match self.decoder.decode(self.input.data()) {
            Ok(Decoded::NeedMore(need)) => self.read_more(need)?,
            Ok(decoded) => {
                // A row takes every message, unless a private hasher answers differently when asked again.
                if let Decoded::Message(message) = decoded {
                    self.row.spans[0] = Span { offset: HEAD_LEN as u32, len: message.body().len() as u32 };
                    self.row.count = 1;
                }
                self.input.use_up((self.decoder.position() - before) as usize);
                return Ok(self.row.count > 0);
            }
            Err(stop) => self.stop(stop, false),
        }
        Ok(false)
    }

    fn read_more(&mut self, need: usize) -> Result<()> {
        let position = self.decoder.position() + self.input.data().len() as u64;
        match self.input.read_more(need) {
            Ok(0) => match self.decoder.at_end_of_data(self.input.data()) {
                Some(stop) => self.stop(stop, true),
                None => self.ended(End::at_boundary(&self.decoder)),
            },
            Ok(_) => {}
            Err(error) => return self.failed(error, position),
        }
        Ok(())
    }

    fn failed(&mut self, error: io::Error, position: u64) -> Result<()> {
        let error = Error::read(error, position);
        if error.is_retryable() {
            return Err(error);
        }
        self.outcome = Outcome::Failed { error, is_told: false };
        Ok(())
    }

    /// `is_at_end`: whether the source has said that nothing more comes.
    fn stop(&mut self, stop: Stop, is_at_end: bool) {
        if !stop.reason.is_decided_by_what_follows() {
            let error = flatstream_format::Error::Frame { stop, evidence: None }.into();
            self.outcome = Outcome::Failed { error, is_told: false };
            return;
        }
        let search = TailSearch::new(&self.decoder, stop);
        self.outcome = Outcome::Stopped(Box::new(StreamTail::new(search, self.input.take_data(), is_at_end)));
    }

    /// Looks behind the stop: damage, or an end?
    fn decide(&mut self) -> Result<()> {
        let Outcome::Stopped(tail) = &mut self.outcome else { return Ok(()) };
        if let Err(error) = tail.find_error(&mut self.input, self.decoder.hasher()) {
            return self.failed(error, self.decoder.position());
        }
        match tail.search().error() {
            None => {
                let end = tail.search().end();
                self.ended(end);
            }
            Some(error @ flatstream_format::Error::Frame { evidence: None, .. }) => {
                self.outcome = Outcome::Failed { error: error.into(), is_told: false };
            }
            Some(error) => {
                if let Outcome::Stopped(tail) = std::mem::replace(&mut self.outcome, Outcome::Reading) {
                    self.outcome = Outcome::Damaged { tail, error: error.into(), is_told: false };
                }
            }
        }
        Ok(())
    }

    fn ended(&mut self, end: End) {
        self.outcome = if self.requires_closed && !end.is_closed() {
            Outcome::NotClosed { end, error: Error::not_closed(end), is_told: false }
        } else {
            Outcome::Ended(end)
        };
    }

    /// Whether an error that ended reading was given already.
    fn is_told(&self) -> bool {
        match &self.outcome {
            Outcome::Damaged { is_told, .. } | Outcome::Failed { is_told, .. } | Outcome::NotClosed { is_told, .. } => {
                *is_told
            }
            Outcome::Reading | Outcome::Ended(_) | Outcome::Stopped(_) => false,
        }
    }
}

const HEAD_LEN: u64 = flatstream_format::layout::frame::HEAD_LEN as u64;

impl Row {
    /// Offset in the block and length of the next message, which has to be there.
    #[inline]
    fn take(&mut self) -> (usize, usize) {
        let span = self.spans[self.next];
        self.next += 1;
        (self.offset + span.offset as usize, span.len as usize)
    }
}

/// Gives owned messages. An error that ends reading comes once, then `None`.
impl<R: Read> Iterator for Reader<R> {
    type Item = Result<Message>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.row.next == self.row.count && self.is_told() {
            return None;
        }
        self.next_owned().transpose()
    }
}

impl<R> fmt::Debug for Reader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("checksum", &self.header.checksum())
            .field("position", &self.decoder.position())
            .finish_non_exhaustive()
    }
}
