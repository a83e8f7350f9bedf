use std::fmt;
use std::io::{self, Read};
use std::ops::Range;

use flatstream_format::{
    ChecksumType, Decoded, Decoder, Dropped, End, FoundSync, Header, HeaderError, Salvaged, Span, Stop, StopReason,
    Sync, TailSearch,
};

use crate::cursor::Cursor;
use crate::error::{Error, Result};
use crate::hasher::Hasher;
use crate::input::Input;
use crate::message::Message;
use crate::opening::Opening;
use crate::options::ReadOptions;
use crate::recovery::{Finding, Findings, Losses};
use crate::resync::{Next, Resync, STEP, Salvage, Wanted};
use crate::stream_tail::StreamTail;

/// So many sessions on a link are kept in mind.
const EARLIER_MAX: usize = 4;

/// So many messages are verified before the first of them is handed out: the processor works on several at once.
const ROW_LEN: usize = 256;

/// And so many bytes, so that what was verified is still in the processor's first cache when it is looked at.
const ROW_BYTES: usize = 16 << 10;

/// Reads the messages of a stream, strictly: damage ends it with an error that says where.
///
/// A reader is an iterator of owned [`Message`]s, which may outlive it. [`next_message`](Self::next_message) lends a
/// message instead and allocates nothing. No `BufReader` is needed, and a reader never waits for more bytes while a
/// whole message is there.
///
/// A stream whose writer died ends *torn* or *open*. That is no error unless
/// [`require_closed`](ReadOptions::require_closed) says so; [`end`](Self::end) tells.
///
/// ```
/// use flatstream_io::{Reader, WriteOptions, Writer};
///
/// let mut writer = Writer::new(Vec::new(), WriteOptions::new())?;
/// writer.append(b"first")?;
/// writer.append(b"second")?;
/// let bytes = writer.finish()?;
///
/// let mut reader = Reader::new(&bytes[..])?;
/// for message in &mut reader {
///     println!("{:?}", message?);
/// }
/// assert!(reader.end()?.is_closed());
/// # Ok::<(), flatstream_io::Error>(())
/// ```
pub struct Reader<R> {
    input: Input<R>,
    header: Header,
    decoder: Decoder<Hasher>,
    options: ReadOptions,
    row: Row,
    outcome: Outcome,
    /// Good frames between damage and the next sync frame, which are handed out before anything else.
    salvaged: SalvagedRow,
    findings: Findings,
    dropped: Dropped,
    /// What the sync frames said was durable, at most.
    durable: u64,
    /// The offset of the source's byte that has position 0, as far as it is known; wraps below 0.
    shift: u64,
    /// Whether the source said that nothing more comes. A recovering reader doesn't ask it again.
    is_source_at_end: bool,
    /// On a link: how many bytes of a wrong pad lie before the next frame, if that isn't already somewhere in them.
    unsure_pad: usize,
    /// On a link: what was searched for sync frames before it was read.
    ahead: Ahead,
    /// The sync frame that the session began with.
    first_sync: Option<Sync>,
    /// The first sync frame since `take_passed_sync`.
    passed_sync: Option<Sync>,
    /// A receiver that joined without the header believes the next stream too.
    is_provisional: bool,
    /// On a link, some sessions before this one. One is gone on with if its sync frames come again: then what looked
    /// like a new session was a stream that is stored in a message, or a piece of the link that came again.
    earlier: Vec<Session>,
}

/// What is known of a stream.
struct Session {
    header: Header,
    decoder: Decoder<Hasher>,
    shift: u64,
    first_sync: Option<Sync>,
}

impl Session {
    fn stream_id(&self) -> Option<u64> {
        self.decoder.last_sync().map(|sync| sync.stream_id)
    }
}

/// How much behind an offset was searched for the next sync frame, and where that lies, all counted from there.
#[derive(Clone, Debug, Default)]
struct Ahead {
    offset: u64,
    searched: usize,
    found: Option<Range<usize>>,
}

/// Where a stream was found whose header is damaged or missing.
pub(crate) struct WithoutHeader {
    pub(crate) why: HeaderError,
    /// The offset of the first byte that is held.
    pub(crate) held_from: u64,
    pub(crate) found: FoundSync,
    pub(crate) is_at_end: bool,
}

/// Salvaged frames in the input's block, and the next of them to be handed out.
#[derive(Default)]
struct SalvagedRow {
    frames: Vec<Salvaged>,
    next: usize,
    /// Where in the block the frames' offsets count from, and its position.
    offset: usize,
    position: u64,
}

/// Messages that are verified and lie in the input's block.
struct Row {
    spans: Box<[Span; ROW_LEN]>,
    next: usize,
    count: usize,
    /// Where the row's bytes start in the block.
    offset: usize,
    /// The position of the first message's frame.
    position: u64,
    /// The sequence number of the first message.
    sequence: u64,
    /// Whether that is known: not between damage and the next sync frame.
    is_sequence_known: bool,
}

enum Outcome {
    /// There may be more.
    Reading,
    /// Nothing more comes; behind a stop this is what it came from.
    Ended(End),
    /// Reading stopped; what lies behind is being searched.
    Stopped(Box<StreamTail>),
    /// Reading stopped, and goes on where it can.
    Resyncing(Box<Resync>),
    /// The stream goes on behind damage.
    Damaged { tail: Box<StreamTail>, error: Error, is_told: bool },
    /// It can't be read on for a reason that says nothing of how it ends.
    Failed { error: Error, is_told: bool },
    /// It ended, but not as the options require.
    NotClosed { end: End, error: Error, is_told: bool },
}

impl<R: Read> Reader<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// By [kind](crate::ErrorKind): `NotAStream`, `Incomplete` (the data end inside the header: an open, empty stream),
    /// `Damaged`, `Unsupported` (a later version; a checksum whose feature is off), `Io`.
    pub fn new(source: R) -> Result<Self> {
        Self::with_options(source, ReadOptions::new())
    }

    /// Reads the header, with options.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_options(source: R, options: ReadOptions) -> Result<Self> {
        Opening::new(source, options).open()
    }

    pub(crate) fn from_parts(input: Input<R>, header: Header, decoder: Decoder<Hasher>, options: &ReadOptions) -> Self {
        let (position, sequence) = (decoder.position(), decoder.sequence());
        let spans = Box::new([Span::default(); ROW_LEN]);
        let row = Row { spans, next: 0, count: 0, offset: 0, position, sequence, is_sequence_known: true };
        Self {
            input,
            header,
            decoder,
            options: options.clone(),
            row,
            outcome: Outcome::Reading,
            salvaged: SalvagedRow::default(),
            findings: Findings::default(),
            dropped: Dropped::default(),
            durable: 0,
            shift: 0,
            is_source_at_end: false,
            unsure_pad: 0,
            ahead: Ahead::default(),
            first_sync: None,
            passed_sync: None,
            is_provisional: false,
            earlier: Vec::new(),
        }
    }

    /// A reader of a stream whose header is damaged or missing.
    pub(crate) fn without_header(input: Input<R>, options: &ReadOptions, place: WithoutHeader) -> Result<Self> {
        let WithoutHeader { why, held_from, found, is_at_end } = place;
        let header = Header::recover(&found.sync)?;
        let hasher = options.build_hasher(header.checksum())?;
        let mut decoder = options.build_decoder(header.essentials(), hasher);
        decoder.skip_to(held_from, 0);
        let mut reader = Self::from_parts(input, header, decoder, options);
        reader.is_source_at_end = is_at_end;
        let offset = found.position;
        reader.findings.push(Finding::HeaderRecovered { offset, why: why.clone() });
        if options.chosen_recovery().is_some_and(|recovery| recovery.is_link()) {
            reader.is_provisional = true;
            reader.begin_at(offset, why);
            reader.resume_behind((offset - held_from) as usize, &found);
            reader.shift = offset.wrapping_sub(found.sync.position);
        } else {
            let stop = Stop { position: held_from, reason: StopReason::SyncMissing };
            reader.resync_from(stop, why.into());
            if let Outcome::Resyncing(resync) = &mut reader.outcome {
                resync.start_from(0);
            }
        }
        Ok(reader)
    }

    pub(crate) fn input_mut(&mut self) -> &mut Input<R> {
        &mut self.input
    }

    pub(crate) fn options(&self) -> &ReadOptions {
        &self.options
    }

    pub(crate) fn is_on_link(&self) -> bool {
        self.options.chosen_recovery().is_some_and(|recovery| recovery.is_link())
    }

    /// Goes on where a decoder is, with data that begin there, and then with what the source gives.
    pub(crate) fn restart(&mut self, decoder: Decoder<Hasher>, data: &[u8]) {
        let position = decoder.position();
        self.input.restart(data, position);
        self.row.start(self.input.offset(), position, decoder.sequence(), true);
        self.durable = self.durable.max(decoder.last_sync().map_or(0, |sync| sync.durable));
        self.decoder = decoder;
        self.outcome = Outcome::Reading;
        self.salvaged = SalvagedRow::default();
        self.shift = 0;
        self.is_source_at_end = false;
    }

    /// Until it is restarted, the reader gives nothing but this error.
    pub(crate) fn fail(&mut self, error: Error) {
        self.row.start(self.input.offset(), self.decoder.position(), self.decoder.sequence(), true);
        self.salvaged = SalvagedRow::default();
        self.outcome = Outcome::Failed { error, is_told: true };
    }

    /// The next message, which isn't handed out by that, and its sequence number where that is known. For
    /// flatstream-log.
    ///
    /// # Errors
    /// As [`next_message`](Self::next_message).
    #[doc(hidden)]
    pub fn peek(&mut self) -> Result<Option<(&[u8], Option<u64>)>> {
        if self.row.next == self.row.count && !self.fill_row()? {
            return Ok(None);
        }
        let sequence = self.row.is_sequence_known.then(|| self.sequence());
        let span = self.row.spans[self.row.next];
        let offset = self.row.offset + span.offset as usize;
        Ok(self.input.block().get(offset..offset + span.len as usize).map(|message| (message, sequence)))
    }

    /// Where the next row begins, if all before it was good and was handed out.
    pub(crate) fn place_between_rows(&self) -> Option<Decoder<Hasher>> {
        let is_between = self.row.next == self.row.count && self.salvaged.frames.is_empty();
        (is_between && matches!(self.outcome, Outcome::Reading)).then(|| self.decoder.clone())
    }

    /// Passes over the message that was peeked at. For flatstream-log.
    #[doc(hidden)]
    pub fn pass_over(&mut self) {
        self.row.next = self.row.count.min(self.row.next + 1);
    }

    /// What is read begins at this offset of the source; what lies before it wasn't understood.
    pub(crate) fn begin_at(&mut self, offset: u64, why: HeaderError) {
        self.shift = offset;
        if offset > 0 {
            self.findings.push(Finding::Skipped { begin: 0, end: offset, why: why.into() });
        }
    }

    fn note_sync(&mut self, sync: &Sync) {
        self.first_sync.get_or_insert(*sync);
        self.passed_sync.get_or_insert(*sync);
        self.ahead = Ahead::default();
    }

    /// Brings the reader behind a sync frame at this index of what was read.
    fn resume_behind(&mut self, index: usize, found: &FoundSync) {
        self.note_sync(&found.sync);
        self.decoder.resume_behind(found);
        self.durable = self.durable.max(found.sync.durable);
        self.input.use_up(index + found.frame_len as usize);
    }

    /// How far reading got, once all messages that were verified are handed out.
    pub(crate) fn decoder(&self) -> &Decoder<Hasher> {
        &self.decoder
    }

    /// The stream's header.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The stream's identity; `None` until its first sync frame was read, which is with the first message.
    #[must_use]
    pub fn stream_id(&self) -> Option<u64> {
        self.decoder.last_sync().map(|sync| sync.stream_id)
    }

    /// How many messages the writer says it dropped, so far, because its memory was full. They have no sequence
    /// numbers.
    #[must_use]
    pub fn dropped(&self) -> Dropped {
        self.dropped
    }

    /// Every byte below this position was reported durable, by the sync frames that were read so far.
    #[must_use]
    pub fn durable_position(&self) -> u64 {
        self.durable
    }

    /// The last sync frame that was read.
    #[must_use]
    pub fn last_sync(&self) -> Option<&Sync> {
        self.decoder.last_sync()
    }

    /// The first sync frame that was read since the last call: there may be several between two messages.
    pub(crate) fn take_passed_sync(&mut self) -> Option<Sync> {
        self.passed_sync.take()
    }

    /// What was noticed beside the messages since the last call: with [`recovery`](ReadOptions::recovery), ranges that
    /// were skipped and messages that were lost; messages that the writer dropped in every case. At most 1,024 wait;
    /// [`losses`](Self::losses) counts all.
    pub fn take_findings(&mut self) -> Vec<Finding> {
        self.findings.take()
    }

    /// How many findings came while too many waited to be taken, and are counted only.
    #[must_use]
    pub fn findings_left_out(&self) -> u64 {
        self.findings.left_out()
    }

    /// What was lost so far, in all. It is complete once the last message was given.
    #[must_use]
    pub fn losses(&self) -> &Losses {
        self.findings.losses()
    }

    /// The next message, lent until the next call, or `None` behind the last. It allocates nothing, unless a message
    /// is larger than a block (256 KiB).
    ///
    /// ```
    /// # use flatstream_io::{Reader, WriteOptions, Writer};
    /// # let mut writer = Writer::new(Vec::new(), WriteOptions::new())?;
    /// # writer.append(b"hello")?;
    /// # let bytes = writer.finish()?;
    /// let mut reader = Reader::new(&bytes[..])?;
    /// while let Some(message) = reader.next_message()? {
    ///     assert_eq!(message, b"hello");
    /// }
    /// # Ok::<(), flatstream_io::Error>(())
    /// ```
    ///
    /// # Errors
    /// Of the kind `Damaged` where the stream is, `Unsupported` at a frame that must be understood and isn't, `Limit`
    /// at a message beyond [`max_message_len`](ReadOptions::max_message_len), `NotClosed` if that was required, `Io`.
    /// All are given again by the next call, except that after a [retryable](Error::is_retryable) one it goes on.
    #[inline]
    pub fn next_message(&mut self) -> Result<Option<&[u8]>> {
        if self.row.next == self.row.count && !self.fill_row()? {
            return Ok(None);
        }
        let (offset, len) = self.row.take();
        Ok(self.input.block().get(offset..offset + len))
    }

    /// Steps to the next message, which is then the current one; `false` behind the last.
    #[cfg(feature = "typed")]
    #[inline]
    pub(crate) fn advance(&mut self) -> Result<bool> {
        if self.row.next == self.row.count && !self.fill_row()? {
            return Ok(false);
        }
        self.row.next += 1;
        Ok(true)
    }

    /// The message that `advance` has stepped to.
    #[cfg(feature = "typed")]
    #[inline]
    pub(crate) fn current(&self) -> &[u8] {
        let span = self.row.spans.get(self.row.next.wrapping_sub(1)).copied().unwrap_or_default();
        let offset = self.row.offset + span.offset as usize;
        self.input.block().get(offset..offset + span.len as usize).unwrap_or_default()
    }

    /// Its position, and its sequence number where that is known.
    #[cfg(feature = "typed")]
    pub(crate) fn current_place(&self) -> (u64, Option<u64>) {
        let span = self.row.spans.get(self.row.next.wrapping_sub(1)).copied().unwrap_or_default();
        let sequence = self.row.is_sequence_known.then(|| self.sequence().wrapping_sub(1));
        (self.row.position_of(span.offset.into()), sequence)
    }

    /// The same, owned.
    #[inline]
    fn next_owned(&mut self) -> Result<Option<Message>> {
        if self.row.next == self.row.count && !self.fill_row()? {
            return Ok(None);
        }
        let sequence = self.row.is_sequence_known.then(|| self.sequence());
        let (offset, len) = self.row.take();
        let position = self.row.position_of((offset - self.row.offset) as u64);
        let body = self.input.block_mut().share(offset..offset + len);
        Ok(Some(Message::new(body, position, sequence)))
    }

    /// Where the next message's frame, or a sync frame before it, starts, in bytes from the start of the stream.
    /// Behind the last message: where the good data end.
    #[must_use]
    pub fn position(&self) -> u64 {
        match self.row.spans.get(self.row.next) {
            Some(span) if self.row.next < self.row.count => self.row.position_of(span.offset.into()),
            _ => match self.salvaged.frames.get(self.salvaged.next) {
                Some(frame) => self.salvaged.position.wrapping_add(frame.offset as u64),
                None => self.decoder.position(),
            },
        }
    }

    /// Where it stands: directly behind the last message that was handed out, or behind sync frames that follow it. A
    /// [`Follower`](crate::Follower) can go on from there. `None` until the stream's identity is known, which is with
    /// the first message, and where a recovering reader doesn't know the sequence number.
    #[must_use]
    pub fn cursor(&self) -> Option<Cursor> {
        let sync = self.decoder.last_sync().filter(|_| self.row.is_sequence_known)?;
        // A row lies between sync frames. Behind its last message the decoder may have gone on to the next of them.
        let (position, sequence) = match self.row.next < self.row.count {
            true => (self.position(), self.sequence()),
            false => (self.decoder.position(), self.decoder.sequence()),
        };
        Some(Cursor::new(sync.stream_id, sync.epoch, sequence, position))
    }

    /// How many messages were handed out: the sequence number of the next. A recovering reader doesn't know it between
    /// damage and the next sync frame; it then is what it was before the damage, or more.
    #[inline]
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.row.sequence.wrapping_add(self.row.next as u64)
    }

    /// How the stream ended, once the last message, or an error for damage, was given.
    ///
    /// Behind damage it reads the rest of the source, because only that tells *scattered* from *corrupt*.
    ///
    /// ```
    /// use flatstream_io::{EndState, Reader, WriteOptions, Writer};
    ///
    /// let mut writer = Writer::new(Vec::new(), WriteOptions::new())?;
    /// writer.append(b"whole")?;
    /// writer.append(b"torn")?;
    /// let bytes = writer.finish()?;
    ///
    /// let mut reader = Reader::new(&bytes[..bytes.len() - 70])?; // the last message is cut
    /// assert_eq!(reader.by_ref().count(), 1);
    /// let end = reader.end()?;
    /// assert_eq!(end.state, EndState::Torn);
    /// println!("{end}"); // torn at position 168, 10 bytes behind not understood
    /// # Ok::<(), flatstream_io::Error>(())
    /// ```
    ///
    /// # Errors
    /// Of the kind `Usage` while messages may be left; the error again that ended reading, where that wasn't damage.
    pub fn end(&mut self) -> Result<End> {
        // Behind damage it may be known how the stream ended while salvaged messages wait to be handed out.
        let is_anything_left = self.row.next < self.row.count || !self.salvaged.frames.is_empty();
        match &mut self.outcome {
            _ if is_anything_left => Err(Error::usage(NOT_YET_ENDED)),
            Outcome::Ended(end) | Outcome::NotClosed { end, .. } => Ok(*end),
            Outcome::Failed { error, .. } => Err(error.clone()),
            Outcome::Damaged { tail, .. } => {
                let position = self.decoder.position();
                tail.find_end(&mut self.input, self.decoder.hasher()).map_err(|error| Error::read(error, position))?;
                Ok(tail.search().end())
            }
            Outcome::Reading | Outcome::Stopped(_) | Outcome::Resyncing(_) => Err(Error::usage(NOT_YET_ENDED)),
        }
    }

    /// Verifies the next messages that are there, reading more only if there is none; `false` at the end.
    #[cold]
    fn fill_row(&mut self) -> Result<bool> {
        loop {
            if self.fill_from_salvaged()? {
                return Ok(true);
            }
            match &mut self.outcome {
                Outcome::Reading => {}
                Outcome::Stopped(_) => self.decide()?,
                Outcome::Resyncing(_) => self.resync()?,
                Outcome::Ended(_) => return Ok(false),
                Outcome::Damaged { error, is_told, .. }
                | Outcome::Failed { error, is_told }
                | Outcome::NotClosed { error, is_told, .. } => {
                    *is_told = true;
                    return Err(error.clone());
                }
            }
            if self.salvaged.frames.is_empty() && matches!(self.outcome, Outcome::Reading) && self.decode_row()? {
                return Ok(true);
            }
        }
    }

    /// `true` if there is a row; `false` if there isn't yet, or if the outcome has changed.
    fn decode_row(&mut self) -> Result<bool> {
        if self.unsure_pad > 0 && !self.is_pad_over()? {
            return Ok(false);
        }
        // Where bytes were lost or inserted, the next frame isn't yet where its position wants it in memory.
        self.input.align(0);
        self.row.start(self.input.offset(), self.decoder.position(), self.decoder.sequence(), true);
        let readable = self.readable();
        let row = readable.min(ROW_BYTES);
        let (count, used) = self.decoder.messages(&self.input.data()[..row], &mut *self.row.spans);
        self.input.use_up(used);
        self.row.count = count;
        if count > 0 {
            return Ok(true);
        }
        if self.is_header_sent_again() {
            return Ok(false);
        }
        let before = self.decoder.position();
        match self.decoder.decode(&self.input.data()[..readable]) {
            Ok(Decoded::NeedMore(need)) => match self.sync_ahead() {
                Some(_) => self.stop_at_end_of_data(),
                None => self.read_more(need)?,
            },
            Ok(decoded) => {
                let len = self.decoder.position().wrapping_sub(before) as usize;
                let is_message = self.row.take_in(&decoded);
                Self::note(&decoded, before, &mut self.durable, &mut self.dropped, &mut self.findings);
                if let Decoded::Sync(sync) = decoded {
                    self.note_sync(&sync);
                }
                self.input.use_up(len);
                return Ok(is_message);
            }
            Err(Stop { reason: StopReason::Pad, .. }) if self.options.chosen_recovery().is_some() => {
                return self.decode_despite_pad();
            }
            Err(stop) => self.stop(stop),
        }
        Ok(false)
    }

    /// A recovering reader takes a frame of which only the pad is wrong.
    fn decode_despite_pad(&mut self) -> Result<bool> {
        let before = self.decoder.position();
        match self.decoder.decode_despite_pad(self.input.data()) {
            Ok(decoded) => {
                let len = self.decoder.position().wrapping_sub(before) as usize;
                let is_message = self.row.take_in(&decoded);
                self.findings.push(Finding::Pad { position: before });
                Self::note(&decoded, before, &mut self.durable, &mut self.dropped, &mut self.findings);
                self.unsure_pad = if self.is_on_link() { pad_len(self.input.data()) } else { 0 };
                self.input.use_up(len - self.unsure_pad);
                Ok(is_message)
            }
            Err(stop) => {
                self.stop(stop);
                Ok(false)
            }
        }
    }

    /// On a link, whether a pad that isn't zero is one. It isn't if bytes were lost in it, and a header or a sync frame
    /// begins among what took its place.
    fn is_pad_over(&mut self) -> Result<bool> {
        let pad_len = self.unsure_pad;
        let need = pad_len + KIND_END;
        if self.input.data().len() < need {
            let position = self.decoder.position();
            match self.read_source(need) {
                Ok(0) => {}
                Ok(_) => return Ok(false),
                Err(error) => return self.failed(error, position).map(|()| false),
            }
        }
        self.unsure_pad = 0;
        let kind = |at: usize| self.input.data().get(at + HEAD_LEN as usize..at + KIND_END);
        let is_over = !(0..pad_len).any(|at| matches!(kind(at), Some(b"FLS1" | b"sync")));
        if is_over {
            self.input.use_up(pad_len.min(self.input.data().len()));
        } else {
            self.decoder.skip_to(self.decoder.position().wrapping_sub(pad_len as u64), self.decoder.sequence());
            self.stop(Stop { position: self.decoder.position(), reason: StopReason::Pad });
        }
        Ok(is_over)
    }

    /// What a control frame at this position says.
    fn note(
        decoded: &Decoded<'_>,
        position: u64,
        durable: &mut u64,
        all_dropped: &mut Dropped,
        findings: &mut Findings,
    ) {
        match decoded {
            Decoded::Sync(sync) => *durable = sync.durable.max(*durable),
            Decoded::Control { body, .. } => {
                if let Some(dropped) = Dropped::from_body(body) {
                    *all_dropped = all_dropped.plus(dropped);
                    findings.push(Finding::Dropped { position, dropped });
                }
            }
            _ => {}
        }
    }

    fn read_more(&mut self, need: usize) -> Result<()> {
        let position = self.decoder.position().wrapping_add(self.input.data().len() as u64);
        match self.read_source(need) {
            Ok(0) => self.stop_at_end_of_data(),
            Ok(_) => {}
            Err(error) => return self.failed(error, position),
        }
        Ok(())
    }

    fn stop_at_end_of_data(&mut self) {
        match self.decoder.at_end_of_data(self.input.data()) {
            Some(stop) => self.stop(stop),
            None => self.ended(End::at_boundary(&self.decoder)),
        }
    }

    fn read_source(&mut self, need: usize) -> io::Result<usize> {
        if self.is_source_at_end {
            return Ok(0);
        }
        let count = self.input.read_more(need)?;
        self.is_source_at_end = count == 0;
        Ok(count)
    }

    fn failed(&mut self, error: io::Error, position: u64) -> Result<()> {
        let error = Error::read(error, position);
        if error.is_retryable() {
            return Err(error);
        }
        // What was read before the failure is as good as what is read before an end.
        if let Outcome::Resyncing(resync) = &mut self.outcome {
            self.input.align(resync.skew());
            let (salvage, _) = resync.end(&mut self.decoder, self.input.data(), &mut self.findings);
            self.salvaged.set(salvage, self.input.offset());
        }
        self.outcome = Outcome::Failed { error, is_told: false };
        Ok(())
    }

    fn stop(&mut self, stop: Stop) {
        if !stop.reason.is_decided_by_what_follows() {
            let error = flatstream_format::Error::Frame { stop, evidence: None }.into();
            self.outcome = Outcome::Failed { error, is_told: false };
            return;
        }
        if self.options.chosen_recovery().is_some() {
            let why = flatstream_format::Error::Frame { stop: stop.clone(), evidence: None };
            return self.resync_from(stop, why);
        }
        let search = TailSearch::new(&self.decoder, stop);
        self.input.give_up_pool();
        let tail = StreamTail::new(search, self.is_source_at_end);
        self.outcome = Outcome::Stopped(Box::new(tail));
    }

    /// Looks behind the stop: damage, or an end?
    fn decide(&mut self) -> Result<()> {
        let Outcome::Stopped(tail) = &mut self.outcome else { return Ok(()) };
        if let Err(error) = tail.find_error(&mut self.input, self.decoder.hasher()) {
            return self.failed(error, self.decoder.position());
        }
        match tail.search().error() {
            None => {
                let end = tail.search().end();
                self.ended(end);
            }
            Some(error @ flatstream_format::Error::Frame { evidence: None, .. }) => {
                self.outcome = Outcome::Failed { error: error.into(), is_told: false };
            }
            Some(error) => {
                if let Outcome::Stopped(tail) = std::mem::replace(&mut self.outcome, Outcome::Reading) {
                    self.outcome = Outcome::Damaged { tail, error: error.into(), is_told: false };
                }
            }
        }
        Ok(())
    }

    fn ended(&mut self, end: End) {
        self.outcome = if self.options.requires_closed() && !end.is_closed() {
            Outcome::NotClosed { end, error: Error::not_closed(end), is_told: false }
        } else {
            Outcome::Ended(end)
        };
    }

    fn resync_from(&mut self, stop: Stop, why: flatstream_format::Error) {
        let recovery = self.options.chosen_recovery().unwrap_or_default();
        let offset = self.decoder.position().wrapping_add(self.shift);
        if self.is_header_contradicted(&stop) {
            self.findings.push(Finding::HeaderContradicted { offset });
        }
        let earlier = self.earlier.iter().map(|earlier| &earlier.decoder);
        let wanted = self.wanted().or_earlier(earlier).or_any_stream(self.is_provisional);
        let limits = (self.header.essentials(), recovery);
        let resync = Resync::new(&self.decoder, stop, why, offset, wanted, limits);
        self.outcome = Outcome::Resyncing(Box::new(resync));
    }

    /// The sync frames of the stream that is being read.
    fn wanted(&self) -> Wanted {
        Wanted::new(&self.header, &self.decoder, &self.options)
    }

    /// On a link, an intact sync frame directly behind the header, at its place, wins over a header that contradicts
    /// it: then the header is now what that sync frame says. In a file all that can be held is looked at first: it may
    /// be the sync frame that is another stream's.
    fn is_header_contradicted(&mut self, stop: &Stop) -> bool {
        let is_contradiction = matches!(stop.reason, StopReason::SyncHeader { .. } | StopReason::SyncField("checksum"));
        if self.decoder.last_sync().is_some() || !is_contradiction || !self.is_on_link() {
            return false;
        }
        let found = FoundSync::at_start_of(self.input.data(), stop.position).filter(FoundSync::is_in_place);
        found.is_some_and(|found| self.take_header_of(&found).is_ok())
    }

    /// From now on the stream is that of a sync frame, which is the next to be read.
    fn take_header_of(&mut self, found: &FoundSync) -> Result<()> {
        let session = self.session_of(found)?;
        let (position, shift) = (self.decoder.position(), self.shift);
        self.change_session(Session { shift, ..session });
        self.decoder.skip_to(position, 0);
        Ok(())
    }

    /// The stream of a sync frame, as far as that tells.
    fn session_of(&self, found: &FoundSync) -> Result<Session> {
        let header = Header::recover(&found.sync)?;
        let hasher = self.options.build_hasher(header.checksum())?;
        let decoder = self.options.build_decoder(header.essentials(), hasher);
        Ok(Session { header, decoder, shift: 0, first_sync: None })
    }

    /// On a link, the first sync frame behind the next frame's first byte. If that frame isn't whole before this one
    /// is, its length is none, and there is nothing to wait for.
    fn sync_ahead(&mut self) -> Option<Range<usize>> {
        if !self.is_on_link() {
            return None;
        }
        let offset = self.decoder.position().wrapping_add(self.shift);
        let advance = usize::try_from(offset.wrapping_sub(self.ahead.offset)).unwrap_or(usize::MAX);
        let mut searched = self.ahead.searched.saturating_sub(advance).max(1);
        let known = self.ahead.found.take().filter(|found| found.start > advance);
        let mut found = known.map(|found| found.start - advance..found.end - advance);
        let (wanted, data) = (self.wanted(), self.input.data());
        let mut is_more = true;
        while found.is_none() && is_more {
            let end = data.len().min(searched.saturating_add(STEP));
            let part = data.get(searched..end).unwrap_or_default();
            searched += FoundSync::each_in(part, searched as u64, |sync| {
                if found.is_none() && wanted.takes(&sync.sync) {
                    let start = sync.position as usize;
                    found = Some(start..start + sync.frame_len as usize);
                }
            });
            is_more = end < data.len();
        }
        self.ahead = Ahead { offset, searched: found.as_ref().map_or(searched, |found| found.start), found };
        self.ahead.found.clone()
    }

    /// How many bytes are read on from. Without a checksum nothing else shows that bytes were lost in a body, and that
    /// it takes in what follows.
    fn readable(&mut self) -> usize {
        let ahead = match self.header.checksum() {
            ChecksumType::None => self.sync_ahead(),
            _ => None,
        };
        ahead.map_or(self.input.data().len(), |sync| sync.end - 1)
    }

    /// Looks for the place where reading goes on; reads more only where it must.
    fn resync(&mut self) -> Result<()> {
        loop {
            let Outcome::Resyncing(resync) = &mut self.outcome else { return Ok(()) };
            let data = self.input.data();
            match resync.look(data, self.is_source_at_end, &mut self.findings) {
                Next::Sync { index, found } => {
                    self.go_on_at(index, &found);
                    return Ok(());
                }
                Next::Header { index, len } => {
                    self.go_on_at_header(index, len);
                    return Ok(());
                }
                Next::OtherHeader { found } => self.go_on_with_other_header(&found),
                Next::Slide => {
                    self.input.align(resync.skew());
                    let (salvage, done) = resync.slide(&mut self.decoder, self.input.data(), &mut self.findings);
                    self.salvaged.set(salvage, self.input.offset());
                    self.input.use_up(done);
                    return Ok(());
                }
                Next::End => {
                    self.input.align(resync.skew());
                    let (salvage, end) = resync.end(&mut self.decoder, self.input.data(), &mut self.findings);
                    self.salvaged.set(salvage, self.input.offset());
                    self.ended(end);
                    return Ok(());
                }
                Next::NeedMore => {
                    let (position, need) = (resync.position_of(data.len()), resync.held_max());
                    if let Err(error) = self.read_source(need) {
                        return self.failed(error, position);
                    }
                }
            }
        }
    }

    fn take_resync(&mut self) -> Option<Box<Resync>> {
        match std::mem::replace(&mut self.outcome, Outcome::Reading) {
            Outcome::Resyncing(resync) => Some(resync),
            other => {
                self.outcome = other;
                None
            }
        }
    }

    fn go_on_at(&mut self, index: usize, found: &FoundSync) {
        let Some(mut resync) = self.take_resync() else { return };
        let offset = resync.offset_of(index);
        let is_of_earlier = resync.wanted().is_of_earlier_stream(&found.sync);
        let salvage = if is_of_earlier || resync.wanted().is_of_current_stream(&found.sync) {
            if is_of_earlier {
                self.findings.push(Finding::NewStream { offset, stream_id: Some(found.sync.stream_id) });
                self.return_to_earlier(found.sync.stream_id, &mut resync);
            } else if self.decoder.last_sync().is_none() && index == 0 && found.sync.flags.is_resumed() {
                resync.join_at(&found.sync);
            }
            // What is salvaged is aligned as its positions are, which the sync frame tells.
            self.input.align((found.sync.position.wrapping_sub(index as u64) % 8) as usize);
            resync.go_on_at(&self.decoder, self.input.data(), index, found, &mut self.findings)
        } else {
            self.input.align(resync.skew());
            let salvage = resync.end_before(&self.decoder, &self.input.data()[..index], &mut self.findings);
            self.findings.push(Finding::NewStream { offset, stream_id: Some(found.sync.stream_id) });
            self.decoder.skip_to(resync.good_until(), resync.count());
            match self.session_of(found) {
                Ok(session) => {
                    let left = self.change_session(session);
                    self.keep(left);
                }
                Err(error) => self.outcome = Outcome::Failed { error, is_told: false },
            }
            salvage
        };
        self.salvaged.set(salvage, self.input.offset());
        self.resume_behind(index, found);
        self.shift = offset.wrapping_sub(found.sync.position);
    }

    /// What looked like a new session was a stream in a message, or the sender has only sent its header again.
    fn return_to_earlier(&mut self, stream_id: u64, resync: &mut Resync) {
        self.decoder.skip_to(resync.good_until(), resync.count());
        if let Some(earlier) = self.take_earlier(stream_id) {
            let left = self.change_session(earlier);
            self.keep(left);
        }
        resync.return_to(&self.decoder, self.shift);
    }

    fn take_earlier(&mut self, stream_id: u64) -> Option<Session> {
        let nth = self.earlier.iter().position(|earlier| earlier.stream_id() == Some(stream_id))?;
        Some(self.earlier.remove(nth))
    }

    /// Returns the session that was current.
    fn change_session(&mut self, to: Session) -> Session {
        let Session { header, decoder, shift, first_sync } = to;
        (self.durable, self.ahead) = (0, Ahead::default());
        Session {
            header: std::mem::replace(&mut self.header, header),
            decoder: std::mem::replace(&mut self.decoder, decoder),
            shift: std::mem::replace(&mut self.shift, shift),
            first_sync: std::mem::replace(&mut self.first_sync, first_sync),
        }
    }

    fn keep(&mut self, session: Session) {
        let Some(stream_id) = session.stream_id() else { return };
        self.take_earlier(stream_id);
        if self.earlier.len() == EARLIER_MAX {
            self.earlier.remove(0);
        }
        self.earlier.push(session);
    }

    /// The header is good, but another stream's: it was written over the one of this file.
    fn go_on_with_other_header(&mut self, found: &FoundSync) {
        self.findings.push(Finding::HeaderContradicted { offset: found.position });
        if let Err(error) = self.take_header_of(found) {
            self.outcome = Outcome::Failed { error, is_told: false };
            return;
        }
        let wanted = self.wanted();
        if let Outcome::Resyncing(resync) = &mut self.outcome {
            resync.start_anew(&self.decoder, wanted);
        }
    }

    /// On a link the sender started anew.
    fn go_on_at_header(&mut self, index: usize, len: usize) {
        let Some(mut resync) = self.take_resync() else { return };
        let offset = resync.offset_of(index);
        self.input.align(resync.skew());
        let salvage = resync.end_before(&self.decoder, &self.input.data()[..index], &mut self.findings);
        self.salvaged.set(salvage, self.input.offset());
        self.findings.push(Finding::NewStream { offset, stream_id: None });
        self.decoder.skip_to(resync.good_until(), resync.count());
        if let Err(error) = self.start_session(index, offset) {
            self.outcome = Outcome::Failed { error, is_told: false };
        }
        self.input.use_up(index + len);
    }

    /// With the header at this index of what was read, and at this offset.
    fn start_session(&mut self, index: usize, offset: u64) -> Result<()> {
        let header = Header::decode(&self.input.data()[index..])?;
        let hasher = self.options.build_hasher(header.checksum())?;
        let decoder = self.options.build_decoder(header.essentials(), hasher);
        let left = self.change_session(Session { header, decoder, shift: offset, first_sync: None });
        self.keep(left);
        self.is_provisional = false;
        Ok(())
    }

    /// On a link, if the first sync frame of a new session is one of an earlier session: then it is no new one. A piece
    /// of the link came again, or the sender goes on with a stream that it has reopened.
    fn is_header_sent_again(&mut self) -> bool {
        if self.earlier.is_empty() || self.decoder.last_sync().is_some() {
            return false;
        }
        let Some(found) = FoundSync::at_start_of(self.input.data(), self.decoder.position()) else { return false };
        let (stream_id, sequence) = (found.sync.stream_id, found.sync.sequence);
        let Some(earlier) = self.take_earlier(stream_id) else { return false };
        // Otherwise it is a sender that uses its id again, which it shouldn't. How a stream began that was joined is
        // unknown.
        let is_first_known = earlier.first_sync.is_some_and(|first| first.sequence == 0);
        let is_again = earlier.first_sync == Some(found.sync) || found.sync.flags.is_resumed() || !is_first_known;
        if is_again {
            let offset = self.decoder.position().wrapping_add(self.shift);
            self.change_session(earlier);
            self.findings.push(Finding::NewStream { offset, stream_id: Some(stream_id) });
            self.resync_from_within(offset, sequence);
        }
        is_again
    }

    /// Goes on in the current session at an offset that isn't where its good frames end.
    fn resync_from_within(&mut self, offset: u64, found: u64) {
        let (good_until, expected) = (self.decoder.position(), self.decoder.sequence());
        let position = offset.wrapping_sub(self.shift);
        self.decoder.skip_to(position, expected);
        self.stop(Stop { position, reason: StopReason::SyncSequence { expected, found } });
        if let Outcome::Resyncing(resync) = &mut self.outcome {
            resync.set_good_until(good_until);
        }
    }

    /// Fills the row with the next salvaged messages, if there are any.
    fn fill_from_salvaged(&mut self) -> Result<bool> {
        if self.salvaged.frames.is_empty() {
            return Ok(false);
        }
        let sequence = self.row.sequence.wrapping_add(self.row.count as u64);
        self.row.start(self.salvaged.offset, self.salvaged.position, sequence, false);
        while let Some(frame) = self.salvaged.frames.get(self.salvaged.next).copied() {
            if self.row.count == ROW_LEN {
                return Ok(true);
            }
            if frame.is_control {
                // What was found before it is handed out first.
                if self.row.count > 0 {
                    return Ok(true);
                }
                self.note_salvaged_control(frame)?;
            } else {
                self.row.spans[self.row.count] = Span { offset: frame.body() as u32, len: frame.len };
                self.row.count += 1;
            }
            self.salvaged.next += 1;
        }
        self.salvaged = SalvagedRow::default();
        Ok(self.row.count > 0)
    }

    fn note_salvaged_control(&mut self, frame: Salvaged) -> Result<()> {
        let body = self.salvaged.offset + frame.body();
        let body = self.input.block().get(body..body + frame.len as usize).unwrap_or_default();
        let kind: [u8; 4] = body.first_chunk().copied().unwrap_or_default();
        let position = self.salvaged.position.wrapping_add(frame.offset as u64);
        if kind[0].is_ascii_uppercase() {
            let stop = Stop { position, reason: StopReason::UnsupportedKind(kind) };
            let error: Error = flatstream_format::Error::Frame { stop, evidence: None }.into();
            self.salvaged = SalvagedRow::default();
            self.outcome = Outcome::Failed { error: error.clone(), is_told: true };
            return Err(error);
        }
        Self::note(
            &Decoded::Control { kind, body },
            position,
            &mut self.durable,
            &mut self.dropped,
            &mut self.findings,
        );
        Ok(())
    }

    /// Whether an error that ended reading was given already.
    fn is_told(&self) -> bool {
        match &self.outcome {
            Outcome::Damaged { is_told, .. } | Outcome::Failed { is_told, .. } | Outcome::NotClosed { is_told, .. } => {
                *is_told
            }
            Outcome::Reading | Outcome::Ended(_) | Outcome::Stopped(_) | Outcome::Resyncing(_) => false,
        }
    }
}

const NOT_YET_ENDED: &str = "how the stream ended is known only behind its last message";

const HEAD_LEN: u64 = flatstream_format::layout::frame::HEAD_LEN as u64;

/// Where a header's identifier and a sync frame's kind end, both from the first byte on.
const KIND_END: usize = 12;

/// The pad of the frame that is whole at the start of `data`.
fn pad_len(data: &[u8]) -> usize {
    let len = data.get(4..8).and_then(|word| word.first_chunk()).copied().map_or(0, u32::from_le_bytes);
    ((len as usize & 7) ^ 7).wrapping_add(1) & 7
}

impl SalvagedRow {
    /// `offset` is where in the block the bytes start that the salvage was made of.
    fn set(&mut self, salvage: Salvage, offset: usize) {
        let Salvage { frames, index, position } = salvage;
        *self = Self { frames, next: 0, offset: offset + index, position };
    }
}

impl Row {
    fn start(&mut self, offset: usize, position: u64, sequence: u64, is_sequence_known: bool) {
        self.next = 0;
        self.count = 0;
        self.offset = offset;
        self.position = position;
        self.sequence = sequence;
        self.is_sequence_known = is_sequence_known;
    }

    /// The position of the frame whose body lies there in the row's bytes. A forged sync frame may have named the
    /// greatest position there is: it wraps, as the decoder's does.
    #[inline]
    fn position_of(&self, body: u64) -> u64 {
        self.position.wrapping_add(body).wrapping_sub(HEAD_LEN)
    }

    /// Takes in a message that was decoded alone: one that a private hasher rejected when it was asked before, or one
    /// with a wrong pad. `false` for other frames.
    fn take_in(&mut self, decoded: &Decoded<'_>) -> bool {
        if let Decoded::Message(message) = decoded {
            self.spans[0] = Span { offset: HEAD_LEN as u32, len: message.body().len() as u32 };
            self.count = 1;
        }
        self.count > 0
    }

    /// Offset in the block and length of the next message, which has to be there.
    #[inline]
    fn take(&mut self) -> (usize, usize) {
        let span = self.spans[self.next];
        self.next += 1;
        (self.offset + span.offset as usize, span.len as usize)
    }
}

/// Gives owned messages. An error that ends reading comes once, then `None`.
impl<R: Read> Iterator for Reader<R> {
    type Item = Result<Message>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.row.next == self.row.count && self.is_told() {
            return None;
        }
        self.next_owned().transpose()
    }
}

impl<R> fmt::Debug for Reader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("checksum", &self.header.checksum())
            .field("position", &self.decoder.position())
            .finish_non_exhaustive()
    }
}
