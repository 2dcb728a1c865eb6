//! Exchanges that their caller lets go: a small rest is done in the background, and the connection
//! is used again.

use std::time::Duration;

use http::{Method, Response};
use tenure::{Body, Client, CloseReason};
use tokio::time::advance;

use super::{observed, place, read, request};
use crate::common::body::{Step, data, steps};
use crate::common::*;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const HALF: &str = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf,";
const MS: Duration = Duration::from_millis(1);
/// The default.
const LONGEST: Duration = Duration::from_millis(250);

/// A client with one connection, and a response whose body nobody will read; the server has sent `sent`.
async fn begun(client: &Client, script: &Script, sent: &str) -> (Response<Body>, Peer) {
    let (response, peer) = tokio::join!(client.get(script.url("/")), async {
        let mut peer = script.accept().await;
        peer.request().await;
        peer.send(sent).await;
        peer
    });
    (response.unwrap(), peer)
}

#[test]
fn what_has_come_already_costs_nothing() {
    run(async {
        let script = Script::new().await;
        let client = Client::builder().connections_per_origin(1).build();
        for (n, sent) in [(0, OK), (1, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")] {
            let (response, mut peer) = begun(&client, &script, sent).await;
            assert_eq!(place(&response), (n + 1, 1));
            drop(response);
            let (response, ()) = tokio::join!(client.get(script.url("/")), async {
                peer.request().await;
                peer.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").await;
            });
            assert_eq!(place(&response.unwrap()), (n + 1, 2));
        }
    });
}

#[test]
fn a_rest_that_comes_soon_is_awaited_in_the_background() {
    run_paused(async {
        let script = Script::new().await;
        let client = Client::builder().connections_per_origin(1).build();
        let (response, mut peer) = begun(&client, &script, HALF).await;
        drop(response);
        let (response, ()) = tokio::join!(client.get(script.url("/")), async {
            settle().await;
            advance(LONGEST - MS).await;
            peer.send("half.").await;
            peer.request().await;
            peer.send(OK).await;
        });
        assert_eq!(place(&response.unwrap()), (1, 2));
    });
}

#[test]
fn a_rest_that_does_not_come_ends_its_connection() {
    run_paused(async {
        let script = Script::new().await;
        let (client, log) = observed(Client::builder().connections_per_origin(1));
        let (response, mut peer) = begun(&client, &script, HALF).await;
        drop(response);
        settle().await;
        advance(LONGEST - MS).await;
        settle().await;
        assert!(peer.is_quiet() && log.now().closed.is_empty(), "too early");
        advance(2 * MS).await;
        assert_eq!(log.closed(1).await, [CloseReason::Abandoned]);
        peer.end().await;
    });
}

#[test]
fn a_large_rest_ends_its_connection() {
    run(async {
        let script = Script::new().await;
        let (client, log) = observed(Client::builder().drain(100, Duration::from_secs(30)));
        // Known at once, or found out on the way.
        for (n, sent, rest) in [
            (1, "HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n", 0),
            (2, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 101),
        ] {
            let (response, mut peer) = begun(&client, &script, sent).await;
            drop(response);
            peer.send(format!("{rest:x}\r\n{}", "x".repeat(rest)).repeat(usize::from(rest > 0))).await;
            assert_eq!(log.closed(n).await, vec![CloseReason::Abandoned; n]);
        }
    });
}

#[test]
fn zero_bytes_turn_it_off() {
    run(async {
        let script = Script::new().await;
        let (client, log) = observed(Client::builder().drain(0, Duration::from_secs(30)));
        let (response, _peer) = begun(&client, &script, HALF).await;
        drop(response);
        assert_eq!(log.now().closed.len(), 1);
    });
}

/// RFC 9110 section 7.5: the answer came early and does not close, so the request is sent to its end.
#[test]
fn an_upload_goes_on_after_its_answer() {
    run(async {
        let script = Script::new().await;
        let client = Client::builder().connections_per_origin(1).build();
        let url = script.url("/");
        for length in [Some(10), None] {
            let (go, wait) = tokio::sync::oneshot::channel();
            let body = steps(length, [data("01234"), Step::Wait(wait), data("56789")]);
            let asked = async { client.request(request(Method::POST, &url, body)).await.unwrap() };
            let (response, mut peer) = tokio::join!(asked, async {
                let mut peer = script.accept().await;
                peer.head().await;
                peer.send(OK).await;
                peer
            });
            let id = place(&response).0;
            assert_eq!(read(Ok(response)).await.unwrap().1, "ok");
            drop(go);
            let (response, ()) = tokio::join!(client.get(&url), async {
                let content = if length.is_some() { "0123456789" } else { "5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n" };
                assert_eq!(peer.exactly(content.len()).await.unwrap(), content.as_bytes());
                peer.request().await;
                peer.send("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").await;
            });
            assert_eq!(place(&response.unwrap()), (id, 2), "{length:?}");
        }
    });
}

#[test]
fn too_much_of_an_upload_is_cut_after_its_answer() {
    run(async {
        let script = Script::new().await;
        let (client, log) = observed(Client::builder());
        let url = script.url("/");
        let (_go, wait) = tokio::sync::oneshot::channel();
        let body = steps(Some(1_000_000), [data("01234"), Step::Wait(wait)]);
        let asked = async { read(client.request(request(Method::POST, &url, body)).await).await.unwrap() };
        let (answer, ()) = tokio::join!(asked, async {
            let mut peer = script.accept().await;
            peer.head().await;
            peer.send("HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno").await;
            assert_eq!(peer.rest().await, b"01234");
        });
        assert_eq!(answer, (401, "no".to_owned()));
        assert_eq!(log.closed(1).await, [CloseReason::Abandoned]);
    });
}
