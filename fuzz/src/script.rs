//! Reads an input as the choices that somebody makes.

use flatstream_testkit::noise::{Choices, Noise};

/// Bytes that are taken one after the other; behind the last one all choices are 0.
pub(crate) struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    pub(crate) fn new(data: &'a [u8]) -> Self {
        Self(data)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes as many bytes, or those that are left.
    pub(crate) fn take(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// All that is left.
    pub(crate) fn rest(self) -> &'a [u8] {
        self.0
    }

    /// A seed for what is to look random. Of 16 bits: so no input can bring a check that was computed for it.
    pub(crate) fn noise(&mut self) -> Noise {
        Noise::new(self.below(1 << 16) as u64)
    }
}

impl Choices for Script<'_> {
    fn below(&mut self, bound: usize) -> usize {
        let len = match bound {
            0..=0x100 => 1,
            0x101..=0x1_0000 => 2,
            _ => 4,
        };
        let number = self.take(len).iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte));
        number % bound
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        self.noise().bytes(len)
    }
}
