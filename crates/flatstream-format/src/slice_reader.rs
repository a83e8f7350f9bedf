use flatstream_checksum::{Algorithm, Checksum};

use crate::decoder::{Decoded, Decoder, MessageRef};
use crate::error::{Error, Stop};
use crate::header::Essentials;
use crate::limits::READER_MAX_MESSAGE_LEN;
use crate::prefetch::{FROM_MEMORY, prefetch_len};
use crate::tail::{End, FoundSync, TailSearch};

/// Iterates the messages of a stream that lies in memory, without copying them; strict: the first damage ends it.
///
/// Of the header it takes the numbers only; `Header::decode` checks and gives the rest. A message is aligned to 8 bytes
/// if the slice is.
///
/// After the last message, [`end`](Self::end) tells how the stream ended. A torn end is the ordinary end of a stream
/// whose writer died, so it is no error.
///
/// ```
/// use flatstream_format::SliceReader;
///
/// let bytes = include_bytes!("../tests/minimal_header.bin");
/// let mut reader = SliceReader::new(bytes)?; // a header, and nothing was appended yet
/// assert!(reader.next().is_none());
/// assert!(!reader.end().unwrap().is_closed());
/// # Ok::<(), flatstream_format::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct SliceReader<'a, C = Algorithm> {
    essentials: Essentials,
    decoder: Decoder<C>,
    rest: &'a [u8],
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Reading,
    Ended(End),
    /// Given up for a reason that isn't the file's, so nothing is known of its end.
    Refused,
}

impl<'a> SliceReader<'a> {
    /// A reader of the stream that `data` begin with, with the checksum that its header names.
    ///
    /// # Errors
    /// [`Error::Header`].
    pub fn new(data: &'a [u8]) -> Result<Self, Error> {
        let essentials = Essentials::parse(data)?;
        let hasher = Algorithm::new(essentials.checksum)?;
        Self::with_hasher(data, READER_MAX_MESSAGE_LEN, hasher)
    }
}

impl<'a, C: Checksum> SliceReader<'a, C> {
    /// A reader with a limit of one's own for the length of a message in bytes (0 = whatever the header allows), and
    /// with a hasher of one's own for the algorithm that the header names.
    ///
    /// # Errors
    /// [`Error::Header`].
    pub fn with_hasher(data: &'a [u8], max_message_len: u32, hasher: C) -> Result<Self, Error> {
        let essentials = Essentials::parse(data)?;
        let rest = data.get(essentials.header_len as usize..).unwrap_or_default();
        Ok(Self {
            essentials,
            decoder: Decoder::new(&essentials, max_message_len, hasher),
            rest,
            state: State::Reading,
        })
    }

    /// Goes on where `decoder` is: `rest` begin at its position, and are read to their end.
    ///
    /// ```
    /// # use core::num::NonZeroU64;
    /// # use flatstream_format::{Algorithm, Encoder, Essentials, Session, SliceReader, SyncFlags};
    /// # const HEADER: &[u8] = include_bytes!("../tests/minimal_header.bin");
    /// # let header = Essentials::parse(HEADER)?;
    /// # let mut encoder = Encoder::new(&header, Session { stream_id: NonZeroU64::MIN, epoch: 0 }, Algorithm::CRC32C);
    /// # let mut stream = [0; 256];
    /// # stream[..HEADER.len()].copy_from_slice(HEADER);
    /// # let mut end = HEADER.len();
    /// # end += encoder.encode_sync(0, SyncFlags::NONE, &mut stream[end..])?;
    /// # end += encoder.encode_message(b"old", &mut stream[end..])?;
    /// let mut reader = SliceReader::new(&stream[..end])?;
    /// while reader.next().is_some() {}
    /// let (header, decoder) = (*reader.essentials(), reader.decoder().clone());
    ///
    /// end += encoder.encode_message(b"new", &mut stream[end..])?; // the stream has grown
    /// let behind = decoder.position() as usize;
    /// let mut reader = SliceReader::resume(&header, decoder, &stream[behind..end]);
    /// assert_eq!(reader.next().unwrap()?.body(), b"new");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn resume(essentials: &Essentials, decoder: Decoder<C>, rest: &'a [u8]) -> Self {
        Self { essentials: *essentials, decoder, rest, state: State::Reading }
    }

    /// What isn't read yet.
    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// What isn't read yet, from this position on.
    pub(crate) fn data_from(&self, position: u64) -> &'a [u8] {
        let start = usize::try_from(position.wrapping_sub(self.decoder.position())).unwrap_or(usize::MAX);
        self.rest.get(start..).unwrap_or_default()
    }

    /// Goes on behind a sync frame that was found in what isn't read yet.
    pub(crate) fn resume_behind(&mut self, found: &FoundSync) {
        self.rest = self.data_from(found.end());
        self.decoder.resume_behind(found);
    }

    /// The numbers of the stream's header.
    #[must_use]
    pub const fn essentials(&self) -> &Essentials {
        &self.essentials
    }

    /// The decoder: how far reading got, and the last sync frame.
    #[must_use]
    pub const fn decoder(&self) -> &Decoder<C> {
        &self.decoder
    }

    /// How the stream ended; `None` as long as messages are left, and where reading was refused for a reason that isn't
    /// the file's (a kind of frame that this version doesn't know, the reader's limit).
    #[must_use]
    pub const fn end(&self) -> Option<End> {
        match self.state {
            State::Ended(end) => Some(end),
            State::Reading | State::Refused => None,
        }
    }

    /// The next message behind whatever isn't one, or how the stream ends.
    #[cold]
    fn next_behind_others(&mut self) -> Option<Result<MessageRef<'a>, Error>> {
        // After an error nothing is left, so it is given once.
        while !self.rest.is_empty() {
            let before = self.decoder.position();
            let stop = match self.decoder.decode(self.rest) {
                Ok(Decoded::NeedMore(_)) => self.decoder.at_end_of_data(self.rest)?,
                Ok(decoded) => {
                    let used = self.decoder.position().wrapping_sub(before) as usize;
                    self.rest = self.rest.get(used..).unwrap_or_default();
                    match decoded {
                        Decoded::Message(message) => return Some(Ok(message)),
                        _ => continue,
                    }
                }
                Err(stop) => stop,
            };
            return self.stopped(stop).map(Err);
        }
        if matches!(self.state, State::Reading) {
            self.state = State::Ended(End::at_boundary(&self.decoder));
        }
        None
    }

    #[cold]
    fn stopped(&mut self, stop: Stop) -> Option<Error> {
        let tail = core::mem::take(&mut self.rest);
        if !stop.reason.is_decided_by_what_follows() {
            self.state = State::Refused;
            return Some(Error::Frame { stop, evidence: None });
        }
        let mut search = TailSearch::new(&self.decoder, stop);
        let (hasher, position) = (self.decoder.hasher(), self.decoder.position());
        search.search_header(tail);
        search.search_syncs(tail, position, true);
        search.search_behind_rejected(hasher, tail);
        if search.evidence().is_none() {
            search.search_frames(hasher, tail, position, tail.len());
        }
        let error = search.error();
        self.state = match &error {
            Some(Error::Frame { evidence: None, .. }) => State::Refused,
            _ => State::Ended(search.end()),
        };
        error
    }
}

impl<'a, C: Checksum> Iterator for SliceReader<'a, C> {
    type Item = Result<MessageRef<'a>, Error>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let start = self.rest;
        match self.decoder.message(&mut self.rest) {
            Some(message) => {
                prefetch_len(start, FROM_MEMORY, message.body.len());
                Some(Ok(message))
            }
            None => self.next_behind_others(),
        }
    }
}
