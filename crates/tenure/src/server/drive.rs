//! THE server loop: receive, act on the event, flush before waiting, obey the directive.

use std::future::{Future as _, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use tenure_proto::{CloseReason, Config, Connection, Directive, ErrorKind, ProtocolError, Server};
use tokio::sync::watch;
use tower_service::Service;

use super::request::{Received, Step, step};
use super::teardown::Socket;
use super::upgrade;
use crate::io::incoming::Feed;
use crate::io::{Deadline, Tap, Transport, now};
use crate::observe::{ConnectionInfo, Opened};
use crate::{Body, BoxError};

/// One connection and everything that drives it.
pub(super) struct Drive<S> {
    pub(super) transport: Transport<S>,
    pub(super) connection: Connection<Server>,
    pub(super) deadline: Deadline,
    /// Where the content of the request under way goes.
    pub(super) feed: Option<Feed>,
    /// Until the response under way is sent, an end of the connection must be a reset.
    pub(super) resets: bool,
    pub(super) tap: Tap,
    /// Who waits for the connection, once it is handed over.
    upgrade: Option<upgrade::Offer>,
    peer: Option<SocketAddr>,
    local: Option<SocketAddr>,
    opened: Instant,
    quiet_since: Instant,
    /// Since when the peer takes nothing of what is to be sent.
    stalled_since: Option<Instant>,
    pub(super) drain: watch::Receiver<bool>,
    grace: Duration,
}

/// Tells the observer of the connection's end, also when its task is cut or its handler panics.
struct Ending {
    tap: Tap,
    exchanges: u64,
    why: Option<CloseReason>,
}

impl Ending {
    fn new(tap: Tap, peer: Option<SocketAddr>) -> Self {
        if let Some(observer) = &tap.observer {
            observer.opened(Opened { id: tap.id, peer, took: Duration::ZERO, round_trip: None });
        }
        Self { tap, exchanges: 0, why: None }
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        let cut = if std::thread::panicking() { CloseReason::ApplicationFailed } else { CloseReason::Shutdown };
        let why = self.why.unwrap_or(cut);
        tracing::debug!(connection = self.tap.id, reason = why.name(), exchanges = self.exchanges, "closed");
        if let Some(observer) = &self.tap.observer {
            observer.closed(self.tap.id, why, self.exchanges);
        }
    }
}

/// The connection has ended, for this reason.
pub(super) struct Ended(pub(super) CloseReason);

impl<S: Socket> Drive<S> {
    pub(super) fn new(
        stream: S,
        tap: Tap,
        config: Arc<Config>,
        peer: Option<SocketAddr>,
        local: Option<SocketAddr>,
        drain: watch::Receiver<bool>,
        grace: Duration,
    ) -> Self {
        let opened = now();
        Self {
            transport: Transport::new(stream, tap.clone()),
            connection: Connection::new(config),
            deadline: Deadline::default(),
            feed: None,
            resets: false,
            upgrade: None,
            tap,
            peer,
            local,
            opened,
            quiet_since: opened,
            stalled_since: None,
            drain,
            grace,
        }
    }

    /// Runs the connection from its first request to its end.
    pub(super) async fn run<V, B>(mut self, mut service: V) -> CloseReason
    where
        V: Service<Request<Body>, Response = Response<B>> + Send,
        V::Future: Send,
        V::Error: Into<BoxError>,
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let mut ending = Ending::new(self.tap.clone(), self.peer);
        let Ended(why) = loop {
            if let Err(ended) = self.turn(&mut service).await {
                break ended;
            }
            ending.exchanges = self.connection.exchanges();
        };
        ending.why = Some(why);
        drop(ending);
        if let (CloseReason::HandedOver, Some(offer)) = (why, self.upgrade) {
            let (stream, read) = self.transport.into_parts();
            // Nobody may have waited; then the stream is dropped, which closes it.
            drop(offer.send(upgrade::Upgraded::new(stream, read)));
        }
        why
    }

    /// One event, and what follows from it.
    async fn turn<V, B>(&mut self, service: &mut V) -> Result<(), Ended>
    where
        V: Service<Request<Body>, Response = Response<B>>,
        V::Error: Into<BoxError>,
        B: http_body::Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        match self.connection.directive() {
            Directive::Proceed => {}
            Directive::HandOver => return Err(Ended(CloseReason::HandedOver)),
            _ => return Err(self.tear_down().await),
        }
        match step(&mut self.connection, &mut self.transport, now()) {
            Ok(Step::Request(received)) => self.exchange(*received, service).await,
            Ok(Step::NeedInput) => self.wait_for_request().await,
            Ok(Step::Paused | Step::Closed | Step::Content(_) | Step::End(_)) => Ok(()),
            Err(error) => self.refuse(error).await,
        }
    }

    /// Flushes, then waits for the next bytes of a request.
    async fn wait_for_request(&mut self) -> Result<(), Ended> {
        poll_fn(|cx| self.poll_flush(cx)).await?;
        let drain = self.drain.clone();
        if *drain.borrow() {
            self.connection.close_after_current(CloseReason::Shutdown);
            let until = now() + self.grace;
            return self.fill(Some(until)).await;
        }
        let mut drain = drain;
        tokio::select! {
            biased;
            filled = self.fill(None) => filled,
            // Look again, now in the state of draining. A server that is gone drains no more.
            Ok(()) = drain.changed() => Ok(()),
        }
    }

    /// Reads once, until the running wait ends, or `grace` on an idle connection.
    pub(super) async fn fill(&mut self, grace: Option<Instant>) -> Result<(), Ended> {
        poll_fn(|cx| {
            if let Poll::Ready(filled) = self.poll_fill(cx) {
                return Poll::Ready(filled);
            }
            let idle_end = grace.filter(|_| self.connection.is_idle());
            let wait_end = self.connection.deadline().map(|(_, at)| at);
            let at = [idle_end, wait_end].into_iter().flatten().min();
            ready!(self.deadline.poll(at, cx));
            if idle_end.is_some_and(|end| end <= now()) {
                self.connection.close(CloseReason::Shutdown);
                return Poll::Ready(Ok(()));
            }
            Poll::Ready(match self.connection.expire(now()) {
                Ok(()) => Ok(()),
                Err(error) => self.refuse_now(error),
            })
        })
        .await
    }

    /// One request, its answer, and what was left of its content.
    async fn exchange<V, B>(&mut self, received: Received, service: &mut V) -> Result<(), Ended>
    where
        V: Service<Request<Body>, Response = Response<B>>,
        V::Error: Into<BoxError>,
        B: http_body::Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        let request = match received.request {
            _ if received.unknown_expectation => {
                return self.answer(StatusCode::EXPECTATION_FAILED, "only the expectation 100-continue is known").await;
            }
            Err(error) => return self.answer(StatusCode::BAD_REQUEST, &error.to_string()).await,
            Ok(request) => request,
        };
        let mut request = request.map(|()| self.content());
        request.extensions_mut().insert(self.info());
        let upgrade = received.upgrade.then(|| upgrade::offer(&mut request));

        let ready = poll_fn(|cx| self.poll_with_content(cx, |cx| service.poll_ready(cx).map_err(Into::into))).await?;
        let response: Result<_, BoxError> = match ready {
            Ok(()) => {
                let mut future = pin!(service.call(request));
                poll_fn(|cx| self.poll_with_content(cx, |cx| future.as_mut().poll(cx).map_err(Into::into))).await?
            }
            Err(error) => Err(error),
        };
        let response = match response {
            Ok(response) => response,
            Err(error) => {
                tracing::error!(connection = self.tap.id, %error, "the service failed");
                self.connection.close_after_current(CloseReason::ApplicationFailed);
                return self.answer(StatusCode::INTERNAL_SERVER_ERROR, "the service failed").await;
            }
        };
        self.respond(response).await?;
        if self.connection.directive() == Directive::HandOver {
            poll_fn(|cx| self.poll_flush(cx)).await?;
            self.upgrade = upgrade;
            return Ok(());
        }
        self.finish_request().await?;
        self.quiet_since = now();
        Ok(())
    }

    fn info(&self) -> ConnectionInfo {
        let now = now();
        ConnectionInfo {
            id: self.tap.id,
            request: self.connection.exchanges() + 1,
            peer: self.peer,
            local: self.local,
            age: now - self.opened,
            idle: now - self.quiet_since,
        }
    }

    /// Writes what is queued. A peer that reads nothing for too long loses its connection.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Ended>> {
        let before = self.transport.sent();
        if let Poll::Ready(flushed) = self.transport.poll_flush(cx) {
            self.stalled_since = None;
            return Poll::Ready(flushed.map_err(|e| Ended(broken(&e))));
        }
        if self.transport.sent() > before {
            self.stalled_since = None;
        }
        let since = *self.stalled_since.get_or_insert_with(now);
        let end = self.connection.config().timeouts.send.and_then(|limit| since.checked_add(limit));
        ready!(self.deadline.poll(end, cx));
        Poll::Ready(Err(Ended(CloseReason::TimedOut)))
    }

    pub(super) fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Ended>> {
        let content = self.connection.is_receiving_content();
        match ready!(self.transport.poll_fill(content, cx)) {
            Ok(0) => Poll::Ready(match self.connection.receive_eof() {
                Ok(_) => Ok(()),
                Err(error) if self.feed.is_some() => self.fail_content(error),
                Err(error) => self.refuse_now(error),
            }),
            Ok(_) => Poll::Ready(Ok(())),
            Err(e) => Poll::Ready(Err(Ended(broken(&e)))),
        }
    }

    /// Answers a request that cannot be read, and closes.
    async fn refuse(&mut self, error: ProtocolError) -> Result<(), Ended> {
        self.refuse_now(error)?;
        poll_fn(|cx| self.poll_flush(cx)).await
    }

    fn refuse_now(&mut self, error: ProtocolError) -> Result<(), Ended> {
        tracing::debug!(connection = self.tap.id, %error, "refused");
        if error.kind() == ErrorKind::IncompleteHead || self.connection.is_sending() {
            // The client stopped by itself, or the answer is under way: a status would help nobody.
            self.connection.close(CloseReason::PeerFin);
            return Ok(());
        }
        self.queue_answer(error.status(), &error.to_string())
    }
}

/// Why reading or writing failed.
pub(super) fn broken(error: &io::Error) -> CloseReason {
    use io::ErrorKind as K;
    match error.kind() {
        K::ConnectionReset | K::BrokenPipe | K::ConnectionAborted => CloseReason::PeerReset,
        K::UnexpectedEof => CloseReason::PeerFin,
        _ => CloseReason::Transport,
    }
}
