//! A stream in a file of the operating system, opened for reading from several places at once.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use flatstream_format::layout::sync::FRAME_LEN_MAX;
use flatstream_format::{Borders, Decoder, FoundSync, Header};

use crate::error::{Error, Result};
use crate::hasher::Hasher;
use crate::input::Input;
use crate::options::ReadOptions;
use crate::reader::Reader;
use crate::storage::StorageFile;
use crate::walk::read_exactly;

/// A file as a source: what lies between two positions, whoever else reads from it.
#[derive(Debug)]
pub(crate) struct FileRange {
    file: Arc<File>,
    position: u64,
    end: u64,
}

impl Read for FileRange {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.position)).unwrap_or(usize::MAX);
        let len = buffer.len().min(left);
        let count = StorageFile::read_at(&*self.file, &mut buffer[..len], self.position)?;
        self.position += count as u64;
        Ok(count)
    }
}

/// A stream's file, with its header read. What is appended after it was opened isn't looked at.
#[derive(Debug)]
pub(crate) struct StreamFile {
    pub(crate) file: Arc<File>,
    /// At opening.
    pub(crate) size: u64,
    pub(crate) header: Header,
    /// Behind the header.
    pub(crate) start: Decoder<Hasher>,
    pub(crate) options: ReadOptions,
}

/// Where a part begins, and the sync frame that it ends with; the last one has none.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) start: Decoder<Hasher>,
    pub(crate) border: Option<FoundSync>,
}

impl StreamFile {
    /// Its errors are those of a [`Reader`] of the file. Recovery isn't for parts: they are read strictly.
    pub(crate) fn open(path: &Path, options: &ReadOptions) -> Result<Self> {
        let options = options.clone().strict();
        let failed = |error| Error::file(path, "opened", error);
        let file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        // What isn't a file has no length; reading it fails, and the system says why.
        let size = if metadata.is_file() { metadata.len() } else { u64::MAX };
        let file = Arc::new(file);
        let source = FileRange { file: Arc::clone(&file), position: 0, end: size };
        let reader = Reader::with_options(source, options.clone())?;
        let (header, start) = (reader.header().clone(), reader.decoder().clone());
        Ok(Self { file, size, header, start, options })
    }

    /// A reader from where a decoder is to `end`.
    pub(crate) fn reader(&self, decoder: Decoder<Hasher>, end: u64, options: &ReadOptions) -> Reader<FileRange> {
        let source = FileRange { file: Arc::clone(&self.file), position: decoder.position(), end };
        let input = Input::new(source, options.chosen_block_size());
        Reader::from_parts(input, self.header.clone(), decoder, options)
    }

    /// At most `parts` places where parts of what lies before `end` begin; `search` is given the borders, and searches
    /// the bytes from their position on.
    pub(crate) fn places<E>(
        &self,
        first: &[u8],
        end: u64,
        parts: usize,
        mut search: impl FnMut(&mut Borders) -> std::result::Result<Option<FoundSync>, E>,
    ) -> std::result::Result<Vec<Place>, E> {
        let mut places = Vec::new();
        let mut start = self.start.clone();
        let (essentials, begin) = (self.header.essentials(), start.position());
        if let Some(first) = FoundSync::at_start_of(first, begin) {
            let mut borders = Borders::new(essentials, &first.sync, begin, end, parts);
            while borders.position().is_some() {
                if let Some(border) = search(&mut borders)? {
                    let mut next = start.clone();
                    next.resume_behind(&border);
                    places.push(Place { start: std::mem::replace(&mut start, next), border: Some(border) });
                }
            }
        }
        places.push(Place { start, border: None });
        Ok(places)
    }

    /// The same, by reading from the file.
    pub(crate) fn places_in_file(&self, parts: usize) -> Result<Vec<Place>> {
        const STEP: u64 = 64 << 10;
        let read = |position, len| read_exactly(&*self.file, position, self.size.saturating_sub(position).min(len));
        let first = read(self.start.position(), FRAME_LEN_MAX as u64)?;
        self.places(&first, self.size, parts, |borders| match borders.position() {
            Some(position) => Ok(borders.search(&read(position, STEP)?)),
            None => Ok(None),
        })
    }
}
