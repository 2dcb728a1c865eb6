//! `Expect: 100-continue` in the client (RFC 9110 section 10.1.1).

use std::time::Duration;

use http::Request;
use tenure::{Body, Client};
use tokio::time::advance;

use super::{observed, place, read};
use crate::common::*;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const WAIT: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);

fn expecting(url: &str, content: impl Into<Body>) -> Request<Body> {
    Request::post(url).header("expect", "100-continue").body(content.into()).unwrap()
}

#[test]
fn the_content_waits_for_100() {
    run_paused(async {
        let script = Script::new().await;
        let client = Client::new();
        let server = async {
            let mut peer = script.accept().await;
            for _ in 0..2 {
                assert_eq!(peer.head().await.field("expect"), Some("100-continue"));
                advance(WAIT - MS).await;
                assert!(peer.unread.is_empty() && peer.is_quiet(), "the head alone");
                peer.send("HTTP/1.1 102 Processing\r\n\r\n").await;
                tokio::task::yield_now().await;
                assert!(peer.is_quiet(), "102 is not 100");
                peer.send("HTTP/1.1 100 Continue\r\n\r\n").await;
                assert_eq!(peer.exactly(5).await.unwrap(), b"hello");
                peer.send(OK).await;
            }
        };
        let asked = async {
            for n in 1..3 {
                let response = client.request(expecting(&script.url("/"), "hello")).await.unwrap();
                assert_eq!(place(&response), (1, n));
                assert_eq!(body::collect(response.into_body()).await.unwrap(), "ok");
            }
        };
        tokio::join!(asked, server);
    });
}

#[test]
fn the_content_does_not_wait_for_ever() {
    run_paused(async {
        let script = Script::new().await;
        let (client, log) = observed(Client::builder());
        let server = async {
            let mut peer = script.accept().await;
            peer.head().await;
            advance(WAIT - MS).await;
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
            assert!(peer.is_quiet(), "not yet");
            advance(2 * MS).await;
            assert_eq!(peer.exactly(5).await.unwrap(), b"hello");
            // The 100 that comes late is no answer.
            peer.send("HTTP/1.1 100 Continue\r\n\r\n").await;
            peer.send(OK).await;
            peer
        };
        let url = script.url("/");
        let asked = async { read(client.request(expecting(&url, "hello")).await).await.unwrap() };
        let (answer, _peer) = tokio::join!(asked, server);
        assert_eq!(answer.1, "ok");
        assert_eq!(log.now().closed, [], "it can be used again");
    });
}

#[test]
fn a_final_answer_instead_spares_the_content() {
    run(async {
        let script = Script::new().await;
        let (client, log) = observed(Client::builder());
        let server = async {
            let mut peer = script.accept().await;
            peer.head().await;
            peer.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno").await;
            // The server cannot know whether the content follows, so the connection has to end.
            peer.end().await;
        };
        let url = script.url("/");
        let asked = async { read(client.request(expecting(&url, "hello")).await).await.unwrap() };
        let (answer, ()) = tokio::join!(asked, server);
        assert_eq!(answer, (413, "no".to_owned()));
        assert_eq!(log.now().sent, log.now().sent.min(200), "no content");
    });
}

/// There is nothing to wait with, so the connection need not suffer.
#[test]
fn without_content_nothing_waits() {
    run(async {
        let script = Script::new().await;
        let client = Client::new();
        let server = async {
            let mut peer = script.accept().await;
            for _ in 0..2 {
                peer.request().await;
                peer.send(OK).await;
            }
        };
        let asked = async {
            for n in 1..3 {
                let response = client.request(expecting(&script.url("/"), "")).await.unwrap();
                assert_eq!(place(&response), (1, n));
                body::collect(response.into_body()).await.unwrap();
            }
        };
        tokio::join!(asked, server);
    });
}
