use std::io::Read;

use flatstream_format::layout::sync;
use flatstream_format::{
    ChecksumType, Decoder, Essentials, FoundSync, Header, HeaderError, Located, limits, locate_header,
};

use crate::error::{Error, Result};
use crate::input::Input;
use crate::options::ReadOptions;
use crate::reader::Reader;
use crate::recovery::Recovery;

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
}

/// The search for a sync frame of a stream whose header is damaged or missing.
#[derive(Debug)]
struct Search {
    recovery: Recovery,
    why: HeaderError,
    /// The offset of the first byte that is held, and how many were searched.
    held_from: u64,
    searched: usize,
    /// The first sync frame that isn't in its place.
    displaced: Option<FoundSync>,
    is_at_end: bool,
}

impl<R: Read> Opening<R> {
    /// Reads nothing yet.
    pub fn new(source: R, options: ReadOptions) -> Self {
        Self { input: Some(Input::new(source, options.chosen_block_size())), options, search: None }
    }

    /// Reads the header, or as much of it as the source has now.
    ///
    /// # Errors
    /// As [`Reader::new`]. After one that [is retryable](Error::is_retryable), call it again: nothing is lost.
    pub fn open(&mut self) -> Result<Reader<R>> {
        if self.search.is_none() {
            match self.read_header() {
                Err(Failure::Header { error, is_at_end }) => self.start_search(error, is_at_end)?,
                Err(Failure::Other(error)) => return Err(error),
                Ok(reader) => return Ok(reader),
            }
        }
        self.search_sync()
    }

    fn read_header(&mut self) -> std::result::Result<Reader<R>, Failure> {
        let input = self.input.as_mut().ok_or_else(opened_before)?;
        let region_len = loop {
            let need = match locate_header(input.data())? {
                Located::Region(len) => break len,
                Located::NeedMore(need) => need,
            };
            let count = input.read_more(need).map_err(|error| Error::read(error, input.data().len() as u64))?;
            if count == 0 {
                let error = HeaderError::at_end_of_data(input.data(), need);
                return Err(Failure::Header { error, is_at_end: true });
            }
        };
        let header = Header::decode(input.data())?;
        let hasher = self.options.build_hasher(header.checksum())?;
        let decoder = Decoder::new(header.essentials(), self.options.message_limit(), hasher);
        input.use_up(region_len);
        let input = self.input.take().ok_or_else(opened_before)?;
        Ok(Reader::from_parts(input, header, decoder, &self.options))
    }

    /// A recovering reader finds the stream by its sync frames; but what a good header says that isn't supported stands.
    fn start_search(&mut self, why: HeaderError, is_at_end: bool) -> Result<()> {
        let is_damage = matches!(
            why,
            HeaderError::NotAStream { .. }
                | HeaderError::Incomplete { .. }
                | HeaderError::Length(_)
                | HeaderError::Check { .. }
                | HeaderError::Malformed(_)
        );
        match self.options.chosen_recovery() {
            Some(recovery) if is_damage => {
                self.search = Some(Search { recovery, why, held_from: 0, searched: 0, displaced: None, is_at_end });
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
            let is_full = input.data().len() >= 2 * limits::SALVAGE_WINDOW_MAX;
            match search.look(input.data(), is_full, &self.options) {
                Place::Sync(found) => {
                    let Search { recovery, why, held_from, .. } = self.search.take().ok_or_else(opened_before)?;
                    let input = self.input.take().ok_or_else(opened_before)?;
                    return Reader::without_header(input, &self.options, recovery, why, held_from, &found);
                }
                Place::Header(index) => {
                    input.use_up(index);
                    input.align(0);
                    self.search = None;
                    return self.read_header().map_err(|failure| match failure {
                        Failure::Header { error, .. } => error.into(),
                        Failure::Other(error) => error,
                    });
                }
                Place::Nowhere if search.is_at_end => return Err(search.why.clone().into()),
                Place::Nowhere if is_full => {
                    input.use_up(limits::SALVAGE_WINDOW_MAX);
                    search.held_from += limits::SALVAGE_WINDOW_MAX as u64;
                    search.searched -= limits::SALVAGE_WINDOW_MAX;
                }
                Place::Nowhere => {
                    let position = search.held_from + input.data().len() as u64;
                    let count = input.read_more(2 * limits::SALVAGE_WINDOW_MAX);
                    search.is_at_end = count.map_err(|error| Error::read(error, position))? == 0;
                }
            }
        }
    }
}

/// Where a stream without a header was found.
enum Place {
    Sync(FoundSync),
    /// A good header after all, on a link, at this index.
    Header(usize),
    Nowhere,
}

impl Search {
    fn look(&mut self, data: &[u8], is_full: bool, options: &ReadOptions) -> Place {
        let margin = if self.is_at_end { 0 } else { sync::FRAME_LEN_MAX };
        while self.searched + margin < data.len() {
            let at = self.searched;
            let offset = self.held_from + at as u64;
            if self.recovery.is_link() && Essentials::is_region_good(&data[at..]) {
                return Place::Header(at);
            }
            self.searched += 1;
            let is_readable = |found: &FoundSync| {
                ChecksumType::from_id(found.sync.checksum_id).is_some_and(|known| options.build_hasher(known).is_ok())
            };
            let Some(found) = FoundSync::at_start_of(&data[at..], offset).filter(is_readable) else { continue };
            if found.is_in_place() || self.recovery.is_link() {
                return Place::Sync(found);
            }
            self.displaced.get_or_insert(found);
        }
        match self.displaced {
            Some(found) if is_full || self.is_at_end => Place::Sync(found),
            _ => Place::Nowhere,
        }
    }
}

enum Failure {
    Header { error: HeaderError, is_at_end: bool },
    Other(Error),
}

impl From<HeaderError> for Failure {
    fn from(error: HeaderError) -> Self {
        Self::Header { error, is_at_end: false }
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
