use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::error::{MessageError, MessageFault, SchemaError, WalkError};
use crate::json::{JsonOptions, JsonVisitor, TooLong};
use crate::plan::{Element, EnumValue, Field, Many, Member, Object, ObjectIndex, Plan, Type};
use crate::schema::{Schema, inconsistent};
use crate::visit::{Limits, Visitor, walk};

/// Decodes messages by their schema: to JSON, to a [`Visitor`], or, by [`FieldPath`](crate::FieldPath), single values.
///
/// It is prepared once per schema, and borrows nothing; a clone is cheap. All names, defaults and places are looked up
/// then, so that a message costs little.
///
/// ```
/// use flatstream_schema::{Schema, Walker};
///
/// # use telemetry_schema::telemetry::{TelemetryEvent, TelemetryEventArgs};
/// # let mut builder = flatbuffers::FlatBufferBuilder::new();
/// # let source_id = Some(builder.create_string("pump-1"));
/// # let event = TelemetryEvent::create(&mut builder, &TelemetryEventArgs { timestamp_ns: 7, source_id, value: 21.5 });
/// # builder.finish(event, None);
/// # let message = builder.finished_data();
/// let walker = Walker::new(&Schema::read(telemetry_schema::BFBS)?)?;
/// assert_eq!(walker.json(message)?, r#"{"timestamp_ns":7,"source_id":"pump-1","value":21.5}"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Which messages
/// Any bytes may be given to it, and no alignment is asked for. A message that is damaged, or of another schema, is
/// decoded to whatever it says, or gives a [`MessageError`] that names the part and the position; it never panics. Not
/// checked are file identifiers, that `required` fields are there (one that isn't is left out), and that strings are
/// UTF-8.
///
/// # Limits
/// The parts of a message may be shared, so that a small hostile one could unfold into gigabytes. These limits bound
/// what a message may cost; each can be set.
///
/// | limit | default | what it bounds |
/// |---|---|---|
/// | [`depth_max`](Self::depth_max) | 64 | how deep tables nest, in unions and nested FlatBuffers too |
/// | [`tables_max`](Self::tables_max) | 1,000,000 | how many tables are visited |
/// | [`shared_bytes_max`](Self::shared_bytes_max) | 64 MiB | how many bytes are visited beyond the message's length |
///
/// The first two are those of the FlatBuffers verifiers.
///
/// # What a binary schema doesn't say
/// - flatc leaves its own attributes out unless it is called with `--bfbs-builtins`. Without it, nested FlatBuffers
///   (`nested_flatbuffer`) are vectors of bytes, and more than one of an enum's `bit_flags` at once are a number.
/// - FlexBuffers are vectors of bytes in any case.
/// - A default of type `ulong` above `i64::MAX` is 0: flatc writes it so.
#[derive(Clone, Debug)]
pub struct Walker {
    plan: Arc<Plan>,
    root: ObjectIndex,
    /// Of messages of this root, by the schema.
    #[cfg_attr(not(feature = "from-json"), allow(dead_code, reason = "who makes messages needs it"))]
    identifier: Option<[u8; 4]>,
    limits: Limits,
}

impl Walker {
    /// For messages of the schema's `root_type`.
    ///
    /// # Errors
    /// [`SchemaError`]: the schema has no root type, or it says what can't be: a union without its type field, structs
    /// that overlap or never end.
    pub fn new(schema: &Schema<'_>) -> Result<Self, SchemaError> {
        match schema.root_table() {
            Some(root) => Self::of_table(schema, root),
            None => Err(inconsistent("", "the schema has no root type: say which table messages are")),
        }
    }

    /// For messages whose root is this table, by its full name.
    ///
    /// # Errors
    /// As [`new`](Self::new) has them, and there is no table of this name.
    pub fn of_table(schema: &Schema<'_>, name: &str) -> Result<Self, SchemaError> {
        let plan = Plan::new(schema)?;
        let root = plan.table(name).ok_or_else(|| inconsistent(name, "the schema has no table of this name"))?;
        let limits = Limits { depth_max: 64, tables_max: 1_000_000, shared_bytes_max: 64 << 20 };
        let identifier = schema.file_identifier().filter(|_| schema.root_table() == Some(name));
        let identifier = identifier.and_then(|identifier| identifier.as_bytes().try_into().ok());
        Ok(Self { plan: Arc::new(plan), root, identifier, limits })
    }

    /// How deep tables may nest; the root counts. Each level takes about 1 KiB of the stack, 2 KiB in a debug build.
    #[must_use]
    pub fn depth_max(mut self, levels: u32) -> Self {
        self.limits.depth_max = levels;
        self
    }

    /// How many tables of a message are visited; one that is shared counts each time.
    #[must_use]
    pub fn tables_max(mut self, tables: u32) -> Self {
        self.limits.tables_max = tables;
        self
    }

    /// How many bytes are visited, beyond as many as the message has. A message that shares nothing visits no more than
    /// it has, whatever its length. Fields that a table doesn't have count for an eighth of a byte.
    #[must_use]
    pub fn shared_bytes_max(mut self, bytes: usize) -> Self {
        self.limits.shared_bytes_max = bytes;
        self
    }

    /// The table that messages are.
    #[must_use]
    pub fn root(&self) -> &Object {
        self.plan.object(self.root)
    }

    /// What a field of this walker's schema holds; `None` for a field of another one.
    #[must_use]
    pub fn type_of<'w>(&'w self, field: &'w Field) -> Option<Type<'w>> {
        let element = self.plan.element(&field.kind)?;
        Some(match field.many {
            Many::One => Type::One(element),
            Many::Vector | Many::WideVector => Type::Vector(element),
            Many::Array(len) => Type::Array(element, len),
        })
    }

    /// The table that a field's bytes are a message of, by its attribute `nested_flatbuffer`.
    #[must_use]
    pub fn nested_root(&self, field: &Field) -> Option<&Object> {
        self.plan.objects.get(field.nested?.0 as usize)
    }

    /// What a member of a union is; `None` for `NONE`, and for what is no member of a union of this walker's schema.
    #[must_use]
    pub fn member_type(&self, member: &EnumValue) -> Option<Element<'_>> {
        let object = |index: ObjectIndex| self.plan.objects.get(index.0 as usize);
        Some(match member.member? {
            Member::Table(index) => Element::Table(object(index)?),
            Member::Struct(index) => Element::Struct(object(index)?),
            Member::String => Element::String,
        })
    }

    /// Shows the visitor what the message consists of.
    ///
    /// # Errors
    /// [`WalkError`]: the message can't be decoded, or the visitor stopped.
    pub fn walk<'m, V: Visitor<'m>>(&self, message: &'m [u8], visitor: &mut V) -> Result<(), WalkError<V::Error>> {
        walk(&self.plan, self.limits, self.root(), message, visitor)
    }

    /// Appends the message as JSON text, in one line and without white space.
    ///
    /// It says what `flatc --json --strict-json --raw-binary` says:
    ///
    /// - Fields come in the order of their ids. Those that a table doesn't have are left out, but for scalar keys,
    ///   which are written with their default; [`JsonOptions::defaults`] writes all scalars. One that it has is
    ///   written, even if it equals its default.
    /// - An enum's value is its name, `bit_flags` are names with spaces between; what has no name is a number.
    /// - A union has its type in a field of its own before it, `x_type`. A struct is an object, an array is a list. A
    ///   nested FlatBuffer is the object it contains.
    ///
    /// And where flatc loses something, this:
    ///
    /// - Text is written as it is, in UTF-8, and not as `\u` escapes, but for control characters. Where a string isn't
    ///   UTF-8, U+FFFD stands for each sequence that isn't (flatc refuses the message).
    /// - Floats have as few digits as still read back to the same number (flatc writes 6 or 12 behind the point, so
    ///   that 1e-20 is 0.0).
    /// - NaN and infinities are `null`, or strings: [`JsonOptions::not_finite`] (flatc writes what isn't JSON).
    /// - A union of no type, or of one that the schema doesn't know, is `null` (flatc stops, or crashes); so is a
    ///   nested FlatBuffer without bytes.
    /// - Vectors of 64-bit length are lists (flatc crashes).
    ///
    /// 64-bit integers are numbers, all digits of them. Readers that have only doubles round those beyond 2^53.
    ///
    /// The output is the only memory that is allocated.
    ///
    /// # Errors
    /// [`MessageError`]: the message can't be decoded, or its text is longer than [`JsonOptions::len_max`]. Then `out`
    /// is as it was before.
    pub fn write_json(&self, message: &[u8], options: &JsonOptions, out: &mut Vec<u8>) -> Result<(), MessageError> {
        let start = out.len();
        let outcome = self.walk(message, &mut JsonVisitor::new(out, *options));
        outcome.map_err(|error| {
            out.truncate(start);
            match error {
                WalkError::Message(error) => error,
                WalkError::Visitor { path, error: TooLong } => {
                    MessageError { path, fault: MessageFault::JsonTooLong { max: options.len_max } }
                }
            }
        })
    }

    /// The message as JSON text, as [`write_json`](Self::write_json) writes it by default.
    ///
    /// # Errors
    /// [`MessageError`]: the message can't be decoded.
    pub fn json(&self, message: &[u8]) -> Result<String, MessageError> {
        let mut text = Vec::new();
        self.write_json(message, &JsonOptions::new(), &mut text)?;
        Ok(String::from_utf8(text).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }

    /// A message of JSON text: what [`write_json`](Self::write_json) writes of it again is the same, but for the order
    /// of fields and white space.
    ///
    /// It takes what `flatc --strict-json` takes, of one message:
    ///
    /// - Fields come in any order. Those that aren't there, or are `null`, are left out of the message; a struct needs
    ///   all of its fields, and what a field says is written even if it is its default.
    /// - An enum's value is a name or a number, `bit_flags` are names with spaces between. A union needs its type,
    ///   `x_type`, before it or behind; a vector of unions needs a list of types. A type without a value is an error,
    ///   but for `NONE`. A nested FlatBuffer is an object.
    /// - A number may stand in quotes: 64-bit integers often do, and so do `"NaN"`, `"Infinity"` and `"-Infinity"`.
    ///
    /// And where flatc says no, or something else:
    ///
    /// - `null` is NaN where a float can't be left out: in vectors and structs, and in a table unless it is optional.
    ///   [`NotFinite::Strings`](crate::NotFinite::Strings) tells NaN from infinities.
    /// - Vectors stay in their order (flatc sorts tables that have a `key`), and numbers that are more than their type
    ///   holds are errors, floats too.
    /// - A string isn't hashed where the schema says `hash`.
    ///
    /// The message has the schema's `file_identifier`, if the root is the schema's. FlatBuffers verifiers accept it.
    ///
    /// ```
    /// # use flatstream_schema::{Schema, Walker};
    /// let walker = Walker::new(&Schema::read(telemetry_schema::BFBS)?)?;
    /// let message = walker.message_from_json(br#"{"value": 21.5, "source_id": "pump-1"}"#)?;
    /// assert_eq!(walker.json(&message)?, r#"{"source_id":"pump-1","value":21.5}"#);
    ///
    /// let error = walker.message_from_json(br#"{"timestamp_ns": -1}"#).unwrap_err();
    /// let said = "timestamp_ns: -1 is no ulong, expected 0 to 18446744073709551615, at line 1, column 20";
    /// assert_eq!(error.to_string(), said);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`JsonError`](crate::JsonError): the text isn't JSON; or it says what a message of the schema can't hold, a
    /// field that it doesn't have, or one twice; a required field is missing; tables nest deeper than
    /// [`depth_max`](Self::depth_max), or JSON deeper than 127 levels.
    #[cfg(feature = "from-json")]
    pub fn message_from_json(&self, json: &[u8]) -> Result<Vec<u8>, crate::JsonError> {
        let (root, identifier, depth_max) = (self.root(), self.identifier, self.limits.depth_max);
        crate::from_json::message(&self.plan, root, identifier, depth_max, json)
    }

    pub(crate) fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    pub(crate) fn root_index(&self) -> ObjectIndex {
        self.root
    }
}
