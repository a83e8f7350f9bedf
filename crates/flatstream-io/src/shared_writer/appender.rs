use flatstream_format::{Dropped, Header};

use crate::durable::Durable;
use crate::error::{Error, Result};
use crate::policy::Need;
use crate::writer::{CANNOT_SYNC, Writer};

/// What a [`SharedWriter`](crate::SharedWriter)'s thread writes through: a [`Writer`], or what keeps several streams
/// behind one, such as the log of `flatstream-log`.
///
/// Messages are counted as its own: sequence numbers go up by one with each append, whatever stream a message lies in.
/// After an error of any call but [`begin`](Self::begin) the thread makes no other one, and drops it.
pub trait Appender {
    /// What is left when it is finished. It is dropped when nobody waits any more.
    type Sink;

    /// Called once, first, by the thread that makes the `SharedWriter`: from here on only [`tick`](Self::tick) has to
    /// keep the policies, since the thread calls it behind all that it appends at a time.
    ///
    /// # Errors
    /// Of the kind `Usage` if it can't be synced.
    fn begin(&mut self) -> Result<()>;

    /// The header of the stream, or of the stream that is written now.
    fn header(&self) -> &Header;

    /// The identity of the stream, or of the stream that is written now.
    fn stream_id(&self) -> u64;

    /// The sequence number of the next message.
    fn sequence(&self) -> u64;

    /// How many messages are durable, if all are; `None` if it isn't known of all.
    fn durable_sequence(&self) -> Option<u64>;

    /// How many bytes its sink has taken: said if the sink panics.
    fn taken(&self) -> u64;

    /// Appends a message, which isn't empty and not longer than the header's limit; returns its sequence number.
    ///
    /// # Errors
    /// It can't go on.
    fn append(&mut self, message: &[u8]) -> Result<u64>;

    /// Notes that messages were lost here.
    ///
    /// # Errors
    /// It can't go on.
    fn note_dropped(&mut self, dropped: Dropped) -> Result<()>;

    /// Hands everything to the sink.
    ///
    /// # Errors
    /// It can't go on.
    fn flush(&mut self) -> Result<()>;

    /// Makes everything durable; returns how many messages are.
    ///
    /// # Errors
    /// It can't go on.
    fn sync(&mut self) -> Result<u64>;

    /// Does what the policies ask for by now.
    ///
    /// # Errors
    /// It can't go on.
    fn tick(&mut self) -> Result<()>;

    /// When the thread has to append what came, and to call [`tick`](Self::tick), if nobody waits for it.
    fn next_need(&self) -> Need;

    /// Whether the policies alone make messages durable sooner or later: then they are when the last `SharedWriter` is
    /// dropped.
    fn syncs_by_itself(&self) -> bool;

    /// Makes everything durable and marks the end.
    ///
    /// # Errors
    /// It may not be durable, or not be marked.
    fn finish(self) -> Result<Self::Sink>;
}

impl<W: Durable> Appender for Writer<W> {
    type Sink = W;

    fn begin(&mut self) -> Result<()> {
        if !self.can_sync() {
            return Err(Error::usage(CANNOT_SYNC));
        }
        self.leave_policies_to_tick();
        Ok(())
    }

    fn header(&self) -> &Header {
        self.header()
    }

    fn stream_id(&self) -> u64 {
        self.stream_id()
    }

    fn sequence(&self) -> u64 {
        self.sequence()
    }

    fn durable_sequence(&self) -> Option<u64> {
        self.durable_sequence()
    }

    fn taken(&self) -> u64 {
        self.taken()
    }

    fn append(&mut self, message: &[u8]) -> Result<u64> {
        self.append(message)
    }

    fn note_dropped(&mut self, dropped: Dropped) -> Result<()> {
        self.note_dropped(dropped)
    }

    fn flush(&mut self) -> Result<()> {
        self.flush()
    }

    fn sync(&mut self) -> Result<u64> {
        self.sync()
    }

    fn tick(&mut self) -> Result<()> {
        self.tick()
    }

    fn next_need(&self) -> Need {
        self.next_need()
    }

    fn syncs_by_itself(&self) -> bool {
        self.syncs_by_itself()
    }

    fn finish(self) -> Result<W> {
        self.finish()
    }
}
