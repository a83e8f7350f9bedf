#![doc = include_str!("../README.md")]
#![no_std]
#![deny(unsafe_code)]

extern crate alloc;

mod fbs;
mod schema;

mod walker;

#[cfg(feature = "from-json")]
mod from_json;
mod json;
mod path;
mod stop;
mod visit;

mod message;
mod plan;
mod value;

mod conform;
mod shape;

mod error;

#[allow(unsafe_code, reason = "flatc's code, behind the verifier")]
mod generated;

pub use conform::{Mismatch, conform};
pub use error::{ConformError, MessageError, MessageFault, PathError, SchemaError, WalkError};
#[cfg(feature = "from-json")]
pub use from_json::JsonError;
pub use json::{JsonOptions, JsonVisitor, NotFinite, TooLong};
pub use path::FieldPath;
pub use plan::{Element, Enum, EnumValue, Field, Object, Type};
pub use schema::Schema;
pub use value::{Scalar, Value};
pub use visit::Visitor;
pub use walker::Walker;
