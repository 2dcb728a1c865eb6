//! A connection, and the right to use it for one exchange.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use tenure_proto::{CloseReason, Connection, KeepAlive, Persistence};

use super::learned::{Ended, Known};
use super::origin::Origin;
use super::pool::Id;
use super::shared::Shared;
use super::stream::Stream;
use super::time::now;
use super::timing::Making;
use super::watch::{self, Alarm};
use crate::io::Transport;
use crate::observe::{ConnectionInfo, TlsFacts};
use crate::sys::Peek;

/// How often the runtime may look before bytes that it does not see retire a connection.
const LOOKS: usize = 16;

/// One connection and what is known about it.
pub(super) struct Pooled {
    pub(super) transport: Transport<Box<dyn Stream>>,
    pub(super) connection: Connection<tenure_proto::Client>,
    /// Rings when something comes on it while it is idle.
    pub(super) alarm: Arc<Alarm>,
    pub(super) origin: Origin,
    pub(super) id: Id,
    pub(super) peer: Option<SocketAddr>,
    pub(super) local: Option<SocketAddr>,
    pub(super) tls: Option<Arc<TlsFacts>>,
    pub(super) opened: Instant,
    /// When it is too old for further requests.
    pub(super) old_at: Option<Instant>,
    /// How many requests it may carry.
    pub(super) carries: Option<u64>,
    /// How long making it took, until its first request was told.
    pub(super) making: Option<Making>,
    pub(super) quiet_since: Instant,
    /// Exchanges when it fell quiet.
    pub(super) exchanges: u64,
    /// It has been in the pool, where its server may have closed it unseen.
    pub(super) was_idle: bool,
    /// What the last response said of the connection's future.
    pub(super) hint: Option<KeepAlive>,
}

impl Pooled {
    /// It persists, or why it does not.
    fn persistence(&self) -> Persistence {
        let clean = self.transport.unread().is_empty() && self.transport.is_flushed();
        match self.connection.persistence() {
            Persistence::Persist if !self.connection.is_idle() => Persistence::Close(CloseReason::Abandoned),
            Persistence::Persist if !clean => Persistence::Close(CloseReason::Unsolicited),
            Persistence::Persist if self.hint.is_some_and(|hint| hint.max == Some(0)) => {
                Persistence::Close(CloseReason::Hint)
            }
            decided => decided,
        }
    }

    /// Why it carries no further request after so many, if it does not: its age, or their number.
    pub(super) fn spent(&self, requests: u64, now: Instant) -> Option<CloseReason> {
        match self.old_at {
            _ if self.carries.is_some_and(|most| requests >= most) => Some(CloseReason::RequestLimit),
            Some(at) if at <= now => Some(CloseReason::Age),
            _ => None,
        }
    }

    /// It comes from among the idle ones.
    pub(super) const fn has_waited(&mut self) {
        (self.was_idle, self.making) = (true, None);
    }

    /// What its end teaches, if it ends now.
    pub(super) fn ended(&self, known: Known) -> Ended {
        let idle = now().saturating_duration_since(self.quiet_since);
        Ended { id: self.id, exchanges: self.exchanges, idle, known }
    }
}

/// A connection in use. Dropped: kept for the next request if it is idle, else closed.
pub(super) struct Lease {
    pub(super) shared: Arc<Shared>,
    pub(super) pooled: Option<Box<Pooled>>,
    /// Since when.
    pub(super) taken: Instant,
}

impl Lease {
    /// The connection. There is one until the lease is given up.
    pub(super) fn pooled(&mut self) -> &mut Pooled {
        self.pooled.as_mut().expect("a lease holds its connection until it is dropped")
    }

    fn held(&self) -> &Pooled {
        self.pooled.as_ref().expect("a lease holds its connection until it is dropped")
    }

    /// What a request that begins now is told of it.
    pub(super) fn info(&self, now: Instant) -> ConnectionInfo {
        let pooled = self.held();
        ConnectionInfo {
            id: pooled.id,
            request: pooled.connection.exchanges() + pooled.connection.outstanding() as u64 + 1,
            peer: pooled.peer,
            local: pooled.local,
            client: None,
            server: Some(pooled.origin.address().clone()),
            age: now.saturating_duration_since(pooled.opened),
            idle: now.saturating_duration_since(pooled.quiet_since),
            tls: pooled.tls.clone(),
            pipelined: None,
        }
    }

    /// The server did not ask for content that waited for 100 (Continue).
    pub(super) fn never_asked(&self) {
        self.shared.never_asked(&self.held().origin);
    }

    /// True if its server may have closed it for reasons that have nothing to do with the request:
    /// it has carried another one, or has waited for its first one in the pool.
    pub(super) fn may_be_stale(&self) -> bool {
        let pooled = self.held();
        pooled.was_idle || pooled.connection.exchanges() > 0
    }

    /// Looks whether the connection still lives: FIN, reset or stray bytes retire it. The kernel is
    /// asked, since the runtime may not have heard of them yet.
    pub(super) async fn check(&mut self) -> Result<(), CloseReason> {
        if !self.may_be_stale() {
            return Ok(());
        }
        let pooled = self.pooled();
        let is_secure = pooled.origin.is_secure();
        for _ in 0..LOOKS {
            let socket = pooled.transport.stream().socket();
            let peek = socket.peek().map_err(|_| CloseReason::PeerReset)?;
            match peek {
                Peek::Fin => return Err(CloseReason::PeerFin),
                Peek::Bytes if !is_secure => return Err(CloseReason::Unsolicited),
                Peek::Nothing if !is_secure && poll_fn(|cx| Poll::Ready(socket.poll_heard(cx))).await.is_pending() => {
                    return Ok(());
                }
                Peek::Nothing | Peek::Bytes => {}
            }
            // Under TLS only reading tells: bytes may be a session ticket or the closure alert, and
            // content may wait inside the TLS layer. And a socket whose runtime has ended says so.
            match poll_fn(|cx| Poll::Ready(pooled.transport.poll_fill(false, cx))).await {
                Poll::Ready(read) => return Err(watch::end(&read)),
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

    /// The server has answered: it keeps connections for as long as this one was idle, and for more
    /// requests than this one had carried.
    pub(super) fn survived(&self, info: &ConnectionInfo) {
        if self.may_be_stale() {
            self.shared.survived(&self.held().origin, info);
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(pooled) = self.pooled.take() else { return };
        match pooled.persistence() {
            Persistence::Persist => self.shared.check_in(pooled),
            Persistence::Close(why) => self.shared.retire(pooled, why),
        }
    }
}
