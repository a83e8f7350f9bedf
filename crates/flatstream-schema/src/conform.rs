use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;

use crate::error::ConformError;
use crate::generated::reflection::{Enum, EnumVal, Field, Object};
use crate::schema::{Schema, fields_by_name};
use crate::shape::Shape;

/// Whether a stream that was written under the `old` binary schema can be read under the `new` one, and be continued
/// under it: those who only have the old one still read it then.
///
/// It asks what `flatc --conform` asks, and more where that says yes to what would be misread:
///
/// - The root type has the same name.
/// - A field keeps its id, type, default, whether it is `required` or optional, and its place in a struct. It may be
///   renamed, or become deprecated; it can't be deleted, nor take the id of another. New fields of a table come behind,
///   and aren't `required`.
/// - A struct is laid out alike. (`flatc --conform` lets it grow.)
/// - Enums keep their underlying type, and values their numbers; unions also keep their members' types. Values may be
///   renamed and added, not deleted. (`flatc --conform` lets a union's number pass to another type.)
///
/// Types that aren't in both are compared only where fields mention them. Attributes such as `key` or `hash` don't
/// count, nor does the file identifier.
///
/// ```
/// use flatstream_schema::{ConformError, conform};
///
/// # let kinds = include_bytes!("../tests/kinds.bfbs");
/// conform(telemetry_schema::BFBS, telemetry_schema::BFBS)?;
///
/// let Err(ConformError::Mismatch(mismatch)) = conform(telemetry_schema::BFBS, kinds) else { panic!() };
/// assert_eq!(mismatch.to_string(), "root type: Telemetry.TelemetryEvent -> Kinds.Everything");
/// # Ok::<(), ConformError>(())
/// ```
///
/// # Errors
/// [`ConformError`]: which of them can't be read, or the first difference.
pub fn conform(old_bfbs: &[u8], new_bfbs: &[u8]) -> Result<(), ConformError> {
    let old = Schema::read(old_bfbs).map_err(ConformError::Old)?;
    let new = Schema::read(new_bfbs).map_err(ConformError::New)?;
    Ok(new.check_conforms_to(&old)?)
}

/// A difference between two schemas by which one misreads messages of the other.
///
/// It says so as `Telemetry.TelemetryEvent.value: double -> int`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    path: String,
    old: String,
    new: String,
}

impl Mismatch {
    /// Which declaration differs, such as `Telemetry.TelemetryEvent.value`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What the old schema says about it.
    #[must_use]
    pub fn in_old(&self) -> &str {
        &self.old
    }

    /// What the new schema says about it.
    #[must_use]
    pub fn in_new(&self) -> &str {
        &self.new
    }

    /// Whether it is something that the new schema doesn't have any more. Then the old one may be the later one.
    #[must_use]
    pub fn is_deletion(&self) -> bool {
        self.new == DELETED
    }

    /// The same difference, seen from the other side.
    #[must_use]
    pub fn reversed(self) -> Self {
        Self { path: self.path, old: self.new, new: self.old }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} -> {}", self.path, self.old, self.new)
    }
}

impl core::error::Error for Mismatch {}

type Outcome = Result<(), Mismatch>;

/// Fails if what is said about the declaration at `path` differs.
fn same<T: PartialEq>(path: &str, old: T, new: T, say: impl Fn(T) -> String) -> Outcome {
    if old == new {
        return Ok(());
    }
    Err(Mismatch { path: path.to_string(), old: say(old), new: say(new) })
}

pub(crate) fn check_schemas(old: &Schema<'_>, new: &Schema<'_>) -> Outcome {
    same("root type", old.root_table(), new.root_table(), |name| name.unwrap_or("none").to_string())?;
    for (name, old_object) in old.objects() {
        if let Some(new_object) = new.objects().get(name) {
            check_object(name, (old, old_object), (new, new_object))?;
        }
    }
    for (name, old_enum) in old.enums() {
        if let Some(new_enum) = new.enums().get(name) {
            check_enum(name, (old, old_enum), (new, new_enum))?;
        }
    }
    Ok(())
}

/// Each with the schema it is of.
fn check_object<'o, 'n>(name: &str, old: (&Schema<'o>, &Object<'o>), new: (&Schema<'n>, &Object<'n>)) -> Outcome {
    let ((old_schema, old), (new_schema, new)) = (old, new);
    same(name, old.is_struct(), new.is_struct(), |is| if is { "struct" } else { "table" }.to_string())?;
    let (old_fields, new_fields) = (named(old), named(new));
    let of_id: BTreeMap<u16, &Field<'_>> = new_fields.values().map(|field| (field.id(), field)).collect();
    for (field_name, field) in &old_fields {
        let path = format!("{name}.{field_name}");
        let by_name = new_fields.get(field_name);
        // Renamed, unless that name was another field's before: then the two have changed places.
        let by_id = || of_id.get(&field.id()).copied().filter(|new| !old_fields.contains_key(new.name()));
        let Some(new_field) = by_name.or_else(by_id) else {
            return Err(deleted(path, format!("field {}", field.id())));
        };
        check_field(&path, (old_schema, field), (new_schema, new_field))?;
    }
    check_new_fields(name, &old_fields, &new_fields)?;
    if old.is_struct() {
        same(name, old.bytesize(), new.bytesize(), |size| format!("{size} bytes"))?;
        same(name, old.minalign(), new.minalign(), |bytes| format!("aligned to {bytes} bytes"))?;
        same(name, old_fields.len(), new_fields.len(), |count| format!("{count} fields"))?;
    }
    Ok(())
}

/// `Schema::read` has seen that the names differ.
fn named<'a>(object: &Object<'a>) -> BTreeMap<&'a str, Field<'a>> {
    fields_by_name("", object).unwrap_or_default()
}

fn check_field<'o, 'n>(path: &str, old: (&Schema<'o>, &Field<'o>), new: (&Schema<'n>, &Field<'n>)) -> Outcome {
    let ((old_schema, old), (new_schema, new)) = (old, new);
    same(path, old.id(), new.id(), |id| format!("field {id}"))?;
    let (old_shape, new_shape) = (old_schema.shape(old.type_()), new_schema.shape(new.type_()));
    same_shape(path, old_shape, new_shape)?;
    same(path, old.offset(), new.offset(), |offset| format!("at offset {offset}"))?;
    same(path, old.offset64(), new.offset64(), |is| if is { "offset64" } else { "no offset64" }.to_string())?;
    same(path, old.required(), new.required(), |is| if is { "required" } else { "not required" }.to_string())?;
    match old_shape {
        Some(shape) if shape.is_scalar() => check_default(path, shape, old, new),
        _ => Ok(()),
    }
}

fn check_default(path: &str, shape: Shape<'_>, old: &Field<'_>, new: &Field<'_>) -> Outcome {
    same(path, old.optional(), new.optional(), |is| if is { "optional" } else { "not optional" }.to_string())?;
    if shape.is_real() {
        // By their bits: a NaN is the same default as before.
        let bits = [old, new].map(|field| field.default_real().to_bits());
        return same(path, bits[0], bits[1], |bits| format!("default {}", f64::from_bits(bits)));
    }
    same(path, old.default_integer(), new.default_integer(), |default| format!("default {default}"))
}

/// A message of before doesn't have them.
fn check_new_fields(name: &str, old: &BTreeMap<&str, Field<'_>>, new: &BTreeMap<&str, Field<'_>>) -> Outcome {
    let old_ids: BTreeMap<u16, ()> = old.values().map(|field| (field.id(), ())).collect();
    let is_added = |field: &&Field<'_>| !old.contains_key(field.name()) && !old_ids.contains_key(&field.id());
    match new.values().filter(is_added).find(|field| field.required()) {
        Some(field) => {
            let path = format!("{name}.{}", field.name());
            Err(Mismatch { path, old: "not there".to_string(), new: "required".to_string() })
        }
        None => Ok(()),
    }
}

fn check_enum<'o, 'n>(name: &str, old: (&Schema<'o>, &Enum<'o>), new: (&Schema<'n>, &Enum<'n>)) -> Outcome {
    let ((old_schema, old), (new_schema, new)) = (old, new);
    same(name, old.is_union(), new.is_union(), |is| if is { "union" } else { "enum" }.to_string())?;
    let old_underlying = old_schema.shape(old.underlying_type()).map(Shape::without_name);
    let new_underlying = new_schema.shape(new.underlying_type()).map(Shape::without_name);
    same_shape(name, old_underlying, new_underlying)?;
    let by_name: BTreeMap<&str, EnumVal<'_>> = new.values().iter().map(|value| (value.name(), value)).collect();
    let by_number: BTreeMap<i64, EnumVal<'_>> = new.values().iter().map(|value| (value.value(), value)).collect();
    let old_names: BTreeMap<&str, ()> = old.values().iter().map(|value| (value.name(), ())).collect();
    for value in old.values() {
        let path = format!("{name}.{}", value.name());
        let renamed = || by_number.get(&value.value()).filter(|new| !old_names.contains_key(new.name()));
        let Some(new_value) = by_name.get(value.name()).or_else(renamed) else {
            return Err(deleted(path, format!("{}", value.value())));
        };
        same(&path, value.value(), new_value.value(), |number| number.to_string())?;
        let old_shape = value.union_type().and_then(|of| old_schema.shape(of));
        let new_shape = new_value.union_type().and_then(|of| new_schema.shape(of));
        same_shape(&path, old_shape, new_shape)?;
    }
    Ok(())
}

fn same_shape(path: &str, old: Option<Shape<'_>>, new: Option<Shape<'_>>) -> Outcome {
    same(path, old, new, |shape| shape.map_or("none".to_string(), |shape| shape.to_string()))
}

const DELETED: &str = "deleted";

fn deleted(path: String, old: String) -> Mismatch {
    Mismatch { path, old, new: DELETED.to_string() }
}
