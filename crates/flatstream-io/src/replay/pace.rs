use std::time::Duration;

use flatstream_format::TIME_NONE;

/// When each message is due, by its recorded time. It reads no clock: what is due when depends on the recorded times
/// and the options alone, so one message that is late makes no other one so.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    pub(super) max_gap: Duration,
    pub(super) max_disorder: Duration,
    rate: f64,
    anchor: Option<Anchor>,
}

/// A recorded time and when that is due: others are due by their distance from it. Distances are multiplied once and
/// never added up, so nothing drifts by rounding.
#[derive(Clone, Copy, Debug)]
struct Anchor {
    time: i64,
    due: Duration,
    /// The greatest time since, and when that was due.
    last_time: i64,
    last_due: Duration,
}

impl Anchor {
    fn new(time: i64, due: Duration) -> Self {
        Self { time, due, last_time: time, last_due: due }
    }
}

impl Pace {
    pub(super) fn new() -> Self {
        Self { max_gap: Duration::MAX, max_disorder: Duration::from_secs(1), rate: 1.0, anchor: None }
    }

    /// From the last message on.
    pub(super) fn set_rate(&mut self, rate: f64) {
        self.rate = rate;
        if let Some(anchor) = &mut self.anchor {
            *anchor = Anchor::new(anchor.last_time, anchor.last_due);
        }
    }

    /// When the next message is due, which has this time; `None` if it has none. The first one is due `now`.
    pub(super) fn due(&mut self, time: i64, now: Duration) -> Option<Duration> {
        if time == TIME_NONE {
            return None;
        }
        let rate = self.rate;
        let anchor = self.anchor.get_or_insert_with(|| Anchor::new(time, now));
        if time < anchor.last_time {
            // Were a message that was overtaken to set the pace, the one that overtook it would be waited for twice.
            if Duration::from_nanos(anchor.last_time.abs_diff(time)) > self.max_disorder {
                *anchor = Anchor::new(time, anchor.last_due);
            }
            return Some(anchor.last_due);
        }
        let mut due = anchor.due.saturating_add(scaled(time.abs_diff(anchor.time), rate));
        if due - anchor.last_due > self.max_gap {
            due = anchor.last_due + self.max_gap;
            *anchor = Anchor::new(time, due);
        }
        (anchor.last_time, anchor.last_due) = (time, due);
        Some(due)
    }
}

/// Nanoseconds, played at a rate. 53 bits are 104 days: beyond, it is right to some nanoseconds. It never decreases
/// when `nanos` doesn't, and what is too long becomes the longest, 584 years.
fn scaled(nanos: u64, rate: f64) -> Duration {
    Duration::from_nanos((nanos as f64 / rate) as u64)
}
