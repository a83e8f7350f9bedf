//! The table of `docs/FIRMWARE.md`.

use std::fs;
use std::path::PathBuf;

use super::device::Device;
use super::elf;
use crate::command::root;
use crate::{Outcome, Verdict};

const BEGIN: &str = "<!-- figures: begin (cargo xtask firmware --bless) -->\n";
const END: &str = "<!-- figures: end -->";

/// What is in the table, and the program that it is measured with.
const PARTS: [(&str, &str); 6] = [
    ("encoder, no checksum of messages", "size-none"),
    ("encoder, CRC-32C", "size-crc32c"),
    ("encoder, XXH64", "size-xxh64"),
    ("encoder, XXH3", "size-xxh3"),
    ("decoder, CRC-32C", "size-decoder"),
    ("recorder for a ring, CRC-32C, with encoder and decoder", "size-ring"),
];

/// A name, and figures in bytes.
pub(super) struct Row {
    name: String,
    bytes: Vec<u64>,
}

/// Measures what the table has.
pub(super) fn measure(devices: &[Device<'_>]) -> Result<Vec<Row>, String> {
    let mut rows = Vec::new();
    for (part, program) in PARTS {
        let mut bytes = Vec::new();
        for device in devices {
            let sizes =
                |name: &str| elf::sizes(&device.program(name)?).ok_or(format!("{name} isn't a program for the device"));
            let (with, without) = (sizes(program)?, sizes("size-nothing")?);
            bytes.push(u64::from(with.text.saturating_sub(without.text)));
            bytes.push(u64::from(with.rodata.saturating_sub(without.rodata)));
            if with.data != without.data {
                return Err(format!("{program} has variables of its own"));
            }
        }
        rows.push(Row { name: part.to_owned(), bytes });
    }
    for (file, state) in [("record.txt", "encoder"), ("record.txt", "decoder"), ("ring.txt", "recorder")] {
        let bytes = devices.iter().map(|device| device.fact(file, state)).collect::<Result<_, _>>()?;
        rows.push(Row { name: format!("{state}'s state in RAM"), bytes });
    }
    Ok(rows)
}

fn path() -> PathBuf {
    root().join("docs/FIRMWARE.md")
}

fn table(rows: &[Row]) -> String {
    let mut table =
        String::from("\n| bytes | Cortex-M4: text | rodata | Cortex-M0: text | rodata |\n|---|---|---|---|---|\n");
    for Row { name, bytes } in rows {
        let cells = match bytes[..] {
            // The state is neither.
            [first, second] => vec![first.to_string(), String::new(), second.to_string(), String::new()],
            _ => bytes.iter().map(u64::to_string).collect(),
        };
        table += &format!("| {name} | {} |\n", cells.join(" | "));
    }
    table + "\n"
}

/// The document, split around the table.
fn document() -> Result<(String, String, String), String> {
    let text = fs::read_to_string(path()).map_err(|error| format!("{}: {error}", path().display()))?;
    let split = text.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?)));
    let (before, (table, behind)) = split.ok_or(format!("{} has no place for the figures", path().display()))?;
    Ok((before.to_owned(), table.to_owned(), behind.to_owned()))
}

/// Writes the table.
pub(super) fn bless(rows: &[Row]) -> Outcome {
    let (before, _, behind) = document()?;
    let text = format!("{before}{BEGIN}{}{END}{behind}", table(rows));
    fs::write(path(), text).map_err(|error| format!("{}: {error}", path().display()))?;
    Ok(Verdict::Passed)
}

/// No figure is more than a tenth above what the table says.
pub(super) fn check(rows: &[Row]) -> Outcome {
    let (_, committed, _) = document()?;
    print!("{}", table(rows));
    for Row { name, bytes } in rows {
        let row = committed.lines().find(|line| line.starts_with(&format!("| {name} |"))).unwrap_or_default();
        let allowed: Vec<u64> = row.split('|').filter_map(|cell| cell.trim().parse().ok()).collect();
        let is_larger = |(found, committed): (&u64, &u64)| *found > committed + committed / 10;
        if allowed.len() != bytes.len() || bytes.iter().zip(&allowed).any(is_larger) {
            return Err(format!(
                "{name}: {bytes:?} bytes, docs/FIRMWARE.md says {allowed:?}; if that is what you want: \
                                cargo xtask firmware --bless"
            ));
        }
    }
    Ok(Verdict::Passed)
}
