//! From the core's response head to `http::Response`, and the body that goes on with the exchange.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::Response;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tenure_proto::{ResponseHead, Version};

use super::drive::{Exchange, Step};
use crate::client::Timing;
use crate::io::fields;
use crate::{Body, ConnectionInfo, Error};

/// What a client's response tells beside itself.
pub trait ResponseExt {
    /// On which connection it came: number, reused or not, age, idle time, addresses. `None` if no
    /// [`Client`](super::Client) made the response.
    fn connection(&self) -> Option<&ConnectionInfo>;

    /// Where its time went. Keep a clone to know it to the end of the content.
    fn timing(&self) -> Option<&Timing>;
}

impl<B> ResponseExt for Response<B> {
    fn connection(&self) -> Option<&ConnectionInfo> {
        self.extensions().get()
    }

    fn timing(&self) -> Option<&Timing> {
        self.extensions().get()
    }
}

/// An owned head.
pub(super) fn head(head: &ResponseHead<'_>) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = head.status;
    *response.version_mut() = match head.version {
        Version::Http10 => http::Version::HTTP_10,
        _ => http::Version::HTTP_11,
    };
    fields::to_map(head.fields, response.headers_mut());
    response
}

/// Adds the facts and the content. A response without content gives its connection back at once.
pub(super) fn with_content(head: Response<()>, mut exchange: Exchange) -> Response<Body> {
    let info = exchange.info.clone();
    let (mut parts, ()) = head.into_parts();
    parts.extensions.insert(info);
    parts.extensions.insert(exchange.headed());
    let left = exchange.content_left();
    let mut content = Content { exchange: Some(exchange), left };
    let body = if left == Some(0) {
        content.take_end();
        Body::empty()
    } else {
        Body::response(content)
    };
    Response::from_parts(parts, body)
}

/// The content of a response, read from its connection as it is asked for.
struct Content {
    exchange: Option<Exchange>,
    left: Option<u64>,
}

impl Content {
    /// The end of a length-delimited message needs no further input: take it now, so that the
    /// connection is free before the caller asks again.
    fn take_end(&mut self) {
        let Some(exchange) = &mut self.exchange else { return };
        if exchange.content_left() == Some(0) {
            let waker = std::task::Waker::noop();
            let step = exchange.poll_step(&mut Context::from_waker(waker));
            if matches!(step, Poll::Ready(Ok(Step::End))) {
                self.let_go();
            }
        }
    }

    /// The caller has what it wants of the exchange.
    fn let_go(&mut self) {
        if let Some(exchange) = self.exchange.take() {
            exchange.let_go();
        }
    }
}

impl Drop for Content {
    fn drop(&mut self) {
        self.let_go();
    }
}

impl HttpBody for Content {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let Some(exchange) = &mut self.exchange else { return Poll::Ready(None) };
        match ready!(exchange.poll_step(cx)) {
            Ok(Step::Frame(frame)) => {
                let len = frame.data_ref().map_or(0, |data| data.len() as u64);
                self.left = self.left.map(|left| left.saturating_sub(len));
                if frame.is_trailers() {
                    self.let_go();
                } else {
                    self.take_end();
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Ok(Step::End | Step::Head(_)) => {
                self.let_go();
                Poll::Ready(None)
            }
            Err(error) => {
                self.exchange = None;
                Poll::Ready(Some(Err(error)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.exchange.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
