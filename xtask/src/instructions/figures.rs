//! The file of committed figures, and how new ones are compared with it.

use std::fmt;

use crate::{Outcome, Verdict};

/// So much may a figure differ from the committed one, up or down.
const TOLERANCE: f64 = 0.03;

const PREAMBLE: &str = "\
# Instructions per message, written by `cargo xtask instructions --bless`; xtask/src/instructions.rs tells more.
# A section for each compiler and machine: rustc | host | C library | valgrind | extensions that valgrind offers.
";

/// One workload's figure.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) instructions: f64,
    pub(super) name: String,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>10.2}  {}", self.instructions, self.name)
    }
}

/// All that is committed: a line `[key]`, then a line for each workload.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Figures(Vec<(String, Vec<Row>)>);

impl Figures {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut sections: Vec<(String, Vec<Row>)> = Vec::new();
        for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
            let not_understood = || format!("figures.txt:{number}: neither a [key] nor a figure with a name: {line}");
            if let Some(key) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                sections.push((key.to_owned(), Vec::new()));
                continue;
            }
            let (instructions, name) = line.trim().split_once("  ").ok_or_else(not_understood)?;
            let instructions = instructions.parse().map_err(|_| not_understood())?;
            let (_, rows) = sections.last_mut().ok_or_else(not_understood)?;
            rows.push(Row { instructions, name: name.to_owned() });
        }
        Ok(Self(sections))
    }

    pub(super) fn section(&self, key: &str) -> Option<&[Row]> {
        self.0.iter().find(|(of, _)| of == key).map(|(_, rows)| &rows[..])
    }

    /// Replaces the section of `key`, or adds it.
    pub(super) fn set(&mut self, key: String, rows: Vec<Row>) {
        match self.0.iter_mut().find(|(of, _)| *of == key) {
            Some(section) => section.1 = rows,
            None => self.0.push((key, rows)),
        }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PREAMBLE)?;
        for (key, rows) in &self.0 {
            writeln!(f, "\n[{key}]")?;
            rows.iter().try_for_each(|row| writeln!(f, "{row}"))?;
        }
        Ok(())
    }
}

/// What became of the figures: committed and new of each workload.
#[derive(Debug)]
pub(super) struct Comparison(Vec<(String, Option<f64>, Option<f64>)>);

/// Sets each new figure beside the committed one of its name.
pub(super) fn compare(committed: &[Row], new: &[Row]) -> Comparison {
    let find = |rows: &[Row], name: &str| rows.iter().find(|row| row.name == name).map(|row| row.instructions);
    let measured = new.iter().map(|row| (row.name.clone(), find(committed, &row.name), Some(row.instructions)));
    let gone = committed.iter().filter(|row| find(new, &row.name).is_none());
    let gone = gone.map(|row| (row.name.clone(), Some(row.instructions), None));
    Comparison(measured.chain(gone).collect())
}

/// What there is to say of one workload; nothing as long as its figure holds.
fn complaint(committed: Option<f64>, new: Option<f64>) -> Option<&'static str> {
    match (committed, new) {
        (Some(committed), Some(new)) => {
            let change = new / committed - 1.0;
            (change.abs() > TOLERANCE || change.is_nan()).then_some(if change < 0.0 { "fewer" } else { "MORE" })
        }
        (None, _) => Some("new"),
        (_, None) => Some("gone"),
    }
}

impl Comparison {
    pub(super) fn outcome(&self) -> Outcome {
        let changed = self.0.iter().filter(|(_, committed, new)| complaint(*committed, *new).is_some()).count();
        match changed {
            0 => Ok(Verdict::Passed),
            _ => Err(format!(
                "{changed} of {} figures don't hold within {:.0} %; if that is meant, bless the new ones: \
                 cargo xtask instructions --bless",
                self.0.len(),
                TOLERANCE * 100.0
            )),
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |figure: Option<f64>| figure.map_or_else(|| "-".to_owned(), |figure| format!("{figure:.2}"));
        // Adding zero makes minus zero plus zero.
        let percent = |committed: &f64, new: &f64| ((new / committed - 1.0) * 1000.0).round() / 10.0 + 0.0;
        writeln!(f, "{:>10} {:>10} {:>9}", "committed", "now", "change")?;
        for (name, committed, new) in &self.0 {
            let change = match (committed, new) {
                (Some(committed), Some(new)) => format!("{:+.1} %", percent(committed, new)),
                _ => "-".to_owned(),
            };
            write!(f, "{:>10} {:>10} {change:>9}  {name}", shown(*committed), shown(*new))?;
            match complaint(*committed, *new) {
                Some(complaint) => writeln!(f, "  <- {complaint}")?,
                None => writeln!(f)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Figures, Row, compare};

    fn row(name: &str, instructions: f64) -> Row {
        Row { instructions, name: name.to_owned() }
    }

    fn holds(committed: f64, new: f64) -> bool {
        compare(&[row("append", committed)], &[row("append", new)]).outcome().is_ok()
    }

    #[test]
    fn a_figure_may_move_by_three_percent_and_no_more() {
        assert!(holds(100.0, 100.0));
        assert!(holds(100.0, 102.9));
        assert!(holds(100.0, 97.1));
        assert!(!holds(100.0, 103.1));
        assert!(!holds(100.0, 96.9));
    }

    #[test]
    fn a_figure_that_cannot_be_compared_does_not_hold() {
        assert!(!holds(0.0, 100.0));
        assert!(!holds(100.0, 0.0));
        assert!(!holds(f64::NAN, 100.0));
    }

    #[test]
    fn one_that_moved_among_others_is_told_by_name() {
        let committed = [row("append", 100.0), row("next_message", 50.0)];
        let comparison = compare(&committed, &[row("append", 110.0), row("next_message", 50.0)]);
        assert!(comparison.outcome().unwrap_err().starts_with("1 of 2 figures"));
        let table = comparison.to_string();
        assert!(table.contains("100.00     110.00   +10.0 %  append  <- MORE"), "{table}");
        assert!(table.contains("50.00      50.00    +0.0 %  next_message\n"), "{table}");
    }

    #[test]
    fn fewer_instructions_are_told_too() {
        let comparison = compare(&[row("append", 100.0)], &[row("append", 90.0)]);
        assert!(comparison.to_string().contains("<- fewer"));
    }

    #[test]
    fn a_workload_without_a_committed_figure_and_one_that_is_gone_are_told() {
        let comparison = compare(&[row("append", 100.0)], &[row("append_all", 100.0)]);
        assert!(comparison.outcome().unwrap_err().starts_with("2 of 2 figures"));
        let table = comparison.to_string();
        assert!(table.contains("append_all  <- new") && table.contains("append  <- gone"), "{table}");
    }

    #[test]
    fn what_was_written_is_read_again() {
        let mut figures = Figures::default();
        figures.set("rustc 1.95.0 | x86_64".to_owned(), vec![row("append, CRC-32C, 64 B", 89.25), row("owned", 1.0)]);
        figures.set("rustc 1.96.0 | x86_64".to_owned(), vec![row("append, CRC-32C, 64 B", 1040.5)]);
        assert_eq!(Figures::parse(&figures.to_string()), Ok(figures));
    }

    #[test]
    fn blessing_leaves_the_figures_of_other_compilers_and_machines() {
        let mut figures = Figures::parse("# note\n\n[one]\n  1.00  append\n\n[two]\n  2.00  append\n").unwrap();
        figures.set("one".to_owned(), vec![row("append", 9.0)]);
        assert_eq!(figures.section("one"), Some(&[row("append", 9.0)][..]));
        assert_eq!(figures.section("two"), Some(&[row("append", 2.0)][..]));
        assert_eq!(figures.section("three"), None);
    }

    #[test]
    fn a_line_that_is_not_understood_is_named() {
        for (text, number) in [("1.00  append\n", 1), ("[key]\nfast  append\n", 2), ("[key]\n\n1.00\n", 3)] {
            let error = Figures::parse(text).unwrap_err();
            assert!(error.starts_with(&format!("figures.txt:{number}:")), "{error}");
        }
    }
}
