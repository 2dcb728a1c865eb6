//! How long answers took.

use std::time::Duration;

use serde::Serialize;

/// The middle and the slow end of some waits, in microseconds.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub(crate) struct Latency {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
    /// How many waits these are taken from.
    pub(crate) samples: usize,
}

impl Latency {
    /// Of at least one wait.
    pub(crate) fn of(mut waits: Vec<Duration>) -> Self {
        waits.sort_unstable();
        let micros = |place: usize| waits.get(place).map_or(f64::NAN, |wait| wait.as_secs_f64() * 1e6);
        let last = waits.len().saturating_sub(1);
        // The smallest value that so many hundredths do not exceed.
        let quantile = |hundredths: usize| micros((waits.len() * hundredths).div_ceil(100).saturating_sub(1));
        Self { p50: quantile(50), p99: quantile(99), max: micros(last), samples: waits.len() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_occurred() {
        let waits = (1..=200).rev().map(Duration::from_micros).collect();
        let Latency { p50, p99, max, samples } = Latency::of(waits);
        assert_eq!((p50.round(), p99.round(), max.round(), samples), (100.0, 198.0, 200.0, 200));
        let one = Latency::of(vec![Duration::from_micros(7)]);
        assert_eq!((one.p50.round(), one.p99.round()), (7.0, 7.0));
    }
}
