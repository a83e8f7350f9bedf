//! Reads tables and hex out of `docs/format/spec.md`, so that what it says can be compared with what the crates do.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

/// One row: column name to text, without decoration.
pub type Row = HashMap<String, String>;

fn text() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/format/spec.md");
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What stands below the heading of this title, up to the next heading.
///
/// # Panics
/// If there is no such heading.
#[must_use]
pub fn section(title: &str) -> String {
    let text = text();
    let is_heading = |line: &str| line.starts_with('#') && line.trim_start_matches(['#', ' ', '.']).ends_with(title);
    let mut lines = text.lines().skip_while(|line| !is_heading(line));
    assert!(lines.next().is_some(), "spec.md has no heading {title:?}");
    lines.take_while(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect()
}

fn cells(line: &str) -> Vec<String> {
    line.trim().trim_matches('|').split('|').map(|cell| cell.trim().replace(['`', '"'], "")).collect()
}

/// The first table below the heading of this title.
///
/// # Panics
/// If there is none.
#[must_use]
pub fn table(title: &str) -> Vec<Row> {
    let section = section(title);
    let mut lines = section.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    let columns = cells(lines.next().unwrap_or_else(|| panic!("no table below {title:?}")));
    let rows: Vec<Row> = lines.skip(1).map(|line| columns.iter().cloned().zip(cells(line)).collect()).collect();
    assert!(!rows.is_empty(), "the table below {title:?} is empty");
    rows
}

/// The hex of the worked example.
///
/// # Panics
/// If there is none.
#[must_use]
pub fn worked_example() -> Vec<u8> {
    let text = text();
    let hex = text.split("```hex\n").nth(1).and_then(|rest| rest.split("```").next());
    super::vectors::parse_hex(hex.expect("spec.md has a hex block"))
}

/// A number as the tables write it: `0x…` or decimal, either sign.
///
/// # Panics
/// If it is none.
#[must_use]
pub fn number(text: &str) -> i128 {
    let parsed = match text.strip_prefix("0x") {
        Some(hex) => i128::from_str_radix(hex, 16),
        None => text.parse(),
    };
    parsed.unwrap_or_else(|_| panic!("not a number: {text:?}"))
}
