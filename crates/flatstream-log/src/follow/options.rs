use flatstream_io::FollowOptions;

use crate::cursor::LogCursor;

/// Where a [`LogFollower`](super::LogFollower) begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogStart {
    /// At the oldest message that the log has.
    #[default]
    Beginning,
    /// Behind the last message that is there when the follower is opened.
    End,
    /// At the message with this number, counted over all segments, which may not have been appended yet.
    Sequence(u64),
    /// Before this time, in nanoseconds of the headers' [clock](flatstream_io::Header::clock): as
    /// [`LogReader::seek_to_time`](crate::LogReader::seek_to_time). No message of this time or later is left out, and
    /// up to one interval between two sync frames of earlier ones may come first. Of messages that are still to come it
    /// leaves out none.
    Time(i64),
    /// Directly behind the last message that somebody has seen.
    Cursor(LogCursor),
}

/// How a log is followed.
///
/// ```
/// use flatstream_io::FollowOptions;
/// use flatstream_log::{LogFollowOptions, LogStart};
///
/// let options = LogFollowOptions::new()
///     .from(LogStart::Sequence(86_400_000))
///     .skip_gaps(true)
///     .following(FollowOptions::new().durable_only(true));
/// # drop(options);
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct LogFollowOptions {
    pub(super) start: LogStart,
    pub(super) skip_gaps: bool,
    pub(super) following: FollowOptions,
}

impl LogFollowOptions {
    /// From the oldest message; an error if messages were removed before they were seen; each segment as
    /// [`FollowOptions::new`].
    pub fn new() -> Self {
        Self::default()
    }

    /// Where to begin. The default is [`LogStart::Beginning`].
    pub fn from(mut self, start: LogStart) -> Self {
        self.start = start;
        self
    }

    /// Whether to go on with the next message that is there where segments were removed before the follower had seen
    /// them: by the writer because they were old, or by hand. [`LogFollower::take_findings`] then tells. The default is
    /// `false`: an error of the kind `Gone` or `Damaged`.
    ///
    /// [`LogFollower::take_findings`]: super::LogFollower::take_findings
    pub fn skip_gaps(mut self, skip_gaps: bool) -> Self {
        self.skip_gaps = skip_gaps;
        self
    }

    /// How the segments are followed. What these options say is meant for the log:
    /// [`reopening`](FollowOptions::reopening) waits where the newest segment is closed,
    /// [`wait_for_file`](FollowOptions::wait_for_file) for the folder and a first segment in it, and
    /// [`require_closed`](flatstream_io::ReadOptions::require_closed) is about the newest segment. Their
    /// [`from`](FollowOptions::from) means nothing: a log begins where [`Self::from`] says.
    pub fn following(mut self, options: FollowOptions) -> Self {
        self.following = options;
        self
    }
}
