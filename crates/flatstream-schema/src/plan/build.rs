use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::{Enum, EnumValue, Field, Flags, Kind, Many, Member, Object, ObjectIndex, Plan, Tag, structs};
use crate::error::SchemaError;
use crate::generated::reflection::{self, BaseType, KeyValue};
use crate::json::{json_key, json_text};
use crate::schema::{Schema, inconsistent};
use crate::value::{Scalar, Value};

/// A vtable's first slot; the next ones follow every 2 bytes.
const FIRST_SLOT: u32 = 4;

type Attributes<'a> = Option<flatbuffers::Vector<'a, flatbuffers::ForwardsUOffset<KeyValue<'a>>>>;

impl Plan {
    /// Every index in it is one of an object that is there; structs are finite and lie within their size.
    pub(crate) fn new(schema: &Schema<'_>) -> Result<Self, SchemaError> {
        let objects = schema.objects_in_order();
        let builder = Builder {
            index_of: objects.iter().enumerate().map(|(nth, object)| (object.name(), index(nth))).collect(),
            enums: schema
                .enums_in_order()
                .iter()
                .map(|declared| enumeration(schema, declared).map(Arc::new))
                .collect::<Result<_, _>>()?,
            schema,
        };
        let objects = objects.iter().map(|object| builder.object(object)).collect::<Result<Vec<_>, _>>()?;
        structs::check(&objects)?;
        Ok(Self { objects })
    }

    /// The table of this name.
    pub(crate) fn table(&self, name: &str) -> Option<ObjectIndex> {
        self.objects.iter().position(|object| !object.is_struct && object.name() == name).map(index)
    }
}

fn index(nth: usize) -> ObjectIndex {
    ObjectIndex(nth as u32)
}

struct Builder<'s, 'a> {
    schema: &'s Schema<'a>,
    index_of: BTreeMap<&'a str, ObjectIndex>,
    enums: Vec<Arc<Enum>>,
}

impl<'a> Builder<'_, 'a> {
    fn object(&self, object: &reflection::Object<'a>) -> Result<Object, SchemaError> {
        let mut declared: Vec<_> = object.fields().iter().collect();
        declared.sort_by_key(reflection::Field::id);
        let mut fields: Vec<Field> = Vec::with_capacity(declared.len());
        for field in &declared {
            let fault = |what| inconsistent(&format!("{}.{}", object.name(), field.name()), what);
            let built = self.field(object, field, fields.last()).map_err(fault)?;
            fields.push(built);
        }
        let size = if object.is_struct() { usize::try_from(object.bytesize()).unwrap_or(0) } else { 0 };
        let align = if object.is_struct() { align_of(object.minalign()) } else { 4 };
        Ok(Object { name: object.name().into(), is_struct: object.is_struct(), fields: fields.into(), size, align })
    }

    /// `before` is the field before it: a union's type.
    fn field(
        &self,
        object: &reflection::Object<'a>,
        field: &reflection::Field<'a>,
        before: Option<&Field>,
    ) -> Result<Field, &'static str> {
        if !object.is_struct() && u32::from(field.offset()) != FIRST_SLOT + 2 * u32::from(field.id()) {
            return Err("its offset isn't the one of its id");
        }
        let (many, kind) = self.kind(field.type_(), before)?;
        check_place(object.is_struct(), many, &kind)?;
        let nested = self.nested(object, field, many, &kind)?;
        let is_scalar = matches!((many, &kind), (Many::One, Kind::Scalar(..)));
        let flags = Flags {
            is_key: field.key(),
            is_required: field.required(),
            // Of everything but scalars a schema says so too: it isn't `required`.
            is_optional: field.optional() && is_scalar,
            is_deprecated: field.deprecated(),
            has_wide_offset: field.offset64() || many == Many::WideVector,
        };
        let size = self.size(many, &kind, flags);
        let default = default(field, many, &kind);
        Ok(Field {
            name: field.name().into(),
            json_key: json_key(field.name()),
            offset: field.offset(),
            size,
            align: attribute(field.attributes(), "force_align")
                .and_then(|align| align.parse().ok())
                .map_or(1, align_of),
            many,
            kind,
            default,
            nested,
            flags,
        })
    }

    fn kind(&self, of: reflection::Type<'a>, before: Option<&Field>) -> Result<(Many, Kind), &'static str> {
        let many = match of.base_type() {
            BaseType::Vector => Many::Vector,
            BaseType::Vector64 => Many::WideVector,
            BaseType::Array => Many::Array(of.fixed_length()),
            _ => Many::One,
        };
        let base = if many == Many::One { of.base_type() } else { of.element() };
        let declared = || usize::try_from(of.index()).ok().and_then(|nth| self.enums.get(nth)).cloned();
        let kind = match base {
            BaseType::String => Kind::String,
            BaseType::Obj => self.object_kind(of.index()).ok_or("its type isn't there")?,
            BaseType::Union => {
                let declared = declared().filter(|declared| declared.is_union).ok_or("its union isn't there")?;
                let tag = before.and_then(|before| tag(before, many, &declared));
                Kind::Union(declared, tag.ok_or("a union without its type field")?)
            }
            _ => Kind::Scalar(Scalar::of(base).ok_or("its type isn't one")?, declared()),
        };
        Ok((many, kind))
    }

    fn object_kind(&self, index: i32) -> Option<Kind> {
        let object = self.schema.object_at(index)?;
        let index = self.index_of.get(object.name()).copied()?;
        Some(if object.is_struct() { Kind::Struct(index) } else { Kind::Table(index) })
    }

    /// The root table of the message that the field's bytes are.
    fn nested(
        &self,
        object: &reflection::Object<'a>,
        field: &reflection::Field<'a>,
        many: Many,
        kind: &Kind,
    ) -> Result<Option<ObjectIndex>, &'static str> {
        let Some(name) = attribute(field.attributes(), "nested_flatbuffer") else { return Ok(None) };
        if !matches!((many, kind), (Many::Vector | Many::WideVector, Kind::Scalar(Scalar::UByte, _))) {
            return Err("it is a nested FlatBuffer, but not of type [ubyte]");
        }
        let index = self.seen_from(object.name(), name).ok_or("its nested_flatbuffer isn't there")?;
        match self.schema.object_at(index.0 as i32) {
            Some(root) if !root.is_struct() => Ok(Some(index)),
            _ => Err("its nested_flatbuffer is no table"),
        }
    }

    /// An attribute has a name as the schema's author wrote it: from within the namespace of the table.
    fn seen_from(&self, table: &str, name: &str) -> Option<ObjectIndex> {
        let mut namespace = table;
        while let Some((outer, _)) = namespace.rsplit_once('.') {
            if let Some(index) = self.index_of.get(format!("{outer}.{name}").as_str()) {
                return Some(*index);
            }
            namespace = outer;
        }
        self.index_of.get(name).copied()
    }

    /// In the object itself.
    fn size(&self, many: Many, kind: &Kind, flags: Flags) -> usize {
        let one = match kind {
            Kind::Scalar(scalar, _) => scalar.size(),
            Kind::Struct(index) => {
                let bytes = self.schema.object_at(index.0 as i32).map_or(0, |object| object.bytesize());
                usize::try_from(bytes).unwrap_or(0)
            }
            Kind::String | Kind::Table(_) | Kind::Union(..) => 4,
        };
        match many {
            Many::Array(len) => one.saturating_mul(usize::from(len)),
            _ if flags.has_wide_offset => 8,
            Many::Vector | Many::WideVector => 4,
            Many::One => one,
        }
    }
}

/// flatc allows no more than 32. What can't be is 1.
fn align_of(said: i32) -> usize {
    usize::try_from(said).ok().filter(|align| align.is_power_of_two() && *align <= 256).unwrap_or(1)
}

fn default(field: &reflection::Field<'_>, many: Many, kind: &Kind) -> Option<Value<'static>> {
    match (many, kind) {
        (Many::One, Kind::Scalar(scalar, _)) if !field.optional() => {
            Some(scalar.default_of(field.default_integer(), field.default_real()))
        }
        _ => None,
    }
}

/// Where the type of the union is said that follows `before`.
fn tag(before: &Field, many: Many, of: &Arc<Enum>) -> Option<Tag> {
    match &before.kind {
        Kind::Scalar(scalar, Some(declared)) if Arc::ptr_eq(declared, of) && before.many == many => {
            Some(Tag { slot: before.offset, scalar: *scalar })
        }
        _ => None,
    }
}

fn check_place(is_in_struct: bool, many: Many, kind: &Kind) -> Result<(), &'static str> {
    let is_inline = matches!(kind, Kind::Scalar(..) | Kind::Struct(_));
    match many {
        Many::Array(0) => Err("an array of nothing"),
        Many::Array(_) if !is_in_struct || !is_inline => {
            Err("an array stands in a struct, and is of scalars or structs")
        }
        Many::Vector | Many::WideVector if is_in_struct => Err("a struct has no vectors"),
        Many::One if is_in_struct && !is_inline => Err("a struct has only scalars, structs and arrays"),
        _ => Ok(()),
    }
}

fn enumeration(schema: &Schema<'_>, declared: &reflection::Enum<'_>) -> Result<Enum, SchemaError> {
    let fault = |what| inconsistent(declared.name(), what);
    let underlying =
        Scalar::of(declared.underlying_type().base_type()).ok_or_else(|| fault("its underlying type is no integer"))?;
    let mut values =
        declared.values().iter().map(|value| enum_value(schema, declared, &value)).collect::<Result<Vec<_>, _>>()?;
    values.sort_by_key(|value| value.number);
    if values.windows(2).any(|pair| pair[0].number == pair[1].number) {
        return Err(fault("two of its values have the same number"));
    }
    Ok(Enum {
        name: declared.name().into(),
        is_union: declared.is_union(),
        has_bit_flags: attribute(declared.attributes(), "bit_flags").is_some(),
        underlying,
        values: values.into(),
    })
}

fn enum_value(
    schema: &Schema<'_>,
    declared: &reflection::Enum<'_>,
    value: &reflection::EnumVal<'_>,
) -> Result<EnumValue, SchemaError> {
    let member = match value.union_type().filter(|_| declared.is_union() && value.value() != 0) {
        None => None,
        Some(of) => match (of.base_type(), schema.object_at(of.index())) {
            (BaseType::String, _) => Some(Member::String),
            (BaseType::Obj, Some(object)) if object.is_struct() => Some(Member::Struct(index(of.index() as usize))),
            (BaseType::Obj, Some(_)) => Some(Member::Table(index(of.index() as usize))),
            _ => {
                let path = format!("{}.{}", declared.name(), value.name());
                return Err(inconsistent(&path, "a union's member is a table, a struct or a string"));
            }
        },
    };
    let name: Box<str> = value.name().into();
    Ok(EnumValue { json_name: json_text(&name), name, number: value.value(), member })
}

fn attribute<'a>(attributes: Attributes<'a>, key: &str) -> Option<&'a str> {
    attributes?.iter().find(|attribute| attribute.key() == key).map(|attribute| attribute.value().unwrap_or_default())
}
