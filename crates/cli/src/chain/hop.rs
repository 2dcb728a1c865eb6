//! The hops of a path, as they are given: `client=90s`, `lb=75s/60s`, `app=gunicorn`, a URL.

use std::fmt;

use http::Uri;

use super::defaults::{self, Heeds, Product};
use super::limit::Limit;
use crate::net::{WrongUse, url};
use crate::report::units;

/// One program on the path.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Hop {
    pub(super) name: String,
    /// How long it keeps a connection that the hop before it leaves idle.
    pub(super) keeps: Limit,
    /// How long it may use an idle connection to the hop behind it again.
    pub(super) reuses: Limit,
    pub(super) from: From,
}

/// Where a hop's times come from.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum From {
    /// The command line.
    Declared,
    /// The table of defaults.
    Table(&'static Product),
    /// It was probed. What its `Keep-Alive: timeout` says, if it says anything, is not what counts.
    Measured { announced: Option<u64> },
}

/// What stands on the command line.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Given {
    Hop(Hop),
    /// To be measured.
    Url(Uri),
}

impl Given {
    /// # Errors
    /// What a hop looks like.
    pub(super) fn parse(text: &str) -> Result<Self, WrongUse> {
        let given = units::plain(text);
        if text.contains("://") && !text.split("://").next().is_some_and(|before| before.contains('=')) {
            return url::parse(text).map(Self::Url);
        }
        let Some((name, value)) = text.split_once('=') else {
            return Err(match defaults::find(text) {
                Some(_) => WrongUse::new(format!("'{given}': say which hop that is: app={given}")),
                None => WrongUse::new(format!(
                    "'{given}' is no hop: NAME=TIME as lb=60s, NAME=PRODUCT as app=gunicorn, or a URL"
                )),
            });
        };
        if name.is_empty() || value.is_empty() {
            return Err(WrongUse::new(format!("'{given}' is no hop: NAME=TIME or NAME=PRODUCT")));
        }
        let name = units::plain(name);
        if let Some(product) = defaults::find(value) {
            let limit = |side: &Option<defaults::Default>| side.as_ref().map_or(Limit::Unknown, |side| side.limit);
            let (keeps, reuses) = (limit(&product.keeps), limit(&product.reuses));
            return Ok(Self::Hop(Hop { name, keeps, reuses, from: From::Table(product) }));
        }
        let (keeps, reuses) = value.split_once('/').unwrap_or((value, value));
        let wrong =
            |why: String| WrongUse::new(format!("'{given}': {why}; or a product that `tenure chain --defaults` lists"));
        let (keeps, reuses) = (Limit::parse(keeps).map_err(wrong)?, Limit::parse(reuses).map_err(wrong)?);
        Ok(Self::Hop(Hop { name, keeps, reuses, from: From::Declared }))
    }
}

impl Hop {
    /// The program behind this URL, which keeps idle connections for so long.
    pub(super) fn measured(uri: &Uri, keeps: Limit, announced: Option<u64>) -> Self {
        let name = uri.authority().map_or_else(String::new, |authority| authority.as_str().to_owned());
        Self { name, keeps, reuses: Limit::Unknown, from: From::Measured { announced } }
    }

    pub(super) const fn product(&self) -> Option<&'static Product> {
        match self.from {
            From::Table(product) => Some(product),
            _ => None,
        }
    }

    /// The seconds of its `Keep-Alive: timeout`, if it sends one.
    pub(super) const fn announces(&self) -> Option<u64> {
        match &self.from {
            From::Table(product) => product.announces,
            From::Measured { announced } => *announced,
            From::Declared => None,
        }
    }

    /// What it makes of the time that the hop behind it announces.
    pub(super) const fn heeds(&self) -> Heeds {
        match self.from {
            From::Table(product) => product.heeds,
            _ => Heeds::No,
        }
    }
}

impl fmt::Display for From {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Declared => f.write_str("declared"),
            Self::Table(product) => write!(f, "default of {}", product.title),
            Self::Measured { announced: Some(seconds) } => write!(f, "measured; announces {seconds} s"),
            Self::Measured { announced: None } => f.write_str("measured"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hop(text: &str) -> Hop {
        match Given::parse(text) {
            Ok(Given::Hop(hop)) => hop,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn hops_as_people_write_them() {
        let one = hop("client=90s");
        assert_eq!((one.name.as_str(), one.keeps, one.reuses), ("client", Limit::seconds(90), Limit::seconds(90)));
        let two = hop("lb=75s/60s");
        assert_eq!((two.keeps, two.reuses), (Limit::seconds(75), Limit::seconds(60)));
        let product = hop("app=gunicorn");
        assert_eq!((product.keeps, product.reuses), (Limit::seconds(2), Limit::Unknown));
        assert_eq!(hop("lb=none").keeps, Limit::Endless);
        assert!(matches!(Given::parse("https://lb/x?a=b"), Ok(Given::Url(uri)) if uri.host() == Some("lb")));
    }

    #[test]
    fn what_is_no_hop_is_told_what_one_is() {
        for (text, says) in [
            ("90s", "NAME=TIME"),
            ("gunicorn", "app=gunicorn"),
            ("=5s", "NAME=TIME"),
            ("app=", "NAME=TIME"),
            ("app=gunicron", "--defaults"),
            ("app=5", "is no time"),
            ("lb=5s/x", "is no time"),
            ("ftp://host/", "http://"),
        ] {
            let error = Given::parse(text).unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
