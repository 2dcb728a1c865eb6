//! What a scenario can be told in the query, each with a default.

use std::time::Duration;

/// The longest wait a query can ask for.
const LONGEST: Duration = Duration::from_secs(60);

/// One parameter of a scenario.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// Its name in the query.
    pub name: &'static str,
    /// What values it takes.
    pub kind: Kind,
    /// Its value where the query does not name it.
    pub default: &'static str,
    /// What it does, in one line.
    pub about: &'static str,
}

/// What values a parameter takes.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A time with its unit: `200us`, `50ms`, `1.5s`; at most a minute.
    Duration,
    /// A whole number, at most this.
    Number(u64),
    /// One of these words.
    Choice(&'static [&'static str]),
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Value {
    Duration(Duration),
    Number(u64),
    Choice(&'static str),
}

impl Kind {
    /// The values in words.
    pub fn describe(self) -> String {
        match self {
            Self::Duration => "a time such as 200us, 50ms or 1.5s, at most 60s".to_owned(),
            Self::Number(most) => format!("a number, at most {most}"),
            Self::Choice(words) => format!("one of: {}", words.join(", ")),
        }
    }

    fn parse(self, text: &str) -> Option<Value> {
        match self {
            Self::Duration => duration(text).map(Value::Duration),
            Self::Number(most) => text.parse().ok().filter(|n| *n <= most).map(Value::Number),
            Self::Choice(words) => words.iter().find(|word| **word == text).map(|word| Value::Choice(word)),
        }
    }
}

fn duration(text: &str) -> Option<Duration> {
    let split = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(split);
    let unit = match unit {
        "s" => 1.0,
        "ms" => 1e-3,
        "us" => 1e-6,
        _ => return None,
    };
    let time = Duration::try_from_secs_f64(number.parse::<f64>().ok()? * unit).ok()?;
    (time <= LONGEST).then_some(time)
}

/// The values in force for one request.
#[derive(Clone, Debug)]
pub(crate) struct Values(Vec<(&'static str, Value)>);

impl Values {
    /// Those of `query`, and the defaults of the rest.
    ///
    /// # Errors
    /// In words for the sender: an unknown parameter, or a value that it does not take.
    pub(crate) fn parse(parameters: &'static [Parameter], query: &str) -> Result<Self, String> {
        let mut given = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let names = || parameters.iter().map(|p| p.name).collect::<Vec<_>>().join(", ");
            let parameter = parameters
                .iter()
                .find(|p| p.name == name)
                .ok_or_else(|| format!("no parameter '{name}' here; there are: {}", names()))?;
            let parsed = parameter.kind.parse(value);
            let value = parsed
                .ok_or_else(|| format!("'{value}' is no value of '{name}': give {}", parameter.kind.describe()))?;
            given.push((parameter.name, value));
        }
        for parameter in parameters {
            if !given.iter().any(|(name, _)| *name == parameter.name) {
                given.extend(parameter.kind.parse(parameter.default).map(|value| (parameter.name, value)));
            }
        }
        Ok(Self(given))
    }

    fn get(&self, name: &str) -> Option<Value> {
        let found = self.0.iter().find(|(n, _)| *n == name).map(|(_, value)| *value);
        debug_assert!(found.is_some(), "no parameter {name} in this scenario's list");
        found
    }

    /// Whether the scenario has that parameter.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(given, _)| *given == name)
    }

    pub(crate) fn duration(&self, name: &str) -> Duration {
        if let Some(Value::Duration(time)) = self.get(name) { time } else { Duration::ZERO }
    }

    pub(crate) fn number(&self, name: &str) -> u64 {
        if let Some(Value::Number(n)) = self.get(name) { n } else { 0 }
    }

    pub(crate) fn choice(&self, name: &str) -> &'static str {
        if let Some(Value::Choice(word)) = self.get(name) { word } else { "" }
    }

    pub(crate) fn yes(&self, name: &str) -> bool {
        self.choice(name) == "yes"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &[Parameter] = &[
        Parameter { name: "after", kind: Kind::Duration, default: "5ms", about: "" },
        Parameter { name: "at", kind: Kind::Number(10), default: "2", about: "" },
        Parameter { name: "by", kind: Kind::Choice(&["fin", "reset"]), default: "fin", about: "" },
    ];

    #[test]
    fn the_query_overrides_the_defaults() {
        let values = Values::parse(LIST, "by=reset&after=1.5s").unwrap();
        assert_eq!(values.duration("after"), Duration::from_millis(1500));
        assert_eq!((values.number("at"), values.choice("by")), (2, "reset"));
    }

    #[test]
    fn what_is_not_taken_is_refused_in_words() {
        let refused = |query| Values::parse(LIST, query).unwrap_err();
        assert_eq!(refused("far=1"), "no parameter 'far' here; there are: after, at, by");
        assert_eq!(refused("by=fire"), "'fire' is no value of 'by': give one of: fin, reset");
        for query in
            ["at=11", "at=-1", "at", "after=5", "after=-1ms", "after=61s", "after=nans", "after=ms", "after=infs"]
        {
            assert!(Values::parse(LIST, query).is_err(), "{query}");
        }
        assert_eq!(Values::parse(LIST, "at=10&after=60s").unwrap().number("at"), 10);
    }
}
