//! From `http::Response` to bytes: head, content as it comes, trailers.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode, header};
use tenure_proto::{CloseReason, Directive, Framing, MisuseError};

use super::drive::{Drive, Ended};
use super::respond::date::date;
use super::stream::Stream;
use crate::BoxError;
use crate::io::fields::pairs;

pub(super) mod date;

/// The content that came at once.
#[derive(Default)]
struct Early {
    data: Vec<Bytes>,
    len: usize,
    ended: bool,
    trailers: HeaderMap,
    error: Option<BoxError>,
}

impl Early {
    /// Always ready: collects what comes without waiting, up to the bound, which says what is
    /// small: see [`Server::collect`](super::Server::collect).
    fn collect<B>(&mut self, mut body: Pin<&mut B>, bound: usize, cx: &mut Context<'_>) -> Poll<()>
    where
        B: http_body::Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        while self.len <= bound {
            match body.as_mut().poll_frame(cx) {
                Poll::Ready(None) => self.ended = true,
                Poll::Ready(Some(Err(error))) => self.error = Some(error.into()),
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => {
                        self.len += data.len();
                        self.data.push(data);
                        continue;
                    }
                    // Only the chunked coding can carry them: the length stays unknown.
                    Err(frame) => self.trailers = frame.into_trailers().unwrap_or_default(),
                },
                Poll::Pending => {}
            }
            break;
        }
        Poll::Ready(())
    }

    /// The length of the content, if all of it has come.
    const fn length(&self) -> Option<u64> {
        if self.ended { Some(self.len as u64) } else { None }
    }
}

impl<S: Stream> Drive<S> {
    /// Sends a handler's response.
    pub(super) async fn respond<B>(&mut self, response: Response<B>) -> Result<(), Ended>
    where
        B: http_body::Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        let (parts, body) = response.into_parts();
        let mut body = pin!(body);
        let mut early = Early::default();
        let length = body.size_hint().exact();
        if length.is_none() && !parts.headers.contains_key(header::CONTENT_LENGTH) {
            poll_fn(|cx| early.collect(body.as_mut(), self.shared.limits.collect, cx)).await;
            if let Some(error) = early.error.take() {
                tracing::error!(connection = self.id(), %error, "the response's content failed before it began");
                self.connection.close_after_current(CloseReason::ApplicationFailed);
                return self.queue_answer(StatusCode::INTERNAL_SERVER_ERROR, "the response's content failed");
            }
        }
        self.announce_last();
        self.announce_unread_content();
        let length = length.or(early.length());
        let sent = {
            let date = date();
            let date = (!parts.headers.contains_key(header::DATE)).then_some((&b"date"[..], &date[..]));
            let fields = pairs(&parts.headers).chain(date);
            self.connection.send_head(parts.status, fields, length, self.transport.out())
        };
        let framing = match sent {
            Ok(framing) => framing,
            Err(error) => return self.cannot_be_sent(&error),
        };
        self.observed.answered(parts.status);
        if framing == Framing::Length(0) {
            return self.end(&HeaderMap::new());
        }
        self.resets = framing == Framing::CloseDelimited;
        if self.resets {
            self.transport.stream_mut().reset_on_close(true);
        }
        for data in std::mem::take(&mut early.data) {
            self.queue_content(data).await?;
        }
        if early.ended { self.end(&HeaderMap::new()) } else { self.send_content(body, early.trailers).await }
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

    async fn send_content<B>(&mut self, mut body: Pin<&mut B>, mut trailers: HeaderMap) -> Result<(), Ended>
    where
        B: http_body::Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        loop {
            let frame: Option<Result<_, BoxError>> = poll_fn(|cx| {
                self.poll_with_content(cx, |cx| {
                    body.as_mut().poll_frame(cx).map(|frame| frame.map(|result| result.map_err(Into::into)))
                })
            })
            .await?;
            let frame = match frame {
                None => break,
                Some(Ok(frame)) => frame,
                Some(Err(error)) => {
                    tracing::error!(connection = self.id(), %error, "the response's content failed");
                    return Err(self.cut().await);
                }
            };
            match frame.into_data() {
                Ok(data) => self.queue_content(data).await?,
                Err(frame) => trailers.extend(frame.into_trailers().unwrap_or_default()),
            }
        }
        match self.connection.send_end(pairs(&trailers), self.transport.out()) {
            Ok(()) => Ok(()),
            Err(error) => {
                tracing::error!(connection = self.id(), %error, "the response's content cannot be ended");
                Err(self.cut().await)
            }
        }
    }

    /// Queues one piece of content, and flushes when enough is queued.
    async fn queue_content(&mut self, data: Bytes) -> Result<(), Ended> {
        if data.is_empty() {
            return Ok(());
        }
        let Ok(delimiters) = self.connection.send_content(data.len()) else {
            tracing::error!(connection = self.id(), "the response's content is longer than announced");
            return Err(self.cut().await);
        };
        self.observed.response_content(data.len());
        self.transport.out().extend_from_slice(delimiters.before());
        self.transport.push(data, delimiters.after());
        if self.transport.is_full() {
            poll_fn(|cx| self.poll_flush(cx)).await?;
        }
        Ok(())
    }

    fn end(&mut self, trailers: &HeaderMap) -> Result<(), Ended> {
        // Cannot fail: no content is owed.
        self.connection
            .send_end(pairs(trailers), self.transport.out())
            .map_err(|_| Ended(CloseReason::ApplicationFailed))
    }

    /// The message cannot be completed: its receiver must see that it is cut. What was sent so far
    /// arrives, then the connection ends inside the message.
    async fn cut(&mut self) -> Ended {
        self.connection.close(CloseReason::ApplicationFailed);
        let flushed = poll_fn(|cx| self.poll_flush(cx)).await;
        match flushed {
            Ok(()) => Ended(CloseReason::ApplicationFailed),
            Err(ended) => ended,
        }
    }

    /// A short text answer of the server itself; flushed with what follows.
    pub(super) fn queue_answer(&mut self, status: StatusCode, text: &str) -> Result<(), Ended> {
        let text = format!("{status}\n{text}\n");
        let date = date();
        let fields: [(&[u8], &[u8]); 2] = [(b"content-type", b"text/plain; charset=utf-8"), (b"date", &date)];
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
