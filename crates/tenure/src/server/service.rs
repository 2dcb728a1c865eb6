//! The engine for a `tower` service: one request at a time, its content on demand.

use std::future::{Future as _, poll_fn};
use std::pin::pin;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use tenure_proto::{CloseReason, Directive};
use tower_service::Service;
use tracing::Instrument as _;

use super::drive::{Drive, Ended, Engine};
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
                drive.exchange(*received, &mut self.0).instrument(span).await?;
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
        self.fell_quiet();
        Ok(())
    }
}
