//! A connection, and the right to use it for one exchange.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use tenure_proto::{CloseReason, Connection, KeepAlive, Persistence};

use super::connect::Stream;
use super::origin::Origin;
use super::patience::Patience;
use super::pool::Id;
use super::shared::Shared;
use super::timing::Making;
use super::waiting::Place;
use crate::io::{Transport, now};
use crate::observe::{ConnectionInfo, ServerAddress, TlsFacts};
use crate::sys::Peek;

/// How often the runtime may look before bytes that it does not see retire a connection.
const LOOKS: usize = 16;

/// One connection and what is known about it.
pub(super) struct Pooled {
    pub(super) transport: Transport<Box<dyn Stream>>,
    pub(super) connection: Connection<tenure_proto::Client>,
    pub(super) id: Id,
    pub(super) peer: Option<SocketAddr>,
    pub(super) local: Option<SocketAddr>,
    pub(super) server: ServerAddress,
    pub(super) tls: Option<Arc<TlsFacts>>,
    pub(super) opened: Instant,
    /// How long making it took, until its first request was told.
    pub(super) making: Option<Making>,
    pub(super) quiet_since: Instant,
    /// What the last response said of the connection's future.
    pub(super) hint: Option<KeepAlive>,
    /// Why it is closed when its time in the pool is over.
    pub(super) leaves: CloseReason,
}

/// A connection in use. Dropped: kept for the next request if it is idle, else closed.
pub(super) struct Lease {
    pub(super) shared: Arc<Shared>,
    pub(super) origin: Origin,
    pub(super) pooled: Option<Pooled>,
}

impl Lease {
    /// The connection. There is one until the lease is given up.
    pub(super) fn pooled(&mut self) -> &mut Pooled {
        self.pooled.as_mut().expect("a lease holds its connection until it is dropped")
    }

    pub(super) fn info(&self) -> ConnectionInfo {
        let pooled = self.pooled.as_ref().expect("a lease holds its connection until it is dropped");
        let now = now();
        ConnectionInfo {
            id: pooled.id,
            request: pooled.connection.exchanges() + pooled.connection.outstanding() as u64 + 1,
            peer: pooled.peer,
            local: pooled.local,
            client: None,
            server: Some(pooled.server.clone()),
            age: now - pooled.opened,
            idle: now - pooled.quiet_since,
            tls: pooled.tls.clone(),
            pipelined: None,
        }
    }

    /// Looks whether the connection still lives: FIN, reset or stray bytes retire it.
    pub(super) async fn check(&mut self) -> Result<(), CloseReason> {
        let secure = self.origin.secure;
        let pooled = self.pooled();
        for _ in 0..LOOKS {
            let peek = pooled.transport.stream().peek().map_err(|_| CloseReason::PeerReset)?;
            match peek {
                Peek::Fin => return Err(CloseReason::PeerFin),
                Peek::Nothing if !secure => return Ok(()),
                Peek::Bytes if !secure => return Err(CloseReason::Unsolicited),
                Peek::Nothing | Peek::Bytes => {}
            }
            // Under TLS only reading tells: bytes may be a session ticket or the closure alert, and
            // content may wait inside the TLS layer.
            match poll_fn(|cx| Poll::Ready(pooled.transport.poll_fill(false, cx))).await {
                Poll::Ready(Ok(0)) => return Err(CloseReason::PeerFin),
                Poll::Ready(Ok(_)) => return Err(CloseReason::Unsolicited),
                Poll::Ready(Err(_)) => return Err(CloseReason::PeerReset),
                Poll::Pending if peek == Peek::Nothing => return Ok(()),
                // The runtime may not have heard of these bytes yet: let it look.
                Poll::Pending => tokio::task::yield_now().await,
            }
        }
        Err(CloseReason::Unsolicited)
    }

    /// Looks whether a connection between two exchanges still lives and has nothing to say.
    pub(super) async fn quiet(&mut self) -> Result<(), CloseReason> {
        let looked = match self.pooled().transport.unread() {
            [] => self.check().await,
            _ => Err(CloseReason::Unsolicited),
        };
        if let Err(why) = looked {
            self.pooled().connection.close(why);
        }
        looked
    }

    /// The server has answered: it keeps connections for as long as this one was idle.
    pub(super) fn survived(&self, info: &ConnectionInfo) {
        if info.is_reused() && Patience::is_lesson(info.idle) {
            self.shared.lock().patience.entry(self.origin.clone()).or_default().survived(info.idle, now());
        }
    }

    /// The server closed the connection while it was idle; its place is kept.
    pub(super) fn found_closed(self, why: CloseReason) -> Place {
        self.shared.found_closed(&self.origin, self.info().idle);
        self.into_place(why)
    }

    /// A server that sends answers to nothing is not trusted with a pipeline (RFC 9112 section 9.2).
    fn distrust(&self, why: CloseReason) {
        if let (CloseReason::Unsolicited, Some(pipeline)) = (why, &self.shared.pipeline) {
            pipeline.failed(&self.origin, why);
        }
    }

    /// Closes the connection and keeps its place.
    pub(super) fn into_place(mut self, why: CloseReason) -> Place {
        self.distrust(why);
        if let Some(pooled) = self.pooled.take() {
            self.shared.ended(pooled, why);
        }
        self.shared.place(&self.origin)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(pooled) = self.pooled.take() else { return };
        let clean = pooled.transport.unread().is_empty() && pooled.transport.is_flushed();
        let why = match pooled.connection.persistence() {
            Persistence::Close(why) => why,
            Persistence::Persist if !pooled.connection.is_idle() => CloseReason::Abandoned,
            Persistence::Persist if !clean => CloseReason::Unsolicited,
            Persistence::Persist if pooled.hint.is_some_and(|hint| hint.max == Some(0)) => CloseReason::Hint,
            Persistence::Persist => return self.shared.check_in(&self.origin, pooled),
        };
        self.distrust(why);
        self.shared.ended(pooled, why);
        self.shared.release(&self.origin);
    }
}
