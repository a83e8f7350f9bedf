//! Times of a stream's clock, as people read and write them.

use flatstream::{Clock, TIME_NONE};
use jiff::Timestamp;

/// A time as text: of clocks that count from 1970 as a date in UTC, of others in seconds.
pub(crate) fn to_text(time: i64, clock: Clock) -> String {
    match (time, clock) {
        (TIME_NONE, _) => "-".to_owned(),
        (_, Clock::UnixUtc) => match Timestamp::from_nanosecond(time.into()) {
            Ok(timestamp) => timestamp.to_string(),
            Err(_) => format!("{time} ns"),
        },
        _ => format!("{}.{:09} s", time.div_euclid(1_000_000_000), time.rem_euclid(1_000_000_000)),
    }
}

/// A date and time with its zone, or a number of nanoseconds.
pub(crate) fn parse(text: &str) -> Result<i64, String> {
    if let Ok(nanoseconds) = text.parse() {
        return Ok(nanoseconds);
    }
    let timestamp: Timestamp = text.parse().map_err(|error| {
        format!("{text:?} is no time: expected 2026-11-27T10:00:00Z or nanoseconds of the stream's clock ({error})")
    })?;
    i64::try_from(timestamp.as_nanosecond()).map_err(|_| format!("{text} lies beyond what a stream's clock can say"))
}

/// A duration in nanoseconds, with the unit that fits.
pub(crate) fn duration(nanoseconds: u64) -> String {
    let seconds = nanoseconds as f64 / 1e9;
    match seconds {
        _ if seconds < 1e-3 => format!("{:.1} us", seconds * 1e6),
        _ if seconds < 1.0 => format!("{:.1} ms", seconds * 1e3),
        _ if seconds < 120.0 => format!("{seconds:.1} s"),
        _ if seconds < 7200.0 => format!("{} min {} s", seconds as u64 / 60, seconds as u64 % 60),
        _ if seconds < 172_800.0 => format!("{} h {} min", seconds as u64 / 3600, seconds as u64 / 60 % 60),
        _ => format!("{} d {} h", seconds as u64 / 86_400, seconds as u64 / 3600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_understood_again() {
        for time in [0, 1, -1, 1_700_000_000_123_456_789, i64::MAX, TIME_NONE + 1] {
            assert_eq!(parse(&to_text(time, Clock::UnixUtc)), Ok(time));
            assert_eq!(parse(&time.to_string()), Ok(time));
        }
        assert_eq!(to_text(1_500_000_000, Clock::Monotonic), "1.500000000 s");
        assert_eq!(to_text(-1, Clock::Monotonic), "-1.999999999 s");
    }

    #[test]
    fn no_time_is_said_to_be_none() {
        assert_eq!(to_text(TIME_NONE, Clock::UnixUtc), "-");
        assert!(parse("yesterday").unwrap_err().contains("\"yesterday\" is no time"));
        assert!(parse("9999-01-01T00:00:00Z").unwrap_err().contains("beyond"));
    }

    #[test]
    fn a_duration_has_the_unit_that_fits() {
        let said = [900, 1_500_000, 61_500_000_000, 600_000_000_000, 86_400_000_000_000, 864_000_000_000_000];
        let expected = ["0.9 us", "1.5 ms", "61.5 s", "10 min 0 s", "24 h 0 min", "10 d 0 h"];
        assert_eq!(said.map(duration), expected);
    }
}
