use std::fmt;
use std::io::{Read, Seek};

use flatstream_format::layout::{ALIGNMENT, sync};
use flatstream_format::limits::SEEK_READ_MAX;
use flatstream_format::{Decoder, FoundSync};

use crate::error::Result;
use crate::hasher::Hasher;
use crate::message::Message;
use crate::reader::Reader;
use crate::seek::{Start, last_sync};
use crate::seek_source::SeekSource;

/// So many bytes of messages are held, if sync frames lie further apart.
const PIECE: u64 = 1 << 20;

/// The messages of a stream from the last to the first: made by [`Reader::backwards`].
///
/// Frames can only be read forward, so it goes back from sync frame to sync frame and reads what lies between; it holds
/// as much. Where they lie more than 1 MiB apart, that is read twice, in pieces of 1 MiB, so that no more is held (but
/// for what a recovering reader finds behind damage).
///
/// A strict reader ends with an error at the part with damage, of which no message is given; a recovering one gives
/// what it gives forward.
pub struct Backwards<'r, R> {
    reader: &'r mut Reader<R>,
    steps: BackwardSteps,
}

/// The same without its reader, which has to be the same at each step, and isn't used otherwise meanwhile. For
/// flatstream-log, which goes from reader to reader.
#[doc(hidden)]
pub struct BackwardSteps {
    before: Before,
    /// The stream is taken to end before the message with this number.
    until: u64,
    /// Where pieces of the current part begin that come before the one that is held.
    pieces: Vec<Decoder<Hasher>>,
    held: Vec<Message>,
    held_from: u64,
}

/// Which part is read next.
#[derive(Clone, Copy, Debug)]
enum Before {
    End,
    Sync(FoundSync),
    /// None: the first message was read, or an error given.
    Start,
}

impl<R: Read + Seek> Reader<R> {
    /// The messages from the last to the first, as far as the source goes now. Afterwards the reader may stand
    /// anywhere.
    ///
    /// ```
    /// use std::io::Cursor;
    ///
    /// use flatstream_io::{Reader, WriteOptions, Writer};
    ///
    /// let mut writer = Writer::new(Vec::new(), WriteOptions::new())?;
    /// for message in ["first", "second", "third"] {
    ///     writer.append(message.as_bytes())?;
    /// }
    /// let mut reader = Reader::new(Cursor::new(writer.finish()?))?;
    /// let last = reader.backwards().next().unwrap()?;
    /// assert_eq!(&last[..], b"third");
    /// # Ok::<(), flatstream_io::Error>(())
    /// ```
    ///
    #[must_use]
    pub fn backwards(&mut self) -> Backwards<'_, R> {
        Backwards { reader: self, steps: BackwardSteps::before(u64::MAX) }
    }
}

impl BackwardSteps {
    /// Of all messages before this number.
    #[must_use]
    pub fn before(until: u64) -> Self {
        Self { before: Before::End, until, pieces: Vec::new(), held: Vec::new(), held_from: 0 }
    }

    /// The next message to the front. An error comes once, then `None`.
    pub fn next<R: Read + Seek>(&mut self, reader: &mut Reader<R>) -> Option<Result<Message>> {
        while self.held.is_empty() {
            match self.read_before(reader) {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    self.held.clear();
                    self.pieces.clear();
                    self.before = Before::Start;
                    return Some(Err(error));
                }
            }
        }
        self.held.pop().map(Ok)
    }

    /// Reads the part or the piece before what was held; `false` if there is none.
    fn read_before<R: Read + Seek>(&mut self, reader: &mut Reader<R>) -> Result<bool> {
        if let Some(piece) = self.pieces.pop() {
            reader.seek(|_, _| Ok(piece))?;
            self.read_up_to(reader, self.held_from)?;
            return Ok(true);
        }
        let before = std::mem::replace(&mut self.before, Before::Start);
        let (mut begin, mut until) = (None, u64::MAX);
        match before {
            Before::End => reader.seek(|source, start| {
                begin = last_sync(source, start)?;
                Ok(start.behind(begin.as_ref()))
            })?,
            Before::Sync(border) => reader.seek(|source, start| {
                until = border.position;
                begin = sync_before(source, start, &border)?;
                Ok(start.behind(begin.as_ref()))
            })?,
            Before::Start => return Ok(false),
        };
        self.read_up_to(reader, until)?;
        self.before = begin.map_or(Before::Start, Before::Sync);
        Ok(true)
    }

    /// Reads from where the reader stands; the last piece of it is then held.
    fn read_up_to<R: Read + Seek>(&mut self, reader: &mut Reader<R>, end: u64) -> Result<()> {
        let mut piece = reader.decoder().clone();
        loop {
            let is_long = Reader::position(reader).saturating_sub(piece.position()) > PIECE;
            let next_piece = if is_long { reader.place_between_rows() } else { None };
            if reader.sequence() >= self.until || reader.peek()?.is_none() || Reader::position(reader) >= end {
                break;
            }
            if let Some(next) = next_piece {
                self.held.clear();
                self.pieces.push(std::mem::replace(&mut piece, next));
            }
            if let Some(message) = reader.next().transpose()? {
                self.held.push(message);
            }
        }
        self.held_from = piece.position();
        Ok(())
    }
}

/// The last sync frame of the stream before another one; `None` if that is the first.
fn sync_before<R: Read + Seek>(
    source: &mut SeekSource<'_, R>,
    start: &Start,
    border: &FoundSync,
) -> Result<Option<FoundSync>> {
    const STEP: u64 = (SEEK_READ_MAX - sync::FRAME_LEN_MAX) as u64;
    let is_wanted = |found: &FoundSync| {
        let (of, sync) = (&border.sync, &found.sync);
        found.is_in_place()
            && found.position < border.position
            && (sync.stream_id, sync.header_check, sync.checksum_id) == (of.stream_id, of.header_check, of.checksum_id)
            && sync.epoch <= of.epoch
            && sync.sequence <= of.sequence
    };
    let begin = start.behind(None).position();
    let mut end = border.position;
    while end > begin {
        let from = end.saturating_sub(STEP).max(begin);
        // A frame that starts before `end` may reach beyond it.
        let data = source.data_at(from, (end - from) as usize + sync::FRAME_LEN_MAX)?;
        let places = (0..(end - from) as usize).step_by(ALIGNMENT).rev();
        let mut syncs = places.filter_map(|at| FoundSync::at_start_of(data.get(at..)?, from + at as u64));
        if let Some(found) = syncs.find(is_wanted) {
            return Ok(Some(found));
        }
        end = from;
    }
    Ok(None)
}

/// An error comes once, then `None`.
impl<R: Read + Seek> Iterator for Backwards<'_, R> {
    type Item = Result<Message>;

    fn next(&mut self) -> Option<Self::Item> {
        self.steps.next(self.reader)
    }
}

impl<R> fmt::Debug for Backwards<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backwards").field("held_from", &self.steps.held_from).finish_non_exhaustive()
    }
}
