//! The pool's decisions, without I/O: who gets which connection, who waits, who must close.
//! The caller acts on what is returned, outside of the lock it holds meanwhile.
//!
//! Per origin the freshest idle connection is used first, so that the others can grow old and go. A
//! request that finds none waits, in the order of coming, for whatever is first: a connection that
//! is freed, or one that is made because of it. Whichever of the two comes late is kept.

mod entry;
mod expiries;

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::hash::Hash;
use std::time::{Duration, Instant};

use tenure_proto::CloseReason;

use super::spread::Spread;
use crate::idle::Slots;
pub(crate) use entry::Entry;
use entry::Waiter;
use expiries::Expiries;

/// Where tickets begin.
const MIDDLE: Ticket = 1 << 63;

/// A connection's number. This side gives them out.
pub(crate) type Id = u64;
/// A request that waits for a connection.
pub(crate) type Ticket = u64;

/// How many connections there may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Limits {
    /// Open ones of one origin, at least 1.
    pub(crate) per_origin: usize,
    /// Open ones in all, at least 1.
    pub(crate) total: usize,
    /// Idle ones in all.
    pub(crate) idle: usize,
}

/// What a request needs of its connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wish {
    /// Any that lives: the request can be repeated.
    Any,
    /// One that the server is not about to close, as far as was known when it fell idle, and that has
    /// been idle for less than this, by what is known now: the request cannot be repeated.
    Settled(Duration),
    /// One that nobody has used, and that has not been idle.
    Fresh,
}

/// Until when an idle connection is of use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Keep {
    /// Since when it is idle.
    pub(crate) since: Instant,
    /// For a request that cannot be repeated.
    pub(crate) careful_until: Instant,
    /// For any; then it is closed. `None`: for ever.
    pub(crate) until: Option<Instant>,
    /// Why it is closed then.
    pub(crate) leaves: CloseReason,
}

impl Keep {
    fn suits(&self, wish: Wish, now: Instant) -> bool {
        let lasts = self.until.is_none_or(|until| now < until);
        match wish {
            Wish::Any => lasts,
            Wish::Settled(within) => {
                lasts && now < self.careful_until && now.saturating_duration_since(self.since) < within
            }
            Wish::Fresh => false,
        }
    }
}

/// What a request gets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Checkout<C> {
    /// This idle connection, taken out of the pool.
    Reuse(C),
    /// Nothing yet: its turn comes by [`CheckIn::Give`], [`Pool::connected`] or [`Pool::failed`].
    Wait(Ticket),
}

/// What to do with a connection whose exchange has ended well.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum CheckIn<C> {
    /// Hand it to a waiting request.
    Give(Ticket, C),
    /// It is kept, counts as idle from now on, and may be among those to be closed.
    Kept,
}

/// What the caller has to do because of a decision.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct Orders<K, C> {
    /// Begin to connect: to each of these, once for each time it is here. Its place is counted, until
    /// [`Pool::connected`] or [`Pool::failed`].
    pub(crate) connect: Vec<K>,
    /// Close these idle connections: they are out of the pool.
    pub(crate) close: Vec<(C, CloseReason)>,
}

impl<K, C> Default for Orders<K, C> {
    fn default() -> Self {
        Self { connect: Vec::new(), close: Vec::new() }
    }
}

impl<K, C> Orders<K, C> {
    pub(crate) const fn is_empty(&self) -> bool {
        self.connect.is_empty() && self.close.is_empty()
    }
}

/// Connections `C` by origin `K`. It holds those that are idle, and counts the others.
///
/// Invariants: of each origin, idle + in use + being made = open <= `per_origin`; all open <= `total`;
/// all idle <= `idle`. A request waits without a connection being made for it only while its origin
/// or the whole pool has no room, and nothing idle could make room.
#[derive(Debug)]
pub(crate) struct Pool<K, C> {
    limits: Limits,
    origins: Spread<K, Entry>,
    /// All idle connections, in the order of coming.
    idle: Slots<Idle<K, C>>,
    /// When their slots are to be looked at.
    expiries: Expiries,
    open: usize,
    /// Origins whose requests wait for the whole pool to have room, by the first of these requests.
    /// While there are any, `total` are open and none is idle.
    starved: BTreeSet<(Ticket, K)>,
    /// Tickets count up from the middle, and down for those that go to the front: the smallest has
    /// waited longest.
    last_ticket: Ticket,
    first_ticket: Ticket,
}

#[derive(Debug)]
struct Idle<K, C> {
    origin: K,
    connection: C,
    keep: Keep,
}

impl<K: Hash + Ord + Clone, C> Pool<K, C> {
    pub(crate) fn new(limits: Limits) -> Self {
        let limits = Limits { per_origin: limits.per_origin.max(1), total: limits.total.max(1), ..limits };
        Self {
            limits,
            origins: Spread::default(),
            idle: Slots::new(),
            expiries: Expiries::default(),
            open: 0,
            starved: BTreeSet::new(),
            last_ticket: MIDDLE,
            first_ticket: MIDDLE,
        }
    }

    /// A request to `origin` needs a connection.
    pub(crate) fn checkout(&mut self, origin: &K, wish: Wish, now: Instant) -> (Checkout<C>, Orders<K, C>) {
        if let Some(connection) = self.take_suiting(origin, wish, now) {
            return (Checkout::Reuse(connection), Orders::default());
        }
        self.last_ticket += 1;
        let ticket = self.last_ticket;
        self.entry(origin).waiting.push_back(Waiter { ticket, wish });
        (Checkout::Wait(ticket), self.settle(origin))
    }

    /// The connection that a request was given has turned out to be dead: the request keeps its turn.
    /// Any other idle one is as good, unless the request wants to be sure: they may have died together.
    pub(crate) fn replace(&mut self, origin: &K, wish: Wish, now: Instant) -> (Checkout<C>, Orders<K, C>) {
        let idle = if wish == Wish::Any { self.take_suiting(origin, wish, now) } else { None };
        if let Some(connection) = idle {
            return (Checkout::Reuse(connection), self.closed(origin));
        }
        self.first_ticket -= 1;
        let ticket = self.first_ticket;
        self.entry(origin).waiting.push_front(Waiter { ticket, wish });
        (Checkout::Wait(ticket), self.closed(origin))
    }

    /// A connection's exchange has ended and the connection persists.
    pub(crate) fn check_in(
        &mut self,
        origin: K,
        connection: C,
        keep: Keep,
        now: Instant,
    ) -> (CheckIn<C>, Orders<K, C>) {
        let yields = !self.starved.is_empty() && self.must_yield(&origin, &keep, now);
        let entry = match self.origins.get_mut(&origin) {
            Some(entry) => entry,
            None => self.origins.entry(origin.clone()).or_default(),
        };
        if !yields && let Some(ticket) = entry.next_for(&keep, now) {
            return (CheckIn::Give(ticket, connection), Orders::default());
        }
        let somebody_waits = !entry.waiting.is_empty() || !self.starved.is_empty();
        let waited_for = somebody_waits.then(|| origin.clone());
        let slot = self.idle.insert(Idle { origin, connection, keep });
        self.expiries.expect(slot, keep.until);
        entry.idle.push(slot);
        let mut orders = Orders::default();
        if self.idle.len() > self.limits.idle {
            self.evict_oldest(CloseReason::PoolFull, &mut orders);
        }
        if let Some(origin) = waited_for {
            self.settle_into(&origin, &mut orders);
        }
        (CheckIn::Kept, orders)
    }

    /// A connection was made. It is for this request; `None`: nobody waits any more, check it in.
    pub(crate) fn connected(&mut self, origin: &K, now: Instant) -> Option<Ticket> {
        let entry = self.entry(origin);
        entry.connecting = entry.connecting.saturating_sub(1);
        let first = entry.waiting.pop_front()?;
        entry.turned = Some(now);
        Some(first.ticket)
    }

    /// A connection could not be made. Who must hear of it: the first that waits, if there are more
    /// requests than connections being made.
    pub(crate) fn failed(&mut self, origin: &K, now: Instant) -> (Option<Ticket>, Orders<K, C>) {
        let entry = self.entry(origin);
        entry.connecting = entry.connecting.saturating_sub(1);
        let mut told = None;
        if entry.waiting.len() > entry.connecting {
            told = entry.waiting.pop_front().map(|waiter| waiter.ticket);
            entry.turned = Some(now);
        }
        (told, self.closed(origin))
    }

    /// A connection in use has ended.
    pub(crate) fn closed(&mut self, origin: &K) -> Orders<K, C> {
        self.leave(origin);
        self.settle(origin)
    }

    /// A waiting request has gone. False if its turn had already come.
    pub(crate) fn cancel(&mut self, origin: &K, ticket: Ticket) -> bool {
        let Some(entry) = self.origins.get_mut(origin) else { return false };
        let before = entry.waiting.len();
        entry.waiting.retain(|waiter| waiter.ticket != ticket);
        let found = entry.waiting.len() < before;
        self.feed_no_more(origin);
        self.starve(origin);
        self.forget_unused(origin);
        found
    }

    /// When a request to `origin` last got its turn, if any did since somebody waits.
    pub(crate) fn last_turn(&self, origin: &K) -> Option<Instant> {
        self.origins.get(origin)?.turned
    }

    /// Connections of the origin that are open or being made, and requests that wait for one.
    pub(crate) fn load(&self, origin: &K) -> (usize, usize) {
        self.origins.get(origin).map_or((0, 0), |entry| (entry.open, entry.waiting.len()))
    }

    /// True if a request to `origin` gets a connection without waiting for another to be freed.
    pub(crate) fn has_room(&self, origin: &K) -> bool {
        let pool_has = self.open < self.limits.total || self.idle.len() > 0;
        self.origins
            .get(origin)
            .map_or(pool_has, |entry| !entry.idle.is_empty() || (pool_has && entry.open < self.limits.per_origin))
    }

    /// How many requests to `origin` wait while no connection is being made for them.
    pub(crate) fn waiting(&self, origin: &K) -> usize {
        self.origins.get(origin).map_or(0, |entry| entry.waiting.len().saturating_sub(entry.connecting))
    }

    /// Takes an idle connection out for a look; it counts as in use. `None` if it is not idle.
    pub(crate) fn take(&mut self, origin: &K, is_it: impl Fn(&C) -> bool) -> Option<C> {
        let is_it = |&slot: &u32| self.idle.get(slot).is_some_and(|idle| is_it(&idle.connection));
        let at = self.origins.get(origin)?.idle.iter().rposition(is_it)?;
        self.take_at(origin, at).map(|idle| idle.connection)
    }

    /// Begins to connect until `count` connections of the origin are idle or being made, beside those
    /// that requests wait for, as far as there is room.
    pub(crate) fn preconnect(&mut self, origin: &K, count: usize) -> Orders<K, C> {
        let mut orders = Orders::default();
        loop {
            let idle_room = self.idle.len() + orders.connect.len() < self.limits.idle;
            let (open, limits) = (self.open, self.limits);
            let entry = self.entry(origin);
            let spare = (entry.idle.len() + entry.connecting).saturating_sub(entry.waiting.len());
            if spare >= count || !idle_room || entry.open >= limits.per_origin || open >= limits.total {
                self.forget_unused(origin);
                return orders;
            }
            self.begin(origin, &mut orders);
        }
    }

    /// Takes out every connection whose time is over.
    pub(crate) fn expire(&mut self, now: Instant) -> Orders<K, C> {
        let mut orders = Orders::default();
        while let Some((until, slot)) = self.first_to_expire()
            && until <= now
        {
            self.evict(slot, None, &mut orders);
        }
        orders
    }

    /// Takes out every idle connection.
    pub(crate) fn drain(&mut self) -> Orders<K, C> {
        let mut orders = Orders::default();
        while self.evict_oldest(CloseReason::Shutdown, &mut orders) {}
        orders
    }

    /// Takes out the connection that has been idle longest.
    pub(crate) fn relieve(&mut self) -> Orders<K, C> {
        let mut orders = Orders::default();
        self.evict_oldest(CloseReason::Pressure, &mut orders);
        orders
    }

    /// When the next idle connection expires.
    pub(crate) fn next_expiry(&mut self) -> Option<Instant> {
        self.first_to_expire().map(|(until, _)| until)
    }

    /// How many are idle.
    pub(crate) const fn idle(&self) -> usize {
        self.idle.len()
    }

    /// Each origin with its numbers, and its idle connections, the oldest first.
    pub(crate) fn each(&self) -> impl Iterator<Item = (&K, &Entry, impl Iterator<Item = (&C, Keep)>)> {
        self.origins.iter().map(|(origin, entry)| {
            let idle = entry.idle.iter().filter_map(|&slot| self.idle.get(slot));
            (origin, entry, idle.map(|idle| (&idle.connection, idle.keep)))
        })
    }

    fn entry(&mut self, origin: &K) -> &mut Entry {
        self.origins.entry(origin.clone()).or_default()
    }

    /// The freshest idle connection that suits.
    fn take_suiting(&mut self, origin: &K, wish: Wish, now: Instant) -> Option<C> {
        let entry = self.origins.get_mut(origin)?;
        let suits = |slot: &u32| self.idle.get(*slot).is_some_and(|idle| idle.keep.suits(wish, now));
        let at = entry.idle.iter().rposition(suits)?;
        let slot = entry.idle.remove(at);
        self.idle.remove(slot).map(|idle| idle.connection)
    }

    fn take_at(&mut self, origin: &K, at: usize) -> Option<Idle<K, C>> {
        let slot = self.origins.get_mut(origin)?.idle.remove(at);
        self.idle.remove(slot)
    }

    /// When the next idle connection expires, and its slot.
    fn first_to_expire(&mut self) -> Option<(Instant, u32)> {
        loop {
            let (at, slot) = self.expiries.first()?;
            let until = self.idle.get(slot).and_then(|idle| idle.keep.until);
            if until == Some(at) {
                return Some((at, slot));
            }
            // Another connection stands there now, or none.
            self.expiries.set(slot, until);
        }
    }

    /// Closes an idle connection, for this reason or because its time is over.
    fn evict(&mut self, slot: u32, why: Option<CloseReason>, orders: &mut Orders<K, C>) {
        let Some(origin) = self.idle.get(slot).map(|idle| idle.origin.clone()) else { return };
        let at = self.origins.get(&origin).and_then(|entry| entry.idle.iter().position(|&other| other == slot));
        if let Some(idle) = at.and_then(|at| self.take_at(&origin, at)) {
            orders.close.push((idle.connection, why.unwrap_or(idle.keep.leaves)));
            self.leave(&origin);
            self.forget_unused(&origin);
        }
    }

    /// Closes the connection that has been idle longest. False if there is none.
    fn evict_oldest(&mut self, why: CloseReason, orders: &mut Orders<K, C>) -> bool {
        let Some((slot, _)) = self.idle.oldest() else { return false };
        self.evict(slot, Some(why), orders);
        true
    }

    /// One connection of the origin fewer is open.
    fn leave(&mut self, origin: &K) {
        if let Some(entry) = self.origins.get_mut(origin) {
            entry.open = entry.open.saturating_sub(1);
            self.open = self.open.saturating_sub(1);
        }
    }

    fn forget_unused(&mut self, origin: &K) {
        if self.origins.get(origin).is_some_and(Entry::is_unused) {
            self.feed_no_more(origin);
            self.origins.remove(origin);
        }
    }

    fn settle(&mut self, origin: &K) -> Orders<K, C> {
        let mut orders = Orders::default();
        self.settle_into(origin, &mut orders);
        orders
    }

    /// After any change: begins what can be begun for those that wait.
    fn settle_into(&mut self, origin: &K, orders: &mut Orders<K, C>) {
        if self.starved.is_empty() {
            while self.provide(origin, orders) {}
        } else {
            self.starve(origin);
            self.feed(orders);
        }
        self.forget_unused(origin);
    }

    /// Those that wait for the whole pool to have room get it, whoever has waited longest first.
    fn feed(&mut self, orders: &mut Orders<K, C>) {
        while self.open < self.limits.total || self.idle.len() > 0 {
            let Some((_, origin)) = self.longest_starved() else { return };
            self.feed_no_more(&origin);
            if self.provide(&origin, orders) {
                self.starve(&origin);
            }
        }
    }

    /// Its requests wait for the whole pool to have room, if any wait for that.
    fn starve(&mut self, origin: &K) {
        let Some(entry) = self.origins.get_mut(origin) else { return };
        let limited = entry.open >= self.limits.per_origin && entry.idle.is_empty();
        if let Some(first) = entry.waiting.front()
            && entry.wants_more()
            && entry.starved.is_none()
            && !limited
        {
            entry.starved = Some(first.ticket);
            self.starved.insert((first.ticket, origin.clone()));
        }
    }

    fn feed_no_more(&mut self, origin: &K) {
        if let Some(ticket) = self.origins.get_mut(origin).and_then(|entry| entry.starved.take()) {
            self.starved.remove(&(ticket, origin.clone()));
        }
    }

    /// Of those that wait for room, the first. Who has got a connection meanwhile is passed over.
    fn longest_starved(&mut self) -> Option<(Ticket, K)> {
        loop {
            let (ticket, origin) = self.starved.first()?.clone();
            let front = self.origins.get(&origin).filter(|entry| entry.wants_more());
            if front.and_then(|entry| entry.waiting.front()).is_some_and(|first| first.ticket == ticket) {
                return Some((ticket, origin));
            }
            self.feed_no_more(&origin);
            self.starve(&origin);
        }
    }

    /// A freed connection goes to its own origin's next request, unless one of another origin has
    /// waited longer for the pool to have room.
    fn must_yield(&mut self, origin: &K, keep: &Keep, now: Instant) -> bool {
        let Some((longest, other)) = self.longest_starved() else { return false };
        let next = self.origins.get(origin).and_then(|entry| entry.first_for(keep, now));
        other != *origin && next.is_none_or(|(_, ticket)| longest < ticket)
    }

    /// Begins one more connection to an origin whose requests wait, if there is room or an idle one
    /// makes room. An idle connection of the same origin is one that suits none of them.
    fn provide(&mut self, origin: &K, orders: &mut Orders<K, C>) -> bool {
        let Some(entry) = self.origins.get(origin).filter(|entry| entry.wants_more()) else { return false };
        if entry.open >= self.limits.per_origin {
            let Some(&oldest) = entry.idle.first() else { return false };
            self.evict(oldest, Some(CloseReason::PoolFull), orders);
        }
        if self.open >= self.limits.total && !self.evict_oldest(CloseReason::Pressure, orders) {
            self.starve(origin);
            return false;
        }
        self.begin(origin, orders);
        true
    }

    fn begin(&mut self, origin: &K, orders: &mut Orders<K, C>) {
        let entry = self.entry(origin);
        entry.open += 1;
        entry.connecting += 1;
        self.open += 1;
        orders.connect.push(origin.clone());
    }
}
