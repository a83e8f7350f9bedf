use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

use flatstream_format::layout::frame::HEAD_LEN;
use flatstream_format::{Decoded, Decoder, Dropped, FoundSync, Span, Stop, frame_len};

use crate::cursor::Cursor;
use crate::error::{Error, Result};
use crate::hasher::Hasher;
use crate::input::Input;
use crate::message::Message;
use crate::storage::StorageFile;
use crate::walk::read_exactly;

/// As many messages, and bytes of them, are verified at a time as a `Reader` does.
const ROW_LEN: usize = 256;
const ROW_BYTES: usize = 16 << 10;

/// Reads good frames of a file that others append to.
///
/// ADVICE: what was read is never trusted to be what the file holds now. A good frame is good for ever, but bytes that
/// aren't one may be half of a write, or a tail that a reopening writer replaces. So nothing is said about them before
/// they were read again in the same call.
pub(super) struct Frames {
    file: Arc<File>,
    input: Input<FileFrom>,
    decoder: Decoder<Hasher>,
    row: Row,
    /// Behind the last message of all rows before this one.
    place: Place,
    /// What the sync frames said was durable, at most.
    durable: u64,
    dropped: Dropped,
}

/// Directly behind a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) position: u64,
    pub(super) sequence: u64,
    pub(super) epoch: u32,
}

/// What a call of [`Frames::read`] came to.
#[derive(Debug)]
pub(super) enum Step {
    /// There is a row of messages.
    Messages,
    Sync,
    /// The next frame begins or ends behind the position up to which was to be read.
    AtLimit,
    /// Nothing good follows: the file ends here (`None`), or what lies here isn't a whole, good frame.
    Stopped(Option<Stop>),
    /// The file has only so many bytes, fewer than were read.
    Shorter(u64),
}

/// Messages that are verified and lie in the input's block.
struct Row {
    spans: Box<[Span; ROW_LEN]>,
    next: usize,
    count: usize,
    /// Where the row's bytes start in the block.
    offset: usize,
    /// The position and the sequence number of the first message.
    position: u64,
    sequence: u64,
}

/// A file as a source, from a position on.
#[derive(Debug)]
struct FileFrom {
    file: Arc<File>,
    position: u64,
    /// Nothing from here on is read: bytes below what is known to be durable stay what they are, those behind may not.
    until: u64,
}

impl Read for FileFrom {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = usize::try_from(self.until.saturating_sub(self.position)).unwrap_or(usize::MAX);
        let len = buffer.len().min(room);
        let count = StorageFile::read_at(&*self.file, &mut buffer[..len], self.position)?;
        self.position += count as u64;
        Ok(count)
    }
}

impl Frames {
    /// From where `decoder` is; up to `durable` everything is known to be durable.
    pub(super) fn new(file: Arc<File>, decoder: Decoder<Hasher>, block_size: usize, durable: u64) -> Self {
        let (position, sequence) = (decoder.position(), decoder.sequence());
        let source = FileFrom { file: Arc::clone(&file), position, until: position };
        let row = Row { spans: Box::new([Span::default(); ROW_LEN]), next: 0, count: 0, offset: 0, position, sequence };
        let place = Place { position, sequence, epoch: decoder.last_sync().map_or(0, |sync| sync.epoch) };
        let input = Input::new(source, block_size);
        Self { file, input, decoder, row, place, durable, dropped: Dropped::default() }
    }

    /// From behind a sync frame.
    pub(super) fn behind(file: Arc<File>, mut decoder: Decoder<Hasher>, block_size: usize, found: &FoundSync) -> Self {
        decoder.resume_behind(found);
        Self::new(file, decoder, block_size, found.sync.durable)
    }

    pub(super) fn file(&self) -> &Arc<File> {
        &self.file
    }

    pub(super) fn decoder(&self) -> &Decoder<Hasher> {
        &self.decoder
    }

    pub(super) fn position(&self) -> u64 {
        self.decoder.position()
    }

    pub(super) fn durable(&self) -> u64 {
        self.durable
    }

    pub(super) fn dropped(&self) -> Dropped {
        self.dropped
    }

    /// The sequence number of the next message of the row.
    pub(super) fn sequence(&self) -> u64 {
        self.row.sequence + self.row.next as u64
    }

    pub(super) fn has_row(&self) -> bool {
        self.row.next < self.row.count
    }

    /// The next message of the row, which has one.
    pub(super) fn take(&mut self) -> &[u8] {
        let (offset, len) = self.row.take();
        self.input.block().get(offset..offset + len).unwrap_or_default()
    }

    /// The same, owned.
    pub(super) fn take_owned(&mut self) -> Message {
        let sequence = self.sequence();
        let (offset, len) = self.row.take();
        let position = self.row.position + (offset - self.row.offset - HEAD_LEN) as u64;
        Message::new(self.input.block_mut().share(offset..offset + len), position, Some(sequence))
    }

    /// Lets go of messages of the row that come before this sequence number.
    pub(super) fn skip_below(&mut self, sequence: u64) {
        let wanted = sequence.saturating_sub(self.row.sequence).min(self.row.count as u64);
        self.row.next = self.row.next.max(wanted as usize);
    }

    /// Directly behind the last message that was taken or skipped.
    pub(super) fn place(&self) -> Place {
        match self.row.next.checked_sub(1).and_then(|last| self.row.spans.get(last)) {
            Some(span) => {
                let head = u64::from(span.offset) - HEAD_LEN as u64;
                let position = self.row.position + head + frame_len(span.len);
                // Rows lie between sync frames.
                let epoch = self.decoder.last_sync().map_or(0, |sync| sync.epoch);
                Place { position, sequence: self.sequence(), epoch }
            }
            None => self.place,
        }
    }

    /// The same for others, once the stream's identity is known.
    pub(super) fn cursor(&self) -> Option<Cursor> {
        let Place { position, sequence, epoch } = self.place();
        self.decoder.last_sync().map(|sync| Cursor::new(sync.stream_id, epoch, sequence, position))
    }

    /// Reads on, up to a position. The row's messages are all taken.
    pub(super) fn read(&mut self, until: u64) -> Result<Step> {
        self.place = self.place();
        self.input.source_mut().until = until;
        // Whether all that is held was read in this call.
        let mut is_read_now = false;
        loop {
            let stop = match self.decode(until)? {
                Next::Step(step) => return Ok(step),
                Next::Skipped => {
                    is_read_now = false;
                    continue;
                }
                Next::Wrong(stop) => Some(stop),
                Next::NeedMore(need) => {
                    let is_empty = self.input.data().is_empty();
                    match self.read_more(need)? {
                        More::Read => {
                            is_read_now |= is_empty;
                            continue;
                        }
                        More::Shorter(size) => return Ok(Step::Shorter(size)),
                        More::Nothing if is_empty => return Ok(Step::Stopped(None)),
                        More::Nothing => self.decoder.at_end_of_data(self.input.data()),
                    }
                }
            };
            if is_read_now {
                return Ok(Step::Stopped(stop));
            }
            self.forget();
            is_read_now = true;
        }
    }

    /// Decodes what is held, up to a position: a row of messages, or one frame.
    fn decode(&mut self, until: u64) -> Result<Next> {
        let before = self.decoder.position();
        let room = until.saturating_sub(before);
        let readable = room.min(self.input.data().len() as u64) as usize;
        self.row.start(self.input.offset(), before, self.decoder.sequence());
        if self.decode_row(readable.min(ROW_BYTES)) {
            return Ok(Next::Step(Step::Messages));
        }
        let next = match self.decoder.decode(&self.input.data()[..readable]) {
            Ok(Decoded::NeedMore(_)) if readable as u64 == room => return Ok(Next::Step(Step::AtLimit)),
            Ok(Decoded::NeedMore(need)) => return Ok(Next::NeedMore(need)),
            // Longer than a row.
            Ok(Decoded::Message(message)) => {
                self.row.take_in(&message);
                Next::Step(Step::Messages)
            }
            Ok(Decoded::Sync(sync)) => {
                self.durable = self.durable.max(sync.durable);
                Next::Step(Step::Sync)
            }
            Ok(Decoded::Control { body, .. }) => {
                self.dropped = self.dropped.plus(Dropped::from_body(body).unwrap_or_default());
                Next::Skipped
            }
            Ok(_) => Next::Skipped,
            // A kind of frame that must be understood; its check holds.
            Err(stop) if !stop.reason.is_decided_by_what_follows() => {
                return Err(flatstream_format::Error::Frame { stop, evidence: None }.into());
            }
            Err(stop) => return Ok(Next::Wrong(stop)),
        };
        self.input.use_up((self.decoder.position() - before) as usize);
        Ok(next)
    }

    fn decode_row(&mut self, readable: usize) -> bool {
        let data = &self.input.data()[..readable];
        let (count, used) = self.decoder.messages(data, &mut *self.row.spans);
        self.row.count = count;
        self.input.use_up(used);
        count > 0
    }

    /// What isn't decoded is read again, from the next frame on.
    fn forget(&mut self) {
        self.input.forget();
        self.input.source_mut().position = self.decoder.position();
    }

    /// Reads if more is there. Of a frame that isn't whole no more is read than its beginning: so memory grows by what
    /// can be handed out.
    fn read_more(&mut self, need: usize) -> Result<More> {
        let position = self.decoder.position();
        let held = self.input.data().len();
        let failed = |error| Error::read(error, position + held as u64);
        let size = StorageFile::size(&*self.file).map_err(failed)?;
        if size < position {
            return Ok(More::Shorter(size));
        }
        let available = size - position;
        if available <= held as u64 || (held >= HEAD_LEN && available < need as u64) {
            return Ok(More::Nothing);
        }
        let head = self.input.data()[..held.min(HEAD_LEN)].to_vec();
        let count = self.input.read_more(need).map_err(failed)?;
        // A reopening writer begins with the head. If that is still there, what was read behind it is of the same frame
        // as what was held; otherwise the two together would be half old, half new.
        if !head.is_empty() && read_exactly(&*self.file, position, head.len() as u64)? != head {
            self.forget();
        }
        Ok(if count > 0 { More::Read } else { More::Nothing })
    }
}

/// What is held begins with this.
enum Next {
    Step(Step),
    /// A control frame of no interest.
    Skipped,
    NeedMore(usize),
    Wrong(Stop),
}

enum More {
    Read,
    Nothing,
    Shorter(u64),
}

impl Row {
    fn start(&mut self, offset: usize, position: u64, sequence: u64) {
        (self.next, self.count) = (0, 0);
        (self.offset, self.position, self.sequence) = (offset, position, sequence);
    }

    fn take_in(&mut self, message: &[u8]) {
        self.spans[0] = Span { offset: HEAD_LEN as u32, len: message.len() as u32 };
        self.count = 1;
    }

    /// Offset in the block and length of the next message, which has to be there.
    fn take(&mut self) -> (usize, usize) {
        let span = self.spans[self.next];
        self.next += 1;
        (self.offset + span.offset as usize, span.len as usize)
    }
}
