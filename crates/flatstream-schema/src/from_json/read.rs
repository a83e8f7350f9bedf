//! Checks what the text says, by the schema.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde_core::de::{DeserializeSeed, Error as _, MapAccess};
use serde_json::Deserializer;
use serde_json::value::RawValue;

use super::seeds::{FieldName, FieldSeed, TableSeed};
use super::{Held, JsonError, Node, place};
use crate::plan::{Enum, Field, Kind, Many, Object, Plan, Tag};
use crate::stop::{Part, path_of};

pub(super) fn read<'w, 'j>(
    plan: &'w Plan,
    root: &'w Object,
    depth_max: u32,
    json: &'j [u8],
) -> Result<Held<'w, 'j>, JsonError> {
    let mut reader = Reader { plan, json, depth_left: depth_max, depth_max, path: Vec::new(), place: None };
    let mut deserializer = Deserializer::from_slice(json);
    let root = TableSeed { reader: &mut reader, object: root }.deserialize(&mut deserializer);
    root.and_then(|root| deserializer.end().map(|()| root)).map_err(|error| {
        let place = reader.place.unwrap_or((error.line(), error.column()));
        JsonError::new(path_of(reader.path.iter()), place::what(&error), place)
    })
}

/// What is known while a text is read.
pub(super) struct Reader<'w, 'j> {
    pub(super) plan: &'w Plan,
    json: &'j [u8],
    depth_left: u32,
    depth_max: u32,
    /// To what is read at the moment. An error leaves it as it is.
    path: Vec<Part<'w>>,
    /// Where the error is, if it is in a part that was put aside.
    place: Option<(usize, usize)>,
}

/// The types of a union, or of a vector of them.
type Tags = Vec<i64>;

impl<'w, 'j> Reader<'w, 'j> {
    pub(super) fn enter(&mut self, part: Part<'w>) {
        self.path.push(part);
    }

    pub(super) fn leave(&mut self) {
        self.path.pop();
    }

    /// One more table within the others.
    pub(super) fn deeper<E: serde_core::de::Error>(&mut self) -> Result<(), E> {
        let too_deep = || E::custom(format!("tables are nested deeper than {}", self.depth_max));
        self.depth_left = self.depth_left.checked_sub(1).ok_or_else(too_deep)?;
        Ok(())
    }

    pub(super) fn shallower(&mut self) {
        self.depth_left += 1;
    }

    pub(super) fn table<A: MapAccess<'j>>(&mut self, object: &'w Object, mut map: A) -> Result<Held<'w, 'j>, A::Error> {
        let mut held: Held<'w, 'j> = Vec::new();
        // Unions whose type isn't known yet.
        let mut aside: Vec<(&'w Field, &'j RawValue)> = Vec::new();
        let mut next = 0;
        while let Some(nth) = map.next_key_seed(FieldName { object, next })? {
            next = nth + 1;
            let field = &object.fields()[nth];
            self.enter(Part::Field(field.name()));
            let is_there = |held: &Held<'_, '_>| held.iter().any(|(other, _)| core::ptr::eq(*other, field));
            if is_there(&held) || aside.iter().any(|(other, _)| core::ptr::eq(*other, field)) {
                return Err(A::Error::custom("it stands twice"));
            }
            let node = match tags(field, &held) {
                Some(None) => {
                    aside.push((field, map.next_value()?));
                    None
                }
                Some(Some(tags)) => map.next_value_seed(FieldSeed { reader: self, field, tags: &tags })?,
                None => map.next_value_seed(FieldSeed { reader: self, field, tags: &[] })?,
            };
            held.extend(node.map(|node| (field, node)));
            self.leave();
        }
        for (field, json) in aside {
            self.enter(Part::Field(field.name()));
            let node = self.put_aside(field, json, &held).map_err(A::Error::custom)?;
            held.extend(node.map(|node| (field, node)));
            self.leave();
        }
        self.check_unions(object, &mut held).map_err(A::Error::custom)?;
        let is_held = |field: &Field| held.iter().any(|(other, _)| core::ptr::eq(*other, field));
        match object.fields().iter().find(|field| field.is_required() && !is_held(field)) {
            Some(field) => Err(A::Error::custom(format!("the required field {:?} is missing", field.name()))),
            None => Ok(held),
        }
    }

    /// A union, or a vector of them, whose type was said behind it.
    fn put_aside(
        &mut self,
        field: &'w Field,
        json: &'j RawValue,
        held: &Held<'w, 'j>,
    ) -> Result<Option<Node<'w, 'j>>, String> {
        let tags = tags(field, held).flatten();
        if json.get() == "null" {
            return Ok(None);
        }
        let Some(tags) = tags else {
            return Err(format!(
                "it is a union, and there is no \"{}_type\" that says which member it is",
                field.name()
            ));
        };
        let seed = FieldSeed { reader: self, field, tags: &tags };
        let node = seed.deserialize(&mut Deserializer::from_str(json.get()));
        node.map_err(|error| {
            self.place = self.place.or_else(|| Some(place::of_part(self.json, json.get(), &error)));
            place::what(&error)
        })
    }

    /// A type and a value are there both, or neither of them.
    fn check_unions(&mut self, object: &'w Object, held: &mut Held<'w, 'j>) -> Result<(), String> {
        for field in object.fields() {
            let Kind::Union(declared, tag) = &field.kind else { continue };
            if held.iter().any(|(other, _)| core::ptr::eq(*other, field)) {
                continue;
            }
            let Some(types) = tags(field, held).flatten() else { continue };
            if field.many == Many::One && types == [0] || types.is_empty() {
                held.retain(|(other, _)| other.offset() != tag.slot);
                continue;
            }
            self.enter(Part::Field(field.name()));
            return Err(format!("there is none, and its type says {}", names_of(declared, &types)));
        }
        Ok(())
    }
}

fn names_of(declared: &Enum, types: &[i64]) -> String {
    let first = types.first().copied().unwrap_or_default();
    match declared.value_of(first) {
        Some(value) if types.len() == 1 => value.name().into(),
        _ => format!("{} members", types.len()),
    }
}

/// `None` if the field is of no union; else what its type says, if that is there.
fn tags(field: &Field, held: &Held<'_, '_>) -> Option<Option<Tags>> {
    let Kind::Union(_, Tag { slot, scalar }) = &field.kind else { return None };
    let number = |bytes: &[u8]| scalar.read(bytes).and_then(crate::value::Value::bits).unwrap_or_default();
    let found = held.iter().find(|(other, _)| other.offset() == *slot);
    Some(found.map(|(_, node)| match node {
        Node::Scalar(bytes) => Vec::from([number(bytes)]),
        Node::Elements { bytes, .. } => bytes.chunks_exact(scalar.size()).map(number).collect(),
        _ => Vec::new(),
    }))
}
