//! Reads a stream in a file strictly, frame by frame, and finds sync frames from its end.

use flatstream_format::layout::sync::FRAME_LEN_MAX;
use flatstream_format::{Decoded, Decoder, FoundSync, Header, Span, Stop, TailSearch};

use crate::error::{Error, Result};
use crate::hasher::Hasher;
use crate::input::Input;
use crate::options::ReadOptions;
use crate::reader::Reader;
use crate::recovery::Recovery;
use crate::storage::{FileSource, StorageFile};
use crate::stream_tail::StreamTail;

const BLOCK: usize = 256 << 10;

/// How many bytes are read at a time on the way back from the end: so many as lie between sync frames by default.
const STEP: u64 = 64 << 10;

/// Reads frames from a place in a file until they end.
pub(crate) struct Walk<'f, F> {
    file: &'f F,
    header: &'f Header,
    input: Input<FileSource<'f, F>>,
    decoder: Decoder<Hasher>,
    durable: u64,
}

impl<'f, F: StorageFile> Walk<'f, F> {
    /// From behind the header, or from behind `start`.
    pub(crate) fn new(file: &'f F, header: &'f Header, hasher: Hasher, start: Option<FoundSync>) -> Self {
        let mut decoder = Decoder::new(header.essentials(), 0, hasher);
        let mut durable = 0;
        if let Some(start) = start {
            decoder.resume_behind(&start);
            durable = start.sync.durable;
        }
        let input = Input::new(FileSource::new(file, decoder.position()), BLOCK);
        Self { file, header, input, decoder, durable }
    }

    pub(crate) fn decoder(&self) -> &Decoder<Hasher> {
        &self.decoder
    }

    /// The highest position that a good sync frame says was durable.
    pub(crate) fn durable(&self) -> u64 {
        self.durable
    }

    /// To the end of the file (`None`), or to the first frame that isn't good.
    pub(crate) fn read_to_stop(&mut self) -> Result<Option<Stop>> {
        let mut spans = [Span::default(); 256];
        loop {
            let (_, used) = self.decoder.messages(self.input.data(), &mut spans);
            self.input.use_up(used);
            let before = self.decoder.position();
            match self.decoder.decode(self.input.data()) {
                Ok(Decoded::NeedMore(need)) => {
                    let position = before + self.input.data().len() as u64;
                    if self.input.read_more(need).map_err(|error| Error::read(error, position))? == 0 {
                        return Ok(self.decoder.at_end_of_data(self.input.data()));
                    }
                }
                Ok(decoded) => {
                    if let Decoded::Sync(sync) = decoded {
                        self.durable = self.durable.max(sync.durable);
                    }
                    self.input.use_up((self.decoder.position() - before) as usize);
                }
                // A kind of frame that this version must know and doesn't: not for it to judge or to cut.
                Err(stop) if !stop.reason.is_decided_by_what_follows() => {
                    return Err(flatstream_format::Error::Frame { stop, evidence: None }.into());
                }
                Err(stop) => return Ok(Some(stop)),
            }
        }
    }

    /// Everything behind the stop, to the end of the file.
    pub(crate) fn search_tail(&mut self, stop: Stop) -> Result<TailSearch> {
        let search = TailSearch::new(&self.decoder, stop);
        let mut tail = StreamTail::new(search, false);
        let position = self.decoder.position();
        tail.search_all(&mut self.input, self.decoder.hasher()).map_err(|error| Error::read(error, position))?;
        Ok(tail.search().clone())
    }

    /// How many messages a recovering reader finds from here on.
    pub(crate) fn count_behind(&self) -> Result<u64> {
        let source = FileSource::new(self.file, self.decoder.position());
        let input = Input::new(source, BLOCK);
        let options = ReadOptions::new().recovery(Recovery::new());
        let mut reader = Reader::from_parts(input, self.header.clone(), self.decoder.clone(), &options);
        let mut count = 0;
        while reader.next_message()?.is_some() {
            count += 1;
        }
        Ok(count)
    }
}

/// So many bytes from a position; fewer only if the file has become shorter.
pub(crate) fn read_exactly<F: StorageFile>(file: &F, position: u64, len: u64) -> Result<Vec<u8>> {
    let mut bytes = vec![0; len as usize];
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read_at(&mut bytes[filled..], position + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::read(error, position + filled as u64)),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// Whether the file holds only zeros, or only 0xFF, in a range; also if that is empty.
pub(crate) fn is_blank<F: StorageFile>(file: &F, from: u64, to: u64) -> Result<bool> {
    let mut fill = None;
    let mut position = from;
    while position < to {
        let part = read_exactly(file, position, (to - position).min(1 << 20))?;
        let Some(&first) = part.first() else { break };
        let fill = *fill.get_or_insert(first);
        // In parts, each of which is looked at as a whole: several bytes at a time.
        let is_filled = |part: &[u8]| part.iter().fold(0, |others, &byte| others | (byte ^ fill)) == 0;
        if !matches!(fill, 0x00 | 0xFF) || !part.chunks(256).all(is_filled) {
            return Ok(false);
        }
        position += part.len() as u64;
    }
    Ok(true)
}

/// The last sync frame in `from..to` that lies in its place and is wanted; looked for from the end.
pub(crate) fn last_sync_before<F: StorageFile>(
    file: &F,
    from: u64,
    to: u64,
    is_wanted: impl Fn(&FoundSync) -> bool,
) -> Result<Option<FoundSync>> {
    let mut end = to;
    while end > from {
        let start = end.saturating_sub(STEP).max(from);
        // A frame that starts before `end` may reach beyond it.
        let len = (end - start + FRAME_LEN_MAX as u64).min(to - start);
        let part = read_exactly(file, start, len)?;
        let first = (start.next_multiple_of(8) - start) as usize;
        let starts = (first..(end - start) as usize).step_by(8).rev();
        for at in starts {
            let found = part.get(at..).and_then(|data| FoundSync::at_start_of(data, start + at as u64));
            if let Some(found) = found.filter(|found| found.is_in_place() && is_wanted(found)) {
                return Ok(Some(found));
            }
        }
        end = start;
    }
    Ok(None)
}
