//! `Builder::expect_continue`: large content that must not be sent twice waits for 100 (Continue).

use std::time::Duration;

use http::Method;
use tenure::client::Builder;
use tenure::{Client, Fate};
use tokio::time::advance;

use super::{observed, place, read, request};
use crate::common::body::{data, steps};
use crate::common::*;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn guarded() -> Builder {
    Client::builder().expect_continue(5)
}

#[test]
fn only_large_content_that_must_not_be_sent_twice_waits() {
    run(async {
        let script = Script::new().await;
        let client = guarded().build();
        let expects = |method: Method, body: tenure::Body| {
            let asked = client.request(request(method, &script.url("/"), body));
            let script = &script;
            async move {
                let server = async {
                    let mut peer = script.accept().await;
                    let expects = peer.head().await.field("expect").is_some();
                    peer.send("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").await;
                    expects
                };
                let (answer, expects) = tokio::join!(asked, server);
                answer.unwrap();
                expects
            }
        };
        assert!(!expects(Method::POST, "12345".into()).await, "small");
        assert!(expects(Method::POST, "123456".into()).await);
        assert!(expects(Method::PATCH, steps(None, [data("1")])).await, "of unknown length");
        assert!(!expects(Method::PUT, "123456".into()).await, "may be sent twice");
        assert!(!expects(Method::POST, "".into()).await, "no content");
    });
}

/// The second request is met by a connection that dies; the third connection takes it.
#[test]
fn a_death_before_100_costs_nothing() {
    run(async {
        let script = Script::new().await;
        let (client, log) = observed(guarded());
        let url = script.url("/");
        let server = async {
            let mut peer = script.accept().await;
            peer.request().await;
            peer.send(OK).await;
            let seen = peer.head().await;
            assert_eq!((seen.field("expect"), peer.is_quiet()), (Some("100-continue"), true));
            drop(peer);
            let mut peer = script.accept().await;
            peer.head().await;
            peer.send("HTTP/1.1 100 Continue\r\n\r\n").await;
            assert_eq!(peer.exactly(6).await.unwrap(), b"123456");
            peer.send(OK).await;
        };
        let asked = async {
            read(client.get(&url).await).await.unwrap();
            let response = client.request(request(Method::POST, &url, "123456")).await.unwrap();
            assert_eq!(place(&response), (2, 1));
        };
        tokio::join!(asked, server);
        assert_eq!(log.now().opened, 2);
    });
}

#[test]
fn on_a_fresh_connection_the_death_is_told_with_its_fate() {
    run(async {
        let script = Script::new().await;
        let client = guarded().build();
        let url = script.url("/");
        let (answer, ()) = tokio::join!(client.request(request(Method::POST, &url, "123456")), async {
            script.accept().await.head().await;
        });
        let error = answer.unwrap_err();
        assert_eq!(error.fate(), Fate::Withheld, "{error}");
        assert!(error.is_safe_to_retry());
    });
}

/// RFC 9110 section 10.1.1: the request is repeated without the expectation.
#[test]
fn a_server_that_knows_no_expectation_is_asked_again() {
    run(async {
        let script = Script::new().await;
        let client = guarded().build();
        let url = script.url("/");
        let server = async {
            let mut peer = script.accept().await;
            peer.head().await;
            peer.send("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n").await;
            let mut peer = script.accept().await;
            let seen = peer.request().await;
            peer.send(OK).await;
            assert_eq!((seen.field("expect"), seen.text()), (None, "123456"));
        };
        let asked = async { read(client.request(request(Method::POST, &url, "123456")).await).await };
        assert_eq!(tokio::join!(asked, server).0.unwrap().1, "ok");
    });
}

#[test]
fn the_wait_is_bounded() {
    run_paused(async {
        let script = Script::new().await;
        let client = guarded().build();
        let url = script.url("/");
        let server = async {
            let mut peer = script.accept().await;
            peer.head().await;
            settle().await;
            assert!(peer.is_quiet());
            advance(Duration::from_millis(1001)).await;
            assert_eq!(peer.exactly(6).await.unwrap(), b"123456");
            peer.send(OK).await;
        };
        let asked = async { read(client.request(request(Method::POST, &url, "123456")).await).await };
        assert_eq!(tokio::join!(asked, server).0.unwrap().1, "ok");
    });
}

/// A server that answers without ever having asked is waited for once, not for each request.
#[test]
fn a_server_that_never_asks_is_waited_for_once() {
    run_paused(async {
        let script = Script::new().await;
        let client = guarded().build();
        let url = script.url("/");
        let wait = Duration::from_secs(1);
        // The clock stands still: content that waits for longer than that never comes.
        let serve = async |expected: Option<&str>, waits: Duration| {
            let mut peer = script.accept().await;
            assert_eq!(peer.head().await.field("expect"), expected);
            if !waits.is_zero() {
                assert!(peer.is_quiet(), "it waits");
            }
            advance(waits).await;
            assert_eq!(peer.exactly(6).await.unwrap(), b"123456");
            peer.send("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").await;
        };
        let ask = || client.request(request(Method::POST, &url, "123456"));
        let (answer, ()) = tokio::join!(ask(), serve(Some("100-continue"), wait));
        answer.unwrap();
        for _ in 0..2 {
            let (answer, ()) = tokio::join!(ask(), serve(None, Duration::ZERO));
            answer.unwrap();
        }
        // The caller's own expectation is sent, and not waited for either.
        let mut own = request(Method::POST, &url, "123456");
        own.headers_mut().insert("expect", "100-continue".parse().unwrap());
        let (answer, ()) = tokio::join!(client.request(own), serve(Some("100-continue"), Duration::ZERO));
        answer.unwrap();
        // After ten minutes it may be another server.
        advance(Duration::from_secs(600)).await;
        let (answer, ()) = tokio::join!(ask(), serve(Some("100-continue"), wait));
        answer.unwrap();
    });
}
