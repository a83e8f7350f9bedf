//! Memory, file handles and followers' lag, from time to time.

use std::fmt;
use std::fs;
use std::io::{IsTerminal as _, Write as _, stderr};
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::follow::FOLLOWERS;
use crate::options::Options;
use crate::progress::Progress;

const INTERVAL: Duration = Duration::from_millis(100);

/// How much of a block's or a page's worth here and there is no growth.
const MEMORY_SLACK_KB: u64 = 8 << 10;

/// Who goes from one segment to the next has two files open for a moment, and the system's watch on the new one.
const HANDLES_SLACK: u64 = 4;

/// What the process holds: kilobytes of memory, and file handles.
#[derive(Clone, Copy, Default)]
struct Held {
    memory_kb: u64,
    handles: u64,
}

pub(crate) struct Samples {
    start: Instant,
    next: Instant,
    next_line: Instant,
    /// When the warm-up is over at the latest.
    warm_time: Option<Duration>,
    warm_messages: u64,
    /// When it was.
    warm_after: Option<Duration>,
    /// At most, in the warm-up and behind it; `None` where the system doesn't tell.
    warming: Option<Held>,
    warm: Option<Held>,
    lags: [Vec<u64>; FOLLOWERS.len()],
}

impl Samples {
    pub(crate) fn new(options: &Options) -> Self {
        let now = Instant::now();
        Self {
            start: now,
            next: now,
            next_line: now,
            warm_time: options.time.map(|time| time / 4),
            warm_messages: options.messages / 4,
            warm_after: None,
            warming: None,
            warm: None,
            lags: Default::default(),
        }
    }

    /// Looks, if it is time.
    pub(crate) fn take(&mut self, progress: &Progress) {
        let now = Instant::now();
        if now < self.next {
            return;
        }
        self.next = now + INTERVAL;
        let elapsed = now - self.start;
        // All has been done once that is done again and again from then on; or it is time to begin.
        let is_warm = progress.removed() > 0
            || progress.appended() >= self.warm_messages
            || self.warm_time.is_some_and(|time| elapsed >= time);
        if is_warm {
            self.warm_after.get_or_insert(elapsed);
        }
        if let Some(held) = Held::now() {
            let most = if is_warm { &mut self.warm } else { &mut self.warming };
            most.get_or_insert_default().raise(held);
        }
        for (nth, lags) in self.lags.iter_mut().enumerate() {
            lags.push(progress.appended().saturating_sub(progress.seen(nth)));
        }
        if now >= self.next_line {
            self.show(elapsed, progress);
        }
    }

    /// One line on stderr: rewritten in a terminal, every ten seconds elsewhere.
    fn show(&mut self, elapsed: Duration, progress: &Progress) {
        let is_terminal = stderr().is_terminal();
        let (start, end) = if is_terminal { ("\r", "") } else { ("", "\n") };
        self.next_line += if is_terminal { INTERVAL } else { Duration::from_secs(10) };
        let held = self.warm.or(self.warming).unwrap_or_default();
        eprint!(
            "{start}  {:5.0} s  {:>9} messages  {:>4} segments removed  {:>6.1} MB  {:>3} handles{end}",
            elapsed.as_secs_f64(),
            progress.appended(),
            progress.removed(),
            held.memory_kb as f64 / 1e3,
            held.handles
        );
        let _ = stderr().flush();
    }

    pub(crate) fn end_line(&self) {
        if stderr().is_terminal() {
            eprintln!();
        }
    }

    /// Whether nothing grew.
    pub(crate) fn check(&self) -> Outcome<()> {
        let (Some(before), Some(behind)) = (self.warming, self.warm) else { return Ok(()) };
        if behind.memory_kb > before.memory_kb + MEMORY_SLACK_KB {
            let (before, behind) = (before.memory_kb, behind.memory_kb);
            return Err(format!("memory grew from {before} kB at most in the warm-up to {behind} kB"));
        }
        if behind.handles > before.handles + HANDLES_SLACK {
            let (before, behind) = (before.handles, behind.handles);
            return Err(format!("file handles grew from {before} at most in the warm-up to {behind}"));
        }
        Ok(())
    }

    /// How many messages a follower was behind: the median, and at most.
    pub(crate) fn lag(&self, nth: usize) -> [u64; 2] {
        let mut lags = self.lags[nth].clone();
        lags.sort_unstable();
        [lags.get(lags.len() / 2), lags.last()].map(|lag| lag.copied().unwrap_or_default())
    }
}

impl fmt::Display for Samples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(before) = self.warming else { return write!(f, "memory     unknown: this system has no /proc") };
        let megabytes = before.memory_kb as f64 / 1e3;
        let (Some(behind), Some(time)) = (self.warm, self.warm_after) else {
            return write!(f, "memory     {megabytes:.1} MB at most; all was over before it had warmed up");
        };
        write!(f, "memory     {megabytes:.1} MB at most in the warm-up of {:.0} s, ", time.as_secs_f64())?;
        writeln!(f, "{:.1} MB behind it", behind.memory_kb as f64 / 1e3)?;
        write!(f, "handles    {} at most in the warm-up, {} behind it", before.handles, behind.handles)
    }
}

impl Held {
    fn now() -> Option<Self> {
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let memory_kb = line.split_whitespace().next()?.parse().ok()?;
        // Without the one that the list is read by.
        let handles = fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1) as u64;
        Some(Self { memory_kb, handles })
    }

    fn raise(&mut self, held: Self) {
        self.memory_kb = self.memory_kb.max(held.memory_kb);
        self.handles = self.handles.max(held.handles);
    }
}
