//! A request made ready for the wire: origin, target in origin-form, `Host`.

use http::uri::PathAndQuery;
use http::{HeaderMap, Method, Uri, header, request};
use tenure_proto::{MethodClass, Version};

use super::origin::Origin;
use crate::error::Kind;

/// What every attempt to send it shares.
pub(super) struct Prepared {
    pub(super) origin: Origin,
    pub(super) method: Method,
    pub(super) target: String,
    pub(super) version: Version,
    pub(super) headers: HeaderMap,
    /// The client waits for 100 (Continue) before it sends the content.
    pub(super) expects_continue: bool,
}

impl Prepared {
    pub(super) fn new(parts: request::Parts) -> Result<Self, Kind> {
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
        Ok(Self { origin, method: parts.method, target, version, headers, expects_continue })
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
