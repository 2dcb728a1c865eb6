//! The pool's decisions, without I/O: who gets which connection, who waits, who must close.
//! The caller acts on what is returned, outside of the lock it holds meanwhile.
//!
//! Per origin the freshest idle connection is used first, so that the others can grow old and go.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::time::Instant;

/// A connection that waits in the pool.
pub(crate) type Id = u64;
/// A request that waits for a connection.
pub(crate) type Ticket = u64;

/// What a request gets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Checkout {
    /// This idle connection, taken out of the pool.
    Reuse(Id),
    /// A place for a new connection; it counts as open from now on.
    Connect,
    /// Nothing yet: its turn comes by [`CheckIn::Give`] or [`Pool::closed`].
    Wait(Ticket),
}

/// What to do with a connection whose exchange has ended well.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum CheckIn {
    /// Hand it to a waiting request.
    Give(Ticket),
    /// Keep it.
    Keep,
}

/// Connections by origin `K`.
#[derive(Debug)]
pub(crate) struct Pool<K> {
    per_origin: usize,
    origins: HashMap<K, Entry>,
    next_ticket: Ticket,
}

/// Invariant: `idle.len() <= open <= per_origin`; requests wait only when `open == per_origin`
/// and nothing is idle.
#[derive(Debug, Default)]
struct Entry {
    open: usize,
    idle: Vec<Idle>,
    waiting: VecDeque<Ticket>,
}

#[derive(Debug)]
struct Idle {
    id: Id,
    keep: Keep,
}

/// Until when an idle connection is of use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Keep {
    /// For a request that cannot be repeated.
    pub(crate) careful_until: Instant,
    /// For any; then it is closed. `None`: for ever.
    pub(crate) until: Option<Instant>,
}

impl<K: Hash + Eq + Clone> Pool<K> {
    /// At most `per_origin` connections (at least 1) to each origin.
    pub(crate) fn new(per_origin: usize) -> Self {
        Self { per_origin: per_origin.max(1), origins: HashMap::new(), next_ticket: 0 }
    }

    /// False if the connection that is next in turn was idle for too long for a request that
    /// cannot be repeated: such a one takes a fresh connection.
    pub(crate) fn is_settled(&self, origin: &K, now: Instant) -> bool {
        let next = self.origins.get(origin).and_then(|entry| entry.idle.last());
        next.is_none_or(|idle| now < idle.keep.careful_until)
    }

    /// True if a request to `origin` need not wait for a connection.
    pub(crate) fn has_room(&self, origin: &K) -> bool {
        self.origins.get(origin).is_none_or(|entry| entry.open < self.per_origin || !entry.idle.is_empty())
    }

    /// How many wait for a connection to `origin`.
    pub(crate) fn waiting(&self, origin: &K) -> usize {
        self.origins.get(origin).map_or(0, |entry| entry.waiting.len())
    }

    /// A request to `origin` needs a connection.
    pub(crate) fn checkout(&mut self, origin: &K) -> Checkout {
        if let Some(id) = self.checkout_idle(origin) {
            return Checkout::Reuse(id);
        }
        let entry = self.origins.entry(origin.clone()).or_default();
        if entry.open < self.per_origin {
            entry.open += 1;
            return Checkout::Connect;
        }
        self.next_ticket += 1;
        entry.waiting.push_back(self.next_ticket);
        Checkout::Wait(self.next_ticket)
    }

    /// The freshest idle connection, taken out of the pool.
    pub(crate) fn checkout_idle(&mut self, origin: &K) -> Option<Id> {
        self.origins.get_mut(origin)?.idle.pop().map(|idle| idle.id)
    }

    /// Like [`Pool::checkout`], for a request that wants a connection nobody has used. Where the
    /// limit is reached an idle one makes room: it must be closed by the caller.
    pub(crate) fn checkout_fresh(&mut self, origin: &K) -> (Checkout, Option<Id>) {
        let entry = self.origins.entry(origin.clone()).or_default();
        if entry.open >= self.per_origin && !entry.idle.is_empty() {
            return (Checkout::Connect, Some(entry.idle.remove(0).id));
        }
        let idle = std::mem::take(&mut entry.idle);
        let decision = self.checkout(origin);
        self.origins.entry(origin.clone()).or_default().idle = idle;
        (decision, None)
    }

    /// A connection's exchange has ended and the connection persists.
    pub(crate) fn check_in(&mut self, origin: &K, id: Id, keep: Keep) -> CheckIn {
        let entry = self.origins.entry(origin.clone()).or_default();
        if let Some(ticket) = entry.waiting.pop_front() {
            return CheckIn::Give(ticket);
        }
        entry.idle.push(Idle { id, keep });
        CheckIn::Keep
    }

    /// A connection in use ended, or could not be made: the first waiting request may make another.
    pub(crate) fn closed(&mut self, origin: &K) -> Option<Ticket> {
        let entry = self.origins.get_mut(origin)?;
        if let Some(ticket) = entry.waiting.pop_front() {
            // The place passes on: `open` stays as it is.
            return Some(ticket);
        }
        entry.open = entry.open.saturating_sub(1);
        if entry.open == 0 {
            self.origins.remove(origin);
        }
        None
    }

    /// A waiting request has gone. False if its turn had already come.
    pub(crate) fn cancel(&mut self, origin: &K, ticket: Ticket) -> bool {
        let Some(entry) = self.origins.get_mut(origin) else { return false };
        let before = entry.waiting.len();
        entry.waiting.retain(|t| *t != ticket);
        entry.waiting.len() < before
    }

    /// Takes out every connection whose time is over.
    pub(crate) fn expire(&mut self, now: Instant) -> Vec<Id> {
        self.remove_idle(|keep| keep.until.is_some_and(|until| until <= now))
    }

    /// Takes out every idle connection.
    pub(crate) fn drain(&mut self) -> Vec<Id> {
        self.remove_idle(|_| true)
    }

    /// When the next idle connection expires.
    pub(crate) fn next_expiry(&self) -> Option<Instant> {
        self.origins.values().flat_map(|entry| entry.idle.iter()).filter_map(|idle| idle.keep.until).min()
    }

    fn remove_idle(&mut self, gone: impl Fn(Keep) -> bool) -> Vec<Id> {
        let mut removed = Vec::new();
        self.origins.retain(|_, entry| {
            let before = removed.len();
            removed.extend(entry.idle.extract_if(.., |idle| gone(idle.keep)).map(|idle| idle.id));
            entry.open = entry.open.saturating_sub(removed.len() - before);
            entry.open > 0
        });
        removed
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const IDLE: Duration = Duration::from_secs(10);
    const SETTLED: Duration = Duration::from_secs(2);

    fn keep(now: Instant) -> Keep {
        Keep { careful_until: now + SETTLED, until: Some(now + IDLE) }
    }

    #[test]
    fn the_freshest_idle_connection_is_used_first() {
        let (mut pool, now) = (Pool::new(3), Instant::now());
        assert_eq!([pool.checkout(&'a'), pool.checkout(&'a')], [Checkout::Connect; 2]);
        assert_eq!(pool.check_in(&'a', 1, keep(now)), CheckIn::Keep);
        assert_eq!(pool.check_in(&'a', 2, keep(now)), CheckIn::Keep);
        assert_eq!(pool.checkout(&'a'), Checkout::Reuse(2));
        assert_eq!(pool.checkout(&'b'), Checkout::Connect, "another origin shares nothing");
    }

    #[test]
    fn requests_over_the_limit_wait_in_order() {
        let (mut pool, now) = (Pool::new(1), Instant::now());
        assert_eq!(pool.checkout(&'a'), Checkout::Connect);
        assert_eq!([pool.checkout(&'a'), pool.checkout(&'a')], [Checkout::Wait(1), Checkout::Wait(2)]);
        assert_eq!(pool.check_in(&'a', 7, keep(now)), CheckIn::Give(1));
        assert_eq!(pool.closed(&'a'), Some(2), "the place of a dead connection passes on");
        assert_eq!(pool.closed(&'a'), None);
        assert!(pool.origins.is_empty(), "an origin without connections is forgotten");
    }

    #[test]
    fn there_is_room_until_the_limit_is_reached_and_nothing_is_idle() {
        let (mut pool, now) = (Pool::new(1), Instant::now());
        assert!(pool.has_room(&'a'));
        pool.checkout(&'a');
        assert!(!pool.has_room(&'a') && pool.has_room(&'b'));
        assert_eq!(pool.waiting(&'a'), 0);
        pool.checkout(&'a');
        assert_eq!((pool.waiting(&'a'), pool.waiting(&'b')), (1, 0));
        pool.check_in(&'a', 1, keep(now));
        assert!(!pool.has_room(&'a'), "it went to the one that waited");
        pool.check_in(&'a', 1, keep(now));
        assert!(pool.has_room(&'a'));
    }

    #[test]
    fn a_fresh_connection_is_never_an_idle_one() {
        let (mut pool, now) = (Pool::new(2), Instant::now());
        pool.checkout(&'a');
        pool.check_in(&'a', 1, keep(now));
        assert_eq!(pool.checkout_fresh(&'a'), (Checkout::Connect, None), "there is room");
        assert_eq!(pool.checkout_fresh(&'a'), (Checkout::Connect, Some(1)), "the idle one makes room");
        assert_eq!(pool.checkout_fresh(&'a'), (Checkout::Wait(1), None), "both are in use");
    }

    #[test]
    fn a_cancelled_request_gets_nothing() {
        let (mut pool, now) = (Pool::new(1), Instant::now());
        pool.checkout(&'a');
        pool.checkout(&'a');
        assert!(pool.cancel(&'a', 1));
        assert!(!pool.cancel(&'a', 1), "only once");
        assert_eq!(pool.check_in(&'a', 1, keep(now)), CheckIn::Keep);
    }

    #[test]
    fn idle_connections_expire_at_their_time_and_not_before() {
        let (mut pool, now) = (Pool::new(2), Instant::now());
        pool.checkout(&'a');
        pool.checkout(&'a');
        pool.check_in(&'a', 1, keep(now));
        pool.check_in(&'a', 2, keep(now + Duration::from_secs(1)));
        assert_eq!(pool.next_expiry(), Some(now + IDLE));
        assert!(pool.expire(now + IDLE - Duration::from_millis(1)).is_empty());
        assert_eq!(pool.expire(now + IDLE), [1]);
        assert_eq!(pool.checkout(&'a'), Checkout::Reuse(2));
        assert_eq!(pool.checkout(&'a'), Checkout::Connect, "an expired one makes room");
        assert_eq!(pool.drain(), Vec::<Id>::new());
    }

    #[test]
    fn a_connection_idle_for_long_is_not_settled() {
        let (mut pool, now) = (Pool::new(2), Instant::now());
        assert!(pool.is_settled(&'a', now), "there is none");
        pool.checkout(&'a');
        pool.check_in(&'a', 1, keep(now));
        assert!(pool.is_settled(&'a', now + SETTLED - Duration::from_millis(1)));
        assert!(!pool.is_settled(&'a', now + SETTLED));
        pool.checkout(&'a');
        assert!(pool.is_settled(&'a', now + SETTLED), "it is in use");
    }

    #[test]
    fn a_connection_may_be_kept_for_ever() {
        let (mut pool, now) = (Pool::new(2), Instant::now());
        pool.checkout(&'a');
        pool.check_in(&'a', 1, Keep { until: None, ..keep(now) });
        assert_eq!((pool.expire(now + IDLE * 1000), pool.next_expiry()), (vec![], None));
    }

    /// Another pool's cap once counted every connection as idle, which a test with a cap of 0 did
    /// not show. So: each limit, with each number of idle connections among so many open ones.
    #[test]
    fn only_idle_connections_are_counted_as_idle() {
        for (limit, open, idle) in (1..=4).flat_map(|l| (0..=l).flat_map(move |o| (0..=o).map(move |i| (l, o, i)))) {
            let fill = || {
                let (mut pool, now) = (Pool::new(limit), Instant::now());
                for _ in 0..open {
                    assert_eq!(pool.checkout(&'a'), Checkout::Connect);
                }
                for id in (1..).take(idle) {
                    // Those in use take no idle one's place.
                    assert_eq!(pool.check_in(&'a', id, keep(now)), CheckIn::Keep);
                }
                (pool, now)
            };
            let (case, ids) = (format!("{limit} {open} {idle}"), (1..).take(idle).collect::<Vec<Id>>());

            let (mut pool, now) = fill();
            assert_eq!(pool.expire(now + IDLE), ids, "{case}: those in use do not expire");
            assert_eq!(pool.drain(), Vec::<Id>::new(), "{case}");
            assert_eq!(pool.next_expiry(), None, "{case}");
            let fresh = (0..=limit).take_while(|_| pool.checkout(&'a') == Checkout::Connect).count();
            assert_eq!(fresh, limit - (open - idle), "{case}: room for all but those in use");

            let (mut pool, _) = fill();
            for &id in ids.iter().rev() {
                assert_eq!(pool.checkout(&'a'), Checkout::Reuse(id), "{case}");
            }
            for _ in open..limit {
                assert_eq!(pool.checkout(&'a'), Checkout::Connect, "{case}");
            }
            assert!(matches!(pool.checkout(&'a'), Checkout::Wait(_)), "{case}");

            let (mut pool, _) = fill();
            let evicts = (0..limit).filter_map(|_| pool.checkout_fresh(&'a').1).collect::<Vec<_>>();
            assert_eq!(evicts, ids, "{case}: only idle ones make room, and the oldest first");
        }
    }
}
