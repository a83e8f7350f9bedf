use crate::generated::reflection::BaseType;

/// The type of a number, a boolean or an enum's numbers, by the names that schemas use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "a schema's own words")]
pub enum Scalar {
    Bool,
    Byte,
    UByte,
    Short,
    UShort,
    Int,
    UInt,
    Long,
    ULong,
    Float,
    Double,
}

impl Scalar {
    pub(crate) fn of(base: BaseType) -> Option<Self> {
        Some(match base {
            BaseType::Bool => Self::Bool,
            BaseType::Byte => Self::Byte,
            BaseType::UByte | BaseType::UType => Self::UByte,
            BaseType::Short => Self::Short,
            BaseType::UShort => Self::UShort,
            BaseType::Int => Self::Int,
            BaseType::UInt => Self::UInt,
            BaseType::Long => Self::Long,
            BaseType::ULong => Self::ULong,
            BaseType::Float => Self::Float,
            BaseType::Double => Self::Double,
            _ => return None,
        })
    }

    /// How many bytes it takes.
    #[must_use]
    pub const fn size(self) -> usize {
        match self {
            Self::Bool | Self::Byte | Self::UByte => 1,
            Self::Short | Self::UShort => 2,
            Self::Int | Self::UInt | Self::Float => 4,
            Self::Long | Self::ULong | Self::Double => 8,
        }
    }

    /// Of bytes that begin with it; `None` if they are too few.
    #[inline]
    pub(crate) fn read(self, bytes: &[u8]) -> Option<Value<'static>> {
        Some(match self {
            Self::Bool => Value::Bool(*bytes.first()? != 0),
            Self::Byte => Value::Byte(i8::from_le_bytes(*bytes.first_chunk()?)),
            Self::UByte => Value::UByte(*bytes.first()?),
            Self::Short => Value::Short(i16::from_le_bytes(*bytes.first_chunk()?)),
            Self::UShort => Value::UShort(u16::from_le_bytes(*bytes.first_chunk()?)),
            Self::Int => Value::Int(i32::from_le_bytes(*bytes.first_chunk()?)),
            Self::UInt => Value::UInt(u32::from_le_bytes(*bytes.first_chunk()?)),
            Self::Long => Value::Long(i64::from_le_bytes(*bytes.first_chunk()?)),
            Self::ULong => Value::ULong(u64::from_le_bytes(*bytes.first_chunk()?)),
            Self::Float => Value::Float(f32::from_le_bytes(*bytes.first_chunk()?)),
            Self::Double => Value::Double(f64::from_le_bytes(*bytes.first_chunk()?)),
        })
    }

    /// A default, as binary schemas hold them: integers as one type, real numbers as another.
    pub(crate) fn default_of(self, integer: i64, real: f64) -> Value<'static> {
        match self {
            Self::Bool => Value::Bool(integer != 0),
            Self::Byte => Value::Byte(integer as i8),
            Self::UByte => Value::UByte(integer as u8),
            Self::Short => Value::Short(integer as i16),
            Self::UShort => Value::UShort(integer as u16),
            Self::Int => Value::Int(integer as i32),
            Self::UInt => Value::UInt(integer as u32),
            Self::Long => Value::Long(integer),
            Self::ULong => Value::ULong(integer as u64),
            Self::Float => Value::Float(real as f32),
            Self::Double => Value::Double(real),
        }
    }
}

/// A single value of a message.
///
/// An enum's value is its number; [`Enum::name_of`](crate::Enum::name_of) has its name.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs, reason = "a schema's own words")]
pub enum Value<'m> {
    Bool(bool),
    Byte(i8),
    UByte(u8),
    Short(i16),
    UShort(u16),
    Int(i32),
    UInt(u32),
    Long(i64),
    ULong(u64),
    Float(f32),
    Double(f64),
    /// The string's bytes, without the zero behind them. They should be UTF-8, but a writer may have made a mistake:
    /// [`as_str`](Self::as_str) looks.
    String(&'m [u8]),
}

impl<'m> Value<'m> {
    /// An integer's number; a `ulong` above `i64::MAX` is `None`, as is anything that isn't an integer.
    #[must_use]
    pub fn as_i64(self) -> Option<i64> {
        match self {
            Self::ULong(value) => i64::try_from(value).ok(),
            other => other.bits(),
        }
    }

    /// An integer's number, if it isn't negative.
    #[must_use]
    pub fn as_u64(self) -> Option<u64> {
        match self {
            Self::ULong(value) => Some(value),
            other => u64::try_from(other.bits()?).ok(),
        }
    }

    /// Any number, the nearest there is for integers beyond 2^53.
    #[must_use]
    pub fn as_f64(self) -> Option<f64> {
        match self {
            Self::Float(value) => Some(f64::from(value)),
            Self::Double(value) => Some(value),
            Self::ULong(value) => Some(value as f64),
            other => other.bits().map(|value| value as f64),
        }
    }

    /// A boolean.
    #[must_use]
    pub fn as_bool(self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// A string, if it is UTF-8.
    #[must_use]
    pub fn as_str(self) -> Option<&'m str> {
        match self {
            Self::String(bytes) => core::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    /// An integer as binary schemas hold enums' numbers and defaults: a `ulong` by its bits.
    #[inline]
    pub(crate) fn bits(self) -> Option<i64> {
        Some(match self {
            Self::Byte(value) => i64::from(value),
            Self::UByte(value) => i64::from(value),
            Self::Short(value) => i64::from(value),
            Self::UShort(value) => i64::from(value),
            Self::Int(value) => i64::from(value),
            Self::UInt(value) => i64::from(value),
            Self::Long(value) => value,
            Self::ULong(value) => value as i64,
            Self::Bool(_) | Self::Float(_) | Self::Double(_) | Self::String(_) => return None,
        })
    }
}
