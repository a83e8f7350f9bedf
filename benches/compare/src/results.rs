//! Everything that was measured, and how to find it.

use crate::rounds::{Group, Spread};
use crate::tables::{Latencies, Outcome, Scale, Table};

/// Each table with what came out.
pub(crate) struct Results(pub(crate) Vec<(&'static Table, Outcome)>);

impl Results {
    pub(crate) fn groups(&self) -> impl Iterator<Item = &Group> {
        self.0.iter().flat_map(|(_, outcome)| outcome.groups())
    }

    pub(crate) fn group(&self, title: &str, column: &str) -> Option<&Group> {
        self.groups().find(|group| group.title == title && group.column == column)
    }

    /// How many times as fast as `base` the subject `own` is, in the same rounds.
    pub(crate) fn ratio(&self, title: &str, column: &str, own: &str, base: &str) -> Option<Spread> {
        let group = self.group(title, column)?;
        Some(group.row(own)?.times_as_fast_as(group.row(base)?))
    }

    pub(crate) fn latencies(&self) -> impl Iterator<Item = &Latencies> {
        self.0.iter().flat_map(|(_, outcome)| match outcome {
            Outcome::Latencies(all) => &all[..],
            _ => &[],
        })
    }

    pub(crate) fn scale(&self) -> impl Iterator<Item = &Scale> {
        self.0.iter().flat_map(|(_, outcome)| match outcome {
            Outcome::Scale(rows) => &rows[..],
            _ => &[],
        })
    }
}

impl Outcome {
    pub(crate) fn groups(&self) -> &[Group] {
        match self {
            Self::Groups(groups) => groups,
            _ => &[],
        }
    }
}
