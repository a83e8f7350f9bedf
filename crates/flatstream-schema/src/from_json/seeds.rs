//! What `serde_json` is asked for: a table, a struct, a vector, by the schema.

use alloc::borrow::{Cow, ToOwned};
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use serde_core::de::{Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::read::Reader;
use super::{Held, Node, scalar};
use crate::plan::{Enum, Field, Kind, Many, Member, Object};
use crate::stop::Part;
use crate::value::Scalar;

/// The name of a field, as its place among the object's fields.
pub(super) struct FieldName<'w> {
    pub(super) object: &'w Object,
    /// The one that most likely comes now.
    pub(super) next: usize,
}

impl<'j> DeserializeSeed<'j> for FieldName<'_> {
    type Value = usize;

    fn deserialize<D: Deserializer<'j>>(self, deserializer: D) -> Result<usize, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for FieldName<'_> {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a field of {}", self.object.name())
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<usize, E> {
        let fields = self.object.fields();
        if fields.get(self.next).is_some_and(|field| field.name() == name) {
            return Ok(self.next);
        }
        fields.iter().position(|field| field.name() == name).ok_or_else(|| {
            let known: Vec<&str> = fields.iter().map(Field::name).collect();
            E::custom(format!("{} has no field {name:?}, only: {}", self.object.name(), known.join(", ")))
        })
    }
}

/// What a table's field says; `None` if that is null.
pub(super) struct FieldSeed<'r, 'w, 'j> {
    pub(super) reader: &'r mut Reader<'w, 'j>,
    pub(super) field: &'w Field,
    /// Of a union its type, of a vector of them all types.
    pub(super) tags: &'r [i64],
}

impl<'w, 'j> DeserializeSeed<'j> for FieldSeed<'_, 'w, 'j> {
    type Value = Option<Node<'w, 'j>>;

    fn deserialize<D: Deserializer<'j>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        let Kind::Scalar(scalar, declared) = &self.field.kind else { return deserializer.deserialize_option(self) };
        if self.field.many != Many::One {
            return deserializer.deserialize_option(self);
        }
        let json = <&'j RawValue>::deserialize(deserializer)?.get();
        let is_real = matches!(scalar, Scalar::Float | Scalar::Double);
        if json == "null" && (self.field.is_optional() || !is_real) {
            return Ok(None);
        }
        scalar::bytes_of(*scalar, declared.as_deref(), json).map(Node::Scalar).map(Some).map_err(D::Error::custom)
    }
}

impl<'w, 'j> Visitor<'j> for FieldSeed<'_, 'w, 'j> {
    type Value = Option<Node<'w, 'j>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the field {}", self.field.name())
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'j>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        let Self { reader, field, tags } = self;
        let plan = reader.plan;
        if let Some(index) = field.nested {
            let object =
                plan.objects.get(index.0 as usize).ok_or_else(|| D::Error::custom("it is nested in nothing"))?;
            return TableSeed { reader, object }.deserialize(deserializer).map(Node::Nested).map(Some);
        }
        let of = match (field.many, &field.kind) {
            (Many::One, Kind::String) => One::String,
            (Many::One, Kind::Struct(index)) => One::Struct(plan.object(*index)),
            (Many::One, Kind::Table(index)) => One::Table(plan.object(*index)),
            (Many::One, Kind::Union(declared, _)) => {
                match One::member(reader, declared, tags.first().copied().unwrap_or_default())? {
                    Some(of) => of,
                    None => {
                        return Err(D::Error::custom("expected null, because the union's type is NONE"));
                    }
                }
            }
            _ => return VectorSeed { reader, field, tags }.deserialize(deserializer).map(Some),
        };
        OneSeed { reader, of }.deserialize(deserializer).map(Some)
    }
}

/// What has a place of its own.
#[derive(Clone, Copy)]
enum One<'w> {
    String,
    Table(&'w Object),
    Struct(&'w Object),
}

impl<'w> One<'w> {
    /// A member of a union; `None` for the type `NONE`.
    fn member<E: Error>(reader: &Reader<'w, '_>, declared: &Enum, tag: i64) -> Result<Option<Self>, E> {
        if tag == 0 {
            return Ok(None);
        }
        match declared.value_of(tag).and_then(|value| value.member) {
            Some(Member::String) => Ok(Some(Self::String)),
            Some(Member::Table(index)) => Ok(Some(Self::Table(reader.plan.object(index)))),
            Some(Member::Struct(index)) => Ok(Some(Self::Struct(reader.plan.object(index)))),
            None => Err(E::custom(format!("{} has no member {tag}", declared.name()))),
        }
    }
}

struct OneSeed<'r, 'w, 'j> {
    reader: &'r mut Reader<'w, 'j>,
    of: One<'w>,
}

impl<'w, 'j> DeserializeSeed<'j> for OneSeed<'_, 'w, 'j> {
    type Value = Node<'w, 'j>;

    fn deserialize<D: Deserializer<'j>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        let Self { reader, of } = self;
        match of {
            One::String => deserializer.deserialize_str(Text).map(Node::String),
            One::Table(object) => TableSeed { reader, object }.deserialize(deserializer).map(Node::Table),
            One::Struct(object) => {
                let mut bytes = vec![0; object.size];
                StructSeed { reader, object, into: &mut bytes }.deserialize(deserializer)?;
                Ok(Node::Struct { bytes, align: object.align })
            }
        }
    }
}

struct Text;

impl<'j> Visitor<'j> for Text {
    type Value = Cow<'j, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E>(self, text: &'j str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text))
    }
}

pub(super) struct TableSeed<'r, 'w, 'j> {
    pub(super) reader: &'r mut Reader<'w, 'j>,
    pub(super) object: &'w Object,
}

impl<'w, 'j> DeserializeSeed<'j> for TableSeed<'_, 'w, 'j> {
    type Value = Held<'w, 'j>;

    fn deserialize<D: Deserializer<'j>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'w, 'j> Visitor<'j> for TableSeed<'_, 'w, 'j> {
    type Value = Held<'w, 'j>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object of the fields of {}", self.object.name())
    }

    fn visit_map<A: MapAccess<'j>>(self, map: A) -> Result<Self::Value, A::Error> {
        self.reader.deeper()?;
        let held = self.reader.table(self.object, map)?;
        self.reader.shallower();
        Ok(held)
    }
}

/// Fills the bytes of a struct.
struct StructSeed<'r, 'w, 'j> {
    reader: &'r mut Reader<'w, 'j>,
    object: &'w Object,
    /// As many as the struct has.
    into: &'r mut [u8],
}

impl<'j> DeserializeSeed<'j> for StructSeed<'_, '_, 'j> {
    type Value = ();

    fn deserialize<D: Deserializer<'j>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'j> Visitor<'j> for StructSeed<'_, '_, 'j> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object of all fields of {}", self.object.name())
    }

    fn visit_map<A: MapAccess<'j>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { reader, object, into } = self;
        let mut is_said = vec![false; object.fields().len()];
        let mut next = 0;
        while let Some(nth) = map.next_key_seed(FieldName { object, next })? {
            next = nth + 1;
            let field = &object.fields()[nth];
            reader.enter(Part::Field(field.name()));
            if core::mem::replace(&mut is_said[nth], true) {
                return Err(A::Error::custom("it stands twice"));
            }
            let place = usize::from(field.offset());
            let into = into.get_mut(place..place + field.size).unwrap_or_default();
            match field.many {
                Many::Array(len) => map.next_value_seed(ArraySeed { reader, field, len: len.into(), into })?,
                _ => map.next_value_seed(InlineSeed { reader, kind: &field.kind, into })?,
            }
            reader.leave();
        }
        match object.fields().iter().zip(&is_said).find(|(_, is_said)| !**is_said) {
            Some((field, _)) => {
                let name = object.name();
                Err(A::Error::custom(format!("{name} is a struct, and its field {:?} is missing", field.name())))
            }
            None => Ok(()),
        }
    }
}

/// Fills the bytes of a scalar or a struct.
struct InlineSeed<'r, 'w, 'j> {
    reader: &'r mut Reader<'w, 'j>,
    kind: &'w Kind,
    into: &'r mut [u8],
}

impl<'j> DeserializeSeed<'j> for InlineSeed<'_, '_, 'j> {
    type Value = ();

    fn deserialize<D: Deserializer<'j>>(self, deserializer: D) -> Result<(), D::Error> {
        let Self { reader, kind, into } = self;
        match kind {
            Kind::Struct(index) => {
                let object = reader.plan.object(*index);
                StructSeed { reader, object, into }.deserialize(deserializer)
            }
            Kind::Scalar(scalar, declared) => {
                let json = <&'j RawValue>::deserialize(deserializer)?.get();
                let bytes = scalar::bytes_of(*scalar, declared.as_deref(), json).map_err(D::Error::custom)?;
                into.iter_mut().zip(bytes).for_each(|(into, byte)| *into = byte);
                Ok(())
            }
            // The plan has no others where this is asked for.
            _ => IgnoredAny::deserialize(deserializer).map(drop),
        }
    }
}

/// Fills the bytes of an array.
struct ArraySeed<'r, 'w, 'j> {
    reader: &'r mut Reader<'w, 'j>,
    field: &'w Field,
    len: usize,
    into: &'r mut [u8],
}

impl<'j> DeserializeSeed<'j> for ArraySeed<'_, '_, 'j> {
    type Value = ();

    fn deserialize<D: Deserializer<'j>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'j> Visitor<'j> for ArraySeed<'_, '_, 'j> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of {}", self.len)
    }

    fn visit_seq<A: SeqAccess<'j>>(self, mut list: A) -> Result<(), A::Error> {
        let Self { reader, field, len, into } = self;
        for (nth, into) in into.chunks_exact_mut(field.size / len.max(1)).enumerate() {
            reader.enter(Part::Element(nth));
            if list.next_element_seed(InlineSeed { reader, kind: &field.kind, into })?.is_none() {
                reader.leave();
                return Err(A::Error::custom(format!("expected {len} elements, found {nth}")));
            }
            reader.leave();
        }
        match list.next_element::<IgnoredAny>()? {
            Some(_) => Err(A::Error::custom(format!("expected {len} elements, found more"))),
            None => Ok(()),
        }
    }
}

struct VectorSeed<'r, 'w, 'j> {
    reader: &'r mut Reader<'w, 'j>,
    field: &'w Field,
    tags: &'r [i64],
}

impl<'w, 'j> DeserializeSeed<'j> for VectorSeed<'_, 'w, 'j> {
    type Value = Node<'w, 'j>;

    fn deserialize<D: Deserializer<'j>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'w, 'j> Visitor<'j> for VectorSeed<'_, 'w, 'j> {
    type Value = Node<'w, 'j>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'j>>(self, list: A) -> Result<Self::Value, A::Error> {
        let kind = &self.field.kind;
        let (size, align) = match kind {
            Kind::Scalar(scalar, _) => (scalar.size(), scalar.size()),
            Kind::Struct(index) => {
                let object = self.reader.plan.object(*index);
                (object.size, object.align)
            }
            Kind::Union(declared, _) => {
                let declared = &**declared;
                return self.unions(declared, list).map(Node::Offsets);
            }
            Kind::String | Kind::Table(_) => return self.offsets(list).map(Node::Offsets),
        };
        self.elements(list, size, align)
    }
}

impl<'w, 'j> VectorSeed<'_, 'w, 'j> {
    fn elements<A: SeqAccess<'j>>(self, mut list: A, size: usize, align: usize) -> Result<Node<'w, 'j>, A::Error> {
        let Self { reader, field, .. } = self;
        let mut bytes = Vec::new();
        for nth in 0.. {
            let begin = bytes.len();
            bytes.resize(begin + size, 0);
            let into = bytes.get_mut(begin..).unwrap_or_default();
            reader.enter(Part::Element(nth));
            let element = list.next_element_seed(InlineSeed { reader, kind: &field.kind, into })?;
            reader.leave();
            if element.is_none() {
                bytes.truncate(begin);
                return Ok(Node::Elements { len: nth, bytes, align: align.max(field.align) });
            }
        }
        Err(A::Error::custom("it has too many elements"))
    }

    fn offsets<A: SeqAccess<'j>>(self, mut list: A) -> Result<Vec<Option<Node<'w, 'j>>>, A::Error> {
        let Self { reader, field, .. } = self;
        let of = match &field.kind {
            Kind::Table(index) => One::Table(reader.plan.object(*index)),
            _ => One::String,
        };
        let mut nodes = Vec::new();
        loop {
            reader.enter(Part::Element(nodes.len()));
            let node = list.next_element_seed(OneSeed { reader, of })?;
            reader.leave();
            match node {
                Some(node) => nodes.push(Some(node)),
                None => return Ok(nodes),
            }
        }
    }

    fn unions<A: SeqAccess<'j>>(self, declared: &Enum, mut list: A) -> Result<Vec<Option<Node<'w, 'j>>>, A::Error> {
        let Self { reader, tags, .. } = self;
        let mut nodes = Vec::new();
        for (nth, tag) in tags.iter().enumerate() {
            reader.enter(Part::Element(nth));
            let node = match One::member(reader, declared, *tag)? {
                Some(of) => list.next_element_seed(OneSeed { reader, of })?.map(Some),
                None => list.next_element::<()>()?.map(|()| None),
            };
            reader.leave();
            nodes.push(node.ok_or_else(|| different(nth, tags.len()))?);
        }
        match list.next_element::<IgnoredAny>()? {
            Some(_) => Err(different(nodes.len() + 1, tags.len())),
            None => Ok(nodes),
        }
    }
}

fn different<E: Error>(elements: usize, types: usize) -> E {
    let elements = if elements > types { "more".to_owned() } else { format!("{elements}") };
    E::custom(format!("expected {types} elements, as there are types, found {elements}"))
}
