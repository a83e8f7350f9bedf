//! The process that follows what the `appender` appends, and that tests kill too: says each message that it sees, with
//! the place behind it. `follower FILE all|durable [CURSOR]`; without a cursor it begins with the first message.
//!
//! It prints `opened`, then `seen N CURSOR` (message N was there, and is as it was written), and `ended STATE` when the
//! file has lost its name.

#![forbid(unsafe_code)]

use std::io::{self, Write};

use flatstream::follow::Start;
use flatstream::{FollowOptions, Follower};
use flatstream_crashtest::numbered;

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (path, what, start) = match &arguments[..] {
        [path, what] => (path, what, Start::Beginning),
        [path, what, cursor] => (path, what, Start::Cursor(cursor.parse()?)),
        _ => return Err(io::Error::other("usage: follower FILE all|durable [CURSOR]")),
    };
    let options = FollowOptions::new().from(start).durable_only(what == "durable").reopening(true).wait_for_file(true);
    let mut follower = Follower::open(path, options)?;
    say("opened")?;
    let mut number = follower.sequence();
    while let Some(message) = follower.next_message()? {
        if message != numbered(number) {
            return Err(io::Error::other(format!("message {number} is another one")));
        }
        let cursor = follower.cursor().ok_or_else(|| io::Error::other("no cursor behind a message"))?;
        say(&format!("seen {number} {cursor}"))?;
        number += 1;
    }
    say(&format!("ended {}", follower.end().map(|end| end.state.to_string()).unwrap_or_default()))
}

fn say(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
