//! Reading a stream on several threads: its parts begin at sync frames, and each is verified by itself.
//!
//! [`SliceReader::split`] splits a slice, [`SplitFile`] a file, `MappedReader::split` (feature `mmap`) a mapped one.
//! [`par_verify`] and the methods of that name use the parts to find out whether all of a stream is good.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use flatstream_format::{End, Essentials, SlicePart, SliceReader};

use crate::error::{Error, Result};
use crate::hasher::Hasher;
use crate::options::ReadOptions;

pub use crate::split_file::{FilePart, SplitFile};

/// What was found out about a stream without damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// How many messages it has.
    pub messages: u64,
    /// How it ended.
    pub end: End,
}

/// Verifies a stream that lies in memory on so many threads; 0 = as many as the machine runs at once.
///
/// Recovery isn't used; the other options are. Where the image of a sync frame inside a message was taken for a place
/// to split the stream at, it is read once more, in one piece.
///
/// ```
/// use flatstream_io::parallel::par_verify;
/// use flatstream_io::{ReadOptions, WriteOptions, Writer};
///
/// let mut writer = Writer::new(Vec::new(), WriteOptions::new())?;
/// (0..5000u32).try_for_each(|number| writer.append(&number.to_le_bytes()).map(drop))?;
/// let mut bytes = writer.finish()?;
///
/// let verified = par_verify(&bytes, &ReadOptions::new(), 0)?;
/// assert_eq!((verified.messages, verified.end.is_closed()), (5000, true));
///
/// bytes[40_000] ^= 1;
/// let error = par_verify(&bytes, &ReadOptions::new(), 0).unwrap_err();
/// assert_eq!(error.position(), Some(39_992)); // the error that a strict reader gives
/// # Ok::<(), flatstream_io::Error>(())
/// ```
///
/// # Errors
/// The one that a [`SliceReader`] gives; `NotClosed` if the options require it.
pub fn par_verify(data: &[u8], options: &ReadOptions, threads: usize) -> Result<Verified> {
    let (threads, parts) = thread_count(threads);
    let hasher = options.build_hasher(Essentials::parse(data)?.checksum)?;
    let reader = SliceReader::with_hasher(data, options.message_limit(), hasher)?;
    let verify = |part| verify_slice(part, options);
    verify_parts(reader.clone().split(parts).collect(), threads, verify, || match reader.split(1).next().map(verify) {
        Some(Outcome::Ended(verified)) => verified,
        _ => Err(Error::usage(NO_SINGLE_PART)),
    })
}

const NO_SINGLE_PART: &str = "a single part reads to the end of its stream";

fn verify_slice(mut part: SlicePart<'_, Hasher>, options: &ReadOptions) -> Outcome {
    for message in &mut part {
        if let Err(error) = message {
            return Outcome::of_error(error.into());
        }
    }
    match part.end() {
        Some(end) if options.requires_closed() && !end.is_closed() => Outcome::Ended(Err(Error::not_closed(end))),
        Some(end) => Outcome::Ended(Ok(Verified { messages: part.decoder().sequence(), end })),
        None => Outcome::Landed,
    }
}

/// How many threads, and how many parts: more, so that no thread is idle for long because its part was short.
pub(crate) fn thread_count(threads: usize) -> (usize, usize) {
    let threads = match threads {
        0 => thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    };
    (threads, if threads == 1 { 1 } else { threads.saturating_mul(4) })
}

/// What became of a part.
pub(crate) enum Outcome {
    /// It is good, and so is the sync frame that it ends with.
    Landed,
    /// The stream ended in it, or it is damaged: nothing behind it counts.
    Ended(Result<Verified>),
    FalseBorder,
}

impl Outcome {
    pub(crate) fn of_error(error: Error) -> Self {
        match error.format_error() {
            Some(flatstream_format::Error::FalseBorder(_)) => Self::FalseBorder,
            _ => Self::Ended(Err(error)),
        }
    }
}

enum Slot<P> {
    Waiting(P),
    Taken,
    Done(Outcome),
}

/// Verifies parts on so many threads, this one among them. The first in their order that didn't only land on its
/// border decides; `in_one_piece` reads a stream that can't be split where it was.
pub(crate) fn verify_parts<P: Send>(
    parts: Vec<P>,
    threads: usize,
    verify: impl Fn(P) -> Outcome + Sync,
    in_one_piece: impl FnOnce() -> Result<Verified>,
) -> Result<Verified> {
    let slots: Vec<_> = parts.into_iter().map(|part| Mutex::new(Slot::Waiting(part))).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(slot) = slots.get(next.fetch_add(1, Ordering::Relaxed)) {
            // Taken out first: the slot isn't locked while its part is verified.
            let taken = std::mem::replace(&mut *lock(slot), Slot::Taken);
            if let Slot::Waiting(part) = taken {
                let outcome = verify(part);
                if !matches!(outcome, Outcome::Landed) {
                    // Those before it were all taken.
                    next.store(slots.len(), Ordering::Relaxed);
                }
                *lock(slot) = Slot::Done(outcome);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads.min(slots.len()) {
            // Where the system gives no more threads, those that there are do the work.
            if thread::Builder::new().spawn_scoped(scope, work).is_err() {
                break;
            }
        }
        work();
    });
    for slot in slots {
        match slot.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Slot::Done(Outcome::Landed) => {}
            Slot::Done(Outcome::Ended(verified)) => return verified,
            Slot::Done(Outcome::FalseBorder) | Slot::Waiting(_) | Slot::Taken => break,
        }
    }
    in_one_piece()
}

fn lock<P>(slot: &Mutex<Slot<P>>) -> MutexGuard<'_, Slot<P>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}
