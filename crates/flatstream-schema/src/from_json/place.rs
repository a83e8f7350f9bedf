//! Where in the text an error is.

use alloc::format;
use alloc::string::{String, ToString};

use serde_json::Error;

/// What is wrong, without the place that `serde_json` says behind it.
pub(super) fn what(error: &Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&place).map(ToString::to_string).unwrap_or(text)
}

/// Line and column in the text, of an error in a part of it.
pub(super) fn of_part(text: &[u8], part: &str, error: &Error) -> (usize, usize) {
    let begin = (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
    let before = text.get(..begin).unwrap_or_default();
    let lines = before.iter().filter(|&&byte| byte == b'\n').count();
    let column = before.iter().rev().take_while(|&&byte| byte != b'\n').count();
    (lines + error.line(), if error.line() > 1 { error.column() } else { column + error.column() })
}
