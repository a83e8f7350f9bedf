//! The theorem of `docs/PROOF.md`, "How a stream ended": on a medium so small that everything can be
//! listed that it may hold after a power cut, and with each assumption dropped in turn.
//!
//! `FLATSTREAM_EXHAUSTIVE=1` takes one more step in each life of a file, which takes many times as long. Figures:
//! `cargo nextest run -p flatstream-crashtest --test unclean_end --no-capture`.

mod assumptions;
mod medium;
mod theorem;

use flatstream::format::SliceReader;
use flatstream::{Clock, EndState, WriteOptions, Writer};
use medium::{Medium, MediumFile};

pub(crate) const FILE: &str = "stream.fls";

/// A sync frame every 256 bytes, so that what is durable is said soon.
pub(crate) fn options() -> WriteOptions {
    WriteOptions::new()
        .clock(Clock::Unspecified, || 0)
        .stream_id(7)
        .sync_interval(256)
        .max_message_len(1 << 20)
        .block_size(64)
}

/// A file with header and first sync frame, and nothing else.
pub(crate) fn created() -> Medium {
    let medium = Medium::default();
    drop(Writer::create_new_in(&medium, FILE, options()).unwrap());
    medium
}

pub(crate) fn open(medium: &Medium) -> flatstream::Result<Writer<MediumFile>> {
    Writer::open_in(medium, FILE, options())
}

/// What a strict reader gives: all messages, and how it ended. An error is one of the last two states.
#[derive(Debug, PartialEq)]
pub(crate) struct Read {
    pub(crate) messages: Vec<Vec<u8>>,
    pub(crate) state: EndState,
    /// D.
    pub(crate) position: u64,
}

pub(crate) fn read(bytes: &[u8]) -> Read {
    let mut reader = SliceReader::new(bytes).unwrap();
    let mut messages = Vec::new();
    while let Some(Ok(message)) = reader.next() {
        messages.push(message.to_vec());
    }
    let end = reader.end().unwrap();
    Read { messages, state: end.state, position: end.position }
}
