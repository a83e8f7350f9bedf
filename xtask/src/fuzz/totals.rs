//! How long each target has run so far, and what came of it.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

/// One run of a target. A line of the file is `target seconds executions coverage failures`.
#[derive(Clone, Copy, Default, Debug, PartialEq)]
pub(super) struct Totals {
    pub(super) seconds: u64,
    pub(super) executions: u64,
    pub(super) coverage: u64,
    pub(super) failures: u64,
}

impl Totals {
    /// Adds a line to the file. In one piece: two targets run at a time.
    ///
    /// # Errors
    /// If it can't be written.
    pub(super) fn append_to(self, path: &Path, target: &str) -> Result<(), String> {
        let Self { seconds, executions, coverage, failures } = self;
        let line = format!("{target} {seconds} {executions} {coverage} {failures}\n");
        let file = OpenOptions::new().create(true).append(true).open(path);
        let written = file.and_then(|mut file| file.write_all(line.as_bytes()));
        written.map_err(|error| format!("{}: {error}", path.display()))
    }

    fn parse<'a>(line: &'a str, target: &str) -> Option<Self> {
        let words: Vec<&'a str> = line.split(' ').collect();
        let [name, ref numbers @ ..] = words[..] else { return None };
        let numbers: Vec<u64> = numbers.iter().map(|number| number.parse().ok()).collect::<Option<_>>()?;
        let [seconds, executions, coverage, failures] = numbers[..] else { return None };
        (name == target).then_some(Self { seconds, executions, coverage, failures })
    }

    fn and(self, run: Self) -> Self {
        Self {
            seconds: self.seconds + run.seconds,
            executions: self.executions + run.executions,
            coverage: self.coverage.max(run.coverage),
            failures: self.failures + run.failures,
        }
    }
}

/// A row for each target, of all runs in the file.
///
/// # Errors
/// If the file can't be read.
pub(super) fn table(path: &Path, targets: &[&str]) -> Result<String, String> {
    let runs = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(table_of(&runs, targets))
}

fn table_of(runs: &str, targets: &[&str]) -> String {
    let mut table =
        String::from("| target | minutes | executions | edges reached | failed runs |\n|---|---|---|---|---|\n");
    for target in targets {
        let own = runs.lines().filter_map(|line| Totals::parse(line, target));
        let Totals { seconds, executions, coverage, failures } = own.fold(Totals::default(), Totals::and);
        table += &format!("| `{target}` | {} | {executions} | {coverage} | {failures} |\n", seconds / 60);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_a_target_add_up() {
        let runs = "sync 60 1000 70 0\ndecode 30 5 6 0\nsync 120 500 90 1\nsync broken\n";
        let table = table_of(runs, &["sync", "header"]);
        assert!(table.ends_with("| `sync` | 3 | 1500 | 90 | 1 |\n| `header` | 0 | 0 | 0 | 0 |\n"), "{table}");
    }
}
