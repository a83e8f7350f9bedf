use std::fmt;
use std::io;
use std::time::Duration;

use flatstream_io::{Error, ErrorKind, OnTail, Result, WriteOptions};

use crate::identity::keys;
use crate::problem;
use crate::segment::Segment;

/// Segments of 256 MiB are few enough to list and small enough to send.
const SEGMENT_BYTES: u64 = 256 << 20;

pub(crate) type RemovalHook = Box<dyn FnMut(&Segment) -> io::Result<()> + Send>;
pub(crate) type ErrorHook = Box<dyn FnMut(&Error) + Send>;

/// How a log is written: how its segments are, when the next one begins, and which of them are kept.
///
/// ```
/// use std::time::Duration;
///
/// use flatstream_io::{SyncPolicy, WriteOptions};
/// use flatstream_log::LogOptions;
///
/// let options = LogOptions::new()
///     .write_options(WriteOptions::new().sync_policy(SyncPolicy::Every(Duration::from_secs(1))))
///     .segment_time(Duration::from_secs(3600))
///     .keep_for(Duration::from_secs(7 * 24 * 3600));
/// ```
#[must_use]
pub struct LogOptions {
    pub(crate) write: WriteOptions,
    pub(crate) segment_bytes: u64,
    pub(crate) segment_time: Option<Duration>,
    pub(crate) retention: Retention,
    pub(crate) on_error: Option<ErrorHook>,
}

/// Which segments are kept.
#[derive(Default)]
pub(crate) struct Retention {
    pub(crate) bytes: Option<u64>,
    pub(crate) segments: Option<usize>,
    pub(crate) time: Option<Duration>,
    pub(crate) before_removal: Option<RemovalHook>,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl LogOptions {
    /// Segments of 256 MiB, all of which are kept; [`WriteOptions::new`] for each.
    pub fn new() -> Self {
        Self {
            write: WriteOptions::new().on_tail(OnTail::CutAndKeepForeign),
            segment_bytes: SEGMENT_BYTES,
            segment_time: None,
            retention: Retention::default(),
            on_error: None,
        }
    }

    /// How each segment is written: checksum, schema, metadata, and all policies, which go on from one segment to the
    /// next. Metadata with keys that begin with `flatstream.log.` are the log's own: options can't have any.
    ///
    /// A stream id or a ready header can't be chosen: each segment has its own. The segment that a log is opened in
    /// keeps its header, and options that contradict it are an error, as for
    /// [`Writer::open`](flatstream_io::Writer::open).
    ///
    /// Times don't decrease from one segment to the next while a writer has the log open, as in one stream: neither
    /// those of a clock that is set back nor [those of events](WriteOptions::event_times).
    ///
    /// [`OnTail::CutAndKeep`] comes to [`OnTail::CutAndKeepForeign`]: what a power cut leaves of segments that were
    /// removed doesn't keep a log from being opened.
    pub fn write_options(mut self, options: WriteOptions) -> Self {
        self.write = match options.chosen_on_tail() {
            OnTail::CutAndKeep => options.on_tail(OnTail::CutAndKeepForeign),
            _ => options,
        };
        self
    }

    /// The next segment begins when this one has so many bytes or more: the message that reaches this is the last one
    /// in it. The default is 256 MiB. A segment holds at least one message, whatever its size.
    pub fn segment_bytes(mut self, bytes: u64) -> Self {
        self.segment_bytes = bytes;
        self
    }

    /// The next segment begins, also, when this one is so old, counted from its creation over all openings, and holds a
    /// message. By default time makes no difference.
    ///
    /// A [`LogWriter`](crate::LogWriter) has no thread: it looks at the clock when something is appended. A
    /// [`SharedWriter`](flatstream_io::SharedWriter)'s thread looks at it always.
    pub fn segment_time(mut self, time: Duration) -> Self {
        self.segment_time = Some(time);
        self
    }

    /// The oldest segments go while all of them have more bytes than this, together with the tails that were cut off
    /// them and kept. By default none goes.
    ///
    /// That is looked at when a segment begins and when the log is opened. So the log grows beyond it by up to a
    /// segment.
    pub fn keep_bytes(mut self, bytes: u64) -> Self {
        self.retention.bytes = Some(bytes);
        self
    }

    /// The oldest segments go while there are more than so many, with the one that is written. By default none goes.
    pub fn keep_segments(mut self, segments: usize) -> Self {
        self.retention.segments = Some(segments);
        self
    }

    /// The oldest segment goes when its last message is so old. By default none goes.
    ///
    /// That is measured by when the file was written last, by the system's clock: whatever the clock of the stream
    /// means, be it the time of events that were recorded elsewhere. A copy of a log may so be kept for longer, and is
    /// never kept for less.
    pub fn keep_for(mut self, time: Duration) -> Self {
        self.retention.time = Some(time);
        self
    }

    /// Called with each segment before it is removed: to upload it, say. If it returns an error, that segment and all
    /// newer ones are kept, and it is called again when the next segment begins, when the log is opened, or by
    /// [`LogWriter::retain`](crate::LogWriter::retain). If the process ends before the segment is removed, it is called
    /// again too.
    ///
    /// Whoever appends waits for it, unless that is done through a [`SharedWriter`](flatstream_io::SharedWriter): then
    /// they wait when its memory is full. What takes long is better done elsewhere, and an error returned until it is
    /// done.
    pub fn before_removal(mut self, hook: impl FnMut(&Segment) -> io::Result<()> + Send + 'static) -> Self {
        self.retention.before_removal = Some(Box::new(hook));
        self
    }

    /// Called with what went wrong without keeping anybody from appending: the next segment couldn't be created or the
    /// last one couldn't be marked as closed ([`LogWriter::rotation_error`](crate::LogWriter::rotation_error)), an old
    /// one wasn't removed ([`LogWriter::retention_error`](crate::LogWriter::retention_error)).
    pub fn on_error(mut self, hook: impl FnMut(&Error) + Send + 'static) -> Self {
        self.on_error = Some(Box::new(hook));
        self
    }

    pub(crate) fn check(&self) -> Result<()> {
        let usage = |what: &str| Err(Error::of_kind(ErrorKind::Usage, what));
        // Readers take the first value of a key: the log's own must be the only one.
        if self.write.chosen_metadata().any(|(key, _)| key.starts_with(keys::PREFIX)) {
            return usage(problem::METADATA);
        }
        match (self.write.chosen_stream_id(), self.write.chosen_header()) {
            (Some(_), _) => usage(problem::STREAM_ID),
            (_, Some(_)) => usage(problem::HEADER),
            (None, None) => Ok(()),
        }
    }
}

impl fmt::Debug for LogOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogOptions")
            .field("write_options", &self.write)
            .field("segment_bytes", &self.segment_bytes)
            .field("segment_time", &self.segment_time)
            .field("keep_bytes", &self.retention.bytes)
            .field("keep_segments", &self.retention.segments)
            .field("keep_for", &self.retention.time)
            .finish_non_exhaustive()
    }
}
