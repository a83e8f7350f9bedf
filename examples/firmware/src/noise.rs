//! Numbers that look random and are the same in every run.

/// Marsaglia's xorshift with 32 bits.
pub struct Noise(u32);

impl Noise {
    /// The row that begins at a seed, which isn't 0.
    pub const fn new(seed: u32) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn number(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0
    }

    /// The next number below `bound`, which isn't 0.
    pub fn below(&mut self, bound: u32) -> u32 {
        ((u64::from(self.number()) * u64::from(bound)) >> 32) as u32
    }
}
