//! What several rounds say together.

use std::fmt;

use serde::Serialize;

/// The middle of some values, and how far they lie apart. A mean would let one disturbed round speak for all.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Spread {
    /// Of at least one value; of an even number, the median is the mean of the middle two.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (min, max) = (values.first().copied().unwrap_or(f64::NAN), values.last().copied().unwrap_or(f64::NAN));
        let upper = values.get(values.len() / 2).copied().unwrap_or(f64::NAN);
        let lower = values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN);
        Self { median: f64::midpoint(lower, upper), min, max }
    }

    /// As displayed with so many decimals, or the median alone if all values then look the same.
    pub(crate) fn brief(&self, decimals: usize) -> String {
        let [min, max] = [self.min, self.max].map(|value| decimal(value, decimals));
        if min == max { min } else { format!("{self:.decimals$}") }
    }
}

impl fmt::Display for Spread {
    /// `median (min-max)` with the precision asked for, 2 unless told.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let p = f.precision().unwrap_or(2);
        let [median, min, max] = [self.median, self.min, self.max].map(|value| decimal(value, p));
        f.pad_integral(true, "", &format!("{median} ({min}-{max})"))
    }
}

/// Without a sign before nothing but zeros.
fn decimal(value: f64, places: usize) -> String {
    let text = format!("{value:.places$}");
    let is_zero = text.bytes().all(|b| matches!(b, b'-' | b'0' | b'.'));
    if is_zero { text.trim_start_matches('-').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_of_odd_and_even_numbers_of_values() {
        assert_eq!(Spread::of([3.0, 1.0, 2.0]), Spread { median: 2.0, min: 1.0, max: 3.0 });
        assert_eq!(Spread::of([4.0, 1.0, 2.0, 9.0]).median, 3.0);
        assert_eq!(Spread::of([5.0]).to_string(), "5.00 (5.00-5.00)");
        assert_eq!(Spread::of([5.0]).brief(1), "5.0");
        assert_eq!(Spread::of([5.0, 7.0]).brief(0), "6 (5-7)");
        assert_eq!(Spread::of([-0.1, 0.2]).brief(0), "0");
        assert_eq!(Spread::of([-0.6, 0.2]).brief(0), "0 (-1-0)");
        assert_eq!(format!("{:>12.0}", Spread::of([5.0])), "     5 (5-5)");
    }
}
