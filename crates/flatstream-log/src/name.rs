//! What the names in a log's folder mean. Whatever isn't one of these is not the log's.

use std::ffi::OsStr;

/// So many digits has the greatest sequence number.
const DIGITS: usize = 20;

const EXTENSION: &str = ".fls";

/// Who has it may write.
pub(crate) const LOCK: &str = ".lock";

/// What begins the name of a mark that many segments are being removed.
const REMOVING: &str = ".removing-below-";

/// A name in the folder of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    /// The segment whose first message has this number.
    Segment(u64),
    /// A tail that was cut off that segment, and kept.
    KeptTail(u64),
    /// A segment that was being created when the process ended.
    Temporary,
    /// All segments below this number are being removed: they don't belong to the log any more.
    Removing(u64),
    /// Something else.
    Other,
}

/// The name of the segment whose first message has this number.
pub(crate) fn of_segment(first_sequence: u64) -> String {
    format!("{first_sequence:0DIGITS$}{EXTENSION}")
}

/// The name of the mark that all segments below this number are being removed.
pub(crate) fn of_removal(below: u64) -> String {
    format!("{REMOVING}{below:0DIGITS$}")
}

impl Name {
    pub(crate) fn of(name: &OsStr) -> Self {
        let Some(name) = name.to_str() else { return Self::Other };
        if let Some(digits) = name.strip_prefix(REMOVING) {
            return number(digits).map_or(Self::Other, Self::Removing);
        }
        if let Some(name) = name.strip_prefix('.') {
            let suffix = segment_and_rest(name).map_or("", |(_, rest)| rest);
            return if is_temporary_suffix(suffix) { Self::Temporary } else { Self::Other };
        }
        match segment_and_rest(name) {
            Some((first_sequence, "")) => Self::Segment(first_sequence),
            Some((first_sequence, rest)) if is_tail_suffix(rest) => Self::KeptTail(first_sequence),
            _ => Self::Other,
        }
    }
}

fn segment_and_rest(name: &str) -> Option<(u64, &str)> {
    let (digits, rest) = name.split_at_checked(DIGITS)?;
    let rest = rest.strip_prefix(EXTENSION)?;
    Some((number(digits)?, rest))
}

fn number(digits: &str) -> Option<u64> {
    let is_number = digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| is_number)
}

/// As `Writer::create_new` makes them: `.NAME.0123456789abcdef.new`.
fn is_temporary_suffix(suffix: &str) -> bool {
    let number = suffix.strip_prefix('.').and_then(|suffix| suffix.strip_suffix(".new"));
    number.is_some_and(|number| number.len() == 16 && number.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// As `Writer::open` makes them: `NAME.epoch-3-tail-at-4096`, and perhaps `-1` behind that.
fn is_tail_suffix(suffix: &str) -> bool {
    suffix.strip_prefix(".epoch-").is_some_and(|suffix| suffix.contains("-tail-at-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, expected: Name) {
        assert_eq!(Name::of(OsStr::new(name)), expected, "{name}");
    }

    #[test]
    fn only_the_exact_name_is_a_segment() {
        assert_eq!(of_segment(42), "00000000000000000042.fls");
        check("00000000000000000042.fls", Name::Segment(42));
        check("18446744073709551615.fls", Name::Segment(u64::MAX));
        for other in [
            "42.fls",
            "00000000000000000042.fls.gz",
            "00000000000000000042",
            "000000000000000000042.fls",
            "+0000000000000000042.fls",
            "18446744073709551616.fls",
            "00000000000000000042.FLS",
            "0000000000000000004\u{e9}.fls",
            "copy of 00000000000000000042.fls",
            ".lock",
            "",
        ] {
            check(other, Name::Other);
        }
    }

    #[test]
    fn what_lies_beside_a_segment_is_told_from_it() {
        check(".00000000000000000042.fls.0123456789abcdef.new", Name::Temporary);
        check(".00000000000000000042.fls.new", Name::Other);
        check(".events.fls.0123456789abcdef.new", Name::Other);
        check("00000000000000000042.fls.epoch-3-tail-at-4096", Name::KeptTail(42));
        check("00000000000000000042.fls.epoch-3-tail-at-4096-1", Name::KeptTail(42));
        check(&of_removal(42), Name::Removing(42));
        check(".removing-below-42", Name::Other);
    }
}
