//! What became of the changes that were tried.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// From what says least to what says most: a later run may find a test that an earlier one didn't have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    NotRun,
    Survived,
    DoesNotCompile,
    RanTooLong,
    Caught,
}

/// cargo-mutants' files.
const FILES: [(&str, Fate); 4] = [
    ("missed.txt", Fate::Survived),
    ("timeout.txt", Fate::RanTooLong),
    ("caught.txt", Fate::Caught),
    ("unviable.txt", Fate::DoesNotCompile),
];

/// Each change, as "path:line:column: what is done", with its fate.
pub(super) struct Results(BTreeMap<String, Fate>);

impl Results {
    /// With nothing run yet.
    pub(super) fn of(all: &[String]) -> Self {
        Self(all.iter().map(|change| (change.clone(), Fate::NotRun)).collect())
    }

    /// Reads the results of all runs in a folder.
    ///
    /// # Errors
    /// If the folder can't be listed. One that isn't there has no results.
    pub(super) fn read_all(&mut self, folder: &Path) -> Result<(), String> {
        if !folder.exists() {
            return Ok(());
        }
        let io = |error| format!("{}: {error}", folder.display());
        for run in fs::read_dir(folder).map_err(io)? {
            let run = run.map_err(io)?.path().join("mutants.out");
            for (file, fate) in FILES {
                self.take(&fs::read_to_string(run.join(file)).unwrap_or_default(), fate);
            }
        }
        Ok(())
    }

    fn take(&mut self, changes: &str, fate: Fate) {
        for change in changes.lines() {
            if let Some(known) = self.0.get_mut(change) {
                *known = fate.max(*known);
            }
        }
    }

    pub(super) fn not_run(&self) -> usize {
        self.0.values().filter(|fate| **fate == Fate::NotRun).count()
    }

    /// A table by files, and a list of what survived.
    pub(super) fn text(&self) -> String {
        let mut files: BTreeMap<&str, Vec<Fate>> = BTreeMap::new();
        for (change, fate) in &self.0 {
            files.entry(change.split(':').next().unwrap_or_default()).or_default().push(*fate);
        }
        let mut text = String::from(
            "| file | changes | run | caught | too long | unbuildable | survived |\n|---|---|---|---|---|---|---|\n",
        );
        for (file, fates) in &files {
            text += &row(&format!("`{}`", file.trim_start_matches("crates/")), fates);
        }
        text += &row("**all**", &self.0.values().copied().collect::<Vec<_>>());
        let survivors: Vec<_> = self.0.iter().filter(|(_, fate)| **fate == Fate::Survived).collect();
        if !survivors.is_empty() {
            text += "\nSurvivors:\n\n```text\n";
            for (change, _) in survivors {
                text += &format!("{}\n", change.trim_start_matches("crates/"));
            }
            text += "```\n";
        }
        text
    }
}

fn row(name: &str, fates: &[Fate]) -> String {
    let count = |wanted: Fate| fates.iter().filter(|fate| **fate == wanted).count();
    let run = fates.len() - count(Fate::NotRun);
    let shown =
        [Fate::Caught, Fate::RanTooLong, Fate::DoesNotCompile, Fate::Survived].map(|fate| count(fate).to_string());
    format!("| {name} | {} | {run} | {} |\n", fates.len(), shown.join(" | "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results() -> Results {
        Results::of(
            &["crates/a/src/b.rs:1:1: x", "crates/a/src/b.rs:2:1: y", "crates/a/src/c.rs:1:1: z"].map(str::to_owned),
        )
    }

    #[test]
    fn what_one_run_catches_has_not_survived_another() {
        let mut results = results();
        results.take("crates/a/src/b.rs:1:1: x\n", Fate::Caught);
        results.take("crates/a/src/b.rs:1:1: x\ncrates/a/src/b.rs:2:1: y\n", Fate::Survived);
        let text = results.text();
        assert!(text.contains("| `a/src/b.rs` | 2 | 2 | 1 | 0 | 0 | 1 |\n"), "{text}");
        assert!(text.contains("| `a/src/c.rs` | 1 | 0 | 0 | 0 | 0 | 0 |\n"), "{text}");
        assert!(text.ends_with("```text\na/src/b.rs:2:1: y\n```\n"), "{text}");
    }

    #[test]
    fn results_of_older_sources_do_not_count() {
        let mut results = results();
        results.take("crates/a/src/b.rs:9:1: gone\n", Fate::Caught);
        assert!(results.text().contains("| **all** | 3 | 0 | 0 | 0 | 0 | 0 |\n"));
        assert_eq!(results.not_run(), 3);
    }
}
