//! The graceful end of a server at work.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::{Request, Response};
use tenure::server::Server;
use tenure::{Body, CloseReason};
use tokio::task::JoinSet;
use tokio::time::advance;

use crate::common::*;

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const CLIENTS: usize = 8;
const REQUESTS: usize = 200;
/// What is announced; below the drain's deadline.
const IDLE: Duration = Duration::from_secs(10);

async fn echo(request: Request<Body>) -> Result<Response<Body>, BoxError> {
    Ok(Response::new(Body::from(body::collect(request.into_body()).await?)))
}

/// Asks, thinks for a while that is shorter than was announced, and asks again, until it hears close.
async fn client(mut peer: Peer, mut random: u64, answered: Arc<AtomicUsize>) {
    loop {
        let response = peer.ask(GET).await;
        assert_eq!(response.status(), 200);
        answered.fetch_add(1, Ordering::Relaxed);
        if response.connection() == "close" {
            return peer.end().await;
        }
        assert_eq!(response.field("keep-alive"), Some("timeout=10"));
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let thinks = Duration::from_millis((random >> 33) % (IDLE.as_millis() as u64 - 200));
        tokio::time::sleep(thinks).await;
    }
}

#[test]
fn clients_that_obey_what_was_announced_lose_no_request() {
    run_paused(async {
        let server = Server::new().announce_idle(true).idle_timeout(IDLE);
        let mut served = serve_with(server, echo).await;
        let answered = Arc::new(AtomicUsize::new(0));
        let mut clients = JoinSet::new();
        for n in 0..CLIENTS {
            clients.spawn(client(served.connect().await, n as u64, Arc::clone(&answered)));
        }
        // A tenth of a second at a time: some think, some ask, some of their connections are parked.
        while !clients.is_empty() {
            if answered.load(Ordering::Relaxed) >= REQUESTS - CLIENTS {
                served.stop();
            }
            advance(Duration::from_millis(100)).await;
            settle().await;
            while let Some(ended) = clients.try_join_next() {
                ended.unwrap();
            }
        }
        served.task.await.unwrap().unwrap();
        assert!(answered.load(Ordering::Relaxed) >= REQUESTS);
        assert_eq!(served.log.closed(CLIENTS).await, [CloseReason::Shutdown; CLIENTS]);
    });
}

#[test]
fn content_under_way_is_awaited_and_answered() {
    run_paused(async {
        let mut served = serve(echo).await;
        let mut peer = served.connect().await;
        let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello";
        peer.send(head).await;
        served.log.received(head.len()).await;
        served.stop();
        settle().await;
        advance(Duration::from_secs(20)).await;
        let response = peer.ask("again").await;
        assert_eq!((response.text(), &*response.connection()), ("helloagain", "close"));
        peer.end().await;
        drop(peer);
        served.task.await.unwrap().unwrap();
        assert_eq!(served.log.closed(1).await, [CloseReason::Shutdown]);
    });
}

/// More than the kernel holds: the server is still sending when it stops.
const LARGE: usize = 50_000_000;

async fn large(_: Request<Body>) -> Result<Response<Body>, BoxError> {
    let piece = || body::data(vec![b'x'; LARGE / 100]);
    Ok(Response::new(body::steps(Some(LARGE as u64), std::iter::repeat_with(piece).take(100))))
}

#[test]
fn a_slow_reader_gets_all_of_its_answer() {
    run_paused(async {
        let mut served = serve(large).await;
        let mut peer = served.connect().await;
        peer.send(GET).await;
        served.log.until(|log| log.sent > 0).await;
        served.stop();
        settle().await;
        // Five seconds for each tenth: well above the grace, each below the longest stall.
        for _ in 0..4 {
            let want = peer.unread.len() + LARGE / 10;
            while peer.unread.len() < want {
                assert!(peer.fill().await.unwrap());
            }
            settle().await;
            advance(Duration::from_secs(5)).await;
        }
        assert!(!served.task.is_finished());
        // Its head went out before the stop, and could not say close.
        let response = peer.response().await;
        assert_eq!((response.content.len(), &*response.connection()), (LARGE, ""));
        // And only after the grace: the client may already have asked again.
        settle().await;
        advance(Duration::from_millis(1_001)).await;
        peer.end().await;
        drop(peer);
        served.task.await.unwrap().unwrap();
        assert_eq!(served.log.closed(1).await, [CloseReason::Shutdown]);
    });
}

#[test]
fn a_reader_slower_than_the_deadline_is_cut_and_sees_it() {
    run_paused(async {
        let server = Server::new().drain_deadline(Duration::from_secs(5));
        let mut served = serve_with(server, large).await;
        let mut peer = served.connect().await;
        peer.send(GET).await;
        served.log.until(|log| log.sent > 0).await;
        served.stop();
        settle().await;
        advance(Duration::from_secs(5) + Duration::from_millis(1)).await;
        served.task.await.unwrap().unwrap();
        assert_eq!(served.log.closed(1).await, [CloseReason::Shutdown]);
        peer.try_response().await.expect_err("an incomplete message");
        assert!(peer.unread.len() < LARGE);
    });
}
