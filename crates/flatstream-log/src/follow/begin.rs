//! Finds the segment where a follower begins, and opens segments.

use std::io;
use std::path::Path;

use flatstream_io::follow::{Looking, Start};
use flatstream_io::storage::Files;
use flatstream_io::{Error, Follower, Result};

use super::segment::{Coming, Segment};
use super::{LogFollower, LogStart};
use crate::catalog::{Unopened, is_not_found};
use crate::cursor::LogCursor;
use crate::identity::Identity;
use crate::name;
use crate::problem::Problem;
use crate::reader::segment_before_time;
use crate::segment::Listing;

/// A segment to begin in, and where in it.
struct Place {
    first: u64,
    start: Start,
}

impl LogFollower {
    /// Opens the segment to begin in; whether there is one.
    pub(super) fn begin(&mut self) -> Result<bool> {
        if !self.open_folder()? {
            return Ok(false);
        }
        self.folder.list()?;
        let mut left_out = None;
        while let Some(place) = self.place_to_begin(left_out)? {
            if left_out == Some(place.first) {
                break;
            }
            if let Some(segment) = self.open_segment_at(place.first, place.start)? {
                self.current = Some(segment);
                return Ok(true);
            }
            // It isn't there any more, or has no whole header yet, and will be the next one then.
            left_out = Some(place.first);
            self.folder.list()?;
        }
        Ok(false)
    }

    /// Whether there is a log.
    fn open_folder(&mut self) -> Result<bool> {
        let waits = self.options.following.waits_for_file();
        match self.folder.open(&self.reading) {
            Ok(false) if !waits => Err(Problem::NoLog(self.folder().to_owned()).into()),
            Err(error) if is_not_found(&error) && waits => Ok(false),
            Err(error) => match self.is_first_header_incomplete() {
                true => Ok(false),
                false => Err(error),
            },
            opened => opened,
        }
    }

    /// Whether there is nothing but one segment, whose header may still become whole.
    fn is_first_header_incomplete(&mut self) -> bool {
        let listed = Listing::read(&Files, self.folder()).map(|listing| listing.segments).unwrap_or_default();
        let [only] = &listed[..] else { return false };
        let (first, path) = (only.first_sequence, only.path(self.folder()));
        let Ok(Some(follower)) = self.follow_file(first, &path, Start::Beginning) else { return false };
        let is_incomplete = follower.header().is_none();
        self.coming = is_incomplete.then_some(Coming { first, follower, is_wrong: false });
        is_incomplete
    }

    /// Where to begin; `None` if there is no segment.
    fn place_to_begin(&mut self, left_out: Option<u64>) -> Result<Option<Place>> {
        let Some(catalog) = self.folder.catalog() else { return Ok(None) };
        let listed: Vec<u64> = catalog.firsts().iter().copied().filter(|&first| Some(first) != left_out).collect();
        let Some((&oldest, &newest)) = listed.first().zip(listed.last()) else { return Ok(None) };
        let at_start_of = |first| Place { first, start: Start::Beginning };
        Ok(Some(match self.options.start {
            LogStart::Beginning => at_start_of(oldest),
            // What came after the follower was opened is behind what was there then.
            LogStart::End | LogStart::Time(_) if self.is_late => at_start_of(oldest),
            LogStart::End => Place { first: newest, start: Start::End },
            LogStart::Time(time) => match segment_before_time(catalog, &self.reading, time)? {
                Some(first) => Place { first, start: Start::Time(time) },
                None => at_start_of(oldest),
            },
            LogStart::Sequence(sequence) => {
                self.skip_below = sequence;
                match listed[..listed.partition_point(|&first| first <= sequence)].last() {
                    Some(&first) => at_start_of(first),
                    None => self.behind_gap(sequence, oldest)?,
                }
            }
            LogStart::Cursor(cursor) => self.place_of_cursor(&cursor)?,
        }))
    }

    /// The messages before `to` aren't there, from `from` on.
    fn behind_gap(&mut self, from: u64, to: u64) -> Result<Place> {
        self.skip(from, to)?;
        // It is said once, and then begun behind it.
        self.options.start = LogStart::Sequence(to);
        Ok(Place { first: to, start: Start::Beginning })
    }

    fn place_of_cursor(&mut self, cursor: &LogCursor) -> Result<Place> {
        let (wanted, next) = (cursor.log_id(), cursor.sequence());
        let Some(catalog) = self.folder.catalog() else { return Err(self.cursor_gone(cursor, String::new())) };
        if let Some(found) = catalog.log_id().filter(|&found| found != wanted) {
            let found = format!("it is of log {wanted:#018x}, and the folder holds log {found:#018x}");
            return Err(self.cursor_gone(cursor, found));
        }
        let first = cursor.segment();
        if catalog.at_or_before(first) == Some(first) {
            return Ok(Place { first, start: Start::Cursor(cursor.in_segment()) });
        }
        // Its segment was removed. The one behind it may be next.
        let behind = catalog.at_or_after(next);
        self.before = Some(*cursor);
        match behind {
            Some(first) if first == next => Ok(Place { first, start: Start::Beginning }),
            Some(first) => self.behind_gap(next, first),
            None => {
                let found = format!("there is no segment {}, and none behind it", name::of_segment(first));
                Err(self.cursor_gone(cursor, found))
            }
        }
    }

    pub(super) fn cursor_gone(&self, cursor: &LogCursor, found: String) -> Error {
        Problem::CursorGone { folder: self.folder().to_owned(), sequence: cursor.sequence(), found }.into()
    }

    /// Opens the segment that begins with this number; `None` if there is none, or not yet.
    pub(super) fn open_segment(&mut self, first: u64) -> Result<Option<Segment>> {
        self.open_segment_at(first, Start::Beginning)
    }

    pub(super) fn open_segment_at(&mut self, first: u64, start: Start) -> Result<Option<Segment>> {
        let path = self.folder().join(name::of_segment(first));
        if !is_there(&path)? {
            self.coming.take_if(|coming| coming.first == first);
            return Ok(None);
        }
        let start = match start {
            Start::Beginning if first < self.skip_below => Start::Sequence(self.skip_below - first),
            start => start,
        };
        while let Some(follower) = self.follow_file(first, &path, start)? {
            if let Some(header) = follower.header() {
                let identity = Identity::of_named(header, &path, first)?;
                self.folder.catalog().map_or(Ok(()), |catalog| catalog.check_identity(&identity, &path))?;
                return Ok(Some(Segment { first, path, follower, is_complete: false }));
            }
            if let Some(is_wrong) = self.is_wrong_yet(first)? {
                self.coming = Some(Coming { first, follower, is_wrong });
                return Ok(None);
            }
        }
        Ok(None)
    }

    /// Follows a segment's file, which may have no whole header yet; `None` if it isn't there any more.
    fn follow_file(&mut self, first: u64, path: &Path, start: Start) -> Result<Option<Follower>> {
        let coming = self.coming.take_if(|coming| coming.first == first);
        let opened = match coming {
            // Its patience with a header that is wrong goes on.
            Some(Coming { mut follower, .. }) => follower.look().map(|_| follower),
            None => {
                let following = self.options.following.clone().reading(self.reading.clone());
                Follower::open(path, following.from(start).reopening(true).wait_for_file(false))
            }
        };
        match opened {
            Ok(follower) => Ok(Some(follower)),
            Err(error) if is_not_found(&error) && !path.is_symlink() => Ok(None),
            Err(error) => Err(Problem::reading(path, error)),
        }
    }

    /// Whether the newest segment's header is wrong, and not just half there; `None` if it is whole by now. That of
    /// another one must be, or never will be, which is an error.
    fn is_wrong_yet(&mut self, first: u64) -> Result<Option<bool>> {
        self.folder.look_again(true)?;
        let Some(catalog) = self.folder.catalog() else { return Ok(Some(false)) };
        match catalog.open_segment(first, &self.reading) {
            Err(Unopened::Bad(error)) if catalog.after(first).is_some() => Err(error),
            Err(Unopened::Bad(_)) => Ok(Some(true)),
            Err(Unopened::NotYet) => Ok(Some(false)),
            Ok(_) | Err(Unopened::Removed) => Ok(None),
        }
    }
}

/// Whether there is something of this name, be it a link that leads nowhere.
fn is_there(path: &Path) -> Result<bool> {
    match path.symlink_metadata() {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Error::file(path, "looked at", error)),
    }
}
