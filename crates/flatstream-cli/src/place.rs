//! What lies at a position of a file: for `inspect`.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use flatstream::format::layout::{frame, header, sync};
use flatstream::format::{
    Algorithm, Checksum, Decoded, Decoder, Essentials, FoundSync, HeaderError, Located, Salt, Stop, Sync, frame_len,
    locate_header,
};

/// So much is read at a time while sync frames are searched.
const CHUNK: u64 = 256 << 10;

/// So much is shown of what claims to be longer than the rest of the file.
const SHOWN: u64 = 128;

/// So far before a position it is tried whether a good frame begins there, where nothing else leads to it.
const TRIED_MAX: u64 = 1 << 20;

/// The bytes of a file, by position.
pub(crate) struct Bytes {
    file: File,
    pub(crate) len: u64,
}

impl Bytes {
    pub(crate) fn new(file: File) -> io::Result<Self> {
        let len = file.metadata()?.len();
        Ok(Self { file, len })
    }

    /// So many from a position on, as far as there are any.
    pub(crate) fn read(&self, position: u64, len: u64) -> io::Result<Vec<u8>> {
        let len = len.min(self.len.saturating_sub(position));
        let mut bytes = vec![0; len as usize];
        self.file.read_exact_at(&mut bytes, position)?;
        Ok(bytes)
    }

    /// Whether nothing was ever written there, as far as the file system tells: then it reads as zeros, and needn't be
    /// read.
    #[cfg(target_os = "linux")]
    fn is_hole(&self, begin: u64, end: u64) -> bool {
        use rustix::fs::{SeekFrom, seek};
        use rustix::io::Errno;
        match seek(&self.file, SeekFrom::Data(begin)) {
            Ok(data) => data >= end,
            Err(error) => error == Errno::NXIO && begin < self.len,
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn is_hole(&self, _: u64, _: u64) -> bool {
        false
    }
}

/// The header region, as far as it can be told from the rest.
pub(crate) struct Region {
    /// How long it is; 0 if its length can't be believed.
    pub(crate) len: u64,
    pub(crate) outcome: Result<Essentials, HeaderError>,
    /// What its check should be.
    pub(crate) expected_check: Option<u32>,
}

impl Region {
    pub(crate) fn read(bytes: &Bytes) -> io::Result<Self> {
        let begin = bytes.read(0, header::REGION_LEN_MAX as u64)?;
        let failed = |len, error| Self { len, outcome: Err(error), expected_check: None };
        Ok(match locate_header(&begin) {
            Ok(Located::Region(len)) => {
                let checked = &begin[..len - header::CHECK_LEN];
                Self {
                    len: len as u64,
                    outcome: Essentials::parse(&begin[..len]),
                    expected_check: Some(Algorithm::CRC32C.digest(checked)),
                }
            }
            Ok(Located::NeedMore(need)) => failed(bytes.len, HeaderError::at_end_of_data(&begin, need)),
            Err(error) => failed(0, error),
        })
    }
}

/// A frame, or what should be one.
pub(crate) struct Frame {
    pub(crate) position: u64,
    /// Head, body and pad, as far as they are there.
    pub(crate) bytes: Vec<u8>,
    /// How many of them it should have, by its own length.
    pub(crate) len: u64,
    /// What its check should be, if a sync frame before it tells the stream's identity.
    pub(crate) expected_check: Option<u32>,
    /// How many messages lie before it, where that is known.
    pub(crate) sequence: Option<u64>,
    pub(crate) stop: Option<Stop>,
}

impl Frame {
    pub(crate) fn check(&self) -> Option<u32> {
        self.bytes.get(frame::CHECK).and_then(|bytes| bytes.first_chunk()).map(|bytes| u32::from_le_bytes(*bytes))
    }

    pub(crate) fn length_word(&self) -> Option<u32> {
        self.bytes.get(frame::LENGTH).and_then(|bytes| bytes.first_chunk()).map(|bytes| u32::from_le_bytes(*bytes))
    }

    pub(crate) fn is_control(&self) -> bool {
        self.length_word().is_some_and(|word| word & frame::CONTROL_BIT != 0)
    }

    pub(crate) fn body(&self) -> &[u8] {
        let len = self.length_word().unwrap_or_default() & !frame::CONTROL_BIT;
        let rest = self.bytes.get(frame::HEAD_LEN..).unwrap_or_default();
        rest.get(..len as usize).unwrap_or(rest)
    }

    /// What it says, if it is a sync frame.
    pub(crate) fn sync(&self) -> Option<Sync> {
        if self.is_control() && self.body().starts_with(&sync::KIND_BYTES) {
            Sync::from_body(self.body())
        } else {
            None
        }
    }
}

/// What was found.
pub(crate) struct Place {
    /// The sync frame from which on frames were read.
    pub(crate) before: Option<Sync>,
    /// The frame that the position lies in; `None` at the end, and between damage and the next good frame.
    pub(crate) frame: Option<Frame>,
    /// The damaged frame before the position, behind which frames aren't found by reading on.
    pub(crate) damage: Option<Frame>,
    /// The first sync frame behind it, if anything is damaged.
    pub(crate) behind: Option<FoundSync>,
    /// Where the frames end, if the position lies at the end.
    pub(crate) end: Option<u64>,
}

/// Goes to the last sync frame before the position, and from there from frame to frame.
pub(crate) fn find(bytes: &Bytes, region: &Region, position: u64) -> io::Result<Place> {
    let header_check = region.outcome.as_ref().ok().map(|essentials| essentials.header_check);
    let mut search = Search { bytes, stream_id: None, header_check };
    let first = match &region.outcome {
        Ok(_) => search.at(region.len)?,
        Err(_) => search.first_from(0, bytes.len)?,
    };
    if let Some(first) = first {
        search.stream_id = Some(first.sync.stream_id);
        search.header_check = Some(first.sync.header_check);
    }
    let found = search.last_before(position)?;
    let nothing = |behind| Place { before: None, frame: None, damage: None, behind, end: None };
    let essentials = match &region.outcome {
        Ok(essentials) => *essentials,
        Err(_) => match first.and_then(|first| Essentials::recover(&first.sync).ok()) {
            Some(essentials) => essentials,
            None => return Ok(nothing(None)),
        },
    };
    // A checksum that isn't built in is that of nobody: then no message is right.
    let hasher = Algorithm::new(essentials.checksum).unwrap_or(Algorithm::CRC32C);
    let mut decoder = Decoder::new(&essentials, 0, hasher);
    match (found, &region.outcome, first) {
        (Some(found), ..) => decoder.resume_behind(&found),
        (None, Ok(_), _) => {}
        // The first frame that is known of is the one that the position lies in, or comes behind it.
        (None, Err(_), Some(first)) if first.position <= position => {
            let frame = frame_at(bytes, &decoder, first.position, None)?;
            return Ok(Place { frame: Some(frame), ..nothing(None) });
        }
        (None, Err(_), first) => return Ok(nothing(first)),
    }
    walk(&search, decoder, position)
}

fn walk(search: &Search<'_>, mut decoder: Decoder<Algorithm>, position: u64) -> io::Result<Place> {
    let bytes = search.bytes;
    let place = |decoder: &Decoder<Algorithm>, frame, damage, behind, end| Place {
        before: decoder.last_sync().copied(),
        frame,
        damage,
        behind,
        end,
    };
    let mut block = Block::default();
    loop {
        let begin = decoder.position();
        if begin >= bytes.len {
            return Ok(place(&decoder, None, None, None, Some(begin)));
        }
        let before = decoder.clone();
        let stop = match decode(bytes, &mut block, &mut decoder)? {
            Ok(()) if decoder.position() <= position => continue,
            Ok(()) => None,
            Err(stop) => Some(stop),
        };
        let is_damaged = stop.is_some();
        let frame = frame_at(bytes, &before, begin, stop)?;
        if !is_damaged {
            return Ok(place(&before, Some(frame), None, None, None));
        }
        let behind = search.first_from(begin + 8, bytes.len)?;
        let claimed = begin.saturating_add(frame.len.max(8));
        let until = behind.map_or(bytes.len, |behind| behind.position);
        // Its length may be what is wrong.
        let found = try_around(bytes, &before, position, begin, until)?;
        let is_inside = position < claimed.min(until) || position < begin + 8;
        return Ok(match found {
            None if is_inside => place(&before, Some(frame), None, behind, None),
            found => place(&before, found, Some(frame), behind, None),
        });
    }
}

/// What was read of the file last, for frames that follow one another.
#[derive(Default)]
struct Block {
    begin: u64,
    data: Vec<u8>,
}

impl Block {
    /// So many bytes from a position on, or more, as far as there are any.
    fn from(&mut self, bytes: &Bytes, position: u64, len: u64) -> io::Result<&[u8]> {
        let wanted = len.min(bytes.len.saturating_sub(position));
        let end = self.begin + self.data.len() as u64;
        if position < self.begin || position + wanted > end {
            self.data = bytes.read(position, len.max(CHUNK))?;
            self.begin = position;
        }
        Ok(self.data.get((position - self.begin) as usize..).unwrap_or_default())
    }
}

/// The next frame, however long it is.
fn decode(bytes: &Bytes, block: &mut Block, decoder: &mut Decoder<Algorithm>) -> io::Result<Result<(), Stop>> {
    let begin = decoder.position();
    let mut need = frame::HEAD_LEN as u64;
    loop {
        let data = block.from(bytes, begin, need)?;
        match decoder.decode(data) {
            Ok(Decoded::NeedMore(more)) if (data.len() as u64) < bytes.len - begin => need = more as u64,
            Ok(Decoded::NeedMore(_)) => return Ok(decoder.at_end_of_data(data).map_or(Ok(()), Err)),
            Ok(_) => return Ok(Ok(())),
            Err(stop) => return Ok(Err(stop)),
        }
    }
}

/// A good frame around the position, between damage and the next sync frame: what a recovering reader would save.
fn try_around(
    bytes: &Bytes,
    decoder: &Decoder<Algorithm>,
    position: u64,
    begin: u64,
    until: u64,
) -> io::Result<Option<Frame>> {
    let from = begin.max(position.saturating_sub(TRIED_MAX)).next_multiple_of(8);
    let mut block = Block::default();
    for start in (from..=position).step_by(8).filter(|start| *start > begin) {
        let head = block.from(bytes, start, frame::HEAD_LEN as u64)?;
        let Some(word) = head.get(frame::LENGTH).and_then(|word| word.first_chunk().copied()) else { break };
        let len = frame_len(u32::from_le_bytes(word) & !frame::CONTROL_BIT);
        if start + len <= position || start + len > until {
            continue;
        }
        let data = bytes.read(start, len)?;
        if decoder.wrong_at(start, &data).is_none() {
            let mut frame = frame_at(bytes, decoder, start, None)?;
            frame.sequence = None;
            return Ok(Some(frame));
        }
    }
    Ok(None)
}

fn frame_at(bytes: &Bytes, decoder: &Decoder<Algorithm>, position: u64, stop: Option<Stop>) -> io::Result<Frame> {
    let head = bytes.read(position, frame::HEAD_LEN as u64)?;
    let word = head.get(frame::LENGTH).and_then(|word| word.first_chunk().copied()).map(u32::from_le_bytes);
    let len = word.map_or(frame::HEAD_LEN as u64, |word| frame_len(word & !frame::CONTROL_BIT));
    let shown = if len > bytes.len - position { len.min(SHOWN) } else { len };
    let mut frame = Frame {
        position,
        bytes: bytes.read(position, shown)?,
        len,
        expected_check: None,
        sequence: Some(decoder.sequence()),
        stop,
    };
    let is_whole = frame.bytes.len() as u64 == len;
    if let Some(word) = word.filter(|_| is_whole) {
        let body = frame.body();
        let identity = frame.sync().or(decoder.last_sync().copied());
        frame.expected_check = identity.map(|sync| {
            let at = if frame.sync().is_some() { sync.position } else { position };
            let digest =
                if frame.is_control() { Algorithm::CRC32C.digest(body) } else { decoder.hasher().digest(body) };
            digest ^ Salt::new(sync.stream_id, sync.epoch).mask(at, word)
        });
    }
    Ok(frame)
}

/// Finds sync frames of the stream that stand where they say.
struct Search<'a> {
    bytes: &'a Bytes,
    /// Once known.
    stream_id: Option<u64>,
    header_check: Option<u32>,
}

impl Search<'_> {
    fn is_ours(&self, found: &FoundSync) -> bool {
        let is_of_stream = self.stream_id.is_none_or(|id| id == found.sync.stream_id);
        let is_of_header = self.header_check.is_none_or(|check| check == found.sync.header_check);
        found.is_in_place() && is_of_stream && is_of_header
    }

    fn at(&self, position: u64) -> io::Result<Option<FoundSync>> {
        let data = self.bytes.read(position, sync::FRAME_LEN_MAX as u64)?;
        Ok(FoundSync::at_start_of(&data, position).filter(|found| self.is_ours(found)))
    }

    /// All that begin in this range.
    fn each(&self, begin: u64, end: u64, mut tell: impl FnMut(FoundSync)) -> io::Result<()> {
        let len = end - begin + sync::FRAME_LEN_MAX as u64;
        if self.bytes.is_hole(begin, begin + len) {
            return Ok(());
        }
        let data = self.bytes.read(begin, len)?;
        FoundSync::each_in(&data, begin, |found| {
            if found.position < end && self.is_ours(&found) {
                tell(found);
            }
        });
        Ok(())
    }

    fn first_from(&self, begin: u64, end: u64) -> io::Result<Option<FoundSync>> {
        let mut at = begin;
        while at < end {
            let mut first = None;
            self.each(at, end.min(at + CHUNK), |found| {
                first.get_or_insert(found);
            })?;
            if first.is_some() {
                return Ok(first);
            }
            at += CHUNK;
        }
        Ok(None)
    }

    /// The last that ends at or before the position.
    fn last_before(&self, position: u64) -> io::Result<Option<FoundSync>> {
        let mut end = position.min(self.bytes.len);
        while end > 0 {
            let begin = end.saturating_sub(CHUNK);
            let mut last = None;
            self.each(begin, end, |found| {
                if found.end() <= position {
                    last = Some(found);
                }
            })?;
            if last.is_some() {
                return Ok(last);
            }
            end = begin;
        }
        Ok(None)
    }
}
