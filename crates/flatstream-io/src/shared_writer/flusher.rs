use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use super::appender::Appender;
use super::gather::Gather;
use super::log::{CHUNK_SIZE, Log, Record, cost_of, records};
use super::queue::{Order, Queue};
use super::sync::now;
use crate::error::{Error, Result};

/// How often a thread lets others run before it sleeps until a sync ends, if syncs are fast. With 64 threads that lasts
/// as long as such a sync, and none of them has to be woken; a thread that waits alone sleeps after a few microseconds.
const YIELDS: u32 = 32;

/// The thread that has the writer: it appends what was queued, and syncs for all that wait at a time.
struct Flusher<'a, A> {
    queue: &'a Queue,
    writer: A,
    log: Log,
    gather: Gather,
}

/// Runs until the stream is finished, nobody is left who could append, or the sink fails. Nobody is left waiting, even
/// if the sink panics.
pub(super) fn run<A: Appender>(queue: &Queue, writer: A) {
    let mut taken = writer.taken();
    let flusher = Flusher { queue, writer, log: Log::default(), gather: Gather::new() };
    let result = catch_unwind(AssertUnwindSafe(|| flusher.run(&mut taken)));
    let panicked = |_| Err(Error::write(io::Error::other("the sink panicked"), taken));
    if let Err(error) = result.unwrap_or_else(panicked) {
        queue.fail(error);
    }
}

impl<A: Appender> Flusher<'_, A> {
    fn run(mut self, taken: &mut u64) -> Result<()> {
        // Those who wait hear of a failure before the sink is dropped, which may take its time.
        let order = self.go_on(taken).inspect_err(|error| self.queue.fail(error.clone()))?;
        match order {
            Order::Abandon => self.abandon(),
            _ => self.finish(),
        }
    }

    /// Serves until the end, and says which end that is.
    fn go_on(&mut self, taken: &mut u64) -> Result<Order> {
        loop {
            let order = self.queue.next_order(&mut self.log, self.writer.next_need(), &mut self.gather);
            self.append_all()?;
            *taken = self.writer.taken();
            match order {
                Order::GoOn => self.commit()?,
                last => return Ok(last),
            }
        }
    }

    fn append_all(&mut self) -> Result<()> {
        while let Some(chunk) = self.log.pop_chunk() {
            let mut freed = 0;
            for record in records(&chunk) {
                match record {
                    Record::Small(message) => {
                        self.writer.append(message)?;
                        freed += cost_of(message.len());
                    }
                    Record::Large => {
                        let message = self.log.pop_large();
                        self.writer.append(&message)?;
                        freed += cost_of(message.len());
                    }
                    Record::Dropped(dropped) => self.writer.note_dropped(dropped)?,
                }
                // A chunk may stand for many megabytes of long messages.
                if freed > CHUNK_SIZE {
                    self.queue.release(std::mem::take(&mut freed), None);
                }
            }
            self.queue.release(freed, Some(chunk));
        }
        Ok(())
    }

    /// Syncs if somebody waits for it or the policies ask for it, flushes if that is what is asked for.
    fn commit(&mut self) -> Result<()> {
        let (is_sync_asked, is_flush_asked) = self.queue.asked();
        if is_sync_asked {
            // The policies too: were somebody always waiting, nothing else would keep them. If they ask for a sync, it
            // is the one that is waited for.
            let start = now();
            self.writer.tick()?;
            self.sync(start)?;
        } else {
            if is_flush_asked {
                self.writer.flush()?;
            }
            self.writer.tick()?;
        }
        self.publish(is_flush_asked);
        Ok(())
    }

    /// `start` is when what takes the time of a sync began.
    fn sync(&mut self, start: Instant) -> Result<()> {
        self.writer.sync()?;
        self.gather.synced(now().duration_since(start));
        self.queue.set_yields(if self.gather.is_fast() { YIELDS } else { 0 });
        Ok(())
    }

    fn publish(&mut self, is_flushed: bool) {
        let (count, waiting) = self.queue.publish(is_flushed, self.writer.durable_sequence());
        self.gather.released(count, waiting);
    }

    fn finish(self) -> Result<()> {
        let sequence = self.writer.sequence();
        let sink = self.writer.finish()?;
        self.queue.publish(true, Some(sequence));
        self.queue.end();
        drop(sink);
        Ok(())
    }

    /// As a writer that is dropped: the sink has everything, and the stream stays open. Whoever relies on a policy to
    /// sync sooner or later has it now, because there is no later.
    fn abandon(mut self) -> Result<()> {
        loop {
            let (is_sync_asked, _) = self.queue.asked();
            match is_sync_asked || self.writer.syncs_by_itself() {
                true => self.sync(now())?,
                false => self.writer.flush()?,
            }
            self.publish(true);
            if self.queue.end() {
                return Ok(());
            }
        }
    }
}
