//! The waits of RFC 9112 section 9.5, on a clock that moves when it is told.

use std::time::Duration;

use http::{Request, Response};
use tenure::proto::{Config, Timeouts};
use tenure::server::Server;
use tenure::{Body, CloseReason};
use tokio::time::advance;

use crate::common::*;

const MS: Duration = Duration::from_millis(1);
const FIRST: Duration = Duration::from_secs(30);
const IDLE: Duration = Duration::from_secs(75);
const HEAD: Duration = Duration::from_secs(30);
const SEND: Duration = Duration::from_secs(30);
const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

async fn hello(_: Request<Body>) -> Result<Response<Body>, BoxError> {
    Ok(Response::new(Body::from("hello")))
}

/// Time passes up to just before `at`; then, after a look that nothing has happened, past it.
async fn pass(log: &Log, at: Duration) {
    advance(at - MS).await;
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert_eq!(log.now().closed, [], "too early");
    advance(2 * MS).await;
}

#[test]
fn an_idle_connection_is_closed_in_time_and_without_a_word() {
    run_paused(async {
        let served = serve(hello).await;
        let mut peer = served.connect().await;
        // Time spent before a request does not count against the next wait.
        served.log.until(|log| log.opened == 1).await;
        advance(FIRST - MS).await;
        assert_eq!(peer.ask(GET).await.text(), "hello");
        pass(&served.log, IDLE).await;
        peer.end().await;
        assert_eq!(served.log.closed(1).await, [CloseReason::Idle]);
    });
}

#[test]
fn a_connection_that_never_asks_is_closed_in_time() {
    run_paused(async {
        let served = serve(hello).await;
        let mut peer = served.connect().await;
        served.log.until(|log| log.opened == 1).await;
        pass(&served.log, FIRST).await;
        peer.end().await;
    });
}

#[test]
fn the_idle_timeout_can_be_set() {
    run_paused(async {
        let served = serve_with(Server::new().idle_timeout(Duration::from_secs(5)), hello).await;
        let mut peer = served.connect().await;
        peer.ask(GET).await;
        pass(&served.log, Duration::from_secs(5)).await;
        peer.end().await;
    });
}

#[test]
fn a_head_that_does_not_come_is_408() {
    run_paused(async {
        let served = serve(hello).await;
        let mut peer = served.connect().await;
        peer.ask(GET).await;
        let sent = served.log.now().received as usize;
        // The time runs from the first byte, however the others drip.
        peer.send("GET / HT").await;
        served.log.received(sent + 8).await;
        advance(HEAD / 2).await;
        peer.send("TP/1.1\r\nHost: a\r\n").await;
        served.log.received(sent + 8 + 17).await;
        pass(&served.log, HEAD / 2).await;
        let response = peer.response().await;
        assert_eq!((response.status(), &*response.connection()), (408, "close"));
        peer.end().await;
        drop(peer);
        assert_eq!(served.log.closed(1).await, [CloseReason::TimedOut]);
    });
}

#[test]
fn content_that_pauses_too_long_is_an_error_for_the_handler() {
    run_paused(async {
        let timeouts = Timeouts { content_rate: None, ..Timeouts::default() };
        let server = Server::new().config(Config { timeouts, ..Config::default() });
        let served = serve_with(server, |request: Request<Body>| async move {
            let error = body::collect(request.into_body()).await.unwrap_err();
            let status = error.protocol().ok_or("no rule")?.status();
            Ok(Response::builder().status(status).body(Body::from(format!("{}", error.is_timeout())))?)
        });
        let served = served.await;
        let mut peer = served.connect().await;
        let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n";
        peer.send(head).await;
        for sent in 1..4 {
            peer.send("x").await;
            served.log.received(head.len() + sent).await;
            // A gap below the limit starts anew with each piece.
            advance(HEAD - MS).await;
        }
        advance(2 * MS).await;
        let response = peer.response().await;
        assert_eq!((response.status(), response.text(), &*response.connection()), (408, "true", "close"));
        peer.end().await;
    });
}

#[test]
fn content_that_nobody_reads_may_not_pause_for_ever_either() {
    run_paused(async {
        let served = serve(hello).await;
        let mut peer = served.connect().await;
        let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nx";
        assert_eq!(peer.ask(head).await.text(), "hello");
        pass(&served.log, HEAD).await;
        peer.end().await;
        drop(peer);
        assert_eq!(served.log.closed(1).await, [CloseReason::TimedOut]);
    });
}

/// A client that waits for 100 (Continue) is not slow.
#[test]
fn a_handler_that_takes_its_time_before_it_reads_times_out_nobody() {
    run_paused(async {
        let served = serve(|request: Request<Body>| async move {
            tokio::time::sleep(10 * HEAD).await;
            Ok(Response::new(Body::from(body::collect(request.into_body()).await?)))
        });
        let served = served.await;
        let mut peer = served.connect().await;
        let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n";
        peer.send(head).await;
        served.log.received(head.len()).await;
        advance(10 * HEAD + MS).await;
        assert_eq!(peer.head().await.status(), 100);
        advance(HEAD - 2 * MS).await;
        assert_eq!(peer.ask("ok").await.text(), "ok");
    });
}

#[test]
fn a_closed_side_reads_on_for_a_bounded_time() {
    run_paused(async {
        let served = serve(hello).await;
        let mut peer = served.connect().await;
        peer.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
        assert_eq!(peer.response().await.text(), "hello");
        peer.end().await;
        pass(&served.log, Duration::from_secs(5)).await;
        assert_eq!(served.log.closed(1).await, [CloseReason::CloseOption]);
    });
}

#[test]
fn without_limits_nothing_ends() {
    run_paused(async {
        let timeouts = Timeouts::NONE;
        let served = serve_with(Server::new().config(Config { timeouts, ..Config::default() }), hello).await;
        let mut peer = served.connect().await;
        peer.ask(GET).await;
        advance(1000 * IDLE).await;
        peer.send("GET / HTTP").await;
        served.log.received(GET.len() + 10).await;
        advance(1000 * IDLE).await;
        assert_eq!(peer.ask("/1.1\r\nHost: a\r\n\r\n").await.text(), "hello");
    });
}

/// Time passes, each time to just before a stall is too long, until nothing more goes out.
async fn stall(log: &Log) -> u64 {
    loop {
        let sent = log.now().sent;
        advance(SEND - MS).await;
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        assert_eq!(log.now().closed, [], "too early");
        // Else the kernel has found more room meanwhile, and the stall began later.
        if log.now().sent == sent {
            return sent;
        }
    }
}

#[test]
fn a_client_that_reads_nothing_for_too_long_loses_its_connection() {
    const LENGTH: usize = 50_000_000;
    // In one piece, in many, and with a handler that waits while earlier content cannot leave.
    for pieces in [1, 1000, 0] {
        run_paused(async move {
            let served = serve(move |_| async move {
                let (_held, wait) = tokio::sync::oneshot::channel::<()>();
                Ok(Response::new(match pieces {
                    0 => body::steps(None, [body::data(vec![b'x'; LENGTH]), body::Step::Wait(wait)]),
                    n => body::steps(Some(LENGTH as u64), (0..n).map(|_| body::data(vec![b'x'; LENGTH / n]))),
                }))
            });
            let served = served.await;
            let mut peer = served.connect().await;
            peer.send(GET).await;
            served.log.until(|log| log.sent > 0).await;

            // The wait starts anew whenever the client takes something.
            for _ in 0..3 {
                let sent = stall(&served.log).await;
                while served.log.now().sent == sent {
                    assert!(peer.fill().await.unwrap());
                }
            }
            loop {
                let sent = stall(&served.log).await;
                advance(2 * MS).await;
                let log = served.log.until(|log| !log.closed.is_empty() || log.sent > sent).await;
                if let [(_, why, exchanges)] = log.closed[..] {
                    assert_eq!((why, exchanges), (CloseReason::TimedOut, 0));
                    break;
                }
            }
            let error = peer.try_response().await.expect_err("an incomplete message");
            assert!(peer.unread.len() < LENGTH, "{error}");
            // Not a FIN behind all that the kernel still holds: that is given up with the connection.
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
        });
    }
}
