use std::path::PathBuf;

use flatstream_io::Follower;

use crate::cursor::LogCursor;

/// The segment that is followed. Its header is there, and says what its name says.
pub(super) struct Segment {
    pub(super) first: u64,
    pub(super) path: PathBuf,
    pub(super) follower: Follower,
    /// Whether there is a later one, so that nobody appends to this one any more.
    pub(super) is_complete: bool,
}

impl Segment {
    /// The number of the next message, over all segments.
    pub(super) fn sequence(&self) -> u64 {
        self.first.saturating_add(self.follower.sequence())
    }

    pub(super) fn cursor(&self, log_id: u64) -> Option<LogCursor> {
        self.follower.cursor().map(|cursor| LogCursor::new(log_id, self.first, cursor))
    }
}

/// The newest segment, whose header isn't there yet, or is wrong and may still become right.
pub(super) struct Coming {
    pub(super) first: u64,
    pub(super) follower: Follower,
    /// Whether it is more than the beginning of a header: then somebody may have appended to it.
    pub(super) is_wrong: bool,
}
