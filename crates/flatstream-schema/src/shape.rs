use core::fmt;

use crate::generated::reflection::{BaseType, Type};
use crate::schema::Schema;

/// A type, as far as it decides how bytes are read. Types of two schemas are the same if their shapes are: what they
/// refer to is known by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape<'a> {
    base: BaseType,
    /// Of a vector or an array.
    element: BaseType,
    /// The full name of the table, struct, enum or union.
    refers_to: Option<&'a str>,
    /// Of an array.
    len: u16,
}

impl<'a> Shape<'a> {
    /// `None` if it isn't a type, or if what it refers to isn't there.
    pub(crate) fn of(of: Type<'a>, schema: &Schema<'a>) -> Option<Self> {
        let base = of.base_type();
        let element = if is_sequence(base) { of.element() } else { BaseType::None };
        let innermost = if is_sequence(base) { element } else { base };
        // Nothing nests deeper: a vector of vectors doesn't exist.
        if word(base).is_none() && !is_sequence(base) || word(innermost).is_none() {
            return None;
        }
        let refers_to = match innermost {
            BaseType::Obj => Some(schema.object_at(of.index())?.name()),
            BaseType::Union | BaseType::UType => Some(schema.enum_at(of.index())?.name()),
            _ if of.index() >= 0 => Some(schema.enum_at(of.index())?.name()),
            _ => None,
        };
        let len = if base == BaseType::Array { of.fixed_length() } else { 0 };
        Some(Self { base, element, refers_to, len })
    }

    /// What an enum is made of, which refers to the enum itself.
    pub(crate) fn without_name(self) -> Self {
        Self { refers_to: None, ..self }
    }

    /// Whether an absent value reads as the field's default, unless it is optional.
    pub(crate) fn is_scalar(&self) -> bool {
        !is_sequence(self.base) && !matches!(self.base, BaseType::String | BaseType::Obj | BaseType::Union)
    }

    pub(crate) fn is_real(&self) -> bool {
        matches!(self.base, BaseType::Float | BaseType::Double)
    }
}

fn is_sequence(base: BaseType) -> bool {
    matches!(base, BaseType::Vector | BaseType::Vector64 | BaseType::Array)
}

/// What a schema calls it; `None` for what is no type, or nothing by itself.
fn word(base: BaseType) -> Option<&'static str> {
    Some(match base {
        // The underlying type of a union, which is its type field.
        BaseType::UType => "union type",
        BaseType::Bool => "bool",
        BaseType::Byte => "byte",
        BaseType::UByte => "ubyte",
        BaseType::Short => "short",
        BaseType::UShort => "ushort",
        BaseType::Int => "int",
        BaseType::UInt => "uint",
        BaseType::Long => "long",
        BaseType::ULong => "ulong",
        BaseType::Float => "float",
        BaseType::Double => "double",
        BaseType::String => "string",
        BaseType::Obj => "table or struct",
        BaseType::Union => "union",
        _ => return None,
    })
}

/// As a schema writes it, with what an enum is made of: `double`, `[Kinds.Note]`, `Kinds.Color (ubyte)`.
impl fmt::Display for Shape<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let innermost = if is_sequence(self.base) { self.element } else { self.base };
        let word = word(innermost).unwrap_or_default();
        let (open, close) = if is_sequence(self.base) { ("[", "]") } else { ("", "") };
        f.write_str(open)?;
        match (self.refers_to, innermost) {
            (Some(name), BaseType::Obj | BaseType::Union) => f.write_str(name)?,
            (Some(name), _) => write!(f, "{name} ({word})")?,
            (None, _) => f.write_str(word)?,
        }
        if self.base == BaseType::Array {
            write!(f, ":{}", self.len)?;
        }
        f.write_str(close)
    }
}
