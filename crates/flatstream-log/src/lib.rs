#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod options;
mod writer;

mod retention;
mod segment;

mod identity;
mod name;

mod problem;

pub use identity::keys;
pub use options::LogOptions;
pub use segment::{Segment, segments, segments_in};
pub use writer::LogWriter;
