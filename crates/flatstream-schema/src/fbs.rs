//! A binary schema as people write it.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::{self, Write};

use crate::generated::reflection::{BaseType, Enum, EnumVal, Field, Object, Type};
use crate::schema::Schema;

pub(crate) fn write_fbs(schema: &Schema<'_>, out: &mut impl Write) -> fmt::Result {
    let mut namespace = "";
    let mut gap = "";
    // flatc knows an enum, and a struct that is part of another, only behind its declaration.
    for (name, declared) in schema.enums() {
        namespace = begin(namespace, name, &mut gap, out)?;
        write_enum(schema, namespace, declared, out)?;
    }
    let objects = in_order(schema);
    for object in objects {
        namespace = begin(namespace, object.name(), &mut gap, out)?;
        write_object(schema, namespace, &object, out)?;
    }
    if let Some(root) = schema.root_table() {
        writeln!(out, "{gap}root_type {};", seen_from(schema, namespace, root))?;
    }
    if let Some(identifier) = schema.file_identifier() {
        writeln!(out, "file_identifier {identifier:?};")?;
    }
    if let Some(extension) = schema.file_extension() {
        writeln!(out, "file_extension {extension:?};")?;
    }
    Ok(())
}

/// An empty line before all but the first declaration, and its namespace, if that is another one than before.
fn begin<'a>(namespace: &str, full: &'a str, gap: &mut &str, out: &mut impl Write) -> Result<&'a str, fmt::Error> {
    let (own, _) = split_name(full);
    if own != namespace {
        writeln!(out, "{gap}namespace {own};")?;
        *gap = "\n";
    }
    out.write_str(gap)?;
    *gap = "\n";
    Ok(own)
}

/// Structs and then tables; each behind the structs that are parts of it, or the tables that are nested in it as
/// messages.
fn in_order<'a>(schema: &Schema<'a>) -> Vec<Object<'a>> {
    let mut order = Vec::new();
    let mut seen = BTreeSet::new();
    for is_struct in [true, false] {
        for object in schema.objects().values().filter(|object| object.is_struct() == is_struct) {
            add_with_parts(schema, object, &mut seen, &mut order);
        }
    }
    order
}

fn add_with_parts<'a>(
    schema: &Schema<'a>,
    object: &Object<'a>,
    seen: &mut BTreeSet<&'a str>,
    order: &mut Vec<Object<'a>>,
) {
    // One that is nested in itself is met once all the same.
    if !seen.insert(object.name()) {
        return;
    }
    for field in object.fields() {
        let part = if object.is_struct() { struct_of(schema, &field) } else { nested_in(schema, object, &field) };
        if let Some(part) = part {
            add_with_parts(schema, &part, seen, order);
        }
    }
    order.push(*object);
}

fn struct_of<'a>(schema: &Schema<'a>, field: &Field<'a>) -> Option<Object<'a>> {
    let of = field.type_();
    let is_object = of.base_type() == BaseType::Obj || of.element() == BaseType::Obj;
    if is_object { schema.object_at(of.index()) } else { None }
}

fn nested_in<'a>(schema: &Schema<'a>, object: &Object<'a>, field: &Field<'a>) -> Option<Object<'a>> {
    let mut attributes = field.attributes().into_iter().flatten();
    let name = attributes.find(|pair| pair.key() == "nested_flatbuffer")?.value()?;
    let (namespace, _) = split_name(object.name());
    schema.objects().get(in_full(schema, namespace, name).as_str()).copied()
}

/// The namespace, and the name in it.
fn split_name(full: &str) -> (&str, &str) {
    full.rsplit_once('.').unwrap_or(("", full))
}

/// How a name is written in a namespace: in full, where it isn't of this one, or where another namespace has the same
/// and flatc, which reads on, might take that.
fn seen_from<'a>(schema: &Schema<'_>, namespace: &str, full: &'a str) -> &'a str {
    let (own, name) = split_name(full);
    let all = || schema.objects().keys().chain(schema.enums().keys());
    let is_clear = own == namespace && all().filter(|other| split_name(other).1 == name).count() == 1;
    if is_clear { name } else { full }
}

fn write_enum(schema: &Schema<'_>, namespace: &str, declared: &Enum<'_>, out: &mut impl Write) -> fmt::Result {
    let (_, name) = split_name(declared.name());
    let underlying = word(declared.underlying_type().base_type());
    if declared.is_union() {
        writeln!(out, "union {name} {{")?;
    } else {
        let has_flags = has_attribute(declared, "bit_flags");
        writeln!(out, "enum {name} : {underlying}{} {{", if has_flags { " (bit_flags)" } else { "" })?;
    }
    for value in declared.values() {
        if declared.is_union() {
            write_member(schema, namespace, &value, out)?;
        } else if has_attribute(declared, "bit_flags") {
            // Written by the place of the bit.
            writeln!(out, "  {} = {},", value.name(), value.value().trailing_zeros())?;
        } else if declared.underlying_type().base_type() == BaseType::ULong {
            writeln!(out, "  {} = {},", value.name(), value.value().cast_unsigned())?;
        } else {
            writeln!(out, "  {} = {},", value.name(), value.value())?;
        }
    }
    out.write_str("}\n")
}

/// `NONE` is there by itself.
fn write_member(schema: &Schema<'_>, namespace: &str, value: &EnumVal<'_>, out: &mut impl Write) -> fmt::Result {
    if value.value() == 0 {
        return Ok(());
    }
    let of = value.union_type().map(|of| type_text(schema, namespace, &of)).unwrap_or_default();
    writeln!(out, "  {}: {of} = {},", value.name(), value.value())
}

fn write_object(schema: &Schema<'_>, namespace: &str, object: &Object<'_>, out: &mut impl Write) -> fmt::Result {
    let (_, name) = split_name(object.name());
    let mut fields: Vec<Field<'_>> = object.fields().iter().collect();
    fields.sort_by_key(Field::id);
    if object.is_struct() {
        let widest = fields.iter().filter_map(|field| alignment(schema, &field.type_())).max().unwrap_or(1);
        let is_forced = object.minalign() > widest;
        let aligned = if is_forced { format!(" (force_align: {})", object.minalign()) } else { String::new() };
        writeln!(out, "struct {name}{aligned} {{")?;
    } else {
        writeln!(out, "table {name} {{")?;
    }
    for field in fields.iter().filter(|field| !is_type_of_union(field)) {
        let of = type_text(schema, namespace, &field.type_());
        let default = if object.is_struct() { String::new() } else { default_text(schema, field) };
        write!(out, "  {}: {of}{default}", field.name())?;
        let attributes = attributes_of(schema, namespace, field);
        if !attributes.is_empty() {
            write!(out, " ({})", attributes.join(", "))?;
        }
        out.write_str(";\n")?;
    }
    out.write_str("}\n")
}

/// A union's type field is there by itself, and so is a vector of them.
fn is_type_of_union(field: &Field<'_>) -> bool {
    let of = field.type_();
    of.base_type() == BaseType::UType || of.base_type() == BaseType::Vector && of.element() == BaseType::UType
}

fn attributes_of(schema: &Schema<'_>, namespace: &str, field: &Field<'_>) -> Vec<String> {
    let mut attributes = Vec::new();
    let mut add = |is: bool, name: &str| {
        if is {
            attributes.push(name.to_string());
        }
    };
    add(field.deprecated(), "deprecated");
    add(field.required(), "required");
    add(field.key(), "key");
    let is_wide = field.type_().base_type() == BaseType::Vector64;
    add(is_wide, "vector64");
    add(field.offset64() && !is_wide, "offset64");
    for pair in field.attributes().into_iter().flatten() {
        let value = pair.value().unwrap_or_default();
        match pair.key() {
            "nested_flatbuffer" => {
                let full = in_full(schema, namespace, value);
                attributes.push(format!("nested_flatbuffer: {:?}", seen_from(schema, namespace, &full)));
            }
            "hash" => attributes.push(format!("hash: {value:?}")),
            "flexbuffer" => attributes.push("flexbuffer".to_string()),
            _ => {}
        }
    }
    attributes
}

/// The full name of the table that is meant in a namespace: the innermost that has one.
fn in_full(schema: &Schema<'_>, namespace: &str, name: &str) -> String {
    let mut outer = namespace;
    while !outer.is_empty() {
        let full = format!("{outer}.{name}");
        if schema.has_table(&full) {
            return full;
        }
        outer = split_name(outer).0;
    }
    name.to_string()
}

fn default_text(schema: &Schema<'_>, field: &Field<'_>) -> String {
    let of = field.type_();
    match of.base_type() {
        BaseType::Float | BaseType::Double if field.optional() => " = null".to_string(),
        BaseType::Float | BaseType::Double => match field.default_real() {
            0.0 => String::new(),
            real if real.is_nan() => " = nan".to_string(),
            real if real.is_infinite() => if real > 0.0 { " = +inf" } else { " = -inf" }.to_string(),
            real if of.base_type() == BaseType::Float => format!(" = {}", real as f32),
            real => format!(" = {real}"),
        },
        base if is_integer(base) && field.optional() => " = null".to_string(),
        base if is_integer(base) => match (field.default_integer(), schema.enum_at(of.index())) {
            (number, Some(declared)) => enum_default(&declared, number),
            (0, None) => String::new(),
            (number, None) if base == BaseType::Bool => format!(" = {}", number != 0),
            (number, None) if base == BaseType::ULong => format!(" = {}", number.cast_unsigned()),
            (number, None) => format!(" = {number}"),
        },
        _ => String::new(),
    }
}

/// An enum without a value of 0 needs its default said, and one of flags may have none that has a name.
fn enum_default(declared: &Enum<'_>, number: i64) -> String {
    let named = declared.values().iter().find(|value| value.value() == number);
    match named {
        _ if number == 0 => String::new(),
        Some(value) => format!(" = {}", value.name()),
        None => format!(" = {number}"),
    }
}

fn has_attribute(declared: &Enum<'_>, name: &str) -> bool {
    declared.attributes().into_iter().flatten().any(|pair| pair.key() == name)
}

fn type_text(schema: &Schema<'_>, namespace: &str, of: &Type<'_>) -> String {
    let base = of.base_type();
    let single = |base: BaseType| single_text(schema, namespace, base, of.index());
    match base {
        BaseType::Vector | BaseType::Vector64 => format!("[{}]", single(of.element())),
        BaseType::Array => format!("[{}:{}]", single(of.element()), of.fixed_length()),
        _ => single(base),
    }
}

fn single_text(schema: &Schema<'_>, namespace: &str, base: BaseType, index: i32) -> String {
    let name = match base {
        BaseType::Obj => schema.object_at(index).map(|object| object.name()),
        _ => schema.enum_at(index).map(|declared| declared.name()),
    };
    match name {
        Some(name) => seen_from(schema, namespace, name).to_string(),
        None => word(base).to_string(),
    }
}

fn is_integer(base: BaseType) -> bool {
    (BaseType::Bool.0..=BaseType::ULong.0).contains(&base.0)
}

fn alignment(schema: &Schema<'_>, of: &Type<'_>) -> Option<i32> {
    let base = if of.base_type() == BaseType::Array { of.element() } else { of.base_type() };
    Some(match base {
        BaseType::Obj => schema.object_at(of.index())?.minalign(),
        BaseType::Short | BaseType::UShort => 2,
        BaseType::Int | BaseType::UInt | BaseType::Float => 4,
        BaseType::Long | BaseType::ULong | BaseType::Double => 8,
        _ => 1,
    })
}

fn word(base: BaseType) -> &'static str {
    match base {
        BaseType::Bool => "bool",
        BaseType::Byte => "byte",
        BaseType::UByte | BaseType::UType => "ubyte",
        BaseType::Short => "short",
        BaseType::UShort => "ushort",
        BaseType::Int => "int",
        BaseType::UInt => "uint",
        BaseType::Long => "long",
        BaseType::ULong => "ulong",
        BaseType::Float => "float",
        BaseType::Double => "double",
        _ => "string",
    }
}
