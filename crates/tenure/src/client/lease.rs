//! A connection, and the right to use it for one exchange.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use tenure_proto::{CloseReason, Connection, KeepAlive, Persistence};

use super::learned::{Ended, Known};
use super::origin::Origin;
use super::pool::Id;
use super::shared::Shared;
use super::stream::Stream;
use super::time::now;
use super::timing::{Beginning, Course};
use super::watch::{self, Alarm};
use crate::io::{self, Transport};
use crate::observe::{ConnectionInfo, Making};
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
    /// What is told of the exchange that it carries, or of the last one.
    pub(super) course: Course,
    pub(super) opened: Instant,
    /// When it is too old for further requests.
    pub(super) old_at: Option<Instant>,
    /// How many requests it may carry.
    pub(super) carries: Option<u64>,
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
        self.was_idle = true;
    }

    /// The number of a request that begins now, the connection's age, and for how long it has been idle.
    fn facts(&self, now: Instant) -> (u64, Duration, Duration) {
        let request = self.connection.exchanges() + self.connection.outstanding() as u64 + 1;
        (request, now.saturating_duration_since(self.opened), now.saturating_duration_since(self.quiet_since))
    }

    /// How long making it took, if the request with this number is why it was made.
    pub(super) fn making(&mut self, request: u64) -> Option<Making> {
        if request == 1 && !self.was_idle { self.course.take_making() } else { None }
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
    /// Since when, by the pool's clock.
    pub(super) taken: Instant,
    /// And by the runtime's, where that was read already.
    pub(super) began: Option<Instant>,
    /// When its exchange has ended, if that is just now.
    pub(super) ended: Option<Instant>,
}

impl Lease {
    /// The connection. There is one until the lease is given up.
    pub(super) fn pooled(&mut self) -> &mut Pooled {
        self.pooled.as_mut().expect("a lease holds its connection until it is dropped")
    }

    fn held(&self) -> &Pooled {
        self.pooled.as_ref().expect("a lease holds its connection until it is dropped")
    }

    /// What is told of the exchange.
    pub(super) fn course(&self) -> &Course {
        &self.held().course
    }

    pub(super) fn course_mut(&mut self) -> &mut Course {
        &mut self.pooled().course
    }

    /// The request that was made at `called` begins: what is told of it.
    pub(super) fn begin(&mut self, called: Instant) {
        let now = self.taken;
        let began = self.began.unwrap_or_else(io::now);
        let pooled = self.pooled();
        let facts = pooled.facts(now);
        let making = pooled.making(facts.0);
        pooled.course.next(facts, Beginning { called, began, making });
    }

    /// What a request that begins now, by the pool's clock, is told of the connection.
    pub(super) fn info(&self, now: Instant) -> ConnectionInfo {
        let pooled = self.held();
        let (request, age, idle) = pooled.facts(now);
        ConnectionInfo { request, age, idle, pipelined: None, ..pooled.course.connection().clone() }
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

    /// Looks whether the connection, which was put away by [`Pooled::look`], still lives: FIN, reset or
    /// stray bytes retire it. The kernel is asked, since the runtime may not have heard of them yet;
    /// what the runtime has heard, or that it has ended, the alarm knows.
    pub(super) async fn check(&mut self) -> Result<(), CloseReason> {
        if !self.may_be_stale() {
            return Ok(());
        }
        let pooled = self.pooled();
        if pooled.origin.is_secure() || pooled.alarm.has_rung() {
            return self.examine().await;
        }
        match pooled.transport.stream().socket().peek() {
            Ok(Peek::Nothing) => Ok(()),
            Ok(Peek::Fin) => Err(CloseReason::PeerFin),
            Ok(Peek::Bytes) => Err(CloseReason::Unsolicited),
            Err(_) => Err(CloseReason::PeerReset),
        }
    }

    /// The same, whatever the alarm knows.
    async fn examine(&mut self) -> Result<(), CloseReason> {
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
            [] => self.examine().await,
            _ => Err(CloseReason::Unsolicited),
        };
        if let Err(why) = looked {
            self.pooled().connection.close(why);
        }
        looked
    }

    /// Nothing more is done with the connection: it is kept if it is idle, else closed.
    pub(super) fn give_back(&mut self) {
        let Some(pooled) = self.pooled.take() else { return };
        match pooled.persistence() {
            Persistence::Persist => self.shared.check_in(pooled, self.ended.unwrap_or_else(io::now)),
            Persistence::Close(why) => self.shared.retire(pooled, why),
        }
    }

    /// The server has answered: it keeps connections for as long as this one was idle, and for more
    /// requests than this one had carried.
    pub(super) fn survived(&self) {
        if self.may_be_stale() {
            let pooled = self.held();
            self.shared.survived(&pooled.origin, pooled.course.connection());
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.give_back();
    }
}
