//! The race between a request and the server's idle timeout, avoided: hints, experience, and fresh
//! connections for requests that cannot be repeated.

use std::time::Duration;

use http::{Method, Request};
use tenure::{Body, Client, CloseReason};
use tokio::time::advance;

use super::{observed, place, read, request};
use crate::common::*;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const LATE: &str = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 4\r\n\r\nlate";

/// Answers every request of every connection with `answer`, and never closes first.
async fn patient(answer: &'static str) -> String {
    let script = Script::new().await;
    let url = script.url("/");
    tokio::spawn(async move {
        loop {
            let mut peer = script.accept().await;
            tokio::spawn(async move {
                while peer.try_request().await.is_ok() {
                    peer.send(answer).await;
                }
            });
        }
    });
    url
}

/// Sends a request, reads the answer to its end, and says on which connection it came.
async fn ask(client: &Client, method: Method, url: &str) -> (u64, u64) {
    let response = client.request(request(method, url, Body::empty())).await.unwrap();
    let place = place(&response);
    assert_eq!(read(Ok(response)).await.unwrap(), (200, "ok".into()));
    place
}

async fn pass(seconds: f64) {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    advance(Duration::from_secs_f64(seconds)).await;
}

#[test]
fn a_post_takes_no_connection_that_an_unknown_server_may_be_closing() {
    run_paused(async {
        let url = patient(OK).await;
        let client = Client::new();
        assert_eq!(ask(&client, Method::POST, &url).await, (1, 1));
        pass(1.8).await;
        assert_eq!(ask(&client, Method::POST, &url).await, (1, 2), "no server closes so soon");
        pass(2.0).await;
        assert_eq!(ask(&client, Method::POST, &url).await, (2, 1), "some do now");
        pass(2.0).await;
        assert_eq!(ask(&client, Method::GET, &url).await, (2, 2), "a GET can be repeated");
    });
}

#[test]
fn what_was_survived_once_is_good_for_the_next_post() {
    run_paused(async {
        let url = patient(OK).await;
        let client = Client::new();
        ask(&client, Method::GET, &url).await;
        pass(20.0).await;
        assert_eq!(ask(&client, Method::GET, &url).await, (1, 2));
        pass(19.0).await;
        assert_eq!(ask(&client, Method::POST, &url).await, (1, 3));
        pass(21.0).await;
        assert_eq!(ask(&client, Method::POST, &url).await, (2, 1), "nobody knows about 21 s");
    });
}

#[test]
fn an_announced_time_is_used_but_for_a_margin() {
    run_paused(async {
        let url = patient("HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5\r\nContent-Length: 2\r\n\r\nok").await;
        let (client, log) = observed(Client::builder());
        ask(&client, Method::POST, &url).await;
        pass(3.9).await;
        assert_eq!(ask(&client, Method::POST, &url).await, (1, 2));
        pass(4.1).await;
        assert_eq!(log.closed(1).await, [CloseReason::Hint], "closed before the server does");
        assert_eq!(ask(&client, Method::GET, &url).await, (2, 1));
    });
}

#[test]
fn a_connection_that_carries_no_more_requests_is_given_none() {
    run_paused(async {
        let url = patient("HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5, max=0\r\nContent-Length: 2\r\n\r\nok").await;
        let (client, log) = observed(Client::builder());
        assert_eq!(ask(&client, Method::GET, &url).await, (1, 1));
        assert_eq!(ask(&client, Method::GET, &url).await, (2, 1));
        assert_eq!(log.closed(2).await, [CloseReason::Hint; 2]);
    });
}

#[test]
fn a_close_that_was_seen_makes_a_post_careful_whatever_is_announced() {
    run_paused(async {
        let script = Script::new().await;
        let url = script.url("/");
        let lying = "HTTP/1.1 200 OK\r\nKeep-Alive: timeout=60\r\nContent-Length: 2\r\n\r\nok";
        tokio::spawn(async move {
            // The first connection closes as soon as it is told to: at 10 s.
            let mut peer = script.accept().await;
            peer.request().await;
            peer.send(lying).await;
            tokio::time::sleep(Duration::from_secs(10)).await;
            drop(peer);
            loop {
                let mut peer = script.accept().await;
                tokio::spawn(async move {
                    while peer.try_request().await.is_ok() {
                        peer.send(lying).await;
                    }
                });
            }
        });
        let (client, log) = observed(Client::builder());
        ask(&client, Method::GET, &url).await;
        pass(10.0).await;
        // The FIN takes its real time to come.
        while log.now().closed.is_empty() {
            pass(0.001).await;
            ask(&client, Method::GET, &url).await;
        }
        pass(4.0).await;
        let (id, _) = ask(&client, Method::POST, &url).await;
        pass(9.8).await;
        assert_eq!(ask(&client, Method::POST, &url).await, (id + 1, 1), "60 s are announced, but 10 s were seen");
    });
}

/// Answers one request, then answers the next on the same connection with 408, then the rest well.
async fn late(more: usize) -> (String, tokio::task::JoinHandle<Vec<Message>>) {
    let script = Script::new().await;
    let url = script.url("/");
    let served = tokio::spawn(async move {
        let mut peer = script.accept().await;
        let mut seen = vec![peer.request().await];
        peer.send(OK).await;
        seen.push(peer.request().await);
        peer.send(LATE).await;
        drop(peer);
        for _ in 0..more {
            let mut peer = script.accept().await;
            seen.push(peer.request().await);
            peer.send(OK).await;
            drop(peer.rest().await);
        }
        assert!(script.is_quiet(), "a connection too many");
        seen
    });
    (url, served)
}

#[test]
fn a_408_that_crosses_an_idempotent_request_is_answered_by_a_repetition() {
    run(async {
        for method in [Method::GET, Method::PUT] {
            let (url, served) = late(1).await;
            let client = Client::new();
            ask(&client, Method::GET, &url).await;
            assert_eq!(ask(&client, method, &url).await, (2, 1));
            drop(client);
            assert_eq!(served.await.unwrap().len(), 3);
        }
    });
}

#[test]
fn a_408_to_a_post_is_its_answer() {
    run(async {
        let (url, served) = late(0).await;
        let client = Client::new();
        ask(&client, Method::GET, &url).await;
        let response = client.request(request(Method::POST, &url, Body::empty())).await;
        assert_eq!(read(response).await.unwrap(), (408, "late".into()));
        assert_eq!(served.await.unwrap().len(), 2);
    });
}

#[test]
fn a_408_on_a_fresh_connection_is_the_answer() {
    run(async {
        let url = patient(LATE).await;
        assert_eq!(read(Client::new().get(&url).await).await.unwrap(), (408, "late".into()));
    });
}

#[test]
fn a_post_with_an_idempotency_key_is_repeated() {
    run(async {
        let script = Script::new().await;
        let url = script.url("/");
        let served = tokio::spawn(async move {
            let mut peer = script.accept().await;
            peer.request().await;
            peer.send(OK).await;
            let first = peer.request().await;
            drop(peer);
            let mut peer = script.accept().await;
            let second = peer.request().await;
            peer.send(OK).await;
            (first, second)
        });
        let client = Client::new();
        ask(&client, Method::GET, &url).await;
        let post = Request::post(&url).header("Idempotency-Key", "\"k1\"").body(Body::from("once")).unwrap();
        let response = client.request(post).await;
        assert_eq!(read(response).await.unwrap(), (200, "ok".into()));
        let (first, second) = served.await.unwrap();
        for seen in [first, second] {
            assert_eq!((seen.text(), seen.field("idempotency-key")), ("once", Some("\"k1\"")));
        }
    });
}
