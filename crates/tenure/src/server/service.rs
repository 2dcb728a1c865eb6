//! The engine for a `tower` service: one request at a time, its content on demand.

use std::future::{Future as _, poll_fn};
use std::pin::pin;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use tenure_proto::{CloseReason, Directive};
use tower_service::Service;
use tracing::Instrument as _;

use super::drive::{Drive, Ended, Engine};
use super::handling::{Clock, TooLate};
use super::request::{Received, Step, step};
use super::stream::Stream;
use super::upgrade;
use crate::io::now;
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
    async fn turn(&mut self, drive: &mut Drive<S>) -> Result<(), Ended> {
        match step(&mut drive.connection, &mut drive.transport, now()) {
            Ok(Step::Request(received)) => {
                let span = drive.begin(&received);
                drive.exchange(received, &mut self.0).instrument(span).await?;
                drive.observed.complete();
                Ok(())
            }
            Ok(Step::NeedInput) => drive.wait_for_request().await,
            Ok(Step::Paused | Step::Closed | Step::Content(_) | Step::End(_)) => Ok(()),
            Err(error) => drive.refuse(error).await,
        }
    }
}

impl<S: Stream> Drive<S> {
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
        let info = self.info_for(request.headers());
        request.extensions_mut().insert(info);
        let upgrade = received.upgrade.then(|| upgrade::offer(&mut request));

        match self.call(request, service).await? {
            Ok(response) => self.respond(response).await?,
            Err(error) => match error.downcast_ref::<TooLate>() {
                Some(late) => self.answer_too_late(late).await?,
                None => {
                    tracing::error!(connection = self.id(), %error, "the service failed");
                    self.connection.close_after_current(CloseReason::ApplicationFailed);
                    return self.answer(StatusCode::INTERNAL_SERVER_ERROR, "the service failed").await;
                }
            },
        }
        if self.connection.directive() == Directive::HandOver {
            poll_fn(|cx| self.poll_flush(cx)).await?;
            self.upgrade = upgrade;
            return Ok(());
        }
        self.finish_request().await?;
        self.fell_quiet();
        Ok(())
    }

    /// Has the request handled, in its turn and its time.
    async fn call<V, B>(
        &mut self,
        request: Request<Body>,
        service: &mut V,
    ) -> Result<Result<Response<B>, BoxError>, Ended>
    where
        V: Service<Request<Body>, Response = Response<B>>,
        V::Error: Into<BoxError>,
    {
        let mut clock = Clock::start(self.shared.limits.handler);
        let _turn = match self.turn(&clock).await? {
            Ok(turn) => turn,
            Err(late) => return Ok(Err(late.into())),
        };
        if let Err(error) = self.within(&mut clock, |cx| service.poll_ready(cx).map_err(Into::into)).await? {
            return Ok(Err(error));
        }
        let mut future = pin!(service.call(request));
        self.within(&mut clock, |cx| future.as_mut().poll(cx).map_err(Into::into)).await
    }
}
