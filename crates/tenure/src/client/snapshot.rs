//! What the pool holds at a moment, for people and tests to look at.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::learned::Learned;
use super::lease::Pooled;
use super::origin::Origin;
use super::pool::{Entry, Keep};
use super::shared::Shared;
use super::time::now;

/// What a client's pool holds at a moment ([`Client::pool`](super::Client::pool)), in the order of
/// the origins' names.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct PoolSnapshot {
    /// The origins with connections, or with requests that wait, or of which something was learned.
    pub origins: Vec<OriginSnapshot>,
}

/// What the pool holds for one origin (RFC 9110 section 4.3.1).
#[derive(Clone, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct OriginSnapshot {
    /// The origin, as `https://host:port`.
    pub origin: String,
    /// Connections that carry an exchange.
    pub in_use: usize,
    /// Connections being made.
    pub connecting: usize,
    /// Requests that wait for a connection.
    pub waiting: usize,
    /// Idle connections, the longest idle first. The last one is the next to be used.
    pub idle: Vec<IdleConnection>,
    /// The longest idle time after which this server was seen to answer.
    pub idle_survived: Option<Duration>,
    /// The shortest idle time after which it was seen to close.
    pub idle_closed: Option<Duration>,
    /// After how many responses it was seen to close, twice in a row and without a word.
    pub max_requests: Option<u64>,
}

/// A connection that waits in the pool.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct IdleConnection {
    /// Its number, as in [`ConnectionInfo::id`](crate::ConnectionInfo::id).
    pub id: u64,
    /// Since it was made.
    pub age: Duration,
    /// Since its last exchange, or since it was made.
    pub idle: Duration,
    /// Exchanges that it has carried.
    pub requests: u64,
    /// For how long it will still be kept; `None`: for ever.
    pub usable: Option<Duration>,
    /// For how long a request that cannot be repeated (a POST) may still use it.
    pub settled: Duration,
}

impl PoolSnapshot {
    /// Open connections: idle and in use.
    pub fn open(&self) -> usize {
        self.origins.iter().map(|origin| origin.in_use + origin.idle.len()).sum()
    }

    /// Idle connections.
    pub fn idle(&self) -> usize {
        self.origins.iter().map(|origin| origin.idle.len()).sum()
    }
}

impl Shared {
    pub(super) fn snapshot(&self) -> PoolSnapshot {
        let now = now();
        let state = self.lock();
        let mut origins: HashMap<&Origin, OriginSnapshot> = HashMap::new();
        for (origin, entry, idle) in state.pool.each() {
            let idle = idle.map(|(pooled, keep)| self::idle(keep, pooled, now));
            origins.insert(origin, counted(entry, idle.collect()));
        }
        for (origin, learned) in &state.learned {
            if !learned.is_stale(now) {
                origins.entry(origin).or_default().add(learned, now);
            }
        }
        let mut origins: Vec<_> =
            origins.into_iter().map(|(origin, entry)| OriginSnapshot { origin: origin.to_string(), ..entry }).collect();
        drop(state);
        origins.sort_unstable_by(|one, other| one.origin.cmp(&other.origin));
        PoolSnapshot { origins }
    }
}

fn counted(entry: &Entry, idle: Vec<IdleConnection>) -> OriginSnapshot {
    let in_use = entry.open() - entry.connecting() - idle.len();
    OriginSnapshot { in_use, connecting: entry.connecting(), waiting: entry.waiting(), idle, ..Default::default() }
}

fn idle(keep: Keep, pooled: &Pooled, now: Instant) -> IdleConnection {
    IdleConnection {
        id: pooled.id,
        age: now.saturating_duration_since(pooled.opened),
        idle: now.saturating_duration_since(pooled.quiet_since),
        requests: pooled.exchanges,
        usable: keep.until.map(|until| until.saturating_duration_since(now)),
        settled: keep.careful_until.saturating_duration_since(now),
    }
}

impl OriginSnapshot {
    fn add(&mut self, learned: &Learned, now: Instant) {
        (self.idle_survived, self.idle_closed, self.max_requests) = learned.facts(now);
    }
}
