//! The process that follows what the `appender` appends, and that tests kill too: says each message that it sees, with
//! the place behind it. `follower FILE|FOLDER all|durable [CURSOR]`; without a cursor it begins with the first
//! message.
//!
//! It prints `opened`, then `seen N CHECK CURSOR` (message N was there; the CRC-32C of its bytes), and `ended STATE`
//! when the file has lost its name.

#![forbid(unsafe_code)]

use std::io::{self, Write};
use std::path::Path;

use flatstream::follow::Start;
use flatstream::format::Algorithm;
use flatstream::log::{LogFollowOptions, LogFollower, LogStart};
use flatstream::{Checksum, FollowOptions, Follower};

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (path, what, cursor) = match &arguments[..] {
        [path, what] => (path, what, None),
        [path, what, cursor] => (path, what, Some(cursor)),
        _ => return Err(io::Error::other("usage: follower FILE|FOLDER all|durable [CURSOR]")),
    };
    let options = FollowOptions::new().durable_only(what == "durable").reopening(true).wait_for_file(true);
    if Path::new(path).is_dir() {
        let start = cursor.map_or(Ok(LogStart::Beginning), |text| text.parse().map(LogStart::Cursor))?;
        let mut follower = LogFollower::open(path, LogFollowOptions::new().from(start).following(options))?;
        say("opened")?;
        let mut number = follower.sequence();
        while let Some(message) = follower.next_message()? {
            let check = check(message, number)?;
            say_seen(number, check, follower.cursor())?;
            number += 1;
        }
        say_ended(follower.end())
    } else {
        let start = cursor.map_or(Ok(Start::Beginning), |text| text.parse().map(Start::Cursor))?;
        let mut follower = Follower::open(path, options.from(start))?;
        say("opened")?;
        let mut number = follower.sequence();
        while let Some(message) = follower.next_message()? {
            let check = check(message, number)?;
            say_seen(number, check, follower.cursor())?;
            number += 1;
        }
        say_ended(follower.end())
    }
}

fn check(message: &[u8], number: u64) -> io::Result<u32> {
    match message.first_chunk() {
        Some(first) if u64::from_le_bytes(*first) == number => Ok(Algorithm::CRC32C.digest(message)),
        _ => Err(io::Error::other(format!("message {number} is another one"))),
    }
}

fn say_seen(number: u64, check: u32, cursor: Option<impl ToString>) -> io::Result<()> {
    let cursor = cursor.ok_or_else(|| io::Error::other("no cursor behind a message"))?;
    say(&format!("seen {number} {check:08x} {}", cursor.to_string()))
}

fn say_ended(end: Option<&flatstream::End>) -> io::Result<()> {
    say(&format!("ended {}", end.map(|end| end.state.to_string()).unwrap_or_default()))
}

fn say(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
