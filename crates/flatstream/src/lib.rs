#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub use flatstream_io::{
    Backwards, Checksum, ChecksumType, Clock, Cursor, Dropped, Durable, End, EndState, Error, ErrorKind, Finding,
    FlushPolicy, FollowOptions, Followed, Follower, Header, HeaderBuilder, Landing, Losses, Message, OnFull, OnTail,
    OpenReport, Opening, ReadOptions, Reader, Receipt, Recovery, Result, SharedOptions, SharedWriter, SliceReader,
    SyncPolicy, TIME_NONE, Window, WriteOptions, Writer,
};

#[cfg(feature = "mmap")]
pub use flatstream_io::{MappedMessages, MappedReader};
#[cfg(feature = "typed")]
pub use flatstream_io::{MessageType, TypedMessage, TypedOptions, TypedReader, TypedRoots, TypedWriter};

pub use flatstream_io::{follow, format, parallel, recover, replay, storage};

#[cfg(feature = "typed")]
pub use flatstream_io::schema;

/// Streams that never end: folders of segments.
#[cfg(feature = "log")]
pub use flatstream_log as log;
