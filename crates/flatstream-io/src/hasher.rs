use std::fmt;
use std::sync::Arc;

use flatstream_format::{Algorithm, Checksum, ChecksumType, Pass, Unavailable};

/// An algorithm of the user's, shared between options and what they made.
pub(crate) type PrivateHasher = Arc<dyn Checksum + Send + Sync>;

/// What computes a stream's digests.
#[derive(Clone)]
pub(crate) enum Hasher {
    Standard(Algorithm),
    Private(PrivateHasher),
}

impl Hasher {
    /// The algorithm of `checksum`; `private` is asked for one of the user's.
    pub(crate) fn new(
        checksum: ChecksumType,
        private: impl FnOnce(u8) -> Option<PrivateHasher>,
    ) -> Result<Self, Unavailable> {
        match checksum {
            ChecksumType::Private(id) => private(id).map(Self::Private).ok_or(Unavailable::Hasher(checksum)),
            standard => Algorithm::new(standard).map(Self::Standard),
        }
    }
}

impl Checksum for Hasher {
    #[inline(always)]
    fn digest(&self, body: &[u8]) -> u32 {
        match self {
            Self::Standard(algorithm) => algorithm.digest(body),
            Self::Private(hasher) => hasher.digest(body),
        }
    }

    #[inline(always)]
    fn copy_and_digest(&self, body: &[u8], copy: &mut [u8]) -> u32 {
        match self {
            Self::Standard(algorithm) => algorithm.copy_and_digest(body, copy),
            Self::Private(hasher) => hasher.copy_and_digest(body, copy),
        }
    }

    #[inline]
    fn run_pass<P: Pass>(&self, pass: P) -> P::Output {
        match self {
            Self::Standard(algorithm) => algorithm.run_pass(pass),
            Self::Private(hasher) => pass.run(|body| hasher.digest(body)),
        }
    }

    fn digest_parts(&self, parts: &[&[u8]]) -> Option<u32> {
        match self {
            Self::Standard(algorithm) => algorithm.digest_parts(parts),
            Self::Private(hasher) => hasher.digest_parts(parts),
        }
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Standard(algorithm) => algorithm.fmt(f),
            Self::Private(_) => f.write_str("Private"),
        }
    }
}
