//! Makes messages of JSON: the way back from `json.rs`. `read` checks what the text says by the schema and keeps it as
//! nodes; `build` gives each node its bytes.

mod build;
mod error;
mod place;
mod read;
mod scalar;
mod seeds;

use alloc::borrow::Cow;
use alloc::vec::Vec;

pub use error::JsonError;

use crate::plan::{Field, Object, Plan};

/// What a table says.
type Held<'w, 'j> = Vec<(&'w Field, Node<'w, 'j>)>;

/// What a field or an element says.
#[derive(Debug)]
enum Node<'w, 'j> {
    /// Its bytes, as many as the type has.
    Scalar([u8; 8]),
    Struct {
        bytes: Vec<u8>,
        align: usize,
    },
    String(Cow<'j, str>),
    Table(Held<'w, 'j>),
    /// A table that is the root of a message of its own.
    Nested(Held<'w, 'j>),
    /// A vector of scalars or structs.
    Elements {
        len: usize,
        bytes: Vec<u8>,
        align: usize,
    },
    /// A vector of what has a place of its own; `None` is a union of no type.
    Offsets(Vec<Option<Self>>),
}

pub(crate) fn message(
    plan: &Plan,
    root: &Object,
    identifier: Option<[u8; 4]>,
    depth_max: u32,
    json: &[u8],
) -> Result<Vec<u8>, JsonError> {
    let root = read::read(plan, root, depth_max, json)?;
    build::build(&root, identifier).map_err(JsonError::of_message)
}
