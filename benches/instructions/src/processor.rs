//! What the processor can do, as far as code is chosen by it at run time: by the checksums' crates, by ours and by the
//! C library's `memcpy`. Under valgrind it is what valgrind can do.

#[cfg(target_arch = "x86_64")]
macro_rules! detected {
    ($($name:tt)*) => { [$(($name, std::arch::is_x86_feature_detected!($name))),*] };
}

#[cfg(target_arch = "aarch64")]
macro_rules! detected {
    ($($name:tt)*) => { [$(($name, std::arch::is_aarch64_feature_detected!($name))),*] };
}

#[cfg(target_arch = "x86_64")]
fn all() -> impl IntoIterator<Item = (&'static str, bool)> {
    detected!("sse4.2" "pclmulqdq" "avx" "avx2" "bmi2" "vpclmulqdq" "avx512f" "avx512bw" "avx512vl" "avx512dq")
}

#[cfg(target_arch = "aarch64")]
fn all() -> impl IntoIterator<Item = (&'static str, bool)> {
    detected!("neon" "crc" "aes" "pmull" "sha3" "lse" "sve")
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn all() -> impl IntoIterator<Item = (&'static str, bool)> {
    []
}

/// The names of those extensions that it has.
pub(crate) fn extensions() -> Vec<&'static str> {
    all().into_iter().filter_map(|(name, is_there)| is_there.then_some(name)).collect()
}
