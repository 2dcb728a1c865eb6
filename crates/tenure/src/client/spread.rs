//! Hashing of keys that are numbers already, which nobody outside can choose: ids that were counted,
//! and origins, which carry a seeded hash of their own ([`Origin`](super::origin::Origin)).

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A map by such keys.
pub(super) type Spread<K, V> = HashMap<K, V, BuildHasherDefault<Spreading>>;

/// Spreads a number over all bits: neighbours must not share those that a map looks at.
#[derive(Clone, Copy, Default)]
pub(super) struct Spreading(u64);

impl Hasher for Spreading {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(byte.into());
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(5) ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
