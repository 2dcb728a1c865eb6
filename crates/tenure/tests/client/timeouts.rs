//! The client's waits, on a clock that moves when it is told.

use std::time::Duration;

use http::Method;
use tenure::{Client, CloseReason, Fate};
use tokio::time::advance;

use super::{observed, place, read, request};
use crate::common::*;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const LIMIT: Duration = Duration::from_secs(7);
const MS: Duration = Duration::from_millis(1);

async fn settle() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

#[test]
fn idle_connections_are_reaped() {
    run_paused(async {
        let script = Script::new().await;
        let (client, log) = observed(Client::builder().idle_timeout(LIMIT));
        for n in 1..3 {
            let (answer, mut peer) = tokio::join!(async { read(client.get(script.url("/")).await).await }, async {
                let mut peer = script.accept().await;
                peer.request().await;
                peer.send(OK).await;
                peer
            });
            answer.unwrap();
            settle().await;
            advance(LIMIT - MS).await;
            settle().await;
            assert!(peer.is_quiet(), "too early");
            // Used once more: the time starts anew.
            let (answer, ()) = tokio::join!(client.get(script.url("/")), async {
                peer.request().await;
                peer.send(OK).await;
            });
            drop(read(answer).await.unwrap());
            advance(LIMIT - MS).await;
            settle().await;
            assert!(peer.is_quiet(), "too early");
            advance(2 * MS).await;
            peer.end().await;
            assert_eq!(log.closed(n).await, vec![CloseReason::Idle; n]);
        }
    });
}

#[test]
fn a_response_that_does_not_come_ends_by_its_timeout() {
    run_paused(async {
        let script = Script::new().await;
        let (client, log) = observed(Client::builder().response_timeout(LIMIT));
        let url = script.url("/");
        let asked = client.request(request(Method::POST, &url, "content"));
        let server = async {
            let mut peer = script.accept().await;
            peer.request().await;
            peer.send("HTTP/1.1 102 Processing\r\n\r\n").await;
            settle().await;
            advance(LIMIT - MS).await;
            settle().await;
            assert!(peer.is_quiet(), "too early");
            advance(2 * MS).await;
            peer.end().await;
        };
        let (answer, ()) = tokio::join!(asked, server);
        let error = answer.unwrap_err();
        assert!(error.is_timeout(), "{error}");
        assert_eq!(error.fate(), Fate::Unknown);
        assert_eq!(log.closed(1).await, [CloseReason::TimedOut]);
    });
}

/// A wait that ended is no lost race: nothing is sent again.
#[test]
fn a_timeout_on_a_reused_connection_is_told() {
    run_paused(async {
        let script = Script::new().await;
        let client = Client::builder().response_timeout(LIMIT).build();
        let server = async {
            let mut peer = script.accept().await;
            peer.request().await;
            peer.send(OK).await;
            peer.request().await;
            settle().await;
            advance(LIMIT + MS).await;
            peer.end().await;
        };
        let asked = async {
            read(client.get(script.url("/")).await).await.unwrap();
            client.get(script.url("/")).await
        };
        let (answer, ()) = tokio::join!(asked, server);
        assert!(answer.unwrap_err().is_timeout());
        assert!(script.is_quiet());
    });
}

#[test]
fn content_that_pauses_too_long_ends_by_its_timeout() {
    run_paused(async {
        let script = Script::new().await;
        let client = Client::builder().content_timeout(LIMIT).build();
        let (response, mut peer) = tokio::join!(client.get(script.url("/")), async {
            let mut peer = script.accept().await;
            peer.request().await;
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nha").await;
            peer
        });
        let (content, ()) = tokio::join!(body::collect(response.unwrap().into_body()), async {
            for _ in 0..3 {
                settle().await;
                advance(LIMIT - MS).await;
                peer.send("x").await;
                settle().await;
            }
            advance(LIMIT + MS).await;
            peer.end().await;
        });
        let error = content.unwrap_err();
        assert!(error.is_timeout(), "{error}");
        assert_eq!(error.fate(), Fate::AnsweredInPart);
    });
}

/// An application that reads late is no server that sends late.
#[test]
fn a_slow_reader_does_not_time_out_what_has_come() {
    run_paused(async {
        let script = Script::new().await;
        let client = Client::builder().content_timeout(LIMIT).response_timeout(LIMIT).build();
        let (response, _peer) = tokio::join!(client.get(script.url("/")), async {
            let mut peer = script.accept().await;
            peer.request().await;
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n").await;
            peer.send("0123456789").await;
            peer
        });
        let response = response.unwrap();
        advance(10 * LIMIT).await;
        assert_eq!(place(&response), (1, 1));
        assert_eq!(body::collect(response.into_body()).await.unwrap(), "0123456789");
    });
}

/// The server takes the head and nothing more: the caller does not hang for ever.
#[test]
fn an_upload_that_stalls_ends_by_its_timeout() {
    run_paused(async {
        let script = Script::new().await;
        let (client, log) = observed(Client::builder().send_timeout(Some(LIMIT)));
        let url = script.url("/");
        let upload = request(Method::PUT, &url, vec![b'x'; 50_000_000]);
        let asked = tokio::spawn(async move { client.request(upload).await });
        let mut peer = script.accept().await;
        for n in 0..3 {
            // What the kernel takes goes at once; then nothing does.
            let mut sent = 0;
            while sent == 0 || sent < log.now().sent {
                sent = log.now().sent;
                settle().await;
            }
            assert!(!asked.is_finished(), "too early");
            if n < 2 {
                advance(LIMIT - MS).await;
                settle().await;
                assert!(!asked.is_finished(), "too early");
                // The server takes something: the time starts anew.
                peer.exactly(5_000_000).await.unwrap();
            }
        }
        advance(LIMIT + MS).await;
        let error = asked.await.unwrap().unwrap_err();
        assert!(error.is_timeout(), "{error}");
        assert_eq!(error.fate(), Fate::Incomplete);
        assert_eq!(log.closed(1).await, [CloseReason::TimedOut]);
    });
}

/// One limit for all of it: the queue, or the answer.
#[test]
fn a_request_ends_by_its_own_timeout_wherever_it_is() {
    run_paused(async {
        let script = Script::new().await;
        let client = Client::builder().request_timeout(LIMIT).connections_per_origin(1).build();
        let url = script.url("/");
        let mut sent = Box::pin(client.request(request(Method::POST, &url, "content")));
        let mut peer = tokio::select! {
            _ = &mut sent => panic!("too early"),
            peer = script.accept() => peer,
        };
        tokio::select! {
            _ = &mut sent => panic!("too early"),
            _ = peer.request() => {}
        }
        advance(MS).await;
        let mut queued = Box::pin(client.get(&url));
        assert!(is_pending(&mut queued));
        advance(LIMIT - 2 * MS).await;
        assert!(is_pending(&mut sent) && is_pending(&mut queued));
        advance(MS).await;
        let error = (&mut sent).await.unwrap_err();
        assert_eq!((error.is_timeout(), error.fate()), (true, Fate::Unknown), "{error}");
        // Its place is free and the next one connects; its time is over too, a moment later.
        let (answer, _peer) = tokio::join!(queued, async {
            let peer = script.accept().await;
            advance(2 * MS).await;
            peer
        });
        assert!(answer.unwrap_err().is_timeout());
    });
}
