//! A source that can seek, looked at in several places.

use std::io::{self, Read, Seek, SeekFrom};

use flatstream_format::limits::SEEK_READ_MAX;

use crate::error::{Error, Result};
use crate::input::read_uninterrupted;

/// A source with the bytes that were read from it last, by positions of the stream.
pub(crate) struct SeekSource<'r, R> {
    source: &'r mut R,
    /// Where in the source the stream begins.
    base: u64,
    /// Where the data ended when the search began: a file may grow meanwhile.
    end: u64,
    held: Held,
}

/// Bytes of a stream.
#[derive(Debug, Default)]
pub(crate) struct Held {
    position: u64,
    bytes: Vec<u8>,
}

impl Held {
    /// What is held from a position on.
    pub(crate) fn from(&self, position: u64) -> Option<&[u8]> {
        let start = usize::try_from(position.checked_sub(self.position)?).ok()?;
        self.bytes.get(start..)
    }
}

impl<'r, R: Read + Seek> SeekSource<'r, R> {
    pub(crate) fn new(source: &'r mut R, base: u64) -> Result<Self> {
        let end = source.seek(SeekFrom::End(0)).map_err(|error| Error::read(error, 0))?;
        Ok(Self { source, base, end: end.saturating_sub(base), held: Held::default() })
    }

    /// Where the data end.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// So many bytes from a position on, or as many as there are. More may come with them.
    pub(crate) fn data_at(&mut self, position: u64, len: usize) -> Result<&[u8]> {
        let len = usize::try_from(self.end.saturating_sub(position)).map_or(len, |left| left.min(len));
        if self.held.from(position).is_none_or(|held| held.len() < len) {
            self.read(position, len)?;
        }
        Ok(self.held.from(position).unwrap_or_default())
    }

    fn read(&mut self, position: u64, len: usize) -> Result<()> {
        self.held.position = position;
        // What was there before is overwritten, or cut off below.
        self.held.bytes.resize(len, 0);
        let mut filled = 0;
        let result = self.go_to(position).and_then(|()| {
            while filled < len {
                match read_uninterrupted(self.source, &mut self.held.bytes[filled..])? {
                    0 => break,
                    count => filled += count,
                }
            }
            Ok(())
        });
        self.held.bytes.truncate(filled);
        result.map_err(|error| Error::read(error, position.saturating_add(filled as u64)))
    }

    fn go_to(&mut self, position: u64) -> io::Result<()> {
        self.source.seek(SeekFrom::Start(self.base.saturating_add(position))).map(drop)
    }

    /// Reads what lies behind a position, unless it is held, and leaves the source behind that: enough to go from one
    /// sync frame to the next.
    pub(crate) fn leave_at(mut self, position: u64) -> Result<Held> {
        let len = self.data_at(position, SEEK_READ_MAX)?.len() as u64;
        self.go_to(position.saturating_add(len)).map_err(|error| Error::read(error, position))?;
        Ok(self.held)
    }
}
