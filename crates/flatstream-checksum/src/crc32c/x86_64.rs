//! CRC-32C by the instructions of x86-64, alone or in one pass with copying.
//!
//! `crc32q` takes 8 bytes at a time; in what is longer, three chains of it run side by side, and carry-less
//! multiplications join them (Gopal et al., "Fast CRC Computation for iSCSI Polynomial Using CRC32 Instruction", Intel
//! 2011). With AVX-512, from [`LONG`] bytes on, 256 bytes at a time are folded by carry-less multiplications (Gopal et
//! al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction", Intel 2009).
//!
//! Bytes that exceed whole words or vectors come first, not last: zeros in front of a message don't change a register
//! that is zero, so the odd bytes make one word or vector with zeros in front, without a branch for each size.
//!
//! # Safety
//!
//! Two things are `unsafe` here. Functions with a `target_feature` are called by the methods of `Sse42` and `Avx512`
//! alone, whose values only exist where the processor was asked. And `load` and `store` move vectors through pointers,
//! which they make of references to as many bytes.

use core::arch::x86_64::*;

use crate::Pass;

const POLYNOMIAL: u32 = 0x1EDC_6F41;

const WORD: usize = size_of::<u64>();

const VECTOR: usize = size_of::<__m512i>();

/// From so many bytes on, AVX-512 is faster than one chain of `crc32q`.
const LONG: usize = 128;

/// The lengths in bytes of the three chains.
const CHAINS: [usize; 2] = [256, 64];

/// x to the power of `n` modulo the polynomial, its bits reversed as those of the data are.
const fn power(n: usize) -> i64 {
    let mut remainder = 1u32;
    let mut bit = 0;
    while bit < n {
        remainder = (remainder << 1) ^ if remainder >> 31 == 1 { POLYNOMIAL } else { 0 };
        bit += 1;
    }
    remainder.reverse_bits() as i64
}

/// What moves 8 bytes over so many that follow them. A product of reversed bits comes out one bit too low, and `crc32q`
/// multiplies by x^32 in the end: hence 33.
const fn over(distance: usize) -> i64 {
    power(8 * distance - 33)
}

/// The register behind less than [`LONG`] bytes, one word after the other. Whole words, which most FlatBuffers are,
/// take no call. A macro, because a function that may use the instruction can't be inlined by force.
macro_rules! one_chain {
    ($register:expr, $bytes:expr) => {{
        let (register, bytes) = ($register, $bytes);
        let (words, odd) = bytes.as_chunks();
        match odd.is_empty() {
            true => chain(u64::from(register), words, |register, word| _mm_crc32_u64(register, word)) as u32,
            false => odd_chain(register, bytes),
        }
    }};
}

/// Proof that the processor has `crc32q` and `pclmulqdq`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sse42(());

impl Sse42 {
    pub(super) fn detect() -> Option<Self> {
        let is_there = is_x86_feature_detected!("sse4.2") && is_x86_feature_detected!("pclmulqdq");
        is_there.then_some(Self(()))
    }

    /// Goes on from a raw register value, without the initial value and the final XOR.
    #[inline]
    pub(super) fn update(self, register: u32, bytes: &[u8]) -> u32 {
        // SAFETY: `self` is proof that the processor can.
        unsafe { update_sse42(register, bytes) }
    }

    /// The same, and copies the bytes.
    #[inline]
    pub(super) fn copy_and_update(self, register: u32, bytes: &[u8], copy: &mut [u8]) -> u32 {
        // SAFETY: as above.
        unsafe { copy_sse42(register, bytes, copy) }
    }

    pub(super) fn run_pass<P: Pass>(self, pass: P) -> P::Output {
        // SAFETY: as above.
        unsafe { run_pass_sse42(pass) }
    }
}

/// Proof that the processor has AVX-512 with carry-less multiplication.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx512(());

impl Avx512 {
    pub(super) fn detect() -> Option<Self> {
        let is_there = Sse42::detect().is_some()
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vbmi")
            && is_x86_feature_detected!("vpclmulqdq");
        is_there.then_some(Self(()))
    }

    /// As [`Sse42::update`].
    #[inline]
    pub(super) fn update(self, register: u32, bytes: &[u8]) -> u32 {
        // SAFETY: `self` is proof that the processor can.
        unsafe { update_avx512(register, bytes) }
    }

    /// As [`Sse42::copy_and_update`].
    #[inline]
    pub(super) fn copy_and_update(self, register: u32, bytes: &[u8], copy: &mut [u8]) -> u32 {
        // SAFETY: as above.
        unsafe { copy_avx512(register, bytes, copy) }
    }

    pub(super) fn run_pass<P: Pass>(self, pass: P) -> P::Output {
        // SAFETY: as above.
        unsafe { run_pass_avx512(pass) }
    }
}

#[inline]
#[target_feature(enable = "sse4.2,pclmulqdq")]
fn update_sse42(register: u32, bytes: &[u8]) -> u32 {
    if bytes.len() < LONG {
        return one_chain!(register, bytes);
    }
    update_long_sse42(register, bytes)
}

#[inline(never)]
#[target_feature(enable = "sse4.2,pclmulqdq")]
fn update_long_sse42(register: u32, bytes: &[u8]) -> u32 {
    let (mut register, mut rest) = (register, bytes);
    for chain in CHAINS {
        while let Some((chains, behind)) = rest.split_at_checked(3 * chain) {
            register = three_chains(register, chains, chain);
            rest = behind;
        }
    }
    one_chain!(register, rest)
}

#[target_feature(enable = "sse4.2,pclmulqdq")]
fn copy_sse42(register: u32, bytes: &[u8], copy: &mut [u8]) -> u32 {
    if bytes.len() < LONG {
        copy_short(bytes, copy);
        return one_chain!(register, bytes);
    }
    copy_long_sse42(register, bytes, copy)
}

#[inline(never)]
#[target_feature(enable = "sse4.2,pclmulqdq")]
fn copy_long_sse42(register: u32, bytes: &[u8], copy: &mut [u8]) -> u32 {
    copy.copy_from_slice(bytes);
    update_long_sse42(register, bytes)
}

#[inline]
#[target_feature(enable = "sse4.2,avx512f,avx512bw,avx512vbmi,bmi2,pclmulqdq,vpclmulqdq")]
fn update_avx512(register: u32, bytes: &[u8]) -> u32 {
    if bytes.len() < LONG {
        return one_chain!(register, bytes);
    }
    fold::<false>(register, bytes, &mut [])
}

#[target_feature(enable = "sse4.2,avx512f,avx512bw,avx512vbmi,bmi2,pclmulqdq,vpclmulqdq")]
fn copy_avx512(register: u32, bytes: &[u8], copy: &mut [u8]) -> u32 {
    if bytes.len() < LONG {
        copy_short(bytes, copy);
        return one_chain!(register, bytes);
    }
    fold::<true>(register, bytes, copy)
}

#[target_feature(enable = "sse4.2,pclmulqdq")]
fn run_pass_sse42<P: Pass>(pass: P) -> P::Output {
    pass.run(|body| !update_sse42(!0, body))
}

#[target_feature(enable = "sse4.2,avx512f,avx512bw,avx512vbmi,bmi2,pclmulqdq,vpclmulqdq")]
fn run_pass_avx512<P: Pass>(pass: P) -> P::Output {
    pass.run(|body| !update_avx512(!0, body))
}

// With loops, not `fold`: that would be a function which may not use the instruction, and so can't have it inlined.
#[inline(always)]
fn chain(register: u64, words: &[[u8; WORD]], crc32q: impl Fn(u64, u64) -> u64) -> u64 {
    let (mut register, mut words) = (register, words);
    while let Some(([a, b, c, d, e, f, g, h], rest)) = words.split_first_chunk() {
        words = rest;
        register = crc32q(register, u64::from_le_bytes(*a));
        register = crc32q(register, u64::from_le_bytes(*b));
        register = crc32q(register, u64::from_le_bytes(*c));
        register = crc32q(register, u64::from_le_bytes(*d));
        register = crc32q(register, u64::from_le_bytes(*e));
        register = crc32q(register, u64::from_le_bytes(*f));
        register = crc32q(register, u64::from_le_bytes(*g));
        register = crc32q(register, u64::from_le_bytes(*h));
    }
    for word in words {
        register = crc32q(register, u64::from_le_bytes(*word));
    }
    register
}

/// The same for bytes that don't make whole words.
#[inline(never)]
#[target_feature(enable = "sse4.2")]
fn odd_chain(register: u32, bytes: &[u8]) -> u32 {
    let (odd, words) = bytes.as_rchunks::<WORD>();
    let word = bytes.first_chunk().map_or_else(|| less_than_a_word(bytes), |first| u64::from_le_bytes(*first));
    let bits = 8 * odd.len() as u32;
    // Two shifts, because one by 64 bits isn't possible.
    let at_the_end = (word ^ u64::from(register)) << (63 - bits) << 1;
    let register = _mm_crc32_u64(0, at_the_end) ^ (u64::from(register) >> bits);
    chain(register, words, |register, word| _mm_crc32_u64(register, word)) as u32
}

/// Zeros behind 1 to 7 bytes, which are read as pieces that overlap.
#[inline(always)]
fn less_than_a_word(bytes: &[u8]) -> u64 {
    match (bytes.first_chunk::<4>(), bytes.last_chunk::<4>(), bytes) {
        (Some(first), Some(last), _) => {
            let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
            u64::from(first) | u64::from(last) << (8 * (bytes.len() as u32 % 8 - 4))
        }
        (.., [first, .., last]) => {
            let middle = bytes[bytes.len() / 2];
            let word = |byte: u8, place: usize| u64::from(byte) << (8 * (place as u32 % 8));
            word(*first, 0) | word(middle, bytes.len() / 2) | word(*last, bytes.len() - 1)
        }
        (.., bytes) => bytes.first().copied().map_or(0, u64::from),
    }
}

/// Copies less than [`LONG`] bytes as two pieces that overlap, without a call.
#[inline]
#[target_feature(enable = "sse4.2")]
fn copy_short(bytes: &[u8], copy: &mut [u8]) {
    let Some(copy) = copy.get_mut(..bytes.len()) else { return };
    match bytes.len() {
        65.. => copy_ends::<64>(bytes, copy),
        33.. => copy_ends::<32>(bytes, copy),
        17.. => copy_ends::<16>(bytes, copy),
        8.. => copy_ends::<8>(bytes, copy),
        4.. => copy_ends::<4>(bytes, copy),
        _ => copy_up_to_three(bytes, copy),
    }
}

#[inline(always)]
fn copy_up_to_three(bytes: &[u8], copy: &mut [u8]) {
    if let ([first, .., last], [first_place, middle @ .., last_place]) = (bytes, &mut *copy) {
        (*first_place, *last_place) = (*first, *last);
        middle.first_mut().into_iter().for_each(|place| *place = bytes[1]);
    } else if let ([byte], [place]) = (bytes, copy) {
        *place = *byte;
    }
}

#[inline(always)]
fn copy_ends<const LEN: usize>(bytes: &[u8], copy: &mut [u8]) {
    if let (Some(first), Some(last)) = (bytes.first_chunk::<LEN>(), bytes.last_chunk::<LEN>()) {
        let pieces = (*first, *last);
        copy.first_chunk_mut().into_iter().for_each(|place| *place = pieces.0);
        copy.last_chunk_mut().into_iter().for_each(|place| *place = pieces.1);
    }
}

#[inline]
#[target_feature(enable = "sse4.2,pclmulqdq")]
fn three_chains(register: u32, bytes: &[u8], chain: usize) -> u32 {
    let words = |nth: usize| bytes[nth * chain..][..chain].as_chunks().0.iter().copied().map(u64::from_le_bytes);
    let mut registers = [u64::from(register), 0, 0];
    for ((first, second), third) in words(0).zip(words(1)).zip(words(2)) {
        registers[0] = _mm_crc32_u64(registers[0], first);
        registers[1] = _mm_crc32_u64(registers[1], second);
        registers[2] = _mm_crc32_u64(registers[2], third);
    }
    let constants =
        if chain == CHAINS[0] { const { Chains::new(CHAINS[0]) } } else { const { Chains::new(CHAINS[1]) } };
    let moved = |register: u64, constant: i64| {
        let product = _mm_clmulepi64_si128::<0>(_mm_cvtsi64_si128(register as i64), _mm_cvtsi64_si128(constant));
        _mm_cvtsi128_si64(product) as u64
    };
    let joined = moved(registers[0], constants.over_two) ^ moved(registers[1], constants.over_one);
    (_mm_crc32_u64(0, joined) ^ registers[2]) as u32
}

struct Chains {
    over_one: i64,
    over_two: i64,
}

impl Chains {
    const fn new(chain: usize) -> Self {
        Self { over_one: over(chain), over_two: over(2 * chain) }
    }
}

/// Four bytes of ones behind and before zeros: read from the right place, it is a mask of where in the first two
/// vectors the register's bytes go.
const REGISTER_MASK: [u8; 3 * VECTOR] = {
    let mut mask = [0; 3 * VECTOR];
    let mut byte = 0;
    while byte < size_of::<u32>() {
        mask[VECTOR + byte] = 0xFF;
        byte += 1;
    }
    mask
};

const IDENTITY: [u8; VECTOR] = {
    let mut identity = [0; VECTOR];
    let mut byte = 0;
    while byte < VECTOR {
        identity[byte] = byte as u8;
        byte += 1;
    }
    identity
};

/// At least a vector.
#[inline(never)]
#[target_feature(enable = "sse4.2,avx512f,avx512bw,avx512vbmi,bmi2,pclmulqdq,vpclmulqdq")]
fn fold<const COPIES: bool>(register: u32, bytes: &[u8], copy: &mut [u8]) -> u32 {
    let Some(start) = bytes.first_chunk() else { return register };
    let start = load(start);
    if COPIES && let Some(place) = copy.first_chunk_mut() {
        store(start, place);
    }
    let (odd, vectors) = bytes.as_rchunks::<VECTOR>();
    let (_, places) = copy.as_rchunks_mut::<VECTOR>();
    let mut places = places.iter_mut();
    let mut next = |bytes: &[u8; VECTOR]| {
        let vector = load(bytes);
        if COPIES && let Some(place) = places.next() {
            store(vector, place);
        }
        vector
    };
    let Some((first, vectors)) = vectors.split_first() else { return register };
    let first = next(first);
    let mut sum = match odd.len() % VECTOR {
        0 => _mm512_xor_si512(first, _mm512_zextsi128_si512(_mm_cvtsi32_si128(register as i32))),
        odd => fold_odd(register, start, odd, first),
    };

    let mut rest = vectors;
    if let Some(([second, third, fourth], behind)) = vectors.split_first_chunk() {
        let mut sums = [sum, next(second), next(third), next(fourth)];
        let (fours, behind) = behind.as_chunks::<4>();
        for four in fours {
            for (sum, vector) in sums.iter_mut().zip(four) {
                *sum = fold_over::<{ 4 * VECTOR }>(*sum, next(vector));
            }
        }
        let [first, second, third, fourth] = sums;
        // In two steps side by side.
        let halves = [fold_over::<VECTOR>(first, second), fold_over::<VECTOR>(third, fourth)];
        sum = fold_over::<{ 2 * VECTOR }>(halves[0], halves[1]);
        rest = behind;
    }
    for vector in rest {
        sum = fold_over::<VECTOR>(sum, next(vector));
    }
    last_lanes(sum)
}

/// The first vector, behind the odd bytes that `start` begins with.
#[inline]
#[target_feature(enable = "sse4.2,avx512f,avx512bw,avx512vbmi,vpclmulqdq")]
fn fold_odd(register: u32, start: __m512i, odd: usize, first: __m512i) -> __m512i {
    let register = _mm512_set1_epi32(register.rotate_right(8 * odd as u32) as i32);
    let in_odd = _mm512_and_si512(register, load(mask_at(odd)));
    let in_first = _mm512_and_si512(register, load(mask_at(odd + VECTOR)));
    let behind_zeros = _mm512_xor_si512(move_to_end(start, odd), in_odd);
    fold_over::<VECTOR>(behind_zeros, _mm512_xor_si512(first, in_first))
}

/// Moves each 16 bytes of `vector` over the distance, onto those of `onto`.
#[inline]
#[target_feature(enable = "avx512f,vpclmulqdq")]
fn fold_over<const DISTANCE: usize>(vector: __m512i, onto: __m512i) -> __m512i {
    let constants = const { [over(DISTANCE + WORD), over(DISTANCE)] };
    let constants = _mm512_broadcast_i32x4(_mm_set_epi64x(constants[1], constants[0]));
    let low = _mm512_clmulepi64_epi128::<0x00>(vector, constants);
    let high = _mm512_clmulepi64_epi128::<0x11>(vector, constants);
    // 0x96 is the table of a XOR of three.
    _mm512_ternarylogic_epi64::<0x96>(low, high, onto)
}

/// The register behind the 64 bytes that all the others were folded into.
#[inline]
#[target_feature(enable = "sse4.2,avx512f,vpclmulqdq")]
fn last_lanes(vector: __m512i) -> u32 {
    const LANE: usize = 16;
    let constants = const {
        [over(3 * LANE + WORD), over(3 * LANE), over(2 * LANE + WORD), over(2 * LANE), over(LANE + WORD), over(LANE)]
    };
    let [a, b, c, d, e, f] = constants;
    let constants = _mm512_set_epi64(0, 0, f, e, d, c, b, a);
    let low = _mm512_clmulepi64_epi128::<0x00>(vector, constants);
    let high = _mm512_clmulepi64_epi128::<0x11>(vector, constants);
    let last = _mm512_maskz_mov_epi64(0b1100_0000, vector);
    let lanes = _mm512_ternarylogic_epi64::<0x96>(low, high, last);
    let halves = _mm256_xor_si256(_mm512_castsi512_si256(lanes), _mm512_extracti64x4_epi64::<1>(lanes));
    let lane = _mm_xor_si128(_mm256_castsi256_si128(halves), _mm256_extracti128_si256::<1>(halves));
    let register = _mm_crc32_u64(0, _mm_cvtsi128_si64(lane) as u64);
    _mm_crc32_u64(register, _mm_extract_epi64::<1>(lane) as u64) as u32
}

/// The first `len` bytes of a vector, fewer than all, as its last ones, with zeros before them.
#[inline]
#[target_feature(enable = "avx512bw,avx512vbmi")]
fn move_to_end(vector: __m512i, len: usize) -> __m512i {
    // Two shifts, because one by 64 isn't possible.
    let last = u64::MAX << 1 << (VECTOR - 1 - len);
    let indices = _mm512_add_epi8(load(&IDENTITY), _mm512_set1_epi8(len as i8));
    _mm512_maskz_permutexvar_epi8(last, indices, vector)
}

#[inline(always)]
fn mask_at(offset: usize) -> &'static [u8; VECTOR] {
    REGISTER_MASK[offset..].first_chunk().expect("two vectors follow every odd length")
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load(bytes: &[u8; VECTOR]) -> __m512i {
    // SAFETY: a reference to as many bytes as are loaded, at any alignment.
    unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store(vector: __m512i, bytes: &mut [u8; VECTOR]) {
    // SAFETY: a reference to as many bytes as are stored, at any alignment.
    unsafe { _mm512_storeu_si512(bytes.as_mut_ptr().cast(), vector) }
}
