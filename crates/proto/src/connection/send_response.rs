//! Sending responses: head, framing and connection fields (RFC 9112 sections 4, 6 and 9).

use http::StatusCode;

use super::send::{FieldLine, Managed};
use super::{CloseReason, Connection, Content, Directive, Exchange, MethodClass, Persistence, Receiving, Sending};
use crate::body::Framing;
use crate::error::MisuseError;
use crate::message::encode;
use crate::role::Server;
use crate::role::sealed::State as _;
use crate::version::Version;

impl Exchange {
    /// Stands for a request whose head could not be read, so that its error can be answered.
    pub(super) const UNREADABLE: Self = Self {
        method: MethodClass::Other,
        version: Version::Http11,
        persistence: Persistence::Persist,
        expects_continue: false,
        upgrade: false,
        interim: 0,
    };
}

/// How a response's content will be delimited.
struct Plan {
    framing: Framing,
    /// The `Content-Length` to write.
    length: Option<u64>,
    why_close: Option<CloseReason>,
}

impl Connection<Server> {
    /// Writes an interim (1xx) response other than 101, for instance 103 (Early Hints). An
    /// HTTP/1.0 client knows none: nothing is written then.
    ///
    /// # Errors
    /// No response is due, the status is not interim, or a field cannot be sent.
    pub fn send_interim<'f>(
        &mut self,
        status: StatusCode,
        fields: impl IntoIterator<Item = (&'f [u8], &'f [u8])>,
        out: &mut Vec<u8>,
    ) -> Result<(), MisuseError> {
        let exchange = self.due()?;
        if !status.is_informational() || status == StatusCode::SWITCHING_PROTOCOLS {
            return Err(MisuseError::WrongStatusClass);
        }
        if exchange.version < Version::Http11 {
            return Ok(());
        }
        let start = out.len();
        encode::status_line(status, out);
        // No Content-Length (RFC 9110 section 8.6), no Transfer-Encoding (RFC 9112 section 6.1).
        let mut managed = Managed::default();
        if let Err(error) = managed.copy(fields, out) {
            out.truncate(start);
            return Err(error);
        }
        managed.write_connection("", out);
        out.extend_from_slice(b"\r\n");
        if let (StatusCode::CONTINUE, Some(exchange)) = (status, self.state.front_mut()) {
            exchange.expects_continue = false;
        }
        Ok(())
    }

    /// True while the client waits for 100 (Continue) before it sends its content: send it when
    /// the content is wanted (RFC 9110 section 10.1.1).
    pub fn expects_continue(&self) -> bool {
        self.is_receiving_content() && self.state.front().is_some_and(|e| e.expects_continue)
    }

    /// Writes the head of the final response. `content` is the length of the content that follows,
    /// `None` if it is not known. Returns how the content is delimited: with `Length(0)` there is
    /// none to send, whatever `content` said (HEAD, 204, 304). Then call
    /// [`send_end`](Self::send_end) for every framing.
    ///
    /// `Content-Length`, `Transfer-Encoding`, `Connection` and `Keep-Alive` are written by the
    /// core; such fields of the caller are understood (`Connection: close` closes) and not copied.
    /// For HEAD and 304 the caller's `Content-Length` describes the content that is not sent.
    ///
    /// # Errors
    /// Nothing is written if no response is due or a field contradicts the content or cannot be sent.
    pub fn send_head<'f>(
        &mut self,
        status: StatusCode,
        fields: impl IntoIterator<Item = (&'f [u8], &'f [u8])>,
        content: Option<u64>,
        out: &mut Vec<u8>,
    ) -> Result<Framing, MisuseError> {
        let start = out.len();
        let result = self.write_head(status, fields, &[], content, out);
        if result.is_err() {
            out.truncate(start);
        }
        result
    }

    /// Writes a whole response at once: head, `content` and end, with a line that was encoded before (the date, mostly)
    /// behind the fields. Returns how much of the content was written: all or, where a response has none
    /// (HEAD, 204, 304), nothing. Otherwise as [`send_head`](Self::send_head).
    ///
    /// # Errors
    /// Nothing is written if no response is due or a field contradicts the content or cannot be sent.
    #[inline]
    pub fn send_whole<'f>(
        &mut self,
        status: StatusCode,
        fields: impl IntoIterator<Item = (&'f [u8], &'f [u8])>,
        line: &FieldLine,
        content: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<usize, MisuseError> {
        let start = out.len();
        match self.write_head(status, fields, line.as_bytes(), Some(content.len() as u64), out) {
            Ok(Framing::Length(0)) => {
                self.end_response();
                Ok(0)
            }
            Ok(_) => {
                out.extend_from_slice(content);
                self.end_response();
                Ok(content.len())
            }
            Err(error) => {
                out.truncate(start);
                Err(error)
            }
        }
    }

    /// All of the content is written.
    #[inline]
    fn end_response(&mut self) {
        self.sending = Sending::Finished;
        self.settle_server();
    }

    #[inline]
    fn write_head<'f>(
        &mut self,
        status: StatusCode,
        fields: impl IntoIterator<Item = (&'f [u8], &'f [u8])>,
        line: &[u8],
        content: Option<u64>,
        out: &mut Vec<u8>,
    ) -> Result<Framing, MisuseError> {
        let exchange = *self.due()?;
        if self.sending != Sending::Idle {
            return Err(MisuseError::HeadOutOfTurn);
        }
        let start = out.len();
        encode::status_line(status, out);
        let mut managed = Managed::default();
        managed.copy(fields, out)?;
        out.extend_from_slice(line);
        if status.is_informational() || self.opens_tunnel(&exchange, status) {
            return self.switch_protocols(&exchange, status, &managed, out);
        }
        let plan = plan(&exchange, status, &managed, content)?;
        if managed.options.close {
            self.close_after_current(CloseReason::LastMessage);
        }
        if exchange.expects_continue && self.is_receiving_content() {
            // The client may send its content or not: nobody can tell where the next request starts.
            self.close_after_current(CloseReason::UnreadContent);
        }
        if let Some(why) = plan.why_close {
            self.close_after_current(why);
        }
        self.sending = match plan.framing {
            Framing::Length(left) => Sending::Length { left },
            Framing::Chunked => Sending::Chunked,
            Framing::CloseDelimited => Sending::UntilClose,
        };
        if exchange.version == Version::Http09 {
            out.truncate(start);
            return Ok(plan.framing);
        }
        if let Some(length) = plan.length {
            encode::content_length(length, out);
        } else if plan.framing == Framing::Chunked {
            out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
        }
        self.write_persistence(exchange.version, &managed, out);
        out.extend_from_slice(b"\r\n");
        Ok(plan.framing)
    }

    /// The exchange whose response is due.
    #[inline]
    fn due(&self) -> Result<&Exchange, MisuseError> {
        if self.directive != Directive::Proceed {
            return Err(MisuseError::NotOpen);
        }
        self.state.front().ok_or(MisuseError::HeadOutOfTurn)
    }

    #[inline]
    fn opens_tunnel(&self, exchange: &Exchange, status: StatusCode) -> bool {
        exchange.method == MethodClass::Connect && status.is_success()
    }

    #[cold]
    /// 101, or a 2xx to CONNECT: the head is the last of HTTP/1 here, and only after the request
    /// is whole (RFC 9110 section 7.8).
    fn switch_protocols(
        &mut self,
        exchange: &Exchange,
        status: StatusCode,
        managed: &Managed,
        out: &mut Vec<u8>,
    ) -> Result<Framing, MisuseError> {
        let upgrade = status == StatusCode::SWITCHING_PROTOCOLS;
        if (!status.is_success() && !upgrade) || (upgrade && (!exchange.upgrade || !managed.upgrade)) {
            return Err(MisuseError::WrongStatusClass);
        }
        let complete = matches!(
            self.receiving,
            Receiving::Complete | Receiving::Content { content: Content::Length { left: 0 }, .. }
        );
        if !complete {
            return Err(MisuseError::HeadOutOfTurn);
        }
        managed.write_connection("", out);
        out.extend_from_slice(b"\r\n");
        self.receiving = Receiving::HandOver;
        self.sending = Sending::Length { left: 0 };
        self.directive = Directive::HandOver;
        Ok(Framing::Length(0))
    }
}

#[inline]
fn plan(exchange: &Exchange, status: StatusCode, managed: &Managed, content: Option<u64>) -> Result<Plan, MisuseError> {
    let none = |length| Plan { framing: Framing::Length(0), length, why_close: None };
    if status == StatusCode::NO_CONTENT {
        // RFC 9110 section 8.6: no Content-Length in a 204.
        return if content.unwrap_or(0) == 0 { Ok(none(None)) } else { Err(MisuseError::ContentForbidden) };
    }
    if exchange.method == MethodClass::Head || status == StatusCode::NOT_MODIFIED {
        // An empty body here says nothing about the length that a GET would have had.
        return Ok(none(managed.length.or(content.filter(|&n| n > 0 && exchange.method == MethodClass::Head))));
    }
    Ok(match (managed.content(content)?, exchange.version) {
        (_, Version::Http09) => {
            Plan { framing: Framing::CloseDelimited, length: None, why_close: Some(CloseReason::Http09) }
        }
        (Some(length), _) => Plan { framing: Framing::Length(length), ..none(Some(length)) },
        (None, Version::Http10) => {
            Plan { framing: Framing::CloseDelimited, length: None, why_close: Some(CloseReason::CloseDelimited) }
        }
        (None, Version::Http11) => Plan { framing: Framing::Chunked, length: None, why_close: None },
    })
}
