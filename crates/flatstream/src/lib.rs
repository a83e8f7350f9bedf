#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub use flatstream_io::{
    Checksum, ChecksumType, Clock, End, EndState, Error, ErrorKind, Header, HeaderBuilder, Message, Opening,
    ReadOptions, Reader, Result, SliceReader, TIME_NONE, WriteOptions, Writer,
};

pub use flatstream_io::format;
