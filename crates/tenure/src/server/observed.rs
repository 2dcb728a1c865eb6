//! What is told of the exchange under way: to the observer, and as a `tracing` span.
//!
//! Both begin with the request's head and end with the exchange, so that a connection that waits
//! or is parked has neither. Without observer and subscriber nothing is kept.

use http::{HeaderValue, Request, StatusCode, header};
use tenure_proto::{RequestHead, Version};
use tracing::Span;
use tracing::field::Empty;
use tracing::span::EnteredSpan;

use super::drive::Drive;
use super::stream::Stream;
use crate::Body;
use crate::observe::{ConnectionInfo, Head, UnderWay, is_traced};

/// The exchange under way, if there is one.
#[derive(Default)]
pub(super) struct Observed {
    /// `None` where nobody listens: then a connection has no room for it.
    span: Option<Box<Span>>,
    exchange: Option<Box<UnderWay>>,
}

impl Observed {
    fn keep(&mut self, span: &Span) {
        self.span = (!span.is_disabled()).then(|| Box::new(span.clone()));
    }

    /// Within the exchange's span, for as long as what is returned lives.
    #[inline]
    pub(super) fn enter(&self) -> Option<EnteredSpan> {
        self.span.as_deref().map(|span| span.clone().entered())
    }

    /// The exchange's span.
    pub(super) fn span(&self) -> Span {
        self.span.as_deref().cloned().unwrap_or_else(Span::none)
    }

    pub(super) const fn is_exchange(&self) -> bool {
        self.exchange.is_some()
    }

    /// The final response's head is queued.
    #[inline]
    pub(super) fn answered(&mut self, status: StatusCode) {
        if let Some(span) = &self.span {
            span.record("http.response.status_code", status.as_u16());
        }
        if let Some(exchange) = &mut self.exchange {
            exchange.answered(status);
        }
    }

    pub(super) const fn request_content(&mut self, len: usize) {
        if let Some(exchange) = &mut self.exchange {
            exchange.request_content(len);
        }
    }

    pub(super) const fn response_content(&mut self, len: usize) {
        if let Some(exchange) = &mut self.exchange {
            exchange.response_content(len);
        }
    }

    /// The exchange is over and whole. Otherwise it is cut when this is dropped.
    #[inline]
    pub(super) fn complete(&mut self) {
        if self.span.is_some() {
            self.span = None;
        }
        if let Some(exchange) = self.exchange.take() {
            exchange.complete();
        }
    }
}

impl<S: Stream> Drive<S> {
    /// Whether anybody listens, who would have to be told of an exchange.
    #[inline]
    pub(super) fn is_watched(&self) -> bool {
        self.shared.observer.is_some() || is_traced()
    }

    /// A request has come.
    pub(super) fn begin(&mut self, request: &Request<Body>) {
        self.observed.span = None;
        if is_traced() {
            let span = self.span(request);
            self.observed.keep(&span);
        }
        self.observe(|drive| drive.asked().info_for(request.headers()), || head(request));
    }

    /// The same for a head that is borrowed.
    pub(super) fn begin_raw(&mut self, head: &RequestHead<'_>) -> Span {
        let text = String::from_utf8_lossy;
        let span = tracing::info_span!(
            "http.server.request",
            connection = self.id(),
            request = self.connection.exchanges() + 1,
            http.request.method = &*text(head.method),
            url.path = &*text(head.target.split(|&b| b == b'?').next().unwrap_or_default()),
            http.response.status_code = Empty,
            client.address = self.asked().info_raw(head.fields).client.map(display),
            network.peer.address = self.peer().map(|peer| display(peer.ip())),
        );
        self.observed.keep(&span);
        self.observe(
            |drive| drive.asked().info_raw(head.fields),
            || {
                let field = |name: &str| {
                    let field = head.fields.iter().find(|field| field.name.eq_ignore_ascii_case(name.as_bytes()))?;
                    HeaderValue::from_bytes(&field.value).ok()
                };
                Head {
                    method: text(head.method).into_owned(),
                    target: text(head.target).into_owned(),
                    version: head.version,
                    referer: field("referer"),
                    user_agent: field("user-agent"),
                }
            },
        );
        span
    }

    /// What came cannot be read as a request, and is answered all the same: outside of any span.
    pub(super) fn begin_unread(&mut self) {
        self.observed.span = None;
        self.observe(|drive| drive.asked().info(), || Head::UNREAD);
    }

    fn observe(&mut self, info: impl FnOnce(&Self) -> ConnectionInfo, head: impl FnOnce() -> Head) {
        let observer = self.shared.observer.as_ref();
        self.observed.exchange = observer.map(|observer| UnderWay::begin(observer.clone(), info(self), head()));
    }

    /// The names are OpenTelemetry's, but for the connection's number and the request's number on
    /// it.
    fn span(&self, request: &Request<Body>) -> Span {
        tracing::info_span!(
            "http.server.request",
            connection = self.id(),
            request = self.connection.exchanges() + 1,
            http.request.method = %request.method(),
            url.path = request.uri().path(),
            http.response.status_code = Empty,
            client.address = self.asked().info_for(request.headers()).client.map(display),
            network.peer.address = self.peer().map(|peer| display(peer.ip())),
        )
    }
}

fn head(request: &Request<Body>) -> Head {
    let field = |name| request.headers().get(name).cloned();
    Head {
        method: request.method().to_string(),
        target: request.uri().to_string(),
        version: match request.version() {
            http::Version::HTTP_09 => Version::Http09,
            http::Version::HTTP_10 => Version::Http10,
            _ => Version::Http11,
        },
        referer: field(header::REFERER),
        user_agent: field(header::USER_AGENT),
    }
}
