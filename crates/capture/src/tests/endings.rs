//! Who closed, what was under way, and why; and where the capture was made.

use std::time::Duration;

use tenure_proto::CloseReason;

use super::build::{GET, OK, Talk};
use crate::Who::{Client, Server};
use crate::{EndState, How, Side, SideBasis, Who};

fn ending(talk: &Talk) -> (Who, How, EndState, Option<CloseReason>) {
    let ending = talk.life().ending.unwrap();
    (ending.close.by, ending.close.how, ending.state, ending.reason)
}

fn asked() -> Talk {
    Talk::new().open(100, 100).client(GET)
}

fn answer(field: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n{field}\r\n\r\nok").into_bytes()
}

#[test]
fn the_reasons_that_packets_tell() {
    let idle = |time| EndState::Idle(Duration::from_millis(time));
    for (talk, expected) in [
        (asked().server(OK).after(5_000_000).fin(Server), (Server, How::Fin, idle(5_000), Some(CloseReason::Idle))),
        (asked().server(OK).after(5_000_000).reset(Server), (Server, How::Reset, idle(5_000), Some(CloseReason::Idle))),
        (asked().server(OK).after(5_000_000).fin(Client), (Client, How::Fin, idle(5_000), None)),
        (asked().server(OK).after(1_000).fin(Server), (Server, How::Fin, idle(1), None)),
        (
            asked().server(&answer("Connection: close")).fin(Server),
            (Server, How::Fin, idle(0), Some(CloseReason::CloseOption)),
        ),
        (
            asked().server(&answer("Keep-Alive: timeout=5, max=0")).fin(Server),
            (Server, How::Fin, idle(0), Some(CloseReason::RequestLimit)),
        ),
        (
            asked().server(b"HTTP/1.1 200 OK\r\n\r\nto the end").fin(Server),
            (Server, How::Fin, idle(0), Some(CloseReason::CloseDelimited)),
        ),
        (
            asked().server(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n").fin(Server),
            (Server, How::Fin, idle(0), Some(CloseReason::Http10)),
        ),
        (asked().ack(Server).after(99).fin(Server), (Server, How::Fin, EndState::Within(1), None)),
        (
            Talk::new().open(100, 100).after(30_000_000).fin(Server),
            (Server, How::Fin, EndState::Unused, Some(CloseReason::Idle)),
        ),
        (
            asked()
                .server(OK)
                .after(9_000_000)
                .server(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
                .fin(Server),
            (Server, How::Fin, idle(9_000), Some(CloseReason::TimedOut)),
        ),
    ] {
        assert_eq!(ending(&talk), expected);
    }
    assert!(asked().server(OK).life().ending.is_none(), "still open");
}

#[test]
fn a_request_that_the_server_had_not_got_does_not_make_its_close_one_within_an_exchange() {
    let talk = asked().server(OK).after(5_000_000).unheard(Client, GET).after(10).fin(Server);
    assert_eq!(ending(&talk).2, EndState::Idle(Duration::from_micros(5_000_010)));
}

#[test]
fn idle_times_lie_between_exchanges() {
    let life = asked().after(10).server(OK).after(700_000).client(GET).server(OK).after(5_000).fin(Client).life();
    let idle: Vec<_> =
        life.idle().into_iter().map(|(after, from, to)| (after, (to.time - from.time).as_micros())).collect();
    assert_eq!(idle, [(0, 0), (1, 700_000), (2, 5_000)]);
}

#[test]
fn where_it_was_captured() {
    let side = |talk: Talk| talk.life().side;
    assert_eq!(side(Talk::new().open(50_000, 30)).0, Side::Client);
    assert_eq!(side(Talk::new().open(30, 50_000)).0, Side::Server);
    assert_eq!(side(Talk::new().open(20_000, 30_000)), (Side::Middle, SideBasis::Unknown));
    assert_eq!(side(Talk::new().open(30, 120)).0, Side::Middle, "a fast network looks the same from both ends");
    assert_eq!(side(Talk::new().ttl([64, 57]).open(20, 30)), (Side::Client, SideBasis::Ttl));
    assert_eq!(side(Talk::new().ttl([118, 64]).open(20, 30)), (Side::Server, SideBasis::Ttl));
    assert_eq!(side(Talk::between("127.0.0.1:5000", "127.0.0.1:80", 1).open(1, 1)), (Side::Both, SideBasis::Addresses));
    assert_eq!(side(Talk::between("[::1]:5000", "[::1]:80", 1).open(1, 1)), (Side::Both, SideBasis::Addresses));
    assert_eq!(Talk::new().open(50_000, 30).seen_at(Side::Middle).side, (Side::Middle, SideBasis::Stated));
}
