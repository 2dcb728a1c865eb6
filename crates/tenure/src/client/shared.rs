//! The pool with its connections: what `pool` decides is done here, outside of the lock.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use tenure_proto::{CloseReason, Config, Connection};
use tokio::sync::oneshot;

use super::Builder;
use super::connect::connect;
use super::drive::Rest;
use super::lease::{Lease, Pooled};
use super::origin::Origin;
use super::patience::Patience;
use super::pipeline::Pipeline;
use super::pool::{CheckIn, Checkout, Id, Keep, Pool, Ticket};
use super::tls::Tls;
use super::waiting::{Decision, Place, Turn, Waiting};
use crate::Fate;
use crate::error::Error;
use crate::io::{Probes, Tap, Transport, now};
use crate::observe::{Observer, Opened};

/// What all clones of a client share.
pub(super) struct Shared {
    config: Arc<Config>,
    idle_timeout: Duration,
    connect_timeout: Duration,
    pub(super) response_timeout: Option<Duration>,
    pub(super) request_timeout: Option<Duration>,
    pub(super) repeat_undelivered: bool,
    pub(super) expect_above: Option<u64>,
    pub(super) rest: Rest,
    probes: Probes,
    pub(super) observer: Option<Arc<dyn Observer>>,
    pub(super) pipeline: Option<Pipeline>,
    tls: Tls,
    state: Mutex<State>,
}

/// Guarded by one lock, held for decisions and moves only: never across a wait, a system call, or
/// the drop of a connection.
pub(super) struct State {
    pub(super) pool: Pool<Origin>,
    pub(super) idle: HashMap<Id, Pooled>,
    pub(super) waiting: HashMap<Ticket, oneshot::Sender<Turn>>,
    /// What was learned of the origins; forgotten by the reaper.
    pub(super) patience: HashMap<Origin, Patience>,
    pub(super) next_id: Id,
    pub(super) reaping: bool,
}

/// What a request needs of its connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wish {
    /// Any that lives: the request can be repeated.
    Any,
    /// One that the server is not about to close: the request cannot be repeated.
    Settled,
    /// One that nobody has used.
    Fresh,
}

impl Shared {
    pub(super) fn new(builder: Builder) -> Self {
        let state = State {
            pool: Pool::new(builder.per_origin),
            idle: HashMap::new(),
            waiting: HashMap::new(),
            patience: HashMap::new(),
            next_id: 0,
            reaping: false,
        };
        let pipeline = Pipeline::new(builder.pipelining);
        let mut config = builder.config;
        config.limits.outstanding = pipeline.as_ref().map_or(1, Pipeline::depth);
        Self {
            config: Arc::new(config),
            idle_timeout: builder.idle_timeout,
            connect_timeout: builder.connect_timeout,
            response_timeout: builder.response_timeout,
            request_timeout: builder.request_timeout,
            repeat_undelivered: builder.repeat_undelivered,
            expect_above: builder.expect_above,
            rest: builder.rest,
            probes: builder.probes,
            observer: builder.observer,
            pipeline,
            tls: builder.tls,
            state: Mutex::new(state),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection to `origin`: an idle one that still lives, or a new one, or the first that
    /// becomes free.
    pub(super) async fn lease(self: &Arc<Self>, origin: &Origin, wish: Wish) -> Result<Lease, Error> {
        let mut turn = match self.decide(origin, wish) {
            Decision::Turn(turn) => turn,
            Decision::Wait(waiting) => waiting.turn().await,
        };
        let place = loop {
            match turn {
                Turn::Place(place) => break place,
                Turn::Connection(lease) if wish == Wish::Fresh => break lease.into_place(CloseReason::PoolFull),
                Turn::Connection(mut lease) => match lease.check().await {
                    Ok(()) => return Ok(*lease),
                    // Its place is kept: to queue again would be to lose one's turn.
                    Err(why) if wish == Wish::Any => turn = self.another(lease.found_closed(why)),
                    // The others may have gone the same way, and this request wants to be sure.
                    Err(why) => break lease.found_closed(why),
                },
            }
        };
        self.connect(place).await
    }

    /// True if a connection to `origin` may be had at once.
    pub(super) fn has_room(&self, origin: &Origin) -> bool {
        self.lock().pool.has_room(origin)
    }

    /// How many wait for a connection to `origin`.
    pub(super) fn waiting(&self, origin: &Origin) -> usize {
        self.lock().pool.waiting(origin)
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

    fn decide(self: &Arc<Self>, origin: &Origin, wish: Wish) -> Decision {
        let mut state = self.lock();
        let fresh = match wish {
            Wish::Any => false,
            Wish::Settled => !state.pool.is_settled(origin, now()),
            Wish::Fresh => true,
        };
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
        let made = connect(&place.origin, self.connect_timeout, &self.tls, self.probes).await?;
        let id = {
            let mut state = self.lock();
            state.next_id += 1;
            state.next_id
        };
        let server = place.origin.address();
        if let Some(observer) = &self.observer {
            let (peer, server) = (made.peer, Some(server.clone()));
            observer.opened(Opened { id, peer, server, took: made.took, round_trip: made.round_trip });
        }
        let tap = Tap { observer: self.observer.clone(), id };
        let pooled = Pooled {
            transport: Transport::new(made.stream, tap),
            connection: Connection::new(Arc::clone(&self.config)),
            id,
            peer: made.peer,
            local: made.local,
            server,
            tls: made.tls,
            opened: made.opened,
            making: Some(made.making),
            quiet_since: made.opened,
            hint: None,
            leaves: CloseReason::Idle,
        };
        place.taken = true;
        Ok(self.lent(&place.origin, pooled))
    }

    pub(super) fn place(self: &Arc<Self>, origin: &Origin) -> Place {
        Place { shared: Arc::clone(self), origin: origin.clone(), taken: false }
    }

    fn lent(self: &Arc<Self>, origin: &Origin, pooled: Pooled) -> Lease {
        Lease { shared: Arc::clone(self), origin: origin.clone(), pooled: Some(pooled) }
    }

    /// An idle connection comes back.
    pub(super) fn check_in(self: &Arc<Self>, origin: &Origin, mut pooled: Pooled) {
        let now = now();
        pooled.quiet_since = now;
        let mut state = self.lock();
        let usage = state.patience.get(origin).copied().unwrap_or_default().may_use(pooled.hint, now);
        let kept = usage.any.map_or(self.idle_timeout, |announced| announced.min(self.idle_timeout));
        pooled.leaves = if kept < self.idle_timeout { CloseReason::Hint } else { CloseReason::Idle };
        let keep = Keep { careful_until: now + usage.careful.min(kept), until: now.checked_add(kept) };
        let waiting = match state.pool.check_in(origin, pooled.id, keep) {
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
    pub(super) fn release(self: &Arc<Self>, origin: &Origin) {
        let mut state = self.lock();
        let Some(ticket) = state.pool.closed(origin) else { return };
        let waiting = state.waiting.remove(&ticket);
        drop(state);
        let place = self.place(origin);
        if let Some(waiting) = waiting {
            drop(waiting.send(Turn::Place(place)));
        }
    }

    pub(super) fn ended(&self, mut pooled: Pooled, why: CloseReason) {
        // Says goodbye as far as that needs no waiting: TLS its close_notify, TCP its FIN.
        let mut cx = Context::from_waker(Waker::noop());
        let _ = pooled.transport.poll_half_close(&mut cx);
        tracing::debug!(connection = pooled.id, reason = why.name(), "closed");
        if let Some(observer) = &self.observer {
            observer.closed(pooled.id, why, pooled.connection.exchanges());
        }
    }

    /// A server has closed a connection that was idle for so long.
    pub(super) fn found_closed(&self, origin: &Origin, idle: Duration) {
        if Patience::is_lesson(idle) {
            self.lock().patience.entry(origin.clone()).or_default().closed(idle, now());
        }
    }

    /// A request is sent again; this became of the first attempt.
    pub(super) fn repeated(&self, fate: Fate) {
        tracing::debug!(fate = fate.name(), "sent again on a fresh connection");
        if let Some(observer) = &self.observer {
            observer.repeated(fate);
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
        let now = now();
        let ids = state.pool.expire(now);
        let removed: Vec<Pooled> = ids.iter().filter_map(|id| state.idle.remove(id)).collect();
        state.patience.retain(|_, patience| !patience.is_stale(now));
        let next = state.pool.next_expiry();
        state.reaping = next.is_some();
        drop(state);
        for pooled in removed {
            let why = pooled.leaves;
            self.ended(pooled, why);
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
