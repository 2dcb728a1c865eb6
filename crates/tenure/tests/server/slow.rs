//! Clients that are slow without ever stopping, and waits set by `Server::timeouts`.

use std::time::Duration;

use http::{Request, Response};
use tenure::proto::Timeouts;
use tenure::server::Server;
use tenure::{Body, CloseReason};
use tokio::time::advance;

use crate::common::*;

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// Stores content, and says 408 where that failed by time.
async fn store(request: Request<Body>) -> Result<Response<Body>, BoxError> {
    match body::collect(request.into_body()).await {
        Ok(content) => Ok(Response::new(Body::from(content.len().to_string()))),
        Err(error) => {
            let status = error.protocol().ok_or("no rule")?.status();
            Ok(Response::builder().status(status).body(Body::from(error.is_timeout().to_string()))?)
        }
    }
}

async fn serve_rate(rate: u64) -> Served {
    let timeouts = Timeouts { content: Some(10 * SECOND), content_rate: Some(rate), ..Timeouts::default() };
    serve_with(Server::new().timeouts(timeouts), store).await
}

async fn begin(served: &Served, length: usize) -> (Peer, usize) {
    let mut peer = served.connect().await;
    let head = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
    peer.send(&head).await;
    served.log.received(head.len()).await;
    settle().await;
    (peer, head.len())
}

#[test]
fn content_that_drips_below_the_least_rate_ends_in_408() {
    run_paused(async {
        let served = serve_rate(100).await;
        let (mut peer, head) = begin(&served, 1000).await;
        // No gap is too long. After 20 bytes the waits may take 10.2 seconds together.
        for sent in 1..=2 {
            advance(5 * SECOND).await;
            settle().await;
            assert!(peer.is_quiet(), "too early");
            peer.send([b'x'; 10]).await;
            served.log.received(head + 10 * sent).await;
            settle().await;
        }
        advance(Duration::from_millis(199)).await;
        settle().await;
        assert!(peer.is_quiet(), "too early");
        advance(2 * MS).await;
        let response = peer.response().await;
        assert_eq!((response.status(), response.text(), &*response.connection()), (408, "true", "close"));
        peer.end().await;
        drop(peer);
        assert_eq!(served.log.closed(1).await, [CloseReason::TimedOut]);
    });
}

#[test]
fn content_at_the_least_rate_may_take_as_long_as_it_takes() {
    run_paused(async {
        let served = serve_rate(100).await;
        let (mut peer, head) = begin(&served, 10_000).await;
        for sent in 1..=20 {
            advance(5 * SECOND).await;
            settle().await;
            peer.send([b'x'; 500]).await;
            served.log.received(head + 500 * sent).await;
            settle().await;
        }
        assert_eq!(peer.response().await.text(), "10000");
    });
}

#[test]
fn the_first_and_the_last_wait_can_be_set() {
    run_paused(async {
        let timeouts = Timeouts { first: Some(2 * SECOND), linger: Some(3 * SECOND), ..Timeouts::default() };
        let served = serve_with(Server::new().timeouts(timeouts), store).await;
        let mut silent = served.connect().await;
        served.log.until(|log| log.opened == 1).await;
        settle().await;
        advance(2 * SECOND - MS).await;
        settle().await;
        assert_eq!(served.log.now().closed, [], "too early");
        advance(102 * MS).await;
        silent.end().await;
        assert_eq!(served.log.closed(1).await, [CloseReason::Idle]);

        let mut last = served.connect().await;
        assert_eq!(last.ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.text(), "0");
        last.end().await;
        settle().await;
        advance(3 * SECOND - MS).await;
        settle().await;
        assert_eq!(served.log.now().closed.len(), 1, "it reads on");
        advance(2 * MS).await;
        assert_eq!(served.log.closed(2).await, [CloseReason::Idle, CloseReason::CloseOption]);
    });
}
