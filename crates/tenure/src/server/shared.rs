//! What all connections of one server share, and the rules that need a look at all of them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tenure_proto::{CloseReason, Config};
use tokio::sync::{Notify, Semaphore};

use super::Server;
use super::entry::Addresses;
use super::forwarded::Forwarding;
use super::limits::Limits;
use super::parked::Epoch;
use super::proxy_protocol::ProxyProtocol;
use crate::io::{Jitter, Tap, now};
use crate::observe::Observer;

/// Shared by the acceptor and every connection.
pub(super) struct Shared {
    pub(super) config: Arc<Config>,
    pub(super) limits: Limits,
    /// Whether requests carry facts about their connection.
    pub(super) tells_facts: bool,
    pub(super) observer: Option<Arc<dyn Observer>>,
    /// True once the server drains.
    draining: AtomicBool,
    /// Wakes every connection's task when the drain begins.
    pub(super) drain: Notify,
    /// How long an idle connection keeps its task, where there is a lot and few have tasks.
    park_after: Option<Duration>,
    pub(super) drain_grace: Duration,
    pub(super) drain_deadline: Duration,
    /// Open connections, the parked ones included. The acceptor writes, the connections read.
    pub(super) open: Arc<AtomicUsize>,
    /// Those of them that have a task. The acceptor writes, the connections read.
    pub(super) awake: AtomicUsize,
    /// One for each request that may be handled at once.
    pub(super) turns: Option<Arc<Semaphore>>,
    /// Where connections are counted by address.
    pub(super) addresses: Option<Arc<Addresses>>,
    pub(super) proxy: ProxyProtocol,
    /// This end of all connections, where it is the same for all.
    pub(super) local: Option<SocketAddr>,
    /// Which proxies are believed whom they ask for.
    pub(super) forwarding: Option<Forwarding>,
    /// The ids of connections: counted from here, in steps of so many.
    pub(super) first_id: u64,
    pub(super) id_step: u64,
    /// Ticks count from here.
    pub(super) epoch: Epoch,
    jitter: Jitter,
}

impl Shared {
    pub(super) fn new(server: &Server, local: Option<SocketAddr>) -> Self {
        let place = server.place.clone().unwrap_or_default();
        Self {
            config: Arc::new(server.config.clone()),
            limits: server.limits,
            tells_facts: server.connection_info,
            observer: server.observer.clone(),
            draining: AtomicBool::new(false),
            drain: Notify::new(),
            park_after: server.park_after,
            drain_grace: server.drain.grace,
            drain_deadline: drain_deadline(server),
            open: place.open,
            awake: AtomicUsize::new(0),
            turns: place.turns.or_else(|| turns(&server.limits)),
            addresses: place.addresses.or_else(|| addresses(&server.limits)),
            proxy: server.proxy.clone(),
            local,
            forwarding: server.forwarding.clone(),
            first_id: place.index,
            id_step: place.count,
            epoch: Epoch::new(),
            jitter: Jitter::new(),
        }
    }

    pub(super) fn tap(&self, id: u64) -> Tap {
        Tap { observer: self.observer.clone(), id }
    }

    /// Whether the connection is one of this acceptor's, of several.
    pub(super) const fn is_ours(&self, id: u64) -> bool {
        id % self.id_step == self.first_id % self.id_step
    }

    /// Tells the observer, if there is one.
    pub(super) fn tell(&self, what: impl FnOnce(&dyn Observer)) {
        if let Some(observer) = &self.observer {
            what(&**observer);
        }
    }

    pub(super) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// From now on the server drains.
    pub(super) fn start_drain(&self) {
        self.draining.store(true, Ordering::Release);
        self.drain.notify_waiters();
    }

    /// How long an idle connection keeps its task from here on; `None` for ever.
    pub(super) fn park_after(&self) -> Option<Duration> {
        Some(shortened(self.park_after?, self.awake.load(Ordering::Relaxed)))
    }

    /// How many requests the connection may carry, up to a tenth fewer than the limit: connections
    /// that began together do not end together.
    pub(super) fn request_limit(&self, id: u64) -> Option<u64> {
        let limit = self.limits.requests?;
        Some(limit - self.jitter.of(id, limit / 10))
    }

    /// Whether the connection is to end for its age, again with a tenth of jitter. Only where there is
    /// a limit is the clock read.
    pub(super) fn is_too_old(&self, id: u64, opened: Instant) -> bool {
        self.limits.age.is_some_and(|limit| {
            let tenth = u64::try_from(limit.as_millis() / 10).unwrap_or(u64::MAX);
            now().saturating_duration_since(opened) + Duration::from_millis(self.jitter.of(id, tenth)) >= limit
        })
    }

    /// The idle time to announce and keep from here on: from three quarters of the connections on it
    /// shrinks, to a tenth when the server is full. `None`: as configured, whatever happens.
    pub(super) fn idle_timeout(&self) -> Option<Duration> {
        let (most, idle) = (self.limits.connections?, self.config.timeouts.idle?);
        let free = most.saturating_sub(self.open.load(Ordering::Relaxed));
        let share = (free as f64 / most as f64 * 4.0).clamp(0.1, 1.0);
        Some(idle.mul_f64(share))
    }
}

/// Beyond a thousand tasks the time shrinks as their number grows. So many connections that come
/// at once, and are quiet after their first request, do not all hold a task's memory at one time.
fn shortened(park_after: Duration, awake: usize) -> Duration {
    const FEW: usize = 1000;
    if awake <= FEW { park_after } else { park_after.mul_f64(FEW as f64 / awake as f64) }
}

/// How long a drain may last. Where nothing else was said, what was announced is kept.
fn drain_deadline(server: &Server) -> Duration {
    const SHORTEST: Duration = Duration::from_secs(30);
    const SPARE: Duration = Duration::from_secs(5);
    let timeouts = &server.config.timeouts;
    let promised = timeouts.idle.filter(|_| server.config.announce_idle);
    let kept = promised.map_or(SHORTEST, |idle| SHORTEST.max(idle + timeouts.idle_grace + SPARE));
    server.drain.deadline.unwrap_or(kept)
}

/// One for each request that may be handled at once.
pub(super) fn turns(limits: &Limits) -> Option<Arc<Semaphore>> {
    limits.concurrent.map(|most| Arc::new(Semaphore::new(most.clamp(1, Semaphore::MAX_PERMITS))))
}

/// Counts connections by address, if they are to be counted.
pub(super) fn addresses(limits: &Limits) -> Option<Arc<Addresses>> {
    limits.per_address.map(|most| Arc::new(Addresses::new(most)))
}

/// Which of several acceptors one is, and what they share.
#[derive(Clone)]
pub(super) struct Place {
    /// Ids of connections: this number and each `count` further.
    pub(super) index: u64,
    pub(super) count: u64,
    /// This one's open connections.
    pub(super) open: Arc<AtomicUsize>,
    /// Everybody's.
    pub(super) turns: Option<Arc<Semaphore>>,
    /// Everybody's.
    pub(super) addresses: Option<Arc<Addresses>>,
}

impl Default for Place {
    fn default() -> Self {
        Self { index: 0, count: 1, open: Arc::default(), turns: None, addresses: None }
    }
}

/// Tells the observer of the connection's end, also when its task is cut or its handler panics.
pub(super) struct Ending {
    tap: Tap,
    pub(super) exchanges: u64,
    pub(super) why: Option<CloseReason>,
    goes_on: bool,
}

impl Ending {
    pub(super) const fn new(tap: Tap) -> Self {
        Self { tap, exchanges: 0, why: None, goes_on: false }
    }

    /// The connection lives on without this task, or without this guard of it.
    pub(super) fn goes_on(mut self) {
        self.goes_on = true;
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        if self.goes_on {
            return;
        }
        let cut = if std::thread::panicking() { CloseReason::ApplicationFailed } else { CloseReason::Shutdown };
        closed(&self.tap, self.why.unwrap_or(cut), self.exchanges);
    }
}

/// A connection has ended.
pub(super) fn closed(tap: &Tap, why: CloseReason, exchanges: u64) {
    tracing::debug!(connection = tap.id, reason = why.name(), exchanges, "closed");
    if let Some(observer) = &tap.observer {
        observer.closed(tap.id, why, exchanges);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_more_tasks_the_sooner_an_idle_connection_gives_up_its_own() {
        let after = |awake| shortened(Duration::from_secs(1), awake).as_millis();
        assert_eq!([0, 1000, 2000, 20_000].map(after), [1000, 1000, 500, 50]);
    }

    #[test]
    fn a_drain_lasts_as_long_as_was_announced_unless_told_otherwise() {
        let seconds = |server: Server| drain_deadline(&server).as_secs();
        assert_eq!(seconds(Server::new()), 30);
        assert_eq!(seconds(Server::new().announce_idle(true)), 75 + 5 + 5);
        assert_eq!(seconds(Server::new().announce_idle(true).idle_timeout(Duration::from_secs(15))), 30);
        assert_eq!(seconds(Server::new().announce_idle(true).drain_deadline(Duration::from_secs(7))), 7);
    }
}
