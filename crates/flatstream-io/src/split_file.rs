use std::fmt;
use std::path::Path;
use std::sync::Arc;

use flatstream_format::{End, Header};

use crate::error::{Error, ErrorKind, Result};
use crate::message::Message;
use crate::options::ReadOptions;
use crate::parallel::{Outcome, Verified, thread_count, verify_parts};
use crate::reader::Reader;
use crate::stream_file::{FileRange, Place, StreamFile};

/// A stream in a file that is read in parts, each by itself and on any thread.
///
/// ```
/// use flatstream_io::parallel::SplitFile;
/// use flatstream_io::{WriteOptions, Writer};
///
/// # let folder = std::env::temp_dir().join(format!("flatstream-split-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// # let path = folder.join("recording.fls");
/// let mut writer = Writer::create_new(&path, WriteOptions::new().sync_interval(4096))?;
/// (0..5000u32).try_for_each(|number| writer.append(&number.to_le_bytes()).map(drop))?;
/// writer.finish()?;
///
/// let file = SplitFile::open(&path)?;
/// let sums = std::thread::scope(|scope| {
///     let sum = |part: flatstream_io::parallel::FilePart| {
///         part.map(|message| Ok(u64::from(u32::from_le_bytes(message?[..].try_into().unwrap())))).sum()
///     };
///     let threads: Vec<_> = file.split(4)?.into_iter().map(|part| scope.spawn(move || sum(part))).collect();
///     threads.into_iter().map(|thread| thread.join().unwrap()).collect::<flatstream_io::Result<Vec<u64>>>()
/// })?;
/// assert_eq!(sums.iter().sum::<u64>(), 4999 * 5000 / 2);
///
/// assert_eq!(file.par_verify(0)?.messages, 5000); // or only see whether all of it is good
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct SplitFile {
    stream: Arc<StreamFile>,
}

impl SplitFile {
    /// Opens a file and reads its header. What is appended afterwards isn't read.
    ///
    /// # Errors
    /// As [`Reader::new`](crate::Reader::new); of the kind `Io` where there is no such file.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_with_options(path, &ReadOptions::new())
    }

    /// As [`open`](Self::open), with options. Parts are strict: recovery isn't used. `require_closed` is asked of the
    /// last part.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with_options(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Self> {
        Ok(Self { stream: Arc::new(StreamFile::open(path.as_ref(), options)?) })
    }

    /// The stream's header.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.stream.header
    }

    /// At most so many parts of about one size, in their order; fewer where the stream has fewer sync frames, and one
    /// where its first is damaged or its `sync_interval` is 0. What they give together, and what damage does, is as
    /// [`SliceReader::split`](crate::SliceReader::split) says.
    ///
    /// Finding where a part begins reads from the place where it should begin to the next sync frame, in pieces of 64
    /// KiB. A part holds nothing before its first message is asked for, then a block and the largest message.
    ///
    /// # Errors
    /// Of the kind `Io`.
    pub fn split(&self, parts: usize) -> Result<Vec<FilePart>> {
        let places = self.stream.places_in_file(parts)?;
        Ok(places.into_iter().map(|place| FilePart::new(&self.stream, place)).collect())
    }

    /// Verifies the whole stream on so many threads; 0 = as many as the machine runs at once.
    ///
    /// # Errors
    /// The one that a strict [`Reader`](crate::Reader) of the file gives; of the kind `Io`.
    pub fn par_verify(&self, threads: usize) -> Result<Verified> {
        let (threads, parts) = thread_count(threads);
        verify_parts(self.split(parts)?, threads, FilePart::verify, || {
            let start = self.stream.start.clone();
            match FilePart::new(&self.stream, Place { start, border: None }).verify() {
                Outcome::Ended(verified) => verified,
                Outcome::Landed | Outcome::FalseBorder => Err(Error::usage(ENDS_LATER)),
            }
        })
    }
}

impl fmt::Debug for SplitFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SplitFile").field("size", &self.stream.size).finish_non_exhaustive()
    }
}

/// The messages of a file from one sync frame to another: made by [`SplitFile::split`]. An iterator of owned messages,
/// strict, that may go to another thread.
pub struct FilePart {
    stream: Arc<StreamFile>,
    place: Place,
    reader: Option<Reader<FileRange>>,
    is_done: bool,
}

const ENDS_LATER: &str = "how the stream ended is known to its last part, behind its last message";

impl FilePart {
    fn new(stream: &Arc<StreamFile>, place: Place) -> Self {
        Self { stream: Arc::clone(stream), place, reader: None, is_done: false }
    }

    /// Where its first frame starts, in bytes from the start of the stream.
    #[must_use]
    pub fn first_position(&self) -> u64 {
        self.place.start.position()
    }

    /// The sequence number of its first message: how many messages the parts before it have.
    #[must_use]
    pub fn first_sequence(&self) -> u64 {
        self.place.start.sequence()
    }

    /// How the stream ended, once the last part's last message, or a part's error for damage, was given.
    ///
    /// # Errors
    /// As [`Reader::end`](crate::Reader::end); of the kind `Usage` for a part that isn't the last one.
    pub fn end(&mut self) -> Result<End> {
        match &mut self.reader {
            Some(reader) if self.place.border.is_none() => reader.end(),
            _ => Err(Error::usage(ENDS_LATER)),
        }
    }

    /// Reads up to the border and its sync frame. Whether the stream is closed there is no matter.
    fn reader(&mut self) -> &mut Reader<FileRange> {
        let Self { stream, place, reader, .. } = self;
        reader.get_or_insert_with(|| match place.border {
            Some(border) => {
                stream.reader(place.start.clone(), border.end(), &stream.options.clone().require_closed(false))
            }
            None => stream.reader(place.start.clone(), stream.size, &stream.options),
        })
    }

    /// The bytes up to the border have no more messages, or what follows isn't one.
    #[cold]
    fn settle(&mut self, result: Option<Result<Message>>) -> Option<Result<Message>> {
        let (Some(border), Some(reader)) = (self.place.border, &self.reader) else { return result };
        if matches!(&result, Some(Err(error)) if error.kind() == ErrorKind::Io) {
            self.is_done = true;
            return result;
        }
        let decoder = reader.decoder();
        if border.is_where(decoder) {
            self.is_done = true;
            self.reader = None;
            return None;
        }
        // What is wrong, if anything is, only all that follows can tell.
        let before = decoder.position();
        let mut whole = self.stream.reader(decoder.clone(), self.stream.size, &self.stream.options);
        let result = whole.next();
        if before > border.position || whole.decoder().position() != before {
            self.is_done = true;
            self.reader = None;
            return Some(Err(flatstream_format::Error::FalseBorder(border.position).into()));
        }
        self.place.border = None;
        self.reader = Some(whole);
        result
    }

    fn verify(mut self) -> Outcome {
        let reader = self.reader();
        let result = loop {
            match reader.next_message() {
                Ok(Some(_)) => {}
                Ok(None) => break None,
                Err(error) => break Some(Err(error)),
            }
        };
        let result = self.settle(result);
        let messages = self.reader.as_ref().map_or(0, |reader| reader.decoder().sequence());
        match result {
            Some(Err(error)) => Outcome::of_error(error),
            _ if self.place.border.is_some() => Outcome::Landed,
            _ => Outcome::Ended(self.end().map(|end| Verified { messages, end })),
        }
    }
}

impl Iterator for FilePart {
    type Item = Result<Message>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.is_done {
            return None;
        }
        match self.reader().next() {
            Some(Ok(message)) => Some(Ok(message)),
            result => self.settle(result),
        }
    }
}

impl fmt::Debug for FilePart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FilePart")
            .field("first_position", &self.first_position())
            .field("first_sequence", &self.first_sequence())
            .finish_non_exhaustive()
    }
}
