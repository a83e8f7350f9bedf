//! A writer for many threads, and the thread that writes for them.

mod appender;
mod flusher;
mod gate;
mod gather;
mod log;
#[cfg(all(test, loom))]
mod loom_tests;
mod options;
mod queue;
mod receipt;
mod sync;

use std::fmt;
use std::io;

use flatstream_format::{Dropped, Header};

pub use appender::Appender;
pub use options::{OnFull, SharedOptions};
pub use receipt::Receipt;

use crate::error::{Error, Result};
use queue::Queue;
use sync::{Arc, Mutex, lock, thread};

/// Appends messages to one stream from many threads, which need not wait for the disk; those who want to wait until
/// their message is durable share the syncs.
///
/// Clones append to the same stream. Messages are copied into bounded memory, and one thread writes them: it hands them
/// to the sink, syncs once for all who wait ([`Receipt::wait`]), and keeps the policies of the writer's options, also
/// while nothing is appended: with [`SyncPolicy::Every`](crate::SyncPolicy::Every) a message is durable after that
/// time, whatever comes or doesn't. With [`SyncPolicy::EveryMessage`](crate::SyncPolicy::EveryMessage) it syncs without
/// a pause, each time for all that came. With [`SyncPolicy::Manual`](crate::SyncPolicy::Manual) and
/// [`FlushPolicy::WhenFull`](crate::FlushPolicy::WhenFull) messages may stay in memory until enough are gathered, as
/// with a [`Writer`](crate::Writer).
///
/// After the sink has failed, all who wait and every later call get an error that names the first failure; so do they
/// if the sink panics. Dropping the last clone hands everything to the sink and ends the thread; the stream then ends
/// *open*, as if a `Writer` were dropped, and syncs only if a policy would have or somebody waits.
/// [`finish`](Self::finish) marks it *closed*.
///
/// A sink must not call `sync`, `flush` or [`Receipt::wait`] of the writer it serves: it would wait for itself.
///
/// ```
/// use flatstream_io::{Reader, SharedOptions, SharedWriter, WriteOptions, Writer};
///
/// # let folder = std::env::temp_dir().join(format!("flatstream-shared-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// # let path = folder.join("orders.fls");
/// let writer = SharedWriter::new(Writer::create_new(&path, WriteOptions::new())?, SharedOptions::new())?;
/// let threads = ["first", "second", "third"].map(|order| {
///     let writer = writer.clone();
///     std::thread::spawn(move || {
///         let receipt = writer.append(order.as_bytes())?;
///         receipt.wait() // the order may be confirmed now: a power cut doesn't lose it
///     })
/// });
/// for thread in threads {
///     thread.join().unwrap()?;
/// }
/// writer.finish()?;
///
/// assert_eq!(Reader::new(std::fs::File::open(&path)?)?.count(), 3);
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct SharedWriter(Arc<Handle>);

/// What the clones share. The flusher and the receipts don't hold it: it goes with the last clone.
struct Handle {
    queue: Arc<Queue>,
    flusher: Mutex<Option<thread::JoinHandle<()>>>,
    header: Header,
    stream_id: u64,
}

impl SharedWriter {
    /// Gives a writer to a thread of its own, which all clones of the `SharedWriter` append through.
    ///
    /// The writer is a [`Writer`](crate::Writer), or another [`Appender`]. Its stream may hold messages already: it may
    /// be one of [`Writer::open`](crate::Writer::open). What the writer gathered goes to the sink with what comes.
    ///
    /// # Errors
    /// Of the kind `Usage` if the writer can't sync its sink, which only one of [`Writer::new`](crate::Writer::new)
    /// can't: use [`Writer::new_durable`](crate::Writer::new_durable). Of the kind `Io` if no thread can be started.
    pub fn new<A: Appender + Send + 'static>(mut writer: A, options: SharedOptions) -> Result<Self> {
        writer.begin()?;
        let header = writer.header().clone();
        let stream_id = writer.stream_id();
        let durable = writer.durable_sequence().unwrap_or_default();
        let queue = Arc::new(Queue::new(options, header.essentials().message_limit(), writer.sequence(), durable));
        let of_flusher = Arc::clone(&queue);
        let flusher = thread::Builder::new()
            .name("flatstream".to_owned())
            .spawn(move || flusher::run(&of_flusher, writer))
            .map_err(|error| no_thread(&error))?;
        Ok(Self(Arc::new(Handle { queue, flusher: Mutex::new(Some(flusher)), header, stream_id })))
    }

    /// Appends a message. It is copied, and the sink isn't called: while memory is left, this takes well under a
    /// microsecond. Messages of one thread keep their order.
    ///
    /// ```
    /// # use flatstream_io::{ErrorKind, OnFull, SharedOptions, SharedWriter, WriteOptions, Writer};
    /// # let folder = std::env::temp_dir().join(format!("flatstream-shared-append-{}", std::process::id()));
    /// # std::fs::create_dir_all(&folder)?;
    /// # let path = folder.join("events.fls");
    /// let options = SharedOptions::new().memory(1 << 20).on_full(OnFull::Refuse);
    /// let writer = SharedWriter::new(Writer::create_new(&path, WriteOptions::new())?, options)?;
    /// match writer.append(b"a reading") {
    ///     Ok(receipt) => assert_eq!(receipt.sequence(), Some(0)),
    ///     Err(error) if error.kind() == ErrorKind::Full => {
    ///         let message = error.refused_message().unwrap(); // try again later, or send it elsewhere
    ///         # drop(message.clone());
    ///     }
    ///     Err(error) => return Err(error.into()),
    /// }
    /// # writer.finish()?;
    /// # std::fs::remove_dir_all(&folder)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// Of the kind `Usage` for an empty message, and after [`finish`](Self::finish). Of the kind `Limit` for a message
    /// beyond `max_message_len`, or beyond [`SharedOptions::memory`]: no room could ever be made for it. Of the kind
    /// `Full` if the memory is full and [`OnFull::Refuse`] was chosen; the error gives the message back. In all these
    /// cases the stream is unharmed and goes on.
    ///
    /// Of the kind `Io` if the sink failed before.
    pub fn append(&self, message: &[u8]) -> Result<Receipt> {
        Ok(Receipt::new(&self.0.queue, self.0.queue.append(message)?))
    }

    /// Returns once everything appended before is durable, by any thread. Returns the number of durable messages, which
    /// is the sequence up to which all are.
    ///
    /// ```
    /// # use flatstream_io::{SharedOptions, SharedWriter, WriteOptions, Writer};
    /// # let folder = std::env::temp_dir().join(format!("flatstream-shared-sync-{}", std::process::id()));
    /// # std::fs::create_dir_all(&folder)?;
    /// # let path = folder.join("events.fls");
    /// let writer = SharedWriter::new(Writer::create_new(&path, WriteOptions::new())?, SharedOptions::new())?;
    /// for _ in 0..1000 {
    ///     writer.append(b"a thousand receipts may be dropped")?;
    /// }
    /// assert_eq!(writer.sync()?, 1000);
    /// # writer.finish()?;
    /// # std::fs::remove_dir_all(&folder)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// Of the kind `Io` if the sink fails or failed before, `Usage` after [`finish`](Self::finish).
    pub fn sync(&self) -> Result<u64> {
        self.0.queue.sync()
    }

    /// Returns once everything appended before was handed to the sink and flushed: what a file then holds survives this
    /// process, but not yet a power cut.
    ///
    /// ```
    /// # use flatstream_io::{Reader, SharedOptions, SharedWriter, WriteOptions, Writer};
    /// # let folder = std::env::temp_dir().join(format!("flatstream-shared-flush-{}", std::process::id()));
    /// # std::fs::create_dir_all(&folder)?;
    /// # let path = folder.join("events.fls");
    /// let writer = SharedWriter::new(Writer::create_new(&path, WriteOptions::new())?, SharedOptions::new())?;
    /// writer.append(b"a reading")?;
    /// writer.flush()?;
    /// assert_eq!(Reader::new(std::fs::File::open(&path)?)?.count(), 1);
    /// # drop(writer);
    /// # std::fs::remove_dir_all(&folder)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`sync`](Self::sync).
    pub fn flush(&self) -> Result<()> {
        self.0.queue.flush()
    }

    /// Marks the stream as closed, makes everything appended before durable, drops the sink, and ends the thread. Other
    /// clones get an error of the kind `Usage` from then on, also those that were waiting for memory; receipts stay
    /// good.
    ///
    /// ```
    /// # use flatstream_io::{ErrorKind, SharedOptions, SharedWriter, WriteOptions, Writer};
    /// # let folder = std::env::temp_dir().join(format!("flatstream-shared-finish-{}", std::process::id()));
    /// # std::fs::create_dir_all(&folder)?;
    /// # let path = folder.join("events.fls");
    /// let writer = SharedWriter::new(Writer::create_new(&path, WriteOptions::new())?, SharedOptions::new())?;
    /// let other = writer.clone();
    /// let receipt = other.append(b"the last one")?;
    /// writer.finish()?;
    /// assert!(receipt.is_durable());
    /// assert_eq!(other.append(b"too late").unwrap_err().kind(), ErrorKind::Usage);
    /// # std::fs::remove_dir_all(&folder)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// Of the kind `Io` if the sink fails or failed before, `Usage` if another clone finished the stream.
    pub fn finish(self) -> Result<()> {
        let accepted = self.0.queue.finish();
        self.0.join();
        accepted?;
        self.0.queue.failure().map_or(Ok(()), Err)
    }

    /// How many messages were accepted: the sequence number of the next. Those that were dropped have none.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.0.queue.sequence()
    }

    /// How many messages are durable: those with a sequence number below this. It is 0 until the first sync if the
    /// writer came with messages that weren't.
    #[must_use]
    pub fn durable_sequence(&self) -> u64 {
        self.0.queue.durable()
    }

    /// What was dropped so far, because the memory was full and [`OnFull::Drop`] was chosen. The stream says so too, at
    /// each place where messages were lost.
    ///
    /// ```
    /// # use flatstream_io::{OnFull, SharedOptions, SharedWriter, WriteOptions, Writer};
    /// # let folder = std::env::temp_dir().join(format!("flatstream-shared-dropped-{}", std::process::id()));
    /// # std::fs::create_dir_all(&folder)?;
    /// # let path = folder.join("events.fls");
    /// let options = SharedOptions::new().memory(200).on_full(OnFull::Drop);
    /// let writer = SharedWriter::new(Writer::create_new(&path, WriteOptions::new())?, options)?;
    /// for _ in 0..1000 {
    ///     writer.append(b"never waits")?; // the receipt of a dropped message has no sequence number
    /// }
    /// assert_eq!(writer.sequence() + writer.dropped().messages, 1000);
    /// # drop(writer);
    /// # std::fs::remove_dir_all(&folder)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn dropped(&self) -> Dropped {
        self.0.queue.dropped()
    }

    /// The stream's header; of a log, that of the segment that was written when this writer was made.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.0.header
    }

    /// The stream's identity; of a log, that of the segment that was written when this writer was made.
    #[must_use]
    pub fn stream_id(&self) -> u64 {
        self.0.stream_id
    }
}

fn no_thread(error: &io::Error) -> Error {
    Error::write(io::Error::new(error.kind(), format!("no thread can be started: {error}")), 0)
}

impl Handle {
    fn join(&self) {
        let flusher = lock(&self.flusher).take();
        // Nobody can wait for himself: a sink may hold a clone.
        if let Some(flusher) = flusher.filter(|flusher| flusher.thread().id() != thread::current().id()) {
            // It has told everybody if it panicked.
            let _ = flusher.join();
        }
    }
}

impl Drop for Handle {
    /// The last clone goes.
    fn drop(&mut self) {
        self.queue.abandon();
        self.join();
    }
}

impl Clone for SharedWriter {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl fmt::Debug for SharedWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedWriter")
            .field("stream_id", &format_args!("{:#018x}", self.stream_id()))
            .field("sequence", &self.sequence())
            .field("durable_sequence", &self.durable_sequence())
            .finish_non_exhaustive()
    }
}
