use alloc::boxed::Box;

use crate::error::{MessageFault, WalkError};
use crate::message::{Buffer, Elements, Outside, Table};
use crate::plan::{Enum, EnumValue, Field, Kind, Many, Member, Object, Plan, Tag};
use crate::stop::{Stop, stopped};
use crate::value::{Scalar, Value};

/// What a message consists of, part by part, as [`Walker::walk`](crate::Walker::walk) meets it.
///
/// Of a table, all fields come in the order of their ids: each is either [`absent`](Self::absent), or it is a
/// [`field`](Self::field), and then what it holds follows: a value, an object (a table or struct), or a vector.
///
/// ```
/// use flatstream_schema::{Field, Object, Schema, Value, Visitor, Walker};
///
/// /// Finds the greatest number in a message.
/// #[derive(Default)]
/// struct Greatest(f64);
///
/// impl<'m> Visitor<'m> for Greatest {
///     type Error = std::convert::Infallible;
///
///     fn value(&mut self, _: &Field, value: Value<'m>) -> Result<(), Self::Error> {
///         self.0 = self.0.max(value.as_f64().unwrap_or_default());
///         Ok(())
///     }
/// }
///
/// # use telemetry_schema::telemetry::{TelemetryEvent, TelemetryEventArgs};
/// # let mut builder = flatbuffers::FlatBufferBuilder::new();
/// # let source_id = Some(builder.create_string("pump-1"));
/// # let event = TelemetryEvent::create(&mut builder, &TelemetryEventArgs { timestamp_ns: 7, source_id, value: 21.5 });
/// # builder.finish(event, None);
/// # let message = builder.finished_data();
/// let walker = Walker::new(&Schema::read(telemetry_schema::BFBS)?)?;
/// let mut greatest = Greatest::default();
/// walker.walk(message, &mut greatest)?;
/// assert_eq!(greatest.0, 21.5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Every method does nothing by default. An error ends the walk.
#[allow(unused_variables, reason = "the names are documentation")]
pub trait Visitor<'m> {
    /// Why it stops the walk.
    type Error;

    /// A table or struct begins: the root, what the last field holds, or an element of it.
    fn begin_object(&mut self, object: &Object) -> Result<(), Self::Error> {
        Ok(())
    }

    /// It ends.
    fn end_object(&mut self, object: &Object) -> Result<(), Self::Error> {
        Ok(())
    }

    /// A field is there; what it holds follows.
    fn field(&mut self, field: &Field) -> Result<(), Self::Error> {
        Ok(())
    }

    /// The table doesn't have this field. Scalars read as [`Field::default`] then.
    fn absent(&mut self, field: &Field) -> Result<(), Self::Error> {
        Ok(())
    }

    /// A vector or array begins.
    fn begin_vector(&mut self, field: &Field, len: usize) -> Result<(), Self::Error> {
        Ok(())
    }

    /// It ends.
    fn end_vector(&mut self, field: &Field) -> Result<(), Self::Error> {
        Ok(())
    }

    /// What follows is of a union, and this member of it.
    fn member(&mut self, field: &Field, member: &EnumValue) -> Result<(), Self::Error> {
        Ok(())
    }

    /// What the field holds, or an element of it.
    fn value(&mut self, field: &Field, value: Value<'m>) -> Result<(), Self::Error> {
        Ok(())
    }

    /// Nothing is there: the union's type is `NONE`, or one that the schema doesn't know; or the nested FlatBuffer has
    /// no bytes.
    fn null(&mut self, field: &Field) -> Result<(), Self::Error> {
        Ok(())
    }
}

/// What a walk may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) depth_max: u32,
    pub(crate) tables_max: u32,
    pub(crate) shared_bytes_max: usize,
}

pub(crate) fn walk<'m, V: Visitor<'m>>(
    plan: &Plan,
    limits: Limits,
    root: &Object,
    message: &'m [u8],
    visitor: &mut V,
) -> Result<(), WalkError<V::Error>> {
    let mut walk = Walk {
        plan,
        limits,
        visitor,
        depth_left: limits.depth_max,
        tables_left: limits.tables_max,
        bytes_left: message.len().saturating_add(limits.shared_bytes_max),
    };
    walk.root(root, Buffer::new(message)).map_err(|stop| (*stop).into_error())
}

struct Walk<'w, 'v, V> {
    plan: &'w Plan,
    limits: Limits,
    visitor: &'v mut V,
    depth_left: u32,
    tables_left: u32,
    bytes_left: usize,
}

type Outcome<'w, E> = Result<(), Box<Stop<'w, E>>>;

impl<'w, 'm, V: Visitor<'m>> Walk<'w, '_, V> {
    fn root(&mut self, object: &'w Object, buffer: Buffer<'m>) -> Outcome<'w, V::Error> {
        let at = self.follow(buffer, 0)?;
        self.table(object, buffer, at)
    }

    fn table(&mut self, object: &'w Object, buffer: Buffer<'m>, at: usize) -> Outcome<'w, V::Error> {
        self.enter_table(object)?;
        let table = buffer.table(at).map_err(|what| outside(buffer, what))?;
        self.visitor.begin_object(object).map_err(stopped)?;
        for field in &object.fields {
            match table.field(field.offset) {
                Some(place) => self.field(field, buffer, table, place).map_err(|stop| stop.in_field(field))?,
                None => self.visitor.absent(field).map_err(|error| stopped(error).in_field(field))?,
            }
        }
        self.depth_left += 1;
        self.visitor.end_object(object).map_err(stopped)
    }

    fn enter_table(&mut self, object: &Object) -> Outcome<'w, V::Error> {
        let Some(tables_left) = self.tables_left.checked_sub(1) else {
            return Err(Stop::message(MessageFault::TooManyTables { max: self.limits.tables_max }));
        };
        let Some(depth_left) = self.depth_left.checked_sub(1) else {
            return Err(Stop::message(MessageFault::TooDeep { max: self.limits.depth_max }));
        };
        (self.tables_left, self.depth_left) = (tables_left, depth_left);
        // Fields that are absent cost time too.
        self.spend(4 + object.fields.len() / 8)
    }

    /// A message whose parts share nothing spends no more bytes than it has.
    #[inline]
    fn spend(&mut self, bytes: usize) -> Outcome<'w, V::Error> {
        match self.bytes_left.checked_sub(bytes) {
            Some(left) => {
                self.bytes_left = left;
                Ok(())
            }
            None => Err(Stop::message(MessageFault::UnfoldsTooFar { max: self.limits.shared_bytes_max })),
        }
    }

    #[inline]
    fn field(&mut self, field: &'w Field, buffer: Buffer<'m>, table: Table<'m>, place: usize) -> Outcome<'w, V::Error> {
        self.spend(field.size)?;
        self.visitor.field(field).map_err(stopped)?;
        match (field.many, &field.kind) {
            (Many::One, Kind::Scalar(scalar, _)) => self.scalar(field, *scalar, buffer, place),
            (Many::One, Kind::String) => {
                let at = self.follow_field(field, buffer, place)?;
                self.string(field, buffer, at)
            }
            (Many::One, Kind::Struct(index)) => self.structure(self.plan.object(*index), buffer, place),
            (Many::One, Kind::Table(index)) => {
                let at = self.follow(buffer, place)?;
                self.table(self.plan.object(*index), buffer, at)
            }
            (Many::One, Kind::Union(declared, tag)) => {
                let number = table.field(tag.slot).map_or(Ok(0), |place| self.number(tag.scalar, buffer, place))?;
                self.union_at(field, declared, number, buffer, place)
            }
            (_, Kind::Union(declared, tag)) => self.vector_of_unions(field, (declared, *tag), buffer, table, place),
            _ => self.vector(field, buffer, place),
        }
    }

    #[inline]
    fn scalar(&mut self, field: &'w Field, scalar: Scalar, buffer: Buffer<'m>, place: usize) -> Outcome<'w, V::Error> {
        let value = buffer.bytes.get(place..).and_then(|bytes| scalar.read(bytes));
        match value {
            Some(value) => self.visitor.value(field, value).map_err(stopped),
            None => Err(outside(buffer, Outside::new("the scalar", place, scalar.size()))),
        }
    }

    #[inline]
    fn string(&mut self, field: &'w Field, buffer: Buffer<'m>, at: usize) -> Outcome<'w, V::Error> {
        let Some(bytes) = buffer.string(at) else { return Err(outside_counted(buffer, "the string", at, 1)) };
        self.spend(4 + bytes.len())?;
        self.visitor.value(field, Value::String(bytes)).map_err(stopped)
    }

    /// The bytes of a struct that stands in a table or vector, or that a union refers to.
    fn structure(&mut self, object: &'w Object, buffer: Buffer<'m>, at: usize) -> Outcome<'w, V::Error> {
        match buffer.slice(at, object.size) {
            Some(bytes) => self.fields_of_struct(object, Buffer { bytes, base: buffer.base.saturating_add(at) }),
            None => Err(outside(buffer, Outside::new("the struct", at, object.size))),
        }
    }

    /// `bytes` are the struct's alone.
    fn fields_of_struct(&mut self, object: &'w Object, bytes: Buffer<'m>) -> Outcome<'w, V::Error> {
        self.visitor.begin_object(object).map_err(stopped)?;
        for field in &object.fields {
            self.field_of_struct(field, bytes).map_err(|stop| stop.in_field(field))?;
        }
        self.visitor.end_object(object).map_err(stopped)
    }

    #[inline]
    fn field_of_struct(&mut self, field: &'w Field, bytes: Buffer<'m>) -> Outcome<'w, V::Error> {
        self.visitor.field(field).map_err(stopped)?;
        let place = usize::from(field.offset);
        match (field.many, &field.kind) {
            (Many::One, Kind::Scalar(scalar, _)) => self.scalar(field, *scalar, bytes, place),
            (Many::One, Kind::Struct(index)) => self.structure(self.plan.object(*index), bytes, place),
            (Many::Array(len), _) => match bytes.slice(place, field.size) {
                Some(slice) => {
                    self.elements(field, bytes, Elements { len: usize::from(len), start: place, bytes: slice })
                }
                None => Err(outside(bytes, Outside::new("the array", place, field.size))),
            },
            // The plan has no other fields in structs.
            _ => Ok(()),
        }
    }

    fn vector(&mut self, field: &'w Field, buffer: Buffer<'m>, place: usize) -> Outcome<'w, V::Error> {
        let at = self.follow_field(field, buffer, place)?;
        let element_size = self.element_size(&field.kind);
        let Some(elements) = buffer.vector(at, element_size, field.many == Many::WideVector) else {
            return Err(outside_counted(buffer, "the vector", at, element_size));
        };
        // What is nested is spent when it is read.
        self.spend(4 + if field.nested.is_some() { 0 } else { elements.bytes.len() })?;
        match field.nested {
            Some(_) if elements.bytes.is_empty() => self.visitor.null(field).map_err(stopped),
            Some(index) => self.root(self.plan.object(index), buffer.nested(elements)),
            None => self.elements(field, buffer, elements),
        }
    }

    fn element_size(&self, kind: &Kind) -> usize {
        match kind {
            Kind::Scalar(scalar, _) => scalar.size(),
            Kind::Struct(index) => self.plan.object(*index).size,
            Kind::String | Kind::Table(_) | Kind::Union(..) => 4,
        }
    }

    fn elements(&mut self, field: &'w Field, buffer: Buffer<'m>, elements: Elements<'m>) -> Outcome<'w, V::Error> {
        self.visitor.begin_vector(field, elements.len).map_err(stopped)?;
        match &field.kind {
            Kind::Scalar(scalar, _) => self.scalars(field, *scalar, elements.bytes)?,
            kind => {
                for nth in 0..elements.len {
                    self.element(field, kind, buffer, elements, nth).map_err(|stop| stop.in_element(nth))?;
                }
            }
        }
        self.visitor.end_vector(field).map_err(stopped)
    }

    fn element(
        &mut self,
        field: &'w Field,
        kind: &'w Kind,
        buffer: Buffer<'m>,
        elements: Elements<'m>,
        nth: usize,
    ) -> Outcome<'w, V::Error> {
        match kind {
            Kind::Struct(index) => {
                let object = self.plan.object(*index);
                self.structure(object, buffer, elements.start + nth * object.size)
            }
            Kind::Table(index) => {
                let at = self.follow(buffer, elements.start + nth * 4)?;
                self.table(self.plan.object(*index), buffer, at)
            }
            _ => {
                let at = self.follow(buffer, elements.start + nth * 4)?;
                self.string(field, buffer, at)
            }
        }
    }

    fn scalars(&mut self, field: &'w Field, scalar: Scalar, bytes: &'m [u8]) -> Outcome<'w, V::Error> {
        match scalar {
            Scalar::Bool => self.each(field, bytes, |[byte]| Value::Bool(byte != 0)),
            Scalar::Byte => self.each(field, bytes, |bytes| Value::Byte(i8::from_le_bytes(bytes))),
            Scalar::UByte => self.each(field, bytes, |[byte]| Value::UByte(byte)),
            Scalar::Short => self.each(field, bytes, |bytes| Value::Short(i16::from_le_bytes(bytes))),
            Scalar::UShort => self.each(field, bytes, |bytes| Value::UShort(u16::from_le_bytes(bytes))),
            Scalar::Int => self.each(field, bytes, |bytes| Value::Int(i32::from_le_bytes(bytes))),
            Scalar::UInt => self.each(field, bytes, |bytes| Value::UInt(u32::from_le_bytes(bytes))),
            Scalar::Long => self.each(field, bytes, |bytes| Value::Long(i64::from_le_bytes(bytes))),
            Scalar::ULong => self.each(field, bytes, |bytes| Value::ULong(u64::from_le_bytes(bytes))),
            Scalar::Float => self.each(field, bytes, |bytes| Value::Float(f32::from_le_bytes(bytes))),
            Scalar::Double => self.each(field, bytes, |bytes| Value::Double(f64::from_le_bytes(bytes))),
        }
    }

    #[inline]
    fn each<const N: usize>(
        &mut self,
        field: &'w Field,
        bytes: &'m [u8],
        read: impl Fn([u8; N]) -> Value<'m>,
    ) -> Outcome<'w, V::Error> {
        for (nth, chunk) in bytes.as_chunks().0.iter().enumerate() {
            self.visitor.value(field, read(*chunk)).map_err(|error| stopped(error).in_element(nth))?;
        }
        Ok(())
    }

    /// Two vectors, of types and of values. Where there are fewer types, the rest is `NONE`.
    fn vector_of_unions(
        &mut self,
        field: &'w Field,
        (declared, tag): (&'w Enum, Tag),
        buffer: Buffer<'m>,
        table: Table<'m>,
        place: usize,
    ) -> Outcome<'w, V::Error> {
        let vector = |walk: &Self, what, place, size| {
            let at = walk.follow(buffer, place)?;
            buffer.vector(at, size, false).ok_or_else(|| outside_counted(buffer, what, at, size))
        };
        let values = vector(self, "the vector", place, 4)?;
        let tags = table.field(tag.slot).map(|place| vector(self, "the vector of types", place, tag.scalar.size()));
        let tags = tags.transpose()?;
        self.spend(4 + values.bytes.len())?;
        self.visitor.begin_vector(field, values.len).map_err(stopped)?;
        for nth in 0..values.len {
            let number = tags.filter(|tags| nth < tags.len);
            let number = number.map(|tags| self.number(tag.scalar, buffer, tags.start + nth * tag.scalar.size()));
            let number = number.transpose()?.unwrap_or(0);
            let outcome = self.union_at(field, declared, number, buffer, values.start + nth * 4);
            outcome.map_err(|stop| stop.in_element(nth))?;
        }
        self.visitor.end_vector(field).map_err(stopped)
    }

    fn union_at(
        &mut self,
        field: &'w Field,
        declared: &'w Enum,
        number: i64,
        buffer: Buffer<'m>,
        place: usize,
    ) -> Outcome<'w, V::Error> {
        let Some((member, of)) = declared.value_of(number).and_then(|value| Some((value, value.member?))) else {
            return self.visitor.null(field).map_err(stopped);
        };
        self.visitor.member(field, member).map_err(stopped)?;
        let at = self.follow(buffer, place)?;
        match of {
            Member::Table(index) => self.table(self.plan.object(index), buffer, at),
            Member::String => self.string(field, buffer, at),
            Member::Struct(index) => {
                let object = self.plan.object(index);
                self.spend(object.size)?;
                self.structure(object, buffer, at)
            }
        }
    }

    fn number(&self, scalar: Scalar, buffer: Buffer<'m>, place: usize) -> Result<i64, Box<Stop<'w, V::Error>>> {
        let value = buffer.bytes.get(place..).and_then(|bytes| scalar.read(bytes));
        let number = value.and_then(Value::bits);
        number.ok_or_else(|| outside(buffer, Outside::new("the union's type", place, scalar.size())))
    }

    #[inline]
    fn follow(&self, buffer: Buffer<'m>, place: usize) -> Result<usize, Box<Stop<'w, V::Error>>> {
        buffer.follow(place).ok_or_else(|| outside(buffer, Outside::new("the offset", place, 4)))
    }

    #[inline]
    fn follow_field(&self, field: &Field, buffer: Buffer<'m>, place: usize) -> Result<usize, Box<Stop<'w, V::Error>>> {
        match field.flags.has_wide_offset {
            false => self.follow(buffer, place),
            true => {
                let at = buffer.follow_wide(place);
                at.ok_or_else(|| outside(buffer, Outside::new("what its 64-bit offset leads to", place, 8)))
            }
        }
    }
}

#[cold]
fn outside<'w, E>(buffer: Buffer<'_>, outside: Outside) -> Box<Stop<'w, E>> {
    Stop::message(buffer.fault(outside))
}

/// What has its length before it.
#[cold]
fn outside_counted<'w, E>(buffer: Buffer<'_>, what: &'static str, at: usize, element_size: usize) -> Box<Stop<'w, E>> {
    outside(buffer, buffer.counted(what, at, element_size))
}
