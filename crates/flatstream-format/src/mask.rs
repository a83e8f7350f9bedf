/// What spreads the epochs of one stream over all ids.
pub const EPOCH_MULTIPLIER: u64 = 0xA076_1D64_78BD_642F;
/// The multipliers of SplitMix64's finalizer. <https://prng.di.unimi.it/splitmix64.c>
pub const MIX_MULTIPLIERS: [u64; 2] = [0xBF58_476D_1CE4_E5B9, 0x94D0_49BB_1331_11EB];
/// The multipliers of the mask.
pub const MASK_MULTIPLIERS: [u64; 2] = [0x9E37_79B9_7F4A_7C15, 0xD6E8_FEB8_6659_FD93];

/// The secret-less "key" of one epoch of one stream: with the position and the length it makes the mask that is XORed
/// into each check word, so that a frame is good only at its place in its stream.
///
/// Specification: section 6.
///
/// ```
/// use flatstream_format::Salt;
///
/// let salt = Salt::new(8, 0);
/// assert_ne!(salt.mask(1024, 64), salt.mask(1032, 64));
/// assert_ne!(salt.mask(1024, 64), Salt::new(8, 1).mask(1024, 64));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub struct Salt(u64);

impl Salt {
    /// The salt of an epoch of a stream.
    #[must_use]
    pub const fn new(stream_id: u64, epoch: u32) -> Self {
        let z = stream_id.wrapping_add((epoch as u64).wrapping_mul(EPOCH_MULTIPLIER));
        let z = (z ^ (z >> 30)).wrapping_mul(MIX_MULTIPLIERS[0]);
        let z = (z ^ (z >> 27)).wrapping_mul(MIX_MULTIPLIERS[1]);
        Self(z ^ (z >> 31))
    }

    /// The salt as the number that the specification's table shows.
    #[must_use]
    pub const fn value(self) -> u64 {
        self.0
    }

    /// The mask of the frame at `position` whose length word (control bit included) is `length_word`.
    #[inline]
    #[must_use]
    pub const fn mask(self, position: u64, length_word: u32) -> u32 {
        let x = (self.0 ^ position).wrapping_mul(MASK_MULTIPLIERS[0]);
        let x = (x ^ (x >> 32) ^ length_word as u64).wrapping_mul(MASK_MULTIPLIERS[1]);
        (x >> 32) as u32
    }
}
