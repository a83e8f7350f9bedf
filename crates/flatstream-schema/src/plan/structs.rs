//! Structs have no offsets, so a schema alone decides how far they unfold.

use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use super::{Kind, Object};
use crate::error::SchemaError;
use crate::schema::inconsistent;

/// How deep structs may nest.
const DEPTH_MAX: usize = 64;

/// Every field has its bytes for itself, within the struct: so a struct of `n` bytes has at most `n` values.
pub(super) fn check(objects: &[Object]) -> Result<(), SchemaError> {
    for object in objects.iter().filter(|object| object.is_struct) {
        let mut end = 0;
        for field in &object.fields {
            let start = usize::from(field.offset);
            if start < end || field.size == 0 || start.saturating_add(field.size) > object.size {
                let path = format!("{}.{}", object.name, field.name);
                return Err(inconsistent(&path, "its bytes aren't its own, or aren't inside of the struct"));
            }
            end = start + field.size;
        }
        if end == 0 {
            return Err(inconsistent(&object.name, "a struct without fields"));
        }
    }
    check_depth(objects)
}

/// Round by round, a struct is settled when all that it is made of is.
fn check_depth(objects: &[Object]) -> Result<(), SchemaError> {
    let mut is_settled: Vec<bool> = objects.iter().map(|object| !object.is_struct).collect();
    for _ in 0..DEPTH_MAX {
        let mut next = vec![true; objects.len()];
        for (object, next) in objects.iter().zip(&mut next) {
            *next = !object.is_struct
                || object.fields.iter().all(|field| match field.kind {
                    Kind::Struct(index) => is_settled[index.0 as usize],
                    _ => true,
                });
        }
        is_settled = next;
    }
    match objects.iter().zip(&is_settled).find(|(_, is_settled)| !**is_settled) {
        Some((object, _)) => Err(inconsistent(&object.name, "structs nest too deep, or in a circle")),
        None => Ok(()),
    }
}
