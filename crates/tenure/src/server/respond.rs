//! From `http::Response` to bytes: head, content as it comes, trailers.

use std::cell::Cell;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::response::Parts;
use http::{HeaderMap, StatusCode, header};
use http_body::Frame;
use tenure_proto::{CloseReason, Directive, Framing, MisuseError};

use super::drive::{Drive, Ended};
use super::respond::date::date;
use super::respond::file::{More, OutgoingFile};
use super::spare_map;
use super::stream::Stream;
use crate::BoxError;
use crate::io::fields::pairs;

pub(super) mod date;
mod file;

/// What a body's next frame is, or why nothing can be sent any more.
type Framed<B> = Result<Option<Result<Frame<<B as http_body::Body>::Data>, <B as http_body::Body>::Error>>, Ended>;

/// A response's content on its way out.
#[derive(Default)]
pub(super) struct Outgoing {
    /// What came before the head was sent, the last of it first.
    early: Vec<Bytes>,
    early_len: usize,
    ended: bool,
    /// What it is, if it is a part of a file that is sent without being read.
    file: Option<OutgoingFile>,
    /// `None` as long as there are none.
    trailers: Option<HeaderMap>,
    /// It cannot be completed.
    cut: bool,
}

impl Outgoing {
    /// As new.
    #[inline]
    pub(super) fn clear(&mut self) {
        self.early.clear();
        (self.file, self.trailers) = (None, None);
        (self.early_len, self.ended, self.cut) = (0, false, false);
    }

    /// Collects what comes without waiting, up to the bound, which says what is small: see
    /// [`Server::collect`](super::Server::collect).
    fn collect<B>(&mut self, mut body: Pin<&mut B>, bound: usize, cx: &mut Context<'_>) -> Result<(), BoxError>
    where
        B: http_body::Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        while self.early_len <= bound {
            match body.as_mut().poll_frame(cx) {
                Poll::Ready(None) => self.ended = true,
                Poll::Ready(Some(Err(error))) => return Err(error.into()),
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => {
                        self.early_len += data.len();
                        self.early.push(data);
                        continue;
                    }
                    // Only the chunked coding can carry them: the length stays unknown.
                    Err(frame) => self.trailers = frame.into_trailers().ok(),
                },
                Poll::Pending => {}
            }
            break;
        }
        self.early.reverse();
        Ok(())
    }

    /// The length of the content, if all of it has come.
    const fn length(&self) -> Option<u64> {
        if self.ended { Some(self.early_len as u64) } else { None }
    }
}

impl<S: Stream> Drive<S> {
    /// Queues the head of a handler's response, and says whether its content and end are to follow.
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
        if length.is_none() && !parts.headers.contains_key(header::CONTENT_LENGTH) {
            if let Err(error) = content.collect(body.as_mut(), self.shared.limits.collect, cx) {
                tracing::error!(connection = self.id(), %error, "the response's content failed before it began");
                self.connection.close_after_current(CloseReason::ApplicationFailed);
                self.queue_answer(StatusCode::INTERNAL_SERVER_ERROR, "the response's content failed")?;
                return Ok(false);
            }
            length = content.length();
        }
        self.announce_last();
        self.announce_unread_content();
        let date = date();
        let dated = Cell::new(false);
        // Asked only when all other fields have gone by, and by then it is known.
        let ours = std::iter::once_with(|| (!dated.get()).then_some((&b"date"[..], &date[..]))).flatten();
        let fields = parts.headers.iter().map(|(name, value)| {
            dated.set(dated.get() || name == header::DATE);
            (name.as_str().as_bytes(), value.as_bytes())
        });
        let framing = match self.connection.send_head(parts.status, fields.chain(ours), length, self.transport.out()) {
            Ok(framing) => framing,
            Err(error) => return self.cannot_be_sent(&error).map(|()| false),
        };
        spare_map::keep(&mut parts.headers);
        self.observed.answered(parts.status);
        if framing == Framing::Length(0) {
            // Cannot fail: no content is owed.
            let ended = self.connection.send_end([], self.transport.out());
            return ended.map_err(|_| Ended(CloseReason::ApplicationFailed)).map(|()| false);
        }
        self.resets = framing == Framing::CloseDelimited;
        if self.resets {
            self.transport.stream_mut().reset_on_close(true);
        }
        content.file = self.file_of(&*body);
        Ok(true)
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
