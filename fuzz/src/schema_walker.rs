//! Damaged messages and damaged binary schemas: an answer, soon; and what is decoded is JSON.
//!
//! An input is a byte that says what the rest is, one that chooses a schema, and the rest.

use std::sync::LazyLock;

use flatstream_schema::{FieldPath, Schema, SchemaError, Walker, conform};
use flatstream_testkit::noise::Choices;

use crate::decoding::{decode, limited, paths};
use crate::messages::{Contents, SCHEMAS, message, walker};
use crate::script::Script;

/// What an input's first byte says the rest is.
pub(crate) const MESSAGE: u8 = 0;
pub(crate) const SCHEMA: u8 = 1;
pub(crate) const PATH: u8 = 2;

static WALKERS: LazyLock<Vec<(Walker, Vec<FieldPath>)>> = LazyLock::new(|| {
    let walkers = SCHEMAS.iter().map(|(name, _)| limited(walker(name)));
    walkers.map(|walker| (paths(&walker), walker)).map(|(paths, walker)| (walker, paths)).collect()
});

pub fn check(data: &[u8]) {
    let mut script = Script::new(data);
    let what = script.below(3) as u8;
    let which = script.below(SCHEMAS.len());
    let (walker, paths) = &WALKERS[which];
    match what {
        MESSAGE => _ = decode(walker, paths, script.rest()),
        SCHEMA => check_schema(script.rest(), &message(walker, Contents::Anything, 1), SCHEMAS[which].1),
        _ => {
            let Ok(text) = str::from_utf8(script.rest()) else { return };
            if let Ok(path) = FieldPath::parse(walker, text) {
                assert_eq!(path.as_str(), text);
                let _ = path.read(&message(walker, Contents::Anything, 1));
            }
        }
    }
}

fn check_schema(bfbs: &[u8], message: &[u8], other: &[u8]) {
    let schema = match Schema::read(bfbs) {
        Ok(schema) => schema,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    assert_eq!(conform(bfbs, bfbs), Ok(()), "each schema conforms to itself");
    let _ = conform(bfbs, other);
    let _ = conform(other, bfbs);
    let _ = schema.to_fbs();
    match Walker::new(&schema) {
        Ok(walker) => {
            let walker = limited(walker);
            let paths = paths(&walker);
            let _ = decode(&walker, &paths, message);
        }
        Err(error) => assert!(matches!(error, SchemaError::Inconsistent { .. }), "{error}"),
    }
}
