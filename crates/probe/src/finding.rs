//! What was found.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

/// One thing that is known about the server.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Finding {
    /// Which experiment found it.
    pub experiment: &'static str,
    /// What it is about, as `idle timeout`. Unique in a report.
    pub subject: &'static str,
    /// What was found.
    pub value: Value,
    /// How sure that is.
    pub confidence: Confidence,
    /// What to think of it.
    pub verdict: Level,
    /// The section it is judged by, as `RFC 9112 section 9.3`.
    pub section: &'static str,
    /// One sentence: what it means, or what to do.
    pub advice: String,
}

impl Finding {
    /// What was seen once and leaves no doubt; good, until something else is said.
    pub(crate) fn certain(subject: &'static str, value: Value, section: &'static str) -> Self {
        Self {
            experiment: "",
            subject,
            value,
            confidence: Confidence::Certain,
            verdict: Level::Good,
            section,
            advice: String::new(),
        }
    }

    pub(crate) const fn measured(mut self, times: u32) -> Self {
        self.confidence = Confidence::Measured { times };
        self
    }

    pub(crate) const fn guessed(mut self) -> Self {
        self.confidence = Confidence::Guessed;
        self
    }

    pub(crate) fn judged(mut self, verdict: Level, advice: impl Into<String>) -> Self {
        self.verdict = verdict;
        self.advice = advice.into();
        self
    }
}

/// A measured value.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Value {
    /// A time.
    Time {
        /// In seconds.
        seconds: f64,
    },
    /// A time that was waited for without seeing its end.
    LongerThan {
        /// In seconds.
        seconds: f64,
    },
    /// A time between two.
    Between {
        /// In seconds: this was survived.
        from_seconds: f64,
        /// In seconds: this was not.
        to_seconds: f64,
    },
    /// A number.
    Count {
        /// Exactly so many.
        count: u64,
    },
    /// A number that was reached without seeing its end.
    MoreThan {
        /// So many were seen.
        count: u64,
    },
    /// In words.
    Text {
        /// The words.
        text: String,
    },
}

impl Value {
    pub(crate) const fn time(time: Duration) -> Self {
        Self::Time { seconds: time.as_secs_f64() }
    }

    pub(crate) const fn longer_than(time: Duration) -> Self {
        Self::LongerThan { seconds: time.as_secs_f64() }
    }

    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into() }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time { seconds } => f.write_str(&brief(*seconds)),
            Self::LongerThan { seconds } => write!(f, "longer than {}", brief(*seconds)),
            Self::Between { from_seconds, to_seconds } => {
                write!(f, "between {} and {}", brief(*from_seconds), brief(*to_seconds))
            }
            Self::Count { count } => write!(f, "{count}"),
            Self::MoreThan { count } => write!(f, "more than {count}"),
            Self::Text { text } => f.write_str(text),
        }
    }
}

/// `5.003 s`, `120 s`: thousandths only where there are any.
fn brief(seconds: f64) -> String {
    let text = format!("{seconds:.3}");
    format!("{} s", text.trim_end_matches('0').trim_end_matches('.'))
}

/// How sure a value is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Confidence {
    /// It was seen, and can be nothing else.
    Certain,
    /// A measurement.
    Measured {
        /// How often it was made.
        times: u32,
    },
    /// The likeliest reading of what was seen.
    Guessed,
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certain => f.write_str("certain"),
            Self::Measured { times: 1 } => f.write_str("measured once"),
            Self::Measured { times } => write!(f, "measured {times} times"),
            Self::Guessed => f.write_str("guessed"),
        }
    }
}

/// A verdict, from the best to the worst.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// As it should be.
    Good,
    /// Worth knowing.
    Note,
    /// Some clients will suffer from it.
    Warning,
    /// A requirement is not met, or requests get lost.
    Problem,
}

impl Level {
    /// All of them, from the best to the worst.
    pub const ALL: [Self; 4] = [Self::Good, Self::Note, Self::Warning, Self::Problem];

    /// In a word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_for_people() {
        for (value, expected) in [
            (Value::time(Duration::from_millis(5_003)), "5.003 s"),
            (Value::longer_than(Duration::from_secs(120)), "longer than 120 s"),
            (Value::Between { from_seconds: 15.0, to_seconds: 30.5 }, "between 15 s and 30.5 s"),
            (Value::Count { count: 100 }, "100"),
            (Value::MoreThan { count: 1_100 }, "more than 1100"),
        ] {
            assert_eq!(value.to_string(), expected);
        }
    }

    #[test]
    fn problems_are_worst() {
        assert!(Level::ALL.is_sorted());
    }
}
