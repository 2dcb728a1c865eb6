//! A request made ready for the wire: origin, target in origin-form, `Host`.

use std::time::{Duration, Instant};

use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Uri, header, request};
use http_body::Body as _;
use tenure_proto::{MethodClass, Version};

use super::OnInterim;
use super::origin::{Origin, Origins};
use crate::error::{Error, Kind};
use crate::io::{fields, now};
use crate::{Body, Fate};

/// What every attempt to send it shares.
#[derive(Clone)]
pub(super) struct Prepared {
    pub(super) origin: Origin,
    pub(super) method: Method,
    /// What repeating it would mean. A key by which the server knows a repetition makes any request
    /// idempotent (draft-ietf-httpapi-idempotency-key-header).
    pub(super) class: MethodClass,
    target: Target,
    pub(super) version: Version,
    /// As the caller gave them, perhaps without `Host`.
    pub(super) headers: HeaderMap,
    /// It has the expectation 100-continue (RFC 9110 section 10.1.1).
    pub(super) expects_continue: bool,
    /// Its content waits for that.
    pub(super) waits_to_be_asked: bool,
    /// Not because its caller said so.
    pub(super) is_guarded: bool,
    pub(super) on_interim: Option<OnInterim>,
    /// When it was made.
    pub(super) called: Instant,
    /// When the head of its response must be there.
    pub(super) until: Option<Instant>,
}

/// The request target (RFC 9112 section 3.2).
#[derive(Clone)]
enum Target {
    /// In origin-form, as this has it.
    Path(Uri),
    Other(String),
}

impl Prepared {
    pub(super) fn new(mut parts: request::Parts, origin: Origin, version: Version, timeout: Option<Duration>) -> Self {
        let called = now();
        let headers = parts.headers;
        let class = match MethodClass::of(parts.method.as_str().as_bytes()) {
            MethodClass::Other if headers.contains_key("idempotency-key") => MethodClass::Idempotent,
            class => class,
        };
        let expects_continue = version == Version::Http11
            && headers.get(header::EXPECT).is_some_and(|v| v.as_bytes().eq_ignore_ascii_case(b"100-continue"));
        Self {
            target: target(&parts.method, parts.uri, &origin),
            origin,
            method: parts.method,
            class,
            version,
            headers,
            expects_continue,
            waits_to_be_asked: expects_continue,
            is_guarded: false,
            on_interim: parts.extensions.remove(),
            called,
            until: timeout.and_then(|timeout| called.checked_add(timeout)),
        }
    }

    /// The request target, as it is sent.
    pub(super) fn target(&self) -> &str {
        match &self.target {
            Target::Path(uri) => uri.path_and_query().map_or("/", PathAndQuery::as_str),
            Target::Other(text) => text,
        }
    }

    /// The fields as they are sent, but for what the core writes; `Host` first (RFC 9110 section 7.2).
    pub(super) fn fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let names_host = self.headers.contains_key(header::HOST);
        let host = (!names_host).then(|| (&b"host"[..], self.origin.host_field().as_bytes()));
        host.into_iter().chain(fields::pairs(&self.headers))
    }

    /// Its content, of more than `above` bytes, must not be sent twice.
    pub(super) fn wants_guard(&self, body: &Body, above: Option<u64>) -> bool {
        let is_large = above.is_some_and(|above| body.size_hint().exact().is_none_or(|length| length > above));
        let is_once = self.version == Version::Http11 && !self.class.is_idempotent();
        is_large && is_once && !self.headers.contains_key(header::EXPECT)
    }

    /// Holds its content back until the server asks for it.
    pub(super) fn guard(&mut self) {
        self.headers.insert(header::EXPECT, HeaderValue::from_static("100-continue"));
        (self.expects_continue, self.waits_to_be_asked, self.is_guarded) = (true, true, true);
    }

    /// The server does not know the expectation (417).
    pub(super) fn unguard(&mut self) {
        self.headers.remove(header::EXPECT);
        (self.expects_continue, self.waits_to_be_asked, self.is_guarded) = (false, false, false);
    }
}

/// Where a request goes, and as what it is sent.
///
/// # Errors
/// Its URI is no absolute http or https URI, or its version is not spoken here.
pub(super) fn origin_and_version(parts: &request::Parts, origins: &Origins) -> Result<(Origin, Version), Error> {
    let refused = |why| Error::new(Kind::Request(why), Fate::NotSent);
    let origin = origins.of(&parts.uri).map_err(refused)?;
    match parts.version {
        http::Version::HTTP_11 => Ok((origin, Version::Http11)),
        http::Version::HTTP_10 => Ok((origin, Version::Http10)),
        other => Err(refused(format!("{other:?} is not spoken here: HTTP/1.0 or 1.1").into())),
    }
}

/// RFC 9112 section 3.2: origin-form, but authority-form for CONNECT and `*` for `OPTIONS` of a
/// URI without a path.
fn target(method: &Method, uri: Uri, origin: &Origin) -> Target {
    if *method == Method::CONNECT {
        return Target::Other(origin.authority());
    }
    match uri.path_and_query().map(PathAndQuery::as_str) {
        Some(path) if path.starts_with('/') => Target::Path(uri),
        Some("*") if *method == Method::OPTIONS => Target::Path(uri),
        Some(query) => Target::Other(format!("/{query}")),
        None => Target::Other("/".to_owned()),
    }
}
