//! Which connections go on, and pipelining (RFC 9112 sections 9.3 and 9.3.2).

use http::{Request, Response};
use tenure::{Body, CloseReason, ConnectionInfo};

use crate::common::*;

/// Answers with the path.
async fn path(request: Request<Body>) -> Result<Response<Body>, BoxError> {
    Ok(Response::new(Body::from(request.uri().path().to_owned())))
}

#[test]
fn http11_persists_until_it_says_close() {
    run(async {
        let served = serve(path).await;
        let mut peer = served.connect().await;
        for _ in 0..3 {
            let response = peer.ask("GET /a HTTP/1.1\r\nHost: a\r\n\r\n").await;
            assert_eq!((response.status(), response.text(), response.field("connection")), (200, "/a", None));
        }
        let last = peer.ask("GET /b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
        assert_eq!((last.text(), &*last.connection()), ("/b", "close"));
        peer.end().await;
        drop(peer);
        assert_eq!(served.log.closed(1).await, [CloseReason::CloseOption]);
        assert_eq!(served.log.now().closed[0].2, 4, "exchanges");
    });
}

#[test]
fn the_handlers_close_closes() {
    run(async {
        let served = serve(|_| async { Ok(Response::builder().header("connection", "close").body(Body::from("x"))?) });
        let served = served.await;
        let mut peer = served.connect().await;
        let response = peer.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert_eq!(response.connection(), "close");
        peer.end().await;
    });
}

#[test]
fn http10_persists_if_asked_and_says_so() {
    run(async {
        let served = serve(path).await;
        let mut peer = served.connect().await;
        for _ in 0..3 {
            let response = peer.ask("GET /a HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").await;
            assert_eq!((response.text(), &*response.connection()), ("/a", "keep-alive"));
            assert_eq!(response.field("transfer-encoding"), None);
        }
        let last = peer.ask("GET /a HTTP/1.0\r\n\r\n").await;
        assert_eq!((last.text(), &*last.connection()), ("/a", "close"));
        peer.end().await;
    });
}

#[test]
fn sixteen_pipelined_requests_are_answered_in_order() {
    run(async {
        // The first ones take longest.
        let served = serve(|request: Request<Body>| async move {
            let number: u32 = request.uri().path()[1..].parse()?;
            for _ in 0..16 - number {
                tokio::task::yield_now().await;
            }
            path(request).await
        });
        let served = served.await;
        let mut peer = served.connect().await;
        let all: String = (0..16).map(|n| format!("GET /{n} HTTP/1.1\r\nHost: a\r\n\r\n")).collect();
        peer.send(all).await;
        for n in 0..16 {
            assert_eq!(peer.response().await.text(), format!("/{n}"));
        }
    });
}

#[test]
fn sixteen_pipelined_answers_leave_in_one_write() {
    run(async {
        let served = serve(path).await;
        let mut peer = served.connect().await;
        for round in 1..4 {
            let all: String = (0..16).map(|n| format!("GET /{n} HTTP/1.1\r\nHost: a\r\n\r\n")).collect();
            peer.send(all).await;
            for n in 0..16 {
                assert_eq!(peer.response().await.text(), format!("/{n}"));
            }
            let log = served.log.now();
            assert_eq!((log.reads, log.writes), (round, round));
        }
    });
}

/// An answer that is ready does not wait for one that is not.
#[test]
fn a_pipelined_answer_leaves_before_the_next_handler_is_awaited() {
    run(async {
        let gate = std::sync::Arc::new(tokio::sync::Notify::new());
        let inside = std::sync::Arc::clone(&gate);
        let served = serve(move |request: Request<Body>| {
            let gate = std::sync::Arc::clone(&inside);
            async move {
                if request.uri().path() == "/slow" {
                    gate.notified().await;
                }
                path(request).await
            }
        });
        let served = served.await;
        let mut peer = served.connect().await;
        let all = ["a", "b", "slow", "c"].map(|path| format!("GET /{path} HTTP/1.1\r\nHost: a\r\n\r\n"));
        peer.send(all.concat()).await;
        assert_eq!(peer.response().await.text(), "/a");
        assert_eq!(peer.response().await.text(), "/b");
        assert_eq!(served.log.now().writes, 1);
        gate.notify_one();
        assert_eq!(peer.response().await.text(), "/slow");
        assert_eq!(peer.response().await.text(), "/c");
        assert_eq!(served.log.now().writes, 2);
    });
}

#[test]
fn each_request_knows_its_connection() {
    run(async {
        let served = serve(|request: Request<Body>| async move {
            let info = request.extensions().get::<ConnectionInfo>().ok_or("no info")?;
            Ok(Response::new(Body::from(format!("{} {} {:?}", info.id, info.request, info.peer))))
        });
        let served = served.await;
        for id in 1..3 {
            let mut peer = served.connect().await;
            let local = peer.stream.local_addr().unwrap();
            for request in 1..4 {
                let response = peer.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
                assert_eq!(response.text(), format!("{id} {request} {:?}", Some(local)));
            }
        }
    });
}

#[test]
fn a_request_before_a_half_close_is_answered() {
    run(async {
        let served = serve(path).await;
        let mut peer = served.connect().await;
        peer.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n").await;
        peer.fin().await;
        assert_eq!(peer.response().await.text(), "/a");
        peer.end().await;
        assert_eq!(served.log.closed(1).await, [CloseReason::PeerFin]);
    });
}

/// The client's FIN ends its requests, not the answer, however long that takes.
#[test]
fn a_half_closed_client_gets_a_large_answer_whole() {
    run(async {
        let served = serve(|request: Request<Body>| async move {
            let content = body::collect(request.into_body()).await?;
            let pieces = (0..100).map(move |_| body::data(content.clone()));
            Ok(Response::new(body::steps(None, pieces)))
        });
        let served = served.await;
        let mut peer = served.connect().await;
        peer.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n").await;
        peer.send(vec![b'x'; 100_000]).await;
        peer.fin().await;
        assert_eq!(peer.response().await.content.len(), 10_000_000);
        peer.end().await;
        assert_eq!(served.log.closed(1).await, [CloseReason::PeerFin]);
    });
}

#[test]
fn two_pipelined_requests_before_a_half_close_are_answered() {
    run(async {
        let served = serve(|request: Request<Body>| async move {
            tokio::task::yield_now().await;
            let path = request.uri().path().to_owned();
            let content = body::collect(request.into_body()).await?;
            Ok(Response::new(Body::from(format!("{path} {}", content.len()))))
        });
        let served = served.await;
        let mut peer = served.connect().await;
        peer.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET /b HTTP/1.1\r\nHost: a\r\n\r\n")
            .await;
        peer.fin().await;
        assert_eq!(peer.response().await.text(), "/a 3");
        assert_eq!(peer.response().await.text(), "/b 0");
        peer.end().await;
    });
}

#[test]
fn nothing_is_answered_after_a_close() {
    run(async {
        let served = serve(path).await;
        let mut peer = served.connect().await;
        peer.send("GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert_eq!(peer.response().await.text(), "/a");
        peer.end().await;
    });
}

#[test]
fn a_connection_that_brings_nothing_ends_without_a_word() {
    run(async {
        let served = serve(path).await;
        let mut peer = served.connect().await;
        peer.fin().await;
        peer.end().await;
        assert_eq!(served.log.closed(1).await, [CloseReason::PeerFin]);
    });
}

#[test]
fn bytes_one_by_one_make_the_same_requests() {
    run(async {
        let served = serve(|request: Request<Body>| async move {
            let content = body::collect(request.into_body()).await?;
            Ok(Response::new(Body::from(content)))
        });
        let served = served.await;
        let mut peer = served.connect().await;
        let mut request = b"\r\nPOST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello".to_vec();
        request.extend(
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x=\"y\"\r\nworld\r\n0\r\nt: v\r\n\r\n",
        );
        for (sent, byte) in request.iter().enumerate() {
            peer.send([*byte]).await;
            // Each byte is a read of its own.
            served.log.received(sent + 1).await;
        }
        assert_eq!(peer.response().await.text(), "hello");
        assert_eq!(peer.response().await.text(), "world");
    });
}
