//! What the device's messages say: written down a second time, not taken from the device's own code.

use std::io::{BufWriter, Write};

use crate::Outcome;

/// The values, and how they are printed.
const VALUES: [(f64, &str); 8] = [
    (0.0, "0.0"),
    (21.5, "21.5"),
    (-0.25, "-0.25"),
    (0.001, "0.001"),
    (98_304.0, "98304.0"),
    (-1013.25, "-1013.25"),
    (1e300, "1e+300"),
    (0.1, "0.1"),
];

/// The message with a number: time, source, value.
pub(crate) fn event(number: u64) -> (u64, String, f64) {
    (1_700_000_000_000_000_000 + 1_000_000 * number, format!("pump-{}", number % 7), value(number).0)
}

/// The number of the message with a time.
pub(crate) fn number(timestamp_ns: u64) -> Option<u64> {
    let since = timestamp_ns.checked_sub(1_700_000_000_000_000_000)?;
    since.is_multiple_of(1_000_000).then_some(since / 1_000_000)
}

fn value(number: u64) -> (f64, &'static str) {
    VALUES[(number % VALUES.len() as u64) as usize]
}

/// As lines of JSON.
pub(crate) fn print(count: &str) -> Outcome {
    let mut out = BufWriter::new(std::io::stdout().lock());
    for number in 0..count.parse()? {
        let (time, source, _) = event(number);
        let (_, value) = value(number);
        writeln!(out, r#"{{"timestamp_ns":{time},"source_id":"{source}","value":{value}}}"#)?;
    }
    Ok(out.flush()?)
}
