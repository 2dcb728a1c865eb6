//! How long and for how many requests a server keeps a connection, and what it says of that.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tenure_proto::{CloseReason, Config, Connection, Directive, Event, Persistence, Server, Timeouts, Timer, Version};
use tenure_testkit::pair::{Body, EMPTY, Pair};

use crate::{exchange, pair};

const TICK: Duration = Duration::from_nanos(1);
const SECOND: Duration = Duration::from_secs(1);

/// A server that announces this idle time.
fn announcing(idle: Option<Duration>, idle_grace: Duration) -> Pair {
    let timeouts = Timeouts { idle, idle_grace, ..Timeouts::default() };
    Pair::new(Config::default(), Config { announce_idle: true, timeouts, ..Config::default() })
}

/// What the client heard with the last response.
fn announced(pair: &mut Pair) -> String {
    exchange(pair);
    let sent = pair.server.sent_text();
    let last = sent.rsplit("HTTP/1.1").next().unwrap_or_default();
    last.lines().find_map(|line| line.strip_prefix("keep-alive: ")).unwrap_or_default().to_owned()
}

fn idle_wait(pair: &Pair) -> Option<Duration> {
    let (timer, at) = pair.server.connection.deadline()?;
    assert_eq!(timer, Timer::Idle);
    Some(at - pair.clock.now())
}

#[test]
fn the_idle_time_is_announced_together_with_the_option() {
    let mut pair = announcing(Some(5 * SECOND), SECOND);
    pair.client.request("GET", "/", &[], EMPTY).unwrap();
    pair.run();
    pair.server.respond(204, &[("keep-alive", "timeout=900")], EMPTY).unwrap();
    pair.run();
    let response = "HTTP/1.1 204 No Content\r\nconnection: keep-alive\r\nkeep-alive: timeout=5\r\n\r\n";
    assert_eq!(pair.server.sent_text(), response);
    let head = "head HTTP/1.1 204 No Content, no content (rule 1), keep-alive timeout=5";
    assert_eq!(pair.client.events(), [head, "end"]);
}

#[test]
fn a_client_that_obeys_the_announcement_never_races() {
    let mut pair = announcing(Some(5 * SECOND), 2 * SECOND);
    exchange(&mut pair);
    assert_eq!(idle_wait(&pair), Some(7 * SECOND));
    pair.advance(5 * SECOND);
    assert_eq!(pair.server.closed(), None, "a request sent now is under way for up to the grace");
    pair.advance(2 * SECOND - TICK);
    assert_eq!(pair.server.closed(), None);
    pair.advance(TICK);
    assert_eq!(pair.server.closed(), Some(CloseReason::Idle));
}

#[test]
fn nobody_is_told_more_than_is_kept() {
    for (idle, hint, wait) in [
        (Some(Duration::from_millis(999)), "", Some(Duration::from_millis(999))),
        (Some(Duration::from_millis(1000)), "timeout=1", Some(2 * SECOND)),
        (Some(Duration::from_millis(1999)), "timeout=1", Some(2 * SECOND)),
        (Some(Duration::from_millis(2000)), "timeout=2", Some(3 * SECOND)),
        (None, "", None),
    ] {
        let mut pair = announcing(idle, SECOND);
        assert_eq!(announced(&mut pair), hint, "{idle:?}");
        assert_eq!(idle_wait(&pair), wait, "{idle:?}");
        assert_eq!(pair.server.sent_text().contains("connection: keep-alive"), !hint.is_empty());
    }
}

#[test]
fn a_time_beyond_counting_is_no_fault() {
    let mut pair = announcing(Some(Duration::MAX), Duration::MAX);
    assert_eq!(announced(&mut pair), format!("timeout={}", u32::MAX));
    assert_eq!(pair.server.connection.deadline(), None);
}

#[test]
fn what_is_not_announced_gets_no_grace() {
    let mut pair = pair();
    assert_eq!(announced(&mut pair), "");
    assert_eq!(idle_wait(&pair), Some(75 * SECOND));
}

#[test]
fn a_response_that_closes_announces_nothing() {
    let mut pair = announcing(Some(5 * SECOND), SECOND);
    pair.server.connection.close_after_current(CloseReason::Shutdown);
    exchange(&mut pair);
    assert_eq!(pair.server.sent_text(), "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n");
}

#[test]
fn an_http10_client_is_told_too() {
    let mut pair = announcing(Some(5 * SECOND), SECOND);
    let head = pair.client.request_head("GET", "/", Version::Http10, &[], Some(0));
    head.and_then(|_| pair.client.connection.send_end([], &mut pair.client.out)).unwrap();
    pair.run();
    pair.server.respond(200, &[], Body::Length(b"hi")).unwrap();
    pair.run();
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: keep-alive\r\nkeep-alive: timeout=5\r\n\r\nhi";
    assert_eq!(pair.server.sent_text(), head);
}

#[test]
fn a_shorter_idle_time_is_announced_and_kept_from_the_next_response_on() {
    let mut pair = announcing(Some(60 * SECOND), SECOND);
    assert_eq!(announced(&mut pair), "timeout=60");
    pair.server.connection.set_idle_timeout(3 * SECOND);
    assert_eq!(idle_wait(&pair), Some(61 * SECOND), "a promise is kept");
    assert_eq!(announced(&mut pair), "timeout=3");
    assert_eq!(idle_wait(&pair), Some(4 * SECOND));
    pair.server.connection.set_idle_timeout(90 * SECOND);
    assert_eq!(idle_wait(&pair), Some(4 * SECOND), "nobody counts on more");
    assert_eq!(announced(&mut pair), "timeout=90");
}

#[test]
fn a_wait_that_was_not_announced_shrinks_at_once() {
    let mut pair = pair();
    exchange(&mut pair);
    pair.server.connection.set_idle_timeout(3 * SECOND);
    assert_eq!(idle_wait(&pair), Some(3 * SECOND));
    pair.advance(3 * SECOND - TICK);
    assert_eq!(pair.server.closed(), None);
    pair.advance(TICK);
    assert_eq!(pair.server.closed(), Some(CloseReason::Idle));
}

#[test]
fn an_idle_time_of_one_connection_is_not_for_its_first_wait() {
    let mut pair = pair();
    pair.server.connection.set_idle_timeout(SECOND);
    pair.run();
    assert_eq!(pair.server.connection.deadline(), Some((Timer::First, pair.clock.now() + 30 * SECOND)));
}

#[test]
fn the_last_request_is_answered_with_close() {
    let mut pair = announcing(Some(5 * SECOND), SECOND);
    pair.server.connection.limit_requests(3);
    assert_eq!(announced(&mut pair), "timeout=5, max=2");
    assert_eq!(announced(&mut pair), "timeout=5, max=1");
    assert_eq!(pair.server.connection.persistence(), Persistence::Persist);
    let before = pair.server.sent_text();
    exchange(&mut pair);
    assert_eq!(pair.server.sent_text()[before.len()..], *"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n");
    assert_eq!(pair.server.closed(), Some(CloseReason::RequestLimit));
    assert_eq!(pair.client.closed(), Some(CloseReason::CloseOption));
}

#[test]
fn the_number_left_is_announced_without_a_time_too() {
    let mut pair = announcing(None, SECOND);
    pair.server.connection.limit_requests(2);
    assert_eq!(announced(&mut pair), "max=1");
    assert_eq!(idle_wait(&pair), None);
}

#[test]
fn nobody_is_told_of_a_limit_unless_the_server_announces() {
    let mut pair = pair();
    pair.server.connection.limit_requests(2);
    assert_eq!(announced(&mut pair), "");
    assert_eq!(pair.server.sent_text(), "HTTP/1.1 204 No Content\r\n\r\n");
    exchange(&mut pair);
    assert_eq!(pair.server.closed(), Some(CloseReason::RequestLimit));
}

#[test]
fn the_request_under_way_counts() {
    for n in [0, 1] {
        let mut pair = pair();
        exchange(&mut pair);
        pair.client.request("GET", "/", &[], EMPTY).unwrap();
        pair.run();
        pair.server.connection.limit_requests(n);
        pair.server.respond(204, &[], EMPTY).unwrap();
        pair.run();
        assert!(pair.server.sent_text().ends_with("connection: close\r\n\r\n"));
        assert_eq!(pair.server.closed(), Some(CloseReason::RequestLimit), "{n}");
    }
    let mut pair = pair();
    pair.client.request("GET", "/", &[], EMPTY).unwrap();
    pair.run();
    pair.server.connection.limit_requests(2);
    pair.server.respond(204, &[], EMPTY).unwrap();
    pair.run();
    assert_eq!(pair.server.closed(), None);
}

#[test]
fn a_limit_that_comes_after_the_head_ends_the_connection_with_the_response() {
    let mut pair = pair();
    pair.client.request("GET", "/", &[], EMPTY).unwrap();
    pair.run();
    pair.server.connection.send_head(http::StatusCode::OK, [], Some(2), &mut pair.server.out).unwrap();
    pair.server.connection.limit_requests(1);
    pair.server.send_piece(b"hi").unwrap();
    pair.server.connection.send_end([], &mut pair.server.out).unwrap();
    pair.run();
    assert_eq!(pair.client.events(), ["head HTTP/1.1 200 OK, length 2 (rule 6)", "content \"hi\"", "end"]);
    assert_eq!(pair.server.closed(), Some(CloseReason::RequestLimit));
}

#[test]
fn an_idle_connection_without_requests_left_still_answers_one() {
    let mut pair = pair();
    exchange(&mut pair);
    pair.server.connection.limit_requests(0);
    assert_eq!(pair.server.connection.directive(), Directive::Proceed);
    exchange(&mut pair);
    assert!(pair.server.sent_text().ends_with("connection: close\r\n\r\n"));
    assert_eq!(pair.server.closed(), Some(CloseReason::RequestLimit));
}

#[test]
fn a_limit_can_be_lifted_and_set_again() {
    let mut pair = announcing(Some(5 * SECOND), SECOND);
    pair.server.connection.limit_requests(2);
    assert_eq!(announced(&mut pair), "timeout=5, max=1");
    pair.server.connection.limit_requests(u64::MAX);
    assert_eq!(announced(&mut pair), "timeout=5");
    pair.server.connection.limit_requests(10);
    assert_eq!(announced(&mut pair), "timeout=5, max=9");
}

/// The first reason stands: the client said close, and the server had a limit as well.
#[test]
fn a_client_that_says_close_on_the_last_request_closes_it() {
    let mut pair = pair();
    pair.server.connection.limit_requests(1);
    pair.client.request("GET", "/", &[("connection", "close")], EMPTY).unwrap();
    pair.run();
    assert_eq!(pair.server.connection.persistence(), Persistence::Close(CloseReason::CloseOption));
}

#[test]
fn a_connection_that_wakes_goes_on_counting() {
    let config = Arc::new(Config { announce_idle: true, ..Config::default() });
    let now = Instant::now();
    let mut woken = Connection::<Server>::resume(config, 7);
    assert!(woken.is_idle());
    assert_eq!((woken.exchanges(), woken.received()), (7, 0));
    assert!(matches!(woken.receive(b"", now), Ok((0, Event::NeedInput))));
    assert_eq!(woken.deadline(), Some((Timer::Idle, now + 75 * SECOND)));
    woken.limit_requests(2);
    for _ in 0..2 {
        let request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        assert!(matches!(woken.receive(request, now), Ok((used, Event::Head(_))) if used == request.len()));
        assert!(matches!(woken.receive(b"", now), Ok((0, Event::End(_)))));
        let mut out = Vec::new();
        woken.send_head(http::StatusCode::NO_CONTENT, [], Some(0), &mut out).unwrap();
        woken.send_end([], &mut out).unwrap();
        let left = if woken.exchanges() == 8 { "Keep-Alive: timeout=75, max=1\r\n" } else { "Connection: close\r\n" };
        assert!(String::from_utf8(out).unwrap().contains(left), "{left}");
    }
    assert_eq!(woken.exchanges(), 9);
    assert_eq!(woken.directive(), Directive::HalfClose(CloseReason::RequestLimit));
}

#[test]
fn a_connection_that_wakes_before_its_first_request_still_owes_it() {
    let now = Instant::now();
    let mut woken = Connection::<Server>::resume(Arc::new(Config::default()), 0);
    assert!(matches!(woken.receive(b"", now), Ok((0, Event::NeedInput))));
    assert_eq!(woken.deadline(), Some((Timer::First, now + 30 * SECOND)));
}
