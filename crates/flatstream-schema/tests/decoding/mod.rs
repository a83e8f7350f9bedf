//! Decodes messages in every way.
#![allow(dead_code, reason = "each test uses a part")]

use flatstream_schema::{Element, FieldPath, JsonOptions, MessageError, Object, Type, Walker};

/// What a damaged message may unfold to, in these tests.
pub(crate) const SHARED_BYTES: usize = 1 << 16;

/// Decodes it in every way. What comes out has to be JSON, and no more than the limits allow.
pub(crate) fn decode(walker: &Walker, paths: &[FieldPath], message: &[u8]) -> Result<(), MessageError> {
    let mut text = Vec::new();
    let outcome = walker.write_json(message, &JsonOptions::new(), &mut text);
    match &outcome {
        // A visited byte is at most a name and a number.
        Ok(()) => {
            assert!(text.len() <= 100 * (message.len() + SHARED_BYTES), "{} bytes", text.len());
            assert!(serde_json::from_slice::<serde_json::Value>(&text).is_ok(), "{}", String::from_utf8_lossy(&text));
        }
        Err(error) => {
            assert!(text.is_empty());
            assert!(!error.to_string().is_empty());
        }
    }
    for path in paths {
        let _ = path.read(message).map_err(|error| error.to_string());
    }
    outcome
}

/// With limits of these tests.
pub(crate) fn limited(walker: Walker) -> Walker {
    walker.shared_bytes_max(SHARED_BYTES).tables_max(10_000)
}

/// Paths to all that is found on two levels.
pub(crate) fn paths(walker: &Walker) -> Vec<FieldPath> {
    fn collect(walker: &Walker, object: &Object, prefix: &str, depth: usize, paths: &mut Vec<FieldPath>) {
        for field in object.fields() {
            let (element, index) = match walker.type_of(field) {
                Some(Type::One(element)) => (element, ""),
                Some(Type::Vector(element) | Type::Array(element, _)) => (element, "[0]"),
                None => panic!("{}", field.name()),
            };
            let path = format!("{prefix}{}{index}", field.name());
            let objects = match element {
                Element::Table(object) | Element::Struct(object) => vec![(path, object)],
                Element::Union(declared) => {
                    let members =
                        declared.values().iter().filter_map(|value| Some((value, walker.member_type(value)?)));
                    members
                        .filter_map(|(value, member)| match member {
                            Element::Table(object) | Element::Struct(object) => {
                                Some((format!("{path}.{}", value.name()), object))
                            }
                            _ => None,
                        })
                        .collect()
                }
                _ if walker.nested_root(field).is_some() => {
                    vec![(format!("{prefix}{}", field.name()), walker.nested_root(field).unwrap())]
                }
                _ => {
                    // A damaged name may be no part of a path.
                    paths.extend(FieldPath::parse(walker, &path));
                    continue;
                }
            };
            for (path, object) in objects.into_iter().filter(|_| depth > 0) {
                collect(walker, object, &format!("{path}."), depth - 1, paths);
            }
        }
    }
    let mut found = Vec::new();
    collect(walker, walker.root(), "", 1, &mut found);
    found
}
