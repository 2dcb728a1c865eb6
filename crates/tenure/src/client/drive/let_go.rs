//! What becomes of an exchange that its caller has let go: a response whose rest nobody reads, a
//! request that was answered before it was sent. A small rest is cheaper than a new connection.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tenure_proto::Persistence;

use super::{Exchange, Step};

/// How much is done for a connection that could be used again.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Rest {
    /// Bytes, both ways together.
    pub(in super::super) bytes: u64,
    pub(in super::super) time: Duration,
}

impl Exchange {
    /// Goes on to the end if that is near, on a task of its own where it has to wait; else the
    /// connection is closed.
    pub(in super::super) fn let_go(mut self: Box<Self>) {
        let rest = self.lease.shared.rest;
        let persists = self.lease.pooled().connection.persistence() == Persistence::Persist;
        if self.is_over() || !persists || self.least_left() > rest.bytes {
            return;
        }
        let sending = self.content.is_some();
        let start = self.lease.pooled().transport.sent();
        let mut going = Going { exchange: self, received: 0, start, most: rest.bytes };
        // What has come already is taken here. The request's content is the caller's code: not in a drop.
        if !sending && Pin::new(&mut going).poll(&mut Context::from_waker(Waker::noop())).is_ready() {
            return;
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { tokio::time::timeout(rest.time, going).await });
        }
    }

    /// Nothing is left to be done: the connection is free.
    pub(in super::super) fn is_over(&mut self) -> bool {
        let pooled = self.lease.pooled();
        pooled.connection.is_idle() && pooled.transport.is_flushed()
    }

    /// Bytes to come and to go, as far as their number is known.
    fn least_left(&mut self) -> u64 {
        self.content_left().unwrap_or(0).saturating_add(self.owed.unwrap_or(0))
    }
}

/// An exchange on its way to its end.
struct Going {
    exchange: Box<Exchange>,
    received: u64,
    /// Bytes sent on the connection before.
    start: u64,
    most: u64,
}

impl Future for Going {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Self { exchange, received, start, most } = &mut *self;
        loop {
            let step = exchange.poll_step(cx);
            let sent = exchange.lease.pooled().transport.sent() - *start;
            if exchange.is_over() || *received + sent > *most {
                return Poll::Ready(());
            }
            match step {
                Poll::Ready(Ok(Step::Frame(frame))) => {
                    *received += frame.data_ref().map_or(0, |data| data.len() as u64);
                }
                // The response is whole, the request is not.
                Poll::Ready(Ok(Step::End)) if exchange.write_error.is_none() => return Poll::Pending,
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}
