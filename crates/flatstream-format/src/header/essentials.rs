//! What reading and writing frames takes from the header, by checked reads: without allocation and without `unsafe`.

use flatstream_checksum::{Algorithm, Checksum, ChecksumType};

use crate::error::{FirstBytes, HeaderError};
use crate::layout::{FORMAT_VERSION, frame, header};
use crate::sync::{ALIGNMENT_LOG2, Sync};

/// What the times of sync frames mean. Specification: section 3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
#[non_exhaustive]
pub enum Clock {
    /// Not said, or not known to this version.
    #[default]
    Unspecified,
    /// Nanoseconds since 1970-01-01 00:00 UTC, without leap seconds.
    UnixUtc,
    /// Nanoseconds since an arbitrary moment, such as the device's start.
    Monotonic,
    /// Nanoseconds of International Atomic Time since 1970-01-01 00:00 TAI.
    Tai,
}

impl Clock {
    /// The clock's number in the header.
    #[must_use]
    pub const fn id(self) -> u8 {
        match self {
            Self::Unspecified => 0,
            Self::UnixUtc => 1,
            Self::Monotonic => 2,
            Self::Tai => 3,
        }
    }

    /// The clock of a number; one that this version doesn't know is [`Clock::Unspecified`].
    #[must_use]
    pub const fn from_id(id: u8) -> Self {
        match id {
            1 => Self::UnixUtc,
            2 => Self::Monotonic,
            3 => Self::Tai,
            _ => Self::Unspecified,
        }
    }
}

/// What frames depend on: the numbers of the header.
///
/// ```
/// # #[cfg(feature = "alloc")] {
/// use flatstream_format::{ChecksumType, Essentials, HeaderBuilder};
///
/// let header = HeaderBuilder::new(ChecksumType::Crc32c).max_message_len(4096).build()?;
/// let essentials = Essentials::parse(header.as_bytes())?;
/// assert_eq!(essentials.max_message_len, 4096);
/// # }
/// # Ok::<(), flatstream_format::HeaderError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub struct Essentials {
    /// The size of the header region in bytes: where the first frame starts.
    pub header_len: u32,
    /// The region's check word.
    pub header_check: u32,
    /// What protects the messages' bodies.
    pub checksum: ChecksumType,
    /// The longest message in bytes that the writer promised; 0 = no promise.
    pub max_message_len: u32,
    /// Bytes between sync frames; 0 = only the first, when reopened, and the last.
    pub sync_interval: u32,
    /// What the times of sync frames mean.
    pub clock: Clock,
    /// Features that a reader may ignore.
    pub optional_features: u32,
}

impl Essentials {
    /// What a sync frame tells of a header that can't be read: whose it is, and the checksum. There is no region
    /// (`header_len` is 0) and no promise.
    ///
    /// # Errors
    /// [`HeaderError::UnknownChecksum`].
    pub fn recover(sync: &Sync) -> Result<Self, HeaderError> {
        let id = sync.checksum_id;
        Ok(Self {
            header_len: 0,
            header_check: sync.header_check,
            checksum: ChecksumType::from_id(id).ok_or(HeaderError::UnknownChecksum(id))?,
            max_message_len: 0,
            sync_interval: 0,
            clock: Clock::Unspecified,
            optional_features: 0,
        })
    }

    /// The longest message that the stream may hold: what the writer promised, or what a length word can say.
    #[must_use]
    pub const fn message_limit(&self) -> u32 {
        match self.max_message_len {
            promised @ 1..frame::BODY_LEN_MAX => promised,
            _ => frame::BODY_LEN_MAX,
        }
    }
}

/// What [`locate_header`] found at the start of some data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub enum Located {
    /// So many bytes from the start are needed to know more.
    NeedMore(usize),
    /// The region is the first so many bytes, and they are all there.
    Region(usize),
}

/// Finds the header region at the start of `data`, which may hold only the first bytes of a stream yet.
///
/// ```
/// use flatstream_format::{Located, locate_header};
///
/// let header = include_bytes!("../../tests/minimal_header.bin");
/// assert_eq!(locate_header(&header[..5]), Ok(Located::NeedMore(12)));
/// assert_eq!(locate_header(&header[..12]), Ok(Located::NeedMore(48)));
/// assert_eq!(locate_header(header), Ok(Located::Region(48)));
/// assert!(locate_header(b"%PDF-1.7 and so on").is_err());
/// ```
///
/// # Errors
/// [`HeaderError::NotAStream`] and [`HeaderError::Length`]; the region's contents are [`Essentials::parse`]'s matter.
pub fn locate_header(data: &[u8]) -> Result<Located, HeaderError> {
    let Some(opening) = data.first_chunk::<{ header::IDENTIFIER.end }>() else {
        return Ok(Located::NeedMore(header::IDENTIFIER.end));
    };
    if opening[header::IDENTIFIER] != header::IDENTIFIER_BYTES {
        return Err(HeaderError::NotAStream { found: FirstBytes::of(opening) });
    }
    let [a, b, c, d, ..] = *opening;
    let length = u32::from_le_bytes([a, b, c, d]);
    if !(header::LENGTH_MIN..=header::LENGTH_MAX).contains(&length) || length % 8 != 4 {
        return Err(HeaderError::Length(length));
    }
    let region_len = header::LENGTH.end + length as usize;
    Ok(if data.len() < region_len { Located::NeedMore(region_len) } else { Located::Region(region_len) })
}

impl HeaderError {
    /// What it means that the data end while [`locate_header`] still needs `need` bytes.
    #[must_use]
    pub fn at_end_of_data(data: &[u8], need: usize) -> Self {
        if need <= header::IDENTIFIER.end {
            return Self::NotAStream { found: FirstBytes::of(data) };
        }
        Self::Incomplete { expected: need as u64, found: data.len() as u64 }
    }
}

impl Essentials {
    /// Reads the region that `data` begins with; what follows it is ignored.
    ///
    /// # Errors
    /// Any [`HeaderError`] but those about strings and vectors, which only `Header::decode` looks at.
    pub fn parse(data: &[u8]) -> Result<Self, HeaderError> {
        let region_len = match locate_header(data)? {
            Located::Region(len) => len,
            Located::NeedMore(need) => return Err(HeaderError::at_end_of_data(data, need)),
        };
        let region = data.get(..region_len).unwrap_or_default();
        let (checked, check) = region.split_last_chunk().unwrap_or((region, &[0; header::CHECK_LEN]));
        let found = u32::from_le_bytes(*check);
        let expected = Algorithm::CRC32C.digest(checked);
        if found != expected {
            return Err(HeaderError::Check { position: checked.len() as u64, expected, found });
        }
        Self::read_table(checked, found)
    }

    fn read_table(checked: &[u8], header_check: u32) -> Result<Self, HeaderError> {
        let table = Table::root(checked.get(header::LENGTH.end..).unwrap_or_default())?;
        let version = table.field(slot::VERSION)?.map(u16::from_le_bytes);
        match version {
            None | Some(0) => return Err(HeaderError::Malformed("it names no version")),
            Some(version) if version > u16::from(FORMAT_VERSION) => return Err(HeaderError::Version(version)),
            Some(_) => {}
        }
        let checksum = table.byte(slot::CHECKSUM)?.ok_or(HeaderError::Malformed("it names no checksum"))?;
        let required_features = table.uint(slot::REQUIRED_FEATURES)?;
        if required_features != 0 {
            return Err(HeaderError::Features(required_features));
        }
        let alignment_log2 = table.byte(slot::ALIGNMENT_LOG2)?.unwrap_or(ALIGNMENT_LOG2);
        if alignment_log2 != ALIGNMENT_LOG2 {
            return Err(HeaderError::Alignment(alignment_log2));
        }
        Ok(Self {
            header_len: (checked.len() + header::CHECK_LEN) as u32,
            header_check,
            checksum: ChecksumType::from_id(checksum).ok_or(HeaderError::UnknownChecksum(checksum))?,
            max_message_len: table.uint(slot::MAX_MESSAGE_LEN)?,
            sync_interval: table.uint(slot::SYNC_INTERVAL)?,
            clock: Clock::from_id(table.byte(slot::CLOCK)?.unwrap_or_default()),
            optional_features: table.uint(slot::OPTIONAL_FEATURES)?,
        })
    }
}

/// The place of each field's entry in the table's vtable; a test compares them with flatc's generated ones.
mod slot {
    pub(super) const VERSION: usize = 4;
    pub(super) const CHECKSUM: usize = 6;
    pub(super) const ALIGNMENT_LOG2: usize = 8;
    pub(super) const REQUIRED_FEATURES: usize = 10;
    pub(super) const OPTIONAL_FEATURES: usize = 12;
    pub(super) const MAX_MESSAGE_LEN: usize = 14;
    pub(super) const SYNC_INTERVAL: usize = 16;
    pub(super) const CLOCK: usize = 18;
}

const OUT_OF_BOUNDS: HeaderError = HeaderError::Malformed("an offset in it points out of bounds");

/// The root table of a FlatBuffer. <https://flatbuffers.dev/internals/>
struct Table<'a> {
    buffer: &'a [u8],
    start: usize,
    vtable: &'a [u8],
}

impl<'a> Table<'a> {
    fn root(buffer: &'a [u8]) -> Result<Self, HeaderError> {
        let start = u32::from_le_bytes(read(buffer, 0)?) as usize;
        let back = i32::from_le_bytes(read(buffer, start)?);
        let vtable_start = start as i64 - i64::from(back);
        let vtable = usize::try_from(vtable_start).ok().and_then(|at| buffer.get(at..)).ok_or(OUT_OF_BOUNDS)?;
        let len = u16::from_le_bytes(read(vtable, 0)?);
        let vtable = vtable.get(..usize::from(len)).ok_or(OUT_OF_BOUNDS)?;
        Ok(Self { buffer, start, vtable })
    }

    /// The bytes of a scalar; `None` if the table doesn't have the field.
    fn field<const N: usize>(&self, slot: usize) -> Result<Option<[u8; N]>, HeaderError> {
        let Ok(offset) = read(self.vtable, slot) else { return Ok(None) };
        match u16::from_le_bytes(offset) {
            0 => Ok(None),
            offset => read(self.buffer, self.start.saturating_add(usize::from(offset))).map(Some),
        }
    }

    fn byte(&self, slot: usize) -> Result<Option<u8>, HeaderError> {
        Ok(self.field(slot)?.map(|[byte]: [u8; 1]| byte))
    }

    fn uint(&self, slot: usize) -> Result<u32, HeaderError> {
        Ok(self.field(slot)?.map_or(0, u32::from_le_bytes))
    }
}

fn read<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], HeaderError> {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().ok_or(OUT_OF_BOUNDS)
}

#[cfg(all(test, feature = "alloc"))]
mod tests {
    use super::slot;
    use crate::generated::stream_header::{ChecksumType as FbsChecksum, Clock as FbsClock, StreamHeader};
    use crate::{ChecksumType, Clock};

    #[test]
    fn the_slots_are_those_of_the_generated_code() {
        let ours = [
            slot::VERSION,
            slot::CHECKSUM,
            slot::ALIGNMENT_LOG2,
            slot::REQUIRED_FEATURES,
            slot::OPTIONAL_FEATURES,
            slot::MAX_MESSAGE_LEN,
            slot::SYNC_INTERVAL,
            slot::CLOCK,
        ];
        let generated = [
            StreamHeader::VT_VERSION,
            StreamHeader::VT_CHECKSUM,
            StreamHeader::VT_ALIGNMENT_LOG2,
            StreamHeader::VT_REQUIRED_FEATURES,
            StreamHeader::VT_OPTIONAL_FEATURES,
            StreamHeader::VT_MAX_MESSAGE_LEN,
            StreamHeader::VT_SYNC_INTERVAL,
            StreamHeader::VT_CLOCK,
        ];
        assert_eq!(ours, generated.map(usize::from));
    }

    #[test]
    fn the_numbers_are_those_of_the_generated_code() {
        let checksums = ChecksumType::STANDARD.map(ChecksumType::id);
        assert_eq!(checksums.len(), FbsChecksum::ENUM_VALUES.len());
        for value in FbsChecksum::ENUM_VALUES {
            let ours = ChecksumType::from_id(value.0).unwrap();
            assert_eq!(format!("{ours:?}"), value.variant_name().unwrap());
        }
        for value in FbsClock::ENUM_VALUES {
            assert_eq!(format!("{:?}", Clock::from_id(value.0)), value.variant_name().unwrap());
            assert_eq!(Clock::from_id(value.0).id(), value.0);
        }
    }
}
