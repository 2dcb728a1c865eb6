//! The graceful end of a server.

use std::time::Duration;

use http::{Request, Response};
use tenure::server::Server;
use tenure::{Body, CloseReason};
use tokio::time::advance;

use crate::common::*;

const MS: Duration = Duration::from_millis(1);
const GRACE: Duration = Duration::from_secs(1);
const DEADLINE: Duration = Duration::from_secs(30);
const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

async fn hello(_: Request<Body>) -> Result<Response<Body>, BoxError> {
    Ok(Response::new(Body::from("hello")))
}

#[test]
fn idle_connections_get_their_grace_and_close() {
    run_paused(async {
        let mut served = serve(hello).await;
        let mut asked = served.connect().await;
        asked.ask(GET).await;
        let mut silent = served.connect().await;
        served.log.until(|log| log.opened == 2).await;
        served.stop();
        tokio::task::yield_now().await;
        advance(GRACE - MS).await;
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        assert_eq!(served.log.now().closed, [], "too early");
        advance(2 * MS).await;
        asked.end().await;
        silent.end().await;
        served.task.await.unwrap().unwrap();
        assert_eq!(served.log.closed(2).await, [CloseReason::Shutdown; 2]);
    });
}

#[test]
fn a_request_within_the_grace_is_answered_with_close() {
    run_paused(async {
        let mut served = serve(hello).await;
        let mut peer = served.connect().await;
        assert_eq!(peer.ask(GET).await.connection(), "");
        served.stop();
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        advance(GRACE / 2).await;
        let response = peer.ask(GET).await;
        assert_eq!((response.text(), &*response.connection()), ("hello", "close"));
        peer.end().await;
        drop(peer);
        served.task.await.unwrap().unwrap();
    });
}

#[test]
fn a_head_under_way_at_the_end_of_the_grace_is_awaited() {
    run_paused(async {
        let mut served = serve(hello).await;
        let mut peer = served.connect().await;
        peer.send("GET / HT").await;
        served.log.received(8).await;
        served.stop();
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        advance(2 * GRACE).await;
        let response = peer.ask("TP/1.1\r\nHost: a\r\n\r\n").await;
        assert_eq!((response.text(), &*response.connection()), ("hello", "close"));
    });
}

#[test]
fn a_request_under_way_finishes_and_says_close() {
    run_paused(async {
        let gate = std::sync::Arc::new(tokio::sync::Notify::new());
        let inside = std::sync::Arc::clone(&gate);
        let mut served = serve(move |request| {
            let gate = std::sync::Arc::clone(&inside);
            async move {
                gate.notified().await;
                hello(request).await
            }
        })
        .await;
        let mut peer = served.connect().await;
        peer.send([GET, GET].concat()).await;
        served.log.received(2 * GET.len()).await;
        served.stop();
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        advance(10 * GRACE).await;
        gate.notify_one();
        let response = peer.response().await;
        assert_eq!((response.text(), &*response.connection()), ("hello", "close"));
        peer.end().await;
        drop(peer);
        served.task.await.unwrap().unwrap();
        assert_eq!(served.log.closed(1).await, [CloseReason::Shutdown]);
    });
}

#[test]
fn what_does_not_finish_is_cut_at_the_deadline() {
    run_paused(async {
        let server = Server::new().drain_grace(GRACE).drain_deadline(DEADLINE);
        let mut served = serve_with(server, |_| std::future::pending()).await;
        let mut peer = served.connect().await;
        peer.send(GET).await;
        served.log.received(GET.len()).await;
        served.stop();
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        advance(DEADLINE - MS).await;
        assert!(!served.task.is_finished());
        advance(2 * MS).await;
        served.task.await.unwrap().unwrap();
        peer.end().await;
        assert_eq!(served.log.closed(1).await, [CloseReason::Shutdown]);
    });
}

#[test]
fn no_connection_is_accepted_after_the_stop() {
    run(async {
        let mut served = serve(hello).await;
        served.stop();
        served.task.await.unwrap().unwrap();
        let error = tokio::net::TcpStream::connect(served.address).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    });
}

#[test]
fn who_waits_in_the_queue_at_the_stop_is_answered() {
    run(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut peers = Vec::new();
        for _ in 0..3 {
            let mut peer = Peer::connect(address).await;
            peer.send(GET).await;
            peers.push(peer);
        }
        // It is to stop before it has accepted anybody.
        let stop = std::future::ready(());
        let serving = tokio::spawn(Server::new().serve(listener, tower::service_fn(hello), stop));
        for mut peer in peers {
            let response = peer.response().await;
            assert_eq!((response.text(), &*response.connection()), ("hello", "close"));
            peer.end().await;
        }
        serving.await.unwrap().unwrap();
    });
}

#[test]
fn an_announced_idle_time_is_kept_and_nothing_is_owed_to_a_silent_connection() {
    run_paused(async {
        let server = Server::new().announce_idle(true).idle_timeout(Duration::from_secs(10)).park_after(None);
        let mut served = serve_with(server, hello).await;
        let mut asked = served.connect().await;
        asked.ask(GET).await;
        let mut silent = served.connect().await;
        served.log.until(|log| log.opened == 2).await;
        served.stop();
        tokio::task::yield_now().await;
        advance(GRACE + MS).await;
        silent.end().await;
        advance(Duration::from_secs(9)).await;
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        assert_eq!(served.log.now().closed.len(), 1, "too early");
        let response = asked.ask(GET).await;
        assert_eq!((response.text(), &*response.connection()), ("hello", "close"));
        drop(asked);
        served.task.await.unwrap().unwrap();
    });
}
