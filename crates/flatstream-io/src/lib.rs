#![doc = include_str!("../README.md")]
#![deny(unsafe_code)]

mod options;
mod policy;
mod times;

mod durable;
mod open;
mod shared_writer;
mod writer;

#[cfg(feature = "flatbuffers")]
mod append_with;
#[cfg(feature = "typed")]
mod typed;

mod backwards;
mod message;
mod opening;
mod reader;
mod recovery;
mod seek;
mod window;

#[cfg(feature = "mmap")]
mod mapped_reader;
pub mod parallel;
mod split_file;

mod cursor;
pub mod follow;

pub mod recover;
pub mod replay;
pub mod storage;

mod reopen;
mod resync;
mod walk;

#[allow(unsafe_code, reason = "a measured gain; argued in the file")]
mod block;
mod header_search;
mod input;
mod output;
mod seek_source;
mod stream_file;
mod stream_tail;

mod hasher;

#[cfg(feature = "mmap")]
mod mapping;

mod error;

#[doc(hidden)]
pub use backwards::BackwardSteps;
pub use backwards::Backwards;
pub use cursor::Cursor;
#[doc(hidden)]
pub use cursor::with_check;
pub use durable::Durable;
pub use error::{Error, ErrorKind, Result};
pub use flatstream_format::{
    Checksum, ChecksumType, Clock, Dropped, End, EndState, Header, HeaderBuilder, Landing, SliceReader, TIME_NONE,
};
pub use follow::{FollowOptions, Followed, Follower};
#[cfg(feature = "mmap")]
pub use mapped_reader::{MappedMessages, MappedReader};
pub use message::Message;
pub use open::OpenReport;
pub use opening::Opening;
pub use options::{OnTail, ReadOptions, WriteOptions};
pub use policy::{FlushPolicy, Need, SyncPolicy};
pub use reader::Reader;
pub use recovery::{Finding, Losses, Recovery};
pub use shared_writer::{Appender, OnFull, Receipt, SharedOptions, SharedWriter};
#[cfg(feature = "typed")]
pub use typed::{MessageType, TypedMessage, TypedOptions, TypedReader, TypedRoots, TypedWriter};
pub use window::Window;
#[doc(hidden)]
pub use window::sides;
pub use writer::Writer;

/// The codec that `Writer` and `Reader` are built on.
pub use flatstream_format as format;

/// Reading and comparing binary schemas.
#[cfg(feature = "typed")]
pub use flatstream_schema as schema;
