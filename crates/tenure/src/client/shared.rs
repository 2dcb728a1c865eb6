//! The pool with its connections: what `pool` decides is done here, outside of the lock.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use tenure_proto::{CloseReason, Config};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::Builder;
use super::connect::Connector;
use super::drive::Rest;
use super::learned::{Ended, Known, Learned};
use super::lease::{Lease, Pooled};
use super::origin::Origin;
use super::pipeline::Pipeline;
use super::pool::{CheckIn, Checkout, Id, Keep, Orders, Pool, Ticket};
use super::time::now;
use super::waiting::{Turn, Waiting};
use super::watch::Watch;
use crate::Fate;
use crate::error::Error;
use crate::io::Jitter;
use crate::observe::{ConnectionInfo, Observer};

pub(super) use super::pool::Wish;

/// What all clones of a client share.
pub(super) struct Shared {
    pub(super) config: Arc<Config>,
    idle_timeout: Duration,
    max_age: Option<Duration>,
    max_requests: Option<u64>,
    pub(super) acquire_timeout: Option<Duration>,
    pub(super) response_timeout: Option<Duration>,
    pub(super) request_timeout: Option<Duration>,
    pub(super) repeat_undelivered: bool,
    pub(super) expect_above: Option<u64>,
    pub(super) rest: Rest,
    pub(super) observer: Option<Arc<dyn Observer>>,
    pub(super) pipeline: Option<Pipeline>,
    pub(super) connector: Connector,
    pub(super) watch: Arc<Watch>,
    jitter: Jitter,
    state: Mutex<State>,
}

/// Guarded by one lock, held for decisions and moves only: never across a wait, a system call, or
/// the drop of a connection.
pub(super) struct State {
    pub(super) pool: Pool<Origin>,
    pub(super) idle: HashMap<Id, Box<Pooled>>,
    pub(super) waiting: HashMap<Ticket, oneshot::Sender<Turn>>,
    /// What was learned of the origins; forgotten by the keeper.
    pub(super) learned: HashMap<Origin, Learned>,
    pub(super) forgets_at: Option<Instant>,
    pub(super) next_id: Id,
    /// Where requests wait. A connection may be given back where there is no runtime.
    pub(super) runtime: Option<Handle>,
    /// The keeper's task runs.
    pub(super) is_kept: bool,
    /// When the keeper looks again by itself.
    pub(super) wakes_at: Option<Instant>,
}

/// What is to be done because of a decision, outside of the lock.
#[derive(Default)]
pub(super) struct Acts {
    connect: Vec<Origin>,
    close: Vec<(Box<Pooled>, CloseReason)>,
}

impl State {
    /// Takes out what is to be closed.
    pub(super) fn act(&mut self, orders: Orders<Origin>) -> Acts {
        let close = orders.close.into_iter().filter_map(|(id, why)| Some((self.idle.remove(&id)?, why))).collect();
        Acts { connect: orders.connect, close }
    }
}

impl Shared {
    pub(super) fn new(builder: Builder) -> Self {
        let state = State {
            pool: Pool::new(builder.limits),
            idle: HashMap::new(),
            waiting: HashMap::new(),
            learned: HashMap::new(),
            forgets_at: None,
            next_id: 0,
            runtime: None,
            is_kept: false,
            wakes_at: None,
        };
        let pipeline = Pipeline::new(builder.pipelining);
        let mut config = builder.config;
        config.limits.outstanding = pipeline.as_ref().map_or(1, Pipeline::depth);
        Self {
            config: Arc::new(config),
            idle_timeout: builder.idle_timeout,
            max_age: builder.max_age,
            max_requests: builder.max_requests,
            acquire_timeout: builder.acquire_timeout,
            response_timeout: builder.response_timeout,
            request_timeout: builder.request_timeout,
            repeat_undelivered: builder.repeat_undelivered,
            expect_above: builder.expect_above,
            rest: builder.rest,
            observer: builder.observer,
            pipeline,
            connector: Connector::new(builder.names, builder.tls, builder.connect_timeout, builder.probes),
            watch: Arc::default(),
            jitter: Jitter::new(),
            state: Mutex::new(state),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection to `origin`: an idle one that still lives, else the first that is freed or made.
    pub(super) async fn lease(self: &Arc<Self>, origin: &Origin, wish: Wish) -> Result<Lease, Error> {
        let state = self.lock();
        let mut next = self.decide(state, origin, |pool| pool.checkout(origin, wish, now()));
        loop {
            let mut lease = match next {
                Next::Lease(lease) => lease,
                Next::Wait(waiting) => waiting.turn().await?,
            };
            match lease.check().await {
                Ok(()) => return Ok(lease),
                Err(why) => next = self.replace(lease, why, wish),
            }
        }
    }

    /// True if a connection to `origin` may be had at once.
    pub(super) fn has_room(&self, origin: &Origin) -> bool {
        self.lock().pool.has_room(origin)
    }

    /// How many wait for a connection to `origin` while none is being made for them.
    pub(super) fn waiting(&self, origin: &Origin) -> usize {
        self.lock().pool.waiting(origin)
    }

    /// Another connection instead of one that was found closed.
    fn replace(self: &Arc<Self>, mut lease: Lease, why: CloseReason, wish: Wish) -> Next {
        let Some(dead) = lease.pooled.take() else { return Next::Lease(lease) };
        let (origin, lesson) = (dead.origin.clone(), dead.ended(Known::Later));
        self.distrust(&origin, why);
        self.ended(dead, why);
        let mut state = self.lock();
        state.learn(&origin, lesson, why);
        self.decide(state, &origin, |pool| pool.replace(&origin, wish, now()))
    }

    fn decide(
        self: &Arc<Self>,
        mut state: MutexGuard<'_, State>,
        origin: &Origin,
        ask: impl FnOnce(&mut Pool<Origin>) -> (Checkout, Orders<Origin>),
    ) -> Next {
        let (checkout, orders) = ask(&mut state.pool);
        let acts = state.act(orders);
        let next = match checkout {
            Checkout::Reuse(id) => state.idle.remove(&id).map(|pooled| Next::Lease(self.lent(pooled))),
            Checkout::Wait(ticket) => {
                let (sender, turn) = oneshot::channel();
                state.waiting.insert(ticket, sender);
                state.runtime = Handle::try_current().ok().or(state.runtime.take());
                Some(Next::Wait(Waiting { shared: Arc::clone(self), origin: origin.clone(), ticket, turn }))
            }
        };
        drop(state);
        self.carry_out(acts);
        // What the pool counts as idle is among the idle ones: both change under the one lock.
        next.expect("an idle connection is there")
    }

    pub(super) fn carry_out(self: &Arc<Self>, acts: Acts) {
        for (pooled, why) in acts.close {
            self.ended(pooled, why);
        }
        for origin in acts.connect {
            self.make(origin, None);
        }
    }

    /// Makes connections until `count` are idle or being made, within the limits. How many were made.
    pub(super) async fn preconnect(self: &Arc<Self>, origin: &Origin, count: usize) -> Result<usize, Error> {
        let orders = self.lock().pool.preconnect(origin, count);
        let begin = |origin| {
            let (asked, outcome) = oneshot::channel();
            self.make(origin, Some(asked));
            outcome
        };
        let outcomes: Vec<_> = orders.connect.into_iter().map(begin).collect();
        let mut made = Ok(0);
        for outcome in outcomes {
            // The first error is the one to tell.
            if let (Ok(before), Ok(outcome)) = (&made, outcome.await) {
                made = outcome.map(|more| before + more);
            }
        }
        made
    }

    /// Starts a task of the pool. False: there is no runtime, and never was.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> bool {
        let runtime = Handle::try_current().ok().or_else(|| self.lock().runtime.clone());
        runtime.map(|runtime| runtime.spawn(task)).is_some()
    }

    pub(super) fn lent(self: &Arc<Self>, pooled: Box<Pooled>) -> Lease {
        Lease { shared: Arc::clone(self), pooled: Some(pooled) }
    }

    /// A connection that persists is free: for a request that waits, or to be kept and watched.
    pub(super) fn check_in(self: &Arc<Self>, mut pooled: Box<Pooled>) {
        let exchanges = pooled.connection.exchanges();
        if exchanges > pooled.exchanges {
            (pooled.exchanges, pooled.quiet_since) = (exchanges, now());
        }
        if let Some(why) = pooled.look() {
            self.lock().learn(&pooled.origin, pooled.ended(Known::AtOnce), why);
            return self.retire(pooled, why);
        }
        let now = now();
        let mut state = self.lock();
        let keep = match self.keep(&state, &pooled, now) {
            Ok(keep) => keep,
            Err(why) => {
                drop(state);
                return self.retire(pooled, why);
            }
        };
        let (decision, orders) = state.pool.check_in(&pooled.origin, pooled.id, keep, now);
        match decision {
            CheckIn::Give(ticket) => {
                let waiting = state.waiting.remove(&ticket);
                drop(state);
                hand_over(waiting, Ok(self.lent(pooled)));
            }
            CheckIn::Keep => {
                (pooled.was_idle, pooled.making) = (true, None);
                let alarm = Arc::clone(&pooled.alarm);
                state.idle.insert(pooled.id, pooled);
                let acts = state.act(orders);
                let rouse = state.rouse(keep.until);
                drop(state);
                alarm.is_armed();
                self.rouse(rouse);
                self.carry_out(acts);
            }
        }
    }

    /// Until when a connection is kept, or why it is not.
    fn keep(&self, state: &State, pooled: &Pooled, now: Instant) -> Result<Keep, CloseReason> {
        let most = self.max_requests.map(|most| most - self.jitter.of(pooled.id, most / 10));
        if most.is_some_and(|most| pooled.exchanges >= most) {
            return Err(CloseReason::RequestLimit);
        }
        let learned = state.learned.get(&pooled.origin).copied().unwrap_or_default();
        let usage = learned.may_use(pooled.hint, pooled.exchanges, now).ok_or(CloseReason::RequestLimit)?;
        let kept = usage.any.map_or(self.idle_timeout, |announced| announced.min(self.idle_timeout));
        let leaves = if kept < self.idle_timeout { CloseReason::Hint } else { CloseReason::Idle };
        let careful_until = pooled.quiet_since + usage.careful.min(kept);
        let idle = Keep { careful_until, until: pooled.quiet_since.checked_add(kept), leaves };
        let aged = self.max_age.and_then(|age| pooled.opened.checked_add(self.jitter.less(pooled.id, age)));
        match aged {
            Some(aged) if aged <= now => Err(CloseReason::Age),
            Some(aged) if idle.until.is_none_or(|until| aged < until) => {
                Ok(Keep { until: Some(aged), leaves: CloseReason::Age, ..idle })
            }
            _ => Ok(idle),
        }
    }

    /// A connection in use ends.
    pub(super) fn retire(self: &Arc<Self>, pooled: Box<Pooled>, why: CloseReason) {
        let origin = pooled.origin.clone();
        self.distrust(&origin, why);
        self.ended(pooled, why);
        let mut state = self.lock();
        // What happens to its other connections now is no matter of their idle time.
        if why == CloseReason::CloseOption && state.pool.load(&origin).0 > 1 {
            state.learned.entry(origin.clone()).or_default().said_close(now());
        }
        let orders = state.pool.closed(&origin);
        let acts = state.act(orders);
        drop(state);
        self.carry_out(acts);
    }

    /// A server that sends answers to nothing is not trusted with a pipeline (RFC 9112 section 9.2).
    fn distrust(&self, origin: &Origin, why: CloseReason) {
        if let (CloseReason::Unsolicited, Some(pipeline)) = (why, &self.pipeline) {
            pipeline.failed(origin, why);
        }
    }

    fn ended(&self, mut pooled: Box<Pooled>, why: CloseReason) {
        // Says goodbye as far as that needs no waiting: TLS its close_notify, TCP its FIN.
        let mut cx = Context::from_waker(Waker::noop());
        let _ = pooled.transport.poll_half_close(&mut cx);
        tracing::debug!(connection = pooled.id, reason = why.name(), "closed");
        if let Some(observer) = &self.observer {
            observer.closed(pooled.id, why, pooled.connection.exchanges());
        }
    }

    /// A request has met the end of its connection, which had been idle before.
    pub(super) fn found_closed(&self, origin: &Origin, info: &ConnectionInfo) {
        let ended = Ended { id: info.id, exchanges: info.request - 1, idle: info.idle, known: Known::Later };
        self.lock().learn(origin, ended, CloseReason::PeerFin);
    }

    /// A request was answered on a connection that may have been closed.
    pub(super) fn survived(&self, origin: &Origin, info: &ConnectionInfo) {
        let mut state = self.lock();
        if let Some(learned) = state.learned.get_mut(origin) {
            learned.survived(info.idle, info.request - 1, now());
        } else if Learned::is_lesson(info.idle) {
            state.learned.entry(origin.clone()).or_default().survived(info.idle, info.request - 1, now());
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
        let mut state = self.lock();
        let orders = state.pool.drain();
        let acts = state.act(orders);
        drop(state);
        for (pooled, why) in acts.close {
            self.ended(pooled, why);
        }
    }
}

impl State {
    /// An idle connection has ended: by its server, or for a reason that has nothing to do with it.
    fn learn(&mut self, origin: &Origin, ended: Ended, why: CloseReason) {
        if why != CloseReason::Transport {
            let newest = self.next_id;
            self.learned.entry(origin.clone()).or_default().closed(ended, newest, now());
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.close_idle();
        self.watch.keeper.notify_one();
    }
}

/// If the request has gone meanwhile the lease comes back by its drop, and goes to the next.
pub(super) fn hand_over(waiting: Option<oneshot::Sender<Turn>>, turn: Turn) {
    if let Some(waiting) = waiting {
        drop(waiting.send(turn));
    }
}

/// What a request gets.
enum Next {
    Lease(Lease),
    Wait(Waiting),
}
