//! The client: a pool of connections per origin, one exchange at a time on each unless it pipelines.

mod addresses;
mod builder;
mod connect;
mod connecting;
mod drive;
mod evidence;
mod eyeballs;
mod give_back;
mod interim;
mod keeper;
mod learned;
mod lease;
mod lessons;
mod names;
mod origin;
mod patience;
mod pipeline;
mod pool;
mod request;
mod response;
mod shared;
mod snapshot;
mod spread;
mod stamina;
mod stream;
mod time;
mod timing;
mod waiting;
mod watch;

#[cfg(feature = "tls")]
mod tls;
#[cfg(not(feature = "tls"))]
#[path = "tls_off.rs"]
mod tls;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response, StatusCode, Uri};
use tenure_proto::{Attempt, Verdict};
use tower_service::Service;
use tracing::Span;
use tracing::field::Empty;

use crate::error::{Error, Kind};
use crate::observe::{ConnectionInfo, is_traced};
use crate::{Body, Fate};
use drive::Exchange;
use learned::{Ended, Known};
use pipeline::Outcome;
use request::Prepared;
use shared::{Need, Shared};

pub use crate::observe::Timing;
pub use builder::Builder;
pub use interim::OnInterim;
pub use names::{Resolve, Resolving};
pub use pipeline::Pipelining;
pub use response::ResponseExt;
pub use snapshot::{IdleConnection, OriginSnapshot, PoolSnapshot};

/// A client whose requests share persistent connections. Clones share them too.
///
/// It avoids the race with a server's idle timeout: `Keep-Alive: timeout` and `max` are honoured
/// with a margin, and a request that cannot be repeated (a POST without `Idempotency-Key`) goes out
/// on a connection that was idle only for so long as this server is known to wait: as announced,
/// else as seen, else less than 2 s.
///
/// A request is sent as HTTP/1.1, or as HTTP/1.0 with `Connection: keep-alive` if its version says
/// so. [`ResponseExt`] tells of each response on which connection it came and where its time went.
/// A connection is used again once its response was read to the end; of one that was dropped a
/// small rest is read in the background ([`Builder::drain`]).
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

impl Default for Client {
    fn default() -> Self {
        Self::new()
    }
}

impl Client {
    /// A client with default settings.
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// A client with settings.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// GETs `uri`, which must be absolute.
    ///
    /// # Errors
    /// The URI is no absolute http or https URI, or [`Client::request`] failed.
    pub async fn get<U>(&self, uri: U) -> Result<Response<Body>, Error>
    where
        U: TryInto<Uri>,
        U::Error: Into<http::Error>,
    {
        let wrong = |error: http::Error| Error::new(Kind::Request(error.into()), Fate::NotSent);
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = uri.try_into().map_err(|error| wrong(error.into()))?;
        self.request(request).await
    }

    /// Sends a request to the origin of its URI and returns the final response as soon as its
    /// head is there, even while the request's content is still being sent.
    ///
    /// A request that failed on a reused connection is sent once more on a fresh one if it is
    /// idempotent or certainly was not processed, and its content can be had again
    /// (RFC 9112 section 9.3.1).
    ///
    /// # Errors
    /// With what is known about the request's fate: [`Error::fate`].
    pub async fn request(&self, request: Request<Body>) -> Result<Response<Body>, Error> {
        let (parts, mut body) = request.into_parts();
        let (origin, version) = request::origin_and_version(&parts, &self.shared.origins)?;
        let mut prepared = Prepared::new(parts, origin, version, self.shared.request_timeout);
        self.expect(&mut prepared, &body);
        let method = prepared.class;
        let mut first: Option<Fate> = None;
        // The first attempt is made now.
        let mut at = Some(prepared.called);
        if let Some(pipeline) = &self.shared.pipeline
            && pipeline::suits(&prepared, &body)
        {
            let whole = Arc::new(prepared);
            match pipeline.request(&self.shared, &whole).await {
                Outcome::Done(result) => return result,
                Outcome::Alone(fate) => (first, at) = (fate, None),
            }
            prepared = Arc::unwrap_or_clone(whole);
        }
        loop {
            let replay = body.replay();
            // What became of the first attempt is known of the request, whatever the second one meets.
            let both = |error: Error| match first {
                Some(first) => error.after(first),
                None => error,
            };
            let need = match method.is_idempotent() {
                _ if first.is_some() => Need::Fresh,
                true => Need::Alive,
                false => Need::Settled,
            };
            let mut lease = self.shared.lease(&prepared.origin, need, prepared.until, at.take()).await.map_err(both)?;
            lease.begin(prepared.called);
            let info = lease.course().connection();
            let lesson = Ended { id: info.id, exchanges: info.request - 1, idle: info.idle, known: Known::Later };
            let reused = lease.may_be_stale();
            let repeats_408 = reused && first.is_none() && method.is_idempotent();
            let span = span(&prepared, Some(info));
            let mut exchange = Exchange::new(lease, &prepared, body);
            let fate = match exchange.response(&prepared, &span).await {
                Ok(head) => {
                    let status = head.status();
                    span.record("http.response.status_code", status.as_u16());
                    let entered = span.enter();
                    let timing = exchange.timing();
                    let content = match exchange.take_whole() {
                        // The connection is free from here on.
                        Some(whole) if exchange.give_back() => whole.into(),
                        whole => response::content(whole, exchange),
                    };
                    drop(entered);
                    let response = head.map(|()| content.told(timing));
                    match replay {
                        // The server gave the connection up before this request came (RFC 9110 section 15.5.9).
                        Some(again) if repeats_408 && status == StatusCode::REQUEST_TIMEOUT => {
                            body = again;
                            Fate::Refused
                        }
                        // RFC 9110 section 10.1.1: to be repeated without the expectation.
                        Some(again) if prepared.is_guarded && status == StatusCode::EXPECTATION_FAILED => {
                            body = again;
                            prepared.unguard();
                            continue;
                        }
                        _ => return Ok(response),
                    }
                }
                Err(error) => {
                    drop(exchange);
                    let fate = error.fate();
                    if reused && error.lost_connection() && fate != Fate::AnsweredInPart {
                        self.shared.found_closed(&prepared.origin, lesson);
                    }
                    let earlier = first.is_some().into();
                    let attempt = Attempt { method, reused, replayable: replay.is_some(), earlier, fate };
                    match (attempt.verdict(), replay) {
                        (Verdict::Retry, Some(again)) if error.lost_connection() => body = again,
                        _ => return Err(both(error)),
                    }
                    fate
                }
            };
            self.shared.repeated(fate);
            first = Some(fate);
        }
    }

    /// Whether the content waits for 100 (Continue): not where a server is known never to ask for it.
    fn expect(&self, prepared: &mut Prepared, body: &Body) {
        if prepared.expects_continue {
            prepared.waits_to_be_asked = !self.shared.never_asks(&prepared.origin);
        } else if prepared.wants_guard(body, self.shared.expect_above) && !self.shared.never_asks(&prepared.origin) {
            prepared.guard();
        }
    }

    /// Makes connections to the origin of `uri` in advance, until `count` of them are idle, as far as
    /// the limits of the pool allow. How many were made: they stay idle for as long as any other does.
    ///
    /// # Errors
    /// The URI is no absolute http or https URI, or a connection could not be made; others may have been.
    pub async fn preconnect<U>(&self, uri: U, count: usize) -> Result<usize, Error>
    where
        U: TryInto<Uri>,
        U::Error: Into<http::Error>,
    {
        let wrong = |error| Error::new(Kind::Request(error), Fate::NotSent);
        let uri = uri.try_into().map_err(|error| wrong(error.into().into()))?;
        self.shared.preconnect(&self.shared.origins.of(&uri).map_err(wrong)?, count).await
    }

    /// What the pool holds at this moment, and what it has learned of the servers.
    pub fn pool(&self) -> PoolSnapshot {
        self.shared.snapshot()
    }

    /// Closes every idle connection now. Connections in use end with their exchange as usual.
    pub fn close_idle(&self) {
        self.shared.close_idle();
    }
}

impl Service<Request<Body>> for Client {
    type Response = Response<Body>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let client = self.clone();
        Box::pin(async move {
            let mut response = client.request(request).await?;
            // The layers around it may change the body's type.
            if let Some(timing) = response.body().timing().cloned() {
                response.extensions_mut().insert(timing);
            }
            Ok(response)
        })
    }
}

/// One attempt, to the head of its response. The names are OpenTelemetry's, but for the connection's
/// number, the request's number on it, and the pipeline. In a pipeline the connection is known at the end.
fn span(prepared: &Prepared, info: Option<&ConnectionInfo>) -> Span {
    if !is_traced() {
        return Span::none();
    }
    tracing::info_span!(
        "http.client.request",
        connection = info.map(|info| info.id),
        request = info.map(|info| info.request),
        http.request.method = %prepared.method,
        server.address = prepared.origin.host(),
        server.port = prepared.origin.port(),
        http.response.status_code = Empty,
        network.peer.address = info.and_then(|info| info.peer).map(|peer| tracing::field::display(peer.ip())),
        pipeline.depth = Empty,
        pipeline.waited = Empty,
    )
}
