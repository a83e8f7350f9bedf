use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::error::{MessageError, PathError};
use crate::message::{Buffer, Outside};
use crate::plan::{Enum, EnumValue, Field, Kind, Many, Member, Object, ObjectIndex, Plan, Tag};
use crate::value::{Scalar, Value};
use crate::walker::Walker;

/// A single value of each message, such as `pose.position.x`: for keys and filters.
///
/// It is resolved once, and then read message by message, without a look at the rest of the message.
///
/// | part | leads to |
/// |---|---|
/// | `name`, `.name` | the field of a table or struct, or of the message that a nested FlatBuffer is |
/// | `[2]` | an element of a vector or array, counted from 0 |
/// | `.Circle` | of a union, or an element of a vector of them: the member of this type |
///
/// The last part is a number, a boolean, an enum or a string: `items[2].name`, `shape.Circle.radius`, `shape_type`.
///
/// ```
/// use flatstream_schema::{FieldPath, Schema, Value, Walker};
///
/// # use telemetry_schema::telemetry::{TelemetryEvent, TelemetryEventArgs};
/// # let mut builder = flatbuffers::FlatBufferBuilder::new();
/// # let source_id = Some(builder.create_string("pump-1"));
/// # let event = TelemetryEvent::create(&mut builder, &TelemetryEventArgs { timestamp_ns: 7, source_id, value: 21.5 });
/// # builder.finish(event, None);
/// # let message = builder.finished_data();
/// let walker = Walker::new(&Schema::read(telemetry_schema::BFBS)?)?;
/// let value = FieldPath::parse(&walker, "value")?;
/// assert_eq!(value.read(message)?, Some(Value::Double(21.5)));
///
/// let error = FieldPath::parse(&walker, "valve").unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "valve: Telemetry.TelemetryEvent has no field \"valve\", only: timestamp_ns, source_id, value"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct FieldPath {
    path: String,
    plan: Arc<Plan>,
    steps: Vec<(Step, PathEnd)>,
    /// The field that it ends in, or in an element of.
    last: (ObjectIndex, usize),
    scalar: Option<Scalar>,
}

/// Up to where the path says what a step does: for errors.
type PathEnd = usize;

/// From a place in the message to the next.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// From a table to its field.
    Slot(u16),
    /// Within a struct or an array.
    Ahead(usize),
    /// To what an offset leads to.
    Follow,
    FollowWide,
    /// From a vector to an element.
    Element {
        nth: usize,
        size: usize,
        is_wide: bool,
    },
    /// Into the message that a vector of bytes is, to its root table.
    Nested {
        is_wide: bool,
    },
    /// From a table to the member of a union that it has, if it is of this number.
    Member {
        slot: u16,
        tag: Tag,
        number: i64,
    },
    /// The same of a vector of unions.
    MemberElement {
        slot: u16,
        tag: Tag,
        number: i64,
        nth: usize,
    },
}

impl FieldPath {
    /// Looks the path up in the walker's schema, from its root table.
    ///
    /// # Errors
    /// [`PathError`]: names the first part that leads nowhere, and what there is instead.
    pub fn parse(walker: &Walker, path: &str) -> Result<Self, PathError> {
        Parser::new(walker, path).parse()
    }

    /// As it was given to [`parse`](Self::parse).
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.path
    }

    /// The last field of the path. If the path ends in an element, it is the field of the vector.
    #[must_use]
    pub fn field(&self) -> &Field {
        let (object, field) = self.last;
        &self.plan.object(object).fields[field]
    }

    /// The type of its values; `None` for strings.
    #[must_use]
    pub fn scalar(&self) -> Option<Scalar> {
        self.scalar
    }

    /// The enum that its values are of: it has their names.
    #[must_use]
    pub fn enumeration(&self) -> Option<&Enum> {
        self.field().enumeration().filter(|_| self.scalar.is_some())
    }

    /// What the message says there. A scalar that a table doesn't have is its default.
    ///
    /// `None` if there is nothing: an optional scalar or a string that the table doesn't have, or anything on the way
    /// to it; a vector that is too short; a union of another type; a nested FlatBuffer without bytes.
    ///
    /// # Errors
    /// [`MessageError`]: on the way there, an offset or a length leads out of the message.
    pub fn read<'m>(&self, message: &'m [u8]) -> Result<Option<Value<'m>>, MessageError> {
        let mut place = Place::root(Buffer::new(message)).map_err(|what| self.error(0, Buffer::new(message), what))?;
        for (nth, (step, end)) in self.steps.iter().enumerate() {
            match place.step(*step) {
                Ok(Some(next)) => place = next,
                Ok(None) => return Ok(self.default_at(nth)),
                // A table that isn't there is found out when its field is looked for.
                Err(what) if matches!(step, Step::Slot(_)) => {
                    let end = nth.checked_sub(1).and_then(|before| self.steps.get(before)).map_or(0, |step| step.1);
                    return Err(self.error(end, place.buffer, what));
                }
                Err(what) => return Err(self.error(*end, place.buffer, what)),
            }
        }
        let value = place.value(self.scalar);
        value.map(Some).map_err(|what| self.error(self.path.len(), place.buffer, what))
    }

    /// Of the last field itself, if this is the step that looked for it.
    fn default_at(&self, nth: usize) -> Option<Value<'static>> {
        if nth + 1 == self.steps.len() { self.field().default } else { None }
    }

    #[cold]
    fn error(&self, end: PathEnd, buffer: Buffer<'_>, what: Outside) -> MessageError {
        let path = self.path.get(..end).unwrap_or_default();
        MessageError { path: path.to_string(), fault: buffer.fault(what) }
    }
}

/// Where reading is: at a table, or at what its last step led to.
#[derive(Clone, Copy)]
struct Place<'m> {
    buffer: Buffer<'m>,
    at: usize,
}

impl<'m> Place<'m> {
    fn root(buffer: Buffer<'m>) -> Result<Self, Outside> {
        Self { buffer, at: 0 }.follow()
    }

    fn at(self, at: usize) -> Self {
        Self { at, ..self }
    }

    /// `None` if there is nothing.
    #[inline]
    fn step(self, step: Step) -> Result<Option<Self>, Outside> {
        match step {
            Step::Slot(slot) => Ok(self.buffer.table(self.at)?.field(slot).map(|at| self.at(at))),
            Step::Ahead(bytes) => Ok(Some(self.at(self.at.saturating_add(bytes)))),
            Step::Follow => self.follow().map(Some),
            Step::FollowWide => match self.buffer.follow_wide(self.at) {
                Some(at) => Ok(Some(self.at(at))),
                None => Err(Outside::new("what its 64-bit offset leads to", self.at, 8)),
            },
            Step::Element { nth, size, is_wide } => self.element(nth, size, is_wide),
            Step::Nested { is_wide } => self.nested(is_wide),
            Step::Member { slot, tag, number } => self.member(slot, tag, number, None),
            Step::MemberElement { slot, tag, number, nth } => self.member(slot, tag, number, Some(nth)),
        }
    }

    fn follow(self) -> Result<Self, Outside> {
        match self.buffer.follow(self.at) {
            Some(at) => Ok(self.at(at)),
            None => Err(Outside::new("the offset", self.at, 4)),
        }
    }

    fn element(self, nth: usize, size: usize, is_wide: bool) -> Result<Option<Self>, Outside> {
        let elements = self.buffer.vector(self.at, size, is_wide);
        let elements = elements.ok_or_else(|| self.buffer.counted("the vector", self.at, size))?;
        Ok((nth < elements.len).then(|| self.at(elements.start + nth * size)))
    }

    fn nested(self, is_wide: bool) -> Result<Option<Self>, Outside> {
        let elements = self.buffer.vector(self.at, 1, is_wide);
        let elements = elements.ok_or_else(|| self.buffer.counted("the vector", self.at, 1))?;
        match elements.len {
            0 => Ok(None),
            _ => Self::root(self.buffer.nested(elements)).map(Some),
        }
    }

    fn member(self, slot: u16, tag: Tag, number: i64, nth: Option<usize>) -> Result<Option<Self>, Outside> {
        let table = self.buffer.table(self.at)?;
        let find = |slot, size| match (table.field(slot), nth) {
            (Some(place), Some(nth)) => self.at(place).follow()?.element(nth, size, false),
            (place, _) => Ok(place.map(|place| self.at(place))),
        };
        let (Some(found), Some(value)) = (find(tag.slot, tag.scalar.size())?, find(slot, 4)?) else { return Ok(None) };
        if found.value(Some(tag.scalar))?.bits() == Some(number) { value.follow().map(Some) } else { Ok(None) }
    }

    /// A scalar of this type, or a string.
    #[inline]
    fn value(self, scalar: Option<Scalar>) -> Result<Value<'m>, Outside> {
        match scalar {
            Some(scalar) => {
                let value = self.buffer.bytes.get(self.at..).and_then(|bytes| scalar.read(bytes));
                value.ok_or_else(|| Outside::new("the scalar", self.at, scalar.size()))
            }
            None => {
                let bytes = self.buffer.string(self.at);
                bytes.map(Value::String).ok_or_else(|| self.buffer.counted("the string", self.at, 1))
            }
        }
    }
}

/// What the parts that were read lead to.
#[derive(Clone, Copy)]
enum At<'w> {
    Object(ObjectIndex),
    /// A vector or array, by its field: only an index can follow.
    Many(&'w Field),
    /// A union, or the element of a vector of them: only a member can follow.
    Union(&'w Field, &'w Enum, Tag, Option<usize>),
    Scalar(Scalar),
    String,
}

struct Parser<'w> {
    walker: &'w Walker,
    path: &'w str,
    /// How much of the path was read.
    end: PathEnd,
    steps: Vec<(Step, PathEnd)>,
    last: (ObjectIndex, usize),
    at: At<'w>,
}

impl<'w> Parser<'w> {
    fn new(walker: &'w Walker, path: &'w str) -> Self {
        let root = walker.root_index();
        Self { walker, path, end: 0, steps: Vec::new(), last: (root, 0), at: At::Object(root) }
    }

    fn parse(mut self) -> Result<FieldPath, PathError> {
        for (nth, part) in self.path.split('.').enumerate() {
            let (name, indices) = part.split_at(part.find('[').unwrap_or(part.len()));
            self.end += usize::from(nth > 0) + name.len();
            self.name(name)?;
            self.indices(indices)?;
        }
        let part = self.path.rsplit('.').next().unwrap_or_default();
        let scalar = match self.at {
            At::Scalar(scalar) => Some(scalar),
            At::String => None,
            _ => return Err(self.error(part, format!("it is no single value, but {}", self.say()))),
        };
        let (path, plan) = (self.path.to_string(), Arc::clone(self.walker.plan()));
        Ok(FieldPath { path, plan, steps: self.steps, last: self.last, scalar })
    }

    fn name(&mut self, name: &str) -> Result<(), PathError> {
        match self.at {
            At::Object(index) => self.field(index, name),
            At::Union(field, declared, tag, nth) => self.member(name, field, declared, tag, nth),
            At::Many(_) => Err(self.error(name, format!("before it stands {}", self.say()))),
            At::Scalar(_) | At::String => {
                Err(self.error(name, format!("before it stands {}, which has no fields", self.say())))
            }
        }
    }

    fn field(&mut self, index: ObjectIndex, name: &str) -> Result<(), PathError> {
        let object: &'w Object = self.walker.plan().object(index);
        let Some(nth) = object.fields.iter().position(|field| field.name() == name) else {
            let names = listed(object.fields.iter().map(Field::name));
            return Err(self.error(name, format!("{} has no field {name:?}, {names}", object.name())));
        };
        let field = &object.fields[nth];
        self.last = (index, nth);
        // A union is found together with its member.
        if !matches!(field.kind, Kind::Union(..)) {
            match object.is_struct {
                true => self.step(Step::Ahead(usize::from(field.offset))),
                false => self.step(Step::Slot(field.offset)),
            }
        }
        self.enter_field(field);
        Ok(())
    }

    fn enter_field(&mut self, field: &'w Field) {
        match (field.many, field.nested) {
            (Many::One, _) => self.enter_one(field, None),
            (Many::Array(_), _) => self.at = At::Many(field),
            (_, Some(root)) => {
                self.follow(field);
                self.step(Step::Nested { is_wide: field.many == Many::WideVector });
                self.at = At::Object(root);
            }
            (_, None) => self.at = At::Many(field),
        }
    }

    /// The field itself, or an element that was stepped to.
    fn enter_one(&mut self, field: &'w Field, nth: Option<usize>) {
        self.at = match &field.kind {
            Kind::Scalar(scalar, _) => At::Scalar(*scalar),
            Kind::Struct(index) => At::Object(*index),
            Kind::Union(declared, tag) => At::Union(field, declared, *tag, nth),
            Kind::Table(index) => {
                self.step(Step::Follow);
                At::Object(*index)
            }
            Kind::String => {
                self.step(if nth.is_none() && field.flags.has_wide_offset { Step::FollowWide } else { Step::Follow });
                At::String
            }
        };
    }

    fn member(
        &mut self,
        name: &str,
        field: &Field,
        declared: &'w Enum,
        tag: Tag,
        nth: Option<usize>,
    ) -> Result<(), PathError> {
        let members = || declared.values.iter().filter_map(|value| Some((value, value.member?)));
        let Some((value, member)) = members().find(|(value, _)| value.name() == name) else {
            let names = listed(members().map(|(value, _)| value.name()));
            return Err(self.error(name, format!("the union {} has no member {name:?}, {names}", declared.name())));
        };
        let (slot, number) = (field.offset, value.number);
        self.step(match nth {
            None => Step::Member { slot, tag, number },
            Some(nth) => Step::MemberElement { slot, tag, number, nth },
        });
        self.at = match member {
            Member::Table(index) | Member::Struct(index) => At::Object(index),
            Member::String => At::String,
        };
        Ok(())
    }

    fn indices(&mut self, mut text: &'w str) -> Result<(), PathError> {
        while !text.is_empty() {
            let len = text.find(']').map_or(text.len(), |at| at + 1);
            let (part, rest) = text.split_at(len);
            self.end += len;
            let number = part.strip_prefix('[').and_then(|part| part.strip_suffix(']'));
            let Some(nth) = number.and_then(|number| number.parse().ok()) else {
                return Err(self.error(part, "an index is a number in brackets, such as [2]".to_string()));
            };
            self.index(part, nth)?;
            text = rest;
        }
        Ok(())
    }

    fn index(&mut self, part: &str, nth: usize) -> Result<(), PathError> {
        let At::Many(field) = self.at else {
            return Err(self.error(part, format!("before it stands {}, which has no elements", self.say())));
        };
        let size = match &field.kind {
            Kind::Scalar(scalar, _) => scalar.size(),
            Kind::Struct(index) => self.walker.plan().object(*index).size,
            _ => 4,
        };
        match field.many {
            Many::Array(len) if nth >= usize::from(len) => {
                return Err(self.error(part, format!("the array has {len} elements")));
            }
            Many::Array(_) => self.step(Step::Ahead(nth * size)),
            _ if matches!(field.kind, Kind::Union(..)) => {}
            many => {
                self.follow(field);
                self.step(Step::Element { nth, size, is_wide: many == Many::WideVector });
            }
        }
        self.enter_one(field, Some(nth));
        Ok(())
    }

    fn follow(&mut self, field: &Field) {
        self.step(if field.flags.has_wide_offset { Step::FollowWide } else { Step::Follow });
    }

    fn step(&mut self, step: Step) {
        self.steps.push((step, self.end));
    }

    /// What there is.
    fn say(&self) -> String {
        match self.at {
            At::Object(index) => {
                let object = self.walker.plan().object(index);
                let kind = if object.is_struct { "struct" } else { "table" };
                format!(
                    "a {kind}, {}, with the fields: {}",
                    object.name(),
                    names(object.fields.iter().map(Field::name))
                )
            }
            At::Many(field) if matches!(field.many, Many::Array(_)) => {
                "an array: an index is missing, such as [0]".to_string()
            }
            At::Many(_) => "a vector: an index is missing, such as [0]".to_string(),
            At::Union(_, declared, ..) => {
                let members = declared.values.iter().filter(|value| value.member.is_some()).map(EnumValue::name);
                format!("a union, {}, with the members: {}", declared.name(), names(members))
            }
            At::Scalar(_) => "a number".to_string(),
            At::String => "a string".to_string(),
        }
    }

    fn error(&self, part: &str, what: String) -> PathError {
        let path = self.path.get(..self.end).unwrap_or(self.path);
        PathError { path: path.to_string(), part: part.to_string(), what }
    }
}

fn listed<'n>(of: impl Iterator<Item = &'n str>) -> String {
    match names(of).as_str() {
        "" => "nor any other".to_string(),
        names => format!("only: {names}"),
    }
}

/// So many that a person may want to read them.
fn names<'n>(mut of: impl Iterator<Item = &'n str>) -> String {
    const NAMES_MAX: usize = 20;
    let mut names = of.by_ref().take(NAMES_MAX).collect::<Vec<_>>().join(", ");
    if of.next().is_some() {
        names.push_str(", ...");
    }
    names
}
