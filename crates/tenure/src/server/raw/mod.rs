//! Handlers that borrow: a closure sees each request in the connection's own buffer and writes the
//! response straight into the output. Nothing is allocated for a request that came in one piece.
//!
//! The connections live as those of any [`Server`](super::Server), with the same timeouts, limits
//! and endings. What differs:
//! - the handler is called when the whole request has come, and answers at once: it must not block,
//!   and the limits of how long and how many handlers run are not asked;
//! - content is held in memory whole, so it is bounded:
//!   [`Limits::content`](tenure_proto::Limits::content) is 64 KiB here unless it is set, and a
//!   request beyond is refused with 413;
//! - a response is written as a whole; there is no streaming, no trailer section, no upgrade.
//!
//! ```no_run
//! use http::StatusCode;
//! use tenure::server::{Server, raw};
//!
//! # async fn run(listener: tokio::net::TcpListener) -> std::io::Result<()> {
//! let handler = |request: &raw::Request<'_>, response: raw::Response<'_>| match request.target() {
//!     b"/" => response.send(StatusCode::OK, &[("content-type", b"text/plain")], b"hello\n"),
//!     _ => response.send(StatusCode::NOT_FOUND, &[], b""),
//! };
//! Server::new().serve_raw(listener, handler, tokio::signal::ctrl_c()).await
//! # }
//! ```

mod engine;

use std::cell::OnceCell;
use std::fmt;
use std::time::Instant;

use http::StatusCode;
use tenure_proto::{Connection, FieldLine, Fields, MisuseError, RequestHead, Server, Version};

use super::facts::Asked;
use super::respond::date::with_date_line;
use crate::ConnectionInfo;

pub(super) use engine::RawEngine;

/// The most content a request may have where nothing else is set.
pub(super) const CONTENT: u64 = 64 * 1024;

/// A whole request, borrowed from the connection's buffer.
#[derive(Clone)]
pub struct Request<'b> {
    head: &'b RequestHead<'b>,
    content: &'b [u8],
    asked: Asked<'b>,
    /// Put together when the handler asks.
    connection: OnceCell<ConnectionInfo>,
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut request = f.debug_struct("Request");
        request.field("head", self.head).field("content", &self.content);
        request.field("connection", self.connection()).finish()
    }
}

impl<'b> Request<'b> {
    /// The method: a token, compared with case (RFC 9110 section 9.1).
    pub const fn method(&self) -> &'b [u8] {
        self.head.method
    }

    /// The request target as sent (RFC 9112 section 3.2); mostly a path with an optional query.
    pub const fn target(&self) -> &'b [u8] {
        self.head.target
    }

    /// The version the client speaks.
    pub const fn version(&self) -> Version {
        self.head.version
    }

    /// The field lines.
    pub const fn fields(&self) -> Fields<'b> {
        self.head.fields
    }

    /// The content, decoded; empty if there is none. Trailer fields are left out.
    pub const fn content(&self) -> &'b [u8] {
        self.content
    }

    /// The connection that brought the request.
    pub fn connection(&self) -> &ConnectionInfo {
        self.connection.get_or_init(|| self.asked.info_raw(self.head.fields))
    }
}

/// The place of the answer to one request.
#[must_use = "each request is owed an answer"]
pub struct Response<'o> {
    connection: &'o mut Connection<Server>,
    out: &'o mut Vec<u8>,
    /// A 2xx would open a tunnel (RFC 9110 section 9.3.6), which nobody could use.
    is_connect: bool,
    now: Instant,
}

impl fmt::Debug for Response<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response").finish_non_exhaustive()
    }
}

/// Proof that a request was answered: only [`Response::send`] makes it.
#[derive(Debug)]
pub struct Answered(Result<(StatusCode, usize), MisuseError>);

impl Response<'_> {
    /// Answers. `Date` is added unless it is among the fields; `Content-Length`, `Connection` and
    /// `Keep-Alive` are the server's to write (`connection: close` among the fields closes). Where
    /// a response has no content (HEAD, 204, 304), `content` only tells its length.
    ///
    /// What cannot be sent is logged and answered with 500 instead: an interim status, 2xx to
    /// CONNECT, content in a 204, a field that is no field.
    pub fn send(self, status: StatusCode, fields: &[(&str, &[u8])], content: &[u8]) -> Answered {
        Answered(self.write(status, fields, content))
    }

    /// Also how much content was written.
    fn write(
        self,
        status: StatusCode,
        fields: &[(&str, &[u8])],
        content: &[u8],
    ) -> Result<(StatusCode, usize), MisuseError> {
        let Self { connection, out, is_connect, now } = self;
        if status.is_informational() || (is_connect && status.is_success()) {
            return Err(MisuseError::WrongStatusClass);
        }
        let given = fields.iter().map(|&(name, value)| (name.as_bytes(), value));
        let written = if fields.iter().any(|(name, _)| name.eq_ignore_ascii_case("date")) {
            connection.send_whole(status, given, &FieldLine::EMPTY, content, out)
        } else {
            with_date_line(now, |date| connection.send_whole(status, given, date, content, out))
        };
        written.map(|written| (status, written))
    }
}
