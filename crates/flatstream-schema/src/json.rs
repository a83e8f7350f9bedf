use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::plan::{Enum, Field, Object};
use crate::value::Value;
use crate::visit::Visitor;

/// How messages become JSON text: see [`Walker::write_json`](crate::Walker::write_json).
///
/// ```
/// use flatstream_schema::{JsonOptions, NotFinite};
///
/// let options = JsonOptions::new().defaults(true).not_finite(NotFinite::Strings);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct JsonOptions {
    pub(crate) defaults: bool,
    pub(crate) not_finite: NotFinite,
    pub(crate) len_max: usize,
}

/// What stands for NaN and infinities, for which JSON has no numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NotFinite {
    /// `null`, as JavaScript's `JSON.stringify` and serde_json write them. Columns of numbers stay numbers.
    #[default]
    Null,
    /// `"NaN"`, `"Infinity"` and `"-Infinity"`, which tell them apart.
    Strings,
}

impl Default for JsonOptions {
    fn default() -> Self {
        Self { defaults: false, not_finite: NotFinite::Null, len_max: 1 << 30 }
    }
}

impl JsonOptions {
    /// As flatc does it, and `null` for NaN and infinities.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether scalars that a table doesn't have are written, with their defaults (optional ones as `null`), as
    /// `flatc --defaults-json` does; else only keys are. Deprecated fields never are.
    #[must_use]
    pub fn defaults(mut self, are_written: bool) -> Self {
        self.defaults = are_written;
        self
    }

    /// What stands for NaN and infinities; [`NotFinite::Null`] unless said otherwise.
    #[must_use]
    pub fn not_finite(mut self, as_what: NotFinite) -> Self {
        self.not_finite = as_what;
        self
    }

    /// How many bytes the JSON of a message may have, or a little more: a damaged or hostile message and schema could
    /// unfold to much. 1 GiB unless said otherwise. It is looked at before each value, so that a last string can
    /// exceed it.
    #[must_use]
    pub fn len_max(mut self, bytes: usize) -> Self {
        self.len_max = bytes;
        self
    }
}

/// The text is longer than [`JsonOptions::len_max`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("its JSON is longer than was allowed")]
pub struct TooLong;

type Outcome = Result<(), TooLong>;

/// Appends what it is shown as JSON text: for visitors of one's own that want a part of a message so, such as a vector
/// in a table of columns. Whole messages are written by [`Walker::write_json`](crate::Walker::write_json).
///
/// Pass it all calls between the one that begins a value and the one that ends it.
///
/// ```
/// use flatstream_schema::{Field, JsonOptions, JsonVisitor, Schema, Value, Visitor, Walker};
///
/// /// A line for each field.
/// struct Lines<'o>(JsonVisitor<'o>);
///
/// impl<'m> Visitor<'m> for Lines<'_> {
///     type Error = flatstream_schema::TooLong;
///
///     fn value(&mut self, field: &Field, value: Value<'m>) -> Result<(), Self::Error> {
///         self.0.begin_text();
///         Visitor::value(&mut self.0, field, value)?;
///         self.0.text().push(b'\n');
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
/// let mut text = Vec::new();
/// walker.walk(message, &mut Lines(JsonVisitor::new(&mut text, JsonOptions::new()))).unwrap();
/// assert_eq!(text, b"7\n\"pump-1\"\n21.5\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct JsonVisitor<'o> {
    // What is the last byte tells whether a comma is due.
    out: &'o mut Vec<u8>,
    /// Where the text begins.
    start: usize,
    /// Where it has to end.
    end_max: usize,
    options: JsonOptions,
}

impl<'o> JsonVisitor<'o> {
    /// Appends to `out`.
    pub fn new(out: &'o mut Vec<u8>, options: JsonOptions) -> Self {
        let start = out.len();
        Self { start, end_max: start.saturating_add(options.len_max), out, options }
    }

    /// What comes next is a text of its own, whatever was written before. The limit is that of all texts together.
    pub fn begin_text(&mut self) {
        self.start = self.out.len();
    }

    /// What it appends to.
    pub fn text(&mut self) -> &mut Vec<u8> {
        self.out
    }

    #[inline]
    fn check_len(&self) -> Outcome {
        if self.out.len() > self.end_max { Err(TooLong) } else { Ok(()) }
    }

    /// Before anything but a field's name.
    #[inline]
    fn separate(&mut self) -> Outcome {
        self.check_len()?;
        if self.out.len() > self.start && !matches!(self.out.last(), Some(b':' | b'[')) {
            self.out.push(b',');
        }
        Ok(())
    }

    #[inline]
    fn key(&mut self, field: &Field) {
        let is_first = self.out.last() == Some(&b'{');
        let key = field.json_key.get(usize::from(is_first)..).unwrap_or_default();
        self.out.extend_from_slice(key);
    }

    #[inline]
    fn scalar(&mut self, value: Value<'_>) {
        match value {
            Value::Bool(value) => self.out.extend_from_slice(if value { b"true" } else { b"false" }),
            Value::Byte(value) => self.integer(value),
            Value::UByte(value) => self.integer(value),
            Value::Short(value) => self.integer(value),
            Value::UShort(value) => self.integer(value),
            Value::Int(value) => self.integer(value),
            Value::UInt(value) => self.integer(value),
            Value::Long(value) => self.integer(value),
            Value::ULong(value) => self.integer(value),
            Value::Float(value) if value.is_finite() => self.real(value),
            Value::Double(value) if value.is_finite() => self.real(value),
            Value::Float(value) => self.not_finite(f64::from(value)),
            Value::Double(value) => self.not_finite(value),
            Value::String(bytes) => write_string(self.out, bytes),
        }
    }

    #[inline]
    fn integer(&mut self, value: impl itoa::Integer) {
        self.out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
    }

    #[inline]
    fn real(&mut self, value: impl zmij::Float) {
        self.out.extend_from_slice(zmij::Buffer::new().format_finite(value).as_bytes());
    }

    #[cold]
    fn not_finite(&mut self, value: f64) {
        let text: &[u8] = match self.options.not_finite {
            NotFinite::Null => b"null",
            NotFinite::Strings if value.is_nan() => b"\"NaN\"",
            NotFinite::Strings if value > 0.0 => b"\"Infinity\"",
            NotFinite::Strings => b"\"-Infinity\"",
        };
        self.out.extend_from_slice(text);
    }

    /// A name, the names of flags, or a number that has no name.
    fn enumeration(&mut self, declared: &Enum, value: Value<'_>) {
        let Some(number) = value.bits() else { return self.scalar(value) };
        match declared.value_of(number) {
            Some(value) => {
                self.out.push(b'"');
                self.out.extend_from_slice(&value.json_name);
                self.out.push(b'"');
            }
            None if declared.has_bit_flags && number != 0 => self.flags(declared, number, value),
            None => self.scalar(value),
        }
    }

    /// Their names in the order of their numbers, with spaces between. The number, if there is a flag without a name.
    fn flags(&mut self, declared: &Enum, number: i64, value: Value<'_>) {
        let set = || declared.values.iter().filter(|flag| flag.number & number != 0);
        if set().fold(0, |mask, flag| mask | flag.number) != number {
            return self.scalar(value);
        }
        let mut before = b'"';
        for flag in set() {
            self.out.push(before);
            self.out.extend_from_slice(&flag.json_name);
            before = b' ';
        }
        self.out.push(b'"');
    }

    #[inline]
    fn any(&mut self, field: &Field, value: Value<'_>) {
        match field.enumeration() {
            None => self.scalar(value),
            Some(declared) => self.enumeration(declared, value),
        }
    }
}

impl<'m> Visitor<'m> for JsonVisitor<'_> {
    type Error = TooLong;

    #[inline]
    fn begin_object(&mut self, _: &Object) -> Outcome {
        self.separate()?;
        self.out.push(b'{');
        Ok(())
    }

    #[inline]
    fn end_object(&mut self, _: &Object) -> Outcome {
        self.out.push(b'}');
        Ok(())
    }

    #[inline]
    fn field(&mut self, field: &Field) -> Outcome {
        self.key(field);
        Ok(())
    }

    #[inline]
    fn absent(&mut self, field: &Field) -> Outcome {
        if !self.options.defaults && !field.flags.is_key || !field.is_scalar() || field.flags.is_deprecated {
            return Ok(());
        }
        self.check_len()?;
        self.key(field);
        match field.default {
            Some(value) => self.any(field, value),
            None => self.out.extend_from_slice(b"null"),
        }
        Ok(())
    }

    fn begin_vector(&mut self, _: &Field, _: usize) -> Outcome {
        self.check_len()?;
        self.out.push(b'[');
        Ok(())
    }

    fn end_vector(&mut self, _: &Field) -> Outcome {
        self.out.push(b']');
        Ok(())
    }

    #[inline]
    fn value(&mut self, field: &Field, value: Value<'m>) -> Outcome {
        self.separate()?;
        self.any(field, value);
        Ok(())
    }

    fn null(&mut self, _: &Field) -> Outcome {
        self.separate()?;
        self.out.extend_from_slice(b"null");
        Ok(())
    }
}

/// A field's name with all that JSON has around it, and the comma before it.
pub(crate) fn json_key(name: &str) -> Box<[u8]> {
    let mut key = Vec::from(b",");
    write_string(&mut key, name.as_bytes());
    key.push(b':');
    key.into()
}

/// A name as it stands between quotes.
pub(crate) fn json_text(name: &str) -> Box<[u8]> {
    let mut text = Vec::new();
    escape(&mut text, name.as_bytes());
    text.into()
}

/// In quotes. Bytes that aren't UTF-8 become U+FFFD, one for each sequence, as `String::from_utf8_lossy` does it.
#[inline]
fn write_string(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    if bytes.iter().all(|&byte| is_plain(byte)) {
        out.extend_from_slice(bytes);
    } else {
        write_other(out, bytes);
    }
    out.push(b'"');
}

/// ASCII that stands for itself.
fn is_plain(byte: u8) -> bool {
    PLAIN[usize::from(byte)]
}

const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = 0x20;
    while byte < 0x80 {
        plain[byte] = byte != b'"' as usize && byte != b'\\' as usize && byte != 0x7F;
        byte += 1;
    }
    plain
};

#[inline(never)]
fn write_other(out: &mut Vec<u8>, bytes: &[u8]) {
    for chunk in bytes.utf8_chunks() {
        escape(out, chunk.valid().as_bytes());
        if !chunk.invalid().is_empty() {
            out.extend_from_slice("\u{FFFD}".as_bytes());
        }
    }
}

/// Quotes, backslashes and control characters; those beyond ASCII too, which a terminal would obey as well.
fn escape(out: &mut Vec<u8>, mut text: &[u8]) {
    let may_need_escape = |byte: &u8| *byte < 0x20 || matches!(*byte, b'"' | b'\\' | 0x7F | 0xC2);
    while let Some(len) = text.iter().position(may_need_escape) {
        let (before, rest) = text.split_at(len);
        out.extend_from_slice(before);
        text = match rest {
            // U+0080 to U+009F
            [0xC2, byte @ 0x80..=0x9F, rest @ ..] => {
                escape_byte(out, *byte);
                rest
            }
            [0xC2, rest @ ..] => {
                out.push(0xC2);
                rest
            }
            [byte, rest @ ..] => {
                escape_byte(out, *byte);
                rest
            }
            [] => break,
        };
    }
    out.extend_from_slice(text);
}

fn escape_byte(out: &mut Vec<u8>, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let short = match byte {
        b'"' | b'\\' => byte,
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x08 => b'b',
        0x0C => b'f',
        _ => {
            let [high, low] = [byte >> 4, byte & 15].map(|digit| HEX[usize::from(digit)]);
            return out.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}
