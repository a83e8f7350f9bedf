//! ADVICE: `message_limit` is 0 until the first sync frame was accepted and after CLOSED, so one comparison sends
//! everything but an ordinary message to `decode_other`. That function is complete by itself: the fast path in
//! `messages` and `decode` only skips checks that can't fail, and says nothing about what is wrong.

use core::num::NonZeroU64;
use core::ops::Deref;

use flatstream_checksum::{Checksum, Pass};

use crate::error::{Stop, StopReason};
use crate::frame::{Head, is_zero, pad_of_last_word, padded, split_body};
use crate::header::Essentials;
use crate::layout::{ALIGNMENT, control, frame, sync};
use crate::mask::Salt;
use crate::prefetch::{FROM_CACHE, prefetch};
use crate::sync::Sync;
use crate::tail::FoundSync;

/// A message where it lies in the caller's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub struct MessageRef<'a> {
    pub(crate) body: &'a [u8],
    pub(crate) position: u64,
    pub(crate) sequence: u64,
}

impl<'a> MessageRef<'a> {
    /// The message. It starts at a multiple of 8 from the start of the stream.
    #[must_use]
    pub const fn body(&self) -> &'a [u8] {
        self.body
    }

    /// The position of its frame, in bytes from the start of the stream.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// How many messages of the stream came before it.
    #[must_use]
    pub const fn sequence(&self) -> u64 {
        self.sequence
    }
}

impl Deref for MessageRef<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.body
    }
}

/// What [`Decoder::decode`] found at the start of the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
#[non_exhaustive]
pub enum Decoded<'a> {
    /// A message, verified.
    Message(MessageRef<'a>),
    /// A sync frame, accepted.
    Sync(Sync),
    /// A good control frame of a kind that this version doesn't know and may skip.
    Control {
        /// Four letters, the first in lower case.
        kind: [u8; 4],
        /// The whole body, kind included.
        body: &'a [u8],
    },
    /// Not decided before the data hold so many bytes from [`Decoder::position`] on. A frame may still claim more than
    /// there will ever be: let a buffer grow as bytes arrive, not by this number.
    NeedMore(usize),
}

/// A message's place in the data that were given to [`Decoder::messages`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub struct Span {
    /// The offset of the body in bytes from the start of the data.
    pub offset: u32,
    /// The length of the body in bytes.
    pub len: u32,
}

/// Turns bytes into frames, strictly: the first thing that isn't right ends it. It holds no bytes and does no I/O.
///
/// The caller keeps the bytes that aren't decoded yet and offers them, from [`position`](Self::position) on, as one
/// slice; how much of it is there at a time makes no difference to the answers. Only verified frames come out.
///
/// ```
/// use flatstream_format::{Algorithm, Decoded, Decoder, Essentials, limits};
/// # use core::num::NonZeroU64;
/// # use flatstream_format::{Encoder, Session, SyncFlags};
/// # const HEADER: &[u8] = include_bytes!("../tests/minimal_header.bin");
/// # let essentials = Essentials::parse(HEADER)?;
/// # let mut encoder = Encoder::new(&essentials, Session { stream_id: NonZeroU64::MIN, epoch: 0 }, Algorithm::CRC32C);
/// # let mut stream = [0; 256];
/// # let mut end = HEADER.len();
/// # stream[..end].copy_from_slice(HEADER);
/// # end += encoder.encode_sync(0, SyncFlags::NONE, &mut stream[end..])?;
/// # end += encoder.encode_message(b"hello", &mut stream[end..])?;
///
/// let header = Essentials::parse(&stream)?;
/// let mut decoder = Decoder::new(&header, limits::READER_MAX_MESSAGE_LEN, Algorithm::new(header.checksum)?);
/// let mut bytes = &stream[header.header_len as usize..end];
/// loop {
///     let start = decoder.position();
///     match decoder.decode(bytes)? {
///         Decoded::NeedMore(_) => break,
///         Decoded::Message(message) => assert_eq!(message.body(), b"hello"),
///         _ => {}
///     }
///     bytes = &bytes[(decoder.position() - start) as usize..];
/// }
/// assert!(bytes.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Decoder<C> {
    hasher: C,
    salt: Salt,
    position: u64,
    sequence: u64,
    /// The longest message that is acceptable now: 0 before the first sync frame and after CLOSED.
    message_limit: u32,
    pub(crate) rules: Rules,
    last_sync: Option<Sync>,
}

/// What doesn't change while a stream is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// The only stream whose sync frames are taken, if it is known before the first one.
    pub(crate) stream_id: Option<NonZeroU64>,
    pub(crate) header_check: u32,
    pub(crate) checksum_id: u8,
    pub(crate) header_len: u32,
    /// What the header promises, or what a length word can say.
    pub(crate) promised_limit: u32,
    /// This reader's own limit.
    pub(crate) reader_limit: u32,
    pub(crate) control_limit: u32,
}

impl Rules {
    /// The greatest acceptable length of a message whose length isn't trusted yet.
    pub(crate) fn message_limit(&self) -> u32 {
        self.promised_limit.min(self.reader_limit)
    }

    /// What the stream allows for a frame, and what this reader does: every reader takes control frames that every
    /// writer may make.
    pub(crate) fn limits_of(&self, head: Head) -> (u32, u32) {
        match head.is_control() {
            true => (self.control_limit, self.reader_limit.max(control::BODY_LIMIT)),
            false => (self.promised_limit, self.reader_limit),
        }
    }
}

impl<C: Checksum> Decoder<C> {
    /// A decoder for what follows a header: `hasher` is what its checksum names, `max_message_len` the longest message
    /// in bytes that the caller is willing to hold; 0 = whatever the header allows.
    #[must_use]
    pub fn new(header: &Essentials, max_message_len: u32, hasher: C) -> Self {
        Self {
            hasher,
            salt: Salt::new(0, 0),
            position: u64::from(header.header_len),
            sequence: 0,
            message_limit: 0,
            rules: Rules {
                stream_id: None,
                header_check: header.header_check,
                checksum_id: header.checksum.id(),
                header_len: header.header_len,
                promised_limit: header.message_limit(),
                reader_limit: match max_message_len {
                    0 => frame::BODY_LEN_MAX,
                    limit => limit.min(frame::BODY_LEN_MAX),
                },
                control_limit: header.max_message_len.clamp(control::BODY_LIMIT, frame::BODY_LEN_MAX),
            },
            last_sync: None,
        }
    }

    /// Takes only sync frames of this stream: one of another stream is damage, the first one too.
    #[must_use]
    pub const fn of_stream(mut self, id: NonZeroU64) -> Self {
        self.rules.stream_id = Some(id);
        self
    }

    /// Where the next frame starts, in bytes from the start of the stream.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// How many messages were decoded: the next one's sequence number.
    #[must_use]
    pub const fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The last sync frame that was accepted.
    #[must_use]
    pub const fn last_sync(&self) -> Option<&Sync> {
        self.last_sync.as_ref()
    }

    /// Whether the last frame was a sync frame that closed the stream.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.last_sync.is_some_and(|sync| sync.flags.is_closed())
    }

    /// Whose sync frames are taken, once that is known.
    pub(crate) fn stream_id(&self) -> Option<u64> {
        self.last_sync.map(|last| last.stream_id).or(self.rules.stream_id.map(NonZeroU64::get))
    }

    pub(crate) fn salt(&self) -> Option<Salt> {
        self.last_sync.map(|_| self.salt)
    }

    /// What computes the digests.
    #[must_use]
    pub const fn hasher(&self) -> &C {
        &self.hasher
    }

    /// Decodes the frame that `data` begin with; `data` start at [`position`](Self::position), which advances behind
    /// the frame unless more data are needed.
    ///
    /// # Errors
    /// A [`Stop`] with the position and what is wrong; nothing advances, and asking again gives the same answer.
    #[inline]
    pub fn decode<'a>(&mut self, data: &'a [u8]) -> Result<Decoded<'a>, Stop> {
        match self.message(&mut { data }) {
            Some(message) => Ok(Decoded::Message(message)),
            None => self.decode_other(data),
        }
    }

    /// The whole, good message at the start of `data`, which then begin behind its frame. Where it is `None`,
    /// [`decode`](Self::decode) says why.
    #[inline(always)]
    pub(crate) fn message<'a>(&mut self, data: &mut &'a [u8]) -> Option<MessageRef<'a>> {
        let position = self.position;
        let digest = |body: &[u8]| self.hasher.digest(body);
        let (body, behind) = good_message(digest, self.salt, self.message_limit, position, data)?;
        let message = MessageRef { body, position, sequence: self.sequence };
        self.position = position.wrapping_add((data.len() - behind.len()) as u64);
        self.sequence = self.sequence.wrapping_add(1);
        *data = behind;
        Some(message)
    }

    /// Decodes as many messages as stand in a row at the start of `data` and fit into `found`; returns how many, and
    /// how many bytes they take. Anything else (a sync frame, the need for more, damage) ends the row, and
    /// [`decode`](Self::decode) says what it is.
    ///
    /// ```
    /// # use core::num::NonZeroU64;
    /// use flatstream_format::{Algorithm, Decoded, Decoder, Essentials, Span};
    /// # use flatstream_format::{Encoder, Session, SyncFlags};
    /// # const HEADER: &[u8] = include_bytes!("../tests/minimal_header.bin");
    /// # let header = Essentials::parse(HEADER)?;
    /// # let mut encoder = Encoder::new(&header, Session { stream_id: NonZeroU64::MIN, epoch: 0 }, Algorithm::CRC32C);
    /// # let mut frames = [0; 256];
    /// # let mut end = encoder.encode_sync(0, SyncFlags::NONE, &mut frames)?;
    /// # for message in [&b"one"[..], b"two", b"three"] {
    /// #     end += encoder.encode_message(message, &mut frames[end..])?;
    /// # }
    /// # let frames = &frames[..end];
    ///
    /// let mut decoder = Decoder::new(&header, 0, Algorithm::CRC32C);
    /// assert!(matches!(decoder.decode(frames)?, Decoded::Sync(_)));
    /// let behind_sync = &frames[64..];
    /// let mut spans = [Span::default(); 8];
    /// let (count, used) = decoder.messages(behind_sync, &mut spans);
    /// assert_eq!((count, used), (3, behind_sync.len()));
    /// let Span { offset, len } = spans[2];
    /// assert_eq!(&behind_sync[offset as usize..][..len as usize], b"three");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn messages(&mut self, data: &[u8], found: &mut [Span]) -> (usize, usize) {
        let data = data.get(..u32::MAX as usize).unwrap_or(data);
        let (salt, message_limit, position) = (self.salt, self.message_limit, self.position);
        let (count, used) = self.hasher.run_pass(Row { salt, message_limit, position, data, found });
        self.position = position.wrapping_add(used as u64);
        self.sequence = self.sequence.wrapping_add(count as u64);
        (count, used)
    }

    #[cold]
    fn decode_other<'a>(&mut self, data: &'a [u8]) -> Result<Decoded<'a>, Stop> {
        self.decode_with_pad(data, is_zero)
    }

    fn decode_with_pad<'a>(&mut self, data: &'a [u8], is_good: fn(&[u8]) -> bool) -> Result<Decoded<'a>, Stop> {
        let Some((head, rest)) = data.split_first_chunk() else {
            return Ok(Decoded::NeedMore(frame::HEAD_LEN));
        };
        let head = Head::from_bytes(head);
        self.check_head(head).map_err(|reason| self.stop(reason))?;
        let Some((body, pad)) = split_body(rest, head.body_len()) else {
            return Ok(Decoded::NeedMore(frame::HEAD_LEN + padded(head.body_len() as usize)));
        };
        let (decoded, sync) = self.check_frame(head, body, is_good(pad)).map_err(|reason| self.stop(reason))?;
        match decoded {
            Decoded::Message(_) => self.sequence = self.sequence.wrapping_add(1),
            _ => {
                if let Some(sync) = sync {
                    self.accept_sync(sync);
                }
            }
        }
        self.position = self.position.wrapping_add((frame::HEAD_LEN + body.len() + pad.len()) as u64);
        Ok(decoded)
    }

    /// The same for a frame whose pad isn't zero, which is all that is wrong with it: a recovering reader takes it.
    ///
    /// # Errors
    /// As [`decode`](Self::decode), the pad apart.
    pub fn decode_despite_pad<'a>(&mut self, data: &'a [u8]) -> Result<Decoded<'a>, Stop> {
        self.decode_with_pad(data, |_| true)
    }

    /// Goes on behind a sync frame that was found by searching, as section 12 of the specification says: its epoch,
    /// position and sequence are the decoder's from now on. The data to be decoded next begin behind its frame.
    pub fn resume_behind(&mut self, found: &FoundSync) {
        self.accept_sync(found.sync);
        self.position = found.sync.position.wrapping_add(u64::from(found.frame_len));
        self.sequence = found.sync.sequence;
    }

    /// Goes on at another position without anything known of what lies between: behind frames that were salvaged. From
    /// now on sequences count from `sequence`, and are right only behind the next sync frame.
    pub const fn skip_to(&mut self, position: u64, sequence: u64) {
        self.position = position;
        self.sequence = sequence;
    }

    /// What is wrong with the frame at `position`, where `data` begin, if something is.
    #[must_use]
    pub fn wrong_at(&self, position: u64, data: &[u8]) -> Option<Stop>
    where
        C: Clone,
    {
        let mut probe = self.clone();
        probe.skip_to(position, self.sequence);
        match probe.decode(data) {
            Ok(Decoded::NeedMore(_)) => probe.at_end_of_data(data),
            Ok(_) => None,
            Err(stop) => Some(stop),
        }
    }

    const fn stop(&self, reason: StopReason) -> Stop {
        Stop { position: self.position, reason }
    }

    /// What it means that the data end with `data` left, which isn't a whole frame; `None` if nothing is left.
    #[must_use]
    pub fn at_end_of_data(&self, data: &[u8]) -> Option<Stop> {
        let found = data.len() as u64;
        let expected = data
            .first_chunk()
            .map_or(frame::HEAD_LEN as u64, |head| crate::frame_len(Head::from_bytes(head).body_len()));
        (found > 0).then(|| self.stop(StopReason::Incomplete { expected, found }))
    }

    /// Bounds the length before anything is done with it.
    fn check_head(&self, head: Head) -> Result<(), StopReason> {
        if head.is_blank() {
            return Err(StopReason::Blank);
        }
        let found = head.body_len();
        let (limit, reader_limit) = self.rules.limits_of(head);
        if found == 0 || found > limit {
            return Err(StopReason::Length { found, limit });
        }
        if found > reader_limit {
            return Err(StopReason::Limit { found, limit: reader_limit });
        }
        Ok(())
    }

    fn check_frame<'a>(
        &self,
        head: Head,
        body: &'a [u8],
        is_pad_good: bool,
    ) -> Result<(Decoded<'a>, Option<Sync>), StopReason> {
        let sync = if head.is_control() { Sync::from_body(body) } else { None };
        if self.last_sync.is_none() && sync.is_none() {
            return Err(StopReason::SyncMissing);
        }
        let expected = match &sync {
            Some(sync) => sync.expected_check(body, head.length_word),
            None if head.is_control() => {
                crate::sync::control_digest(body) ^ self.salt.mask(self.position, head.length_word)
            }
            None => self.hasher.digest(body) ^ self.salt.mask(self.position, head.length_word),
        };
        if head.check != expected {
            return Err(StopReason::Check { expected, found: head.check, length: head.body_len() });
        }
        if !is_pad_good {
            return Err(StopReason::Pad);
        }
        let decoded = match sync {
            Some(sync) => {
                self.check_sync(&sync)?;
                Decoded::Sync(sync)
            }
            None if head.is_control() => Decoded::Control { kind: self.check_control(body)?, body },
            None => Decoded::Message(MessageRef { body, position: self.position, sequence: self.sequence }),
        };
        let resumes = sync.is_some_and(|sync| self.last_sync.is_some_and(|last| sync.epoch > last.epoch));
        if self.is_closed() && !resumes {
            return Err(StopReason::AfterClosed);
        }
        Ok((decoded, sync))
    }

    /// The kind of a control frame that may be skipped.
    fn check_control(&self, body: &[u8]) -> Result<[u8; 4], StopReason> {
        let kind: [u8; 4] = match body.first_chunk() {
            Some(kind) if body.len() >= control::BODY_LEN_MIN => *kind,
            _ => return Err(StopReason::ControlKind),
        };
        if !kind.iter().all(u8::is_ascii_alphabetic) {
            return Err(StopReason::ControlKind);
        }
        if kind == sync::KIND_BYTES {
            return Err(StopReason::SyncField("length"));
        }
        let [first, ..] = kind;
        if first.is_ascii_uppercase() { Err(StopReason::UnsupportedKind(kind)) } else { Ok(kind) }
    }

    /// Specification: section 10, "A frame at D", step 9.
    fn check_sync(&self, sync: &Sync) -> Result<(), StopReason> {
        if let Some(field) = sync.field_out_of_range() {
            return Err(StopReason::SyncField(field));
        }
        if sync.checksum_id != self.rules.checksum_id {
            return Err(StopReason::SyncField("checksum"));
        }
        if let Some(expected) = self.stream_id()
            && sync.stream_id != expected
        {
            return Err(StopReason::SyncStream { expected, found: sync.stream_id });
        }
        if sync.header_check != self.rules.header_check {
            return Err(StopReason::SyncHeader { expected: self.rules.header_check, found: sync.header_check });
        }
        if sync.position != self.position {
            return Err(StopReason::SyncPosition { found: sync.position });
        }
        if let Some(last) = &self.last_sync
            && (sync.epoch < last.epoch || (sync.epoch > last.epoch && !sync.flags.is_resumed()))
        {
            return Err(StopReason::SyncEpoch { expected: last.epoch, found: sync.epoch });
        }
        if sync.sequence != self.sequence {
            return Err(StopReason::SyncSequence { expected: self.sequence, found: sync.sequence });
        }
        Ok(())
    }

    fn accept_sync(&mut self, sync: Sync) {
        self.salt = sync.salt();
        self.message_limit = if sync.flags.is_closed() { 0 } else { self.rules.message_limit() };
        self.last_sync = Some(sync);
    }
}

/// A row of messages to be verified.
struct Row<'a> {
    salt: Salt,
    message_limit: u32,
    position: u64,
    data: &'a [u8],
    found: &'a mut [Span],
}

impl Pass for Row<'_> {
    type Output = (usize, usize);

    #[inline(always)]
    fn run(self, digest: impl Fn(&[u8]) -> u32) -> (usize, usize) {
        let Self { salt, message_limit, position: start, data, found } = self;
        let mut rest = data;
        let mut count = 0;
        for span in found {
            prefetch(rest, FROM_CACHE);
            let offset = data.len() - rest.len();
            let position = start.wrapping_add(offset as u64);
            let Some((body, behind)) = good_message(&digest, salt, message_limit, position, rest) else { break };
            *span = Span { offset: (offset + frame::HEAD_LEN) as u32, len: body.len() as u32 };
            count += 1;
            rest = behind;
        }
        (count, data.len() - rest.len())
    }
}

/// The body of a whole, good message at the start of `data`, and what lies behind its frame.
#[inline(always)]
fn good_message(
    digest: impl Fn(&[u8]) -> u32,
    salt: Salt,
    message_limit: u32,
    position: u64,
    data: &[u8],
) -> Option<(&[u8], &[u8])> {
    let (head, rest) = data.split_first_chunk()?;
    let head = Head::from_bytes(head);
    // Empty messages wrap to the greatest number; control frames exceed every limit.
    if head.length_word.wrapping_sub(1) >= message_limit {
        return None;
    }
    let len = head.length_word as usize;
    let (padded, behind) = rest.split_at_checked(padded(len))?;
    let body = padded.get(..len)?;
    if head.check != digest(body) ^ salt.mask(position, head.length_word) {
        return None;
    }
    // Most FlatBuffers need no pad.
    let has_pad = !len.is_multiple_of(ALIGNMENT);
    if has_pad && pad_of_last_word(u64::from_le_bytes(*padded.last_chunk()?), head.length_word) != 0 {
        return None;
    }
    Some((body, behind))
}
