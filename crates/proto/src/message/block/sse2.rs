//! By SSE2.

use std::ops::{BitOr, Not};

use safe_arch::{
    bitor_m128i, bitxor_m128i, cmp_eq_mask_i8_m128i, cmp_lt_mask_i8_m128i, load_unaligned_m128i, m128i, min_u8_m128i,
    move_mask_i8_m128i, set_splat_i8_m128i, sub_i8_m128i,
};

/// Sixteen bytes.
#[derive(Clone, Copy)]
pub(in crate::message) struct Block(m128i);

/// Which bytes of a block: all bits of a byte or none.
#[derive(Clone, Copy)]
pub(in crate::message) struct Places(m128i);

impl Block {
    #[inline]
    pub(in crate::message) fn new(bytes: &[u8; 16]) -> Self {
        Self(load_unaligned_m128i(bytes))
    }

    /// ASCII letters in lower case; what else is not a letter becomes no letter.
    #[inline]
    pub(in crate::message) fn lower(self) -> Self {
        Self(bitor_m128i(self.0, splat(0x20)))
    }

    /// Those that are `byte`.
    #[inline]
    pub(in crate::message) fn is(self, byte: u8) -> Places {
        Places(cmp_eq_mask_i8_m128i(self.0, splat(byte)))
    }

    /// Those below `bound`, which is not 0.
    #[inline]
    pub(in crate::message) fn below(self, bound: u8) -> Places {
        Places(cmp_eq_mask_i8_m128i(min_u8_m128i(self.0, splat(bound - 1)), self.0))
    }

    /// Those from `low` to `high`, both below 0x80.
    #[inline]
    pub(in crate::message) fn between(self, low: u8, high: u8) -> Places {
        // Only signed bytes can be compared: the least of them stands for `low`.
        let moved = sub_i8_m128i(self.0, splat(low.wrapping_sub(0x80)));
        Places(cmp_lt_mask_i8_m128i(moved, splat((high - low + 1).wrapping_sub(0x80))))
    }
}

impl Places {
    /// The first of them.
    #[inline]
    pub(in crate::message) fn first(self) -> Option<usize> {
        match move_mask_i8_m128i(self.0) {
            0 => None,
            bits => Some(bits.trailing_zeros() as usize),
        }
    }
}

impl BitOr for Places {
    type Output = Self;

    #[inline]
    fn bitor(self, other: Self) -> Self {
        Self(bitor_m128i(self.0, other.0))
    }
}

impl Not for Places {
    type Output = Self;

    #[inline]
    fn not(self) -> Self {
        Self(bitxor_m128i(self.0, splat(0xff)))
    }
}

#[inline]
fn splat(byte: u8) -> m128i {
    set_splat_i8_m128i(byte.cast_signed())
}
