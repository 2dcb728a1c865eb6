use std::time::Duration;

use super::*;

const IDLE: Duration = Duration::from_secs(10);
const SETTLED: Duration = Duration::from_secs(2);

/// Nothing was learned that keeps a careful request off what was safe when it fell idle.
const CAREFUL: Wish = Wish::Settled(Duration::MAX);

const NONE: Orders<char, Id> = Orders { connect: Vec::new(), close: Vec::new() };

fn limits(per_origin: usize) -> Limits {
    Limits { per_origin, total: usize::MAX, idle: usize::MAX }
}

fn keep(now: Instant) -> Keep {
    Keep { since: now, careful_until: now + SETTLED, until: Some(now + IDLE), leaves: CloseReason::Idle }
}

fn connect(origins: &[char]) -> Orders<char, Id> {
    Orders { connect: origins.to_vec(), close: Vec::new() }
}

/// A pool with one clock.
struct Scene {
    pool: Pool<char, Id>,
    now: Instant,
}

impl Scene {
    fn new(limits: Limits) -> Self {
        Self { pool: Pool::new(limits), now: Instant::now() }
    }

    fn ask(&mut self, origin: char, wish: Wish) -> (Checkout<Id>, Orders<char, Id>) {
        self.pool.checkout(&origin, wish, self.now)
    }

    /// Asks for a connection where none is idle; its ticket.
    fn wait(&mut self, origin: char, wish: Wish, expected: Orders<char, Id>) -> Ticket {
        let (checkout, orders) = self.ask(origin, wish);
        assert_eq!(orders, expected);
        let Checkout::Wait(ticket) = checkout else { panic!("{checkout:?}") };
        ticket
    }

    /// Asks, connects: a connection in use.
    fn open(&mut self, origin: char) {
        let ticket = self.wait(origin, Wish::Fresh, connect(&[origin]));
        assert_eq!(self.pool.connected(&origin, self.now), Some(ticket));
    }

    fn check_in(&mut self, origin: char, id: Id) -> (CheckIn<Id>, Orders<char, Id>) {
        self.pool.check_in(origin, id, keep(self.now), self.now)
    }

    fn idle(&mut self, origin: char, id: Id) {
        self.open(origin);
        assert_eq!(self.check_in(origin, id), (CheckIn::Kept, NONE));
    }
}

#[test]
fn the_freshest_idle_connection_is_used_first() {
    let mut scene = Scene::new(limits(3));
    scene.open('a');
    scene.open('a');
    assert_eq!(scene.check_in('a', 1), (CheckIn::Kept, NONE));
    assert_eq!(scene.check_in('a', 2), (CheckIn::Kept, NONE));
    assert_eq!(scene.ask('a', Wish::Any), (Checkout::Reuse(2), NONE));
    scene.wait('b', Wish::Any, connect(&['b']));
}

#[test]
fn requests_over_the_limit_wait_in_order() {
    let mut scene = Scene::new(limits(1));
    scene.open('a');
    let first = scene.wait('a', Wish::Any, NONE);
    let second = scene.wait('a', Wish::Any, NONE);
    assert_eq!(scene.check_in('a', 7), (CheckIn::Give(first, 7), NONE));
    assert_eq!(scene.pool.closed(&'a'), connect(&['a']), "the place of a dead connection passes on");
    assert_eq!(scene.pool.connected(&'a', scene.now), Some(second));
    assert_eq!(scene.pool.closed(&'a'), NONE);
    assert!(scene.pool.origins.is_empty(), "an origin without connections is forgotten");
}

#[test]
fn a_request_takes_whichever_comes_first_and_the_other_is_kept() {
    let mut scene = Scene::new(limits(2));
    scene.open('a');
    let ticket = scene.wait('a', Wish::Any, connect(&['a']));
    assert_eq!(scene.check_in('a', 1), (CheckIn::Give(ticket, 1), NONE));
    assert_eq!(scene.pool.connected(&'a', scene.now), None, "it is nobody's");
    assert_eq!(scene.check_in('a', 2), (CheckIn::Kept, NONE));
    assert_eq!(scene.ask('a', Wish::Any), (Checkout::Reuse(2), NONE));
}

#[test]
fn a_connection_being_made_for_nobody_is_for_the_next() {
    let mut scene = Scene::new(limits(3));
    scene.open('a');
    let ticket = scene.wait('a', Wish::Any, connect(&['a']));
    assert_eq!(scene.check_in('a', 1), (CheckIn::Give(ticket, 1), NONE));
    let next = scene.wait('a', Wish::Any, NONE);
    assert_eq!(scene.pool.connected(&'a', scene.now), Some(next));
}

#[test]
fn a_failure_is_told_to_one_request_for_which_no_other_attempt_is_left() {
    let mut scene = Scene::new(limits(2));
    let tickets: Vec<_> = [connect(&['a']), connect(&['a']), NONE].map(|o| scene.wait('a', Wish::Any, o)).into();
    assert_eq!(scene.pool.failed(&'a', scene.now), (Some(tickets[0]), connect(&['a'])));
    assert_eq!(scene.pool.failed(&'a', scene.now), (Some(tickets[1]), NONE), "one waits, one is made");
    assert!(scene.pool.cancel(&'a', tickets[2]));
    assert_eq!(scene.pool.failed(&'a', scene.now), (None, NONE), "nobody is there to hear it");
    assert!(scene.pool.origins.is_empty());
}

#[test]
fn a_fresh_connection_is_never_an_idle_or_a_freed_one() {
    let mut scene = Scene::new(limits(2));
    scene.idle('a', 1);
    let first = scene.wait('a', Wish::Fresh, connect(&['a']));
    assert_eq!(scene.pool.connected(&'a', scene.now), Some(first));
    let evicts = Orders { connect: vec!['a'], close: vec![(1, CloseReason::PoolFull)] };
    let second = scene.wait('a', Wish::Fresh, evicts);
    let third = scene.wait('a', Wish::Any, NONE);
    assert_eq!(scene.check_in('a', 2), (CheckIn::Give(third, 2), NONE), "nothing for the one before it");
    assert_eq!(scene.pool.connected(&'a', scene.now), Some(second));
}

#[test]
fn a_freed_connection_makes_room_for_a_request_that_wants_a_fresh_one() {
    let mut scene = Scene::new(limits(1));
    scene.open('a');
    scene.wait('a', Wish::Fresh, NONE);
    let closes = Orders { connect: vec!['a'], close: vec![(5, CloseReason::PoolFull)] };
    assert_eq!(scene.check_in('a', 5), (CheckIn::Kept, closes));
}

#[test]
fn a_request_whose_connection_was_dead_keeps_its_turn() {
    let mut scene = Scene::new(limits(1));
    scene.open('a');
    let first = scene.wait('a', Wish::Any, NONE);
    let second = scene.wait('a', Wish::Any, NONE);
    assert_eq!(scene.check_in('a', 1), (CheckIn::Give(first, 1), NONE));
    let (again, orders) = scene.pool.replace(&'a', Wish::Any, scene.now);
    let Checkout::Wait(again) = again else { panic!("{again:?}") };
    assert_eq!(orders, connect(&['a']));
    assert_eq!(scene.pool.connected(&'a', scene.now), Some(again));
    assert_eq!(scene.check_in('a', 2), (CheckIn::Give(second, 2), NONE));
}

#[test]
fn after_a_dead_connection_only_a_repeatable_request_tries_another_idle_one() {
    for (wish, reuses) in [(Wish::Any, true), (CAREFUL, false)] {
        let mut scene = Scene::new(limits(2));
        scene.open('a');
        scene.open('a');
        scene.check_in('a', 1);
        scene.check_in('a', 2);
        assert_eq!(scene.ask('a', wish), (Checkout::Reuse(2), NONE));
        let (again, _) = scene.pool.replace(&'a', wish, scene.now);
        assert_eq!(again == Checkout::Reuse(1), reuses, "{wish:?}");
    }
}

#[test]
fn a_cancelled_request_gets_nothing() {
    let mut scene = Scene::new(limits(1));
    scene.open('a');
    let ticket = scene.wait('a', Wish::Any, NONE);
    assert!(scene.pool.cancel(&'a', ticket));
    assert!(!scene.pool.cancel(&'a', ticket), "only once");
    assert_eq!(scene.check_in('a', 1), (CheckIn::Kept, NONE));
}

#[test]
fn idle_connections_expire_at_their_time_and_not_before() {
    let mut scene = Scene::new(limits(2));
    let start = scene.now;
    scene.idle('a', 1);
    scene.open('a');
    scene.now += Duration::from_secs(1);
    scene.check_in('a', 2);
    assert_eq!(scene.pool.next_expiry(), Some(start + IDLE));
    assert_eq!(scene.pool.expire(start + IDLE - Duration::from_millis(1)), NONE);
    assert_eq!(scene.pool.expire(start + IDLE).close, [(1, CloseReason::Idle)]);
    assert_eq!(scene.ask('a', Wish::Any), (Checkout::Reuse(2), NONE));
    scene.wait('a', Wish::Any, connect(&['a']));
    assert_eq!(scene.pool.drain(), NONE);
}

/// What was noted when it fell idle before is no longer true of it.
#[test]
fn a_connection_that_was_used_again_expires_by_its_last_use() {
    let mut scene = Scene::new(limits(2));
    let start = scene.now;
    scene.idle('a', 1);
    scene.now += Duration::from_secs(1);
    assert_eq!(scene.ask('a', Wish::Any), (Checkout::Reuse(1), NONE));
    assert_eq!(scene.pool.next_expiry(), None, "it is in use");
    scene.check_in('a', 1);
    scene.now += Duration::from_secs(1);
    scene.ask('a', Wish::Any);
    scene.check_in('a', 1);
    assert_eq!(scene.pool.expire(start + IDLE + Duration::from_secs(1)), NONE);
    assert_eq!(scene.pool.next_expiry(), Some(start + IDLE + Duration::from_secs(2)));
    scene.ask('a', Wish::Any);
    let sooner = Keep { until: Some(scene.now + SETTLED), ..keep(scene.now) };
    scene.pool.check_in('a', 1, sooner, scene.now);
    assert_eq!(scene.pool.expire(scene.now + SETTLED).close, [(1, CloseReason::Idle)]);
}

/// The clock may jump over an expiry, as it does when the machine has slept.
#[test]
fn what_has_expired_is_not_used_although_nobody_closed_it_yet() {
    let mut scene = Scene::new(limits(1));
    scene.idle('a', 1);
    scene.now += IDLE;
    scene.wait('a', Wish::Any, Orders { connect: vec!['a'], close: vec![(1, CloseReason::PoolFull)] });
}

#[test]
fn a_request_that_cannot_be_repeated_takes_no_connection_that_was_idle_for_long() {
    let mut scene = Scene::new(limits(2));
    scene.idle('a', 1);
    scene.now += SETTLED - Duration::from_millis(1);
    assert_eq!(scene.ask('a', CAREFUL), (Checkout::Reuse(1), NONE));
    scene.check_in('a', 1);
    scene.now += SETTLED;
    let ticket = scene.wait('a', CAREFUL, connect(&['a']));
    assert_eq!(scene.ask('a', Wish::Any), (Checkout::Reuse(1), NONE));
    assert_eq!(scene.check_in('a', 1), (CheckIn::Give(ticket, 1), NONE), "just freed");
}

#[test]
fn what_was_learned_since_it_fell_idle_keeps_a_careful_request_off_it() {
    let mut scene = Scene::new(limits(2));
    scene.idle('a', 1);
    scene.now += Duration::from_millis(500);
    scene.wait('a', Wish::Settled(Duration::from_millis(500)), connect(&['a']));
    assert_eq!(scene.ask('a', Wish::Settled(Duration::from_millis(501))), (Checkout::Reuse(1), NONE));
}

#[test]
fn a_connection_may_be_kept_for_ever() {
    let mut scene = Scene::new(limits(2));
    scene.open('a');
    let ever = Keep { until: None, ..keep(scene.now) };
    scene.pool.check_in('a', 1, ever, scene.now);
    assert_eq!((scene.pool.expire(scene.now + IDLE * 1000), scene.pool.next_expiry()), (NONE, None));
    assert_eq!(scene.pool.drain().close, [(1, CloseReason::Shutdown)]);
}

#[test]
fn the_longest_idle_one_leaves_when_too_many_are_idle() {
    let mut scene = Scene::new(Limits { idle: 2, ..limits(6) });
    scene.idle('a', 1);
    scene.idle('b', 2);
    scene.open('a');
    let full = Orders { connect: vec![], close: vec![(1, CloseReason::PoolFull)] };
    assert_eq!(scene.check_in('a', 3), (CheckIn::Kept, full));
    assert_eq!(scene.pool.idle(), 2);

    let mut scene = Scene::new(Limits { idle: 0, ..limits(6) });
    scene.open('a');
    let none = Orders { connect: vec![], close: vec![(4, CloseReason::PoolFull)] };
    assert_eq!(scene.check_in('a', 4), (CheckIn::Kept, none), "a pool that keeps nothing");
    assert!(scene.pool.origins.is_empty());
}

#[test]
fn another_origins_longest_idle_connection_makes_room() {
    let mut scene = Scene::new(Limits { total: 2, ..limits(6) });
    scene.idle('a', 1);
    scene.idle('b', 2);
    let evicts = Orders { connect: vec!['c'], close: vec![(1, CloseReason::Pressure)] };
    let ticket = scene.wait('c', Wish::Any, evicts);
    assert_eq!(scene.pool.connected(&'c', scene.now), Some(ticket));
    assert_eq!(scene.ask('b', Wish::Any), (Checkout::Reuse(2), NONE));
}

/// An origin with requests enough to keep all places must not keep them from the others.
#[test]
fn who_has_waited_longest_for_the_whole_pool_is_next_whatever_the_origin() {
    let mut scene = Scene::new(Limits { total: 1, ..limits(6) });
    scene.open('a');
    let first = scene.wait('b', Wish::Any, NONE);
    let second = scene.wait('a', Wish::Any, NONE);
    let third = scene.wait('c', Wish::Any, NONE);
    let yields = Orders { connect: vec!['b'], close: vec![(1, CloseReason::Pressure)] };
    assert_eq!(scene.check_in('a', 1), (CheckIn::Kept, yields));
    assert_eq!(scene.pool.connected(&'b', scene.now), Some(first));
    assert_eq!(scene.pool.closed(&'b'), connect(&['a']));
    assert_eq!(scene.pool.connected(&'a', scene.now), Some(second));
    assert!(scene.pool.cancel(&'c', third));
    assert_eq!(scene.pool.starved.len(), 0);
    assert_eq!(scene.pool.closed(&'a'), NONE);
}

#[test]
fn connections_are_made_in_advance_as_far_as_there_is_room() {
    let mut scene = Scene::new(Limits { per_origin: 3, total: 5, idle: 4 });
    assert_eq!(scene.pool.preconnect(&'a', 2), connect(&['a', 'a']));
    assert_eq!(scene.pool.preconnect(&'a', 2), NONE, "they are being made");
    assert_eq!(scene.pool.connected(&'a', scene.now), None);
    assert_eq!(scene.check_in('a', 1), (CheckIn::Kept, NONE));
    assert_eq!(scene.pool.preconnect(&'a', 9), connect(&['a']), "the origin's limit");
    assert_eq!(scene.pool.preconnect(&'b', 9), connect(&['b', 'b']), "everybody's limit");
    assert_eq!(scene.pool.preconnect(&'c', 1), NONE);
    assert!(!scene.pool.origins.contains_key(&'c'));
    // A request takes one of those that are being made, and that one is not spare any more.
    assert_eq!(scene.pool.failed(&'b', scene.now), (None, NONE));
    scene.wait('a', Wish::Fresh, NONE);
    assert_eq!(scene.pool.preconnect(&'b', 2), connect(&['b']));
}

#[test]
fn there_is_room_until_a_limit_is_reached_and_nothing_is_idle() {
    let mut scene = Scene::new(Limits { total: 2, ..limits(1) });
    assert!(scene.pool.has_room(&'a'));
    scene.wait('a', Wish::Any, connect(&['a']));
    assert!(!scene.pool.has_room(&'a') && scene.pool.has_room(&'b'));
    assert_eq!(scene.pool.waiting(&'a'), 0, "one is being made for it");
    let next = scene.wait('a', Wish::Any, NONE);
    assert_eq!((scene.pool.waiting(&'a'), scene.pool.waiting(&'b')), (1, 0));
    scene.pool.connected(&'a', scene.now);
    assert_eq!(scene.check_in('a', 1), (CheckIn::Give(next, 1), NONE));
    assert!(!scene.pool.has_room(&'a'), "it went to the one that waited");
    scene.open('b');
    assert!(!scene.pool.has_room(&'c'), "everybody's limit");
    scene.check_in('a', 1);
    assert!(scene.pool.has_room(&'a') && scene.pool.has_room(&'c') && !scene.pool.has_room(&'b'));
}

#[test]
fn the_queue_tells_when_it_last_moved() {
    let mut scene = Scene::new(limits(1));
    assert_eq!(scene.pool.last_turn(&'a'), None);
    scene.open('a');
    scene.wait('a', Wish::Any, NONE);
    let before = scene.now;
    scene.now += SETTLED;
    assert_eq!(scene.pool.last_turn(&'a'), Some(before));
    scene.check_in('a', 1);
    assert_eq!(scene.pool.last_turn(&'a'), Some(scene.now));
}

/// Another pool's cap once counted every connection as idle, which a test with a cap of 0 did
/// not show. So: each limit, with each number of idle connections among so many open ones.
#[test]
fn only_idle_connections_are_counted_as_idle() {
    for (limit, open, idle) in (1..=4).flat_map(|l| (0..=l).flat_map(move |o| (0..=o).map(move |i| (l, o, i)))) {
        let fill = || {
            let mut scene = Scene::new(Limits { idle, ..limits(limit) });
            for _ in 0..open {
                scene.open('a');
            }
            for id in (1..).take(idle) {
                // Those in use take no idle one's place.
                assert_eq!(scene.check_in('a', id), (CheckIn::Kept, NONE));
            }
            scene
        };
        let (case, ids) = (format!("{limit} {open} {idle}"), (1..).take(idle).collect::<Vec<Id>>());

        let mut scene = fill();
        let expired: Vec<Id> = scene.pool.expire(scene.now + IDLE).close.iter().map(|(id, _)| *id).collect();
        assert_eq!(expired, ids, "{case}: those in use do not expire");
        assert_eq!((scene.pool.drain(), scene.pool.next_expiry()), (NONE, None), "{case}");
        let fresh = (0..=limit).take_while(|_| scene.ask('a', Wish::Any).1 == connect(&['a'])).count();
        assert_eq!(fresh, limit - (open - idle), "{case}: room for all but those in use");

        let mut scene = fill();
        for &id in ids.iter().rev() {
            assert_eq!(scene.ask('a', Wish::Any), (Checkout::Reuse(id), NONE), "{case}");
        }
        let fresh = (0..=limit).take_while(|_| scene.ask('a', Wish::Any).1 == connect(&['a'])).count();
        assert_eq!(fresh, limit - open, "{case}");

        let mut scene = fill();
        let evicts: Vec<Id> = (0..limit).flat_map(|_| scene.ask('a', Wish::Fresh).1.close).map(|(id, _)| id).collect();
        assert_eq!(evicts, ids, "{case}: only idle ones make room, and the oldest first");
    }
}
