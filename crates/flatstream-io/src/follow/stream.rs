use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use flatstream_format::{Decoder, Dropped, End, Header, Stop, TailSearch};

use super::doubt::{Case, Doubt, Verdict};
use super::frames::{Frames, Place, Step};
use super::is_at;
use super::options::{FollowOptions, Start};
use super::start::Opened;
use crate::cursor::Cursor;
use crate::error::{Error, Result};
use crate::input::Input;
use crate::message::Message;
use crate::storage::FileSource;
use crate::stream_tail::StreamTail;

const BLOCK: usize = 256 << 10;

/// A stream that is followed, from its header on.
pub(super) struct Stream {
    header: Header,
    frames: Frames,
    /// Reads ahead of `frames` to where it is known what is durable, if only that is handed out.
    scout: Option<Frames>,
    /// Messages before this one aren't handed out.
    skip_below: u64,
    doubt: Option<Doubt>,
    /// Where the scout stopped for good when another was sent.
    sent_again_for: Option<u64>,
    /// Whether the file has lost its name.
    is_replaced: bool,
}

/// What there is for the moment.
#[derive(Debug)]
pub(super) enum Look {
    Message,
    Waiting,
    Ended(End),
}

impl Stream {
    pub(super) fn begin(file: &Arc<File>, header: Header, start: Start, options: &FollowOptions) -> Result<Self> {
        let hasher = options.reading.build_hasher(header.checksum())?;
        let decoder = Decoder::new(header.essentials(), options.reading.message_limit(), hasher);
        let block_size = options.reading.chosen_block_size();
        let opened = Opened { file, essentials: header.essentials(), decoder, block_size };
        let (frames, skip_below) = opened.begin(start)?;
        let mut stream =
            Self { header, frames, scout: None, skip_below, doubt: None, sent_again_for: None, is_replaced: false };
        if options.durable_only {
            stream.send_scout(options);
        }
        Ok(stream)
    }

    pub(super) fn header(&self) -> &Header {
        &self.header
    }

    pub(super) fn has_message(&self) -> bool {
        self.frames.has_row()
    }

    pub(super) fn take(&mut self) -> &[u8] {
        self.frames.take()
    }

    pub(super) fn take_owned(&mut self) -> Message {
        self.frames.take_owned()
    }

    pub(super) fn place(&self) -> Place {
        self.frames.place()
    }

    pub(super) fn cursor(&self) -> Option<Cursor> {
        self.frames.cursor()
    }

    pub(super) fn dropped(&self) -> Dropped {
        self.frames.dropped()
    }

    pub(super) fn durable(&self) -> u64 {
        self.front().durable()
    }

    /// How the stream is closed, if that is the last thing that was read of it, and all before it is handed out.
    pub(super) fn closed(&self) -> Option<End> {
        let is_closed = self.front().decoder().is_closed() && !self.has_message();
        is_closed.then(|| self.end_here())
    }

    fn end_here(&self) -> End {
        End::at_boundary(self.front().decoder())
    }

    pub(super) fn note_all_durable(&mut self) {
        self.scout = None;
    }

    /// Who has read furthest.
    fn front(&self) -> &Frames {
        self.scout.as_ref().unwrap_or(&self.frames)
    }

    /// Reads on. The messages that were there are all taken.
    pub(super) fn look(&mut self, path: &Path, options: &FollowOptions) -> Result<Look> {
        loop {
            match self.read(options)? {
                Found::Message => return Ok(Look::Message),
                Found::Closed => return Ok(Look::Ended(self.end_here())),
                Found::Nothing(stop) if self.is_replaced => return self.end_for_good(stop).map(Look::Ended),
                Found::Nothing(_) if is_at(self.front().file(), path)? => return Ok(Look::Waiting),
                // Nobody writes to this file any more. But somebody may have, before it lost its name.
                Found::Nothing(_) => self.is_replaced = true,
            }
        }
    }

    fn read(&mut self, options: &FollowOptions) -> Result<Found> {
        loop {
            let until = self.scout.as_ref().map_or(u64::MAX, Frames::durable);
            let found = match self.frames.read(until)? {
                Step::Messages => {
                    self.frames.skip_below(self.skip_below);
                    self.frames.has_row().then_some(Found::Message)
                }
                Step::Sync => None,
                Step::AtLimit => self.scout_ahead(options)?,
                Step::Stopped(_) if self.scout.is_none() && self.is_over(options) => Some(Found::Closed),
                Step::Stopped(stop) => self.judge(stop, options, |stream| &stream.frames)?,
                Step::Shorter(size) => return Err(self.cut_to(size)),
            };
            if let Some(found) = found {
                return Ok(found);
            }
        }
    }

    /// Reads ahead until more is known to be durable, which is `None`.
    fn scout_ahead(&mut self, options: &FollowOptions) -> Result<Option<Found>> {
        loop {
            let known = self.frames.position();
            let Some(scout) = &mut self.scout else { return Ok(Some(Found::Nothing(None))) };
            match scout.read(u64::MAX)? {
                Step::Messages => scout.skip_below(u64::MAX),
                Step::Sync if scout.durable() > known => return Ok(None),
                Step::Sync | Step::AtLimit => {}
                Step::Stopped(_) if self.is_over(options) => return Ok(Some(Found::Closed)),
                Step::Stopped(stop) => {
                    let position = self.front().position();
                    match self.judge(stop, options, Self::front) {
                        Ok(None) => {}
                        // What nobody promised to keep may have been cut, and the stream gone on differently.
                        Err(_) if position > known && self.sent_again_for != Some(position) => {
                            self.sent_again_for = Some(position);
                            self.send_scout(options);
                        }
                        judged => return judged,
                    }
                }
                Step::Shorter(size) if size >= known => self.send_scout(options),
                Step::Shorter(size) => return Err(self.cut_to(size)),
            }
        }
    }

    /// A scout that begins where messages were handed out.
    fn send_scout(&mut self, options: &FollowOptions) {
        let block_size = options.reading.chosen_block_size();
        let file = Arc::clone(self.frames.file());
        self.scout = Some(Frames::new(file, self.frames.decoder().clone(), block_size, self.durable()));
    }

    /// Whether the writer has closed the stream, and nobody reopened it.
    fn is_over(&self, options: &FollowOptions) -> bool {
        self.front().decoder().is_closed() && !options.reopening
    }

    /// What reading has stopped at; `None` if it is to be read again.
    fn judge(
        &mut self,
        stop: Option<Stop>,
        options: &FollowOptions,
        reader: impl Fn(&Self) -> &Frames,
    ) -> Result<Option<Found>> {
        let Some(stop) = stop else { return Ok(Some(Found::Nothing(None))) };
        let mut doubt = self.doubt.take();
        let case = Case {
            frames: reader(self),
            stop: stop.clone(),
            essentials: self.header.essentials(),
            patience: options.patience,
            place: self.place(),
        };
        let verdict = Doubt::judge(&mut doubt, &case);
        self.doubt = doubt;
        match verdict? {
            Verdict::Wait => Ok(Some(Found::Nothing(Some(stop)))),
            Verdict::ReadAgain => Ok(None),
            Verdict::Proved(error) => Err(error),
        }
    }

    fn cut_to(&self, size: u64) -> Error {
        let Place { position, sequence, .. } = self.place();
        Error::gone(sequence, position, format!("the file was cut to {size} bytes"))
    }

    /// How the stream ended, now that nothing follows.
    fn end_for_good(&self, stop: Option<Stop>) -> Result<End> {
        let front = self.front();
        let Some(stop) = stop else { return Ok(End::at_boundary(front.decoder())) };
        let mut tail = StreamTail::new(TailSearch::new(front.decoder(), stop), false);
        let mut input = Input::new(FileSource::new(&**front.file(), front.position()), BLOCK);
        tail.search_all(&mut input, front.decoder().hasher()).map_err(|error| Error::read(error, front.position()))?;
        match tail.search().error() {
            Some(error) => Err(error.into()),
            None => Ok(tail.search().end()),
        }
    }
}

/// What reading on came to.
enum Found {
    Message,
    /// The writer finished.
    Closed,
    /// No more for now; a stop says what lies there.
    Nothing(Option<Stop>),
}
