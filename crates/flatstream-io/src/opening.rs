use std::io::Read;

use flatstream_format::{FoundSync, Header, HeaderError, Located, locate_header};

use crate::error::{Error, Result};
use crate::header_search::HeaderSearch;
use crate::input::Input;
use crate::options::ReadOptions;
use crate::reader::{Reader, WithoutHeader};
use crate::recovery::Recovery;
use crate::resync::{is_readable, keep_first};

/// A reader whose header hasn't been read yet: for sources that may say `WouldBlock` or `TimedOut` before it is there.
/// For all others there is [`Reader::new`].
///
/// ```
/// use flatstream_io::{Opening, ReadOptions, WriteOptions, Writer};
///
/// let bytes = Writer::new(Vec::new(), WriteOptions::new())?.finish()?;
/// let mut opening = Opening::new(&bytes[..], ReadOptions::new());
/// let reader = loop {
///     match opening.open() {
///         Ok(reader) => break reader,
///         Err(error) if error.is_retryable() => std::thread::yield_now(), // or wait until the socket is ready
///         Err(error) => return Err(error),
///     }
/// };
/// # Ok::<(), flatstream_io::Error>(())
/// ```
#[derive(Debug)]
pub struct Opening<R> {
    /// `None` once the reader has taken it.
    input: Option<Input<R>>,
    options: ReadOptions,
    search: Option<Search>,
    /// Bytes of the source before those that are held.
    skipped: u64,
    /// On a link, how much of a header that isn't whole was searched for sync frames.
    searched_in_header: usize,
    is_at_end: bool,
}

impl<R: Read> Opening<R> {
    /// Reads nothing yet.
    pub fn new(source: R, options: ReadOptions) -> Self {
        let input = Some(Input::new(source, options.chosen_block_size()));
        Self { input, options, search: None, skipped: 0, searched_in_header: 0, is_at_end: false }
    }

    /// Reads the header, or as much of it as the source has now.
    ///
    /// # Errors
    /// As [`Reader::new`]. After one that [is retryable](Error::is_retryable), call it again: nothing is lost.
    pub fn open(&mut self) -> Result<Reader<R>> {
        if self.search.is_none() {
            match self.read_header(None) {
                Err(Failure::Header(error)) => self.start_search(error)?,
                Err(Failure::Other(error)) => return Err(error),
                Ok(reader) => return Ok(reader),
            }
        }
        self.search_sync()
    }

    /// `why`: what was wrong with the bytes before the header, if it isn't the first thing there is.
    fn read_header(&mut self, why: Option<HeaderError>) -> std::result::Result<Reader<R>, Failure> {
        let input = self.input.as_mut().ok_or_else(opened_before)?;
        let region_len = loop {
            let need = match locate_header(input.data())? {
                Located::Region(len) => break len,
                Located::NeedMore(need) => need,
            };
            let found = input.data().len() as u64;
            if is_sync_inside(input.data(), &mut self.searched_in_header, &self.options) {
                return Err(HeaderError::Incomplete { expected: need as u64, found }.into());
            }
            let count = input.read_more(need).map_err(|error| Error::read(error, self.skipped + found))?;
            if count == 0 {
                self.is_at_end = true;
                return Err(HeaderError::at_end_of_data(input.data(), need).into());
            }
        };
        let header = Header::decode(input.data())?;
        let hasher = self.options.build_hasher(header.checksum())?;
        let decoder = self.options.build_decoder(header.essentials(), hasher);
        input.use_up(region_len);
        let input = self.input.take().ok_or_else(opened_before)?;
        let mut reader = Reader::from_parts(input, header, decoder, &self.options);
        if let Some(why) = why {
            reader.begin_at(self.skipped, why);
        }
        Ok(reader)
    }

    /// A recovering reader finds the stream by its sync frames; but what a good header says that isn't supported
    /// stands.
    fn start_search(&mut self, why: HeaderError) -> Result<()> {
        match self.options.chosen_recovery() {
            Some(recovery) if is_damage(&why) => {
                self.search = Some(Search::new(recovery, why));
                Ok(())
            }
            _ => Err(why.into()),
        }
    }

    /// Specification: section 12, "The header is damaged", and section 13, "Joining without a header".
    fn search_sync(&mut self) -> Result<Reader<R>> {
        let input = self.input.as_mut().ok_or_else(opened_before)?;
        let search = self.search.as_mut().ok_or_else(opened_before)?;
        loop {
            match search.look(input.data(), self.is_at_end, &self.options) {
                Place::Sync(found) => {
                    let why = search.why.clone();
                    let input = self.input.take().ok_or_else(opened_before)?;
                    let found = WithoutHeader { why, held_from: self.skipped, found, is_at_end: self.is_at_end };
                    return Reader::without_header(input, &self.options, found);
                }
                Place::Header(index) => {
                    let why = search.why.clone();
                    input.use_up(index);
                    input.align(0);
                    self.skipped += index as u64;
                    return self.read_header(Some(why)).map_err(|failure| match failure {
                        Failure::Header(error) => error.into(),
                        Failure::Other(error) => error,
                    });
                }
                Place::Nowhere if self.is_at_end => return Err(search.why.clone().into()),
                Place::Slide(by) => {
                    input.use_up(by);
                    self.skipped += by as u64;
                }
                Place::Nowhere => {
                    let position = self.skipped + input.data().len() as u64;
                    let count = input.read_more(search.held_max());
                    self.is_at_end = count.map_err(|error| Error::read(error, position))? == 0;
                }
            }
        }
    }
}

/// Whether a header that can't be read may be one that was damaged, and not one of a kind that this version doesn't
/// know.
pub(crate) fn is_damage(why: &HeaderError) -> bool {
    matches!(
        why,
        HeaderError::NotAStream { .. }
            | HeaderError::Incomplete { .. }
            | HeaderError::Length(_)
            | HeaderError::Check { .. }
            | HeaderError::Malformed(_)
    )
}

/// On a link, whether a sync frame stands in its place inside a header that isn't whole: then its length was none, and
/// there is nothing to wait for.
fn is_sync_inside(data: &[u8], searched: &mut usize, options: &ReadOptions) -> bool {
    let is_link = options.chosen_recovery().is_some_and(|recovery| recovery.is_link());
    let mut is_found = false;
    if is_link {
        let unsearched = data.get(*searched..).unwrap_or_default();
        *searched += FoundSync::each_in(unsearched, *searched as u64, |found| is_found |= found.is_in_place());
    }
    is_found
}

/// The search for a sync frame of a stream whose header is damaged or missing.
#[derive(Debug)]
struct Search {
    recovery: Recovery,
    why: HeaderError,
    /// The offset of the first byte that is held, and how many were searched.
    held_from: u64,
    searched: usize,
    /// The first that the reader can read, and the first of these in its place.
    anywhere: Option<FoundSync>,
    in_place: Option<FoundSync>,
    headers: Option<HeaderSearch>,
}

/// Where a stream without a header was found.
enum Place {
    Sync(FoundSync),
    /// A good header after all, on a link, at this index.
    Header(usize),
    /// Not in the first so many bytes.
    Slide(usize),
    Nowhere,
}

impl Search {
    fn new(recovery: Recovery, why: HeaderError) -> Self {
        let headers = recovery.is_link().then(HeaderSearch::new);
        Self { recovery, why, held_from: 0, searched: 0, anywhere: None, in_place: None, headers }
    }

    /// Without a header nobody knows how far sync frames lie apart.
    fn held(&self) -> usize {
        2 * self.recovery.window_max()
    }

    fn held_max(&self) -> usize {
        self.held().max(self.headers.as_ref().map_or(0, HeaderSearch::needed))
    }

    fn look(&mut self, data: &[u8], is_at_end: bool, options: &ReadOptions) -> Place {
        let held = &data[..data.len().min(self.held())];
        let is_full = data.len() >= self.held();
        self.search_syncs(held, options);
        let header = self.headers.as_mut().and_then(|headers| headers.look(data, held.len()));
        let is_last_word = is_full || is_at_end;
        // One that begins before it may still be arriving.
        let is_known = |found: &FoundSync| is_last_word || found.position < self.held_from + self.searched as u64;
        let found = match self.in_place {
            _ if self.recovery.is_link() => self.anywhere,
            None if is_last_word => self.anywhere,
            in_place => in_place.filter(is_known),
        };
        let sync_end = found.map(|found| (found.position - self.held_from) as usize + found.frame_len as usize);
        match (found, header) {
            (Some(found), None) => Place::Sync(found),
            (Some(found), Some((at, len))) if sync_end.is_some_and(|end| end <= at + len) => Place::Sync(found),
            (_, Some((at, _))) => Place::Header(at),
            (None, None) if is_full && (is_at_end || data.len() >= self.held_max()) => self.slide(),
            (None, None) => Place::Nowhere,
        }
    }

    fn search_syncs(&mut self, data: &[u8], options: &ReadOptions) {
        let offset = self.held_from + self.searched as u64;
        let Self { recovery, anywhere, in_place, .. } = self;
        let (origin, is_link) = (self.held_from, recovery.is_link());
        self.searched += FoundSync::each_in(&data[self.searched..], offset, |found| {
            if recovery.takes(&found.sync) && is_readable(&found.sync, options) {
                keep_first(anywhere, found, origin, is_link);
                if found.is_in_place() {
                    keep_first(in_place, found, origin, is_link);
                }
            }
        });
    }

    fn slide(&mut self) -> Place {
        let by = self.recovery.window_max();
        self.held_from += by as u64;
        self.searched = self.searched.saturating_sub(by);
        if let Some(headers) = &mut self.headers {
            headers.slide(by);
        }
        Place::Slide(by)
    }
}

enum Failure {
    Header(HeaderError),
    Other(Error),
}

impl From<HeaderError> for Failure {
    fn from(error: HeaderError) -> Self {
        Self::Header(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

fn opened_before() -> Error {
    Error::usage("the reader was opened before")
}
