use std::collections::VecDeque;
use std::fmt;
use std::io::Read;

use flatstream_format::{Sync, TIME_NONE};

use crate::error::{Error, Result};
use crate::message::Message;
use crate::reader::Reader;

/// So many messages between two sync frames are held at most, and so many of their bytes; beyond, all of them get the
/// time of the sync frame before.
const HELD_MAX: usize = 1 << 18;
const HELD_BYTES_MAX: usize = 32 << 20;

/// Messages with the times of the sync frames around them: [`Replay::by_sync_times`](super::Replay::by_sync_times).
///
/// The messages between two sync frames with the times a and b are spread evenly, by their count: of four, the first is
/// at a, the second a quarter of the way to b, and so on. So that is as exact as the sync frames are close in time.
///
/// Where there is no b, all of them are at a: behind the last sync frame; where the writer died and the stream was
/// reopened later (nobody knows when the last of them came, and it wasn't the time of the reopening); where b is less,
/// which is another clock; and where more than 262,144 messages or 32 MiB lie between the two, because they have to be
/// held until b is known. A stream with [`sync_interval`](crate::WriteOptions::sync_interval) 0 needs
/// [`sync_every`](crate::WriteOptions::sync_every) to be replayed so. Without an a there are no times
/// ([`TIME_NONE`]).
pub struct BySyncTimes<R> {
    reader: Reader<R>,
    /// The time of the sync frame before those that are held.
    from: i64,
    held: Vec<Message>,
    held_bytes: usize,
    /// Whether too many lie behind that sync frame to be held.
    is_beyond_bounds: bool,
    /// Those whose times are known.
    ready: VecDeque<(i64, Message)>,
    /// What comes behind them.
    error: Option<Error>,
}

impl<R: Read> BySyncTimes<R> {
    pub(super) fn new(mut reader: Reader<R>) -> Self {
        // The reader may stand in the middle of a stream.
        let from = reader.last_sync().map_or(TIME_NONE, |sync| sync.time);
        reader.take_passed_sync();
        Self {
            reader,
            from,
            held: Vec::new(),
            held_bytes: 0,
            is_beyond_bounds: false,
            ready: VecDeque::new(),
            error: None,
        }
    }

    /// The reader; it is ahead of what was handed out by up to the messages between two sync frames.
    #[must_use]
    pub fn get_ref(&self) -> &Reader<R> {
        &self.reader
    }

    /// The reader. Messages that it gave and that weren't handed out are lost, unless the last was.
    #[must_use]
    pub fn into_inner(self) -> Reader<R> {
        self.reader
    }

    fn take_in(&mut self, message: Message) {
        // Messages that were salvaged from damage have no sequence, and the reader has passed the sync frame behind
        // them already.
        let passed = if message.sequence().is_some() { self.reader.take_passed_sync() } else { None };
        if passed.is_some() {
            self.release(passed);
            self.from = self.reader.last_sync().map_or(TIME_NONE, |sync| sync.time);
            self.is_beyond_bounds = false;
        }
        self.held_bytes = self.held_bytes.saturating_add(message.len());
        self.held.push(message);
        self.is_beyond_bounds |= self.held.len() > HELD_MAX || self.held_bytes > HELD_BYTES_MAX;
        if self.is_beyond_bounds {
            self.release(None);
        }
    }

    /// Gives those that are held their times, with the first sync frame behind them, if there is one.
    fn release(&mut self, behind: Option<Sync>) {
        let from = self.from;
        let to = match behind {
            Some(sync) if from != TIME_NONE && !sync.flags.is_resumed() => sync.time.max(from),
            _ => from,
        };
        let (span, count) = (u128::from(to.abs_diff(from)), self.held.len() as u128);
        let spread = (0u128..).zip(self.held.drain(..)).map(|(nth, message)| {
            // Less than the span, so that this is exact.
            (from.wrapping_add_unsigned((span * nth / count) as u64), message)
        });
        self.ready.extend(spread);
        self.held_bytes = 0;
    }
}

impl<R: Read> Iterator for BySyncTimes<R> {
    type Item = Result<(i64, Message)>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(timed) = self.ready.pop_front() {
                return Some(Ok(timed));
            }
            if let Some(error) = self.error.take() {
                return Some(Err(error));
            }
            match self.reader.next() {
                Some(Ok(message)) => self.take_in(message),
                // The reader goes on where it was, and so does this.
                Some(Err(error)) if error.is_retryable() => return Some(Err(error)),
                Some(Err(error)) => {
                    self.release(None);
                    self.error = Some(error);
                }
                None => {
                    let passed = self.reader.take_passed_sync();
                    self.release(passed);
                    if self.ready.is_empty() {
                        return None;
                    }
                }
            }
        }
    }
}

impl<R> fmt::Debug for BySyncTimes<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BySyncTimes")
            .field("reader", &self.reader)
            .field("from", &self.from)
            .field("held", &self.held.len())
            .field("ready", &self.ready.len())
            .finish_non_exhaustive()
    }
}
