//! Random steps against the invariants: limits are kept, nobody is forgotten, the order holds.

use std::collections::HashMap;
use std::time::Duration;

use super::*;

const ORIGINS: [char; 3] = ['a', 'b', 'c'];

/// What the pool's caller would hold: the world outside of the pool.
struct World {
    pool: Pool<char, Id>,
    limits: Limits,
    now: Instant,
    random: u64,
    next_id: Id,
    used: Vec<(char, Id)>,
    idle: HashMap<Id, char>,
    connecting: Vec<char>,
    /// In the order of their turns.
    waiting: Vec<(char, Ticket, Wish)>,
    trail: Vec<String>,
}

impl World {
    fn new(limits: Limits, seed: u64) -> Self {
        Self {
            pool: Pool::new(limits),
            limits,
            now: Instant::now(),
            random: seed,
            next_id: 0,
            used: Vec::new(),
            idle: HashMap::new(),
            connecting: Vec::new(),
            waiting: Vec::new(),
            trail: Vec::new(),
        }
    }

    /// A number below `most`: splitmix64.
    fn below(&mut self, most: usize) -> usize {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.random;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((x ^ (x >> 31)) % most as u64) as usize
    }

    fn keep(&mut self) -> Keep {
        let careful = Duration::from_secs(self.below(3) as u64);
        let until = [None, Some(self.now + careful + Duration::from_secs(self.below(9) as u64))][self.below(2)];
        Keep { since: self.now, careful_until: self.now + careful, until, leaves: CloseReason::Idle }
    }

    fn obey(&mut self, orders: Orders<char, Id>) {
        for (id, _) in orders.close {
            assert!(self.idle.remove(&id).is_some(), "{id} is not idle");
        }
        self.connecting.extend(orders.connect);
    }

    /// A request's turn has come: it was the first of its origin's whose wish is met.
    fn turn(&mut self, origin: char, ticket: Ticket, suits: impl Fn(Wish) -> bool) {
        let first = self.waiting.iter().position(|(o, _, wish)| *o == origin && suits(*wish)).expect("somebody waits");
        assert_eq!(self.waiting[first].1, ticket, "out of turn");
        self.waiting.remove(first);
    }

    fn got(&mut self, origin: char, checkout: Checkout<Id>, wish: Wish, front: bool) {
        match checkout {
            Checkout::Reuse(id) => {
                assert_eq!(self.idle.remove(&id), Some(origin));
                self.used.push((origin, id));
            }
            Checkout::Wait(ticket) if front => self.waiting.insert(0, (origin, ticket, wish)),
            Checkout::Wait(ticket) => self.waiting.push((origin, ticket, wish)),
        }
    }

    fn check_in(&mut self, origin: char, id: Id) {
        let (keep, now) = (self.keep(), self.now);
        let (decision, orders) = self.pool.check_in(origin, id, keep, now);
        match decision {
            CheckIn::Give(ticket, given) => {
                assert_eq!(given, id);
                self.turn(origin, ticket, |wish| keep.suits(wish, now));
                self.used.push((origin, id));
            }
            CheckIn::Kept => {
                self.idle.insert(id, origin);
            }
        }
        self.obey(orders);
    }

    fn step(&mut self) {
        let origin = ORIGINS[self.below(ORIGINS.len())];
        let within = Duration::from_secs(self.below(4) as u64);
        let wish = [Wish::Any, Wish::Any, Wish::Settled(within), Wish::Fresh][self.below(4)];
        let what = self.below(16);
        self.trail.push(format!("{what} {origin} {wish:?}"));
        match what {
            0..=4 => {
                let (checkout, orders) = self.pool.checkout(&origin, wish, self.now);
                self.obey(orders);
                self.got(origin, checkout, wish, false);
            }
            5..=6 if !self.connecting.is_empty() => {
                let origin = self.take_connecting();
                self.next_id += 1;
                let id = self.next_id;
                match self.pool.connected(&origin, self.now) {
                    Some(ticket) => {
                        self.turn(origin, ticket, |_| true);
                        self.used.push((origin, id));
                    }
                    None => self.check_in(origin, id),
                }
            }
            7 if !self.connecting.is_empty() => {
                let origin = self.take_connecting();
                let (told, orders) = self.pool.failed(&origin, self.now);
                if let Some(ticket) = told {
                    self.turn(origin, ticket, |_| true);
                }
                self.obey(orders);
            }
            8..=9 if !self.used.is_empty() => {
                let (origin, id) = self.take_used();
                self.check_in(origin, id);
            }
            10 if !self.used.is_empty() => {
                let (origin, _) = self.take_used();
                let orders = self.pool.closed(&origin);
                self.obey(orders);
            }
            11 if !self.used.is_empty() => {
                let (origin, _) = self.take_used();
                let (checkout, orders) = self.pool.replace(&origin, wish, self.now);
                self.got(origin, checkout, wish, true);
                self.obey(orders);
            }
            12 if !self.waiting.is_empty() => {
                let at = self.below(self.waiting.len());
                let (origin, ticket, _) = self.waiting.remove(at);
                assert!(self.pool.cancel(&origin, ticket));
                assert!(!self.pool.cancel(&origin, ticket));
            }
            13 => {
                self.now += Duration::from_millis(700);
                let first = self.pool.each().flat_map(|(_, _, idle)| idle).filter_map(|(_, keep)| keep.until).min();
                assert_eq!(self.pool.next_expiry(), first);
                let orders = self.pool.expire(self.now);
                self.obey(orders);
            }
            14 => {
                let count = self.below(4);
                let orders = self.pool.preconnect(&origin, count);
                self.obey(orders);
            }
            15 if !self.idle.is_empty() => {
                let mut ids: Vec<_> = self.idle.iter().map(|(id, origin)| (*id, *origin)).collect();
                ids.sort_unstable();
                let (id, origin) = ids[self.below(ids.len())];
                assert_eq!(self.pool.take(&origin, |other| *other == id), Some(id));
                assert_eq!(self.pool.take(&origin, |other| *other == id), None);
                self.idle.remove(&id);
                self.used.push((origin, id));
            }
            _ => {}
        }
    }

    fn take_connecting(&mut self) -> char {
        let at = self.below(self.connecting.len());
        self.connecting.remove(at)
    }

    fn take_used(&mut self) -> (char, Id) {
        let at = self.below(self.used.len());
        self.used.remove(at)
    }

    fn check(&self) {
        let (mut all_open, mut all_idle) = (0, 0);
        let total = self.used.len() + self.idle.len() + self.connecting.len();
        for origin in ORIGINS {
            let count = |all: &[char]| all.iter().filter(|o| **o == origin).count();
            let connecting = count(&self.connecting);
            let idle = self.idle.values().filter(|o| **o == origin).count();
            let used = self.used.iter().filter(|(o, _)| *o == origin).count();
            let waiting = self.waiting.iter().filter(|(o, ..)| *o == origin).count();
            let open = connecting + idle + used;
            all_open += open;
            all_idle += idle;
            assert!(open <= self.limits.per_origin);
            if waiting > connecting {
                let origin_full = open == self.limits.per_origin && idle == 0;
                let pool_full = total == self.limits.total && self.idle.is_empty();
                assert!(
                    origin_full || pool_full,
                    "{origin}: {waiting} wait, {connecting} are being made, for no reason"
                );
            }
            match self.pool.origins.get(&origin) {
                Some(entry) => {
                    let known = (entry.open, entry.connecting, entry.idle.len(), entry.waiting.len());
                    assert_eq!(known, (open, connecting, idle, waiting), "{origin}");
                }
                None => assert_eq!((open, waiting), (0, 0), "{origin} is forgotten"),
            }
        }
        assert_eq!((self.pool.open, self.pool.idle()), (all_open, all_idle));
        assert!(all_open <= self.limits.total && all_idle <= self.limits.idle);
        for &slot in self.pool.origins.values().flat_map(|entry| &entry.idle) {
            let until = self.pool.idle.get(slot).expect("it is idle").keep.until;
            let noted = self.pool.expiries.noted(slot);
            assert!(until.is_none_or(|until| noted.is_some_and(|at| at <= until)), "looked at too late");
        }
        assert!(self.pool.starved.is_empty() || (total == self.limits.total && self.idle.is_empty()));
        let starved = self.pool.origins.values().filter(|entry| entry.starved.is_some()).count();
        assert_eq!(self.pool.starved.len(), starved);
    }

    /// Whoever waits is served, if connections are made and freed.
    fn finish(&mut self) {
        let mut turns = 0;
        while !self.waiting.is_empty() {
            if let Some((origin, id)) = self.used.pop() {
                self.check_in(origin, id);
            } else {
                let origin = self.connecting.pop().expect("who waits has a connection being made");
                self.next_id += 1;
                let id = self.next_id;
                match self.pool.connected(&origin, self.now) {
                    Some(ticket) => {
                        self.turn(origin, ticket, |_| true);
                        self.used.push((origin, id));
                    }
                    None => self.check_in(origin, id),
                }
            }
            self.check();
            turns += 1;
            assert!(turns < 100_000, "{:?}", self.waiting);
        }
    }
}

#[test]
fn random_steps_keep_the_limits_and_forget_nobody() {
    for seed in 0..60 {
        let sizes = [1, 2, 3, 5, usize::MAX];
        let mut pick = World::new(Limits { per_origin: 1, total: 1, idle: 1 }, seed);
        let limits = Limits {
            per_origin: sizes[pick.below(5)],
            total: sizes[pick.below(5)],
            idle: [0, 1, 2, 4, usize::MAX][pick.below(5)],
        };
        let mut world = World::new(limits, seed);
        for _ in 0..2_000 {
            world.step();
            let checked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| world.check()));
            if checked.is_err() {
                panic!(
                    "seed {seed}, {limits:?}, last steps: {:?}",
                    &world.trail[world.trail.len().saturating_sub(12)..]
                );
            }
        }
        world.finish();
    }
}
