#![doc = include_str!("../README.md")]
#![cfg_attr(not(any(feature = "std", test)), no_std)]
#![deny(unsafe_code)]

#[cfg(feature = "alloc")]
extern crate alloc;

pub mod layout;
pub mod limits;

mod mask;

mod frame;
mod header;
mod sync;

mod dropped;

mod decoder;
mod encoder;
#[cfg(feature = "alloc")]
mod salvage;
mod seek;
mod slice_reader;
mod split;
mod tail;

#[cfg(feature = "embedded-io-07")]
pub mod embedded_io_07;
#[cfg(feature = "embedded-io-async-07")]
pub mod embedded_io_async_07;
#[cfg(any(feature = "embedded-io-07", feature = "embedded-io-async-07"))]
mod write_error;

#[allow(unsafe_code, reason = "a hint to the processor; argued in the file")]
mod prefetch;

mod error;

#[cfg(feature = "alloc")]
mod generated;

pub use decoder::{Decoded, Decoder, MessageRef, Span};
pub use dropped::Dropped;
pub use encoder::{Encoder, Session};
pub use error::{EncodeError, Error, Evidence, EvidenceKind, FirstBytes, HeaderError, Stop, StopReason};
pub use flatstream_checksum::{Algorithm, Checksum, ChecksumType, FIRST_PRIVATE_ID, Pass, Unavailable};
pub use frame::frame_len;
pub use header::{Clock, Essentials, Located, locate_header};
#[cfg(feature = "alloc")]
pub use header::{Header, HeaderBuilder};
pub use mask::{EPOCH_MULTIPLIER, MASK_MULTIPLIERS, MIX_MULTIPLIERS, Salt};
#[cfg(feature = "alloc")]
pub use salvage::{Region, Salvaged, salvage_budget};
pub use seek::{Landing, SearchStep, SyncSearch};
pub use slice_reader::SliceReader;
pub use split::{Borders, SlicePart, SliceParts};
pub use sync::{Sync, SyncFlags, TIME_NONE};
pub use tail::{End, EndState, FoundSync, TailSearch, TailSyncs};
#[cfg(any(feature = "embedded-io-07", feature = "embedded-io-async-07"))]
pub use write_error::WriteError;
