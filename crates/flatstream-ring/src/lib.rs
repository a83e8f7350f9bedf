#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]

mod contents;
mod error;
mod geometry;
mod medium;
mod recorder;

pub use contents::Contents;
pub use error::RingError;
pub use flatstream_format as format;
pub use geometry::Geometry;
pub use medium::{Medium, Outside, ReadAt};
pub use recorder::Recorder;
