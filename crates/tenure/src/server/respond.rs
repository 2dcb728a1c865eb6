//! From `http::Response` to bytes: head, content as it comes, trailers.

use std::future::poll_fn;
use std::pin::pin;

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode, header};
use tenure_proto::{CloseReason, Directive, Framing};
use tokio::io::{AsyncRead, AsyncWrite};

use super::drive::{Drive, Ended};
use super::respond::date::date;
use crate::BoxError;
use crate::io::fields::pairs;

mod date;

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Drive<S> {
    /// Sends a handler's response.
    pub(super) async fn respond<B>(&mut self, response: Response<B>) -> Result<(), Ended>
    where
        B: http_body::Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        let (mut parts, body) = response.into_parts();
        if *self.drain.borrow() {
            self.connection.close_after_current(CloseReason::Shutdown);
        }
        self.announce_unread_content();
        parts.headers.entry(header::DATE).or_insert_with(date);
        let length = body.size_hint().exact();
        let sent = self.connection.send_head(parts.status, pairs(&parts.headers), length, self.transport.out());
        let framing = match sent {
            Ok(framing) => framing,
            Err(error) => {
                tracing::error!(connection = self.tap.id, %error, "the handler's response cannot be sent");
                self.connection.close_after_current(CloseReason::ApplicationFailed);
                return self.queue_answer(StatusCode::INTERNAL_SERVER_ERROR, "the response could not be sent");
            }
        };
        if framing == Framing::Length(0) {
            return self.end(&HeaderMap::new());
        }
        self.send_content(body).await
    }

    async fn send_content<B>(&mut self, body: B) -> Result<(), Ended>
    where
        B: http_body::Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        let mut body = pin!(body);
        let mut trailers = HeaderMap::new();
        loop {
            if self.transport.is_full() {
                poll_fn(|cx| self.poll_flush(cx)).await?;
            }
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
                    tracing::error!(connection = self.tap.id, %error, "the response's content failed");
                    return Err(self.cut().await);
                }
            };
            match frame.into_data() {
                Ok(data) if data.is_empty() => {}
                Ok(data) => {
                    let Ok(delimiters) = self.connection.send_content(data.len()) else {
                        tracing::error!(connection = self.tap.id, "the response's content is longer than announced");
                        return Err(self.cut().await);
                    };
                    self.transport.out().extend_from_slice(delimiters.before());
                    self.transport.push(data, delimiters.after());
                }
                Err(frame) => trailers.extend(frame.into_trailers().unwrap_or_default()),
            }
        }
        if self.transport.is_full() {
            poll_fn(|cx| self.poll_flush(cx)).await?;
        }
        match self.connection.send_end(pairs(&trailers), self.transport.out()) {
            Ok(()) => Ok(()),
            Err(error) => {
                tracing::error!(connection = self.tap.id, %error, "the response's content cannot be ended");
                Err(self.cut().await)
            }
        }
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
        let fields: [(&[u8], &[u8]); 2] = [(b"content-type", b"text/plain; charset=utf-8"), (b"date", date.as_bytes())];
        let out = self.transport.out();
        let sent = self.connection.send_head(status, fields, Some(text.len() as u64), out).and_then(|framing| {
            if framing != Framing::Length(0) {
                self.connection.send_content(text.len())?;
                out.extend_from_slice(text.as_bytes());
            }
            self.connection.send_end([], out)
        });
        if sent.is_err() && self.connection.directive() == Directive::Proceed {
            self.connection.close(CloseReason::ApplicationFailed);
        }
        Ok(())
    }

    /// A short text answer to a request that no handler sees.
    pub(super) async fn answer(&mut self, status: StatusCode, text: &str) -> Result<(), Ended> {
        self.queue_answer(status, text)?;
        self.finish_request().await
    }
}
