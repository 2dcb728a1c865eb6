//! Sending requests (RFC 9112 sections 3, 6 and 9).

use super::send::Managed;
use super::{CloseReason, Connection, Directive, Exchange, MethodClass, Persistence, Receiving, Sending};
use crate::body::Framing;
use crate::error::MisuseError;
use crate::message::encode;
use crate::role::Client;
use crate::role::sealed::State as _;
use crate::version::Version;

/// The request line to send.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RequestLine<'a> {
    /// A token, with case.
    pub method: &'a str,
    /// The target in the form its method needs (RFC 9112 section 3.2).
    pub target: &'a str,
    /// `Http10` or `Http11`.
    pub version: Version,
}

impl Connection<Client> {
    /// Writes the head of a request. `content` is the length of the content that follows, `None`
    /// if it is not known: then it is chunked. Then call [`send_end`](Self::send_end) for every framing.
    ///
    /// `Content-Length`, `Transfer-Encoding`, `Connection` and `Keep-Alive` are written by the
    /// core; such fields of the caller are understood (`Connection: close` makes this the last
    /// request) and not copied. `Host` is the caller's.
    ///
    /// # Errors
    /// Nothing is written if the connection takes no further request, the pipeline is full, the
    /// start line or a field cannot be sent, or content of unknown length meets HTTP/1.0.
    pub fn send_head<'f>(
        &mut self,
        line: RequestLine<'_>,
        fields: impl IntoIterator<Item = (&'f [u8], &'f [u8])>,
        content: Option<u64>,
        out: &mut Vec<u8>,
    ) -> Result<Framing, MisuseError> {
        let start = out.len();
        let result = self.write_head(line, fields, content, out);
        if result.is_err() {
            out.truncate(start);
        }
        result
    }

    fn write_head<'f>(
        &mut self,
        line: RequestLine<'_>,
        fields: impl IntoIterator<Item = (&'f [u8], &'f [u8])>,
        content: Option<u64>,
        out: &mut Vec<u8>,
    ) -> Result<Framing, MisuseError> {
        if self.directive != Directive::Proceed || self.persistence != Persistence::Persist {
            return Err(MisuseError::NotOpen);
        }
        if self.sending != Sending::Idle {
            return Err(MisuseError::HeadOutOfTurn);
        }
        if self.state.is_full(self.config.limits.outstanding) {
            return Err(MisuseError::PipelineFull);
        }
        encode::request_line(line.method, line.target, line.version, out)?;
        let mut managed = Managed::default();
        managed.copy(fields, out)?;
        let content = managed.content(content)?;
        let framing = request_framing(line, content, out)?;
        let close = managed.options.close || (line.version == Version::Http10 && !self.config.http10_keep_alive);
        managed.write_connection(connection_option(line.version, close), out);
        out.extend_from_slice(b"\r\n");

        let persistence = if close { Persistence::Close(CloseReason::LastMessage) } else { Persistence::Persist };
        self.persistence = self.persistence.and(persistence);
        self.state.push(Exchange {
            method: MethodClass::of(line.method.as_bytes()),
            version: line.version,
            persistence,
            expects_continue: false,
            upgrade: managed.upgrade,
            interim: 0,
        });
        self.sending = match framing {
            Framing::Length(left) => Sending::Length { left },
            _ => Sending::Chunked,
        };
        Ok(framing)
    }

    /// Stops sending the content under way: the final response came before it was whole. The
    /// connection ends with that response.
    pub fn abandon_content(&mut self) {
        if self.is_sending() {
            self.sending = Sending::Idle;
            self.persistence = self.persistence.and(Persistence::Close(CloseReason::UnreadContent));
            self.settle();
        }
    }

    /// True once the response to the oldest outstanding request has begun with a final head.
    pub const fn is_answering(&self) -> bool {
        self.is_receiving_content() || matches!(self.receiving, Receiving::Complete)
    }
}

const fn connection_option(version: Version, close: bool) -> &'static str {
    match (version, close) {
        (_, true) => "close",
        (Version::Http11, false) => "",
        (_, false) => "keep-alive",
    }
}

/// RFC 9110 section 8.6: a method that anticipates content says `Content-Length: 0`; others say nothing.
fn request_framing(line: RequestLine<'_>, content: Option<u64>, out: &mut Vec<u8>) -> Result<Framing, MisuseError> {
    let length = match content {
        Some(length) => length,
        None if line.version == Version::Http11 => {
            out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
            return Ok(Framing::Chunked);
        }
        None => return Err(MisuseError::LengthRequired),
    };
    let anticipates = matches!(line.method, "POST" | "PUT" | "PATCH");
    if length > 0 || anticipates {
        encode::content_length(length, out);
    }
    Ok(Framing::Length(length))
}
