//! Those who check every message as it comes.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use flatstream::FollowOptions;
use flatstream::log::{LogFollowOptions, LogFollower};

use crate::progress::Progress;
use crate::{Outcome, telemetry};

#[derive(Clone, Copy)]
pub(crate) struct Follower {
    pub(crate) name: &'static str,
    nth: usize,
    durable_only: bool,
}

pub(crate) const FOLLOWERS: [Follower; 2] = [
    Follower { name: "flushed", nth: 0, durable_only: false },
    Follower { name: "durable", nth: 1, durable_only: true },
];

/// The thread returns how many messages it saw.
pub(crate) fn start(folder: &Path, follower: Follower, progress: &Arc<Progress>) -> JoinHandle<u64> {
    let (folder, progress): (PathBuf, _) = (folder.to_owned(), Arc::clone(progress));
    thread::spawn(move || {
        let mut next = 0;
        if let Err(why) = follow(&folder, follower, &progress, &mut next) {
            progress.fail(format!("the follower of what is {}: {why}", follower.name));
        }
        next
    })
}

fn follow(folder: &Path, follower: Follower, progress: &Progress, next: &mut u64) -> Outcome<()> {
    let failed = |error: flatstream::Error| error.to_string();
    let following = FollowOptions::new().durable_only(follower.durable_only);
    let mut messages = LogFollower::open(folder, LogFollowOptions::new().following(following)).map_err(failed)?;
    while let Some(message) = messages.next_message().map_err(failed)? {
        telemetry::check(message, *next)?;
        *next += 1;
        progress.note_seen(follower.nth, *next);
    }
    match messages.end() {
        Some(end) if end.is_closed() => Ok(()),
        end => Err(format!("it ended behind message {next}, and the log isn't closed: {end:?}")),
    }
}
