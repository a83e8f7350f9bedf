use std::path::Path;
use std::thread;
use std::time::Duration;

use super::events::Events;

/// The first pause between two looks at a file.
const INTERVAL_MIN: Duration = Duration::from_micros(50);

/// The longest, unless the options say otherwise.
const INTERVAL_MAX: Duration = Duration::from_millis(10);

/// What the system is relied upon to tell is looked for anyway, so often: files on a network change without its
/// noticing.
const INTERVAL_WITH_EVENTS: Duration = Duration::from_secs(1);

/// So often in a row may something have come without the system's having told.
const MISSES_MAX: u32 = 2;

/// Waits until a file may have changed.
#[derive(Debug)]
pub struct Wait {
    source: Source,
    interval: Duration,
    interval_max: Duration,
    /// Whether a wait was ended by the system's word, since somebody began to wait; `None` if there was no wait yet.
    was_told: Option<bool>,
    misses: u32,
}

#[derive(Debug)]
enum Source {
    /// Not asked for yet: whoever never waits needs none.
    NotYet,
    Events(Events),
    Polling,
}

impl Wait {
    /// Looks at intervals up to this one; `None`: relies on the system, where it tells.
    #[must_use]
    pub fn new(polling: Option<Duration>) -> Self {
        Self {
            source: if polling.is_some() { Source::Polling } else { Source::NotYet },
            interval: INTERVAL_MIN,
            interval_max: polling.unwrap_or(INTERVAL_MAX),
            was_told: None,
            misses: 0,
        }
    }

    /// Another file has taken the name.
    pub(super) fn forget_file(&mut self) {
        if let Source::Events(_) = self.source {
            self.source = Source::NotYet;
        }
    }

    /// Somebody begins to wait. What came before isn't the system's to tell.
    pub(super) fn begin(&mut self) {
        self.was_told = None;
    }

    /// Something was there.
    pub(super) fn note_news(&mut self) {
        self.interval = INTERVAL_MIN;
        // One may come just between the end of a wait and the look.
        self.misses = match self.was_told.take() {
            Some(true) => 0,
            Some(false) => self.misses + 1,
            None => self.misses,
        };
        if self.misses >= MISSES_MAX && matches!(self.source, Source::Events(_)) {
            self.source = Source::Polling;
        }
    }

    /// Returns early when the system says that something happened to the file, which may be nothing of interest.
    pub(super) fn wait(&mut self, path: &Path, at_most: Option<Duration>) {
        match &mut self.source {
            Source::NotYet => {
                self.source = Events::of(path).map_or(Source::Polling, Source::Events);
                // What happened before the system was asked has to be looked for once more.
            }
            Source::Events(events) => {
                let timeout = at_most.map_or(INTERVAL_WITH_EVENTS, |most| most.min(INTERVAL_WITH_EVENTS));
                match events.wait(timeout) {
                    Ok(was_told) => self.was_told = Some(was_told || self.was_told == Some(true)),
                    Err(_) => self.source = Source::Polling,
                }
            }
            Source::Polling => {
                thread::sleep(at_most.map_or(self.interval, |most| most.min(self.interval)));
                self.interval = (self.interval * 2).min(self.interval_max);
            }
        }
    }
}
