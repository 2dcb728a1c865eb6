//! The pool with its connections: what `pool` decides is done here, outside of the lock.

use std::collections::HashMap;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use tenure_proto::{CloseReason, Config, Connection, Persistence};
use tokio::sync::oneshot;

use super::Builder;
use super::connect::{Stream, connect};
use super::origin::Origin;
use super::pool::{CheckIn, Checkout, Id, Pool, Ticket};
use super::tls::Tls;
use crate::error::Error;
use crate::io::{Tap, Transport, now};
use crate::observe::{ConnectionInfo, Observer, Opened};
use crate::sys::Peek;

/// How often the runtime may look before bytes that it does not see retire a connection.
const LOOKS: usize = 16;

/// What all clones of a client share.
pub(super) struct Shared {
    config: Arc<Config>,
    connect_timeout: Duration,
    pub(super) response_timeout: Option<Duration>,
    pub(super) repeat_undelivered: bool,
    pub(super) observer: Option<Arc<dyn Observer>>,
    tls: Tls,
    state: Mutex<State>,
}

/// Guarded by one lock, held for decisions and moves only: never across a wait, a system call, or
/// the drop of a connection.
struct State {
    pool: Pool<Origin>,
    idle: HashMap<Id, Pooled>,
    waiting: HashMap<Ticket, oneshot::Sender<Turn>>,
    next_id: Id,
    reaping: bool,
}

/// One connection and what is known about it.
pub(super) struct Pooled {
    pub(super) transport: Transport<Box<dyn Stream>>,
    pub(super) connection: Connection<tenure_proto::Client>,
    id: Id,
    peer: Option<SocketAddr>,
    local: Option<SocketAddr>,
    opened: Instant,
    quiet_since: Instant,
}

/// What a waiting request gets. Dropping it passes it on.
enum Turn {
    Connection(Box<Lease>),
    Place(Place),
}

/// The right to have one more connection open. Dropped: the next waiting request gets it.
struct Place {
    shared: Arc<Shared>,
    origin: Origin,
    taken: bool,
}

/// A connection in use. Dropped: kept for the next request if it is idle, else closed.
pub(super) struct Lease {
    pub(super) shared: Arc<Shared>,
    origin: Origin,
    pooled: Option<Pooled>,
}

impl Shared {
    pub(super) fn new(builder: Builder) -> Self {
        let state = State {
            pool: Pool::new(builder.per_origin, builder.idle_timeout),
            idle: HashMap::new(),
            waiting: HashMap::new(),
            next_id: 0,
            reaping: false,
        };
        Self {
            config: Arc::new(builder.config),
            connect_timeout: builder.connect_timeout,
            response_timeout: builder.response_timeout,
            repeat_undelivered: builder.repeat_undelivered,
            observer: builder.observer,
            tls: builder.tls,
            state: Mutex::new(state),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection to `origin`: an idle one that still lives, or a new one, or the first that
    /// becomes free. `fresh` wants one that nobody has used.
    pub(super) async fn lease(self: &Arc<Self>, origin: &Origin, fresh: bool) -> Result<Lease, Error> {
        let mut turn = match self.decide(origin, fresh) {
            Decision::Turn(turn) => turn,
            Decision::Wait(waiting) => waiting.turn().await,
        };
        let place = loop {
            match turn {
                Turn::Place(place) => break place,
                Turn::Connection(lease) if fresh => break lease.into_place(CloseReason::PoolFull),
                Turn::Connection(mut lease) => match lease.check().await {
                    Ok(()) => return Ok(*lease),
                    // Its place is kept: to queue again would be to lose one's turn.
                    Err(why) => turn = self.another(lease.into_place(why)),
                },
            }
        };
        self.connect(place).await
    }

    /// Another idle connection instead of a place for a new one, if there is one.
    fn another(self: &Arc<Self>, place: Place) -> Turn {
        let mut state = self.lock();
        let idle = state.pool.checkout_idle(&place.origin).and_then(|id| state.idle.remove(&id));
        drop(state);
        match idle {
            // The place given up here is nobody's: nobody waits where something is idle.
            Some(pooled) => Turn::Connection(Box::new(self.lent(&place.origin, pooled))),
            None => Turn::Place(place),
        }
    }

    fn decide(self: &Arc<Self>, origin: &Origin, fresh: bool) -> Decision {
        let mut state = self.lock();
        let (checkout, evicted) =
            if fresh { state.pool.checkout_fresh(origin) } else { (state.pool.checkout(origin), None) };
        let evicted = evicted.and_then(|id| state.idle.remove(&id));
        let decision = match checkout {
            Checkout::Reuse(id) => match state.idle.remove(&id) {
                Some(pooled) => Decision::Turn(Turn::Connection(Box::new(self.lent(origin, pooled)))),
                None => Decision::Turn(Turn::Place(self.place(origin))),
            },
            Checkout::Connect => Decision::Turn(Turn::Place(self.place(origin))),
            Checkout::Wait(ticket) => {
                let (sender, receiver) = oneshot::channel();
                state.waiting.insert(ticket, sender);
                Decision::Wait(Waiting { shared: Arc::clone(self), origin: origin.clone(), ticket, receiver })
            }
        };
        drop(state);
        if let Some(pooled) = evicted {
            self.ended(pooled, CloseReason::PoolFull);
        }
        decision
    }

    async fn connect(self: &Arc<Self>, mut place: Place) -> Result<Lease, Error> {
        let made = connect(&place.origin, self.connect_timeout, &self.tls).await?;
        let id = {
            let mut state = self.lock();
            state.next_id += 1;
            state.next_id
        };
        if let Some(observer) = &self.observer {
            observer.opened(Opened { id, peer: made.peer, took: made.took, round_trip: made.round_trip });
        }
        let tap = Tap { observer: self.observer.clone(), id };
        let pooled = Pooled {
            transport: Transport::new(made.stream, tap),
            connection: Connection::new(Arc::clone(&self.config)),
            id,
            peer: made.peer,
            local: made.local,
            opened: made.opened,
            quiet_since: made.opened,
        };
        place.taken = true;
        Ok(self.lent(&place.origin, pooled))
    }

    fn place(self: &Arc<Self>, origin: &Origin) -> Place {
        Place { shared: Arc::clone(self), origin: origin.clone(), taken: false }
    }

    fn lent(self: &Arc<Self>, origin: &Origin, pooled: Pooled) -> Lease {
        Lease { shared: Arc::clone(self), origin: origin.clone(), pooled: Some(pooled) }
    }

    /// An idle connection comes back.
    fn check_in(self: &Arc<Self>, origin: &Origin, mut pooled: Pooled) {
        pooled.quiet_since = now();
        let mut state = self.lock();
        let waiting = match state.pool.check_in(origin, pooled.id, pooled.quiet_since) {
            CheckIn::Give(ticket) => state.waiting.remove(&ticket),
            CheckIn::Keep => {
                state.idle.insert(pooled.id, pooled);
                let start = !std::mem::replace(&mut state.reaping, true);
                drop(state);
                if start {
                    self.start_reaper();
                }
                return;
            }
        };
        drop(state);
        let lease = self.lent(origin, pooled);
        if let Some(waiting) = waiting {
            // If the request has gone meanwhile the lease comes back and passes on by its drop.
            drop(waiting.send(Turn::Connection(Box::new(lease))));
        }
    }

    /// A place became free.
    fn release(self: &Arc<Self>, origin: &Origin) {
        let mut state = self.lock();
        let Some(ticket) = state.pool.closed(origin) else { return };
        let waiting = state.waiting.remove(&ticket);
        drop(state);
        let place = self.place(origin);
        if let Some(waiting) = waiting {
            drop(waiting.send(Turn::Place(place)));
        }
    }

    fn ended(&self, mut pooled: Pooled, why: CloseReason) {
        // Says goodbye as far as that needs no waiting: TLS its close_notify, TCP its FIN.
        let mut cx = Context::from_waker(Waker::noop());
        let _ = pooled.transport.poll_half_close(&mut cx);
        tracing::debug!(connection = pooled.id, reason = why.name(), "closed");
        if let Some(observer) = &self.observer {
            observer.closed(pooled.id, why, pooled.connection.exchanges());
        }
    }

    /// A request is sent again because of this.
    pub(super) fn repeated(&self, error: &Error) {
        tracing::debug!(%error, fate = error.fate().name(), "sent again on a fresh connection");
        if let Some(observer) = &self.observer {
            observer.repeated(error.fate());
        }
    }

    pub(super) fn close_idle(&self) {
        let removed: Vec<Pooled> = {
            let mut state = self.lock();
            let ids = state.pool.drain();
            ids.iter().filter_map(|id| state.idle.remove(id)).collect()
        };
        for pooled in removed {
            self.ended(pooled, CloseReason::Shutdown);
        }
    }

    /// Without a runtime nothing is reaped by time; a connection is still checked before reuse.
    fn start_reaper(self: &Arc<Self>) {
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(reap(Arc::downgrade(self)))),
            Err(_) => self.lock().reaping = false,
        }
    }

    /// Closes what was idle for too long. When to look again; `None` if nothing is idle.
    fn reap_once(&self) -> Option<Instant> {
        let mut state = self.lock();
        let ids = state.pool.expire(now());
        let removed: Vec<Pooled> = ids.iter().filter_map(|id| state.idle.remove(id)).collect();
        let next = state.pool.next_expiry();
        state.reaping = next.is_some();
        drop(state);
        for pooled in removed {
            self.ended(pooled, CloseReason::Idle);
        }
        next
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.close_idle();
    }
}

/// Runs while connections are idle; the client may go away under it.
async fn reap(shared: Weak<Shared>) {
    while let Some(next) = shared.upgrade().and_then(|shared| shared.reap_once()) {
        tokio::time::sleep_until(next.into()).await;
    }
}

enum Decision {
    Turn(Turn),
    Wait(Waiting),
}

/// A request in the queue. Dropped: it leaves the queue.
struct Waiting {
    shared: Arc<Shared>,
    origin: Origin,
    ticket: Ticket,
    receiver: oneshot::Receiver<Turn>,
}

impl Waiting {
    async fn turn(mut self) -> Turn {
        match (&mut self.receiver).await {
            Ok(turn) => turn,
            // Not reached while the pool lives, and the pool lives as long as this.
            Err(_) => Turn::Place(self.shared.place(&self.origin)),
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        if state.pool.cancel(&self.origin, self.ticket) {
            state.waiting.remove(&self.ticket);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.taken {
            self.shared.release(&self.origin);
        }
    }
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
            request: pooled.connection.exchanges() + 1,
            peer: pooled.peer,
            local: pooled.local,
            age: now - pooled.opened,
            idle: now - pooled.quiet_since,
        }
    }

    /// Looks whether the connection still lives: FIN, reset or stray bytes retire it.
    async fn check(&mut self) -> Result<(), CloseReason> {
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

    /// Closes the connection and keeps its place.
    fn into_place(mut self, why: CloseReason) -> Place {
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
            Persistence::Persist => return self.shared.check_in(&self.origin, pooled),
        };
        self.shared.ended(pooled, why);
        self.shared.release(&self.origin);
    }
}
