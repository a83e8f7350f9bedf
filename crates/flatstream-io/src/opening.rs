use std::io::Read;

use flatstream_format::{Decoder, Header, HeaderError, Located, locate_header};

use crate::error::{Error, Result};
use crate::input::Input;
use crate::options::ReadOptions;
use crate::reader::Reader;

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
}

impl<R: Read> Opening<R> {
    /// Reads nothing yet.
    pub fn new(source: R, options: ReadOptions) -> Self {
        Self { input: Some(Input::new(source, options.chosen_block_size())), options }
    }

    /// Reads the header, or as much of it as the source has now.
    ///
    /// # Errors
    /// As [`Reader::new`]. After one that [is retryable](Error::is_retryable), call it again: nothing is lost.
    pub fn open(&mut self) -> Result<Reader<R>> {
        let input = self.input.as_mut().ok_or_else(|| Error::usage("the reader was opened before"))?;
        let region_len = loop {
            let need = match locate_header(input.data())? {
                Located::Region(len) => break len,
                Located::NeedMore(need) => need,
            };
            let count = input.read_more(need).map_err(|error| Error::read(error, input.data().len() as u64))?;
            if count == 0 {
                return Err(HeaderError::at_end_of_data(input.data(), need).into());
            }
        };
        let header = Header::decode(input.data())?;
        let hasher = self.options.build_hasher(header.checksum())?;
        let decoder = Decoder::new(header.essentials(), self.options.message_limit(), hasher);
        input.use_up(region_len);
        let input = self.input.take().ok_or_else(|| Error::usage("the reader was opened before"))?;
        Ok(Reader::from_parts(input, header, decoder, self.options.requires_closed()))
    }
}
