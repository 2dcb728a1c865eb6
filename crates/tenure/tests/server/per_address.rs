//! Connections counted by address: `Server::max_connections_per_address`.

use std::time::Duration;

use http::{Request, Response};
use tenure::server::Server;
use tenure::{Body, CloseReason};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::advance;

use crate::common::*;

const MS: Duration = Duration::from_millis(1);
const QUIET: Duration = Duration::from_secs(1);
const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// Answers, never comes to an answer, or panics.
async fn handler(request: Request<Body>) -> Result<Response<Body>, BoxError> {
    match request.uri().path() {
        "/wait" => std::future::pending().await,
        "/panic" => panic!("on purpose"),
        _ => Ok(Response::new(Body::from("fine"))),
    }
}

async fn serve_limited(limit: usize) -> Served {
    serve_with(Server::new().max_connections_per_address(limit), handler).await
}

/// Waits until no connection has a task.
async fn park() {
    settle().await;
    advance(QUIET + MS).await;
    all_parked().await;
}

#[test]
fn beyond_the_limit_a_connection_is_closed_at_once_and_unread() {
    run_paused(async {
        let served = serve_limited(2).await;
        let mut busy = Vec::new();
        for n in 1..=2 {
            let mut peer = served.connect().await;
            peer.send(GET.replace(" / ", " /wait ")).await;
            served.log.until(|log| log.opened == n && log.received > 0).await;
            busy.push(peer);
        }
        settle().await;
        let received = served.log.now().received;
        let mut third = served.connect().await;
        third.end().await;
        let log = served.log.now();
        assert_eq!((log.closed, log.received), (vec![(3, CloseReason::AddressLimit, 0)], received));
        // Another address has a count of its own.
        let mut other = Peer::connect_from("127.0.0.2", served.address).await;
        assert_eq!(other.ask(GET).await.text(), "fine");
    });
}

#[test]
fn a_parked_connection_gives_its_place_to_the_next_of_its_address() {
    if !cfg!(target_os = "linux") {
        return;
    }
    run_paused(async {
        let served = serve_limited(2).await;
        let mut other = Peer::connect_from("127.0.0.2", served.address).await;
        other.ask(GET).await;
        park().await;
        let mut peers = [served.connect().await, served.connect().await];
        for peer in &mut peers {
            peer.ask(GET).await;
            park().await;
        }
        // The first has woken meanwhile: now the second is the longest idle.
        peers[0].ask(GET).await;
        park().await;
        let mut new = served.connect().await;
        assert_eq!(new.ask(GET).await.text(), "fine");
        peers[1].end().await;
        assert_eq!(served.log.now().closed, [(3, CloseReason::AddressLimit, 1)]);
        park().await;
        for peer in [&mut new, &mut peers[0], &mut other] {
            assert_eq!(peer.ask(GET).await.text(), "fine", "the others live");
        }
    });
}

#[test]
fn however_a_connection_ends_it_is_counted_no_longer() {
    run_paused(async {
        let served = serve_limited(1).await;
        for n in 0..7 {
            let mut peer = served.connect().await;
            assert_eq!(peer.ask(GET).await.text(), "fine", "round {n}");
            match n {
                0 => peer.fin().await,
                1 => peer.reset(),
                2 => {
                    peer.ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
                    drop(peer);
                }
                3 => {
                    peer.send(GET.replace(" / ", " /panic ")).await;
                    peer.end().await;
                }
                4 => {
                    assert_eq!(peer.ask("what is this\r\n\r\n").await.status(), 400);
                    drop(peer);
                }
                // Parked, and reset or closed there.
                5 if cfg!(target_os = "linux") => {
                    park().await;
                    peer.reset();
                }
                _ => {
                    settle().await;
                    advance(QUIET + MS).await;
                    settle().await;
                    advance(Duration::from_secs(76)).await;
                    peer.end().await;
                }
            }
            served.log.closed(n + 1).await;
            settle().await;
        }
        let why: Vec<_> = served.log.now().closed.into_iter().map(|(_, why, _)| why).collect();
        assert!(!why.contains(&CloseReason::AddressLimit), "{why:?}");
    });
}

#[test]
fn unix_peers_have_no_address_and_are_not_counted() {
    run_paused(async {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        let server = Server::new().max_connections_per_address(1);
        tokio::spawn(server.serve(listener, tower::service_fn(handler), std::future::pending::<()>()));
        let mut peers = [UnixStream::connect(&path).await.unwrap(), UnixStream::connect(&path).await.unwrap()];
        for peer in &mut peers {
            peer.write_all(GET.as_bytes()).await.unwrap();
            let mut text = Vec::new();
            while !text.ends_with(b"fine") {
                assert!(peer.read_buf(&mut text).await.unwrap() > 0, "cut");
            }
        }
    });
}
