//! Seeking: sync frames are the index. They are bisected in whatever there is of a stream, a growing or a crashed one
//! too, and what lies behind the last one before the target is read on from.

use flatstream_checksum::Checksum;

use crate::decoder::{Decoder, MessageRef};
use crate::error::Error;
use crate::frame::frame_len;
use crate::header::Essentials;
use crate::layout::{ALIGNMENT, frame, sync};
use crate::limits::{SEEK_READ_MAX, SEEK_READ_MIN};
use crate::slice_reader::SliceReader;
use crate::sync::{Sync, TIME_NONE};
use crate::tail::FoundSync;

/// Where a reader stands after it sought: directly before a message, or behind the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Landing {
    /// The sequence number of the next message, which is how many lie before it.
    pub sequence: u64,
    /// The position of the next message's frame, or of a control frame before it.
    pub position: u64,
}

/// What a [`SyncSearch`] needs next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchStep {
    /// To be shown the bytes from this position on: so many are enough to go on with.
    Read {
        /// In bytes from the start of the stream.
        position: u64,
        /// At most 128 KiB.
        len: usize,
    },
    /// To be told whether this sync frame lies before the target.
    Judge(FoundSync),
    /// Nothing: the search is over.
    Done,
}

/// Finds the last sync frame before a target by bisection: before a sequence number, a time, or anything that doesn't
/// decrease along a stream.
///
/// It holds no bytes and does no I/O: [`step`](Self::step) says what it needs, [`read`](Self::read) and
/// [`judge`](Self::judge) bring it. In a stream of 10 GB with a sync frame every 64 KiB that is about 20 reads.
///
/// What it finds is where reading goes on, never more: a target that it can't get closer to, because the sync frames
/// on the way are damaged, aren't in their places, or lie further apart than the longest message, is read up to from
/// further back. Only sync frames of the stream count that stand where they say.
///
/// ```
/// # use core::num::NonZeroU64;
/// use flatstream_format::{Algorithm, Essentials, FoundSync, SearchStep, SyncSearch};
/// # use flatstream_format::{Encoder, Session, SyncFlags};
/// # const HEADER: &[u8] = include_bytes!("../tests/minimal_header.bin");
/// # let header = Essentials { sync_interval: 64, ..Essentials::parse(HEADER)? };
/// # let mut encoder = Encoder::new(&header, Session { stream_id: NonZeroU64::MIN, epoch: 0 }, Algorithm::CRC32C);
/// # let mut stream = [0; 4096];
/// # stream[..HEADER.len()].copy_from_slice(HEADER);
/// # let mut end = HEADER.len();
/// # for _ in 0..40 {
/// #     end += encoder.encode_sync(0, SyncFlags::NONE, &mut stream[end..])?;
/// #     end += encoder.encode_message(b"hello", &mut stream[end..])?;
/// # }
/// # let stream = &stream[..end];
/// let begin = u64::from(header.header_len);
/// let first = FoundSync::at_start_of(&stream[begin as usize..], begin).expect("an undamaged stream");
/// let mut search = SyncSearch::new(&header, &first.sync, first.end(), stream.len() as u64);
/// loop {
///     match search.step() {
///         SearchStep::Read { position, .. } => search.read(&stream[position as usize..]),
///         SearchStep::Judge(found) => search.judge(Some(found.sync.sequence <= 33)),
///         SearchStep::Done => break,
///     }
/// }
/// assert_eq!(search.found().unwrap().sync.sequence, 33); // the next message is the one with this number
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct SyncSearch {
    low: Sync,
    /// Behind the last sync frame that is known to lie before the target.
    low_end: u64,
    found: Option<FoundSync>,
    /// No sync frame from here on is of interest.
    high: u64,
    scan: Option<Scan>,
    judging: Option<FoundSync>,
    read_len: usize,
    /// So far behind the place where a scan began a sync frame is waited for.
    patience: u64,
    epochs: Option<Epochs>,
}

/// The search for the next sync frame behind a place.
#[derive(Clone, Copy, Debug)]
struct Scan {
    from: u64,
    at: u64,
}

/// Halving a range of 2^64 bytes more often leaves nothing.
const HALVINGS_MAX: usize = 64;

/// What a search by times has put off: times don't decrease within an epoch, but they may from one to the next. Between
/// two sync frames of different epochs, both before the target, another may lie that isn't.
#[derive(Clone, Copy, Debug)]
struct Epochs {
    /// The epoch of the sync frame that bounds the search from above, if that lies before the target itself.
    above: Option<u32>,
    put_off: [Option<PutOff>; HALVINGS_MAX],
    depth: usize,
}

/// Where the search goes on if nothing is found in front of it.
#[derive(Clone, Copy, Debug)]
struct PutOff {
    low: FoundSync,
    high: u64,
    above: Option<u32>,
}

impl SyncSearch {
    /// A search behind `sync`, whose frame ends at `begin` and which lies before the target or is the stream's first;
    /// up to `end`, where the data end.
    ///
    /// If the header says that there are no sync frames but those of its sessions (`sync_interval` 0), nothing is
    /// searched, and the stream has to be read.
    #[must_use]
    pub fn new(header: &Essentials, sync: &Sync, begin: u64, end: u64) -> Self {
        let interval = u64::from(header.sync_interval);
        let read_len = (2 * interval).clamp(SEEK_READ_MIN as u64, SEEK_READ_MAX as u64);
        Self {
            low: *sync,
            low_end: begin,
            found: None,
            high: if interval == 0 { begin } else { end },
            scan: None,
            judging: None,
            read_len: read_len as usize,
            patience: 2 * interval + frame_len(header.message_limit()),
            epochs: None,
        }
    }

    /// For a search by the times of sync frames, which may decrease where a new epoch begins: it then finds the sync
    /// frame before the *first* that isn't before the target, at the price of a bisection per epoch on the way.
    #[must_use]
    pub const fn by_epochs(mut self) -> Self {
        self.epochs = Some(Epochs { above: None, put_off: [None; HALVINGS_MAX], depth: 0 });
        self
    }

    /// The last sync frame before the target, as far as it is known; `None` as long as that is the one that the search
    /// began with.
    #[must_use]
    pub const fn found(&self) -> Option<&FoundSync> {
        self.found.as_ref()
    }

    /// What is needed next.
    #[must_use]
    pub fn step(&mut self) -> SearchStep {
        if let Some(found) = self.judging {
            return SearchStep::Judge(found);
        }
        while self.low_end >= self.high {
            if !self.go_on_with_put_off() {
                return SearchStep::Done;
            }
        }
        let from = self.next_start();
        let scan = self.scan.get_or_insert(Scan { from, at: from });
        let left = self.high.saturating_add(sync::FRAME_LEN_MAX as u64) - scan.at;
        SearchStep::Read { position: scan.at, len: left.min(self.read_len as u64) as usize }
    }

    /// The middle of what is left, or its beginning if it can be read at once.
    fn next_start(&self) -> u64 {
        let len = self.high - self.low_end;
        if len <= self.read_len as u64 {
            return self.low_end;
        }
        (self.low_end + len / 2).next_multiple_of(ALIGNMENT as u64)
    }

    /// Takes the bytes from the position on that [`step`](Self::step) named: fewer than it named only if no more are
    /// there. More are of use.
    pub fn read(&mut self, data: &[u8]) {
        let Some(Scan { from, at }) = self.scan else { return };
        let (searched, found) = self.first_in(data, at);
        let reached = at.saturating_add(searched as u64);
        if found.is_some() {
            self.judging = found;
        } else if searched == 0 || reached >= self.high || reached - from > self.patience {
            self.end_scan();
        } else {
            self.scan = Some(Scan { from, at: reached });
        }
    }

    /// Nothing of interest lies behind where the scan began.
    fn end_scan(&mut self) {
        if let Some(Scan { from, .. }) = self.scan.take() {
            self.high = from;
        }
    }

    /// The first sync frame of the stream that starts in `data` before `high`, and how many bytes are done with.
    fn first_in(&self, data: &[u8], position: u64) -> (usize, Option<FoundSync>) {
        const KIND_END: usize = frame::HEAD_LEN + sync::KIND.end;
        let mut start = 0;
        while let Some(kind) = data.get(start + frame::HEAD_LEN..start + KIND_END) {
            if kind == sync::KIND_BYTES {
                let (data, position) = (data.get(start..).unwrap_or_default(), position.saturating_add(start as u64));
                match FoundSync::at_start_of(data, position) {
                    Some(found) if self.is_wanted(&found) => return (start, Some(found)),
                    None if FoundSync::is_too_short(data) => break,
                    _ => {}
                }
            }
            start += ALIGNMENT;
        }
        (start, None)
    }

    fn is_wanted(&self, found: &FoundSync) -> bool {
        let (low, FoundSync { position, sync, .. }) = (&self.low, found);
        let messages = sync.sequence.wrapping_sub(low.sequence);
        found.is_in_place()
            && *position < self.high
            && sync.stream_id == low.stream_id
            && sync.header_check == low.header_check
            && sync.checksum_id == low.checksum_id
            && sync.epoch >= low.epoch
            && sync.sequence >= low.sequence
            // There is room for so many.
            && messages <= (position - self.low_end) / (frame::HEAD_LEN + ALIGNMENT) as u64
    }

    /// Says whether the sync frame that [`step`](Self::step) named lies before the target; `None` if that can't be
    /// told, and the next one has to be asked.
    pub fn judge(&mut self, is_before: Option<bool>) {
        let Some(found) = self.judging.take() else { return };
        match (is_before, self.epochs.as_mut()) {
            (None, _) => {
                if let Some(scan) = &mut self.scan {
                    scan.at = found.end();
                    if scan.at >= self.high || scan.at - scan.from > self.patience {
                        self.end_scan();
                    }
                }
            }
            (Some(false), epochs) => {
                // It comes before all that was put off.
                if let Some(epochs) = epochs {
                    (epochs.above, epochs.depth) = (None, 0);
                }
                self.end_scan();
            }
            (Some(true), None) => self.go_on_behind(found),
            (Some(true), Some(_)) if found.sync.epoch == self.low.epoch => self.go_on_behind(found),
            (Some(true), Some(epochs)) if epochs.above == Some(found.sync.epoch) => self.end_scan(),
            (Some(true), Some(epochs)) => {
                let put_off = PutOff { low: found, high: self.high, above: epochs.above };
                if let Some(place) = epochs.put_off.get_mut(epochs.depth) {
                    *place = Some(put_off);
                    epochs.depth += 1;
                }
                epochs.above = Some(found.sync.epoch);
                self.end_scan();
            }
        }
    }

    fn go_on_behind(&mut self, found: FoundSync) {
        (self.low, self.low_end, self.found) = (found.sync, found.end(), Some(found));
        self.scan = None;
    }

    fn go_on_with_put_off(&mut self) -> bool {
        let Some(epochs) = &mut self.epochs else { return false };
        let Some(depth) = epochs.depth.checked_sub(1) else { return false };
        let Some(put_off) = epochs.put_off.get_mut(depth).and_then(Option::take) else { return false };
        epochs.depth = depth;
        epochs.above = put_off.above;
        self.high = put_off.high;
        self.go_on_behind(put_off.low);
        true
    }
}

/// Seeking, forward from where the reader is: it has no way back. A clone that was made before has.
impl<'a, C: Checksum + Clone> SliceReader<'a, C> {
    /// Goes forward to the message with this sequence number, or behind the last one if there are fewer; stays where it
    /// is if that is at or behind it.
    ///
    /// Sync frames are bisected, and what lies behind the last one before the message is read. With `sync_interval` 0
    /// all of it is.
    ///
    /// ```
    /// use flatstream_format::SliceReader;
    /// # use core::num::NonZeroU64;
    /// # use flatstream_format::{Algorithm, Encoder, Essentials, Session, SyncFlags};
    /// # const HEADER: &[u8] = include_bytes!("../tests/minimal_header.bin");
    /// # let header = Essentials { sync_interval: 64, ..Essentials::parse(HEADER)? };
    /// # let mut encoder = Encoder::new(&header, Session { stream_id: NonZeroU64::MIN, epoch: 0 }, Algorithm::CRC32C);
    /// # let mut bytes = [0; 4096];
    /// # bytes[..HEADER.len()].copy_from_slice(HEADER);
    /// # let mut end = HEADER.len();
    /// # for number in 0..40u64 {
    /// #     end += encoder.encode_sync(number as i64, SyncFlags::NONE, &mut bytes[end..])?;
    /// #     end += encoder.encode_message(&number.to_le_bytes(), &mut bytes[end..])?;
    /// # }
    /// # let bytes = &bytes[..end];
    ///
    /// let mut reader = SliceReader::new(bytes)?;
    /// let landing = reader.seek_to_sequence(30)?;
    /// assert_eq!(landing.sequence, 30);
    /// assert_eq!(reader.next().unwrap()?.sequence(), 30);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The one that reading on from the last sync frame before the message gives. What lies before isn't read, so
    /// damage there isn't noticed.
    pub fn seek_to_sequence(&mut self, sequence: u64) -> Result<Landing, Error> {
        self.seek_to_sync(|found, _| Some(found.sync.sequence <= sequence));
        self.skip_while(|message| message.sequence() < sequence)
    }

    /// Goes forward to the last sync frame whose time is before this one, in nanoseconds of the header's clock: no
    /// message that was appended at this time or later is skipped, and up to one interval of earlier ones may come
    /// first. Stays where it is if all that follows is of this time or later.
    ///
    /// Where times decrease from one epoch to the next, it is the sync frame before the first that isn't earlier. Where
    /// no sync frame that is met has a time, it stays too.
    pub fn seek_to_time(&mut self, time: i64) -> Landing {
        let Some((sync, _)) = self.starting_point() else { return self.landing() };
        let mut there = self.clone();
        let mut has_times = sync.time != TIME_NONE;
        if sync.time < time {
            there.bisect(SyncSearch::by_epochs, |found, _| {
                has_times |= found.sync.time != TIME_NONE;
                Some(found.sync.time < time)
            });
        }
        if has_times {
            *self = there;
        }
        self.landing()
    }

    /// Goes forward to the first message for which `is_before` is false, or behind the last one: like the method of
    /// slices, it expects that `is_before` is true for all messages up to some place, and false from there on.
    ///
    /// That place is found by asking about the first message behind a sync frame, some 20 times in 10 GB, and then
    /// about each message from the last sync frame before it on.
    ///
    /// # Errors
    /// As [`seek_to_sequence`](Self::seek_to_sequence).
    pub fn partition_point(&mut self, mut is_before: impl FnMut(&[u8]) -> bool) -> Result<Landing, Error> {
        self.seek_to_sync(|_, mut behind| behind.next()?.ok().map(|message| is_before(message.body())));
        self.skip_while(|message| is_before(message.body()))
    }

    /// Goes forward to the last sync frame that lies before a target of one's own: `is_before` is told a sync frame,
    /// and given a reader that stands behind it, and says whether it lies before; `None` if that can't be told. The
    /// message that is sought may be any from there on, up to the next sync frame for which it is false.
    pub fn seek_to_sync(&mut self, is_before: impl FnMut(&FoundSync, Self) -> Option<bool>) {
        self.bisect(|search| search, is_before);
    }

    fn bisect(
        &mut self,
        prepare: fn(SyncSearch) -> SyncSearch,
        mut is_before: impl FnMut(&FoundSync, Self) -> Option<bool>,
    ) {
        let Some((sync, begin)) = self.starting_point() else { return };
        let end = self.decoder().position().saturating_add(self.rest().len() as u64);
        let mut search = prepare(SyncSearch::new(self.essentials(), &sync, begin, end));
        loop {
            match search.step() {
                SearchStep::Read { position, .. } => search.read(self.data_from(position)),
                SearchStep::Judge(found) => {
                    let mut behind = self.clone();
                    behind.resume_behind(&found);
                    search.judge(is_before(&found, behind));
                }
                SearchStep::Done => break,
            }
        }
        if let Some(found) = search.found() {
            self.resume_behind(found);
        }
    }

    /// The last sync frame that was read, and where to search on from; or the stream's first.
    fn starting_point(&self) -> Option<(Sync, u64)> {
        let (position, sequence) = (self.decoder().position(), self.decoder().sequence());
        match self.decoder().last_sync() {
            Some(sync) => Some((Sync { sequence, ..*sync }, position)),
            None => FoundSync::at_start_of(self.rest(), position).map(|first| (first.sync, first.end())),
        }
    }

    fn skip_while(&mut self, mut is_before: impl FnMut(&MessageRef<'a>) -> bool) -> Result<Landing, Error> {
        loop {
            let here = self.clone();
            match self.next() {
                Some(Ok(message)) if is_before(&message) => {}
                Some(Ok(_)) => {
                    *self = here;
                    return Ok(self.landing());
                }
                Some(Err(error)) => return Err(error),
                None => return Ok(self.landing()),
            }
        }
    }

    fn landing(&self) -> Landing {
        let decoder: &Decoder<C> = self.decoder();
        Landing { sequence: decoder.sequence(), position: decoder.position() }
    }
}
