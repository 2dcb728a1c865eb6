//! Each wait of RFC 9112 section 9.5, one nanosecond before its end and at it.

use std::time::Duration;

use tenure_proto::{CloseReason, Config, Directive, ErrorKind, Timeouts, Timer, Version};
use tenure_testkit::pair::{Body, EMPTY, Pair};

use crate::{exchange, pair};

const TICK: Duration = Duration::from_nanos(1);
const FIRST: Duration = Duration::from_secs(30);
const IDLE: Duration = Duration::from_secs(75);
const HEAD: Duration = Duration::from_secs(30);
const CONTENT: Duration = Duration::from_secs(30);
const LINGER: Duration = Duration::from_secs(5);

/// Which wait runs, and how long it still does.
fn server_wait(pair: &Pair) -> Option<(Timer, Duration)> {
    pair.server.connection.deadline().map(|(timer, at)| (timer, at - pair.clock.now()))
}

fn client_wait(pair: &Pair) -> Option<(Timer, Duration)> {
    pair.client.connection.deadline().map(|(timer, at)| (timer, at - pair.clock.now()))
}

#[test]
fn a_client_that_never_asks_is_closed_without_a_word() {
    let mut pair = pair();
    pair.run();
    assert_eq!(server_wait(&pair), Some((Timer::First, FIRST)));
    pair.advance(FIRST - TICK);
    assert_eq!(pair.server.closed(), None);
    pair.advance(TICK);
    assert_eq!(pair.server.closed(), Some(CloseReason::Idle));
    assert_eq!(pair.server.sent_text(), "");
    assert_eq!(pair.client.closed(), Some(CloseReason::PeerFin));
}

#[test]
fn an_idle_server_closes_without_a_word() {
    let mut pair = pair();
    exchange(&mut pair);
    let answer = pair.server.sent_text();
    assert_eq!(server_wait(&pair), Some((Timer::Idle, IDLE)));
    pair.advance(IDLE - TICK);
    assert_eq!(pair.server.closed(), None);
    pair.advance(TICK);
    assert_eq!(pair.server.closed(), Some(CloseReason::Idle));
    assert_eq!(pair.server.sent_text(), answer, "a 408 here could be taken for an answer to a request under way");
    assert_eq!(pair.client.closed(), Some(CloseReason::PeerFin));
    assert!(pair.client.error.is_none() && pair.server.error.is_none());
}

#[test]
fn a_server_that_is_told_to_says_408_before_it_closes() {
    for exchanges in [0, 1] {
        let mut pair = Pair::new(Config::default(), Config { answer_idle: true, ..Config::default() });
        pair.run();
        for _ in 0..exchanges {
            exchange(&mut pair);
        }
        let before = pair.server.sent_text();
        let (timer, wait) = if exchanges == 0 { (Timer::First, FIRST) } else { (Timer::Idle, IDLE) };
        assert_eq!(server_wait(&pair), Some((timer, wait)));
        pair.advance(wait - TICK);
        assert!(pair.server.error.is_none());
        pair.advance(TICK);
        let error = pair.server.error.expect("timed out");
        assert_eq!((error.kind(), error.status().as_u16()), (ErrorKind::TimedOut(timer), 408));
        assert_eq!(error.offset(), pair.server.connection.received());
        pair.server.respond(408, &[], EMPTY).unwrap();
        pair.run();
        let answer = "HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        assert_eq!(pair.server.sent_text(), before + answer);
        assert_eq!(pair.server.connection.directive().reason(), Some(CloseReason::Idle));
        assert_eq!(pair.client.error.map(|e| e.kind()), Some(ErrorKind::Unsolicited), "this client asked for nothing");
    }
}

#[test]
fn each_exchange_starts_the_idle_wait_anew() {
    let patient = Timeouts { head: None, ..Timeouts::default() };
    let mut pair = Pair::new(Config { timeouts: patient, ..Config::default() }, Config::default());
    pair.run();
    pair.advance(FIRST - TICK);
    pair.client.request("GET", "/", &[], EMPTY).unwrap();
    pair.run();
    assert_eq!(server_wait(&pair), None, "the server has the whole request: it is its turn");
    pair.advance(IDLE * 2 - TICK);
    pair.server.respond(204, &[], EMPTY).unwrap();
    pair.run();
    assert_eq!(server_wait(&pair), Some((Timer::Idle, IDLE)));
}

#[test]
fn a_head_that_drips_is_answered_with_408() {
    let mut pair = pair();
    pair.run();
    pair.advance(FIRST - TICK);
    // Each byte comes in time for an idle wait; the head as a whole does not.
    let head = b"GET / HTTP/1.1\r\nHost: a.example\r\nX: y\r\n";
    pair.client.out.extend_from_slice(&head[..1]);
    pair.run();
    assert_eq!(server_wait(&pair), Some((Timer::Head, HEAD)));
    for byte in &head[1..30] {
        pair.advance(Duration::from_secs(1));
        pair.client.out.push(*byte);
        pair.run();
    }
    assert_eq!(server_wait(&pair), Some((Timer::Head, HEAD - Duration::from_secs(29))));
    pair.advance(Duration::from_secs(1) - TICK);
    assert!(pair.server.error.is_none());
    pair.advance(TICK);
    let error = pair.server.error.expect("timed out");
    assert_eq!((error.kind().name(), error.status().as_u16()), ("timed-out", 408));
    pair.server.respond(error.status().as_u16(), &[], EMPTY).unwrap();
    pair.run();
    let answer = "HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    assert_eq!(pair.server.sent_text(), answer);
    assert_eq!(pair.server.connection.directive().reason(), Some(CloseReason::TimedOut));
}

#[test]
fn an_empty_line_is_no_beginning_of_a_head() {
    for half in [b"\r\n", &b"\r"[..]] {
        let mut pair = pair();
        for (timer, wait) in [(Timer::First, FIRST), (Timer::Idle, IDLE)] {
            pair.run();
            pair.advance(Duration::from_secs(1));
            pair.client.out.extend_from_slice(half);
            pair.run();
            assert_eq!(server_wait(&pair), Some((timer, wait - Duration::from_secs(1))), "{half:?}");
            pair.client.out.extend_from_slice(&b"\r\n"[half.len()..]);
            exchange(&mut pair);
        }
    }
}

#[test]
fn a_gap_in_the_content_ends_the_request() {
    let timeouts = Timeouts { content_rate: None, ..Timeouts::default() };
    let mut pair = Pair::new(Config::default(), Config { timeouts, ..Config::default() });
    pair.client.request_head("POST", "/", Version::Http11, &[], Some(100)).unwrap();
    pair.run();
    for _ in 0..5 {
        // Slow, but never silent for long: each piece starts the wait anew.
        pair.advance(CONTENT - TICK);
        pair.client.send_piece(b"x").unwrap();
        pair.run();
        assert_eq!(server_wait(&pair), Some((Timer::Content, CONTENT)));
    }
    pair.advance(CONTENT);
    let error = pair.server.error.expect("timed out");
    assert_eq!((error.kind().name(), error.status().as_u16(), error.offset()), ("timed-out", 408, 62));
    pair.server.respond(408, &[], EMPTY).unwrap();
    pair.run();
    assert_eq!(pair.client.closed(), Some(CloseReason::CloseOption));
    assert_eq!(pair.server.closed(), Some(CloseReason::TimedOut));
}

#[test]
fn a_gap_in_chunked_content_ends_the_request_wherever_it_is() {
    for so_far in ["", "1", "1\r\n", "1\r\nx", "1\r\nx\r\n", "0\r\n", "0\r\nX: y\r\n"] {
        let mut pair = pair();
        let head = "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n";
        pair.client.out.extend_from_slice(format!("{head}{so_far}").as_bytes());
        pair.run();
        pair.advance(CONTENT - TICK);
        assert!(pair.server.error.is_none(), "{so_far:?}");
        pair.advance(TICK);
        assert_eq!(pair.server.error.map(|e| e.kind().name()), Some("timed-out"), "{so_far:?}");
    }
}

#[test]
fn a_server_that_does_not_answer_is_given_up() {
    let mut pair = pair();
    pair.client.request("GET", "/", &[], EMPTY).unwrap();
    pair.run();
    assert_eq!(client_wait(&pair), Some((Timer::Head, HEAD)));
    pair.advance(HEAD - TICK);
    assert!(pair.client.error.is_none());
    pair.advance(TICK);
    assert_eq!(pair.client.error.map(|e| e.kind().name()), Some("timed-out"));
    assert_eq!(pair.client.closed(), Some(CloseReason::TimedOut));
}

#[test]
fn a_long_upload_is_no_slow_answer() {
    let mut pair = pair();
    pair.client.request_head("POST", "/", Version::Http11, &[], Some(10)).unwrap();
    pair.run();
    for _ in 0..10 {
        assert_eq!(client_wait(&pair), None, "the response is not due before the request is whole");
        pair.advance(HEAD - TICK);
        pair.client.send_piece(b"x").unwrap();
        pair.run();
    }
    pair.client.connection.send_end([], &mut pair.client.out).unwrap();
    pair.run();
    assert_eq!(client_wait(&pair), Some((Timer::Head, HEAD)));
    pair.advance(HEAD);
    assert_eq!(pair.client.error.map(|e| e.kind().name()), Some("timed-out"));
}

#[test]
fn an_interim_response_starts_the_wait_anew() {
    let mut pair = pair();
    pair.client.request("GET", "/", &[], EMPTY).unwrap();
    pair.run();
    pair.advance(HEAD - TICK);
    pair.server.connection.send_interim(http::StatusCode::PROCESSING, [], &mut pair.server.out).unwrap();
    pair.run();
    assert_eq!(client_wait(&pair), Some((Timer::Head, HEAD)));
}

#[test]
fn a_gap_in_the_response_ends_it() {
    let mut pair = pair();
    pair.client.request("GET", "/", &[], EMPTY).unwrap();
    pair.run();
    pair.server.connection.send_head(http::StatusCode::OK, [], None, &mut pair.server.out).unwrap();
    pair.server.send_piece(b"x").unwrap();
    pair.run();
    pair.advance(CONTENT - TICK);
    assert!(pair.client.error.is_none());
    pair.advance(TICK);
    assert_eq!(pair.client.error.map(|e| e.kind().name()), Some("timed-out"));
    assert_eq!(pair.client.closed(), Some(CloseReason::TimedOut));
}

#[test]
fn an_idle_client_waits_for_nothing() {
    let mut pair = pair();
    pair.run();
    assert_eq!(client_wait(&pair), None);
    pair.client.request("GET", "/", &[], EMPTY).unwrap();
    pair.run();
    pair.server.respond(200, &[], Body::Length(b"hi")).unwrap();
    pair.run();
    assert_eq!(client_wait(&pair), None);
}

#[test]
fn a_client_that_does_not_close_is_not_waited_for_for_ever() {
    let mut pair = pair();
    // A client of another make: it sends, and it never closes.
    pair.client.out.extend_from_slice(b"GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n");
    let now = pair.clock.now();
    let sent = std::mem::take(&mut pair.client.out);
    let server = &mut pair.server.connection;
    let (used, _) = server.receive(&sent, now).unwrap();
    assert!(matches!(server.receive(&sent[used..], now), Ok((0, tenure_proto::Event::End(_)))));
    server.send_head(http::StatusCode::NO_CONTENT, [], Some(0), &mut Vec::new()).unwrap();
    server.send_end([], &mut Vec::new()).unwrap();
    assert_eq!(server.directive(), Directive::HalfClose(CloseReason::CloseOption));
    assert_eq!(server.deadline(), None, "the wait begins when the half-close is done");
    server.half_closed(now);
    assert_eq!(server.deadline(), Some((Timer::Linger, now + LINGER)));
    // What still comes is discarded, and does not prolong the wait.
    assert!(matches!(server.receive(b"GET /2 HTTP/1.1\r\n", now + LINGER / 2), Ok((17, tenure_proto::Event::Closed))));
    server.expire(now + LINGER - TICK).unwrap();
    assert_eq!(server.directive(), Directive::Linger(CloseReason::CloseOption));
    server.expire(now + LINGER).unwrap();
    assert_eq!(server.directive(), Directive::Close(CloseReason::CloseOption));
    assert_eq!(server.deadline(), None);
}

#[test]
fn a_wait_without_an_end_has_no_deadline() {
    let timeouts = Timeouts::NONE;
    let config = Config { timeouts, ..Config::default() };
    let mut pair = Pair::new(config.clone(), config);
    pair.client.request_head("POST", "/", Version::Http11, &[], Some(2)).unwrap();
    pair.run();
    assert_eq!((server_wait(&pair), client_wait(&pair)), (None, None));
    pair.advance(Duration::from_secs(1_000_000));
    assert!(pair.client.error.is_none() && pair.server.error.is_none());
}

#[test]
fn time_that_stands_still_ends_nothing() {
    let mut pair = pair();
    pair.client.out.extend_from_slice(b"GET");
    pair.run();
    for _ in 0..3 {
        pair.advance(Duration::ZERO);
    }
    assert!(pair.server.error.is_none());
    assert_eq!(server_wait(&pair), Some((Timer::Head, HEAD)));
}
