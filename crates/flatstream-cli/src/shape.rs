//! What is known of the messages of a stream.

use std::path::Path;

use flatstream::Header;
use flatstream::schema::{Schema, Walker};

use crate::arguments::SchemaOptions;
use crate::outcome::Failure;

/// By the schema that was given, or else by the one in the header; `None` if there is none.
pub(crate) fn walker(header: Option<&Header>, options: &SchemaOptions) -> Result<Option<Walker>, Failure> {
    let given = options.schema.as_deref().map(read).transpose()?;
    let Some(bfbs) = given.as_deref().or(header.and_then(Header::schema)) else { return Ok(None) };
    let wrong = |error: &dyn std::fmt::Display| match &options.schema {
        Some(path) => Failure::usage(format!("{}: {error}", path.display())),
        None => Failure::Other {
            what: format!("the stream's schema can't be used: {error}"),
            advice: Some("`--schema FILE.bfbs` takes another one".to_owned()),
        },
    };
    let schema = Schema::read(bfbs).map_err(|error| wrong(&error))?;
    let root =
        options.root.as_deref().or(header.and_then(Header::message_type).filter(|name| has_table(&schema, name)));
    let walker = match root {
        Some(root) => Walker::of_table(&schema, root),
        None => Walker::new(&schema),
    };
    walker.map(Some).map_err(|error| wrong(&error))
}

fn has_table(schema: &Schema<'_>, name: &str) -> bool {
    Walker::of_table(schema, name).is_ok()
}

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| Failure::file(path, "read", &error))
}
