//! What a schema says, prepared for walking messages: by index, in the order of JSON, with all names and defaults.

mod build;
mod structs;

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::value::{Scalar, Value};

/// All tables, structs and enums of a schema.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) objects: Vec<Object>,
}

impl Plan {
    /// Indices are the plan's own: `build` has checked each.
    #[inline]
    pub(crate) fn object(&self, index: ObjectIndex) -> &Object {
        &self.objects[index.0 as usize]
    }

    /// `None` if it is of another plan.
    pub(crate) fn element<'w>(&'w self, kind: &'w Kind) -> Option<Element<'w>> {
        let object = |index: &ObjectIndex| self.objects.get(index.0 as usize);
        Some(match kind {
            Kind::Scalar(scalar, None) => Element::Scalar(*scalar),
            Kind::Scalar(_, Some(declared)) => Element::Enum(declared),
            Kind::String => Element::String,
            Kind::Table(index) => Element::Table(object(index)?),
            Kind::Struct(index) => Element::Struct(object(index)?),
            Kind::Union(declared, _) => Element::Union(declared),
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ObjectIndex(pub(crate) u32);

/// A table or a struct of the schema.
#[derive(Debug)]
pub struct Object {
    pub(crate) name: Box<str>,
    pub(crate) is_struct: bool,
    pub(crate) fields: Box<[Field]>,
    /// Of a struct.
    pub(crate) size: usize,
    /// What its place in a message is a multiple of: of a struct.
    #[cfg_attr(not(feature = "from-json"), allow(dead_code, reason = "who makes messages needs it"))]
    pub(crate) align: usize,
}

impl Object {
    /// The full name, such as `Telemetry.TelemetryEvent`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is a struct; else it is a table.
    #[must_use]
    pub fn is_struct(&self) -> bool {
        self.is_struct
    }

    /// How many bytes a struct has; `None` for a table.
    #[must_use]
    pub fn struct_size(&self) -> Option<usize> {
        self.is_struct.then_some(self.size)
    }

    /// In the order of their ids, which is the order of JSON.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The field of this name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name() == name)
    }
}

/// A field of a table or struct.
#[derive(Debug)]
pub struct Field {
    pub(crate) name: Box<str>,
    /// `,"name":`
    pub(crate) json_key: Box<[u8]>,
    /// Its slot in a table's vtable, or its place in a struct.
    pub(crate) offset: u16,
    /// How many bytes of the object it takes.
    pub(crate) size: usize,
    /// What the place of a vector's elements is a multiple of, if the schema says so (`force_align`); else 1.
    #[cfg_attr(not(feature = "from-json"), allow(dead_code, reason = "who makes messages needs it"))]
    pub(crate) align: usize,
    pub(crate) many: Many,
    pub(crate) kind: Kind,
    /// Of a scalar that isn't optional.
    pub(crate) default: Option<Value<'static>>,
    /// The root table of the message that its bytes are.
    pub(crate) nested: Option<ObjectIndex>,
    pub(crate) flags: Flags,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Flags {
    pub(crate) is_key: bool,
    pub(crate) is_required: bool,
    pub(crate) is_optional: bool,
    pub(crate) is_deprecated: bool,
    /// Its offset takes 64 bits.
    pub(crate) has_wide_offset: bool,
}

impl Field {
    /// As the schema calls it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Of a table's field its slot in the vtable, of a struct's its place in the struct, in bytes.
    #[must_use]
    pub fn offset(&self) -> u16 {
        self.offset
    }

    /// What a field that isn't there reads as: scalars' defaults; `None` for optional scalars and everything else.
    #[must_use]
    pub fn default(&self) -> Option<Value<'static>> {
        self.default
    }

    /// The enum or union that it is of, or that its elements are of. A union's type field is of the union too.
    #[must_use]
    pub fn enumeration(&self) -> Option<&Enum> {
        match &self.kind {
            Kind::Scalar(_, Some(declared)) | Kind::Union(declared, _) => Some(declared),
            _ => None,
        }
    }

    /// Whether it is the table's `key`.
    #[must_use]
    pub fn is_key(&self) -> bool {
        self.flags.is_key
    }

    /// Whether it is `required`. A message may lack it all the same: it is an error of whoever wrote it.
    #[must_use]
    pub fn is_required(&self) -> bool {
        self.flags.is_required
    }

    /// Whether it is a scalar that may be null.
    #[must_use]
    pub fn is_optional(&self) -> bool {
        self.flags.is_optional
    }

    /// Whether it is found by an offset of 64 bits (`offset64`, `vector64`).
    #[must_use]
    pub fn has_offset64(&self) -> bool {
        self.flags.has_wide_offset
    }

    /// Whether it is a vector whose length has 64 bits (`vector64`).
    #[must_use]
    pub fn is_vector64(&self) -> bool {
        self.many == Many::WideVector
    }

    /// Whether it is `deprecated`.
    #[must_use]
    pub fn is_deprecated(&self) -> bool {
        self.flags.is_deprecated
    }

    pub(crate) fn is_scalar(&self) -> bool {
        matches!((self.many, &self.kind), (Many::One, Kind::Scalar(..)))
    }
}

/// Whether a field is one of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Many {
    One,
    Vector,
    /// Its length takes 64 bits.
    WideVector,
    Array(u16),
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Scalar(Scalar, Option<Arc<Enum>>),
    String,
    Table(ObjectIndex),
    Struct(ObjectIndex),
    Union(Arc<Enum>, Tag),
}

/// Where the tag of a union stands: which member it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tag {
    pub(crate) slot: u16,
    pub(crate) scalar: Scalar,
}

/// An enum or a union of the schema.
#[derive(Debug)]
pub struct Enum {
    pub(crate) name: Box<str>,
    pub(crate) is_union: bool,
    pub(crate) has_bit_flags: bool,
    pub(crate) underlying: Scalar,
    /// In the order of their numbers.
    pub(crate) values: Box<[EnumValue]>,
}

impl Enum {
    /// The full name, such as `Telemetry.State`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is a union.
    #[must_use]
    pub fn is_union(&self) -> bool {
        self.is_union
    }

    /// Whether the schema says that its values are `bit_flags`. flatc puts that into a binary schema if it is called
    /// with `--bfbs-builtins`; else the schema doesn't say so.
    #[must_use]
    pub fn has_bit_flags(&self) -> bool {
        self.has_bit_flags
    }

    /// The type of its numbers.
    #[must_use]
    pub fn underlying(&self) -> Scalar {
        self.underlying
    }

    /// In the order of their numbers; of a union the first is `NONE`.
    #[must_use]
    pub fn values(&self) -> &[EnumValue] {
        &self.values
    }

    /// The name of a value's number; `None` if it has none, or if it is more than one flag.
    #[must_use]
    pub fn name_of(&self, value: Value<'_>) -> Option<&str> {
        self.value_of(value.bits()?).map(EnumValue::name)
    }

    /// The value that has this number.
    #[inline]
    pub(crate) fn value_of(&self, number: i64) -> Option<&EnumValue> {
        // Most enums count from 0, or nearly so.
        let first = self.values.first()?.number;
        let guess = usize::try_from(number.wrapping_sub(first)).ok().and_then(|nth| self.values.get(nth));
        if let Some(value) = guess
            && value.number == number
        {
            return Some(value);
        }
        let nth = self.values.binary_search_by_key(&number, |value| value.number).ok()?;
        self.values.get(nth)
    }
}

/// A value of an enum, or a member of a union.
#[derive(Debug)]
pub struct EnumValue {
    pub(crate) name: Box<str>,
    /// The name as it stands in JSON, between quotes.
    pub(crate) json_name: Box<[u8]>,
    pub(crate) number: i64,
    /// Of a union; `NONE` has none.
    pub(crate) member: Option<Member>,
}

impl EnumValue {
    /// As the schema calls it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its number; above `i64::MAX`, of enums whose underlying type is `ulong`, by its bits.
    #[must_use]
    pub fn number(&self) -> i64 {
        self.number
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Member {
    Table(ObjectIndex),
    Struct(ObjectIndex),
    String,
}

/// What a field holds.
#[derive(Clone, Copy, Debug)]
pub enum Type<'w> {
    /// One of these.
    One(Element<'w>),
    /// A vector of them.
    Vector(Element<'w>),
    /// In a struct: so many of them.
    Array(Element<'w>, u16),
}

/// What a field is, or what its elements are.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "a schema's own words")]
pub enum Element<'w> {
    Scalar(Scalar),
    Enum(&'w Enum),
    String,
    Table(&'w Object),
    Struct(&'w Object),
    Union(&'w Enum),
}
