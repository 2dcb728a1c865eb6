use std::time::Duration;

use super::*;
use crate::client::pipeline::trust::EXPIRY;

const PERSISTS: Answered = Answered { persists: true, max: None };

/// Lanes of a client that has room for more connections as long as a test says so.
struct Table {
    lanes: Lanes<char>,
    now: Instant,
    room: bool,
}

impl Table {
    fn new(depth: u8) -> Self {
        Self { lanes: Lanes::new(depth), now: Instant::now(), room: true }
    }

    /// With one lane to an origin that has shown persistence; nothing is outstanding.
    fn shown(depth: u8) -> (Self, LaneId) {
        let mut table = Self::new(depth);
        let Placement::Open(lane) = table.submit() else { panic!("no lane is open") };
        assert_eq!(table.opened(lane).len(), 1);
        assert_eq!(table.answered(lane, PERSISTS), []);
        (table, lane)
    }

    fn submit(&mut self) -> Placement {
        self.lanes.submit(&'a', self.room, self.now).1
    }

    fn opened(&mut self, lane: LaneId) -> Vec<Given> {
        self.lanes.opened(&'a', lane, self.now)
    }

    fn answered(&mut self, lane: LaneId, answer: Answered) -> Vec<Given> {
        self.lanes.answered(&'a', lane, answer, self.now)
    }
}

fn lanes(given: &[Given]) -> Vec<LaneId> {
    given.iter().map(|(lane, _)| *lane).collect()
}

#[test]
fn an_unknown_origin_has_one_request_on_each_connection() {
    let mut table = Table::new(8);
    let Placement::Open(first) = table.submit() else { panic!() };
    assert_eq!(table.opened(first).len(), 1);
    let Placement::Open(second) = table.submit() else { panic!("the first has its one") };
    assert_eq!(table.opened(second).len(), 1);
    table.room = false;
    assert_eq!([table.submit(), table.submit(), table.submit()], [Placement::Wait; 3]);
    let given = table.answered(first, Answered { persists: false, max: None });
    assert_eq!(lanes(&given), [first], "an answer with HTTP/1.0 shows nothing");
    let given = table.answered(second, PERSISTS);
    assert_eq!(lanes(&given), [second, first], "now all are pipelined, and spread");
}

#[test]
fn a_lane_takes_as_many_as_the_depth_says() {
    let (mut table, lane) = Table::shown(3);
    assert_eq!([table.submit(), table.submit(), table.submit()], [Placement::Lane(lane); 3]);
    let Placement::Open(other) = table.submit() else { panic!("the lane is full") };
    assert_eq!([table.submit(), table.submit()], [Placement::Wait; 2], "the coming lane has room for them");
    let Placement::Open(third) = table.submit() else { panic!("and for no more") };
    assert_eq!(lanes(&table.answered(lane, PERSISTS)), [lane], "whichever is first: a lane that has room again");
    assert_eq!(lanes(&table.opened(other)), [other; 3]);
    assert_eq!(table.opened(third), []);
}

#[test]
fn the_least_loaded_lane_is_next() {
    let (mut table, first) = Table::shown(2);
    assert_eq!([table.submit(), table.submit()], [Placement::Lane(first); 2]);
    let Placement::Open(second) = table.submit() else { panic!() };
    table.opened(second);
    table.answered(first, PERSISTS);
    table.answered(first, PERSISTS);
    assert_eq!(table.submit(), Placement::Lane(first));
    assert_eq!(table.submit(), Placement::Lane(first), "as loaded as the other, and older");
    assert_eq!(table.submit(), Placement::Lane(second));
}

#[test]
fn requests_wait_where_no_connection_may_be_made() {
    let (mut table, lane) = Table::shown(1);
    table.room = false;
    assert_eq!([table.submit(), table.submit()], [Placement::Lane(lane), Placement::Wait]);
    assert_eq!(lanes(&table.answered(lane, PERSISTS)), [lane]);
    let mut alone = Table::new(1);
    alone.room = false;
    assert!(matches!(alone.submit(), Placement::Open(_)), "one lane must be there, and waits in the pool");
    assert_eq!(alone.submit(), Placement::Wait);
}

#[test]
fn a_server_that_counts_is_given_no_more_than_it_takes() {
    let (mut table, lane) = Table::shown(8);
    table.room = false;
    for _ in 0..4 {
        assert_eq!(table.submit(), Placement::Lane(lane));
    }
    // It takes 4 more, and 3 of them are already on their way.
    table.answered(lane, Answered { persists: true, max: Some(4) });
    assert_eq!([table.submit(), table.submit()], [Placement::Lane(lane), Placement::Wait]);
}

#[test]
fn a_request_that_went_before_it_was_sent_makes_room() {
    let (mut table, lane) = Table::shown(1);
    table.room = false;
    assert_eq!([table.submit(), table.submit()], [Placement::Lane(lane), Placement::Wait]);
    assert_eq!(lanes(&table.lanes.withdrawn(&'a', lane, table.now)), [lane]);
}

#[test]
fn those_that_wait_are_not_forgotten_when_a_lane_ends() {
    let (mut table, lane) = Table::shown(1);
    table.room = false;
    assert_eq!([table.submit(), table.submit()], [Placement::Lane(lane), Placement::Wait]);
    table.lanes.closing(&'a', lane);
    assert_eq!(table.answered(lane, PERSISTS), [], "it takes no more");
    let next = table.lanes.ended(&'a', lane).expect("somebody waits");
    assert_eq!(lanes(&table.opened(next)), [next]);
    table.answered(next, PERSISTS);
    assert_eq!(table.lanes.ended(&'a', next), None);
}

#[test]
fn what_a_closing_server_left_unanswered_goes_first_and_alone() {
    let (mut table, lane) = Table::shown(4);
    let sent: Vec<Ticket> = (0..3).map(|_| table.lanes.submit(&'a', true, table.now).0).collect();
    table.lanes.closing(&'a', lane);
    table.room = false;
    assert_eq!(table.submit(), Placement::Wait);
    assert_eq!(table.lanes.again(&'a', &sent[1..], true, table.now), []);
    assert_eq!(table.lanes.missing(&'a', false), None, "they wait for the connection's end");
    let next = table.lanes.missing(&'a', true).expect("three wait");
    assert_eq!(table.lanes.missing(&'a', true), None, "one is coming");
    assert_eq!(table.lanes.ended(&'a', lane), None);
    assert_eq!(table.opened(next), [(next, sent[1])], "one alone, the oldest");
    let given = table.answered(next, PERSISTS);
    assert_eq!((given[0], lanes(&given)), ((next, sent[2]), vec![next; 2]), "then the others");
    table.lanes.ended(&'a', next);
    table.room = true;
    let Placement::Open(last) = table.submit() else { panic!() };
    assert_eq!(table.submit(), Placement::Wait);
    assert_eq!(table.opened(last).len(), 2, "a lane for new requests need not begin with one alone");
}

#[test]
fn where_it_failed_nobody_pipelines_until_that_is_old() {
    let (mut table, lane) = Table::shown(2);
    table.submit();
    table.submit();
    table.room = false;
    let (waiting, _) = table.lanes.submit(&'a', false, table.now);
    assert_eq!(table.lanes.failed(&'a', table.now), [waiting]);
    assert_eq!(table.submit(), Placement::Direct);
    assert!(matches!(table.lanes.submit(&'b', true, table.now).1, Placement::Open(_)), "another origin");
    table.lanes.ended(&'a', lane);
    table.now += EXPIRY - Duration::from_secs(1);
    assert_eq!(table.submit(), Placement::Direct);
    table.now += Duration::from_secs(1);
    assert!(matches!(table.submit(), Placement::Open(_)));
    assert_eq!(table.submit(), Placement::Wait, "it begins anew with one at a time");
}

#[test]
fn without_a_connection_only_those_fail_who_have_no_other() {
    let (mut table, lane) = Table::shown(1);
    table.submit();
    let Placement::Open(second) = table.submit() else { panic!() };
    assert_eq!(table.lanes.unopened(&'a', second), [0; 0], "the first lane will take it");
    table.lanes.closing(&'a', lane);
    let (ticket, placement) = table.lanes.submit(&'a', true, table.now);
    let Placement::Open(third) = placement else { panic!("{placement:?}") };
    let failed = table.lanes.unopened(&'a', third);
    assert_eq!((failed.len(), failed[1]), (2, ticket));
}

#[test]
fn a_request_may_go_while_it_waits() {
    let mut table = Table::new(2);
    let (ticket, Placement::Open(lane)) = table.lanes.submit(&'a', true, table.now) else { panic!() };
    assert!(table.lanes.cancel(&'a', ticket));
    assert!(!table.lanes.cancel(&'a', ticket), "only once");
    assert_eq!(table.opened(lane), []);
}

#[test]
fn origins_that_nothing_is_known_of_are_forgotten() {
    let (mut lanes, now) = (Lanes::new(2), Instant::now());
    for origin in 0..1000 {
        let at = now + EXPIRY * origin;
        let (_, Placement::Open(lane)) = lanes.submit(&origin, true, at) else { panic!() };
        lanes.opened(&origin, lane, at);
        lanes.answered(&origin, lane, PERSISTS, at);
        lanes.ended(&origin, lane);
    }
    assert!(lanes.origins.len() <= PRUNE, "{}", lanes.origins.len());
}
