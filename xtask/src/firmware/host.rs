//! What the host makes of what the device wrote.

use std::fs;
use std::path::Path;

use super::device::{find_fact, read_fact};
use crate::command::program;

const MESSAGES: u64 = 5_000;

/// `flatstream` takes it for whole, and prints what the device meant.
pub(super) fn check_recording(path: &Path) -> Result<(), String> {
    let cli = "cargo run --quiet --package flatstream-cli --";
    let verdict = output_of(&format!("{cli} verify --require-closed {}", path.display()))?;
    print!("{verdict}");
    let printed = output_of(&format!("{cli} cat --format ndjson {}", path.display()))?;
    let expected = output_of(&format!("cargo run --quiet --package flatstream-firmware-host -- expected {MESSAGES}"))?;
    compare(&printed, &expected).map_err(|difference| format!("{}: {difference}", path.display()))?;
    println!("{} messages printed, each as the device meant it", printed.lines().count());
    Ok(())
}

fn compare(printed: &str, expected: &str) -> Result<(), String> {
    if let Some((found, expected)) = printed.lines().zip(expected.lines()).find(|(found, expected)| found != expected) {
        return Err(format!("printed {found}, expected {expected}"));
    }
    let (found, expected) = (printed.lines().count(), expected.lines().count());
    if found == expected { Ok(()) } else { Err(format!("printed {found} messages, expected {expected}")) }
}

/// How bad the line was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// At most once between two sync frames: exactly the messages that were hit are lost.
    BadOnce,
    /// Everywhere: what lies between two changes of the place may be lost too, and is counted.
    Wild,
}

/// What was lost is what the receiver says that was lost.
pub(super) fn check_line(folder: &Path, name: &str, line: Line) -> Result<(), String> {
    let received = folder.join(format!("{name}.fls"));
    let facts = folder.join(format!("{name}.txt"));
    let (sent, hit) = (read_fact(&facts, "messages")?, read_fact(&facts, "hit")?);
    let report =
        output_of(&format!("cargo run --quiet --package flatstream-firmware-host -- receive {}", received.display()))?;
    let number = |name| find_fact(&report, name).ok_or(format!("{}: no {name} in {report}", received.display()));
    let (delivered, lost, unknown) = (number("delivered")?, number("lost")?, number("unknown")?);
    let is_exact = match line {
        Line::BadOnce => lost == hit,
        Line::Wild => true,
    };
    println!("{name}: {sent} sent, {hit} hit, {delivered} delivered, {lost} reported lost");
    if !is_exact || hit == 0 || delivered + lost != sent || unknown != 0 {
        return Err(format!("{}: the report of what was lost is wrong", received.display()));
    }
    Ok(())
}

/// What a ring holds, as the device sent it and out of its memory, is a stream of the last messages.
pub(super) fn check_ring(folder: &Path) -> Result<(), String> {
    let cli = "cargo run --quiet --package flatstream-cli --";
    let (sent, image, unrolled, saved) =
        (folder.join("ring.fls"), folder.join("ring.img"), folder.join("unrolled.fls"), folder.join("saved.fls"));
    let host = "cargo run --quiet --package flatstream-firmware-host --";
    output_of(&format!("{host} unroll {} {}", image.display(), unrolled.display()))?;
    let read = |path: &Path| fs::read(path).map_err(|error| format!("{}: {error}", path.display()));
    if read(&sent)? != read(&unrolled)? {
        return Err(format!("{} isn't what the device sent", unrolled.display()));
    }
    if saved.exists() {
        fs::remove_file(&saved).map_err(|error| format!("{}: {error}", saved.display()))?;
    }
    // The status says that something is lost: what was overwritten.
    let line = format!("{cli} recover {} --output {}", sent.display(), saved.display());
    output_with_status(&line, SOMETHING_LOST)?;
    let printed = output_of(&format!("{cli} cat --format ndjson {}", saved.display()))?;
    let expected = output_of(&format!("{host} expected {MESSAGES}"))?;
    let count = printed.lines().count();
    let lost = output_of(&format!("{host} receive {}", sent.display()))?;
    let is_counted = find_fact(&lost, "lost") == MESSAGES.checked_sub(count as u64);
    if !is_counted || count < RING_MIN || !expected.ends_with(&printed) {
        return Err(format!("{}: {count} messages, which aren't the last ones", saved.display()));
    }
    println!("ring: the last {count} of {MESSAGES} messages, each as the device meant it");
    Ok(())
}

/// So many messages of 64 bytes are in 7 of 8 pages at least.
const RING_MIN: usize = 7 * (1024 - 64) / 64;

/// The program's exit status for a stream of which not all could be saved.
const SOMETHING_LOST: i32 = 3;

fn output_of(line: &str) -> Result<String, String> {
    output_with_status(line, 0)
}

fn output_with_status(line: &str, status: i32) -> Result<String, String> {
    let mut words = line.split_whitespace();
    let mut command = program(words.next().unwrap_or_default());
    let output = command.args(words).output().map_err(|error| format!("`{line}` can't be run: {error}"))?;
    match output.status.code() == Some(status) {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(format!("`{line}` ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr))),
    }
}
