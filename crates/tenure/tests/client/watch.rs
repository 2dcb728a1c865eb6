//! Idle connections are watched: their end is known at once, without any request.

use std::time::Duration;

use http::{Method, Response};
use tenure::{Body, Client, CloseReason};
use tokio::net::TcpListener;

use super::{observed, place, read, request};
use crate::common::*;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A client with one idle connection, and its server's end.
async fn idle() -> (Script, Client, std::sync::Arc<Log>, Peer) {
    let script = Script::new().await;
    let (client, log) = observed(Client::builder());
    let (answer, peer) = tokio::join!(async { read(client.get(script.url("/")).await).await }, async {
        let mut peer = script.accept().await;
        peer.request().await;
        peer.send(OK).await;
        peer
    });
    answer.unwrap();
    assert_eq!(client.pool().idle(), 1);
    (script, client, log, peer)
}

#[test]
fn a_fin_ends_it_at_once() {
    run(async {
        let (_script, client, log, peer) = idle().await;
        drop(peer);
        assert_eq!(log.closed(1).await, [CloseReason::PeerFin]);
        assert_eq!(client.pool().open(), 0);
    });
}

#[test]
fn a_reset_ends_it_at_once() {
    run(async {
        let (_script, client, log, peer) = idle().await;
        peer.reset();
        assert_eq!(log.closed(1).await, [CloseReason::PeerReset]);
        assert_eq!(client.pool().open(), 0);
    });
}

#[test]
fn whatever_is_said_unasked_ends_it_at_once() {
    run(async {
        for said in ["HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", OK, "\r\n"] {
            let (_script, client, log, mut peer) = idle().await;
            peer.send(said).await;
            assert_eq!(log.closed(1).await, [CloseReason::Unsolicited]);
            assert_eq!(client.pool().open(), 0);
            peer.end().await;
        }
    });
}

/// On threads: the end may come while the connection is put away or taken out.
#[test]
fn no_end_is_missed_whenever_it_comes() {
    run_threads(async {
        let script = Script::new().await;
        let (client, log) = observed(Client::builder().connections_per_origin(1));
        let url = script.url("/");
        let served = tokio::spawn(async move {
            for n in 0..300_u32 {
                let mut peer = script.accept().await;
                peer.request().await;
                peer.send(OK).await;
                for _ in 0..n % 40 {
                    std::hint::spin_loop();
                    tokio::task::yield_now().await;
                }
            }
        });
        for n in 1..=300 {
            read(client.get(&url).await).await.unwrap();
            // No further request is needed to find it out.
            assert_eq!(log.closed(n).await.len(), n);
        }
        served.await.unwrap();
    });
}

/// One task watches them all.
#[test]
fn many_idle_origins_have_one_task() {
    run(async {
        const ORIGINS: usize = 300;
        let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let service = tower::service_fn(|_| async { Ok::<_, BoxError>(Response::new(Body::from("ok"))) });
        // The connections of the server leave their tasks at once.
        let server = tenure::server::Server::new().park_after(Some(Duration::ZERO));
        let served = tokio::spawn(server.serve(listener, service, stopped));
        let (client, log) = observed(Client::builder());
        for n in 0..ORIGINS {
            let url = format!("http://127.0.{}.{}:{port}/", n / 100, n % 100 + 1);
            assert_eq!(read(client.get(url).await).await.unwrap().1, "ok");
        }
        settle().await;
        let pool = client.pool();
        assert_eq!((pool.origins.len(), pool.idle()), (ORIGINS, ORIGINS));
        // The client's keeper has one.
        while cfg!(target_os = "linux") && connection_tasks() > 1 {
            tokio::task::yield_now().await;
        }
        stop.send(()).unwrap();
        assert_eq!(log.closed(ORIGINS).await, [CloseReason::PeerFin; ORIGINS]);
        served.await.unwrap().unwrap();
        assert_eq!(client.pool().idle(), 0);
    });
}

/// Answers one request after the other on one connection; ends it when it was idle for `limit`.
async fn closes_after(limit: Duration) -> (String, tokio::task::JoinHandle<()>) {
    let script = Script::new().await;
    let url = script.url("/");
    let served = tokio::spawn(async move {
        loop {
            let mut peer = script.accept().await;
            tokio::spawn(async move {
                while let Ok(Ok(_)) = tokio::time::timeout(limit, peer.try_request()).await {
                    peer.send(OK).await;
                }
            });
        }
    });
    (url, served)
}

async fn pass(time: Duration) {
    settle().await;
    tokio::time::advance(time).await;
}

/// The time at which a server closes is seen, so that a POST may use a connection nearly as long.
#[test]
fn the_limit_that_was_seen_is_used_but_for_a_margin() {
    run_paused(async {
        let (url, _served) = closes_after(Duration::from_secs(20)).await;
        let (client, log) = observed(Client::builder());
        let post = async || {
            let response = client.request(request(Method::POST, &url, "")).await.unwrap();
            let place = place(&response);
            read(Ok(response)).await.unwrap();
            place
        };
        assert_eq!(post().await, (1, 1));
        pass(Duration::from_secs(20)).await;
        assert_eq!(log.closed(1).await, [CloseReason::PeerFin]);
        let learned = client.pool().origins[0].idle_closed.unwrap();
        assert!(learned.abs_diff(Duration::from_secs(20)) < Duration::from_millis(50), "{learned:?}");

        assert_eq!(post().await, (2, 1));
        pass(Duration::from_millis(18_900)).await;
        assert_eq!(post().await, (2, 2), "an unknown server is trusted for 2 s, this one for 19");
        pass(Duration::from_millis(19_500)).await;
        assert_eq!(post().await, (3, 1));
    });
}
