use std::collections::VecDeque;

use bytes::Bytes;
use flatstream_format::{Dropped, EncodeError};

use super::gate::{Gate, Line};
use super::gather::Gather;
use super::log::{Entry, Log, SMALL_MAX, Spare, cost_of};
use super::options::{OnFull, SharedOptions};
use super::sync::{Arc, AtomicU32, AtomicU64, Condvar, Mutex, MutexGuard, Ordering, lock, now, sleep, thread};
use crate::error::{Error, Result};
use crate::policy::Need;

const FINISHED: &str = "the stream was finished by another clone of this SharedWriter";
const NOT_DURABLE: &str =
    "the message isn't known to be durable: the last SharedWriter was dropped, which hands over but doesn't sync";

/// Where appending threads and the flusher thread meet.
///
/// One lock, held for no longer than a short message is copied. The flusher sleeps at it; all others have gates.
pub(super) struct Queue {
    state: Mutex<State>,
    /// The flusher has something to do.
    work: Condvar,
    /// So many messages are durable. It grows before the gate opens for those who wait for it.
    durable: AtomicU64,
    /// How often a thread lets others run before it sleeps until its message is durable.
    yields: AtomicU32,
    message_limit: u32,
    memory: usize,
    on_full: OnFull,
}

struct State {
    log: Log,
    spare: Spare,
    /// What counts as memory: messages in the log, those that the flusher hasn't written yet, and room that was
    /// promised.
    used: usize,
    /// The next message's sequence number.
    next: u64,
    /// The flusher has taken the messages before this one.
    taken: u64,
    dropped: Dropped,
    /// Those of them that aren't in the log yet.
    dropped_lately: Dropped,
    /// Whether a message found no room since the flusher took the last ones.
    is_pressed: bool,
    /// Threads that wait for room, in their order, with how much they need.
    for_room: VecDeque<(usize, Arc<Gate>)>,
    /// Threads that wait until messages are durable which the flusher hasn't taken, and which it has.
    for_queued: Line,
    for_taken: Line,
    /// Threads that wait until all is flushed: those of the next round, and of this one.
    for_flush: Line,
    for_flush_now: Line,
    /// What the flusher wants to be woken for, while it sleeps.
    alarm: Option<Alarm>,
    stage: Stage,
    failure: Option<Error>,
}

/// So many bytes in the log, or so many threads that wait for a sync. Urgent work always wakes it.
#[derive(Clone, Copy)]
struct Alarm {
    bytes: usize,
    waiting: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Running,
    /// The stream has to be closed.
    Finishing,
    /// Nobody is left who could append.
    Abandoned,
    /// The flusher is gone.
    Over,
}

/// What the flusher has to do with what it took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    GoOn,
    Finish,
    Abandon,
}

impl Queue {
    /// `sequence` messages lie in the stream already, and so many of them are durable.
    pub(super) fn new(options: SharedOptions, message_limit: u32, sequence: u64, durable: u64) -> Self {
        let state = State {
            log: Log::default(),
            spare: Spare::default(),
            used: 0,
            next: sequence,
            taken: sequence,
            dropped: Dropped::default(),
            dropped_lately: Dropped::default(),
            is_pressed: false,
            for_room: VecDeque::new(),
            for_queued: Line::default(),
            for_taken: Line::default(),
            for_flush: Line::default(),
            for_flush_now: Line::default(),
            alarm: None,
            stage: Stage::Running,
            failure: None,
        };
        Self {
            state: Mutex::new(state),
            work: Condvar::new(),
            durable: AtomicU64::new(durable),
            yields: AtomicU32::new(0),
            message_limit,
            memory: options.chosen_memory(),
            on_full: options.chosen_on_full(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Appends a message; its sequence number, or `None` if it was dropped.
    pub(super) fn append(&self, message: &[u8]) -> Result<Option<u64>> {
        let mut state = self.state();
        state.check_open()?;
        self.check_len(message.len())?;
        if !state.reserve(cost_of(message.len()), self.memory) {
            state.is_pressed = true;
            match self.on_full {
                OnFull::Wait => state = self.wait_for_room(state, cost_of(message.len()))?,
                OnFull::Refuse => {
                    self.wake_if(state, true);
                    return Err(Error::full(message, self.memory as u64));
                }
                OnFull::Drop => {
                    state.drop_message(message.len());
                    self.wake_if(state, true);
                    return Ok(None);
                }
            }
        }
        let (mut state, entry) = self.copy_if_long(state, message)?;
        let sequence = state.push(entry);
        let is_needed = state.alarm.is_some_and(|alarm| state.log.size() >= alarm.bytes || state.is_pressed);
        self.wake_if(state, is_needed);
        Ok(Some(sequence))
    }

    /// A long message is copied without the lock: others may append meanwhile, and its room is reserved.
    fn copy_if_long<'a, 'b>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        message: &'b [u8],
    ) -> Result<(MutexGuard<'a, State>, Entry<'b>)> {
        if message.len() <= SMALL_MAX {
            return Ok((state, Entry::Small(message)));
        }
        drop(state);
        let copy = Bytes::copy_from_slice(message);
        state = self.state();
        state.check_open()?;
        Ok((state, Entry::Large(copy)))
    }

    /// As the writer would; but in the flusher there is nobody to tell.
    fn check_len(&self, len: usize) -> Result<()> {
        match len as u64 {
            0 => Err(Error::encode(EncodeError::Empty, None)),
            found if found > u64::from(self.message_limit) => {
                Err(Error::encode(EncodeError::TooLong { found, limit: self.message_limit }, None))
            }
            _ if cost_of(len) > self.memory => Err(Error::beyond_memory(len, self.memory)),
            _ => Ok(()),
        }
    }

    /// Sleeps until the flusher has made room, which then is this thread's.
    fn wait_for_room<'a>(&'a self, mut state: MutexGuard<'a, State>, cost: usize) -> Result<MutexGuard<'a, State>> {
        let gate = Arc::new(Gate::default());
        state.for_room.push_back((cost, Arc::clone(&gate)));
        self.wake_if(state, true);
        gate.wait(0);
        let state = self.state();
        state.check_open()?;
        Ok(state)
    }

    /// Lets go of the lock, and wakes the flusher if it sleeps and is needed.
    fn wake_if(&self, mut state: MutexGuard<'_, State>, is_needed: bool) {
        let wakes = is_needed && state.alarm.take().is_some();
        drop(state);
        if wakes {
            self.work.notify_one();
        }
    }

    /// Waits until a message is durable.
    pub(super) fn wait(&self, sequence: u64) -> Result<()> {
        if self.is_durable(sequence) {
            return Ok(());
        }
        let mut state = self.state();
        if self.is_durable(sequence) {
            return Ok(());
        }
        state.check_not_over(NOT_DURABLE)?;
        let line = if sequence < state.taken { &mut state.for_taken } else { &mut state.for_queued };
        let gate = line.join();
        self.wake_for_waiting(state);
        gate.wait(self.yields.load(Ordering::Relaxed));
        match self.is_durable(sequence) {
            true => Ok(()),
            false => Err(self.state().why_over(NOT_DURABLE)),
        }
    }

    pub(super) fn is_durable(&self, sequence: u64) -> bool {
        sequence < self.durable()
    }

    pub(super) fn durable(&self) -> u64 {
        self.durable.load(Ordering::Acquire)
    }

    pub(super) fn sequence(&self) -> u64 {
        self.state().next
    }

    pub(super) fn dropped(&self) -> Dropped {
        self.state().dropped
    }

    /// Waits until all that was appended before is durable.
    pub(super) fn sync(&self) -> Result<u64> {
        let mut state = self.state();
        state.check_open()?;
        let gate = state.for_queued.join();
        self.wake_for_waiting(state);
        match gate.wait(0) {
            true => Ok(self.durable()),
            false => Err(self.state().why_over(FINISHED)),
        }
    }

    /// Waits until all that was appended before was handed to the sink.
    pub(super) fn flush(&self) -> Result<()> {
        let mut state = self.state();
        state.check_open()?;
        let gate = state.for_flush.join();
        self.wake_if(state, true);
        match gate.wait(0) {
            true => Ok(()),
            false => Err(self.state().why_over(FINISHED)),
        }
    }

    fn wake_for_waiting(&self, state: MutexGuard<'_, State>) {
        let is_needed = state.alarm.is_some_and(|alarm| state.waiting() >= alarm.waiting);
        self.wake_if(state, is_needed);
    }

    /// Nothing more is accepted; the flusher will close the stream.
    pub(super) fn finish(&self) -> Result<()> {
        let mut state = self.state();
        state.check_open()?;
        state.stage = Stage::Finishing;
        let for_room = std::mem::take(&mut state.for_room);
        self.wake_if(state, true);
        for_room.iter().for_each(|(_, gate)| gate.open(false));
        Ok(())
    }

    /// Nobody is left who could append.
    pub(super) fn abandon(&self) {
        let mut state = self.state();
        if state.stage == Stage::Running {
            state.stage = Stage::Abandoned;
        }
        self.wake_if(state, true);
    }

    /// What went wrong, if anything did.
    pub(super) fn failure(&self) -> Option<Error> {
        self.state().failure.clone()
    }
}

/// What the flusher does.
impl Queue {
    /// Sleeps until there is something to do, and takes what was appended into `log`, which has to be empty.
    pub(super) fn next_order(&self, log: &mut Log, need: Need, gather: &mut Gather) -> Order {
        let bytes = usize::try_from(need.bytes).unwrap_or(usize::MAX).min(self.memory / 4).max(1);
        let mut state = self.state();
        while !state.has_urgent_work() {
            let (now, waiting) = (now(), state.waiting());
            let until = gather.until(waiting, now);
            let is_due = waiting > 0 || state.log.size() >= bytes || need.time.is_some_and(|time| time <= now);
            if is_due && until.is_none() {
                break;
            }
            if until.is_some() && gather.is_fast() {
                drop(state);
                thread::yield_now();
                state = self.state();
                continue;
            }
            state.alarm = Some(match until {
                Some(_) => Alarm { bytes: usize::MAX, waiting: gather.expected() },
                None => Alarm { bytes, waiting: 1 },
            });
            state = sleep(&self.work, state, until.or(need.time));
            state.alarm = None;
        }
        state.take(log)
    }

    /// Memory is free again; the threads that wait for it get it in their order. Returns a chunk that isn't needed.
    pub(super) fn release(&self, bytes: usize, chunk: Option<Vec<u8>>) -> Option<Vec<u8>> {
        let mut state = self.state();
        state.used = state.used.saturating_sub(bytes);
        let mut admitted = Vec::new();
        while let Some(cost) = state.for_room.front().map(|(cost, _)| *cost)
            && state.used + cost <= self.memory
        {
            state.used += cost;
            admitted.extend(state.for_room.pop_front());
        }
        let chunk = chunk.and_then(|chunk| state.spare.put(chunk));
        drop(state);
        admitted.iter().for_each(|(_, gate)| gate.open(true));
        chunk
    }

    /// What threads wait for that the flusher can do by now: a sync, a flush.
    pub(super) fn asked(&self) -> (bool, bool) {
        let state = self.state();
        (state.for_taken.count() > 0, state.for_flush_now.count() > 0)
    }

    pub(super) fn set_yields(&self, yields: u32) {
        self.yields.store(yields, Ordering::Relaxed);
    }

    /// What the flusher took was flushed, or is durable: so many messages then. Returns how many threads that lets go,
    /// and how many wait already for the next time.
    pub(super) fn publish(&self, is_flushed: bool, durable: Option<u64>) -> (usize, usize) {
        let mut state = self.state();
        let mut released = Line::default();
        if let Some(durable) = durable {
            self.durable.store(durable, Ordering::Release);
            released = std::mem::take(&mut state.for_taken);
        }
        let mut flushed = Line::default();
        if is_flushed || durable.is_some() {
            flushed = std::mem::take(&mut state.for_flush_now);
        }
        let waiting = state.waiting();
        drop(state);
        released.open(true);
        flushed.open(true);
        (released.count(), waiting)
    }

    /// The flusher goes. `false` if a thread waits that can still be served.
    pub(super) fn end(&self) -> bool {
        let mut state = self.state();
        if state.waiting() > 0 {
            return false;
        }
        state.stage = Stage::Over;
        let memory = state.give_memory_back();
        drop(state);
        drop(memory);
        true
    }

    /// The flusher can't go on: this reaches everybody who waits, and everybody who calls later.
    pub(super) fn fail(&self, error: Error) {
        let mut state = self.state();
        state.failure.get_or_insert(error);
        state.stage = Stage::Over;
        let State { for_queued, for_taken, for_flush, for_flush_now, .. } = &mut *state;
        let mut lines = Line::default();
        [for_queued, for_taken, for_flush, for_flush_now].into_iter().for_each(|line| lines.take_in(line));
        let for_room = std::mem::take(&mut state.for_room);
        let memory = state.give_memory_back();
        drop(state);
        drop(memory);
        lines.open(false);
        for_room.iter().for_each(|(_, gate)| gate.open(false));
    }
}

impl State {
    fn check_open(&self) -> Result<()> {
        match (&self.failure, self.stage) {
            (None, Stage::Running) => Ok(()),
            _ => Err(self.why_over(FINISHED)),
        }
    }

    fn check_not_over(&self, otherwise: &'static str) -> Result<()> {
        match (&self.failure, self.stage) {
            (Some(_), _) | (None, Stage::Over) => Err(self.why_over(otherwise)),
            _ => Ok(()),
        }
    }

    fn why_over(&self, otherwise: &'static str) -> Error {
        match &self.failure {
            Some(first) => first.refused(),
            None => Error::usage(otherwise),
        }
    }

    /// Takes room, if there is enough; whoever comes later waits behind those who wait already.
    fn reserve(&mut self, cost: usize, memory: usize) -> bool {
        let is_room = self.for_room.is_empty() && self.used + cost <= memory;
        if is_room {
            self.used += cost;
        }
        is_room
    }

    fn push(&mut self, entry: Entry<'_>) -> u64 {
        self.note_dropped();
        self.log.push(entry, &mut self.spare);
        let sequence = self.next;
        self.next += 1;
        sequence
    }

    fn drop_message(&mut self, len: usize) {
        let one = Dropped { messages: 1, bytes: len as u64 };
        self.dropped = self.dropped.plus(one);
        self.dropped_lately = self.dropped_lately.plus(one);
    }

    fn note_dropped(&mut self) {
        let dropped = std::mem::take(&mut self.dropped_lately);
        if dropped.messages > 0 {
            self.log.push_dropped(dropped, &mut self.spare);
        }
    }

    /// Receipts may outlive the writer for long.
    fn give_memory_back(&mut self) -> (Log, Spare) {
        (std::mem::take(&mut self.log), std::mem::take(&mut self.spare))
    }

    fn waiting(&self) -> usize {
        self.for_queued.count() + self.for_taken.count()
    }

    fn has_urgent_work(&self) -> bool {
        let is_full = self.is_pressed && !self.log.is_empty();
        is_full || self.for_flush.count() > 0 || self.stage != Stage::Running
    }

    fn take(&mut self, log: &mut Log) -> Order {
        self.note_dropped();
        std::mem::swap(&mut self.log, log);
        self.taken = self.next;
        self.is_pressed = !self.for_room.is_empty();
        self.for_taken.take_in(&mut self.for_queued);
        self.for_flush_now.take_in(&mut self.for_flush);
        match self.stage {
            Stage::Finishing => Order::Finish,
            Stage::Abandoned => Order::Abandon,
            Stage::Running | Stage::Over => Order::GoOn,
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_small_message_overtakes_one_that_waits_for_room() {
        let queue = Queue::new(SharedOptions::new().memory(1000), 1 << 20, 0, 0);
        let gate = Arc::new(Gate::default());
        {
            let mut state = queue.state();
            assert!(state.reserve(600, 1000));
            assert!(!state.reserve(500, 1000));
            state.for_room.push_back((500, Arc::clone(&gate)));
            assert!(!state.reserve(8, 1000), "there is room, but another thread has waited longer");
        }
        queue.release(600, None);
        assert!(gate.wait(0), "its room is reserved");
        let mut state = queue.state();
        assert_eq!(state.used, 500);
        assert!(state.reserve(8, 1000));
    }
}
