//! A write-ahead log by the crate `okaywal`: an entry of one or several messages is durable when its `commit` returns;
//! it has a CRC-32C. Its file is made long enough at the start (`preallocate_bytes`), as its documentation advises, and
//! no checkpoint comes while it is measured.

use std::io;
use std::path::Path;
use std::sync::mpsc::{Sender, channel};

use okaywal::{Configuration, Entry, EntryId, LogManager, SegmentReader, WriteAheadLog};

use crate::rounds::Found;

pub(crate) const NAME: &str = "okaywal";

/// A log in a folder that is made anew.
pub(crate) struct OkayWal(WriteAheadLog);

impl OkayWal {
    pub(crate) fn create(folder: &Path, bytes: u32) -> io::Result<Self> {
        let _ = std::fs::remove_dir_all(folder);
        let (messages, _) = channel();
        Ok(Self(configuration(folder, bytes).open(Manager(messages))?))
    }

    pub(crate) fn commit<'a>(&self, bodies: impl IntoIterator<Item = &'a [u8]>) -> io::Result<()> {
        let mut entry = self.0.begin_entry()?;
        for body in bodies {
            entry.write_chunk(body)?;
        }
        entry.commit()?;
        Ok(())
    }

    /// Closes the log, and recovers what is in it.
    pub(crate) fn read_back(self, folder: &Path, bytes: u32) -> io::Result<Found> {
        self.0.shutdown()?;
        let (sender, messages) = channel();
        configuration(folder, bytes).open(Manager(sender))?.shutdown()?;
        let mut found = Found { count: 0, sum: 0 };
        messages.iter().for_each(|message| found.add(&message));
        Ok(found)
    }
}

fn configuration(folder: &Path, bytes: u32) -> Configuration {
    Configuration::default_for(folder).preallocate_bytes(bytes).checkpoint_after_bytes(u64::from(bytes))
}

/// Sends on every message that is recovered.
#[derive(Debug)]
struct Manager(Sender<Vec<u8>>);

impl LogManager for Manager {
    fn recover(&mut self, entry: &mut Entry<'_>) -> io::Result<()> {
        for message in entry.read_all_chunks()?.unwrap_or_default() {
            // Nobody listens when the log is made.
            let _ = self.0.send(message);
        }
        Ok(())
    }

    fn checkpoint_to(&mut self, _: EntryId, _: &mut SegmentReader, _: &WriteAheadLog) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use flatstream_testkit::folder::Folder;

    use super::*;
    use crate::bodies::Bodies;

    #[test]
    fn what_was_committed_is_found_again() {
        let folder = Folder::new("compare-okaywal");
        let bodies = Bodies::of_len(64);
        let log = OkayWal::create(folder.path(), 1 << 20).unwrap();
        for _ in 0..3 {
            log.commit(bodies.take(5)).unwrap();
        }
        let found = log.read_back(folder.path(), 1 << 20).unwrap();
        let Found { count, sum } = bodies.found(5);
        assert_eq!(found, Found { count: 3 * count, sum: sum.wrapping_mul(3) });
    }
}
