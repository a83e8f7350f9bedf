use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU64;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use flatstream_format::{Checksum, ChecksumType, Clock, Header, HeaderBuilder, TIME_NONE, limits};

use crate::error::{Error, Result};
use crate::hasher::{Hasher, PrivateHasher};

/// How much `Writer` and `Reader` hand to the operating system at a time: 256 KiB. Larger ones measured no faster.
const BLOCK_SIZE: usize = 256 << 10;

/// A block holds at least a sync frame, and no more than any machine has.
const BLOCK_SIZES: RangeInclusive<usize> = 64..=1 << 30;

fn clamp_block_size(bytes: usize) -> usize {
    bytes.clamp(*BLOCK_SIZES.start(), *BLOCK_SIZES.end())
}

/// The time of a sync frame, in nanoseconds.
pub(crate) type Now = Arc<dyn Fn() -> i64 + Send + Sync>;

/// How a stream is written: what its header says, and what its frames are protected by.
///
/// ```
/// use flatstream_io::{ChecksumType, WriteOptions};
///
/// let options = WriteOptions::new()
///     .checksum(ChecksumType::Crc32c)
///     .message_type("Telemetry.TelemetryEvent")
///     .metadata("vehicle", "17");
/// ```
#[derive(Clone)]
#[must_use]
pub struct WriteOptions {
    header: HeaderBuilder,
    ready_header: Option<Header>,
    private_checksum: Option<(u8, PrivateHasher)>,
    now: Now,
    stream_id: Option<u64>,
    block_size: usize,
}

impl Default for WriteOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl WriteOptions {
    /// CRC-32C, a sync frame every 64 KiB, messages of up to 16 MiB, times in UTC.
    pub fn new() -> Self {
        Self {
            header: HeaderBuilder::new(ChecksumType::default())
                .max_message_len(limits::WRITER_MAX_MESSAGE_LEN)
                .clock(Clock::UnixUtc)
                .writer(concat!("flatstream ", env!("CARGO_PKG_VERSION"))),
            ready_header: None,
            private_checksum: None,
            now: Arc::new(unix_now),
            stream_id: None,
            block_size: BLOCK_SIZE,
        }
    }

    /// What protects the messages' bodies. The default is CRC-32C.
    pub fn checksum(mut self, checksum: ChecksumType) -> Self {
        self.header = self.header.checksum(checksum);
        self
    }

    /// Protects the messages' bodies by an algorithm of one's own, under an id from 128 to 255. Readers need it too:
    /// [`ReadOptions::private_checksum`].
    ///
    /// ```
    /// use flatstream_io::{Checksum, ReadOptions, Reader, WriteOptions, Writer};
    ///
    /// struct Sum;
    ///
    /// impl Checksum for Sum {
    ///     fn digest(&self, body: &[u8]) -> u32 {
    ///         body.iter().map(|&byte| u32::from(byte)).sum()
    ///     }
    /// }
    ///
    /// let mut writer = Writer::new(Vec::new(), WriteOptions::new().private_checksum(200, Sum))?;
    /// writer.append(b"hello")?;
    /// let bytes = writer.finish()?;
    /// let mut reader = Reader::with_options(&bytes[..], ReadOptions::new().private_checksum(200, Sum))?;
    /// assert_eq!(reader.next_message()?, Some(&b"hello"[..]));
    /// # Ok::<(), flatstream_io::Error>(())
    /// ```
    pub fn private_checksum(mut self, id: u8, hasher: impl Checksum + Send + Sync + 'static) -> Self {
        self.private_checksum = Some((id, Arc::new(hasher)));
        self.checksum(ChecksumType::Private(id))
    }

    /// Bytes between sync frames, which say where they stand and how many messages came before. The default is 64 KiB
    /// (0.1 % of the stream); 0 = only at the start, when reopened, and at the end.
    pub fn sync_interval(mut self, bytes: u32) -> Self {
        self.header = self.header.sync_interval(bytes);
        self
    }

    /// The longest message in bytes, as a promise to readers; longer ones are refused. The default is 16 MiB; 0 = no
    /// promise, and messages of up to 2 GiB less one byte. A reader takes messages of up to 64 MiB unless told
    /// otherwise.
    pub fn max_message_len(mut self, bytes: u32) -> Self {
        self.header = self.header.max_message_len(bytes);
        self
    }

    /// The messages' root table, fully qualified, such as `Telemetry.TelemetryEvent`.
    pub fn message_type(mut self, name: impl Into<String>) -> Self {
        self.header = self.header.message_type(name);
        self
    }

    /// The messages' own FlatBuffers file identifier: four characters.
    pub fn message_identifier(mut self, identifier: impl Into<String>) -> Self {
        self.header = self.header.message_identifier(identifier);
        self
    }

    /// The binary schema of the messages, as `flatc --schema --binary` makes it (`.bfbs`); at most 1 MiB with the rest
    /// of the header.
    pub fn schema(mut self, bfbs: impl Into<Vec<u8>>) -> Self {
        self.header = self.header.schema(bfbs);
        self
    }

    /// The program that writes the stream, with its version. The default is this crate.
    pub fn writer(mut self, program: impl Into<String>) -> Self {
        self.header = self.header.writer(program);
        self
    }

    /// One more pair of key and value for the header.
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.header = self.header.metadata(key, value);
        self
    }

    /// A header made beforehand: it goes into the stream unchanged. Whatever else is set that a header holds (checksum,
    /// limits, texts, what the clock means) is then not used, in whatever order it was set; the hasher of a private
    /// checksum is.
    ///
    /// ```
    /// use flatstream_io::{ChecksumType, HeaderBuilder, WriteOptions, Writer};
    ///
    /// let header = HeaderBuilder::new(ChecksumType::None).build()?;
    /// let writer = Writer::new(Vec::new(), WriteOptions::new().header(header.clone()))?;
    /// assert_eq!(writer.header(), &header);
    /// # Ok::<(), flatstream_io::Error>(())
    /// ```
    pub fn header(mut self, header: Header) -> Self {
        self.ready_header = Some(header);
        self
    }

    /// Where the times of sync frames come from, in nanoseconds, and what they mean; [`TIME_NONE`] is no time. The
    /// default is the system's clock, UTC.
    ///
    /// ```
    /// use std::time::Instant;
    ///
    /// use flatstream_io::{Clock, WriteOptions};
    ///
    /// let start = Instant::now();
    /// let options = WriteOptions::new().clock(Clock::Monotonic, move || start.elapsed().as_nanos() as i64);
    /// ```
    pub fn clock(mut self, clock: Clock, now: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        self.header = self.header.clock(clock);
        self.now = Arc::new(now);
        self
    }

    /// The stream's identity, by which its frames are told from those of other streams. The default is a random number,
    /// and that is what it should be: an id that was used before lets old frames pass for new ones.
    pub fn stream_id(mut self, id: u64) -> Self {
        self.stream_id = Some(id);
        self
    }

    /// How many bytes are gathered before they go to the sink. The default is 256 KiB, the least is 64 bytes, the
    /// greatest 1 GiB.
    pub fn block_size(mut self, bytes: usize) -> Self {
        self.block_size = clamp_block_size(bytes);
        self
    }

    pub(crate) fn build_header(&self) -> Result<Header> {
        match &self.ready_header {
            Some(header) => Ok(header.clone()),
            None => self.header.build().map_err(Error::options),
        }
    }

    /// What computes the digests of a stream with this checksum, which is its header's.
    pub(crate) fn build_hasher(&self, checksum: ChecksumType) -> Result<Hasher> {
        let of_id = |id| self.private_checksum.as_ref().filter(|(own, _)| *own == id).map(|(_, hasher)| hasher.clone());
        Hasher::new(checksum, of_id).map_err(|error| Error::options(error.into()))
    }

    pub(crate) fn choose_stream_id(&self) -> Result<NonZeroU64> {
        match self.stream_id {
            Some(id) => NonZeroU64::new(id).ok_or_else(|| Error::usage("a stream id is never 0")),
            None => random_stream_id(),
        }
    }

    pub(crate) fn now(&self) -> Now {
        Arc::clone(&self.now)
    }

    pub(crate) fn chosen_block_size(&self) -> usize {
        self.block_size
    }
}

impl fmt::Debug for WriteOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteOptions")
            .field("header", &self.header)
            .field("ready_header", &self.ready_header)
            .field("stream_id", &self.stream_id)
            .field("block_size", &self.block_size)
            .finish_non_exhaustive()
    }
}

fn random_stream_id() -> Result<NonZeroU64> {
    loop {
        let id = getrandom::u64().map_err(|error| Error::write(std::io::Error::other(error), 0))?;
        if let Some(id) = NonZeroU64::new(id) {
            return Ok(id);
        }
    }
}

fn unix_now() -> i64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_nanos()).unwrap_or(i64::MAX),
        Err(_) => TIME_NONE,
    }
}

/// How a stream is read: what is accepted.
///
/// ```
/// use flatstream_io::{ReadOptions, Reader, WriteOptions, Writer};
///
/// let bytes = Writer::new(Vec::new(), WriteOptions::new())?.finish()?;
/// let reader = Reader::with_options(&bytes[..], ReadOptions::new().max_message_len(4096).require_closed(true))?;
/// # Ok::<(), flatstream_io::Error>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct ReadOptions {
    max_message_len: u32,
    require_closed: bool,
    hashers: BTreeMap<u8, PrivateHasher>,
    block_size: usize,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl ReadOptions {
    /// Messages of up to 64 MiB; a stream may end without having been closed.
    pub fn new() -> Self {
        Self {
            max_message_len: limits::READER_MAX_MESSAGE_LEN,
            require_closed: false,
            hashers: BTreeMap::new(),
            block_size: BLOCK_SIZE,
        }
    }

    /// The longest message in bytes that is read; a longer one is an error of the kind
    /// [`Limit`](crate::ErrorKind::Limit). The default is 64 MiB; 0 = whatever the header allows.
    pub fn max_message_len(mut self, bytes: u32) -> Self {
        self.max_message_len = bytes;
        self
    }

    /// Whether an end without the mark that the writer finished is an error, the last one, of the kind
    /// [`NotClosed`](crate::ErrorKind::NotClosed). The default is `false`.
    ///
    /// ```
    /// use flatstream_io::{ErrorKind, ReadOptions, Reader, WriteOptions, Writer};
    ///
    /// let mut bytes = Vec::new();
    /// drop(Writer::new(&mut bytes, WriteOptions::new())?); // never finished
    /// let mut reader = Reader::with_options(&bytes[..], ReadOptions::new().require_closed(true))?;
    /// assert_eq!(reader.next_message().unwrap_err().kind(), ErrorKind::NotClosed);
    /// # Ok::<(), flatstream_io::Error>(())
    /// ```
    pub fn require_closed(mut self, required: bool) -> Self {
        self.require_closed = required;
        self
    }

    /// Computes the digests of streams whose checksum has this private id, from 128 to 255; several may be given.
    pub fn private_checksum(mut self, id: u8, hasher: impl Checksum + Send + Sync + 'static) -> Self {
        self.hashers.insert(id, Arc::new(hasher));
        self
    }

    /// How many bytes are asked of the source at a time. The default is 256 KiB, the least is 64 bytes, the greatest
    /// 1 GiB.
    pub fn block_size(mut self, bytes: usize) -> Self {
        self.block_size = clamp_block_size(bytes);
        self
    }

    pub(crate) fn build_hasher(&self, checksum: ChecksumType) -> Result<Hasher> {
        Hasher::new(checksum, |id| self.hashers.get(&id).cloned())
            .map_err(|error| flatstream_format::Error::from(error).into())
    }

    pub(crate) fn message_limit(&self) -> u32 {
        self.max_message_len
    }

    pub(crate) fn requires_closed(&self) -> bool {
        self.require_closed
    }

    pub(crate) fn chosen_block_size(&self) -> usize {
        self.block_size
    }
}

impl fmt::Debug for ReadOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadOptions")
            .field("max_message_len", &self.max_message_len)
            .field("require_closed", &self.require_closed)
            .field("hashers", &self.hashers.keys())
            .field("block_size", &self.block_size)
            .finish()
    }
}
