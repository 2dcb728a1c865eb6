//! What servers do to their connections is learned from the closes they show.

use std::time::Duration;

use http::Method;
use tenure::{Body, Client, CloseReason};

use super::{observed, place, read, request};
use crate::common::*;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Sends a request, reads the answer to its end, and says on which connection it came.
async fn ask(client: &Client, method: Method, url: &str) -> (u64, u64) {
    let response = client.request(request(method, url, Body::empty())).await.unwrap();
    let place = place(&response);
    assert_eq!(read(Ok(response)).await.unwrap().1, "ok");
    place
}

/// Closes each connection 2 ms after so many responses, and processes whatever it gets till then.
async fn closes_after_response(count: usize) -> String {
    let script = Script::new().await;
    let url = script.url("/");
    tokio::spawn(async move {
        loop {
            let mut peer = script.accept().await;
            tokio::spawn(async move {
                for _ in 0..count {
                    if peer.try_request().await.is_err() {
                        return;
                    }
                    peer.send(OK).await;
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            });
        }
    });
    url
}

async fn pass_two_milliseconds() {
    settle().await;
    tokio::time::advance(Duration::from_millis(3)).await;
}

#[test]
fn a_server_that_closes_after_every_third_response_is_found_out() {
    run_paused(async {
        let url = closes_after_response(3).await;
        let (client, log) = observed(Client::builder());
        // The first close is met by a request that can be repeated.
        for n in 0..3 {
            assert_eq!(ask(&client, Method::GET, &url).await, (1, n + 1));
        }
        pass_two_milliseconds().await;
        assert_eq!(log.closed(1).await, [CloseReason::PeerFin]);
        // Once is enough to keep those away that cannot be repeated, twice all others.
        for n in 0..3 {
            assert_eq!(ask(&client, Method::POST, &url).await, (2, n + 1));
        }
        assert_eq!(ask(&client, Method::POST, &url).await, (3, 1));
        pass_two_milliseconds().await;
        assert_eq!(log.closed(2).await, [CloseReason::PeerFin; 2]);
        assert_eq!(client.pool().origins[0].max_requests, Some(3));
        for n in 1..30 {
            let method = if n % 2 == 0 { Method::GET } else { Method::POST };
            assert_eq!(ask(&client, method, &url).await, (3 + n / 3, n % 3 + 1));
        }
        assert_eq!(log.closed(12).await[2..], [CloseReason::RequestLimit; 10]);
        assert_eq!(log.now().opened, 12);
    });
}

/// A restart ends all connections at once: that is no idle limit.
#[test]
fn a_restart_teaches_no_idle_limit() {
    run_paused(async {
        let script = Script::new().await;
        let url = script.url("/");
        let (client, log) = observed(Client::builder());
        let mut peers = Vec::new();
        for _ in 0..3 {
            // All others are in use while this one is made.
            client.preconnect(&url, peers.len() + 1).await.unwrap();
            peers.push(script.accept().await);
            tokio::time::advance(Duration::from_secs(3)).await;
        }
        drop(peers);
        assert_eq!(log.closed(3).await, [CloseReason::PeerFin; 3]);
        assert_eq!(client.pool().origins, [], "nothing was learned");
    });
}

#[test]
fn a_close_after_its_announcement_teaches_nothing() {
    run(async {
        let script = Script::new().await;
        let url = script.url("/");
        let client = Client::new();
        let served = tokio::spawn(async move {
            for _ in 0..3 {
                let mut peer = script.accept().await;
                peer.request().await;
                peer.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok").await;
            }
        });
        for n in 1..=3 {
            assert_eq!(ask(&client, Method::GET, &url).await, (n, 1));
        }
        served.await.unwrap();
        assert_eq!(client.pool().origins, []);
    });
}
