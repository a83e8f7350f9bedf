//! The goals of issue C and what was measured, computed and never typed.

use crate::peers::{Crc32c, FlatstreamRs, Format, LevelDbLog, Mcap, McapUnchunked, Owned, Plain, Slice, TfRecord};
use crate::results::Results;
use crate::rounds::Spread;
use crate::tables::{ALONE, FROM_CACHE, FROM_MEMORY, MAPPED, QUANTILES, SHARED, TOGETHER};

pub(crate) struct Target {
    pub(crate) what: String,
    pub(crate) goal: Goal,
    /// `None`: it wasn't measured.
    pub(crate) measured: Option<Spread>,
}

#[derive(Clone, Copy)]
pub(crate) enum Goal {
    /// At least so many times as fast.
    Times(f64),
    MicrosecondsAtMost(f64),
    KibAtMost(f64),
}

impl Target {
    pub(crate) fn is_met(&self) -> bool {
        let Some(Spread { median, .. }) = self.measured else { return false };
        match self.goal {
            Goal::Times(least) => median >= least,
            Goal::MicrosecondsAtMost(most) | Goal::KibAtMost(most) => median <= most,
        }
    }
}

/// Names of the groups' titles.
const APPEND: &str = "append to a null sink";
const WRITE_MEMORY: &str = "memory to memory, write";
const READ_MEMORY: &str = "memory to memory, read";
const OVERWRITE: &str = "overwrite a file";
const READ_FILE: &str = "read a file";

/// Title, column, own name, the name of what it is compared with, the goal.
type Comparison = (&'static str, &'static str, &'static str, &'static str, f64);

const COMPARISONS: &[Comparison] = &[
    (APPEND, "64 B", Crc32c::NAME, Plain::NAME, 0.5),
    (APPEND, "1 KiB", Crc32c::NAME, Plain::NAME, 0.4),
    (APPEND, "64 B", Crc32c::NAME, FlatstreamRs::NAME, 1.7),
    (APPEND, "1 KiB", Crc32c::NAME, FlatstreamRs::NAME, 1.7),
    (FROM_CACHE, "64 B", Crc32c::NAME, Plain::NAME, 1.3),
    (FROM_CACHE, "1 KiB", Crc32c::NAME, Plain::NAME, 0.95),
    (FROM_CACHE, "64 B", Slice::NAME, Plain::NAME, 2.0),
    (FROM_CACHE, "64 B", Owned::NAME, Plain::NAME, 0.7),
    (FROM_CACHE, "1 KiB", Owned::NAME, Plain::NAME, 0.85),
    (FROM_MEMORY, "64 B", Crc32c::NAME, Plain::NAME, 1.3),
    (FROM_MEMORY, "1 KiB", Crc32c::NAME, Plain::NAME, 0.95),
    (FROM_MEMORY, "64 B", Slice::NAME, Plain::NAME, 2.0),
    (FROM_MEMORY, "64 B", Owned::NAME, Plain::NAME, 0.7),
    (FROM_MEMORY, "1 KiB", Owned::NAME, Plain::NAME, 0.85),
    (OVERWRITE, "64 B", Crc32c::NAME, Plain::NAME, 0.75),
    (OVERWRITE, "256 B", Crc32c::NAME, Plain::NAME, 0.75),
    (OVERWRITE, "1 KiB", Crc32c::NAME, Plain::NAME, 0.75),
    (OVERWRITE, "16 KiB", Crc32c::NAME, Plain::NAME, 0.75),
    (READ_FILE, "64 B", Crc32c::NAME, Plain::NAME, 1.4),
    (READ_FILE, "256 B", Crc32c::NAME, Plain::NAME, 1.0),
    (READ_FILE, "1 KiB", Crc32c::NAME, Plain::NAME, 0.85),
    (READ_FILE, "16 KiB", Crc32c::NAME, Plain::NAME, 0.85),
    // The row for iterating in place, then the row for files.
    (READ_FILE, "64 B", MAPPED, Plain::NAME, 2.0),
    (READ_FILE, "64 B", MAPPED, Plain::NAME, 1.8),
    (READ_FILE, "256 B", MAPPED, Plain::NAME, 1.3),
    (READ_FILE, "1 KiB", MAPPED, Plain::NAME, 1.0),
    (READ_FILE, "16 KiB", MAPPED, Plain::NAME, 1.0),
    (WRITE_MEMORY, "64 B", Crc32c::NAME, Mcap::NAME, 10.0),
    (WRITE_MEMORY, "64 B", Crc32c::NAME, McapUnchunked::NAME, 10.0),
    (WRITE_MEMORY, "64 B", Crc32c::NAME, LevelDbLog::NAME, 4.0),
    (WRITE_MEMORY, "64 B", Crc32c::NAME, TfRecord::NAME, 20.0),
    (WRITE_MEMORY, "1 KiB", Crc32c::NAME, Mcap::NAME, 3.0),
    (WRITE_MEMORY, "1 KiB", Crc32c::NAME, McapUnchunked::NAME, 3.0),
    (WRITE_MEMORY, "1 KiB", Crc32c::NAME, TfRecord::NAME, 30.0),
    // Like with like: `SliceReader` beside readers of a slice, `next_message` beside readers of a `Read`.
    (READ_MEMORY, "64 B", Slice::NAME, Mcap::NAME, 10.0),
    (READ_MEMORY, "64 B", Slice::NAME, McapUnchunked::NAME, 10.0),
    (READ_MEMORY, "64 B", Crc32c::NAME, LevelDbLog::NAME, 4.0),
    (READ_MEMORY, "64 B", Crc32c::NAME, TfRecord::NAME, 20.0),
    (READ_MEMORY, "1 KiB", Slice::NAME, Mcap::NAME, 3.0),
    (READ_MEMORY, "1 KiB", Slice::NAME, McapUnchunked::NAME, 3.0),
    (READ_MEMORY, "1 KiB", Crc32c::NAME, TfRecord::NAME, 30.0),
    ("group commit", "64 messages a sync", TOGETHER, ALONE, 0.8),
];

pub(crate) fn targets(results: &Results) -> Vec<Target> {
    let comparisons = COMPARISONS.iter().map(|(title, column, own, base, goal)| Target {
        what: format!("{title}, {column}: {own}, of {base}"),
        goal: Goal::Times(*goal),
        measured: results.ratio(title, column, own, base),
    });
    comparisons.chain([slow_disk(results)]).chain(memory(results)).collect()
}

/// The p99.9 of an append while each sync takes milliseconds.
fn slow_disk(results: &Results) -> Target {
    let latencies = results.latencies().find(|latencies| latencies.is_slow_disk);
    let row = latencies.and_then(|latencies| latencies.rows.iter().find(|row| row.name == SHARED));
    let nth = QUANTILES.iter().position(|(name, _)| *name == "p99.9");
    Target {
        what: "append with a slow disk: p99.9 while a sync takes 10 ms".to_owned(),
        goal: Goal::MicrosecondsAtMost(5.0),
        measured: row.zip(nth).map(|(row, nth)| row.quantiles[nth].times(1e-3)),
    }
}

/// Two blocks, and a message of 64 B.
fn memory(results: &Results) -> impl Iterator<Item = Target> {
    let rows = results.scale().filter(|row| row.has_only_one_end);
    rows.map(|row| Target {
        what: format!("memory: {}, {}", row.name, row.size),
        goal: Goal::KibAtMost(512.0),
        measured: Some(row.grown_kib),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(goal: Goal, median: f64) -> Target {
        Target { what: String::new(), goal, measured: Some(Spread { median, least: 0.0, greatest: 1e9 }) }
    }

    #[test]
    fn the_median_decides_whether_a_goal_is_met() {
        assert!(target(Goal::Times(0.5), 0.5).is_met() && !target(Goal::Times(0.5), 0.49).is_met());
        assert!(target(Goal::KibAtMost(512.0), 300.0).is_met() && !target(Goal::KibAtMost(512.0), 513.0).is_met());
    }

    #[test]
    fn what_was_not_measured_is_not_met() {
        let targets = targets(&Results(Vec::new()));
        assert!(targets.len() > COMPARISONS.len());
        assert!(targets.iter().all(|target| !target.is_met()));
    }
}
