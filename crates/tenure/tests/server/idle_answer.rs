//! 408 on idle connections, where it is asked for: `Server::answer_idle`.

use std::time::Duration;

use http::{Request, Response};
use tenure::proto::Timeouts;
use tenure::server::Server;
use tenure::{Body, CloseReason};
use tokio::time::advance;

use crate::common::*;

const MS: Duration = Duration::from_millis(1);
const IDLE: Duration = Duration::from_secs(75);
const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

async fn hello(_: Request<Body>) -> Result<Response<Body>, BoxError> {
    Ok(Response::new(Body::from("hello")))
}

/// A server whose connections, idle for a second, are parked or not.
async fn answering(park: bool) -> Served {
    let park_after = park.then_some(Duration::from_secs(1));
    serve_with(Server::new().answer_idle(true).park_after(park_after), hello).await
}

/// Waits until a quiet connection has no task, if it is to have none.
async fn park(parks: bool) {
    settle().await;
    advance(Duration::from_secs(1) + MS).await;
    if parks && cfg!(target_os = "linux") {
        all_parked().await;
    }
}

#[test]
fn an_idle_connection_hears_408_parked_or_not() {
    for parks in [false, true] {
        run_paused(async move {
            let served = answering(parks).await;
            let mut peer = served.connect().await;
            peer.ask(GET).await;
            park(parks).await;
            advance(IDLE - Duration::from_secs(1) - 3 * MS).await;
            settle().await;
            assert!(peer.is_quiet(), "too early");
            // The lot counts in tenths of a second.
            advance(Duration::from_millis(202)).await;
            let response = peer.response().await;
            assert_eq!((response.status(), &*response.connection()), (408, "close"));
            peer.end().await;
            drop(peer);
            assert_eq!(served.log.closed(1).await, [CloseReason::Idle]);
        });
    }
}

#[test]
fn a_connection_that_never_asked_hears_408_after_the_first_timeout() {
    for parks in [false, true] {
        run_paused(async move {
            let first = Duration::from_secs(10);
            let server = Server::new()
                .timeouts(Timeouts { first: Some(first), ..Timeouts::default() })
                .answer_idle(true)
                .park_after(parks.then_some(Duration::from_secs(1)));
            let served = serve_with(server, hello).await;
            let mut peer = served.connect().await;
            served.log.until(|log| log.opened == 1).await;
            park(parks).await;
            advance(first - Duration::from_secs(1) - 3 * MS).await;
            settle().await;
            assert!(peer.is_quiet(), "too early");
            advance(Duration::from_millis(202)).await;
            assert_eq!(peer.response().await.status(), 408);
            peer.end().await;
        });
    }
}

#[test]
fn a_request_at_the_last_moment_is_answered() {
    for parks in [false, true] {
        run_paused(async move {
            let served = answering(parks).await;
            let mut peer = served.connect().await;
            peer.ask(GET).await;
            park(parks).await;
            advance(IDLE - Duration::from_secs(1) - 3 * MS).await;
            let response = peer.ask(GET).await;
            assert_eq!((response.text(), &*response.connection()), ("hello", ""));
        });
    }
}
