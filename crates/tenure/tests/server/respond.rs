//! Responses: their framing, and what happens when a handler cannot keep what it announced.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use tenure::{Body, CloseReason};

use crate::common::body::{Step, data, steps};
use crate::common::*;

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// A server that answers everything with a body made anew.
async fn answer(make: impl Fn() -> Body + Send + Sync + 'static) -> Served {
    let make = Arc::new(make);
    serve(move |_| {
        let make = Arc::clone(&make);
        async move { Ok(Response::new(make())) }
    })
    .await
}

fn long() -> Vec<u8> {
    vec![b'x'; 20_000]
}

#[test]
fn a_known_length_is_said_an_unknown_one_chunked() {
    run(async {
        let served = answer(|| Body::from("whole")).await;
        let response = served.connect().await.ask(GET).await;
        assert_eq!((response.field("content-length"), response.text()), (Some("5"), "whole"));

        let served = answer(|| steps(None, [data(long()), data("end")])).await;
        let mut peer = served.connect().await;
        for _ in 0..2 {
            let response = peer.ask(GET).await;
            assert_eq!((response.field("transfer-encoding"), response.content.len()), (Some("chunked"), 20_003));
        }
        let mut peer = served.connect().await;
        let response = peer.ask("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").await;
        assert_eq!((response.field("transfer-encoding"), response.content.len()), (None, 20_003));
        assert_eq!(response.connection(), "close", "only the close ends this one");
    });
}

#[test]
fn trailers_are_sent_after_chunked_content() {
    run(async {
        let served = answer(|| {
            let mut trailers = HeaderMap::new();
            trailers.insert("x-sum", HeaderValue::from_static("7"));
            steps(None, [data("abc"), Step::Trailers(trailers)])
        });
        let served = served.await;
        let mut peer = served.connect().await;
        for _ in 0..2 {
            let response = peer.ask(GET).await;
            assert_eq!(response.text(), "abc");
            assert_eq!(response.trailers, [("x-sum".to_owned(), "7".to_owned())]);
        }
    });
}

#[test]
fn a_stream_is_sent_as_it_comes() {
    run(async {
        let (go, wait) = tokio::sync::oneshot::channel();
        let body = std::sync::Mutex::new(Some(steps(None, [data("first"), Step::Wait(wait), data("second")])));
        let served = answer(move || body.lock().unwrap().take().unwrap()).await;
        let mut peer = served.connect().await;
        peer.send(GET).await;
        peer.head().await;
        assert_eq!(peer.exactly(10).await.unwrap(), b"5\r\nfirst\r\n", "while the second is still to come");
        drop(go);
        assert_eq!(peer.exactly(16).await.unwrap(), b"6\r\nsecond\r\n0\r\n\r\n");
    });
}

#[test]
fn content_that_fails_midway_leaves_an_incomplete_message() {
    run(async {
        // The length known, the length unknown; failing at once and after a wait.
        for length in [Some(30_000), None] {
            for wait in [false, true] {
                let served = answer(move || {
                    let (_, dropped) = tokio::sync::oneshot::channel();
                    let wait = wait.then(|| Step::Wait(dropped));
                    let all = [Some(data(long())), wait, Some(Step::Fail("disk on fire"))];
                    steps(length, all.into_iter().flatten())
                });
                let served = served.await;
                let mut peer = served.connect().await;
                peer.send(GET).await;
                let head = peer.head().await;
                assert_eq!(head.field("content-length").is_some(), length.is_some());
                let rest = peer.rest().await;
                assert!(rest.len() >= 20_000, "what there was is sent");
                assert!(!rest.ends_with(b"0\r\n\r\n"), "no end of content that has none");
                drop(peer);
                assert_eq!(served.log.closed(1).await, [CloseReason::ApplicationFailed]);
            }
        }
    });
}

#[test]
fn small_content_that_fails_at_once_is_an_error_of_the_server() {
    run(async {
        for (length, begun) in [(None, false), (Some(10), false), (Some(10), true)] {
            let served = answer(move || {
                steps(length, begun.then(|| data("begun")).into_iter().chain([Step::Fail("disk on fire")]))
            });
            let served = served.await;
            let mut peer = served.connect().await;
            let response = peer.ask(GET).await;
            assert_eq!((response.status(), &*response.connection()), (500, "close"), "{length:?} {begun}");
            peer.end().await;
        }
    });
}

/// Where only the close ends the content, a clean close would make a short success of it.
#[test]
fn content_that_fails_midway_resets_a_close_delimited_message() {
    run(async {
        let served = answer(|| steps(None, [data(long()), Step::Fail("disk on fire")])).await;
        let mut peer = served.connect().await;
        peer.send("GET / HTTP/1.0\r\n\r\n").await;
        peer.head().await;
        let end = loop {
            match peer.fill().await {
                Ok(true) => {}
                end => break end,
            }
        };
        let error = end.expect_err("a FIN would say that all is there");
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    });
}

#[test]
fn content_longer_or_shorter_than_its_length_leaves_an_incomplete_message() {
    run(async {
        for (claimed, real) in [(10, 9), (10, 11), (30_000, 20_000), (20_000, 30_000)] {
            let served = answer(move || steps(Some(claimed), [data(vec![b'x'; real])])).await;
            let mut peer = served.connect().await;
            peer.send(GET).await;
            let error = peer.try_response().await.expect_err("an incomplete message");
            assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof, "{claimed} {real}");
            drop(peer);
            assert_eq!(served.log.closed(1).await, [CloseReason::ApplicationFailed]);
        }
    });
}

#[test]
fn a_length_field_that_contradicts_the_content_is_an_error_of_the_handler() {
    run(async {
        let served =
            serve(|_| async { Ok(Response::builder().header("content-length", "7").body(Body::from("hello"))?) });
        let served = served.await;
        let mut peer = served.connect().await;
        let response = peer.ask(GET).await;
        assert_eq!((response.status(), &*response.connection()), (500, "close"));
        peer.end().await;
    });
}

#[test]
fn head_204_and_304_have_no_content() {
    run(async {
        let served = serve(|request: Request<Body>| async move {
            let status: u16 = request.uri().path()[1..].parse()?;
            let body = match status {
                204 => Body::empty(),
                _ => Body::from("content"),
            };
            Ok(Response::builder().status(status).body(body)?)
        });
        let served = served.await;
        let mut peer = served.connect().await;
        // One after the other on one connection: any content would be taken for the next head.
        for _ in 0..2 {
            peer.send("HEAD /200 HTTP/1.1\r\nHost: a\r\n\r\n").await;
            let head = peer.head().await;
            assert_eq!((head.status(), head.field("content-length")), (200, Some("7")));
            peer.send("GET /204 HTTP/1.1\r\nHost: a\r\n\r\n").await;
            let head = peer.head().await;
            assert_eq!((head.status(), head.field("content-length")), (204, None));
            peer.send("GET /304 HTTP/1.1\r\nHost: a\r\n\r\n").await;
            assert_eq!(peer.head().await.status(), 304);
        }
        assert!(peer.unread.is_empty());
        peer.fin().await;
        peer.end().await;
    });
}

#[test]
fn a_head_response_of_unknown_length_has_no_content() {
    run(async {
        let served = answer(|| steps(None, [data(long()), data(long())])).await;
        let mut peer = served.connect().await;
        peer.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert_eq!(peer.head().await.field("content-length"), None);
        assert_eq!(peer.ask(GET).await.content.len(), 40_000);
    });
}

#[test]
fn a_204_with_content_is_an_error_of_the_handler() {
    run(async {
        let served =
            serve(|_| async { Ok(Response::builder().status(StatusCode::NO_CONTENT).body(Body::from("content"))?) });
        let served = served.await;
        assert_eq!(served.connect().await.ask(GET).await.status(), 500);
    });
}

/// Whatever value `http` lets a handler make, it stays one value of one field.
#[test]
fn no_header_value_can_start_another_line() {
    run(async {
        let served = serve(|request: Request<Body>| async move {
            let byte: u8 = request.uri().path()[1..].parse()?;
            let mut response = Response::new(Body::from("content"));
            match HeaderValue::from_bytes(&[b'a', byte, b'X', b':', b'b']) {
                Ok(value) => drop(response.headers_mut().insert("x-test", value)),
                Err(_) => *response.status_mut() = StatusCode::NOT_ACCEPTABLE,
            }
            Ok(response)
        });
        let served = served.await;
        let mut peer = served.connect().await;
        let mut refused = 0;
        for byte in 0..=255u8 {
            peer.send(format!("GET /{byte} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
            let head = peer.exactly_head().await;
            let lines = head.split(|b| *b == b'\n').count();
            let ends = head.windows(2).filter(|w| w == b"\r\n").count();
            let returns = head.iter().filter(|b| **b == b'\r').count();
            if head.starts_with(b"HTTP/1.1 406") {
                refused += 1;
            } else {
                let field = [&b"x-test: a"[..], &[byte], b"X:b\r\n"].concat();
                assert!(head.windows(field.len()).any(|w| w == field), "{byte}: {head:?}");
            }
            assert_eq!((lines, returns), (ends + 1, ends), "byte {byte}");
            assert_eq!(peer.exactly(7).await.unwrap(), b"content");
        }
        assert_eq!(refused, 32, "all control bytes but HTAB, and DEL");
    });
}

/// The same where a panic, or the end of the server, cuts the content.
#[test]
fn no_cut_of_a_close_delimited_message_looks_like_its_end() {
    run(async {
        for panics in [true, false] {
            let (go, wait) = tokio::sync::oneshot::channel();
            let body = Body::stream(Breaks { first: Some(long()), wait, panics });
            let body = std::sync::Mutex::new(Some(body));
            let served = answer(move || body.lock().unwrap().take().unwrap()).await;
            let mut peer = served.connect().await;
            peer.send("GET / HTTP/1.0\r\n\r\n").await;
            peer.head().await;
            peer.exactly(20_000).await.unwrap();
            if panics {
                drop(go);
            } else {
                served.task.abort();
            }
            let error = peer.fill().await.expect_err("a FIN would say that all is there");
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
        }
    });
}

/// Content that panics in its midst, or waits.
struct Breaks {
    first: Option<Vec<u8>>,
    wait: tokio::sync::oneshot::Receiver<()>,
    panics: bool,
}

impl http_body::Body for Breaks {
    type Data = bytes::Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<bytes::Bytes>, BoxError>>> {
        if let Some(first) = self.first.take() {
            return std::task::Poll::Ready(Some(Ok(http_body::Frame::data(first.into()))));
        }
        let ready = std::pin::Pin::new(&mut self.wait).poll(cx).is_ready();
        assert!(!(ready && self.panics), "on purpose");
        std::task::Poll::Pending
    }
}
