//! Streams whose messages are of one FlatBuffers type: it is checked when a stream is opened, and every message when it
//! is read.

mod header_check;
mod message_type;
mod options;
mod reader;
mod root_check;
mod roots;
mod type_error;
mod typed_message;
mod writer;

pub use message_type::MessageType;
pub use options::TypedOptions;
pub use reader::TypedReader;
pub use roots::TypedRoots;
pub use typed_message::TypedMessage;
pub use writer::TypedWriter;

pub(crate) use header_check::{IfUntyped, check_header};
pub(crate) use type_error::TypeError;
