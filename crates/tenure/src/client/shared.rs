//! The pool with its connections: what `pool` decides is done here, outside of the lock.

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tenure_proto::{CloseReason, Config};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::Builder;
use super::connect::Connector;
use super::drive::Rest;
use super::learned::{Known, Learned};
use super::lease::{Lease, Pooled};
use super::origin::{Origin, Origins};
use super::pipeline::Pipeline;
use super::pool::{Checkout, Id, Orders, Pool, Ticket, Wish};
use super::spread::Spread;
use super::time::{aged, now};
use super::waiting::{Turn, Waiting};
use super::watch::Watch;
use crate::error::Error;
use crate::io::Jitter;
use crate::observe::Observer;

/// What a request needs of its connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Need {
    /// That it lives: the request can be repeated.
    Alive,
    /// That the server is not about to close it, by what is known now: the request cannot be repeated.
    Settled,
    /// That nobody has used it.
    Fresh,
}

/// What all clones of a client share.
pub(super) struct Shared {
    pub(super) config: Arc<Config>,
    pub(super) idle_timeout: Duration,
    pub(super) max_age: Option<Duration>,
    pub(super) max_requests: Option<u64>,
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
    pub(super) jitter: Jitter,
    /// The origins of its requests.
    pub(super) origins: Origins,
    /// Some origin is suspected to end its connections after so many responses.
    pub(super) suspects: AtomicBool,
    state: Mutex<State>,
}

/// Guarded by one lock, held for decisions and moves only: never across a wait, a system call, or
/// the drop of a connection.
pub(super) struct State {
    pub(super) pool: Pool<Origin, Box<Pooled>>,
    pub(super) waiting: HashMap<Ticket, oneshot::Sender<Turn>>,
    /// What was learned of the origins; forgotten by the keeper.
    pub(super) learned: Spread<Origin, Learned>,
    pub(super) forgets_at: Option<Instant>,
    pub(super) next_id: Id,
    /// Where requests wait. A connection may be given back where there is no runtime.
    pub(super) runtime: Option<Handle>,
    /// The keeper's task runs.
    pub(super) is_kept: bool,
    /// When the keeper looks again by itself.
    pub(super) wakes_at: Option<Instant>,
}

impl State {
    fn wish(&self, origin: &Origin, need: Need, now: Instant) -> Wish {
        match need {
            Need::Alive => Wish::Any,
            Need::Settled => {
                Wish::Settled(self.learned.get(origin).map_or(Duration::MAX, |learned| learned.bound(now)))
            }
            Need::Fresh => Wish::Fresh,
        }
    }
}

/// What is to be done because of a decision, outside of the lock.
type Acts = Orders<Origin, Box<Pooled>>;

impl Shared {
    pub(super) fn new(builder: Builder) -> Self {
        let state = State {
            pool: Pool::new(builder.limits),
            waiting: HashMap::new(),
            learned: Spread::default(),
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
            origins: Origins::default(),
            suspects: AtomicBool::new(false),
            state: Mutex::new(state),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection to `origin`: an idle one that still lives, else the first that is freed or made
    /// until then. `at`: now, where the runtime's clock was read already.
    pub(super) async fn lease(
        self: &Arc<Self>,
        origin: &Origin,
        need: Need,
        until: Option<Instant>,
        at: Option<Instant>,
    ) -> Result<Lease, Error> {
        let now = at.map_or_else(now, aged);
        let mut next =
            self.decide(origin, now, at, |state| state.pool.checkout(origin, state.wish(origin, need, now), now));
        loop {
            let mut lease = match next {
                Next::Lease(lease) => lease,
                // Boxed: a request that need not wait is smaller without.
                Next::Wait(waiting) => Box::pin(waiting.turn_in_time(until)).await?,
            };
            match lease.check().await {
                Ok(()) => return Ok(lease),
                Err(why) => next = self.replace(lease, why, need),
            }
        }
    }

    /// Connections of the origin that are open or being made, and requests that wait for one.
    pub(super) fn load(&self, origin: &Origin) -> (usize, usize) {
        self.lock().pool.load(origin)
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
    fn replace(self: &Arc<Self>, mut lease: Lease, why: CloseReason, need: Need) -> Next {
        let Some(dead) = lease.pooled.take() else { return Next::Lease(lease) };
        let (origin, lesson) = (dead.origin.clone(), dead.ended(Known::Later));
        self.distrust(&origin, why);
        self.ended(dead, why);
        self.learn(&origin, lesson, why);
        let now = now();
        self.decide(&origin, now, None, |state| state.pool.replace(&origin, state.wish(&origin, need, now), now))
    }

    fn decide(
        self: &Arc<Self>,
        origin: &Origin,
        now: Instant,
        at: Option<Instant>,
        ask: impl FnOnce(&mut State) -> (Checkout<Box<Pooled>>, Acts),
    ) -> Next {
        let mut state = self.lock();
        let (checkout, acts) = ask(&mut state);
        let next = match checkout {
            Checkout::Reuse(mut pooled) => {
                pooled.has_waited();
                Next::Lease(self.lent(pooled, now, at))
            }
            Checkout::Wait(ticket) => {
                let (sender, turn) = oneshot::channel();
                state.waiting.insert(ticket, sender);
                state.runtime = Handle::try_current().ok().or(state.runtime.take());
                Next::Wait(Waiting { shared: Arc::clone(self), origin: origin.clone(), ticket, turn })
            }
        };
        drop(state);
        self.carry_out(acts);
        next
    }

    #[inline]
    pub(super) fn carry_out(self: &Arc<Self>, acts: Acts) {
        if !acts.is_empty() {
            self.act(acts);
        }
    }

    fn act(self: &Arc<Self>, acts: Acts) {
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

    pub(super) fn lent(self: &Arc<Self>, pooled: Box<Pooled>, taken: Instant, began: Option<Instant>) -> Lease {
        Lease { shared: Arc::clone(self), pooled: Some(pooled), taken, began, ended: None }
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
