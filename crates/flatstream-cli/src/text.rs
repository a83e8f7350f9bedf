//! Numbers, bytes and findings as people read them.

use std::borrow::Cow;

use flatstream::Finding;

/// With commas between thousands.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 message`, `2 messages`.
pub(crate) fn counted(number: u64, what: &str) -> String {
    format!("{} {what}{}", count(number), if number == 1 { "" } else { "s" })
}

/// Bars, one for each number, the greatest a whole block.
pub(crate) fn bars(numbers: &[u64]) -> String {
    const BARS: [char; 9] =
        [' ', '\u{2581}', '\u{2582}', '\u{2583}', '\u{2584}', '\u{2585}', '\u{2586}', '\u{2587}', '\u{2588}'];
    let most = numbers.iter().copied().max().unwrap_or(0).max(1);
    let bar = |&number: &u64| match number {
        0 => BARS[0],
        _ => BARS[1 + (u128::from(number - 1) * 8 / u128::from(most)) as usize],
    };
    numbers.iter().map(bar).collect()
}

/// Text of an input, for a line of a terminal: control characters, which it would obey, are escaped.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let escaped = text.chars().map(|char| match char.is_control() {
        true => char.escape_unicode().to_string(),
        false => char.to_string(),
    });
    Cow::Owned(escaped.collect())
}

/// The same of several lines.
pub(crate) fn printable_lines(text: &str) -> String {
    text.split('\n').map(printable).collect::<Vec<_>>().join("\n")
}

/// The beginning of a message: what is printable as it is, the rest as dots.
pub(crate) fn preview(message: &[u8], width: usize) -> String {
    let shown = message.iter().take(width);
    let mut text: String =
        shown.map(|&byte| if byte.is_ascii_graphic() || byte == b' ' { char::from(byte) } else { '.' }).collect();
    if message.len() > width {
        text.push('\u{2026}');
    }
    text
}

/// What a reader noticed, and which option helps.
pub(crate) fn finding(finding: &Finding) -> String {
    match finding {
        Finding::OtherStream { stream_id, .. } => {
            format!("{finding}: `recover --stream-id {stream_id:#x} --output NEW` saves it")
        }
        _ => finding.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_told_apart() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(counted(1, "message"), "1 message");
        assert_eq!(counted(0, "message"), "0 messages");
        assert_eq!(count(u64::MAX), "18,446,744,073,709,551,615");
    }

    #[test]
    fn the_greatest_bar_is_whole_and_none_is_empty_but_for_nothing() {
        assert_eq!(bars(&[0, 1, 4, 8]), " \u{2581}\u{2584}\u{2588}");
        assert_eq!(bars(&[0, 0]), "  ");
        assert_eq!(bars(&[1, u64::MAX]), "\u{2581}\u{2588}");
    }

    #[test]
    fn what_a_terminal_would_obey_is_not_printed() {
        assert_eq!(printable("a\u{1b}[2Jb\n\u{9b}ü\u{7f}"), r"a\u{1b}[2Jb\u{a}\u{9b}ü\u{7f}");
        assert_eq!(printable_lines("a\n\tb\n"), "a\n\\u{9}b\n");
        assert_eq!(preview(b"a\x1b[2Jb\n\xff", 80), "a.[2Jb..");
        assert_eq!(preview(b"abcdef", 3), "abc\u{2026}");
    }
}
