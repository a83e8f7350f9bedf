#[cfg(feature = "crc")]
use crate::crc32;
use crate::crc32c::Backend;
use crate::{Checksum, ChecksumType, Pass};
#[cfg(feature = "xxhash")]
use crate::{xxh3, xxh64};

/// An algorithm of the format, ready to compute digests.
///
/// ```
/// use flatstream_checksum::{Algorithm, Checksum, ChecksumType};
///
/// let algorithm = Algorithm::new(ChecksumType::None)?;
/// assert_eq!(algorithm.digest(b"anything"), 0);
///
/// let unavailable = Algorithm::new(ChecksumType::Private(200)).unwrap_err();
/// assert_eq!(unavailable.to_string(), "private checksum 200 needs a hasher: none was given");
/// # Ok::<(), flatstream_checksum::Unavailable>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Algorithm(Kind);

// Only what this build can compute, so that every value has a digest.
#[derive(Clone, Copy, Debug)]
enum Kind {
    None,
    Crc32c(Backend),
    #[cfg(feature = "crc")]
    Crc32,
    #[cfg(feature = "xxhash")]
    Xxh64,
    #[cfg(feature = "xxhash")]
    Xxh3,
}

/// The algorithm can't be computed: its feature is off, or it is private and no hasher was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
#[non_exhaustive]
pub enum Unavailable {
    /// The build lacks the feature that brings the algorithm.
    #[error("{checksum} needs the crate feature `{feature}`, which this build doesn't have")]
    Feature {
        /// The algorithm.
        checksum: ChecksumType,
        /// The feature to turn on.
        feature: &'static str,
    },
    /// The algorithm is the user's own.
    #[error("{0} needs a hasher: none was given")]
    Hasher(ChecksumType),
}

impl Algorithm {
    /// CRC-32C, which every build has.
    pub const CRC32C: Self = Self(Kind::Crc32c(Backend::Chosen));

    /// The algorithm of `checksum`.
    ///
    /// # Errors
    /// [`Unavailable`] if its feature is off or it is private.
    pub fn new(checksum: ChecksumType) -> Result<Self, Unavailable> {
        let kind = match checksum {
            ChecksumType::None => Kind::None,
            ChecksumType::Crc32c => Kind::Crc32c(Backend::chosen()),
            #[cfg(feature = "crc")]
            ChecksumType::Crc32 => Kind::Crc32,
            #[cfg(feature = "xxhash")]
            ChecksumType::Xxh64 => Kind::Xxh64,
            #[cfg(feature = "xxhash")]
            ChecksumType::Xxh3 => Kind::Xxh3,
            other => {
                return Err(match other.feature() {
                    Some(feature) => Unavailable::Feature { checksum: other, feature },
                    None => Unavailable::Hasher(other),
                });
            }
        };
        Ok(Self(kind))
    }

    /// Which algorithm this is.
    #[must_use]
    pub const fn checksum_type(self) -> ChecksumType {
        match self.0 {
            Kind::None => ChecksumType::None,
            Kind::Crc32c(_) => ChecksumType::Crc32c,
            #[cfg(feature = "crc")]
            Kind::Crc32 => ChecksumType::Crc32,
            #[cfg(feature = "xxhash")]
            Kind::Xxh64 => ChecksumType::Xxh64,
            #[cfg(feature = "xxhash")]
            Kind::Xxh3 => ChecksumType::Xxh3,
        }
    }
}

impl Algorithm {
    /// Out of the way of the loops that digest many messages.
    #[inline(never)]
    fn digest_by_other(self, body: &[u8]) -> u32 {
        match self.0 {
            Kind::None => 0,
            Kind::Crc32c(backend) => backend.digest_by_other(body),
            #[cfg(feature = "crc")]
            Kind::Crc32 => crc32::digest(body),
            #[cfg(feature = "xxhash")]
            Kind::Xxh64 => xxh64::digest(body),
            #[cfg(feature = "xxhash")]
            Kind::Xxh3 => xxh3::digest(body),
        }
    }
}

impl PartialEq for Algorithm {
    fn eq(&self, other: &Self) -> bool {
        self.checksum_type() == other.checksum_type()
    }
}

impl Eq for Algorithm {}

impl Checksum for Algorithm {
    #[inline(always)]
    fn digest(&self, body: &[u8]) -> u32 {
        match self.0 {
            Kind::Crc32c(backend) if let Some(digest) = backend.quick_digest(body) => digest,
            Kind::None => 0,
            _ => self.digest_by_other(body),
        }
    }

    #[inline(always)]
    fn copy_and_digest(&self, body: &[u8], copy: &mut [u8]) -> u32 {
        if let Kind::Crc32c(backend) = self.0 {
            return backend.copy_and_digest(body, copy);
        }
        copy.copy_from_slice(body);
        self.digest(body)
    }

    #[inline]
    fn run_pass<P: Pass>(&self, pass: P) -> P::Output {
        match self.0 {
            Kind::None => pass.run(|_| 0),
            Kind::Crc32c(backend) => backend.run_pass(pass),
            #[cfg(any(feature = "crc", feature = "xxhash"))]
            _ => pass.run(|body| self.digest_by_other(body)),
        }
    }

    fn digest_parts(&self, parts: &[&[u8]]) -> Option<u32> {
        match self.0 {
            Kind::None => Some(0),
            Kind::Crc32c(backend) => Some(backend.digest_parts(parts)),
            #[cfg(feature = "crc")]
            Kind::Crc32 => Some(crc32::digest_parts(parts)),
            #[cfg(feature = "xxhash")]
            Kind::Xxh64 => Some(xxh64::digest_parts(parts)),
            #[cfg(feature = "xxhash")]
            Kind::Xxh3 => xxh3::digest_parts(parts),
        }
    }
}
