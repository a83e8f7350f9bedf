//! Where an axis has marks, and what stands beside them.

use std::fmt::Write;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

use super::line::GREATEST;

/// What the numbers of an axis are.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Real,
    /// Nothing lies between two of them.
    Whole,
    /// Nanoseconds since 1970.
    Utc,
    /// Nanoseconds since whatever moment.
    Seconds,
    /// The values of an enum.
    Names(Vec<(f64, String)>),
}

/// From where to where, as differences from the origin.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    pub(super) kind: Kind,
    pub(super) origin: i128,
    pub(super) from: f64,
    pub(super) to: f64,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tick {
    pub(super) at: f64,
    pub(super) label: String,
    /// The date, where it isn't that of the tick before.
    pub(super) date: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Ticks {
    pub(super) all: Vec<Tick>,
    /// What is to be added to each label, if all of them have the same beginning.
    pub(super) base: Option<String>,
}

const SECOND: i128 = 1_000_000_000;

/// Steps between marks of a clock, in seconds.
const CLOCK_STEPS: [i128; 16] = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600];

/// And of a calendar, in days and in months.
const DAY_STEPS: [i128; 5] = [1, 2, 5, 10, 15];
const MONTH_STEPS: [i64; 12] = [1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200, 2400];

impl Axis {
    /// For a line of these values, with some room at either end if asked for. A single value gets room in any case.
    pub(super) fn new(kind: Kind, origin: i128, (from, to): (f64, f64), room: f64) -> Self {
        let span = to - from;
        let least = match kind {
            Kind::Utc | Kind::Seconds => SECOND as f64 / 2.0,
            Kind::Whole | Kind::Names(_) => 0.5,
            Kind::Real if from == 0.0 => 1.0,
            Kind::Real => from.abs() / 10.0,
        };
        // What is added to a large number has to make a difference.
        let pad = if span > 0.0 { span * room } else { least.max(from.abs() * 1e-9) };
        let limit = GREATEST * 1.5;
        Self { kind, origin, from: (from - pad).max(-limit), to: (to + pad).min(limit) }
    }

    /// Where a value lies, between 0 and 1.
    pub(super) fn part(&self, value: f64) -> f64 {
        (value - self.from) / (self.to - self.from)
    }

    /// About so many, and two if there can be: a single one doesn't say how far a step is.
    pub(super) fn ticks(&self, count: usize) -> Ticks {
        let ticks = self.at_most(count);
        if ticks.all.len() >= 2 {
            return ticks;
        }
        let more = self.at_most(2 * count.max(1));
        if more.all.len() > ticks.all.len() { more } else { ticks }
    }

    fn at_most(&self, count: usize) -> Ticks {
        let rough = (self.to - self.from) / count.max(1) as f64;
        match &self.kind {
            Kind::Names(names) => self.names(names, count),
            Kind::Real if self.origin == 0 => self.reals(nice(rough)),
            Kind::Real | Kind::Whole => self.wholes(nice(rough).max(1.0) as i128),
            Kind::Seconds => self.seconds(nice(rough).max(1.0) as i128),
            Kind::Utc => self.utc(rough.max(1.0).ceil() as i128),
        }
    }

    fn names(&self, names: &[(f64, String)], count: usize) -> Ticks {
        let is_inside = |(value, _): &&(f64, String)| (self.from..=self.to).contains(value);
        let inside: Vec<_> = names.iter().filter(is_inside).collect();
        let every = inside.len().div_ceil(count.max(1)).max(1);
        let shown = inside.into_iter().step_by(every);
        let all = shown.map(|(at, name)| Tick { at: *at, label: name.clone(), date: None }).collect();
        Ticks { all, base: None }
    }

    fn reals(&self, step: f64) -> Ticks {
        let (first, last) = ((self.from / step).ceil(), (self.to / step).floor());
        let values: Vec<f64> = (0..=(last - first).max(0.0) as usize).map(|nth| (first + nth as f64) * step).collect();
        let greatest = values.iter().fold(0.0_f64, |greatest, value| greatest.max(value.abs()));
        let (magnitude, digit) = (exponent(greatest), exponent(step));
        // Beyond this, labels differ in their last digits only.
        if magnitude - digit > 6 {
            let base = values.first().copied().unwrap_or_default();
            let label = |value: f64| format!("+{}", real(value - base, step));
            let all = values.iter().map(|&at| Tick { at, label: label(at), date: None }).collect();
            return Ticks { all, base: Some(shortest(base)) };
        }
        let all = values.into_iter().map(|at| Tick { at, label: scaled(at, magnitude, digit), date: None });
        Ticks { all: all.collect(), base: None }
    }

    fn whole_ends(&self) -> (i128, i128) {
        let end = |at: f64| self.origin.saturating_add(at as i128);
        (end(self.from.ceil()), end(self.to.floor()))
    }

    /// All multiples of a step, with where they lie.
    fn multiples(&self, step: i128) -> impl Iterator<Item = (f64, i128)> {
        let (from, to) = self.whole_ends();
        let first = from + (step - from.rem_euclid(step)) % step;
        let origin = self.origin;
        (0..).map(move |nth| first + nth * step).take_while(move |value| *value <= to).map(move |value| {
            let at = (value - origin) as f64;
            (at, value)
        })
    }

    fn wholes(&self, step: i128) -> Ticks {
        let all = self.multiples(step).map(|(at, value)| Tick { at, label: grouped(value), date: None });
        Ticks { all: all.collect(), base: None }
    }

    fn seconds(&self, step: i128) -> Ticks {
        let decimals = (0..9).find(|decimals| step % (SECOND / 10_i128.pow(*decimals)) == 0).unwrap_or(9);
        let label = |value: i128, sign: &str| {
            let sign = if value < 0 { "-" } else { sign };
            let (whole, rest) = (value.abs() / SECOND, value.abs() % SECOND);
            let mut label = format!("{sign}{}", grouped(whole));
            if decimals > 0 {
                let _ = write!(label, ".{:0width$}", rest / 10_i128.pow(9 - decimals), width = decimals as usize);
            }
            label
        };
        let values: Vec<(f64, i128)> = self.multiples(step).collect();
        let greatest = values.iter().map(|(_, value)| value.abs()).max().unwrap_or_default();
        let base = if greatest / step > 10_000_000 { values.first().map(|(_, value)| *value) } else { None };
        let tick = |&(at, value): &(f64, i128)| {
            let label = base.map_or_else(|| label(value, ""), |base| label(value - base, "+"));
            Tick { at, label, date: None }
        };
        Ticks { all: values.iter().map(tick).collect(), base: base.map(|base| format!("{} s", label(base, ""))) }
    }

    fn utc(&self, rough: i128) -> Ticks {
        const DAY: i128 = 86_400 * SECOND;
        let step = match rough {
            _ if rough < SECOND => nice(rough as f64) as i128,
            _ => {
                let of_days = DAY_STEPS.map(|days| days * DAY);
                let mut steps =
                    CLOCK_STEPS.map(|step| step * SECOND).into_iter().chain([43_200 * SECOND]).chain(of_days);
                match steps.find(|step| *step >= rough) {
                    Some(step) => step,
                    None => return self.months(rough),
                }
            }
        };
        let mut day = None;
        let all = self.multiples(step).filter_map(|(at, value)| {
            let civil = civil(value)?;
            let date = civil.date();
            let is_new = day.replace(date) != Some(date);
            if step >= DAY {
                return Some(Tick { at, label: date.to_string(), date: None });
            }
            let label = clock(civil, step);
            Some(Tick { at, label, date: is_new.then(|| date.to_string()) })
        });
        Ticks { all: all.collect(), base: None }
    }

    fn months(&self, rough: i128) -> Ticks {
        const MONTH: i128 = 2_629_746 * SECOND;
        let step = MONTH_STEPS.into_iter().find(|step| i128::from(*step) * MONTH >= rough).unwrap_or(6000);
        let (from, to) = self.whole_ends();
        let mut all = Vec::new();
        let Some(begin) = civil(from) else { return Ticks::default() };
        let month = (i64::from(begin.year()) * 12 + i64::from(begin.month()) - 1).div_euclid(step) * step;
        for nth in 0.. {
            let month = month + nth * step;
            let year = i16::try_from(month.div_euclid(12)).ok();
            let first = year.and_then(|year| DateTime::new(year, month.rem_euclid(12) as i8 + 1, 1, 0, 0, 0, 0).ok());
            let Some(value) = first.and_then(|first| Offset::UTC.to_timestamp(first).ok()) else { break };
            let value = value.as_nanosecond();
            if value > to {
                break;
            }
            if value >= from {
                let label = if step % 12 == 0 {
                    format!("{:04}", month.div_euclid(12))
                } else {
                    format!("{:04}-{:02}", month.div_euclid(12), month.rem_euclid(12) + 1)
                };
                all.push(Tick { at: (value - self.origin) as f64, label, date: None });
            }
        }
        Ticks { all, base: None }
    }
}

fn civil(nanoseconds: i128) -> Option<DateTime> {
    Timestamp::from_nanosecond(nanoseconds).ok().map(|timestamp| Offset::UTC.to_datetime(timestamp))
}

/// As exactly as the step asks for.
fn clock(time: DateTime, step: i128) -> String {
    let mut label = format!("{:02}:{:02}", time.hour(), time.minute());
    if step % (60 * SECOND) != 0 {
        let _ = write!(label, ":{:02}", time.second());
    }
    let decimals = (0..9).find(|decimals| step % (SECOND / 10_i128.pow(*decimals)) == 0).unwrap_or(9);
    if decimals > 0 {
        let rest = time.subsec_nanosecond() / 10_i32.pow(9 - decimals);
        let _ = write!(label, ".{rest:0width$}", width = decimals as usize);
    }
    label
}

/// Whether a time since 1970 is likely to be one: between the years 2000 and 2100.
pub(super) fn is_date(nanoseconds: i128) -> bool {
    const FROM: i128 = 946_684_800 * SECOND;
    const TO: i128 = 4_102_444_800 * SECOND;
    (FROM..TO).contains(&nanoseconds)
}

/// The least of 1, 2, 5, 10, 20, ... that isn't less; of fractions too.
fn nice(rough: f64) -> f64 {
    let power = rough.log10().floor();
    if !power.is_finite() {
        return 1.0;
    }
    let digit = [1, 2, 5].into_iter().find(|digit| power_of_ten(*digit, power as i32) >= rough * (1.0 - 1e-9));
    match digit {
        Some(digit) => power_of_ten(digit, power as i32),
        None => power_of_ten(1, power as i32 + 1),
    }
}

/// As it is written, so that 3e-1 is 0.3 and not a little more.
fn power_of_ten(digit: i32, power: i32) -> f64 {
    format!("{digit}e{power}").parse().unwrap_or(f64::MAX)
}

/// Of the first digit.
fn exponent(value: f64) -> i32 {
    if value == 0.0 { 0 } else { (value.abs() * (1.0 + 1e-12)).log10().floor() as i32 }
}

/// With as many decimals as a step has.
fn real(value: f64, step: f64) -> String {
    scaled(value, exponent(value), exponent(step))
}

/// A number whose last digit has this exponent, beside others of a magnitude.
fn scaled(value: f64, magnitude: i32, digit: i32) -> String {
    if value.abs() < power_of_ten(1, digit) / 2.0 {
        return "0".to_owned();
    }
    if (-4..7).contains(&magnitude) {
        let decimals = (-digit).max(0) as usize;
        return if decimals == 0 { grouped(value.round() as i128) } else { format!("{value:.decimals$}") };
    }
    let decimals = (magnitude - digit).max(0) as usize;
    format!("{:.decimals$}e{magnitude}", value / power_of_ten(1, magnitude))
}

/// As few digits as tell it from all others.
fn shortest(value: f64) -> String {
    if value == 0.0 || (1e-4..1e15).contains(&value.abs()) { format!("{value}") } else { format!("{value:e}") }
}

/// With commas between thousands.
fn grouped(value: i128) -> String {
    match u64::try_from(value.unsigned_abs()) {
        Ok(count) => format!("{}{}", if value < 0 { "-" } else { "" }, crate::text::count(count)),
        Err(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(kind: Kind, origin: i128, from: f64, to: f64, count: usize) -> String {
        let ticks = Axis { kind, origin, from, to }.ticks(count);
        let mut words: Vec<String> = ticks.base.into_iter().collect();
        words.extend(ticks.all.into_iter().flat_map(|tick| [Some(tick.label), tick.date]).flatten());
        words.join(" ")
    }

    #[test]
    fn numbers_have_the_digits_that_tell_them_apart() {
        let real = |from, to| labels(Kind::Real, 0, from, to, 5);
        assert_eq!(real(0.0, 1.0), "0 0.2 0.4 0.6 0.8 1.0");
        assert_eq!(real(-30.0, 32.0), "-20 0 20");
        assert_eq!(real(19.5, 22.6), "20 21 22");
        assert_eq!(real(0.0, 123_456.0), "0 50,000 100,000");
        assert_eq!(real(0.0, 3e9), "0 1e9 2e9 3e9");
        assert_eq!(real(0.0, 2.5e-6), "0 0.5e-6 1.0e-6 1.5e-6 2.0e-6 2.5e-6");
        assert_eq!(real(1e9, 1e9 + 4.0), "1000000000 +0 +1 +2 +3 +4");
        assert_eq!(real(-GREATEST, GREATEST), "-1.0e300 -0.5e300 0 0.5e300 1.0e300");
    }

    #[test]
    fn messages_are_counted_in_whole_numbers() {
        assert_eq!(labels(Kind::Whole, 0, 0.0, 2.0, 10), "0 1 2");
        assert_eq!(labels(Kind::Whole, 1_000_007, 0.0, 900.0, 3), "1,000,200 1,000,400 1,000,600 1,000,800");
        assert_eq!(labels(Kind::Whole, 999_000, 0.0, 2000.0, 2), "999,000 1,000,000 1,001,000");
    }

    #[test]
    fn times_of_day_have_their_date_once() {
        const START: i128 = 1_795_773_600 * SECOND;
        let utc = |from: i128, to: i128, count| labels(Kind::Utc, START + from, 0.0, (to - from) as f64, count);
        assert_eq!(utc(0, 10 * SECOND, 5), "10:00:00 2026-11-27 10:00:02 10:00:04 10:00:06 10:00:08 10:00:10");
        assert_eq!(utc(0, 3600 * SECOND, 3), "10:00 2026-11-27 10:30 11:00");
        assert_eq!(utc(0, 86_400 * SECOND, 3), "12:00 2026-11-27 00:00 2026-11-28");
        assert_eq!(utc(0, 4 * 86_400 * SECOND, 4), "2026-11-28 2026-11-29 2026-11-30 2026-12-01");
        assert_eq!(utc(0, 200 * 86_400 * SECOND, 4), "2027-01 2027-03 2027-05");
        assert_eq!(utc(0, 4000 * 86_400 * SECOND, 4), "2030 2035");
        assert_eq!(utc(0, 1000, 2), "10:00:00.0000000 2026-11-27 10:00:00.0000005 10:00:00.0000010");
        assert_eq!(utc(SECOND / 4, SECOND, 3), "10:00:00.5 2026-11-27 10:00:01.0");
    }

    #[test]
    fn times_that_are_no_dates_are_seconds() {
        let seconds = |origin, to, count| labels(Kind::Seconds, origin, 0.0, to, count);
        assert_eq!(seconds(0, 1e9, 4), "0.0 0.5 1.0");
        assert_eq!(seconds(-SECOND, 3e9, 3), "-1 0 1 2");
        assert_eq!(seconds(0, 7.2e12, 3), "0 5,000");
        assert_eq!(seconds(123_456_789 * SECOND + 1, 3e6, 3), "123,456,789.001 s +0.000 +0.001 +0.002");
    }

    #[test]
    fn names_are_left_out_where_there_is_no_room() {
        let names = ["a", "b", "c", "d"].into_iter().zip(0..).map(|(name, nth)| (f64::from(nth), name.to_owned()));
        let kind = Kind::Names(names.collect());
        assert_eq!(labels(kind.clone(), 0, -0.5, 3.5, 10), "a b c d");
        assert_eq!(labels(kind.clone(), 0, -0.5, 3.5, 2), "a c");
        assert_eq!(labels(kind, 0, 0.5, 2.5, 10), "b c");
    }

    #[test]
    fn every_axis_has_room_for_a_single_value() {
        for kind in [Kind::Real, Kind::Whole, Kind::Utc, Kind::Seconds] {
            for value in [0.0, -3.0, 1e18, 1e-300] {
                let axis = Axis::new(kind.clone(), 0, (value, value), 0.05);
                let part = axis.part(value);
                assert!((0.4..=0.6).contains(&part), "{kind:?} {value}: {part}");
                assert!(axis.ticks(5).all.len() <= 12);
            }
        }
    }

    #[test]
    fn dates_are_told_from_other_numbers() {
        assert!(is_date(1_795_773_600 * SECOND));
        assert!(!is_date(0) && !is_date(900_000_000 * SECOND) && !is_date(i128::from(i64::MAX)));
    }
}
