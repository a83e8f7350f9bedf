use std::fmt;

use super::Row;

/// Rows to be printed, for people who see them for the first time.
#[derive(Clone, Copy, Debug)]
pub struct Table<'a>(pub &'a [Row]);

/// What stands above a column, in two lines, and how its numbers come from a row.
type Column = (&'static str, &'static str, fn(&Row) -> u64);

const COLUMNS: [Column; 7] = [
    ("power", "cuts", |row| row.cuts),
    ("messages", "acknowledged", |row| row.acknowledged),
    ("acknowledged,", "but lost", |row| row.acknowledged_lost),
    ("unacknowledged,", "but kept", |row| row.unacknowledged_kept),
    ("needs a", "new file", |row| row.needs_new_file),
    ("wrong or", "repeated", |row| row.wrong),
    ("", "errors", |row| row.errors),
];

const NOTES: &str = "\
acknowledged   the call that makes messages durable had returned before the power went
               (flatstream: sync; wal-db: sync; redb: commit; mcap: flush, then a sync of the file)
new file       the file is there and can't be appended to; mcap can't append to any file that was closed or cut
wrong          a message was delivered that was never written so, or for the second time
errors         reading ended with an error, or a call failed though there was power
";

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        line(f, "", &COLUMNS.map(|(above, _, _)| above.to_owned()))?;
        line(f, "", &COLUMNS.map(|(_, below, _)| below.to_owned()))?;
        for row in self.0 {
            line(f, row.name, &COLUMNS.map(|(_, _, number)| grouped(number(row))))?;
        }
        write!(f, "\n{NOTES}")
    }
}

fn line(f: &mut fmt::Formatter<'_>, name: &str, cells: &[String]) -> fmt::Result {
    let mut text = format!("{name:28}");
    for (cell, (above, below, _)) in cells.iter().zip(COLUMNS) {
        text += &format!("{cell:>width$}", width = above.len().max(below.len()) + 2);
    }
    writeln!(f, "{}", text.trim_end())
}

/// A number with its digits in groups of three: 1,234,567.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
