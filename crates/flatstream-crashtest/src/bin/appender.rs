//! The process that tests kill: opens a stream, appends numbered messages, and says on its standard output what nobody
//! may take from it any more. `appender FILE POLICY [COUNT]`; without a count it goes on until it is killed.
//!
//! It prints `opened N` (N messages are there), then `handed N` (the first N messages survive the end of the process),
//! and `failed: ...` if the writer says so.

#![forbid(unsafe_code)]

use std::fs::File;
use std::io::{self, Write};
use std::time::Duration;

use flatstream::{FlushPolicy, SyncPolicy, WriteOptions, Writer};
use flatstream_crashtest::numbered;

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (path, policy, count) = match &arguments[..] {
        [path, policy] => (path, policy, u64::MAX),
        [path, policy, count] => (path, policy, count.parse().map_err(io::Error::other)?),
        _ => return Err(io::Error::other("usage: appender FILE POLICY [COUNT]")),
    };
    let mut writer = Writer::open(path, options(policy)?)?;
    say(&format!("opened {}", writer.sequence()))?;
    let first = writer.sequence();
    for number in first..first.saturating_add(count) {
        if let Err(error) = append(&mut writer, policy, number) {
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

fn append(writer: &mut Writer<File>, policy: &str, number: u64) -> flatstream::Result<()> {
    writer.append(&numbered(number))?;
    let is_handed = match policy {
        "flush-each" | "flush-time" | "sync-each" => true,
        "flush" if number % 10 == 9 => writer.flush().map(|()| true)?,
        "manual" if number % 50 == 49 => writer.sync().map(|_| true)?,
        _ => writer.durable_position() == writer.position(),
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
