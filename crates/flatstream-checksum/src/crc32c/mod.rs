//! CRC-32C (Castagnoli): polynomial 0x1EDC6F41, reflected, initial value and final XOR 0xFFFFFFFF.
//! Catalogue name CRC-32/ISCSI; the digest of "123456789" is 0xE3069283.

#[cfg(feature = "crc")]
mod backend;

mod table;
#[cfg(all(feature = "crc", target_arch = "x86_64"))]
#[allow(unsafe_code, reason = "the processor's own instructions; argued in the file")]
// As `crc-fast` needs, which `crc` brings.
#[clippy::msrv = "1.89"]
mod x86_64;

#[cfg(feature = "crc")]
pub(crate) use backend::Backend;
#[cfg(feature = "crc")]
pub use backend::{CRC32C_BACKENDS, crc32c_backend};

/// The only one there is without the feature `crc`.
#[cfg(not(feature = "crc"))]
#[derive(Clone, Copy, Debug)]
pub(crate) enum Backend {
    Chosen,
}

#[cfg(not(feature = "crc"))]
impl Backend {
    pub(crate) fn chosen() -> Self {
        Self::Chosen
    }

    pub(crate) fn digest(self, body: &[u8]) -> u32 {
        !table::update(!0, body)
    }

    pub(crate) fn digest_by_other(self, body: &[u8]) -> u32 {
        self.digest(body)
    }

    pub(crate) fn quick_digest(self, _body: &[u8]) -> Option<u32> {
        None
    }

    pub(crate) fn copy_and_digest(self, body: &[u8], copy: &mut [u8]) -> u32 {
        copy.copy_from_slice(body);
        self.digest(body)
    }

    pub(crate) fn run_pass<P: crate::Pass>(self, pass: P) -> P::Output {
        pass.run(|body| self.digest(body))
    }

    pub(crate) fn digest_parts(self, parts: &[&[u8]]) -> u32 {
        !parts.iter().fold(!0, |register, part| table::update(register, part))
    }
}
