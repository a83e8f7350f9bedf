//! Columns of single values.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::builder::{BooleanBuilder, Int32Builder, PrimitiveBuilder, StringBuilder, TimestampNanosecondBuilder};
use arrow_array::types::ArrowPrimitiveType;
use arrow_array::{ArrayRef, DictionaryArray, StringArray};
use arrow_schema::ArrowError;
use flatstream::schema::{Enum, Field, JsonVisitor, Value};

use super::fill::Refused;
use crate::convert::plain::plain;

pub(super) enum Leaf {
    Bool(BooleanBuilder),
    Number(Box<dyn Numbers>),
    Text(StringBuilder),
    /// An enum: a dictionary of its names.
    Enum(Names),
    /// An enum of bit flags: the names, as JSON has them.
    Flags(StringBuilder),
    Time(TimestampNanosecondBuilder),
    /// What has no fields is there or isn't.
    Present(BooleanBuilder),
    /// A table inside one of the same type.
    Json(StringBuilder),
}

impl Leaf {
    /// `json` lends its memory.
    pub(super) fn append(
        &mut self,
        json: &mut JsonVisitor<'_>,
        field: &Field,
        value: Value<'_>,
    ) -> Result<(), Refused> {
        match self {
            Self::Bool(builder) => builder.append_value(matches!(value, Value::Bool(true))),
            Self::Number(numbers) => numbers.append(value),
            Self::Enum(names) => names.append(value),
            Self::Time(builder) => builder.append_value(value.as_i64().ok_or_else(|| Refused::time(field, value))?),
            Self::Present(builder) => builder.append_value(true),
            Self::Text(builder) | Self::Flags(builder) | Self::Json(builder) => {
                let text = plain(json, field, value)?;
                builder.append_value(String::from_utf8_lossy(&json.text()[text]));
            }
        }
        Ok(())
    }

    pub(super) fn append_null(&mut self) {
        match self {
            Self::Bool(builder) | Self::Present(builder) => builder.append_null(),
            Self::Number(numbers) => numbers.append_null(),
            Self::Enum(names) => names.numbers.append_null(),
            Self::Time(builder) => builder.append_null(),
            Self::Text(builder) | Self::Flags(builder) | Self::Json(builder) => builder.append_null(),
        }
    }

    pub(super) fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        Ok(match self {
            Self::Bool(builder) | Self::Present(builder) => Arc::new(builder.finish()),
            Self::Number(numbers) => numbers.finish(),
            Self::Enum(names) => names.finish()?,
            Self::Time(builder) => Arc::new(builder.finish()),
            Self::Text(builder) | Self::Flags(builder) | Self::Json(builder) => Arc::new(builder.finish()),
        })
    }
}

/// A column of numbers of any type.
pub(super) trait Numbers: Send {
    fn append(&mut self, value: Value<'_>);
    fn append_null(&mut self);
    fn finish(&mut self) -> ArrayRef;
}

pub(super) struct Number<T: ArrowPrimitiveType> {
    pub(super) builder: PrimitiveBuilder<T>,
    pub(super) of: fn(Value<'_>) -> Option<T::Native>,
}

impl<T: ArrowPrimitiveType> Numbers for Number<T> {
    fn append(&mut self, value: Value<'_>) {
        self.builder.append_option((self.of)(value));
    }

    fn append_null(&mut self) {
        self.builder.append_null();
    }

    fn finish(&mut self) -> ArrayRef {
        Arc::new(self.builder.finish())
    }
}

/// The values of an enum. Those that the schema doesn't know are called by their numbers.
pub(super) struct Names {
    /// From one batch to the next it only grows.
    names: Vec<String>,
    numbers_of: HashMap<Option<i64>, i32>,
    numbers: Int32Builder,
}

impl Names {
    pub(super) fn new(declared: &Enum) -> Self {
        let values = || declared.values().iter();
        Self {
            names: values().map(|value| value.name().to_owned()).collect(),
            numbers_of: (0..).zip(values()).map(|(nth, value)| (Some(value.number()), nth)).collect(),
            numbers: Int32Builder::new(),
        }
    }

    fn append(&mut self, value: Value<'_>) {
        // An enum of `ulong` is known by its bits.
        let bits = value.as_i64().or(value.as_u64().map(u64::cast_signed));
        let next = self.names.len() as i32;
        let number = *self.numbers_of.entry(bits).or_insert(next);
        if number == next {
            self.names.push(
                value
                    .as_u64()
                    .map(|number| number.to_string())
                    .or(bits.map(|bits| bits.to_string()))
                    .unwrap_or_default(),
            );
        }
        self.numbers.append_value(number);
    }

    fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        let names = StringArray::from_iter_values(&self.names);
        Ok(Arc::new(DictionaryArray::try_new(self.numbers.finish(), Arc::new(names))?))
    }
}
