//! How long an idle connection lasts, and how people write that.

use std::fmt;
use std::time::Duration;

use crate::report::units;

/// How long an idle connection is kept, or may be used again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Limit {
    After(Duration),
    /// Longer than this, which is as long as was waited for.
    Beyond(Duration),
    /// There is no limit.
    Endless,
    /// Nobody has said.
    Unknown,
}

impl Limit {
    pub(super) const fn seconds(seconds: u64) -> Self {
        Self::After(Duration::from_secs(seconds))
    }

    /// `90s`, `500ms`, `10min`, `1h`; `none` is no limit.
    ///
    /// # Errors
    /// What is expected.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self::Endless);
        }
        let expected = || format!("'{}' is no time: 90s, 500ms, 10min, 1h, or none for no limit", units::plain(text));
        let split = text.find(|c: char| c.is_ascii_alphabetic()).ok_or_else(expected)?;
        let (number, unit) = text.split_at(split);
        let unit = match unit {
            "ms" => 1e-3,
            "s" => 1.0,
            "m" | "min" => 60.0,
            "h" => 3_600.0,
            _ => return Err(expected()),
        };
        let number: f64 = number.parse().map_err(|_| expected())?;
        Duration::try_from_secs_f64(number * unit).map(Self::After).map_err(|_| expected())
    }

    /// In seconds, for programs.
    pub(super) fn in_seconds(self) -> Option<f64> {
        match self {
            Self::After(time) => Some(time.as_secs_f64()),
            Self::Beyond(_) | Self::Endless | Self::Unknown => None,
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::After(time) => f.write_str(&short(*time)),
            Self::Beyond(time) => write!(f, "longer than {}", short(*time)),
            Self::Endless => f.write_str("no limit"),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

/// `60 s`, `1.5 s`, `500 ms`: as people write it into configurations.
pub(super) fn short(time: Duration) -> String {
    match time.as_millis() {
        ms if ms % 1_000 == 0 => format!("{} s", time.as_secs()),
        ms if ms < 1_000 => format!("{ms} ms"),
        ms => format!("{} s", ms as f64 / 1e3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_people() {
        let ms = |ms| Limit::After(Duration::from_millis(ms));
        let rows = [
            ("90s", ms(90_000)),
            ("0s", ms(0)),
            ("1.5s", ms(1_500)),
            ("500ms", ms(500)),
            ("10min", ms(600_000)),
            ("2m", ms(120_000)),
            ("1h", ms(3_600_000)),
            ("none", Limit::Endless),
        ];
        for (text, expected) in rows {
            assert_eq!(Limit::parse(text), Ok(expected), "{text}");
        }
        for text in ["", "90", "s", "-1s", "1y", "1e999s", "NaNs", "never", "1 s"] {
            assert!(Limit::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_for_people() {
        let rows = [(60_000, "60 s"), (1_500, "1.5 s"), (500, "500 ms"), (0, "0 s"), (3_600_000, "3600 s")];
        for (ms, expected) in rows {
            assert_eq!(Limit::After(Duration::from_millis(ms)).to_string(), expected);
        }
    }
}
