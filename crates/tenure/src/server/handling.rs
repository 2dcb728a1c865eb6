//! A request's way through its handler: its turn, its time, and the answer if either runs out.

use std::fmt;
use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use http::{Response, StatusCode, header};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::drive::{Drive, Ended};
use super::stream::Stream;
use crate::io::now;
use crate::{Body, BoxError};

/// How long a request's handler may still take. It stands still while the client is waited for.
pub(super) struct Clock {
    limit: Duration,
    /// `None` without a limit.
    end: Option<Instant>,
    stands_since: Option<Instant>,
}

impl Clock {
    /// Begins `now`.
    pub(super) fn start(limit: Option<Duration>, now: Instant) -> Self {
        let end = limit.and_then(|limit| now.checked_add(limit));
        Self { limit: limit.unwrap_or_default(), end, stands_since: None }
    }

    /// When it ends, if it runs.
    fn follow(&mut self, awaits_client: bool) -> Option<Instant> {
        let end = self.end?;
        if awaits_client {
            self.stands_since.get_or_insert_with(now);
            return None;
        }
        if let Some(since) = self.stands_since.take() {
            self.end = end.checked_add(now().saturating_duration_since(since));
        }
        self.end
    }
}

/// A handler gave no response.
pub(super) enum Failure {
    Late(TooLate),
    Service(BoxError),
}

impl Failure {
    pub(super) fn of_service(error: impl Into<BoxError>) -> Self {
        Self::Service(error.into())
    }
}

/// The handler's time has run out.
#[derive(Debug)]
pub(super) enum TooLate {
    /// Before its turn came.
    Turn(Duration),
    /// While it worked.
    Handler,
}

impl fmt::Display for TooLate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Turn(_) => "too many requests are under way; this one was not begun",
            Self::Handler => "the server did not finish this request in time",
        })
    }
}

impl<S: Stream> Drive<S> {
    /// Waits until the request may be handled, of which there is a limit.
    pub(super) async fn turn(
        &mut self,
        turns: Arc<Semaphore>,
        clock: &Clock,
    ) -> Result<Result<Option<OwnedSemaphorePermit>, TooLate>, Ended> {
        let mut turn = pin!(turns.acquire_owned());
        poll_fn(|cx| {
            if let Poll::Ready(turn) = turn.as_mut().poll(cx) {
                // Never an error: nobody closes the semaphore.
                return Poll::Ready(Ok(Ok(turn.ok())));
            }
            // Answers to earlier requests need not wait.
            if let Poll::Ready(Err(ended)) = self.poll_flush(cx) {
                return Poll::Ready(Err(ended));
            }
            ready!(self.deadline.poll(clock.end, cx));
            Poll::Ready(Ok(Err(TooLate::Turn(clock.limit))))
        })
        .await
    }

    /// Polls `work` of the handler, and feeds it content, until it is ready or its time runs out.
    pub(super) async fn within(
        &mut self,
        clock: &mut Clock,
        mut work: impl FnMut(&mut Context<'_>) -> Poll<()>,
    ) -> Result<(), Ended> {
        poll_fn(|cx| {
            while work(cx).is_pending() {
                let Poll::Ready(fed) = self.poll_beside(cx) else {
                    return self.deadline.poll(clock.follow(self.awaits_content), cx).map(Ok);
                };
                fed?;
            }
            Poll::Ready(Ok(()))
        })
        .await
    }

    /// Answers a request whose time has run out.
    pub(super) async fn answer_too_late(&mut self, late: &TooLate) -> Result<(), Ended> {
        tracing::warn!(connection = self.id(), "{late}");
        let status = StatusCode::SERVICE_UNAVAILABLE;
        let mut response = Response::new(Body::from(format!("{status}\n{late}\n")));
        *response.status_mut() = status;
        let fields = response.headers_mut();
        fields.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/plain; charset=utf-8"));
        if let TooLate::Turn(limit) = late {
            let seconds = limit.as_millis().div_ceil(1000).max(1);
            fields.insert(header::RETRY_AFTER, u64::try_from(seconds).unwrap_or(u64::MAX).into());
        }
        self.respond(response).await
    }
}
