use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use flatbuffers::{ForwardsUOffset, Vector, VerifierOptions, root_with_opts};

use crate::conform::{Mismatch, check_schemas};
use crate::error::SchemaError;
use crate::fbs::write_fbs;
use crate::generated::reflection::{self, Enum, Field, Object};
use crate::shape::Shape;

/// A schema has no recursion and few levels. Its parts may share bytes, so that a small one could unfold into
/// gigabytes: these bound what is looked at.
const VERIFIER: VerifierOptions = VerifierOptions {
    max_depth: 16,
    max_tables: 1 << 20,
    max_apparent_size: 64 << 20,
    ignore_missing_null_terminator: false,
};

/// Offset and content of a binary schema's file identifier.
const IDENTIFIER: (usize, &[u8]) = (4, b"BFBS");

/// A binary schema (`.bfbs`), as `flatc --schema --binary` makes it, verified.
///
/// ```
/// use flatstream_schema::Schema;
///
/// let schema = Schema::read(telemetry_schema::BFBS)?;
/// assert_eq!(schema.root_table(), Some("Telemetry.TelemetryEvent"));
/// assert!(schema.has_table("Telemetry.TelemetryEvent"));
/// assert_eq!(schema.file_identifier(), None);
/// # Ok::<(), flatstream_schema::SchemaError>(())
/// ```
#[derive(Clone)]
pub struct Schema<'a> {
    root: reflection::Schema<'a>,
    /// Tables and structs by their full name.
    objects: BTreeMap<&'a str, Object<'a>>,
    enums: BTreeMap<&'a str, Enum<'a>>,
}

impl<'a> Schema<'a> {
    /// Verifies the bytes, and that every type they mention is there, under a name of its own.
    ///
    /// Declarations may share bytes; a schema that would unfold to more than 64 MiB, or 2^20 FlatBuffers tables, is
    /// refused.
    ///
    /// # Errors
    /// [`SchemaError`]: the bytes are no binary schema, or no good one.
    pub fn read(bfbs: &'a [u8]) -> Result<Self, SchemaError> {
        let (offset, identifier) = IDENTIFIER;
        if !bfbs.get(offset..).is_some_and(|rest| rest.starts_with(identifier)) {
            return Err(SchemaError::NotASchema);
        }
        let root = root_with_opts::<reflection::Schema<'_>>(&VERIFIER, bfbs).map_err(SchemaError::Invalid)?;
        let objects = by_name(root.objects(), Object::name)?;
        let enums = by_name(root.enums(), Enum::name)?;
        let schema = Self { root, objects, enums };
        schema.check()?;
        Ok(schema)
    }

    /// The full name of the `root_type`, if the schema has one.
    #[must_use]
    pub fn root_table(&self) -> Option<&'a str> {
        self.root.root_table().map(|table| table.name())
    }

    /// The `file_identifier`, if the schema has one.
    #[must_use]
    pub fn file_identifier(&self) -> Option<&'a str> {
        self.root.file_ident().filter(|identifier| !identifier.is_empty())
    }

    /// Whether it has a table (not a struct) of this full name.
    #[must_use]
    pub fn has_table(&self, name: &str) -> bool {
        self.objects.get(name).is_some_and(|object| !object.is_struct())
    }

    /// The `file_extension`, if the schema has one.
    #[must_use]
    pub fn file_extension(&self) -> Option<&'a str> {
        self.root.file_ext().filter(|extension| !extension.is_empty())
    }

    /// The schema as people write it, in the language of `.fbs` files. flatc makes a schema of it that conforms to this
    /// one both ways; comments, RPC services, and attributes that don't decide what bytes mean are left out.
    ///
    /// ```
    /// use flatstream_schema::Schema;
    ///
    /// let text = Schema::read(telemetry_schema::BFBS)?.to_fbs();
    /// assert!(text.contains("table TelemetryEvent {\n  timestamp_ns: ulong;\n"));
    /// # Ok::<(), flatstream_schema::SchemaError>(())
    /// ```
    #[must_use]
    pub fn to_fbs(&self) -> String {
        let mut text = String::new();
        // A string takes whatever is written to it.
        let _ = write_fbs(self, &mut text);
        text
    }

    /// Whether messages written under the `old` schema can be read under this one, and the other way round: what
    /// [`conform`](crate::conform()) checks.
    ///
    /// # Errors
    /// The first difference that forbids it.
    pub fn check_conforms_to(&self, old: &Schema<'_>) -> Result<(), Mismatch> {
        check_schemas(old, self)
    }

    pub(crate) fn objects(&self) -> &BTreeMap<&'a str, Object<'a>> {
        &self.objects
    }

    pub(crate) fn enums(&self) -> &BTreeMap<&'a str, Enum<'a>> {
        &self.enums
    }

    pub(crate) fn objects_in_order(&self) -> Vec<Object<'a>> {
        self.root.objects().iter().collect()
    }

    pub(crate) fn enums_in_order(&self) -> Vec<Enum<'a>> {
        self.root.enums().iter().collect()
    }

    pub(crate) fn object_at(&self, index: i32) -> Option<Object<'a>> {
        element_at(self.root.objects(), index)
    }

    pub(crate) fn enum_at(&self, index: i32) -> Option<Enum<'a>> {
        element_at(self.root.enums(), index)
    }

    /// The shape of a type that `check` has seen.
    pub(crate) fn shape(&self, of: reflection::Type<'a>) -> Option<Shape<'a>> {
        Shape::of(of, self)
    }

    fn check(&self) -> Result<(), SchemaError> {
        if let Some(root) = self.root_table()
            && !self.has_table(root)
        {
            return Err(inconsistent(root, "the root type is no table of the schema"));
        }
        self.objects.iter().try_for_each(|(name, object)| self.check_object(name, object))?;
        self.enums.iter().try_for_each(|(name, declared)| self.check_enum(name, declared))
    }

    fn check_object(&self, name: &str, object: &Object<'a>) -> Result<(), SchemaError> {
        let mut ids = BTreeMap::new();
        for (field_name, field) in fields_by_name(name, object)? {
            let path = || format!("{name}.{field_name}");
            if self.shape(field.type_()).is_none() {
                return Err(inconsistent(&path(), "its type isn't one, or isn't there"));
            }
            if ids.insert(field.id(), field_name).is_some() {
                return Err(inconsistent(&path(), "another field has its id"));
            }
        }
        Ok(())
    }

    fn check_enum(&self, name: &str, declared: &Enum<'a>) -> Result<(), SchemaError> {
        if self.shape(declared.underlying_type()).is_none() {
            return Err(inconsistent(name, "its underlying type isn't one, or isn't there"));
        }
        let mut names = BTreeMap::new();
        for value in declared.values() {
            let path = || format!("{name}.{}", value.name());
            if names.insert(value.name(), ()).is_some() {
                return Err(inconsistent(&path(), "it is declared twice"));
            }
            // 0 is a union's NONE.
            let is_member = declared.is_union() && value.value() != 0;
            if is_member && value.union_type().and_then(|of| self.shape(of)).is_none() {
                return Err(inconsistent(&path(), "its type isn't one, or isn't there"));
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Schema<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schema")
            .field("root_table", &self.root_table())
            .field("file_identifier", &self.file_identifier())
            .field("objects", &self.objects.keys())
            .field("enums", &self.enums.keys())
            .finish()
    }
}

/// The fields of a table or struct; `object_name` is for errors.
pub(crate) fn fields_by_name<'a>(
    object_name: &str,
    object: &Object<'a>,
) -> Result<BTreeMap<&'a str, Field<'a>>, SchemaError> {
    let fields = by_name(object.fields(), Field::name);
    fields.map_err(|error| match error {
        SchemaError::Inconsistent { path, what } => inconsistent(&format!("{object_name}.{path}"), what),
        other => other,
    })
}

fn by_name<'a, T>(
    items: Vector<'a, ForwardsUOffset<T>>,
    name: fn(&T) -> &'a str,
) -> Result<BTreeMap<&'a str, T>, SchemaError>
where
    T: flatbuffers::Follow<'a, Inner = T> + 'a,
{
    let mut named = BTreeMap::new();
    for item in items {
        let name = name(&item);
        if named.insert(name, item).is_some() {
            return Err(inconsistent(name, "it is declared twice"));
        }
    }
    Ok(named)
}

fn element_at<'a, T>(items: Vector<'a, ForwardsUOffset<T>>, index: i32) -> Option<T>
where
    T: flatbuffers::Follow<'a, Inner = T> + 'a,
{
    let index = usize::try_from(index).ok().filter(|&index| index < items.len())?;
    Some(items.get(index))
}

pub(crate) fn inconsistent(path: &str, what: &'static str) -> SchemaError {
    SchemaError::Inconsistent { path: String::from(path), what }
}
