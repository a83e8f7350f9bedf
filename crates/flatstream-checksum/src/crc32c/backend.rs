//! Which code computes CRC-32C: chosen once, by what the processor has.

use std::sync::OnceLock;

use super::table;
#[cfg(target_arch = "x86_64")]
use super::x86_64::{Avx512, Sse42};
use crate::Pass;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Backend {
    /// The one that was chosen for this process.
    Chosen,
    Table,
    CrcFast,
    #[cfg(target_arch = "x86_64")]
    Sse42(Sse42),
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
}

/// What this build can compute CRC-32C with, the slowest first. Not every processor has the instructions of each.
pub const CRC32C_BACKENDS: &[&str] = &[
    "table",
    "crc-fast",
    #[cfg(target_arch = "x86_64")]
    "sse4.2",
    #[cfg(target_arch = "x86_64")]
    "avx512",
];

/// The environment variable that forces a backend.
const VARIABLE: &str = "FLATSTREAM_CRC32C";

static CHOSEN: OnceLock<Backend> = OnceLock::new();

/// What computes CRC-32C in this process, one of [`CRC32C_BACKENDS`]: the fastest that the processor can run, or the
/// one that the environment variable `FLATSTREAM_CRC32C` named when the first digest was computed. A name that is
/// unknown, or that this processor can't run, counts as none.
///
/// ```
/// use flatstream_checksum::{CRC32C_BACKENDS, crc32c_backend};
///
/// assert!(CRC32C_BACKENDS.contains(&crc32c_backend()));
/// ```
#[must_use]
pub fn crc32c_backend() -> &'static str {
    Backend::chosen().name()
}

impl Backend {
    /// Never `Chosen` itself.
    pub(crate) fn chosen() -> Self {
        *CHOSEN.get_or_init(|| Self::choose(std::env::var(VARIABLE).ok().as_deref()))
    }

    #[cold]
    fn choose(forced: Option<&str>) -> Self {
        let available = || CRC32C_BACKENDS.iter().filter_map(|name| Self::with_name(name));
        let fastest = available().next_back().unwrap_or(Self::Table);
        available().find(|backend| Some(backend.name()) == forced).unwrap_or(fastest)
    }

    /// `None` for a name that is unknown, or that this processor can't run.
    fn with_name(name: &str) -> Option<Self> {
        match name {
            "table" => Some(Self::Table),
            "crc-fast" => Some(Self::CrcFast),
            #[cfg(target_arch = "x86_64")]
            "sse4.2" => Sse42::detect().map(Self::Sse42),
            #[cfg(target_arch = "x86_64")]
            "avx512" => Avx512::detect().map(Self::Avx512),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Chosen => Self::chosen().name(),
            Self::Table => "table",
            Self::CrcFast => "crc-fast",
            #[cfg(target_arch = "x86_64")]
            Self::Sse42(_) => "sse4.2",
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => "avx512",
        }
    }

    pub(crate) fn digest(self, body: &[u8]) -> u32 {
        self.quick_digest(body).unwrap_or_else(|| self.digest_by_other(body))
    }

    /// The digest, if it is computed by code that is worth being called from everywhere directly.
    #[cfg_attr(not(target_arch = "x86_64"), expect(unused_variables, reason = "there is no such code"))]
    #[inline(always)]
    pub(crate) fn quick_digest(self, body: &[u8]) -> Option<u32> {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(avx512) => Some(!avx512.update(!0, body)),
            #[cfg(target_arch = "x86_64")]
            Self::Sse42(sse42) => Some(!sse42.update(!0, body)),
            _ => None,
        }
    }

    /// By those that `quick_digest` leaves.
    #[inline]
    pub(crate) fn digest_by_other(self, body: &[u8]) -> u32 {
        match self {
            Self::CrcFast => crc_fast::crc32_iscsi(body),
            Self::Table => !table::update(!0, body),
            _ => Self::chosen().digest(body),
        }
    }

    #[inline(always)]
    pub(crate) fn copy_and_digest(self, body: &[u8], copy: &mut [u8]) -> u32 {
        assert_eq!(body.len(), copy.len(), "a copy is as long as what it is of");
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(avx512) => !avx512.copy_and_update(!0, body, copy),
            #[cfg(target_arch = "x86_64")]
            Self::Sse42(sse42) => !sse42.copy_and_update(!0, body, copy),
            _ => {
                copy.copy_from_slice(body);
                self.digest_by_other(body)
            }
        }
    }

    #[inline]
    pub(crate) fn run_pass<P: Pass>(self, pass: P) -> P::Output {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(avx512) => avx512.run_pass(pass),
            #[cfg(target_arch = "x86_64")]
            Self::Sse42(sse42) => sse42.run_pass(pass),
            _ => pass.run(|body| self.digest_by_other(body)),
        }
    }

    pub(crate) fn digest_parts(self, parts: &[&[u8]]) -> u32 {
        match self {
            Self::Chosen => Self::chosen().digest_parts(parts),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(avx512) => !parts.iter().fold(!0, |register, part| avx512.update(register, part)),
            #[cfg(target_arch = "x86_64")]
            Self::Sse42(sse42) => !parts.iter().fold(!0, |register, part| sse42.update(register, part)),
            Self::CrcFast => crc_fast_parts(parts),
            Self::Table => !parts.iter().fold(!0, |register, part| table::update(register, part)),
        }
    }
}

fn crc_fast_parts(parts: &[&[u8]]) -> u32 {
    let mut digest = crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc32Iscsi);
    for part in parts {
        digest.update(part);
    }
    digest.finalize() as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Backend, CRC32C_BACKENDS};
    use crate::Pass;

    struct One<'a>(&'a [u8]);

    impl Pass for One<'_> {
        type Output = u32;

        fn run(self, digest: impl Fn(&[u8]) -> u32) -> u32 {
            digest(self.0)
        }
    }

    /// Those that this processor can run.
    fn available() -> Vec<Backend> {
        CRC32C_BACKENDS.iter().filter_map(|name| Backend::with_name(name)).collect()
    }

    fn noise(len: usize) -> Vec<u8> {
        (0..len as u32).map(|i| (i.wrapping_mul(0x9E37_79B9) >> 24) as u8).collect()
    }

    /// In every way there is to compute it, at this alignment.
    fn check(body: &[u8], cut: usize) {
        let expected = Backend::Table.digest(body);
        for backend in available() {
            assert_eq!(backend.digest(body), expected, "{backend:?}, {} bytes", body.len());
            assert_eq!(backend.run_pass(One(body)), expected, "{backend:?}, {} bytes in a pass", body.len());
            let parts = [&body[..cut], &body[cut..]];
            assert_eq!(backend.digest_parts(&parts), expected, "{backend:?}, {} bytes cut at {cut}", body.len());
            // Whatever lies beside the copy stays as it was.
            let mut place = vec![0xA5; body.len() + 192];
            let copied = backend.copy_and_digest(body, &mut place[96..][..body.len()]);
            assert_eq!(copied, expected, "{backend:?}, copying {} bytes", body.len());
            assert!(place[96..][..body.len()] == *body, "{backend:?}, {} bytes copied wrong", body.len());
            let beside = place[..96].iter().chain(&place[96 + body.len()..]);
            assert!(beside.copied().all(|byte| byte == 0xA5), "{backend:?}, {} bytes: more was written", body.len());
        }
    }

    #[test]
    fn every_backend_agrees_with_the_table_at_every_length_and_alignment() {
        let bytes = noise(2048 + 64);
        for len in 0..=2048 {
            check(&bytes[len % 64..][..len], len / 3);
        }
        for start in 0..64 {
            for len in [1, 7, 8, 9, 63, 64, 127, 128, 129, 191, 192, 255, 256, 300, 767, 768, 1024, 1500] {
                check(&bytes[start..][..len], start.min(len));
            }
        }
    }

    #[test]
    fn every_backend_is_had_by_its_own_name() {
        let names: Vec<&str> = available().into_iter().map(Backend::name).collect();
        #[cfg(target_arch = "x86_64")]
        let is_there = |name: &&&str| match **name {
            "table" | "crc-fast" => true,
            name => {
                let has_sse = is_x86_feature_detected!("sse4.2") && is_x86_feature_detected!("pclmulqdq");
                let has_avx512 = is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512vbmi")
                    && is_x86_feature_detected!("bmi2")
                    && is_x86_feature_detected!("vpclmulqdq");
                has_sse && (name == "sse4.2" || has_avx512)
            }
        };
        #[cfg(not(target_arch = "x86_64"))]
        let is_there = |_: &&&str| true;
        assert_eq!(names, CRC32C_BACKENDS.iter().filter(is_there).copied().collect::<Vec<_>>());
        assert!(names.starts_with(&["table", "crc-fast"]));
        assert_eq!(Backend::Chosen.name(), super::crc32c_backend());
        assert!(names.contains(&super::crc32c_backend()));
        assert_eq!(Backend::choose(None).name(), names[names.len() - 1], "the fastest");
    }

    #[test]
    fn a_backend_that_cannot_run_is_not_forced() {
        assert_eq!(Backend::choose(Some("abacus")).name(), Backend::choose(None).name());
        for backend in available() {
            assert_eq!(Backend::choose(Some(backend.name())).name(), backend.name());
        }
    }

    proptest! {
        #[test]
        fn every_backend_agrees_with_the_table_on_any_bytes(
            body in proptest::collection::vec(any::<u8>(), 0..6000),
            cut in any::<proptest::sample::Index>(),
        ) {
            check(&body, cut.index(body.len() + 1));
        }
    }
}
