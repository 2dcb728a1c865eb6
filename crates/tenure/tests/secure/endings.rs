//! Every end of a connection is told by a closure alert (RFC 9112 section 9.8). The client's rustls
//! reports an end without one as an error, so `Peer::end` fails the test.

use std::time::Duration;

use tenure::CloseReason;
use tenure::proto::{Config, Timeouts};
use tokio::time::advance;

use super::*;

const MS: Duration = Duration::from_millis(1);
const IDLE: Duration = Duration::from_secs(75);

/// A connection that was asked once.
async fn used(served: &Served, place: &Place) -> Secure {
    let mut peer = connect(served.address, &place.trusting).await;
    assert_eq!(peer.ask(GET).await.status(), 200);
    peer
}

#[test]
fn after_a_last_response() {
    run(async {
        let place = Place::new();
        let served = serve_with(place.server(), facts).await;
        let mut peer = used(&served, &place).await;
        let last = peer.ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
        assert_eq!(last.connection(), "close");
        peer.end().await;
        drop(peer);
        assert_eq!(served.log.closed(1).await, [CloseReason::CloseOption]);
    });
}

#[test]
fn after_the_idle_timeout_in_a_task_and_parked() {
    run_paused(async {
        for park_after in [None, Some(Duration::from_secs(1))] {
            let place = Place::new();
            let served = serve_with(place.server().park_after(park_after), facts).await;
            let mut peer = used(&served, &place).await;
            settle().await;
            advance(Duration::from_secs(2)).await;
            settle().await;
            advance(IDLE).await;
            assert_eq!(served.log.closed(1).await, [CloseReason::Idle]);
            peer.end().await;
        }
    });
}

#[test]
fn after_a_refused_request_and_a_slow_one() {
    run_paused(async {
        let place = Place::new();
        let served = serve_with(place.server(), facts).await;
        let mut wrong = used(&served, &place).await;
        assert_eq!(wrong.ask("GET / HTTP/9.9\r\n\r\n").await.status(), 505);
        wrong.end().await;
        drop(wrong);
        served.log.closed(1).await;

        let timeouts = Timeouts { head: Some(Duration::from_secs(5)), ..Timeouts::default() };
        let server = place.server().config(Config { timeouts, ..Config::default() });
        let served = serve_with(server, facts).await;
        let mut slow = connect(served.address, &place.trusting).await;
        slow.send("GET / HT").await;
        served.log.received(8).await;
        settle().await;
        advance(Duration::from_secs(5) + MS).await;
        assert_eq!(slow.response().await.status(), 408);
        slow.end().await;
    });
}

#[test]
fn when_the_server_drains_and_when_it_cuts() {
    run_paused(async {
        let place = Place::new();
        let (grace, deadline) = (Duration::from_secs(1), Duration::from_secs(30));
        let server = place.server().drain_grace(grace).drain_deadline(deadline);
        let handler = |request: Request<Body>| async {
            if request.uri().path() == "/never" {
                std::future::pending::<()>().await;
            }
            facts(request).await
        };
        let mut served = serve_with(server, handler).await;
        let mut parked = used(&served, &place).await;
        settle().await;
        advance(Duration::from_secs(2)).await;
        settle().await;
        let mut idle = used(&served, &place).await;
        let mut busy = used(&served, &place).await;
        let before = served.log.now().received as usize;
        let never = "GET /never HTTP/1.1\r\nHost: a\r\n\r\n";
        busy.send(never).await;
        served.log.received(before + never.len()).await;
        served.stop();
        settle().await;
        advance(grace + MS).await;
        parked.end().await;
        idle.end().await;
        settle().await;
        advance(deadline).await;
        served.task.await.unwrap().unwrap();
        // It gets no answer, but a clean end of what there is.
        busy.end().await;
        assert_eq!(served.log.closed(3).await, [CloseReason::Shutdown; 3]);
    });
}

#[test]
fn under_pressure() {
    run_paused(async {
        let place = Place::new();
        let served = serve_with(place.server().max_connections(1), facts).await;
        let mut first = used(&served, &place).await;
        settle().await;
        advance(Duration::from_secs(2)).await;
        settle().await;
        used(&served, &place).await;
        first.end().await;
        assert_eq!(served.log.closed(1).await, [CloseReason::Pressure]);
    });
}

#[test]
fn after_a_handler_that_panics() {
    run(async {
        let place = Place::new();
        let served = serve_with(place.server(), |request: Request<Body>| async {
            assert_eq!(request.uri().path(), "/", "a handler's bug");
            facts(request).await
        })
        .await;
        let mut peer = used(&served, &place).await;
        peer.send("GET /bug HTTP/1.1\r\nHost: a\r\n\r\n").await;
        peer.end().await;
        assert_eq!(served.log.closed(1).await, [CloseReason::ApplicationFailed]);
    });
}

#[test]
fn content_that_fails_and_that_only_the_close_ends_gets_no_closure_alert() {
    run(async {
        let place = Place::new();
        let served = serve_with(place.server(), |_| async {
            Ok(Response::new(body::steps(None, [body::data(vec![b'x'; 10_000]), body::Step::Fail("no more")])))
        })
        .await;
        let mut peer = connect(served.address, &place.trusting).await;
        peer.send("GET / HTTP/1.0\r\n\r\n").await;
        peer.try_response().await.expect_err("an end that nobody takes for a clean one");
        assert_eq!(served.log.closed(1).await, [CloseReason::ApplicationFailed]);
    });
}

#[test]
fn a_clients_closure_alert_is_answered() {
    run(async {
        use tokio::io::AsyncWriteExt;
        let place = Place::new();
        let served = serve_with(place.server(), facts).await;
        let mut peer = used(&served, &place).await;
        peer.stream.shutdown().await.unwrap();
        peer.end().await;
        assert_eq!(served.log.closed(1).await, [CloseReason::PeerFin]);
    });
}
