use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use flatstream_format::{EncodeError, End, EndState, Evidence, HeaderError, StopReason};

/// What every function here that can fail returns.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a stream couldn't be written or read: what kind, where, and the cause.
///
/// It converts into [`std::io::Error`], so `?` works in functions that return `std::io::Result`.
///
/// ```
/// use flatstream_io::{ErrorKind, Reader};
///
/// let error = Reader::new(&b"%PDF-1.7 and so on"[..]).err().unwrap();
/// assert_eq!(error.kind(), ErrorKind::NotAStream);
/// assert_eq!(error.position(), Some(0));
/// assert_eq!(
///     error.to_string(),
///     "not a flatstream: expected \"FLS1\" at position 8, found \"%PDF-1.7 and\""
/// );
/// ```
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    cause: Cause,
    position: Option<u64>,
}

#[derive(Clone, Debug)]
enum Cause {
    Read(Arc<io::Error>),
    Write(Arc<io::Error>),
    Sync(Arc<io::Error>),
    /// A call after this failure.
    Refused(Error),
    Format(flatstream_format::Error),
    Encode(EncodeError),
    NotClosed(End),
    /// The options make no header.
    Options(HeaderError),
    Usage(&'static str),
    File {
        path: PathBuf,
        action: &'static str,
        error: Arc<io::Error>,
    },
    Locked(PathBuf),
    EpochsUsedUp(PathBuf),
    Differs {
        path: PathBuf,
        expected: u64,
        found: u64,
    },
    /// An option contradicts the header of the stream that was opened.
    Contradiction {
        what: &'static str,
        option: String,
        header: String,
    },
    Tail {
        path: PathBuf,
        end: End,
        evidence: Option<Evidence>,
        why: &'static str,
    },
    /// The memory of a `SharedWriter` is full; the message comes back.
    Full {
        message: Bytes,
        limit: u64,
    },
    /// A message of so many bytes is more than the memory of a `SharedWriter`.
    BeyondMemory {
        len: usize,
        limit: usize,
    },
    Dropped,
    /// The stream doesn't have the place behind so many messages any more.
    Gone {
        sequence: u64,
        found: String,
    },
    /// A text that should be a cursor, and what it isn't.
    NotACursor(String),
    /// What a crate above this one says.
    Other {
        kind: ErrorKind,
        error: Arc<dyn std::error::Error + Send + Sync>,
    },
    #[cfg(feature = "typed")]
    Type(Arc<crate::typed::TypeError>),
}

/// Who can do something about an [`Error`].
///
/// ```
/// use flatstream_io::{ErrorKind, Reader};
///
/// fn advice(error: &flatstream_io::Error) -> &'static str {
///     match error.kind() {
///         ErrorKind::NotAStream => "is that the right file?",
///         ErrorKind::Unsupported => "update flatstream, or turn a feature on",
///         ErrorKind::Limit => "raise max_message_len",
///         _ => "see the message",
///     }
/// }
/// let error = Reader::new(&b"PK a zip file"[..]).unwrap_err();
/// assert_eq!(advice(&error), "is that the right file?");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The source or the sink failed; [`Error::io_error`] is what it said.
    Io,
    /// These bytes are no stream.
    NotAStream,
    /// The data end inside the header, so they hold no message.
    Incomplete,
    /// The stream is damaged at [`Error::position`]: scattered or corrupt.
    Damaged,
    /// The stream ended without the mark that its writer finished, and
    /// [`require_closed`](crate::ReadOptions::require_closed) asked for it.
    NotClosed,
    /// A later version of flatstream, a crate feature, or a hasher is needed.
    Unsupported,
    /// A limit was reached that an option can raise.
    Limit,
    /// The call makes no sense: an empty message, options that contradict each other or the header of the stream, a
    /// stream that can't be split where it was.
    Usage,
    /// Another writer has the file open.
    Locked,
    /// What the file ends with would have to be cut, and the options or the rules say no. Nothing was changed.
    Refused,
    /// The memory that was allowed is full of messages that the sink hasn't taken yet;
    /// [`Error::refused_message`] gives the message back.
    Full,
    /// The stream, or the message at [`Error::position`], isn't of the type that was asked for.
    WrongType,
    /// The file doesn't have the place any more at which reading was to go on ([`Error::position`]): the stream was cut
    /// before it, or the file holds another stream.
    Gone,
    /// A file in the folder of a log isn't the segment that its name says: it was renamed, or is none.
    WrongSegment,
}

impl Error {
    fn new(cause: Cause, position: Option<u64>) -> Self {
        Self(Box::new(Inner { cause, position }))
    }

    pub(crate) fn read(error: io::Error, position: u64) -> Self {
        Self::new(Cause::Read(Arc::new(error)), Some(position))
    }

    pub(crate) fn write(error: io::Error, position: u64) -> Self {
        Self::new(Cause::Write(Arc::new(error)), Some(position))
    }

    pub(crate) fn sync(error: io::Error, position: u64) -> Self {
        Self::new(Cause::Sync(Arc::new(error)), Some(position))
    }

    pub(crate) fn options(error: HeaderError) -> Self {
        Self::new(Cause::Options(error), None)
    }

    pub(crate) fn usage(what: &'static str) -> Self {
        Self::new(Cause::Usage(what), None)
    }

    /// An error of this kind that says what `error` says: for what stands on this crate, and for sinks.
    ///
    /// ```
    /// use flatstream_io::{Error, ErrorKind};
    ///
    /// let error = Error::of_kind(ErrorKind::Locked, "the archive is being moved");
    /// assert_eq!(error.kind(), ErrorKind::Locked);
    /// assert_eq!(error.to_string(), "the archive is being moved");
    /// ```
    pub fn of_kind(kind: ErrorKind, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::new(Cause::Other { kind, error: Arc::from(error.into()) }, None)
    }

    /// A file that can't be `action` (`opened`, `removed`): an error of the kind [`Io`](ErrorKind::Io) that names it.
    ///
    /// ```
    /// use std::path::Path;
    ///
    /// use flatstream_io::Error;
    ///
    /// let error = Error::file(Path::new("events.fls"), "removed", std::io::Error::other("it is in use"));
    /// assert_eq!(error.to_string(), "events.fls can't be removed: it is in use");
    /// ```
    #[must_use]
    pub fn file(path: &Path, action: &'static str, error: io::Error) -> Self {
        Self::new(Cause::File { path: path.to_path_buf(), action, error: Arc::new(error) }, None)
    }

    pub(crate) fn locked(path: &Path) -> Self {
        Self::new(Cause::Locked(path.to_path_buf()), None)
    }

    pub(crate) fn epochs_used_up(path: &Path) -> Self {
        Self::new(Cause::EpochsUsedUp(path.to_path_buf()), None)
    }

    /// A stream that was just written doesn't read back as it was.
    pub(crate) fn differs(path: &Path, expected: u64, found: u64) -> Self {
        Self::new(Cause::Differs { path: path.to_path_buf(), expected, found }, None)
    }

    pub(crate) fn contradiction(what: &'static str, option: String, header: String) -> Self {
        Self::new(Cause::Contradiction { what, option, header }, None)
    }

    /// A tail that isn't cut; `evidence` is what shows that the stream goes on behind its position.
    pub(crate) fn tail(path: &Path, end: End, evidence: Option<Evidence>, why: &'static str) -> Self {
        let position = end.position;
        Self::new(Cause::Tail { path: path.to_path_buf(), end, evidence, why }, Some(position))
    }

    pub(crate) fn full(message: &[u8], limit: u64) -> Self {
        Self::new(Cause::Full { message: Bytes::copy_from_slice(message), limit }, None)
    }

    /// No room could ever be made for a message of so many bytes.
    pub(crate) fn beyond_memory(len: usize, limit: usize) -> Self {
        Self::new(Cause::BeyondMemory { len, limit }, None)
    }

    pub(crate) fn dropped() -> Self {
        Self::new(Cause::Dropped, None)
    }

    /// `found` says what is there instead of the place behind `sequence` messages at `position`.
    pub(crate) fn gone(sequence: u64, position: u64, found: String) -> Self {
        Self::new(Cause::Gone { sequence, found }, Some(position))
    }

    pub(crate) fn not_a_cursor(text: &str) -> Self {
        Self::new(Cause::NotACursor(text.chars().take(120).collect()), None)
    }

    pub(crate) fn not_closed(end: End) -> Self {
        Self::new(Cause::NotClosed(end), Some(end.position))
    }

    pub(crate) fn encode(error: EncodeError, position: impl Into<Option<u64>>) -> Self {
        Self::new(Cause::Encode(error), position.into())
    }

    /// What a writer says to every call after its first failure, which is this.
    #[must_use]
    pub fn refused(&self) -> Self {
        Self::new(Cause::Refused(self.clone()), self.position())
    }

    /// Who can do something about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match &self.0.cause {
            Cause::Read(_) | Cause::Write(_) | Cause::Sync(_) | Cause::File { .. } => ErrorKind::Io,
            Cause::Locked(_) => ErrorKind::Locked,
            Cause::EpochsUsedUp(_) | Cause::BeyondMemory { .. } => ErrorKind::Limit,
            Cause::Differs { .. } => ErrorKind::Damaged,
            Cause::Tail { end, .. } if end.state == EndState::Corrupt => ErrorKind::Damaged,
            Cause::Tail { .. } => ErrorKind::Refused,
            Cause::Full { .. } | Cause::Dropped => ErrorKind::Full,
            Cause::Gone { .. } => ErrorKind::Gone,
            Cause::Refused(first) => first.kind(),
            Cause::Format(error) => format_kind(error),
            Cause::Encode(EncodeError::TooLong { .. }) => ErrorKind::Limit,
            Cause::Options(HeaderError::Length(_)) => ErrorKind::Limit,
            Cause::Options(HeaderError::Checksum(_)) => ErrorKind::Unsupported,
            Cause::Encode(_)
            | Cause::Options(_)
            | Cause::Usage(_)
            | Cause::Contradiction { .. }
            | Cause::NotACursor(_) => ErrorKind::Usage,
            Cause::NotClosed(_) => ErrorKind::NotClosed,
            Cause::Other { kind, .. } => *kind,
            #[cfg(feature = "typed")]
            Cause::Type(error) => error.kind(),
        }
    }

    /// Where in the stream, in bytes from its start; for a failed write, the number of bytes that the sink had taken.
    #[must_use]
    pub fn position(&self) -> Option<u64> {
        self.0.position
    }

    /// What the source or the sink said.
    #[must_use]
    pub fn io_error(&self) -> Option<&io::Error> {
        match &self.0.cause {
            Cause::Read(error) | Cause::Write(error) | Cause::Sync(error) | Cause::File { error, .. } => Some(error),
            Cause::Refused(first) => first.io_error(),
            Cause::Other { error, .. } => error.downcast_ref(),
            _ => None,
        }
    }

    /// What is wrong with the bytes, with what was expected and what was found.
    #[must_use]
    pub fn format_error(&self) -> Option<&flatstream_format::Error> {
        match &self.0.cause {
            Cause::Format(error) => Some(error),
            _ => None,
        }
    }

    /// The message that a [`SharedWriter`](crate::SharedWriter) refused because its memory was full.
    #[must_use]
    pub fn refused_message(&self) -> Option<&Bytes> {
        match &self.0.cause {
            Cause::Full { message, .. } => Some(message),
            _ => None,
        }
    }

    /// Whether the source only had nothing to give now (`WouldBlock`, `TimedOut`): nothing is lost, and the same call
    /// may be made again. [`Opening`](crate::Opening) has an example.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match &self.0.cause {
            Cause::Read(error) => matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut),
            _ => false,
        }
    }
}

fn format_kind(error: &flatstream_format::Error) -> ErrorKind {
    use flatstream_format::Error as Format;
    match error {
        Format::Header(HeaderError::NotAStream { .. }) => ErrorKind::NotAStream,
        Format::Header(HeaderError::Incomplete { .. }) => ErrorKind::Incomplete,
        Format::Header(
            HeaderError::Version(_)
            | HeaderError::Features(_)
            | HeaderError::Alignment(_)
            | HeaderError::UnknownChecksum(_)
            | HeaderError::Checksum(_),
        ) => ErrorKind::Unsupported,
        Format::Frame { stop, .. } => match stop.reason {
            StopReason::UnsupportedKind(_) => ErrorKind::Unsupported,
            StopReason::Limit { .. } => ErrorKind::Limit,
            _ => ErrorKind::Damaged,
        },
        Format::FalseBorder(_) => ErrorKind::Usage,
        _ => ErrorKind::Damaged,
    }
}

/// The sentence of `Display`: it is what `main` prints when it returns an error.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let position = self.0.position.unwrap_or_default();
        match &self.0.cause {
            Cause::Read(error) => write!(f, "reading failed at position {position}: {error}"),
            Cause::Write(error) => write!(f, "writing failed after {position} bytes: {error}"),
            Cause::Sync(error) => {
                write!(f, "making {position} bytes durable failed, and it is unknown which of them are: {error}")
            }
            Cause::Refused(first) => write!(f, "the writer refuses to go on, because earlier {first}"),
            Cause::Format(error) => error.fmt(f),
            Cause::Encode(error) => write!(f, "{error}; the stream is unharmed"),
            Cause::NotClosed(end) => write!(f, "the stream was not closed by its writer: {end}"),
            Cause::Options(HeaderError::Length(found)) => {
                write!(f, "schema, metadata and texts make a header of {found} bytes, expected at most 1 MiB")
            }
            Cause::Options(HeaderError::UnknownChecksum(id)) => {
                write!(f, "a private checksum has an id from 128 to 255, not {id}")
            }
            Cause::Options(error) => write!(f, "these options make no stream: {error}"),
            Cause::Usage(what) => f.write_str(what),
            Cause::File { path, action, error } => write!(f, "{} can't be {action}: {error}", path.display()),
            Cause::Locked(path) => write!(f, "another writer has {} open", path.display()),
            Cause::EpochsUsedUp(path) => {
                write!(f, "{} was reopened 2^32-1 times: begin another stream", path.display())
            }
            Cause::Differs { path, expected, found } => write!(
                f,
                "{} doesn't read back as it was written: expected {expected} messages, found {found}, or others",
                path.display()
            ),
            Cause::Contradiction { what, option, header } => {
                write!(
                    f,
                    "the {what} of the options is {option}, but that of the stream is {header}, which can't change"
                )
            }
            Cause::Tail { path, end, evidence, why } => {
                write!(f, "{} is {end}", path.display())?;
                if let Some(evidence) = evidence {
                    write!(f, "; {evidence}")?;
                }
                write!(f, "; {why}, and nothing was changed")
            }
            Cause::Full { message, limit } => write!(
                f,
                "{limit} bytes of messages wait for the sink, and a message of {} bytes was refused",
                message.len()
            ),
            Cause::BeyondMemory { len, limit } => write!(
                f,
                "a message of {len} bytes exceeds the memory for waiting messages of {limit}; the stream is unharmed"
            ),
            Cause::Dropped => f.write_str("the message was dropped, because the memory for waiting messages was full"),
            Cause::Gone { sequence, found } => {
                let plural = if *sequence == 1 { "" } else { "s" };
                write!(f, "the place behind {sequence} message{plural}, at position {position}, is gone: {found}")
            }
            Cause::NotACursor(text) => {
                write!(f, "{text:?} is no cursor, or not all of one: copy it as a whole")
            }
            Cause::Other { error, .. } => error.fmt(f),
            #[cfg(feature = "typed")]
            Cause::Type(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0.cause {
            Cause::Read(error) | Cause::Write(error) | Cause::Sync(error) | Cause::File { error, .. } => Some(&**error),
            Cause::Refused(first) => Some(first),
            // It speaks for itself: what it says is said already.
            Cause::Other { error, .. } => error.source(),
            #[cfg(feature = "typed")]
            Cause::Type(error) => error.source(),
            _ => None,
        }
    }
}

#[cfg(feature = "typed")]
impl From<crate::typed::TypeError> for Error {
    #[cold]
    fn from(error: crate::typed::TypeError) -> Self {
        let position = error.position();
        Self::new(Cause::Type(Arc::new(error)), position)
    }
}

impl From<flatstream_format::Error> for Error {
    fn from(error: flatstream_format::Error) -> Self {
        let position = error.position();
        Self::new(Cause::Format(error), Some(position))
    }
}

impl From<HeaderError> for Error {
    fn from(error: HeaderError) -> Self {
        flatstream_format::Error::Header(error).into()
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match error.kind() {
            ErrorKind::Io => error.io_error().map_or(io::ErrorKind::Other, io::Error::kind),
            ErrorKind::Incomplete | ErrorKind::NotClosed => io::ErrorKind::UnexpectedEof,
            ErrorKind::Unsupported => io::ErrorKind::Unsupported,
            ErrorKind::Usage => io::ErrorKind::InvalidInput,
            ErrorKind::NotAStream
            | ErrorKind::Damaged
            | ErrorKind::Limit
            | ErrorKind::Refused
            | ErrorKind::WrongType
            | ErrorKind::Gone
            | ErrorKind::WrongSegment => io::ErrorKind::InvalidData,
            ErrorKind::Locked => io::ErrorKind::ResourceBusy,
            ErrorKind::Full => io::ErrorKind::QuotaExceeded,
        };
        Self::new(kind, error)
    }
}
