//! What cannot be read is answered with a status and a reason, and the answer is never lost.

use tenure::proto::{Config, Limits};
use tenure::server::Server;

use crate::common::*;

async fn refuse(request: http::Request<tenure::Body>) -> Result<http::Response<tenure::Body>, BoxError> {
    panic!("a handler saw {request:?}");
}

#[test]
fn each_malformed_request_gets_its_status_and_a_reason() {
    run(async {
        let served = serve(refuse).await;
        let long_target = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(9000));
        let long_field = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "a".repeat(70_000));
        let many_fields = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(101));
        for (request, status, reason) in [
            ("GET / HTTP/1.1\r\n\r\n", 400, "Host"),
            ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400, "Host"),
            ("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400, "Host"),
            ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400, "colon"),
            ("GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", 400, "folded"),
            ("GET / HTTP/1.1\nHost: a\n\n", 400, "line feed"),
            ("GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", 400, "carriage return"),
            ("GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", 400, "control"),
            ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400, ""),
            ("G@T / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "method"),
            ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, "version"),
            ("GET / http/1.1\r\nHost: a\r\n\r\n", 400, "version"),
            ("GET /\r\n", 400, ""),
            ("\x16\x03\x01\x02", 400, "method"),
            (
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
                400,
                "Content-Length",
            ),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 400, "Content-Length"),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400, "Content-Length"),
            ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501, "coding"),
            ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", 400, "chunked"),
            ("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "HTTP/1.0"),
            (&long_target, 414, "limit"),
            (&long_field, 431, "limit"),
            (&many_fields, 431, "limit"),
        ] {
            let shown = &request[..request.len().min(80)];
            let mut peer = served.connect().await;
            peer.send(request).await;
            let response = peer.response().await;
            assert_eq!((response.status(), &*response.connection()), (status, "close"), "{shown:?}");
            assert!(response.text().contains(reason), "{shown:?}: {}", response.text());
            assert!(response.text().contains("RFC 9"), "{shown:?}: {}", response.text());
            assert!(response.field("date").is_some());
            peer.end().await;
        }
    });
}

#[test]
fn a_request_before_a_malformed_one_is_answered() {
    run(async {
        let served = serve(|_| async { Ok(http::Response::new(tenure::Body::from("good"))) }).await;
        let mut peer = served.connect().await;
        peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/9.9\r\n\r\n").await;
        assert_eq!(peer.response().await.text(), "good");
        assert_eq!(peer.response().await.status(), 505);
        peer.end().await;
    });
}

/// What the client goes on sending must not destroy the answer by a reset.
#[test]
fn the_refusal_survives_a_client_that_goes_on_sending() {
    run_threads(async {
        let served = serve(refuse).await;
        for _ in 0..20 {
            let mut peer = served.connect().await;
            let mut request = b"GET / HTTP/3.0\r\nHost: a\r\n\r\n".to_vec();
            request.resize(2_000_000, b'x');
            peer.send(request).await;
            peer.fin().await;
            assert_eq!(peer.response().await.status(), 505);
            peer.end().await;
        }
    });
}

#[test]
fn content_beyond_the_limit_is_413() {
    run(async {
        let config = Config { limits: Limits { content: 10, ..Limits::default() }, ..Config::default() };
        let served = serve_with(Server::new().config(config), |request: http::Request<tenure::Body>| async {
            let content = body::collect(request.into_body()).await;
            Ok(http::Response::new(tenure::Body::from(format!("{}", content?.len()))))
        });
        let served = served.await;
        let mut peer = served.connect().await;
        assert_eq!(peer.ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789").await.text(), "10");
        let response = peer.ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n").await;
        assert_eq!((response.status(), &*response.connection()), (413, "close"));
        peer.end().await;
    });
}

#[test]
fn http09_is_answered_only_where_it_is_enabled() {
    run(async {
        let hello = |_| async { Ok(http::Response::new(tenure::Body::from("hello"))) };
        let served = serve_with(Server::new().config(Config { http09: true, ..Config::default() }), hello).await;
        let mut peer = served.connect().await;
        peer.send("GET /\r\n").await;
        assert_eq!(peer.rest().await, b"hello");
        assert_eq!(served.log.closed(1).await, [tenure::CloseReason::Http09]);

        let served = serve(hello).await;
        let mut peer = served.connect().await;
        assert_eq!(peer.ask("GET /\r\n").await.status(), 400);
    });
}

/// RFC 9110 section 9.3.2: no answer to HEAD has content.
#[test]
fn a_malformed_head_request_is_answered_without_content() {
    run(async {
        let served = serve(refuse).await;
        for request in ["HEAD / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "\r\nHEAD / HTTP/1.1\r\n\r\n"] {
            let mut peer = served.connect().await;
            peer.send(request).await;
            let answer = peer.head().await;
            assert_eq!((answer.status(), &*answer.connection()), (400, "close"));
            peer.end().await;
        }
    });
}
