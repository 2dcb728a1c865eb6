//! From the core's response head to `http::Response`, and the body that goes on with the exchange.

use std::any::Any;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tenure_proto::{ResponseHead, Version};

use super::drive::{Exchange, Step};
use crate::client::Timing;
use crate::io::{HeadCopy, Receiving, fields, now};
use crate::{Body, ConnectionInfo, Error};

/// What a client's response tells beside itself. To be asked while the response has its [`Body`]: the
/// facts travel with that, since a request that nobody asks about should not pay for them. Through
/// `tower` layers, which put bodies of their own around it, they travel in the extensions too, as a
/// [`Timing`].
pub trait ResponseExt {
    /// On which connection it came: number, reused or not, age, idle time, addresses. `None` if no
    /// [`Client`](super::Client) made the response, or its body is no longer there.
    fn connection(&self) -> Option<&ConnectionInfo>;

    /// Where its time went. Keep a clone to know it to the end of the content.
    fn timing(&self) -> Option<&Timing>;
}

impl<B: 'static> ResponseExt for Response<B> {
    fn connection(&self) -> Option<&ConnectionInfo> {
        self.timing().map(Timing::connection)
    }

    fn timing(&self) -> Option<&Timing> {
        let body = (self.body() as &dyn Any).downcast_ref::<Body>();
        body.and_then(Body::timing).or_else(|| self.extensions().get())
    }
}

/// An owned head. `received`: the bytes that it was read from. `known`: its fields, if they came before.
pub(super) fn head(head: &ResponseHead<'_>, received: &[u8], known: Option<HeaderMap>) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = head.status;
    *response.version_mut() = match head.version {
        Version::Http10 => http::Version::HTTP_10,
        _ => http::Version::HTTP_11,
    };
    match known {
        Some(known) => *response.headers_mut() = known,
        None => fields::to_map_shared(head.fields, response.headers_mut(), &HeadCopy::new(received)),
    }
    response
}

/// The content that goes on with its `exchange`, but for what is `whole` already.
pub(super) fn content(whole: Option<Bytes>, mut exchange: Exchange) -> Body {
    if let Some(content) = whole {
        Box::new(exchange).let_go();
        return content.into();
    }
    exchange.left = exchange.content_left();
    Body::response(Box::new(exchange))
}

impl Receiving for Exchange {
    fn let_go(self: Box<Self>) {
        Self::let_go(self);
    }
}

/// The content of a response, read from its connection as it is asked for.
impl HttpBody for Exchange {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = match ready!(self.poll_step(cx)) {
            Ok(Step::Frame(frame)) => {
                let len = frame.data_ref().map_or(0, |data| data.len() as u64);
                self.left = self.left.map(|left| left.saturating_sub(len));
                if frame.is_trailers() {
                    self.is_read = true;
                } else {
                    self.take_end(now);
                }
                Some(Ok(frame))
            }
            Ok(Step::End | Step::Head(_)) => {
                self.is_read = true;
                None
            }
            Err(error) => {
                self.is_read = true;
                Some(Err(error))
            }
        };
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.is_read
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
