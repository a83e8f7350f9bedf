use core::fmt;

/// The least id that belongs to users: [`ChecksumType::Private`].
pub const FIRST_PRIVATE_ID: u8 = 128;

/// Which algorithm protects the bodies of a stream's messages; a stream names it in its header.
///
/// The ids are the format's (`docs/format/spec.md`, section 5) and never change. Every variant exists whatever features
/// are on; whether this build can compute one is what [`Algorithm::new`](crate::Algorithm::new) answers.
///
/// ```
/// use flatstream_checksum::ChecksumType;
///
/// assert_eq!(ChecksumType::default(), ChecksumType::Crc32c);
/// assert_eq!(ChecksumType::Xxh64.id(), 2);
/// assert_eq!(ChecksumType::from_id(200), Some(ChecksumType::Private(200)));
/// assert_eq!(ChecksumType::from_id(77), None);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
#[non_exhaustive]
pub enum ChecksumType {
    /// No digest: a changed body goes unnoticed, but a changed length or a misplaced frame does not.
    None,
    /// CRC-32C (Castagnoli), as in iSCSI and ext4. The default: always available.
    #[default]
    Crc32c,
    /// The low 32 bits of XXH64 with seed 0. Feature `xxhash`.
    Xxh64,
    /// CRC-32/ISO-HDLC, as in gzip and Ethernet. Feature `crc`.
    Crc32,
    /// The low 32 bits of `XXH3_64bits` with seed 0. Feature `xxhash`.
    Xxh3,
    /// An algorithm of the user's, with an id from 128 to 255.
    Private(u8),
}

impl ChecksumType {
    /// The algorithms that the format defines, in the order of their ids.
    pub const STANDARD: [Self; 5] = [Self::None, Self::Crc32c, Self::Xxh64, Self::Crc32, Self::Xxh3];

    /// The id that a header and a sync frame hold.
    #[must_use]
    pub const fn id(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Crc32c => 1,
            Self::Xxh64 => 2,
            Self::Crc32 => 3,
            Self::Xxh3 => 4,
            Self::Private(id) => id,
        }
    }

    /// The algorithm of an id; `None` for an id that this version of the format doesn't define.
    #[must_use]
    pub const fn from_id(id: u8) -> Option<Self> {
        match id {
            0 => Some(Self::None),
            1 => Some(Self::Crc32c),
            2 => Some(Self::Xxh64),
            3 => Some(Self::Crc32),
            4 => Some(Self::Xxh3),
            FIRST_PRIVATE_ID.. => Some(Self::Private(id)),
            _ => None,
        }
    }

    /// The feature that brings the algorithm; `None` for those that need none.
    #[must_use]
    pub const fn feature(self) -> Option<&'static str> {
        match self {
            Self::Crc32 => Some("crc"),
            Self::Xxh64 | Self::Xxh3 => Some("xxhash"),
            Self::None | Self::Crc32c | Self::Private(_) => None,
        }
    }
}

impl fmt::Display for ChecksumType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::None => "none",
            Self::Crc32c => "CRC-32C",
            Self::Xxh64 => "XXH64",
            Self::Crc32 => "CRC-32",
            Self::Xxh3 => "XXH3",
            Self::Private(id) => return write!(f, "private checksum {id}"),
        };
        f.pad(name)
    }
}
