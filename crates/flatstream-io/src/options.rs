use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU64;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use flatstream_format::{
    Algorithm, Checksum, ChecksumType, Clock, Decoder, Essentials, Header, HeaderBuilder, TIME_NONE, limits,
};

use crate::error::{Error, Result};
use crate::hasher::{Hasher, PrivateHasher};
use crate::policy::{FlushPolicy, Pace, SyncPolicy};
use crate::recovery::Recovery;
use crate::times::Times;

/// How much `Writer` and `Reader` hand to the operating system at a time: 256 KiB. Larger ones measured no faster.
const BLOCK_SIZE: usize = 256 << 10;

/// A block holds at least a sync frame, and no more than any machine has.
const BLOCK_SIZES: RangeInclusive<usize> = 64..=1 << 30;

fn clamp_block_size(bytes: usize) -> usize {
    bytes.clamp(*BLOCK_SIZES.start(), *BLOCK_SIZES.end())
}

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
    times: Times,
    times_from: i64,
    sync_every: Option<Duration>,
    stream_id: Option<u64>,
    block_size: usize,
    sync_policy: SyncPolicy,
    flush_policy: FlushPolicy,
    on_tail: OnTail,
    asked: Asked,
    header_check: Option<HeaderCheck>,
    /// Says whether a stream's messages are of the type that was asked for.
    #[cfg(feature = "typed")]
    type_check: Option<fn(&Header) -> Result<()>>,
}

/// Says whether a stream with this header is the one that was meant.
type HeaderCheck = Arc<dyn Fn(Option<&Header>) -> Result<()> + Send + Sync>;

/// What was asked of the header, as far as a stream that is reopened can contradict it.
#[derive(Clone, Debug, Default)]
struct Asked {
    checksum: Option<ChecksumType>,
    max_message_len: Option<u32>,
    message_type: Option<String>,
    message_identifier: Option<String>,
    schema: Option<Vec<u8>>,
    clock: Option<Clock>,
}

/// What [`Writer::open`](crate::Writer::open) does with bytes behind the last good frame: a torn tail, or a scattered
/// one (good frames behind bad bytes, as a power cut leaves them of writes that nobody waited for).
///
/// In no case is a message cut that was known to be durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnTail {
    /// Cuts it and keeps it beside the file, so that an agent that nobody attends comes up again. A scattered tail only
    /// up to 64 MiB; a longer one is refused, and one with signs of another stream, or of bytes that were lost or
    /// inserted.
    #[default]
    CutAndKeep,
    /// The same, and also if a sync frame or a header of another stream lies there. That is refused otherwise, because
    /// the other stream may be somebody's; but where streams are removed and their blocks used again, a power cut may
    /// leave such bytes. A log's writer does it, because its segments come and go.
    CutAndKeepForeign,
    /// Refuses to open the stream, with an error of the kind [`Refused`](crate::ErrorKind::Refused). A tail of zeros,
    /// or of 0xFF, holds nothing and is cut all the same.
    Refuse,
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
            times: Times::System,
            times_from: TIME_NONE,
            sync_every: None,
            stream_id: None,
            block_size: BLOCK_SIZE,
            sync_policy: SyncPolicy::default(),
            flush_policy: FlushPolicy::default(),
            on_tail: OnTail::default(),
            asked: Asked::default(),
            header_check: None,
            #[cfg(feature = "typed")]
            type_check: None,
        }
    }

    /// What protects the messages' bodies. The default is CRC-32C.
    pub fn checksum(mut self, checksum: ChecksumType) -> Self {
        self.header = self.header.checksum(checksum);
        self.asked.checksum = Some(checksum);
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
    /// (0.1 % of the stream); 0 = only at the start, when reopened, at the end, and as [`sync_every`](Self::sync_every)
    /// says.
    pub fn sync_interval(mut self, bytes: u32) -> Self {
        self.header = self.header.sync_interval(bytes);
        self
    }

    /// Sync frames by time too, so that a slow stream can be sought by time: as soon as so long a time has passed since
    /// the last one, one follows the message that was appended last. Where nothing was appended there is none. By
    /// default only [`sync_interval`](Self::sync_interval) decides. A sync frame takes 64 bytes.
    ///
    /// A plain [`Writer`](crate::Writer) looks at the clock when something is appended;
    /// [`SharedWriter`](crate::SharedWriter)'s thread also while nothing is. It says nothing of when messages become
    /// durable: that is [`sync_policy`](Self::sync_policy).
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use flatstream_io::WriteOptions;
    ///
    /// // One message a minute: 64 KiB between sync frames would be hours.
    /// let options = WriteOptions::new().sync_every(Duration::from_secs(10));
    /// ```
    pub fn sync_every(mut self, time: Duration) -> Self {
        self.sync_every = Some(time);
        self
    }

    /// The longest message in bytes, as a promise to readers; longer ones are refused. The default is 16 MiB; 0 = no
    /// promise, and messages of up to 2 GiB less one byte. A reader takes messages of up to 64 MiB unless told
    /// otherwise.
    pub fn max_message_len(mut self, bytes: u32) -> Self {
        self.header = self.header.max_message_len(bytes);
        self.asked.max_message_len = Some(bytes);
        self
    }

    /// The messages' root table, fully qualified, such as `Telemetry.TelemetryEvent`.
    pub fn message_type(mut self, name: impl Into<String>) -> Self {
        let name = name.into();
        self.asked.message_type = Some(name.clone());
        self.header = self.header.message_type(name);
        self
    }

    /// The messages' own FlatBuffers file identifier: four characters.
    pub fn message_identifier(mut self, identifier: impl Into<String>) -> Self {
        let identifier = identifier.into();
        self.asked.message_identifier = Some(identifier.clone());
        self.header = self.header.message_identifier(identifier);
        self
    }

    /// The binary schema of the messages, as `flatc --schema --binary --bfbs-builtins` makes it (`.bfbs`); at most 1
    /// MiB with the rest of the header. Creating the stream is an error of the kind `Usage` if it is none.
    pub fn schema(mut self, bfbs: impl Into<Vec<u8>>) -> Self {
        let bfbs = bfbs.into();
        self.asked.schema = Some(bfbs.clone());
        self.header = self.header.schema(bfbs);
        self
    }

    /// Message type, identifier and schema as `T` gives them; what else was set of these is not used. A stream that is
    /// opened with these options has to be of this type, but its schema may be an earlier or later one: see
    /// [`TypedWriter`](crate::TypedWriter), which does this itself. It is for other ways to a writer:
    ///
    /// ```
    /// use flatstream_io::{SharedOptions, SharedWriter, WriteOptions, Writer};
    /// # use flatstream_io::MessageType;
    /// # struct Event;
    /// # impl MessageType for Event {
    /// #     type Root<'a> = telemetry_schema::telemetry::TelemetryEvent<'a>;
    /// #     const NAME: &'static str = "Telemetry.TelemetryEvent";
    /// # }
    /// # let folder = std::env::temp_dir().join(format!("flatstream-typed-options-{}", std::process::id()));
    /// # std::fs::create_dir_all(&folder)?;
    /// # let path = folder.join("events.fls");
    /// let writer = Writer::create_new(&path, WriteOptions::new().typed::<Event>())?;
    /// let writer = SharedWriter::new(writer, SharedOptions::new())?;
    /// assert_eq!(writer.header().message_type(), Some("Telemetry.TelemetryEvent"));
    /// # writer.finish()?;
    /// # std::fs::remove_dir_all(&folder)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[cfg(feature = "typed")]
    pub fn typed<T: crate::MessageType>(mut self) -> Self {
        self.header = self.header.message_type(T::NAME);
        self.asked.message_type = None;
        if let Some(identifier) = T::IDENTIFIER {
            self.header = self.header.message_identifier(identifier);
            self.asked.message_identifier = None;
        }
        if let Some(bfbs) = T::SCHEMA {
            self.header = self.header.schema(bfbs);
            self.asked.schema = None;
        }
        self.type_check = Some(|header| crate::typed::check_header::<T>(header, crate::typed::IfUntyped::Refuse));
        self
    }

    #[cfg(feature = "typed")]
    fn check_type(&self, header: &Header) -> Result<()> {
        self.type_check.map_or(Ok(()), |check| check(header))
    }

    #[cfg(not(feature = "typed"))]
    fn check_type(&self, _: &Header) -> Result<()> {
        Ok(())
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
    /// default is the system's clock, UTC; it gives no times to a stream whose header names another clock.
    ///
    /// Times never decrease from one sync frame to the next while a writer is at work: a clock that is put back is
    /// waited for. When a stream is reopened, its times begin anew with what the clock says then.
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
        self.asked.clock = Some(clock);
        self.times = Times::Clock(Arc::new(now));
        self
    }

    /// The times of sync frames are those that the application gives with its messages
    /// ([`Writer::append_at`](crate::Writer::append_at)), in nanoseconds of this clock: for imports and replays. No
    /// clock is read. It takes the place of [`clock`](Self::clock); the one that was called last counts.
    ///
    /// Each sync frame carries the greatest time of all messages before it, [`TIME_NONE`] while there is none. A stream
    /// that is reopened goes on from the last sync frame's. If its writer died, nobody knows the times of the messages
    /// behind that one: the first sync frame of the new epoch then repeats it, though some of these may be later.
    ///
    /// What is appended without a time ([`append`](crate::Writer::append), and everything by a
    /// [`SharedWriter`](crate::SharedWriter)) leaves the greatest time as it is.
    ///
    /// ```
    /// use flatstream_io::{Clock, WriteOptions, Writer};
    ///
    /// let options = WriteOptions::new().event_times(Clock::Tai);
    /// let mut writer = Writer::new(Vec::new(), options)?;
    /// assert_eq!(writer.append_at(1_000, b"first")?, 0);
    /// assert_eq!(writer.append_at(2_000, b"second")?, 1);
    /// # Ok::<(), flatstream_io::Error>(())
    /// ```
    pub fn event_times(mut self, clock: Clock) -> Self {
        self.header = self.header.clock(clock);
        self.asked.clock = Some(clock);
        self.times = Times::Events { greatest: TIME_NONE };
        self
    }

    /// No sync frame of a new stream says an earlier time than this. For flatstream-log, whose segments go on where the
    /// one before ended.
    #[doc(hidden)]
    pub fn times_from(mut self, time: i64) -> Self {
        self.times_from = time;
        self
    }

    /// Whatever the times come from, there is no new one: sync frames repeat the last.
    pub(crate) fn repeat_times(mut self) -> Self {
        self.times = Times::Events { greatest: TIME_NONE };
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

    /// When the writer makes everything durable by itself. The default is [`SyncPolicy::Manual`]. Others need a sink
    /// that can: a file that the writer opened itself, or one for [`Writer::new_durable`](crate::Writer::new_durable).
    pub fn sync_policy(mut self, policy: SyncPolicy) -> Self {
        self.sync_policy = policy;
        self
    }

    /// When the writer hands what it gathered to the sink by itself. The default is [`FlushPolicy::WhenFull`].
    pub fn flush_policy(mut self, policy: FlushPolicy) -> Self {
        self.flush_policy = policy;
        self
    }

    /// What [`Writer::open`](crate::Writer::open) does with a tail. The default is [`OnTail::CutAndKeep`].
    pub fn on_tail(mut self, on_tail: OnTail) -> Self {
        self.on_tail = on_tail;
        self
    }

    /// Says whether a file that is opened again holds the stream that was meant: it is given the header before anything
    /// is changed, and `None` where nothing of a stream ever arrived, so that a new one would begin. An error of it is
    /// that of [`Writer::open`](crate::Writer::open).
    ///
    /// ```
    /// use flatstream_io::{Error, ErrorKind, WriteOptions, Writer};
    ///
    /// # let folder = std::env::temp_dir().join(format!("flatstream-check-header-{}", std::process::id()));
    /// # std::fs::create_dir_all(&folder)?;
    /// # let path = folder.join("events.fls");
    /// Writer::create_new(&path, WriteOptions::new().metadata("vehicle", "17"))?.finish()?;
    ///
    /// let options = WriteOptions::new().check_header(|header| {
    ///     match header.and_then(|header| header.metadata_value("vehicle")) {
    ///         Some("18") => Ok(()),
    ///         found => Err(Error::of_kind(ErrorKind::Usage, format!("expected vehicle 18, found {found:?}"))),
    ///     }
    /// });
    /// let error = Writer::open(&path, options).unwrap_err();
    /// assert_eq!(error.to_string(), "expected vehicle 18, found Some(\"17\")");
    /// # std::fs::remove_dir_all(&folder)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn check_header(mut self, check: impl Fn(Option<&Header>) -> Result<()> + Send + Sync + 'static) -> Self {
        self.header_check = Some(Arc::new(check));
        self
    }

    /// The identity that was chosen by [`stream_id`](Self::stream_id).
    #[must_use]
    pub fn chosen_stream_id(&self) -> Option<u64> {
        self.stream_id
    }

    /// The header that was given by [`header`](Self::header).
    #[must_use]
    pub fn chosen_header(&self) -> Option<&Header> {
        self.ready_header.as_ref()
    }

    /// The pairs of key and value that were given by [`metadata`](Self::metadata).
    pub fn chosen_metadata(&self) -> impl Iterator<Item = (&str, &str)> {
        self.header.chosen_metadata()
    }

    /// What was chosen by [`on_tail`](Self::on_tail).
    #[must_use]
    pub fn chosen_on_tail(&self) -> OnTail {
        self.on_tail
    }

    pub(crate) fn is_meant(&self, header: Option<&Header>) -> Result<()> {
        self.header_check.as_ref().map_or(Ok(()), |check| check(header))
    }

    pub(crate) fn policies(&self) -> (SyncPolicy, FlushPolicy) {
        (self.sync_policy, self.flush_policy)
    }

    /// The header of a stream that is reopened decides; an option that contradicts it is an error. Where nothing was
    /// asked, nothing contradicts; sync interval, program and metadata are the old writer's.
    pub(crate) fn check_against(&self, header: &Header) -> Result<()> {
        self.is_meant(Some(header))?;
        self.check_type(header)?;
        if let Some(ready) = self.ready_header.as_ref().filter(|ready| ready.as_bytes() != header.as_bytes()) {
            let checks = [ready, header].map(|header| format!("{:#010x}", header.essentials().header_check));
            let [option, found] = checks.map(|check| format!("one with check {check}"));
            return Err(Error::contradiction("header", option, found));
        }
        if self.ready_header.is_some() {
            return Ok(());
        }
        let Asked { checksum, max_message_len, message_type, message_identifier, schema, clock } = &self.asked;
        let differs = |what, option: Option<String>, found: Option<String>| match option {
            Some(option) if Some(&option) != found.as_ref() => {
                Err(Error::contradiction(what, option, found.unwrap_or_else(|| "not set".to_owned())))
            }
            _ => Ok(()),
        };
        let name = |checksum: ChecksumType| checksum.to_string();
        let quoted = |text: &str| format!("{text:?}");
        let sized = |schema: &[u8]| format!("one of {} bytes with CRC-32C {:#010x}", schema.len(), digest(schema));
        differs("checksum", checksum.map(name), Some(name(header.checksum())))?;
        differs("message type", message_type.as_deref().map(quoted), header.message_type().map(quoted))?;
        differs(
            "message identifier",
            message_identifier.as_deref().map(quoted),
            header.message_identifier().map(quoted),
        )?;
        differs("schema", schema.as_deref().map(sized), header.schema().map(sized))?;
        let clock_name = |clock: Clock| format!("{clock:?}");
        differs("clock", clock.map(clock_name), Some(clock_name(header.clock())))?;
        // A smaller limit is no contradiction: the caller's messages fit. 0 is no limit.
        let [asked, promised] = [*max_message_len, Some(header.max_message_len())]
            .map(|limit| limit.map(|limit| if limit == 0 { u32::MAX } else { limit }));
        if asked > promised {
            let shown = |limit: Option<u32>| limit.map_or(String::new(), |limit| format!("{limit} bytes"));
            return Err(Error::contradiction("longest message", shown(asked), shown(promised)));
        }
        Ok(())
    }

    pub(crate) fn build_header(&self) -> Result<Header> {
        let header = match &self.ready_header {
            Some(header) => header.clone(),
            None => self.header.build().map_err(Error::options)?,
        };
        self.check_type(&header)?;
        if self.ready_header.is_none() {
            header.schema().map_or(Ok(()), check_schema)?;
        }
        Ok(header)
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

    /// Where the times come from in a stream with this clock.
    pub(crate) fn times(&self, clock: Clock) -> Times {
        self.times.of_clock(clock)
    }

    pub(crate) fn chosen_times_from(&self) -> i64 {
        self.times_from
    }

    /// When a sync frame is due by time.
    pub(crate) fn sync_frame_pace(&self) -> Pace {
        self.sync_every.map_or(Pace::Never, Pace::Time)
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
            .field("sync_every", &self.sync_every)
            .field("block_size", &self.block_size)
            .field("sync_policy", &self.sync_policy)
            .field("flush_policy", &self.flush_policy)
            .field("on_tail", &self.on_tail)
            .finish_non_exhaustive()
    }
}

fn digest(bytes: &[u8]) -> u32 {
    Algorithm::CRC32C.digest(bytes)
}

fn random_stream_id() -> Result<NonZeroU64> {
    loop {
        if let Some(id) = NonZeroU64::new(random_number()?) {
            return Ok(id);
        }
    }
}

/// From the operating system.
pub(crate) fn random_number() -> Result<u64> {
    getrandom::u64().map_err(|error| Error::write(std::io::Error::other(error), 0))
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
    recovery: Option<Recovery>,
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
            recovery: None,
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

    /// Reads on behind damage, and reports what was lost. By default a reader is strict: the first damage is an error.
    /// [`Recovery`] has an example.
    pub fn recovery(mut self, recovery: Recovery) -> Self {
        self.recovery = Some(recovery);
        self
    }

    pub(crate) fn strict(mut self) -> Self {
        self.recovery = None;
        self
    }

    /// How it goes on behind damage, if it does.
    #[must_use]
    pub fn chosen_recovery(&self) -> Option<Recovery> {
        self.recovery
    }

    pub(crate) fn build_hasher(&self, checksum: ChecksumType) -> Result<Hasher> {
        Hasher::new(checksum, |id| self.hashers.get(&id).cloned())
            .map_err(|error| flatstream_format::Error::from(error).into())
    }

    pub(crate) fn build_decoder(&self, header: &Essentials, hasher: Hasher) -> Decoder<Hasher> {
        let decoder = Decoder::new(header, self.message_limit(), hasher);
        match self.recovery.and_then(|recovery| recovery.only_stream()) {
            Some(id) => decoder.of_stream(id),
            None => decoder,
        }
    }

    pub(crate) fn message_limit(&self) -> u32 {
        self.max_message_len
    }

    /// Whether an end that isn't closed is an error.
    #[must_use]
    pub fn requires_closed(&self) -> bool {
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
            .field("recovery", &self.recovery)
            .finish()
    }
}

/// A stream must not say that its messages are what nobody can read. All of the schema is verified where there is the
/// code for it (feature `typed`).
#[cfg(feature = "typed")]
fn check_schema(bfbs: &[u8]) -> Result<()> {
    match flatstream_schema::Schema::read(bfbs) {
        Ok(_) => Ok(()),
        Err(error) => {
            Err(Error::of_kind(crate::error::ErrorKind::Usage, format!("the schema of the options is none: {error}")))
        }
    }
}

/// The same without that code: what it begins with.
#[cfg(not(feature = "typed"))]
fn check_schema(bfbs: &[u8]) -> Result<()> {
    // Of FlatBuffers' reflection.fbs, `file_identifier`.
    match bfbs.get(4..8) {
        Some(b"BFBS") => Ok(()),
        _ => {
            Err(Error::usage("the schema of the options is none: not a binary schema: expected \"BFBS\" at position 4"))
        }
    }
}
