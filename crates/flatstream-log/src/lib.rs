#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod options;
mod writer;

mod follow;
mod reader;

mod cursor;
mod finding;
mod message;

mod catalog;
mod retention;
mod segment;

mod identity;
mod name;

mod problem;

pub use cursor::LogCursor;
pub use finding::LogFinding;
pub use follow::{LogFollowOptions, LogFollower, LogStart};
pub use identity::keys;
pub use message::LogMessage;
pub use options::LogOptions;
pub use reader::{LogBackwards, LogReader, LogWindow};
pub use segment::{Segment, segments, segments_in};
pub use writer::LogWriter;
