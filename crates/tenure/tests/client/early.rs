//! A final response while a large upload is under way: it is delivered, not the write error that
//! comes with it.

use http::Method;
use tenure::{Body, Client};

use super::{read, request};
use crate::common::body::{data, steps};
use crate::common::*;

const UPLOAD: usize = 10_000_000;
const REFUSAL: &str = "HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 7\r\n\r\nrefused";

/// Reads a little, refuses, and then closes in stages (RFC 9112 section 9.6) or not at all politely.
async fn refuse(script: &Script, polite: bool) {
    let mut peer = script.accept().await;
    peer.head().await;
    peer.exactly(60_000).await.unwrap();
    peer.send(REFUSAL).await;
    if polite {
        peer.fin().await;
        // The client may stop or go on; either way this side reads to the end.
        while peer.fill().await.is_ok_and(|more| more) {
            peer.unread.clear();
        }
    }
}

/// 100 times as one piece, 100 times in many.
async fn delivered(polite: bool) {
    let script = Script::new().await;
    let client = Client::new();
    let whole = bytes::Bytes::from(vec![b'x'; UPLOAD]);
    for round in 0..200 {
        let body = match round % 2 {
            0 => Body::from(whole.clone()),
            _ => steps(None, (0..UPLOAD / 50_000).map(|n| data(whole.slice(n * 50_000..(n + 1) * 50_000)))),
        };
        let url = script.url("/");
        let asked = async { read(client.request(request(Method::POST, &url, body)).await).await };
        let (answer, ()) = tokio::join!(asked, refuse(&script, polite));
        assert_eq!(answer.unwrap(), (413, "refused".to_owned()), "round {round}");
    }
}

#[test]
fn a_refusal_is_delivered_200_of_200_times() {
    run_threads(delivered(true));
}

/// The server closes with unread input, so a reset follows its answer: what had come before the
/// reset is read all the same.
#[test]
#[cfg(target_os = "linux")]
fn a_refusal_before_a_reset_is_delivered_200_of_200_times() {
    run_threads(delivered(false));
}

/// The server answers, keeps the connection, and goes on reading: so must the client.
#[test]
fn an_early_answer_that_persists_does_not_stop_the_upload() {
    run(async {
        let script = Script::new().await;
        let client = Client::new();
        let url = script.url("/");
        let body = steps(None, (0..100).map(|_| data(vec![b'x'; 50_000])));
        let asked = async { read(client.request(request(Method::POST, &url, body)).await).await };
        let server = async {
            let mut peer = script.accept().await;
            peer.head().await;
            peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nearly\r\n").await;
            let mut received = 0;
            while !peer.unread.ends_with(b"\r\n0\r\n\r\n") {
                assert!(peer.fill().await.unwrap(), "cut after {received}");
                received += peer.unread.len().saturating_sub(7);
                peer.unread.drain(..peer.unread.len().saturating_sub(7));
            }
            assert!(received > 5_000_000);
            peer.send("0\r\n\r\n").await;
        };
        let (answer, ()) = tokio::join!(asked, server);
        assert_eq!(answer.unwrap(), (200, "early".to_owned()));
    });
}
