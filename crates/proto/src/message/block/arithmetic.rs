//! By additions in which no byte carries into the next.

use std::ops::{BitOr, Not};

/// Sixteen bytes, the first one lowest.
#[derive(Clone, Copy)]
pub(in crate::message) struct Block(u128);

/// Which bytes of a block: the highest bit of each says it, the others say nothing.
#[derive(Clone, Copy)]
pub(in crate::message) struct Places(u128);

const fn each(byte: u8) -> u128 {
    u128::from_le_bytes([byte; 16])
}

impl Block {
    #[inline]
    pub(in crate::message) const fn new(bytes: &[u8; 16]) -> Self {
        Self(u128::from_le_bytes(*bytes))
    }

    /// ASCII letters in lower case; what else is not a letter becomes no letter.
    #[inline]
    pub(in crate::message) const fn lower(self) -> Self {
        Self(self.0 | each(0x20))
    }

    /// Those that are `byte`.
    #[inline]
    pub(in crate::message) const fn is(self, byte: u8) -> Places {
        Self(self.0 ^ each(byte)).below(1)
    }

    /// Those below `bound`, which is from 1 to 0x80.
    #[inline]
    pub(in crate::message) const fn below(self, bound: u8) -> Places {
        Places(!(self.at_least(bound) | self.0))
    }

    /// Those from `low` to `high`, both below 0x80.
    #[inline]
    pub(in crate::message) const fn between(self, low: u8, high: u8) -> Places {
        Places(self.at_least(low) & !(self.at_least(high + 1) | self.0))
    }

    /// Sets the highest bit of each byte that is at least `least`, where it is below 0x80; else it says nothing.
    const fn at_least(self, least: u8) -> u128 {
        // Without the highest bits no byte carries into the next.
        (self.0 & each(0x7f)) + each(0x80 - least)
    }
}

impl Places {
    /// The first of them.
    #[inline]
    pub(in crate::message) const fn first(self) -> Option<usize> {
        match self.0 & each(0x80) {
            0 => None,
            bits => Some(bits.trailing_zeros() as usize / 8),
        }
    }
}

impl BitOr for Places {
    type Output = Self;

    #[inline]
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl Not for Places {
    type Output = Self;

    #[inline]
    fn not(self) -> Self {
        Self(!self.0)
    }
}
