use std::path::Path;
use std::time::{Duration, Instant};

use super::Followed;
use super::wait::Wait;
use crate::error::Result;

/// What can be looked at again and again until there is something. For flatstream-log, which follows one file after
/// the other.
#[doc(hidden)]
pub trait Looking {
    /// Reads on, and says what there is.
    ///
    /// # Errors
    /// As [`Follower::next_message`](crate::Follower::next_message).
    fn look(&mut self) -> Result<Followed<()>>;

    /// What waits for the next look, and the file or folder in which something has to happen first.
    fn waits(&mut self) -> (&mut Wait, &Path);

    /// Looks until there is something, or until the time is over.
    ///
    /// # Errors
    /// As [`look`](Self::look).
    fn look_within(&mut self, timeout: Option<Duration>) -> Result<Followed<()>> {
        self.waits().0.begin();
        // A timeout beyond what the clock can count is none.
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            let followed = self.look()?;
            let (wait, path) = self.waits();
            if followed != Followed::Waiting {
                wait.note_news();
                return Ok(followed);
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Ok(followed);
            }
            wait.wait(path, left);
        }
    }
}
