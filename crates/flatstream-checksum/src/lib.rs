#![doc = include_str!("../README.md")]
#![cfg_attr(not(any(feature = "std", test)), no_std)]
#![deny(unsafe_code)]

mod algorithm;
mod checksum_type;

mod crc32;
mod crc32c;
mod xxh3;
mod xxh64;

pub use algorithm::{Algorithm, Unavailable};
pub use checksum_type::{ChecksumType, FIRST_PRIVATE_ID};
#[cfg(feature = "crc")]
pub use crc32c::{CRC32C_BACKENDS, crc32c_backend};

/// A 32-bit digest of a message body.
///
/// Implement it to plug in an algorithm of your own under a private id ([`ChecksumType::Private`]). The digest must
/// depend on the bytes alone: the format mixes in a frame's length, its position and the stream's identity itself.
///
/// A digest finds damage. It is no signature: whoever writes messages can also write their digests.
///
/// ```
/// use flatstream_checksum::Checksum;
///
/// struct Adler32;
///
/// impl Checksum for Adler32 {
///     fn digest(&self, body: &[u8]) -> u32 {
///         let (mut a, mut b) = (1u32, 0u32);
///         for &byte in body {
///             a = (a + u32::from(byte)) % 65_521;
///             b = (b + a) % 65_521;
///         }
///         b << 16 | a
///     }
/// }
///
/// assert_eq!(Adler32.digest(b"Wikipedia"), 0x11E6_0398);
/// ```
pub trait Checksum {
    /// The digest of `body`.
    fn digest(&self, body: &[u8]) -> u32;

    /// Copies `body` to `copy`, which is as long, and returns its digest: for algorithms that do both in one pass. The
    /// default copies and calls [`digest`](Self::digest).
    ///
    /// ```
    /// use flatstream_checksum::{Algorithm, Checksum};
    ///
    /// let mut copy = [0; 9];
    /// assert_eq!(Algorithm::CRC32C.copy_and_digest(b"123456789", &mut copy), 0xE306_9283);
    /// assert_eq!(&copy, b"123456789");
    /// ```
    ///
    /// # Panics
    /// If the lengths differ.
    #[inline]
    fn copy_and_digest(&self, body: &[u8], copy: &mut [u8]) -> u32 {
        copy.copy_from_slice(body);
        self.digest(body)
    }

    /// Runs work that digests many bodies with this algorithm. The default calls [`digest`](Self::digest) for each.
    ///
    /// ```
    /// use flatstream_checksum::{Algorithm, Checksum, Pass};
    ///
    /// struct CountGood<'a>(&'a [(&'a [u8], u32)]);
    ///
    /// impl Pass for CountGood<'_> {
    ///     type Output = usize;
    ///
    ///     #[inline(always)]
    ///     fn run(self, digest: impl Fn(&[u8]) -> u32) -> usize {
    ///         self.0.iter().filter(|(body, expected)| digest(body) == *expected).count()
    ///     }
    /// }
    ///
    /// let bodies = [(&b"123456789"[..], 0xE306_9283), (b"damaged", 0)];
    /// assert_eq!(Algorithm::CRC32C.run_pass(CountGood(&bodies)), 1);
    /// ```
    #[inline]
    fn run_pass<P: Pass>(&self, pass: P) -> P::Output
    where
        Self: Sized,
    {
        pass.run(|body| self.digest(body))
    }

    /// The digest of the body that `parts` make when put together, or `None` where the algorithm can only take a body
    /// in one piece; the caller then gathers it first. The default is `None`.
    ///
    /// ```
    /// use flatstream_checksum::{Algorithm, Checksum, ChecksumType};
    ///
    /// let crc32c = Algorithm::new(ChecksumType::Crc32c)?;
    /// assert_eq!(crc32c.digest_parts(&[b"1234", b"", b"56789"]), Some(0xE306_9283));
    /// # Ok::<(), flatstream_checksum::Unavailable>(())
    /// ```
    fn digest_parts(&self, parts: &[&[u8]]) -> Option<u32> {
        let _ = parts;
        None
    }
}

/// Work that digests many bodies: given to [`Checksum::run_pass`], it is compiled once for each algorithm, so that
/// nothing is chosen or called for each body.
pub trait Pass {
    /// What the work results in.
    type Output;

    /// Does the work with an algorithm's `digest`. Mark it `#[inline(always)]`, or it can't use the processor's
    /// instructions for it directly.
    fn run(self, digest: impl Fn(&[u8]) -> u32) -> Self::Output;
}

impl<C: Checksum + ?Sized> Checksum for &C {
    #[inline]
    fn digest(&self, body: &[u8]) -> u32 {
        (**self).digest(body)
    }

    #[inline]
    fn copy_and_digest(&self, body: &[u8], copy: &mut [u8]) -> u32 {
        (**self).copy_and_digest(body, copy)
    }

    fn digest_parts(&self, parts: &[&[u8]]) -> Option<u32> {
        (**self).digest_parts(parts)
    }
}
