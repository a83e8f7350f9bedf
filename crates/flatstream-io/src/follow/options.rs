use std::time::Duration;

use crate::cursor::Cursor;
use crate::options::ReadOptions;

/// Where a [`Follower`](super::Follower) begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Start {
    /// At the first message of the stream.
    #[default]
    Beginning,
    /// Behind the last message that is there when the follower is opened.
    End,
    /// At the message with this sequence number, which may not have been appended yet.
    Sequence(u64),
    /// Behind the last sync frame before the first one that isn't earlier than this time, in nanoseconds of the
    /// header's [clock](crate::Header::clock). No message of this time or later is left out, and up to one interval
    /// between two sync frames of earlier ones may come first. If all sync frames are earlier: behind the last one that
    /// is there when the follower is opened.
    Time(i64),
    /// Directly behind the last message that somebody has seen.
    Cursor(Cursor),
}

/// How a file is followed.
///
/// ```
/// use std::time::Duration;
///
/// use flatstream_io::follow::Start;
/// use flatstream_io::{FollowOptions, ReadOptions};
///
/// let options = FollowOptions::new()
///     .from(Start::End)
///     .durable_only(true)
///     .reopening(true)
///     .patience(Duration::from_secs(1))
///     .reading(ReadOptions::new().max_message_len(1 << 20));
/// # drop(options);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct FollowOptions {
    pub(super) start: Start,
    pub(super) durable_only: bool,
    pub(super) reopening: bool,
    pub(super) wait_for_file: bool,
    pub(super) patience: Duration,
    pub(super) polling: Option<Duration>,
    pub(super) reading: ReadOptions,
}

impl Default for FollowOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl FollowOptions {
    /// From the beginning; every message that was flushed; to the end of the last session that closed the stream.
    pub fn new() -> Self {
        Self {
            start: Start::Beginning,
            durable_only: false,
            reopening: false,
            wait_for_file: false,
            patience: Duration::from_secs(5),
            polling: None,
            reading: ReadOptions::new(),
        }
    }

    /// Where to begin. The default is [`Start::Beginning`].
    pub fn from(mut self, start: Start) -> Self {
        self.start = start;
        self
    }

    /// Whether to hand out only messages that the stream itself says are durable: then none is ever handed out that a
    /// power cut takes back. The default is `false`.
    ///
    /// The stream says so in the first sync frame behind a sync of its sink, so they come later, and those behind the
    /// last such frame don't come at all. A stream whose writer never syncs has none. Everything is read twice: once to
    /// find these sync frames, once to be handed out.
    pub fn durable_only(mut self, durable_only: bool) -> Self {
        self.durable_only = durable_only;
        self
    }

    /// Whether to go on waiting where the writer has closed the stream, for one that reopens it. The default is
    /// `false`: the follower ends there, unless the stream was already reopened.
    pub fn reopening(mut self, reopening: bool) -> Self {
        self.reopening = reopening;
        self
    }

    /// Whether to wait for the file if there is none of that name. The default is `false`: an error.
    pub fn wait_for_file(mut self, wait_for_file: bool) -> Self {
        self.wait_for_file = wait_for_file;
        self
    }

    /// How long bytes may be wrong, although good frames lie behind them, before that is an error. The default is 5
    /// seconds.
    ///
    /// After a power cut such a tail is nothing unusual, and the next writer cuts it. Where that can't be, because the
    /// bytes had been durable or the same writer went on behind them, there is nothing to be patient for.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Looks at the file again and again while it waits, at first soon after the last message, then less and less
    /// often, up to this interval; and doesn't ask the system to tell what happens to the file. By default it does ask,
    /// on Linux, and looks like this only on other systems or where that doesn't work, up to every 10 milliseconds.
    pub fn polling(mut self, interval: Duration) -> Self {
        self.polling = Some(interval);
        self
    }

    /// What is accepted: the longest message, private checksums, and whether an end that isn't closed is an error. A
    /// follower reads strictly: [`recovery`](ReadOptions::recovery) means nothing to it.
    pub fn reading(mut self, options: ReadOptions) -> Self {
        self.reading = options.strict();
        self
    }

    /// What is accepted.
    pub fn chosen_reading(&self) -> &ReadOptions {
        &self.reading
    }

    /// Whether it waits for a reopening where the stream is closed.
    #[must_use]
    pub fn waits_for_reopening(&self) -> bool {
        self.reopening
    }

    /// Whether it waits for a file that isn't there.
    #[must_use]
    pub fn waits_for_file(&self) -> bool {
        self.wait_for_file
    }

    /// The interval up to which it looks by itself, if it does.
    #[must_use]
    pub fn chosen_polling(&self) -> Option<Duration> {
        self.polling
    }
}
