use std::io::{self, Read, Seek, SeekFrom};

/// A source up to where its messages end: behind that a file may be preallocated, and each search would read all of it.
pub(super) struct Beginning<S> {
    source: S,
    position: u64,
    end: u64,
}

impl<S> Beginning<S> {
    pub(super) fn of(source: S, end: u64) -> Self {
        Self { source, position: 0, end }
    }
}

impl<S: Read> Read for Beginning<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.position)).unwrap_or(usize::MAX);
        let len = buffer.len().min(left);
        let count = self.source.read(&mut buffer[..len])?;
        self.position += count as u64;
        Ok(count)
    }
}

impl<S: Seek> Seek for Beginning<S> {
    fn seek(&mut self, place: SeekFrom) -> io::Result<u64> {
        let place = match place {
            SeekFrom::End(offset) => SeekFrom::Start(self.end.saturating_add_signed(offset)),
            place => place,
        };
        self.position = self.source.seek(place)?;
        Ok(self.position)
    }
}
