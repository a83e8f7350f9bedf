use std::ops::Range;

use flatstream::schema::{Field, JsonVisitor, TooLong, Value, Visitor};

/// Appends a single value as it is, and not as JSON writes it: without quotes. Where text isn't UTF-8, U+FFFD stands
/// for it.
pub(crate) fn plain(json: &mut JsonVisitor<'_>, field: &Field, value: Value<'_>) -> Result<Range<usize>, TooLong> {
    let begin = json.text().len();
    if let Value::String(bytes) = value {
        let text = json.text();
        text.extend_from_slice(String::from_utf8_lossy(bytes).as_bytes());
        return Ok(begin..text.len());
    }
    json.begin_text();
    json.value(field, value)?;
    let end = json.text().len();
    let is_quoted = json.text().get(begin) == Some(&b'"');
    Ok(if is_quoted { begin + 1..end - 1 } else { begin..end })
}
