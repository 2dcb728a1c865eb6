//! Reproducible chance: each decision depends on the seed, the connection and the request alone,
//! so that the order in which connections run changes nothing.

use std::time::Duration;

/// One sequence (splitmix64). No use for anything secret.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// The sequence of one request.
    pub(crate) fn of(seed: u64, connection: u64, request: u64) -> Self {
        let mut random = Self(seed ^ connection.wrapping_mul(0xd134_2543_de82_ef95));
        Self(random.bits() ^ request)
    }

    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// `around`, plus or minus up to `jitter`; never below zero.
    pub(crate) fn around(&mut self, around: Duration, jitter: Duration) -> Duration {
        let span = u64::try_from(jitter.as_nanos()).unwrap_or(u64::MAX / 4).min(u64::MAX / 4);
        let offset = Duration::from_nanos(self.bits() % (2 * span + 1));
        (around + offset).saturating_sub(Duration::from_nanos(span))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_times_and_another_does_not() {
        let times = |seed| {
            let draw = |n| Random::of(seed, n, 1).around(Duration::from_millis(50), Duration::from_millis(5));
            (0..20).map(draw).collect::<Vec<_>>()
        };
        assert_eq!(times(7), times(7));
        assert_ne!(times(7), times(8));
        let range = Duration::from_millis(45)..=Duration::from_millis(55);
        assert!(times(7).iter().all(|time| range.contains(time)), "{:?}", times(7));
    }

    #[test]
    fn without_jitter_the_time_is_exact() {
        assert_eq!(Random::of(1, 2, 3).around(Duration::from_secs(1), Duration::ZERO), Duration::from_secs(1));
    }
}
