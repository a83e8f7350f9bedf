#![doc = include_str!("../README.md")]
#![no_std]
#![deny(unsafe_code)]

extern crate alloc;

mod conform;
mod schema;
mod shape;

mod error;

#[allow(unsafe_code, reason = "flatc's code, behind the verifier")]
mod generated;

pub use conform::{Mismatch, conform};
pub use error::{ConformError, SchemaError};
pub use schema::Schema;
