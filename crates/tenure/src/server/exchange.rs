//! One request on its way through its handler, and its response on the way out.
//!
//! It lies in memory of its own, which the next exchange on the same thread takes over: what it
//! holds is large (the handler's future, its response's content), and a connection that waits for a
//! request needs none of it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::Response;
use tokio::sync::OwnedSemaphorePermit;

use super::berth;
use super::drive::{Drive, Ended};
use super::handling::{Clock, Failure, TooLate};
use super::respond::Outgoing;
use super::stream::Stream;
use super::upgrade;
use crate::BoxError;

/// The handler's future `F` while there is one, then its response's content `B`.
pub(super) struct Exchange<F, B> {
    handling: Pin<Box<Option<F>>>,
    body: Pin<Box<Option<B>>>,
    content: Outgoing,
    clock: Clock,
    /// Its turn among those that may be handled at once.
    turn: Option<OwnedSemaphorePermit>,
    /// Who waits for the connection, if it is handed over.
    upgrade: Option<upgrade::Offer>,
}

impl<F, B> Default for Exchange<F, B> {
    fn default() -> Self {
        Self {
            handling: Box::pin(None),
            body: Box::pin(None),
            content: Outgoing::default(),
            clock: Clock::default(),
            turn: None,
            upgrade: None,
        }
    }
}

impl<F: 'static, B: 'static> Exchange<F, B> {
    /// The handler was called, and `handling` is to be polled.
    #[inline]
    pub(super) fn begin(
        handling: F,
        clock: Clock,
        turn: Option<OwnedSemaphorePermit>,
        upgrade: Option<upgrade::Offer>,
    ) -> Box<Self> {
        let mut exchange: Box<Self> = berth::take();
        exchange.handling.set(Some(handling));
        (exchange.clock, exchange.turn, exchange.upgrade) = (clock, turn, upgrade);
        exchange
    }

    /// Lets go of all it holds, for the next one to take its memory.
    #[inline]
    pub(super) fn end(mut self: Box<Self>) -> Option<upgrade::Offer> {
        self.handling.set(None);
        self.body.set(None);
        self.content.clear();
        self.turn = None;
        let upgrade = self.upgrade.take();
        berth::keep(self);
        upgrade
    }
}

impl<F, B, E> Exchange<F, B>
where
    F: Future<Output = Result<Response<B>, E>>,
    E: Into<BoxError>,
    B: http_body::Body<Data = Bytes> + 'static,
    B::Error: Into<BoxError>,
{
    /// Ready when the response is queued, or none can be had from the handler.
    #[inline]
    pub(super) fn poll<S: Stream>(
        &mut self,
        drive: &mut Drive<S>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Result<(), Failure>, Ended>> {
        if let Some(mut handling) = self.handling.as_mut().as_pin_mut() {
            let handled = loop {
                if let Poll::Ready(handled) = handling.as_mut().poll(cx) {
                    break handled;
                }
                let Poll::Ready(fed) = drive.poll_beside(cx) else {
                    ready!(drive.deadline.poll(self.clock.follow(drive.awaits_content), cx));
                    return Poll::Ready(Ok(Err(Failure::Late(TooLate::Handler))));
                };
                fed?;
            };
            self.handling.set(None);
            self.turn = None;
            let (parts, body) = match handled {
                Ok(response) => response.into_parts(),
                Err(error) => return Poll::Ready(Ok(Err(Failure::of_service(error)))),
            };
            self.body.set(Some(body));
            let Some(body) = self.body.as_mut().as_pin_mut() else { return Poll::Ready(Ok(Ok(()))) };
            if !drive.queue_head(parts, body, &mut self.content, cx)? {
                return Poll::Ready(Ok(Ok(())));
            }
        }
        let Some(body) = self.body.as_mut().as_pin_mut() else { return Poll::Ready(Ok(Ok(()))) };
        drive.poll_send(body, &mut self.content, cx).map_ok(Ok)
    }
}
