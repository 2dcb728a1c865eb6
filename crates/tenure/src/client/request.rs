//! A request made ready for the wire: origin, target in origin-form, `Host`.

use std::future::Future;
use std::time::{Duration, Instant};

use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Uri, header, request};
use http_body::Body as _;
use tenure_proto::{MethodClass, Version};

use super::OnInterim;
use super::origin::Origin;
use crate::error::{Error, Kind};
use crate::io::now;
use crate::{Body, Fate};

/// What every attempt to send it shares.
#[derive(Clone)]
pub(super) struct Prepared {
    pub(super) origin: Origin,
    pub(super) method: Method,
    pub(super) target: String,
    pub(super) version: Version,
    pub(super) headers: HeaderMap,
    /// The client waits for 100 (Continue) before it sends the content.
    pub(super) expects_continue: bool,
    /// Not because its caller said so.
    pub(super) is_guarded: bool,
    pub(super) on_interim: Option<OnInterim>,
    /// When it was made.
    pub(super) called: Instant,
    /// When the head of its response must be there.
    pub(super) until: Option<Instant>,
}

impl Prepared {
    pub(super) fn new(mut parts: request::Parts, timeout: Option<Duration>) -> Result<Self, Kind> {
        let called = now();
        let origin = Origin::of(&parts.uri).map_err(Kind::Request)?;
        let version = match parts.version {
            http::Version::HTTP_11 => Version::Http11,
            http::Version::HTTP_10 => Version::Http10,
            other => return Err(Kind::Request(format!("{other:?} is not spoken here: HTTP/1.0 or 1.1").into())),
        };
        let target = target(&parts.method, &parts.uri, &origin);
        let mut headers = parts.headers;
        if !headers.contains_key(header::HOST) {
            headers.insert(header::HOST, origin.host_field().map_err(Kind::Request)?);
        }
        let expects_continue = version == Version::Http11
            && headers.get(header::EXPECT).is_some_and(|v| v.as_bytes().eq_ignore_ascii_case(b"100-continue"));
        Ok(Self {
            origin,
            method: parts.method,
            target,
            version,
            headers,
            expects_continue,
            is_guarded: false,
            on_interim: parts.extensions.remove(),
            called,
            until: timeout.and_then(|timeout| called.checked_add(timeout)),
        })
    }

    /// Holds content of more than `above` bytes back until the server asks for it, if it must not be
    /// sent twice.
    pub(super) fn guard(&mut self, body: &Body, above: Option<u64>) {
        let is_large = above.is_some_and(|above| body.size_hint().exact().is_none_or(|length| length > above));
        let is_once = self.version == Version::Http11 && !self.class().is_idempotent();
        if is_large && is_once && !self.headers.contains_key(header::EXPECT) {
            self.headers.insert(header::EXPECT, HeaderValue::from_static("100-continue"));
            (self.expects_continue, self.is_guarded) = (true, true);
        }
    }

    /// The server does not know the expectation (417).
    pub(super) fn unguard(&mut self) {
        self.headers.remove(header::EXPECT);
        (self.expects_continue, self.is_guarded) = (false, false);
    }

    /// Waits for a connection, as long as the request has time.
    pub(super) async fn in_time<T>(&self, connection: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let Some(until) = self.until else { return connection.await };
        let late = |_| Err(Error::new(Kind::TimedOut("a connection"), Fate::NotSent));
        tokio::time::timeout_at(until.into(), connection).await.unwrap_or_else(late)
    }

    /// What repeating it would mean. A key by which the server knows a repetition makes any request
    /// idempotent (draft-ietf-httpapi-idempotency-key-header).
    pub(super) fn class(&self) -> MethodClass {
        match MethodClass::of(self.method.as_str().as_bytes()) {
            MethodClass::Other if self.headers.contains_key("idempotency-key") => MethodClass::Idempotent,
            class => class,
        }
    }
}

/// RFC 9112 section 3.2: origin-form, but authority-form for CONNECT and `*` for `OPTIONS` of a
/// URI without a path.
fn target(method: &Method, uri: &Uri, origin: &Origin) -> String {
    if *method == Method::CONNECT {
        let host = if origin.host.contains(':') { format!("[{}]", origin.host) } else { origin.host.to_string() };
        return format!("{host}:{}", origin.port);
    }
    match uri.path_and_query().map(PathAndQuery::as_str) {
        Some("*") if *method == Method::OPTIONS => "*".to_owned(),
        Some(path) if path.starts_with('/') => path.to_owned(),
        Some(query) => format!("/{query}"),
        None => "/".to_owned(),
    }
}
