//! Limits that differ a little from connection to connection: those that began together do not end
//! together.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// Another one in each process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Jitter {
    seed: u64,
}

impl Jitter {
    pub(crate) fn new() -> Self {
        Self { seed: RandomState::new().hash_one(0) }
    }

    /// A number from 0 to `most`, the same each time for one connection, so that nobody stores it.
    pub(crate) const fn of(&self, id: u64, most: u64) -> u64 {
        // The finalizer of splitmix64: neighbouring numbers come out far apart.
        let mut x = self.seed ^ id.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (x ^ (x >> 31)) % (most.saturating_add(1))
    }

    /// A time up to a tenth shorter.
    pub(crate) fn less(&self, id: u64, time: Duration) -> Duration {
        let tenth = u64::try_from(time.as_millis() / 10).unwrap_or(u64::MAX);
        time.saturating_sub(Duration::from_millis(self.of(id, tenth)))
    }
}
