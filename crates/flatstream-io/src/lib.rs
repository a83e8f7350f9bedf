#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod options;

mod writer;

mod message;
mod opening;
mod reader;

mod block;
mod input;
mod output;
mod stream_tail;

mod hasher;

mod error;

pub use error::{Error, ErrorKind, Result};
pub use flatstream_format::{
    Checksum, ChecksumType, Clock, End, EndState, Header, HeaderBuilder, SliceReader, TIME_NONE,
};
pub use message::Message;
pub use opening::Opening;
pub use options::{ReadOptions, WriteOptions};
pub use reader::Reader;
pub use writer::Writer;

/// The codec that `Writer` and `Reader` are built on.
pub use flatstream_format as format;
