//! Fields of messages by which they are sought and chosen.

use std::cmp::Ordering;
use std::fmt;
use std::path::Path;

use flatstream::schema::{FieldPath, MessageError, Scalar, Value, Walker};

use crate::messages::Item;
use crate::outcome::Failure;

/// A value that somebody wrote on the command line, for a field.
#[derive(Clone, Debug, PartialEq)]
enum Wanted {
    Integer(i128),
    Real(f64),
    Text(String),
}

impl Wanted {
    fn parse(text: &str, field: &FieldPath) -> Result<Self, Failure> {
        let bad =
            |expected: &str| Failure::usage(format!("{text:?} is no value of {}: expected {expected}", field.as_str()));
        let named = |name: &str| {
            let values = field.enumeration()?.values();
            values.iter().find(|value| value.name() == name).map(|value| Self::Integer(value.number().into()))
        };
        match field.scalar() {
            None => Ok(Self::Text(text.to_owned())),
            // As it is kept: 0.1 is another number with fewer digits.
            Some(Scalar::Float) => text.parse::<f32>().map(|real| Self::Real(real.into())).map_err(|_| bad("a number")),
            Some(Scalar::Double) => text.parse().map(Self::Real).map_err(|_| bad("a number")),
            Some(Scalar::Bool) => match text {
                "true" | "1" => Ok(Self::Integer(1)),
                "false" | "0" => Ok(Self::Integer(0)),
                _ => Err(bad("true or false")),
            },
            Some(_) => match named(text) {
                Some(number) => Ok(number),
                None => text.parse().map(Self::Integer).map_err(|_| bad("an integer, or the name of an enum's value")),
            },
        }
    }

    /// How a message's value compares with it. NaN is equal to NaN alone, and neither less nor greater.
    fn compare(&self, value: Value<'_>) -> Option<Ordering> {
        match self {
            Self::Text(text) => match value {
                Value::String(bytes) => Some(bytes.cmp(text.as_bytes())),
                _ => None,
            },
            Self::Real(real) => {
                let value = value.as_f64()?;
                if value.is_nan() && real.is_nan() { Some(Ordering::Equal) } else { value.partial_cmp(real) }
            }
            Self::Integer(integer) => integer_of(value).map(|value| value.cmp(integer)),
        }
    }
}

fn integer_of(value: Value<'_>) -> Option<i128> {
    match value {
        Value::Bool(value) => Some(value.into()),
        Value::ULong(value) => Some(value.into()),
        other => other.as_i64().map(i128::from),
    }
}

/// A field that doesn't decrease, and a range of it.
#[derive(Debug)]
pub(crate) struct Key {
    field: FieldPath,
    from: Option<Wanted>,
    until: Option<Wanted>,
}

impl Key {
    /// `FIELD=A..B`, either side of which may be left out.
    pub(crate) fn parse(text: &str, walker: &Walker) -> Result<Self, Failure> {
        let wrong = || Failure::usage(format!("{text:?} is no range of a field: expected FIELD=FROM..UNTIL"));
        let (field, range) = text.split_once('=').ok_or_else(wrong)?;
        let (from, until) = range.split_once("..").ok_or_else(wrong)?;
        let field = field_of(field, walker)?;
        let side = |text: &str| if text.is_empty() { Ok(None) } else { Wanted::parse(text, &field).map(Some) };
        Ok(Self { from: side(from)?, until: side(until)?, field })
    }

    /// Whether a message comes before the range. One that hasn't the field, or can't be read, does.
    pub(crate) fn is_before(&self, message: &[u8]) -> bool {
        let Some(from) = &self.from else { return false };
        let value = self.field.read(message).ok().flatten();
        value.is_none_or(|value| from.compare(value) == Some(Ordering::Less))
    }

    pub(crate) fn is_behind(&self, message: &[u8]) -> bool {
        let Some(until) = &self.until else { return false };
        let value = self.field.read(message).ok().flatten();
        value.is_some_and(|value| until.compare(value).is_some_and(Ordering::is_ge))
    }
}

/// Whether a key's field decreases all the same, as far as messages are read: then bisection can have missed some.
pub(crate) struct Order<'p> {
    path: &'p Path,
    field: FieldPath,
    last: Option<KeyValue>,
}

impl<'p> Order<'p> {
    pub(crate) fn new(path: &'p Path, key: &Key) -> Self {
        Self { path, field: key.field.clone(), last: None }
    }

    /// Takes the next message in.
    ///
    /// # Errors
    /// It has less in the field than the one before. One that hasn't the field is passed over.
    pub(crate) fn check(&mut self, item: &Item) -> Result<(), Failure> {
        let Some(value) = self.field.read(&item.message).ok().flatten().map(KeyValue::of) else { return Ok(()) };
        if let Some(last) = &self.last
            && value.compare(last) == Ordering::Less
        {
            let what = format!("{}: {}, has the {}", self.path.display(), item.place(), self.field.as_str());
            let advice = "`--where` finds messages in any order, so there may be more that are wanted";
            return Err(decreases(&what, &value, last, advice));
        }
        self.last = Some(value);
        Ok(())
    }
}

/// What was to be in order isn't.
pub(crate) fn decreases(what: &str, value: &dyn fmt::Display, last: &dyn fmt::Display, advice: &str) -> Failure {
    Failure::Other {
        what: format!("{what} {value}, and the one before has {last}: it must not decrease"),
        advice: Some(advice.to_owned()),
    }
}

type Comparison = fn(Ordering) -> bool;

/// A condition on a message.
#[derive(Debug)]
pub(crate) struct Condition {
    field: FieldPath,
    comparison: Comparison,
    wanted: Wanted,
}

impl Condition {
    /// `FIELD=VALUE`, or with `!=`, `<`, `<=`, `>`, `>=`.
    pub(crate) fn parse(text: &str, walker: &Walker) -> Result<Self, Failure> {
        const COMPARISONS: [(&str, Comparison); 6] = [
            ("!=", Ordering::is_ne),
            ("<=", Ordering::is_le),
            (">=", Ordering::is_ge),
            ("=", Ordering::is_eq),
            ("<", Ordering::is_lt),
            (">", Ordering::is_gt),
        ];
        let found = COMPARISONS.iter().filter_map(|(sign, comparison)| Some((text.find(sign)?, *sign, *comparison)));
        // The one that comes first, and of those the longest.
        let first = found.min_by_key(|(at, sign, _)| (*at, usize::MAX - sign.len()));
        let (at, sign, comparison) =
            first.ok_or_else(|| Failure::usage(format!("{text:?} is no condition: expected FIELD=VALUE")))?;
        let field = field_of(&text[..at], walker)?;
        let wanted = Wanted::parse(&text[at + sign.len()..], &field)?;
        Ok(Self { field, comparison, wanted })
    }

    /// Whether a message has the field, and it is as wanted.
    ///
    /// # Errors
    /// The message can't be decoded, so nobody knows.
    pub(crate) fn holds(&self, message: &[u8]) -> Result<bool, MessageError> {
        let value = self.field.read(message)?;
        Ok(value.is_some_and(|value| match self.wanted.compare(value) {
            Some(ordering) => (self.comparison)(ordering),
            // NaN, which is only different.
            None => (self.comparison)(Ordering::Less) && (self.comparison)(Ordering::Greater),
        }))
    }
}

/// What a message says in a field, to be kept and compared.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum KeyValue {
    Integer(i128),
    Real(f64),
    Text(Vec<u8>),
}

impl KeyValue {
    pub(crate) fn of(value: Value<'_>) -> Self {
        match (value, integer_of(value)) {
            (_, Some(integer)) => Self::Integer(integer),
            (Value::String(bytes), None) => Self::Text(bytes.to_vec()),
            // Zero has one order, with either sign.
            (other, None) => Self::Real(other.as_f64().unwrap_or(f64::NAN) + 0.0),
        }
    }

    /// Of the same field; NaN comes behind all numbers.
    pub(crate) fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Integer(a), Self::Integer(b)) => a.cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Real(a), Self::Real(b)) => a.total_cmp(b),
            (a, b) => a.rank().cmp(&b.rank()),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Integer(_) => 0,
            Self::Real(_) => 1,
            Self::Text(_) => 2,
        }
    }
}

impl fmt::Display for KeyValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(integer) => write!(f, "{integer}"),
            Self::Real(real) => write!(f, "{real}"),
            Self::Text(bytes) => f.write_str(&String::from_utf8_lossy(bytes)),
        }
    }
}

pub(crate) fn field_of(path: &str, walker: &Walker) -> Result<FieldPath, Failure> {
    FieldPath::parse(walker, path).map_err(|error| Failure::usage(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_decreases_in_neither_sign_and_behind_nan_everything_does() {
        let order = |a: f64, b: f64| KeyValue::of(Value::Double(a)).compare(&KeyValue::of(Value::Double(b)));
        assert_eq!((order(0.0, -0.0), order(-0.0, 0.0)), (Ordering::Equal, Ordering::Equal));
        assert_eq!((order(-1.0, 0.0), order(1.0, f64::NAN)), (Ordering::Less, Ordering::Less));
    }
}
