//! Numbers, booleans and enums, as their JSON says them.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::str::FromStr;

use crate::plan::{Enum, EnumValue};
use crate::value::Scalar;

/// A value of JSON, as far as scalars can be of it.
enum Token<'t> {
    Null,
    Bool(bool),
    Number(&'t str),
    Text(Cow<'t, str>),
    List,
    Object,
}

impl<'t> Token<'t> {
    /// Of what a JSON parser has taken for a value.
    fn of(json: &'t str) -> Self {
        match json.as_bytes().first() {
            Some(b'n') => Self::Null,
            Some(b't' | b'f') => Self::Bool(json == "true"),
            Some(b'"') => Self::Text(text(json)),
            Some(b'[') => Self::List,
            Some(b'{') => Self::Object,
            _ => Self::Number(json),
        }
    }

    fn expected(&self, what: &str) -> String {
        match self {
            Self::Null => format!("expected {what}, found null"),
            Self::Bool(value) => format!("expected {what}, found {value}"),
            Self::Number(number) => format!("expected {what}, found {number}"),
            Self::Text(text) => format!("expected {what}, found {text:?}"),
            Self::List => format!("expected {what}, found a list"),
            Self::Object => format!("expected {what}, found an object"),
        }
    }
}

fn text(json: &str) -> Cow<'_, str> {
    match json.get(1..json.len() - 1) {
        Some(plain) if !plain.contains('\\') => Cow::Borrowed(plain),
        _ => Cow::Owned(serde_json::from_str(json).unwrap_or_default()),
    }
}

/// Its bytes, the first ones of these.
pub(super) fn bytes_of(scalar: Scalar, declared: Option<&Enum>, json: &str) -> Result<[u8; 8], String> {
    let token = Token::of(json);
    let bits = match scalar {
        Scalar::Float => {
            let value: f32 = real_of(&token, f32::NAN)?;
            check_finite(&token, value.is_finite(), "float")?;
            u64::from(value.to_bits())
        }
        Scalar::Double => {
            let value: f64 = real_of(&token, f64::NAN)?;
            check_finite(&token, value.is_finite(), "double")?;
            value.to_bits()
        }
        _ => integer_of(scalar, declared, &token)?.cast_unsigned(),
    };
    Ok(bits.to_le_bytes())
}

fn real_of<T: FromStr>(token: &Token<'_>, nan: T) -> Result<T, String> {
    let text = match token {
        Token::Null => return Ok(nan),
        Token::Number(number) => *number,
        Token::Text(text) => text,
        _ => return Err(token.expected("a number")),
    };
    text.parse().map_err(|_| token.expected("a number"))
}

/// A number that is written as one is one.
fn check_finite(token: &Token<'_>, is_finite: bool, word: &str) -> Result<(), String> {
    match token {
        Token::Number(number) if !is_finite => Err(format!("{number} is more than a {word} holds")),
        _ => Ok(()),
    }
}

/// A `ulong` by its bits.
fn integer_of(scalar: Scalar, declared: Option<&Enum>, token: &Token<'_>) -> Result<i64, String> {
    let what = match declared {
        Some(declared) => format!("a name of {}, or a number", declared.name()),
        None if scalar == Scalar::Bool => "true or false".to_string(),
        None => "an integer".to_string(),
    };
    let number = match (token, declared) {
        (Token::Bool(value), None) if scalar == Scalar::Bool => return Ok(i64::from(*value)),
        (Token::Text(text), None) if scalar == Scalar::Bool && text == "true" => return Ok(1),
        (Token::Text(text), None) if scalar == Scalar::Bool && text == "false" => return Ok(0),
        (Token::Text(names), Some(declared)) => return named(declared, names),
        (Token::Number(number), _) => *number,
        (Token::Text(text), None) => text,
        _ => return Err(token.expected(&what)),
    };
    let number: i128 = number.parse().map_err(|_| token.expected(&what))?;
    let (least, most) = range(scalar);
    if !(least..=most).contains(&number) {
        return Err(format!("{number} is no {}, expected {least} to {most}", word(scalar)));
    }
    Ok(number as i64)
}

/// One name, or several flags with spaces between.
fn named(declared: &Enum, names: &str) -> Result<i64, String> {
    let mut number = 0;
    let mut count = 0;
    for name in names.split(' ').filter(|name| !name.is_empty()) {
        let Some(value) = declared.values().iter().find(|value| value.name() == name) else {
            let known: Vec<&str> = declared.values().iter().map(EnumValue::name).collect();
            return Err(format!("{} has no value {name:?}, only: {}", declared.name(), known.join(", ")));
        };
        number |= value.number();
        count += 1;
    }
    match count {
        0 => Err(format!("expected a name of {}, found {names:?}", declared.name())),
        1 => Ok(number),
        _ if declared.has_bit_flags() => Ok(number),
        _ => Err(format!("{names:?} is more than one value of {}, which has no flags", declared.name())),
    }
}

fn range(scalar: Scalar) -> (i128, i128) {
    let bits = 8 * scalar.size() as u32;
    match scalar {
        Scalar::Bool => (0, 1),
        Scalar::Byte | Scalar::Short | Scalar::Int | Scalar::Long => (-(1 << (bits - 1)), (1 << (bits - 1)) - 1),
        _ => (0, (1 << bits) - 1),
    }
}

fn word(scalar: Scalar) -> &'static str {
    match scalar {
        Scalar::Bool => "bool",
        Scalar::Byte => "byte",
        Scalar::UByte => "ubyte",
        Scalar::Short => "short",
        Scalar::UShort => "ushort",
        Scalar::Int => "int",
        Scalar::UInt => "uint",
        Scalar::Long => "long",
        Scalar::ULong => "ulong",
        Scalar::Float => "float",
        Scalar::Double => "double",
    }
}
