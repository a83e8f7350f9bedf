//! A stream in parts, each of which is read and verified by itself. They begin at sync frames, which are found by
//! searching; the part in front verifies the frame it ends with by the ordinary rules, so that nothing is lost between
//! two parts, and nothing is taken for a sync frame that is none.

use core::iter::FusedIterator;

use flatstream_checksum::{Algorithm, Checksum};

use crate::decoder::{Decoder, MessageRef};
use crate::error::Error;
use crate::header::Essentials;
use crate::slice_reader::SliceReader;
use crate::sync::Sync;
use crate::tail::{End, FoundSync};

/// How many bytes are searched before it is asked whether that was enough: more than the longest sync frame.
const STEP: usize = 4 << 10;

/// Finds the sync frames at which a stream can be split into parts of about one size.
///
/// It holds no bytes and does no I/O: it is shown the bytes from [`position`](Self::position) on, and reads from each
/// place where a part might begin to the next sync frame, no further. [`SliceReader::split`] is made with it.
///
/// ```
/// # use core::num::NonZeroU64;
/// use flatstream_format::{Algorithm, Borders, Essentials, FoundSync};
/// # use flatstream_format::{Encoder, Session, SyncFlags};
/// # const HEADER: &[u8] = include_bytes!("../tests/minimal_header.bin");
/// # let header = Essentials { sync_interval: 64, ..Essentials::parse(HEADER)? };
/// # let mut encoder = Encoder::new(&header, Session { stream_id: NonZeroU64::MIN, epoch: 0 }, Algorithm::CRC32C);
/// # let mut stream = [0; 1024];
/// # stream[..HEADER.len()].copy_from_slice(HEADER);
/// # let mut end = HEADER.len();
/// # for _ in 0..4 {
/// #     end += encoder.encode_sync(0, SyncFlags::NONE, &mut stream[end..])?;
/// #     end += encoder.encode_message(b"hello", &mut stream[end..])?;
/// # }
/// # let stream = &stream[..end];
/// let begin = header.header_len as usize;
/// let first = FoundSync::at_start_of(&stream[begin..], begin as u64).expect("an undamaged stream");
/// let mut borders = Borders::new(&header, &first.sync, begin as u64, stream.len() as u64, 2);
/// while let Some(position) = borders.position() {
///     if let Some(border) = borders.search(&stream[position as usize..]) {
///         assert_eq!(border.sync.sequence, 2); // two of four messages lie before it
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Borders {
    stream_id: u64,
    header_check: u32,
    checksum_id: u8,
    begin: u64,
    end: u64,
    parts: u64,
    at: Option<u64>,
}

impl Borders {
    /// The borders between at most `parts` parts of what lies from `begin` to `end` of the stream that `sync` is of.
    ///
    /// A stream whose header says that it has no sync frames but those of its sessions isn't split: the search would
    /// read all of it.
    #[must_use]
    pub fn new(header: &Essentials, sync: &Sync, begin: u64, end: u64, parts: usize) -> Self {
        let parts = if header.sync_interval == 0 { 1 } else { parts as u64 };
        let borders = Self {
            stream_id: sync.stream_id,
            header_check: header.header_check,
            checksum_id: header.checksum.id(),
            begin,
            end,
            parts,
            at: None,
        };
        Self { at: borders.target_behind(begin), ..borders }
    }

    /// Where the bytes begin that have to be searched next; `None` once all borders are found.
    #[must_use]
    pub const fn position(&self) -> Option<u64> {
        self.at
    }

    /// Searches `data`, which begin at [`position`](Self::position), for the next border. Where none is in them the
    /// position has advanced: the last bytes may be the beginning of one, and have to be shown again, with what
    /// follows them. Data in which it can't advance, because there is no more than that, end it.
    pub fn search(&mut self, data: &[u8]) -> Option<FoundSync> {
        let mut rest = data;
        loop {
            let at = self.at?;
            let mut found = None;
            let done = FoundSync::each_in(rest.get(..STEP).unwrap_or(rest), at, |sync| {
                if found.is_none() && self.is_border(&sync) {
                    found = Some(sync);
                }
            });
            if let Some(found) = found {
                self.at = self.target_behind(found.position).map(|target| target.max(found.end()));
                return Some(found);
            }
            if done == 0 {
                let is_last = rest.len() == data.len() || at.saturating_add(rest.len() as u64) >= self.end;
                self.at = self.at.filter(|_| !is_last);
                return None;
            }
            self.at = Some(at.saturating_add(done as u64));
            rest = rest.get(done..).unwrap_or_default();
        }
    }

    fn is_border(&self, found: &FoundSync) -> bool {
        let sync = &found.sync;
        found.is_in_place()
            && sync.stream_id == self.stream_id
            && sync.header_check == self.header_check
            && sync.checksum_id == self.checksum_id
    }

    /// The first multiple of a part's size behind a position.
    fn target_behind(&self, position: u64) -> Option<u64> {
        let len = u128::from(self.end.checked_sub(self.begin)?);
        let parts = u128::from(self.parts);
        let nth = (u128::from(position.checked_sub(self.begin)?) * parts).checked_div(len)? + 1;
        // Rounded up, so that a sync frame that stands there belongs to this multiple and not to the one before.
        let target = u128::from(self.begin) + (nth * len + parts.saturating_sub(1)).checked_div(parts)?;
        (nth < parts).then_some((target as u64).max(position.saturating_add(1)))
    }
}

impl<'a, C: Checksum + Clone> SliceReader<'a, C> {
    /// Splits what isn't read yet into at most `parts` parts of about one size, which can be read at the same time.
    ///
    /// Each begins behind a sync frame. One after the other they give the same messages in the same order as this
    /// reader; there are fewer where the stream has fewer sync frames, and one where its first is damaged or where its
    /// `sync_interval` is 0. Finding where a part begins reads from the place where it should begin to the next sync
    /// frame.
    ///
    /// Each part is strict by itself. The error of the first that gives one is the error that this reader would give;
    /// parts behind it still give their messages, which this reader wouldn't, so whoever wants the same answers
    /// doesn't use them. The last part tells how the stream ended.
    ///
    /// A message may hold the image of a sync frame with the right stream and position, if its author knew both, and
    /// splitting may take it for a sync frame. Then the part in front, which reads that message, gives
    /// [`Error::FalseBorder`], and what the next part gave must not be used.
    ///
    /// ```
    /// use flatstream_format::{SlicePart, SliceReader};
    /// # use core::num::NonZeroU64;
    /// # use flatstream_format::{Algorithm, Encoder, Essentials, Session, SyncFlags};
    /// # const HEADER: &[u8] = include_bytes!("../tests/minimal_header.bin");
    /// # let header = Essentials { sync_interval: 64, ..Essentials::parse(HEADER)? };
    /// # let mut encoder = Encoder::new(&header, Session { stream_id: NonZeroU64::MIN, epoch: 0 }, Algorithm::CRC32C);
    /// # let mut bytes = [0; 4096];
    /// # bytes[..HEADER.len()].copy_from_slice(HEADER);
    /// # let mut end = HEADER.len();
    /// # for _ in 0..30 {
    /// #     end += encoder.encode_sync(0, SyncFlags::NONE, &mut bytes[end..])?;
    /// #     end += encoder.encode_message(b"hello", &mut bytes[end..])?;
    /// # }
    /// # let bytes = &bytes[..end];
    ///
    /// # #[cfg(feature = "std")]
    /// let count: usize = std::thread::scope(|scope| {
    ///     let count = |mut part: SlicePart<'_>| part.try_fold(0, |count, message| message.map(|_| count + 1));
    ///     let parts = SliceReader::new(bytes)?.split(4);
    ///     let threads: Vec<_> = parts.map(|part| scope.spawn(move || count(part))).collect();
    ///     threads.into_iter().map(|thread| thread.join().expect("no thread panics")).sum::<Result<usize, _>>()
    /// })?;
    /// # #[cfg(feature = "std")]
    /// assert_eq!(count, 30);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// With rayon: `reader.split(n).collect::<Vec<_>>().into_par_iter().flat_map_iter(|part| part)`.
    #[must_use]
    pub fn split(self, parts: usize) -> SliceParts<'a, C> {
        let (begin, len) = (self.decoder().position(), self.rest().len() as u64);
        let of_stream = match self.decoder().last_sync() {
            Some(sync) => Some(*sync),
            None => FoundSync::at_start_of(self.rest(), begin).map(|found| found.sync),
        };
        let end = begin.saturating_add(len);
        let borders = of_stream.map(|sync| Borders::new(self.essentials(), &sync, begin, end, parts));
        SliceParts { borders, rest: Some(self) }
    }
}

/// The parts of a stream that lies in memory: made by [`SliceReader::split`].
#[derive(Clone, Debug)]
pub struct SliceParts<'a, C = Algorithm> {
    borders: Option<Borders>,
    /// From the next part's first frame on.
    rest: Option<SliceReader<'a, C>>,
}

impl<'a, C: Checksum + Clone> Iterator for SliceParts<'a, C> {
    type Item = SlicePart<'a, C>;

    fn next(&mut self) -> Option<Self::Item> {
        let reader = self.rest.take()?;
        let (position, data) = (reader.decoder().position(), reader.rest());
        let border = self.borders.as_mut().and_then(|borders| {
            let begin = borders.position()?.checked_sub(position)?;
            borders.search(data.get(usize::try_from(begin).ok()?..)?)
        });
        let behind = border.map(|border| border.end().wrapping_sub(position) as usize);
        let (Some(border), Some((part, rest))) = (border, behind.and_then(|behind| data.split_at_checked(behind)))
        else {
            return Some(SlicePart::new(reader, data, None));
        };
        let mut decoder = reader.decoder().clone();
        decoder.resume_behind(&border);
        let essentials = *reader.essentials();
        self.rest = Some(SliceReader::resume(&essentials, decoder, rest));
        let reader = SliceReader::resume(&essentials, reader.decoder().clone(), part);
        Some(SlicePart::new(reader, data, Some(border)))
    }
}

impl<C: Checksum + Clone> FusedIterator for SliceParts<'_, C> {}

/// The messages of a stream in memory from one sync frame to another: made by [`SliceReader::split`], which says what
/// it answers. Strict, as a [`SliceReader`] is.
#[derive(Clone, Debug)]
pub struct SlicePart<'a, C = Algorithm> {
    reader: SliceReader<'a, C>,
    /// From the part's first byte to the end of the stream.
    data: &'a [u8],
    position: u64,
    sequence: u64,
    /// The sync frame that it ends with, until it is known whether it is one.
    border: Option<FoundSync>,
    is_last: bool,
}

impl<'a, C: Checksum + Clone> SlicePart<'a, C> {
    fn new(reader: SliceReader<'a, C>, data: &'a [u8], border: Option<FoundSync>) -> Self {
        let (position, sequence) = (reader.decoder().position(), reader.decoder().sequence());
        Self { reader, data, position, sequence, border, is_last: border.is_none() }
    }

    /// Where its first frame starts, in bytes from the start of the stream.
    #[must_use]
    pub const fn first_position(&self) -> u64 {
        self.position
    }

    /// The sequence number of its first message: how many messages the parts before it have, with those read before.
    #[must_use]
    pub const fn first_sequence(&self) -> u64 {
        self.sequence
    }

    /// The decoder: how far reading got, and the last sync frame.
    #[must_use]
    pub const fn decoder(&self) -> &Decoder<C> {
        self.reader.decoder()
    }

    /// How the stream ended, if that is in this part: in the last one, or in one that gave an error for damage. `None`
    /// also as long as messages are left.
    #[must_use]
    pub fn end(&self) -> Option<End> {
        if self.is_last { self.reader.end() } else { None }
    }

    /// The slice up to the border has no more messages, or what follows isn't one.
    #[cold]
    fn settle(&mut self, result: Option<Result<MessageRef<'a>, Error>>) -> Option<Result<MessageRef<'a>, Error>> {
        let Some(border) = self.border.take() else { return result };
        if border.is_where(self.decoder()) {
            return None;
        }
        // What is wrong, if anything is, only all that follows can tell.
        let (essentials, before) = (*self.reader.essentials(), self.decoder().position());
        let used = before.wrapping_sub(self.position) as usize;
        let rest = self.data.get(used..).unwrap_or_default();
        let mut whole = SliceReader::resume(&essentials, self.decoder().clone(), rest);
        let result = whole.next();
        if before > border.position || whole.decoder().position() != before {
            self.reader = SliceReader::resume(&essentials, self.decoder().clone(), &[]);
            return Some(Err(Error::FalseBorder(border.position)));
        }
        self.is_last = true;
        self.reader = whole;
        result
    }
}

impl<'a, C: Checksum + Clone> Iterator for SlicePart<'a, C> {
    type Item = Result<MessageRef<'a>, Error>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let result = self.reader.next();
        if matches!(result, Some(Ok(_))) { result } else { self.settle(result) }
    }
}

impl<C: Checksum + Clone> FusedIterator for SlicePart<'_, C> {}

impl FoundSync {
    /// The position behind it.
    #[must_use]
    pub const fn end(&self) -> u64 {
        self.position.wrapping_add(self.frame_len as u64)
    }

    /// Whether it is what `decoder` accepted last: then what goes on behind it continues what was decoded, without a
    /// gap.
    #[must_use]
    pub fn is_where<C: Checksum>(&self, decoder: &Decoder<C>) -> bool {
        decoder.position() == self.end() && decoder.last_sync() == Some(&self.sync)
    }
}
