//! The whole header, read and written by flatc's generated code.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use flatbuffers::{FlatBufferBuilder, VerifierOptions};
use flatstream_checksum::{Algorithm, Checksum, ChecksumType};

use super::{Clock, Essentials};
use crate::error::HeaderError;
use crate::generated::stream_header as fbs;
use crate::layout::{ALIGNMENT, FORMAT_VERSION, header};
use crate::sync::Sync;

/// A stream's header: what every frame depends on, and what describes the messages.
///
/// Made by [`HeaderBuilder`] or read from a stream; it keeps the bytes of its region either way, so that a copy of a
/// stream can carry them over unchanged.
///
/// ```
/// use flatstream_format::{ChecksumType, Header, HeaderBuilder};
///
/// let header = HeaderBuilder::new(ChecksumType::Crc32c)
///     .message_type("Telemetry.TelemetryEvent")
///     .metadata("vehicle", "17")
///     .build()?;
/// let read = Header::decode(header.as_bytes())?;
/// assert_eq!(read, header);
/// assert_eq!(read.metadata_value("vehicle"), Some("17"));
/// # Ok::<(), flatstream_format::HeaderError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    essentials: Essentials,
    message_type: Option<String>,
    message_identifier: Option<String>,
    schema: Option<Vec<u8>>,
    writer: Option<String>,
    metadata: Vec<(String, Option<String>)>,
    region: Vec<u8>,
}

impl Header {
    /// What a sync frame tells of a header region that is damaged: its check and the checksum. Everything else is
    /// unknown, and promises nothing.
    ///
    /// # Errors
    /// [`HeaderError::UnknownChecksum`].
    pub fn recover(sync: &Sync) -> Result<Self, HeaderError> {
        Ok(Self {
            essentials: Essentials::recover(sync)?,
            message_type: None,
            message_identifier: None,
            schema: None,
            writer: None,
            metadata: Vec::new(),
            region: Vec::new(),
        })
    }

    /// Whether the header region was damaged, and this is what the stream's sync frames told of it:
    /// [`checksum`](Self::checksum) is right, and nothing else is known ([`as_bytes`](Self::as_bytes) is empty).
    #[must_use]
    pub fn is_recovered(&self) -> bool {
        self.region.is_empty()
    }

    /// Reads the header region that `data` begins with.
    ///
    /// # Errors
    /// Any [`HeaderError`].
    pub fn decode(data: &[u8]) -> Result<Self, HeaderError> {
        let essentials = Essentials::parse(data)?;
        let region = data.get(..essentials.header_len as usize).unwrap_or_default();
        let flatbuffer = region.get(header::LENGTH.end..region.len() - header::CHECK_LEN).unwrap_or_default();
        let table = fbs::root_as_stream_header_with_opts(&VERIFIER, flatbuffer)
            .map_err(|_| HeaderError::Malformed("the FlatBuffers verifier rejects it"))?;
        Ok(Self {
            essentials,
            message_type: table.message_type().map(ToString::to_string),
            message_identifier: table.message_identifier().map(ToString::to_string),
            schema: table.schema().map(|schema| schema.bytes().to_vec()),
            writer: table.writer().map(ToString::to_string),
            metadata: table
                .metadata()
                .iter()
                .flatten()
                .map(|entry| (entry.key().to_string(), entry.value().map(ToString::to_string)))
                .collect(),
            region: region.to_vec(),
        })
    }

    /// The numbers that frames depend on.
    #[must_use]
    pub const fn essentials(&self) -> &Essentials {
        &self.essentials
    }

    /// What protects the messages' bodies.
    #[must_use]
    pub const fn checksum(&self) -> ChecksumType {
        self.essentials.checksum
    }

    /// The longest message in bytes that the writer promised; 0 = no promise.
    #[must_use]
    pub const fn max_message_len(&self) -> u32 {
        self.essentials.max_message_len
    }

    /// Bytes between sync frames; 0 = only the first, when reopened, and the last.
    #[must_use]
    pub const fn sync_interval(&self) -> u32 {
        self.essentials.sync_interval
    }

    /// What the times of sync frames mean.
    #[must_use]
    pub const fn clock(&self) -> Clock {
        self.essentials.clock
    }

    /// The messages' root table, fully qualified, such as `Telemetry.TelemetryEvent`.
    #[must_use]
    pub fn message_type(&self) -> Option<&str> {
        self.message_type.as_deref()
    }

    /// The messages' own FlatBuffers file identifier.
    #[must_use]
    pub fn message_identifier(&self) -> Option<&str> {
        self.message_identifier.as_deref()
    }

    /// The binary schema (`.bfbs`) of the messages.
    #[must_use]
    pub fn schema(&self) -> Option<&[u8]> {
        self.schema.as_deref()
    }

    /// The program that wrote the stream, with its version.
    #[must_use]
    pub fn writer(&self) -> Option<&str> {
        self.writer.as_deref()
    }

    /// Free pairs of key and value, in the order of the file; a key may have no value and may come twice.
    pub fn metadata(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.metadata.iter().map(|(key, value)| (key.as_str(), value.as_deref()))
    }

    /// The value of the first pair with this key.
    #[must_use]
    pub fn metadata_value(&self, key: &str) -> Option<&str> {
        self.metadata().find_map(|(found, value)| if found == key { value } else { None })
    }

    /// The whole header region, as it stands at the start of the stream.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.region
    }
}

/// Entries may share bytes, so a header of 1 MiB could unfold into gigabytes: these bound what is looked at and copied.
const VERIFIER: VerifierOptions = VerifierOptions {
    max_depth: 8,
    max_tables: 1 << 16,
    max_apparent_size: 16 << 20,
    ignore_missing_null_terminator: false,
};

/// Makes a [`Header`].
///
/// ```
/// use flatstream_format::{ChecksumType, Clock, HeaderBuilder};
///
/// let header = HeaderBuilder::new(ChecksumType::None).clock(Clock::Monotonic).sync_interval(0).build()?;
/// assert_eq!(&header.as_bytes()[8..12], b"FLS1");
/// # Ok::<(), flatstream_format::HeaderError>(())
/// ```
#[derive(Clone, Debug)]
pub struct HeaderBuilder {
    checksum: ChecksumType,
    max_message_len: u32,
    sync_interval: u32,
    clock: Clock,
    message_type: Option<String>,
    message_identifier: Option<String>,
    schema: Option<Vec<u8>>,
    writer: Option<String>,
    metadata: Vec<(String, String)>,
}

impl HeaderBuilder {
    /// A header for a checksum, with no promise of a message length and the default sync interval.
    #[must_use]
    pub const fn new(checksum: ChecksumType) -> Self {
        Self {
            checksum,
            max_message_len: 0,
            sync_interval: crate::limits::SYNC_INTERVAL,
            clock: Clock::Unspecified,
            message_type: None,
            message_identifier: None,
            schema: None,
            writer: None,
            metadata: Vec::new(),
        }
    }

    /// What protects the messages' bodies.
    #[must_use]
    pub const fn checksum(mut self, checksum: ChecksumType) -> Self {
        self.checksum = checksum;
        self
    }

    /// Promises that no message is longer than so many bytes; 0 = no promise.
    #[must_use]
    pub const fn max_message_len(mut self, bytes: u32) -> Self {
        self.max_message_len = bytes;
        self
    }

    /// Bytes between sync frames; 0 = only the first, when reopened, and the last.
    #[must_use]
    pub const fn sync_interval(mut self, bytes: u32) -> Self {
        self.sync_interval = bytes;
        self
    }

    /// What the times of sync frames mean.
    #[must_use]
    pub const fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The messages' root table, fully qualified.
    #[must_use]
    pub fn message_type(mut self, name: impl Into<String>) -> Self {
        self.message_type = Some(name.into());
        self
    }

    /// The messages' own FlatBuffers file identifier: four characters.
    #[must_use]
    pub fn message_identifier(mut self, identifier: impl Into<String>) -> Self {
        self.message_identifier = Some(identifier.into());
        self
    }

    /// The binary schema (`.bfbs`) of the messages.
    #[must_use]
    pub fn schema(mut self, bfbs: impl Into<Vec<u8>>) -> Self {
        self.schema = Some(bfbs.into());
        self
    }

    /// The program that writes the stream, with its version.
    #[must_use]
    pub fn writer(mut self, program: impl Into<String>) -> Self {
        self.writer = Some(program.into());
        self
    }

    /// One more pair of key and value.
    #[must_use]
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.push((key.into(), value.into()));
        self
    }

    /// The pairs of key and value so far.
    pub fn chosen_metadata(&self) -> impl Iterator<Item = (&str, &str)> {
        self.metadata.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// The header.
    ///
    /// # Errors
    /// [`HeaderError::Length`] if it exceeds 1 MiB (the schema is too large), [`HeaderError::Malformed`] if the
    /// message identifier doesn't have 4 bytes, [`HeaderError::UnknownChecksum`] for [`ChecksumType::Private`] below
    /// 128.
    pub fn build(&self) -> Result<Header, HeaderError> {
        if self.message_identifier.as_ref().is_some_and(|identifier| identifier.len() != 4) {
            return Err(HeaderError::Malformed("a message identifier has 4 bytes"));
        }
        if ChecksumType::from_id(self.checksum.id()) != Some(self.checksum) {
            return Err(HeaderError::UnknownChecksum(self.checksum.id()));
        }
        // Checked before building, because the builder panics beyond 2 GiB.
        let size = self.text_and_schema_len();
        if size > header::LENGTH_MAX as usize {
            return Err(HeaderError::Length(u32::try_from(size).unwrap_or(u32::MAX)));
        }
        Header::decode(&self.region())
    }

    fn text_and_schema_len(&self) -> usize {
        let texts = [&self.message_type, &self.message_identifier, &self.writer];
        texts.iter().map(|text| text.as_ref().map_or(0, String::len)).sum::<usize>()
            + self.metadata.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>()
            + self.schema.as_ref().map_or(0, Vec::len)
    }

    fn region(&self) -> Vec<u8> {
        let mut builder = FlatBufferBuilder::new();
        let metadata: Vec<_> = self
            .metadata
            .iter()
            .map(|(key, value)| {
                let key = Some(builder.create_string(key));
                let value = Some(builder.create_string(value));
                fbs::KeyValue::create(&mut builder, &fbs::KeyValueArgs { key, value })
            })
            .collect();
        let metadata = (!metadata.is_empty()).then(|| builder.create_vector(&metadata));
        let message_type = self.message_type.as_ref().map(|text| builder.create_string(text));
        let message_identifier = self.message_identifier.as_ref().map(|text| builder.create_string(text));
        let writer = self.writer.as_ref().map(|text| builder.create_string(text));
        let schema = self.schema.as_ref().map(|bytes| builder.create_vector(bytes));
        let root = fbs::StreamHeader::create(
            &mut builder,
            &fbs::StreamHeaderArgs {
                version: Some(u16::from(FORMAT_VERSION)),
                checksum: Some(fbs::ChecksumType(self.checksum.id())),
                max_message_len: self.max_message_len,
                sync_interval: self.sync_interval,
                clock: fbs::Clock(self.clock.id()),
                message_type,
                message_identifier,
                schema,
                writer,
                metadata,
                ..Default::default()
            },
        );
        fbs::finish_size_prefixed_stream_header_buffer(&mut builder, root);
        seal(builder.finished_data())
    }
}

/// A size-prefixed FlatBuffer with pad and check: the prefix counts them too.
fn seal(size_prefixed: &[u8]) -> Vec<u8> {
    let mut region = size_prefixed.to_vec();
    let region_len = (region.len() + header::CHECK_LEN).next_multiple_of(ALIGNMENT);
    region.resize(region_len - header::CHECK_LEN, 0);
    let length = u32::try_from(region_len - header::LENGTH.end).unwrap_or(u32::MAX);
    if let Some(prefix) = region.first_chunk_mut() {
        *prefix = length.to_le_bytes();
    }
    let check = Algorithm::CRC32C.digest(&region);
    region.extend_from_slice(&check.to_le_bytes());
    region
}
