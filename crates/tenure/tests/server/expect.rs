//! `Expect` (RFC 9110 section 10.1.1).

use http::{Request, Response, StatusCode};
use tenure::Body;

use crate::common::*;

const HEAD: &str = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";

async fn read(request: Request<Body>) -> Result<Response<Body>, BoxError> {
    Ok(Response::new(Body::from(body::collect(request.into_body()).await?)))
}

#[test]
fn a_handler_that_reads_makes_the_client_continue() {
    run(async {
        let served = serve(read).await;
        let mut peer = served.connect().await;
        for _ in 0..2 {
            peer.send(HEAD).await;
            assert_eq!(peer.head().await.start, "HTTP/1.1 100 Continue");
            assert!(peer.unread.is_empty(), "nothing but the interim response");
            let response = peer.ask("hello").await;
            assert_eq!((response.status(), response.text(), response.field("connection")), (200, "hello", None));
        }
    });
}

#[test]
fn a_handler_that_does_not_read_makes_no_client_continue() {
    run(async {
        let served = serve(|_| async { Ok(Response::builder().status(StatusCode::FORBIDDEN).body(Body::from("no"))?) });
        let served = served.await;
        let mut peer = served.connect().await;
        let response = peer.ask(HEAD).await;
        // Nobody can tell whether the content follows, so nothing else may.
        assert_eq!((response.status(), &*response.connection()), (403, "close"));
        peer.end().await;
    });
}

#[test]
fn an_http10_client_is_not_told_to_continue() {
    run(async {
        let served = serve(read).await;
        let mut peer = served.connect().await;
        peer.send("POST / HTTP/1.0\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello").await;
        assert_eq!(peer.response().await.status(), 200);
    });
}

/// The response of a streaming handler begins before the content was read.
#[test]
fn the_interim_response_never_comes_inside_the_final_one() {
    run(async {
        let served = serve(|request: Request<Body>| async { Ok(Response::new(request.into_body())) }).await;
        for framing in ["Content-Length: 5", "Transfer-Encoding: chunked"] {
            let mut peer = served.connect().await;
            peer.send(format!("POST / HTTP/1.1\r\nHost: a\r\n{framing}\r\nExpect: 100-continue\r\n\r\n")).await;
            assert_eq!(peer.head().await.start, "HTTP/1.1 100 Continue", "{framing}");
            peer.send(if framing.starts_with('C') { "hello" } else { "5\r\nhello\r\n0\r\n\r\n" }).await;
            let response = peer.response().await;
            assert_eq!((response.status(), response.text()), (200, "hello"), "{framing}");
        }
    });
}

#[test]
fn an_unknown_expectation_fails() {
    run(async {
        let served = serve(read).await;
        let mut peer = served.connect().await;
        for _ in 0..2 {
            let response = peer.ask("GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n").await;
            assert_eq!((response.status(), response.field("connection")), (417, None));
        }
        // With content it is as with any refused expectation: it may follow or not.
        let request = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue, tea\r\n\r\n";
        let response = peer.ask(request).await;
        assert_eq!((response.status(), &*response.connection()), (417, "close"));
        peer.end().await;
    });
}
