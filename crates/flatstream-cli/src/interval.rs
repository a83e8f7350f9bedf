//! Windows, as they are written on the command line.

use std::ops::Range;

/// `A..B`, `A..`, `..B`, or `A` for what is equal to it.
pub(crate) fn parse<T: Copy>(
    text: &str,
    parse: impl Fn(&str) -> Result<T, String>,
    least: T,
    most: T,
    next: impl Fn(T) -> T,
) -> Result<Range<T>, String> {
    let side = |text: &str, otherwise: T| if text.is_empty() { Ok(otherwise) } else { parse(text) };
    match text.split_once("..") {
        Some((from, to)) => Ok(side(from, least)?..side(to, most)?),
        None => parse(text).map(|only| only..next(only)),
    }
}

/// Numbers of messages.
pub(crate) fn sequences(text: &str) -> Result<Range<u64>, String> {
    let number = |text: &str| text.parse().map_err(|_| format!("{text:?} is no number of a message"));
    parse(text, number, 0, u64::MAX, |only| only.saturating_add(1))
}

/// Times of the stream's clock.
pub(crate) fn times(text: &str) -> Result<Range<i64>, String> {
    parse(text, crate::time::parse, i64::MIN + 1, i64::MAX, |only| only.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_side_may_be_left_out() {
        assert_eq!(sequences("3..7"), Ok(3..7));
        assert_eq!(sequences("3.."), Ok(3..u64::MAX));
        assert_eq!(sequences("..7"), Ok(0..7));
        assert_eq!(sequences("7"), Ok(7..8));
        assert_eq!(times("-5..1970-01-01T00:00:01Z"), Ok(-5..1_000_000_000));
        assert!(sequences("a..b").unwrap_err().contains("\"a\""));
        assert!(sequences("-1").is_err());
        assert!(sequences("").is_err());
    }
}
