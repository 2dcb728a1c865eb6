//! The engine for a `tower` service: one request at a time, its content on demand.

use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use tenure_proto::{CloseReason, Directive, RequestHead};
use tokio::sync::OwnedSemaphorePermit;
use tower_service::Service;
use tracing::{Instrument as _, Span};

use super::berth::Berth;
use super::drive::{Drive, Ended, Engine, Served, Turned};
use super::handling::{Clock, Failure, TooLate};
use super::request::{Received, Step, read_head, step};
use super::stream::Stream;
use super::upgrade;
use crate::{Body, BoxError};

/// A service, cloned for each connection.
#[derive(Clone)]
pub(super) struct ServiceEngine<V>(pub(super) V);

impl<S, V, B> Engine<S> for ServiceEngine<V>
where
    S: Stream,
    V: Service<Request<Body>, Response = Response<B>> + Clone + Send + 'static,
    V::Future: Send,
    V::Error: Into<BoxError>,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    async fn turn(served: Box<Served<S, Self>>) -> Turned<S, Self> {
        let (mut served, next) = match begin(served) {
            Begun::Exchange(exchange) => return exchange.await,
            Begun::Other(served, next) => (served, next),
        };
        let drive = &mut served.drive;
        let turned = match next {
            Next::Step => Ok(()),
            Next::NeedInput => drive.wait_for_request().await,
            Next::Flush => poll_fn(|cx| drive.poll_flush(cx)).await,
            Next::Answer(answer) => Box::pin(drive.refuse_request(*answer)).await,
            Next::Ended(ended) => Err(ended),
        };
        (served, turned)
    }
}

/// What a step has come to.
enum Begun<S: Stream, E, F> {
    /// A request, which the handler is to answer.
    Exchange(Berth<F>),
    Other(Box<Served<S, E>>, Next),
}

/// Anything but a request for the handler.
enum Next {
    /// Go on with what was received.
    Step,
    /// Wait for more.
    NeedInput,
    /// Write what is queued.
    Flush,
    /// Answer a request that no handler sees.
    Answer(Box<Refusal>),
    /// The connection has ended.
    Ended(Ended),
}

struct Refusal {
    span: Span,
    status: StatusCode,
    text: String,
}

/// All that can be done without waiting.
fn begin<S, V, B>(
    mut served: Box<Served<S, ServiceEngine<V>>>,
) -> Begun<S, ServiceEngine<V>, impl Future<Output = Turned<S, ServiceEngine<V>>> + Send>
where
    S: Stream,
    V: Service<Request<Body>, Response = Response<B>> + Send + 'static,
    V::Future: Send,
    V::Error: Into<BoxError>,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let drive = &mut served.drive;
    let now = drive.take_time();
    let mut request = Request::new(Body::empty());
    let read = |head: &RequestHead<'_>, received: &[u8]| read_head(head, received, &mut request);
    let next = match step(&mut drive.connection, &mut drive.transport, now, read) {
        Ok(Step::Request(received)) => {
            let span = if received.readable.is_ok() { drive.begin(&request) } else { drive.begin_unread() };
            if let Some((status, text)) = refusal(&received) {
                Next::Answer(Box::new(Refusal { span, status, text }))
            } else {
                *request.body_mut() = drive.content();
                if drive.shared.tells_facts {
                    let info = drive.asked().info_for(request.headers());
                    request.extensions_mut().insert(info);
                }
                let upgrade = received.upgrade.then(|| upgrade::offer(&mut request));
                return Begun::Exchange(Berth::new(span, || exchange(served, request, upgrade)));
            }
        }
        Ok(Step::NeedInput) => Next::NeedInput,
        Ok(Step::Paused | Step::Closed | Step::Content(_) | Step::End(_)) => Next::Step,
        Err(error) => drive.refuse_now(error).map_or_else(Next::Ended, |()| Next::Flush),
    };
    Begun::Other(served, next)
}

/// Why no handler sees the request, if none does.
fn refusal(received: &Received) -> Option<(StatusCode, String)> {
    if received.unknown_expectation {
        let text = "only the expectation 100-continue is known".to_owned();
        return Some((StatusCode::EXPECTATION_FAILED, text));
    }
    received.readable.as_ref().err().map(|error| (StatusCode::BAD_REQUEST, error.to_string()))
}

/// One request, its answer, and what was left of its content. On one level: each further one would
/// hold the request once more.
#[expect(clippy::manual_async_fn, reason = "an async fn would keep its arguments twice")]
fn exchange<S, V, B>(
    mut served: Box<Served<S, ServiceEngine<V>>>,
    request: Request<Body>,
    upgrade: Option<upgrade::Offer>,
) -> impl Future<Output = Turned<S, ServiceEngine<V>>> + Send
where
    S: Stream,
    V: Service<Request<Body>, Response = Response<B>> + Send + 'static,
    V::Future: Send,
    V::Error: Into<BoxError>,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    async move {
        let Served { drive, engine: ServiceEngine(service) } = &mut *served;
        let mut clock = Clock::start(drive.shared.limits.handler, drive.facts.stepped);
        let done = match drive.admit(&mut clock, service).await {
            Ok(Ok(turn)) => {
                // What it is until the handler has answered. It lies here from the beginning: it is
                // too large to be passed on from hand to hand.
                let mut response = Err(Failure::Late(TooLate::Handler));
                let handled = {
                    let _turn = turn;
                    let mut handling = pin!(service.call(request));
                    let work = |cx: &mut Context<'_>| {
                        match ready!(handling.as_mut().poll(cx)) {
                            Ok(answer) => response = Ok(answer),
                            Err(error) => response = Err(Failure::of_service(error)),
                        }
                        Poll::Ready(())
                    };
                    drive.within(&mut clock, work).await
                };
                match handled {
                    Ok(()) => match response {
                        Ok(response) => drive.respond(response).await,
                        Err(failure) => Box::pin(drive.answer_failed(failure)).await,
                    },
                    Err(ended) => Err(ended),
                }
            }
            Ok(Err(failure)) => Box::pin(drive.answer_failed(failure)).await,
            Err(ended) => Err(ended),
        };
        let done = match done {
            Ok(()) if drive.ends_at_once() => Ok(()),
            Ok(()) => drive.end_exchange(upgrade).await,
            Err(ended) => Err(ended),
        };
        (served, done)
    }
}

impl<S: Stream> Drive<S> {
    async fn refuse_request(&mut self, Refusal { span, status, text }: Refusal) -> Result<(), Ended> {
        self.answer(status, &text).instrument(span).await?;
        self.observed.complete();
        Ok(())
    }

    /// The answer is queued. Ends the exchange if nothing has to be waited for.
    fn ends_at_once(&mut self) -> bool {
        let at_once = self.connection.directive() != Directive::HandOver && !self.has_rest();
        if at_once {
            self.feed = None;
            self.fell_quiet();
            self.observed.complete();
        }
        at_once
    }

    /// Ends the exchange where something has.
    async fn end_exchange(&mut self, upgrade: Option<upgrade::Offer>) -> Result<(), Ended> {
        if self.connection.directive() == Directive::HandOver {
            poll_fn(|cx| self.poll_flush(cx)).await?;
            self.upgrade = upgrade;
        } else {
            self.finish_request().await?;
            self.fell_quiet();
        }
        self.observed.complete();
        Ok(())
    }

    /// The handler gave no response.
    async fn answer_failed(&mut self, failure: Failure) -> Result<(), Ended> {
        let error = match failure {
            Failure::Late(late) => return self.answer_too_late(&late).await,
            Failure::Service(error) => error,
        };
        tracing::error!(connection = self.id(), %error, "the service failed");
        self.connection.close_after_current(CloseReason::ApplicationFailed);
        self.answer(StatusCode::INTERNAL_SERVER_ERROR, "the service failed").await
    }

    /// Waits for the request's turn, and for the service.
    async fn admit<V: Service<Request<Body>, Error: Into<BoxError>>>(
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
        let mut ready = Err(Failure::Late(TooLate::Handler));
        let work = |cx: &mut Context<'_>| service.poll_ready(cx).map(|done| ready = done.map_err(Failure::of_service));
        self.within(clock, work).await?;
        Ok(ready.map(|()| turn))
    }
}
