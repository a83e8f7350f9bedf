use std::collections::VecDeque;

use bytes::Bytes;
use flatstream_format::{Dropped, frame_len};

/// Messages are copied into pieces of this size, which are used again: 64 KiB.
pub(super) const CHUNK_SIZE: usize = 64 << 10;

/// Longer messages have memory of their own, so that at most a quarter of a chunk is left empty.
pub(super) const SMALL_MAX: usize = CHUNK_SIZE / 4;

/// How many empty chunks are kept.
const SPARE_MAX: usize = 32;

/// What a record is, in the upper bits of the word before it; the lower ones are a small message's length.
const LARGE: u32 = 1 << 31;
const DROPPED: u32 = 1 << 30;

/// Messages that wait for the thread, in their order, with the places where some were dropped.
#[derive(Debug, Default)]
pub(super) struct Log {
    chunks: VecDeque<Vec<u8>>,
    large: VecDeque<Bytes>,
    size: usize,
}

/// A message on its way into a log: a short one is copied then, a long one was copied before, without the lock.
pub(super) enum Entry<'a> {
    Small(&'a [u8]),
    Large(Bytes),
}

/// What a log holds.
pub(super) enum Record<'a> {
    Small(&'a [u8]),
    /// The next of the long messages.
    Large,
    Dropped(Dropped),
}

/// How much memory a message of so many bytes counts for: what it takes in the stream, head and pad with it.
pub(super) fn cost_of(len: usize) -> usize {
    u32::try_from(len).map_or(usize::MAX, |len| frame_len(len) as usize)
}

impl Log {
    /// How many bytes the messages take in the stream.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    pub(super) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    pub(super) fn push(&mut self, entry: Entry<'_>, spare: &mut Spare) {
        match entry {
            Entry::Small(message) => {
                self.size += cost_of(message.len());
                self.put(message.len() as u32, message, spare);
            }
            Entry::Large(message) => {
                self.size += cost_of(message.len());
                self.put(LARGE, &[], spare);
                self.large.push_back(message);
            }
        }
    }

    pub(super) fn push_dropped(&mut self, dropped: Dropped, spare: &mut Spare) {
        let mut body = [0; 16];
        body[..8].copy_from_slice(&dropped.messages.to_le_bytes());
        body[8..].copy_from_slice(&dropped.bytes.to_le_bytes());
        self.put(DROPPED, &body, spare);
    }

    fn put(&mut self, word: u32, body: &[u8], spare: &mut Spare) {
        let len = size_of::<u32>() + body.len();
        let chunk = match self.chunks.back_mut() {
            Some(chunk) if chunk.capacity() - chunk.len() >= len => chunk,
            _ => self.chunks.push_back_mut(spare.take()),
        };
        chunk.extend_from_slice(&word.to_le_bytes());
        chunk.extend_from_slice(body);
    }

    /// The oldest chunk; the log counts as empty when all were taken.
    pub(super) fn pop_chunk(&mut self) -> Option<Vec<u8>> {
        self.size = 0;
        self.chunks.pop_front()
    }

    /// The long message that a record stands for.
    pub(super) fn pop_large(&mut self) -> Bytes {
        self.large.pop_front().unwrap_or_default()
    }
}

/// The records of a chunk.
pub(super) fn records(mut rest: &[u8]) -> impl Iterator<Item = Record<'_>> {
    std::iter::from_fn(move || {
        let (word, behind) = rest.split_first_chunk()?;
        let word = u32::from_le_bytes(*word);
        let len = match word {
            LARGE => 0,
            DROPPED => 16,
            len => len as usize,
        };
        let (body, behind) = behind.split_at_checked(len)?;
        rest = behind;
        Some(match word {
            LARGE => Record::Large,
            DROPPED => {
                let number = |at: usize| body[at..].first_chunk().copied().map_or(0, u64::from_le_bytes);
                Record::Dropped(Dropped { messages: number(0), bytes: number(8) })
            }
            _ => Record::Small(body),
        })
    })
}

/// Empty chunks.
#[derive(Debug, Default)]
pub(super) struct Spare(Vec<Vec<u8>>);

impl Spare {
    fn take(&mut self) -> Vec<u8> {
        self.0.pop().unwrap_or_else(|| Vec::with_capacity(CHUNK_SIZE))
    }

    /// Takes a chunk back; gives it back if there are enough.
    pub(super) fn put(&mut self, mut chunk: Vec<u8>) -> Option<Vec<u8>> {
        if self.0.len() >= SPARE_MAX {
            return Some(chunk);
        }
        chunk.clear();
        self.0.push(chunk);
        None
    }
}
