//! The process that tests kill: opens a stream, appends numbered messages, and says on its standard output what nobody
//! may take from it any more. `appender PATH POLICY [COUNT [SALT]]`; without a count it goes on until it is killed.
//! Where the path is a folder it appends to the log there, with small segments, and keeps only some of them.
//!
//! It prints `opened N` (N messages are there), then `handed N` (the first N messages survive the end of the process),
//! and `failed: ...` if the writer says so.

#![forbid(unsafe_code)]

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use flatstream::log::{LogOptions, LogWriter};
use flatstream::{FlushPolicy, SyncPolicy, WriteOptions, Writer};
use flatstream_crashtest::salted;
use flatstream_io::Appender;

/// Some 40 messages each, and some 20,000 in all: more than a test lets the appender run ahead of its followers.
const SEGMENT_BYTES: u64 = 8 << 10;
const KEPT_SEGMENTS: usize = 500;

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |text: &String| text.parse().map_err(io::Error::other);
    let (path, policy, count, salt) = match &arguments[..] {
        [path, policy] => (path, policy, u64::MAX, 0),
        [path, policy, count] => (path, policy, number(count)?, 0),
        [path, policy, count, salt] => (path, policy, number(count)?, number(salt)?),
        _ => return Err(io::Error::other("usage: appender PATH POLICY [COUNT [SALT]]")),
    };
    let write = options(policy)?;
    if Path::new(path).is_dir() {
        let options = LogOptions::new().segment_bytes(SEGMENT_BYTES).keep_segments(KEPT_SEGMENTS).write_options(write);
        append_all(LogWriter::open(path, options)?, policy, count, salt)
    } else {
        append_all(Writer::open(path, write)?, policy, count, salt)
    }
}

fn append_all(mut writer: impl Appender, policy: &str, count: u64, salt: u64) -> io::Result<()> {
    say(&format!("opened {}", writer.sequence()))?;
    let first = writer.sequence();
    for number in first..first.saturating_add(count) {
        if let Err(error) = append(&mut writer, policy, number, salt) {
            // Whatever is tried now is refused, and names the first failure.
            let refused = writer.append(b"more").err().map(|error| error.to_string()).unwrap_or_default();
            say(&format!("failed: {error}"))?;
            say(&format!("refused: {refused}"))?;
            return Ok(());
        }
    }
    writer.finish()?;
    say("finished")
}

fn options(policy: &str) -> io::Result<WriteOptions> {
    let options = WriteOptions::new().block_size(4096).sync_interval(2048);
    Ok(match policy {
        "manual" | "flush" => options,
        "flush-each" => options.flush_policy(FlushPolicy::EveryMessage),
        "flush-bytes" => options.flush_policy(FlushPolicy::EveryBytes(2000)),
        "flush-time" => options.flush_policy(FlushPolicy::Every(Duration::ZERO)),
        "sync-each" => options.sync_policy(SyncPolicy::EveryMessage),
        "sync-bytes" => options.sync_policy(SyncPolicy::EveryBytes(2000)),
        "sync-time" => options.sync_policy(SyncPolicy::Every(Duration::from_millis(1))),
        other => return Err(io::Error::other(format!("unknown policy {other}"))),
    })
}

fn append(writer: &mut impl Appender, policy: &str, number: u64, salt: u64) -> flatstream::Result<()> {
    writer.append(&salted(number, salt))?;
    let is_handed = match policy {
        "flush-each" | "flush-time" | "sync-each" => true,
        "flush" if number % 10 == 9 => writer.flush().map(|()| true)?,
        "manual" if number % 50 == 49 => writer.sync().map(|_| true)?,
        _ => writer.durable_sequence() == Some(number + 1),
    };
    let word = if is_handed { "handed" } else { "appended" };
    // The pipe keeps it from running far ahead of who reads it.
    let said = say(&format!("{word} {}", number + 1));
    debug_assert!(said.is_ok(), "the parent reads what is said");
    Ok(())
}

fn say(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
