//! A request's way through its handler: its turn, its time, and the answer if either runs out.

use std::fmt;
use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::{Duration, Instant};

use http::{Request, StatusCode};
use tenure_proto::CloseReason;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower_service::Service;

use super::drive::{Drive, Ended};
use super::stream::Stream;
use crate::io::now;
use crate::{Body, BoxError};

/// How long a request's handler may still take. It stands still while the client is waited for.
#[derive(Default)]
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
    pub(super) fn follow(&mut self, awaits_client: bool) -> Option<Instant> {
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

    /// Waits for the request's turn, and for the service.
    pub(super) async fn admit<V: Service<Request<Body>, Error: Into<BoxError>>>(
        &mut self,
        clock: &mut Clock,
        service: &mut V,
    ) -> Result<Result<Option<OwnedSemaphorePermit>, Failure>, Ended> {
        let turn = match self.shared.turns.as_ref().map(Arc::clone) {
            None => None,
            Some(turns) => match self.turn(turns, clock).await? {
                Ok(turn) => turn,
                Err(late) => return Ok(Err(Failure::Late(late))),
            },
        };
        poll_fn(|cx| {
            loop {
                if let Poll::Ready(ready) = service.poll_ready(cx) {
                    return Poll::Ready(Ok(ready.map_err(Failure::of_service)));
                }
                let Poll::Ready(fed) = self.poll_beside(cx) else {
                    ready!(self.deadline.poll(clock.follow(self.awaits_content), cx));
                    return Poll::Ready(Ok(Err(Failure::Late(TooLate::Handler))));
                };
                fed?;
            }
        })
        .await
        .map(|ready| ready.map(|()| turn))
    }

    /// Queues the answer to a request that its handler has none for.
    pub(super) async fn answer_failed(&mut self, failure: Failure) -> Result<(), Ended> {
        let error = match failure {
            Failure::Late(late) => return self.queue_too_late(&late),
            Failure::Service(error) => error,
        };
        tracing::error!(connection = self.id(), %error, "the service failed");
        self.connection.close_after_current(CloseReason::ApplicationFailed);
        self.answer(StatusCode::INTERNAL_SERVER_ERROR, "the service failed").await
    }

    /// Queues the answer to a request whose time has run out.
    fn queue_too_late(&mut self, late: &TooLate) -> Result<(), Ended> {
        tracing::warn!(connection = self.id(), "{late}");
        self.announce_last();
        self.announce_unread_content();
        let retry_after = match late {
            TooLate::Turn(limit) => Some(limit.as_millis().div_ceil(1000).max(1).to_string()),
            TooLate::Handler => None,
        };
        let more = retry_after.as_ref().map(|seconds| (&b"retry-after"[..], seconds.as_bytes()));
        self.queue_answer_with(StatusCode::SERVICE_UNAVAILABLE, &late.to_string(), more)
    }
}
