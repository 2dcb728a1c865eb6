//! Connections that sleep without a task: how they wake, and how they end.
#![cfg(target_os = "linux")]

use std::time::Duration;

use http::{Request, Response};
use tenure::proto::{Config, Timeouts};
use tenure::server::Server;
use tenure::{Body, CloseReason, ConnectionInfo};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::advance;

use crate::common::*;

const MS: Duration = Duration::from_millis(1);
const QUIET: Duration = Duration::from_secs(1);
const IDLE: Duration = Duration::from_secs(75);
pub(crate) const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// What the handler sees of its connection.
pub(crate) async fn facts(request: Request<Body>) -> Result<Response<Body>, BoxError> {
    let info = request.extensions().get::<ConnectionInfo>().ok_or("no connection info")?;
    let peer = info.peer.ok_or("no peer")?.port();
    let text = format!("{} {} {peer} {:?} {:?}", info.id, info.request, info.age, info.idle);
    Ok(Response::new(Body::from(text)))
}

pub(crate) async fn park() {
    settle().await;
    advance(QUIET + MS).await;
    all_parked().await;
}

#[test]
fn a_quiet_connection_gives_up_its_task_and_is_answered_again() {
    run_paused(async {
        let served = serve(facts).await;
        let mut peer = served.connect().await;
        let port = peer.stream.local_addr().unwrap().port();
        assert_eq!(peer.ask(GET).await.text(), format!("1 1 {port} 0ns 0ns"));
        park().await;
        advance(Duration::from_secs(19) - MS).await;
        assert_eq!(peer.ask(GET).await.text(), format!("1 2 {port} 20s 20s"), "its facts outlive its task");
        park().await;
        assert_eq!(peer.ask(GET).await.text().split(' ').nth(1), Some("3"), "and sleeps again");
        let log = served.log.now();
        assert_eq!((log.opened, log.closed), (1, vec![]), "to the observer it is one connection");
    });
}

#[test]
fn one_that_wakes_for_more_than_the_kernel_takes_at_once_is_sent_all_of_it() {
    const LARGE: usize = 8 << 20;
    let large = async |request: Request<Body>| {
        let len = if request.uri().path() == "/large" { LARGE } else { 0 };
        Ok::<_, BoxError>(Response::new(Body::from(vec![b'x'; len])))
    };
    run_paused(async move {
        let served = serve(large).await;
        let mut peer = served.connect().await;
        for _ in 0..2 {
            assert_eq!(peer.ask(GET).await.text().len(), 0);
            park().await;
            assert_eq!(peer.ask("GET /large HTTP/1.1\r\nHost: a\r\n\r\n").await.text().len(), LARGE);
            park().await;
        }
    });
}

#[test]
fn a_connection_that_never_asked_sleeps_too() {
    run_paused(async {
        let served = serve(facts).await;
        let mut peer = served.connect().await;
        served.log.until(|log| log.opened == 1).await;
        park().await;
        assert!(peer.ask(GET).await.text().starts_with("1 1 "));
    });
}

/// The time to the first request is longer than the idle timeout here: each ends at its own.
#[test]
fn nobody_waits_for_one_that_never_asked() {
    run_paused(async {
        let served = serve_with(Server::new().idle_timeout(Duration::from_secs(2)), facts).await;
        let silent = served.connect().await;
        served.log.until(|log| log.opened == 1).await;
        park().await;
        let mut peer = served.connect().await;
        peer.ask(GET).await;
        park().await;
        advance(QUIET + 200 * MS).await;
        peer.end().await;
        advance(Duration::from_secs(26)).await;
        settle().await;
        assert_eq!(served.log.now().closed.len(), 1, "30 s are not over");
        advance(QUIET).await;
        served.log.until(|log| log.closed.len() == 2).await;
        drop(silent);
    });
}

#[test]
fn half_a_head_is_not_quiet() {
    run_paused(async {
        let served = serve(facts).await;
        let mut peer = served.connect().await;
        peer.send("GET / HT").await;
        served.log.received(8).await;
        settle().await;
        advance(QUIET * 2).await;
        settle().await;
        assert_eq!(connection_tasks(), 1);
        assert!(peer.ask("TP/1.1\r\nHost: a\r\n\r\n").await.text().starts_with("1 1 "));
    });
}

#[test]
fn many_sleep_and_each_wakes_alone() {
    run_paused(async {
        let served = serve(facts).await;
        let mut peers = Vec::new();
        for n in 1..=300 {
            let mut peer = served.connect().await;
            assert!(peer.ask(GET).await.text().starts_with(&format!("{n} 1 ")));
            peers.push(peer);
        }
        park().await;
        for (n, peer) in peers.iter_mut().enumerate().rev() {
            assert!(peer.ask(GET).await.text().starts_with(&format!("{} 2 ", n + 1)));
        }
        // All at once: more than one batch of events.
        park().await;
        for peer in &mut peers {
            peer.send(GET).await;
        }
        for (n, peer) in peers.iter_mut().enumerate() {
            assert!(peer.response().await.text().starts_with(&format!("{} 3 ", n + 1)));
        }
    });
}

#[test]
fn a_sleeping_connection_is_closed_in_time() {
    run_paused(async {
        let served = serve(facts).await;
        let mut peer = served.connect().await;
        peer.ask(GET).await;
        park().await;
        advance(IDLE - QUIET - 2 * MS).await;
        settle().await;
        assert_eq!(served.log.now().closed, [], "too early");
        // The lot counts in tenths of a second, and never short.
        advance(Duration::from_millis(201)).await;
        peer.end().await;
        assert_eq!(served.log.now().closed, [(1, CloseReason::Idle, 1)]);
    });
}

#[test]
fn the_end_of_a_sleeping_peer_is_noticed_at_once() {
    run_paused(async {
        let served = serve(facts).await;
        let (mut fin, mut reset) = (served.connect().await, served.connect().await);
        fin.ask(GET).await;
        reset.ask(GET).await;
        park().await;
        fin.fin().await;
        fin.end().await;
        assert_eq!(served.log.closed(1).await, [CloseReason::PeerFin]);
        reset.reset();
        assert_eq!(served.log.closed(2).await, [CloseReason::PeerFin, CloseReason::PeerReset]);
    });
}

#[test]
fn a_request_with_a_fin_behind_it_wakes_and_is_answered() {
    run_paused(async {
        let served = serve(facts).await;
        let mut peer = served.connect().await;
        peer.ask(GET).await;
        park().await;
        peer.send(GET).await;
        peer.fin().await;
        assert!(peer.response().await.text().starts_with("1 2 "));
        peer.end().await;
    });
}

#[test]
fn a_new_client_takes_the_place_of_the_longest_idle() {
    run_paused(async {
        let served = serve_with(Server::new().max_connections(2), facts).await;
        let mut peers = [served.connect().await, served.connect().await];
        for peer in &mut peers {
            peer.ask(GET).await;
            park().await;
        }
        // The first has woken meanwhile: now the second sleeps longest.
        peers[0].ask(GET).await;
        park().await;
        let mut new = served.connect().await;
        assert!(new.ask(GET).await.text().starts_with("3 1 "));
        peers[1].end().await;
        assert_eq!(served.log.now().closed, [(2, CloseReason::Pressure, 1)]);
        assert!(peers[0].ask(GET).await.text().starts_with("1 3 "), "the other lives");
    });
}

#[test]
fn while_all_are_busy_a_new_client_waits() {
    run_paused(async {
        let served = serve_with(Server::new().max_connections(1), facts).await;
        let mut first = served.connect().await;
        first.ask(GET).await;
        let mut second = served.connect().await;
        second.send(GET).await;
        settle().await;
        assert!(second.is_quiet(), "there is no room");
        // As soon as the first sleeps, it makes room.
        advance(QUIET + MS).await;
        assert!(second.response().await.text().starts_with("2 1 "));
        first.end().await;
        assert_eq!(served.log.now().closed, [(1, CloseReason::Pressure, 1)]);
    });
}

#[test]
fn the_promise_shrinks_as_the_server_fills() {
    run_paused(async {
        let served = serve_with(Server::new().max_connections(8).announce_idle(true), facts).await;
        let mut peers = Vec::new();
        let mut announced = Vec::new();
        for _ in 0..8 {
            let mut peer = served.connect().await;
            announced.push(peer.ask(GET).await.field("keep-alive").map(str::to_owned));
            peers.push(peer);
        }
        let seconds = |n: u64| Some(format!("timeout={n}"));
        let room = std::iter::repeat_n(seconds(75), 6);
        assert_eq!(announced, room.chain([seconds(37), seconds(7)]).collect::<Vec<_>>());
        // And grows again as it empties.
        peers.drain(1..);
        served.log.closed(7).await;
        settle().await;
        assert_eq!(peers[0].ask(GET).await.field("keep-alive"), Some("timeout=75"));
    });
}

#[test]
fn drained_sleepers_answer_once_more_and_end_after_the_grace() {
    run_paused(async {
        let mut served = serve(facts).await;
        let (mut asks, mut silent) = (served.connect().await, served.connect().await);
        asks.ask(GET).await;
        silent.ask(GET).await;
        park().await;
        served.stop();
        settle().await;
        let response = asks.ask(GET).await;
        assert_eq!(response.connection(), "close");
        asks.end().await;
        assert!(silent.is_quiet(), "too early");
        advance(QUIET + MS).await;
        silent.end().await;
        drop(asks);
        served.task.await.unwrap().unwrap();
        let closed = served.log.now().closed;
        assert_eq!(closed, [(2, CloseReason::Shutdown, 1), (1, CloseReason::Shutdown, 2)].map(|end| end));
    });
}

#[test]
fn a_drain_keeps_what_was_promised_to_sleepers() {
    run_paused(async {
        let server = Server::new().announce_idle(true).idle_timeout(Duration::from_secs(10));
        let mut served = serve_with(server, facts).await;
        let mut peer = served.connect().await;
        assert_eq!(peer.ask(GET).await.field("keep-alive"), Some("timeout=10"));
        park().await;
        served.stop();
        settle().await;
        advance(Duration::from_secs(9) - 3 * MS).await;
        assert_eq!(peer.ask(GET).await.connection(), "close", "within the promise");
        peer.end().await;
    });
}

#[test]
fn a_drain_ends_with_its_deadline_whoever_sleeps() {
    run_paused(async {
        let server = Server::new().announce_idle(true).drain_grace(MS).drain_deadline(Duration::from_secs(5));
        let mut served = serve_with(server, facts).await;
        let mut peer = served.connect().await;
        peer.ask(GET).await;
        park().await;
        served.stop();
        settle().await;
        advance(Duration::from_secs(5) + MS).await;
        served.task.await.unwrap().unwrap();
        peer.end().await;
        assert_eq!(served.log.now().closed, [(1, CloseReason::Shutdown, 1)]);
    });
}

#[test]
fn sleep_can_be_put_off_and_forbidden() {
    run_paused(async {
        let served = serve_with(Server::new().park_after(None), facts).await;
        let mut peer = served.connect().await;
        peer.ask(GET).await;
        settle().await;
        advance(QUIET * 10).await;
        settle().await;
        assert_eq!(connection_tasks(), 1);
        peer.ask(GET).await;
    });
}

#[test]
fn a_limit_of_requests_outlives_the_sleep() {
    run_paused(async {
        let served = serve_with(Server::new().max_requests(5), facts).await;
        let mut peer = served.connect().await;
        for n in 1..=5 {
            let response = peer.ask(GET).await;
            assert_eq!(response.connection(), if n == 5 { "close" } else { "" }, "request {n}");
            if n < 5 {
                park().await;
            }
        }
        peer.end().await;
        assert_eq!(served.log.now().closed, []);
    });
}

#[test]
fn an_old_connection_hears_close() {
    run_paused(async {
        let config = Config { timeouts: Timeouts { idle: None, ..Timeouts::default() }, ..Config::default() };
        let served = serve_with(Server::new().config(config).max_age(Duration::from_secs(100)), facts).await;
        let mut peer = served.connect().await;
        peer.ask(GET).await;
        park().await;
        advance(Duration::from_secs(88)).await;
        assert_eq!(peer.ask(GET).await.connection(), "", "before nine tenths of the limit");
        park().await;
        advance(Duration::from_secs(10)).await;
        assert_eq!(peer.ask(GET).await.connection(), "close");
        peer.end().await;
        drop(peer);
        assert_eq!(served.log.closed(1).await, [CloseReason::Age]);
    });
}

#[test]
fn unix_sockets_are_served_and_sleep() {
    run_paused(async {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        let handler = tower::service_fn(|request: Request<Body>| async move {
            let info = request.extensions().get::<ConnectionInfo>().cloned();
            let text = info.map(|info| format!("{} {:?}", info.request, info.peer)).unwrap_or_default();
            Ok::<_, std::convert::Infallible>(Response::new(Body::from(text)))
        });
        tokio::spawn(Server::new().connection_info(true).serve(listener, handler, std::future::pending::<()>()));
        let mut peer = RawPeer(UnixStream::connect(&path).await.unwrap());
        assert!(peer.ask(GET).await.ends_with("1 None"));
        park().await;
        assert!(peer.ask(GET).await.ends_with("2 None"));
    });
}

struct RawPeer(UnixStream);

impl RawPeer {
    async fn ask(&mut self, request: &str) -> String {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        self.0.write_all(request.as_bytes()).await.unwrap();
        let mut text = Vec::new();
        while !text.ends_with(b"None") {
            assert!(self.0.read_buf(&mut text).await.unwrap() > 0, "cut");
        }
        String::from_utf8(text).unwrap()
    }
}
