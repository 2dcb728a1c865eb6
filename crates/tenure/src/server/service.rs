//! The engine for a `tower` service: one request at a time, its content on demand.

use std::future::{Future as _, poll_fn};
use std::pin::pin;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use tenure_proto::{CloseReason, Directive};
use tokio::sync::OwnedSemaphorePermit;
use tower_service::Service;
use tracing::{Instrument as _, Span};

use super::berth::Berth;
use super::drive::{Drive, Ended, Engine, Served, Turned};
use super::handling::{Clock, TooLate};
use super::request::{Step, step};
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
    let next = match step(&mut drive.connection, &mut drive.transport, now) {
        Ok(Step::Request(received)) => {
            let span = drive.begin(&received);
            let refuse = |span, status, text| Next::Answer(Box::new(Refusal { span, status, text }));
            match received.request {
                _ if received.unknown_expectation => {
                    let text = "only the expectation 100-continue is known".to_owned();
                    refuse(span, StatusCode::EXPECTATION_FAILED, text)
                }
                Err(error) => refuse(span, StatusCode::BAD_REQUEST, error.to_string()),
                Ok(request) => {
                    let mut request = request.map(|()| drive.content());
                    if drive.shared.tells_facts {
                        let info = drive.asked().info_for(request.headers());
                        request.extensions_mut().insert(info);
                    }
                    let upgrade = received.upgrade.then(|| upgrade::offer(&mut request));
                    return Begun::Exchange(Berth::new(span, || exchange(served, request, upgrade)));
                }
            }
        }
        Ok(Step::NeedInput) => Next::NeedInput,
        Ok(Step::Paused | Step::Closed | Step::Content(_) | Step::End(_)) => Next::Step,
        Err(error) => drive.refuse_now(error).map_or_else(Next::Ended, |()| Next::Flush),
    };
    Begun::Other(served, next)
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
        let mut clock = Clock::start(drive.shared.limits.handler);
        let done = match drive.admit(&mut clock, service).await {
            Ok(Ok(turn)) => {
                let response = {
                    let _turn = turn;
                    let mut handling = pin!(service.call(request));
                    drive.within(&mut clock, |cx| handling.as_mut().poll(cx).map_err(Into::into)).await
                };
                match response {
                    Ok(Ok(response)) => drive.respond(response).await,
                    Ok(Err(error)) => Box::pin(drive.answer_failed(error)).await,
                    Err(ended) => Err(ended),
                }
            }
            Ok(Err(error)) => Box::pin(drive.answer_failed(error)).await,
            Err(ended) => Err(ended),
        };
        let done = match done {
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

    /// The answer is queued.
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
    async fn answer_failed(&mut self, error: BoxError) -> Result<(), Ended> {
        if let Some(late) = error.downcast_ref::<TooLate>() {
            return self.answer_too_late(late).await;
        }
        tracing::error!(connection = self.id(), %error, "the service failed");
        self.connection.close_after_current(CloseReason::ApplicationFailed);
        self.answer(StatusCode::INTERNAL_SERVER_ERROR, "the service failed").await
    }

    /// Waits for the request's turn, and for the service.
    async fn admit<V: Service<Request<Body>, Error: Into<BoxError>>>(
        &mut self,
        clock: &mut Clock,
        service: &mut V,
    ) -> Result<Result<Option<OwnedSemaphorePermit>, BoxError>, Ended> {
        let turn = match self.turn(clock).await? {
            Ok(turn) => turn,
            Err(late) => return Ok(Err(late.into())),
        };
        let ready = self.within(clock, |cx| service.poll_ready(cx).map_err(Into::into)).await?;
        Ok(ready.map(|()| turn))
    }
}
