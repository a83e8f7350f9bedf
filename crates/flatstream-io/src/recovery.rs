use std::collections::VecDeque;
use std::fmt;
use std::num::NonZeroU64;

use flatstream_format::{Dropped, Essentials, Sync, frame_len, limits};

/// The least that is held: some small messages and their sync frames.
const WINDOW_MIN: usize = 4 << 10;

/// How a reader goes on behind damage: [`ReadOptions::recovery`](crate::ReadOptions::recovery). Specification: sections
/// 12 and 13.
///
/// A recovering reader delivers nothing wrong and nothing twice. It finds the next sync frame, delivers every good
/// frame before it, and says what it skipped and how many messages were lost ([`Finding`]).
///
/// ```
/// use flatstream_io::{Finding, ReadOptions, Reader, Recovery, WriteOptions, Writer};
///
/// let mut writer = Writer::new(Vec::new(), WriteOptions::new())?;
/// for message in [b"first", b"other", b"third"] {
///     writer.append(message)?;
/// }
/// let mut bytes = writer.finish()?;
/// let place = bytes.windows(5).position(|part| part == b"other").unwrap();
/// bytes[place] ^= 1; // damage
///
/// let mut reader = Reader::with_options(&bytes[..], ReadOptions::new().recovery(Recovery::new()))?;
/// assert_eq!(reader.next_message()?, Some(&b"first"[..]));
/// assert_eq!(reader.next_message()?, Some(&b"third"[..]));
/// assert_eq!(reader.next_message()?, None);
/// assert_eq!(reader.losses().messages, 1);
/// for finding in reader.take_findings() {
///     println!("{finding}"); // 16 bytes skipped from 224 to 240: ...; 1 message lost before position 256
/// }
/// # Ok::<(), flatstream_io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Recovery {
    is_link: bool,
    is_careful: bool,
    window: usize,
    stream_id: Option<NonZeroU64>,
}

impl Default for Recovery {
    fn default() -> Self {
        Self::new()
    }
}

impl Recovery {
    /// For files, and for whatever holds the bytes of a stream from its beginning on.
    pub fn new() -> Self {
        Self { is_link: false, is_careful: false, window: limits::SALVAGE_WINDOW_MAX, stream_id: None }
    }

    /// For a link: a UART, a radio, a socket through a lossy relay, where bytes are lost, inserted and repeated, a
    /// sender starts anew, and a receiver may join late, without the header.
    pub fn link() -> Self {
        Self { is_link: true, ..Self::new() }
    }

    /// Whether a message between damage and the next sync frame is delivered only if another good frame, or the sync
    /// frame, follows it directly. Worth its price with [`ChecksumType::None`](crate::ChecksumType::None), where a
    /// frame is recognised by its head alone. The default is `false`.
    pub fn careful(mut self, careful: bool) -> Self {
        self.is_careful = careful;
        self
    }

    /// How far behind damage messages are looked for while there is no sync frame, in bytes; twice as many are held,
    /// and on a link the header of a new session. The default is 16 MiB, or less where the header promises that
    /// messages are shorter; the least is 4 KiB.
    pub fn window(mut self, bytes: usize) -> Self {
        self.window = bytes.clamp(WINDOW_MIN, 1 << 30);
        self
    }

    /// The id of the stream that is read: whatever there is of others is passed over. For data that don't begin with
    /// the stream they hold, because another one was written over its beginning ([`Finding::OtherStream`] says so). By
    /// default the first sync frame tells.
    pub fn stream_id(mut self, id: NonZeroU64) -> Self {
        self.stream_id = Some(id);
        self
    }

    pub(crate) fn only_stream(&self) -> Option<NonZeroU64> {
        self.stream_id
    }

    /// Whether a sync frame may be one of the stream that is read.
    pub(crate) fn takes(&self, sync: &Sync) -> bool {
        self.stream_id.is_none_or(|id| id.get() == sync.stream_id)
    }

    /// Whether it is meant for a link.
    #[must_use]
    pub fn is_link(&self) -> bool {
        self.is_link
    }

    pub(crate) fn is_careful(&self) -> bool {
        self.is_careful
    }

    /// How many bytes are held at most.
    pub(crate) fn window_max(&self) -> usize {
        self.window
    }

    /// Specification: section 12, W; with room for the head and the pad of the longest frame.
    pub(crate) fn window_for(&self, header: &Essentials) -> usize {
        let wanted = (2 * interval_of(header)).max(frame_len(header.message_limit()));
        usize::try_from(wanted).unwrap_or(usize::MAX).min(self.window).max(WINDOW_MIN)
    }

    /// How far behind a sync frame that isn't in its place one is waited for that is: as far as sync frames lie apart,
    /// if messages aren't longer than 1 MiB.
    pub(crate) fn patience_for(&self, header: &Essentials) -> usize {
        let wanted = (2 * interval_of(header)).max(u64::from(header.message_limit()).min(1 << 20));
        usize::try_from(wanted).unwrap_or(usize::MAX)
    }
}

fn interval_of(header: &Essentials) -> u64 {
    u64::from(if header.sync_interval == 0 { limits::SYNC_INTERVAL } else { header.sync_interval })
}

/// Something that a reader noticed beside the messages. Offsets count the bytes of the source; they are positions as
/// long as nothing was lost or inserted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finding {
    /// Bytes that weren't understood, and were skipped.
    Skipped {
        /// Offset of the first.
        begin: u64,
        /// Offset behind the last.
        end: u64,
        /// What was wrong at the first.
        why: flatstream_format::Error,
    },
    /// A sync frame tells how many messages were lost since the last one.
    Lost {
        /// How many, exactly.
        messages: u64,
        /// The position of the sync frame.
        position: u64,
    },
    /// Messages were lost, but no sync frame follows that tells how many.
    LostUnknown {
        /// The offset behind which they were.
        begin: u64,
    },
    /// A sync frame counts fewer messages than were delivered.
    Contradiction {
        /// The position of the sync frame.
        position: u64,
        /// How many messages it counts.
        counted: u64,
        /// How many were delivered, the lost ones before included.
        delivered: u64,
    },
    /// Bytes were lost (above 0) or inserted (below 0) before a sync frame: what follows lies so far from its place.
    Displaced {
        /// The offset of the sync frame.
        offset: u64,
        /// How many bytes were lost, or how many were inserted.
        by: i64,
    },
    /// A message, or a control frame, is good but for its pad, which isn't zero.
    Pad {
        /// The position of its frame.
        position: u64,
    },
    /// The writer dropped messages here, because its memory was full. They have no sequence numbers.
    Dropped {
        /// The position of the frame that says so.
        position: u64,
        /// How many.
        dropped: Dropped,
    },
    /// The header is damaged or missing. A sync frame tells the checksum; everything else that a header says is
    /// unknown.
    HeaderRecovered {
        /// The offset of the sync frame.
        offset: u64,
        /// What is wrong with the header.
        why: flatstream_format::HeaderError,
    },
    /// The header is good, but the sync frames are of another one, and win: it was written over the file's own. A sync
    /// frame tells the checksum; everything else that a header says is unknown.
    HeaderContradicted {
        /// The offset of the sync frame.
        offset: u64,
    },
    /// Another stream begins: on a link the sender has started anew, and its messages follow. Or the one before goes
    /// on, if the new one was only stored in one of its messages, or the sender has only sent its header again.
    NewStream {
        /// The offset of its header, or of the sync frame by which it was noticed.
        offset: u64,
        /// Its id, if a sync frame told it.
        stream_id: Option<u64>,
    },
    /// Nothing more of the stream follows in the file, but a sync frame of another one does, at the position that it
    /// names: the beginning may have been written over by a stream of the same program, or what follows may be left of
    /// an older file. It isn't read: [`Recovery::stream_id`] reads it.
    OtherStream {
        /// The offset of the sync frame.
        offset: u64,
        /// The other stream's id.
        stream_id: u64,
    },
    /// A second stream begins in the file. It isn't read: open the file from there on.
    SecondStream {
        /// The offset of its header.
        offset: u64,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Skipped { begin, end, why } => {
                write!(f, "{} bytes skipped from {begin} to {end}: {why}", end - begin)
            }
            Self::Lost { messages: 1, position } => write!(f, "1 message lost before position {position}"),
            Self::Lost { messages, position } => write!(f, "{messages} messages lost before position {position}"),
            Self::LostUnknown { begin } => {
                write!(f, "messages may be lost behind {begin}, and no sync frame follows that tells how many")
            }
            Self::Contradiction { position, counted, delivered } => write!(
                f,
                "the sync frame at position {position} counts {counted} messages, but {delivered} were delivered"
            ),
            Self::Displaced { offset, by } if *by > 0 => {
                write!(f, "{by} bytes are missing before the sync frame at offset {offset}")
            }
            Self::Displaced { offset, by } => {
                write!(f, "{} bytes too many lie before the sync frame at offset {offset}", by.unsigned_abs())
            }
            Self::Pad { position } => write!(f, "the pad of the frame at position {position} isn't zero"),
            Self::Dropped { position, dropped: Dropped { messages, bytes } } => {
                write!(f, "the writer dropped {messages} messages of {bytes} bytes in all at position {position}")
            }
            Self::HeaderRecovered { offset, why } => {
                write!(f, "{why}; the sync frame at offset {offset} tells the checksum, nothing else is known")
            }
            Self::HeaderContradicted { offset } => {
                write!(f, "the sync frame at offset {offset} contradicts the header, and was believed")
            }
            Self::NewStream { offset, stream_id: Some(id) } => {
                write!(f, "another stream, {id:#018x}, begins before offset {offset}")
            }
            Self::NewStream { offset, stream_id: None } => write!(f, "another stream begins at offset {offset}"),
            Self::OtherStream { offset, stream_id } => {
                write!(f, "another stream, {stream_id:#018x}, goes on at offset {offset}; it wasn't read")
            }
            Self::SecondStream { offset } => {
                write!(f, "a second stream begins at offset {offset}: open the data from there on to read it")
            }
        }
    }
}

/// What a recovering reader has lost so far, in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Losses {
    /// How many messages, by the sync frames behind the damage.
    pub messages: u64,
    /// Whether more may be lost behind the last sync frame, where nothing tells how many.
    pub may_be_more: bool,
    /// How many ranges of bytes were skipped.
    pub ranges: u64,
    /// How many bytes they have in all.
    pub bytes: u64,
}

impl Losses {
    /// Whether nothing was lost, as far as anyone can tell.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// So many findings wait to be taken; later ones are only counted.
const FINDINGS_MAX: usize = 1024;

/// What was noticed and not yet taken, in bounded memory.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    waiting: VecDeque<Finding>,
    left_out: u64,
    losses: Losses,
}

impl Findings {
    pub(crate) fn push(&mut self, finding: Finding) {
        match &finding {
            Finding::Skipped { begin, end, .. } => {
                self.losses.ranges += 1;
                self.losses.bytes += end - begin;
            }
            Finding::Lost { messages, .. } => self.losses.messages = self.losses.messages.saturating_add(*messages),
            Finding::LostUnknown { .. } => self.losses.may_be_more = true,
            _ => {}
        }
        if self.waiting.len() < FINDINGS_MAX {
            self.waiting.push_back(finding);
        } else {
            self.left_out += 1;
        }
    }

    pub(crate) fn take(&mut self) -> Vec<Finding> {
        std::mem::take(&mut self.waiting).into()
    }

    pub(crate) fn left_out(&self) -> u64 {
        self.left_out
    }

    pub(crate) fn losses(&self) -> &Losses {
        &self.losses
    }
}
