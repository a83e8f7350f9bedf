//! Rounds: what makes figures of a machine whose speed drifts comparable.
//!
//! Each round runs every subject once, in an order that rotates, so that each stands next to the baseline of its own
//! round; what counts is the median of the rounds' ratios, with the least and the greatest. The baseline runs a second
//! time as a subject of its own: a difference smaller than that pair's spread is nothing. What the machine itself can
//! do runs in the same rounds: a subject that beats its limit shows that the harness is wrong. Before the rounds each
//! subject runs once untimed. Every run says how much it found, which is compared with what there was.

use std::fmt;
use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::progress::Progress;

/// How often and how long.
#[derive(Clone, Copy)]
pub(crate) struct Rounds {
    pub(crate) count: usize,
    /// A run repeats its pass until it lasts about so long.
    pub(crate) least: Duration,
}

/// What a run found, or left behind: messages, and a sum over their contents or the number of bytes written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Found {
    pub(crate) count: u64,
    pub(crate) sum: u64,
}

/// A pass over the messages: how long it took, without what was prepared and cleaned up.
pub(crate) struct Pass {
    seconds: f64,
    found: Found,
}

impl Pass {
    pub(crate) fn time(work: impl FnOnce() -> Found) -> Self {
        let start = Instant::now();
        let found = black_box(work());
        Self { seconds: start.elapsed().as_secs_f64(), found }
    }

    /// What it left behind is known only afterwards.
    pub(crate) fn with_found(self, found: Found) -> Self {
        Self { found, ..self }
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// What the machine can do without any format.
    Limit,
    /// All ratios are to this one.
    Baseline,
    /// The baseline, a second time.
    Again,
    Peer,
    Ours,
    /// Something to think of beside the figures: no limit, and no peer.
    Aside,
}

pub(crate) struct Subject<'a> {
    name: String,
    kind: Kind,
    /// The name of the limit that it can't beat.
    limit: Option<&'static str>,
    expected: Found,
    pass: Box<dyn FnMut() -> Pass + 'a>,
}

impl<'a> Subject<'a> {
    pub(crate) fn new(name: impl Into<String>, kind: Kind, expected: Found, pass: impl FnMut() -> Pass + 'a) -> Self {
        Self { name: name.into(), kind, limit: None, expected, pass: Box::new(pass) }
    }

    pub(crate) fn limited_by(self, limit: &'static str) -> Self {
        Self { limit: Some(limit), ..self }
    }

    fn checked_pass(&mut self, title: &str) -> f64 {
        let pass = (self.pass)();
        assert_eq!(pass.found, self.expected, "{title}: {} found something else than there is", self.name);
        pass.seconds
    }
}

/// Subjects that are compared with each other: what they were called, and how long each took per message in each round.
pub(crate) struct Group {
    /// What is done.
    pub(crate) title: &'static str,
    /// What it is done with.
    pub(crate) column: String,
    /// Bytes of a message, in the mean.
    pub(crate) message_len: f64,
    pub(crate) rows: Vec<Row>,
}

pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    limit: Option<&'static str>,
    /// For each round.
    nanoseconds: Vec<f64>,
}

impl Group {
    /// Runs the rounds.
    pub(crate) fn measure(
        title: &'static str,
        column: String,
        message_len: f64,
        mut subjects: Vec<Subject<'_>>,
        rounds: Rounds,
    ) -> Self {
        let line = format!("{title}, {column}");
        let progress = Progress::new(&line);
        let passes: Vec<usize> = subjects
            .iter_mut()
            .map(|subject| {
                let seconds = subject.checked_pass(&line).max(1e-9);
                (rounds.least.as_secs_f64() / seconds).ceil().clamp(1.0, 1e5) as usize
            })
            .collect();
        let mut times = vec![Vec::new(); subjects.len()];
        for round in 0..rounds.count {
            progress.round(round, rounds.count);
            for turn in 0..subjects.len() {
                let nth = (turn + round) % subjects.len();
                let seconds: f64 = (0..passes[nth]).map(|_| subjects[nth].checked_pass(&line)).sum();
                let messages = subjects[nth].expected.count as f64 * passes[nth] as f64;
                times[nth].push(seconds * 1e9 / messages);
            }
        }
        drop(progress);
        let rows = subjects
            .into_iter()
            .zip(times)
            .map(|(subject, nanoseconds)| Row {
                name: subject.name,
                kind: subject.kind,
                limit: subject.limit,
                nanoseconds,
            })
            .collect();
        Self { title, column, message_len, rows }
    }

    pub(crate) fn row(&self, name: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.name == name)
    }

    pub(crate) fn baseline(&self) -> Option<&Row> {
        self.rows.iter().find(|row| row.kind == Kind::Baseline)
    }

    /// How many times as fast as the baseline.
    pub(crate) fn ratio(&self, row: &Row) -> Option<Spread> {
        Some(row.times_as_fast_as(self.baseline()?))
    }

    /// How far the pair of baselines is apart: 0.03 for 0.97 to 1.02.
    pub(crate) fn noise(&self) -> f64 {
        let again = self.rows.iter().find(|row| row.kind == Kind::Again);
        let ratio = again.and_then(|again| self.ratio(again));
        ratio.map_or(0.0, |ratio| (ratio.greatest - 1.0).max(1.0 - ratio.least))
    }

    /// How many times as fast as its limit a row is, where that is more than noise.
    pub(crate) fn beats_limit(&self, row: &Row) -> Option<f64> {
        let ratio = row.times_as_fast_as(self.row(row.limit?)?).median;
        (ratio > 1.0 + self.noise()).then_some(ratio)
    }
}

impl Row {
    pub(crate) fn nanoseconds(&self) -> Spread {
        Spread::of(self.nanoseconds.iter().copied())
    }

    pub(crate) fn times_as_fast_as(&self, base: &Self) -> Spread {
        Spread::of(base.nanoseconds.iter().zip(&self.nanoseconds).map(|(base, own)| base / own))
    }
}

/// Median, least and greatest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) greatest: f64,
}

impl Spread {
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let value = |nth: usize| values.get(nth).copied().unwrap_or(f64::NAN);
        Self { median: value(values.len() / 2), least: value(0), greatest: value(values.len().saturating_sub(1)) }
    }
}

impl Spread {
    pub(crate) fn times(self, factor: f64) -> Self {
        Self { median: self.median * factor, least: self.least * factor, greatest: self.greatest * factor }
    }
}

/// For a terminal.
impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}, {}", self.title, self.column)?;
        for row in &self.rows {
            let time = row.nanoseconds();
            let ratio = self.ratio(row).unwrap_or(Spread { median: f64::NAN, least: f64::NAN, greatest: f64::NAN });
            write!(f, "  {:<26} {:6.2}x  ({:.2}..{:.2})", row.name, ratio.median, ratio.least, ratio.greatest)?;
            write!(f, "  {:10.1} ns  {:8.2} M/s", time.median, 1e3 / time.median)?;
            write!(f, "  {:6.2} GB/s", self.message_len / time.median)?;
            match self.beats_limit(row) {
                Some(ratio) => writeln!(f, "  BEATS ITS LIMIT {ratio:.2}x: is the harness wrong?")?,
                None => writeln!(f)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUNDS: Rounds = Rounds { count: 7, least: Duration::ZERO };
    const FOUND: Found = Found { count: 1, sum: 2 };

    /// Takes the given number of nanoseconds in the nth pass, the untimed one included.
    fn subject(name: &str, kind: Kind, nanoseconds: impl Fn(usize) -> f64 + 'static) -> Subject<'static> {
        let mut nth = 0;
        Subject::new(name, kind, FOUND, move || {
            nth += 1;
            Pass { seconds: nanoseconds(nth) / 1e9, found: FOUND }
        })
    }

    fn measure(subjects: Vec<Subject<'_>>) -> Group {
        Group::measure("test", String::new(), 64.0, subjects, ROUNDS)
    }

    #[test]
    fn a_machine_that_slows_down_changes_no_ratio() {
        let drifting = |nth: usize| f64::from(1 << nth);
        let group = measure(vec![
            subject("baseline", Kind::Baseline, drifting),
            subject("twice as fast", Kind::Ours, move |nth| drifting(nth) / 2.0),
        ]);
        let ratio = group.row("twice as fast").and_then(|row| group.ratio(row)).expect("it was measured");
        assert!([ratio.median, ratio.least, ratio.greatest].iter().all(|ratio| (ratio - 2.0).abs() < 1e-9));
    }

    #[test]
    #[should_panic(expected = "found something else")]
    fn a_subject_that_skips_a_message_stops_it_all() {
        let forgetful = Subject::new("forgetful", Kind::Ours, FOUND, || Pass::time(|| Found { count: 0, sum: 2 }));
        measure(vec![forgetful]);
    }

    #[test]
    fn beating_a_limit_is_reported_where_it_is_more_than_noise() {
        let subjects = |again: f64| {
            vec![
                subject("limit", Kind::Limit, |_| 10.0),
                subject("baseline", Kind::Baseline, |_| 20.0),
                subject("again", Kind::Again, move |nth| if nth == 2 { again } else { 20.0 }),
                subject("suspicious", Kind::Ours, |_| 9.0).limited_by("limit"),
            ]
        };
        let beats = |group: &Group| group.row("suspicious").is_some_and(|row| group.beats_limit(row).is_some());
        assert!(beats(&measure(subjects(20.5))));
        assert!(!beats(&measure(subjects(24.0))));
    }

    #[test]
    fn the_median_and_the_ends_are_found_in_any_order() {
        let spread = Spread::of([3.0, 1.0, 2.0]);
        assert_eq!(spread, Spread { median: 2.0, least: 1.0, greatest: 3.0 });
    }
}
