//! The pool's limits: of connections, of waiting, of age and use.

use std::sync::Arc;
use std::time::Duration;

use http::{Method, Response};
use tenure::client::Builder;
use tenure::{Body, Client, CloseReason, Fate};

use super::{observed, place, read, request};
use crate::common::*;

/// A server, and a client with these settings.
async fn scene(builder: Builder) -> (Served, Client, Arc<Log>) {
    let served = serve(|_| async { Ok(Response::new(Body::from("ok"))) }).await;
    let (client, log) = observed(builder);
    (served, client, log)
}

/// Sends a request, reads the answer to its end, and says on which connection it came.
async fn ask(client: &Client, url: &str) -> (u64, u64) {
    let response = client.get(url).await.unwrap();
    let place = place(&response);
    assert_eq!(read(Ok(response)).await.unwrap().1, "ok");
    place
}

/// A server of many origins: the URL of each.
async fn everywhere() -> impl Fn(u8) -> String {
    let listener = tokio::net::TcpListener::bind("0.0.0.0:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let service = tower::service_fn(|_| async { Ok::<_, BoxError>(Response::new(Body::from("ok"))) });
    tokio::spawn(tenure::server::serve(listener, service));
    move |n| format!("http://127.0.0.{n}:{port}/")
}

#[test]
fn another_origins_idle_connection_makes_room() {
    run(async {
        let origin = everywhere().await;
        let (client, log) = observed(Client::builder().max_connections(2));
        for n in [1, 2, 3, 2] {
            ask(&client, &origin(n)).await;
        }
        assert_eq!(log.closed(1).await, [CloseReason::Pressure]);
        let log = log.now();
        assert_eq!((log.opened, log.most, log.closed[0].0), (3, 2, 1), "the longest idle one, and no other");
    });
}

#[test]
fn requests_to_other_origins_wait_for_their_turn_too() {
    run_threads(async {
        let origin = everywhere().await;
        let (client, log) = observed(Client::builder().max_connections(2));
        let all: Vec<_> = (0..200)
            .map(|n| {
                let (client, url) = (client.clone(), origin(n % 7 + 1));
                tokio::spawn(async move { read(client.get(url).await).await.unwrap().1 })
            })
            .collect();
        for one in all {
            assert_eq!(one.await.unwrap(), "ok");
        }
        assert!(log.now().most <= 2, "{}", log.now().most);
    });
}

#[test]
fn only_so_many_stay_idle() {
    run(async {
        let origin = everywhere().await;
        let (client, log) = observed(Client::builder().max_idle(2));
        for n in [1, 2, 3] {
            ask(&client, &origin(n)).await;
        }
        assert_eq!(log.closed(1).await, [CloseReason::PoolFull]);
        assert_eq!((log.now().closed[0].0, client.pool().idle()), (1, 2));

        let (client, log) = observed(Client::builder().max_idle(0));
        ask(&client, &origin(1)).await;
        assert_eq!(log.closed(1).await, [CloseReason::PoolFull]);
    });
}

#[test]
fn a_connection_carries_so_many_requests() {
    run(async {
        let (served, client, log) = scene(Client::builder().max_requests(Some(3))).await;
        let mut places = Vec::new();
        for _ in 0..7 {
            places.push(ask(&client, &served.url("/")).await);
        }
        assert_eq!(places, [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3), (3, 1)]);
        assert_eq!(log.closed(2).await, [CloseReason::RequestLimit; 2]);
    });
}

#[test]
fn a_connection_becomes_so_old() {
    run_paused(async {
        let (served, client, log) = scene(Client::builder().max_age(Some(Duration::from_secs(100)))).await;
        let url = served.url("/");
        assert_eq!(ask(&client, &url).await, (1, 1));
        for n in 2..=3 {
            settle().await;
            tokio::time::advance(Duration::from_secs(44)).await;
            assert_eq!(ask(&client, &url).await, (1, n), "up to a tenth less than 100 s is allowed");
        }
        settle().await;
        // It is idle, and ends although it was used lately.
        tokio::time::advance(Duration::from_secs(12)).await;
        assert_eq!(log.closed(1).await, [CloseReason::Age]);
        assert_eq!(ask(&client, &url).await, (2, 1));
    });
}

#[test]
fn a_request_that_no_connection_comes_for_says_so() {
    run_paused(async {
        let script = Script::new().await;
        let limit = Duration::from_secs(7);
        let (client, _log) = observed(Client::builder().connections_per_origin(1).acquire_timeout(Some(limit)));
        let url = script.url("/");
        let held = tokio::spawn({
            let (client, url) = (client.clone(), url.clone());
            async move { client.get(url).await.is_ok() }
        });
        let mut peer = script.accept().await;
        peer.request().await;
        let late = tokio::spawn({
            let client = client.clone();
            async move { client.request(request(Method::POST, &url, "")).await }
        });
        settle().await;
        tokio::time::advance(limit - Duration::from_millis(1)).await;
        settle().await;
        assert!(!late.is_finished());
        tokio::time::advance(Duration::from_millis(2)).await;
        let error = late.await.unwrap().unwrap_err();
        assert!(error.is_timeout() && !error.is_connect(), "{error}");
        assert!(error.is_safe_to_retry());
        assert_eq!(error.fate(), Fate::NotSent);
        let text = error.to_string();
        for part in [&script.address.to_string(), "7s", "1 are open", "connections_per_origin"] {
            assert!(text.contains(part), "{text}");
        }
        assert_eq!(client.pool().origins[0].waiting, 0);
        held.abort();
    });
}

#[test]
fn a_queue_that_moves_may_take_as_long_as_it_takes() {
    run_paused(async {
        let script = Script::new().await;
        let limit = Duration::from_secs(7);
        let (client, _log) = observed(Client::builder().connections_per_origin(1).acquire_timeout(Some(limit)));
        let all: Vec<_> = (0..5)
            .map(|_| {
                let (client, url) = (client.clone(), script.url("/"));
                tokio::spawn(async move { read(client.get(url).await).await.map(|(status, _)| status) })
            })
            .collect();
        let mut peer = script.accept().await;
        for _ in 0..5 {
            peer.request().await;
            // The last one waits for 24 s in all.
            tokio::time::advance(Duration::from_secs(6)).await;
            settle().await;
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        }
        for one in all {
            assert_eq!(one.await.unwrap().unwrap(), 200);
        }
    });
}
