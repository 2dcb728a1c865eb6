//! Origins (RFC 9110 section 4.3.1): connections are shared by scheme, host and port.

use std::fmt;
use std::sync::Arc;

use http::uri::Scheme;
use http::{HeaderValue, Uri};

use crate::BoxError;
use crate::observe::ServerAddress;

/// Scheme, host and port of a request's target. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Origin {
    pub(crate) secure: bool,
    /// In lower case; an IPv6 address without its brackets.
    pub(crate) host: Arc<str>,
    pub(crate) port: u16,
}

impl Origin {
    /// The origin of an absolute `http` or `https` URI.
    pub(crate) fn of(uri: &Uri) -> Result<Self, BoxError> {
        let secure = match uri.scheme() {
            Some(s) if *s == Scheme::HTTP => false,
            Some(s) if *s == Scheme::HTTPS => true,
            Some(other) => return Err(format!("{uri}: the scheme {other} is neither http nor https").into()),
            None => return Err(format!("{uri}: an absolute URI such as http://host/path is needed").into()),
        };
        let host = uri.host().filter(|h| !h.is_empty()).ok_or_else(|| format!("{uri}: the host is missing"))?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase().into();
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        Ok(Self { secure, host, port })
    }

    /// The server, for whoever observes.
    pub(crate) fn address(&self) -> ServerAddress {
        ServerAddress { host: Arc::clone(&self.host), port: self.port }
    }

    /// The `Host` field: the port only where it is not the scheme's own (RFC 9110 section 7.2).
    pub(crate) fn host_field(&self) -> Result<HeaderValue, BoxError> {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.to_string() };
        let default = if self.secure { 443 } else { 80 };
        let text = if self.port == default { host } else { format!("{host}:{}", self.port) };
        HeaderValue::from_str(&text).map_err(Into::into)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "https" } else { "http" };
        let (open, close) = if self.host.contains(':') { ("[", "]") } else { ("", "") };
        write!(f, "{scheme}://{open}{}{close}:{}", self.host, self.port)
    }
}
