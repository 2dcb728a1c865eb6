//! Origins (RFC 9110 section 4.3.1): connections are shared by scheme, host and port.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use http::uri::{Authority, Scheme};
use http::{HeaderValue, Uri};

use crate::BoxError;
use crate::observe::ServerAddress;

/// Above so many origins all are found out anew.
const MANY: usize = 1024;

/// Nobody outside of the process can tell which origins have the same hash.
static SEED: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// Scheme, host and port of a request's target. Cheap to clone, and hashed once.
#[derive(Clone, Debug)]
pub(crate) struct Origin(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    is_secure: bool,
    address: ServerAddress,
    host_field: HeaderValue,
    /// Of scheme, host and port.
    hash: u64,
}

impl Origin {
    /// The origin of an absolute `http` or `https` URI.
    pub(crate) fn of(uri: &Uri) -> Result<Self, BoxError> {
        let is_secure = is_secure(uri)?;
        let host = uri.host().filter(|h| !h.is_empty()).ok_or_else(|| format!("{uri}: the host is missing"))?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        let default = if is_secure { 443 } else { 80 };
        let port = uri.port_u16().unwrap_or(default);
        // The port only where it is not the scheme's own (RFC 9110 section 7.2).
        let host_field = if port == default { bracketed(&host).into() } else { format!("{}:{port}", bracketed(&host)) };
        let host_field = HeaderValue::from_str(&host_field)?;
        let hash = SEED.hash_one((is_secure, &*host, port));
        let address = ServerAddress { host: host.into(), port };
        Ok(Self(Arc::new(Parts { is_secure, address, host_field, hash })))
    }

    /// True for https.
    pub(crate) fn is_secure(&self) -> bool {
        self.0.is_secure
    }

    /// In lower case; an IPv6 address without its brackets.
    pub(crate) fn host(&self) -> &str {
        &self.0.address.host
    }

    /// The port, also where it is the scheme's own.
    pub(crate) fn port(&self) -> u16 {
        self.0.address.port
    }

    /// The server, for whoever observes.
    pub(crate) fn address(&self) -> &ServerAddress {
        &self.0.address
    }

    /// What the `Host` field says.
    pub(crate) fn host_field(&self) -> &HeaderValue {
        &self.0.host_field
    }

    /// Host and port, as the target of CONNECT (RFC 9112 section 3.2.3).
    pub(crate) fn authority(&self) -> String {
        format!("{}:{}", bracketed(self.host()), self.port())
    }

    fn key(&self) -> (bool, &str, u16) {
        (self.is_secure(), self.host(), self.port())
    }
}

fn is_secure(uri: &Uri) -> Result<bool, BoxError> {
    match uri.scheme() {
        Some(s) if *s == Scheme::HTTP => Ok(false),
        Some(s) if *s == Scheme::HTTPS => Ok(true),
        Some(other) => Err(format!("{uri}: the scheme {other} is neither http nor https").into()),
        None => Err(format!("{uri}: an absolute URI such as http://host/path is needed").into()),
    }
}

fn bracketed(host: &str) -> std::borrow::Cow<'_, str> {
    if host.contains(':') { format!("[{host}]").into() } else { host.into() }
}

impl PartialEq for Origin {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.key() == other.key()
    }
}

impl Eq for Origin {}

impl PartialOrd for Origin {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Origin {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl Hash for Origin {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.hash);
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_secure() { "https" } else { "http" };
        write!(f, "{scheme}://{}:{}", bracketed(self.host()), self.port())
    }
}

/// The origins of a client's requests, by how their URIs spell them: what was found out once is not
/// found out, and copied, for each request.
#[derive(Default)]
pub(super) struct Origins(Mutex<Spelled>);

#[derive(Default)]
struct Spelled {
    /// The one that was asked for last, by scheme and spelling: mostly the next request's, too.
    last: Option<(bool, Authority, Origin)>,
    http: HashMap<Box<str>, Origin>,
    https: HashMap<Box<str>, Origin>,
}

impl Origins {
    /// The origin of an absolute `http` or `https` URI.
    pub(super) fn of(&self, uri: &Uri) -> Result<Origin, BoxError> {
        let is_secure = is_secure(uri)?;
        // Without an authority there is no host, and no origin.
        let Some(authority) = uri.authority() else { return Origin::of(uri) };
        let mut spelled = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((secure, last, origin)) = &spelled.last
            && *secure == is_secure
            && last.as_str() == authority.as_str()
        {
            return Ok(origin.clone());
        }
        let known = if is_secure { &mut spelled.https } else { &mut spelled.http };
        let origin = match known.get(authority.as_str()) {
            Some(origin) => origin.clone(),
            None => {
                let origin = Origin::of(uri)?;
                if known.len() >= MANY {
                    known.clear();
                }
                known.insert(authority.as_str().into(), origin.clone());
                origin
            }
        };
        spelled.last = Some((is_secure, authority.clone(), origin.clone()));
        Ok(origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_origin_may_be_spelled_in_several_ways() {
        let origins = Origins::default();
        let of = |uri: &str| origins.of(&uri.parse().unwrap()).unwrap();
        let plain = of("http://example.com/a");
        assert!(Arc::ptr_eq(&plain.0, &of("http://example.com/b").0), "found out once");
        for same in ["http://EXAMPLE.com/", "http://example.com:80", "http://user@example.com/"] {
            assert_eq!(of(same), plain, "{same}");
        }
        for other in ["https://example.com/", "http://example.com:8080/", "http://example.org/"] {
            assert_ne!(of(other), plain, "{other}");
        }
    }

    #[test]
    fn what_host_says() {
        for (uri, host, authority) in [
            ("http://Example.com/", "example.com", "example.com:80"),
            ("https://example.com:443/", "example.com", "example.com:443"),
            ("https://example.com:80/", "example.com:80", "example.com:80"),
            ("http://[::1]/", "[::1]", "[::1]:80"),
            ("http://[::1]:81/", "[::1]:81", "[::1]:81"),
        ] {
            let origin = Origin::of(&uri.parse().unwrap()).unwrap();
            assert_eq!((origin.host_field().to_str().unwrap(), &*origin.authority()), (host, authority), "{uri}");
        }
    }

    #[test]
    fn many_origins_are_not_all_remembered() {
        let origins = Origins::default();
        for n in 0..3 * MANY {
            origins.of(&format!("http://h{n}/").parse().unwrap()).unwrap();
        }
        assert!(origins.0.lock().unwrap().http.len() <= MANY);
    }
}
