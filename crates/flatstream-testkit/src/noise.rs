//! Bytes that look random and are the same in every run.

/// Decides what is done, where something may be done in several ways: at random, or as a fuzzer wants it.
pub trait Choices {
    /// A number below `bound`, which isn't 0.
    fn below(&mut self, bound: usize) -> usize;

    /// `len` bytes that nobody chose to be what they are.
    fn bytes(&mut self, len: usize) -> Vec<u8>;
}

impl Choices for Noise {
    fn below(&mut self, bound: usize) -> usize {
        Self::below(self, bound)
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        Self::bytes(self, len)
    }
}

/// A small generator: SplitMix64. <https://prng.di.unimi.it/splitmix64.c>
#[derive(Clone, Debug)]
pub struct Noise(u64);

impl Noise {
    /// A generator whose numbers depend on `seed` alone.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// The next number below `bound`.
    ///
    /// # Panics
    /// If `bound` is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.number() % bound as u64) as usize
    }

    /// The next `len` bytes.
    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.number() as u8).collect()
    }

    /// `count` messages of 1 to `max_len` bytes.
    pub fn messages(&mut self, count: usize, max_len: usize) -> Vec<Vec<u8>> {
        (0..count)
            .map(|_| {
                let len = 1 + self.below(max_len);
                self.bytes(len)
            })
            .collect()
    }
}
