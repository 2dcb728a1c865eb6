//! The engine for a `tower` service: one request at a time, its content on demand.

use std::future::poll_fn;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use tenure_proto::{Directive, RequestHead};
use tower_service::Service;
use tracing::Instrument as _;

use super::drive::{Drive, Ended, Engine, Served, Turned};
use super::exchange::Exchange;
use super::handling::{Clock, Failure};
use super::request::{Received, Step, read_head, step};
use super::stream::Stream;
use super::upgrade;
use crate::io::known_fields::{self, Known, Peer};
use crate::{Body, BoxError};

/// A service, cloned for each connection.
#[derive(Clone)]
pub(super) struct ServiceEngine<V>(pub(super) V);

/// A service as the engine calls it.
trait HttpService:
    Service<Request<Body>, Response = Response<Self::Content>, Error: Into<BoxError>, Future: 'static> + 'static
{
    /// Its responses'.
    type Content: http_body::Body<Data = Bytes, Error: Into<BoxError>> + 'static;
}

impl<V, B> HttpService for V
where
    V: Service<Request<Body>, Response = Response<B>, Error: Into<BoxError>, Future: 'static> + 'static,
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>> + 'static,
{
    type Content = B;
}

impl<S, V> Engine<S> for ServiceEngine<V>
where
    S: Stream,
    V: HttpService<Future: Send, Content: Send> + Clone + Send,
{
    async fn turn(mut served: Box<Served<S, Self>>) -> Turned<S, Self> {
        let Served { drive, engine: Self(service) } = &mut *served;
        let next = match poll_fn(|cx| Poll::Ready(begin(drive, service, cx))).await {
            Begun::Exchange(mut exchange) => {
                let done = poll_fn(|cx| {
                    let _within = drive.observed.enter();
                    exchange.poll(drive, cx)
                });
                let done = done.await;
                end(drive, done, exchange)
            }
            Begun::Other(next) => next,
        };
        let turned = match next {
            Next::Step => Ok(()),
            Next::NeedInput => drive.wait_for_request().await,
            Next::Flush => poll_fn(|cx| drive.poll_flush(cx)).await,
            Next::Rare(rare) => Box::pin(act(drive, service, *rare)).await,
            Next::Ended(ended) => Err(ended),
        };
        (served, turned)
    }
}

/// What a step has come to.
enum Begun<F, B> {
    /// A request whose handler, or whose response, is not done.
    Exchange(Box<Exchange<F, B>>),
    Other(Next),
}

/// What the loop has to do next.
enum Next {
    /// Go on with what was received.
    Step,
    /// Wait for more.
    NeedInput,
    /// Write what is queued.
    Flush,
    /// What few exchanges need: in a box, and so are the futures, for which no connection keeps room.
    Rare(Box<Rare>),
    /// The connection has ended.
    Ended(Ended),
}

enum Rare {
    /// End an exchange at whose end something has to be waited for, or that has no response.
    End(Result<(), Failure>, Option<upgrade::Offer>),
    /// Wait until the request's handler may be called.
    Wait(Box<Request<Body>>, Option<upgrade::Offer>),
    /// Answer a request that no handler sees.
    Refuse(StatusCode, String),
}

impl<F, B> From<Rare> for Begun<F, B> {
    fn from(rare: Rare) -> Self {
        Self::Other(Next::Rare(Box::new(rare)))
    }
}

/// All that can be done without waiting; with luck a request and its whole response.
fn begin<S: Stream, V: HttpService>(
    drive: &mut Drive<S>,
    service: &mut V,
    cx: &mut Context<'_>,
) -> Begun<V::Future, V::Content> {
    let now = drive.take_time();
    let mut request = Request::new(Body::empty());
    let read =
        |head: &RequestHead<'_>, received: &[u8], known: &mut Known| read_head(head, received, known, &mut request);
    let (id, connection, transport) = (drive.id(), &mut drive.connection, &mut drive.transport);
    let received = match known_fields::with(Peer::Client(id), |known| step(connection, transport, now, known, read)) {
        Ok(Step::Request(received)) => received,
        Ok(Step::NeedInput) => return Begun::Other(Next::NeedInput),
        Ok(Step::Paused | Step::Closed | Step::Content(_) | Step::End(_)) => return Begun::Other(Next::Step),
        Err(error) => return Begun::Other(drive.refuse_now(error).map_or_else(Next::Ended, |()| Next::Flush)),
    };
    if received.readable.is_ok() {
        drive.begin(&request);
    } else {
        drive.begin_unread();
    }
    if let Some(refusal) = refusal(&received) {
        return refusal.into();
    }
    *request.body_mut() = drive.content();
    if drive.shared.tells_facts {
        let info = drive.asked().info_for(request.headers());
        request.extensions_mut().insert(info);
    }
    let upgrade = received.upgrade.then(|| upgrade::offer(&mut request));
    let _within = drive.observed.enter();
    if drive.shared.turns.is_some() {
        return Rare::Wait(Box::new(request), upgrade).into();
    }
    match service.poll_ready(cx) {
        Poll::Ready(Ok(())) => {}
        Poll::Ready(Err(error)) => return Rare::End(Err(Failure::of_service(error)), upgrade).into(),
        Poll::Pending => return Rare::Wait(Box::new(request), upgrade).into(),
    }
    let clock = Clock::start(drive.shared.limits.handler, now);
    let mut exchange = Exchange::begin(service.call(request), clock, None, upgrade);
    match exchange.poll(drive, cx) {
        Poll::Ready(done) => Begun::Other(end(drive, done, exchange)),
        Poll::Pending => Begun::Exchange(exchange),
    }
}

/// What is left to do at the end of an exchange.
fn end<S: Stream, F: 'static, B: 'static>(
    drive: &mut Drive<S>,
    done: Result<Result<(), Failure>, Ended>,
    exchange: Box<Exchange<F, B>>,
) -> Next {
    let upgrade = exchange.end();
    match done {
        Err(ended) => Next::Ended(ended),
        Ok(Ok(())) if drive.ends_at_once() => Next::Step,
        Ok(done) => Next::Rare(Box::new(Rare::End(done, upgrade))),
    }
}

/// Why no handler sees the request, if none does.
fn refusal(received: &Received) -> Option<Rare> {
    if received.unknown_expectation {
        let text = "only the expectation 100-continue is known".to_owned();
        return Some(Rare::Refuse(StatusCode::EXPECTATION_FAILED, text));
    }
    let error = received.readable.as_ref().err()?;
    Some(Rare::Refuse(StatusCode::BAD_REQUEST, error.to_string()))
}

/// Waits for what has to be waited for, within the exchange's span.
async fn act<S: Stream, V: HttpService>(drive: &mut Drive<S>, service: &mut V, rare: Rare) -> Result<(), Ended> {
    let span = drive.observed.span();
    let acted = async {
        match rare {
            Rare::Refuse(status, text) => {
                drive.answer(status, &text).await?;
                drive.observed.complete();
                Ok(())
            }
            Rare::End(done, upgrade) => drive.end_exchange(done, upgrade).await,
            Rare::Wait(request, upgrade) => wait(drive, service, *request, upgrade).await,
        }
    };
    acted.instrument(span).await
}

/// Waits for the request's turn and for the service, then for its response.
async fn wait<S: Stream, V: HttpService>(
    drive: &mut Drive<S>,
    service: &mut V,
    request: Request<Body>,
    upgrade: Option<upgrade::Offer>,
) -> Result<(), Ended> {
    let mut clock = Clock::start(drive.shared.limits.handler, drive.facts.stepped);
    let turn = match drive.admit(&mut clock, service).await? {
        Ok(turn) => turn,
        Err(failure) => return drive.end_exchange(Err(failure), upgrade).await,
    };
    let mut exchange = Exchange::begin(service.call(request), clock, turn, upgrade);
    let done = poll_fn(|cx| exchange.poll(drive, cx)).await;
    let upgrade = exchange.end();
    drive.end_exchange(done?, upgrade).await
}

impl<S: Stream> Drive<S> {
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

    /// Ends the exchange where something has to be waited for, or the handler gave no response.
    async fn end_exchange(&mut self, done: Result<(), Failure>, upgrade: Option<upgrade::Offer>) -> Result<(), Ended> {
        if let Err(failure) = done {
            self.answer_failed(failure).await?;
        }
        if self.connection.directive() == Directive::HandOver {
            poll_fn(|cx| self.poll_flush(cx)).await?;
            self.upgrade = upgrade.map(Box::new);
        } else {
            self.finish_request().await?;
            self.fell_quiet();
        }
        self.observed.complete();
        Ok(())
    }
}
