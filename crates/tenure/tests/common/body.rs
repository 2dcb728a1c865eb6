//! Bodies made of steps.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;
use tenure::Body;
use tokio::sync::oneshot;

use super::BoxError;

/// What a [`Steps`] body does next.
pub(crate) enum Step {
    Data(Bytes),
    Trailers(HeaderMap),
    Fail(&'static str),
    /// Waits until the other end is used or dropped.
    Wait(oneshot::Receiver<()>),
}

/// A body that does what it is told.
pub(crate) struct Steps {
    steps: VecDeque<Step>,
    length: Option<u64>,
}

/// `length`: what the body claims before it is read.
pub(crate) fn steps(length: Option<u64>, steps: impl IntoIterator<Item = Step>) -> Body {
    Body::stream(Steps { steps: steps.into_iter().collect(), length })
}

pub(crate) fn data(bytes: impl Into<Bytes>) -> Step {
    Step::Data(bytes.into())
}

/// Reads a whole body.
pub(crate) async fn collect(body: Body) -> Result<Bytes, tenure::Error> {
    Ok(body.collect().await?.to_bytes())
}

impl HttpBody for Steps {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        loop {
            if let Some(Step::Wait(wait)) = self.steps.front_mut() {
                if Pin::new(wait).poll(cx).is_pending() {
                    return Poll::Pending;
                }
                self.steps.pop_front();
                continue;
            }
            return Poll::Ready(match self.steps.pop_front() {
                Some(Step::Data(data)) => Some(Ok(Frame::data(data))),
                Some(Step::Trailers(trailers)) => Some(Ok(Frame::trailers(trailers))),
                Some(Step::Fail(why)) => Some(Err(why.into())),
                Some(Step::Wait(_)) | None => None,
            });
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
