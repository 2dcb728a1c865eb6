//! From `http::Response` to bytes: head, content as it comes, trailers.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::response::Parts;
use http::{HeaderMap, StatusCode, header};
use http_body::Frame;
use tenure_proto::{CloseReason, Directive, FieldLine, Framing, MisuseError};

use super::drive::{Drive, Ended};
use super::respond::date::{date, with_date_line};
use super::respond::file::More;
pub(super) use super::respond::outgoing::Outgoing;
use super::spare_map;
use super::stream::Stream;
use crate::BoxError;
use crate::io::fields::pairs;
use crate::io::{COPY, now};

pub(super) mod date;
mod file;
mod outgoing;

/// What a body's next frame is, or why nothing can be sent any more.
type Framed<B> = Result<Option<Result<Frame<<B as http_body::Body>::Data>, <B as http_body::Body>::Error>>, Ended>;

impl<S: Stream> Drive<S> {
    /// Queues a handler's response: whole if all of it is at hand, or its head. Says whether content and end are to follow.
    pub(super) fn queue_head<B>(
        &mut self,
        mut parts: Parts,
        mut body: Pin<&mut B>,
        content: &mut Outgoing,
        cx: &mut Context<'_>,
    ) -> Result<bool, Ended>
    where
        B: http_body::Body<Data = Bytes> + 'static,
        B::Error: Into<BoxError>,
    {
        let mut length = body.size_hint().exact();
        content.file = self.file_of(&*body);
        if let Some(bound) = self.collects(&parts.headers, length, content) {
            if let Err(error) = content.collect(body.as_mut(), bound, cx) {
                tracing::error!(connection = self.id(), %error, "the response's content failed before it began");
                self.connection.close_after_current(CloseReason::ApplicationFailed);
                self.queue_answer(StatusCode::INTERNAL_SERVER_ERROR, "the response's content failed")?;
                return Ok(false);
            }
            length = length.or(content.length());
        }
        self.announce_last();
        self.announce_unread_content();
        let queued = match content.whole(length) {
            Some(whole) if content.trailers.is_none() && !self.transport.is_full() => {
                self.queue_whole(&parts, whole).map(|()| None)
            }
            _ => self.queue_head_alone(&parts, length).map(Some),
        };
        let framing = match queued {
            Ok(framing) => framing,
            Err(error) => return self.cannot_be_sent(&error).map(|()| false),
        };
        spare_map::keep(&mut parts.headers);
        let Some(framing) = framing else { return Ok(false) };
        if framing == Framing::Length(0) {
            // Cannot fail: no content is owed.
            let ended = self.connection.send_end([], self.transport.out());
            return ended.map_err(|_| Ended(CloseReason::ApplicationFailed)).map(|()| false);
        }
        self.resets = framing == Framing::CloseDelimited;
        if self.resets {
            self.transport.stream_mut().reset_on_close(true);
        }
        Ok(true)
    }

    /// Up to how many bytes of the content are to be collected before the head is sent, if any are: of content of unknown
    /// length as [`Server::collect`](super::Server::collect) says, of other if it is small, for it to be sent with the head.
    fn collects(&self, fields: &HeaderMap, length: Option<u64>, content: &Outgoing) -> Option<usize> {
        match length {
            Some(length) => (length <= COPY as u64 && content.file.is_none()).then_some(COPY),
            None => (!fields.contains_key(header::CONTENT_LENGTH)).then_some(self.shared.limits.collect),
        }
    }

    fn queue_whole(&mut self, parts: &Parts, content: &[u8]) -> Result<(), MisuseError> {
        let (connection, out) = (&mut self.connection, self.transport.out());
        let fields = pairs(&parts.headers);
        let sent = if parts.headers.keys().any(|name| name == header::DATE) {
            connection.send_whole(parts.status, fields, &FieldLine::EMPTY, content, out)?
        } else {
            with_date_line(now(), |date| connection.send_whole(parts.status, fields, date, content, out))?
        };
        self.observed.answered(parts.status);
        self.observed.response_content(sent);
        Ok(())
    }

    fn queue_head_alone(&mut self, parts: &Parts, length: Option<u64>) -> Result<Framing, MisuseError> {
        let date = (!parts.headers.contains_key(header::DATE)).then(date);
        let ours = date.iter().map(|date| (&b"date"[..], &date[..]));
        let fields = pairs(&parts.headers).chain(ours);
        let framing = self.connection.send_head(parts.status, fields, length, self.transport.out())?;
        self.observed.answered(parts.status);
        Ok(framing)
    }

    /// A handler made a response that is none.
    pub(super) fn cannot_be_sent(&mut self, error: &MisuseError) -> Result<(), Ended> {
        tracing::error!(connection = self.id(), %error, "the handler's response cannot be sent");
        self.connection.close_after_current(CloseReason::ApplicationFailed);
        self.queue_answer(StatusCode::INTERNAL_SERVER_ERROR, "the response could not be sent")
    }

    /// Before a response's head: whatever the server knows about the connection's end is said in it.
    pub(super) fn announce_last(&mut self) {
        if self.shared.is_draining() {
            self.connection.close_after_current(CloseReason::Shutdown);
        }
        if self.shared.is_too_old(self.id(), self.facts.opened) {
            self.connection.close_after_current(CloseReason::Age);
        }
        if let Some(idle) = self.shared.idle_timeout() {
            self.connection.set_idle_timeout(idle);
        }
    }

    /// Sends content as it comes, then its end. A message that cannot be completed is cut, so that
    /// its receiver sees it: what was sent so far arrives, then the connection ends inside of it.
    pub(super) fn poll_send<B>(
        &mut self,
        mut body: Pin<&mut B>,
        content: &mut Outgoing,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Ended>>
    where
        B: http_body::Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        loop {
            if content.cut || self.transport.is_full() {
                ready!(self.poll_flush(cx))?;
            }
            if content.cut {
                return Poll::Ready(Err(Ended(CloseReason::ApplicationFailed)));
            }
            if let Some(file) = &mut content.file {
                match ready!(self.poll_queue_file(file, cx)) {
                    Ok(More::Follows) => {}
                    Ok(More::Ended) => (content.file, content.ended) = (None, true),
                    Err(error) => self.cut(content, &error, "the response's content failed"),
                }
                continue;
            }
            let frame = match content.early.pop() {
                Some(data) => Some(Ok(Frame::data(data))),
                None if content.ended => None,
                None => ready!(self.poll_frame(body.as_mut(), cx))?,
            };
            match frame.map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(data))) => {
                    if let Err(error) = self.queue_content(data) {
                        self.cut(content, &error, "the response's content is longer than announced");
                    }
                }
                Some(Ok(Err(frame))) => {
                    content.trailers.get_or_insert_default().extend(frame.into_trailers().unwrap_or_default());
                }
                Some(Err(error)) => self.cut(content, &error.into(), "the response's content failed"),
                None => match self.connection.send_end(content.trailers.iter().flat_map(pairs), self.transport.out()) {
                    Ok(()) => return Poll::Ready(Ok(())),
                    Err(error) => self.cut(content, &error, "the response's content cannot be ended"),
                },
            }
        }
    }

    /// The next piece of content, while the handler may still read the request's.
    fn poll_frame<B: http_body::Body>(&mut self, mut body: Pin<&mut B>, cx: &mut Context<'_>) -> Poll<Framed<B>> {
        loop {
            if let Poll::Ready(frame) = body.as_mut().poll_frame(cx) {
                return Poll::Ready(Ok(frame));
            }
            ready!(self.poll_beside(cx))?;
        }
    }

    /// Queues one piece of content. Only while the queue is not full.
    fn queue_content(&mut self, data: Bytes) -> Result<(), MisuseError> {
        if data.is_empty() {
            return Ok(());
        }
        let delimiters = self.connection.send_content(data.len())?;
        self.observed.response_content(data.len());
        self.transport.out().extend_from_slice(delimiters.before());
        self.transport.push(data, delimiters.after());
        Ok(())
    }

    fn cut(&mut self, content: &mut Outgoing, error: &dyn fmt::Display, what: &str) {
        tracing::error!(connection = self.id(), %error, "{what}");
        self.connection.close(CloseReason::ApplicationFailed);
        content.cut = true;
    }

    /// A short text answer of the server itself; flushed with what follows.
    pub(super) fn queue_answer(&mut self, status: StatusCode, text: &str) -> Result<(), Ended> {
        self.queue_answer_with(status, text, None)
    }

    /// The same with one more field.
    pub(super) fn queue_answer_with(
        &mut self,
        status: StatusCode,
        text: &str,
        more: Option<(&[u8], &[u8])>,
    ) -> Result<(), Ended> {
        let text = format!("{status}\n{text}\n");
        let date = date();
        let fields: [(&[u8], &[u8]); 2] = [(b"content-type", b"text/plain; charset=utf-8"), (b"date", &date)];
        let fields = fields.into_iter().chain(more);
        let out = self.transport.out();
        let sent = self.connection.send_head(status, fields, Some(text.len() as u64), out).and_then(|framing| {
            if framing != Framing::Length(0) {
                self.connection.send_content(text.len())?;
                out.extend_from_slice(text.as_bytes());
                self.observed.response_content(text.len());
            }
            self.observed.answered(status);
            self.connection.send_end([], out)
        });
        if sent.is_err() && self.connection.directive() == Directive::Proceed {
            self.connection.close(CloseReason::ApplicationFailed);
        }
        Ok(())
    }

    /// A short text answer to a request that no handler sees. Its content may follow or not (a
    /// client may have waited for 100), so nothing else can.
    pub(super) async fn answer(&mut self, status: StatusCode, text: &str) -> Result<(), Ended> {
        if self.connection.content_left() != Some(0) {
            self.connection.close_after_current(CloseReason::UnreadContent);
        }
        self.queue_answer(status, text)?;
        self.finish_request().await
    }
}
